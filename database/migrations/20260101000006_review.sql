-- migrate:up
-- What came with a request id: a repetition finds its cases, another content under the same id is refused.
CREATE TABLE review.batches (
    batch_id uuid PRIMARY KEY,
    content_digest bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE review.review_cases (
    case_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN (
        'pending', 'in_review', 'approved', 'rejected', 'needs_revision', 'expert_escalation')),
    domain text NOT NULL CHECK (domain IN ('spiritual', 'philosophical', 'scriptural', 'general')),
    rank_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    filename text NOT NULL,
    heard text NOT NULL,
    body bytea NOT NULL,
    batch_id uuid NOT NULL REFERENCES review.batches,
    batch_position integer NOT NULL,
    is_escalated boolean NOT NULL DEFAULT false, -- where it waits: for a senior expert, or for anybody
    fence bigint NOT NULL DEFAULT 0,
    holder text,
    claim_id uuid, -- of the last claim, kept after it
    claim_position integer,
    claimed_at timestamptz,
    lease_until timestamptz,
    UNIQUE (batch_id, batch_position)
);
-- Linear ageing against the SLA never reorders, so rank_at changes with a skip only and the index is the queue.
CREATE INDEX review_cases_waiting ON review.review_cases (state, domain, rank_at, case_id)
    WHERE state IN ('pending', 'expert_escalation');
CREATE INDEX review_cases_leases ON review.review_cases (lease_until) WHERE state = 'in_review';
CREATE INDEX review_cases_state ON review.review_cases (state, rank_at, case_id);
-- Two claims with one request id that run at once: the second finds the first position taken.
CREATE UNIQUE INDEX review_cases_claim ON review.review_cases (claim_id, claim_position) WHERE claim_id IS NOT NULL;

CREATE TYPE review.verdict AS ENUM ('accept', 'correct', 'reject', 'escalate', 'skip');
CREATE TYPE review.decision_type AS ENUM (
    'lexicon_correction', 'transliteration_fix', 'capitalization_change', 'scriptural_identification',
    'semantic_disambiguation', 'contextual_correction', 'false_positive', 'manual_override');

CREATE TABLE review.expert_decisions (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES review.review_cases,
    fence bigint NOT NULL, -- the claim it was made under: while the case has no newer one it may be undone
    request_id uuid NOT NULL UNIQUE,
    verdict review.verdict NOT NULL,
    decision_type review.decision_type NOT NULL,
    decided_text text NOT NULL,
    comment text NOT NULL,
    expert text NOT NULL,
    state_after text NOT NULL,
    was_escalated boolean NOT NULL,
    rank_before timestamptz NOT NULL,
    claimed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz,
    undo_request_id uuid UNIQUE,
    UNIQUE (case_id, fence)
);
CREATE INDEX expert_decisions_case ON review.expert_decisions (case_id, decision_id DESC);
CREATE INDEX expert_decisions_created ON review.expert_decisions (created_at);

CREATE TABLE review.drafts (
    draft_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES review.review_cases,
    expert text NOT NULL,
    request_id uuid NOT NULL UNIQUE,
    verdict review.verdict NOT NULL,
    decided_text text NOT NULL,
    comment text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE review.outbox (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE ON review.review_cases, review.expert_decisions TO shodhana_review;
GRANT SELECT, INSERT ON review.batches, review.drafts TO shodhana_review;
-- UPDATE: the relay locks what it takes.
GRANT SELECT, INSERT, UPDATE, DELETE ON review.outbox TO shodhana_review;

-- migrate:down
DROP TABLE review.outbox;
DROP TABLE review.drafts;
DROP TABLE review.expert_decisions;
DROP TYPE review.decision_type;
DROP TYPE review.verdict;
DROP TABLE review.review_cases;
DROP TABLE review.batches;
