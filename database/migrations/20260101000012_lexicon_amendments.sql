-- migrate:up
ALTER TABLE similarity.lexicon_version ADD COLUMN decisions text[] NOT NULL DEFAULT '{}'; -- it was made from
CREATE INDEX lexicon_entry_term ON similarity.lexicon_entry (term);

-- migrate:down
DROP INDEX similarity.lexicon_entry_term;
ALTER TABLE similarity.lexicon_version DROP COLUMN decisions;
