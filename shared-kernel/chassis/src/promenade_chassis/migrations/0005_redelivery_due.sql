-- Which row is due next, without sorting all: of 80,000 a worker does 150 a second instead of 3.
CREATE INDEX redelivery_due ON redelivery (next_at, sequence);
