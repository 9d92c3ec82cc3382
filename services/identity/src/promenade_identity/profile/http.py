"""Routes of profiles."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get, patch
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType
from promenade_chassis.http.access import own, principal_of, public
from promenade_chassis.http.resources import AnyRequest, Caller, ExpectedVersion, PathId, shown
from promenade_kernel.values.address import Country

from promenade_identity.profile import use_cases
from promenade_identity.profile.entity import MAX_LINKS, Bio, DisplayName, HttpsUrl, Locale, PersonName, Timezone
from promenade_identity.profile.use_cases import ProfileRoom
from promenade_identity.shapes import ProfileResource, shape

Room = NamedDependency[ProfileRoom]


class ChangeProfile(msgspec.Struct, kw_only=True):
    """What to change; null clears a field."""

    display_name: DisplayName | None | UnsetType = UNSET
    given_name: PersonName | None | UnsetType = UNSET
    family_name: PersonName | None | UnsetType = UNSET
    bio: Bio | None | UnsetType = UNSET
    avatar_url: HttpsUrl | None | UnsetType = UNSET
    date_of_birth: date | None | UnsetType = UNSET
    locale: Locale | None | UnsetType = UNSET
    timezone: Timezone | None | UnsetType = UNSET
    country: Country | None | UnsetType = UNSET
    links: Annotated[list[HttpsUrl], Meta(max_length=MAX_LINKS)] | UnsetType = UNSET
    is_public: bool | UnsetType = UNSET

    def named(self) -> dict[str, Any]:
        """The fields the body named, with their new values."""
        given = {field: getattr(self, field) for field in self.__struct_fields__}
        changes = {field: value for field, value in given.items() if value is not UNSET}
        if "links" in changes:
            changes["links"] = tuple(changes["links"])
        return changes


class ProfileController(Controller):
    """/profiles"""

    path = "/profiles"
    tags = ("profiles",)

    @get("/me", access=own(), operation_id="get_own_profile", summary="Read one's own profile", refuses=(404,))
    async def read_own(self, principal: Caller, profile_room: Room) -> Response[ProfileResource]:
        """The profile with its ETag."""
        return _shown(await use_cases.get_own_profile(principal=principal, room=profile_room))

    @patch("/me", access=own(), operation_id="change_own_profile", summary="Change one's own profile", refuses=(404,))
    async def change_own(
        self, data: JSONBody[ChangeProfile], expected_version: ExpectedVersion, principal: Caller, profile_room: Room
    ) -> Response[ProfileResource]:
        """Changes the fields that are named; others stay."""
        return _shown(
            await use_cases.change_profile(
                principal.id, data.named(), expected_version=expected_version, principal=principal, room=profile_room
            )
        )

    @get(
        "/{user_id:uuid}",
        access=public(),
        operation_id="get_profile",
        summary="Read a user's profile",
    )
    async def read(self, user_id: PathId, request: AnyRequest, profile_room: Room) -> Response[ProfileResource]:
        """A public profile, which anybody may read, or one's own; with profiles:read any."""
        caller = principal_of(request.scope)
        return _shown(await use_cases.get_profile(user_id, principal=caller, room=profile_room))

    @patch(
        "/{user_id:uuid}",
        access=own(use_cases.WRITE),
        operation_id="change_profile",
        summary="Change a user's profile",
    )
    async def change(
        self,
        user_id: PathId,
        data: JSONBody[ChangeProfile],
        expected_version: ExpectedVersion,
        principal: Caller,
        profile_room: Room,
    ) -> Response[ProfileResource]:
        """Changes the fields that are named; without profiles:write one's own alone."""
        return _shown(
            await use_cases.change_profile(
                user_id, data.named(), expected_version=expected_version, principal=principal, room=profile_room
            )
        )


def _shown(profile: object) -> Response[ProfileResource]:
    return shown(shape(ProfileResource, profile))
