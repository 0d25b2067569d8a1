"""Uncompressed and G.711 samples without a header."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from amira_core.errors import MalformedAudioError
from amira_frontend.formats.base import Float32s, check_samples

_BLOCK: Final = 8_000
"""Samples per channel decoded at once: the longest time that a step keeps others waiting."""


@dataclass(frozen=True)
class SampleType:
    """How one sample is stored, and how many of them become float32 at full scale 1."""

    name: str
    stored: np.dtype[Any]
    convert: Callable[[NDArray[Any], Float32s], None]


class RawDecoder:
    """Interleaved samples of one type. Nothing is allocated per call once the first block is through."""

    def __init__(self, kind: SampleType, sample_rate_hz: int, channels: int, channel: int) -> None:
        self._kind = kind
        self._rate = sample_rate_hz
        self._channels = channels
        self._channel = channel
        self._frame_bytes = kind.stored.itemsize * channels
        self._partial = bytearray()
        self._samples = np.empty(_BLOCK, np.float32)

    @property
    def sample_rate_hz(self) -> int:
        return self._rate

    def decode(self, data: bytes | memoryview) -> Iterator[Float32s]:
        view = memoryview(data)
        if self._partial:
            missing = self._frame_bytes - len(self._partial)
            self._partial += view[:missing]
            view = view[missing:]
            if len(self._partial) < self._frame_bytes:
                return
            yield self._convert(self._partial, 1)
            self._partial = bytearray()
        whole = len(view) // self._frame_bytes
        for first in range(0, whole, _BLOCK):
            count = min(_BLOCK, whole - first)
            yield self._convert(view[first * self._frame_bytes :], count)
        self._partial += view[whole * self._frame_bytes :]

    def finish(self) -> Iterator[Float32s]:
        if self._partial:
            raise MalformedAudioError(
                f"The audio ends inside a sample: {len(self._partial)} bytes are left over, "
                f"{self._frame_bytes} make one sample of {self._kind.name} "
                f"with {self._channels} channel(s)."
            )
        return iter(())

    def _convert(self, data: bytearray | memoryview, count: int) -> Float32s:
        stored = np.frombuffer(data, self._kind.stored, count * self._channels)
        samples = self._samples[:count]
        self._kind.convert(stored[self._channel :: self._channels], samples)
        return samples


def _from_linear16(stored: NDArray[Any], samples: Float32s) -> None:
    np.copyto(samples, stored)
    np.multiply(samples, np.float32(1 / 32768), out=samples)  # of int16 it would go through a buffer


def _from_float32(stored: NDArray[Any], samples: Float32s) -> None:
    np.copyto(samples, stored)
    check_samples(samples)


def _from_table(table: Float32s) -> Callable[[NDArray[Any], Float32s], None]:
    def convert(stored: NDArray[Any], samples: Float32s) -> None:
        np.take(table, stored, out=samples, mode="clip")  # other modes copy through a buffer

    return convert


def _mulaw_table() -> Float32s:
    """ITU-T G.711: inverted bits; sign, 3 bits of exponent, 4 of mantissa; 14-bit range, here of 16."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    size = ((2 * mantissa + 33) << exponent) - 33
    return np.where(code & 0x80, -size, size).astype(np.float32) * np.float32(4 / 32768)


def _alaw_table() -> Float32s:
    """ITU-T G.711: even bits inverted; sign, 3 bits of exponent, 4 of mantissa; 13-bit range."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = np.where(exponent, (2 * mantissa + 33) << np.maximum(exponent - 1, 0), 2 * mantissa + 1)
    return np.where(code & 0x80, size, -size).astype(np.float32) * np.float32(8 / 32768)


LINEAR16: Final = SampleType("LINEAR16", np.dtype("<i2"), _from_linear16)
FLOAT32: Final = SampleType("FLOAT32", np.dtype("<f4"), _from_float32)
MULAW: Final = SampleType("MULAW", np.dtype("u1"), _from_table(_mulaw_table()))
ALAW: Final = SampleType("ALAW", np.dtype("u1"), _from_table(_alaw_table()))
