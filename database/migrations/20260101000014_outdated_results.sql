-- migrate:up
-- The words of each finished file that may be Sanskrit, folded: which files a new term or spelling may concern.
CREATE TABLE transcripts.segment_term (
    file_id bigint PRIMARY KEY REFERENCES transcripts.job_file,
    terms text[] NOT NULL
);
CREATE INDEX segment_term_terms ON transcripts.segment_term USING gin (terms);

-- Finished files to be corrected again, for a look at the difference only.
CREATE TABLE transcripts.recheck (
    file_id bigint PRIMARY KEY REFERENCES transcripts.job_file,
    lexicon_version text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX recheck_due ON transcripts.recheck (due_at);

ALTER TABLE transcripts.job_file ADD COLUMN outdated_by text NOT NULL DEFAULT '';

GRANT SELECT, INSERT, UPDATE ON transcripts.segment_term TO shodhana_transcripts;
GRANT SELECT, INSERT, UPDATE, DELETE ON transcripts.recheck TO shodhana_transcripts;

-- migrate:down
ALTER TABLE transcripts.job_file DROP COLUMN outdated_by;
DROP TABLE transcripts.recheck, transcripts.segment_term;
