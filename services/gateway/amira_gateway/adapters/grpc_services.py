"""The foreign services on the gateway's own gRPC port."""

from __future__ import annotations

import grpc

from amira_core.metrics.calls import count_foreign
from amira_gateway.access.interceptor import SCOPES
from amira_gateway.adapters import google, riva
from amira_gateway.server import SpeechServicer


def add_foreign_services(server: grpc.aio.Server, speech: SpeechServicer) -> None:
    """Serves Riva's and Google's speech APIs. To be called before the server starts."""
    count_foreign(method for method in SCOPES if not method.startswith(("/amira.", "/grpc.")))
    server.add_generic_rpc_handlers(
        (
            riva.handlers(speech),
            *(google.handlers_v1(speech, service) for service in google.SERVICES_V1),
            google.handlers_v2(speech),
        )
    )
