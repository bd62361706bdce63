"""Sites that join late: who let them take their place, and the database refuses to give it out of order."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION randomization_sites_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM randomization_place place
        JOIN randomization_stratum stratum ON stratum.id = place.stratum_id
        JOIN randomization_sealedlist list ON list.id = stratum.sealed_list_id
        JOIN people_site site ON site.trial_id = list.trial_id
        WHERE place.id = NEW.place_id AND place.position <= stratum.used AND site.id = NEW.site_id
    ) THEN
        RAISE EXCEPTION 'a site gets a place that its own trial has counted' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sites_in_order BEFORE INSERT ON randomization_clusterallocation
    FOR EACH ROW EXECUTE FUNCTION randomization_sites_in_order();
"""

BACKWARD = "DROP FUNCTION randomization_sites_in_order CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("randomization", "0005_g_envelopes_and_unblindings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="clusterallocation",
            name="by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="randomized by",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
