"""`amira up`: the stack in the foreground until a signal or a failure."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from rich.console import Console

from amira_core.rpc.server import cancel_and_wait
from amira_local.log_view import LogView
from amira_local.options import StackOptions
from amira_local.stack import LocalStack, StackError


async def run_stack(options: StackOptions, console: Console) -> int:
    """Runs until Ctrl-C, SIGTERM or a failure; returns the exit status."""
    view = LogView(console)
    stack = LocalStack(options, on_event=view.event, on_line=view.line)
    stopping = asyncio.Event()

    def on_signal() -> None:
        if stopping.is_set():
            view.say("killing everything", "warning")
            stack.kill_now()
            return
        view.say("stopping; once more to kill")
        stopping.set()

    with _signals(on_signal):
        try:
            return await _run(stack, stopping, view)
        finally:
            await stack.stop()
            view.say("all services have stopped")


async def _run(stack: LocalStack, stopping: asyncio.Event, view: LogView) -> int:
    stop = asyncio.create_task(stopping.wait())
    start = asyncio.create_task(stack.start())
    failure: asyncio.Task[StackError] | None = None
    try:
        await asyncio.wait((stop, start), return_when=asyncio.FIRST_COMPLETED)
        if not start.done():
            return 0
        try:
            start.result()
        except StackError as error:
            view.say(str(error), "error")
            return 1
        options = " --ca AUTHORITY" if stack.access.to("gateway") else ""
        view.say(
            f"Amira listens on {stack.gateway_target}: try `amira transcribe{options} FILE`. Ctrl-C stops it."
        )
        scheme = "wss" if stack.access.to("gateway") else "ws"
        page = scheme.replace("ws", "http")
        view.say(
            f"WebSockets: {scheme}://{stack.web_address}/v1/stream; in a browser: {page}://{stack.web_address}/"
        )
        metrics = ", ".join(f"{service} {address}" for service, address in stack.metrics.items())
        view.say(f"Metrics, under /metrics: {metrics}.")
        failure = asyncio.create_task(stack.failure())
        await asyncio.wait((stop, failure), return_when=asyncio.FIRST_COMPLETED)
        if not stop.done():
            view.say(str(failure.result()), "error")
            return 1
        return 0
    finally:
        await cancel_and_wait([task for task in (stop, start, failure) if task is not None])


@contextlib.contextmanager
def _signals(handler: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
