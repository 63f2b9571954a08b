-- migrate:up
-- Who a provider means: the pair of issuer and subject never changes, an e-mail address may.
CREATE TABLE identity.user_logins (
    issuer text NOT NULL CHECK (length(issuer) <= 500),
    subject text NOT NULL CHECK (length(subject) <= 500),
    user_id bigint NOT NULL REFERENCES identity.users,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_logins_user ON identity.user_logins (user_id);

-- Sessions are made in an epoch of their user; the next one ends them all.
ALTER TABLE identity.users
    ADD COLUMN epoch integer NOT NULL DEFAULT 0,
    ADD COLUMN last_login_at timestamptz;

GRANT SELECT, INSERT ON identity.user_logins TO shodhana_identity;

-- migrate:down
ALTER TABLE identity.users
    DROP COLUMN last_login_at,
    DROP COLUMN epoch;
DROP TABLE identity.user_logins;
