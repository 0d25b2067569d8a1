"""What every command is given, and how it skips what has been done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from amira_training.console import say
from amira_training.precision import Precision
from amira_training.settings import Settings
from amira_training.work_folder import WorkFolder


@dataclass(frozen=True)
class Run:
    """One call of the program.

    Attributes:
        work: where everything is kept.
        settings: all hyperparameters.
        device: such as ``auto``, ``cpu``, ``cuda:0``.
        again: do what has been done before anew.
    """

    work: WorkFolder
    settings: Settings
    device: str = "auto"
    again: bool = False

    @property
    def precision(self) -> Precision:
        """Device and arithmetic. Raises SettingsError: the device is not there."""
        return Precision.on(self.device, self.settings.precision)


@contextmanager
def once(run: Run, command: str, made_from: dict[str, Any]) -> Iterator[bool]:
    """Whether a command has work to do; when the block ends without an error, it is noted as done.

    Args:
        run: the call.
        command: its name.
        made_from: everything that its result depends on. If it was last completed with other values,
            it is done again.
    """
    if not run.again and run.work.is_done(command, made_from):
        say(f"{command}: done before, nothing has changed (--again does it anew)")
        yield False
        return
    run.work.forget(command)
    yield True
    run.work.note_done(command, made_from)
