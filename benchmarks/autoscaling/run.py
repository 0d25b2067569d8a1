"""A fleet whose decoders the cluster's rule adds and removes, under streams at the speed of speech."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from amira_local.health import wait_until_serving
from amira_local.ports import LOOPBACK, free_ports
from amira_local.process import ServiceProcess
from benchmarks.autoscaling.decoders import Decoders, Say, scrape
from benchmarks.autoscaling.formula import Autoscaler, Rule
from benchmarks.autoscaling.speaker import Speaker
from chaos.words import WordChanges, compare_words

_TICK_S: Final = 0.5
_STOP_S: Final = 20.0
_MOST_S: Final = 280.0
_A_MOMENT_S: Final = 2.0
"""How long all speak together, and how long the last one speaks on at the end."""


@dataclass
class Outcome:
    """What became of one stream."""

    speaker: Speaker
    changes: WordChanges
    """Against the same audio, undisturbed."""

    @property
    def is_right(self) -> bool:
        """Whether nobody could tell that anything happened."""
        return self.speaker.failure is None and bool(self.speaker.words) and not self.changes


@dataclass
class Report:
    """What happened."""

    counts: list[int] = field(default_factory=list)
    """Decoders wanted, one count after the other."""
    outcomes: list[Outcome] = field(default_factory=list)
    moves: int = 0
    """Times that a stream went on at another decoder."""


@dataclass(frozen=True)
class Options:
    """How large.

    Attributes:
        slots: of each decoder.
        streams: how many speak at once, at most.
    """

    rule: Rule
    slots: int = 2
    streams: int = 5


async def run(options: Options, model_dir: Path, say: Say) -> Report:
    """Streams come one by one and all but the last one leave; it speaks on until the decoders have left too.

    What happens next depends on what has happened, not on the clock: a machine may take its time.

    Raises:
        TimeoutError: it does not come to an end in minutes.
    """
    addresses = [f"{LOOPBACK}:{port}" for port in free_ports(3 + 2 * options.rule.most)]
    gateway_at, gateway_metrics, frontend_at, *rest = addresses
    places = list(zip(rest[::2], rest[1::2], strict=True))
    decoders = Decoders(places, _decoder_settings(options, model_dir), say)
    report = Report([options.rule.least])
    async with asyncio.timeout(_MOST_S), contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(decoders.stop)
        await decoders.scale_to(options.rule.least)
        await _service(stack, "frontend", frontend_at, {})
        behind = {
            "METRICS_ADDRESS": gateway_metrics,
            "FRONTEND_TARGET": frontend_at,
            # All that there may ever be: nobody listens at most of them yet, and the breakers know.
            "DECODER_TARGET": ",".join(target for target, _ in places),
        }
        await _service(stack, "gateway", gateway_at, behind)
        say("the fleet serves")
        async with asyncio.TaskGroup() as tasks:
            scaling = tasks.create_task(_scale(options.rule, decoders, report, say), name="autoscaler")
            speakers = await _converse(options, decoders, gateway_at, say)
            scaling.cancel()
        say("the same audio once more, undisturbed")
        report.outcomes = [await _outcome(speaker, gateway_at, say) for speaker in speakers]
        report.moves = await _moves(gateway_metrics)
    return report


def _decoder_settings(options: Options, model_dir: Path) -> dict[str, str]:
    settings = {
        "MODEL_DIR": str(model_dir),
        "ENCODER": "in_process",
        "IN_PROCESS_SLOTS": str(options.slots),
        "IN_PROCESS_THREADS": "1",
        # Slots alone decide, whatever else this machine is doing.
        "TARGET_LOAD": "0",
    }
    return {f"AMIRA_DECODER_{name}": value for name, value in settings.items()} | {"OMP_NUM_THREADS": "1"}


async def _service(
    stack: contextlib.AsyncExitStack, kind: str, target: str, settings: dict[str, str]
) -> None:
    prefix = f"AMIRA_{kind.upper()}_"
    environment = {prefix + name: value for name, value in {"LISTEN": target, **settings}.items()}
    process = await ServiceProcess.start(
        kind, f"amira_{kind}", target, {**os.environ, **environment}, lambda line: None
    )
    stack.push_async_callback(process.stop, _STOP_S)
    await wait_until_serving(target)


async def _scale(rule: Rule, decoders: Decoders, report: Report, say: Say) -> None:
    """The controller: reads the metric, asks the rule, changes the fleet. Never returns."""
    autoscaler = Autoscaler(rule)
    loop = asyncio.get_running_loop()
    replicas = rule.least
    while True:
        shares = await decoders.shares()
        wanted = autoscaler.decide(loop.time(), replicas, list(shares.values()))
        if wanted != replicas:
            used = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
            say(f"{replicas} -> {wanted} decoders (slots used: {used})")
            report.counts.append(wanted)
        replicas = wanted
        await decoders.scale_to(replicas)
        await asyncio.sleep(_TICK_S)


async def _converse(options: Options, decoders: Decoders, target: str, say: Say) -> list[Speaker]:
    """The streams' side of it."""
    speakers = [Speaker(f"stream-{number + 1}", target, say) for number in range(options.streams)]
    async with asyncio.TaskGroup() as tasks:
        for speaker in speakers:
            tasks.create_task(speaker.speak(), name=speaker.name)
            await _accepted(speaker)
            say(f"{speaker.name} speaks")
        await asyncio.sleep(_A_MOMENT_S)
        *others, last = speakers
        for speaker in others:
            speaker.enough.set()
        say(f"all have said enough but {last.name}")
        while len(decoders.wanted) > options.rule.least or decoders.draining:  # noqa: ASYNC110 - rare
            await asyncio.sleep(_TICK_S)
        await asyncio.sleep(_A_MOMENT_S)
        last.enough.set()
    return speakers


async def _accepted(speaker: Speaker) -> None:
    while not speaker.accepted.is_set():
        if speaker.failure is not None:
            raise speaker.failure
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TICK_S):
                await speaker.accepted.wait()


async def _outcome(speaker: Speaker, target: str, say: Say) -> Outcome:
    """Holds a stream against one of the same audio that nobody disturbs, sent as fast as it is taken."""
    alone = Speaker(f"{speaker.name} alone", target, say, paced=False)
    await alone.speak(speaker.pieces)
    if alone.failure is not None:
        raise alone.failure
    return Outcome(speaker, compare_words(alone.words, speaker.words))


async def _moves(metrics: str) -> int:
    moves = 0.0
    for family in text_string_to_metric_families(await asyncio.to_thread(scrape, metrics)):
        for sample in family.samples:
            if sample.name == "amira_gateway_moves_total" and sample.labels["service"] == "decoder":
                moves += sample.value
    return round(moves)
