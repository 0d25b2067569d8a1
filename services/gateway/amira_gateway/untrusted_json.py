"""JSON from strangers, parsed without recursion.

Python's parser (and what is built on it: json_format.Parse, PyJWT) recurses once per bracket, up to the
interpreter's limit. What the garbage collector happens to run down there fails as well: finalizers of other
people's streams. pydantic's parser counts brackets instead, and stops at about 200.
"""

from __future__ import annotations

import base64
from typing import Any

from pydantic_core import from_json


def parse(text: str | bytes) -> Any:
    """Raises ValueError: no JSON, or nested deeper than about 200 brackets."""
    return from_json(text)


def check_token(token: str) -> None:
    """Raises ValueError where a JWT has no JSON as header and claims; says nothing of its signature."""
    header, claims, _ = token.split(".")
    for part in (header, claims):
        parse(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
