"""Entry point: `python -m amira_frontend`."""

from __future__ import annotations

from amira_core.stop_signals import exit_on_signal

exit_on_signal("frontend")  # the imports below take seconds

import sys

from amira_core.rpc.server import run_until_signal
from amira_core.service import run_service
from amira_frontend.service import FrontendService
from amira_frontend.settings import FrontendSettings


async def serve(settings: FrontendSettings) -> None:
    """Serves until a signal comes, then drains."""
    async with FrontendService(settings) as frontend:
        await run_until_signal(drain=frontend.drain)


def main() -> int:
    """Returns the exit status: 2 when the settings are unusable or the address is taken."""
    return run_service("frontend", FrontendSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
