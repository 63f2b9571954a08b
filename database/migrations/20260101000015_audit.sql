-- migrate:up
-- The audit log, the one schema that watches others: triggers note in `pending` what is done, in the transaction that
-- does it; `seal` moves that into `entries`, in one order, each entry with a hash over itself and the hash before it.
-- No service reaches the schema: the only way to write here is to do what is noted.
CREATE SCHEMA audit;

CREATE TABLE audit.pending (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role text NOT NULL DEFAULT session_user, -- who was logged in to the database
    actor text NOT NULL, -- on whose behalf
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb NOT NULL
);

CREATE TABLE audit.entries (
    sequence bigint PRIMARY KEY, -- 1, 2, 3 …: a missing number is a missing entry
    at timestamptz NOT NULL,
    role text NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX entries_at ON audit.entries USING brin (at);

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER entries_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER pending_is_kept BEFORE UPDATE OR TRUNCATE ON audit.pending
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();

-- What is hashed: each field with its length in bytes before it, so that no two lists of fields read the same.
CREATE FUNCTION audit.content(VARIADIC fields text[]) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT convert_to(string_agg(octet_length(field) || ':' || field, '' ORDER BY place), 'UTF8')
    FROM unnest(fields) WITH ORDINALITY AS listed (field, place)
);

-- Chains what is pending, at most so many; `head` and `link` are then those of the last entry. Where another is at it
-- nothing is done: decisions never wait here.
CREATE FUNCTION audit.seal(most integer, OUT sealed integer, OUT head bigint, OUT link bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = audit, pg_temp AS $$
DECLARE
    noted record;
BEGIN
    sealed := 0;
    IF NOT pg_try_advisory_xact_lock(7461304) THEN
        RETURN;
    END IF;
    SELECT sequence, hash INTO head, link FROM entries ORDER BY sequence DESC LIMIT 1;
    head := coalesce(head, 0);
    link := coalesce(link, decode(repeat('00', 32), 'hex'));
    FOR noted IN
        WITH first AS (SELECT entry_id FROM pending ORDER BY entry_id LIMIT most),
            taken AS (DELETE FROM pending USING first WHERE pending.entry_id = first.entry_id RETURNING pending.*)
        SELECT * FROM taken ORDER BY entry_id
    LOOP
        head := head + 1;
        sealed := sealed + 1;
        link := sha256(link || content(head::text, (extract(epoch FROM noted.at) * 1000000)::bigint::text, noted.role,
            noted.actor, noted.action, noted.subject, noted.details::text));
        INSERT INTO entries (sequence, at, role, actor, action, subject, details, hash)
        VALUES (head, noted.at, noted.role, noted.actor, noted.action, noted.subject, noted.details, link);
    END LOOP;
END
$$;

-- Identity always runs, so it seals; it learns the head of the chain, and nothing of what is in it.
CREATE FUNCTION identity.seal_audit(most integer, OUT sealed integer, OUT head bigint, OUT link bytea)
    LANGUAGE sql SECURITY DEFINER SET search_path = audit, pg_temp AS 'SELECT * FROM audit.seal(most)';
REVOKE EXECUTE ON FUNCTION identity.seal_audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.seal_audit TO shodhana_identity;

-- One statement decides up to 64 cases: they are noted by one more, not by one each.
CREATE FUNCTION audit.note_decisions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = audit, pg_temp AS $$
BEGIN
    INSERT INTO pending (actor, action, subject, details)
    SELECT expert, 'decisions.added', format('reviewCases/%s/decisions/%s', case_id, decision_id), jsonb_build_object(
        'verdict', verdict, 'decision_type', decision_type, 'text', decided_text, 'term', decided_term,
        'comment', comment, 'state_after', state_after, 'request_id', request_id, 'bulk_id', bulk_id)
    FROM made;
    RETURN NULL;
END
$$;
CREATE TRIGGER decisions_are_noted AFTER INSERT ON review.expert_decisions
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION audit.note_decisions();

CREATE FUNCTION audit.note_retractions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = audit, pg_temp AS $$
BEGIN
    INSERT INTO pending (actor, action, subject, details)
    SELECT coalesce(now_is.undone_by, session_user),
        CASE WHEN now_is.undone_at IS NULL OR was.undone_at IS NOT NULL THEN 'decisions.changed'
            WHEN now_is.undone_by = was.expert THEN 'decisions.undone' ELSE 'decisions.revoked' END,
        format('reviewCases/%s/decisions/%s', was.case_id, was.decision_id),
        jsonb_build_object('request_id', now_is.undo_request_id) || CASE
            WHEN now_is.undone_at IS NULL OR was.undone_at IS NOT NULL
            THEN jsonb_build_object('before', to_jsonb(was), 'after', to_jsonb(now_is)) ELSE '{}' END
    FROM before AS was JOIN after AS now_is USING (decision_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER retractions_are_noted AFTER UPDATE ON review.expert_decisions
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION audit.note_retractions();

-- A row of a table that changes seldom. Arguments: what its subjects are called, their key, then the columns whose
-- change is noted; of one after a "!" only a fingerprint is, for what the log is not to hold.
CREATE FUNCTION audit.note_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = audit, pg_temp AS $$
DECLARE
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) ELSE '{}' END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) ELSE '{}' END;
    before jsonb := '{}';
    after jsonb := '{}';
    watched text;
    field text;
BEGIN
    FOREACH watched IN ARRAY TG_ARGV[2:] LOOP
        field := ltrim(watched, '!');
        CONTINUE WHEN old_row -> field IS NOT DISTINCT FROM new_row -> field;
        before := before || audit.shown(watched, old_row);
        after := after || audit.shown(watched, new_row);
    END LOOP;
    IF before <> '{}' OR after <> '{}' THEN
        INSERT INTO pending (actor, action, subject, details) VALUES (
            coalesce(nullif(current_setting('shodhana.actor', true), ''), nullif(new_row ->> 'resolver', ''),
                nullif(new_row ->> 'updated_by', ''), nullif(new_row ->> 'creator', ''), session_user),
            TG_ARGV[0] || CASE TG_OP WHEN 'INSERT' THEN '.added' WHEN 'UPDATE' THEN '.changed' ELSE '.removed' END,
            TG_ARGV[0] || '/' || ((old_row || new_row) ->> TG_ARGV[1]),
            jsonb_strip_nulls(jsonb_build_object('before', nullif(before, '{}'), 'after', nullif(after, '{}'))));
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION audit.shown(watched text, changed jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN CASE WHEN NOT changed ? ltrim(watched, '!') THEN '{}'
    WHEN watched LIKE '!%' THEN jsonb_build_object(ltrim(watched, '!'), 'sha256:' || left(encode(sha256(
        convert_to(changed ->> ltrim(watched, '!'), 'UTF8')), 'hex'), 16))
    ELSE jsonb_build_object(watched, changed -> watched) END;

CREATE TRIGGER users_are_noted AFTER INSERT OR UPDATE OR DELETE ON identity.users FOR EACH ROW
    EXECUTE FUNCTION audit.note_row('users', 'user_id', 'roles', 'disabled', 'epoch', 'last_login_at', '!email');
CREATE TRIGGER logins_are_noted AFTER INSERT OR UPDATE OR DELETE ON identity.user_logins FOR EACH ROW
    EXECUTE FUNCTION audit.note_row('userLogins', 'user_id', 'user_id', 'issuer', '!subject');
CREATE TRIGGER accounts_are_noted AFTER INSERT OR UPDATE OR DELETE ON identity.service_accounts FOR EACH ROW
    EXECUTE FUNCTION audit.note_row('serviceAccounts', 'account_id', 'roles', '!secret_hash');
CREATE TRIGGER versions_are_noted AFTER INSERT OR UPDATE OR DELETE ON similarity.lexicon_version FOR EACH ROW
    EXECUTE FUNCTION audit.note_row('lexiconVersions', 'version_id', 'active', 'entry_count', 'content_hash',
        'supersedes', 'description', 'creator', 'decisions');
CREATE TRIGGER resolutions_are_noted AFTER INSERT OR UPDATE OR DELETE ON review.proposal_resolutions FOR EACH ROW
    EXECUTE FUNCTION audit.note_row('proposals', 'proposal_id', 'resolution', 'resolver');
CREATE TRIGGER proposals_are_noted AFTER UPDATE OR DELETE ON review.proposals FOR EACH ROW
    EXECUTE FUNCTION audit.note_row('proposals', 'proposal_id', 'state', 'is_live', 'lexicon_version', 'reason');
CREATE TRIGGER publications_are_noted AFTER INSERT OR UPDATE OR DELETE ON review.publications FOR EACH ROW
    EXECUTE FUNCTION audit.note_row('publications', 'publication_id', 'state', 'lexicon_version', 'reason');
CREATE TRIGGER preferences_are_noted AFTER INSERT OR UPDATE OR DELETE ON review.preferences FOR EACH ROW
    EXECUTE FUNCTION audit.note_row('preferences', 'expert', 'domains', 'updated_by');

-- migrate:down
DROP FUNCTION identity.seal_audit;
DROP SCHEMA audit CASCADE; -- with its functions go the triggers that call them
