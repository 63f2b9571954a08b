-- migrate:up
CREATE TABLE similarity.lexicon_version (
    version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    active boolean NOT NULL DEFAULT false,
    entry_count bigint NOT NULL,
    supersedes bigint REFERENCES similarity.lexicon_version,
    description text NOT NULL DEFAULT '',
    creator text NOT NULL DEFAULT '',
    origin text NOT NULL DEFAULT '',
    content_hash text NOT NULL,
    request_id uuid UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX lexicon_version_one_active ON similarity.lexicon_version (active) WHERE active;

-- Entries never change; a version is the set of its entries, so versions share what they have in common.
CREATE TABLE similarity.lexicon_entry (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_hash bytea NOT NULL UNIQUE CHECK (length(content_hash) = 16),
    term text NOT NULL,
    domain text NOT NULL CHECK (domain IN ('spiritual', 'philosophical', 'scriptural', 'general')),
    field text NOT NULL,
    part_of_speech text NOT NULL,
    gloss text NOT NULL,
    aliases text[] NOT NULL,
    note text NOT NULL,
    anglicised boolean NOT NULL,
    source text NOT NULL,
    license text NOT NULL
);

CREATE TABLE similarity.version_entry (
    version_id bigint NOT NULL REFERENCES similarity.lexicon_version,
    entry_id bigint NOT NULL REFERENCES similarity.lexicon_entry,
    PRIMARY KEY (version_id, entry_id)
);

-- Each distinct popular fold of an entry's term and aliases: what a heard form is looked up by.
CREATE TABLE similarity.lexicon_form (
    entry_id bigint NOT NULL REFERENCES similarity.lexicon_entry,
    term_norm text NOT NULL,
    PRIMARY KEY (entry_id, term_norm)
);
CREATE INDEX lexicon_form_term_norm ON similarity.lexicon_form (term_norm text_pattern_ops);

CREATE TABLE similarity.verse (
    source text NOT NULL,
    reference text NOT NULL,
    text text NOT NULL,
    license text NOT NULL,
    PRIMARY KEY (source, reference)
);

-- Insert-mostly and on its own: an update beside an HNSW index costs half a millisecond a row.
-- model_id is "<model>@<fingerprint>"; context_hash is the hash of the gloss for `semantic`, empty for `phonetic`.
CREATE TABLE similarity.semantic_embeddings (
    model_id text NOT NULL,
    domain text NOT NULL,
    term_norm text NOT NULL,
    context_hash text NOT NULL,
    embedding halfvec(384) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (model_id, domain, term_norm, context_hash)
) PARTITION BY LIST (domain);

DO $$
DECLARE
    domain text;
BEGIN
    FOREACH domain IN ARRAY ARRAY['spiritual', 'philosophical', 'scriptural', 'general'] LOOP
        EXECUTE format(
            'CREATE TABLE similarity.%I PARTITION OF similarity.semantic_embeddings FOR VALUES IN (%L)',
            'semantic_embeddings_' || domain, domain);
        EXECUTE format(
            'CREATE INDEX %I ON similarity.%I USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 128)',
            'semantic_embeddings_' || domain || '_hnsw', 'semantic_embeddings_' || domain);
    END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE ON similarity.lexicon_version TO shodhana_similarity;
GRANT SELECT, INSERT ON
    similarity.lexicon_entry, similarity.version_entry, similarity.lexicon_form, similarity.verse,
    similarity.semantic_embeddings
TO shodhana_similarity;
GRANT UPDATE ON similarity.verse TO shodhana_similarity;

-- migrate:down
DROP TABLE similarity.semantic_embeddings;
DROP TABLE similarity.verse;
DROP TABLE similarity.lexicon_form;
DROP TABLE similarity.version_entry;
DROP TABLE similarity.lexicon_entry;
DROP TABLE similarity.lexicon_version;
