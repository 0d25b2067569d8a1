"""The microphone: from an injected source, and from PortAudio where it is installed."""

from __future__ import annotations

import asyncio
import builtins
import shutil
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from amira_client import (
    AmiraClient,
    Microphone,
    MicrophoneError,
    Overrun,
    RecognitionConfig,
    StreamStateError,
    SyncClient,
)
from amira_client.microphone import devices, input_devices, level_dbfs, playback
from amira_client.microphone.piece_queue import PieceQueue
from amira_client.microphone.source import CaptureStream, OnAudio, OnEnd
from tests.client.threaded import scripted_in_thread
from tests.support.speech_server import ScriptedSpeech

RATE = 16000
PIECE = b"\1\0" * 1600


class Hand:
    """A source that delivers what the test says."""

    def __init__(self, sample_rate_hz: int = RATE) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.running = self.closed = False

    def __call__(
        self, *, device: Any, sample_rate_hz: int | None, piece_ms: int, on_audio: OnAudio, on_end: OnEnd
    ) -> CaptureStream:
        self.deliver, self.end = on_audio, on_end
        return self

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.running, self.closed = False, True


def test_what_is_heard_is_handed_out_until_it_is_stopped() -> None:
    hand = Hand()
    with Microphone(open_capture=hand) as microphone:
        assert microphone.sample_rate_hz == RATE
        for number in range(3):
            hand.deliver(bytes([number, 0]) * 1600, False)
        assert microphone.waiting_s == pytest.approx(0.3)
        assert next(microphone)[0] == 0
        microphone.stop()
        hand.deliver(PIECE, False)  # too late
        assert [piece[0] for piece in microphone] == [1, 2]
        assert microphone.taken_s == pytest.approx(0.3)
        assert (microphone.overruns, microphone.lost_s) == (0, 0)
    assert hand.closed


def test_sound_that_finds_no_room_is_reported_at_its_place() -> None:
    hand, overruns = Hand(), []
    with Microphone(open_capture=hand, buffer_s=0.2, on_overrun=overruns.append) as microphone:
        for _ in range(5):
            hand.deliver(PIECE, False)
        taken = [next(microphone), next(microphone)]
        assert overruns == []
        hand.deliver(PIECE, False)
        hand.deliver(PIECE, True)
        taken += [next(microphone), next(microphone)]
        assert overruns == [
            Overrun(pytest.approx(0.3), pytest.approx(0.2)),
            Overrun(None, pytest.approx(0.3)),
        ]
        assert (microphone.overruns, microphone.lost_s) == (2, pytest.approx(0.3))
        for _ in range(3):
            hand.deliver(PIECE, False)
        microphone.stop()
        assert len(list(microphone)) == 2
    assert overruns[-1] == Overrun(pytest.approx(0.1), pytest.approx(0.6))
    assert len(taken) == 4


def test_a_device_that_fails_says_so_after_what_it_had_heard() -> None:
    hand = Hand()
    with Microphone(open_capture=hand) as microphone:
        hand.deliver(PIECE, False)
        hand.end(MicrophoneError("unplugged"))
        assert next(microphone) == PIECE
        for _ in range(2):
            with pytest.raises(MicrophoneError, match="unplugged"):
                next(microphone)


def test_a_silent_device_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amira_client.microphone.microphone._SILENT_FOR_S", 0.05)

    async def in_vain() -> None:
        async with Microphone(open_capture=Hand()) as microphone:
            with pytest.raises(MicrophoneError, match="plugged in"):
                await anext(microphone)

    with Microphone(open_capture=Hand()) as microphone, pytest.raises(MicrophoneError, match="plugged in"):
        next(microphone)
    asyncio.run(in_vain())


def test_closing_ends_who_still_waits() -> None:
    hand, ended = Hand(), threading.Event()
    microphone = Microphone(open_capture=hand)
    microphone.open()
    hand.deliver(PIECE, False)

    def listen() -> None:
        for _ in microphone:
            pass
        ended.set()

    thread = threading.Thread(target=listen)
    thread.start()
    microphone.close()
    microphone.close()
    thread.join(30)
    assert ended.is_set()


async def test_a_task_that_is_cancelled_while_it_waits_loses_nothing() -> None:
    hand = Hand()
    async with Microphone(open_capture=hand) as microphone:
        for number in range(20):
            waiting = asyncio.ensure_future(anext(microphone))
            await asyncio.sleep(0)
            waiting.cancel()
            delivering = asyncio.to_thread(hand.deliver, bytes([number, 0]), False)
            with pytest.raises(asyncio.CancelledError):
                await asyncio.gather(delivering, waiting)
            assert await asyncio.wait_for(anext(microphone), 30) == bytes([number, 0])


def test_misuse() -> None:
    with pytest.raises(ValueError, match="does not hold"):
        Microphone(piece_ms=200, buffer_s=0.1)
    with pytest.raises(ValueError, match="piece_ms"):
        Microphone(piece_ms=0)
    microphone = Microphone(open_capture=Hand())
    with pytest.raises(StreamStateError, match="not open"):
        next(microphone)
    microphone.close()
    with microphone, pytest.raises(StreamStateError, match="open already"):
        microphone.open()


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=30), st.integers(1, 40))
def test_what_is_taken_and_what_is_lost_are_all_there_was(steps: list[tuple[int, bool]], room: int) -> None:
    queue, put, taken, lost = PieceQueue(room), 0, 0, 0
    for size, take in steps:
        queue.put(b"x" * size)
        put += size
        if take and queue.queued_bytes:
            piece = queue.get(0)
            assert piece is not None
            taken, lost = taken + len(piece.content), lost + piece.lost_bytes
        assert queue.queued_bytes <= room
    queue.end()
    while (piece := queue.get(0)) is not None:
        taken, lost = taken + len(piece.content), lost + piece.lost_bytes
    assert taken + lost == put


def recording(path: Path, seconds: float = 0.55, channels: int = 1) -> Path:
    noise = np.random.default_rng(1).normal(0, 900, (int(seconds * RATE), channels)).astype(np.int16)
    soundfile.write(path, noise, RATE)
    return path


def test_a_recording_is_spoken_into_it(tmp_path: Path) -> None:
    path = recording(tmp_path / "speech.flac")
    spoken = playback(path, speed=50, silence_after_s=0.2)
    with scripted_in_thread() as server, SyncClient(server.target) as client:
        with Microphone(open_capture=spoken) as microphone:
            transcript = client.transcribe(microphone, RecognitionConfig(interim_results=True))
        assert transcript.text == f"{2 * int(0.8 * RATE)} bytes"  # whole pieces
        sent = server.requests[0].config
    assert (sent.encoding, sent.sample_rate_hz, sent.channels) == (1, RATE, 1)
    assert sent.interim_results
    original = soundfile.read(path, dtype="int16")[0].tobytes()
    assert server.audio[: len(original)] == original
    assert not any(server.audio[len(original) :])


async def test_asynchronously_too(server: ScriptedSpeech, client: AmiraClient, tmp_path: Path) -> None:
    spoken = playback(recording(tmp_path / "speech.wav"), speed=50, silence_after_s=0)
    async with Microphone(open_capture=spoken) as microphone:
        transcript = await client.transcribe(microphone)
    assert transcript.text == f"{2 * int(0.6 * RATE)} bytes"


async def test_the_age_of_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    hand = Hand()
    microphone = Microphone(open_capture=hand, buffer_s=1)
    microphone.open()
    assert microphone.age_s(0) == 0
    hand.deliver(PIECE, False)  # ends at 100.0
    now = 101.0
    hand.deliver(PIECE, False)  # a second went missing in between
    assert len([next(microphone), next(microphone)]) == 2
    now = 102.0
    assert microphone.age_s(0.2) == pytest.approx(1.0)
    assert microphone.age_s(0.15) == pytest.approx(1.05)
    assert microphone.age_s(0.05) == pytest.approx(2.05)
    microphone.close()


def test_a_recording_that_is_no_microphone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="above 0"):
        playback(tmp_path, speed=0)
    stereo = playback(recording(tmp_path / "stereo.wav", channels=2))
    with pytest.raises(MicrophoneError, match="mono"):
        Microphone(open_capture=stereo).open()
    other_rate = playback(recording(tmp_path / "speech.wav"))
    with pytest.raises(MicrophoneError, match="16000 Hz, not 8000 Hz"):
        Microphone(open_capture=other_rate, sample_rate_hz=8000).open()


def test_levels() -> None:
    assert level_dbfs(b"") == level_dbfs(bytes(200)) == -96
    full = np.array([32767, -32768] * 100, "<i2").tobytes()
    assert level_dbfs(full) == pytest.approx(0, abs=0.001)
    assert level_dbfs(np.array([3277] * 100, "<i2").tobytes()) == pytest.approx(-20, abs=0.01)


# -- sound cards -----------------------------------------------------------------------------------


def without(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    real = builtins.__import__

    def fake(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sounddevice":
            raise error
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", fake)


def test_what_is_not_installed_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, ModuleNotFoundError("No module named 'sounddevice'"))
    with pytest.raises(MicrophoneError, match=r"pip install 'amira-client\[microphone\]'"):
        Microphone().open()
    without(monkeypatch, OSError("PortAudio library not found"))
    with pytest.raises(MicrophoneError, match="libportaudio2" if sys.platform == "linux" else "PortAudio"):
        input_devices()


class FakeCards(types.ModuleType):
    """sounddevice as far as devices.py calls it, with cards that no test machine has."""

    PortAudioError = RuntimeError
    default = types.SimpleNamespace(device=[2, 0])

    def __init__(self, *names: str) -> None:
        super().__init__("sounddevice")
        self.names = names

    def query_devices(self) -> list[dict[str, Any]]:
        cards = [{"name": "Speakers", "max_input_channels": 0, "default_samplerate": 48000.0}]
        return cards + [
            {"name": name, "max_input_channels": 1, "default_samplerate": 44100.0} for name in self.names
        ]

    def check_input_settings(self, index: int, **settings: Any) -> None:
        if index == 1:
            raise self.PortAudioError("Invalid sample rate [PaErrorCode -9997]")


@pytest.mark.parametrize(
    ("wanted", "chosen"), [(None, 2), (1, 1), ("headset", 1), ("USB Microphone", 2), ("USB", "Several")]
)
def test_choosing_a_card(
    monkeypatch: pytest.MonkeyPatch, wanted: int | str | None, chosen: int | str
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeCards("USB Headset", "USB Microphone"))
    assert [card.index for card in input_devices()] == [1, 2]
    if isinstance(chosen, int):
        assert devices._choose(wanted).index == chosen
    else:
        with pytest.raises(MicrophoneError, match=r"Several .* 1: USB Headset; 2: USB Microphone"):
            devices._choose(wanted)


def test_a_card_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeCards("USB Headset"))
    for wanted in (0, 7, "Lavalier"):
        with pytest.raises(MicrophoneError, match="No microphone matches"):
            devices._choose(wanted)
    monkeypatch.setitem(sys.modules, "sounddevice", FakeCards())
    with pytest.raises(MicrophoneError, match="no microphone on this machine"):
        Microphone().open()


def test_a_card_without_the_best_rate_gives_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = FakeCards("USB Headset", "USB Microphone")
    monkeypatch.setitem(sys.modules, "sounddevice", cards)
    assert [devices._best_rate_hz(cards, card) for card in input_devices()] == [44100, 16000]


THROUGH_PORTAUDIO = """
import sys
from amira_client import Microphone
from amira_client.microphone import input_devices
names = [device.name for device in input_devices()]
assert any("recorded" in name for name in names), names
with Microphone("recorded", sample_rate_hz=16000) as microphone:
    heard = b""
    for piece in microphone:
        assert len(piece) == 3200
        heard += piece
        if microphone.taken_s >= 0.5:
            microphone.stop()
sys.stdout.buffer.write(heard)
"""


@pytest.fixture
def alsa_with_a_recording(tmp_path: Path) -> tuple[dict[str, str], bytes]:
    """An ALSA device that plays samples from a file when it is recorded from."""
    try:
        input_devices()
    except MicrophoneError as error:
        pytest.skip(str(error))
    if sys.platform != "linux" or shutil.which("ldconfig") is None:
        pytest.skip("ALSA is for Linux")
    samples = np.random.default_rng(2).normal(0, 3000, 20 * RATE).astype("<i2").tobytes()
    (tmp_path / "samples.raw").write_bytes(samples)
    (tmp_path / "alsa.conf").write_text(
        f'pcm.recorded {{ type file; slave.pcm "null"; file "/dev/null"; format raw;'
        f' infile "{tmp_path}/samples.raw"; hint {{ show on; description "recorded" }} }}\n'
    )
    return {"ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{tmp_path}/alsa.conf"}, samples


def test_through_portaudio(alsa_with_a_recording: tuple[dict[str, str], bytes]) -> None:
    environment, samples = alsa_with_a_recording
    done = subprocess.run(
        [sys.executable, "-c", THROUGH_PORTAUDIO],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert len(done.stdout) >= RATE
    # The device is not paced: more is heard than there is in the file, from whose end on it repeats itself.
    assert samples.startswith(done.stdout[: 2 * RATE])
