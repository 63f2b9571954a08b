-- migrate:up
-- A verse has a number of its own, and a time by which its readers see that something changed.
ALTER TABLE similarity.verse ADD COLUMN verse_id bigint GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE similarity.verse ADD COLUMN changed_at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE INDEX verse_changed_at ON similarity.verse (changed_at);
CREATE INDEX verse_reference ON similarity.verse (reference text_pattern_ops);
GRANT DELETE ON similarity.verse TO shodhana_similarity;

-- migrate:down
REVOKE DELETE ON similarity.verse FROM shodhana_similarity;
DROP INDEX similarity.verse_reference;
DROP INDEX similarity.verse_changed_at;
ALTER TABLE similarity.verse DROP COLUMN changed_at;
ALTER TABLE similarity.verse DROP COLUMN verse_id;
