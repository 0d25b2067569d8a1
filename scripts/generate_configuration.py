"""Writes docs/CONFIGURATION.md from the settings classes. With --check, only says whether it is current."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from amira_core.settings import ServiceSettings
from amira_core.tracing.settings import TracingSettings
from amira_decoder.settings import DecoderSettings
from amira_frontend.settings import FrontendSettings
from amira_gateway.settings import GatewaySettings
from amira_triton.settings import TritonSettings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.generated import write_or_check  # noqa: E402 - found by the path that was just set

PAGE = ROOT / "docs" / "CONFIGURATION.md"

SERVICES: dict[str, type[ServiceSettings]] = {
    "Gateway": GatewaySettings,
    "Frontend": FrontendSettings,
    "Decoder": DecoderSettings,
    "Triton supervisor": TritonSettings,
}

INTRODUCTION = """# Configuration

Made from the settings classes by `make docs`: change those, not this page.

Every service reads its settings from environment variables when it starts; one that cannot be ends the
service with status 2 and a line that names it. `amira up` passes its own environment on, except for the
addresses and what its options say: `AMIRA_GATEWAY_MAX_STREAMS=4 amira up`. A node (gateway, frontend and
decoder in one process) reads the settings of all three; the gateway's addresses, TLS, logs and metrics
are its own. What the encoder inside Triton reads, where no supervisor sets it: `deploy/triton/README.md`.
"""

HEADER = "| variable | default | values | |\n|---|---|---|---|"


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION, _section("All services", ServiceSettings, "AMIRA_<SERVICE>_", {})]
    common = ServiceSettings.model_fields
    for title, settings in SERVICES.items():
        parts.append(_section(title, settings, settings.model_config.get("env_prefix", ""), common))
    parts.append(_section("Traces, of all services", TracingSettings, "", {}))
    return "\n".join(parts)


def _section(title: str, settings: type[BaseSettings], prefix: str, common: dict[str, FieldInfo]) -> str:
    rows = [
        f"| `{prefix}{name.upper()}` | {_default(field)} | {_values(field)} | {_meaning(field)} |"
        for name, field in settings.model_fields.items()
        if name not in common or field.description != common[name].description
    ]
    return "\n".join([f"## {title}", "", HEADER, *rows, ""])


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("``", "`").replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Path):
        value = _portable(value)
    return f"`{value}`" if str(value) else "(empty)"


def _portable(path: Path) -> str:
    """A path as it reads on any machine."""
    if path.is_relative_to(ROOT):
        return str(path.relative_to(ROOT))
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def _values(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    return _range(field.metadata)


def _range(bounds: list[Any]) -> str:
    words = []
    for bound in bounds:
        match bound:
            case Ge(ge=least):
                words.append(f"from {least}")
            case Gt(gt=below):
                words.append(f"above {below}")
            case Le(le=most):
                words.append(f"to {most}")
            case Lt(lt=above):
                words.append(f"below {above}")
    return " ".join(words)


def main() -> int:
    """Returns 1 when --check finds the page stale."""
    os.environ.pop("XDG_CACHE_HOME", None)  # defaults as on a machine where nothing is set
    return write_or_check(PAGE, page())


if __name__ == "__main__":
    sys.exit(main())
