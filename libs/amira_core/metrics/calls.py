"""How calls to this process end."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from google.protobuf import descriptor_pool

from amira_core.metrics.registry import counter
from amira_core.metrics.schema import OTHER, Common

_CALLS = counter(Common.CALLS)
_foreign: set[str] = set()


def count_foreign(methods: Iterable[str]) -> None:
    """Has calls to these methods (``/package.Service/Method``), which are not ours, counted by that name."""
    _foreign.update(methods)
    _known.cache_clear()


def call_ended(method: str, status: str) -> None:
    """Counts a call to `method` (``/amira.asr.v1.Speech/Recognize``).

    Args:
        method: as the caller named it, which may be anything.
        status: OK, CANCELLED, or the reason of an error.
    """
    _CALLS.labels(_known(method), status).inc()


@lru_cache(maxsize=256)
def _known(method: str) -> str:
    """The method's short name, if it is one of ours that this process knows; a foreign one's whole name."""
    if method in _foreign:
        return method.removeprefix("/")
    service, _, name = method.removeprefix("/").partition("/")
    if not service.startswith("amira."):
        return OTHER
    try:
        # Unlike a look-up by the whole name, this finds methods alone.
        return str(descriptor_pool.Default().FindServiceByName(service).methods_by_name[name].name)
    except KeyError:
        return OTHER
