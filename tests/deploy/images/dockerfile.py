"""A Dockerfile as its instructions."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Instruction:
    """One instruction with its arguments, continued lines joined."""

    name: str
    arguments: str

    def as_json(self) -> Any:
        """The arguments of an exec form; fails where it is a shell form."""
        return json.loads(self.arguments[self.arguments.index("[") :])

    def pairs(self) -> dict[str, str]:
        """KEY=VALUE arguments."""
        return dict(part.split("=", 1) for part in shlex.split(self.arguments))


@dataclass(frozen=True)
class Dockerfile:
    """Instructions before the first FROM, and of each stage, FROM included."""

    before: list[Instruction]
    stages: list[list[Instruction]]

    @classmethod
    def read(cls, path: Path) -> Dockerfile:
        """Reads a file without here-documents."""
        text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
        lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
        instructions = [Instruction(*(part.strip() for part in line.split(None, 1))) for line in lines]
        starts = [at for at, each in enumerate(instructions) if each.name == "FROM"]
        stages = [instructions[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
        return cls(instructions[: starts[0]], stages)

    @property
    def final(self) -> list[Instruction]:
        """The stage that becomes the image."""
        return self.stages[-1]

    def all(self, name: str) -> list[Instruction]:
        """Every instruction of a kind, in all stages."""
        return [each for stage in [self.before, *self.stages] for each in stage if each.name == name]

    def last(self, name: str) -> Instruction:
        """The one of the final stage that counts."""
        return [each for each in self.final if each.name == name][-1]
