"""A real HTTP server with archives, which can fail in the ways that servers and networks do."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass
class Fault:
    """How one answer goes wrong."""

    status: int | None = None
    """Answer with this status and no file."""
    break_after: int | None = None
    """Close the connection after so many bytes of the body."""
    ignore_range: bool = False
    """Answer a request for a part with the whole."""
    wrong_range: bool = False
    """Answer a request for a part with another part."""
    location: str | None = None
    """Redirect there."""
    without_length: bool = False
    """End the body by closing the connection, without saying how long it is."""


@dataclass
class Asked:
    """One request."""

    path: str
    range: str | None
    status: int = 0


@dataclass
class ArchiveServer:
    """``with ArchiveServer() as server: server.files["/a.tar.bz2"] = b"..."``."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    """Of the next answers about archives, in order."""
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def archives_asked(self) -> list[Asked]:
        """The requests for archives."""
        return [request for request in self.asked if request.path.endswith(".tar.bz2")]

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _handler(archive_server: ArchiveServer) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = Asked(self.path, self.headers.get("Range"))
            archive_server.asked.append(asked)
            is_archive = self.path.endswith(".tar.bz2")
            fault = archive_server.faults.popleft() if is_archive and archive_server.faults else Fault()
            content = archive_server.files.get(self.path)
            if fault.location is not None:
                self._head(asked, 302, {"Location": fault.location, "Content-Length": "0"})
            elif fault.status is not None or content is None:
                self._head(asked, fault.status or 404, {"Content-Length": "0"})
            else:
                self._send(asked, content, fault)

        def _send(self, asked: Asked, content: bytes, fault: Fault) -> None:
            tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            begin = self._begin(tag, fault)
            if begin > len(content) or (begin and begin == len(content)):
                self._head(asked, 416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
                return
            body = content[begin:]
            headers = {"ETag": tag}
            if not fault.without_length:
                headers["Content-Length"] = str(len(body))
            if begin:
                stated = begin + 1 if fault.wrong_range else begin
                headers["Content-Range"] = f"bytes {stated}-{len(content) - 1}/{len(content)}"
            self._head(asked, 206 if begin else 200, headers)
            self.wfile.write(body[: fault.break_after])
            if fault.break_after is not None or fault.without_length:
                self.close_connection = True

        def _begin(self, tag: str, fault: Fault) -> int:
            wanted = self.headers.get("Range")
            if wanted is None or fault.ignore_range or self.headers.get("If-Range", tag) != tag:
                return 0
            return int(wanted.removeprefix("bytes=").removesuffix("-"))

        def _head(self, asked: Asked, status: int, headers: dict[str, str]) -> None:
            asked.status = status
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler
