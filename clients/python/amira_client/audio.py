"""Files and bytes as audio that the server takes.

WAV, FLAC and Ogg-Opus go out as they are; everything else that libsndfile reads (MP3, Ogg-Vorbis,
AIFF, 24-bit WAV ...) is decoded here to LINEAR16.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from amira.asr.v1.config_pb2 import AudioEncoding, RecognitionConfig
from amira_client.errors import UnreadableAudioError
from amira_client.sniff import Sniffed, sniff

SAMPLE_BYTES = {
    AudioEncoding.AUDIO_ENCODING_LINEAR16: 2,
    AudioEncoding.AUDIO_ENCODING_FLOAT32: 4,
    AudioEncoding.AUDIO_ENCODING_MULAW: 1,
    AudioEncoding.AUDIO_ENCODING_ALAW: 1,
}
"""The encodings without a header, with the bytes of one sample."""

UNPACED_PIECE_BYTES = 16 * 1024
SNIFF_BYTES = 4096

Source = str | Path | bytes | bytearray | memoryview


@dataclass(frozen=True)
class Audio:
    """Audio ready to be sent.

    Attributes:
        encoding: how the pieces are to be read.
        sample_rate_hz: samples per second; 0 where the header tells.
        channels: interleaved channels; 0 where the header tells.
        bytes_per_s: how many bytes one second takes; None for compressed audio.
        duration_s: length in seconds; None for compressed audio.
    """

    encoding: AudioEncoding
    sample_rate_hz: int
    channels: int
    bytes_per_s: int | None
    duration_s: float | None
    _pieces: Callable[[int], Iterator[bytes]]

    def pieces(self, piece_ms: int = 100) -> Iterator[bytes]:
        """Yields the audio in pieces of `piece_ms` (compressed audio: of 16 KiB), whole samples each."""
        if self.bytes_per_s is None:
            return self._pieces(UNPACED_PIECE_BYTES)
        frame_bytes = self.channels * SAMPLE_BYTES.get(self.encoding, 1) if self.channels else 1
        wanted = self.bytes_per_s * piece_ms // 1000
        return self._pieces(max(wanted // frame_bytes, 1) * frame_bytes)

    def describe(self, config: RecognitionConfig | None = None) -> RecognitionConfig:
        """A copy of `config` with the audio's encoding, rate and channels filled in."""
        described = RecognitionConfig()
        if config is not None:
            described.CopyFrom(config)
        described.encoding = self.encoding
        described.sample_rate_hz = self.sample_rate_hz
        described.channels = self.channels
        return described


def open_audio(
    source: Source,
    config: RecognitionConfig | None = None,
    *,
    accepted: Collection[int] | None = None,
    paced: bool = False,
) -> Audio:
    """Finds out what `source` is and how to send it.

    Args:
        source: a path, or the bytes themselves.
        config: when it names a PCM encoding, the source is taken for that, headerless.
        accepted: encodings that the server takes; None for all.
        paced: the pieces must have a known length in time, so compressed audio is decoded here.

    Raises:
        UnreadableAudioError: no such file, not audio, or soundfile is needed and missing.
    """
    opened = _opener(source)
    name = str(source) if isinstance(source, str | Path) else "the given bytes"
    try:
        with opened() as file:
            head = file.read(SNIFF_BYTES)
            size = file.seek(0, io.SEEK_END)
    except OSError as error:
        raise UnreadableAudioError(f"Cannot read {name}: {error.strerror or error}.") from error
    if not head:
        raise UnreadableAudioError(f"{name} is empty.")
    if config is not None and config.encoding in SAMPLE_BYTES:
        return _headerless(opened, size, config, name)
    found = sniff(head, size)
    usable = found is not None and (accepted is None or found.encoding in accepted)
    if found is None or not usable or (paced and found.bytes_per_s is None):
        return _decoded(opened, name)
    return _as_it_is(opened, found)


def _opener(source: Source) -> Callable[[], AbstractContextManager[BinaryIO]]:
    if isinstance(source, str | Path):
        path = Path(source)
        return lambda: path.open("rb")
    content = bytes(source)
    return lambda: io.BytesIO(content)


def _as_it_is(opened: Callable[[], AbstractContextManager[BinaryIO]], found: Sniffed) -> Audio:
    return Audio(found.encoding, 0, 0, found.bytes_per_s, found.duration_s, lambda n: _read(opened, n))


def _headerless(
    opened: Callable[[], AbstractContextManager[BinaryIO]], size: int, config: RecognitionConfig, name: str
) -> Audio:
    channels = config.channels or 1
    frame_bytes = SAMPLE_BYTES[config.encoding] * channels
    if config.sample_rate_hz <= 0:
        raise UnreadableAudioError(f"{name} has no header: set sample_rate_hz in the config.")
    if size % frame_bytes:
        raise UnreadableAudioError(
            f"{name} holds {size} bytes, not a whole number of {frame_bytes}-byte samples: "
            "is it cut off, or in another encoding?"
        )
    bytes_per_s = frame_bytes * config.sample_rate_hz
    return Audio(
        config.encoding, config.sample_rate_hz, channels, bytes_per_s, size / bytes_per_s,
        lambda n: _read(opened, n),
    )  # fmt: skip


def _read(opened: Callable[[], AbstractContextManager[BinaryIO]], piece_bytes: int) -> Iterator[bytes]:
    with opened() as file:
        while piece := file.read(piece_bytes):
            yield piece


def _decoded(opened: Callable[[], AbstractContextManager[BinaryIO]], name: str) -> Audio:
    """LINEAR16 at the file's own rate, decoded piece by piece."""
    try:
        import soundfile  # heavy, and only for files that the server cannot read
    except ImportError as error:
        raise UnreadableAudioError(
            f"{name} must be decoded here and soundfile is not installed: pip install soundfile."
        ) from error
    try:
        with opened() as file, soundfile.SoundFile(file) as sound:
            rate, channels, frames = sound.samplerate, sound.channels, sound.frames
    except soundfile.LibsndfileError as error:
        raise UnreadableAudioError(f"{name} is not audio that can be read: {error.error_string}") from error

    def pieces(piece_bytes: int) -> Iterator[bytes]:
        with opened() as file, soundfile.SoundFile(file) as sound:
            # Not dtype="int16": libsndfile does not scale float files to integers.
            for block in sound.blocks(piece_bytes // (2 * channels), dtype="float32", always_2d=True):
                yield (block * 32768).clip(-32768, 32767).astype("<i2").tobytes()

    return Audio(
        AudioEncoding.AUDIO_ENCODING_LINEAR16, rate, channels, 2 * channels * rate, frames / rate, pieces
    )
