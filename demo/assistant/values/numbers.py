"""Whole numbers in words, below a million."""

from __future__ import annotations

from collections.abc import Sequence

_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = (
    {word: value for value, word in enumerate(_SMALL)}
    | {word: 10 * value for value, word in enumerate(_TENS, 2)}
    | {"a": 1, "an": 1, "and": 0}
)

END = 1_000_000
"""The first number that has no words here."""


def value_of(words: Sequence[str]) -> int:
    """The value of ``two hundred and five``. Raises ValueError for words that are no number."""
    if not words:
        raise ValueError("no words are no number")
    thousands = below_thousand = 0
    for word in words:
        if word == "hundred":
            below_thousand = max(1, below_thousand) * 100
        elif word == "thousand":
            thousands, below_thousand = max(1, below_thousand) * 1000, 0
        elif word in _VALUES:
            below_thousand += _VALUES[word]
        else:
            raise ValueError(f"{word!r} is not part of a number")
    return thousands + below_thousand


def words_of(value: int) -> list[str]:
    """How a number is said. Raises ValueError outside 0 to 999,999."""
    if not 0 <= value < END:
        raise ValueError(f"{value} is not from 0 to {END - 1}")
    if value >= 1000:
        rest = value % 1000
        joined = ["and"] if 0 < rest < 100 else []
        return [*words_of(value // 1000), "thousand", *joined, *(words_of(rest) if rest else [])]
    if value >= 100:
        rest = value % 100
        return [_SMALL[value // 100], "hundred", *(["and", *words_of(rest)] if rest else [])]
    if value < len(_SMALL):
        return [_SMALL[value]]
    return [_TENS[value // 10 - 2], *([_SMALL[value % 10]] if value % 10 else [])]
