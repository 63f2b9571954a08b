-- migrate:up
-- One schema and one role for each service; a role reaches its own schema only. Passwords are set at start, not here.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['identity', 'similarity', 'quality', 'transcripts', 'review'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shodhana_' || service) THEN
            EXECUTE format('CREATE ROLE %I', 'shodhana_' || service);
        END IF;
        EXECUTE format('CREATE SCHEMA %I', service);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', service, 'shodhana_' || service);
    END LOOP;
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- migrate:down
DROP SCHEMA review, transcripts, quality, similarity, identity;
