"""A middleware around every route."""

from __future__ import annotations

from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send


class Layer(ASGIMiddleware):
    """One that no route passes by: Litestar's own asks at each request whether it does, by scope, path and option."""

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Put it around an application."""
        handle = self.handle

        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            await handle(scope, receive, send, app)

        return layer
