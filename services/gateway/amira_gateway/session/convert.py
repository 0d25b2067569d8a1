"""Public messages to internal ones and back."""

from __future__ import annotations

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira.frontend.v1 import frontend_pb2
from amira_gateway.session.audio import AudioShape
from amira_gateway.session.protocol import Ended, Ordered


def audio_format(config: config_pb2.RecognitionConfig) -> frontend_pb2.AudioFormat:
    """What the frontend must know. Where a header decides, an omitted channel count stays 0."""
    channels = config.channels or (1 if AudioShape.of(config).is_pcm else 0)
    return frontend_pb2.AudioFormat(
        encoding=config.encoding,
        sample_rate_hz=config.sample_rate_hz,
        channels=channels,
        channel=config.channel,
    )


def decoder_control(
    control: speech_pb2.Flush | speech_pb2.Mark | speech_pb2.UpdateConfig,
) -> decoder_pb2.DecodeRequest:
    """A control that keeps its place, for the decoder."""
    if isinstance(control, speech_pb2.Flush):
        return decoder_pb2.DecodeRequest(flush=control)
    if isinstance(control, speech_pb2.Mark):
        return decoder_pb2.DecodeRequest(mark=control)
    return decoder_pb2.DecodeRequest(update_config=control)


def ends_chunk(item: Ordered | Ended) -> bool:
    """Whether the decoder fills its chunk with silence here and begins another one behind it."""
    return isinstance(item, Ordered) and isinstance(item.control, speech_pb2.Flush)


def session_info(session_id: str, model: config_pb2.ModelInfo) -> result_pb2.SessionInfo:
    """Who serves the stream."""
    return result_pb2.SessionInfo(
        session_id=session_id,
        model=model.name,
        model_version=model.version,
        chunk_duration=model.chunk_duration,
        look_ahead=model.look_ahead,
    )


def public_response(response: decoder_pb2.DecodeResponse) -> speech_pb2.StreamingRecognizeResponse | None:
    """What the decoder said, for the client; None where it says nothing that clients know."""
    kind = response.WhichOneof("response")
    if kind == "result":
        return speech_pb2.StreamingRecognizeResponse(result=response.result)
    if kind == "event":
        return speech_pb2.StreamingRecognizeResponse(event=response.event)
    if kind == "mark":
        return speech_pb2.StreamingRecognizeResponse(mark=response.mark)
    return None


def unary_response(
    responses: list[speech_pb2.StreamingRecognizeResponse],
) -> speech_pb2.RecognizeResponse:
    """The session and the finals of a finished stream."""
    answer = speech_pb2.RecognizeResponse()
    for response in responses:
        kind = response.WhichOneof("response")
        answer.degraded |= response.degraded
        if kind == "session":
            answer.session.CopyFrom(response.session)
        elif kind == "result" and response.result.is_final:
            answer.results.append(response.result)
    return answer
