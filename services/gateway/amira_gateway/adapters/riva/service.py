"""nvidia.riva.asr.RivaSpeechRecognition."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import grpc

from amira.asr.v1 import config_pb2, speech_pb2
from amira.riva.v1 import riva_pb2
from amira_core import errors
from amira_gateway.adapters.fields import ignored_fields
from amira_gateway.adapters.methods import streaming, unary
from amira_gateway.adapters.riva.requests import translate
from amira_gateway.adapters.riva.results import model_configs, recognize_response, streaming_response
from amira_gateway.adapters.stream import (
    Context,
    ForeignClient,
    Opening,
    audio_missing,
    recognize,
    served_models,
)
from amira_gateway.server import SpeechServicer
from amira_gateway.session.validation import MAX_ALTERNATIVES

SERVICE = "nvidia.riva.asr.RivaSpeechRecognition"
_RAW = config_pb2.AUDIO_ENCODING_LINEAR16
"""What audio without a header is, where the client does not say."""


class _Dialect:
    """One stream as Riva has it."""

    def __init__(self, models: Sequence[config_pb2.ModelInfo]) -> None:
        self.finished: asyncio.Event | None = None
        self._models = models
        self._language_code = ""
        self._id: riva_pb2.RequestId | None = None

    async def open(self, request: riva_pb2.StreamingRecognizeRequest) -> Opening:
        if not request.HasField("streaming_config"):
            raise errors.InvalidRequestError("The first message must have streaming_config.")
        ignored = ignored_fields(request)
        config, model = translate(request.streaming_config.config, self._models)
        config.interim_results = request.streaming_config.interim_results
        self._language_code = model.language_code
        self._id = request.id if request.HasField("id") else None
        return Opening(config, _RAW, ignored)

    def audio(self, request: riva_pb2.StreamingRecognizeRequest) -> bytes:
        kind = request.WhichOneof("streaming_request")
        if kind != "audio_content":
            raise audio_missing(kind, "audio_content")
        return request.audio_content

    def marks(self, heard_s: float | None) -> Iterable[str]:
        return ()

    def responses(
        self, response: speech_pb2.StreamingRecognizeResponse
    ) -> Iterator[riva_pb2.StreamingRecognizeResponse]:
        if not response.HasField("result"):
            return
        said = streaming_response(response.result, self._language_code)
        if said is None:
            return
        if self._id is not None:
            said.id.CopyFrom(self._id)
        yield said


class _Servicer:
    def __init__(self, speech: SpeechServicer) -> None:
        self._speech = speech

    async def streaming_recognize(self, requests: Any, context: Context) -> None:
        dialect = _Dialect(await served_models(self._speech))
        await ForeignClient(context, dialect, "riva").serve(self._speech)

    async def recognize(
        self, request: riva_pb2.RecognizeRequest, context: Context
    ) -> riva_pb2.RecognizeResponse:
        ignored = ignored_fields(request)
        config, model = translate(request.config, await served_models(self._speech))
        answer = await recognize(self._speech, Opening(config, _RAW, ignored), request.audio, context, "riva")
        response = recognize_response(answer, model.language_code)
        if request.HasField("id"):
            response.id.CopyFrom(request.id)
        return response

    async def config(
        self, request: riva_pb2.RivaSpeechRecognitionConfigRequest, context: Context
    ) -> riva_pb2.RivaSpeechRecognitionConfigResponse:
        models = await served_models(self._speech)
        wanted = [model for model in models if request.model_name in ("", model.name)]
        if not wanted:
            raise errors.UnknownModelError(
                f"There is no model {request.model_name[:100]!r}: ask without model_name for all."
            )
        return riva_pb2.RivaSpeechRecognitionConfigResponse(
            model_config=model_configs(wanted, MAX_ALTERNATIVES)
        )


def handlers(speech: SpeechServicer) -> grpc.GenericRpcHandler:
    """The service, for grpc's ``add_generic_rpc_handlers``."""
    servicer = _Servicer(speech)
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "StreamingRecognize": streaming(
                servicer.streaming_recognize,
                riva_pb2.StreamingRecognizeRequest,
                riva_pb2.StreamingRecognizeResponse,
            ),
            "Recognize": unary(servicer.recognize, riva_pb2.RecognizeRequest, riva_pb2.RecognizeResponse),
            "GetRivaSpeechRecognitionConfig": unary(
                servicer.config,
                riva_pb2.RivaSpeechRecognitionConfigRequest,
                riva_pb2.RivaSpeechRecognitionConfigResponse,
            ),
        },
    )
