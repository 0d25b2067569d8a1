"""HTTP/2 by hand, for what no library would send."""

from __future__ import annotations

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 2, 3, 4, 6, 7, 8, 9,
)  # fmt: skip
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header(name: bytes, value: bytes) -> bytes:
    """One header, as it is: neither compressed nor indexed. Both below 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def grpc_headers(path: str) -> bytes:
    """Those with which a gRPC call begins."""
    pairs = [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()), (b":authority", b"test"),
        (b"content-type", b"application/grpc"), (b"te", b"trailers"),
    ]  # fmt: skip
    return b"".join(header(name, value) for name, value in pairs)


def grpc_message(content: bytes) -> bytes:
    """A message as it goes into DATA frames."""
    return b"\x00" + struct.pack(">I", len(content)) + content


def frames_in(received: bytes) -> list[tuple[int, int, bytes]]:
    """Kind, stream and payload of each whole frame."""
    found, at = [], 0
    while at + 9 <= len(received):
        length = int.from_bytes(received[at : at + 3], "big")
        stream = struct.unpack_from(">I", received, at + 5)[0]
        if at + 9 + length > len(received):
            break
        found.append((received[at + 3], stream, received[at + 9 : at + 9 + length]))
        at += 9 + length
    return found
