"""`amira mic` from its options to its exit status."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from amira_client import (
    AmiraClientError,
    Microphone,
    MicrophoneError,
    RecognitionConfig,
    Resuming,
)
from amira_client.microphone import OpenCapture, input_devices
from amira_client.microphone.devices import open_device
from amira_local.captions.caption_file import open_caption_file
from amira_local.captions.keeper import Captions, Keeper
from amira_local.captions.last_lines import LastLines
from amira_local.languages import NoSuchLanguageError, model_for
from amira_local.mic.listening import Listening
from amira_local.mic.meter import Meter
from amira_local.mic.screen import MicScreen, PlainMicView
from amira_local.mic.status import Status
from amira_local.security.server_access import ServerAccess
from amira_local.transcribe import complain, told

_GONE_FOR_S = 120.0
"""How long the server may be gone. What is said meanwhile is kept, and said to it once it is back."""
_BUFFER_S = _GONE_FOR_S + 30.0


@dataclass(frozen=True)
class MicOptions:
    """What is listened to, and where words go besides the terminal.

    Attributes:
        device: number or part of a name; None: the system's default.
        capture: what stands in for a sound card.
        save: caption files.
        append: go on with caption files that are there already.
        partial: have the open segment in them, too.
        text_file: holds the newest lines.
        text_lines: how many.
    """

    device: int | str | None = None
    capture: OpenCapture = open_device
    save: Sequence[Path] = ()
    append: bool = False
    partial: bool = False
    text_file: Path | None = None
    text_lines: int = 2


async def listen(
    server: str,
    config: RecognitionConfig,
    options: MicOptions,
    *,
    access: ServerAccess,
    language: str = "",
    out: Console,
    err: Console,
) -> int:
    """Shows what is said until Ctrl-C or the end of the sound; returns the exit status.

    Raises:
        ServerAccessError: `access` cannot be used.
        CaptionFileError: a file cannot be written, or is there already.
    """
    status, meter = Status(), Meter()
    view = MicScreen(out, status, meter) if out.is_terminal else PlainMicView(out, err, status)
    keeper = Keeper(_open_files(options), view.say)
    config.interim_results = config.word_times = True
    keeper.start()
    try:
        async with access.connect(server, resume=Resuming(for_s=_GONE_FOR_S)) as client:
            if language:
                config.model = model_for(await client.capabilities(), language, config.model)
            async with Microphone(
                options.device, buffer_s=_BUFFER_S, open_capture=meter.beside(options.capture),
                on_overrun=lambda overrun: listening.overrun(overrun),
            ) as microphone:  # fmt: skip
                listening = Listening(client, microphone, status, view, keeper.take)
                with view, _ended_by_signals(listening):
                    await listening.run(config)
    except (AmiraClientError, NoSuchLanguageError) as error:
        complain(told(error, server), err)
        return 1
    finally:
        await keeper.finish()
    return int(keeper.failed)


def list_devices(out: Console, err: Console) -> int:
    """Shows what can be listened to; returns the exit status."""
    try:
        devices = input_devices()
    except MicrophoneError as error:
        complain(str(error), err)
        return 1
    if not devices:
        complain("There is no microphone on this machine (or this program may not use it).", err)
        return 1
    table = Table(box=None, pad_edge=False)
    for column in ("number", "name", "channels", "rate", ""):
        table.add_column(column, header_style="dim", justify="left" if column in ("name", "") else "right")
    for device in devices:
        table.add_row(
            str(device.index), device.name, str(device.channels), f"{device.sample_rate_hz} Hz",
            "default" if device.is_default else "",
        )  # fmt: skip
    out.print(table)
    return 0


def _open_files(options: MicOptions) -> list[Captions]:
    files: list[Captions] = [
        open_caption_file(path, append=options.append, partial=options.partial) for path in options.save
    ]
    if options.text_file is not None:
        files.append(LastLines(options.text_file, options.text_lines))
    return files


@contextmanager
def _ended_by_signals(listening: Listening) -> Iterator[None]:
    """The first signal ends the stream properly, the second at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    stopping: list[asyncio.Task[None]] = []

    def stop() -> None:
        if stopping:
            assert task is not None, "this runs in a task"
            task.cancel()
        else:
            stopping.append(asyncio.create_task(listening.stop(), name="amira-mic-stop"))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
