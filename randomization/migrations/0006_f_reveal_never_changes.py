"""What was revealed stays revealed."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE TRIGGER never_changes BEFORE UPDATE OR DELETE ON randomization_reveal
    FOR EACH ROW EXECUTE FUNCTION randomization_never_changes();
"""
BACKWARD = "DROP TRIGGER never_changes ON randomization_reveal;"


class Migration(migrations.Migration):
    dependencies = [("randomization", "0004_d_extensions_by_file")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
