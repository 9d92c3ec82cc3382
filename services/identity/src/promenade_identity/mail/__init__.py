"""Mails waiting to be sent, and the sender."""
