"""`amira doctor`: what this machine needs to run Amira, and how to mend what is missing."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from typing import Literal

from rich.console import Console

from amira_local.health import is_serving
from amira_local.options import StackOptions
from amira_local.ports import is_taken
from amira_local.security.stack_access import StackAccess
from amira_local.services import plan

State = Literal["ok", "advice", "missing"]
_MARKS = {"ok": "[green]ok[/]", "advice": "[yellow]advice[/]", "missing": "[bold red]missing[/]"}

_PACKAGES = {
    "av": "frontend",
    "numba": "frontend",
    "onnxruntime": "decoder",
    "sentencepiece": "decoder",
    "tritonclient": "decoder",
}
_MODEL_FILES = ("encoder*.onnx", "decoder*.onnx", "joiner*.onnx", "tokens.txt")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    """What there is."""
    remedy: str = ""
    """How to mend it."""


async def examine(model_dir: Path, server: str) -> list[Check]:
    """Looks at everything; finds out, mends nothing."""
    return [
        check_python(),
        *(check_package(name, service) for name, service in _PACKAGES.items()),
        check_k2(),
        check_triton(),
        check_model(model_dir),
        *await check_server_and_ports(server),
    ]


def report(checks: list[Check], console: Console) -> int:
    """Prints the findings; returns 1 if something required is missing."""
    for check in checks:
        console.print(f"{_MARKS[check.state]:<22} {check.name}: ", end="", highlight=False)
        console.print(check.found, markup=False, highlight=False, soft_wrap=True)
        if check.remedy:
            console.print(f"             -> {check.remedy}", markup=False, highlight=False, soft_wrap=True)
    missing = sum(check.state == "missing" for check in checks)
    if missing:
        console.print(f"{missing} required part(s) missing: see the arrows above.", style="bold red")
        return 1
    console.print("Ready: start Amira with `amira up`.", style="bold green")
    return 0


def check_python(version: tuple[int, int] = (sys.version_info.major, sys.version_info.minor)) -> Check:
    """Python 3.11, for which k2 and Triton's stub are built."""
    found = f"{version[0]}.{version[1]}"
    if version == (3, 11):
        return Check("Python", "ok", f"{platform.python_version()} at {sys.executable}")
    return Check("Python", "missing", f"{found}, not 3.11", "install Python 3.11 and run `make setup`")


def check_package(name: str, service: str) -> Check:
    """A package that one of the services cannot do without."""
    try:
        import_module(name)
    except ImportError as error:
        return Check(
            name, "missing", f"{error} (the {service} needs it)", "run `make setup`, or pip install it"
        )
    return Check(name, "ok", metadata.version(name))


def check_k2() -> Check:
    """k2 and torch: the default search. Without them the beam search takes over."""
    try:
        for name in ("torch", "k2"):
            import_module(name)
    except Exception as error:  # noqa: BLE001 - a k2 built for another torch fails in many ways
        fallback = f"{error or type(error).__name__}; the built-in beam search is used instead"
        if (sys.platform, platform.machine()) != ("linux", "x86_64"):
            return Check("k2", "advice", f"{fallback} (k2 has wheels for Linux x86-64 only)")
        return Check("k2", "advice", fallback, "run `make setup` to have k2's search")
    return Check("k2", "ok", f"{metadata.version('k2')} on torch {metadata.version('torch')}")


def check_triton(prepare: Callable[[], str] | None = None) -> Check:
    """The Triton binary, its stub for this Python, and a shared libpython."""
    try:
        return Check("Triton", "ok", (prepare or _prepare_triton)())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is why Triton does not run
        return Check(
            "Triton",
            "missing",
            str(error) or type(error).__name__,
            "mend that, or run without Triton: `amira up --encoder in-process` (development only)",
        )


def _prepare_triton() -> str:
    from amira_triton.layout import prepare_layout  # the Triton service may not be installed
    from amira_triton.settings import TritonSettings

    settings = TritonSettings()
    return str(prepare_layout(settings.cache_dir, settings.model_repository).binary)


def check_model(folder: Path) -> Check:
    """The model folder's files."""
    remedy = "name a streaming transducer's folder with --model"
    if not folder.is_dir():
        return Check("model", "missing", f"there is no folder {folder}", remedy)
    absent = [pattern for pattern in _MODEL_FILES if not any(folder.glob(pattern))]
    if absent:
        return Check("model", "missing", f"{folder} lacks {', '.join(absent)}", remedy)
    return Check("model", "ok", str(folder))


async def check_server_and_ports(server: str) -> list[Check]:
    """Either a healthy server at `server`, or all of the stack's ports free."""
    if await is_serving(server, partial(StackAccess(os.environ).to, "gateway")):
        return [Check("server", "ok", f"running and healthy at {server}")]
    taken = [
        f"{port} ({service.name})"
        for wave in plan(StackOptions())
        for service in wave
        for port in service.ports
        if is_taken(port)
    ]
    idle = Check("server", "ok", f"none is running at {server}")
    if not taken:
        return [idle, Check("ports", "ok", "all free")]
    return [
        idle,
        Check(
            "ports", "advice", f"taken by other programs: {', '.join(taken)}",
            "stop them, or use `amira up --ephemeral-ports`",
        ),
    ]  # fmt: skip
