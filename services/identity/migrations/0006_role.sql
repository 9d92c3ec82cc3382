CREATE TABLE role (
    id            uuid PRIMARY KEY,
    name          text NOT NULL CHECK (name ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' AND char_length(name) BETWEEN 2 AND 50),
    description   text CHECK (char_length(description) BETWEEN 1 AND 200),
    -- What it holds; of a system role what it holds beyond that which the code gives it.
    permissions   text[] NOT NULL,
    version       bigint NOT NULL CHECK (version > 0),
    last_sequence bigint NOT NULL CHECK (last_sequence >= 0),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    deleted_at    timestamptz
);
CREATE UNIQUE INDEX role_name_once ON role (name) WHERE deleted_at IS NULL;
CREATE INDEX role_by_created_at ON role (created_at, id) WHERE deleted_at IS NULL;

-- The system roles. What they hold at least is in the code, so that a release can add to it.
INSERT INTO role (id, name, description, permissions, version, last_sequence, created_at, updated_at) VALUES
    ('019b76da-a800-7000-8000-000000000001', 'superadmin', 'May do everything', '{}', 1, 0, now(), now()),
    ('019b76da-a800-7000-8000-000000000002', 'admin', 'May do everything but change roles', '{}', 1, 0, now(), now()),
    ('019b76da-a800-7000-8000-000000000003', 'manager', 'Runs the business: customers, deals and orders', '{}', 1, 0,
     now(), now()),
    ('019b76da-a800-7000-8000-000000000004', 'user', 'Everybody who has registered: his own things', '{}', 1, 0,
     now(), now()),
    ('019b76da-a800-7000-8000-000000000005', 'guest', 'Whoever is not signed in: what is public', '{}', 1, 0,
     now(), now());

-- Who has a role: asked when it is changed or deleted.
CREATE INDEX user_holding_role ON "user" USING gin (roles);
