-- What lists of all customers are sorted by. Text by code point, whatever the database's own collation is.
CREATE INDEX customer_by_created_at ON customer (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX customer_by_name ON customer (name COLLATE "C", id) WHERE deleted_at IS NULL;
