"""Ogg's and FLAC's checksums put right after a change: without them no change gets past the first check.

Own code throughout: a fuzzer that asked the decoder under test where a frame ends would not see it err.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence

_OGG_HEADER_BYTES = 27


def ogg_page(packets: Sequence[bytes], number: int, *, granule: int = 0, first: bool = False) -> bytes:
    """One page with whole packets of less than 255 bytes."""
    lacing = bytes(len(packet) for packet in packets)
    header = struct.pack("<4sBBqIII", b"OggS", 0, 2 if first else 0, granule, 1, number, 0)
    return ogg_repaired(header + bytes([len(lacing)]) + lacing + b"".join(packets))


def ogg_repaired(data: bytes) -> bytes:
    """`data` with the checksum of every page as it should be, as far as there are pages."""
    repaired, at = bytearray(data), 0
    while repaired[at : at + 4] == b"OggS" and at + _OGG_HEADER_BYTES <= len(repaired):
        segments = repaired[at + 26]
        end = at + _OGG_HEADER_BYTES + segments
        end += sum(repaired[at + _OGG_HEADER_BYTES : end])
        repaired[at + 22 : at + 26] = bytes(4)
        repaired[at + 22 : at + 26] = _crc(bytes(repaired[at:end]), 32, 0x04C11DB7).to_bytes(4, "little")
        at = end
    return bytes(repaired)


def flac_frames(data: bytes) -> tuple[tuple[int, int], ...]:
    """Where each frame of an intact FLAC file begins and ends: the frames' own checksums tell."""
    at, last = 4, False
    while not last:
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    frames, begin, end = [], at, at
    while begin < len(data):
        end = _next_sync(data, end + 2)
        if crc16(data[begin : end - 2]) == int.from_bytes(data[end - 2 : end], "big"):
            frames.append((begin, end))
            begin = end
        elif end == len(data):
            raise ValueError("not an intact FLAC file")
    return tuple(frames)


def _next_sync(data: bytes, at: int) -> int:
    found = [place for sync in (b"\xff\xf8", b"\xff\xf9") if (place := data.find(sync, at)) >= 0]
    return min(found, default=len(data))


def flac_repaired(frame: bytes) -> bytes:
    """A FLAC frame, changed but not in length, with both of its checksums as they should be."""
    size = 4 + max(1, 8 - (frame[4] ^ 0xFF).bit_length())
    size += {6: 1, 7: 2}.get(frame[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(frame[2] & 15, 0)
    if size + 3 > len(frame):
        return frame
    frame = frame[:size] + bytes([crc8(frame[:size])]) + frame[size + 1 : -2]
    return frame + crc16(frame).to_bytes(2, "big")


def flac_number(number: int) -> bytes:
    """A frame's number as FLAC writes it, below 2048."""
    return bytes([number]) if number < 128 else bytes([0xC0 | number >> 6, 0x80 | number & 0x3F])


def crc8(data: bytes) -> int:
    """Of a FLAC frame's header."""
    return _crc(data, 8, 0x07)


def crc16(data: bytes) -> int:
    """Of a whole FLAC frame."""
    return _crc(data, 16, 0x8005)


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    table, shift, mask = _table(bits, polynomial), bits - 8, (1 << bits) - 1
    crc = 0
    for byte in data:
        crc = (crc << 8 & mask) ^ table[crc >> shift ^ byte]
    return crc


@functools.cache
def _table(bits: int, polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << bits - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial | 1 << bits if crc >> bits - 1 & 1 else 0)
        table.append(crc)
    return tuple(table)
