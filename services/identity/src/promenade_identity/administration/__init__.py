"""What staff do with users: invite, suspend, unlock, delete, and say what they are."""
