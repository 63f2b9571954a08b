-- migrate:up
ALTER TABLE review.review_cases
    DROP CONSTRAINT review_cases_state_check,
    ADD CONSTRAINT review_cases_state_check CHECK (state IN (
        'pending', 'in_review', 'approved', 'rejected', 'needs_revision', 'expert_escalation', 'withdrawn')),
    ADD COLUMN passed_text text; -- of a case kept as a sample of what passes: what would have been applied
ALTER TYPE review.event_kind ADD VALUE IF NOT EXISTS 'refreshed';
ALTER TYPE review.event_kind ADD VALUE IF NOT EXISTS 'withdrawn';
ALTER TYPE review.event_kind ADD VALUE IF NOT EXISTS 'restored';

-- From what was heard, under several keys, to the cases: which of them a new term or spelling may concern.
CREATE TABLE review.segment_term (
    term_key text NOT NULL,
    case_id bigint NOT NULL REFERENCES review.review_cases,
    PRIMARY KEY (term_key, case_id)
);

-- What was suggested before a newer lexicon suggested something else.
CREATE TABLE review.case_originals (
    case_id bigint PRIMARY KEY REFERENCES review.review_cases,
    body bytea NOT NULL,
    suggested_text text NOT NULL,
    suggested_term text NOT NULL,
    suggested_probability real NOT NULL
);

-- That heard words stand for a term. `term` is empty where they are right as they stand.
CREATE TABLE review.proposals (
    proposal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    heard_key text NOT NULL,
    heard text NOT NULL,
    term text NOT NULL,
    domain text NOT NULL CHECK (domain IN ('spiritual', 'philosophical', 'scriptural', 'general')),
    gloss text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'open' CHECK (state IN (
        'open', 'disputed', 'approved', 'live', 'refused', 'retracting', 'withdrawn')),
    kind text NOT NULL DEFAULT '' CHECK (kind IN ('', 'entry', 'alias', 'known')),
    is_live boolean NOT NULL DEFAULT false, -- whether the lexicon has it
    is_alone boolean NOT NULL DEFAULT false, -- to be published by itself: together with others it was refused
    refused_count integer, -- experts when it was refused
    reason text NOT NULL DEFAULT '',
    lexicon_version text NOT NULL DEFAULT '',
    resolution text NOT NULL DEFAULT '' CHECK (resolution IN ('', 'approve', 'reject')),
    resolver text NOT NULL DEFAULT '',
    resolved_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (heard_key, term)
);
CREATE INDEX proposals_due ON review.proposals (proposal_id) WHERE state IN ('approved', 'retracting');
CREATE INDEX proposals_state ON review.proposals (state, proposal_id DESC);

CREATE TABLE review.proposal_resolutions (
    request_id uuid PRIMARY KEY,
    proposal_id bigint NOT NULL REFERENCES review.proposals,
    resolution text NOT NULL,
    resolver text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The decisions that speak for a proposal; those taken back have a time.
CREATE TABLE review.proposal_supports (
    decision_id bigint PRIMARY KEY REFERENCES review.expert_decisions,
    proposal_id bigint NOT NULL REFERENCES review.proposals,
    case_id bigint NOT NULL,
    expert text NOT NULL,
    is_adjudication boolean NOT NULL,
    created_at timestamptz NOT NULL,
    withdrawn_at timestamptz
);
CREATE INDEX proposal_supports_proposal ON review.proposal_supports (proposal_id, decision_id);

-- A version of the lexicon on its way, step by step; one at a time is open.
CREATE TABLE review.publications (
    publication_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(), -- makes its version once
    state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'made', 'passed', 'active', 'done', 'refused')),
    base_version text NOT NULL DEFAULT '',
    lexicon_version text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    canary_count integer NOT NULL DEFAULT 0,
    canary_right_before integer NOT NULL DEFAULT 0,
    canary_right integer NOT NULL DEFAULT 0,
    refreshed_count bigint NOT NULL DEFAULT 0,
    withdrawn_count bigint NOT NULL DEFAULT 0,
    restored_count bigint NOT NULL DEFAULT 0,
    file_count bigint NOT NULL DEFAULT 0,
    decided_at timestamptz NOT NULL, -- the decision that completed the first of its proposals
    created_at timestamptz NOT NULL DEFAULT now(),
    active_at timestamptz
);
CREATE UNIQUE INDEX publications_one_open ON review.publications ((true))
    WHERE state IN ('planned', 'made', 'passed', 'active');

CREATE TABLE review.publication_changes (
    publication_id bigint NOT NULL REFERENCES review.publications,
    proposal_id bigint NOT NULL REFERENCES review.proposals,
    is_removal boolean NOT NULL,
    effect text NOT NULL DEFAULT '', -- known once the version is made
    PRIMARY KEY (publication_id, proposal_id)
);

-- Cases to score again, until they are; those that somebody holds wait.
CREATE TABLE review.rescorings (
    publication_id bigint NOT NULL REFERENCES review.publications,
    case_id bigint NOT NULL REFERENCES review.review_cases,
    PRIMARY KEY (publication_id, case_id)
);

GRANT SELECT, INSERT, UPDATE ON review.proposals, review.proposal_supports, review.publications,
    review.publication_changes TO shodhana_review;
GRANT SELECT, INSERT ON review.segment_term, review.proposal_resolutions TO shodhana_review;
GRANT SELECT, INSERT, DELETE ON review.case_originals, review.rescorings TO shodhana_review;

-- migrate:down
DROP TABLE review.rescorings, review.publication_changes, review.publications, review.proposal_supports,
    review.proposal_resolutions, review.proposals, review.case_originals, review.segment_term;
UPDATE review.review_cases SET state = 'pending' WHERE state = 'withdrawn';
-- The kinds of events stay: a value cannot be taken out of an enumeration.
ALTER TABLE review.review_cases
    DROP CONSTRAINT review_cases_state_check,
    ADD CONSTRAINT review_cases_state_check CHECK (state IN (
        'pending', 'in_review', 'approved', 'rejected', 'needs_revision', 'expert_escalation')),
    DROP COLUMN passed_text;
