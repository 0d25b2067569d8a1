"""The command's loop: read, show, wait for the next turn or for `q`."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from amira_local.top.pages import read_pages
from amira_local.top.view import render
from amira_local.top.window import History, Window

WINDOW_S = 30.0


async def show_once(addresses: Sequence[str], console: Console) -> int:
    """Prints one picture, since the start of each service; returns 1 when none answers."""
    pages = await read_pages(addresses)
    console.print(render([Window(page) for page in pages], "since the start of each service"))
    return int(all(page.problem for page in pages))


async def show_live(addresses: Sequence[str], interval_s: float, console: Console) -> int:
    """Shows the picture until `q` or Ctrl-C; returns 0."""
    history, quit_asked = History(WINDOW_S), asyncio.Event()
    with _keys(quit_asked), Live(console=console, screen=True, auto_refresh=False) as live:
        while not quit_asked.is_set():
            windows = [history.add(page) for page in await read_pages(addresses)]
            live.update(render(windows, f"the last {WINDOW_S:.0f} s; q quits"), refresh=True)
            try:
                async with asyncio.timeout(interval_s):
                    await quit_asked.wait()
            except TimeoutError:
                continue
    return 0


@contextmanager
def _keys(quit_asked: asyncio.Event) -> Iterator[None]:
    """Sets the event when `q` is pressed; without a terminal to read from, only Ctrl-C ends the picture."""
    if not sys.stdin.isatty():
        yield
        return
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed() -> None:
        keys = os.read(descriptor, 64)
        if not keys or set(keys) & set(b"qQ\x04"):
            quit_asked.set()

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, pressed)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
