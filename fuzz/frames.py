"""WebSocket frames (RFC 6455): a client's with anything wrong in them, a server's checked for everything."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, replace
from typing import Final

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_KNOWN = (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)
_MOST_CONTROL_BYTES = 125
_SHORT, _LONG = 126, 127
"""Values of the first length that say that two or eight bytes of length follow."""
_FALSE_SIZES: Final = (0, 1, 125, 126, 65_535, 65_536, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)


class WrongFrameError(Exception):
    """What a server sent breaks the protocol."""


@dataclass(frozen=True)
class Frame:
    """One frame as its sender has it in mind, or not."""

    opcode: int
    payload: bytes = b""
    final: bool = True
    reserved: int = 0
    """The three bits of extensions."""
    masked: bool = True
    size: int | None = None
    """What it says its size is; None: the truth."""
    length_bytes: int | None = None
    """0, 2 or 8; None: as few as will do."""

    def encoded(self, key: bytes) -> bytes:
        """On the wire; `key`: four bytes."""
        first = (0x80 if self.final else 0) | self.reserved << 4 | self.opcode
        content = _masked(self.payload, key) if self.masked else self.payload
        return bytes([first]) + self._length() + (key if self.masked else b"") + content

    def _length(self) -> bytes:
        size = len(self.payload) if self.size is None else self.size
        mask = 0x80 if self.masked else 0
        if size >= 1 << 16 or self.length_bytes == 8:
            return bytes([mask | _LONG]) + struct.pack("!Q", size)
        if size >= _SHORT or self.length_bytes == 2:
            return bytes([mask | _SHORT]) + struct.pack("!H", size)
        return bytes([mask | size])


def _masked(payload: bytes, key: bytes) -> bytes:
    size = len(payload)
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)


def fragments(opcode: int, payload: bytes, parts: int, chance: random.Random) -> list[Frame]:
    """One message as so many frames, cut anywhere."""
    cuts = sorted(chance.randint(0, len(payload)) for _ in range(parts - 1))
    pieces = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
    return [
        Frame(CONTINUATION if number else opcode, piece, final=number == parts - 1)
        for number, piece in enumerate(pieces)
    ]


def spoilt(frame: Frame, chance: random.Random) -> Frame:
    """The frame with one thing wrong."""
    size = len(frame.payload)
    return chance.choice(
        (
            lambda: replace(frame, opcode=chance.randrange(16)),
            lambda: replace(frame, reserved=chance.randrange(1, 8)),
            lambda: replace(frame, masked=False),
            lambda: replace(frame, final=not frame.final),
            lambda: replace(frame, length_bytes=chance.choice((2, 8))),
            lambda: replace(frame, size=chance.choice(_FALSE_SIZES)),
            lambda: replace(frame, size=max(0, size + chance.choice((-1, 1, 7)))),
        )
    )()


def parsed(received: bytes) -> list[Frame]:
    """A server's frames; one that was cut off is left out. Raises WrongFrameError."""
    frames, at = list[Frame](), 0
    while len(received) - at >= 2:
        first, second = received[at], received[at + 1]
        size, begin = second & 0x7F, at + 2
        more = {_SHORT: 2, _LONG: 8}.get(size, 0)
        if more:
            size = int.from_bytes(received[begin : begin + more])
            begin += more
        if begin + size > len(received):
            break
        frame = Frame(first & 15, received[begin : begin + size], bool(first & 0x80), first >> 4 & 7)
        _check(frame, masked=bool(second & 0x80))
        frames.append(frame)
        at = begin + size
    return frames


def _check(frame: Frame, *, masked: bool) -> None:
    if masked or frame.reserved or frame.opcode not in _KNOWN:
        raise WrongFrameError(f"no frame of a server: masked={masked}, {frame.reserved=}, {frame.opcode=}")
    if frame.opcode >= CLOSE and not (frame.final and len(frame.payload) <= _MOST_CONTROL_BYTES):
        raise WrongFrameError("a control frame in parts or too long")
