"""Errors to gRPC statuses and back: the only place where the two meet."""

from __future__ import annotations

from typing import cast

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from amira_core import errors

DOWNSTREAM_STATUS_IS_LOSS: dict[grpc.StatusCode, bool] = {
    grpc.StatusCode.OK: False,
    grpc.StatusCode.CANCELLED: True,  # the other side went away in mid-stream
    grpc.StatusCode.UNKNOWN: True,
    grpc.StatusCode.INVALID_ARGUMENT: False,
    grpc.StatusCode.DEADLINE_EXCEEDED: True,
    grpc.StatusCode.NOT_FOUND: False,
    grpc.StatusCode.ALREADY_EXISTS: False,
    grpc.StatusCode.PERMISSION_DENIED: False,
    grpc.StatusCode.UNAUTHENTICATED: False,
    grpc.StatusCode.RESOURCE_EXHAUSTED: False,
    grpc.StatusCode.FAILED_PRECONDITION: False,
    grpc.StatusCode.ABORTED: True,
    grpc.StatusCode.OUT_OF_RANGE: False,
    grpc.StatusCode.UNIMPLEMENTED: True,  # a service of another version, or not ours at all
    grpc.StatusCode.INTERNAL: True,
    grpc.StatusCode.UNAVAILABLE: True,
    grpc.StatusCode.DATA_LOSS: True,
}
"""What a bare status (no ErrorInfo of ours) from a service behind us means: was the service lost,
or did it refuse the request? Total over grpc.StatusCode; a test fails when grpc grows one."""


_MAX_MESSAGE_BYTES = 1000
"""Messages may quote what a client sent. They travel in headers, twice and escaped, where grpc allows
8 KiB: beyond that the status itself would be lost, and another one take its place."""


def to_rpc_status(error: errors.AmiraError) -> grpc.Status:
    """The status for ``context.abort_with_status``.

    Holds the message (at most a kilobyte of it), ErrorInfo and, where a retry helps, RetryInfo.
    """
    details = [_pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=errors.ERROR_DOMAIN))]
    if error.retry_after_ms is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(error.retry_after_ms)
        details.append(_pack(error_details_pb2.RetryInfo(retry_delay=delay)))
    return rpc_status.to_status(
        status_pb2.Status(
            code=code_pb2.Code.Value(error.status.name), message=_clipped(error.message), details=details
        )
    )


def from_rpc_error(
    failure: grpc.aio.AioRpcError, lost: type[errors.ServiceUnavailableError]
) -> errors.AmiraError:
    """What a failed call to another service means here.

    Args:
        failure: as raised by a grpc.aio call.
        lost: the error to give when the status says that the service is gone.

    Returns:
        The error that the other side raised if it was one of ours, with its RetryInfo; otherwise
        `lost`, or a plain InvalidRequestError where the bare status blames the request.
    """
    info, retry_after_ms = _details(failure)
    if info is not None and info.domain == errors.ERROR_DOMAIN:
        known = errors.error_by_reason(info.reason)
        if known is not None and known is not errors.InternalError:
            return known(failure.details() or "", retry_after_ms=retry_after_ms)
    if DOWNSTREAM_STATUS_IS_LOSS[failure.code()]:
        return lost(f"{lost.__doc__} Open a new stream. ({failure.code().name})")
    if failure.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return errors.NoCapacityError("The server is at its limit; try again later.")
    return errors.InvalidRequestError(failure.details() or failure.code().name)


def _details(failure: grpc.aio.AioRpcError) -> tuple[error_details_pb2.ErrorInfo | None, int | None]:
    """ErrorInfo and RetryInfo (milliseconds) of a failure, each None where it has none."""
    try:
        # An AioRpcError has the three methods of a Call that are used here.
        status = rpc_status.from_call(cast(grpc.Call, failure))
    except ValueError:  # the details contradict the status itself: not written by us
        status = None
    info: error_details_pb2.ErrorInfo | None = None
    retry_after_ms: int | None = None
    for detail in status.details if status is not None else ():
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo.FromString(detail.value)
            retry_after_ms = retry.retry_delay.ToMilliseconds()
    return info, retry_after_ms


def _clipped(message: str) -> str:
    encoded = message.encode(errors="replace")
    if len(encoded) <= _MAX_MESSAGE_BYTES:
        return message
    return encoded[:_MAX_MESSAGE_BYTES].decode(errors="ignore") + " ..."


def _pack(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
