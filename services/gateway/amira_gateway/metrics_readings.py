"""What the gateway keeps anyway, as metrics."""

from __future__ import annotations

from collections.abc import Iterable

from amira_core.metrics.registry import Reading
from amira_core.metrics.schema import Common, Gateway
from amira_core.rpc.server import RpcServer
from amira_gateway.replicas.breaker import CLOSED, HALF_OPEN, OPEN
from amira_gateway.replicas.replica_set import ReplicaSet
from amira_gateway.server import SpeechServicer
from amira_gateway.services import Services


class GatewayReadings:
    """For :func:`amira_core.metrics.registry.reading`."""

    def __init__(self, server: RpcServer, servicer: SpeechServicer, services: Services) -> None:
        self._server = server
        self._servicer = servicer
        self._services = services

    def read(self) -> Iterable[Reading]:
        """Everything, as it is now."""
        admission, sessions = self._servicer.admission, self._servicer.sessions
        yield Common.READY, float(self._server.ready)
        yield Gateway.STREAMS_ACTIVE, float(admission.streams)
        yield Gateway.STREAMS_LIMIT, float(admission.max_streams)
        yield Gateway.SESSIONS_DETACHED, float(sessions.detached)
        yield Gateway.DRAINING, float(admission.draining)
        yield Gateway.LAG_MAX, max((session.lag_s for session in sessions.all), default=0.0)
        yield Gateway.BUFFERED, sum(session.intake.weight_s for session in sessions.all)
        for replicas in (self._services.frontends, self._services.decoders):
            yield from _replicas(replicas)


def _replicas(replicas: ReplicaSet) -> Iterable[Reading]:
    service = replicas.service
    yield Gateway.REPLICAS, float(len(replicas.replicas)), (service,)
    for replica in replicas.replicas:
        state = replica.breaker.state
        yield Gateway.REPLICA_CALLS, float(replica.calls), (service, replica.target)
        yield Gateway.BREAKER_OPENED, float(replica.breaker.opened), (service, replica.target)
        for each in (CLOSED, HALF_OPEN, OPEN):
            yield Gateway.BREAKER, float(state == each), (service, replica.target, each)
