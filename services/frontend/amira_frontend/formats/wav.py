"""RIFF/WAVE: a header, then samples as in :mod:`amira_frontend.formats.raw`.

Read as it streams: chunks before the samples are skipped, those behind them ignored. A data size of 0
or 0xFFFFFFFF, as programs write that do not know it yet, means that the samples go on to the end; a
file that stops before its promised size is taken as far as it goes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from amira_core.errors import MalformedAudioError
from amira_frontend.formats import raw
from amira_frontend.formats.base import Float32s, check_channels, check_sample_rate

_UNKNOWN_SIZES: Final = (0, 0xFFFFFFFF)
_EXTENSIBLE: Final = 0xFFFE
_GUID_TAIL: Final = bytes.fromhex("000000001000800000aa00389b71")
"""Bytes 2 to 16 of the sub-format of every WAVE_FORMAT_EXTENSIBLE that wraps a plain format tag."""
_FORMATS: Final = {(1, 16): raw.LINEAR16, (3, 32): raw.FLOAT32, (6, 8): raw.ALAW, (7, 8): raw.MULAW}
_MAX_FMT_BYTES: Final = 1024
_MAX_CHUNKS: Final = 1000


class WavDecoder:
    """WAV with 16-bit PCM, 32-bit float, mu-law or A-law inside."""

    def __init__(self, wanted_hz: int, wanted_channels: int, channel: int) -> None:
        self._wanted_hz = wanted_hz
        self._wanted_channels = wanted_channels
        self._channel = channel
        self._header = bytearray()
        self._riff_read = False
        self._skip = 0
        self._chunks = 0
        self._samples: raw.RawDecoder | None = None
        self._left: int | None = None  # bytes of samples still to come; None: until the end
        self._in_data = False

    @property
    def sample_rate_hz(self) -> int:
        return self._samples.sample_rate_hz if self._samples else 0

    def decode(self, data: bytes | memoryview) -> Iterator[Float32s]:
        view = memoryview(data)
        if not self._in_data:
            view = self._read_header(view)
        if self._in_data and self._samples is not None:
            if self._left is not None:
                view = view[: self._left]
                self._left -= len(view)
            yield from self._samples.decode(view)

    def finish(self) -> Iterator[Float32s]:
        if self._in_data and self._samples is not None:
            return self._samples.finish()
        if self._header or self._riff_read:
            raise MalformedAudioError("The WAV header is cut off: no data chunk came.")
        return iter(())

    def _read_header(self, view: memoryview) -> memoryview:
        """Reads chunk after chunk up to the samples; returns what follows."""
        while not self._in_data and view:
            if self._skip:
                skipped = min(self._skip, len(view))
                self._skip -= skipped
                view = view[skipped:]
                continue
            taken = min(self._missing(), len(view))
            self._header += view[:taken]
            view = view[taken:]
            if not self._missing():
                self._take(bytes(self._header))
                self._header.clear()
        return view

    def _missing(self) -> int:
        """Bytes still needed for the piece of header that is being read."""
        have = len(self._header)
        if not self._riff_read:
            return 12 - have
        if have < 8 or self._header[:4] != b"fmt ":
            return 8 - have
        size = struct.unpack_from("<I", self._header, 4)[0]
        if not 16 <= size <= _MAX_FMT_BYTES:
            raise MalformedAudioError(f"The WAV format chunk has {size} bytes: this is no WAV file.")
        return int(8 + size + size % 2 - have)

    def _take(self, piece: bytes) -> None:
        if not self._riff_read:
            if piece[:4] != b"RIFF" or piece[8:] != b"WAVE":
                raise MalformedAudioError(
                    "The audio does not begin with a RIFF/WAVE header. For samples without one, "
                    "choose LINEAR16, FLOAT32, MULAW or ALAW."
                )
            self._riff_read = True
            return
        self._chunks += 1
        if self._chunks > _MAX_CHUNKS:
            raise MalformedAudioError("The WAV header does not end: this is no WAV file.")
        name, size = struct.unpack_from("<4sI", piece)
        if name == b"fmt ":
            self._read_format(piece[8:])
        elif name == b"data":
            if self._samples is None:
                raise MalformedAudioError("The WAV header has samples before their format.")
            self._left = None if size in _UNKNOWN_SIZES else size
            self._in_data = True
        else:
            self._skip = size + size % 2

    def _read_format(self, fmt: bytes) -> None:
        if self._samples is not None:
            raise MalformedAudioError("The WAV header has two formats.")
        tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", fmt)
        if tag == _EXTENSIBLE:
            if len(fmt) < 40 or fmt[26:40] != _GUID_TAIL:
                raise MalformedAudioError("The WAV header's extended format is cut off or unknown.")
            tag = struct.unpack_from("<H", fmt, 24)[0]
        kind = _FORMATS.get((tag, bits))
        if kind is None:
            raise MalformedAudioError(
                f"WAV format {tag} with {bits} bits is not supported. "
                "Send 16-bit PCM, 32-bit float, mu-law or A-law."
            )
        check_sample_rate(rate, self._wanted_hz)
        check_channels(channels, self._channel, self._wanted_channels)
        if align != channels * bits // 8:
            raise MalformedAudioError(
                f"The WAV header contradicts itself: {channels} channels of {bits} bits do not make "
                f"{align} bytes."
            )
        self._samples = raw.RawDecoder(kind, rate, channels, self._channel)
