-- One key has no end: the newest. Every other knows when its last token is gone.
CREATE UNIQUE INDEX signing_key_one_without_end ON signing_key ((retires_at IS NULL)) WHERE retires_at IS NULL;
ALTER TABLE signing_key ADD CONSTRAINT signing_key_retires_after_signing CHECK (retires_at > signs_from);
