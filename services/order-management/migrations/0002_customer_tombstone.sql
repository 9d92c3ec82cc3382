-- Of a customer who was deleted before anything else was heard of him there is no name, but he is known to be gone.
ALTER TABLE customer ALTER COLUMN name DROP NOT NULL;
ALTER TABLE customer ADD CONSTRAINT customer_named CHECK (name IS NOT NULL OR status = 'deleted');
