"""A circuit breaker for one replica: pybreaker's states, with asyncio's kind of concurrency.

pybreaker counts losses and moves between closed, open and half-open, but only around plain functions:
it does not see what comes of a coroutine, and lets every caller through while half-open. So the
calls are watched here and pybreaker is told how each ended. The time is kept here, too: pybreaker
measures it with the wall clock, which can be set back.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pybreaker
import structlog

from amira_core import errors

_log = structlog.get_logger(__name__)

CLOSED, OPEN, HALF_OPEN = pybreaker.STATE_CLOSED, pybreaker.STATE_OPEN, pybreaker.STATE_HALF_OPEN

_JITTER = 0.25
"""An open time is longer or shorter by up to this share, so that many gateways do not probe as one."""

_TELL_EVERY_S = 60.0


class BreakerOpenError(Exception):
    """The breaker lets no call through at the moment."""


class Breaker:
    """Lets calls to one replica through, or not.

    closed: all calls, until `failures` losses in a row; open: none, for about `open_s`; half-open: one
    call at a time, whose outcome closes or opens it again.

    Usage::

        with breaker.attempt():  # raises BreakerOpenError
            call = await open_a_call()
    """

    def __init__(
        self,
        name: str,
        failures: int,
        open_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is for the log; `clock` gives seconds that never go back."""
        self._told = _Told(name, clock)
        self._open_s = open_s
        self._clock = clock
        self._probe_at = 0.0
        self._probing = False
        self._changes = 0
        self.opened = 0
        """Times that it has opened."""
        # reset_timeout is never asked for: pybreaker is not called while open.
        self._machine = pybreaker.CircuitBreaker(
            fail_max=failures, listeners=[_Listener(self._changed)], throw_new_error_on_trip=False
        )

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``; an open one becomes half-open when it is next used."""
        return self._machine.current_state

    @property
    def allows(self) -> bool:
        """Whether :meth:`attempt` would let a call through now."""
        return self.retry_after_s == 0

    @property
    def retry_after_s(self) -> float:
        """Seconds until a call may be let through; 0: now."""
        if self._probing:
            return self._open_s
        if self.state == OPEN:
            return max(0.0, self._probe_at - self._clock())
        return 0.0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """One call, which the breaker judges by how the block ends.

        A ServiceUnavailableError or TimeoutError is a loss. Every other AmiraError, DrainingError too, and
        an end without error mean that the replica is there. Anything else, such as a cancelled caller, says
        nothing about it; a half-open breaker lets the next call through then. Only a call that began in
        the state that the breaker is still in counts.

        Raises:
            BreakerOpenError: without running the block.
        """
        self._admit()
        began_in = self._changes
        try:
            yield
        except (errors.AmiraError, TimeoutError) as error:
            self._judge(began_in, failed=is_loss(error))
            raise
        except BaseException:
            if began_in == self._changes:
                self._probing = False
            raise
        self._judge(began_in, failed=False)

    def failed(self) -> None:
        """A call was lost after it had been opened. Counts while closed; otherwise the probe alone does."""
        if self.state == CLOSED:
            self._record(failed=True)

    def _admit(self) -> None:
        if not self.allows:
            raise BreakerOpenError
        if self.state == OPEN:
            self._machine.half_open()
        self._probing = self.state == HALF_OPEN

    def _judge(self, began_in: int, *, failed: bool) -> None:
        if began_in == self._changes:
            self._record(failed=failed)

    def _record(self, *, failed: bool) -> None:
        with suppress(_LossError):
            self._machine.call(_outcome, failed)

    def _changed(self, state: str) -> None:
        self._changes += 1
        self._probing = False
        if state == OPEN:
            self.opened += 1
            open_s = self._open_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - jitter, no secret
            self._probe_at = self._clock() + open_s
            self._told.opened(open_s)
        elif state == CLOSED:
            self._told.closed()


class _Told:
    """What the log says of one breaker: an opening at once, then one line a minute at most.

    A replica that is down opens its breaker again and again, once a second.
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._log = _log.bind(breaker=name)
        self._clock = clock
        self._times = 0
        self._told_at = -math.inf
        self._told_open = False

    def opened(self, open_s: float) -> None:
        """`times`: how often since the line before."""
        self._times += 1
        if self._clock() - self._told_at < _TELL_EVERY_S:
            return
        self._log.warning("breaker_opened", for_s=round(open_s, 3), times=self._times)
        self._told_at, self._told_open, self._times = self._clock(), True, 0

    def closed(self) -> None:
        if self._told_open:
            self._log.info("breaker_closed")
        self._told_open = False


def is_loss(error: BaseException) -> bool:
    """Whether an error says that the replica does not work, rather than that it refuses or drains."""
    if isinstance(error, errors.DrainingError):
        return False
    return isinstance(error, errors.ServiceUnavailableError | TimeoutError)


class _LossError(Exception):
    """Tells pybreaker of a loss."""


def _outcome(failed: bool) -> None:
    if failed:
        raise _LossError


class _Listener(pybreaker.CircuitBreakerListener):
    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        self._changed(new_state.name)
