"""What can go wrong with an embedded engine, in words for whoever started it."""


class EngineError(Exception):
    """An engine cannot be prepared or does not answer; the message says which, why and where to look."""
