"""Full garbage collections look at what streams leave behind, not at what was loaded at the start.

A decoder's libraries are a quarter of a million objects that never become garbage; each full collection
looked at all of them, and every stream waited for 0.1 s meanwhile.
"""

from __future__ import annotations

import gc

_freezes = False


def freeze_when_ready() -> None:
    """From now on, :func:`ready` takes what there is out of the collections; for programs that only serve."""
    global _freezes
    _freezes = True


def ready() -> None:
    """A server has become ready to serve: what there is now stays."""
    if _freezes:
        gc.collect()
        gc.freeze()
