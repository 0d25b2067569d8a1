"""Entry point: `python -m amira_decoder`."""

from __future__ import annotations

from amira_core.stop_signals import exit_on_signal, leave_start

exit_on_signal("decoder")  # the imports below take seconds

import asyncio
import signal
import sys
from typing import Final

import structlog

from amira.decoder.v1 import decoder_pb2_grpc
from amira_core.errors import EncoderLostError
from amira_core.metrics.registry import reading
from amira_core.rpc.server import RpcServer, run_until_signal
from amira_core.service import run_service
from amira_core.tracing.process import accept_decisions
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.metrics_readings import DecoderReadings
from amira_decoder.model.folder import ModelFolderError
from amira_decoder.server import DecoderServicer
from amira_decoder.settings import DecoderSettings
from amira_encoder.errors import EncoderModelError, EngineUnavailableError

_STATUS_GRACE_S: Final = 1.0
"""For the last streams' statuses to get out; calls whose peers do not read are cut off after it."""

_log = structlog.get_logger(__name__)


async def serve(settings: DecoderSettings) -> None:
    """Serves until a signal comes or a background task dies; SIGHUP has it look for a new model."""
    decoder = StreamingDecoder(settings)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, decoder.reload_model)
    server = RpcServer(settings.listen, "amira.decoder.v1.Decoder")
    decoder_pb2_grpc.add_DecoderServicer_to_server(DecoderServicer(decoder), server.grpc)
    accept_decisions(server.grpc)
    await server.start()
    try:
        with reading(DecoderReadings(server, decoder).read):
            await run_until_signal(
                decoder.run(on_ready=server.set_ready),
                drain=lambda: _drain(server, decoder, settings.drain_timeout_s),
            )
    finally:
        _log.info("stopping")
        await server.stop(0)
        await decoder.close()


async def _drain(server: RpcServer, decoder: StreamingDecoder, timeout_s: float) -> None:
    """Health flips first; the port is closed last, so that new streams learn why they are refused."""
    if not server.was_ready:
        leave_start("decoder", "SIGTERM or SIGINT")  # kernels may be compiling for half a minute yet
    await server.set_ready(False)
    await decoder.drain(timeout_s)
    await server.stop(_STATUS_GRACE_S)


def main() -> int:
    """Returns the exit status: 2 when settings, model or address are unusable, 1 without an encoder."""
    return run_service(
        "decoder",
        DecoderSettings,
        serve,
        unusable=(ModelFolderError, EncoderModelError, EngineUnavailableError),
        failed=(EncoderLostError,),
    )


if __name__ == "__main__":
    sys.exit(main())
