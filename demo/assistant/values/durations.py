"""Lengths of time in words."""

from __future__ import annotations

from collections.abc import Sequence

from demo.assistant.values.numbers import value_of

_UNIT_S = {"hour": 3600, "minute": 60, "second": 1}
_HALVES_S = {"half an hour": 1800, "a quarter of an hour": 900, "half a minute": 30}


def seconds_of(words: Sequence[str]) -> int:
    """Of ``one hour and thirty minutes``: 5400. Raises ValueError for words that are no length of time."""
    if (fixed := _HALVES_S.get(" ".join(words))) is not None:
        return fixed
    total = last_unit_s = 0
    number: list[str] = []
    half = False
    for word in words:
        unit_s = _UNIT_S.get(word.removesuffix("s"))
        if word == "half":
            half = True
            number = number[:-2]  # "and a"
        elif unit_s is None:
            number.append(word)
        else:
            total += value_of(_without_and(number)) * unit_s
            last_unit_s, number = unit_s, []
    if number or not last_unit_s:
        raise ValueError(f"{' '.join(words)!r} is not a length of time")
    return total + (last_unit_s // 2 if half else 0)


def _without_and(number: list[str]) -> list[str]:
    return number[1:] if number[:1] == ["and"] else number


def said(seconds: float) -> str:
    """``1 hour and 30 minutes``; what is below a second is left out."""
    left, parts = round(seconds), []
    for unit, unit_s in _UNIT_S.items():
        count, left = divmod(left, unit_s)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    if len(parts) > 1:
        return f"{', '.join(parts[:-1])} and {parts[-1]}"
    return parts[0] if parts else "0 seconds"
