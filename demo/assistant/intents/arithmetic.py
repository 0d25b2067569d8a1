"""Arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

from demo.assistant.language.command import Command
from demo.assistant.values.numbers import value_of

_SIGNS = {
    "plus": "plus", "add": "plus", "minus": "minus", "less": "minus", "subtract": "minus", "take": "minus",
    "times": "times", "multiplied by": "times", "multiply": "times", "divided by": "divided by",
    "divide": "divided by", "percent of": "percent of", "half of": "half of",
    "square root of": "the square root of", "the square root of": "the square root of",
}  # fmt: skip
_BACKWARDS = ("subtract", "take")
"""Of these the second number comes first: subtract 3 from 10."""
_DIGITS = 3


def calculate(command: Command) -> str:
    """The sum and its result. Raises ValueError for words that are no number."""
    operation = command.phrase("op")
    sign = _SIGNS[operation]
    b = value_of(command.words("b"))
    if sign in ("half of", "the square root of"):
        result = b / 2 if sign == "half of" else math.sqrt(b)
        return f"{sign[0].upper()}{sign[1:]} {b} is {_number(result)}."
    a = value_of(command.words("a"))
    if operation in _BACKWARDS:
        a, b = b, a
    if sign == "divided by" and b == 0:
        return "Nothing can be divided by zero."
    return f"{a} {sign} {b} is {_number(_result(sign, a, b))}."


def _result(sign: str, a: int, b: int) -> Fraction:
    match sign:
        case "plus":
            return Fraction(a + b)
        case "minus":
            return Fraction(a - b)
        case "times":
            return Fraction(a * b)
        case "divided by":
            return Fraction(a, b)
        case _:
            return Fraction(a * b, 100)


def _number(value: float | Fraction) -> str:
    sign = "minus " if value < 0 else ""
    shown = f"{abs(float(value)):.{_DIGITS}f}".rstrip("0").rstrip(".")
    about = "" if math.isclose(float(shown), abs(float(value)), rel_tol=1e-12) else "about "
    return f"{about}{sign}{shown}"
