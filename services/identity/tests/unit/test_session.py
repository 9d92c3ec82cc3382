"""The rules of a session and its refresh tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from promenade_identity.session.entity import (
    GRACE,
    REFRESH_LIFETIME,
    EndReason,
    InvalidRefreshToken,
    Rank,
    RefreshMint,
    RefreshToken,
    Session,
)

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
MINT = RefreshMint(b"a key for tests")


def session(counter: int = 5, rotated_at: datetime = NOW) -> Session:
    return Session(user_id=uuid4(), counter=counter, rotated_at=rotated_at, expires_at=rotated_at + REFRESH_LIFETIME)


def token(of: Session, counter: int) -> RefreshToken:
    return RefreshToken(b"digest", of.id, counter, NOW + REFRESH_LIFETIME)


@pytest.mark.parametrize(
    ("age", "after", "rank"),
    [
        (0, timedelta(0), Rank.CURRENT),
        (0, timedelta(days=6, hours=23), Rank.CURRENT),
        (1, timedelta(0), Rank.PARENT),
        (1, GRACE - timedelta(microseconds=1), Rank.PARENT),
        (1, GRACE, Rank.STALE),
        (1, timedelta(days=1), Rank.STALE),
        (2, timedelta(0), Rank.STALE),
        (5, timedelta(0), Rank.STALE),
    ],
)
def test_the_number_tells_where_a_token_stands(age: int, after: timedelta, rank: Rank) -> None:
    """The current one, its immediate parent for ten seconds, and all the others."""
    family = session()

    assert family.rank(token(family, family.counter - age), NOW + after) is rank


def test_two_rotations_in_one_moment_are_told_apart() -> None:
    """Order comes from the counter: the clock may stand still."""
    family = session()
    family.rotate(NOW, None, None)
    family.rotate(NOW, None, None)

    assert [family.rank(token(family, counter), NOW) for counter in (7, 6, 5)] == [
        Rank.CURRENT,
        Rank.PARENT,
        Rank.STALE,
    ]


def test_rotating_starts_the_week_again() -> None:
    """A session that is used lives on; device and address are those of the last use."""
    family = session()

    family.rotate(NOW + timedelta(days=3), "Phone", None)
    family.rotate(NOW + timedelta(days=6), None, "203.0.113.9")

    assert family.expires_at == NOW + timedelta(days=13)
    assert (family.counter, family.device, family.ip) == (7, "Phone", "203.0.113.9")
    assert family.last_used_at == NOW + timedelta(days=6)


@pytest.mark.parametrize("how", ["ended", "expired", "token expired"])
def test_what_is_over_is_invalid_whatever_the_token(how: str) -> None:
    """An old token of a dead family is no reuse any more."""
    family, now = session(), NOW
    presented = token(family, 0)
    if how == "ended":
        family.end(EndReason.LOGOUT, NOW)
    if how == "expired":
        now = family.expires_at
    if how == "token expired":
        presented = RefreshToken(b"digest", family.id, 0, NOW)

    with pytest.raises(InvalidRefreshToken):
        family.rank(presented, now)


def test_it_ends_once() -> None:
    """The first reason stays."""
    family = session()

    family.end(EndReason.REUSED, NOW)
    family.end(EndReason.LOGOUT, NOW + timedelta(hours=1))

    assert (family.ended_at, family.end_reason) == (NOW, EndReason.REUSED)


def test_first_tokens_are_256_random_bits() -> None:
    """43 characters of base64url; no two are the same."""
    tokens = {MINT.first() for _ in range(100)}

    assert len(tokens) == 100
    assert {len(base64.urlsafe_b64decode(each + "=")) for each in tokens} == {32}


def test_a_successor_is_what_the_contract_says() -> None:
    """base64url(HMAC-SHA256(secret, family ‖ counter ‖ parent)): computed again it is the same."""
    family = session()
    message = family.id.bytes + (6).to_bytes(8, "big") + b"parent"
    expected = base64.urlsafe_b64encode(hmac.digest(b"a key for tests", message, "sha256")).rstrip(b"=").decode()

    assert MINT.successor(family.id, 6, "parent") == expected == MINT.successor(family.id, 6, "parent")


def test_successors_differ_by_family_number_parent_and_secret() -> None:
    """Who knows one token can compute no other."""
    family, other = session(), session()

    tokens = {
        MINT.successor(family.id, 6, "parent"),
        MINT.successor(other.id, 6, "parent"),
        MINT.successor(family.id, 7, "parent"),
        MINT.successor(family.id, 6, "another"),
        RefreshMint(b"another key").successor(family.id, 6, "parent"),
    }

    assert len(tokens) == 5


def test_what_is_stored_does_not_give_the_token_away() -> None:
    """Its SHA-256, under the session's present number."""
    family = session()

    stored = MINT.stored("a token", family)

    assert stored == RefreshToken(hashlib.sha256(b"a token").digest(), family.id, 5, family.expires_at)
