"""WebSocket number n of a seed: what one client sends from its first byte to its last, right or wrong."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from google.protobuf import json_format

from amira.asr.v1 import config_pb2, speech_pb2
from fuzz.frames import BINARY, CLOSE, PING, PONG, TEXT, Frame, fragments, spoilt
from fuzz.mutations import changed, noise
from fuzz.random_messages import random_message

PATH: Final = "/v1/stream"
JSON, PROTO = "amira.asr.v1.json", "amira.asr.v1.proto"
_PROTOCOLS: Final[tuple[list[str], ...]] = (
    [],
    [JSON],
    [PROTO],
    [JSON, PROTO],
    ["chat", PROTO],
    ["amira.key.none", JSON],
)
_CODES: Final = (
    0,
    999,
    1000,
    1001,
    1002,
    1004,
    1005,
    1006,
    1007,
    1009,
    1011,
    1015,
    2999,
    3000,
    4999,
    5000,
    65_535,
)

Message = tuple[int, bytes]
"""(opcode, payload)."""


class Ending(StrEnum):
    """What the client does when all is sent."""

    WAIT = "wait"
    """Reads until the server closes."""
    HALF = "half"
    """Sends no more, and reads until the server closes."""
    CUT = "cut"
    """Is gone, without a word."""


@dataclass(frozen=True)
class Socket:
    """One connection."""

    request: bytes
    complete: bool
    """Whether an answer to the request is due."""
    pieces: list[bytes]
    """What is sent once it is a WebSocket, write by write."""
    ending: Ending


def make_socket(seed: int, number: int) -> Socket:
    """One connection: in a quarter of them a frame is wrong, in some the HTTP request or any byte."""
    chance = random.Random(f"socket {seed} {number}")  # noqa: S311 - not a secret
    protocols = chance.choice(_PROTOCOLS)
    request = _request(protocols)
    if chance.random() < 0.1:
        request = _wrong_request(request, chance)
    proto = next((each for each in protocols if each in (JSON, PROTO)), JSON) == PROTO
    sent = b"".join(frame.encoded(chance.randbytes(4)) for frame in _frames(proto, chance))
    if chance.random() < 0.05:
        sent = changed(sent, chance)
    ending = chance.choices(list(Ending), [8, 1, 1])[0]
    return Socket(request, b"\r\n\r\n" in request, _cut(sent, chance), ending)


def _request(protocols: Sequence[str]) -> bytes:
    lines = [
        f"GET {PATH} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        *([f"Sec-WebSocket-Protocol: {', '.join(protocols)}"] if protocols else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _wrong_request(request: bytes, chance: random.Random) -> bytes:
    lines = request.split(b"\r\n")
    return chance.choice(
        (
            lambda: changed(request, chance),
            lambda: noise(chance),
            lambda: request.replace(b"13", chance.choice((b"", b"0", b"14", b"13, 8", b"\xff"))),
            lambda: request.replace(b"GET", chance.choice((b"POST", b"HEAD", b"CONNECT", b"PRI", b"get"))),
            lambda: request.replace(b"HTTP/1.1", chance.choice((b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b""))),
            lambda: request.replace(b"dGhlIHNhbXBsZSBub25jZQ==", noise(chance).replace(b"\n", b"")),
            lambda: request.replace(
                PATH.encode(), chance.choice((b"/", b"*", b"/v1/../v1/stream", b"/%00", b"/" * 9000))
            ),
            lambda: b"\r\n".join([lines[0], *chance.sample(lines[1:-2], 4), b"", b""]),
            lambda: b"\r\n".join([*lines[:-2], *([b"X-A: b"] * 500), b"", b""]),
            lambda: b"\r\n".join(
                [*lines[:-2], b"Content-Length: 5", b"Transfer-Encoding: chunked", b"", b""]
            ),
            lambda: b"\r\n".join([*lines[:-2], b"Origin: https://elsewhere.example", b"", b""]),
        )
    )()


def _frames(proto: bool, chance: random.Random) -> list[Frame]:
    frames = list[Frame]()
    for opcode, payload in _messages(proto, chance):
        parts = chance.choice((1, 1, 1, 2, 3, 9))
        for frame in fragments(opcode, payload, parts, chance):
            if chance.random() < 0.05:
                frames.append(_control(chance))
            frames.append(frame)
    if chance.random() < 0.2:
        frames.append(Frame(CLOSE, _close_payload(chance)))
    if frames and chance.random() < 0.25:
        where = chance.randrange(len(frames))
        frames[where] = _deflated(frames[where]) if chance.random() < 0.1 else spoilt(frames[where], chance)
    return frames


def _control(chance: random.Random) -> Frame:
    opcode = chance.choice((PING, PONG))
    return Frame(opcode, chance.randbytes(chance.choice((0, 4, 4, 125, 125, 125, 125, 126, 1000))))


def _close_payload(chance: random.Random) -> bytes:
    reason = chance.choice((b"", b"done", "prêt".encode(), b"\xff\xfe", b"x" * 123, b"x" * 200))
    return chance.choice((b"", b"\x03", struct.pack("!H", chance.choice(_CODES)) + reason))


def _deflated(frame: Frame) -> Frame:
    """Compressed, which nobody agreed to; a megabyte that would be a gigabyte's worth of questions."""
    packer = zlib.compressobj(wbits=-15)
    squeezed = packer.compress(frame.payload or bytes(1 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    return Frame(frame.opcode, squeezed[:-4], frame.final, reserved=4)


def _messages(proto: bool, chance: random.Random) -> list[Message]:
    """A stream that may begin well, go on well and end well."""
    asked = [_config(chance) if chance.random() < 0.8 else _any(chance)]
    for _ in range(chance.choice((0, 1, 2, 4))):
        asked.append(_audio(chance) if chance.random() < 0.8 else _any(chance))
    if chance.random() < 0.6:
        asked.append(speech_pb2.StreamingRecognizeRequest(control={"end_of_audio": {}}))
    messages = [_message(each, proto, chance) for each in asked]
    if not proto and chance.random() < 0.5:
        messages.insert(
            chance.randint(1, len(messages)), (BINARY, chance.randbytes(chance.choice((0, 1, 3200))))
        )
    if chance.random() < 0.2:
        where = chance.randrange(len(messages))
        messages[where] = _garbled(messages[where], chance)
    return messages


def _message(request: speech_pb2.StreamingRecognizeRequest, proto: bool, chance: random.Random) -> Message:
    if proto:
        return BINARY, request.SerializeToString()
    try:
        return TEXT, json_format.MessageToJson(request, indent=None).encode()
    except json_format.SerializeToJsonError:  # a duration of a billion years has no JSON
        return TEXT, _odd_json(chance)


def _garbled(message: Message, chance: random.Random) -> Message:
    opcode, payload = message
    return chance.choice(
        (
            lambda: (opcode, changed(payload, chance)),
            lambda: (opcode, noise(chance)),
            lambda: (TEXT, noise(chance)),
            lambda: (TEXT + BINARY - opcode, payload),
            lambda: (TEXT, b"[" * chance.choice((10, 5000))),
            lambda: (TEXT, _odd_json(chance)),
            lambda: (opcode, bytes(chance.choice((0, 1_100_000, 1_500_000)))),
        )
    )()


def _odd_json(chance: random.Random) -> bytes:
    value: object = chance.choice((None, True, -1, 1e400, 10**30, "", "\ud800", [], [[]], {}, {"a": None}))
    name = chance.choice(("config", "audio", "control", "resume", "resumable", "status", "", "\u202e"))
    text = json.dumps({name: value, **({"config": {name: value}} if chance.random() < 0.5 else {})})
    return text.replace("\\ud800", chance.choice(("\\ud800", "\\u0000"))).encode()


def _config(chance: random.Random) -> speech_pb2.StreamingRecognizeRequest:
    config = config_pb2.RecognitionConfig(
        encoding=config_pb2.AUDIO_ENCODING_LINEAR16,
        sample_rate_hz=chance.choice((16_000, 16_000, 16_000, 8000, 48_000, 48_000, 0, -1)),
        interim_results=chance.random() < 0.5,
    )
    return speech_pb2.StreamingRecognizeRequest(config=config, resumable=chance.random() < 0.2)


def _audio(chance: random.Random) -> speech_pb2.StreamingRecognizeRequest:
    content = bytes(chance.choice((0, 1, 320, 3200, 3200, 32_000)))
    return speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=content))


def _any(chance: random.Random) -> speech_pb2.StreamingRecognizeRequest:
    made = random_message(speech_pb2.StreamingRecognizeRequest, chance, lambda one: one.randbytes(320))
    assert isinstance(made, speech_pb2.StreamingRecognizeRequest)
    return made


def _cut(sent: bytes, chance: random.Random) -> list[bytes]:
    """As the network may deliver it."""
    style = chance.random()
    if style < 0.5 or not sent:
        return [sent]
    if style < 0.55:
        return [*(sent[at : at + 1] for at in range(min(60, len(sent)))), sent[60:]]
    cuts = sorted(chance.randint(0, len(sent)) for _ in range(chance.randint(1, 4)))
    return [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]


__all__ = ["JSON", "PATH", "PROTO", "Ending", "Socket", "make_socket"]
