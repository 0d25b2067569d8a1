"""Phrase hints of foreign protocols as hotwords."""

from __future__ import annotations

import math

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_core.limits import MAX_PHRASE_CHARACTERS

_STRONGEST_NATS = 5.0
_HALF_AT = 10.0


def boost_nats(boost: float) -> float:
    """Log-probability per token for a boost on the scale of Riva (4 to 100) or Google (0 to 20).

    0 stays 0, the server's default. What these boosts mean in Riva and Google depends on their models;
    this curve gives the default, 1.5, for about 4, and cannot drown out what was said, whatever comes.
    """
    size = abs(boost)
    return math.copysign(_STRONGEST_NATS * size / (size + _HALF_AT), boost) if size else 0.0


def add_phrase(hotwords: config_pb2.HotwordSet, phrase: str, boost: float, where: str) -> None:
    """Adds a phrase; passes over an empty one. `where`: its field, for errors. Raises HotwordError."""
    phrase = phrase.strip()
    if not math.isfinite(boost):
        raise errors.HotwordError(f"{where}: its boost is not a number.")
    if len(phrase) > MAX_PHRASE_CHARACTERS:
        raise errors.HotwordError(
            f"{where} has {len(phrase)} characters: at most {MAX_PHRASE_CHARACTERS} are allowed."
        )
    if phrase:
        hotwords.phrases.add(phrase=phrase, boost=boost_nats(boost))
