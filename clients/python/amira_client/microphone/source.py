"""What a microphone gets its sound from: a device, or what a test or a program puts in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

OnAudio = Callable[[bytes, bool], None]
"""Takes one piece, LINEAR16 mono, and whether the source lost sound just before it. Never blocks."""

OnEnd = Callable[[Exception | None], None]
"""The source has no more to give; with an error where it should have had."""


class CaptureStream(Protocol):
    """A running source. All of this may be called from any thread, `stop` and `close` more than once."""

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second of what it delivers."""
        ...

    def start(self) -> None:
        """From now on sound is delivered, on a thread of the source's own."""
        ...

    def stop(self) -> None:
        """No sound is delivered once this has returned."""
        ...

    def close(self) -> None:
        """Stops, and gives the device back."""
        ...


class OpenCapture(Protocol):
    """Opens a source without starting it."""

    def __call__(
        self,
        *,
        device: int | str | None,
        sample_rate_hz: int | None,
        piece_ms: int,
        on_audio: OnAudio,
        on_end: OnEnd,
    ) -> CaptureStream:
        """Args:
            device: which one; None: the default.
            sample_rate_hz: None: what suits the server best among what the device has.
            piece_ms: length of the pieces to be delivered.
            on_audio: called with each of them.
            on_end: called once, if the source ends by itself.

        Raises:
            MicrophoneError: there is none, or not with these settings.
        """
        ...
