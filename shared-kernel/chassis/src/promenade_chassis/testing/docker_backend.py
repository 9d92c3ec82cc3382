"""The engines in containers, through testcontainers: the images that compose.yaml names."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from promenade_chassis.embedded.valkey import DATABASES
from promenade_chassis.testing.backends import START_WITHIN, Backends
from promenade_chassis.testing.polling import eventually_blocking

POSTGRES_IMAGE = "postgres:18"
REDIS_IMAGE = "redis:8"
# Without a password Redis answers only inside its container unless told otherwise.
REDIS_COMMAND = [
    *("redis-server", "--databases", str(DATABASES), "--protected-mode", "no"),
    *("--save", "", "--appendonly", "no"),
]
# The warden removes the containers whatever happens; the library's own reaper would be one more image to fetch.
testcontainers_config.ryuk_disabled = True
NOT_DURABLE = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off -c max_connections=200"


@contextmanager
def started(_folder: Path) -> Generator[Backends]:
    """Both containers for the length of a with block."""
    postgres = (
        DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_PASSWORD", "postgres")
        .with_exposed_ports(5432)
        .with_command(f"postgres {NOT_DURABLE}")
    )
    redis = DockerContainer(REDIS_IMAGE).with_exposed_ports(6379).with_command(REDIS_COMMAND)
    with postgres, redis:
        postgres_at, redis_at = _address(postgres, 5432), _address(redis, 6379)
        url = f"postgresql://postgres:postgres@{postgres_at[0]}:{postgres_at[1]}/postgres"
        # Docker accepts connections to a published port before anybody listens behind it.
        eventually_blocking(lambda: psycopg.connect(url, connect_timeout=2).close(), within=START_WITHIN, every=0.1)
        eventually_blocking(lambda: _ping(redis_at), within=START_WITHIN, every=0.1)
        yield Backends(postgres_url=url, redis_url=f"redis://{redis_at[0]}:{redis_at[1]}")


def _address(container: DockerContainer, port: int) -> tuple[str, int]:
    return container.get_container_host_ip(), int(container.get_exposed_port(port))


def _ping(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=2) as connection:
        connection.sendall(b"PING\r\n")
        if not connection.recv(16).startswith(b"+PONG"):
            raise ConnectionError("Redis does not answer PING yet")
