-- What a user last told of himself. What it is copied from has a count of its own facts, `profile.updated`; what he told
-- before there was any stands below them: -1 when he registered, 0 when he was activated. -2: nothing yet.
-- A name is never taken back, so it has the count of the fact that told it.
CREATE TABLE user_profile (
    user_id       uuid PRIMARY KEY,
    name          text,
    name_sequence bigint NOT NULL DEFAULT -2,
    locale        text,
    timezone      text,
    sequence      bigint NOT NULL DEFAULT -2,
    updated_at    timestamptz NOT NULL DEFAULT now()
);

-- As `user_proof`, of numbers that were not the primary one when they were proved: the newest stands in while there is
-- no primary one.
CREATE TABLE user_spare_phone (
    user_id   uuid PRIMARY KEY,
    phone     text NOT NULL,
    told_by   uuid NOT NULL,
    sequence  bigint NOT NULL CHECK (sequence > 0),
    proved_at timestamptz NOT NULL
);
