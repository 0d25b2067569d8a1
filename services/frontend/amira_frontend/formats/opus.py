"""Opus in Ogg (RFC 7845), decoded by libopus at 48 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from amira_core.errors import MalformedAudioError
from amira_frontend.formats.base import NOTHING, Float32s, check_channels, check_sample_rate
from amira_frontend.formats.codec import PacketDecoder
from amira_frontend.formats.ogg import OggReader, Page

_RATE_HZ: Final = 48_000
_OPTIONS: Final = {"request_sample_fmt": "flt", "flags2": "+skip_manual"}
"""Float samples, and none skipped by FFmpeg: where a stream begins and ends is decided here."""


class OggOpusDecoder:
    """Opus with its header. Samples come page by page, since only a whole page can be checked."""

    def __init__(self, wanted_hz: int, wanted_channels: int, channel: int) -> None:
        self._wanted_hz = wanted_hz
        self._wanted_channels = wanted_channels
        self._channel = channel
        self._ogg = OggReader(b"OpusHead")
        self._codec: PacketDecoder | None = None
        self._tags_read = False
        self._ended = False
        self._skip = 0  # samples of the encoder's delay still to drop
        self._position = 0  # granule position reached

    @property
    def sample_rate_hz(self) -> int:
        return _RATE_HZ if self._codec else 0

    def decode(self, data: bytes | memoryview) -> Iterator[Float32s]:
        for page in self._ogg.read(data):
            yield NOTHING
            if page is not None:
                yield from self._page(page)

    def finish(self) -> Iterator[Float32s]:
        self._ogg.finish()
        return iter(())

    def _page(self, page: Page) -> Iterator[Float32s]:
        if self._ended:
            raise MalformedAudioError("The Ogg stream goes on after its last page.")
        packets = iter(page.packets)
        if self._codec is None:
            self._codec = self._read_head(next(packets, b""))
        if not self._tags_read:
            tags = next(packets, None)
            if tags is None:
                return
            if not tags.startswith(b"OpusTags"):
                raise MalformedAudioError("The Opus stream has no OpusTags packet: the audio is corrupt.")
            self._tags_read = True
        self._ended = page.last
        audio = list(packets)
        room = sum(_packet_samples(packet) for packet in audio)
        if page.last and page.granule >= 0:
            # Encoders fill up the last packet; the last position tells how much of it is audio.
            room = min(room, max(0, page.granule - self._position))
        for packet in audio:
            block = self._codec.decode(packet)[: max(0, room)]
            room -= len(block)
            skipped = min(self._skip, len(block))
            self._skip -= skipped
            if len(block) > skipped:
                yield block[skipped:]
        if page.granule >= 0:
            self._position = page.granule

    def _read_head(self, head: bytes) -> PacketDecoder:
        if len(head) < 19 or head[8] & 0xF0:
            raise MalformedAudioError("The Opus header is cut off or of an unknown version.")
        channels = head[9]
        check_channels(channels, self._channel, self._wanted_channels)
        if head[18] > 1 or (head[18] == 0 and channels > 2):
            raise MalformedAudioError(f"Opus channel mapping {head[18]} is not supported: use 0 or 1.")
        if self._wanted_hz:
            # The rate in the header is that of the encoder's input; the audio itself is at 48 kHz.
            check_sample_rate(int.from_bytes(head[12:16], "little"), self._wanted_hz)
        self._skip = int.from_bytes(head[10:12], "little")
        return PacketDecoder("libopus", head, channels, self._channel, _OPTIONS)


def _packet_samples(packet: bytes) -> int:
    """Duration of an Opus packet in samples at 48 kHz, from its first bytes (RFC 6716, 3.1)."""
    if not packet:
        raise MalformedAudioError("An Opus packet is empty: the audio is corrupt.")
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config % 4]
    elif config < 16:
        frame = (480, 960)[config % 2]
    else:
        frame = (120, 240, 480, 960)[config % 4]
    if code == 3 and len(packet) < 2:
        raise MalformedAudioError("An Opus packet is cut off: the audio is corrupt.")
    count = (1, 2, 2)[code] if code < 3 else packet[1] & 0x3F
    return frame * count
