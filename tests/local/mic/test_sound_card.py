"""Sound through PortAudio: a sound server whose microphone is what its own speaker plays."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.speech_server import ScriptedSpeech

PULSEAUDIO = (
    "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
    "-L", "module-native-protocol-unix", "-L", "module-null-sink sink_name=speaker",
)  # fmt: skip
ALSA = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"


@pytest.fixture
async def sound(tmp_path: Path) -> AsyncIterator[Mapping[str, str]]:
    """The environment of programs that use the sound server."""
    if not (shutil.which("pulseaudio") and shutil.which("paplay")):
        pytest.skip("no sound server: apt-get install pulseaudio pulseaudio-utils libasound2-plugins")
    (tmp_path / ".asoundrc").write_text(ALSA)
    here = {name: str(tmp_path) for name in ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH")}
    environment = {**os.environ, **here, "PULSE_SOURCE": "speaker.monitor", "PULSE_SINK": "speaker"}
    server = await start(PULSEAUDIO, environment)
    try:
        async with asyncio.timeout(60):
            while (await (await start(("pactl", "info"), environment)).wait()) != 0:  # noqa: ASYNC110 - not ours
                await asyncio.sleep(0.1)
        yield environment
    finally:
        with suppress(ProcessLookupError):
            server.kill()
        await server.wait()


async def start(command: tuple[object, ...], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *map(str, command), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def amira(environment: Mapping[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await start((sys.executable, "-m", "amira_local", "mic", *arguments), environment)


async def test_what_is_played_is_heard(sound: Mapping[str, str], tmp_path: Path) -> None:
    devices, trouble = await (await amira(sound, "--list-devices")).communicate()
    if b"pulse" not in devices:
        pytest.skip(f"PortAudio does not see the sound server: {trouble.decode()}")
    tone = (8000 * np.sin(np.arange(48000) * 2 * np.pi * 440 / 48000)).astype(np.int16)
    soundfile.write(tmp_path / "tone.wav", tone, 48000)
    async with ScriptedSpeech() as server:
        listening = await amira(sound, "--device", "pulse", "--server", server.target)
        await until(lambda: len(server.audio) > 0)
        playing = await start(("paplay", tmp_path / "tone.wav"), sound)
        await until(lambda: np.abs(heard(server)).max(initial=0) > 4000)
        await playing.communicate()
        listening.send_signal(signal.SIGINT)
        out, _ = await listening.communicate()
    assert listening.returncode == 0
    assert f"{len(server.audio)} bytes" in out.decode()
    loudest = heard(server)[np.abs(heard(server)).argmax() :][:1600]
    crossings = np.count_nonzero(np.diff(np.signbit(loudest)))
    assert crossings == pytest.approx(880 * len(loudest) / 16000, abs=4), "that is another tone"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - other programs work
            await asyncio.sleep(0.05)


def heard(server: ScriptedSpeech) -> np.ndarray:
    return np.frombuffer(server.audio, "<i2").astype(int)
