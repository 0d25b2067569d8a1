"""Entry point: `python -m amira_node`."""

from __future__ import annotations

from amira_core.stop_signals import exit_on_signal

exit_on_signal("node")  # the imports below take seconds

import sys

from amira_core.rpc.server import run_until_signal
from amira_core.security.transport import configure_transport
from amira_core.service import run_service
from amira_decoder.service import FAILED, UNUSABLE, DecoderService
from amira_frontend.service import FrontendService
from amira_gateway.service import GatewayService
from amira_gateway.settings import GatewaySettings
from amira_node.settings import NodeSettings


async def serve(gateway_settings: GatewaySettings) -> None:
    """Serves until a signal comes or a background task dies; SIGHUP has the decoder look for a new model."""
    settings = NodeSettings.beside(gateway_settings)
    configure_transport(settings.gateway, calls=settings.decoder)
    async with (
        DecoderService(settings.decoder) as decoder,
        FrontendService(settings.frontend) as frontend,
        GatewayService(settings.gateway) as gateway,
    ):

        async def drain() -> None:
            """The gateway's streams end first: there is nowhere else for them to go behind it."""
            decoder.leave_if_starting("node")
            await gateway.drain()
            await decoder.drain()
            await frontend.drain()

        await run_until_signal(*gateway.background(), *decoder.background(), drain=drain)


def main() -> int:
    """Returns the exit status: 2 when settings, model or address are unusable, 1 without an encoder."""
    return run_service("node", GatewaySettings, serve, unusable=UNUSABLE, failed=FAILED)


if __name__ == "__main__":
    sys.exit(main())
