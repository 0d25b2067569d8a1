"""Entry point: `python -m amira_decoder`."""

from __future__ import annotations

import sys

import structlog

from amira.decoder.v1 import decoder_pb2_grpc
from amira_core.errors import EncoderLostError
from amira_core.rpc.server import RpcServer, run_until_signal
from amira_core.service import run_service
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.model.folder import ModelFolderError
from amira_decoder.server import DecoderServicer
from amira_decoder.settings import DecoderSettings
from amira_encoder.errors import EncoderModelError, EngineUnavailableError

_log = structlog.get_logger(__name__)


async def serve(settings: DecoderSettings) -> None:
    """Serves until a signal comes or a background task dies."""
    decoder = StreamingDecoder(settings)
    server = RpcServer(settings.listen, "amira.decoder.v1.Decoder")
    decoder_pb2_grpc.add_DecoderServicer_to_server(DecoderServicer(decoder), server.grpc)
    await server.start()
    try:
        await run_until_signal(
            decoder.run(on_ready=server.set_ready), drain=lambda: server.stop(settings.drain_timeout_s)
        )
    finally:
        _log.info("stopping")
        await server.stop(0)
        await decoder.close()


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
