"""The answers to what is not a request: a problem, written by hand, and the connection ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from promenade_chassis.http.problems import MEDIA_TYPE, problem_body
from promenade_chassis.ports import DomainError
from promenade_kernel.values.ids import new_id

from promenade_gateway.errors import HeadTooLarge, MalformedRequest, UpstreamBusy


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the connection ends: an error of the catalogue, what is to say of it here, and when to come again (s)."""

    error: type[DomainError]
    detail: str | None = None
    retry_after: int | None = None

    def written(self) -> bytes:
        """The whole answer."""
        request_id = str(new_id())
        status, title = self.error.status, self.error.title
        detail = self.detail or title
        body = problem_body(
            status=status, slug=self.error.slug, title=title, detail=detail, instance="", request_id=request_id
        )
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(content)}\r\n"
            f"x-request-id: {request_id}\r\nconnection: close\r\n"
        )
        head += f"retry-after: {self.retry_after}\r\n\r\n" if self.retry_after else "\r\n"
        return head.encode() + content


MALFORMED = Refusal(MalformedRequest)
TOO_LARGE = Refusal(HeadTooLarge)
CROWDED = Refusal(UpstreamBusy, "The gateway has too many connections; try again", retry_after=5)
