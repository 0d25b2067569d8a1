"""Wyoming's events on the wire: a line of JSON, then as many bytes of more JSON and of payload as it says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from amira_core import errors
from amira_gateway import untrusted_json

LONGEST_LINE_BYTES = 64 * 1024
_MOST_DATA_BYTES = 256 * 1024
_VERSION = "1.10.0"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `payload` is audio."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""


async def read_event(reader: asyncio.StreamReader, max_payload_bytes: int) -> Event | None:
    """The next event; None once the client has closed the connection.

    Raises:
        InvalidRequestError: it is none; nothing that follows can be understood.
        MessageTooLargeError: it is too long.
    """
    try:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            return None
        head = _object(line)
        data = _object(json.dumps(head.get("data") or {}).encode())
        data |= _object(await _read(reader, head, "data_length", _MOST_DATA_BYTES) or b"{}")
        payload = await _read(reader, head, "payload_length", max_payload_bytes)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except ValueError:
        raise errors.InvalidRequestError("What came is no event of the Wyoming protocol.") from None
    return Event(str(head.get("type")), data, payload)


async def write_event(writer: asyncio.StreamWriter, kind: str, data: dict[str, Any]) -> None:
    """Sends an event; waits while the client is not reading. Raises ConnectionError."""
    content = json.dumps(data).encode()
    head = {"type": kind, "version": _VERSION, "data_length": len(content)}
    writer.write(json.dumps(head).encode() + b"\n" + content)
    await writer.drain()


async def _read(reader: asyncio.StreamReader, head: dict[str, Any], name: str, most: int) -> bytes:
    size = head.get(name) or 0
    if not isinstance(size, int) or size < 0:
        raise ValueError(name)
    if size > most:
        raise errors.MessageTooLargeError(f"{name} is {size}: at most {most} bytes are taken at once.")
    return await reader.readexactly(size)


def _object(content: bytes) -> dict[str, Any]:
    """Raises ValueError."""
    value = untrusted_json.parse(content)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value
