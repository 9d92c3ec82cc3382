"""Text from anywhere, made fit for a column."""

_LONGEST = 20_000


def storable(text: str) -> str:
    """What PostgreSQL takes as text: no NUL, no half surrogate, not endless; the end tells most."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[-_LONGEST:]
