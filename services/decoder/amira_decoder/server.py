"""The decoder's gRPC face: one Decode call per stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import structlog

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira_core import errors
from amira_core.incidents import incident
from amira_core.log_context import adopt_session
from amira_core.rpc.server import cancel_and_wait
from amira_decoder import metrics
from amira_decoder.controls import Control, End, Flush, MarkPassed, Update
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.resume import FROM_THE_START, ResumeFrom
from amira_decoder.stream import DecodingStream

_log = structlog.get_logger(__name__)

_CONTROLS: dict[str | None, type[Control]] = {"flush": Flush, "mark": MarkPassed, "update_config": Update}

_Context = grpc.aio.ServicerContext[decoder_pb2.DecodeRequest, decoder_pb2.DecodeResponse]


class DecoderServicer(decoder_pb2_grpc.DecoderServicer):
    """Serves amira.decoder.v1.Decoder."""

    def __init__(self, decoder: StreamingDecoder) -> None:
        self._decoder = decoder

    async def Decode(
        self, request_iterator: AsyncIterator[decoder_pb2.DecodeRequest], context: _Context
    ) -> AsyncIterator[decoder_pb2.DecodeResponse]:
        adopt_session(context)
        first = await anext(aiter(request_iterator), None)
        if first is None:
            return
        if first.WhichOneof("request") != "config":
            raise errors.ConfigMissingError("The first message to the decoder must be its config.")
        with metrics.refusals():
            resume = ResumeFrom.parse(first.resume) if first.HasField("resume") else FROM_THE_START
            stream = await self._decoder.open_stream(first.config, resume, context.done, first.model_version)
        metrics.stream_opened(goes_on=resume is not FROM_THE_START)
        _log.debug("stream_opened", slot=stream.slot.index, goes_on=resume is not FROM_THE_START)
        reader = asyncio.create_task(self._read(request_iterator, stream), name=f"read {stream.stream_id}")
        try:
            accepted = decoder_pb2.StreamAccepted(
                model=self._decoder.model_of(stream),
                slot=stream.slot.index,
                degraded=self._decoder.is_degraded(stream),
                window_frames=stream.geometry.window_frames,
                chunk_frames=stream.geometry.chunk_frames,
            )
            yield decoder_pb2.DecodeResponse(accepted=accepted)
            async for response in stream.responses():
                yield response
        finally:
            self._decoder.close_stream(stream)
            await cancel_and_wait([reader])

    async def Describe(
        self, request: decoder_pb2.DescribeRequest, context: _Context
    ) -> decoder_pb2.DescribeResponse:
        return self._decoder.describe()

    async def _read(
        self, request_iterator: AsyncIterator[decoder_pb2.DecodeRequest], stream: DecodingStream
    ) -> None:
        """Feeds one stream. Owns its outcome: whatever goes wrong here ends the stream with it."""
        try:
            ended = False
            async for request in request_iterator:
                if ended:
                    raise errors.AudioAfterEndError("Nothing may follow `end`.")
                ended = await self._take(request, stream)
            if not ended:
                stream.abort()
        except errors.AmiraError as error:
            stream.fail(error)
        except Exception as error:  # noqa: BLE001 - must reach the client as an incident, not vanish with the task
            stream.fail(incident("reader_failed", error))

    async def _take(self, request: decoder_pb2.DecodeRequest, stream: DecodingStream) -> bool:
        """Applies one message; returns True after `end`."""
        kind = request.WhichOneof("request")
        if request.HasField("resume"):
            raise errors.ProtocolError("`resume` goes with the config only.")
        if kind in _CONTROLS:
            await stream.room_for(_CONTROLS[kind])
        if kind == "features":
            await stream.add_features(request.features)
        elif kind == "flush":
            stream.add_control(Flush())
        elif kind == "mark":
            stream.add_control(MarkPassed(request.mark.id))
        elif kind == "update_config":
            stream.add_control(await self._decoder.parse_update(request.update_config, stream))
        elif kind == "end":
            stream.add_control(End())
            return True
        elif kind == "config":
            raise errors.ConfigRepeatedError("The config may come only once.")
        else:
            raise errors.ProtocolError("A message without content came.")
        return False
