"""GET /metrics over HTTP/1.1, on the service's own event loop.

So little HTTP that no framework is worth its weight here: one request per connection, no body, nothing that
changes anything. It serves figures in plaintext: bind it to loopback or to a network that only Prometheus
can reach.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from amira_core.metrics.exposition import expose

_log = structlog.get_logger(__name__)

PATH: Final = "/metrics"

_MOST_CONNECTIONS: Final = 16
_MOST_HEADER_BYTES: Final = 16 * 1024
_TIMEOUT_S: Final = 10.0
_METHODS: Final = ("GET", "HEAD")
_PLAIN: Final = "text/plain; charset=utf-8"


class _Answer(Exception):  # noqa: N818 - an answer without metrics, not always an error
    def __init__(self, status: str, words: str) -> None:
        super().__init__(status)
        self.status, self.words = status, words


class MetricsEndpoint:
    """Usage::

    endpoint = MetricsEndpoint("127.0.0.1:50052", REGISTRY)
    await endpoint.start()
    ...
    await endpoint.close()
    """

    def __init__(self, address: str, registry: CollectorRegistry) -> None:
        """`address`: ``host:port``; port 0 takes a free one, an IPv6 host stands in brackets."""
        self.address = address
        self._registry = registry
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Binds; returns the port. Raises OSError when the address is taken or none of this machine's."""
        host, _, port = self.address.rpartition(":")
        try:
            self._server = await asyncio.start_server(
                self._serve, host.strip("[]"), int(port), limit=_MOST_HEADER_BYTES
            )
        except (OSError, ValueError, OverflowError) as error:
            raise OSError(
                f"cannot serve metrics on {self.address!r}: it is taken, or no host:port here"
            ) from error
        bound = int(self._server.sockets[0].getsockname()[1])
        _log.info("serving_metrics", port=bound, path=PATH)
        return bound

    async def close(self) -> None:
        """Takes no more connections and ends those that are open."""
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._open.add(task)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                writer.write(await self._response(reader))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # who asked has gone, or is too slow
        except Exception as error:  # noqa: BLE001 - a defect here must not pass unseen, nor end anything else
            _log.error("metrics_failed", exc_info=error)
        finally:
            self._open.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        method = "GET"
        try:
            method, path, accept = await _request(reader)
            if path != PATH:
                raise _Answer("404 Not Found", f"The metrics are at {PATH}.\n")
            body, content_type = await expose(self._registry, accept)
            status = "200 OK"
        except _Answer as answer:
            status, body, content_type = answer.status, answer.words.encode(), _PLAIN
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n"
        )
        if status.startswith("405"):
            head += f"Allow: {', '.join(_METHODS)}\r\n"
        return f"{head}\r\n".encode() + (b"" if method == "HEAD" else body)


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, str]:
    """Method, path without query, and Accept. Raises _Answer for what is no request of ours."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise _Answer("431 Request Header Fields Too Large", "The header is too long.\n") from None
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _Answer("400 Bad Request", "This is not HTTP/1.\n")
    method, path, _ = words
    if method not in _METHODS:
        raise _Answer("405 Method Not Allowed", "Only GET and HEAD are allowed.\n")
    headers = (line.partition(":") for line in lines)
    accept = ",".join(value.strip() for name, _, value in headers if name.strip().lower() == "accept")
    return method, path.partition("?")[0], accept
