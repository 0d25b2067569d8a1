"""google.cloud.speech.v1.Speech, and v1p1beta1: the same messages, but for what Google stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from amira.asr.v1 import config_pb2
from amira.googlespeech.v1 import speech_pb2 as pb
from amira_core import errors
from amira_gateway.adapters.fields import ignored_fields
from amira_gateway.adapters.google import adaptation, requests
from amira_gateway.adapters.google.dialect import Begun, GoogleDialect
from amira_gateway.adapters.google.messages import Results, Version, Wording
from amira_gateway.adapters.google.voice_activity import Wishes, timeout_s
from amira_gateway.adapters.methods import refused, streaming, unary
from amira_gateway.adapters.models import choose
from amira_gateway.adapters.stream import Context, ForeignClient, Opening, recognize, served_models
from amira_gateway.server import SpeechServicer

SERVICES = ("google.cloud.speech.v1.Speech", "google.cloud.speech.v1p1beta1.Speech")

_VERSION = Version(pb, "result_end_time", "start_time", "end_time")
_Encoding = pb.RecognitionConfig.AudioEncoding
_ENCODINGS: dict[int, config_pb2.AudioEncoding] = {
    _Encoding.AUDIO_ENCODING_UNSPECIFIED: config_pb2.AUDIO_ENCODING_UNSPECIFIED,
    _Encoding.AUDIO_ENCODING_LINEAR16: config_pb2.AUDIO_ENCODING_LINEAR16,
    _Encoding.AUDIO_ENCODING_FLAC: config_pb2.AUDIO_ENCODING_FLAC,
    _Encoding.AUDIO_ENCODING_MULAW: config_pb2.AUDIO_ENCODING_MULAW,
    _Encoding.AUDIO_ENCODING_OGG_OPUS: config_pb2.AUDIO_ENCODING_OGG_OPUS,
    _Encoding.AUDIO_ENCODING_ALAW: config_pb2.AUDIO_ENCODING_ALAW,
}
_NAMES = {value: name for name, value in _Encoding.items()}

Models = Sequence[config_pb2.ModelInfo]


def _translate(config: pb.RecognitionConfig, models: Models) -> tuple[Opening, Wording]:
    requests.refuse_channels_apart(
        config.enable_separate_recognition_per_channel,
        "enable_separate_recognition_per_channel",
        config.audio_channel_count,
    )
    adapted = adaptation.of_v1(config)
    model = choose(models, config.model, config.language_code, strict=False)
    wording = Wording(
        times=config.enable_word_time_offsets,
        confidences=config.enable_word_confidence,
        language_code=model.language_code,
        channel_tag=int(config.audio_channel_count > 1),
    )
    ours = config_pb2.RecognitionConfig(
        encoding=requests.encoding(config.encoding, _ENCODINGS, _NAMES),
        sample_rate_hz=config.sample_rate_hertz,
        channels=config.audio_channel_count,
        model=model.name,
        max_alternatives=requests.alternatives(config.max_alternatives),
        word_times=wording.words,
        hotwords=adapted.hotwords,
    )
    ignored = adapted.passed_over + ([] if model.name_was_known else ["model"])
    return Opening(ours, ignored=ignored), wording


def _request_id(session_id: str) -> int:
    return int(session_id[:15] or "0", 16)  # as many hex digits as are a positive int64 for sure


class _Dialect(GoogleDialect):
    version = _VERSION
    audio_field = "audio_content"

    def __init__(self, models: Models) -> None:
        super().__init__()
        self._models = models

    def begin(self, request: pb.StreamingRecognizeRequest) -> Begun:
        if not request.HasField("streaming_config"):
            raise errors.InvalidRequestError("The first message must have streaming_config.")
        streaming = request.streaming_config
        ignored = ignored_fields(request)
        opening, wording = _translate(streaming.config, self._models)
        opening.config.interim_results = streaming.interim_results
        opening.ignored = ignored + opening.ignored
        timeouts = streaming.voice_activity_timeout
        wishes = Wishes(
            events=streaming.enable_voice_activity_events,
            single_utterance=streaming.single_utterance,
            start_timeout_s=timeout_s(timeouts, "speech_start_timeout"),
            end_timeout_s=timeout_s(timeouts, "speech_end_timeout"),
        )
        return Begun(opening, wording, wishes)

    def response(self, session_id: str, results: Iterable[Any] = ()) -> pb.StreamingRecognizeResponse:
        return pb.StreamingRecognizeResponse(results=results, request_id=_request_id(session_id))

    def event(self, session_id: str, name: str, at: Duration) -> pb.StreamingRecognizeResponse:
        kind = pb.StreamingRecognizeResponse.SpeechEventType.Value(f"SPEECH_EVENT_TYPE_{name}")
        return pb.StreamingRecognizeResponse(
            speech_event_type=kind,  # type: ignore[arg-type]  # protoc types the value as int
            speech_event_time=at,
            request_id=_request_id(session_id),
        )


class _Servicer:
    def __init__(self, speech: SpeechServicer) -> None:
        self._speech = speech

    async def streaming_recognize(self, requests: Any, context: Context) -> None:
        dialect = _Dialect(await served_models(self._speech))
        await ForeignClient(context, dialect, "google v1").serve(self._speech)

    async def recognize(self, request: pb.RecognizeRequest, context: Context) -> pb.RecognizeResponse:
        ignored = ignored_fields(request)
        if not request.HasField("config"):
            raise errors.InvalidRequestError("The request has no config.")
        opening, wording = _translate(request.config, await served_models(self._speech))
        opening.ignored = ignored + opening.ignored
        opening.config.word_times = True  # the last word's end is the result's
        answer = await recognize(self._speech, opening, request.audio.content, context, "google v1")
        return pb.RecognizeResponse(
            results=Results(_VERSION, wording).of_recording(answer.results),
            request_id=_request_id(answer.session.session_id),
        )

    async def long_running(self, request: bytes, context: Context) -> bytes:
        raise errors.UnsupportedMethodError(
            "LongRunningRecognize is not served: StreamingRecognize takes audio of any length."
        )


def handlers(speech: SpeechServicer, service: str) -> grpc.GenericRpcHandler:
    """One of SERVICES, for grpc's ``add_generic_rpc_handlers``."""
    servicer = _Servicer(speech)
    return grpc.method_handlers_generic_handler(
        service,
        {
            "StreamingRecognize": streaming(
                servicer.streaming_recognize, pb.StreamingRecognizeRequest, pb.StreamingRecognizeResponse
            ),
            "Recognize": unary(servicer.recognize, pb.RecognizeRequest, pb.RecognizeResponse),
            "LongRunningRecognize": refused(servicer.long_running),
        },
    )
