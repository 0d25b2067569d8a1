"""Which words of a transcript are missing, came twice, moved or were changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_NEAR = 12
"""Words within which a word counts as moved or doubled rather than as lost or new."""

_CHANGED_COST = 1.5
"""Less than a loss and an insertion, more than one: swapped words are moved, not changed."""


@dataclass
class WordChanges:
    """What has to be done to the wanted words to get those that came."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """``wanted -> got``; ``-> got`` for a word that nobody said."""

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.moved or self.changed)


@dataclass(frozen=True)
class _Stray:
    """A word on one side only."""

    place: int
    """In the wanted words: its own, or that of the next one behind it."""
    word: str


def compare_words(wanted: Sequence[str], got: Sequence[str]) -> WordChanges:
    """Aligns the two with the least changes, then tells losses, doubles and moves apart."""
    changes = WordChanges()
    if list(wanted) == list(got):
        return changes
    missing, extra = _align(wanted, got, changes)
    for stray in extra:
        gone = next(
            (lost for lost in missing if lost.word == stray.word and abs(lost.place - stray.place) <= _NEAR),
            None,
        )
        if gone is not None:
            missing.remove(gone)
            changes.moved.append(stray.word)
        elif stray.word in wanted[max(0, stray.place - _NEAR) : stray.place + _NEAR]:
            changes.doubled.append(stray.word)
        else:
            changes.changed.append(f"-> {stray.word}")
    changes.lost += [lost.word for lost in missing]
    return changes


def _align(
    wanted: Sequence[str], got: Sequence[str], changes: WordChanges
) -> tuple[list[_Stray], list[_Stray]]:
    """Words of `wanted` alone and of `got` alone; notes the changed ones."""
    costs = _costs(wanted, got)
    missing: list[_Stray] = []
    extra: list[_Stray] = []
    row, column = len(wanted), len(got)
    while row or column:
        here = costs[row][column]
        if row and column and here == costs[row - 1][column - 1] + _price(wanted[row - 1], got[column - 1]):
            row, column = row - 1, column - 1
            if wanted[row] != got[column]:
                changes.changed.append(f"{wanted[row]} -> {got[column]}")
        elif row and here == costs[row - 1][column] + 1:
            row -= 1
            missing.append(_Stray(row, wanted[row]))
        else:
            column -= 1
            extra.append(_Stray(row, got[column]))
    for found in (missing, extra, changes.changed):
        found.reverse()
    return missing, extra


def _costs(wanted: Sequence[str], got: Sequence[str]) -> list[list[float]]:
    """[i][j]: least cost of making the first j words of `got` from the first i of `wanted`."""
    rows = [[float(column) for column in range(len(got) + 1)]]
    for number, word in enumerate(wanted, start=1):
        above, row = rows[-1], [float(number)]
        for column, other in enumerate(got):
            row.append(min(above[column] + _price(word, other), above[column + 1] + 1, row[column] + 1))
        rows.append(row)
    return rows


def _price(wanted: str, got: str) -> float:
    return 0.0 if wanted == got else _CHANGED_COST
