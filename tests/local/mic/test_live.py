"""Speech into `amira mic` and `amira transcribe` before a whole server, words out."""

from __future__ import annotations

import array
import asyncio
import fcntl
import io
import json
import os
import re
import signal
import sys
import termios
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
from rich.console import Console

from amira_client import AmiraClient, Transcript
from amira_client.microphone import CaptureStream, OpenCapture, playback
from amira_client.microphone.source import OnAudio
from amira_local.mic import run, status
from amira_local.options import StackOptions
from amira_local.request import recognition_config
from amira_local.security.server_access import ServerAccess
from tests.conftest import ROOT
from tests.support.stack import StackThread

SPEECH = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
SECONDS = 8
PAUSE_S = 4.0
"""In the first segment, with words to show."""


@pytest.fixture(scope="module")
def stack() -> Iterator[StackThread]:
    with StackThread(StackOptions(ephemeral_ports=True, encoder="in_process", search="greedy")) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sentences of real speech."""
    samples, rate_hz = soundfile.read(SPEECH, dtype="int16", stop=SECONDS * 16000)
    path: Path = tmp_path_factory.mktemp("clip") / "clip.wav"
    soundfile.write(path, samples, rate_hz)
    return path


@pytest.fixture
async def expected(stack: StackThread, clip: Path) -> Transcript:
    async with AmiraClient(stack.stack.gateway_target) as client:
        transcript = await client.transcribe(clip, recognition_config(word_times=True))
    assert len(transcript.text.split()) > 8
    return transcript


@pytest.fixture
def terminal() -> AsyncIterator[Console]:
    return Console(file=io.StringIO(), force_terminal=True, width=100, height=24)


async def listen(stack: StackThread, options: run.MicOptions, console: Console) -> tuple[int, str, str]:
    """`amira mic`; its exit status, what the terminal got, complaints."""
    err = io.StringIO()
    done = await run.listen(
        stack.stack.gateway_target, recognition_config(), options, access=ServerAccess(), language="en",
        out=console, err=Console(file=err, width=200),
    )  # fmt: skip
    return done, shown(console), err.getvalue()


def shown(console: Console) -> str:
    """What a terminal got so far."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Paused:
    """A capture that goes on after so much sound only when it is told to, however slow the machine is."""

    def __init__(self, capture: OpenCapture, after_s: float) -> None:
        self._capture = capture
        self._left_s = after_s
        self.go_on = threading.Event()

    def __call__(self, *, piece_ms: int, on_audio: OnAudio, **options: Any) -> CaptureStream:
        def pass_on(piece: bytes, overflowed: bool) -> None:
            self._left_s -= piece_ms / 1000
            if self._left_s < 0:
                self.go_on.wait()
            on_audio(piece, overflowed)

        return self._capture(piece_ms=piece_ms, on_audio=pass_on, **options)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Lets it go on once `condition` holds, or does not come true."""
        try:
            async with asyncio.timeout(60):
                while not condition():  # noqa: ASYNC110 - the screen tells nobody
                    await asyncio.sleep(0.02)
        finally:
            self.go_on.set()


async def test_words_appear_while_they_are_said_and_are_kept(
    stack: StackThread, clip: Path, expected: Transcript, terminal: Console, tmp_path: Path
) -> None:
    saved = [tmp_path / f"live.{suffix}" for suffix in ("srt", "vtt", "txt", "json")]
    capture = Paused(playback(clip, silence_after_s=0), after_s=PAUSE_S)
    options = run.MicOptions(capture=capture, save=saved, partial=True, text_file=tmp_path / "obs.txt")
    first = expected.finals[0].alternatives[0].text
    lines = set[str]()

    def words_are_there() -> bool:
        lines.add((tmp_path / "obs.txt").read_text() if (tmp_path / "obs.txt").exists() else "")
        return any(first.split()[1] in text for text in lines) and f"\x1b[1m{first[:4]}" in shown(terminal)

    watching = asyncio.create_task(capture.until(words_are_there))
    done, screen, err = await listen(stack, options, terminal)
    await watching
    assert (done, err) == (0, "")
    assert f"\x1b[1m{first[:4]}" in screen, "no interim was firm"
    assert "\x1b[2m " in screen, "no interim was faint"
    assert "listening" in screen
    assert re.search(r"words \d+\.\d\d s", screen)
    assert (tmp_path / "live.txt").read_text().split() == expected.text.split()
    segments = json.loads((tmp_path / "live.json").read_text())["segments"]
    assert [segment["text"] for segment in segments] == [
        final.alternatives[0].text for final in expected.finals
    ]
    assert (tmp_path / "live.srt").read_text().count("-->") >= len(segments)
    assert all(len(text.splitlines()) <= 2 for text in lines)
    assert (tmp_path / "obs.txt").read_text() == ""


async def test_the_gateway_is_killed_in_mid_speech_and_no_word_is_lost(
    stack: StackThread,
    clip: Path,
    expected: Transcript,
    terminal: Console,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status, "SILENT_SERVER_S", 1.2)
    killed = stack.pid_of("gateway")
    capture = Paused(playback(clip, speed=2, silence_after_s=0), after_s=PAUSE_S)

    def words_are_there_and_the_gateway_gone() -> bool:
        if f"\x1b[1m{first[:4]}" not in shown(terminal):
            return False
        os.kill(killed, signal.SIGKILL)
        return True

    first = expected.finals[0].alternatives[0].text
    killing = asyncio.create_task(capture.until(words_are_there_and_the_gateway_gone))
    options = run.MicOptions(capture=capture, save=[tmp_path / "live.txt"])
    done, screen, err = await listen(stack, options, terminal)
    await killing
    assert (done, err) == (0, "")
    assert stack.pid_of("gateway") != killed
    assert "reconnecting" in screen
    assert (tmp_path / "live.txt").read_text().split() == expected.text.split()
    await asyncio.to_thread(stack.wait_ready, "gateway")


STOOD_STILL = {b"The server does not answer: reconnecting.", b"The server answers again."}
"""What is said, rightly, on a machine that stands still for seconds."""


@contextmanager
def closed_at_the_end(*pipes: int) -> Iterator[None]:
    try:
        yield
    finally:
        for pipe in pipes:
            os.close(pipe)


def write_all(pipe: int, content: bytes) -> None:
    with open(pipe, "wb", closefd=False) as file:
        file.write(content)


def unread_bytes(pipe: int) -> int:
    """Bytes in a pipe that nobody has read yet."""
    counted = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, counted)
    return counted[0]


async def test_ctrl_c_ends_the_stream_and_the_rest_is_said(
    stack: StackThread, clip: Path, tmp_path: Path
) -> None:
    """Sound from a pipe that never ends, as from a program that listens elsewhere."""
    heard, spoken = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "amira_local", "mic", "--server", stack.stack.gateway_target, "--input", "-",
        "--save", tmp_path / "live.srt",
        stdin=heard, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    samples, _ = soundfile.read(clip, dtype="int16")
    with closed_at_the_end(heard, spoken):
        await asyncio.to_thread(write_all, spoken, samples[4 * 16000 :].tobytes())  # ends in a sentence
        first = await process.stdout.readline()
        async with asyncio.timeout(60):
            while unread_bytes(heard):  # noqa: ASYNC110 - another program reads
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err
    assert {*err.splitlines()} <= STOOD_STILL
    assert first.startswith(b"[   0.00")
    assert out.startswith(b"["), "what was said after the first segment is missing"
    assert (tmp_path / "live.srt").read_text().count("-->") >= 2


async def test_folders_in_one_go(
    stack: StackThread, clip: Path, expected: Transcript, tmp_path: Path
) -> None:
    samples, _ = soundfile.read(clip, dtype="int16")
    for name in ("a.wav", "b/c.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, samples, 16000)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "amira_local", "transcribe", tmp_path, "--server", stack.stack.gateway_target,
        "--format", "txt,srt", "--language", "en",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert (process.returncode, err) == (0, b"")
    assert f"2 files: 2 transcribed. 0:{2 * SECONDS} of audio" in out.decode()
    for name in ("a", "b/c"):
        assert (tmp_path / f"{name}.txt").read_text().split() == expected.text.split()
        shown = [line for line in (tmp_path / f"{name}.srt").read_text().splitlines() if line[:1].isalpha()]
        assert " ".join(shown).split() == expected.text.split()
