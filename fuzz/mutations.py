"""Changes to bytes: small and large, blind and with an eye for what the format's own checks would refuse."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from fuzz import checksums
from fuzz.containers import Container

Change = Callable[[bytearray, random.Random], None]

_INTERESTING = (0, 1, 2, 3, 4, 7, 8, 15, 16, 127, 128, 254, 255)
_INTERESTING_32 = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
)
_HEADER_BYTES = 200
"""The part of a file where a wrong byte does most."""


def mutated(container: Container, others: tuple[Container, ...], chance: random.Random) -> bytes:
    """`container` with one to six changes; often with its checksums put right afterwards."""
    data = bytearray(container.data)
    if container.frames and chance.random() < 0.4:
        return _flac_with_a_new_frame(container, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        if chance.random() < 0.05:
            _splice(data, chance.choice(others).data, chance)
        else:
            chance.choice(_CHANGES)(data, chance)
    # Most changes to Ogg would end at the checksum of a page.
    repair = container.data.startswith(b"OggS") and chance.random() < 0.7
    return checksums.ogg_repaired(bytes(data)) if repair else bytes(data)


def changed(data: bytes, chance: random.Random) -> bytes:
    """One change to any bytes."""
    altered = bytearray(data or b"\0")
    chance.choice(_CHANGES)(altered, chance)
    return bytes(altered)


def noise(chance: random.Random) -> bytes:
    """Random bytes, sometimes behind the first bytes of a container."""
    begin = chance.choice((b"", b"", b"RIFF\xff\xff\xff\xffWAVEfmt ", b"fLaC", b"OggS\0\2", b"\xff\xf8" * 50))
    return begin + chance.randbytes(int(2 ** chance.uniform(0, 13)))


def inflated(container: Container, chance: random.Random) -> bytes:
    """A part of `container` again and again, 64 to 256 KiB: what takes long shows with much of it."""
    begin = chance.randrange(len(container.data))
    part = container.data[begin : begin + int(2 ** chance.uniform(1, 12))]
    times = int(2 ** chance.uniform(16, 18)) // len(part)
    return container.data[:begin] + part * times + container.data[begin + len(part) :]


def _flac_with_a_new_frame(container: Container, chance: random.Random) -> bytes:
    begin, end = chance.choice(container.frames)
    frame = bytearray(container.data[begin:end])
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice(_IN_PLACE)(frame, chance)
    frame[:2] = container.data[begin : begin + 2]
    if len(frame) < 8:
        return container.data[:begin] + bytes(frame) + container.data[end:]
    return container.data[:begin] + checksums.flac_repaired(bytes(frame)) + container.data[end:]


def _place(data: bytearray, chance: random.Random) -> int:
    if chance.random() < 0.5:
        return chance.randrange(min(len(data), _HEADER_BYTES))
    return chance.randrange(len(data))


def _range(data: bytearray, chance: random.Random) -> slice:
    begin = _place(data, chance)
    return slice(begin, begin + int(2 ** chance.uniform(0, 12)))


def _flip(data: bytearray, chance: random.Random) -> None:
    data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _set(data: bytearray, chance: random.Random) -> None:
    data[_place(data, chance)] = chance.choice((chance.randrange(256), chance.choice(_INTERESTING)))


def _set_number(data: bytearray, chance: random.Random) -> None:
    kind = chance.choice(("<H", ">H", "<I", ">I"))
    size = struct.calcsize(kind)
    if len(data) >= size:
        at = min(_place(data, chance), len(data) - size)
        struct.pack_into(kind, data, at, chance.choice(_INTERESTING_32) & (256**size - 1))


def _fill(data: bytearray, chance: random.Random) -> None:
    where = _range(data, chance)
    size = len(data[where])
    data[where] = (
        bytes([chance.choice(_INTERESTING)]) * size if chance.random() < 0.5 else chance.randbytes(size)
    )


def _insert(data: bytearray, chance: random.Random) -> None:
    at = _place(data, chance)
    data[at:at] = chance.randbytes(int(2 ** chance.uniform(0, 8)))


def _remove(data: bytearray, chance: random.Random) -> None:
    where = _range(data, chance)
    if where.stop - where.start < len(data):
        del data[where]


def _repeat(data: bytearray, chance: random.Random) -> None:
    where = _range(data, chance)
    data[where.start : where.start] = data[where] * chance.choice((1, 1, 1, 20))


def _move(data: bytearray, chance: random.Random) -> None:
    where = _range(data, chance)
    moved = data[where]
    if len(moved) < len(data):
        del data[where]
        at = chance.randrange(len(data))
        data[at:at] = moved


def _cut_off(data: bytearray, chance: random.Random) -> None:
    del data[max(1, _place(data, chance)) :]


def _splice(data: bytearray, other: bytes, chance: random.Random) -> None:
    data[_place(data, chance) :] = other[chance.randrange(len(other)) :]
    data[:0] = b"" if data else b"\0"


_IN_PLACE: tuple[Change, ...] = (_flip, _flip, _set, _set, _set_number, _fill)
_CHANGES: tuple[Change, ...] = (*_IN_PLACE, _insert, _remove, _repeat, _move, _cut_off)
