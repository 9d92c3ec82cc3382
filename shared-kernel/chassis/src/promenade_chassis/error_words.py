"""Errors as logs may tell them. PostgreSQL's messages quote what was to be written: `Key (email)=(ada@…) exists`."""

from __future__ import annotations

import traceback
from typing import cast

import psycopg

_LONGEST_CHAIN = 20


def name_of(error: BaseException) -> str:
    """The class, and the SQLSTATE where PostgreSQL gave one: `UniqueViolation 23505`."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return f"{type(error).__name__} {state}" if state else type(error).__name__


def text_of(error: BaseException) -> str:
    """Class and message; only the name of what PostgreSQL refused, and of what follows from that and may repeat it."""
    if any(isinstance(each, psycopg.Error) and each.sqlstate is not None for each in _chain(error)):
        return name_of(error)
    return f"{type(error).__name__}: {error}"


def trace_of(error: BaseException) -> str:
    """The traceback with files and lines, causes first, each error in the words of `text_of`."""
    return "\n".join(_part_of(each) for each in reversed(_chain(error)))


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it came from, the last ones."""
    chain = [error]
    while len(chain) < _LONGEST_CHAIN and (before := _before(chain[-1])) is not None:
        chain.append(before)
    return chain


def _before(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _part_of(error: BaseException) -> str:
    inner = [trace_of(each) for each in _inner(error)]
    own = ["Traceback (most recent call last):\n", *traceback.format_tb(error.__traceback__), text_of(error)]
    return "\n".join([*inner, "".join(own)])


def _inner(error: BaseException) -> tuple[BaseException, ...]:
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).exceptions
    return ()
