"""Sound from another program, through a pipe, in the place of a microphone."""

from __future__ import annotations

import os
import select
import threading
import time

from amira_client import MicrophoneError
from amira_client.microphone import CaptureStream, OpenCapture
from amira_client.microphone.source import OnAudio, OnEnd

_LOOK_AGAIN_S = 0.2
_AHEAD_S = 0.5


def piped(descriptor: int, rate_hz: int) -> OpenCapture:
    """LINEAR16 mono at `rate_hz` from a file descriptor; it ends with the pipe."""

    def open_pipe(
        *,
        device: int | str | None,
        sample_rate_hz: int | None,
        piece_ms: int,
        on_audio: OnAudio,
        on_end: OnEnd,
    ) -> CaptureStream:
        if os.isatty(descriptor):
            raise MicrophoneError(
                "There is no sound on standard input: pipe LINEAR16 mono into it, for example "
                f"`ffmpeg -i FILE -f s16le -ac 1 -ar {rate_hz} - | amira mic --input -`."
            )
        return _Piped(descriptor, rate_hz, 2 * max(rate_hz * piece_ms // 1000, 1), on_audio, on_end)

    return open_pipe


class _Piped:
    def __init__(
        self, descriptor: int, rate_hz: int, piece_bytes: int, on_audio: OnAudio, on_end: OnEnd
    ) -> None:
        self.sample_rate_hz = rate_hz
        self._descriptor = descriptor
        self._piece_bytes = piece_bytes
        self._on_audio = on_audio
        self._on_end = on_end
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="amira-pipe", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def close(self) -> None:
        self.stop()

    def _run(self) -> None:
        held, failure = b"", None
        begun_at, spoken_s = time.monotonic(), 0.0
        try:
            while not self._stopping.is_set():
                if not select.select([self._descriptor], [], [], _LOOK_AGAIN_S)[0]:
                    continue
                came = os.read(self._descriptor, self._piece_bytes)
                if not came:
                    break
                held += came
                if len(held) >= self._piece_bytes:
                    self._on_audio(held[: self._piece_bytes], False)
                    held = held[self._piece_bytes :]
                    spoken_s += self._piece_bytes / (2 * self.sample_rate_hz)
                    # A program that is faster than speech has to wait: a microphone's buffer is bounded.
                    self._stopping.wait(max(begun_at + spoken_s - _AHEAD_S - time.monotonic(), 0))
        except OSError as error:
            failure = MicrophoneError(f"Standard input cannot be read: {error.strerror or error}.")
        if held := held[: len(held) // 2 * 2]:
            self._on_audio(held, False)
        if not self._stopping.is_set():
            self._on_end(failure)
