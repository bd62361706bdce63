"""The database itself refuses to change a list or an allocation, to use a list out of order, and to decide
about eligibility after randomization."""

from django.db import migrations

TABLES_THAT_NEVER_CHANGE = ("sealedlist", "place", "clusterallocation", "allocation")

FORWARD = """
CREATE FUNCTION randomization_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of % is never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION randomization_counts_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.id, NEW.sealed_list_id, NEW.key) <> (OLD.id, OLD.sealed_list_id, OLD.key)
        OR NEW.places < OLD.places OR NEW.used NOT BETWEEN OLD.used AND OLD.used + 1 THEN
        RAISE EXCEPTION 'a stratum only counts up, one place at a time' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counts_up BEFORE UPDATE OR DELETE ON randomization_stratum
    FOR EACH ROW EXECUTE FUNCTION randomization_counts_up();

CREATE FUNCTION randomization_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.cluster_id IS NULL AND NOT EXISTS (
        SELECT FROM randomization_place place JOIN randomization_stratum stratum ON stratum.id = place.stratum_id
        WHERE place.id = NEW.place_id AND place.position = stratum.used
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
CREATE TRIGGER in_order BEFORE INSERT ON randomization_allocation
    FOR EACH ROW EXECUTE FUNCTION randomization_in_order();

CREATE FUNCTION randomization_verified_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM randomization_allocation WHERE participant_id = NEW.participant_id) THEN
        RAISE EXCEPTION 'eligibility is verified before randomization' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER verified_before BEFORE INSERT ON screening_verification
    FOR EACH ROW EXECUTE FUNCTION randomization_verified_before();
""" + "".join(
    f"""
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON randomization_{table}
    FOR EACH ROW EXECUTE FUNCTION randomization_never_changes();
"""
    for table in TABLES_THAT_NEVER_CHANGE
)

BACKWARD = """
DROP FUNCTION randomization_never_changes CASCADE;
DROP FUNCTION randomization_counts_up CASCADE;
DROP FUNCTION randomization_in_order CASCADE;
DROP FUNCTION randomization_verified_before CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("randomization", "0001_initial"), ("screening", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
