"""What an operator does with users and sessions: on fakes."""

from __future__ import annotations

import pytest
from identity_rooms import PASSWORD, Fakes, Visitor, id_of
from promenade_chassis.ports import NotFound, utc_now
from promenade_identity.audit.entity import Action
from promenade_identity.operator.use_cases import Revoked, revoke_all_sessions, revoke_sessions_of, unlock_user
from promenade_identity.password.entity import NewPassword
from promenade_identity.user.use_cases import create_superadmin
from promenade_kernel.events.identity import UserRolesChanged
from promenade_kernel.values.email import Email


async def test_everybody_is_signed_out(visitor: Visitor, fakes: Fakes) -> None:
    """Lot by lot, with how far it is; sessions end, epochs rise and are announced, and signing in goes as ever."""
    addresses = [f"user{number}@example.com" for number in range(5)]
    signed_in = [await visitor.sign_up(address) for address in addresses]
    signed_in.append(await visitor.login(addresses[0]))
    await visitor.activate("away@example.com")

    told = [done async for done in revoke_all_sessions(room=fakes.rooms.operator)]

    assert told[-1] == Revoked(users=5, sessions=6)
    assert [done.users for done in told] == [2, 4, 5]
    assert {(await visitor.refresh(each["refresh_token"])).status_code for each in signed_in} == {401}
    raised = {each.subject: each.value for each in fakes.revocations.added}
    assert raised == {each["user"]["id"]: 1 for each in signed_in}
    assert fakes.announcements.announced[-1] == 5
    assert (await visitor.user("away@example.com")).authz_epoch == 0
    assert (await visitor.refresh((await visitor.login(addresses[0]))["refresh_token"])).status_code == 200
    assert [done async for done in revoke_all_sessions(room=fakes.rooms.operator)] == [Revoked(1, 1)]


async def test_one_user_is_signed_out(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """However his address is spelled; others stay, and the trail names him."""
    mine, other = await visitor.sign_up(address), await visitor.sign_up(f"other-{address}")

    revoked = await revoke_sessions_of(Email(address.upper()), room=fakes.rooms.operator)

    assert revoked == Revoked(users=1, sessions=1)
    assert (await visitor.refresh(mine["refresh_token"])).status_code == 401
    assert (await visitor.refresh(other["refresh_token"])).status_code == 200
    assert fakes.trail.told_of("session") == [
        (Action.REVOKE_SESSIONS, None, id_of(mine["user"]), {"users": 1, "sessions": 1})
    ]


async def test_a_user_without_sessions_loses_his_tokens_all_the_same(
    visitor: Visitor, fakes: Fakes, address: str
) -> None:
    """The operator need not know what there is."""
    await visitor.activate(address)

    assert await revoke_sessions_of(Email(address), room=fakes.rooms.operator) == Revoked(users=1, sessions=0)
    assert (await visitor.user(address)).authz_epoch == 1


async def test_a_locked_user_is_unlocked(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """He signs in at once, and the count begins anew; it says whether he had been locked."""
    await visitor.activate(address)
    for _ in range(5):
        await visitor.post("/auth/login", {"email": address, "password": "not the password at all"})
    assert (await visitor.user(address)).is_locked(utc_now())

    was_locked = await unlock_user(Email(address), room=fakes.rooms.operator)
    again = await unlock_user(Email(address), room=fakes.rooms.operator)

    assert (was_locked, again) == (True, False)
    user = await visitor.user(address)
    assert (user.failed_logins, user.locked_until) == (0, None)
    assert (Action.UNLOCK_USER, None, user.id, None) in fakes.trail.entries
    await visitor.login(address)


async def test_who_becomes_a_superadmin_by_the_operators_word_has_no_older_tokens(
    visitor: Visitor, fakes: Fakes, address: str
) -> None:
    """What he was is told and revoked as after any change of roles; said again, it changes nothing."""
    before = await visitor.sign_up(address)

    made = [await create_superadmin(Email(address), NewPassword(PASSWORD), room=fakes.rooms.user) for _ in range(2)]

    assert made == [True, False]
    user = await visitor.user(address)
    assert (user.roles, user.authz_epoch) == (("user", "superadmin"), 1)
    assert [(each.subject, each.value) for each in fakes.revocations.added] == [(before["user"]["id"], 1)]
    assert fakes.announcements.announced == [1]
    assert [type(each) for each in fakes.unit_of_work.events].count(UserRolesChanged) == 1


async def test_nobody_is_told_by_name(fakes: Fakes) -> None:
    """An address that is no user's is named, and nothing is recorded."""
    nobody = Email("nobody@example.com")

    for act in (revoke_sessions_of, unlock_user):
        with pytest.raises(NotFound, match="nobody@example"):
            await act(nobody, room=fakes.rooms.operator)

    assert fakes.trail.entries == []
    assert fakes.revocations.added == []
