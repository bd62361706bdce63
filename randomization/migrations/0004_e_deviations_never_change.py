"""A deviation that is on record stays there as it was written, like the allocation that it is about."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON randomization_deviation
    FOR EACH ROW EXECUTE FUNCTION randomization_never_changes();
"""


class Migration(migrations.Migration):
    dependencies = [("randomization", "0003_designs_and_acts")]

    operations = [
        migrations.RunSQL(FORWARD, "DROP TRIGGER never_changes ON randomization_deviation"),
    ]
