"""The page's files, as they lie beside this module."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

_FOLDER = Path(__file__).parent / "static"
_INDEX = "index.html"
_CAPTIONS = "captions.html"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked for each time, and answered with 304: a new server has a new page
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    content_type: str
    etag: str


class PageFiles:
    """Handlers for aiohttp. All files are read once: no path that a client names reaches the disk."""

    def __init__(self) -> None:
        self._files = {path.name: _read(path) for path in _FOLDER.iterdir() if path.suffix in _TYPES}

    async def index(self, request: web.Request) -> web.Response:
        """The page."""
        return self._answer(request, _INDEX)

    async def captions(self, request: web.Request) -> web.Response:
        """The captions page."""
        return self._answer(request, _CAPTIONS)

    async def get(self, request: web.Request) -> web.Response:
        """One of its files. Raises HTTPNotFound."""
        return self._answer(request, request.match_info["name"])

    def _answer(self, request: web.Request, name: str) -> web.Response:
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound
        known = any(tag.value in (file.etag, "*") for tag in request.if_none_match or ())
        response = (
            web.Response(status=304)
            if known
            else web.Response(body=file.content, content_type=file.content_type, charset="utf-8")
        )
        response.headers.update(_HEADERS)
        response.etag = file.etag
        return response


def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(content, _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])
