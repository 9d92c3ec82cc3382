-- What waits for the relay, as a table of its own. Marking a row as published then touches no index of the outbox, and
-- with room on the page it rewrites nothing else: about 6 microseconds a row instead of 30.
CREATE TABLE outbox_pending (seq bigint PRIMARY KEY) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 5000
);

-- By the database itself: replicas of the release before know nothing of it and go on writing to the outbox.
CREATE FUNCTION outbox_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox_pending VALUES (NEW.seq);
    RETURN NULL;
END
$$;
CREATE TRIGGER outbox_waits AFTER INSERT ON outbox FOR EACH ROW WHEN (NEW.published_at IS NULL)
EXECUTE FUNCTION outbox_waits();

-- Making the trigger has waited for every writer: nothing is missing now. A relay of the release before, as long as it
-- leads, finds its rows by the primary key; what it marks is dropped from here by the next relay that meets it.
INSERT INTO outbox_pending SELECT seq FROM outbox WHERE published_at IS NULL;

DROP INDEX outbox_unpublished;
ALTER TABLE outbox SET (fillfactor = 50);
