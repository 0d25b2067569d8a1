"""Every way in which Amira refuses or fails, with its gRPC status and whether a retry can help.

    AmiraError
    ├── InvalidRequestError            INVALID_ARGUMENT      never retry
    │   ├── UnknownEncodingError
    │   ├── SampleRateError
    │   ├── ChannelError
    │   ├── MalformedAudioError
    │   ├── AudioOffsetError
    │   ├── HotwordError
    │   ├── AudioTooLongError
    │   └── InvalidSettingError
    ├── UnauthenticatedError           UNAUTHENTICATED       never retry
    ├── PermissionDeniedError          PERMISSION_DENIED     never retry
    ├── UnknownModelError              NOT_FOUND             never retry
    ├── SessionLostError               NOT_FOUND             begin again
    ├── ProtocolError                  FAILED_PRECONDITION   never retry
    │   ├── ConfigMissingError
    │   ├── ConfigRepeatedError
    │   └── AudioAfterEndError
    ├── UnsupportedMethodError         UNIMPLEMENTED         never retry
    ├── MessageTooLargeError           OUT_OF_RANGE          never retry
    ├── NoCapacityError                RESOURCE_EXHAUSTED    retry later
    ├── TenantLimitError               RESOURCE_EXHAUSTED    retry later
    ├── StreamAbandonedError           ABORTED               never retry
    │   ├── IdleTimeoutError
    │   ├── ClientNotReadingError
    │   └── SessionTakenOverError
    ├── StreamTooLongError             ABORTED               go on in a new stream
    ├── ServiceUnavailableError        UNAVAILABLE           retry
    │   ├── FrontendLostError
    │   ├── DecoderLostError
    │   ├── EncoderLostError
    │   └── DrainingError
    └── InternalError                  INTERNAL              a bug: never an expected condition

The ``reason`` of each travels as ``google.rpc.ErrorInfo.reason`` (domain ``amira.asr``), so an
error keeps its meaning across services: :func:`from_rpc_error` gives back the class that the
other side raised. ``docs/ERRORS.md`` explains each to users; a test keeps both complete.

Messages go to clients: they say what was wrong and what to do, and never hold transcripts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import grpc

ERROR_DOMAIN = "amira.asr"


class AmiraError(Exception):
    """Base of every error that Amira reports on purpose."""

    status: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    reason: ClassVar[str] = "INTERNAL"
    retry_after_ms: int | None = None
    """How long a client should wait before it tries again; None when a retry cannot help."""

    def __init__(self, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if retry_after_ms is not None:
            self.retry_after_ms = retry_after_ms

    @property
    def retryable(self) -> bool:
        """Whether the same request can succeed later."""
        return self.retry_after_ms is not None


class InvalidRequestError(AmiraError):
    """The request can never work as it is."""

    status = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


class UnknownEncodingError(InvalidRequestError):
    """The audio encoding is missing or not one of AudioEncoding."""

    reason = "UNKNOWN_ENCODING"


class SampleRateError(InvalidRequestError):
    """The sample rate is missing, out of range, or contradicts the audio's header."""

    reason = "BAD_SAMPLE_RATE"


class ChannelError(InvalidRequestError):
    """The channel count or choice is out of range, or contradicts the audio's header."""

    reason = "BAD_CHANNELS"


class MalformedAudioError(InvalidRequestError):
    """The bytes are not audio in the encoding that the config names."""

    reason = "MALFORMED_AUDIO"


class AudioOffsetError(InvalidRequestError):
    """An audio message leaves a gap after, or overlaps with, the one before."""

    reason = "AUDIO_OFFSET_MISMATCH"


class HotwordError(InvalidRequestError):
    """Too many hotwords, or one that cannot be used."""

    reason = "BAD_HOTWORDS"


class AudioTooLongError(InvalidRequestError):
    """A recording too long for the unary call."""

    reason = "AUDIO_TOO_LONG"


class InvalidSettingError(InvalidRequestError):
    """A setting is out of its range or does not go with another."""

    reason = "BAD_SETTING"


class UnauthenticatedError(AmiraError):
    """The call carries no API key or token, or none that is valid here."""

    status = grpc.StatusCode.UNAUTHENTICATED
    reason = "UNAUTHENTICATED"


class PermissionDeniedError(AmiraError):
    """The key or token is valid, but not for this method."""

    status = grpc.StatusCode.PERMISSION_DENIED
    reason = "PERMISSION_DENIED"


class UnknownModelError(AmiraError):
    """No model of that name is served here."""

    status = grpc.StatusCode.NOT_FOUND
    reason = "UNKNOWN_MODEL"


class SessionLostError(AmiraError):
    """The session that a client wants to go on with is not kept here, or not by this client."""

    status = grpc.StatusCode.NOT_FOUND
    reason = "SESSION_LOST"


class ProtocolError(AmiraError):
    """Messages came in an order that the protocol does not allow."""

    status = grpc.StatusCode.FAILED_PRECONDITION
    reason = "PROTOCOL"


class ConfigMissingError(ProtocolError):
    """The first message was not the config."""

    reason = "CONFIG_MISSING"


class ConfigRepeatedError(ProtocolError):
    """A second config came."""

    reason = "CONFIG_REPEATED"


class AudioAfterEndError(ProtocolError):
    """A message came after END_OF_AUDIO."""

    reason = "AUDIO_AFTER_END"


class UnsupportedMethodError(AmiraError):
    """A method of a foreign protocol that has no meaning here."""

    status = grpc.StatusCode.UNIMPLEMENTED
    reason = "UNSUPPORTED_METHOD"


class MessageTooLargeError(AmiraError):
    """One message holds more than the server takes at once."""

    status = grpc.StatusCode.OUT_OF_RANGE
    reason = "MESSAGE_TOO_LARGE"


class NoCapacityError(AmiraError):
    """All slots are taken: the stream was refused before it began."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "NO_CAPACITY"
    retry_after_ms = 1000


class TenantLimitError(AmiraError):
    """The tenant, or one of its keys, is at its limit of streams or of audio per minute."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TENANT_LIMIT"
    retry_after_ms = 1000


class StreamAbandonedError(AmiraError):
    """The server ended a stream that its client had left."""

    status = grpc.StatusCode.ABORTED
    reason = "STREAM_ABANDONED"


class IdleTimeoutError(StreamAbandonedError):
    """Neither audio nor control came for too long."""

    reason = "IDLE_TIMEOUT"


class ClientNotReadingError(StreamAbandonedError):
    """The client did not take its results for too long."""

    reason = "CLIENT_NOT_READING"


class SessionTakenOverError(StreamAbandonedError):
    """The client went on with the session in another call."""

    reason = "SESSION_TAKEN_OVER"


class StreamTooLongError(AmiraError):
    """The stream was open for as long as streams may be; its last final came before."""

    status = grpc.StatusCode.ABORTED
    reason = "STREAM_TOO_LONG"


class ServiceUnavailableError(AmiraError):
    """A part that the stream needs is gone; the stream cannot go on, a new one can."""

    status = grpc.StatusCode.UNAVAILABLE
    reason = "UNAVAILABLE"
    retry_after_ms = 500


class FrontendLostError(ServiceUnavailableError):
    """The frontend failed or cannot be reached."""

    reason = "FRONTEND_LOST"


class DecoderLostError(ServiceUnavailableError):
    """The decoder failed or cannot be reached."""

    reason = "DECODER_LOST"


class EncoderLostError(ServiceUnavailableError):
    """The encoder (Triton) failed, cannot be reached, or lost the stream's state."""

    reason = "ENCODER_LOST"


class DrainingError(ServiceUnavailableError):
    """The server is shutting down."""

    reason = "DRAINING"


class InternalError(AmiraError):
    """A defect in Amira. The message holds an id that the log also holds, and nothing else."""


def all_errors(base: type[AmiraError] = AmiraError) -> Iterator[type[AmiraError]]:
    """Yields `base` and every class below it, parents first."""
    yield base
    for child in base.__subclasses__():
        yield from all_errors(child)


def error_by_reason(reason: str) -> type[AmiraError] | None:
    """The class whose `reason` this is, or None."""
    return next((error for error in all_errors() if error.reason == reason and error is not AmiraError), None)
