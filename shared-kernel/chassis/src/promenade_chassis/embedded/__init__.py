"""The engines as wheels: PostgreSQL 18 and Valkey 9, started as child processes, nothing to install."""
