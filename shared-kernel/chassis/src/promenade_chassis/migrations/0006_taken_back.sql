-- A row that is taken back waits again, whoever took it back: a relay of the release before knows nothing of
-- outbox_pending, and what it takes back after a loss of Redis would never be published.
CREATE FUNCTION outbox_waits_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox_pending VALUES (NEW.seq) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER outbox_waits_again AFTER UPDATE OF published_at ON outbox FOR EACH ROW
WHEN (NEW.published_at IS NULL AND OLD.published_at IS NOT NULL) EXECUTE FUNCTION outbox_waits_again();

-- What was taken back until now: making the trigger has waited for whoever was about to.
INSERT INTO outbox_pending SELECT seq FROM outbox WHERE published_at IS NULL ON CONFLICT DO NOTHING;

-- When the groups were last looked at: one is forgotten for not being seen, not for nobody looking.
ALTER TABLE stream_state ADD COLUMN surveyed_at timestamptz NOT NULL DEFAULT now();
