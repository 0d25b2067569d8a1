"""Where models lie: the bundled ones beside the sources, pulled ones in the user's data folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from amira_local.models.catalogue import CATALOGUE
from amira_local.models.errors import NoSuchModelError
from amira_local.models.record import Record, read_record

MODELS_DIR_VARIABLE = "AMIRA_MODELS_DIR"
_PATTERNS = ("encoder*.onnx", "decoder*.onnx", "joiner*.onnx", "tokens.txt")


@dataclass(frozen=True)
class InstalledModel:
    """A model folder that is there."""

    name: str
    """The folder's name."""

    path: Path
    record: Record | None
    """What `pull` noted; None for other folders."""

    lacking: tuple[str, ...]
    """Files that a model needs and the folder does not have."""

    @property
    def size_bytes(self) -> int:
        """What its files take."""
        return sum(file.stat().st_size for file in self.path.iterdir() if file.is_file())


def bundled_dir() -> Path:
    """The folder of bundled models: beside the sources, else under the current folder."""
    beside = Path(__file__).resolve().parents[4] / "models"
    return beside if beside.is_dir() else Path.cwd() / "models"


def pulled_dir() -> Path:
    """Where `pull` puts models: ``$AMIRA_MODELS_DIR``, else ``amira/models`` in the user's data folder."""
    if chosen := os.environ.get(MODELS_DIR_VARIABLE):
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    # The XDG specification: a relative path is to be ignored.
    home = Path(data) if data and Path(data).is_absolute() else Path.home() / ".local" / "share"
    return home / "amira" / "models"


def installed_models() -> list[InstalledModel]:
    """All model folders, pulled ones first; a name that is in both is the pulled one."""
    found: dict[str, InstalledModel] = {}
    for parent in (pulled_dir(), bundled_dir()):
        if parent.is_dir():
            for path in sorted(parent.iterdir()):
                if path.is_dir() and not path.name.startswith("."):
                    found.setdefault(path.name, _look(path))
    return list(found.values())


def find_installed(wanted: str | Path) -> Path:
    """The folder of a model given by path, by its name, or by its publisher's name.

    Raises:
        NoSuchModelError: there is none; the message says how to get it.
    """
    path = Path(wanted).expanduser()
    if path.is_dir():
        return path
    name = str(wanted)
    for model in installed_models():
        if name == model.name or (model.record is not None and name == model.record.upstream):
            return model.path
    if any(name in (model.name, model.upstream) for model in CATALOGUE):
        raise NoSuchModelError(f"{name} is not here yet: run `amira models pull {name}`.")
    raise NoSuchModelError(
        f"There is no model folder {name}, and no model of that name: `amira models list` shows all."
    )


def _look(path: Path) -> InstalledModel:
    lacking = tuple(pattern for pattern in _PATTERNS if not any(path.glob(pattern)))
    return InstalledModel(path.name, path, read_record(path), lacking)
