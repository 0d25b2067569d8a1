"""Choosing a model's files among those of an archive."""

from __future__ import annotations

from pathlib import Path

from amira_local.models.catalogue import Precision
from amira_local.models.errors import ArchiveError

_SMALLER = (".int8", ".fp16")
_TEXTS = ("readme", "license", "licence", "notice", "model_card")
_WEIGHTS = (".data", ".weights")


def choose_files(root: Path, precision: Precision) -> dict[str, Path]:
    """File names in the model folder to files below `root`.

    The encoder is taken in the precision asked for, predictor and joiner in full where there are such:
    they are small, and rounding them costs words.

    Raises:
        ArchiveError: a network or tokens.txt is missing, or there are several to choose from.
    """
    encoder = _network(root, "encoder", [precision])
    rest: list[Precision] = ["fp32", "int8"]
    chosen = [encoder, *(_network(root, part, rest) for part in ("decoder", "joiner"))]
    chosen.append(_beside(root, "tokens.txt", encoder))
    chosen += [path for path in [_find_beside(root, "bpe.model", encoder)] if path]
    chosen += [path for path in encoder.parent.iterdir() if path.name.endswith(_WEIGHTS)]
    chosen += [path for path in _texts(root) if path.name not in {file.name for file in chosen}]
    return {path.name: path for path in chosen}


def _network(root: Path, part: str, precisions: list[Precision]) -> Path:
    every = sorted(root.rglob(f"{part}*.onnx"))
    for precision in precisions:
        found = [path for path in every if _precision_of(path) == precision]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(str(path.relative_to(root)) for path in found)
            raise ArchiveError(f"The archive holds several {precision} {part}s: {names}.")
    there = ", ".join(str(path.relative_to(root)) for path in every) or "none at all"
    raise ArchiveError(
        f"The archive holds no {' or '.join(precisions)} {part}*.onnx (there is {there}): "
        "it is not a streaming transducer, or has it in another precision."
    )


def _precision_of(path: Path) -> str:
    mark = next((mark for mark in _SMALLER if mark in path.name), "")
    return mark.removeprefix(".") or "fp32"


def _beside(root: Path, name: str, encoder: Path) -> Path:
    found = _find_beside(root, name, encoder)
    if found is None:
        raise ArchiveError(f"The archive holds no {name}, or several.")
    return found


def _find_beside(root: Path, name: str, encoder: Path) -> Path | None:
    """The file in the encoder's folder, else the only one of that name."""
    if (encoder.parent / name).is_file():
        return encoder.parent / name
    found = list(root.rglob(name))
    return found[0] if len(found) == 1 else None


def _texts(root: Path) -> list[Path]:
    """The publisher's texts in the archive's topmost folder."""
    top = root
    while len(entries := list(top.iterdir())) == 1 and entries[0].is_dir():
        top = entries[0]
    return sorted(path for path in top.iterdir() if path.is_file() and path.name.lower().startswith(_TEXTS))
