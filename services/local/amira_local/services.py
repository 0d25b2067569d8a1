"""Which services make up the stack, in the order in which they depend on one another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from amira_local.models.record import read_record
from amira_local.options import GATEWAY_PORT, StackOptions
from amira_local.ports import LOOPBACK, free_ports

_WELL_KNOWN = {
    "gateway": GATEWAY_PORT,
    "gateway_metrics": 50052,
    "gateway_web": 50053,
    "frontend": 50061,
    "frontend_metrics": 50062,
    "decoder": 50071,
    "decoder_metrics": 50072,
    "triton": 50081,
    "triton_http": 50080,
    "triton_metrics": 50082,
    "triton_supervisor_metrics": 50083,
}
_FIRST_OF_NODES = 50101
_TRITON_PORTS = ("triton", "triton_http", "triton_metrics", "triton_supervisor_metrics")

METRICS_AT = {
    "gateway": f"{LOOPBACK}:{_WELL_KNOWN['gateway_metrics']}",
    "frontend": f"{LOOPBACK}:{_WELL_KNOWN['frontend_metrics']}",
    "decoder": f"{LOOPBACK}:{_WELL_KNOWN['decoder_metrics']}",
    "triton": f"{LOOPBACK}:{_WELL_KNOWN['triton_supervisor_metrics']}",
}
"""Where the services of `amira up` serve their metrics; a node does so where its gateway would."""


@dataclass(frozen=True)
class Service:
    """One program of the stack."""

    name: str
    """Short name, as shown in logs."""
    module: str
    """What ``python -m`` runs."""
    ports: tuple[int, ...]
    """Loopback ports it listens on; the first is its gRPC port, the last that of its metrics."""
    env: Mapping[str, str]
    """Its own settings."""
    public_target: str = ""
    """Where clients connect, and where it serves HTTP: of a gateway, or of all nodes together."""
    web: str = ""

    @property
    def target(self) -> str:
        """Its gRPC address."""
        return f"{LOOPBACK}:{self.ports[0]}"

    @property
    def metrics(self) -> str:
        """Where it serves its metrics, at ``/metrics``."""
        return f"{LOOPBACK}:{self.ports[-1]}"

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The whole environment: this process's, then the service's settings, then `extra`."""
        return {**os.environ, "PYTHONUNBUFFERED": "1", **self.env, **extra}


def plan(options: StackOptions) -> list[list[Service]]:
    """The services in waves: each wave needs all the waves before it."""
    port = _ports(options)
    at = {name: f"{LOOPBACK}:{number}" for name, number in port.items()}
    triton = [_triton(options, port, at)] if options.encoder == "triton" else []
    gateway = {
        "LISTEN": at["gateway"],
        "WEB_LISTEN": at["gateway_web"],
        "METRICS_ADDRESS": at["gateway_metrics"],
    }
    decoder = {
        "MODEL_DIR": _model_dir(options),
        "ENCODER": options.encoder,
        "TRITON_TARGET": at["triton"],
        "SEARCH": options.search,
        **_language(options.model_dir),
    }
    if options.nodes:
        settings = {**_settings("gateway", options, gateway), **_prefixed("decoder", decoder)}
        nodes = _nodes(options, port, settings)
        return [triton, nodes] if triton else [nodes]
    behind = {"FRONTEND_TARGET": at["frontend"], "DECODER_TARGET": at["decoder"]}
    own = {name: _own_addresses(name, at) for name in ("frontend", "decoder")}
    frontend = _service("frontend", options, _own_ports("frontend", port), own["frontend"])
    return [
        [*triton, frontend],
        [_service("decoder", options, _own_ports("decoder", port), {**own["decoder"], **decoder})],
        [_gateway("gateway", port, _settings("gateway", options, {**gateway, **behind}))],
    ]


def _gateway(
    name: str, port: Mapping[str, int], env: Mapping[str, str], own: tuple[int, ...] = ()
) -> Service:
    """A gateway, or a node. `own`: where no other one listens, if others share its ports."""
    return Service(
        name,
        f"amira_{name}",
        (*own, port["gateway"], port["gateway_web"], port["gateway_metrics"]),
        env,
        f"{LOOPBACK}:{port['gateway']}",
        f"{LOOPBACK}:{port['gateway_web']}",
    )


def _nodes(options: StackOptions, port: Mapping[str, int], env: Mapping[str, str]) -> list[Service]:
    """The first has the gateway's place; the others share its ports and have one for metrics each."""
    if options.nodes == 1:
        return [_gateway("node", port, env)]
    own = _more_ports(options, 2 * options.nodes - 1)
    shares = {"SHARE_PORTS": "true", "OWN_LISTEN": f"{LOOPBACK}:{own[0]}"}
    env = {**env, **_engine_share(options), **_prefixed("gateway", shares)}
    others = []
    for number, (grpc, metrics) in enumerate(zip(own[1::2], own[2::2], strict=True), 2):
        addresses = {"OWN_LISTEN": f"{LOOPBACK}:{grpc}", "METRICS_ADDRESS": f"{LOOPBACK}:{metrics}"}
        settings = {**env, **_prefixed("gateway", addresses)}
        others.append(Service(f"node-{number}", "amira_node", (grpc, metrics), settings))
    return [_gateway("node", port, env, own[:1]), *others]


def _engine_share(options: StackOptions) -> dict[str, str]:
    """Of the CPUs, unless the environment says how many threads each node's encoder has."""
    if "AMIRA_DECODER_IN_PROCESS_THREADS" in os.environ:
        return {}
    threads = max(1, (os.cpu_count() or 1) // options.nodes)
    return _prefixed("decoder", {"IN_PROCESS_THREADS": str(threads)})


def _triton(options: StackOptions, port: Mapping[str, int], at: Mapping[str, str]) -> Service:
    addresses = {
        "GRPC_ADDRESS": at["triton"],
        "HTTP_ADDRESS": at["triton_http"],
        "METRICS_ADDRESS": at["triton_metrics"],
        "SUPERVISOR_METRICS_ADDRESS": at["triton_supervisor_metrics"],
        "MODEL_DIR": _model_dir(options),
    }
    return _service("triton", options, tuple(port[name] for name in _TRITON_PORTS), addresses)


def _own_ports(name: str, port: Mapping[str, int]) -> tuple[int, int]:
    return port[name], port[f"{name}_metrics"]


def _own_addresses(name: str, at: Mapping[str, str]) -> dict[str, str]:
    return {"LISTEN": at[name], "METRICS_ADDRESS": at[f"{name}_metrics"]}


def _model_dir(options: StackOptions) -> str:
    return str(options.model_dir.absolute())  # a link stays one: it may lead elsewhere later


def _language(model_dir: Path) -> dict[str, str]:
    """The language that a pulled model's record names, unless the environment names one."""
    record = read_record(model_dir)
    if record is None or not record.languages or "AMIRA_DECODER_LANGUAGE_CODE" in os.environ:
        return {}
    several = "mul"  # BCP-47 for more than one language
    return {"LANGUAGE_CODE": record.languages[0] if len(record.languages) == 1 else several}


def _service(name: str, options: StackOptions, ports: tuple[int, ...], env: Mapping[str, str]) -> Service:
    return Service(name, f"amira_{name}", ports, _settings(name, options, env))


def _settings(name: str, options: StackOptions, env: Mapping[str, str]) -> dict[str, str]:
    return _prefixed(name, {"LOG_LEVEL": options.log_level, "LOG_FORMAT": "json", **env})


def _prefixed(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    return {f"AMIRA_{name.upper()}_{field}": value for field, value in settings.items()}


def _more_ports(options: StackOptions, count: int) -> tuple[int, ...]:
    first = _FIRST_OF_NODES
    return tuple(free_ports(count) if options.ephemeral_ports else range(first, first + count))


def _ports(options: StackOptions) -> dict[str, int]:
    if not options.ephemeral_ports:
        return {**_WELL_KNOWN, "gateway": options.port or _WELL_KNOWN["gateway"]}
    ports = dict(zip(_WELL_KNOWN, free_ports(len(_WELL_KNOWN)), strict=True))
    return {**ports, "gateway": options.port} if options.port else ports
