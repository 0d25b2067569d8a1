"""Telling clients which of their settings have no effect here."""

from __future__ import annotations

import re
from collections.abc import Iterable

HEADER = "X-Amira-Ignored"
"""Names the fields of a request that were set and are not used."""

_MOST_NAMED = 20
_NAME = re.compile(r"[\w.\[\]-]{1,64}", re.ASCII)


def ignored_header(fields: Iterable[str]) -> dict[str, str]:
    """The header, if there is anything to name. Names that no API has are the client's own text: left out."""
    named = [field for field in fields if _NAME.fullmatch(field)][:_MOST_NAMED]
    return {HEADER: ", ".join(named)} if named else {}
