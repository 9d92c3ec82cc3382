-- What identity last told of users, also of those who have no customer yet. `sequence` is that of the aggregate which
-- told it; an older one never overwrites a newer one.
CREATE TABLE user_standing (
    user_id    uuid PRIMARY KEY,
    status     text NOT NULL CHECK (status IN ('pending', 'active', 'suspended', 'deleted')),
    sequence   bigint NOT NULL CHECK (sequence > 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Which address or number of a user was proved last. Several aggregates tell it, his contacts and himself when he is
-- activated: of one the sequence counts, among several the time.
CREATE TABLE user_proof (
    user_id   uuid NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('email', 'phone')),
    told_by   uuid NOT NULL,
    sequence  bigint NOT NULL CHECK (sequence > 0),
    proved_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, kind)
);
