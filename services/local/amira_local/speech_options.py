"""Options that all commands have which send speech to a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from amira_local.options import GATEWAY_PORT
from amira_local.ports import LOOPBACK
from amira_local.request import Endpoint, Method
from amira_local.security.environment import API_KEY, CLIENT_CERT, CLIENT_KEY

LOCAL_SERVER = f"{LOOPBACK}:{GATEWAY_PORT}"

ServerOption = Annotated[str, typer.Option("--server", help="Where the server listens.")]
HotwordOption = Annotated[
    list[str] | None,
    typer.Option("--hotword", help="PHRASE or PHRASE:BOOST (nats per token); repeatable."),
]
EndpointOption = Annotated[
    Endpoint | None, typer.Option("--endpoint", help="How soon silence ends a segment.")
]
MethodOption = Annotated[Method | None, typer.Option("--method", help="Search (default: the server's).")]
ModelOption = Annotated[str, typer.Option("--model", help="Model by name (default: the server's).")]
LanguageOption = Annotated[
    str, typer.Option("--language", help="Take the server's model for this language (en, de, en-GB ...).")
]
TlsOption = Annotated[bool, typer.Option("--tls", help="Encrypt; the server's authority is a public one.")]
CaOption = Annotated[Path | None, typer.Option("--ca", help="Encrypt; the authority of the server (PEM).")]
ClientCertOption = Annotated[
    Path | None,
    typer.Option("--client-cert", envvar=CLIENT_CERT, help="Shown to a server that asks for one (PEM)."),
]
ClientKeyOption = Annotated[
    Path | None, typer.Option("--client-key", envvar=CLIENT_KEY, help="The key of --client-cert (PEM).")
]
ApiKeyOption = Annotated[
    str | None, typer.Option("--api-key", envvar=API_KEY, help="Better given in the environment.")
]


@contextmanager
def value_of(option: str) -> Iterator[None]:
    """A ValueError within ends the command: the option's value is wrong."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
