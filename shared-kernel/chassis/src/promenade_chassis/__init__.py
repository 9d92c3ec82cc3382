"""The plumbing every service stands on."""
