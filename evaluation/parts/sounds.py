"""Words where nobody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.recognizer import Heard

SECONDS_PER_CLIP = 15.0
"""Ten kinds at four levels make ten minutes of this."""


@dataclass(frozen=True)
class SoundRow:
    """One kind of sound, recognized with one search."""

    kind: str
    search: str
    seconds: float
    words: int
    """Words in transcripts."""
    interim_words: int
    """Words that only interim results showed, at their most."""


def rows_by_kind(heard: Sequence[Heard], search: str) -> list[SoundRow]:
    """One row per kind, in the order of the items."""
    groups: dict[str, list[Heard]] = {}
    for one in heard:
        groups.setdefault(one.item.source, []).append(one)
    return [
        SoundRow(
            kind=kind,
            search=search,
            seconds=sum(one.item.seconds for one in group),
            words=sum(len(one.text.split()) for one in group),
            interim_words=sum(one.interim_words for one in group if not one.text),
        )
        for kind, group in groups.items()
    ]
