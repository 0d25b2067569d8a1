"""What a fleet consists of: replicas with their settings, ports and proxies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from amira_local.options import Encoder, default_model_dir
from amira_local.ports import LOOPBACK, free_ports
from amira_local.process import ServiceProcess
from amira_local.process_tree import descendants
from amira_local.services import Service
from amira_triton.stub_process import find_stub
from chaos.proxy import FaultProxy


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
    swaps: bool = False
    """The model's folder is a link, which :meth:`Fleet.swap_model` points elsewhere."""


class Replica:
    """One service process with its place in the fleet; the process changes, name and ports stay."""

    def __init__(self, service: Service, proxy: FaultProxy) -> None:
        self.service = service
        self.proxy = proxy
        self.process: ServiceProcess | None = None
        self.may_start = asyncio.Event()
        self.may_start.set()
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

    def tell(self, number: signal.Signals) -> None:
        """A signal to the service alone, as to process 1 of a container."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def kill_model(self) -> None:
        """SIGKILL to the model's process below a tritonserver; nothing where there is none just now."""
        if self.process is None:
            return
        for info in descendants(self.process.pid):
            stub = find_stub(info.pid)
            if stub is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(stub, signal.SIGKILL)


def lay_out(options: FleetOptions, model_dir: Path) -> list[list[Replica]]:
    """The replicas in waves, each of which needs the ones before it; none runs yet."""
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

    tritons = wave(
        "triton",
        lambda number, at: {
            "GRPC_ADDRESS": at[0],
            "HTTP_ADDRESS": at[1],
            "METRICS_ADDRESS": at[2],
            "MODEL_DIR": str(model_dir),
            "THREADS": str(options.threads),
        },
    )
    frontends = wave("frontend", lambda number, at: {"LISTEN": at[0]})
    decoders = wave(
        "decoder",
        lambda number, at: {
            "LISTEN": at[0],
            "MODEL_DIR": str(model_dir),
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
