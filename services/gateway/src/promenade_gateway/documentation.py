"""What the specification of the gateway's own pages adds to the routes."""

from __future__ import annotations

from promenade_chassis.http.openapi_examples import Documentation

_SERVICE = {"name": "order-management", "ready": True, "version": "0.1.0"}

DOCUMENTATION = Documentation(
    tags={"documentation": "For people: what problems mean."},
    examples={"ServiceHealth": _SERVICE, "Health": {"status": "ok", "services": [_SERVICE]}},
)
