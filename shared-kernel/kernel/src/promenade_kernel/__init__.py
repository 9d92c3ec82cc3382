"""The shared kernel: immutable values and event schemas. No I/O, no framework."""
