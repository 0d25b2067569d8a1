"""google.cloud.speech.v2.Speech, with recognizers that need not be made: `recognizers/_`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from amira.asr.v1 import config_pb2
from amira.googlespeech.v2 import speech_pb2 as pb
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

SERVICE = "google.cloud.speech.v2.Speech"

_VERSION = Version(pb, "result_end_offset", "start_offset", "end_offset")
_Encoding = pb.ExplicitDecodingConfig.AudioEncoding
_ENCODINGS: dict[int, config_pb2.AudioEncoding] = {
    _Encoding.AUDIO_ENCODING_LINEAR16: config_pb2.AUDIO_ENCODING_LINEAR16,
    _Encoding.AUDIO_ENCODING_MULAW: config_pb2.AUDIO_ENCODING_MULAW,
    _Encoding.AUDIO_ENCODING_ALAW: config_pb2.AUDIO_ENCODING_ALAW,
    _Encoding.AUDIO_ENCODING_FLAC: config_pb2.AUDIO_ENCODING_FLAC,
    _Encoding.AUDIO_ENCODING_OGG_OPUS: config_pb2.AUDIO_ENCODING_OGG_OPUS,
}
_NAMES = {value: name for name, value in _Encoding.items()}
_Event = pb.StreamingRecognizeResponse.SpeechEventType
_APART = pb.RecognitionFeatures.MULTI_CHANNEL_MODE_SEPARATE_RECOGNITION_PER_CHANNEL
_Sensitivity = pb.StreamingRecognitionFeatures.EndpointingSensitivity
_PRESETS = {
    _Sensitivity.ENDPOINTING_SENSITIVITY_UNSPECIFIED: config_pb2.ENDPOINT_PRESET_STANDARD,
    _Sensitivity.ENDPOINTING_SENSITIVITY_STANDARD: config_pb2.ENDPOINT_PRESET_STANDARD,
    _Sensitivity.ENDPOINTING_SENSITIVITY_SHORT: config_pb2.ENDPOINT_PRESET_SHORT,
    _Sensitivity.ENDPOINTING_SENSITIVITY_SUPERSHORT: config_pb2.ENDPOINT_PRESET_VERY_SHORT,
}
_RECOGNIZER = re.compile(r"projects/[^/]+/locations/[^/]+/recognizers/([^/]+)")
_IMPLICIT = "_"
_LONGEST_NAME = 500
"""Of a recognizer; what is longer is no name."""

Models = Sequence[config_pb2.ModelInfo]


def _recognizer(name: str, models: Models) -> str:
    """The model that a recognizer stands for; empty: the one of the config. Raises AmiraError."""
    found = _RECOGNIZER.fullmatch(name) if len(name) <= _LONGEST_NAME else None
    if found is None:
        raise errors.InvalidRequestError(
            f"recognizer is {name[:100]!r}: it must be `projects/PROJECT/locations/LOCATION/recognizers/_`."
        )
    wanted = found[1]
    if wanted == _IMPLICIT:
        return ""
    if wanted not in {model.name for model in models}:
        raise errors.UnknownModelError(
            f"There is no recognizer {wanted[:100]!r}: none are stored here. Use `_`, or a model's name: "
            f"{', '.join(model.name for model in models)}."
        )
    return wanted


def _decoding(config: pb.RecognitionConfig) -> config_pb2.RecognitionConfig:
    """How the audio is to be read."""
    kind = config.WhichOneof("decoding_config")
    if kind is None:
        raise errors.InvalidRequestError(
            "config has no decoding_config: set auto_decoding_config or explicit_decoding_config."
        )
    if kind == "auto_decoding_config":
        return config_pb2.RecognitionConfig()
    explicit = config.explicit_decoding_config
    return config_pb2.RecognitionConfig(
        encoding=requests.encoding(explicit.encoding, _ENCODINGS, _NAMES),
        sample_rate_hz=explicit.sample_rate_hertz,
        channels=explicit.audio_channel_count,
    )


def _translate(config: pb.RecognitionConfig, recognizer: str, models: Models) -> tuple[Opening, Wording]:
    features = config.features
    ours = _decoding(config)
    requests.refuse_channels_apart(
        features.multi_channel_mode == _APART, "features.multi_channel_mode", ours.channels
    )
    adapted = adaptation.of_v2(config)
    language_code = config.language_codes[0] if config.language_codes else ""
    of_recognizer = _recognizer(recognizer, models)
    model = choose(models, of_recognizer or config.model, language_code, strict=False)
    wording = Wording(
        times=features.enable_word_time_offsets,
        confidences=features.enable_word_confidence,
        language_code=model.language_code,
        channel_tag=int(ours.channels > 1),
    )
    ours.model = model.name
    ours.max_alternatives = requests.alternatives(features.max_alternatives)
    ours.word_times = wording.words
    ours.hotwords.CopyFrom(adapted.hotwords)
    ignored = [*adapted.passed_over]
    if not model.name_was_known or (of_recognizer and config.model not in ("", of_recognizer)):
        ignored.append("config.model")
    if len(config.language_codes) > 1:
        ignored.append("config.language_codes[1]")
    return Opening(ours, ignored=ignored), wording


class _Dialect(GoogleDialect):
    version = _VERSION
    audio_field = "audio"

    def __init__(self, models: Models) -> None:
        super().__init__()
        self._models = models

    def begin(self, request: pb.StreamingRecognizeRequest) -> Begun:
        if not request.HasField("streaming_config"):
            raise errors.InvalidRequestError("The first message must have streaming_config.")
        streaming = request.streaming_config
        features = streaming.streaming_features
        ignored = ignored_fields(request)
        opening, wording = _translate(streaming.config, request.recognizer, self._models)
        opening.config.interim_results = features.interim_results
        if features.endpointing_sensitivity not in _PRESETS:
            raise errors.InvalidSettingError(
                f"endpointing_sensitivity {features.endpointing_sensitivity} does not exist."
            )
        opening.config.endpoint.preset = _PRESETS[features.endpointing_sensitivity]
        opening.ignored = ignored + opening.ignored
        wishes = Wishes(
            events=features.enable_voice_activity_events,
            start_timeout_s=timeout_s(features.voice_activity_timeout, "speech_start_timeout"),
            end_timeout_s=timeout_s(features.voice_activity_timeout, "speech_end_timeout"),
        )
        return Begun(opening, wording, wishes)

    def response(self, session_id: str, results: Iterable[Any] = ()) -> pb.StreamingRecognizeResponse:
        metadata = pb.RecognitionResponseMetadata(request_id=session_id)
        return pb.StreamingRecognizeResponse(results=results, metadata=metadata)

    def event(self, session_id: str, name: str, at: Duration) -> pb.StreamingRecognizeResponse | None:
        kind = f"SPEECH_EVENT_TYPE_{name}"
        if kind not in _Event.keys():  # noqa: SIM118 - the wrapper of an enum is no mapping
            return None
        return pb.StreamingRecognizeResponse(
            speech_event_type=_Event.Value(kind),  # type: ignore[arg-type]  # protoc types the value as int
            speech_event_offset=at,
            metadata=pb.RecognitionResponseMetadata(request_id=session_id),
        )


class _Servicer:
    def __init__(self, speech: SpeechServicer) -> None:
        self._speech = speech

    async def streaming_recognize(self, requests: Any, context: Context) -> None:
        dialect = _Dialect(await served_models(self._speech))
        await ForeignClient(context, dialect, "google v2").serve(self._speech)

    async def recognize(self, request: pb.RecognizeRequest, context: Context) -> pb.RecognizeResponse:
        ignored = ignored_fields(request)
        models = await served_models(self._speech)
        opening, wording = _translate(request.config, request.recognizer, models)
        opening.ignored = ignored + opening.ignored
        opening.config.word_times = True  # the last word's end is the result's
        answer = await recognize(self._speech, opening, request.content, context, "google v2")
        return pb.RecognizeResponse(
            results=Results(_VERSION, wording).of_recording(answer.results),
            metadata=pb.RecognitionResponseMetadata(request_id=answer.session.session_id),
        )

    async def batch(self, request: bytes, context: Context) -> bytes:
        raise errors.UnsupportedMethodError(
            "BatchRecognize is not served: StreamingRecognize takes audio of any length."
        )


def handlers(speech: SpeechServicer) -> grpc.GenericRpcHandler:
    """The service, for grpc's ``add_generic_rpc_handlers``."""
    servicer = _Servicer(speech)
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "StreamingRecognize": streaming(
                servicer.streaming_recognize, pb.StreamingRecognizeRequest, pb.StreamingRecognizeResponse
            ),
            "Recognize": unary(servicer.recognize, pb.RecognizeRequest, pb.RecognizeResponse),
            "BatchRecognize": refused(servicer.batch),
        },
    )
