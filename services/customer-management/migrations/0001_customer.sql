CREATE TABLE customer (
    id                  uuid PRIMARY KEY,
    name                text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    email               text,
    phone               text,
    user_id             uuid,
    user_status         text NOT NULL CHECK (user_status IN ('none', 'pending', 'active', 'suspended', 'deleted')),
    lifecycle           text NOT NULL
                        CHECK (lifecycle IN ('lead', 'prospect', 'customer', 'churned', 'disqualified')),
    disqualified_reason text,
    churn_reason        text,
    tier                text NOT NULL CHECK (tier IN ('free', 'basic', 'pro', 'enterprise')),
    source              text NOT NULL,
    owner_id            uuid,
    tags                text[] NOT NULL,
    currency            text,
    timezone            text,
    locale              text,
    billing_address     jsonb,
    version             bigint NOT NULL CHECK (version > 0),
    last_sequence       bigint NOT NULL CHECK (last_sequence >= 0),
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    deleted_at          timestamptz,
    CONSTRAINT customer_user_status CHECK ((user_id IS NULL) = (user_status = 'none')),
    CONSTRAINT customer_disqualified CHECK ((lifecycle = 'disqualified') = (disqualified_reason IS NOT NULL)),
    CONSTRAINT customer_churned CHECK ((lifecycle = 'churned') = (churn_reason IS NOT NULL))
);
CREATE UNIQUE INDEX customer_email_once ON customer (lower(email)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX customer_user_once ON customer (user_id) WHERE deleted_at IS NULL;
CREATE INDEX customer_of_user ON customer (user_id);
CREATE INDEX customer_phone ON customer (phone) WHERE deleted_at IS NULL;
CREATE INDEX customer_name ON customer (lower(name)) WHERE deleted_at IS NULL;
CREATE INDEX customer_tags ON customer USING gin (tags) WHERE deleted_at IS NULL;

-- Append-only: what happened with a customer, here and in other contexts.
CREATE TABLE timeline_entry (
    id          uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customer (id),
    kind        text NOT NULL,
    summary     text NOT NULL,
    data        jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    actor       text,
    cause       text NOT NULL
);
CREATE INDEX timeline_entry_of_customer ON timeline_entry (customer_id, occurred_at DESC, id DESC);
