"""Requests with two readings: each is read in one way or refused, and what follows a refused one is never a request."""

import pytest
from attack_messages import HARMLESS, MARK, PATHS, PLAIN, REFUSED, SIZES, TE, chunked, get, post
from attack_rig import HOST, Door, Service, Step, answers_in


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in REFUSED])
def test_what_has_two_readings_is_refused(door: Door, service: Service, content: bytes) -> None:
    """With one 400, the connection ends, and the request hidden behind it is never one."""
    said = answers_in(door.say(content + MARK))

    assert [answer.status for answer in said] == [400]
    assert said[0].code == "malformed-request"
    assert said[0].headers[b"connection"] == b"close"
    assert not any(request.complete for request in service.heard)
    assert not service.rubbish


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_a_path_with_two_readings_is_refused(door: Door, service: Service, path: bytes) -> None:
    """Before anybody could take it for another place; what follows is a request of its own."""
    said = answers_in(door.say(get(path) + MARK))

    assert [answer.status for answer in said] == [400, 200]
    assert said[0].code == "bad-path"
    assert [request.line.split(b" ")[1] for request in service.heard] == [b"/api/v1/billing/plans/smuggled"]


@pytest.mark.parametrize(("content", "body"), [pytest.param(*rest, id=name) for name, *rest in HARMLESS])
def test_what_has_one_reading_is_read_so(door: Door, service: Service, content: bytes, body: bytes) -> None:
    """Both requests arrive, each with its own body and with one statement of its length."""
    said = answers_in(door.say(content + MARK))

    assert [answer.status for answer in said] == [200, 200]
    assert [request.body for request in service.heard] == [body, b""]
    assert service.heard[1].line.endswith(b"/smuggled HTTP/1.1")
    for request in service.heard:
        names = [name for name, _ in request.headers]
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
        assert b"content_length" not in names
    assert not service.rubbish


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
def test_another_protocol_is_not_spoken(door: Door, service: Service, protocol: bytes) -> None:
    """The request is answered as what it is, as the last one: what follows could be either."""
    said = answers_in(door.say(get(PLAIN, b"Connection: Upgrade", b"Upgrade: " + protocol) + MARK))

    assert [answer.status for answer in said] == [200]
    assert said[0].headers[b"connection"] == b"close"
    assert len(service.heard) == 1
    assert not {b"upgrade", b"connection"} & {name for name, _ in service.heard[0].headers}


@pytest.mark.parametrize("headers", [(), (b"Connection: keep-alive",)])
def test_an_old_client_asks_once(door: Door, service: Service, headers: tuple[bytes, ...]) -> None:
    """Its connection ends with the answer, whatever it would like."""
    said = answers_in(door.say(get(PLAIN, *headers, version=b"HTTP/1.0") + MARK))

    assert [answer.status for answer in said] == [200]
    assert len(service.heard) == 1


def test_after_close_nothing_is_read(door: Door, service: Service) -> None:
    """A client that says it is the last one has to mean it."""
    said = answers_in(door.say(get(PLAIN, b"Connection: close") + MARK))

    assert [answer.status for answer in said] == [200]
    assert len(service.heard) == 1


@pytest.mark.parametrize("method", [b"TRACE", b"TRACK", b"PROPFIND", b"LOCK", b"SOURCE", b"PURGE", b"LINK"])
def test_a_method_that_nothing_here_has_is_refused(door: Door, service: Service, method: bytes) -> None:
    """It goes no further: who knows what a service, or its server, would make of it."""
    said = answers_in(door.say(method + b" " + PLAIN + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"))

    assert [(answer.status, answer.code) for answer in said] in (
        [(405, "method-not-allowed")],
        [(400, "malformed-request")],
    )
    assert service.heard == []


FORGED = (
    b"X-User-Id X-User X_User_Id X-User_Id x-user-roles X-Principal X_Principal X-Auth-Request-User X_Auth_Token "
    b"Forwarded X-Forwarded-For X_Forwarded_For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Prefix "
    b"X-Forwarded-User X-Real-IP X_Real_IP X-Client-IP True-Client-IP CF-Connecting-IP X-Original-URL X_Original_URL "
    b"X-Rewrite-URL X-HTTP-Method-Override X_HTTP_Method_Override X-Method-Override X-HTTP-Method Proxy-Authorization "
    b"TE Trailer Keep-Alive Proxy-Connection HTTP2-Settings X_Request_Id Transfer_Encoding Content_Length Remote-User"
).split()


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("write", [bytes, bytes.lower, bytes.upper], ids=["as is", "lower", "upper"])
def test_nobody_speaks_in_the_gateways_name(door: Door, service: Service, name: bytes, write: object) -> None:
    """Claims of identity and what is for this hop alone stay behind, in whatever letters."""
    written: bytes = write(name)  # type: ignore[operator]
    door.say(get(PLAIN, written + b": forged", b"Connection: close"))

    (request,) = service.heard
    assert all(b"forged" not in value for _, value in request.headers)
    assert (b"x-forwarded-for", b"127.0.0.1") in request.headers
    names = [found for found, _ in request.headers]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        (b"authorization", b"authorization"),
        (b"Authorization , x", b"authorization"),
        (b"x-request-id", b"x-request-id"),
        (b"traceparent", b"traceparent"),
        (b"content-length", b"content-length"),
        (b"content-type", b"content-type"),
        (b"content-encoding", b"content-encoding"),
        (b"x-forwarded-for", b"x-forwarded-for"),
        (b"host", b"host"),
    ],
)
def test_connection_takes_away_nothing_that_was_checked(
    door: Door, service: Service, issuer: object, named: bytes, kept: bytes
) -> None:
    """What the gateway has judged a request by is what the service sees."""
    token: str = issuer.token()  # type: ignore[attr-defined]
    headers = (b"Authorization: Bearer " + token.encode(), b"Content-Type: a/b", b"Content-Encoding: c")
    connection = b"Connection: close, " + named
    said = answers_in(door.say(post(*headers, connection, b"Content-Length: 2", body=b"{}")))

    assert [answer.status for answer in said] == [200]
    assert kept in dict(service.heard[0].headers)
    assert service.heard[0].body == b"{}"


def test_what_connection_names_otherwise_stays_behind(door: Door, service: Service) -> None:
    """As HTTP has it."""
    door.say(get(PLAIN, b"X-Mine: 1", b"X-Other: 1", b"Connection: close, x-mine"))

    names = {name for name, _ in service.heard[0].headers}
    assert b"x-mine" not in names
    assert b"x-other" in names


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in SIZES])
def test_a_head_without_measure_is_refused(door: Door, service: Service, content: bytes) -> None:
    """And the service hears nothing whole of it."""
    said = answers_in(door.say(content))

    assert [(answer.status, answer.code) for answer in said] == [(431, "head-too-large")]
    assert not any(request.complete for request in service.heard)


def test_pipelined_requests_are_answered_in_their_order(door: Door, service: Service) -> None:
    """The first ones too when a later one is none."""
    for name in ("a", "b", "c"):
        service.told[name] = [0.05, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name.encode()]
    paths = [PLAIN + b"/" + name for name in (b"a", b"b", b"c")]
    said = answers_in(door.say(get(paths[0]) + get(paths[1]) + get(paths[2], b"X : y") + MARK))

    assert [(answer.status, answer.body[:1]) for answer in said] == [(200, b"a"), (200, b"b"), (400, b"{")]
    assert [request.line.split(b" ")[1] for request in service.heard] == paths[:2]


def test_a_refused_request_with_its_body_costs_the_next_one_nothing(door: Door, service: Service) -> None:
    """The body of the refused one is not taken for a request."""
    refused = b"POST /api/v1/order-management/orders HTTP/1.1\r\n" + HOST
    body = b"Content-Length: %d\r\n\r\n" % len(MARK) + MARK
    said = answers_in(door.say(refused + body + MARK))

    assert [answer.status for answer in said] == [401, 200]
    assert len(service.heard) == 1


def test_a_broken_body_behind_an_answer_is_not_answered_again(door: Door, service: Service) -> None:
    """A second answer to one request would be taken for that to the next."""
    refused = b"POST /api/v1/order-management/orders HTTP/1.1\r\n" + HOST + TE + b"\r\n\r\n"
    said = answers_in(door.say(refused, 0.2, b"zz\r\n" + MARK))

    assert [answer.status for answer in said] == [401]
    assert service.heard == []


EXPECTING: list[tuple[str, list[Step], list[int]]] = [
    ("asked for", [post(b"Expect: 100-continue", b"Content-Length: 4"), 0.1, b"abcd" + MARK], [200, 200]),
    ("in capitals", [post(b"Expect: 100-Continue", b"Content-Length: 4"), 0.1, b"abcd" + MARK], [200, 200]),
    ("not waited for", [post(b"Expect: 100-continue", b"Content-Length: 4") + b"abcd" + MARK], [200, 200]),
    ("too large", [post(b"Expect: 100-continue", b"Content-Length: 2000000")], [413]),
    ("something else", [post(b"Expect: x", b"Content-Length: 4") + b"abcd" + MARK], [200, 200]),
]


@pytest.mark.parametrize(("pieces", "statuses"), [pytest.param(*rest, id=name) for name, *rest in EXPECTING])
def test_a_body_that_waits_to_be_asked_for(
    door: Door, service: Service, pieces: list[Step], statuses: list[int]
) -> None:
    """It is asked for when it will be read, and never taken for a request."""
    said = answers_in(door.say(*pieces))

    assert [answer.status for answer in said] == statuses
    assert not service.rubbish


def test_bytes_one_by_one_are_read_as_together(door: Door, service: Service) -> None:
    """Where the network cuts makes no difference to what is refused either."""
    content = chunked(b"4;a\nabcd\r\n0\r\n\r\n") + MARK
    said = answers_in(door.say(*(content[place : place + 1] for place in range(len(content)))))

    assert [answer.status for answer in said] == [400]
    assert not any(request.complete for request in service.heard)
