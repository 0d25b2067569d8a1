"""Which container the first bytes of a file belong to, as far as the server can read it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from amira.asr.v1.config_pb2 import AudioEncoding

_WAVE_EXTENSIBLE = 0xFFFE
_SERVER_READS = {(1, 16), (3, 32), (6, 8), (7, 8)}
"""(format tag, bits): PCM 16, float 32, A-law, mu-law."""


@dataclass(frozen=True)
class Sniffed:
    """A container that can be sent as it is."""

    encoding: AudioEncoding
    bytes_per_s: int | None = None
    """Constant byte rate; None for compressed audio."""
    duration_s: float | None = None
    """Length in seconds; None where the header does not tell."""


def sniff(head: bytes, size: int) -> Sniffed | None:
    """What `head`, the first bytes of a file of `size` bytes, begins.

    Returns:
        None for anything that the server cannot read itself (which may still be audio).
    """
    if head[:4] == b"fLaC":
        return Sniffed(AudioEncoding.AUDIO_ENCODING_FLAC)
    if head[:4] == b"OggS" and b"OpusHead" in head[:64]:
        return Sniffed(AudioEncoding.AUDIO_ENCODING_OGG_OPUS)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _wave(head, size)
    return None


def _wave(head: bytes, size: int) -> Sniffed | None:
    """Walks the chunks up to `data`; None when they are cut off or hold another format."""
    position, bytes_per_s = 12, 0
    while position + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, position)
        body = position + 8
        if name == b"fmt " and body + 16 <= len(head):
            tag, _, _, bytes_per_s, _, bits = struct.unpack_from("<HHIIHH", head, body)
            if tag == _WAVE_EXTENSIBLE and body + 26 <= len(head):
                (tag,) = struct.unpack_from("<H", head, body + 24)
            if (tag, bits) not in _SERVER_READS or bytes_per_s == 0:
                return None
        if name == b"data" and bytes_per_s:
            # Written to a pipe, a header may promise more than there is.
            available = min(length, size - body)
            return Sniffed(AudioEncoding.AUDIO_ENCODING_WAV, bytes_per_s, available / bytes_per_s)
        position = body + length + length % 2
    return None
