"""`amira-health SERVICE`: asks a service of this machine or container whether it is ready.

For health checks that run a program: Docker's, and Kubernetes' where the port speaks TLS. It asks by the
gRPC health protocol, with the address and certificates that the service itself was given.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import grpc
import typer
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from amira_core.rpc.health import LIVE
from amira_core.security.certificates import TlsError, load_identity
from amira_core.security.tls_settings import TlsSettings

READY = 0
NOT_READY = 1
UNUSABLE = 2


class Service(StrEnum):
    """Whom to ask."""

    GATEWAY = "gateway"
    FRONTEND = "frontend"
    DECODER = "decoder"
    TRITON = "triton"


_ADDRESS = {
    Service.GATEWAY: ("LISTEN", "127.0.0.1:50051"),
    Service.FRONTEND: ("LISTEN", "127.0.0.1:50061"),
    Service.DECODER: ("LISTEN", "127.0.0.1:50071"),
    Service.TRITON: ("GRPC_ADDRESS", "127.0.0.1:50081"),
}


def check(
    service: Annotated[Service, typer.Argument(help="Whose address and certificates to use.")],
    timeout_s: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds to wait for the answer.")] = 3.0,
    live: Annotated[bool, typer.Option("--live", help="Only whether it runs, ready or not.")] = False,
) -> None:
    """Ask a service here whether it is ready. Exit status: 0 yes, 1 no or no answer, 2 cannot ask."""
    try:
        answer = ask(service, timeout_s, LIVE if live else "")
    except TlsError as error:
        typer.echo(f"{service}: {error}", err=True)
        raise typer.Exit(UNUSABLE) from error
    typer.echo(f"{service}: {answer}")
    raise typer.Exit(READY if answer == "SERVING" else NOT_READY)


def ask(service: Service, timeout_s: float, name: str = "") -> str:
    """The health status of the whole server, or of `name` in it, or why there is none. Raises TlsError."""
    with _channel(service) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=timeout_s)  # type: ignore[attr-defined]  # set in __init__
        except grpc.RpcError as error:
            return f"no answer ({error.code().name})"
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def address_of(service: Service) -> str:
    """Where to ask: the address that the service listens on; loopback where it listens on all."""
    variable, default = _ADDRESS[service]
    host, _, port = os.environ.get(f"AMIRA_{service.upper()}_{variable}", default).rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"{host}:{port}"


def _channel(service: Service) -> grpc.Channel:
    target = address_of(service)
    settings = TlsSettings(_env_prefix=f"AMIRA_{service.upper()}_")
    options = [("grpc.enable_http_proxy", 0)]
    if not settings.tls_cert:
        return grpc.insecure_channel(target, options)
    identity = load_identity(Path(settings.tls_cert), Path(settings.tls_key))
    # Its own certificate is all that it has to show: no authority need be known, nor the name in it match.
    credentials = grpc.ssl_channel_credentials(identity.chain, identity.key, identity.chain)
    name = _name_in(identity.chain)
    return grpc.secure_channel(target, credentials, [*options, ("grpc.ssl_target_name_override", name)])


def _name_in(chain: bytes) -> str:
    """A name that the first certificate of a chain is valid for."""
    leaf = x509.load_pem_x509_certificates(chain)[0]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "localhost"
    dns = names.get_values_for_type(x509.DNSName)
    return (dns or [str(address) for address in names.get_values_for_type(x509.IPAddress)] or ["localhost"])[
        0
    ]


def main() -> None:
    """Entry point of `amira-health`."""
    typer.run(check)


if __name__ == "__main__":
    main()
