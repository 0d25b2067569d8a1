"""Numbers that come as text."""

from __future__ import annotations

from amira_core import errors

_MOST_DIGITS = 9


def whole_number(name: str, value: object) -> int:
    """Not negative, and no longer than any that makes sense. Raises InvalidSettingError."""
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise errors.InvalidSettingError(f"{name} is {text[:20]!r}: it must be a whole number, 0 or more.")
    return int(text)
