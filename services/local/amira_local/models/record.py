"""The note that `pull` leaves in a model folder: where it came from, and what it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

FILE_NAME = "amira-model.json"

Origin = Literal["catalogue", "publisher", "first use"]
"""What a checksum was compared with: ours, the publisher's list, or nothing but itself."""


@dataclass(frozen=True)
class Record:
    """Content of ``amira-model.json``."""

    name: str
    upstream: str
    url: str
    archive_sha256: str
    checksum_origin: Origin
    precision: str
    languages: list[str]
    licence: str
    source: str
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each file."""

    def write(self, folder: Path) -> None:
        """Writes it into a folder."""
        (folder / FILE_NAME).write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")


def read_record(folder: Path) -> Record | None:
    """The record of a pulled folder; None where there is none that can be read."""
    try:
        content = json.loads((folder / FILE_NAME).read_text())
        return Record(**{item.name: content[item.name] for item in fields(Record)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
