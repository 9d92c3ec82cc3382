-- What an operator asked a context to do again: one row a reaction of an event, gone when it is settled.
CREATE TABLE redelivery (
    id           uuid PRIMARY KEY,
    event_id     uuid,
    reaction     text NOT NULL,
    subject      uuid,
    sequence     bigint,
    envelope     bytea NOT NULL,
    attempts     int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    requested_at timestamptz NOT NULL DEFAULT now(),
    next_at      timestamptz NOT NULL DEFAULT now(),
    last_error   text NOT NULL DEFAULT '',
    UNIQUE (event_id, reaction)
);
CREATE INDEX redelivery_order ON redelivery (reaction, subject, sequence);

ALTER TABLE dead_letter ADD COLUMN discard_reason text;
