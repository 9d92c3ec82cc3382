"""Wire types as operators write them: `order.placed.v1`, `order.placed`, `order.*`."""


def like_of(pattern: str) -> str:
    """The LIKE pattern: `*` is anything, a type without version is every version of it, nothing is everything."""
    if not pattern:
        return "%"
    whole = pattern if "*" in pattern or _has_version(pattern) else f"{pattern}.v*"
    return whole.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_").replace("*", "%")


def _has_version(pattern: str) -> bool:
    last = pattern.rpartition(".")[2]
    return last[:1] == "v" and last[1:].isdigit()
