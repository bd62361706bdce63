"""What an extension had before it, and who approved its file. Proposals and extensions never change."""

import django.db.models.deletion
from django.db import migrations, models

TABLES_THAT_NEVER_CHANGE = ("sealproposal", "listextension")

FORWARD = "".join(
    f"""
CREATE OR REPLACE TRIGGER never_changes BEFORE UPDATE OR DELETE ON randomization_{table}
    FOR EACH ROW EXECUTE FUNCTION randomization_never_changes();
"""
    for table in TABLES_THAT_NEVER_CHANGE
)
BACKWARD = "".join(
    f"DROP TRIGGER never_changes ON randomization_{table};\n" for table in TABLES_THAT_NEVER_CHANGE
)


class Migration(migrations.Migration):
    dependencies = [("randomization", "0003_designs_and_acts")]

    operations = [
        migrations.AddField(
            model_name="listextension",
            name="proposal",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="randomization.sealproposal",
                verbose_name="proposal",
            ),
        ),
        migrations.AddField(
            model_name="listextension",
            name="sizes_before",
            field=models.JSONField(default=dict, verbose_name="places of each stratum before"),
            preserve_default=False,
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
