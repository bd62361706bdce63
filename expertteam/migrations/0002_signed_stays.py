from django.db import migrations

FORWARD = """
CREATE FUNCTION expertteam_versions_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'versions of % are added, never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER never_change BEFORE UPDATE OR DELETE ON expertteam_note
    FOR EACH ROW EXECUTE FUNCTION expertteam_versions_never_change();
CREATE TRIGGER never_change BEFORE UPDATE OR DELETE ON expertteam_advice
    FOR EACH ROW EXECUTE FUNCTION expertteam_versions_never_change();
"""


class Migration(migrations.Migration):
    """The database refuses to overwrite a note or an advice: a correction is a new version."""

    dependencies = [("expertteam", "0001_initial")]

    operations = [
        migrations.RunSQL(FORWARD, "DROP FUNCTION expertteam_versions_never_change() CASCADE"),
    ]
