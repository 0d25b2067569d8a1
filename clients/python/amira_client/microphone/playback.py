"""A recording in the place of a device: it is spoken into the microphone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from amira.asr.v1.config_pb2 import AudioEncoding, RecognitionConfig
from amira_client.audio import Source, open_audio
from amira_client.errors import AmiraClientError, MicrophoneError
from amira_client.microphone.source import CaptureStream, OnAudio, OnEnd, OpenCapture


def playback(
    source: Source,
    config: RecognitionConfig | None = None,
    *,
    speed: float = 1.0,
    silence_after_s: float | None = None,
) -> OpenCapture:
    """What to give :class:`Microphone` as `open_capture`, to speak a mono recording into it.

    Args:
        source: a path or bytes, as for `transcribe`.
        config: describes PCM without a header.
        speed: audio seconds per second.
        silence_after_s: how long the microphone hears nothing after the recording, before it ends by itself;
            None: until it is stopped.

    Raises:
        ValueError: a speed that is not above 0.
    """
    if not speed > 0:
        raise ValueError(f"speed must be above 0, not {speed}")

    def open_playback(
        *,
        device: int | str | None,
        sample_rate_hz: int | None,
        piece_ms: int,
        on_audio: OnAudio,
        on_end: OnEnd,
    ) -> CaptureStream:
        audio = open_audio(source, config, accepted=() if config is None else [config.encoding], paced=True)
        if audio.encoding != AudioEncoding.AUDIO_ENCODING_LINEAR16 or audio.channels != 1:
            raise MicrophoneError(
                "A recording that stands in for a microphone must be mono, LINEAR16 if raw."
            )
        if sample_rate_hz not in (None, audio.sample_rate_hz):
            raise MicrophoneError(f"The recording has {audio.sample_rate_hz} Hz, not {sample_rate_hz} Hz.")
        piece_bytes = 2 * max(audio.sample_rate_hz * piece_ms // 1000, 1)
        pieces = _pieces(audio.pieces(piece_ms), piece_bytes, audio.sample_rate_hz, silence_after_s)
        wall_s = piece_bytes / (2 * audio.sample_rate_hz * speed)
        return _Playback(audio.sample_rate_hz, pieces, wall_s, on_audio, on_end)

    return open_playback


class _Playback:
    def __init__(
        self,
        sample_rate_hz: int,
        pieces: Iterator[bytes],
        piece_wall_s: float,
        on_audio: OnAudio,
        on_end: OnEnd,
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._pieces = pieces
        self._piece_wall_s = piece_wall_s
        self._on_audio = on_audio
        self._on_end = on_end
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="amira-playback", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def close(self) -> None:
        self.stop()

    def _run(self) -> None:
        failure: Exception | None = None
        begun_at, spoken = time.monotonic(), 0
        try:
            for piece in self._pieces:
                spoken += 1
                # Against the start, so that delays do not add up.
                if self._stopping.wait(max(begun_at + spoken * self._piece_wall_s - time.monotonic(), 0)):
                    return
                self._on_audio(piece, False)
        except (AmiraClientError, OSError, RuntimeError) as error:
            failure = MicrophoneError(f"The recording cannot be played on: {error}")
        self._on_end(failure)


def _pieces(
    recorded: Iterator[bytes], piece_bytes: int, sample_rate_hz: int, silence_after_s: float | None
) -> Iterator[bytes]:
    """Whole pieces, as a sound card gives them, then silence."""
    for piece in recorded:
        yield piece.ljust(piece_bytes, b"\0")
    left = None if silence_after_s is None else int(silence_after_s * sample_rate_hz) * 2
    while left is None or left > 0:
        yield bytes(piece_bytes)
        left = None if left is None else left - piece_bytes
