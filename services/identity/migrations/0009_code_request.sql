-- Who asked for a code to which address or number: by it codes keep their distance however often a contact is changed,
-- deleted or added again, and whoever asks. Rows older than an hour count for nothing and are dropped.
CREATE TABLE code_request (
    purpose  text NOT NULL,
    value    text NOT NULL,
    user_id  uuid NOT NULL,
    asked_at timestamptz NOT NULL
);
CREATE INDEX code_request_of_value ON code_request (value, purpose, asked_at);
CREATE INDEX code_request_asked_at ON code_request (asked_at);
CREATE INDEX verification_code_expires_at ON verification_code (expires_at);
