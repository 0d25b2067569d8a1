"""Which web pages may use the gateway from somebody's browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from amira_core import errors

ANY = "*"


class Origins:
    """Pages of the gateway itself, and those of the origins that the operator names.

    Without this, any page that somebody opens could use a gateway that only their machine or network can
    reach. Programs that are not browsers send no Origin, and are not concerned.
    """

    def __init__(self, allowed: str) -> None:
        """`allowed`: origins (``https://app.example``) separated by commas, or ``*``."""
        self._allowed = frozenset(filter(None, (origin.strip().rstrip("/") for origin in allowed.split(","))))

    def check(self, request: web.Request) -> None:
        """Raises PermissionDeniedError for a page from elsewhere."""
        origin = request.headers.get("Origin")
        if origin is None or self.names(origin) or self.allows_any:
            return
        if urlsplit(origin).netloc != request.host:
            raise errors.PermissionDeniedError(
                "Pages from this origin may not use the server: "
                "its operator can name the origin in AMIRA_GATEWAY_WEB_ORIGINS."
            )

    def names(self, origin: str) -> bool:
        """Whether the operator named this very origin."""
        return origin in self._allowed and origin != ANY

    @property
    def allows_any(self) -> bool:
        """Whether pages from everywhere may come."""
        return ANY in self._allowed
