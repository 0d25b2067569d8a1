"""The `amira` command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console

from amira_local.mic_command import mic
from amira_local.models.commands import models_app
from amira_local.models.errors import NoSuchModelError
from amira_local.models.folders import find_installed
from amira_local.options import Encoder, StackOptions, default_model_dir
from amira_local.security.keys import keys_app
from amira_local.speech_options import LOCAL_SERVER
from amira_local.trace_view import DEFAULT_URL, URL_VARIABLE, TraceReadError, read_trace, show_trace
from amira_local.transcribe_command import transcribe

app = typer.Typer(
    name="amira",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(models_app)
app.add_typer(keys_app)
app.command()(transcribe)
app.command()(mic)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"amira {metadata.version('amira-asr')}")
        raise typer.Exit


@app.callback()
def _options_of_all(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Amira ASR: real-time speech recognition on your own machine."""


class EncoderChoice(StrEnum):
    """Where the encoder runs."""

    TRITON = "triton"
    IN_PROCESS = "in-process"


class SearchChoice(StrEnum):
    """The decoder's default search."""

    AUTO = "auto"
    K2 = "k2"
    BEAM = "beam"
    GREEDY = "greedy"


class Level(StrEnum):
    """Log levels."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


ModelOption = Annotated[
    Path | None,
    typer.Option("--model", help="Model folder or name (default: the bundled models/starter-en)."),
]
EncoderOption = Annotated[
    EncoderChoice, typer.Option(help="Run the encoder in Triton, or in the decoder (no Triton needed).")
]
SearchOption = Annotated[
    SearchChoice, typer.Option(help="Default search; auto: k2 where installed, else beam.")
]

JaegerOption = Annotated[
    bool,
    typer.Option("--jaeger", help="Run Jaeger beside it and send it all traces (`make jaeger-build` first)."),
]


@app.command()
def up(
    port: Annotated[int | None, typer.Option(help="The gateway's port (default: 50051).")] = None,
    model: ModelOption = None,
    encoder: EncoderOption = EncoderChoice.TRITON,
    search: SearchOption = SearchChoice.AUTO,
    log_level: Annotated[Level, typer.Option(help="Least severe level to show.")] = Level.INFO,
    ephemeral_ports: Annotated[
        bool, typer.Option("--ephemeral-ports", help="Take free ports (the gateway's too, without --port).")
    ] = False,
    log_dir: Annotated[
        Path | None, typer.Option(help="Also write one log file per service into this folder.")
    ] = None,
    nodes: Annotated[
        int,
        typer.Option(
            min=0, help="So many processes, each gateway, frontend and decoder in one; 0: each by itself."
        ),
    ] = 0,
    jaeger: JaegerOption = False,
) -> None:
    """Run all of Amira on this machine until Ctrl-C, with one view of all logs.

    Services that die are restarted. Settings of single services are taken from the environment, for
    example AMIRA_GATEWAY_MAX_STREAMS=4. Where the gateway wants certificates of its clients
    (AMIRA_GATEWAY_TLS_CLIENT_CA), AMIRA_CLIENT_CERT and AMIRA_CLIENT_KEY name one, to ask it if it is ready.
    """
    from amira_local.up import run_stack  # each command loads only what it needs

    options = replace(
        _options(port, model, encoder, search, log_level, ephemeral_ports, log_dir), nodes=nodes
    )
    console = Console()
    raise typer.Exit(_run(options, lambda options: run_stack(options, console), jaeger, console))


@app.command()
def doctor(
    model: ModelOption = None,
    server: Annotated[str, typer.Option(help="Server to look for.")] = LOCAL_SERVER,
) -> None:
    """Check what this machine needs to run Amira, and say how to mend what is missing."""
    from amira_local.doctor import examine, report  # each command loads only what it needs

    checks = asyncio.run(examine(_model_dir(model), server))
    raise typer.Exit(report(checks, Console()))


@app.command()
def demo(
    model: ModelOption = None,
    encoder: EncoderOption = EncoderChoice.TRITON,
    search: SearchOption = SearchChoice.AUTO,
    clip: Annotated[Path | None, typer.Option(help="Recording (default: the bundled one).")] = None,
    jaeger: JaegerOption = False,
) -> None:
    """Start everything on free ports, recognize the bundled recording in real time, stop everything.

    Settings of single services are taken from the environment, as by `amira up`; where the gateway wants a
    key, AMIRA_API_KEY is it.
    """
    from amira_local.demo import DEMO_LOGS, run_demo  # each command loads only what it needs

    options = _options(None, model, encoder, search, Level.INFO, True, DEMO_LOGS)
    console = Console()
    raise typer.Exit(_run(options, lambda options: run_demo(options, clip, console), jaeger, console))


@app.command()
def trace(
    trace_id: Annotated[
        str, typer.Argument(help="As SessionInfo.trace_id, `traceresponse` or a log line has it.")
    ],
    jaeger: Annotated[str, typer.Option(envvar=URL_VARIABLE, help="Where Jaeger is.")] = DEFAULT_URL,
) -> None:
    """Show a stream's trace, read from Jaeger, as a tree."""
    console = Console()
    try:
        spans = read_trace(jaeger, trace_id)
    except TraceReadError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    if not spans:
        console.print(f"Jaeger at {jaeger} knows no trace {trace_id!r} (yet).", style="red", markup=False)
        raise typer.Exit(1)
    show_trace(spans, console)


def _run(
    options: StackOptions,
    run: Callable[[StackOptions], Coroutine[Any, Any, int]],
    with_jaeger: bool,
    console: Console,
) -> int:
    from amira_local.jaeger import beside_jaeger  # each command loads only what it needs

    return asyncio.run(beside_jaeger(options, run, console) if with_jaeger else run(options))


@app.command()
def top(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(help="HOST:PORT of services' metrics (default: those of `amira up`)."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 1.0,
) -> None:
    """Show how the services do: streams, latency, slots, refusals, replicas. q quits."""
    from amira_local.services import METRICS_AT
    from amira_local.top.command import show_live, show_once  # each command loads only what it needs

    where = addresses or list(METRICS_AT.values())
    if once:
        raise typer.Exit(asyncio.run(show_once(where, Console())))
    try:
        raise typer.Exit(asyncio.run(show_live(where, interval, Console())))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _model_dir(model: Path | None) -> Path:
    if model is None:
        return default_model_dir()
    try:
        return find_installed(model)
    except NoSuchModelError as error:
        raise typer.BadParameter(str(error), param_hint="--model") from error


def _options(
    port: int | None,
    model: Path | None,
    encoder: EncoderChoice,
    search: SearchChoice,
    log_level: Level,
    ephemeral_ports: bool,
    log_dir: Path | None,
) -> StackOptions:
    return StackOptions(
        model_dir=_model_dir(model),
        port=port,
        ephemeral_ports=ephemeral_ports,
        encoder=cast(Encoder, encoder.value.replace("-", "_")),
        search=search.value,
        log_level=log_level.value,
        log_dir=log_dir,
    )
