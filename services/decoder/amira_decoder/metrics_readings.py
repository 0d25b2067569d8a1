"""What the decoder keeps anyway, as metrics."""

from __future__ import annotations

from collections.abc import Iterable

from amira_core.metrics.registry import Reading
from amira_core.metrics.schema import Common, Decoder
from amira_core.rpc.server import RpcServer
from amira_decoder.decoder import StreamingDecoder


class DecoderReadings:
    """For :func:`amira_core.metrics.registry.reading`."""

    def __init__(self, server: RpcServer, decoder: StreamingDecoder) -> None:
        self._server = server
        self._decoder = decoder

    def read(self) -> Iterable[Reading]:
        """Everything, as it is now. A decoder that is still starting has no slots yet."""
        decoder, lanes = self._decoder, self._decoder.lanes
        slots = decoder.describe()
        streams = [stream for lane in lanes.all for stream in lane.scheduler.streams]
        if self._server.has_port:  # without one it is part of a process whose port says whether it is ready
            yield Common.READY, float(self._server.ready)
        yield Decoder.SLOTS, float(slots.slots_total)
        yield Decoder.SLOTS_USED, float(slots.slots_used)
        yield Decoder.STREAMS_ACTIVE, float(len(streams))
        yield Decoder.STREAMS_DUE, float(sum(stream.ready for stream in streams))
        yield Decoder.BUFFERED, sum(stream.buffered_s for stream in streams)
        yield Decoder.ENCODER_AVAILABLE, float(lanes.primary is not None and lanes.primary.available)
        yield Decoder.LOAD, decoder.load
        yield Decoder.DEGRADED, float(decoder.degraded)
        yield Decoder.DEGRADED_STREAMS, float(decoder.degraded_streams)
