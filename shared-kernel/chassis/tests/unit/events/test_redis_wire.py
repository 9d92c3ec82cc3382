"""The connection to Redis against a server that behaves as the test wants."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.testing.polling import eventually
from redis.exceptions import AuthenticationError, ConnectionError, NoScriptError, ResponseError, TimeoutError  # noqa: A004

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MakeLink = Callable[..., Awaitable[RedisLink]]


@pytest_asyncio.fixture
async def serving() -> AsyncGenerator[MakeLink, None]:
    """Makes a link to a server that greets, and then does what it is told to."""
    servers: list[asyncio.Server] = []
    links: list[RedisLink] = []

    async def make(serve: Serve, *, answers_within: float = 5.0, login: str = "") -> RedisLink:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        links.append(RedisLink(f"redis://{login}127.0.0.1:{port}", answers_within=answers_within))
        return links[-1]

    yield make
    for link in links:
        await link.close()
    for server in servers:
        server.close()


async def command(reader: asyncio.StreamReader) -> list[bytes]:
    """Read one command; an empty one at the end of the connection."""
    first = await reader.readline()
    words: list[bytes] = []
    for _ in range(int(first[1:] or b"0")):
        length = int((await reader.readline())[1:])
        words.append((await reader.readexactly(length + 2))[:-2])
    return words


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with the last word; `gone` hangs up, `silent` says nothing, `-…` is an error."""
    while words := await command(reader):
        if words[-1] == b"gone":
            return
        if words[-1].startswith(b"-"):
            writer.write(words[-1] + b"\r\n")
        elif words[-1] != b"silent":
            writer.write(b"$%d\r\n%b\r\n" % (len(words[-1]), words[-1]))


async def test_each_caller_gets_its_own_answer(serving: MakeLink):
    """However many at once, on one connection."""
    link = await serving(echo)

    answers = await asyncio.gather(*(link.call("ECHO", str(number)) for number in range(500)))

    assert answers == [str(number).encode() for number in range(500)]


async def test_one_who_gives_up_takes_nobody_elses_answer(serving: MakeLink):
    """Its answer comes all the same, and is dropped."""
    link = await serving(echo)
    await link.call("ECHO", "ready")
    callers = [asyncio.create_task(link.call("ECHO", str(number))) for number in range(3)]
    await asyncio.sleep(0)
    callers[1].cancel()

    answers = await asyncio.gather(*callers, return_exceptions=True)

    assert [answers[0], answers[2], await link.call("ECHO", "last")] == [b"0", b"2", b"last"]
    assert isinstance(answers[1], asyncio.CancelledError)


async def test_many_commands_are_one_write(serving: MakeLink):
    """All are executed; the first error among their answers is raised."""
    seen: list[bytes] = []

    async def noting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while words := await command(reader):
            seen.append(words[-1])
            writer.write(b"-ERR no\r\n" if words[-1] == b"2" else b":%d\r\n" % len(seen))

    link = await serving(noting)
    assert await link.call_many([("ECHO", "0"), ("ECHO", "1")]) == [2, 3]

    with pytest.raises(ResponseError, match="ERR no"):
        await link.call_many([("ECHO", "2"), ("ECHO", "3")])

    assert seen == [b"promenade", b"0", b"1", b"2", b"3"]
    assert await link.call_many([]) == []


@pytest.mark.parametrize(
    ("answer", "kind"), [("-ERR wrong", ResponseError), ("-NOSCRIPT No matching script.", NoScriptError)]
)
async def test_an_error_is_raised_and_the_connection_goes_on(serving: MakeLink, answer: str, kind: type[Exception]):
    """With the text it came with."""
    link = await serving(echo)

    with pytest.raises(kind) as raised:
        await link.call("ECHO", answer)

    assert str(raised.value) == answer[1:]
    assert await link.call("ECHO", "fine") == b"fine"


async def test_a_broken_connection_is_told_to_all_and_made_anew_by_the_next(serving: MakeLink):
    """Whether their commands were executed nobody knows: none is sent again."""
    link = await serving(echo)
    await link.call("ECHO", "ready")

    answers = await asyncio.gather(*(link.call("ECHO", word) for word in ("gone", "a", "b")), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ConnectionError] * 3
    assert await link.call("ECHO", "again") == b"again"


async def test_a_server_that_says_nothing_is_given_up(serving: MakeLink):
    """After the time for an answer, also for those behind; the next caller gets a new connection."""
    link = await serving(echo, answers_within=0.5)

    answers = await asyncio.gather(link.call("ECHO", "silent"), link.call("ECHO", "silent"), return_exceptions=True)

    assert [type(answer) for answer in answers] == [TimeoutError] * 2
    assert await link.call("ECHO", "again") == b"again"


async def test_what_is_no_redis_is_noticed(serving: MakeLink):
    """It may be anybody who listens there."""

    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await command(reader)

    link = await serving(web)

    with pytest.raises(ConnectionError, match="not Redis"):
        await link.call("PING")


async def test_a_refused_login_is_told(serving: MakeLink):
    """And no command is sent over a connection that is not logged in."""
    seen: list[list[bytes]] = []

    async def guard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while words := await command(reader):
            seen.append(words)
            writer.write(b"-WRONGPASS invalid username-password pair\r\n" if words[0] == b"AUTH" else b"+OK\r\n")

    link = await serving(guard, login="ada:secret@")

    with pytest.raises(AuthenticationError):
        await link.call("GET", "x")

    assert [words[0] for words in seen] == [b"AUTH", b"CLIENT"]


async def test_what_comes_unasked_is_overheard(serving: MakeLink):
    """As messages do after SUBSCRIBE."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await command(reader)
        writer.write(b"+OK\r\n")
        await command(reader)
        writer.write(b"+subscribed\r\n+hello\r\n")
        await command(reader)

    heard: list[object] = []
    probe = await serving(talk)
    link = RedisLink(probe.url, overhear=heard.append)

    assert await link.call("SUBSCRIBE", "x") == b"subscribed"

    await eventually(lambda: _are(heard, [b"hello"]))
    await link.close()


async def test_a_socket_file_is_an_address(tmp_path: Path):
    """For a Redis on the same machine."""
    server = await asyncio.start_unix_server(echo, tmp_path / "redis.sock")
    link = RedisLink(f"unix://{tmp_path}/redis.sock")

    assert await link.call("ECHO", "hello") == b"hello"

    await link.close()
    server.close()


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_server_is_trusted_by_its_certificate(tmp_path: Path, trusted: bool):
    """`rediss`: signed by who is named in the URL, and by nobody else."""
    certificate, key = self_signed(tmp_path, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(echo, "localhost", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    link = RedisLink(f"rediss://localhost:{port}" + (f"?ssl_ca_certs={certificate}" if trusted else ""))

    if trusted:
        assert await link.call("ECHO", "hello") == b"hello"
    else:
        with pytest.raises(ssl.SSLCertVerificationError):
            await link.call("ECHO", "hello")

    await link.close()
    server.close()


def self_signed(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate for this host and its key, in files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    certificate, secret = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(pem, form, unencrypted))
    return certificate, secret


def _are(heard: list[object], expected: list[object]) -> None:
    assert heard == expected
