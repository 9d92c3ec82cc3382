"""A real SMTP server in this process, and what it took."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ipaddress
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from promenade_identity.mail.smtp import SmtpSettings

# Everybody who signs in is called so.
USERNAME, PASSWORD = "promenade", "the mail server's password"


@dataclass
class Inbox:
    """What an SMTP server took, and how it behaves.

    Attributes:
        answers: given to the next messages instead of 250.
        refused: the answer to a recipient, by address.
        slow: seconds before each message is answered.
        closing: the connection is cut instead of answering so many messages.
    """

    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    slow: float = 0
    closing: int = 0
    connections: int = 0
    encrypted: list[bool] = field(default_factory=list)
    signed_in: list[bool] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        await asyncio.sleep(self.slow)
        if self.closing:
            self.closing -= 1
            server.transport.abort()
            return "421 Gone"
        if self.answers:
            return self.answers.pop(0)
        self.recipients += envelope.rcpt_tos
        self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        self.signed_in.append(bool(session.authenticated))
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Lets `USERNAME` in with `PASSWORD`; an option of `serving`."""
        self.passwords.append(data.password.decode())
        right = mechanism in ("PLAIN", "LOGIN") and (data.login, data.password) == (
            USERNAME.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=right, handled=False)

    def to(self, address: str) -> list[EmailMessage]:
        """The messages to an address, oldest first."""
        return [message for message in self.messages if str(message["To"]) == address]

    def settings(self, **more: Any) -> SmtpSettings:
        """Where this server is."""
        return SmtpSettings(host="127.0.0.1", port=self.port, **more)


@asynccontextmanager
async def serving(
    inbox: Inbox, port: int = 0, *, tls: ssl.SSLContext | None = None, implicit: bool = False, **options: Any
) -> AsyncGenerator[None, None]:
    """The server listens while the block runs; with `tls` it offers STARTTLS, or `implicit`ly speaks nothing else."""
    loop = asyncio.get_running_loop()
    taken: list[SMTP] = []

    def take() -> SMTP:
        inbox.connections += 1
        taken.append(SMTP(inbox, hostname="mail.test", tls_context=None if implicit else tls, loop=loop, **options))
        return taken[-1]

    server = await loop.create_server(take, "127.0.0.1", port, ssl=tls if implicit else None)
    inbox.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        for each in taken:
            if each.transport is not None:
                each.transport.abort()
        await server.wait_closed()


def text_of(message: EmailMessage) -> str:
    """The text part."""
    part = message.get_body(("plain",))
    assert part is not None
    return part.get_content()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server on 127.0.0.1 shows, and the file (PEM) of the authority that vouches for it: itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, secret = folder / "certificate.pem", folder / "key.pem"
    shown.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, secret)
    return context, shown
