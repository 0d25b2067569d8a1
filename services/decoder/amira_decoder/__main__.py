"""Entry point: `python -m amira_decoder`."""

from __future__ import annotations

from amira_core.stop_signals import exit_on_signal

exit_on_signal("decoder")  # the imports below take seconds

import sys

from amira_core.rpc.server import run_until_signal
from amira_core.service import run_service
from amira_decoder.service import FAILED, UNUSABLE, DecoderService
from amira_decoder.settings import DecoderSettings


async def serve(settings: DecoderSettings) -> None:
    """Serves until a signal comes or a background task dies; SIGHUP has it look for a new model."""
    async with DecoderService(settings) as decoder:
        await run_until_signal(*decoder.background(), drain=decoder.drain)


def main() -> int:
    """Returns the exit status: 2 when settings, model or address are unusable, 1 without an encoder."""
    return run_service("decoder", DecoderSettings, serve, unusable=UNUSABLE, failed=FAILED)


if __name__ == "__main__":
    sys.exit(main())
