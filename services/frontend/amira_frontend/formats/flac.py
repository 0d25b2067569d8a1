"""FLAC (RFC 9639), cut into frames here and decoded by FFmpeg.

FFmpeg's own splitter holds back ten frames (2.5 s at 16 kHz) before it trusts a frame header. Ours
trusts a header whose checksum, rate, channels and number in sequence are right, so a frame is decoded
as soon as the next one begins; FFmpeg then checks the frame's own checksum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from amira_core.errors import MalformedAudioError
from amira_frontend.formats.base import NOTHING, Float32s, check_channels, check_sample_rate
from amira_frontend.formats.codec import PacketDecoder

_STREAMINFO_BYTES: Final = 34
_MAX_HEADER_BYTES: Final = 16
_SLACK_BYTES: Final = 1024
_MAX_METADATA_BLOCKS: Final = 1000
_CANDIDATES_PER_STEP: Final = 100
"""Places looked at for a frame's end before others get their turn: hostile audio has many."""
_RATES: Final = (0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
"""Sample rate by its 4-bit code; 0 is the rate of the stream header, 12 to 14 follow the header."""


class FlacDecoder:
    """FLAC with its header."""

    def __init__(self, wanted_hz: int, wanted_channels: int, channel: int) -> None:
        self._wanted_hz = wanted_hz
        self._wanted_channels = wanted_channels
        self._channel = channel
        self._data = bytearray()
        self._seek = 1  # where in `_data` the next frame may begin
        self._skip = 0
        self._magic_read = False
        self._last_block = False
        self._blocks = 0
        self._codec: PacketDecoder | None = None
        self._rate = 0
        self._channels = 0
        self._max_frame_bytes = 0
        self._sync = b""
        self._next_number = 0
        self._block_samples = 0

    @property
    def sample_rate_hz(self) -> int:
        return self._rate

    def decode(self, data: bytes | memoryview) -> Iterator[Float32s]:
        self._data += data
        while self._read_metadata():
            pass
        if not self._last_block:
            return
        for end in self._frame_ends():
            yield self._decode_frame(end) if end else NOTHING

    def finish(self) -> Iterator[Float32s]:
        if self._last_block and not self._skip:
            self._data += bytes(_MAX_HEADER_BYTES)  # lets the headers of the last few bytes be read
            for end in self._frame_ends():
                yield self._decode_frame(end) if end else NOTHING
            if len(self._data) > _MAX_HEADER_BYTES:
                yield self._decode_frame(len(self._data) - _MAX_HEADER_BYTES)
        elif self._data or self._magic_read:
            raise MalformedAudioError("The FLAC header is cut off.")

    def _read_metadata(self) -> bool:
        """Reads one piece of the header if it is there; whether another may follow."""
        if self._skip:
            skipped = min(self._skip, len(self._data))
            del self._data[:skipped]
            self._skip -= skipped
            return not self._skip and bool(self._data)
        if self._last_block:
            return False
        if not self._magic_read:
            if not b"fLaC".startswith(self._data[:4]):
                raise MalformedAudioError("The audio does not begin with a FLAC header.")
            if len(self._data) < 4:
                return False
            del self._data[:4]
            self._magic_read = True
        if len(self._data) < 4:
            return False
        kind, size = self._data[0] & 0x7F, int.from_bytes(self._data[1:4], "big")
        if self._codec is None:
            if kind != 0 or size != _STREAMINFO_BYTES:
                raise MalformedAudioError("The FLAC header does not begin with STREAMINFO.")
            if len(self._data) < 4 + size:
                return False
            self._read_streaminfo(bytes(self._data[4 : 4 + size]))
        elif kind in (0, 127):
            raise MalformedAudioError("The FLAC header is corrupt.")
        self._blocks += 1
        if self._blocks > _MAX_METADATA_BLOCKS:
            raise MalformedAudioError("The FLAC header does not end: this is no FLAC file.")
        self._last_block = bool(self._data[0] & 0x80)
        del self._data[:4]
        self._skip = size
        return True

    def _read_streaminfo(self, info: bytes) -> None:
        numbers = int.from_bytes(info[10:18], "big")
        rate, channels, bits = numbers >> 44, (numbers >> 41 & 7) + 1, (numbers >> 36 & 31) + 1
        check_sample_rate(rate, self._wanted_hz)
        check_channels(channels, self._channel, self._wanted_channels)
        largest_block = int.from_bytes(info[2:4], "big")
        if bits < 4 or largest_block < 16:
            raise MalformedAudioError("The FLAC header is corrupt.")
        self._codec = PacketDecoder("flac", info, channels, self._channel, {"err_detect": "crccheck+explode"})
        self._rate, self._channels = rate, channels
        # A frame that does not compress is stored as it is; stereo differences take one bit more.
        self._max_frame_bytes = largest_block * channels * (bits + 1) // 8 + _SLACK_BYTES

    def _frame_ends(self) -> Iterator[int]:
        """Where the first frame in the buffer ends, again and again, as far as the data tell.

        0 after each _CANDIDATES_PER_STEP places that turned out to be none.
        """
        if not self._sync and not self._read_first_header():
            return
        candidates = 0
        while True:
            at = self._data.find(self._sync, self._seek)
            if at < 0 or at + _MAX_HEADER_BYTES > len(self._data):
                self._seek = max(1, at if at >= 0 else len(self._data) - 1)
                if self._seek > self._max_frame_bytes:
                    raise MalformedAudioError("A FLAC frame does not end: the audio is corrupt.")
                return
            if self._header_number(at) == self._next_number:
                yield at
                continue
            self._seek = at + 1
            candidates += 1
            if candidates % _CANDIDATES_PER_STEP == 0:
                yield 0

    def _read_first_header(self) -> bool:
        if len(self._data) < _MAX_HEADER_BYTES:
            return False
        self._sync = bytes(self._data[:2])
        number = self._header_number(0) if self._sync in (b"\xff\xf8", b"\xff\xf9") else None
        if number is None:
            raise MalformedAudioError("No FLAC frame follows the header: the audio is corrupt.")
        self._next_number = self._following(number)
        return True

    def _decode_frame(self, end: int) -> Float32s:
        assert self._codec is not None
        frame = bytes(self._data[:end])
        del self._data[:end]
        self._seek = 1
        number = self._header_number(0)
        if number is not None:  # else the audio has ended
            self._next_number = self._following(number)
        return self._codec.decode(frame)

    def _following(self, number: int) -> int:
        """The number of the frame after the one whose header was read last."""
        variable_blocks = self._sync[1] & 1
        return number + (self._block_samples if variable_blocks else 1)

    def _header_number(self, at: int) -> int | None:
        """Number of the frame whose header is at `at`; None if there is no header of this stream."""
        header = bytes(self._data[at : at + _MAX_HEADER_BYTES])
        block_code, rate_code, channel_code = header[2] >> 4, header[2] & 15, header[3] >> 4
        if block_code == 0 or header[3] & 1 or rate_code == 15:
            return None
        if (channel_code + 1 if channel_code < 8 else 2) != self._channels or channel_code > 10:
            return None
        coded = _coded_number(header[4:])
        if coded is None:
            return None
        number, position = coded[0], 4 + coded[1]
        extra = {6: 1, 7: 2}.get(block_code, 0)
        block = int.from_bytes(header[position : position + extra], "big") + 1
        position += extra
        if not extra:
            block = 192 if block_code == 1 else 144 << block_code if block_code < 6 else 1 << block_code
        if rate_code < 12:
            rate = _RATES[rate_code] or self._rate
        else:
            size = 1 if rate_code == 12 else 2
            rate = int.from_bytes(header[position : position + size], "big") * (1000, 1, 10)[rate_code - 12]
            position += size
        if rate != self._rate or position >= len(header) or _crc8(header[:position]) != header[position]:
            return None
        self._block_samples = block
        return number


def _coded_number(data: bytes) -> tuple[int, int] | None:
    """A number in UTF-8's manner, up to 36 bits, and its length in bytes."""
    ones = 8 - (data[0] ^ 0xFF).bit_length()
    if ones == 0:
        return data[0], 1
    if ones == 1 or ones == 8:
        return None
    number = data[0] & (0x7F >> ones)
    for byte in data[1:ones]:
        if byte & 0xC0 != 0x80:
            return None
        number = number << 6 | byte & 0x3F
    return number, ones


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc
