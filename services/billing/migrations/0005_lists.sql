-- What lists of all invoices and payments are sorted by. An index on a time also holds, by id, those that lack it.
CREATE INDEX invoice_by_created_at ON invoice (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX invoice_by_issued_at ON invoice (issued_at, id) WHERE deleted_at IS NULL;
CREATE INDEX invoice_by_due_at ON invoice (due_at, id) WHERE deleted_at IS NULL;
CREATE INDEX payment_by_created_at ON payment (created_at, id) WHERE deleted_at IS NULL;
