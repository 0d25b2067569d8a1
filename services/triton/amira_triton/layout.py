"""Making a runnable Triton from the files inside the nvidia-pytriton wheel.

The wheel carries the whole server (Triton 2.51, release 24.10) but not in the shape it runs in: the
python backend looks for one stub, beside itself, built for the Python that is to run the models.
The server is launched directly and not through pytriton's API, which adds 3 ms to each request.
"""

from __future__ import annotations

import ctypes.util
import os
import shutil
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

_DISTRIBUTION = "nvidia-pytriton"
_STUB = "triton_python_backend_stub"


class TritonInstallationError(RuntimeError):
    """Triton cannot run here; the message says what to install."""


@dataclass(frozen=True)
class TritonLayout:
    """Where a runnable Triton lies, and the environment it needs."""

    binary: Path
    """The tritonserver executable."""

    backends: Path
    """For ``--backend-directory``."""

    model_repository: Path
    """For ``--model-repository``."""

    environment: dict[str, str]
    """Variables to set on top of the inherited ones."""


def prepare_layout(cache_dir: Path, model_repository: Path) -> TritonLayout:
    """Puts server, backend and stub in place (once per version) under `cache_dir`.

    Raises:
        TritonInstallationError: the wheel, its stub for this Python, a shared libpython or the
            model repository is missing, or `cache_dir` cannot be written.
    """
    if not (model_repository / "encoder" / "config.pbtxt").is_file():
        raise TritonInstallationError(
            f"no model repository at {model_repository}: set AMIRA_TRITON_MODEL_REPOSITORY to deploy/triton"
        )
    wheel = _find_wheel()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = wheel / "python_backend_stubs" / python / _STUB
    if not stub.is_file():
        raise TritonInstallationError(f"{_DISTRIBUTION} has no python backend for Python {python}")
    version = metadata.version(_DISTRIBUTION)
    dist = cache_dir / f"tritonserver-{version}-python{python}"
    if not dist.is_dir():
        try:
            _build(dist, wheel, stub)
        except OSError as error:
            raise TritonInstallationError(
                f"cannot put Triton together in {cache_dir}: {error.strerror or error}; "
                "set AMIRA_TRITON_CACHE_DIR to a folder with 22 MB to write to"
            ) from error
    return TritonLayout(
        binary=dist / "bin" / "tritonserver",
        backends=dist / "backends",
        model_repository=model_repository,
        environment=_environment(wheel),
    )


def default_cache_dir() -> Path:
    """The user's cache folder for Amira."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "amira"


def _find_wheel() -> Path:
    spec = util.find_spec("pytriton")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / "tritonserver" / "bin" / "tritonserver").is_file():
            return Path(place) / "tritonserver"
    raise TritonInstallationError(
        "the Triton server is not installed: pip install --no-deps -r requirements/triton.txt "
        "(Linux on x86-64 or arm64), or run NVIDIA's image as deploy/triton/README.md says"
    )


def _build(dist: Path, wheel: Path, stub: Path) -> None:
    """Copies into a fresh folder and moves it into place, so that two starts at once do no harm."""
    dist.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{dist.name}.", dir=dist.parent))
    try:
        for part in ("bin", "backends"):
            shutil.copytree(wheel / part, fresh / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy2(stub, fresh / "backends" / "python" / _STUB)
        for program in (fresh / "bin" / "tritonserver", fresh / "backends" / "python" / _STUB):
            program.chmod(0o755)
        fresh.chmod(0o755)  # another user may run it: an image is built by root
        try:
            fresh.rename(dist)
        except OSError:
            if not dist.is_dir():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _environment(wheel: Path) -> dict[str, str]:
    libraries = [wheel.parent.parent / "nvidia_pytriton.libs"]
    if (python_library := _shared_libpython()) is not None:
        libraries.append(python_library)
    inherited = os.environ.get("LD_LIBRARY_PATH")
    library_path = os.pathsep.join([*map(str, libraries), *([inherited] if inherited else [])])
    # The stub's Python finds its packages through the `python3` that comes first on PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {"LD_LIBRARY_PATH": library_path, "PATH": path, "PYTHONPATH": _package_root()}


def _shared_libpython() -> Path | None:
    """The folder of this Python's shared library; None where the system's loader finds it by itself.

    Raises:
        TritonInstallationError: there is none.
    """
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    folders = [sysconfig.get_config_var("LIBDIR"), Path(sys.base_prefix) / "lib"]
    for folder in folders:
        if folder and (Path(folder) / name).is_file():
            return Path(folder)
    if ctypes.util.find_library(f"python{sys.version_info.major}.{sys.version_info.minor}"):
        return None
    raise TritonInstallationError(
        f"Triton's python backend needs {name}, which this Python ({sys.base_prefix}) was built without: "
        f"use a Python built with --enable-shared, or install it (Debian, Ubuntu: apt-get install "
        f"libpython{sys.version_info.major}.{sys.version_info.minor})"
    )


def _package_root() -> str:
    """The folder that amira_encoder is imported from, so that the stub finds it too."""
    spec = util.find_spec("amira_encoder")
    root = str(Path(spec.origin).parent.parent) if spec and spec.origin else ""
    inherited = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join(part for part in (root, inherited) if part)
