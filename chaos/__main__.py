"""The proof of failover: `make chaos`.

    python -m chaos run [--seed 1] [--streams 4] [--seconds 90] [--faults kill] [--blackouts] ...
    python -m chaos plan [--seed 1] ...

Starts a fleet of its own on free ports. Takes a little more than twice `--seconds`.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from amira_local import options as stack
from chaos.fleet import FleetError
from chaos.replicas import FleetOptions
from chaos.report import schedule_table, summary, write
from chaos.run import UndisturbedError, run
from chaos.schedule import OF_ALL, Fault, FaultKind, Plan, draw
from chaos.scripts import find_clips, write_scripts, write_short_scripts

_HERE = Path(__file__).resolve().parent
RESULTS = _HERE / "results"
SPEECH = _HERE.parent.parent / "shared" / "speech"
LOGS = _HERE.parent / ".amira" / "chaos"

_WRONG, _FAILED = 1, 2

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0])


class EncoderPlace(StrEnum):
    """Where encoders run, in command-line words."""

    TRITON = "triton"
    IN_PROCESS = "in-process"


Seed = Annotated[int, typer.Option(help="What the faults and the speech are drawn from.")]
Seconds = Annotated[float, typer.Option(min=5, help="Length of every stream.")]
Every = Annotated[float, typer.Option(min=0.1, help="Seconds between faults, on average.")]
Faults = Annotated[
    list[FaultKind] | None, typer.Option(help="Kind of fault; repeat for several. Default: all.")
]
Targets = Annotated[
    list[str] | None,
    typer.Option(help="Kind of replica to disturb (frontend, decoder, triton); default: all."),
]
Gateways = Annotated[bool, typer.Option(help="Disturb gateways too; clients go on at another one.")]
Blackouts = Annotated[
    bool, typer.Option(help="Also take all replicas of a kind off the network for a while.")
]
Outages = Annotated[
    bool, typer.Option(help="Also kill all Tritons at once; decoders stand in for them (degraded mode).")
]
Swaps = Annotated[
    bool,
    typer.Option(help="Swap the model under load, in the place of other faults of decoders and Tritons."),
]
Together = Annotated[bool, typer.Option(help="Allow faults of all replicas of a kind at the same time.")]
Encoder = Annotated[EncoderPlace, typer.Option(help="in-process: no Triton; quick, for development.")]
Replicas = Annotated[int, typer.Option(min=1, help="Of every service.")]


@app.command("plan")
def plan_command(
    seed: Seed = 1,
    seconds: Seconds = 90,
    every: Every = 8,
    faults: Faults = None,
    targets: Targets = None,
    gateways: Gateways = False,
    blackouts: Blackouts = False,
    outages: Outages = False,
    swaps: Swaps = False,
    together: Together = False,
    encoder: Encoder = EncoderPlace.TRITON,
    replicas: Replicas = 2,
) -> None:
    """Prints what `run` with the same options would do."""
    plan = _plan(
        seed,
        seconds,
        every,
        faults,
        targets,
        gateways,
        blackouts,
        outages,
        swaps,
        together,
        encoder,
        replicas,
    )
    typer.echo(schedule_table(_draw(plan)))


@app.command("run")
def run_command(
    seed: Seed = 1,
    streams: Annotated[int, typer.Option(min=1, help="Streams that last the whole run.")] = 4,
    short: Annotated[int, typer.Option(min=0, help="Streams of 12 s at once, one behind the other.")] = 2,
    seconds: Seconds = 90,
    every: Every = 8,
    faults: Faults = None,
    targets: Targets = None,
    gateways: Gateways = False,
    blackouts: Blackouts = False,
    outages: Outages = False,
    swaps: Swaps = False,
    together: Together = False,
    encoder: Encoder = EncoderPlace.TRITON,
    replicas: Replicas = 2,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each encoder.")] = 1,
    model: Annotated[Path | None, typer.Option(help="Model folder; default: the bundled one.")] = None,
    speech: Annotated[
        Path, typer.Option(envvar="AMIRA_TEST_SPEECH", help="Folder with manifest.tsv and recordings.")
    ] = SPEECH,
    env: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for all services; repeat.")] = None,
    results: Annotated[Path, typer.Option(help="Folder for the raw figures.")] = RESULTS,
    logs: Annotated[Path, typer.Option(help="Folder for one log per replica.")] = LOGS,
) -> None:
    """Runs and prints the tables. Exit status: 1 not as if undisturbed, 2 it could not be run."""
    plan = _plan(
        seed,
        seconds,
        every,
        faults,
        targets,
        gateways,
        blackouts,
        outages,
        swaps,
        together,
        encoder,
        replicas,
    )
    drawn = _draw(plan)
    options = FleetOptions(
        gateways=replicas,
        frontends=replicas,
        decoders=replicas,
        encoder=_ENCODERS[encoder],
        threads=threads,
        model_dir=model or stack.default_model_dir(),
        env=(_STAND_IN if plan.outages else {}) | _environment(env or []),
        log_dir=logs,
        swaps=plan.swaps,
    )
    typer.echo(schedule_table(drawn) + "\n")
    clips = find_clips(speech)
    scripts = write_scripts(clips, streams, seconds, seed) + write_short_scripts(clips, short, seconds, seed)
    try:
        outcome = asyncio.run(
            run(options, scripts, drawn, _say, one_of_a_kind=plan.one_of_a_kind, resume=gateways)
        )
    except (FleetError, UndisturbedError) as error:
        _say(f"error: {error}")
        raise typer.Exit(_FAILED) from None
    path = write(results, outcome, plan)
    typer.echo("\n" + summary(outcome, plan))
    _say(f"raw figures: {path}; logs: {logs}")
    if not outcome.clean:
        raise typer.Exit(_WRONG)


_ENCODERS: dict[EncoderPlace, stack.Encoder] = {
    EncoderPlace.TRITON: "triton",
    EncoderPlace.IN_PROCESS: "in_process",
}


_STAND_IN = {
    "AMIRA_DECODER_DEGRADED": "in_process",
    "AMIRA_DECODER_DEGRADED_AFTER_S": "1",
    "AMIRA_DECODER_DEGRADED_STREAMS": "16",
    "AMIRA_GATEWAY_RECOVERY_TIMEOUT_S": "60",
}
"""Of a fleet whose Tritons may all be gone. A model takes its time to load on a machine that is busy."""


def _plan(
    seed: int,
    seconds: float,
    every: float,
    faults: list[FaultKind] | None,
    targets: list[str] | None,
    gateways: bool,
    blackouts: bool,
    outages: bool,
    swaps: bool,
    together: bool,
    encoder: EncoderPlace,
    replicas: int,
) -> Plan:
    kinds = ["frontend", "decoder"]
    kinds += ["triton"] if encoder is EncoderPlace.TRITON else []
    kinds += ["gateway"] if gateways else []
    unknown = sorted(set(targets or ()) - set(kinds))
    if unknown:
        raise typer.BadParameter(f"no such replicas: {', '.join(unknown)}; there are {', '.join(kinds)}")
    chosen = [kind for kind in kinds if targets is None or kind in targets]
    named = frozenset(faults or ())
    outages, swaps = outages or FaultKind.OUTAGE in named, swaps or FaultKind.SWAP in named
    if outages and swaps:
        raise typer.BadParameter(
            "outages and swaps exclude each other: who stands in has the newest model alone"
        )
    return Plan(
        seed=seed,
        seconds=seconds,
        every_s=every,
        replicas=tuple(f"{kind}-{number}" for kind in chosen for number in range(replicas)),
        kinds=(named or frozenset(FaultKind)) - OF_ALL,
        blackouts=blackouts or FaultKind.BLACKOUT in named,
        outages=outages,
        swaps=swaps,
        one_of_a_kind=not together,
    )


def _draw(plan: Plan) -> list[Fault]:
    try:
        return draw(plan)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _environment(settings: list[str]) -> dict[str, str]:
    pairs = [setting.partition("=") for setting in settings]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise typer.BadParameter(f"write NAME=VALUE, not {wrong[0]!r}")
    return {name: value for name, _, value in pairs}


def _say(text: str) -> None:
    typer.echo(text, err=True)


if __name__ == "__main__":
    app()
