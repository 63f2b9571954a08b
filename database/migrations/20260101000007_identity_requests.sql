-- migrate:up
-- Writes that were done, so that a request sent twice is done once.
CREATE TABLE identity.requests (
    request_id uuid PRIMARY KEY,
    target text NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT ON identity.requests TO shodhana_identity;

-- migrate:down
DROP TABLE identity.requests;
