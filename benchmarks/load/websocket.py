"""A WebSocket client (RFC 6455) with ready-made frames: just what a load test needs."""

from __future__ import annotations

import struct
from collections import deque

from benchmarks.load.wire import Wire

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_NO_MASK = bytes(4)
"""Clients must mask; with a key of zeros the masked bytes are the bytes."""


def frame(payload: bytes, *, text: bool = False) -> bytes:
    """One whole message as a client's frame."""
    return _frame(_TEXT if text else _BINARY, payload)


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        length = bytes([0x80 | 127]) + struct.pack("!Q", size)
    return bytes([0x80 | opcode]) + length + _NO_MASK + payload


class WebSocketLine(Wire):
    """A stream over a WebSocket of its own.

    Args:
        finish_frame: what says that no audio follows.
        done: the server's last message.
    """

    def __init__(self, host: str, port: int, finish_frame: bytes, done: bytes) -> None:
        super().__init__(host, port)
        self._finish_frame = finish_frame
        self._done = done
        self._waiting: deque[bytes] | None = deque()
        self._parts = bytearray()

    def begin(self) -> None:
        host, port = self._address
        self.write(
            f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def send(self, message: bytes) -> None:
        if self._waiting is not None:
            self._waiting.append(message)
        else:
            self.write(message)

    def finish(self) -> None:
        self.send(self._finish_frame)

    def read(self, now: float) -> None:
        if self._waiting is not None and not self._shake_hands():
            return
        buffer = self._buffer
        while len(buffer) >= 2:
            size, at = buffer[1] & 0x7F, 2
            if size == 126:
                if len(buffer) < 4:
                    return
                size, at = int.from_bytes(buffer[2:4], "big"), 4
            elif size == 127:
                if len(buffer) < 10:
                    return
                size, at = int.from_bytes(buffer[2:10], "big"), 10
            if len(buffer) < at + size:
                return
            first, payload = buffer[0], bytes(buffer[at : at + size])
            del buffer[: at + size]
            self._take(first & 0x0F, payload, last=bool(first & 0x80), now=now)

    def _take(self, opcode: int, payload: bytes, *, last: bool, now: float) -> None:
        if opcode == _PING:
            self.write(_frame(_PONG, payload))
        elif opcode == _CLOSE:
            self.tape.end("failed", "closed by the server")
        elif opcode < _CLOSE:
            self._parts += payload
            if last:
                message = bytes(self._parts)
                self._parts.clear()
                if message == self._done:
                    self.tape.end("complete")
                else:
                    self.tape.arrivals.append((now, message))

    def _shake_hands(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        status = self._buffer[:end].split(b"\r\n", 1)[0].split(b" ")
        del self._buffer[: end + 4]
        if len(status) < 2 or status[1] != b"101":
            code = status[1].decode("ascii", "replace") if len(status) > 1 else "no status"
            self.tape.end("refused" if code in ("429", "503") else "failed", f"HTTP {code}")
            self.close()
            return False
        assert self._waiting is not None
        held, self._waiting = b"".join(self._waiting), None
        if held:
            self.write(held)
        return True
