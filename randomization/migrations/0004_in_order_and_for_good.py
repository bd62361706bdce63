"""What is recorded once never changes; places leave their list in order, online, into envelopes and to late sites."""

from django.db import migrations

TABLES_THAT_NEVER_CHANGE = (
    "sealproposal",
    "listextension",
    "reveal",
    "envelope",
    "envelopeprint",
    "envelopeuse",
    "envelopereturn",
    "deviation",
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

CREATE FUNCTION randomization_reserved_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER reserved_in_order BEFORE INSERT ON randomization_envelope
    FOR EACH ROW EXECUTE FUNCTION randomization_reserved_in_order();

CREATE FUNCTION randomization_returned_unused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM randomization_allocation WHERE envelope_id = NEW.envelope_id) THEN
        RAISE EXCEPTION 'an envelope that was used cannot be returned' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER returned_unused BEFORE INSERT ON randomization_envelopereturn
    FOR EACH ROW EXECUTE FUNCTION randomization_returned_unused();

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
""" + "".join(
    f"""
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON randomization_{table}
    FOR EACH ROW EXECUTE FUNCTION randomization_never_changes();
"""
    for table in TABLES_THAT_NEVER_CHANGE
)

BACKWARD = """
DROP FUNCTION randomization_reserved_in_order CASCADE;
DROP FUNCTION randomization_returned_unused CASCADE;
DROP FUNCTION randomization_sites_in_order CASCADE;
""" + "".join(f"DROP TRIGGER never_changes ON randomization_{table};\n" for table in TABLES_THAT_NEVER_CHANGE)


class Migration(migrations.Migration):
    dependencies = [("randomization", "0003_designs_and_acts")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
