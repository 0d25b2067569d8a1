"""What can go wrong on the client's side, and how the server's refusals arrive.

    AmiraClientError
    ├── ServerError            the server ended the call: status, reason and retry_after_s say why
    │   ├── UnreachableError   no server answered, or the TLS handshake failed
    │   └── AccessError        the API key or token is missing, not valid, or not for this
    ├── StreamStateError       a stream was used in an order that cannot work (a bug in the caller)
    ├── UnreadableAudioError   a file or its bytes cannot be read as audio
    └── MicrophoneError        there is no microphone, or it cannot be listened to any more

``reason`` is the stable name from ``docs/ERRORS.md`` (for example ``NO_CAPACITY``); test for it
rather than for the message's wording.
"""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from amira_client.access import Peer
from amira_client.advice import for_refused, for_unreachable

ERROR_DOMAIN = "amira.asr"


class AmiraClientError(Exception):
    """Base of all errors of this library.

    Attributes:
        message: what was wrong and what to do.
        status: gRPC status; None when the error was found before anything was sent.
        reason: stable name of the cause; empty when the server gave none.
        retry_after_s: wait this long and try again; None when a retry cannot help.
    """

    def __init__(
        self,
        message: str,
        *,
        status: grpc.StatusCode | None = None,
        reason: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        names = " ".join(name for name in (self.status.name if self.status else "", self.reason) if name)
        return f"{self.message} [{names}]" if names else self.message


class ServerError(AmiraClientError):
    """The server refused the call or broke it off."""


class UnreachableError(ServerError):
    """Nobody answers at the target, or the connection broke."""

    advice: str = ""
    """What to do about a TLS handshake that failed; part of the message."""


class AccessError(ServerError):
    """The server does not let this client in, or not to this method."""


class StreamStateError(AmiraClientError):
    """The stream was used after its end, or in an order that the protocol does not allow."""


class UnreadableAudioError(AmiraClientError):
    """The file does not exist, is not audio, or needs a decoder that is not installed."""


class MicrophoneError(AmiraClientError):
    """There is no microphone (with these settings), it has failed, or what it needs is not installed."""


def from_rpc_error(failure: grpc.aio.AioRpcError, peer: Peer) -> ServerError:
    """What a failed call means, with the server's reason and its advice on retrying.

    Args:
        failure: as raised by grpc.aio.
        peer: the server that was called, for the message.
    """
    reason, retry_after_s = _details(failure)
    status = failure.code()
    message = failure.details() or status.name
    if status is grpc.StatusCode.UNAVAILABLE and not reason:
        advice = for_unreachable(message, peer)
        told = f"No Amira server answers at {peer.target}: {message}"
        error = UnreachableError(_with_advice(told, advice), status=status)
        error.advice = advice
        return error
    if status is grpc.StatusCode.UNAUTHENTICATED:
        return AccessError(_with_advice(message, for_refused(peer)), status=status, reason=reason)
    if status is grpc.StatusCode.PERMISSION_DENIED:
        return AccessError(message, status=status, reason=reason)
    return ServerError(message, status=status, reason=reason, retry_after_s=retry_after_s)


def _with_advice(message: str, advice: str) -> str:
    return f"{message} ({advice})" if advice else message


def _details(failure: grpc.aio.AioRpcError) -> tuple[str, float | None]:
    reason, retry_after_s = "", None
    try:
        status = rpc_status.from_call(failure)  # type: ignore[arg-type]  # the stub knows only the sync Call
    except ValueError:  # details that contradict the status: not from a server of ours
        return reason, retry_after_s
    for detail in status.details if status is not None else ():
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info) and info.domain == ERROR_DOMAIN:
            reason = info.reason
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
    return reason, retry_after_s
