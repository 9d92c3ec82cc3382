-- Invitations, suspensions with their reason, and the way back from a deletion.
ALTER TABLE "user"
    ADD COLUMN is_invited        boolean NOT NULL DEFAULT false,
    -- What whoever invited him calls him; his profile takes it over.
    ADD COLUMN invited_name      text,
    -- From when the days count that a pending user has; NULL: since he was created.
    ADD COLUMN pending_since     timestamptz,
    ADD COLUMN suspension_reason text CHECK (char_length(suspension_reason) BETWEEN 1 AND 500),
    ADD COLUMN deleted_from      text CHECK (deleted_from IN ('pending', 'active', 'suspended')),
    ADD CONSTRAINT user_suspension_reason CHECK (suspension_reason IS NULL OR status IN ('suspended', 'deleted')),
    ADD CONSTRAINT user_deleted_from CHECK (deleted_from IS NULL OR status = 'deleted');

DROP INDEX user_pending_since;
CREATE INDEX user_pending_since ON "user" (coalesce(pending_since, created_at)) WHERE status = 'pending';
CREATE INDEX user_suspended_until ON "user" (suspended_until) WHERE status = 'suspended';
CREATE INDEX user_active_superadmin ON "user" (id) WHERE status = 'active' AND 'superadmin' = ANY (roles);

-- What the list of users is sorted by.
CREATE INDEX user_by_created_at ON "user" (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX user_by_last_login_at ON "user" (last_login_at, id) WHERE deleted_at IS NULL;
CREATE INDEX user_by_email ON "user" (email COLLATE "C", id) WHERE deleted_at IS NULL;
