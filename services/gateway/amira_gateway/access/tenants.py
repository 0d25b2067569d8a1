"""How much each tenant may use: streams at once, and seconds of audio per minute.

The audio of a minute is a bucket that fills steadily and may be emptied at once. While it is empty no
new stream is let in. Streams that run may draw it down to one more minute's worth below empty, and end
with TenantLimitError only beyond that: a tenant who sends as fast as people speak, a little over the
limit, sees refusals at the door long before a stream breaks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from amira_core.errors import TenantLimitError
from amira_gateway.access.identity import ANYBODY, Identity, Limits

_MINUTE_S = 60.0
_STREAM_RETRY_MS = 1000
_CALLS_PER_STREAM = 2
_MORE_CALLS = 4
_TIDY_ABOVE = 1000

Clock = Callable[[], float]


class Account:
    """What one tenant, or one key, uses now."""

    def __init__(self, name: str, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self.streams = 0
        self.calls = 0
        self._name = name
        self._clock = clock
        self._left_s = limits.audio_s_per_minute or 0.0
        self._filled_at = clock()

    @property
    def idle(self) -> bool:
        """Whether nothing would be forgotten with it."""
        self._fill()
        return self.streams == self.calls == 0 and self._left_s >= (self.limits.audio_s_per_minute or 0.0)

    def check(self) -> None:
        """Raises TenantLimitError when no more streams may start."""
        most = self.limits.max_streams
        if most is not None and self.streams >= most:
            raise TenantLimitError(
                f"{self._name} has all of its {most} streams in use: end one, or try again later.",
                retry_after_ms=_STREAM_RETRY_MS,
            )
        self._fill()
        if self.limits.audio_s_per_minute is not None and self._left_s <= 0:
            raise self._used_up()

    def check_call(self) -> None:
        """Raises TenantLimitError when no more calls may begin, whatever they are for."""
        most = self.limits.max_streams
        if most is not None and self.calls >= _CALLS_PER_STREAM * most + _MORE_CALLS:
            raise TenantLimitError(
                f"{self._name} has too many calls open: end one, or try again later.",
                retry_after_ms=_STREAM_RETRY_MS,
            )

    def heard(self, seconds: float) -> None:
        """Takes audio out. Raises TenantLimitError a whole minute's worth below empty."""
        most = self.limits.audio_s_per_minute
        if most is None:
            return
        self._fill()
        self._left_s -= seconds
        if self._left_s < -most:
            self._left_s = -most  # what is refused is not served, and costs no more waiting than that
            raise self._used_up()

    def change(self, limits: Limits) -> None:
        """Goes on with other limits; what was used stays used."""
        self._fill()
        if limits.audio_s_per_minute is not None:
            before = self.limits.audio_s_per_minute
            used = 0.0 if before is None else before - self._left_s
            self._left_s = limits.audio_s_per_minute - used
        self.limits = limits

    def _fill(self) -> None:
        now = self._clock()
        most = self.limits.audio_s_per_minute or 0.0
        self._left_s = min(most, self._left_s + (now - self._filled_at) * most / _MINUTE_S)
        self._filled_at = now

    def _used_up(self) -> TenantLimitError:
        most = self.limits.audio_s_per_minute or 0.0
        wait_s = -self._left_s * _MINUTE_S / most if most else 0.0
        return TenantLimitError(
            f"{self._name} has used its {most:g} seconds of audio per minute: try again later.",
            retry_after_ms=max(_STREAM_RETRY_MS, int(wait_s * 1000) + 1),
        )


class Tenants:
    """The accounts of this gateway (each gateway counts for itself).

    Usage::

        with tenants.place(identity):
            ...
            tenants.heard(identity, 0.2)
    """

    def __init__(
        self,
        default: Limits,
        limits_of: Callable[[str], Limits | None] = lambda tenant: None,
        clock: Clock = time.monotonic,
    ) -> None:
        """Args:
        default: for tenants of whom `limits_of` knows nothing.
        limits_of: a tenant's own limits; asked at every stream, so that they may change.
        clock: monotonic seconds.
        """
        self._default = default
        self._limits_of = limits_of
        self._clock = clock
        self._accounts: dict[tuple[str, str], Account] = {}

    @contextmanager
    def place(self, identity: Identity) -> Iterator[None]:
        """Holds a place while a stream runs. Raises TenantLimitError at once when there is none."""
        accounts = self._of(identity)
        for account in accounts:
            account.check()
        with ExitStack() as held:
            for account in accounts:
                account.streams += 1
                held.callback(_end_stream, account)
            yield

    @contextmanager
    def call(self, identity: Identity) -> Iterator[None]:
        """Counts a call while it runs. Raises TenantLimitError when there are too many.

        A stream may have two calls for a while, when its client has come back and the server has not heard
        yet that the first is dead; and calls that have yet to say what they want must not fill the server.
        """
        accounts = self._of(identity)
        for account in accounts:
            account.check_call()
        with ExitStack() as held:
            for account in accounts:
                account.calls += 1
                held.callback(_end_call, account)
            yield

    def heard(self, identity: Identity, seconds: float) -> None:
        """Counts audio that came. Raises TenantLimitError far below empty (see the module)."""
        for account in self._of(identity):
            account.heard(seconds)

    def _of(self, identity: Identity) -> list[Account]:
        if identity is ANYBODY:
            return []
        limits = self._limits_of(identity.tenant) or self._default
        accounts = [self._account(("tenant", identity.tenant), f"Tenant {identity.tenant!r}", limits)]
        if identity.key_limits != Limits():
            key = (identity.tenant, identity.key_id)
            accounts.append(self._account(("key " + key[0], key[1]), "This key", identity.key_limits))
        return accounts

    def _account(self, key: tuple[str, str], name: str, limits: Limits) -> Account:
        account = self._accounts.get(key)
        if account is None:
            self._tidy()
            account = self._accounts[key] = Account(name, limits, self._clock)
        elif account.limits != limits:
            account.change(limits)
        return account

    def _tidy(self) -> None:
        """Forgets accounts that are as good as new: tokens may name any number of tenants."""
        if len(self._accounts) >= _TIDY_ABOVE:
            self._accounts = {key: account for key, account in self._accounts.items() if not account.idle}


def _end_stream(account: Account) -> None:
    account.streams -= 1


def _end_call(account: Account) -> None:
    account.calls -= 1
