"""Results as files: raw figures as JSON, tables as Markdown, and the tables inside a model card."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from evaluation.run import Plan, Run
from evaluation.targets import figures

_PACKAGES = ("amira-asr", "hibari-tts", "jiwer", "k2", "numpy", "onnxruntime", "openvino", "torch")
_CARD_BEGIN = "<!-- evaluation: written by `make eval`, do not edit -->"
_CARD_END = "<!-- end of evaluation -->"


def raw_results(runs: Sequence[Run], plan: Plan) -> dict[str, Any]:
    """Everything that was measured and what it was measured with; no paths of this machine."""
    return {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": plan.quick,
        "machine": {"cpu": _cpu_name(), "cpus": os.cpu_count(), "system": platform.system()},
        "versions": {"python": platform.python_version()} | _versions(),
        "runs": [{**asdict(run), "figures": figures(run)} for run in runs],
    }


def write_results(folder: Path, runs: Sequence[Run], plan: Plan, tables: str) -> Path:
    """Writes <date>-<model>.json and .md into the folder; returns the JSON file."""
    raw = raw_results(runs, plan)
    name = re.sub(r"[^\w.-]+", "-", runs[0].model.name.partition("/")[0])
    stem = f"{raw['taken'][:10]}-{name}{'-quick' if plan.quick else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.json"
    path.write_text(json.dumps(raw, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / f"{stem}.md").write_text(f"{provenance(raw)}\n\n{tables}", encoding="utf-8")
    return path


def provenance(raw: dict[str, Any]) -> str:
    """One paragraph that says what the tables are of."""
    models = "; ".join(
        f"{model['name']} (version {model['version']}, {model['encoder'] or 'encoder unknown'})"
        for model in (run["model"] for run in raw["runs"])
    )
    machine = f"{raw['machine']['cpus']} CPUs of {raw['machine']['cpu']}"
    quick = " A quick run: a few items of everything, which says little." if raw["quick"] else ""
    return (
        f"Measured on {raw['taken'][:10]} through the whole stack (gateway, frontend, decoder, Triton) with "
        f"`make eval`: {models}; {machine}.{quick}"
    )


def write_into_card(card: Path, text: str) -> None:
    """Replaces what stands between the markers in a model card; without markers, appends both.

    Raises:
        OSError: there is no such card.
    """
    content = card.read_text(encoding="utf-8")
    block = f"{_CARD_BEGIN}\n{text.strip()}\n{_CARD_END}"
    begin, end = content.find(_CARD_BEGIN), content.find(_CARD_END)
    if 0 <= begin < end:
        content = content[:begin] + block + content[end + len(_CARD_END) :]
    else:
        content = content.rstrip("\n") + f"\n\n## Evaluation\n\n{block}\n"
    card.write_text(content, encoding="utf-8")


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
