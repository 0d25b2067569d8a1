"""Downloading one large file over HTTP: in pieces if need be, going on where it broke off."""

from __future__ import annotations

import errno
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from amira_local.models.errors import FetchError, StorageError

Progress = Callable[[int, int | None], None]
"""Told the bytes that are there and those there will be, None where the server does not say."""

_PIECE_BYTES = 256 * 1024
_TIMEOUT_S = 30.0
_HEADERS = {"User-Agent": "amira-models", "Accept-Encoding": "identity"}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_RANGE_NOT_SATISFIABLE = 416
_PARTIAL = 206
_WORTH_A_RETRY = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Limits:
    """Bounds of one download."""

    most_bytes: int
    """A server that sends more is cut off."""
    attempts: int = 6
    """Attempts in a row that bring nothing before giving up."""
    pause_s: float = 1.0
    """Pause before the second attempt; doubled before each further one."""


def download(url: str, part: Path, limits: Limits, on_progress: Progress) -> None:
    """Downloads `url` into `part`, from where an earlier call stopped if it is the same file still.

    Raises:
        FetchError: it cannot be had; what has come so far stays in `part`.
        StorageError: `part` cannot be written.
    """
    _Download(url, part, limits, on_progress).run()


def fetch_text(url: str, most_bytes: int = 1 << 20) -> str | None:
    """A small text file; None where it cannot be had."""
    try:
        with _open(url, {}) as response:
            content = response.read(most_bytes + 1)
    except (OSError, http.client.HTTPException, FetchError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        return None
    return content.decode(errors="replace") if len(content) <= most_bytes else None


class _InterruptedError(Exception):
    """The connection broke, or the server asked for patience: worth another attempt."""


class _Download:
    def __init__(self, url: str, part: Path, limits: Limits, on_progress: Progress) -> None:
        self._url = url
        self._part = part
        self._note = part.with_name(part.name + ".json")  # which version of the file `part` is of
        self._limits = limits
        self._on_progress = on_progress

    def run(self) -> None:
        """All attempts."""
        if self._part.exists() and self._noted().get("url") != self._url:
            self._part.unlink()
        failures, reason = 0, ""
        while failures < self._limits.attempts:
            if failures:
                time.sleep(self._limits.pause_s * 2 ** (failures - 1))
            before = self._offset()
            try:
                if self._attempt(before):
                    self._note.unlink(missing_ok=True)
                    return
                reason = "the server has another version of the file each time"
            except _InterruptedError as error:
                reason = str(error)
            failures = 0 if self._offset() > before else failures + 1
        raise FetchError(
            f"{self._url}: the download broke off ({reason}). {self._offset() / 2**20:.1f} MiB are kept: "
            "the same command goes on from there."
        )

    def _attempt(self, offset: int) -> bool:
        """One request; False when the file on the server is not the one that was begun."""
        headers = {}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if version := self._noted().get("version"):
                headers["If-Range"] = version
        try:
            response = _open(self._url, headers)
        except urllib.error.HTTPError as error:
            return self._refused(error, offset)
        except (OSError, http.client.HTTPException) as error:
            if offset:
                raise _InterruptedError(_reason(error)) from error
            raise FetchError(
                f"{self._url} cannot be reached: {_reason(error)}. Is there a network, and a proxy to be "
                "named in HTTPS_PROXY? A mirror can be named with --base-url."
            ) from error
        with response:
            return self._receive(response, offset)

    def _refused(self, error: urllib.error.HTTPError, offset: int) -> bool:
        error.close()
        if error.code == _RANGE_NOT_SATISFIABLE and offset:
            total = error.headers.get("Content-Range", "").rpartition("/")[2]
            if total == str(offset):
                return True  # an earlier call had already got everything
            self._part.unlink()
            return False
        if error.code in _WORTH_A_RETRY:
            raise _InterruptedError(f"HTTP {error.code} {error.reason}") from error
        hint = "the publisher may have moved it" if error.code in (404, 410) else "the server refuses"
        raise FetchError(f"{self._url}: HTTP {error.code} {error.reason}: {hint}.") from error

    def _receive(self, response: Any, offset: int) -> bool:
        begin, total = _extent(response)
        if begin != offset:
            self._part.unlink(missing_ok=True)
            offset = 0
            if begin:  # not what was asked for, nor from the start
                return False
        if total is not None and total > self._limits.most_bytes:
            raise FetchError(
                f"{self._url} has {total >> 20} MiB; at most {self._limits.most_bytes >> 20} were expected."
            )
        try:
            self._note.write_text(json.dumps({"url": self._url, "version": _version(response)}))
            with self._part.open("ab") as file:
                got = self._copy(response, file, offset, total)
        except OSError as error:
            raise _storage_error(self._part, error) from error
        if total is not None and got < total:
            raise _InterruptedError(f"the connection closed after {got} of {total} bytes")
        return True

    def _copy(self, response: Any, file: IO[bytes], got: int, total: int | None) -> int:
        self._on_progress(got, total)
        while True:
            try:
                piece = response.read(_PIECE_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise _InterruptedError(_reason(error)) from error
            if not piece:
                return got
            got += len(piece)
            if got > self._limits.most_bytes:
                raise FetchError(f"{self._url}: the server sends more than was expected; stopped.")
            file.write(piece)
            self._on_progress(got, total)

    def _offset(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _noted(self) -> dict[str, str]:
        try:
            note = json.loads(self._note.read_text())
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}


class _KeepHttps(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to anything else."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = (urllib.parse.urlsplit(url).scheme for url in (req.full_url, newurl))
        if new not in ("http", "https") or (old == "https" and new != "https"):
            raise FetchError(f"{req.full_url} redirects to {newurl}, which is not safe to follow.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(url: str, headers: dict[str, str]) -> Any:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise FetchError(f"{url}: only http and https addresses can be fetched.")
    request = urllib.request.Request(url, headers={**_HEADERS, **headers})  # noqa: S310 - checked above
    return urllib.request.build_opener(_KeepHttps).open(request, timeout=_TIMEOUT_S)


def _extent(response: Any) -> tuple[int, int | None]:
    """Where the body begins in the file, and the file's size."""
    length = response.headers.get("Content-Length", "")
    if response.status != _PARTIAL:
        return 0, int(length) if length.isdecimal() else None
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    span, _, total = rest.partition("/")
    begin = span.partition("-")[0]
    if unit != "bytes" or not begin.isdecimal():
        return -1, None
    if total.isdecimal():
        return int(begin), int(total)
    return int(begin), int(begin) + int(length) if length.isdecimal() else None


def _version(response: Any) -> str:
    tag: str = response.headers.get("ETag", "")
    # A weak tag promises no identical bytes.
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(cause) or type(cause).__name__


def _storage_error(path: Path, error: OSError) -> StorageError:
    if error.errno in _FULL:
        return StorageError(f"The disk is full: {path.parent} has no room left. Free some, or use --into.")
    return StorageError(f"{path} cannot be written: {error.strerror or error}.")
