-- A session is one family of refresh tokens; `counter` is the number of its current one.
CREATE TABLE session (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    device        text,
    ip            text,
    counter       bigint NOT NULL CHECK (counter >= 0),
    rotated_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    end_reason    text,
    version       bigint NOT NULL CHECK (version > 0),
    last_sequence bigint NOT NULL CHECK (last_sequence >= 0),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    deleted_at    timestamptz,
    CONSTRAINT session_end CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX session_living_of_user ON session (user_id, id) WHERE ended_at IS NULL;
CREATE INDEX session_expires_at ON session (expires_at);

CREATE TABLE refresh_token (
    digest     bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES session ON DELETE CASCADE,
    counter    bigint NOT NULL CHECK (counter >= 0),
    expires_at timestamptz NOT NULL,
    UNIQUE (session_id, counter)
);
CREATE INDEX refresh_token_expires_at ON refresh_token (expires_at);

CREATE TABLE signing_key (
    kid         text PRIMARY KEY,
    public_key  bytea NOT NULL,
    sealed      bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    signs_from  timestamptz NOT NULL,
    retires_at  timestamptz
);

-- The counter's row is locked until commit, so numbers are committed in their order and without gaps: whoever has
-- read up to a number has missed nothing below it.
CREATE TABLE revocation_counter (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number   bigint NOT NULL
);
INSERT INTO revocation_counter (number) VALUES (0);

CREATE TABLE revocation (
    number     bigint PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('jti', 'sid', 'epoch')),
    subject    text NOT NULL,
    value      bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX revocation_expires_at ON revocation (expires_at);

CREATE TABLE mail (
    id         uuid PRIMARY KEY,
    -- Recipient, subject and parts, sealed with the service's key; erased when the mail has been sent or given up.
    sealed     bytea,
    created_at timestamptz NOT NULL,
    attempts   int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at    timestamptz NOT NULL,
    last_error text,
    sent_at    timestamptz,
    refused_at timestamptz
);
CREATE INDEX mail_waiting ON mail (next_at) WHERE sent_at IS NULL AND refused_at IS NULL;
