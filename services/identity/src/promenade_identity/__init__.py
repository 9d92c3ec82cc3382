"""Identity: who a person is, how he proves it and what he may do."""
