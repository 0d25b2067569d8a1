"""Decoder processes that come and go, as the pods of a Deployment do."""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from amira_core.rpc.server import cancel_and_wait
from amira_local.health import wait_until_serving
from amira_local.process import ServiceProcess

STARTING, READY, DRAINING = "starting", "ready", "draining"
_STOP_S: Final = 20.0
_SCRAPE_S: Final = 3.0

Say = Callable[[str], None]


@dataclass
class Decoder:
    """One replica."""

    name: str
    target: str
    metrics: str
    """Where it serves its metrics, ``host:port``."""
    process: ServiceProcess
    phase: str = STARTING
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def slots_share(self) -> float | None:
        """Slots used / slots, as Prometheus would read them; None where it has none yet, or is gone."""
        try:
            text = await asyncio.to_thread(scrape, self.metrics)
        except OSError:
            return None
        values = {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        slots = values.get("amira_decoder_slots", 0.0)
        return values["amira_decoder_slots_used"] / slots if slots else None


class Decoders:
    """As many as are wanted, each on one of the places that the gateway was told of at its start.

    A place is a gRPC and a metrics address; nobody listens there until a decoder takes it.
    """

    def __init__(self, places: list[tuple[str, str]], environment: Mapping[str, str], say: Say) -> None:
        self._places = places
        self._environment = environment
        self._say = say
        self._started = 0
        self._all: list[Decoder] = []

    @property
    def wanted(self) -> list[Decoder]:
        """Those that are to stay, the oldest first."""
        return [each for each in self._all if each.phase != DRAINING]

    @property
    def draining(self) -> list[Decoder]:
        """Those that are on their way out."""
        return [each for each in self._all if each.phase == DRAINING]

    async def scale_to(self, count: int) -> None:
        """Starts what is missing; tells the newest ones to end, as a ReplicaSet does."""
        while len(self.wanted) < count:
            await self._start()
        for decoder in self.wanted[count:]:
            decoder.phase = DRAINING
            self._say(f"SIGTERM to {decoder.name}")
            os.kill(decoder.process.pid, signal.SIGTERM)

    async def shares(self) -> dict[str, float]:
        """Decoder -> share of its slots that is used, of all that can say."""
        asked = [each for each in self.wanted if each.phase == READY]
        found = await asyncio.gather(*(each.slots_share() for each in asked))
        return {each.name: share for each, share in zip(asked, found, strict=True) if share is not None}

    async def stop(self) -> None:
        """Ends all of them."""
        for decoder in self._all:
            await cancel_and_wait(decoder.tasks)
        await asyncio.gather(*(each.process.stop(_STOP_S) for each in self._all))

    async def _start(self) -> None:
        taken = {each.target for each in self._all}
        target, metrics = next(place for place in self._places if place[0] not in taken)
        self._started += 1
        name = f"decoder-{self._started}"
        environment = {
            **os.environ,
            **self._environment,
            "AMIRA_DECODER_LISTEN": target,
            "AMIRA_DECODER_METRICS_ADDRESS": metrics,
        }
        process = await ServiceProcess.start(name, "amira_decoder", target, environment, lambda line: None)
        decoder = Decoder(name, target, metrics, process)
        decoder.tasks = [
            asyncio.create_task(self._watch(decoder), name=f"watch-{name}"),
            asyncio.create_task(self._greet(decoder), name=f"greet-{name}"),
        ]
        self._all.append(decoder)
        self._say(f"{name} starts")

    async def _greet(self, decoder: Decoder) -> None:
        await wait_until_serving(decoder.target)
        if decoder.phase == STARTING:
            decoder.phase = READY
            self._say(f"{decoder.name} is ready")

    async def _watch(self, decoder: Decoder) -> None:
        status = await decoder.process.wait()
        expected = decoder.phase == DRAINING
        self._say(
            f"{decoder.name} has ended" + ("" if expected and status == 0 else f" with status {status}")
        )
        self._all.remove(decoder)


def scrape(address: str) -> str:
    """What a service at ``host:port`` tells Prometheus. Raises OSError."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=_SCRAPE_S) as answer:
        return str(answer.read().decode())
