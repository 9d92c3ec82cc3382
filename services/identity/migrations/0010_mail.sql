-- The text is there as long as it is needed, and no longer, whoever writes here.
ALTER TABLE mail ADD CONSTRAINT mail_erased_when_done
    CHECK ((sealed IS NULL) = (sent_at IS NOT NULL OR refused_at IS NOT NULL));
-- By which done mails are forgotten.
CREATE INDEX mail_done ON mail (coalesce(sent_at, refused_at)) WHERE sealed IS NULL;
