"""Processes of ours, started as `promenade up` starts them, with tokens that they believe."""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import psycopg
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from engines import Rig
from promenade_chassis.embedded.databases import create_databases, database_name
from promenade_chassis.migrations import folders_of, migrate
from promenade_chassis.testing.issuer import AUDIENCE, ISSUER, Issuer
from promenade_local.environment import config_folder
from serving import Served, free_port, serving

HOURS = 6 * 3600
PROFILED = Path(__file__).with_name("profiled.py")


class Mint:
    """Tokens of many people: EdDSA as Identity signs them, RS256 with the same claims for those who know no other."""

    def __init__(self) -> None:
        self.issuer = Issuer()

    @cached_property
    def rsa_key(self) -> rsa.RSAPrivateKey:
        """The key of the RS256 tokens."""
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, permissions: tuple[str, ...] = ("orders:read",)) -> str:
        """Of somebody new."""
        return self.issuer.token(**self._claims(permissions))

    def rs256_token(self) -> str:
        """Of somebody new, signed with RS256."""
        claims = self.issuer.claims(**self._claims(("orders:read",)))
        pem = self.rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return jwt.encode(claims, pem, algorithm="RS256", headers={"typ": "at+jwt", "kid": "rsa-1"})

    def public_rsa(self) -> bytes:
        """The public key of the RS256 tokens as PEM."""
        return self.rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def _claims(self, permissions: tuple[str, ...]) -> dict[str, Any]:
        # Good for as long as a row may take.
        return {"sub": str(uuid4()), "permissions": list(permissions), "exp": int(time.time()) + HOURS}


@contextmanager
def publishing(mint: Mint) -> Iterator[str]:
    """The URL of the public keys, as Identity has one."""
    content = json.dumps({"keys": [mint.issuer.jwk()]}).encode()

    class Jwks(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Jwks)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _serving_ours(rig: Rig, context: str, keys: str, own: Mapping[str, str]) -> Iterator[Served]:
    port, module = free_port(), f"promenade_{database_name(context)}"
    env = {
        **config_folder("embedded"),
        "PROMENADE_PROFILE": "embedded",
        "PROMENADE_REDIS__URL": f"{rig.redis_url}/0",
        "PROMENADE_AUTH__ISSUER": ISSUER,
        "PROMENADE_AUTH__AUDIENCE": AUDIENCE,
        "PROMENADE_AUTH__JWKS_URL": keys,
        "PROMENADE_HTTP__PORT": str(port),
        **own,
    }
    how = (str(PROFILED), str(rig.profiles / f"{context}.prof")) if rig.profiles else ("-m",)
    command = (sys.executable, *how, module, "serve")
    with serving(command, port, rig.folder, name=context, env=env, ready="/health/live") as served:
        yield dataclasses.replace(served, profiled=rig.profiles is not None)


@contextmanager
def serving_gateway(rig: Rig, mint: Mint, upstream: Served, processes: int = 1) -> Iterator[Served]:
    """The gateway with all its checks, in front of one upstream for Order Management; profiled it is one process."""
    rig.emptied_redis().set("{auth}:mark", 0)  # what Identity writes: all revocations are there, and there are none
    contexts = ("identity", "customer-management", "order-management", "billing")
    upstreams = {name: [f"http://127.0.0.1:{upstream.port}"] for name in contexts}
    own = {
        "PROMENADE_GATEWAY__UPSTREAMS": json.dumps(upstreams),
        "PROMENADE_GATEWAY__ACCOUNT_SECRET": uuid4().hex,
        "PROMENADE_GATEWAY__PROCESSES": "1" if rig.profiles else str(processes),
    }
    with publishing(mint) as keys, _serving_ours(rig, "gateway", keys, own) as served:
        yield served


@contextmanager
def serving_service(rig: Rig, mint: Mint, context: str, url: str) -> Iterator[Served]:
    """A service in the role `serve`, without gateway, on a database of its own."""
    own = {"PROMENADE_DATABASE__URL": url, "PROMENADE_CURSOR_KEY": uuid4().hex}
    with publishing(mint) as keys, _serving_ours(rig, context, keys, own) as served:
        yield served


def new_database(rig: Rig, name: str, package: str) -> str:
    """The URL of a fresh database with a service's tables."""
    with psycopg.connect(rig.engines.postgres.admin_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
    create_databases(rig.engines.postgres.admin_url, [name])
    url = rig.engines.postgres.url(name, name)
    migrate(url, folders_of(package))
    return url
