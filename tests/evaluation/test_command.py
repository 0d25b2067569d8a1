"""The command, on a real stack with the bundled model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.conftest import ROOT

CLIP = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"


def evaluate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evaluation", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest with the bundled clip in it, and with a recording that is there for training too."""
    folder = tmp_path_factory.mktemp("data")
    (folder / CLIP.name).symlink_to(CLIP)
    text = " ".join(CLIP.with_suffix(".txt").read_text().split())
    head = "split\tsource\tpath\tseconds\ttext"
    row = f"dev\tlibrivox\t{CLIP.name}\t{soundfile.info(CLIP).duration:.2f}\t{text}"
    both = [f"{split}\tcopies\t{CLIP.name}\t1.00\tnever heard" for split in ("dev", "train")]
    (folder / "manifest.tsv").write_text("\n".join([head, row, *both, ""]))
    return folder


@pytest.mark.slow
def test_everything_is_measured_and_kept(data: Path, model_dir: Path, tmp_path: Path) -> None:
    done = evaluate(
        "--quick", "--search", "beam", "--search", "greedy", "--targets", "cpu",
        "--model", model_dir, "--data", data, "--results", tmp_path, "--in-process",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr  # two of the targets are for sources that are not there
    (path,) = tmp_path.glob("*.json")
    assert path.name.endswith(f"-{model_dir.name}-quick.json")
    raw = json.loads(path.read_text())
    (run,) = raw["runs"]
    assert run["skipped"] == {}
    assert run["left_out"] == {"copies": 1}
    assert str(tmp_path) not in path.read_text()
    assert str(ROOT) not in path.read_text()
    clip = {row["search"]: row for row in run["speech"] if row["source"] == "librivox"}
    assert set(clip) == {"beam", "greedy"}
    words = len(CLIP.with_suffix(".txt").read_text().split())
    for search, row in clip.items():
        assert row["errors"]["words"] == words
        assert 0 <= run["figures"][f"wer/librivox/{search}"] < 60
    assert run["figures"]["sounds/words/greedy"] == 0
    assert [row["boost"] for row in run["hotwords"]] == [0, 1.5, 3]
    assert "| sound " in done.stdout
    assert "### Targets" in done.stdout
    transcripts = path.with_name(f"{path.stem}-transcripts.jsonl").read_text().splitlines()
    assert any("cold hearted" in json.loads(line)["said"] for line in transcripts)


@pytest.mark.slow
def test_what_is_missing_is_skipped_and_said(model_dir: Path, tmp_path: Path) -> None:
    done = evaluate(
        "--quick", "--only", "speech", "--search", "greedy", "--in-process",
        "--model", model_dir, "--data", tmp_path / "nowhere", "--results", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "speech: skipped: there is no" in done.stderr
    assert f"Not measured ({model_dir.name}): speech" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--only", "speech", "--only", "music"], "no such part: music"),
        (["--targets", "tpu"], "no targets for 'tpu'"),
        (["--card", "nowhere.md"], "no model card at"),
        (["--model", "nowhere"], "neither a model folder nor"),
    ],
)
def test_wrong_arguments_are_refused_at_once(arguments: list[str], problem: str) -> None:
    done = evaluate(*arguments)
    assert done.returncode == 2
    assert problem in " ".join(done.stderr.replace("│", " ").split())
