CREATE TABLE "user" (
    id                uuid PRIMARY KEY,
    email             text NOT NULL,
    -- Case folded: by it two spellings are one address.
    email_key         text NOT NULL,
    status            text NOT NULL CHECK (status IN ('pending', 'active', 'suspended', 'deleted')),
    roles             text[] NOT NULL,
    password_hash     text,
    email_verified_at timestamptz,
    suspended_until   timestamptz,
    authz_epoch       bigint NOT NULL CHECK (authz_epoch >= 0),
    -- Written by statements of their own, never with the aggregate: counting must not lose a race.
    failed_logins     int NOT NULL DEFAULT 0 CHECK (failed_logins >= 0),
    locked_until      timestamptz,
    last_login_at     timestamptz,
    version           bigint NOT NULL CHECK (version > 0),
    last_sequence     bigint NOT NULL CHECK (last_sequence >= 0),
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    deleted_at        timestamptz,
    CONSTRAINT user_deleted CHECK ((status = 'deleted') = (deleted_at IS NOT NULL)),
    CONSTRAINT user_pending_without_password CHECK (status <> 'pending' OR password_hash IS NULL),
    CONSTRAINT user_suspended_until CHECK (suspended_until IS NULL OR status IN ('suspended', 'deleted'))
);
CREATE UNIQUE INDEX user_email_once ON "user" (email_key) WHERE deleted_at IS NULL;
CREATE INDEX user_pending_since ON "user" (created_at) WHERE status = 'pending';

CREATE TABLE registration_attempt (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES "user",
    password_hash text NOT NULL,
    display_name  text,
    locale        text,
    created_at    timestamptz NOT NULL
);
CREATE INDEX registration_attempt_of_user ON registration_attempt (user_id, id);
CREATE INDEX registration_attempt_created_at ON registration_attempt (created_at);

CREATE TABLE profile (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    display_name  text,
    given_name    text,
    family_name   text,
    bio           text CHECK (char_length(bio) <= 500),
    avatar_url    text,
    date_of_birth date,
    locale        text,
    timezone      text,
    country       text,
    links         text[] NOT NULL CHECK (cardinality(links) <= 10),
    is_public     boolean NOT NULL,
    version       bigint NOT NULL CHECK (version > 0),
    last_sequence bigint NOT NULL CHECK (last_sequence >= 0),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    deleted_at    timestamptz
);
CREATE UNIQUE INDEX profile_of_user ON profile (user_id) WHERE deleted_at IS NULL;
