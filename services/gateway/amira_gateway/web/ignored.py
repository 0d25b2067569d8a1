"""Telling clients which of their settings have no effect here."""

from __future__ import annotations

import re
from collections.abc import Iterable

from amira_gateway.adapters.stream import IGNORED, note_ignored

_MOST_NAMED = 20
_NAME = re.compile(r"[\w.\[\]-]{1,64}", re.ASCII)


def ignored_header(fields: Iterable[str], protocol: str) -> dict[str, str]:
    """The header that names them, if there are any; the log does, too.

    Names that no API has are the client's own text: left out.
    """
    named = [field for field in fields if _NAME.fullmatch(field)][:_MOST_NAMED]
    note_ignored(named, protocol)
    return {IGNORED: ", ".join(named)} if named else {}
