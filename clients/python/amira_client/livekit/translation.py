"""Amira's words and errors in LiveKit's terms."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError, LanguageCode, stt
from livekit.agents.types import TimedString

from amira_client.errors import AmiraClientError, ServerError
from amira_client.events import HeardWord

_HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}


def speech_data(
    text: str,
    words: Sequence[HeardWord],
    confidence: float | None,
    language: LanguageCode,
    offset_s: float,
) -> stt.SpeechData:
    """Times count from the start of LiveKit's stream, which began `offset_s` before the server's."""
    return stt.SpeechData(
        language=language,
        text=text,
        start_time=words[0].start_s + offset_s if words else 0.0,
        end_time=words[-1].end_s + offset_s if words else 0.0,
        confidence=0.0 if confidence is None else confidence,
        words=[
            TimedString(
                word.text,
                start_time=word.start_s + offset_s,
                end_time=word.end_s + offset_s,
                start_time_offset=offset_s,
                **({} if word.confidence is None else {"confidence": word.confidence}),
            )
            for word in words
        ]
        or None,
    )


def api_error(error: AmiraClientError) -> APIError:
    """LiveKit's error of the same meaning: it decides by it whether to try again."""
    if error.status in (None, grpc.StatusCode.UNAVAILABLE):
        return APIConnectionError(str(error), retryable=isinstance(error, ServerError))
    if error.status is grpc.StatusCode.DEADLINE_EXCEEDED:
        return APITimeoutError(str(error))
    return APIStatusError(
        str(error),
        status_code=_HTTP_STATUS.get(error.status, 500) if error.status is not None else -1,
        retryable=error.retry_after_s is not None,
    )
