"""What the gateway's tests share: services to stand behind it, tokens of our own, and a client that speaks raw HTTP."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import redis.asyncio
from aiohttp import web
from promenade_chassis.auth import AccessToken, Keys, TokenVerifier
from promenade_chassis.config import AuthSettings, HttpSettings, RedisSettings, Settings
from promenade_chassis.testing.issuer import AUDIENCE, ISSUER, Issuer
from promenade_chassis.testing.polling import stretched
from promenade_chassis.testing.ports import lent_port
from promenade_gateway.admission import RedisAway, Standing, Verdict
from promenade_gateway.limits import Bucket
from promenade_gateway.token_bucket import Draw
from promenade_kernel.values.ids import new_id

CONTEXTS = ("identity", "customer-management", "order-management", "billing")

# Trusts nobody and speaks to nobody: reading the system's certificates takes longer than most tests.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Mint:
    """Makes access tokens, and verifiers that believe them."""

    def __init__(self) -> None:
        self._issuer = Issuer()

    def verifier(self) -> TokenVerifier:
        """A verifier with the mint's public key."""
        return TokenVerifier(Keys(self._issuer.fetch), issuer=ISSUER, audience=AUDIENCE)

    def token(self, user: UUID | None = None, **claims: Any) -> str:
        """A token; claims given replace the good ones, None leaves one out."""
        return self._issuer.token(**{"sub": str(user or new_id()), **claims})

    def bearer(self, user: UUID | None = None, **claims: Any) -> dict[str, str]:
        """The Authorization header with such a token."""
        return {"Authorization": f"Bearer {self.token(user, **claims)}"}


class FakeAdmission:
    """Lets everybody in, until told otherwise; remembers what it was asked."""

    def __init__(self) -> None:
        self.away = False
        self.standing = Standing.GOOD
        self.allowed = True
        self.asked: list[tuple[AccessToken | None, list[str]]] = []

    async def ask(self, token: AccessToken | None, buckets: tuple[Bucket, ...]) -> Verdict:
        self.asked.append((token, [bucket.key for bucket in buckets]))
        if self.away:
            raise RedisAway("away")
        standing = self.standing if token is not None else Standing.GOOD
        return Verdict(standing, Draw(self.allowed, 7, '"fake";r=1;t=1'))

    async def close(self) -> None:
        pass


def settings_for(
    upstreams: Mapping[str, str | list[str]],
    *,
    profile: str = "test",
    redis_url: str = "redis://127.0.0.1:1/0",
    http: Mapping[str, Any] | None = None,
    **gateway: Any,
) -> Settings:
    """Settings of a gateway in front of these upstreams; contexts not named have one that nobody listens on."""
    nobody = {context: ["http://127.0.0.1:1"] for context in CONTEXTS}
    urls = {name: [url] if isinstance(url, str) else url for name, url in upstreams.items()}
    return Settings(
        profile=profile,
        auth=AuthSettings(issuer=ISSUER, jwks_url="http://127.0.0.1:1/"),
        http=HttpSettings(**{"port": lent_port(), **(http or {})}),
        redis=RedisSettings(url=redis_url),
        extra={"gateway": {"upstreams": {**nobody, **urls}, **gateway}},
    )


def url_of(settings: Settings) -> str:
    """Where the gateway of these settings answers."""
    return f"http://127.0.0.1:{settings.http.port}"


def client_of(url: str, **named: Any) -> httpx.AsyncClient:
    """A client of what answers there, without TLS."""
    return httpx.AsyncClient(**{"base_url": url, "verify": _NO_TLS, "timeout": 60, **named})


@asynccontextmanager
async def upstream(handler: Handler, port: int = 0) -> AsyncGenerator[str, None]:
    """A service on a real socket that answers everything with `handler`."""
    runner = web.ServerRunner(
        web.Server(handler, handler_cancellation=True), auto_decompress=False, shutdown_timeout=0.1
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_upstream(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncGenerator[str, None]:
    """A service that speaks (or breaks) HTTP by hand."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def commands_to(store: redis.asyncio.Redis) -> AsyncGenerator[Counter[str], None]:
    """How often each command comes to the store's database while the block runs, counted when it has ended.

    The server's own statistics would count what other tests do in their databases of it.
    """
    counts: Counter[str] = Counter()
    database, end = store.connection_pool.connection_kwargs["db"], str(new_id())
    async with store.monitor() as monitor:
        yield counts
        await store.echo(end)
        async for heard in monitor.listen():
            name, _, rest = str(heard["command"]).partition(" ")
            if rest == end:
                return
            if heard["db"] == database and heard["client_type"] != "lua":
                counts[name.upper()] += 1


async def speak(client: httpx.AsyncClient, request: bytes) -> bytes:
    """Send bytes as they are and read until the gateway closes; what a broken connection left is not returned."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    try:
        writer.write(request)
        async with asyncio.timeout(stretched(10)):
            return await reader.read()
    finally:
        writer.close()


async def echo(request: web.Request) -> web.Response:
    """Answer with what arrived."""
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "headers": [[name.decode().lower(), value.decode("latin-1")] for name, value in request.raw_headers],
            "body": (await request.read()).decode("latin-1"),
        }
    )


def seen(answer: Any) -> dict[str, str]:
    """The headers that the service of `echo` saw."""
    return dict(answer.json()["headers"])
