"""When to say UtteranceEnd: so much audio after the last word, decoded without another word in it.

Counted in audio, by marks among it, and not by the clock: what is said does not depend on pacing.
"""

from __future__ import annotations

_MARK_EVERY_S = 0.5
_PREFIX = "at "


class Utterances:
    """One stream. Without a wish for utterance ends (0 s) it does nothing."""

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._heard_s = 0.0
        self._marked_s = 0.0
        self._last_word_end_s: float | None = None

    def heard(self, audio_s: float) -> str | None:
        """More audio came: the id of a mark to send behind it, now and then."""
        self._heard_s += audio_s
        if not self._silence_s or self._heard_s - self._marked_s < _MARK_EVERY_S:
            return None
        self._marked_s = self._heard_s
        return f"{_PREFIX}{self._heard_s:.3f}"

    def began(self) -> None:
        """Somebody speaks."""
        self._last_word_end_s = None

    def ended(self, last_word_end_s: float, *, at_once: bool) -> float | None:
        """A segment has ended; `at_once`: nothing is known of the audio behind it. Result as below."""
        if not self._silence_s:
            return None
        if at_once:
            return last_word_end_s
        self._last_word_end_s = last_word_end_s
        return None

    def decoded(self, mark: str) -> float | None:
        """A mark came back: the end of the last word, where the utterance has just ended, else None."""
        end_s = self._last_word_end_s
        if end_s is None or float(mark.removeprefix(_PREFIX)) - end_s < self._silence_s:
            return None
        self._last_word_end_s = None
        return end_s
