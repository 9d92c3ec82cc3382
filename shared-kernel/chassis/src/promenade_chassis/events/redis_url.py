"""Where a Redis is, as its URL says: one server, or the sentinels that know which one is the master."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

_PORT = 6379
_SENTINEL_PORT = 26379


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address: host and port, or the path of a socket."""

    host: str = "127.0.0.1"
    port: int = _PORT
    path: str = ""


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """A URL, read.

    Attributes:
        kind: `server`; `sentinel`, where `endpoints` are the sentinels; `cluster`, where they are some of its nodes.
        service: the name under which sentinels know the master.
        options: what stands behind the question mark.
    """

    kind: Literal["server", "sentinel", "cluster"]
    endpoints: tuple[Endpoint, ...]
    username: str = ""
    password: str = ""
    database: int = 0
    service: str = ""
    tls: bool = False
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str:
        """One of the options, empty when it is not there."""
        return dict(self.options).get(name, "")

    def tls_context(self) -> ssl.SSLContext | None:
        """Server certificates are checked, against `ssl_ca_certs` where given, unless `ssl_cert_reqs=none`."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=self.option("ssl_ca_certs") or None)
        if self.option("ssl_certfile"):
            context.load_cert_chain(self.option("ssl_certfile"), self.option("ssl_keyfile") or None)
        if self.option("ssl_check_hostname").lower() in ("false", "no", "0"):
            context.check_hostname = False
        if self.option("ssl_cert_reqs").lower() == "none":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def read_url(url: str) -> RedisUrl:
    """Read a URL; one that says nothing of use is a ValueError, which does not repeat its password.

    `redis://user:password@host:port/database` and `rediss://…`, `unix://user:password@/path?db=1`,
    `redis+sentinel://user:password@host:port,host2:port/service/database`, `redis+cluster://host:port,host2:port`;
    `rediss+…` for TLS.
    """
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    common: dict[str, Any] = {"username": unquote(username), "password": unquote(password)}
    common["options"] = tuple(parse_qsl(parts.query))
    common["tls"] = parts.scheme.startswith("rediss")
    path = [unquote(each) for each in parts.path.split("/") if each]
    if parts.scheme == "unix":
        return RedisUrl("server", (Endpoint(path=unquote(parts.path)),), database=_asked_for(common), **common)
    if parts.scheme in ("redis", "rediss"):
        database = _number(path[0]) if path else _asked_for(common)
        return RedisUrl("server", _endpoints(hosts, _PORT)[:1], database=database, **common)
    if parts.scheme in ("redis+sentinel", "rediss+sentinel") and path:
        database = _number(path[1]) if len(path) > 1 else _asked_for(common)
        return RedisUrl("sentinel", _endpoints(hosts, _SENTINEL_PORT), database=database, service=path[0], **common)
    if parts.scheme in ("redis+cluster", "rediss+cluster"):
        return RedisUrl("cluster", _endpoints(hosts, _PORT), **common)
    raise ValueError(f"a Redis URL begins with redis, rediss, unix, redis+sentinel or redis+cluster: {parts.scheme}")


def _endpoints(hosts: str, port: int) -> tuple[Endpoint, ...]:
    return tuple(_endpoint(each, port) for each in hosts.split(",")) if hosts else (Endpoint(port=port),)


def _endpoint(text: str, port: int) -> Endpoint:
    parts = urlsplit(f"//{text}")
    return Endpoint(parts.hostname or "127.0.0.1", parts.port or port)


def _asked_for(common: dict[str, Any]) -> int:
    return _number(dict(common["options"]).get("db", "0"))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("the database of a Redis URL is a number")
    return int(text)
