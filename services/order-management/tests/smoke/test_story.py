"""The cash flow, on fakes."""

from __future__ import annotations

from uuid import UUID

import httpx
from order_story import tell_the_story
from order_world import World


async def test_an_order_goes_from_draft_to_completed(
    client: httpx.AsyncClient, staff: dict[str, str], world: World, user_id: UUID
) -> None:
    """Each step is where it should be, and the timeline tells all of them."""
    await tell_the_story(client, staff, world, user_id)
