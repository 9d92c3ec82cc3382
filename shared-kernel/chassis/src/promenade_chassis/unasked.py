"""Libraries that import OpenTelemetry wherever it is installed, asked or not: here they do not.

redis-py wants the SDK for metrics of its own, Litestar the API for a plug-in; neither uses it before it is told to,
which we never do. It would cost every process a quarter of a second and some megabytes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_HIDDEN = "opentelemetry"
# Each of them tries, and goes on without.
_UNASKED = frozenset({"redis.observability.providers", "redis.observability.metrics", "litestar.plugins.opentelemetry"})


class _Without(Loader):
    """Loads a module as if OpenTelemetry were not installed."""

    def __init__(self, inner: Loader) -> None:
        self._inner = inner

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As ever."""
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """None in `sys.modules` is Python's own way to say that there is no such module."""
        known: dict[str, ModuleType | None] = sys.modules  # pyright: ignore[reportAssignmentType] - as documented
        if _HIDDEN in known:  # somebody has paid for it already
            self._inner.exec_module(module)
            return
        known[_HIDDEN] = None
        try:
            self._inner.exec_module(module)
        finally:
            del known[_HIDDEN]


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Only for the modules above; all others are not ours to find."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname in _UNASKED else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Without(spec.loader)
        return spec


def import_nothing_unasked() -> None:
    """For the imports to come."""
    sys.meta_path.insert(0, _Finder())
