-- The trail's functions. Run by the owner; the application only fires them.

CREATE OR REPLACE FUNCTION public.audit_mask(entry jsonb, masked text[], sealed text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY masked LOOP
        IF entry ? name THEN
            entry := jsonb_set(entry, ARRAY[name], '"[masked]"');
        END IF;
    END LOOP;
    FOREACH name IN ARRAY sealed LOOP
        IF entry ->> name IS NOT NULL THEN
            entry := jsonb_set(entry, ARRAY[name],
                to_jsonb('sha256:' || encode(sha256((entry ->> name)::bytea), 'hex')));
        END IF;
    END LOOP;
    RETURN entry;
END $$;

-- Arguments: the primary key's column; masked columns; columns of sealed bytes (both comma separated).
CREATE OR REPLACE FUNCTION public.audit_record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor text := current_setting('tilbake.actor', true);
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    row_id text := coalesce(after, before) ->> TG_ARGV[0];
    masked text[] := string_to_array(TG_ARGV[1], ',');
    sealed text[] := string_to_array(TG_ARGV[2], ',');
BEGIN
    IF actor IS NULL OR actor = '' THEN
        RAISE EXCEPTION 'Nobody is acting: % on % refused', lower(TG_OP), TG_TABLE_NAME
            USING ERRCODE = 'TB001', HINT = 'Write inside `with acting("system:<name>"):` (trial.audit.context).';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        row_id := before ->> TG_ARGV[0];
        SELECT jsonb_object_agg(key, before -> key), jsonb_object_agg(key, value) INTO before, after
        FROM jsonb_each(after) WHERE value IS DISTINCT FROM before -> key;
        IF after IS NULL THEN
            RETURN NULL;  -- nothing changed
        END IF;
    END IF;
    INSERT INTO public.audit_event
        (at, transaction, actor, reason, request, table_name, row_id, action, old, new)
    VALUES
        (clock_timestamp(), pg_current_xact_id()::text::bigint, actor,
         coalesce(current_setting('tilbake.reason', true), ''),
         coalesce(current_setting('tilbake.request', true), ''),
         TG_TABLE_NAME, row_id, left(TG_OP, 1),
         public.audit_mask(before, masked, sealed), public.audit_mask(after, masked, sealed));
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION public.audit_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: what stands in the trail stays, and nothing leaves a table past it',
        lower(TG_OP), TG_TABLE_NAME USING ERRCODE = 'TB002';
END $$;
