"""Ogg pages (RFC 3533): bytes in any cuts to the packets of one logical stream."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from amira_core.errors import MalformedAudioError
from amira_frontend.compiled import compile_kernel

_FIXED_BYTES: Final = 27
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_MAX_PACKET_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Page:
    """The packets that end on one page."""

    packets: list[bytes]
    granule: int
    """Position at the end of the last of them, in the codec's terms; -1 where none ends here."""
    first: bool
    last: bool


class OggReader:
    """Pages of the logical stream whose first packet begins with `magic`; others are skipped."""

    def __init__(self, magic: bytes) -> None:
        self._magic = magic
        self._crc = load_page_checksum()
        self._data = bytearray()
        self._serial: int | None = None
        self._packet = bytearray()  # a packet that goes on on the next page
        self._continues = False
        self._begun = False

    def read(self, data: bytes | memoryview) -> Iterator[Page | None]:
        """Pages that are complete; None for each page of another stream.

        Raises:
            MalformedAudioError: the bytes are no Ogg pages, or not those of one stream.
        """
        self._data += data
        while (size := self._page_bytes()) is not None:
            page = bytes(self._data[:size])
            del self._data[:size]
            self._check(page)
            yield self._parse(page)

    def finish(self) -> None:
        """Raises MalformedAudioError if the bytes stop inside a page or before the stream begins."""
        if self._data:
            raise MalformedAudioError("The Ogg stream is cut off in the middle of a page.")
        if self._begun and self._serial is None:
            raise MalformedAudioError(f"The Ogg file holds no {self._magic.decode()} stream.")

    def _page_bytes(self) -> int | None:
        if not b"OggS\0".startswith(self._data[:5]):
            where = "The audio does not begin with" if not self._begun else "The audio goes on without"
            raise MalformedAudioError(f"{where} an Ogg page.")
        if len(self._data) < _FIXED_BYTES:
            return None
        segments = self._data[26]
        if len(self._data) < _FIXED_BYTES + segments:
            return None
        size = _FIXED_BYTES + segments + sum(self._data[_FIXED_BYTES : _FIXED_BYTES + segments])
        return size if len(self._data) >= size else None

    def _check(self, page: bytes) -> None:
        self._begun = True
        blank = bytearray(page)
        blank[22:26] = b"\0\0\0\0"
        if self._crc(np.frombuffer(blank, np.uint8)) != struct.unpack_from("<I", page, 22)[0]:
            raise MalformedAudioError("An Ogg page's checksum is wrong: the audio is corrupt.")

    def _parse(self, page: bytes) -> Page | None:
        flags, granule, serial = struct.unpack_from("<BqI", page, 5)
        lacing = page[_FIXED_BYTES : _FIXED_BYTES + page[26]]
        body = page[_FIXED_BYTES + len(lacing) :]
        if self._serial is None and flags & _FIRST and body.startswith(self._magic):
            self._serial = serial
        elif flags & _FIRST and body.startswith(self._magic):
            raise MalformedAudioError("The Ogg file holds several streams. Send them one by one.")
        elif serial != self._serial:
            if self._serial is None and not flags & _FIRST:
                raise MalformedAudioError(f"The Ogg file holds no {self._magic.decode()} stream.")
            return None
        if bool(flags & _CONTINUED) != self._continues:
            raise MalformedAudioError("A page is missing from the Ogg stream.")
        packets = list(self._packets(lacing, body))
        return Page(packets, granule if packets else -1, bool(flags & _FIRST), bool(flags & _LAST))

    def _packets(self, lacing: bytes, body: bytes) -> Iterator[bytes]:
        at = 0
        for size in lacing:
            self._packet += body[at : at + size]
            at += size
            self._continues = size == 255
            if len(self._packet) > _MAX_PACKET_BYTES:
                raise MalformedAudioError("An Ogg packet is too long: the audio is corrupt.")
            if not self._continues:
                yield bytes(self._packet)
                self._packet.clear()


@functools.cache
def load_page_checksum() -> Any:
    """The compiled checksum of a page, ``uint8[n] -> uint32``: CRC-32 without reflection or inversion."""
    table = np.zeros(256, np.uint32)
    for index in range(256):
        value = index << 24
        for _ in range(8):
            value = value << 1 ^ (0x104C11DB7 if value & 0x80000000 else 0)
        table[index] = value

    def page_checksum(page):  # type: ignore[no-untyped-def]  # numba's
        crc = np.uint32(0)
        for byte in page:
            crc = np.uint32(crc << np.uint32(8)) ^ table[(crc >> np.uint32(24)) ^ byte]
        return crc

    return compile_kernel(page_checksum, "uint32(uint8[::1])")
