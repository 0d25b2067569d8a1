"""Whose turn it is: what was heard becomes a command, an interruption, or nothing for the assistant.

    asleep ──wake phrase, key held──► awake ──final──► (command) ──► answering ──► asleep
      ▲                                │  ▲                              │
      └──────── nothing said ──────────┘  └──── somebody speaks ─────────┘

No clock, no network, no sound: the caller says what happened and does what it is told in return. Two times
are in use: `now`, the caller's clock, and offsets into the microphone's audio, which words have; in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from demo.assistant.echo import without_echo
from demo.assistant.language.sounds import sounds_of
from demo.assistant.wake import WakePhrase

PATIENCE_S = 7.0
"""How long the assistant waits for a command once it is awake."""
JOIN_S = 2.5
"""How long an unfinished command waits for its rest."""
ECHO_S = 0.7
"""After an answer's end its echo can still be heard: sound travels, and buffers play out."""
LEAST_SOUNDS = 2
"""Of an interruption: a breath is sometimes heard as one sound."""
_MOST_JOINED = 6


class Phase(StrEnum):
    """What the assistant does."""

    ASLEEP = "asleep"
    AWAKE = "awake"
    ANSWERING = "answering"


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One word; offsets into the microphone's audio in seconds."""

    text: str
    start_s: float
    end_s: float


Reading = Sequence[HeardWord]


@dataclass(frozen=True, slots=True)
class Woke:
    """The wake phrase was heard: show it."""


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """Somebody speaks: be quiet at once."""


@dataclass(frozen=True, slots=True)
class Slept:
    """Nothing was said, or nothing more."""


@dataclass(frozen=True, slots=True)
class Understand:
    """A command was said: find out which, then call `answering`, `hold` or `done`."""

    readings: tuple[str, ...]
    end_s: float
    """Where its last word ended."""
    may_wait: bool
    """Whether the rest of an unfinished one is worth waiting for (`hold`)."""


Action = Woke | StopAnswer | Slept | Understand


class Turn:
    """The turns of one conversation."""

    def __init__(self, wake: WakePhrase) -> None:
        self.phase = Phase.ASLEEP
        self._wake = wake
        self._deadline: float | None = None
        self._talking = False
        self._addressed: int | None = None
        self._held: tuple[tuple[str, ...], float] | None = None
        self._answer = ""
        self._answer_start_s = 0.0
        self._answer_end_s: float | None = 0.0

    def microphone_on(self) -> None:
        """Offsets count from 0 again."""
        self._addressed, self._held, self._answer_start_s = None, None, 0.0
        if self._answer_end_s is not None:
            self._answer, self._answer_end_s = "", 0.0

    def is_meant(self, segment: int) -> bool:
        """Whether a segment, so far, is said to the assistant."""
        return self._addressed == segment

    def command_in(self, segment: int, reading: Reading) -> str | None:
        """The command as heard so far; None where there is none, or where only the key ends it."""
        if not self.is_meant(segment) or self._talking or self._held is not None:
            return None
        return _text(self._after_wake(self._without_echo(reading))) or None

    # What was heard

    def heard(self, segment: int, readings: Sequence[Reading], is_final: bool, now: float) -> list[Action]:
        """An interim (one reading) or a final (several, best first) of a segment."""
        actions: list[Action] = []
        said = self._without_echo(readings[0])
        if self._interrupts(said):
            actions.append(StopAnswer())
            self._listen(now)
            self._addressed = segment
        if self._addressed != segment and self._wake_end(said) is not None:
            actions.append(Woke())
            self._listen(now)
            self._addressed = segment
        if self._addressed != segment and said and self.phase is Phase.AWAKE:
            self._addressed = segment
        if self._addressed == segment and said and self._deadline is not None:
            self._deadline = max(self._deadline, now + PATIENCE_S)
        if is_final and self._addressed == segment:
            actions += self._command(readings, now)
        return actions

    def talk(self, pressed: bool, now: float) -> list[Action]:
        """The push-to-talk key goes down or up. While it is down everything is meant for the assistant."""
        if pressed == self._talking:
            return []
        self._talking = pressed
        if not pressed:
            if self.phase is Phase.AWAKE:
                self._deadline = now + (PATIENCE_S if self._held is None else JOIN_S)
            return []
        actions: list[Action] = [StopAnswer()] if self.phase is Phase.ANSWERING else []
        self._listen(now)
        return [*actions, Woke()]

    def tick(self, now: float) -> list[Action]:
        """Time goes by."""
        if self._deadline is None or now < self._deadline or self._talking:
            return []
        if self._held is not None:
            (readings, end_s), self._held = self._held, None
            self._deadline = now + PATIENCE_S
            return [Understand(readings, end_s, False)]
        self._sleep()
        return [Slept()]

    # What came of it

    def hold(self, understand: Understand, now: float) -> None:
        """It was the beginning of a command: wait for the rest."""
        self._held = (understand.readings, understand.end_s)
        self.phase, self._deadline = Phase.AWAKE, now + JOIN_S

    def answering(self, text: str, heard_s: float) -> None:
        """An answer begins to play; `heard_s`: how much audio had been heard by then."""
        self.phase, self._deadline, self._held = Phase.ANSWERING, None, None
        self._answer, self._answer_start_s, self._answer_end_s = text, heard_s, None

    def silenced(self, heard_s: float) -> None:
        """The answer does not play any more, at its end or before."""
        if self._answer_end_s is None:
            self._answer_end_s = heard_s

    def done(self, now: float, *, listen: bool = False) -> None:
        """The answer has been given, or there is none. `listen`: a reply to it needs no wake phrase."""
        if listen or self._talking:
            self._listen(now)
        else:
            self._sleep()

    def _command(self, readings: Sequence[Reading], now: float) -> list[Action]:
        said = [self._without_echo(reading) for reading in readings]
        woken = self._wake_end(said[0]) is not None
        if not self._after_wake(said[0]):
            return []  # the wake phrase alone: the command follows
        # A reading without the phrase, where another has it, has parts of the phrase in its command.
        heard = [reading for reading in said if not woken or self._wake_end(reading) is not None]
        stripped = [reading for reading in map(self._after_wake, heard) if reading]
        commands = [_text(reading) for reading in stripped]
        if any(len(one) < len(other) for one, other in zip(said, readings, strict=True)):
            # "The kitchen light off", said while "The kitchen light is on" is: all of it counts, too.
            commands += [_text(reading) for reading in map(self._after_wake, readings) if reading]
        end_s = stripped[0][-1].end_s
        if self._held is not None:
            held, self._held = self._held[0], None
            joined = [f"{first} {then}" for first in held for then in commands]
            commands = joined[:_MOST_JOINED] + ([] if self._talking else commands)
        command = Understand(tuple(dict.fromkeys(commands)), end_s, True)
        if self._talking:  # pauses end segments, but not what is said: the key does
            self._held = (command.readings, end_s)
            return []
        return [command]

    def _interrupts(self, said: Reading) -> bool:
        if self.phase is not Phase.ANSWERING:
            return False
        new = [word for word in said if word.start_s >= self._answer_start_s]
        return sum(len(sounds_of(word.text)) for word in new) >= LEAST_SOUNDS

    def _without_echo(self, reading: Reading) -> Reading:
        """What is left when the answer's own words, heard while it played, are taken away."""
        end_s = float("inf") if self._answer_end_s is None else self._answer_end_s + ECHO_S
        first = next(
            (at for at, word in enumerate(reading) if self._answer_start_s <= word.start_s < end_s), None
        )
        if not self._answer or first is None:
            return reading
        within = [word.text for word in reading[first:] if word.start_s < end_s]
        return [*reading[:first], *reading[first + without_echo(within, self._answer) :]]

    def _wake_end(self, said: Reading) -> int | None:
        return self._wake.end_in([word.text for word in said])

    def _after_wake(self, said: Reading) -> Reading:
        return said[self._wake_end(said) or 0 :]

    def _listen(self, now: float) -> None:
        self.phase, self._deadline = Phase.AWAKE, now + PATIENCE_S

    def _sleep(self) -> None:
        self.phase, self._deadline, self._held = Phase.ASLEEP, None, None


def _text(reading: Reading) -> str:
    return " ".join(word.text for word in reading)
