-- No foreign keys: an entry outlives whom it tells of.
CREATE TABLE audit_entry (
    id         uuid PRIMARY KEY,
    at         timestamptz NOT NULL,
    action     text NOT NULL,
    -- `success`, or the code of the problem that was answered.
    outcome    text NOT NULL,
    -- Of the answer; none for what was done from the command line or by a job.
    status     int CHECK (status BETWEEN 100 AND 599),
    actor      uuid,
    subject    text,
    session_id uuid,
    ip         text,
    device     text,
    request_id text,
    details    jsonb NOT NULL CHECK (jsonb_typeof(details) = 'object')
);
CREATE INDEX audit_entry_by_at ON audit_entry (at, id);
CREATE INDEX audit_entry_of_actor ON audit_entry (actor, at, id);
CREATE INDEX audit_entry_of_subject ON audit_entry (subject, at, id);
CREATE INDEX audit_entry_of_action ON audit_entry (action, at, id);
CREATE INDEX audit_entry_of_outcome ON audit_entry (outcome, at, id);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
-- Once a statement, not once a row: then TRUNCATE is refused as well, and what would touch no row too.
CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
-- Also for sessions that switch ordinary triggers off (session_replication_role).
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_stays;
