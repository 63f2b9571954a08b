-- migrate:up
CREATE TABLE identity.service_accounts (
    account_id text PRIMARY KEY CHECK (account_id ~ '^[a-z][a-z0-9-]{2,63}$'),
    roles text[] NOT NULL,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE identity.users (
    user_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE CHECK (length(email) BETWEEN 3 AND 254),
    display_name text NOT NULL DEFAULT '',
    roles text[] NOT NULL DEFAULT '{}',
    disabled boolean NOT NULL DEFAULT false,
    request_id uuid UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.service_accounts TO shodhana_identity;
GRANT SELECT, INSERT, UPDATE ON identity.users TO shodhana_identity;

-- migrate:down
DROP TABLE identity.users;
DROP TABLE identity.service_accounts;
