"""Services behind TLS: whose certificate counts, and that the connection is used again."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PLANS = "/api/v1/billing/plans"


@dataclass(frozen=True)
class Certificate:
    """In the file are the certificate, which is its own authority, and its key."""

    file: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context


def a_certificate(file: Path, name: x509.GeneralName, *, days: int = 1) -> Certificate:
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file.stem)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return Certificate(file)


HERE = x509.IPAddress(ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("billing.example.com")


@asynccontextmanager
async def behind_tls(certificate: Certificate, callers: list[Any]) -> AsyncGenerator[str, None]:
    """A service that notes from which port each request came."""

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        callers.append(request.transport.get_extra_info("peername")[1])
        return web.Response(body=b"x" * 300_000)

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate.context()).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_service_behind_tls_is_asked_over_one_connection(gateway: Any, tmp_path: Path) -> None:
    """Its certificate is of the authority that was configured."""
    certificate, callers = a_certificate(tmp_path / "good.pem", HERE), list[Any]()
    async with (
        behind_tls(certificate, callers) as url,
        gateway({"billing": url}, upstream_ca=str(certificate.file)) as client,
    ):
        answers = [await client.get(PLANS) for _ in range(5)]

    assert [(answer.status_code, len(answer.content)) for answer in answers] == [(200, 300_000)] * 5
    assert len(set(callers)) == 1


@pytest.mark.parametrize(
    ("name", "days", "same"),
    [(HERE, 1, False), (ELSEWHERE, 1, True), (HERE, -1, True)],
    ids=["another authority", "another name", "expired"],
)
async def test_a_service_that_cannot_prove_who_it_is_hears_nothing(
    gateway: Any, tmp_path: Path, name: x509.GeneralName, days: int, same: bool
) -> None:
    """503, as if it were not there."""
    shown, callers = a_certificate(tmp_path / "shown.pem", name, days=days), list[Any]()
    believed = shown if same else a_certificate(tmp_path / "believed.pem", HERE)
    async with (
        behind_tls(shown, callers) as url,
        gateway({"billing": url}, upstream_ca=str(believed.file)) as client,
    ):
        answer = await client.get(PLANS)

    assert (answer.status_code, answer.json()["code"]) == (503, "service-unavailable")
    assert callers == []


async def test_without_an_authority_of_its_own_the_systems_count(gateway: Any, tmp_path: Path) -> None:
    """Which do not know this one."""
    certificate, callers = a_certificate(tmp_path / "good.pem", HERE), list[Any]()
    async with behind_tls(certificate, callers) as url, gateway({"billing": url}) as client:
        answer = await client.get(PLANS)

    assert answer.status_code == 503
    assert callers == []
