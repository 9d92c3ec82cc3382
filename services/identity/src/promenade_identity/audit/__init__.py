"""The audit trail: who did what, to whom, and what came of it. Append-only."""
