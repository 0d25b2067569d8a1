"""Garbage collections that streams do not notice.

A decoder's libraries are a quarter of a million objects that never become garbage; each full collection
looked at all of them, and every stream waited for 0.1 s meanwhile. And nearly all that messages leave behind
goes by reference counts, so young objects are looked at less often than Python would: 2 % of a node's time.
"""

from __future__ import annotations

import gc

_YOUNG_OBJECTS = 20_000
"""New ones between two collections of the young (Python: 700)."""

_freezes = False


def freeze_when_ready() -> None:
    """From now on, :func:`ready` takes what there is out of the collections; for programs that only serve."""
    global _freezes
    _freezes = True


def ready() -> None:
    """A server has become ready to serve: what there is now stays, and little of what comes is garbage."""
    if _freezes:
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
