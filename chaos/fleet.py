"""Two or more of every service as real processes on loopback, each behind a fault proxy of its own.

    gateway-0, gateway-1 ──proxy──► frontend-0, frontend-1
                         ──proxy──► decoder-0 ──proxy──► triton-0
                         ──proxy──► decoder-1 ──proxy──► triton-1

Each decoder has its own Triton. Clients reach the gateways through proxies too. What dies is started
again after a pause, on the same ports, as the kubelet would.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira_core.rpc.server import cancel_and_wait
from amira_local.health import POLL_S, is_serving, wait_until_serving
from amira_local.log_files import LogFiles
from amira_local.options import Encoder, default_model_dir
from amira_local.ports import LOOPBACK, free_ports
from amira_local.process import ServiceProcess, describe_exit
from amira_local.process_tree import descendants
from amira_local.services import Service
from amira_triton.stub_process import find_stub
from chaos.proxy import GOOD, FaultProxy
from chaos.schedule import group_of, kind_of

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 30.0  # the kubelet's default
_DESCRIBE_TIMEOUT_S = 5.0

Say = Callable[[str], None]


class FleetError(Exception):
    """The fleet cannot start or does not come back; the message says which replica and its last words."""


@dataclass(frozen=True)
class FleetOptions:
    """How many of what."""

    gateways: int = 2
    frontends: int = 2
    decoders: int = 2
    encoder: Encoder = "triton"
    """`triton`: one per decoder; `in_process`: none, for quick runs."""
    threads: int = 1
    """Threads of each encoder."""
    model_dir: Path = field(default_factory=default_model_dir)
    env: Mapping[str, str] = field(default_factory=dict)
    """Settings of all services, which win."""
    log_dir: Path | None = None
    """Folder for one log file per replica."""
    restart_after_s: float = 1.0
    """Pause between a replica's death and its new start."""


class Replica:
    """One service process with its place in the fleet; the process changes, name and ports stay."""

    def __init__(self, service: Service, proxy: FaultProxy) -> None:
        self.service = service
        self.proxy = proxy
        self.process: ServiceProcess | None = None
        self.deaths: list[str] = []
        """How it ended each time it was not asked to stop for good."""

    @property
    def name(self) -> str:
        """For example ``decoder-1``."""
        return self.service.name

    def send(self, number: signal.Signals) -> None:
        """A signal to every process of the replica, as to all of a container; none once it is dead."""
        if self.process is None:
            return
        pids = [self.process.pid, *(info.pid for info in descendants(self.process.pid))]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def terminate(self) -> None:
        """SIGTERM to the service alone, as to process 1 of a container."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGTERM)

    def kill_model(self) -> None:
        """SIGKILL to the model's process below a tritonserver; nothing where there is none just now."""
        if self.process is None:
            return
        for info in descendants(self.process.pid):
            stub = find_stub(info.pid)
            if stub is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(stub, signal.SIGKILL)


class Fleet:
    """``async with Fleet(options) as fleet``: everything is healthy inside, and gone outside.

    Attributes:
        replicas: by name, in order of start.
    """

    def __init__(self, options: FleetOptions, say: Say = lambda text: None) -> None:
        self.options = options
        self._say = say
        self._files = LogFiles(options.log_dir)
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False
        self._waves = _plan(options)
        self.replicas = {replica.name: replica for wave in self._waves for replica in wave}

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    def of_kind(self, kind: str) -> list[Replica]:
        """All frontends, for example."""
        return [replica for name, replica in self.replicas.items() if kind_of(name) == kind]

    @property
    def gateway_targets(self) -> list[str]:
        """Where clients connect: the proxies of the gateways."""
        return [replica.proxy.target for replica in self.of_kind("gateway")]

    async def is_healthy(self, name: str) -> bool:
        """Whether a replica's process serves, whatever its network is like."""
        return await is_serving(self.replicas[name].service.target)

    async def wait_healthy(self, name: str) -> None:
        """Returns once :meth:`is_healthy`. Raises TimeoutError after two minutes."""
        async with asyncio.timeout(_START_TIMEOUT_S):
            while not await self.is_healthy(name):  # noqa: ASYNC110 - asked over the network
                await asyncio.sleep(POLL_S)

    async def are_healthy(self, group: str) -> bool:
        """Whether the replicas of a group (see :func:`group_of`) serve and can be reached."""
        wanted = [name for name in self.replicas if group_of(name) == group]
        if any(self.replicas[name].proxy.network != GOOD for name in wanted):
            return False
        return all(await asyncio.gather(*map(self.is_healthy, wanted)))

    async def slots(self) -> dict[str, tuple[int, int]]:
        """(held, orphaned) slots of each decoder. Raises grpc.aio.AioRpcError where one does not answer."""
        found = {}
        for replica in self.of_kind("decoder"):
            async with grpc.aio.insecure_channel(replica.service.target) as channel:
                described = await decoder_pb2_grpc.DecoderStub(channel).Describe(
                    decoder_pb2.DescribeRequest(), timeout=_DESCRIBE_TIMEOUT_S
                )
            found[replica.name] = (described.slots_used, described.slots_orphaned)
        return found

    async def _start(self) -> None:
        self._files.prepare()
        for replica in self.replicas.values():
            await replica.proxy.start()
        for wave in self._waves:
            self._say(f"starting {', '.join(replica.name for replica in wave)}")
            for replica in wave:
                await self._spawn(replica)
            for replica in wave:
                await self._until_serving(replica)
        self._keepers = [
            asyncio.create_task(self._keep(replica), name=replica.name) for replica in self.replicas.values()
        ]

    async def _stop(self) -> None:
        self._stopping = True
        await cancel_and_wait(self._keepers)
        for replica in reversed(self.replicas.values()):
            replica.send(signal.SIGCONT)  # a stopped process cannot end
        for replica in reversed(self.replicas.values()):
            if replica.process is not None:
                await replica.process.stop(_STOP_TIMEOUT_S)
        for replica in self.replicas.values():
            await replica.proxy.close()
        self._files.close()

    async def _spawn(self, replica: Replica) -> None:
        def on_line(line: str) -> None:
            self._files.write(replica.name, line)

        service = replica.service
        environment = service.environment(self.options.env)
        replica.process = await ServiceProcess.start(
            service.name, service.module, service.target, environment, on_line
        )

    async def _until_serving(self, replica: Replica) -> None:
        process = replica.process
        assert process is not None
        death = asyncio.create_task(process.wait())
        healthy = asyncio.create_task(wait_until_serving(process.target))
        try:
            await asyncio.wait(
                (death, healthy), timeout=_START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
            if not healthy.done():
                what = describe_exit(death.result()) if death.done() else "it is not ready"
                lines = "\n  ".join(process.recent_lines)
                raise FleetError(f"{replica.name} did not start: {what}. Its last lines:\n  {lines}")
        finally:
            await cancel_and_wait((death, healthy))

    async def _keep(self, replica: Replica) -> None:
        """Starts the replica again whenever it has ended."""
        while True:
            assert replica.process is not None
            status = await replica.process.wait()
            if self._stopping:
                return
            replica.deaths.append(describe_exit(status))
            await asyncio.sleep(self.options.restart_after_s)
            await self._spawn(replica)


def _plan(options: FleetOptions) -> list[list[Replica]]:
    """The replicas in waves, each of which needs the ones before it."""
    with_triton = options.encoder == "triton"
    counts = {
        "triton": options.decoders if with_triton else 0,
        "frontend": options.frontends,
        "decoder": options.decoders,
        "gateway": options.gateways,
    }
    own_ports = {kind: 3 if kind == "triton" else 1 for kind in counts}
    # All in one go: two calls could name the same port twice.
    ports = iter(free_ports(sum(count * (own_ports[kind] + 1) for kind, count in counts.items())))

    def wave(kind: str, settings: Callable[[int, list[str]], Mapping[str, str]]) -> list[Replica]:
        return [
            _replica(kind, number, [next(ports) for _ in range(own_ports[kind] + 1)], settings)
            for number in range(counts[kind])
        ]

    model_dir = str(options.model_dir.resolve())
    tritons = wave(
        "triton",
        lambda number, at: {
            "GRPC_ADDRESS": at[0],
            "HTTP_ADDRESS": at[1],
            "METRICS_ADDRESS": at[2],
            "MODEL_DIR": model_dir,
            "THREADS": str(options.threads),
        },
    )
    frontends = wave("frontend", lambda number, at: {"LISTEN": at[0]})
    decoders = wave(
        "decoder",
        lambda number, at: {
            "LISTEN": at[0],
            "MODEL_DIR": model_dir,
            "ENCODER": options.encoder,
            "IN_PROCESS_THREADS": str(options.threads),
            "TARGET_LOAD": "0",  # whom a busy machine refuses is another question (benchmarks/overload)
            **({"TRITON_TARGET": tritons[number].proxy.target} if with_triton else {}),
        },
    )
    behind = {
        "FRONTEND_TARGET": ",".join(replica.proxy.target for replica in frontends),
        "DECODER_TARGET": ",".join(replica.proxy.target for replica in decoders),
    }
    gateways = wave("gateway", lambda number, at: {"LISTEN": at[0], "MAX_LOOP_LAG_MS": "0", **behind})
    return [each for each in (tritons, [*frontends, *decoders], gateways) if each]


def _replica(
    kind: str, number: int, ports: list[int], settings: Callable[[int, list[str]], Mapping[str, str]]
) -> Replica:
    """`ports`: the service's own, then the proxy's. `settings`: from its number and its own addresses."""
    *own, proxy_port = ports
    values = {"LOG_FORMAT": "json", **settings(number, [f"{LOOPBACK}:{port}" for port in own])}
    env = {f"AMIRA_{kind.upper()}_{name}": value for name, value in values.items()}
    service = Service(f"{kind}-{number}", f"amira_{kind}", tuple(own), env)
    return Replica(service, FaultProxy(service.target, proxy_port))
