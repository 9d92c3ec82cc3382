CREATE TABLE contact (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    type          text NOT NULL CHECK (type IN ('email', 'phone', 'address')),
    email         text,
    phone         text,
    address       jsonb,
    label         text CHECK (char_length(label) BETWEEN 1 AND 100),
    is_primary    boolean NOT NULL,
    verified_at   timestamptz,
    code_requests timestamptz[] NOT NULL,
    version       bigint NOT NULL CHECK (version > 0),
    last_sequence bigint NOT NULL CHECK (last_sequence >= 0),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    deleted_at    timestamptz,
    CONSTRAINT contact_value CHECK (
        (type = 'email') = (email IS NOT NULL)
        AND (type = 'phone') = (phone IS NOT NULL)
        AND (type = 'address') = (address IS NOT NULL)),
    CONSTRAINT contact_primary_verified CHECK (NOT is_primary OR verified_at IS NOT NULL OR type = 'address')
);
CREATE UNIQUE INDEX contact_one_primary ON contact (user_id, type) WHERE is_primary AND deleted_at IS NULL;
CREATE UNIQUE INDEX contact_email_once ON contact (user_id, lower(email)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX contact_phone_once ON contact (user_id, phone) WHERE deleted_at IS NULL;
CREATE INDEX contact_of_user ON contact (user_id, id);

CREATE TABLE verification_code (
    purpose    text NOT NULL,
    subject    uuid NOT NULL,
    digest     bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    tries      int NOT NULL DEFAULT 0 CHECK (tries >= 0),
    used_at    timestamptz,
    PRIMARY KEY (purpose, subject)
);
