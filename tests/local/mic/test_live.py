"""Speech into `amira mic` and `amira transcribe` before a whole server, words out."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import soundfile
from rich.console import Console

from amira_client import AmiraClient, Transcript
from amira_client.microphone import playback
from amira_local.mic import run, status
from amira_local.options import StackOptions
from amira_local.request import recognition_config
from amira_local.security.server_access import ServerAccess
from tests.conftest import ROOT
from tests.support.stack import StackThread

SPEECH = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
SECONDS = 8


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
    assert isinstance(console.file, io.StringIO)
    return done, console.file.getvalue(), err.getvalue()


async def test_words_appear_while_they_are_said_and_are_kept(
    stack: StackThread, clip: Path, expected: Transcript, terminal: Console, tmp_path: Path
) -> None:
    saved = [tmp_path / f"live.{suffix}" for suffix in ("srt", "vtt", "txt", "json")]
    options = run.MicOptions(
        capture=playback(clip, silence_after_s=0), save=saved, partial=True, text_file=tmp_path / "obs.txt"
    )
    lines = set[str]()

    async def watch() -> None:
        while True:
            lines.add((tmp_path / "obs.txt").read_text() if (tmp_path / "obs.txt").exists() else "")
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    done, screen, err = await listen(stack, options, terminal)
    watching.cancel()
    assert (done, err) == (0, "")
    first = expected.finals[0].alternatives[0].text
    assert f"\x1b[1m{first[:4]}" in screen, "no interim was firm"
    assert "\x1b[2m " in screen, "no interim was faint"
    assert "listening" in screen
    assert "words 0." in screen or "words 1." in screen
    assert (tmp_path / "live.txt").read_text().split() == expected.text.split()
    segments = json.loads((tmp_path / "live.json").read_text())["segments"]
    assert [segment["text"] for segment in segments] == [
        final.alternatives[0].text for final in expected.finals
    ]
    assert (tmp_path / "live.srt").read_text().count("-->") >= len(segments)
    assert all(len(text.splitlines()) <= 2 for text in lines)
    assert any(first.split()[1] in text for text in lines)
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
    asyncio.get_running_loop().call_later(1.5, os.kill, killed, signal.SIGKILL)
    capture = playback(clip, speed=2, silence_after_s=0)
    options = run.MicOptions(capture=capture, save=[tmp_path / "live.txt"])
    done, screen, err = await listen(stack, options, terminal)
    assert (done, err) == (0, "")
    assert stack.pid_of("gateway") != killed
    assert "reconnecting" in screen
    assert (tmp_path / "live.txt").read_text().split() == expected.text.split()
    await asyncio.to_thread(stack.wait_ready, "gateway")


async def test_ctrl_c_ends_the_stream_and_the_rest_is_said(
    stack: StackThread, clip: Path, tmp_path: Path
) -> None:
    """Sound from a pipe that never ends, as from a program that listens elsewhere."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "amira_local", "mic", "--server", stack.stack.gateway_target, "--input", "-",
        "--save", tmp_path / "live.srt",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    samples, _ = soundfile.read(clip, dtype="int16")
    process.stdin.write(samples[4 * 16000 :].tobytes())  # ends in a sentence
    first = await process.stdout.readline()
    await asyncio.sleep(1.7)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err) == (0, b"")
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
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err) == (0, b"")
    assert f"2 files: 2 transcribed. 0:{2 * SECONDS} of audio" in out.decode()
    for name in ("a", "b/c"):
        assert (tmp_path / f"{name}.txt").read_text().split() == expected.text.split()
        shown = [line for line in (tmp_path / f"{name}.srt").read_text().splitlines() if line[:1].isalpha()]
        assert " ".join(shown).split() == expected.text.split()
