"""Entry point: `python -m amira_gateway`."""

from __future__ import annotations

from amira_core.stop_signals import exit_on_signal

exit_on_signal("gateway")  # the imports below take seconds

import sys

from amira_core.rpc.server import run_until_signal
from amira_core.service import run_service
from amira_gateway.service import GatewayService
from amira_gateway.settings import GatewaySettings


async def serve(settings: GatewaySettings) -> None:
    """Serves until a signal comes, then drains."""
    async with GatewayService(settings) as gateway:
        await run_until_signal(*gateway.background(), drain=gateway.drain)


def main() -> int:
    """Returns the exit status: 2 when the settings are unusable or the address is taken."""
    return run_service("gateway", GatewaySettings, serve)


if __name__ == "__main__":
    sys.exit(main())
