-- The ledger of the simulated payment provider: another company's books, so no reference leads here or away.
CREATE SCHEMA simulated_provider;

CREATE TABLE simulated_provider.charge (
    key         text PRIMARY KEY,
    ref         text NOT NULL UNIQUE,
    amount      bigint NOT NULL CHECK (amount > 0),
    currency    text NOT NULL,
    method      text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('captured', 'declined', 'action-needed', 'never-told')),
    times_asked int NOT NULL CHECK (times_asked > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    captured_at timestamptz,
    CONSTRAINT charge_captured CHECK ((outcome = 'captured') = (captured_at IS NOT NULL))
);
