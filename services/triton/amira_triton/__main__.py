"""Entry point: `python -m amira_triton` runs Triton with the encoder until a signal comes."""

from __future__ import annotations

from amira_core.stop_signals import exit_on_signal

exit_on_signal("triton")  # the imports below take seconds

import asyncio
import signal
import sys

from amira_core.metrics.registry import reading
from amira_core.rpc.server import run_until_signal
from amira_core.service import run_service
from amira_encoder.errors import EncoderModelError
from amira_encoder.model_folder import find_encoder
from amira_triton.layout import TritonInstallationError, prepare_layout
from amira_triton.metrics import SupervisorReadings
from amira_triton.settings import TritonSettings
from amira_triton.supervisor import Supervisor, TritonStartError


async def serve(settings: TritonSettings) -> None:
    """Runs the supervisor until SIGTERM or SIGINT; SIGHUP has it look for a new model."""
    find_encoder(settings.model_dir)
    layout = prepare_layout(settings.cache_dir, settings.model_repository.resolve())
    supervisor = Supervisor(layout, settings)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, supervisor.reload_model)
    with reading(SupervisorReadings(supervisor).read):
        await run_until_signal(supervisor.run(), drain=supervisor.drain)


def main() -> int:
    """Returns the exit status: 1 when Triton does not start, 2 when something must be set or installed."""
    return run_service(
        "triton",
        TritonSettings,
        serve,
        unusable=(EncoderModelError, TritonInstallationError),
        failed=(TritonStartError,),
    )


if __name__ == "__main__":
    sys.exit(main())
