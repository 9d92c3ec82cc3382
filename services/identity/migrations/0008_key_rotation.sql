-- One key has no end: the newest. Every other knows when its last token is gone.
CREATE UNIQUE INDEX signing_key_one_without_end ON signing_key ((retires_at IS NULL)) WHERE retires_at IS NULL;
ALTER TABLE signing_key ADD CONSTRAINT signing_key_retires_after_signing CHECK (retires_at > signs_from);

-- The key of an address folds its local part alone: straße.de and strasse.de are two domains. Others stay as they are.
UPDATE "user" SET email_key = regexp_replace(email_key, '@[^@]*$', '') || substring(email FROM '@[^@]*$')
WHERE email_key <> regexp_replace(email_key, '@[^@]*$', '') || substring(email FROM '@[^@]*$');
