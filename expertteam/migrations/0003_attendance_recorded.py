from django.db import migrations, models

BACKFILL = """
SELECT set_config('tilbake.actor', 'system:migration', true)
 WHERE coalesce(current_setting('tilbake.actor', true), '') = '';
UPDATE expertteam_meeting AS meeting
   SET attendance_at = came.at
  FROM (SELECT meeting_id, max(recorded_at) AS at FROM expertteam_meetingattendance GROUP BY meeting_id) AS came
 WHERE came.meeting_id = meeting.id;
"""


class Migration(migrations.Migration):
    """Tells a meeting to which nobody came from one of which it is not recorded yet who came."""

    dependencies = [("expertteam", "0002_signed_stays")]

    operations = [
        migrations.AddField(
            model_name="meeting",
            name="attendance_at",
            field=models.DateTimeField(null=True, verbose_name="attendance recorded"),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
