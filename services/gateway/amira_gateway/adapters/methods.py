"""Methods of a foreign service, for ``grpc.method_handlers_generic_handler``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message


def streaming(
    serve: Callable[..., Any], request: type[Message], response: type[Message]
) -> grpc.RpcMethodHandler[Any, Any]:
    """A method with a stream of `request` in and one of `response` out."""
    return grpc.stream_stream_rpc_method_handler(
        serve, request_deserializer=request.FromString, response_serializer=response.SerializeToString
    )


def unary(
    serve: Callable[..., Any], request: type[Message], response: type[Message]
) -> grpc.RpcMethodHandler[Any, Any]:
    """A method with one `request` in and one `response` out."""
    return grpc.unary_unary_rpc_method_handler(
        serve, request_deserializer=request.FromString, response_serializer=response.SerializeToString
    )


def refused(serve: Callable[..., Any]) -> grpc.RpcMethodHandler[Any, Any]:
    """A method that `serve` always refuses, whatever the request's bytes are."""
    return grpc.unary_unary_rpc_method_handler(serve)
