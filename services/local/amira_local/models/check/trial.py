"""What trying a model brings: findings for whoever wants to serve it, and what was measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["problem", "advice"]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    level: Level
    text: str
    remedy: str


@dataclass
class Trial:
    """What trying a model brought."""

    findings: list[Finding] = field(default_factory=list)
    measured: list[tuple[str, str]] = field(default_factory=list)
    """Names and values, for people."""

    def problem(self, text: str, remedy: str) -> None:
        """Adds something that keeps the model from serving well."""
        self.findings.append(Finding("problem", text, remedy))

    def advice(self, text: str, remedy: str) -> None:
        """Adds something to know."""
        self.findings.append(Finding("advice", text, remedy))

    @property
    def failed(self) -> bool:
        """Whether there was a problem."""
        return any(finding.level == "problem" for finding in self.findings)
