"""``python -m amira_triton``: runs Triton with the encoder until SIGTERM.

Exit status: 0 after a signal, 1 when Triton does not start, 2 when something must be set or
installed first.
"""

from __future__ import annotations

import sys

import structlog

from amira_core.logs import configure_logs
from amira_core.rpc.server import run_service, run_until_signal
from amira_core.settings import BadSettingsError
from amira_encoder.errors import EncoderModelError
from amira_encoder.model_folder import find_encoder
from amira_triton.addresses import AddressInUseError
from amira_triton.layout import TritonInstallationError, prepare_layout
from amira_triton.settings import TritonSettings
from amira_triton.supervisor import Supervisor, TritonStartError

_log = structlog.get_logger(__name__)


async def serve(settings: TritonSettings) -> None:
    """Runs the supervisor until SIGTERM or SIGINT."""
    find_encoder(settings.model_dir)
    layout = prepare_layout(settings.cache_dir, settings.model_repository.resolve())
    await run_until_signal(Supervisor(layout, settings).run())


def main() -> None:
    """Entry point."""
    configure_logs("triton")
    try:
        settings = TritonSettings.load()
    except BadSettingsError as error:
        sys.exit(_fail(str(error), 2))
    configure_logs("triton", settings.log_level, settings.log_format)
    try:
        run_service(lambda: serve(settings))
    except (EncoderModelError, TritonInstallationError, AddressInUseError) as error:
        sys.exit(_fail(str(error), 2))
    except TritonStartError as error:
        sys.exit(_fail(str(error), 1))


def _fail(message: str, status: int) -> int:
    _log.error("cannot_start", reason=message)
    return status


if __name__ == "__main__":
    main()
