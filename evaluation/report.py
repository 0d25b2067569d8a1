"""Results as files: figures as JSON, every transcript beside them, tables as Markdown."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from evaluation.parts.hotwords import HotwordRow
from evaluation.parts.sounds import SoundRow
from evaluation.parts.speech import SpeechRow
from evaluation.recognizer import ModelInfo
from evaluation.run import Plan, Run
from evaluation.tables import all_tables
from evaluation.targets import figures
from evaluation.word_errors import Errors

_PACKAGES = ("amira-asr", "hibari-tts", "jiwer", "k2", "numpy", "onnxruntime", "openvino", "torch")


@dataclass(frozen=True)
class Results:
    """One evaluation: what was measured, and with what."""

    taken: str
    """When, ISO 8601, UTC."""
    quick: bool
    machine: dict[str, Any]
    versions: dict[str, str]
    runs: tuple[Run, ...]

    @property
    def stem(self) -> str:
        """Name of its files."""
        name = re.sub(r"[^\w.-]+", "-", self.runs[0].model.name.partition("/")[0])
        return f"{self.taken[:10]}-{name}{'-quick' if self.quick else ''}"

    @property
    def markdown(self) -> str:
        """The tables, and before them what they are of."""
        models = "; ".join(
            f"{run.model.name} (version {run.model.version}, {run.model.encoder or 'encoder unknown'})"
            for run in self.runs
        )
        quick = " A quick run: a few items of everything, which says little." if self.quick else ""
        return (
            f"Measured on {self.taken[:10]} through the whole stack with `make eval`: {models}; "
            f"{self.machine['cpus']} CPUs of {self.machine['cpu']}.{quick}\n\n{all_tables(self.runs)}"
        )

    @classmethod
    def of(cls, runs: Sequence[Run], plan: Plan) -> Results:
        """Results as of now, on this machine. They name none of its paths."""
        machine = {"cpu": _cpu_name(), "cpus": os.cpu_count(), "system": platform.system()}
        versions = {"python": platform.python_version()} | _versions()
        taken = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(taken, plan.quick, machine, versions, tuple(runs))

    def write(self, folder: Path) -> Path:
        """Writes figures, transcripts and tables into the folder; returns the file of the figures."""
        folder.mkdir(parents=True, exist_ok=True)
        raw = asdict(self)
        with (folder / f"{self.stem}-transcripts.jsonl").open("w", encoding="utf-8") as file:
            for run, own in zip(raw["runs"], self.runs, strict=True):
                for transcript in run.pop("transcripts"):
                    line = {"model": own.model.name, **transcript}
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                run["figures"] = figures(own)
        path = folder / f"{self.stem}.json"
        path.write_text(json.dumps(raw, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / f"{self.stem}.md").write_text(self.markdown, encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Results:
        """The inverse of :meth:`write`, without the transcripts.

        Raises:
            ValueError, KeyError, TypeError, OSError: that is no such file.
        """
        raw = json.loads(path.read_text(encoding="utf-8"))
        runs = tuple(_run(run) for run in raw["runs"])
        return cls(raw["taken"], raw["quick"], raw["machine"], raw["versions"], runs)


def _run(raw: dict[str, Any]) -> Run:
    model = raw["model"]
    return Run(
        model=ModelInfo(**{**model, "methods": tuple(model["methods"])}),
        speech=[SpeechRow(**{**row, "errors": Errors(**row["errors"])}) for row in raw["speech"]],
        sounds=[SoundRow(**row) for row in raw["sounds"]],
        hotwords=[
            HotwordRow(**{**row, "plain_errors": Errors(**row["plain_errors"])}) for row in raw["hotwords"]
        ],
        skipped=raw["skipped"],
        left_out=raw["left_out"],
    )


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return named[1].strip() if named else platform.machine()
