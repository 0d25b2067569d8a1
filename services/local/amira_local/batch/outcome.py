"""What became of each recording, and of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Outcome:
    """Counts and failures; seconds of audio are those of recordings that are `done`."""

    recordings: int = 0
    done: int = 0
    done_before: int = 0
    audio_s: float = 0.0
    elapsed_s: float = 0.0
    failures: list[tuple[Path, str]] = field(default_factory=list)
    stopped: str = ""
    """Why the run ended before it had tried everything."""

    @property
    def untried(self) -> int:
        """Recordings that the run did not come to."""
        tried = self.done + self.done_before + len(self.failures)
        return max(self.recordings - tried, 0)

    @property
    def status(self) -> int:
        """The command's exit status: 0 only if there is a transcript of everything."""
        return int(bool(self.failures or self.stopped) or self.recordings == 0)
