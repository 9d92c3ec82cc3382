-- The chassis' own tables, the same in every service's database.

CREATE TABLE outbox (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     uuid NOT NULL,
    subject      uuid NOT NULL,
    sequence     bigint NOT NULL CHECK (sequence > 0),
    major        int NOT NULL CHECK (major > 0),
    type         text NOT NULL,
    envelope     bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    stream_id    text,
    UNIQUE (subject, sequence, major)
);
CREATE INDEX outbox_unpublished ON outbox (seq) WHERE published_at IS NULL;
CREATE INDEX outbox_event_id ON outbox (event_id);

-- What the relay knows of its stream: the id of the last entry, and, after Redis lost data, the highest id before.
CREATE TABLE stream_state (
    stream   text PRIMARY KEY,
    last_id  text NOT NULL DEFAULT '0-0',
    floor_id text NOT NULL DEFAULT '0-0'
);

-- Up to where each consumer group had acknowledged when last noted. A row a group, because a group that is missing after
-- Redis lost its data still counts; and an entry's id, because outbox.seq commits out of order and ids do not.
CREATE TABLE stream_group (
    stream          text NOT NULL,
    name            text NOT NULL,
    acknowledged_id text NOT NULL,
    noted_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, name)
);

CREATE TABLE inbox (
    event_id   uuid NOT NULL,
    reaction   text NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, reaction)
);
CREATE INDEX inbox_handled_at ON inbox (handled_at);

CREATE TABLE subject_progress (
    source     text NOT NULL,
    subject    uuid NOT NULL,
    sequence   bigint NOT NULL CHECK (sequence >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, subject)
);

CREATE TABLE attempt (
    event_id   uuid NOT NULL,
    reaction   text NOT NULL,
    attempts   int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    first_at   timestamptz NOT NULL DEFAULT now(),
    next_at    timestamptz NOT NULL,
    last_error text NOT NULL,
    PRIMARY KEY (event_id, reaction)
);

CREATE TABLE dead_letter (
    id           uuid PRIMARY KEY,
    event_id     uuid,
    reaction     text NOT NULL,
    type         text,
    source       text,
    subject      uuid,
    envelope     bytea NOT NULL,
    reason       text NOT NULL,
    attempts     int NOT NULL,
    traceback    text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    replayed_at  timestamptz,
    discarded_at timestamptz
);
CREATE UNIQUE INDEX dead_letter_open ON dead_letter (event_id, reaction) WHERE replayed_at IS NULL AND discarded_at IS NULL;
CREATE INDEX dead_letter_event_id ON dead_letter (event_id);

-- The answer to a POST with an Idempotency-Key, committed with its effect.
CREATE TABLE idempotency_record (
    scope      text NOT NULL,
    key        text NOT NULL,
    body_hash  bytea NOT NULL,
    status     int NOT NULL,
    headers    jsonb NOT NULL,
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_record_created_at ON idempotency_record (created_at);
