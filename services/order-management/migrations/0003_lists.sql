-- What lists of all orders are sorted by. One index holds the orders that were placed, by time, and the others, by id;
-- it does all that the one before did.
CREATE INDEX orders_by_created_at ON orders (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_by_placing ON orders (placed_at, id) WHERE deleted_at IS NULL;
DROP INDEX orders_by_placed_at;
