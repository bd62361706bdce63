from django.db import migrations

REFUSE = """
CREATE FUNCTION protocol_rows_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are added, never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""

TRIGGER = """
CREATE TRIGGER never_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION protocol_rows_never_change();
"""

TABLES = ("protocol_protocolversion", "protocol_activation", "protocol_trialstatus")


class Migration(migrations.Migration):
    """A loaded version is what it is: the database refuses to change or delete it, and the rows that activate it."""

    dependencies = [("protocol", "0001_initial")]

    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION protocol_rows_never_change()"),
        *(
            migrations.RunSQL(TRIGGER.format(table=table), f"DROP TRIGGER never_change ON {table}")
            for table in TABLES
        ),
    ]
