-- migrate:up
CREATE TABLE transcripts.job (
    job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    display_name text NOT NULL DEFAULT '',
    creator text NOT NULL,
    options bytea NOT NULL,
    request_id uuid UNIQUE,
    content_hash bytea NOT NULL,
    cancelled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The truth about each file; a message of the broker is a doorbell that carries file_id and nothing else.
-- fence grows with every claim and with a cancellation: only the newest holder's result is taken.
CREATE TABLE transcripts.job_file (
    file_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id bigint NOT NULL REFERENCES transcripts.job,
    position integer NOT NULL,
    filename text NOT NULL,
    layout integer NOT NULL,
    content bytea NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    attempt integer NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    rung_at timestamptz NOT NULL DEFAULT now(),
    result bytea,
    scores bytea,
    requires_review boolean NOT NULL DEFAULT false,
    error bytea,
    traceparent text NOT NULL DEFAULT '',
    ended_at timestamptz,
    UNIQUE (job_id, position)
);
CREATE INDEX job_file_open ON transcripts.job_file (state, lease_until) WHERE state IN ('queued', 'running');
ALTER TABLE transcripts.job_file ALTER content SET STORAGE EXTERNAL, ALTER result SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, UPDATE ON transcripts.job, transcripts.job_file TO shodhana_transcripts;

-- migrate:down
DROP TABLE transcripts.job_file;
DROP TABLE transcripts.job;
