"""Makes a schedule's faults happen to a running fleet."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from amira_local.health import POLL_S
from chaos.fleet import Fleet
from chaos.proxy import GOOD, Network
from chaos.replicas import Replica
from chaos.schedule import Fault, FaultKind, group_of

_TERMINATION_GRACE_S = 30.0
_BACK_S = 120.0
_LATE_S = 0.5
_SETTLED_S = 3.0
"""How long the others must have been healthy: whoever calls them reconnects within two seconds."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Injected:
    """A fault that happened."""

    fault: Fault
    at_s: float
    """When it really did, from the beginning of the streams."""
    note: str = ""


class Injector:
    """Runs one schedule.

    A fault waits until every replica of its group serves: on a slow machine times move, not the order.
    """

    def __init__(
        self,
        fleet: Fleet,
        faults: Sequence[Fault],
        say: Say,
        seconds: float,
        *,
        one_of_a_kind: bool = True,
    ) -> None:
        """`seconds`: a fault that would come later than that is left out."""
        self._fleet = fleet
        self._faults = faults
        self._say = say
        self._seconds = seconds
        self._one_of_a_kind = one_of_a_kind
        self._aftermath: list[asyncio.Task[None]] = []
        self.injected: list[Injected] = []

    async def run(self, began: float) -> None:
        """Returns when the last fault is over and everything serves again.

        Args:
            began: loop time at which the streams began.

        Raises:
            TimeoutError: a replica did not come back.
        """
        loop = asyncio.get_running_loop()
        late_s = 0.0
        try:
            for fault in self._faults:
                await asyncio.sleep(began + fault.at_s + late_s - loop.time())
                await self._wait_for_group(fault)
                at_s = loop.time() - began
                if at_s > self._seconds:
                    self._say(f"{at_s:6.1f} s  too late for {fault} and what follows")
                    break
                # What follows moves too: a fault that has only just come may not show in anyone's health yet.
                late_s = at_s - fault.at_s
                note = f"{late_s:.1f} s late" if late_s > _LATE_S else ""
                self.injected.append(Injected(fault, at_s, note))
                self._say(f"{at_s:6.1f} s  {fault}{f' ({note})' if note else ''}")
                self._aftermath.append(asyncio.create_task(self._inject(fault), name=str(fault)))
            await asyncio.gather(*self._aftermath)
            for name in self._fleet.replicas:
                await self._fleet.wait_healthy(name)
        finally:
            for task in self._aftermath:
                task.cancel()
            await asyncio.gather(*self._aftermath, return_exceptions=True)
            for replica in self._fleet.replicas.values():
                replica.send(signal.SIGCONT)
                await replica.proxy.become(GOOD)

    async def _wait_for_group(self, fault: Fault) -> None:
        if not self._one_of_a_kind:
            return
        group = group_of(fault.target)
        if await self._fleet.are_healthy(group):
            return
        async with asyncio.timeout(_BACK_S):
            while not await self._fleet.are_healthy(group):  # noqa: ASYNC110 - asked over the network
                await asyncio.sleep(POLL_S)
        await asyncio.sleep(_SETTLED_S)

    async def _inject(self, fault: Fault) -> None:
        if fault.kind is FaultKind.BLACKOUT:
            await asyncio.gather(*(_refuse(each, fault) for each in self._fleet.of_kind(fault.target)))
            return
        if fault.kind is FaultKind.OUTAGE:
            await self._fleet.keep_down(fault.target, fault.seconds)
            return
        if fault.kind is FaultKind.SWAP:
            await self._fleet.swap_model()
            return
        await _ACTIONS[fault.kind](self._fleet.replicas[fault.target], fault)


async def _kill(replica: Replica, fault: Fault) -> None:
    replica.send(signal.SIGKILL)


async def _kill_model(replica: Replica, fault: Fault) -> None:
    replica.kill_model()


async def _pause(replica: Replica, fault: Fault) -> None:
    replica.send(signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        replica.send(signal.SIGCONT)


async def _drain(replica: Replica, fault: Fault) -> None:
    process = replica.process
    replica.tell(signal.SIGTERM)
    if process is None:
        return
    try:
        async with asyncio.timeout(_TERMINATION_GRACE_S):
            await process.wait()
    except TimeoutError:
        replica.send(signal.SIGKILL)


async def _cut(replica: Replica, fault: Fault) -> None:
    replica.proxy.cut()


async def _refuse(replica: Replica, fault: Fault) -> None:
    await replica.proxy.become(Network(refuses=True))
    replica.proxy.cut()
    await _heal_after(replica, fault.seconds)


async def _stall(replica: Replica, fault: Fault) -> None:
    await replica.proxy.become(Network(stalls=True))
    await _heal_after(replica, fault.seconds)


async def _slow(replica: Replica, fault: Fault) -> None:
    await replica.proxy.become(Network(delay_ms=fault.delay_ms, bytes_per_s=fault.bytes_per_s))
    await _heal_after(replica, fault.seconds)


async def _heal_after(replica: Replica, seconds: float) -> None:
    try:
        await asyncio.sleep(seconds)
    finally:
        await replica.proxy.become(GOOD)


_ACTIONS: dict[FaultKind, Callable[[Replica, Fault], Coroutine[Any, Any, None]]] = {
    FaultKind.KILL: _kill,
    FaultKind.KILL_MODEL: _kill_model,
    FaultKind.PAUSE: _pause,
    FaultKind.DRAIN: _drain,
    FaultKind.CUT: _cut,
    FaultKind.REFUSE: _refuse,
    FaultKind.STALL: _stall,
    FaultKind.SLOW: _slow,
}
