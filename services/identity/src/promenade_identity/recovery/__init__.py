"""Another password for a user who has one: forgotten and set anew, or changed."""
