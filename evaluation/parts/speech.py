"""Word error rates by source, and of synthetic sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.recognizer import Heard
from evaluation.word_errors import Errors, count_errors, interval

POOLED = "all but speechocean762-test"
SYNTHETIC = "synthetic sentences"
HARD = frozenset({"speechocean762-test"})
"""Sources measured only once, with the default search: large, and far from what the model is for."""


@dataclass(frozen=True)
class SpeechRow:
    """One source, recognized with one search."""

    source: str
    search: str
    utterances: int
    seconds: float
    errors: Errors
    low: float
    """Lower end of the 95 % interval of the word error rate, in per cent."""
    high: float
    """Its upper end."""


def rows_by_source(heard: Sequence[Heard], search: str) -> list[SpeechRow]:
    """One row per source in the order of the items; with several sources, one for all but the hard."""
    groups: dict[str, list[Heard]] = {}
    for one in heard:
        groups.setdefault(one.item.source, []).append(one)
    rows = [_row(source, search, group) for source, group in groups.items()]
    easy = [one for one in heard if one.item.source not in HARD]
    if len({one.item.source for one in easy}) > 1:
        rows.append(_row(POOLED, search, easy))
    return rows


def _row(source: str, search: str, heard: Sequence[Heard]) -> SpeechRow:
    each = [count_errors(one.item.text, one.text) for one in heard]
    seconds = sum(one.item.seconds for one in heard)
    return SpeechRow(source, search, len(heard), seconds, sum(each, Errors()), *interval(each))
