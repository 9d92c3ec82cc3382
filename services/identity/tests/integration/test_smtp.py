"""Talking to a real SMTP server: encryption, passwords, refusals, delays, and one connection for many mails."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from identity_smtp import PASSWORD, USERNAME, Inbox, certificate, serving, text_of
from promenade_chassis.config import ConfigurationError
from promenade_identity.mail.entity import Mail, MailNotTaken, MailRefused, MailServerAway
from promenade_identity.mail.smtp import SmtpSettings, SmtpTransport
from promenade_kernel.values.email import Email

# How each begins. The library takes a connection that was encrypted from the start for a bare one.
TLS_KINDS: dict[str, dict[str, bool]] = {"starttls": {}, "tls": {"implicit": True, "auth_require_tls": False}}


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


@asynccontextmanager
async def smtp(inbox: Inbox, **settings: Any) -> AsyncGenerator[SmtpTransport, None]:
    transport = SmtpTransport(inbox.settings(**settings))
    try:
        yield transport
    finally:
        await transport.rest()


def mail_to(address: str = "ada@example.com", **parts: str) -> Mail:
    return Mail(to=Email(address), **{"subject": "s", "text": "The code is 042137\n", "html": "<p>…</p>", **parts})


@pytest.mark.parametrize("security", TLS_KINDS)
async def test_mails_travel_encrypted_and_signed_in(
    inbox: Inbox, shown: tuple[ssl.SSLContext, Path], security: Any
) -> None:
    """Over STARTTLS as over TLS from the start, with the password, to a server whose certificate is trusted."""
    context, ca_file = shown
    settings = {"security": security, "ca_file": str(ca_file), "username": USERNAME, "password": PASSWORD}

    server = serving(inbox, tls=context, authenticator=inbox.authenticate, auth_required=True, **TLS_KINDS[security])
    async with server, smtp(inbox, **settings) as transport:
        await transport.deliver(mail_to())

    assert (inbox.encrypted, inbox.signed_in) == ([True], [True])
    assert text_of(inbox.messages[0]).strip() == "The code is 042137"


@pytest.mark.parametrize("security", TLS_KINDS)
async def test_a_server_that_nobody_vouches_for_gets_nothing(
    inbox: Inbox, shown: tuple[ssl.SSLContext, Path], security: Any
) -> None:
    """Neither mail nor password; both wait until the certificate is mended."""
    context, _ = shown
    settings = {"security": security, "username": USERNAME, "password": PASSWORD}

    server = serving(inbox, tls=context, authenticator=inbox.authenticate, **TLS_KINDS[security])
    async with server, smtp(inbox, **settings) as transport:
        with pytest.raises(MailServerAway):
            await transport.deliver(mail_to())

    assert (inbox.messages, inbox.passwords) == ([], [])


async def test_a_wrong_password_costs_no_mail(inbox: Inbox, shown: tuple[ssl.SSLContext, Path]) -> None:
    """It is the settings that are wrong: the mail waits."""
    context, ca_file = shown
    settings = {"ca_file": str(ca_file), "username": USERNAME, "password": "another"}

    server = serving(inbox, tls=context, authenticator=inbox.authenticate)
    async with server, smtp(inbox, **settings) as transport:
        with pytest.raises(MailServerAway, match="SMTPAuthenticationError 535"):
            await transport.deliver(mail_to())


async def test_a_server_that_wants_a_password_costs_no_mail(inbox: Inbox) -> None:
    """530 is permanent, but it speaks of the settings and not of the mail."""
    server = serving(inbox, authenticator=inbox.authenticate, auth_required=True, auth_require_tls=False)
    async with server, smtp(inbox) as transport:
        with pytest.raises(MailNotTaken, match="SMTPSenderRefused 530"):
            await transport.deliver(mail_to())


@pytest.mark.parametrize("code", [530, 534, 535, 538])
async def test_no_refusal_of_ours_is_taken_for_one_of_the_mail(inbox: Inbox, code: int) -> None:
    """Some servers ask for the password only when they hear the recipient."""
    inbox.refused = {"ada@example.com": f"{code} Authentication required"}

    async with serving(inbox), smtp(inbox) as transport:
        with pytest.raises(MailNotTaken, match=str(code)):
            await transport.deliver(mail_to())


@pytest.mark.parametrize("settings", [{"username": USERNAME, "password": PASSWORD}, {"security": "starttls"}])
async def test_nothing_travels_in_the_clear_where_that_is_not_wanted(inbox: Inbox, settings: dict[str, Any]) -> None:
    """A server without TLS is told neither password nor mail."""
    server = serving(inbox, authenticator=inbox.authenticate, auth_require_tls=False)
    async with server, smtp(inbox, **settings) as transport:
        with pytest.raises(MailServerAway):
            await transport.deliver(mail_to())

    assert (inbox.messages, inbox.passwords) == ([], [])


async def test_without_a_password_a_server_may_have_no_tls(inbox: Inbox) -> None:
    """A relay on the same machine, for one."""
    async with serving(inbox), smtp(inbox) as transport:
        await transport.deliver(mail_to())

    assert inbox.encrypted == [False]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"security": "none", "username": "promenade"}, "security"),
        ({"sender": "nobody"}, "sender"),
        ({"sender": "Promenade <no-reply@>"}, "sender"),
        ({"ca_file": "missing.pem"}, "ca_file"),
    ],
    ids=["password in the clear", "no address", "no domain", "no authority"],
)
def test_settings_that_cannot_work_are_refused_at_the_start(settings: dict[str, Any], named: str) -> None:
    """And named, instead of leaving every mail waiting."""
    with pytest.raises(ConfigurationError, match=named):
        SmtpTransport(SmtpSettings(host="127.0.0.1", **settings))


async def test_mails_that_follow_each_other_share_a_connection(inbox: Inbox) -> None:
    """When nothing follows it is given back, and the next mail makes another."""
    async with serving(inbox), smtp(inbox) as transport:
        for _ in range(3):
            await transport.deliver(mail_to())
        before = inbox.connections
        await transport.rest()
        await transport.deliver(mail_to())

    assert (before, inbox.connections, len(inbox.messages)) == (1, 2, 4)


async def test_refusals_are_told_from_delays(inbox: Inbox) -> None:
    """5xx is for ever, 4xx is not, whether it is said to the recipient or to the message; the connection goes on."""
    inbox.refused = {
        "nobody@example.com": "550 No such user nobody@example.com",
        "full@example.com": "452 Mailbox full",
    }
    inbox.answers = ["554 Never", "451 Later"]

    async with serving(inbox), smtp(inbox) as transport:
        with pytest.raises(MailRefused, match=r"^SMTPRecipientRefused 550$"):
            await transport.deliver(mail_to("nobody@example.com"))
        with pytest.raises(MailNotTaken, match=r"^SMTPRecipientRefused 452$"):
            await transport.deliver(mail_to("full@example.com"))
        with pytest.raises(MailRefused, match=r"^SMTPDataError 554$"):
            await transport.deliver(mail_to())
        with pytest.raises(MailNotTaken, match=r"^SMTPDataError 451$"):
            await transport.deliver(mail_to())
        await transport.deliver(mail_to())

    assert (inbox.connections, len(inbox.messages)) == (1, 1)


async def test_a_slow_server_is_not_waited_for_for_ever(inbox: Inbox) -> None:
    """After its time is up the mail waits for a server that is quick again."""
    inbox.slow = 60

    async with serving(inbox), smtp(inbox, timeout_seconds=0.3) as transport:
        with pytest.raises(MailServerAway):
            await transport.deliver(mail_to())
        inbox.slow = 0
        async with smtp(inbox) as patient:
            await patient.deliver(mail_to())

    assert len(inbox.messages) == 1


async def test_a_server_that_hangs_up_is_called_again(inbox: Inbox) -> None:
    """The mail in hand is not taken to be sent; the next one finds a new connection."""
    async with serving(inbox), smtp(inbox) as transport:
        await transport.deliver(mail_to())
        inbox.closing = 1
        with pytest.raises(MailServerAway):
            await transport.deliver(mail_to())
        await transport.deliver(mail_to())

    assert (inbox.connections, len(inbox.messages)) == (2, 2)


@pytest.mark.parametrize(
    ("address", "in_envelope"),
    [
        ("o'brien+tag@example.com", "o'brien+tag@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@faß.example", "ada@xn--fa-hia.example"),
    ],
    ids=["punctuation", "umlaut", "sharp s"],
)
async def test_unusual_addresses_are_written_to(inbox: Inbox, address: str, in_envelope: str) -> None:
    """A domain outside ASCII needs nothing of the server: it is written as the DNS has it."""
    async with serving(inbox), smtp(inbox) as transport:
        await transport.deliver(mail_to(address))

    assert inbox.recipients == [in_envelope]
    assert str(inbox.messages[0]["To"]) == in_envelope


async def test_a_local_part_outside_ascii_needs_a_server_that_knows_it(inbox: Inbox) -> None:
    """With SMTPUTF8 it gets there as it is; without the mail waits, for servers learn."""
    address = "jürgen@bücher.example"

    async with serving(inbox, enable_SMTPUTF8=True), smtp(inbox) as transport:
        await transport.deliver(mail_to(address))
    async with serving(inbox), smtp(inbox) as transport:
        with pytest.raises(MailNotTaken, match="SMTPNotSupported"):
            await transport.deliver(mail_to(address))

    assert inbox.recipients == [address]


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r"], ids=["CRLF", "LF", "CR"])
async def test_no_header_can_be_smuggled_in(inbox: Inbox, line_break: str) -> None:
    """There is no message for a subject with a line break in it; others go on."""
    async with serving(inbox), smtp(inbox) as transport:
        with pytest.raises(MailRefused):
            await transport.deliver(mail_to(subject=f"Hello{line_break}Bcc: eve@example.com"))
        await transport.deliver(mail_to())

    assert inbox.recipients == ["ada@example.com"]
