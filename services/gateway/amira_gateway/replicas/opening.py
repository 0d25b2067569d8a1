"""Opening a stream at whichever replica takes it."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import TypeVar

from amira_core import errors
from amira_core.aio.cancellation import this_task_is_cancelled
from amira_gateway.replicas.breaker import BreakerOpenError
from amira_gateway.replicas.replica import Replica
from amira_gateway.replicas.replica_set import ReplicaSet

T = TypeVar("T")

_FIRST_BACKOFF_S = 0.05
_MAX_BACKOFF_S = 1.0


async def open_on_any(
    replica_set: ReplicaSet,
    open_one: Callable[[Replica], Awaitable[T]],
    *,
    avoid: Collection[str] = (),
    recover_for_s: float = 0.0,
    within_s: float = math.inf,
) -> T:
    """Tries the replicas in turn until one takes the stream.

    A replica that is lost, drains, has no capacity or does not answer in `accept_timeout_s` is passed over
    for the next. After a round without success there is one more if a replica was lost and that was soon
    known (that all are full is said at once), or as many as begin within `recover_for_s`.

    Args:
        replica_set: the candidates.
        open_one: opens a call, returns once the replica has taken the stream. It must cancel its call when it
            raises or is cancelled, and give it to :meth:`Replica.track`.
        avoid: targets to try last, such as the one that has just lost the stream.
        recover_for_s: seconds within which new rounds begin.
        within_s: seconds after which no try goes on, whatever else there is to try.

    Returns:
        What `open_one` returned.

    Raises:
        NoCapacityError: every replica that answered is full, none was lost.
        ServiceUnavailableError: the first loss of the last round, or none can be tried now.
        AmiraError: what a replica said of the stream that another one would say, too; at once.
    """
    give_up_at, ends_at = time.monotonic() + recover_for_s, time.monotonic() + within_s
    backoffs = _backoffs_s()
    once_more = True
    while True:
        began_at = time.monotonic()
        try:
            return await _try_each(replica_set, open_one, avoid, ends_at)
        except (errors.NoCapacityError, errors.ServiceUnavailableError) as error:
            now, backoff_s = time.monotonic(), next(backoffs)
            # Where a replica hung, or nobody may be asked yet, another round would come to the same.
            hopeful = now - began_at < replica_set.settings.accept_timeout_s
            hopeful = hopeful and replica_set.retry_after_ms <= backoff_s * 1000
            once_more = once_more and hopeful and isinstance(error, errors.ServiceUnavailableError)
            if now + backoff_s >= (ends_at if once_more else min(give_up_at, ends_at)):
                raise
        once_more = False
        await asyncio.sleep(backoff_s)


class _OutOfTimeError(Exception):
    """A try was cut short. It says nothing about the replica, which might have taken the stream yet."""


async def _try_each(
    replica_set: ReplicaSet,
    open_one: Callable[[Replica], Awaitable[T]],
    avoid: Collection[str],
    ends_at: float,
) -> T:
    losses: list[errors.ServiceUnavailableError] = []
    refusals: list[errors.NoCapacityError] = []
    for replica in replica_set.candidates(avoid):
        try:
            return await _try_one(replica_set, replica, open_one, ends_at)
        except BreakerOpenError:
            continue  # opened, or began to probe, since the candidates were listed
        except _OutOfTimeError:
            losses.append(replica_set.lost(f"No {replica_set.service} took the stream in time."))
            break
        except errors.ServiceUnavailableError as error:
            losses.append(error)
        except errors.NoCapacityError as error:
            refusals.append(error)
    if losses:
        raise losses[0]
    if refusals:
        # The first replica to have room is enough.
        raise min(refusals, key=lambda refusal: refusal.retry_after_ms or 0)
    raise replica_set.unreachable()


async def _try_one(
    replica_set: ReplicaSet, replica: Replica, open_one: Callable[[Replica], Awaitable[T]], ends_at: float
) -> T:
    patience_s = replica_set.settings.accept_timeout_s
    timeout_s = min(patience_s, ends_at - time.monotonic())
    if timeout_s <= 0:
        raise _OutOfTimeError
    with replica.attempt():
        try:
            # Cancelling a read destroys its call (grpc.aio), which is what has to happen to this one.
            async with asyncio.timeout(timeout_s):
                return await open_one(replica)
        except TimeoutError:
            if timeout_s < patience_s:
                raise _OutOfTimeError from None
            raise replica_set.lost(
                f"The {replica_set.service} did not take the stream within {timeout_s:g} s."
            ) from None
        except asyncio.CancelledError:
            if this_task_is_cancelled():
                raise
            # Not this task but the call was cancelled, by a channel that was closed.
            raise replica_set.lost(f"The call to the {replica_set.service} was cut off.") from None


def _backoffs_s() -> Iterator[float]:
    backoff_s = _FIRST_BACKOFF_S
    while True:
        yield backoff_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        backoff_s = min(2 * backoff_s, _MAX_BACKOFF_S)
