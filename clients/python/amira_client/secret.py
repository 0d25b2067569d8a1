"""The API key or token of one client, asked for anew for every call."""

from __future__ import annotations

import inspect

import grpc

from amira_client.access import Token, secret_source
from amira_client.errors import AccessError, AmiraClientError, ServerError
from amira_client.tokens import RefreshingToken

Header = tuple[tuple[str, str], ...]
_BEARER = "Bearer "


class Secret:
    """Raises ValueError when both are given, or what can be no secret."""

    def __init__(self, api_key: str | None, token: Token | None) -> None:
        self._source = secret_source(api_key, token)
        self._refreshing = token if isinstance(token, RefreshingToken) else None

    @property
    def given(self) -> bool:
        """Whether there is one."""
        return self._source is not None

    async def header(self) -> Header:
        """What the next call carries. Raises AccessError when there is no token to be had."""
        if self._source is None:
            return ()
        try:
            secret = self._source()
            if inspect.isawaitable(secret):
                secret = await secret
        except AmiraClientError:
            raise
        except Exception as error:
            raise AccessError(
                f"There is no token, since its source failed: {error!r}",
                status=grpc.StatusCode.UNAUTHENTICATED,
            ) from error
        return (("authorization", f"{_BEARER}{secret}"),)

    def renewed(self, error: ServerError, header: Header) -> bool:
        """Whether the server may have refused `header` only because its token holds no more."""
        if self._refreshing is None or error.status is not grpc.StatusCode.UNAUTHENTICATED or not header:
            return False
        self._refreshing.refused(header[0][1].removeprefix(_BEARER))
        return True
