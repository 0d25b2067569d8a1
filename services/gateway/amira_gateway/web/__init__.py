"""What the gateway serves over HTTP, for browsers and for clients without gRPC.

One port (``AMIRA_GATEWAY_WEB_LISTEN``) with the same door, sessions and limits as the gRPC port. Each
protocol over WebSockets is a dialect (``dialect.py``) of one stream (``socket.py``):

    GET /v1/stream   WebSocket: the messages of amira.asr.v1.Speech/StreamingRecognize (``amira.py``)
    OpenAI's, Deepgram's and Vosk's own protocols (``openai/``, ``deepgram/``, ``vosk/``)
    GET /healthz     200 while the gateway takes streams, else 503
"""

from amira_gateway.web.server import WebServer

__all__ = ["WebServer"]
