"""What passes the door, on real sockets."""

from typing import Any

from aiohttp import web
from gateway_rig import Mint, echo, seen, upstream


async def test_a_request_arrives_as_it_was_sent(gateway: Any, mint: Mint) -> None:
    """Method, path, query and body reach the service byte by byte, percent-encoding included."""
    async with upstream(echo) as url, gateway({"billing": url}) as client:
        target = "/api/v1/billing/plans/a%20b%7Ec?q=%41&q=b+c"

        answer = await client.post(target, content=b'{"a":1}', headers=mint.bearer())

    assert answer.status_code == 200
    assert answer.json()["method"] == "POST"
    assert answer.json()["target"] == target
    assert answer.json()["body"] == '{"a":1}'
