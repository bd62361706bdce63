import django.db.models.deletion
from django.db import migrations, models

FILL = """
UPDATE messaging_message AS message SET protocol_version_id = participant.protocol_version_id
  FROM people_participant AS participant WHERE participant.id = message.participant_id
"""


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL refuses to alter a table whose rows changed in the same transaction

    dependencies = [
        ("messaging", "0002_next_to_send"),
        ("protocol", "0002_rows_never_change"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="protocol_version",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="protocol.protocolversion",
                verbose_name="protocol version",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="message",
            name="protocol_version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="protocol.protocolversion",
                verbose_name="protocol version",
            ),
        ),
    ]
