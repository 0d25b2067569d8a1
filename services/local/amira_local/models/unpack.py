"""Taking a model's files out of a tar archive that may be damaged or hostile."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from amira_local.models.errors import ArchiveError

_WANTED_SUFFIXES = (".onnx", ".data", ".weights")
_WANTED_NAMES = ("tokens.txt", "bpe.model")
_WANTED_STEMS = ("readme", "license", "licence", "notice", "model_card")
_MOST_TEXT_BYTES = 1 << 20
_MOST_BYTES = 8 << 30
_MOST_MEMBERS = 20_000
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)


def unpack(archive: Path, into: Path) -> None:
    """Writes the archive's model files below `into`, in the archive's folders; recordings stay out.

    No link is followed or made; paths that leave the archive's own folder condemn all of it.

    Raises:
        ArchiveError: damaged, unsafe, or larger than any model.
        OSError: `into` cannot be written.
    """
    try:
        with tarfile.open(archive, "r:*") as members:
            _unpack(members, into)
    except _DAMAGE as error:
        raise ArchiveError(
            f"The archive {archive.name} is damaged: {error or 'it ends too soon'}."
        ) from error
    except OSError as error:
        if error.errno is None:  # bz2's complaint about its content, not one of the disk
            raise ArchiveError(f"The archive {archive.name} is damaged: {error}.") from error
        raise


def _unpack(members: tarfile.TarFile, into: Path) -> None:
    total = 0
    for number, member in enumerate(members):
        path = _safe_path(member)
        total += member.size
        if number >= _MOST_MEMBERS or total > _MOST_BYTES:
            raise ArchiveError("The archive holds more than a model can: it was not unpacked.")
        if member.isreg() and _is_wanted(path, member.size):
            source = members.extractfile(member)
            if source is not None:
                _copy(source, into / path)


def _safe_path(member: tarfile.TarInfo) -> PurePosixPath:
    targets = [member.linkname] if member.islnk() else []
    if member.issym():
        targets.append(f"{PurePosixPath(member.name).parent}/{member.linkname}")
        if member.linkname.startswith("/"):
            targets.append(member.linkname)
    for name in (member.name, *targets):
        if not _stays_inside(name):
            raise ArchiveError(f"The archive wants to write outside its folder ({name}): not unpacked.")
    return PurePosixPath(*(part for part in PurePosixPath(member.name).parts if part != "."))


def _stays_inside(name: str) -> bool:
    if name.startswith(("/", "\\")) or "\\" in name or "\0" in name or ":" in name.split("/")[0]:
        return False
    depth = 0
    for part in PurePosixPath(name).parts:
        depth += -1 if part == ".." else part != "."
        if depth < 0:
            return False
    return True


def _is_wanted(path: PurePosixPath, size: int) -> bool:
    name = path.name.lower()
    if path.name in _WANTED_NAMES or name.endswith(_WANTED_SUFFIXES):
        return True
    return name.startswith(_WANTED_STEMS) and size <= _MOST_TEXT_BYTES


def _copy(source: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
