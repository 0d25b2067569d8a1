"""Versions of a model that find the same words: what changes is what does not count."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


class ModelVersions:
    """A link to a model's folder, which is pointed at one new version after the other.

    A version has all files of the model; its encoder has an entry more among its metadata, so that it is
    another one by every checksum, and computes the same.

    Attributes:
        folder: the link.
    """

    def __init__(self, model_dir: Path) -> None:
        self._original = model_dir.resolve()
        self._base = Path(tempfile.mkdtemp(prefix="amira-chaos-models-"))
        self._number = 1
        self.folder = self._base / self._original.name
        self.folder.symlink_to(self._original, target_is_directory=True)

    def next(self) -> None:
        """Points the link at a version that there has not been."""
        self._number += 1
        version = self._base / f"version-{self._number}"
        version.mkdir()
        for path in self._original.iterdir():
            copy = version / path.name
            if path.match("encoder*.onnx"):
                copy.write_bytes(path.read_bytes() + _metadata("chaos_version", str(self._number)))
            else:
                copy.symlink_to(path)
        link = self._base / "next"
        link.symlink_to(version, target_is_directory=True)
        link.rename(self.folder)

    def remove(self) -> None:
        """Deletes all of them but the original."""
        shutil.rmtree(self._base)


def _metadata(key: str, value: str) -> bytes:
    """One entry of ModelProto.metadata_props (field 14), to be appended to an ONNX file."""
    entry = b"".join(bytes([tag, len(text)]) + text.encode() for tag, text in ((0x0A, key), (0x12, value)))
    return bytes([14 << 3 | 2, len(entry)]) + entry
