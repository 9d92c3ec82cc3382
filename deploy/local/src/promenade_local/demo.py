"""`promenade demo`: the story, told against the running stack."""

from promenade_local.errors import StackError


def demo() -> None:
    """Tell the story from registration to the delivered order."""
    raise StackError("the story is not written yet")
