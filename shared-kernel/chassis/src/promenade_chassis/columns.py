"""Columns of values as PostgreSQL's binary arrays, for statements that take hundreds of rows through `unnest`.

psycopg dumps a list value by value in Python, which for a batch of events costs more than all its reactions.
Use them as `%(name)b`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import ClassVar
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = struct.Struct("!iiiii")
_EMPTY = struct.Struct("!iii")
_LENGTH = struct.Struct("!i")
_BIGINT = struct.Struct("!iq")
_UUID_LENGTH = _LENGTH.pack(16)


class _Column:
    """A ready binary array of one element type."""

    element: ClassVar[int]

    def __init__(self, parts: Sequence[bytes]) -> None:
        # Dimensions, no NULL, element type, length, lower bound.
        head = _HEAD.pack(1, 0, self.element, len(parts), 1) if parts else _EMPTY.pack(0, 0, self.element)
        self.data = head + b"".join(parts)


class _Uuids(_Column):
    element = 2950


class _Texts(_Column):
    element = 25


class _Bigints(_Column):
    element = 20


def uuids(values: Iterable[UUID]) -> object:
    """`uuid[]`."""
    return _Uuids([_UUID_LENGTH + each.int.to_bytes(16, "big") for each in values])


def texts(values: Iterable[str]) -> object:
    """`text[]`; equal values, as names of reactions are, are encoded once."""
    made: dict[str, bytes] = {}
    return _Texts([made.get(each) or _text(each, made) for each in values])


def bigints(values: Iterable[int]) -> object:
    """`bigint[]`."""
    return _Bigints([_BIGINT.pack(8, each) for each in values])


def _text(value: str, made: dict[str, bytes]) -> bytes:
    raw = value.encode()
    made[value] = _LENGTH.pack(len(raw)) + raw
    return made[value]


class _ColumnDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: _Column) -> bytes:
        return obj.data


class _UuidsDumper(_ColumnDumper):
    oid = 2951


class _TextsDumper(_ColumnDumper):
    oid = 1009


class _BigintsDumper(_ColumnDumper):
    oid = 1016


for _column, _dumper in ((_Uuids, _UuidsDumper), (_Texts, _TextsDumper), (_Bigints, _BigintsDumper)):
    psycopg.adapters.register_dumper(_column, _dumper)
