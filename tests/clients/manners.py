"""What client programs also do well: odd WAV files, Ctrl-C, and a server that ends the call."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import struct
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

from amira_core.errors import StreamTooLongError
from tests.clients.programs import RUN_TIMEOUT_S, Server, complaint_of, names_status, transcript_of
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, result, session

RATE_HZ = 16000
LONG_S = 3600
"""More audio than any buffer on the way holds."""
NOBODY = "127.0.0.1:1"


class Manners:
    """Beside ClientContract: a subclass gives `program`, the command to run it."""

    def test_a_header_may_be_extensible_and_its_size_unknown(
        self, program: list[str], server: Server, tmp_path: Path
    ) -> None:
        """As recorders write it that cannot go back, cut off within a sample."""
        original = server.wav.read_bytes()
        pcm = original[original.index(b"data") + 8 :]
        odd = tmp_path / "odd.wav"
        odd.write_bytes(wav(chunk(b"fmt ", fmt(extensible=True)), b"data\xff\xff\xff\xff" + pcm + b"\0"))
        assert transcript_of([*program, server.address, str(odd)], key=server.key) == server.finals

    def test_it_refuses_what_it_cannot_read(self, program: list[str], tmp_path: Path) -> None:
        """Before it asks a server: there is none."""
        samples = chunk(b"data", bytes(3200))
        refused = {
            "nothing": b"",
            "cut": wav(chunk(b"fmt ", fmt()))[:11],
            "stereo": wav(chunk(b"fmt ", fmt(channels=2)), samples),
            "eight-bit": wav(chunk(b"fmt ", fmt(bits=8)), samples),
            "float": wav(chunk(b"fmt ", fmt(tag=3, bits=32)), samples),
            "no-rate": wav(chunk(b"fmt ", fmt(rate_hz=0)), samples),
            "endless-rate": wav(chunk(b"fmt ", fmt(rate_hz=2**31)), samples),
            "short-format": wav(chunk(b"fmt ", fmt()[:12]), samples),
            "no-samples": wav(chunk(b"fmt ", fmt())),
            "no-format": wav(samples),
            "endless-chunk": wav(b"LIST\xff\xff\xff\xff"),
        }
        for name, content in refused.items():
            path = tmp_path / f"{name}.wav"
            path.write_bytes(content)
            complaint = complaint_of([*program, NOBODY, str(path)])
            assert str(path) in complaint, "which file?"
            assert "unavailable" not in complaint.lower(), f"{name}: it went to the server first"
            assert len(complaint.splitlines()) == 1, f"{name}: {complaint}"
        missing = str(tmp_path / "missing.wav")
        assert missing in complaint_of([*program, NOBODY, missing])

    def test_an_address_that_is_none_is_said_to_be_so(self, program: list[str], tmp_path: Path) -> None:
        """Some of gRPC's libraries throw what is no status, or wait for ever."""
        some = tmp_path / "some.wav"
        some.write_bytes(wav(chunk(b"fmt ", fmt()), chunk(b"data", bytes(3200))))
        for address in ("", "127.0.0.1:65537", "no host:1"):
            complaint = complaint_of([*program, address, str(some)])
            assert complaint.strip(), address
            assert "Exception" not in complaint, f"{address}: {complaint}"

    def test_a_recording_of_nothing_has_no_words(
        self, program: list[str], server: Server, tmp_path: Path
    ) -> None:
        empty = tmp_path / "empty.wav"
        empty.write_bytes(wav(chunk(b"fmt ", fmt()), chunk(b"data", b"")))
        assert transcript_of([*program, server.address, str(empty)], key=server.key) == []

    def test_a_rate_that_the_server_does_not_take(
        self, program: list[str], server: Server, tmp_path: Path
    ) -> None:
        """So low that 100 ms hold no sample."""
        slow = tmp_path / "slow.wav"
        slow.write_bytes(wav(chunk(b"fmt ", fmt(rate_hz=5)), chunk(b"data", bytes(3200))))
        complaint = complaint_of([*program, server.address, str(slow)], key=server.key)
        assert names_status(complaint, "INVALID_ARGUMENT", 3), complaint
        assert "8000" in complaint

    def test_a_wrong_key_is_told_from_a_missing_one(self, program: list[str], server: Server) -> None:
        complaint = complaint_of([*program, server.address, str(server.wav)], key=f"{server.key}x")
        assert names_status(complaint, "UNAUTHENTICATED", 16), complaint
        assert "not valid" in complaint

    async def test_ctrl_c_ends_the_audio_and_the_last_final_still_comes(
        self, program: list[str], tmp_path: Path
    ) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def recognize(server: ScriptedSpeech, requests: Requests) -> Responses:
            yield session()
            received = 0
            async for request in requests:
                assert request.audio.offset * 2 == received
                received += len(request.audio.content)
                if received and not begun.is_set():
                    begun.set()
                    await go_on.wait()
            yield result(f"{received}", final=True)

        async with ScriptedSpeech(recognize) as scripted, started(program, scripted, tmp_path) as running:
            await begun.wait()
            running.send_signal(signal.SIGINT)
            go_on.set()
            out, err = await running.communicate()
        assert err == b"", err.decode()
        assert running.returncode in (0, 128 + signal.SIGINT), running.returncode
        assert 0 < int(out) < LONG_S * RATE_HZ * 2

    async def test_a_second_ctrl_c_ends_it_whatever_the_server_does(
        self, program: list[str], tmp_path: Path
    ) -> None:
        begun, never = asyncio.Event(), asyncio.Event()

        async def stall(server: ScriptedSpeech, requests: Requests) -> Responses:
            yield session()
            async for request in requests:
                if request.HasField("audio"):
                    begun.set()
                    await never.wait()

        async with ScriptedSpeech(stall) as scripted, started(program, scripted, tmp_path) as running:
            await begun.wait()
            while running.returncode is None:
                running.send_signal(signal.SIGINT)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(running.wait(), 0.2)
        assert running.returncode != 0

    async def test_the_server_ends_the_call_while_it_still_sends(
        self, program: list[str], tmp_path: Path
    ) -> None:
        """What was final is printed, and the status is the server's."""

        async def refuse(server: ScriptedSpeech, requests: Requests) -> Responses:
            yield session()
            async for request in requests:
                if request.HasField("audio"):
                    yield result("so far", final=False)
                    yield result("so far so good", final=True)
                    raise StreamTooLongError("Enough of that.")

        async with ScriptedSpeech(refuse) as scripted, started(program, scripted, tmp_path) as running:
            out, err = await running.communicate()
        assert out == b"so far so good\n"
        assert names_status(err.decode(), "ABORTED", 10), err
        assert b"Enough of that." in err
        assert running.returncode == 1


@contextlib.asynccontextmanager
async def started(program: list[str], server: ScriptedSpeech, folder: Path) -> AsyncIterator[Process]:
    """A run of the program on an hour of silence, ended at the end."""
    silence = folder / "silence.wav"
    header = wav(chunk(b"fmt ", fmt()), b"data" + struct.pack("<I", LONG_S * RATE_HZ * 2))
    with silence.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + LONG_S * RATE_HZ * 2)
    running = await asyncio.create_subprocess_exec(
        *program, server.target, str(silence), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(RUN_TIMEOUT_S):
            yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.kill()
        await running.communicate()


def wav(*chunks: bytes) -> bytes:
    """A file of chunks."""
    content = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk, with its padding."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def fmt(
    *, tag: int = 1, channels: int = 1, bits: int = 16, rate_hz: int = RATE_HZ, extensible: bool = False
) -> bytes:
    """The content of a `fmt ` chunk."""
    frame = channels * bits // 8
    per_s = rate_hz * frame % 2**32
    plain = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate_hz, per_s, frame, bits)
    if not extensible:
        return plain
    sub_format = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    return plain + struct.pack("<HHI", 22, bits, 0) + sub_format
