-- What a list of everybody's contacts is sorted by.
CREATE INDEX contact_by_created_at ON contact (created_at, id) WHERE deleted_at IS NULL;
