"""One gRPC call on an HTTP/2 connection of its own, with ready-made frames.

grpc's own client takes three times the CPU for the same messages (115 against 41 us each, measured side
by side), and a load test must not weigh on the cores that it measures. Only what one bidirectional call
needs is here: frames (RFC 9113), flow control towards the server, and trailers.
"""

from __future__ import annotations

import struct
from collections import deque
from urllib.parse import unquote

from hpack import Decoder, Encoder

from benchmarks.load.wire import Outcome, Wire

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = (
    0,
    1,
    3,
    4,
    6,
    7,
    8,
    9,
)
_ACK = _END_STREAM = 0x1
_END_HEADERS, _PADDED, _PRIORITY = 0x4, 0x8, 0x20
_HEAD = 9
_STREAM = 1
_LARGEST_WINDOW = 2**31 - 1
_FIRST_WINDOW = 65_535
_INITIAL_WINDOW_SIZE = 4
_LARGEST_FRAME = 16_384
_RESOURCE_EXHAUSTED = 8


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One HTTP/2 frame."""
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def grpc_message(serialized: bytes) -> bytes:
    """A protobuf message as DATA on the call's stream. ValueError: more than one frame."""
    payload = b"\0" + struct.pack("!I", len(serialized)) + serialized
    if len(payload) > _LARGEST_FRAME:
        raise ValueError(f"a message of {len(serialized)} bytes is more than one frame; use shorter messages")
    return frame(_DATA, 0, _STREAM, payload)


def opening(path: str, authority: str) -> bytes:
    """What a client sends before any message: preface, settings, the call's headers."""
    headers = Encoder().encode(
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "amira-benchmarks"),
        ]
    )
    settings = struct.pack("!HIHI", 2, 0, _INITIAL_WINDOW_SIZE, _LARGEST_WINDOW)  # no push; take all there is
    return b"".join(
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            frame(_SETTINGS, 0, 0, settings),
            frame(_WINDOW_UPDATE, 0, 0, struct.pack("!I", _LARGEST_WINDOW - _FIRST_WINDOW)),
            frame(_HEADERS, _END_HEADERS, _STREAM, headers),
        )
    )


class GrpcLine(Wire):
    """A bidirectional gRPC call. Arrivals are serialized protobuf messages.

    Args:
        begin_with: from :func:`opening`.
        first_message: from :func:`grpc_message`.
    """

    def __init__(self, host: str, port: int, begin_with: bytes, first_message: bytes) -> None:
        super().__init__(host, port)
        self._opening = begin_with
        self._waiting = deque([first_message])
        self._stream_window = self._connection_window = _FIRST_WINDOW
        self._initial_window = _FIRST_WINDOW
        self._messages = bytearray()
        self._headers = Decoder()
        self._header_block = bytearray()

    def begin(self) -> None:
        self.write(self._opening)
        self._drain()

    def send(self, message: bytes) -> None:
        self._waiting.append(message)
        self._drain()

    def finish(self) -> None:
        self.send(frame(_DATA, _END_STREAM, _STREAM))

    def _drain(self) -> None:
        while self._waiting and self._transport is not None:
            size = len(self._waiting[0]) - _HEAD
            if size > min(self._stream_window, self._connection_window):
                return
            self._stream_window -= size
            self._connection_window -= size
            self.write(self._waiting.popleft())

    def read(self, now: float) -> None:
        buffer = self._buffer
        while len(buffer) >= _HEAD:
            size = int.from_bytes(buffer[:3], "big")
            if len(buffer) < _HEAD + size:
                return
            kind, flags = buffer[3], buffer[4]
            stream = int.from_bytes(buffer[5:9], "big") & _LARGEST_WINDOW
            payload = bytes(buffer[_HEAD : _HEAD + size])
            del buffer[: _HEAD + size]
            self._take(kind, flags, stream, payload, now)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes, now: float) -> None:
        if kind == _DATA:
            self._take_data(_without_padding(payload, flags), now)
        elif kind in (_HEADERS, _CONTINUATION):
            self._take_headers(payload, kind, flags)
        elif kind == _SETTINGS and not flags & _ACK:
            self._take_settings(payload)
        elif kind == _PING and not flags & _ACK:
            self.write(frame(_PING, _ACK, 0, payload))
        elif kind == _WINDOW_UPDATE:
            more = int.from_bytes(payload, "big") & _LARGEST_WINDOW
            if stream:
                self._stream_window += more
            else:
                self._connection_window += more
            self._drain()
        elif kind == _RST_STREAM:
            self.tape.end("failed", f"stream reset, code {int.from_bytes(payload, 'big')}")
        elif kind == _GOAWAY and int.from_bytes(payload[:4], "big") & _LARGEST_WINDOW < _STREAM:
            self.tape.end("failed", "the server takes no more calls")

    def _take_data(self, payload: bytes, now: float) -> None:
        self._messages += payload
        while len(self._messages) >= 5:
            end = 5 + int.from_bytes(self._messages[1:5], "big")
            if len(self._messages) < end:
                return
            self.tape.arrivals.append((now, bytes(self._messages[5:end])))
            del self._messages[:end]

    def _take_headers(self, payload: bytes, kind: int, flags: int) -> None:
        if kind == _HEADERS:
            payload = _without_padding(payload, flags)
            payload = payload[5:] if flags & _PRIORITY else payload
        self._header_block += payload
        if not flags & _END_HEADERS:
            return
        headers = {
            _text(name): _text(value) for name, value in self._headers.decode(bytes(self._header_block))
        }
        self._header_block.clear()
        status = headers.get("grpc-status")
        if status == "0":
            self.tape.end("complete")
        elif status is not None:
            outcome: Outcome = "refused" if int(status) == _RESOURCE_EXHAUSTED else "failed"
            self.tape.end(outcome, f"status {status}: {unquote(headers.get('grpc-message', ''))}")

    def _take_settings(self, payload: bytes) -> None:
        for name, value in struct.iter_unpack("!HI", payload):
            if name == _INITIAL_WINDOW_SIZE:
                self._stream_window += value - self._initial_window
                self._initial_window = value
        self.write(frame(_SETTINGS, _ACK, 0))
        self._drain()


def _without_padding(payload: bytes, flags: int) -> bytes:
    return payload[1 : len(payload) - payload[0]] if flags & _PADDED else payload


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
