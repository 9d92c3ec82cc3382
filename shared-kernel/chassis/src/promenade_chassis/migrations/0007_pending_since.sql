-- Since when a row waits: what an operator publishes again was recorded days ago, and waits since now. No table is
-- rewritten: what waits while this runs waits since then. Replicas of the release before need not know of it.
ALTER TABLE outbox_pending ADD COLUMN since timestamptz NOT NULL DEFAULT now();
