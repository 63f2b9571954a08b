-- migrate:up
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
    batch_id uuid NOT NULL,
    batch_position integer NOT NULL,
    fence bigint NOT NULL DEFAULT 0,
    holder text,
    claim_id uuid,
    claimed_at timestamptz,
    lease_until timestamptz,
    UNIQUE (batch_id, batch_position)
);
-- Linear ageing against the SLA never reorders, so rank_at is written once and the index is the queue.
CREATE INDEX review_cases_waiting ON review.review_cases (domain, rank_at, case_id) WHERE state = 'pending';
CREATE INDEX review_cases_leases ON review.review_cases (lease_until) WHERE state = 'in_review';
CREATE INDEX review_cases_state ON review.review_cases (state, rank_at, case_id);
CREATE INDEX review_cases_claim ON review.review_cases (claim_id) WHERE claim_id IS NOT NULL;

CREATE TYPE review.verdict AS ENUM ('accept', 'correct', 'reject', 'escalate', 'skip');
CREATE TYPE review.decision_type AS ENUM (
    'lexicon_correction', 'transliteration_fix', 'capitalization_change', 'scriptural_identification',
    'semantic_disambiguation', 'contextual_correction', 'false_positive', 'manual_override');

CREATE TABLE review.expert_decisions (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES review.review_cases,
    request_id uuid NOT NULL UNIQUE,
    verdict review.verdict NOT NULL,
    decision_type review.decision_type NOT NULL,
    decided_text text NOT NULL,
    comment text NOT NULL,
    expert text NOT NULL,
    claimed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz
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
GRANT SELECT, INSERT ON review.drafts TO shodhana_review;
GRANT SELECT, INSERT, DELETE ON review.outbox TO shodhana_review;

-- migrate:down
DROP TABLE review.outbox;
DROP TABLE review.drafts;
DROP TABLE review.expert_decisions;
DROP TYPE review.decision_type;
DROP TYPE review.verdict;
DROP TABLE review.review_cases;
