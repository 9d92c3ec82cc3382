"""What staff do with users: invite, suspend, reinstate, unlock, delete, restore, give roles."""
