from django.db import migrations

SAME_TRIAL = """
ALTER TABLE {table} ADD CONSTRAINT {name}
    FOREIGN KEY (site_id, trial_id) REFERENCES people_site (id, trial_id) DEFERRABLE INITIALLY DEFERRED;
"""

NEVER_CHANGE = """
CREATE FUNCTION people_statuses_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'statuses are added, never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER never_change BEFORE UPDATE OR DELETE ON people_participantstatus
    FOR EACH ROW EXECUTE FUNCTION people_statuses_never_change();
"""


class Migration(migrations.Migration):
    """What Django's constraints cannot say: a site belongs to the trial named beside it; statuses stay."""

    dependencies = [("people", "0001_initial")]

    operations = [
        *(
            migrations.RunSQL(
                SAME_TRIAL.format(table=table, name=name), f"ALTER TABLE {table} DROP CONSTRAINT {name}"
            )
            for table, name in (
                ("people_participant", "participant_site_is_of_the_trial"),
                ("people_membership", "membership_site_is_of_the_trial"),
            )
        ),
        migrations.RunSQL(NEVER_CHANGE, "DROP FUNCTION people_statuses_never_change() CASCADE"),
    ]
