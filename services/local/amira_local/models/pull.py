"""`amira models pull`: from a name to a whole model folder, or to nothing at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from amira_local.models.catalogue import RELEASE_URL, Precision, PublishedModel
from amira_local.models.choose import choose_files
from amira_local.models.download import Limits, Progress, download, fetch_text
from amira_local.models.errors import ArchiveError, FetchError, ModelsError, StorageError
from amira_local.models.record import Origin, Record, read_record, sha256_of
from amira_local.models.unpack import unpack

_MOST_ARCHIVE_BYTES = 4 << 30
_UNPACKED_TIMES = 1.5
"""Most room that the files of an archive take, as a multiple of it: bz2 hardly shrinks weights."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Pull:
    """What is to be pulled, and how."""

    model: PublishedModel
    into: Path
    """Folder that gets the model's folder."""
    base_url: str = RELEASE_URL
    """Where archives lie: the publisher's release, or a mirror of it."""
    precision: Precision | None = None
    """None: the archive's first."""
    again: bool = False
    """Replace a model that was pulled before."""
    limits: Limits = field(default_factory=lambda: Limits(most_bytes=_MOST_ARCHIVE_BYTES))

    @property
    def target(self) -> Path:
        """The model's folder."""
        return self.into / self.model.name

    @property
    def url(self) -> str:
        """Where the archive lies."""
        return f"{self.base_url.rstrip('/')}/{self.model.archive}"


@dataclass(frozen=True)
class _Expected:
    sha256: str
    origin: Origin


def pull(order: Pull, say: Callable[[str], None], on_progress: Progress) -> Path:
    """Downloads, checks, unpacks and installs; returns the model's folder.

    Args:
        order: what to pull.
        say: told what is being done, a sentence at a time.
        on_progress: told how far the download is.

    Raises:
        ModelsError: it could not be done; nothing was installed, and what was there is untouched.
    """
    precision = _precision(order)
    before = _installed_before(order)
    if before is not None and not order.again:
        say(f"{order.model.name} is already in {order.target}. Pull it anew with --again.")
        return order.target
    with _storage_errors(order.into):
        order.into.mkdir(parents=True, exist_ok=True)
        with _alone(order):
            part = order.into / f".{order.model.archive}.part"
            expected = _expected(order)
            if not (expected and part.exists() and sha256_of(part) == expected.sha256):
                _check_room(order, part)
                say(f"Downloading {order.url}")
                download(order.url, part, order.limits, on_progress)
            origin, sha256 = _verify(order, part, expected, before, say)
            with _staging(order) as staging:
                record = _prepare(order, part, staging, precision, origin, sha256)
                _swap_in(staging / record.name, order.target)
            part.unlink()
    say(f"Installed in {order.target}: try `amira models check {order.model.name}`.")
    return order.target


def _precision(order: Pull) -> Precision:
    precision = order.precision or order.model.precisions[0]
    if precision not in order.model.precisions:
        there = " and ".join(order.model.precisions)
        raise ModelsError(f"{order.model.name} is published in {there} only; leave --precision out.")
    return precision


def _installed_before(order: Pull) -> Record | None:
    record = read_record(order.target)
    if record is None and order.target.exists():
        raise StorageError(
            f"{order.target} exists, but was not made by `amira models pull`: move it away, or use --into."
        )
    return record


def _expected(order: Pull) -> _Expected | None:
    """What the archive's checksum must be, if anything is known of it."""
    if order.model.sha256:
        return _Expected(order.model.sha256, "catalogue")
    listing = fetch_text(f"{order.base_url.rstrip('/')}/checksum.txt") or ""
    for line in listing.splitlines():
        words = line.split()
        sums = [word.lower() for word in words if _SHA256.fullmatch(word.lower())]
        if order.model.archive in words and len(sums) == 1:
            return _Expected(sums[0], "publisher")
    return None


def _check_room(order: Pull, part: Path) -> None:
    size = order.model.archive_bytes
    if size is None:
        return
    there = part.stat().st_size if part.exists() else 0
    needed, free = int(size * (1 + _UNPACKED_TIMES)) - there, shutil.disk_usage(order.into).free
    if free < needed:
        raise StorageError(
            f"{order.into} has {free >> 20} MiB free, but {needed >> 20} are needed: free some or use --into."
        )


def _verify(
    order: Pull, part: Path, expected: _Expected | None, before: Record | None, say: Callable[[str], None]
) -> tuple[Origin, str]:
    """Compares the archive's checksum with what is known. A wrong archive is deleted."""
    sha256 = sha256_of(part)
    if expected is not None and sha256 != expected.sha256:
        part.unlink()
        known = {"catalogue": "Amira's table", "publisher": "the publisher's checksum.txt"}[expected.origin]
        raise ArchiveError(
            f"The archive is not the one expected: its SHA-256 is {sha256}, {known} says {expected.sha256}. "
            "It was deleted. Either the download was altered, or the publisher has replaced the file."
        )
    if expected is None and before is not None and sha256 != before.archive_sha256:
        part.unlink()
        raise ArchiveError(
            f"The archive is not the one pulled before: its SHA-256 is {sha256}, the first one's was "
            f"{before.archive_sha256}. It was deleted. If you trust it, delete {order.target} and pull again."
        )
    if expected is None:
        say(
            f"No checksum is known for this archive: it is trusted because it came from this address. "
            f"Its SHA-256 is {sha256}; it is kept, and must be the same at the next pull."
        )
        return "first use", sha256
    say(f"SHA-256 as expected ({expected.origin}): {sha256}")
    return expected.origin, sha256


def _prepare(
    order: Pull, part: Path, staging: Path, precision: Precision, origin: Origin, sha256: str
) -> Record:
    """Makes the whole model folder below `staging`. A broken archive is deleted, to be fetched anew."""
    model, folder = order.model, staging / order.model.name
    try:
        unpack(part, staging / "archive")
        chosen = choose_files(staging / "archive", precision)
        folder.mkdir()
        for name, path in chosen.items():
            path.rename(folder / name)
        _check_loads(folder)
    except ArchiveError:
        part.unlink()
        raise
    record = Record(
        name=model.name,
        upstream=model.upstream,
        url=order.url,
        archive_sha256=sha256,
        checksum_origin=origin,
        precision=precision,
        languages=list(model.languages),
        licence=model.licence,
        source=model.source,
        files={name: sha256_of(folder / name) for name in sorted(chosen)},
    )
    record.write(folder)
    return record


def _check_loads(folder: Path) -> None:
    """A folder that the server could not open is not installed."""
    from amira_decoder.model import ModelFolderError, TransducerFolder  # needs the decoder's packages
    from amira_encoder.errors import EncoderModelError
    from amira_encoder.graph import read_graph

    try:
        read_graph(TransducerFolder.open(folder).encoder)
    except (ModelFolderError, EncoderModelError) as error:
        raise ArchiveError(f"The archive is no model that Amira can serve: {error}") from error


def _swap_in(new: Path, target: Path) -> None:
    """Puts a finished folder in its place in one step, an old one out of it."""
    old = new.with_name("old")
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise


@contextlib.contextmanager
def _staging(order: Pull) -> Iterator[Path]:
    """A folder beside the target that is gone afterwards, with those that killed pulls left behind."""
    prefix = f".{order.model.name}-staging-"
    for left in order.into.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=order.into) as path:
        yield Path(path)


@contextlib.contextmanager
def _alone(order: Pull) -> Iterator[None]:
    """One pull of a model at a time."""
    lock = order.into / f".{order.model.name}.lock"
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FetchError(f"Another pull of {order.model.name} is running; wait for it.") from error
        yield  # the file stays: deleting it would let two pulls lock two files


@contextlib.contextmanager
def _storage_errors(into: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "The disk is full" if full else f"{into} cannot be written ({error.strerror or error})"
        raise StorageError(f"{what}: nothing was installed. Free some room, or use --into.") from error
