"""The replicas of one service: kept current, in the order in which a new stream tries them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

import structlog

from amira_core import errors
from amira_core.rpc.health import is_serving
from amira_core.rpc.server import cancel_and_wait
from amira_gateway.replicas.addresses import Place, look_up, parse_targets
from amira_gateway.replicas.breaker import CLOSED, BreakerOpenError
from amira_gateway.replicas.replica import Replica
from amira_gateway.replicas.settings import ReplicaSettings

_log = structlog.get_logger(__name__)

_TICK_S = 0.1
_FIRST_LOOKUP_AGAIN_S = 0.5
_LOST: dict[str, type[errors.ServiceUnavailableError]] = {
    "frontend": errors.FrontendLostError,
    "decoder": errors.DecoderLostError,
}

LookUp = Callable[[str, int], Awaitable[list[str]]]


class ReplicaSet:
    """All replicas of a service.

    Replicas named by their address are there from the start; those behind a dns name once :meth:`run`
    has looked it up. An address that vanishes gets no new streams; its channel is closed when the
    streams on it have ended.
    """

    def __init__(
        self, service: str, targets: str, settings: ReplicaSettings, look_up: LookUp = look_up
    ) -> None:
        """
        Args:
            service: ``frontend`` or ``decoder``.
            targets: ``host:port`` or ``dns:///name:port``, separated by commas.
            settings: the same for all replicas.
            look_up: gives the targets of a name and port; raises OSError.

        Raises:
            ValueError: `targets` cannot be read.
        """
        self.service = service
        self._lost_error = _LOST.get(service, errors.ServiceUnavailableError)
        self.settings = settings
        self._look_up = look_up
        self._found = {place: ([] if place.looked_up else [place.target]) for place in parse_targets(targets)}
        self._replicas: dict[str, Replica] = {}
        self._retired: dict[str, Replica] = {}
        self._adopt()

    @property
    def replicas(self) -> list[Replica]:
        """All that are known now."""
        return list(self._replicas.values())

    @property
    def retry_after_ms(self) -> int:
        """When the first breaker lets a call through; 0: one does now."""
        waits = [replica.breaker.retry_after_s for replica in self._replicas.values()]
        return round(min(waits, default=0.0) * 1000)

    def candidates(self, avoid: Collection[str] = ()) -> list[Replica]:
        """The replicas to try for a new stream, the best first.

        Those whose breaker lets no call through are left out. Last come those whose target is in `avoid`
        (they are not left out: they may be all there is), before them those that were full, draining or
        lost a moment ago or are to be probed. Among equals that comes first which was tried longest ago.
        """
        allowed = [replica for replica in self._replicas.values() if replica.breaker.allows]
        return sorted(allowed, key=lambda replica: (_rank(replica, avoid), replica.tried_at))

    async def unhealthy(self) -> bool:
        """True while no replica says SERVING."""
        checks = [asyncio.create_task(self._serves(replica)) for replica in self._replicas.values()]
        try:
            for check in asyncio.as_completed(checks):
                if await check:
                    return False
            return True
        finally:
            await cancel_and_wait(checks)

    async def run(self) -> None:
        """Looks names up again and again, and probes replicas whose breaker is open. Never returns."""
        async with asyncio.TaskGroup() as tasks:
            for place in self._found:
                if place.looked_up:
                    tasks.create_task(self._follow(place))
            tasks.create_task(self._probe_forever())
            tasks.create_task(self._close_retired())

    async def close(self) -> None:
        """Cancels what runs and closes all channels."""
        replicas = [*self._replicas.values(), *self._retired.values()]
        self._replicas, self._retired = {}, {}
        for replica in replicas:
            await replica.close()

    def lost(self, what: str) -> errors.ServiceUnavailableError:
        """The error for a replica that was lost."""
        return self._lost_error(what)

    def unreachable(self) -> errors.ServiceUnavailableError:
        """The error while no replica may be tried: as what the last one was lost, and when to try again."""
        losses = [replica.last_loss for replica in self._replicas.values() if replica.last_loss]
        kind = losses[0] if losses else self._lost_error
        return kind(
            f"No {self.service} can be reached at the moment; try again later.",
            retry_after_ms=max(kind.retry_after_ms or 0, self.retry_after_ms),
        )

    async def _follow(self, place: Place) -> None:
        """Keeps the addresses of a name current; the old ones stay while it cannot be looked up."""
        failing = False
        while True:
            try:
                self._found[place] = await self._look_up(place.host, place.port)
                self._adopt()
                failing = False
            except OSError as error:
                if not failing:
                    _log.warning("lookup_failed", of=self.service, name=place.host, cause=str(error))
                failing = True
            unknown = failing and not self._found[place]
            await asyncio.sleep(_FIRST_LOOKUP_AGAIN_S if unknown else self.settings.lookup_interval_s)

    def _adopt(self) -> None:
        """Makes the replicas those that were found; keeps the ones that stay, with what is known of them."""
        wanted = {target: place for place, found in self._found.items() for target in found}
        for target in [target for target in self._replicas if target not in wanted]:
            self._retired[target] = self._replicas.pop(target)
            _log.info("replica_gone", of=self.service, target=target)
        for target, place in wanted.items():
            if target not in self._replicas:
                back = self._retired.pop(target, None)
                self._replicas[target] = back or self._new(target, place)
                _log.info("replica_found", of=self.service, target=target)

    def _new(self, target: str, place: Place) -> Replica:
        # Under TLS a replica shows a certificate for the name, not for the address found under it.
        options = [("grpc.ssl_target_name_override", place.host)] if place.looked_up else []
        return Replica(self.service, target, self.settings, options)

    async def _close_retired(self) -> None:
        while True:
            for target, replica in list(self._retired.items()):
                if not replica.in_use:
                    del self._retired[target]
                    await replica.close()
            await asyncio.sleep(_TICK_S)

    async def _probe_forever(self) -> None:
        """Finds out whether replicas whose breaker is open are back, so that no stream has to wait for that.

        Only while there are others: streams come to one that is to be probed by themselves otherwise.
        """
        while True:
            replicas = self.replicas
            if any(replica.breaker.state == CLOSED for replica in replicas):
                await asyncio.gather(*(self._probe(replica) for replica in replicas if _is_due(replica)))
            await asyncio.sleep(_TICK_S)

    async def _probe(self, replica: Replica) -> None:
        with suppress(BreakerOpenError, errors.ServiceUnavailableError), replica.attempt():
            if not await self._serves(replica):
                kind = replica.last_loss or errors.ServiceUnavailableError
                raise kind("The health check failed.")

    async def _serves(self, replica: Replica) -> bool:
        return await is_serving(replica.channel, self.settings.health_timeout_s)


def _rank(replica: Replica, avoid: Collection[str]) -> int:
    if replica.target in avoid:
        return 2
    return 1 if replica.held_back or replica.breaker.state != CLOSED else 0


def _is_due(replica: Replica) -> bool:
    return replica.breaker.state != CLOSED and replica.breaker.allows
