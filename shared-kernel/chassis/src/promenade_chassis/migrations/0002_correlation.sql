-- A process is followed across services by its correlation id. The default is for replicas of the release before.
ALTER TABLE outbox ADD COLUMN correlation_id text NOT NULL DEFAULT '';
UPDATE outbox SET correlation_id = convert_from(envelope, 'UTF8')::jsonb ->> 'correlationid';
CREATE INDEX outbox_correlation_id ON outbox (correlation_id);

-- Event ids rise with time, so the primary key finds what is old; an index less makes each inbox row cheaper.
DROP INDEX inbox_handled_at;

-- Progress is updated for every event: room on the page keeps such an update away from the index.
ALTER TABLE subject_progress SET (fillfactor = 70);
