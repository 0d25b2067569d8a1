"""What extras of pyproject.toml need, a line each: `python dependencies.py pyproject.toml gateway`.

Packages are installed from this list before the code is there, so that an image's largest layer changes only
when the list or a version does.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def dependencies(pyproject: Path, extras: list[str]) -> list[str]:
    """The project's own requirements and those of `extras`. Raises KeyError for an unknown extra."""
    project = tomllib.loads(pyproject.read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return wanted


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in dependencies(Path(sys.argv[1]), sys.argv[2:]))
