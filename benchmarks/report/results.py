"""Raw figures as JSON: on the terminal, and in a file where one is wanted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write(path: Path, figures: dict[str, Any]) -> None:
    """Keeps raw figures, making the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n")


def show(figures: dict[str, Any], out: Path | None) -> None:
    """Prints raw figures and, with `out`, keeps them."""
    print(json.dumps(figures, indent=2))
    if out is not None:
        write(out, figures)
