"""What can be wrong with an event that arrives."""


class UnknownEventType(Exception):
    """An event of a type this version of the kernel has no class for; its producer is newer. Skip it."""

    def __init__(self, wire: str) -> None:
        super().__init__(f"no event class is registered for {wire!r}")
        self.wire = wire


class PoisonMessage(Exception):
    """A message that can never be read: no envelope, or a payload that breaks its type's schema."""
