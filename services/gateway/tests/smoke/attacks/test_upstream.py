"""A service turned hostile: its nonsense reaches no client, and nothing it says is taken for an answer to another."""

import socket
import threading
import time
from collections.abc import Generator
from typing import Any

import pytest
from attack_rig import CALLBACKS, HOST, PLANS, RESET, Door, HalfAnswer, Service, Step, answers_in, until_closed
from gateway_rig import settings_for
from promenade_chassis.testing.polling import eventually_blocking
from promenade_gateway.breaker import Breaker
from promenade_gateway.settings import gateway_settings
from promenade_gateway.upstreams import Connections, Upstream

OK = b"HTTP/1.1 200 OK\r\n"
TE = b"Transfer-Encoding: chunked\r\n"
PLAIN = PLANS.encode()
POISON = b"HTTP/1.1 200 OK\r\nSet-Cookie: poison=1\r\nContent-Length: 6\r\n\r\npoison"
GOOD = OK + b"Content-Length: 4\r\n\r\ngood"


def get(name: bytes, method: bytes = b"GET", *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in (HOST[:-2], *headers))
    return method + b" " + PLAIN + b"/" + name + b" HTTP/1.1\r\n" + lines + b"\r\n"


def last(name: bytes, method: bytes = b"GET") -> bytes:
    return get(name, method, b"Connection: close")


NO_ANSWERS: list[tuple[str, bytes]] = [
    ("two lengths", OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
    ("two equal lengths", OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
    ("a list of lengths", OK + b"Content-Length: 1, 1\r\n\r\nx"),
    ("a length with a sign", OK + b"Content-Length: +1\r\n\r\nx"),
    ("a negative length", OK + b"Content-Length: -1\r\n\r\nx"),
    ("a hexadecimal length", OK + b"Content-Length: 0x1\r\n\r\nx"),
    ("a length that is none", OK + b"Content-Length: x\r\n\r\nx"),
    ("a length of nothing", OK + b"Content-Length: \r\n\r\nx"),
    ("a length of more than 64 bits", OK + b"Content-Length: 18446744073709551617\r\n\r\nx"),
    ("length and coding", OK + b"Content-Length: 1\r\n" + TE + b"\r\n0\r\n\r\n"),
    ("coding and length", OK + TE + b"Content-Length: 1\r\n\r\n0\r\n\r\n"),
    ("two codings", OK + TE + TE + b"\r\n0\r\n\r\n"),
    ("another coding", OK + b"Transfer-Encoding: gzip\r\n\r\nx"),
    ("another coding in chunks", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    ("chunked is not the last coding", OK + b"Transfer-Encoding: chunked, gzip\r\n\r\nx"),
    ("xchunked", OK + b"Transfer-Encoding: xchunked\r\n\r\nx"),
    ("identity", OK + b"Transfer-Encoding: identity\r\n\r\nx"),
    ("a vertical tab before chunked", OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("a space before the colon", OK + b"Content-Length : 1\r\n\r\nx"),
    ("LF in a value", OK + b"X: a\nSet-Cookie: b\r\nContent-Length: 1\r\n\r\nx"),
    ("CR in a value", OK + b"X: a\rSet-Cookie: b\r\nContent-Length: 1\r\n\r\nx"),
    ("NUL in a value", OK + b"X: a\x00b\r\nContent-Length: 1\r\n\r\nx"),
    ("a folded value", OK + b"X: a\r\n b\r\nContent-Length: 1\r\n\r\nx"),
    ("a space in a name", OK + b"X y: a\r\nContent-Length: 1\r\n\r\nx"),
    ("only LF", b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx"),
    ("rubbish before the status", b"rubbish\r\n" + GOOD),
    ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n"),
    ("HTTP/0.9", b"<html>hello</html>"),
    ("HTTP/2.0", b"HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("HTTP/1.2", b"HTTP/1.2 200 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("ICY", b"ICY 200 OK\r\n\r\nx"),
    ("status 099", b"HTTP/1.1 099 X\r\nContent-Length: 1\r\n\r\nx"),
    ("status 000", b"HTTP/1.1 000 X\r\nContent-Length: 1\r\n\r\nx"),
    ("status 600", b"HTTP/1.1 600 X\r\nContent-Length: 1\r\n\r\nx"),
    ("status 999", b"HTTP/1.1 999 X\r\nContent-Length: 1\r\n\r\nx"),
    ("status 20", b"HTTP/1.1 20 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("status 2000", b"HTTP/1.1 2000 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("status -200", b"HTTP/1.1 -200 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("101", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"),
    ("101 without a word", b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + GOOD),
    ("a head of 1 MiB", OK + b"X: " + b"y" * 1024 * 1024 + b"\r\nContent-Length: 1\r\n\r\nx"),
    ("a head without end", OK + b"X: y\r\n" * 50_000),
    ("201 headers", OK + b"X: y\r\n" * 201 + b"\r\n"),
    ("interim answers without end", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 5000),
    ("a request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("nothing but CRLF", b"\r\n\r\n\r\n"),
]


@pytest.mark.parametrize("answer", [pytest.param(answer, id=name) for name, answer in NO_ANSWERS])
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_what_is_no_answer_is_a_503(door: Door, service: Service, answer: bytes, method: bytes) -> None:
    """A problem instead, and the client's connection lives on; nothing of it reaches the next one."""
    service.told["bad"] = [answer, b""]
    service.told["x"] = service.told["bad"]
    path = CALLBACKS.encode() if method == b"POST" else PLAIN + b"/bad"
    asked = method + b" " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n"
    said = answers_in(door.say(asked + last(b"next")))

    assert [(answer.status, answer.body[:2]) for answer in said] == [(503, b'{"'), (200, b"ok")]
    assert said[0].code == "service-unavailable"
    assert b"set-cookie" not in said[0].headers | said[1].headers


BROKEN = [
    ("a length that is not reached", OK + b"Content-Length: 9\r\n\r\nhalf"),
    ("chunks without the last", OK + TE + b"\r\n4\r\nhalf\r\n"),
    ("a chunk that is not whole", OK + TE + b"\r\n9\r\nhalf"),
    ("a chunk without its end", OK + TE + b"\r\n4\r\nhalfx0\r\n\r\n"),
    ("a chunk of no size", OK + TE + b"\r\n4\r\nhalf\r\nzz\r\n"),
    ("a chunk of negative size", OK + TE + b"\r\n4\r\nhalf\r\n-1\r\n"),
    ("a chunk of more than 64 bits", OK + TE + b"\r\n4\r\nhalf\r\n10000000000000001\r\nx"),
    ("LF behind a size", OK + TE + b"\r\n4\nhalf\r\n0\r\n\r\n"),
    ("trailers that do not end", OK + TE + b"\r\n4\r\nhalf\r\n0\r\nX: y\r\n"),
]


@pytest.mark.parametrize("answer", [pytest.param(answer, id=name) for name, answer in BROKEN])
@pytest.mark.parametrize("end", [[], [b""]], ids=["closed", "reset"])
def test_half_an_answer_is_never_a_whole_one(door: Door, service: Service, answer: bytes, end: list[Step]) -> None:
    """The client sees a 503 while none of it was sent, else a connection that breaks."""
    service.told["half"] = [answer, 0.05, *(end or [b""])]
    content = door.say(get(b"half"))

    if content:
        try:
            (said,) = answers_in(content)
        except HalfAnswer:
            return
        assert (said.status, said.code) == (503, "service-unavailable")


def test_an_old_client_sees_it_too(door: Door, service: Service) -> None:
    """For whom the end of the connection is the end of the answer: his is reset."""
    service.told["half"] = [OK + TE + b"\r\n4\r\nhalf\r\n", 0.1, b""]
    with door.connected() as connection:
        connection.sendall(b"GET " + PLAIN + b"/half HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            _read_to_the_end(connection)


def _read_to_the_end(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


BODILESS = [
    ("204 with a body", b"GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison"),
    ("204 in chunks", b"GET", b"HTTP/1.1 204 No Content\r\n" + TE + b"\r\n6\r\npoison\r\n0\r\n\r\n"),
    ("304 with a body", b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison"),
    ("304 in chunks", b"GET", b"HTTP/1.1 304 Not Modified\r\n" + TE + b"\r\n6\r\npoison\r\n0\r\n\r\n"),
    ("HEAD with a body", b"HEAD", OK + b"Content-Length: 6\r\n\r\npoison"),
    ("HEAD in chunks", b"HEAD", OK + TE + b"\r\n6\r\npoison\r\n0\r\n\r\n"),
    ("HEAD with an answer behind it", b"HEAD", OK + b"Content-Length: 0\r\n\r\n" + POISON),
]


@pytest.mark.parametrize(("method", "answer"), [pytest.param(*rest, id=name) for name, *rest in BODILESS])
@pytest.mark.parametrize("pause", [None, 0.02], ids=["together", "apart"])
def test_what_has_no_body_gets_none(
    door: Door, service: Service, method: bytes, answer: bytes, pause: float | None
) -> None:
    """Neither this client nor the next one sees what the service sent all the same."""
    head, end, body = answer.partition(b"\r\n\r\n")
    service.told["odd"] = [answer] if pause is None else [head + end, pause, body]
    with door.connected() as connection:
        connection.sendall(get(b"odd", method))
        content = connection.recv(65536)
        service.falls_silent()
        connection.sendall(last(b"next"))
        content += until_closed(connection)

    assert b"poison" not in content
    head, end, rest = content.partition(b"\r\n\r\n")
    assert not head.startswith(b"HTTP/1.1 204") or b"content-length" not in head
    assert [said.body for said in answers_in(rest)] == [b"ok"]


SURPLUS = [
    ("a whole answer", POISON),
    ("the start of one", b"HTTP/1.1 200 OK\r\nSet-Cookie: poison=1\r\nX-Rest: "),
    ("the start of its start", b"HTTP/1.1 2"),
    ("one letter", b"H"),
    ("a head", b"HTTP/1.1 200 OK\r\nSet-Cookie: poison=1\r\nContent-Length: 1000\r\n\r\n"),
    ("an interim answer", b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: poison=1\r\n\r\n"),
    ("the start of an interim answer", b"HTTP/1.1 100 Continue\r\nSet-Cookie: poison=1\r\n"),
    ("rubbish", b"poison"),
    ("ten answers", POISON * 10),
    ("a line break and an answer", b"\r\n" + POISON),
]
FIRST = [
    ("length", b"GET", GOOD),
    ("chunks", b"GET", OK + TE + b"\r\n4\r\ngood\r\n0\r\n\r\n"),
    ("204", b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("304", b"GET", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    ("HEAD", b"HEAD", OK + b"Content-Length: 4\r\n\r\n"),
]


@pytest.mark.parametrize(("method", "answer"), [pytest.param(*rest, id=name) for name, *rest in FIRST])
@pytest.mark.parametrize("surplus", [pytest.param(surplus, id=name) for name, surplus in SURPLUS])
@pytest.mark.parametrize("pause", [None, 0.02], ids=["together", "apart"])
def test_nobody_gets_what_stands_behind_an_answer(
    door: Door, service: Service, method: bytes, answer: bytes, surplus: bytes, pause: float | None
) -> None:
    """Not the next one on the service's connection either: it is not used again."""
    service.told["first"] = [answer + surplus] if pause is None else [answer, pause, surplus]
    service.told["next"] = [b"HTTP/1.1 404 Not Found\r\nX-Good: 1\r\nContent-Length: 4\r\n\r\nnext"]
    door.say(last(b"first", method))
    service.falls_silent()
    contents = [door.say(last(b"next")) for _ in range(3)]

    for content in contents:
        (said,) = answers_in(content)
        assert (said.status, said.body, said.headers[b"x-good"]) == (404, b"next", b"1")
        assert not {b"set-cookie", b"x-rest"} & said.headers.keys()


async def test_what_has_arrived_unread_is_seen_before_the_next_asks() -> None:
    """An event loop with much to do comes to it later than to the next request."""
    settings = gateway_settings(settings_for({}))
    with socket.create_server(("127.0.0.1", 0)) as server:
        upstream = Upstream(f"http://127.0.0.1:{server.getsockname()[1]}", Breaker(failures=5, pause=1))
        connections = Connections(settings)
        quiet, noisy = await connections.connect(upstream), await connections.connect(upstream)
        first, second = server.accept()[0], server.accept()[0]
        for wire in (quiet, noisy):
            upstream.idle.append(wire)
        with first, second:
            second.sendall(POISON)  # the loop has no chance to read it before the next line

            assert connections.idle(upstream) is quiet
            assert connections.idle(upstream) is None
        await connections.close()


def test_an_early_answer_arrives_before_the_body_is_sent(door: Door, service: Service) -> None:
    """And neither connection is used again for what cannot be told from the rest of the body."""
    service.early.add("x")
    service.told["x"] = [b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"]
    head = b"POST " + CALLBACKS.encode() + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n"
    with door.connected() as connection:
        connection.sendall(head + b"x" * 20_000)
        early = connection.recv(65536)
        connection.sendall(b"x" * 80_000 + last(b"next"))
        content = early + until_closed(connection)
    said = answers_in(content)

    assert [answer.status for answer in said] == [403, 200]
    assert [request.line.rpartition(b"/plans/")[2] for request in service.heard[1:]] == [b"next HTTP/1.1"]


@pytest.mark.parametrize("interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"])
def test_interim_answers_are_passed_over(door: Door, service: Service, interim: bytes) -> None:
    """However many within measure, and whatever they hold."""
    service.told["hints"] = [interim * 3, 0.02, interim + GOOD]
    (said,) = answers_in(door.say(last(b"hints")))

    assert (said.status, said.body) == (200, b"good")
    assert b"link" not in said.headers


def test_headers_of_the_hop_and_of_the_house_are_the_gateways(door: Door, service: Service) -> None:
    """What a service says in the gateway's name stays behind."""
    forged = b"X-Request-Id: forged\r\nDate: forged\r\nServer: forged\r\nRateLimit: forged\r\nKeep-Alive: forged\r\n"
    hop = b"Connection: x-secret, content-length\r\nX-Secret: forged\r\nUpgrade: forged\r\nTrailer: forged\r\n"
    service.told["forged"] = [OK + forged + hop + b"Content-Length: 4\r\n\r\ngood"]
    (said,) = answers_in(door.say(last(b"forged")))

    assert (said.status, said.body) == (200, b"good")
    assert b"forged" not in b" ".join(said.headers.values())


KILLED: list[tuple[str, list[Step]]] = [
    ("at once", [b""]),
    ("after a moment", [0.05, b""]),
    ("in the status", [b"HTTP/1.1 2", 0.02, b""]),
    ("in the head", [OK + b"Content-Le", 0.02, b""]),
    ("after an interim answer", [b"HTTP/1.1 100 Continue\r\n\r\n", 0.02, b""]),
]


@pytest.mark.parametrize("steps", [pytest.param(steps, id=name) for name, steps in KILLED])
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"DELETE", b"POST", b"PATCH"])
def test_a_service_that_dies_before_its_answer(
    door: Door, service: Service, issuer: Any, steps: list[Step], method: bytes
) -> None:
    """Asked once more where that does no harm, then 503."""
    service.told["dead"] = steps
    content = door.say(get(b"dead", method, b"Authorization: Bearer " + issuer.token().encode(), b"Connection: close"))

    assert content.startswith(b"HTTP/1.1 503 ")
    assert len(service.heard) == (1 if method in (b"POST", b"PATCH") else 2)


@pytest.fixture
def beside(door: Door, service: Service) -> Generator[list[int], None, None]:
    """Somebody else's requests through the same gateway, all the while; their statuses."""
    found: list[int] = []
    stop = threading.Event()

    def ask_on() -> None:
        while not stop.is_set():
            found.extend(said.status for said in answers_in(door.say(last(b"beside"))))

    asking = threading.Thread(target=ask_on)
    asking.start()
    yield found
    stop.set()
    asking.join()


def test_clients_that_vanish_disturb_nobody(door: Door, service: Service, beside: list[int]) -> None:
    """At every moment of a request; whoever stays is answered."""
    service.told["long"] = [OK + b"Content-Length: 100000\r\n\r\n", b"x" * 50_000, 0.05, b"x" * 50_000]
    pieces = [b"", b"GET", get(b"long")[:-2], get(b"long"), get(b"long") * 5]
    for number in range(100):
        with socket.create_connection(("127.0.0.1", door.port)) as connection:
            connection.sendall(pieces[number % len(pieces)])
            time.sleep(0.001 * (number % 7))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def went_on() -> None:
        assert len(beside) > 20

    eventually_blocking(went_on)
    assert set(beside) == {200}
    assert answers_in(door.say(last(b"after")))[0].status == 200
