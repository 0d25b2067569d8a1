"""Two or more of every service as real processes on loopback, each behind a fault proxy of its own.

    gateway-0, gateway-1 ──proxy──► frontend-0, frontend-1
                         ──proxy──► decoder-0 ──proxy──► triton-0
                         ──proxy──► decoder-1 ──proxy──► triton-1

Each decoder has its own Triton. Clients reach the gateways through proxies too. What dies is started
again after a pause, on the same ports, as the kubelet would.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Self

import grpc

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira_core.rpc.server import cancel_and_wait
from amira_local.health import POLL_S, is_serving, wait_until_serving
from amira_local.log_files import LogFiles
from amira_local.process import ServiceProcess, describe_exit
from chaos.model_versions import ModelVersions
from chaos.proxy import GOOD
from chaos.replicas import FleetOptions, Replica, lay_out
from chaos.schedule import group_of, kind_of

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 30.0  # the kubelet's default
_DESCRIBE_TIMEOUT_S = 5.0

Say = Callable[[str], None]


class FleetError(Exception):
    """The fleet cannot start or does not come back; the message says which replica and its last words."""


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
        self._models = ModelVersions(options.model_dir) if options.swaps else None
        self._waves = lay_out(options, self._models.folder if self._models else options.model_dir.resolve())
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
        described = await self._described()
        return {name: (each.slots_used, each.slots_orphaned) for name, each in described.items()}

    async def keep_down(self, kind: str, seconds: float) -> None:
        """Kills all replicas of a kind and starts them again only after so long."""
        replicas = self.of_kind(kind)
        for replica in replicas:
            replica.may_start.clear()
            replica.send(signal.SIGKILL)
        try:
            await asyncio.sleep(seconds)
        finally:
            for replica in replicas:
                replica.may_start.set()

    async def swap_model(self) -> None:
        """Puts another version of the model in its place, and returns when every decoder serves it.

        Raises TimeoutError after two minutes.
        """
        assert self._models is not None
        before = await self._versions()
        self._models.next()
        for replica in [*self.of_kind("triton"), *self.of_kind("decoder")]:
            replica.tell(signal.SIGHUP)
        async with asyncio.timeout(_START_TIMEOUT_S):
            while set(await self._versions()) & set(before):  # noqa: ASYNC110 - asked over the network
                await asyncio.sleep(POLL_S)

    async def _versions(self) -> list[str]:
        """Of the model that each decoder gives new streams."""
        return [described.models[0].version for described in (await self._described()).values()]

    async def _described(self) -> dict[str, decoder_pb2.DescribeResponse]:
        """What each decoder says of itself. Raises grpc.aio.AioRpcError where one does not answer."""
        found = {}
        for replica in self.of_kind("decoder"):
            async with grpc.aio.insecure_channel(replica.service.target) as channel:
                found[replica.name] = await decoder_pb2_grpc.DecoderStub(channel).Describe(
                    decoder_pb2.DescribeRequest(), timeout=_DESCRIBE_TIMEOUT_S
                )
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
        if self._models is not None:
            self._models.remove()

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
            await replica.may_start.wait()
            await self._spawn(replica)
