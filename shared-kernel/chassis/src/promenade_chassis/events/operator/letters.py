"""Dead letters in words, the same in every command."""

from __future__ import annotations

import msgspec

from promenade_chassis.events.operator.records import DeadLetterRecord, WholeDeadLetter
from promenade_chassis.events.operator.wording import clock, one_line, printable


def state_of(letter: DeadLetterRecord) -> str:
    """`open`, `replayed` or `discarded`."""
    if letter.discarded_at is not None:
        return "discarded"
    return "open" if letter.is_open else "replayed"


def name_of(letter: DeadLetterRecord) -> str:
    """The reaction with its context; an entry that was no envelope has none."""
    return letter.reaction if "." in letter.reaction else f"{letter.context}.{letter.reaction}"


def facts_of(letter: DeadLetterRecord) -> dict[str, str]:
    """What there is to know, by name."""
    lines = {
        "dead letter": str(letter.id),
        "event": str(letter.event_id or "unreadable"),
        "type": letter.type or "-",
        "subject": f"{letter.subject or '-'} of {letter.source or '-'}",
        "reaction": f"{letter.reaction} in {letter.context}",
        "attempts": str(letter.attempts),
        "written": clock(letter.created_at),
        "state": state_of(letter),
        "reason": one_line(letter.reason, 500),
    }
    if letter.replayed_at is not None:
        lines["replayed"] = clock(letter.replayed_at)
    if letter.discarded_at is not None:
        lines["discarded"] = f"{clock(letter.discarded_at)}  {one_line(letter.discard_reason or '', 500)}"
    return lines


def blocks_of(letter: WholeDeadLetter) -> dict[str, list[str]]:
    """Envelope and traceback, as lines."""
    blocks = {"envelope": _pretty(letter.envelope), "traceback": letter.traceback.rstrip()}
    return {title: [printable(line) for line in text.splitlines()] for title, text in blocks.items() if text}


def _pretty(envelope: str) -> str:
    try:
        return msgspec.json.format(envelope, indent=2)
    except msgspec.DecodeError:
        return envelope
