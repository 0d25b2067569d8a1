"""Tokens that run out: fetched anew before they do, once for all calls that need one."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

Fetch = Callable[[], str | Awaitable[str]]
"""Gives a fresh token: a coroutine function, or a plain one, which may block (it runs in a thread)."""

_UNTOLD_LIFETIME_S = 300.0
_log = logging.getLogger(__name__)


class RefreshingToken:
    """For ``AmiraClient(token=RefreshingToken(fetch))``.

    When the token runs out is read from its ``exp`` claim; a server that refuses it earlier makes the client
    fetch another one and try once more. If a fetch fails while the old token still holds, that goes on being
    used, with a warning. May be shared by several clients, event loops and threads.

    Args:
        fetch: see :data:`Fetch`.
        ahead_s: how long before its end a token is replaced.
        lifetime_s: how long a token holds that does not say so itself.
    """

    def __init__(
        self, fetch: Fetch, *, ahead_s: float = 60.0, lifetime_s: float = _UNTOLD_LIFETIME_S
    ) -> None:
        self._fetch = fetch
        self._ahead_s = ahead_s
        self._lifetime_s = lifetime_s
        self._token = ""
        self._replace_at = self._ends_at = 0.0
        self._fetching: Future[str] | None = None
        self._lock = threading.Lock()

    async def __call__(self) -> str:
        """A token that holds. Raises what `fetch` raises."""
        while True:
            with self._lock:
                if time.time() < self._replace_at:
                    return self._token
                mine = self._fetching is None
                fetching = self._fetching = self._fetching or Future()
            if mine:
                await self._fetch_for_all(fetching)
            try:
                return await _result(fetching)
            except _GaveUpError:
                continue

    def refused(self, token: str) -> None:
        """A server did not take `token`: it is not given again."""
        with self._lock:
            if token == self._token:
                self._replace_at = self._ends_at = 0.0

    async def _fetch_for_all(self, fetching: Future[str]) -> None:
        try:
            token = await self._fetched()
        except Exception as error:  # noqa: BLE001 - all who wait for the token hear of it
            self._fail(fetching, error)
            return
        except BaseException:
            with self._lock:
                self._fetching = None
            fetching.set_exception(_GaveUpError())
            raise
        with self._lock:
            self._token, self._fetching = token, None
            self._ends_at = _expiry(token) or time.time() + self._lifetime_s
            left_s = self._ends_at - time.time()
            # A token that is shorter-lived than `ahead_s` is still used more than once.
            self._replace_at = self._ends_at - min(self._ahead_s, left_s / 2)
        fetching.set_result(token)

    def _fail(self, fetching: Future[str], error: Exception) -> None:
        with self._lock:
            self._fetching = None
            kept = self._token if time.time() < self._ends_at else ""
        if kept:
            _log.warning("There is no fresh token, the old one still holds: %r", error)
            fetching.set_result(kept)
        else:
            fetching.set_exception(error)

    async def _fetched(self) -> str:
        if inspect.iscoroutinefunction(self._fetch):
            token = await self._fetch()
        else:
            answer = await asyncio.to_thread(self._fetch)
            token = await answer if inspect.isawaitable(answer) else answer
        return str(token).strip()


async def _result(fetching: Future[str]) -> str:
    """One caller that is cancelled must not take the token from the others."""
    waiting = asyncio.wrap_future(fetching)
    waiting.add_done_callback(lambda done: done.cancelled() or done.exception())  # even if nobody is left
    return await asyncio.shield(waiting)


class _GaveUpError(Exception):
    """Whoever was to fetch for all was cancelled: another one must."""


def _expiry(token: str) -> float | None:
    """The ``exp`` claim of a JWT, unverified, in seconds since 1970; None where there is none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None
