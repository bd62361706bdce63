"""Envelopes are printed once, opened for one participant of their site, and then nothing about them changes;
so it is with unblindings. What an envelope holds is never given to anybody online."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLES_THAT_NEVER_CHANGE = (
    "envelope",
    "envelopereturn",
    "envelopeprint",
    "envelopeuse",
    "unblinding",
    "unblindingdecision",
)

FORWARD = """
CREATE OR REPLACE FUNCTION randomization_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.envelope_id IS NOT NULL THEN
        IF NEW.cluster_id IS NOT NULL
            OR EXISTS (SELECT FROM randomization_envelopereturn WHERE envelope_id = NEW.envelope_id)
            OR NOT EXISTS (
                SELECT FROM randomization_envelope envelope
                JOIN people_participant participant ON participant.site_id = envelope.site_id
                WHERE envelope.id = NEW.envelope_id AND envelope.place_id = NEW.place_id
                    AND participant.id = NEW.participant_id
            ) THEN
            RAISE EXCEPTION 'an envelope is opened once, for a participant of its site'
                USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NEW.cluster_id IS NULL AND (
        EXISTS (SELECT FROM randomization_envelope WHERE place_id = NEW.place_id)
        OR NOT EXISTS (
            SELECT FROM randomization_place place
            JOIN randomization_stratum stratum ON stratum.id = place.stratum_id
            WHERE place.id = NEW.place_id AND place.position = stratum.used
        )
    ) THEN
        RAISE EXCEPTION 'places are given in order' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.cluster_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM randomization_clusterallocation cluster
        JOIN people_participant participant ON participant.site_id = cluster.site_id
        WHERE cluster.id = NEW.cluster_id AND cluster.place_id = NEW.place_id AND participant.id = NEW.participant_id
    ) THEN
        RAISE EXCEPTION 'a participant inherits the place of their own site' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION randomization_reserved_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM randomization_allocation WHERE place_id = NEW.place_id)
        OR EXISTS (SELECT FROM randomization_clusterallocation WHERE place_id = NEW.place_id)
        OR NOT EXISTS (
            SELECT FROM randomization_place place
            JOIN randomization_stratum stratum ON stratum.id = place.stratum_id
            JOIN randomization_sealedlist list ON list.id = stratum.sealed_list_id
            JOIN people_site site ON site.trial_id = list.trial_id
            WHERE place.id = NEW.place_id AND place.position = stratum.used AND site.id = NEW.site_id
        ) THEN
        RAISE EXCEPTION 'places are reserved in order' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER reserved_in_order BEFORE INSERT ON randomization_envelope
    FOR EACH ROW EXECUTE FUNCTION randomization_reserved_in_order();

CREATE OR REPLACE FUNCTION randomization_returned_unused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM randomization_allocation WHERE envelope_id = NEW.envelope_id) THEN
        RAISE EXCEPTION 'an envelope that was used cannot be returned' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER returned_unused BEFORE INSERT ON randomization_envelopereturn
    FOR EACH ROW EXECUTE FUNCTION randomization_returned_unused();
""" + "".join(
    f"""
CREATE OR REPLACE TRIGGER never_changes BEFORE UPDATE OR DELETE ON randomization_{table}
    FOR EACH ROW EXECUTE FUNCTION randomization_never_changes();
"""
    for table in TABLES_THAT_NEVER_CHANGE
)

BACKWARD = """
DROP FUNCTION randomization_reserved_in_order CASCADE;
DROP FUNCTION randomization_returned_unused CASCADE;
""" + "".join(f"DROP TRIGGER never_changes ON randomization_{table};\n" for table in TABLES_THAT_NEVER_CHANGE)


class Migration(migrations.Migration):
    dependencies = [
        ("randomization", "0004_d_extensions_by_file"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EnvelopePrint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="printed")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="printed by",
                    ),
                ),
                (
                    "envelope",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="randomization.envelope",
                    ),
                ),
            ],
            options={
                "verbose_name": "printed envelope",
                "verbose_name_plural": "printed envelopes",
            },
        ),
        migrations.CreateModel(
            name="EnvelopeUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("opened_at", models.DateTimeField(verbose_name="opened")),
                (
                    "allocation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="randomization.allocation",
                    ),
                ),
            ],
            options={
                "verbose_name": "opened envelope",
                "verbose_name_plural": "opened envelopes",
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
