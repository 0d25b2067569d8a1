"""What came of many inputs, and what it cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Worst:
    """The largest value so far, and the input that had it."""

    value: float = 0.0
    number: int = -1
    origin: str = ""

    def __str__(self) -> str:
        return f"{1000 * self.value:.1f} ms (input {self.number}, {self.origin})"


@dataclass
class Tally:
    """Adds up."""

    results: Counter[str] = field(default_factory=Counter)
    """How many inputs ended how: with frames, or with which error."""
    frames: int = 0
    bytes: int = 0
    cpu: Worst = Worst()
    """Processor time of one input."""
    step: Worst = Worst()
    """Processor time of one step."""

    def add(self, other: Tally) -> None:
        """Takes in the inputs of another one."""
        self.results += other.results
        self.frames += other.frames
        self.bytes += other.bytes
        self.cpu = max(self.cpu, other.cpu)
        self.step = max(self.step, other.step)
