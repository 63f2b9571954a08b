-- migrate:up
-- Cases whose answer is known. A copy becomes a case at the moment an expert is given it, so none waits in the queue.
CREATE TABLE review.gold_cases (
    gold_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain text NOT NULL CHECK (domain IN ('spiritual', 'philosophical', 'scriptural', 'general')),
    heard text NOT NULL,
    filename text NOT NULL,
    body bytea NOT NULL,
    suggested_text text NOT NULL,
    suggested_term text NOT NULL,
    right_texts text[] NOT NULL, -- none: it is to be rejected
    copies integer NOT NULL,
    batch_id uuid NOT NULL REFERENCES review.batches,
    batch_position integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (batch_id, batch_position)
);
CREATE TABLE review.gold_readers (
    gold_id bigint NOT NULL REFERENCES review.gold_cases,
    expert text NOT NULL,
    PRIMARY KEY (gold_id, expert)
);

ALTER TABLE review.review_cases
    ALTER COLUMN batch_id DROP NOT NULL, -- a second read and a gold case came with no request
    ALTER COLUMN batch_position DROP NOT NULL,
    ADD COLUMN suggested_text text NOT NULL DEFAULT '', -- of the first suggestion in `body`
    ADD COLUMN suggested_term text NOT NULL DEFAULT '',
    ADD COLUMN suggested_probability real NOT NULL DEFAULT 0,
    ADD COLUMN reads_wanted smallint NOT NULL DEFAULT 1 CHECK (reads_wanted IN (1, 2)),
    ADD COLUMN family_id bigint REFERENCES review.review_cases, -- the case whose second read this row is
    ADD COLUMN is_disputed boolean NOT NULL DEFAULT false, -- its readers disagree and nobody has settled it
    ADD COLUMN fresh_only boolean NOT NULL DEFAULT false, -- only for an expert who has read none of its family
    ADD COLUMN gold_id bigint REFERENCES review.gold_cases;

-- What anybody may have is found without a look at who has read what; the rest has an index of its own.
DROP INDEX review.review_cases_waiting;
CREATE INDEX review_cases_waiting ON review.review_cases (state, domain, rank_at, case_id)
    WHERE state IN ('pending', 'expert_escalation') AND NOT fresh_only;
CREATE INDEX review_cases_fresh ON review.review_cases (state, domain, rank_at, case_id)
    WHERE state IN ('pending', 'expert_escalation', 'needs_revision') AND fresh_only;
CREATE INDEX review_cases_family ON review.review_cases (family_id) WHERE family_id IS NOT NULL;
CREATE INDEX review_cases_gold ON review.review_cases (gold_id) WHERE gold_id IS NOT NULL;

CREATE FUNCTION review.waiting_state(is_escalated boolean, is_disputed boolean) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN is_escalated THEN 'expert_escalation' WHEN is_disputed THEN 'needs_revision' ELSE 'pending' END;

-- A bulk decision: first the list of what it would reach, then, where applied, what all its decisions share.
CREATE TABLE review.bulk_decisions (
    bulk_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    expert text NOT NULL,
    verdict review.verdict NOT NULL,
    decision_type review.decision_type NOT NULL,
    decided_text text NOT NULL,
    decided_term text NOT NULL,
    comment text NOT NULL,
    case_ids bigint[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    applied_at timestamptz,
    apply_request_id uuid UNIQUE
);

ALTER TABLE review.expert_decisions
    ADD COLUMN decided_term text NOT NULL DEFAULT '', -- as given; empty: that of the suggestion with the decided text
    ADD COLUMN was_disputed boolean NOT NULL DEFAULT false, -- with a final verdict: an adjudication
    ADD COLUMN family_id bigint, -- of a case with two readers, else null
    ADD COLUMN bulk_id uuid REFERENCES review.bulk_decisions,
    ADD COLUMN undone_by text;
CREATE INDEX expert_decisions_expert ON review.expert_decisions (expert, decision_id);
CREATE INDEX expert_decisions_bulk ON review.expert_decisions (bulk_id) WHERE bulk_id IS NOT NULL;
CREATE INDEX expert_decisions_family ON review.expert_decisions (family_id) WHERE family_id IS NOT NULL;

-- What is decided stays as it was decided; only that it was taken back is added.
REVOKE UPDATE ON review.expert_decisions FROM shodhana_review;
GRANT UPDATE (undone_at, undone_by, undo_request_id) ON review.expert_decisions TO shodhana_review;

CREATE TABLE review.comments (
    comment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES review.review_cases,
    author text NOT NULL,
    text text NOT NULL,
    request_id uuid NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX comments_case ON review.comments (case_id, comment_id);
CREATE INDEX drafts_expert ON review.drafts (expert, draft_id);

-- Which domains an expert is given cases of.
CREATE TABLE review.preferences (
    expert text PRIMARY KEY,
    domains text[] NOT NULL,
    updated_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TYPE review.event_kind AS ENUM (
    'created', 'claimed', 'decided', 'skipped', 'escalated', 'expired', 'undone', 'revoked', 'disputed', 'reconciled',
    'commented');
ALTER TABLE review.outbox
    ADD COLUMN kind review.event_kind NOT NULL DEFAULT 'created',
    ADD COLUMN actor text NOT NULL DEFAULT '',
    ADD COLUMN decision_id bigint;

-- The audit trail. The service's role can read it and nothing else: what leaves the outbox enters it.
CREATE TABLE review.case_events (
    event_id bigint PRIMARY KEY,
    kind review.event_kind NOT NULL,
    case_id bigint NOT NULL,
    actor text NOT NULL,
    decision_id bigint,
    created_at timestamptz NOT NULL
);
CREATE INDEX case_events_case ON review.case_events (case_id, event_id);
CREATE INDEX case_events_actor ON review.case_events (actor, event_id);

-- Decisions and retractions that nobody has learned from yet; who does deletes them in the same transaction.
CREATE TABLE review.lessons (
    event_id bigint PRIMARY KEY,
    kind review.event_kind NOT NULL,
    case_id bigint NOT NULL, -- for a second read the case it is a read of
    decision_id bigint NOT NULL REFERENCES review.expert_decisions,
    created_at timestamptz NOT NULL
);

CREATE FUNCTION review.keep_events() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = review, pg_temp AS $$
BEGIN
    INSERT INTO case_events (event_id, kind, case_id, actor, decision_id, created_at)
    SELECT event_id, kind, case_id, actor, decision_id, created_at FROM gone;
    INSERT INTO lessons (event_id, kind, case_id, decision_id, created_at)
    SELECT gone.event_id, gone.kind, coalesce(c.family_id, c.case_id), gone.decision_id, gone.created_at
    FROM gone JOIN review_cases AS c USING (case_id) JOIN expert_decisions AS d USING (decision_id)
    WHERE gone.kind IN ('decided', 'undone', 'revoked', 'disputed', 'reconciled') AND c.gold_id IS NULL
        AND d.verdict IN ('accept', 'correct', 'reject');
    RETURN NULL;
END
$$;
CREATE TRIGGER outbox_is_kept AFTER DELETE ON review.outbox
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION review.keep_events();

-- After a decision on a case with two readers, or its retraction: opens the second read, notes that the two disagree
-- or do so no more. The lock on the case puts readers who decide at once one after the other.
CREATE FUNCTION review.settle_reads() RETURNS trigger
    LANGUAGE plpgsql SET search_path = review, pg_temp AS $$
DECLARE
    root review_cases;
    first_read expert_decisions;
    second_read expert_decisions;
    differ boolean;
BEGIN
    SELECT * INTO root FROM review_cases WHERE case_id = NEW.family_id FOR UPDATE;
    IF NEW.case_id = root.case_id AND NEW.undone_at IS NULL AND NOT root.fresh_only THEN
        UPDATE review_cases SET fresh_only = true WHERE case_id = root.case_id;
        WITH opened AS (
            INSERT INTO review_cases (domain, rank_at, due_at, filename, heard, body, suggested_text, suggested_term,
                suggested_probability, reads_wanted, family_id, fresh_only)
            VALUES (root.domain, now() + (root.due_at - root.created_at), now() + (root.due_at - root.created_at),
                root.filename, root.heard, root.body, root.suggested_text, root.suggested_term,
                root.suggested_probability, 2, root.case_id, true)
            RETURNING case_id
        )
        INSERT INTO outbox (case_id, kind) SELECT case_id, 'created' FROM opened;
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM expert_decisions WHERE case_id = root.case_id AND was_disputed AND undone_at IS NULL
        AND verdict IN ('accept', 'correct', 'reject')) THEN
        RETURN NULL; -- an adjudicator has spoken
    END IF;
    SELECT * INTO first_read FROM expert_decisions
    WHERE case_id = root.case_id AND undone_at IS NULL AND verdict IN ('accept', 'correct', 'reject')
    ORDER BY decision_id DESC LIMIT 1;
    SELECT * INTO second_read FROM expert_decisions
    WHERE family_id = root.case_id AND case_id <> root.case_id AND undone_at IS NULL
        AND verdict IN ('accept', 'correct', 'reject')
    ORDER BY decision_id DESC LIMIT 1;
    differ := coalesce(first_read.decision_id IS NOT NULL AND second_read.decision_id IS NOT NULL
        AND first_read.decided_text <> second_read.decided_text, false);
    IF differ AND root.state IN ('approved', 'rejected') THEN
        UPDATE review_cases SET state = 'needs_revision', is_disputed = true WHERE case_id = root.case_id;
        INSERT INTO outbox (case_id, kind, decision_id) VALUES (root.case_id, 'disputed', NEW.decision_id);
    ELSIF root.is_disputed AND NOT differ THEN
        UPDATE review_cases SET is_disputed = false,
            state = CASE WHEN state = 'needs_revision' THEN first_read.state_after ELSE state END
        WHERE case_id = root.case_id;
        INSERT INTO outbox (case_id, kind, decision_id) VALUES (root.case_id, 'reconciled', NEW.decision_id);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER decisions_settle_reads AFTER INSERT OR UPDATE OF undone_at ON review.expert_decisions
    FOR EACH ROW WHEN (NEW.family_id IS NOT NULL AND NEW.verdict IN ('accept', 'correct', 'reject'))
    EXECUTE FUNCTION review.settle_reads();

GRANT SELECT, INSERT ON review.gold_cases, review.gold_readers, review.comments TO shodhana_review;
GRANT SELECT, INSERT, UPDATE ON review.bulk_decisions, review.preferences TO shodhana_review;
GRANT DELETE ON review.drafts TO shodhana_review;
GRANT SELECT ON review.case_events TO shodhana_review;
GRANT SELECT, DELETE, UPDATE (event_id) ON review.lessons TO shodhana_review; -- UPDATE: who takes them locks them

-- migrate:down
DROP TRIGGER decisions_settle_reads ON review.expert_decisions;
DROP FUNCTION review.settle_reads;
DROP TRIGGER outbox_is_kept ON review.outbox;
DROP FUNCTION review.keep_events;
DROP TABLE review.lessons, review.case_events;
ALTER TABLE review.outbox DROP COLUMN kind, DROP COLUMN actor, DROP COLUMN decision_id;
DROP TYPE review.event_kind;
DROP TABLE review.preferences, review.comments;
DROP INDEX review.drafts_expert;
REVOKE DELETE ON review.drafts FROM shodhana_review;
REVOKE UPDATE (undone_at, undone_by, undo_request_id) ON review.expert_decisions FROM shodhana_review;
GRANT UPDATE ON review.expert_decisions TO shodhana_review;
ALTER TABLE review.expert_decisions DROP COLUMN decided_term, DROP COLUMN was_disputed, DROP COLUMN family_id,
    DROP COLUMN bulk_id, DROP COLUMN undone_by;
DROP INDEX review.expert_decisions_expert;
DROP TABLE review.bulk_decisions;
DROP FUNCTION review.waiting_state;
DROP INDEX review.review_cases_waiting;
ALTER TABLE review.review_cases DROP COLUMN suggested_text, DROP COLUMN suggested_term,
    DROP COLUMN suggested_probability, DROP COLUMN reads_wanted, DROP COLUMN family_id, DROP COLUMN is_disputed,
    DROP COLUMN fresh_only, DROP COLUMN gold_id;
CREATE INDEX review_cases_waiting ON review.review_cases (state, domain, rank_at, case_id)
    WHERE state IN ('pending', 'expert_escalation');
DROP TABLE review.gold_readers, review.gold_cases;
