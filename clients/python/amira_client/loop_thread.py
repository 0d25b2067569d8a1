"""An event loop in a thread of its own, for programs that have none."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from amira_client.errors import StreamStateError

T = TypeVar("T")

_STOP_S = 10.0


class LoopThread:
    """Runs coroutines for any number of threads.

    A daemon: it never keeps the program from ending. It does not survive a fork: in the child, calls raise.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._pid = os.getpid()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether the thread exists in this process: not in the child of a fork, nor once it has stopped."""
        return os.getpid() == self._pid and not self._stopped

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Its result; Ctrl-C and the like cancel it.

        Raises:
            StreamStateError: the thread has stopped, is not in this process, or is the caller.
        """
        future = self.submit(coroutine)
        try:
            return future.result()
        except CancelledError:
            raise StreamStateError("The client was closed meanwhile.") from None
        except BaseException:
            future.cancel()
            raise

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """As :meth:`call`, without waiting."""
        try:
            self._require_usable()
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except BaseException as error:
            coroutine.close()
            if isinstance(error, RuntimeError):  # stopped by another thread just now
                raise StreamStateError("The client is closed.") from error
            raise

    def stop(self) -> None:
        """Cancels what still runs. More than once, from any thread; does nothing in the child of a fork."""
        if not self.is_here:
            return
        self._stopped = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(_STOP_S)

    def _require_usable(self) -> None:
        if os.getpid() != self._pid:
            raise StreamStateError(
                "The client was made before this process was forked, and its connections are the parent's: "
                "make a client in each process, after the fork."
            )
        if self._stopped:
            raise StreamStateError("The client is closed.")
        if threading.current_thread() is self._thread:
            raise StreamStateError("A client cannot be waited for on its own thread.")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._cancel_all())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
