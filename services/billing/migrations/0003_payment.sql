-- Payments are numbered in ascending order; only invoices and credit notes must have no gaps.
CREATE SEQUENCE payment_number;

CREATE TABLE payment (
    id                uuid PRIMARY KEY,
    number            text NOT NULL UNIQUE,
    invoice_id        uuid NOT NULL REFERENCES invoice,
    amount            bigint NOT NULL CHECK (amount > 0),
    currency          text NOT NULL,
    method            text NOT NULL,
    provider          text NOT NULL,
    provider_ref      text,
    attempt           int NOT NULL CHECK (attempt > 0),
    status            text NOT NULL CHECK (status IN
        ('processing', 'requires-action', 'unknown', 'attention', 'succeeded', 'failed', 'cancelled')),
    failure_code      text,
    failure_retryable boolean,
    refunded_amount   bigint NOT NULL CHECK (refunded_amount BETWEEN 0 AND amount),
    confirmed_at      timestamptz,
    settled_at        timestamptz,
    -- When the worker has to do something about it next; nothing when it is settled.
    due_at            timestamptz,
    looks             int NOT NULL CHECK (looks >= 0),
    cause             jsonb NOT NULL,
    -- Written by a statement of its own, never with the aggregate: who works on it, and for how long at most.
    leased_until      timestamptz,
    version           bigint NOT NULL CHECK (version > 0),
    last_sequence     bigint NOT NULL CHECK (last_sequence >= 0),
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    deleted_at        timestamptz,
    CONSTRAINT payment_failure CHECK (
        (status = 'failed') = (failure_code IS NOT NULL) AND (failure_code IS NULL) = (failure_retryable IS NULL)),
    CONSTRAINT payment_settled CHECK ((status IN ('succeeded', 'failed', 'cancelled')) = (settled_at IS NOT NULL)),
    CONSTRAINT payment_captured CHECK (status <> 'succeeded' OR provider_ref IS NOT NULL),
    CONSTRAINT payment_refundable CHECK (refunded_amount = 0 OR status = 'succeeded'),
    CONSTRAINT payment_goes_on CHECK ((status IN ('processing', 'requires-action', 'unknown')) = (due_at IS NOT NULL))
);
CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payment_of_invoice ON payment (invoice_id, id);
