"""Work done ahead by other threads or processes, handed over in order.

A worker that fails does not leave the consumer waiting: its error comes out where its result would have.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from amira_training.errors import TrainingError

A = TypeVar("A")
B = TypeVar("B")

_AHEAD_PER_WORKER = 4

_installed: Callable[[Any], Any] | None = None  # in a worker process: what it does


def in_order(function: Callable[[A], B], items: Iterable[A], executor: Executor, ahead: int) -> Iterator[B]:
    """Results of ``function`` for each item (there may be endlessly many), ``ahead`` of them under way."""
    source = iter(items)
    waiting: deque[Future[B]] = deque(executor.submit(function, item) for item in islice(source, ahead))
    try:
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(executor.submit(function, item) for item in islice(source, 1))
            yield result
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def feeding(function: Callable[[A], B], items: Iterable[A], workers: int) -> Iterator[Iterator[B]]:
    """Like :func:`in_order`, with workers of its own.

    Args:
        function: with processes, it must pickle; it is sent once per worker.
        items: what to work on.
        workers: processes; 0 is one thread, enough for training on a CPU.

    Raises:
        TrainingError: from the iterator: a worker process died. Errors of ``function`` come as they are.
    """
    executor: Executor
    work: Callable[[A], B]
    if workers:
        context = multiprocessing.get_context("spawn")  # threads of torch and numba do not survive a fork
        executor = ProcessPoolExecutor(workers, context, initializer=_install, initargs=(function,))
        work = _run_installed
    else:
        executor = ThreadPoolExecutor(1, thread_name_prefix="feeder")
        work = function
    results = in_order(work, items, executor, _AHEAD_PER_WORKER * max(1, workers))
    try:
        yield _explained(results)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _explained(results: Iterator[B]) -> Iterator[B]:
    try:
        yield from results
    except BrokenExecutor as error:
        raise TrainingError(
            "a worker process that prepares batches died (killed for its memory?): use fewer --workers"
        ) from error


def _install(function: Callable[[Any], Any]) -> None:
    global _installed
    _installed = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the trainer decides


def _run_installed(item: Any) -> Any:
    assert _installed is not None, "the pool's initializer has run"
    return _installed(item)
