"""A node's settings: those of the gateway, the frontend and the decoder, by the names that they always have.

The gateway's are those of the process as well: its ports and their TLS, its logs, its metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from amira_core.rpc.in_process import SCHEME
from amira_core.settings import BadSettingsError, ServiceSettings
from amira_decoder.settings import DecoderSettings
from amira_frontend.settings import FrontendSettings
from amira_gateway.settings import GatewaySettings

FRONTEND: Final = f"{SCHEME}frontend"
DECODER: Final = f"{SCHEME}decoder"


@dataclass(frozen=True)
class NodeSettings:
    """Of the three services, as they run in a node."""

    gateway: GatewaySettings
    frontend: FrontendSettings
    decoder: DecoderSettings
    """Its TLS is that of calls to Triton."""

    @classmethod
    def beside(cls, gateway: GatewaySettings) -> Self:
        """The gateway's, and what the environment has for the other two.

        Raises:
            BadSettingsError: they cannot be read, or something is set that means nothing in a node.
        """
        frontend, decoder = FrontendSettings.load(), DecoderSettings.load()
        _check_unset(gateway, "frontend_target", "decoder_target")
        _check_unset(frontend, "listen", "metrics_address", "tls_cert")
        _check_unset(decoder, "listen", "metrics_address", "tls_cert")
        behind = {"frontend_target": FRONTEND, "decoder_target": DECODER}
        return cls(
            gateway.model_copy(update=behind),
            frontend.model_copy(update={"listen": FRONTEND}),
            decoder.model_copy(update={"listen": DECODER}),
        )


def _check_unset(settings: ServiceSettings, *names: str) -> None:
    """A node has one port of gRPC and one page of metrics, the gateway's; nobody else calls the other two."""
    prefix = settings.model_config.get("env_prefix", "")
    given = [f"{prefix}{name.upper()}" for name in names if name in settings.model_fields_set]
    if given:
        raise BadSettingsError(
            f"{' and '.join(given)} cannot be had in a node, whose gateway, frontend and decoder are one "
            "process with the gateway's ports: unset it, or run the services by themselves"
        )
