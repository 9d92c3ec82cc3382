"""The answers to what is not a request: a problem, written by hand, and the connection ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from promenade_chassis.http.problems import MEDIA_TYPE, problem_body
from promenade_kernel.values.ids import new_id


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the connection ends, as a problem."""

    status: int
    slug: str
    title: str

    def written(self) -> bytes:
        """The whole answer."""
        request_id = str(new_id())
        body = problem_body(
            status=self.status, slug=self.slug, title=self.title, detail=self.title, instance="", request_id=request_id
        )
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(content)}\r\n"
            f"x-request-id: {request_id}\r\nconnection: close\r\n\r\n"
        )
        return head.encode() + content


MALFORMED = Refusal(400, "malformed-request", "The request is not well-formed HTTP")
TOO_LARGE = Refusal(431, "head-too-large", "The request line and headers are too large")
CROWDED = Refusal(503, "service-overloaded", "The gateway has too many connections; try again")
