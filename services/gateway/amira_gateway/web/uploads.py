"""Files that must be read as a whole before anything is known about them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import BodyPartReader

from amira_core import errors
from amira_gateway import metrics

_PIECE_BYTES = 64 * 1024
_SLOWEST_BYTES_PER_S = 16 * 1024
"""Who is slower than speech that is not compressed keeps others from their turn."""


class Upload:
    """One file's bytes so far; they count against all uploads until :meth:`Uploads.begin` ends."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self._content = bytearray()
        self.size = 0

    async def read(self, part: BodyPartReader, limit: asyncio.Timeout) -> None:
        """Reads a part to its end; what comes fast enough puts `limit` off.

        Raises MessageTooLargeError, NoCapacityError.
        """
        began_at = limit.when()
        while piece := await part.read_chunk(_PIECE_BYTES):
            self._uploads.count(self, len(piece))
            self._content += piece
            if began_at is not None:
                limit.reschedule(began_at + self.size / _SLOWEST_BYTES_PER_S)

    def take(self) -> bytes:
        """What has been read. It still counts."""
        content = bytes(self._content)
        self._content.clear()
        return content


class Uploads:
    """All that are held at once: in number and in bytes."""

    def __init__(self, max_file_bytes: int, max_bytes: int, max_uploads: int) -> None:
        self._max_file_bytes = max_file_bytes
        self._max_bytes = max_bytes
        self._max_uploads = max_uploads
        self._uploads: set[Upload] = set()
        self._bytes = 0

    @contextmanager
    def begin(self) -> Iterator[Upload]:
        """Raises NoCapacityError when there are too many."""
        if len(self._uploads) >= self._max_uploads:
            raise self._full()
        upload = Upload(self)
        self._uploads.add(upload)
        try:
            yield upload
        finally:
            self._uploads.discard(upload)
            self._bytes -= upload.size

    def count(self, upload: Upload, size: int) -> None:
        """`size` more bytes are about to be held. Raises MessageTooLargeError, NoCapacityError."""
        if upload.size + size > self._max_file_bytes:
            raise errors.MessageTooLargeError(
                f"The file has more than {self._max_file_bytes} bytes: send it in parts, compressed (FLAC, "
                "Ogg-Opus), or as a stream."
            )
        if self._bytes + size > self._max_bytes:
            raise self._full()
        self._bytes += size
        upload.size += size

    def _full(self) -> errors.NoCapacityError:
        metrics.refused(errors.NoCapacityError.reason)
        return errors.NoCapacityError("Too many files are being uploaded: try again later.")
