"""What the gateway serves over HTTP, for browsers and for clients without gRPC.

One port (``AMIRA_GATEWAY_WEB_LISTEN``) with the same door, sessions and limits as the gRPC port:

    GET /v1/stream   WebSocket: the messages of amira.asr.v1.Speech/StreamingRecognize (``socket.py``)
    GET /healthz     200 while the gateway takes streams, else 503
"""

from amira_gateway.web.server import WebServer

__all__ = ["WebServer"]
