-- What customer management last told of each customer; `sequence` is that event's.
CREATE TABLE customer (
    id              uuid PRIMARY KEY,
    sequence        bigint NOT NULL CHECK (sequence > 0),
    status          text NOT NULL,
    name            text,
    email           text,
    user_id         uuid,
    currency        text,
    timezone        text,
    billing_address jsonb,
    noted_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customer_named CHECK (name IS NOT NULL OR status = 'deleted')
);
CREATE INDEX customer_of_user ON customer (user_id, id);
