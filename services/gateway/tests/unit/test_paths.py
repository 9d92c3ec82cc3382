"""One reading of every path."""

import pytest
from promenade_gateway.errors import BadPath
from promenade_gateway.paths import segments_of


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        (b"/", ()),
        (b"/api", ("api",)),
        (b"/api/", ("api",)),
        (b"/api/v1/billing/plans/a%20b", ("api", "v1", "billing", "plans", "a b")),
        (b"/api/v1/%69dentity/me", ("api", "v1", "identity", "me")),
        (b"/roles/caf%C3%A9", ("roles", "café")),
        (b"/a/...", ("a", "...")),
        (b"/a/b;c=1,d@e:f+g~", ("a", "b;c=1,d@e:f+g~")),
    ],
)
def test_a_plain_path_has_its_decoded_segments(raw: bytes, segments: tuple[str, ...]) -> None:
    """Percent-encoding is undone once, and one trailing slash is no segment."""
    assert segments_of(raw) == segments


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"api",
        b"*",
        b"//evil.example.com/api",
        b"/api//v1",
        b"/api/v1//",
        b"/api/v1/billing/../identity/me",
        b"/api/v1/billing/%2e%2e/identity/me",
        b"/api/v1/billing/%2E./identity/me",
        b"/api/./v1",
        b"/api/v1/billing/..%2fidentity",
        b"/api/v1/billing%2Fplans",
        b"/api/v1/billing%5cplans",
        b"/api\\v1",
        b"/api/%00",
        b"/api/%0d%0aX: y",
        b"/api/%7f",
        b"/api/%",
        b"/api/%4",
        b"/api/%zz",
        b"/api/%ff",
        b"/api/%c0%ae%c0%ae",
        b"/api/a b",
        b"/api/\xc3\xa9",
        b"/..",
    ],
)
def test_a_path_with_two_readings_is_refused(raw: bytes) -> None:
    """Dot segments, empty segments, encoded separators and broken encodings never reach a service."""
    with pytest.raises(BadPath):
        segments_of(raw)


def test_an_encoded_percent_sign_is_not_decoded_twice() -> None:
    """`%252e` is the text `%2e`, for us and for the service."""
    assert segments_of(b"/a/%252e%252e") == ("a", "%2e%2e")
