"""Broken and hostile WebSockets to a gateway's web port, from the HTTP request to the last frame.

    python -m fuzz.websocket [--inputs 100000] [--seed 0] [--only NUMBER]

Whatever comes, the connection ends soon: with an HTTP status or a close code that blames the client, in
frames that keep to the protocol, and never with a defect in the gateway's log. Afterwards the gateway, its
frontend and its decoder (all real, in this process) hold no place, slot, task or descriptor, and memory is
flat. The same seed and number make a finding again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

import typer

from amira_core.logs import configure_logs
from amira_core.metrics.registry import REGISTRY
from amira_core.metrics.schema import Common
from fuzz.frames import CLOSE, TEXT, Frame, WrongFrameError, parsed
from fuzz.held import Held, settled
from fuzz.messages import SERVER_AT_FAULT
from fuzz.servers import web
from fuzz.sockets import Ending, Socket, make_socket

AT_ONCE = 48
_WARM = 2000
"""Inputs after which all that is kept for ever has come to be."""
_BLAMES_THE_SERVER = {status.name for status in SERVER_AT_FAULT}


@dataclass
class Findings:
    """How connections ended, and what must not be."""

    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    """When warm, and at the end."""


async def fuzz(address: str, seed: int, numbers: range, hang_s: float, findings: Findings) -> None:
    """Opens sockets `numbers`, some at once."""
    left = iter(numbers)
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_open_all(address, seed, left, hang_s, findings))


async def _open_all(address: str, seed: int, left: Iterator[int], hang_s: float, findings: Findings) -> None:
    for number in left:
        socket = make_socket(seed, number)
        try:
            async with asyncio.timeout(hang_s):
                received = await _converse(address, socket)
            end = describe(received)
            if socket.ending is Ending.CUT and not blames_the_server(end):
                end = "left"
        except TimeoutError:
            end, problem = "hangs", f"no end after {hang_s:g} s"
            findings.wrong.append(f"socket {number}: {problem}")
        except WrongFrameError as error:
            end = "wrong frame"
            findings.wrong.append(f"socket {number}: {error}")
        findings.ends[end] += 1
        unanswered = end == "nothing" or (end == "no close" and socket.ending is Ending.WAIT)
        if blames_the_server(end) or (unanswered and socket.complete):
            findings.wrong.append(f"socket {number}: {end}")


async def _converse(address: str, socket: Socket) -> bytes:
    """Sends all, while it reads all: everything that the server sent."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    received = bytearray()
    try:
        writer.write(socket.request)
        if not socket.complete:
            return b""
        received += await reader.readuntil(b"\r\n\r\n")
        if _http_status(received) != "101":
            return bytes(received)
        reading = asyncio.create_task(_read_all(reader, received))
        await _send(writer, socket)
        if socket.ending is not Ending.CUT:
            await reading
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # whatever came before it counts
    finally:
        writer.transport.abort()
    return bytes(received)


async def _send(writer: asyncio.StreamWriter, socket: Socket) -> None:
    try:
        for piece in socket.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if socket.ending is Ending.HALF:
            writer.write_eof()
    except (ConnectionError, OSError):
        pass  # the server has ended it, which is for the reader to judge


async def _read_all(reader: asyncio.StreamReader, received: bytearray) -> None:
    try:
        while not _closed(received) and (content := await reader.read(65_536)):
            received += content
    except ConnectionError:
        pass


def _closed(received: bytearray) -> bool:
    """Whether the server has said that it closes, and would wait for the client to say so, too."""
    try:
        frames = parsed(bytes(received.partition(b"\r\n\r\n")[2]))
    except WrongFrameError:
        return True
    return bool(frames) and frames[-1].opcode == CLOSE


def describe(received: bytes) -> str:
    """How a connection ended. Raises WrongFrameError for frames that are none."""
    head, _, content = received.partition(b"\r\n\r\n")
    if not head:
        return "nothing"
    status = _http_status(head)
    if status != "101":
        return f"HTTP {status}"
    frames = parsed(content)
    texts = [frame for frame in frames if frame.opcode == TEXT]
    said = _status(texts[-1]) if texts else ""
    closes = [frame for frame in frames if frame.opcode == CLOSE]
    if len(closes) > 1 or (closes and frames[-1] is not closes[0]):
        raise WrongFrameError("frames after the close")
    code = str(int.from_bytes(closes[0].payload[:2])) if closes else "no close"
    return f"{said} {code}".strip()


def _http_status(head: bytes | bytearray) -> str:
    return head.split(b" ", 2)[1].decode("ascii", "replace")


def _status(frame: Frame) -> str:
    try:
        message = json.loads(frame.payload)
    except ValueError as error:
        raise WrongFrameError(f"a text that is no JSON: {error}") from None
    status = message.get("status", {})
    return f"{status.get('code', '')} {status.get('reason', '')}".strip()


def blames_the_server(end: str) -> bool:
    """Whether it is one of the ends that must not be."""
    words = end.split(" ")
    if words[0] == "HTTP":
        return words[1].startswith("5")
    return bool(set(words) & _BLAMES_THE_SERVER) or words[-1] in ("1011",) or words[-1].startswith("45")


async def run(seed: int, inputs: int, hang_s: float) -> Findings:
    """All sockets against services of its own."""
    findings = Findings()
    incidents = _incidents()
    logged = _Errors(findings)
    logging.getLogger().addHandler(logged)
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: findings.wrong.append(f"event loop: {context}")
    )
    try:
        async with web() as address:
            warm_up = min(_WARM, inputs // 2)
            await fuzz(address, seed, range(warm_up), hang_s, findings)
            warm = await settled(None)
            findings.held.append(warm)
            await fuzz(address, seed, range(warm_up, inputs), hang_s, findings)
            end = await settled(warm)
            findings.held.append(end)
            findings.wrong += end.leaked(warm)
    except AssertionError as error:
        findings.wrong.append(str(error))
    finally:
        logging.getLogger().removeHandler(logged)
    if _incidents() != incidents:
        findings.wrong.append(f"{_incidents() - incidents:.0f} incidents in the log")
    return findings


def _incidents() -> float:
    return REGISTRY.get_sample_value(f"{Common.INCIDENTS.name}_total") or 0.0


class _Errors(logging.Handler):
    """Errors that libraries log: aiohttp does so where a handler fails."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(logging.ERROR)
        self._findings = findings

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._findings.wrong.append(f"log of {record.name}: {record.getMessage()[:500]}: {error!r}")


async def _again(seed: int, number: int, hang_s: float) -> None:
    socket = make_socket(seed, number)
    sent = b"".join(socket.pieces)
    print(f"{socket.request!r}\n{sent[:2000]!r}")
    print(f"{len(sent)} bytes in {len(socket.pieces)} pieces, {socket.ending}")
    async with web() as address, asyncio.timeout(hang_s):
        received = await _converse(address, socket)
    print(f"{received[:2000]!r}\n{describe(received)}")


def main(
    inputs: Annotated[int, typer.Option(min=2, help="How many sockets.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Other sockets for each number.")] = 0,
    only: Annotated[int | None, typer.Option(help="One socket alone, by its number.")] = None,
    hang_s: Annotated[float, typer.Option(help="A connection that takes longer to end hangs.")] = 120,
) -> None:
    """Prints how the connections ended and what was held. Exit status: 1 if anything is wrong."""
    configure_logs("fuzz", level="error", log_format="text")
    if only is not None:
        asyncio.run(_again(seed, only, hang_s))
        return
    begin = time.monotonic()
    findings = asyncio.run(run(seed, inputs, hang_s))
    print(f"{inputs} WebSockets, seed {seed}: {inputs / (time.monotonic() - begin):.0f} per second")
    for what, count in findings.ends.most_common():
        print(f"  {count:>8} {what}")
    for name, held in zip(("warm", "at the end"), findings.held, strict=False):
        print(f"{name}: {held.mib:.0f} MiB, {held.descriptors} descriptors, {held.tasks} tasks")
    for problem in findings.wrong:
        print(problem)
    print(f"findings: {len(findings.wrong)}")
    if findings.wrong:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
