"""A whole local stack for tests, run by a thread of its own.

The stack's event loop must always run (it reads the services' output), while each test has its own.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import Self

from amira_local.options import StackOptions
from amira_local.stack import LocalStack

_START_TIMEOUT_S = 280.0
"""On a busy machine whose services compile their kernels for the first time."""


class StackThread:
    """``with StackThread(StackOptions(...)) as running: running.stack.gateway_target``."""

    def __init__(self, options: StackOptions) -> None:
        self.lines: list[tuple[str, str]] = []
        patience = {
            "AMIRA_TRITON_START_TIMEOUT_S": str(_START_TIMEOUT_S),
            # A machine that is busy with other tests must neither look like one that has too many streams,
            "AMIRA_GATEWAY_MAX_LOOP_LAG_MS": "0",
            "AMIRA_DECODER_TARGET_LOAD": "0",
            # nor like services that hang.
            "AMIRA_GATEWAY_SERVICE_TIMEOUT_S": "30",
            "AMIRA_GATEWAY_START_TIMEOUT_S": "60",
            "AMIRA_DECODER_ENCODER_TIMEOUT_MS": "30000",
            "AMIRA_TRITON_CANARY_TIMEOUT_MS": "10000",
            **options.env,
        }
        options = replace(options, start_timeout_s=_START_TIMEOUT_S, env=patience)
        self.stack = LocalStack(options, on_line=lambda service, line: self.lines.append((service, line)))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stack", daemon=True)

    def log_of(self, service: str) -> str:
        """What a service has logged so far."""
        return "\n".join(line for name, line in self.lines if name == service)

    def pid_of(self, service: str) -> int:
        """The service's current process."""
        return self.stack.processes[service].pid

    def wait_ready(self, service: str, *, not_pid: int | None = None) -> None:
        """Waits until a service is healthy, with `not_pid` in a new process."""
        self._call(self.stack.wait_ready(service, not_pid=not_pid)).result(180)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._call(self.stack.start()).result(_START_TIMEOUT_S)
        except BaseException:
            self._stop_loop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._call(self.stack.stop()).result(90)
        finally:
            self._stop_loop()

    def _call(self, coroutine) -> Future:  # type: ignore[no-untyped-def, type-arg]  # any coroutine
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
