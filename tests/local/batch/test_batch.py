"""Many recordings through a server: what is written, done again, waited for, and what stops a run."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core import errors
from amira_local.batch.command import BatchOptions, transcribe_many
from amira_local.batch.ledger import LEDGER_NAME
from amira_local.ports import free_ports
from amira_local.request import recognition_config
from amira_local.security.server_access import ServerAccess
from amira_local.transcripts.formats import Format
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, session

ALL = list(Format)


def final(text: str, segment: int = 0) -> speech_pb2.StreamingRecognizeResponse:
    """A segment of one second whose words take a quarter of a second each."""
    response = speech_pb2.StreamingRecognizeResponse()
    result = response.result
    result.segment_id, result.is_final = segment, True
    result.segment_start.FromSeconds(segment)
    result.audio_processed.FromSeconds(segment + 1)
    reading = result.alternatives.add(text=text, confidence=0.5)
    for place, word in enumerate(text.split()):
        added = reading.words.add(text=word, confidence=0.25)
        added.start.FromMilliseconds(1000 * segment + 250 * place)
        added.end.FromMilliseconds(1000 * segment + 250 * (place + 1))
    return response


async def say_how_much(server: ScriptedSpeech, requests: Requests) -> Responses:
    """Two finals at the end."""
    yield session()
    received = 0
    async for request in requests:
        server.requests.append(request)
        received += len(request.audio.content)
        if request.HasField("control"):
            yield final(f"heard {received} bytes")
            yield final("<and> that's all", 1)
            return


@pytest.fixture
async def server() -> AsyncIterator[ScriptedSpeech]:
    async with ScriptedSpeech(say_how_much) as scripted:
        yield scripted


def recording(path: Path, samples: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(samples, np.int16), 16000)
    return path


def files(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def streams_of(server: ScriptedSpeech) -> int:
    """How many streams have come to their end."""
    return sum(request.HasField("control") for request in server.requests)


@dataclass
class Run:
    status: int
    out: str
    err: str


async def transcribe(
    server: str,
    *arguments: Path,
    formats: list[Format] | None = None,
    out: Path | None = None,
    parallel: int = 2,
    overwrite: bool = False,
    config: config_pb2.RecognitionConfig | None = None,
    language: str = "",
    console: Console | None = None,
) -> Run:
    """Runs the command's inside; its output as off a terminal, unless a console is given."""
    outputs, complaints = io.StringIO(), io.StringIO()
    status = await transcribe_many(
        arguments, server, config or recognition_config(),
        BatchOptions(formats or [Format.TXT], out, parallel, overwrite),
        access=ServerAccess(), language=language,
        out=console or Console(file=outputs, width=200), err=Console(file=complaints, width=200),
    )  # fmt: skip
    return Run(status, outputs.getvalue(), complaints.getvalue())


async def test_a_tree_becomes_a_tree_in_all_forms(server: ScriptedSpeech, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    recording(calls / "one.wav")
    recording(calls / "day" / "two.wav")
    run = await transcribe(server.target, calls, formats=ALL, out=tmp_path / "out")
    assert (run.status, run.err) == (0, "")
    assert "2 files: 2 transcribed. 0:01 of audio" in run.out
    written = {
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    ends = {form.value for form in ALL}
    ledgers = {LEDGER_NAME, f"day/{LEDGER_NAME}"}
    assert written == {f"{name}.{end}" for name in ("one", "day/two") for end in ends} | ledgers
    one = tmp_path / "out" / "one"
    assert one.with_suffix(".txt").read_text() == "heard 16044 bytes\n<and> that's all\n"
    assert one.with_suffix(".srt").read_text() == (
        "1\n00:00:00,000 --> 00:00:01,000\nheard 16044 bytes\n\n"
        "2\n00:00:01,000 --> 00:00:02,000\n<and> that's all\n\n"
    )
    assert one.with_suffix(".vtt").read_text().endswith("\n&lt;and&gt; that's all\n\n")
    rows = [line.split("\t") for line in one.with_suffix(".tsv").read_text().splitlines()]
    assert rows[0] == ["segment", "start_s", "end_s", "confidence", "word"]
    assert rows[2] == ["0", "0.250", "0.500", "0.2500", "16044"]
    content = json.loads(one.with_suffix(".json").read_text())
    assert (content["file"], content["audio_s"], content["model"]) == ("one.wav", 0.5, "scripted")
    assert content["text"] == "heard 16044 bytes <and> that's all"
    assert content["segments"][1]["words"][2] == {
        "text": "all", "start_s": 1.5, "end_s": 1.75, "confidence": 0.25,
    }  # fmt: skip
    assert server.requests[0].config.word_times


async def test_what_is_done_is_not_done_again_but_what_has_changed_is(
    server: ScriptedSpeech, tmp_path: Path
) -> None:
    paths = [recording(tmp_path / f"{name}.wav") for name in ("a", "b", "c")]

    async def streams(**changed: object) -> int:
        before = streams_of(server)
        run = await transcribe(server.target, tmp_path, **changed)  # type: ignore[arg-type]  # a few of them
        assert run.status == 0, run.err
        return streams_of(server) - before

    assert await streams() == 3
    assert await streams() == 0
    recording(paths[0], 4000)
    assert await streams() == 1
    assert (tmp_path / "a.txt").read_text().startswith("heard 8044")
    (tmp_path / "b.txt").unlink()
    assert await streams() == 1
    assert await streams(formats=[Format.SRT]) == 3
    assert await streams(formats=[Format.SRT, Format.TXT]) == 0
    hotwords = config_pb2.RecognitionConfig(
        hotwords=config_pb2.HotwordSet(phrases=[config_pb2.Hotword(phrase="dashwood")])
    )
    assert await streams(config=hotwords) == 3
    assert await streams(config=hotwords, overwrite=True) == 3
    (tmp_path / "c.txt").write_text("as a person has corrected it")
    assert await streams(config=hotwords) == 0


async def test_a_text_of_someone_elses_is_not_overwritten_unasked(
    server: ScriptedSpeech, tmp_path: Path
) -> None:
    recording(tmp_path / "a.wav")
    recording(tmp_path / "b.wav")
    (tmp_path / "a.txt").write_text("what was really said")
    refused = await transcribe(server.target, tmp_path)
    assert refused.status == 1
    assert "a.txt is there already" in refused.err
    assert "2 files: 1 transcribed, 1 failed." in refused.out
    assert (tmp_path / "a.txt").read_text() == "what was really said"
    assert (await transcribe(server.target, tmp_path, overwrite=True)).status == 0
    assert (tmp_path / "a.txt").read_text().startswith("heard")


async def test_failures_are_listed_and_the_others_done(server: ScriptedSpeech, tmp_path: Path) -> None:
    recording(tmp_path / "in" / "good.wav")
    (tmp_path / "in" / "[bold]text.wav").write_text("this is not audio")
    (tmp_path / "in" / "empty.wav").touch()
    run = await transcribe(server.target, tmp_path / "in", tmp_path / "gone.wav")
    assert run.status == 1
    assert "[bold]text.wav is not audio" in run.err
    assert "empty.wav is empty" in run.err
    assert "gone.wav: No such file" in run.err
    assert "4 files: 1 transcribed, 3 failed." in run.out
    assert (tmp_path / "in" / "good.txt").exists()


async def test_names_may_hold_anything(server: ScriptedSpeech, tmp_path: Path) -> None:
    for name in ("-dash", "new\nline\x1b[31m", "größe 日本", os.fsdecode(b"\xff\xfe")):
        recording(tmp_path / "plain.wav").rename(tmp_path / f"{name}.wav")
    for done in ("4 transcribed", "4 done before"):
        run = await transcribe(server.target, tmp_path, formats=ALL)
        assert (run.status, run.err) == (0, "")
        assert done in run.out
        assert run.out.replace("\n", "").isprintable()
    assert (tmp_path / os.fsdecode(b"\xff\xfe.json")).exists()


async def test_nothing_to_do_is_an_error_and_says_what_was_passed_over(tmp_path: Path) -> None:
    empty = await transcribe("127.0.0.1:1", tmp_path)
    assert (empty.status, empty.out) == (1, "There is nothing to transcribe.\n")
    (tmp_path / "film.mp4").touch()
    assert (
        "Passed over, as no audio that can be read: 1 .mp4."
        in (await transcribe("127.0.0.1:1", tmp_path)).out
    )


async def test_refusals_are_waited_for(tmp_path: Path) -> None:
    busy = 0

    async def two_at_once(server: ScriptedSpeech, requests: Requests) -> Responses:
        nonlocal busy
        if busy == 2:
            server.unary_requests.append(speech_pb2.RecognizeRequest())
            raise errors.NoCapacityError("All slots are taken.", retry_after_ms=50)
        busy += 1
        try:
            async for response in say_how_much(server, requests):
                yield response
                await asyncio.sleep(0.01)
        finally:
            busy -= 1

    for number in range(12):
        recording(tmp_path / f"{number}.wav", 400)
    async with ScriptedSpeech(two_at_once) as server:
        run = await transcribe(server.target, tmp_path, parallel=6)
        assert (run.status, run.err) == (0, "")
        assert server.unary_requests, "nobody was refused"
    assert "12 files: 12 transcribed." in run.out
    assert run.out.count("waiting: All slots are taken.") == 1


@pytest.mark.parametrize(
    "error",
    [errors.UnknownModelError("No model 'x' is served here."), errors.HotwordError("Too many phrases.")],
)
async def test_what_is_wrong_with_all_is_said_once(error: errors.AmiraError, tmp_path: Path) -> None:
    async def refuse(server: ScriptedSpeech, requests: Requests) -> Responses:
        server.requests.append(speech_pb2.StreamingRecognizeRequest())
        raise error
        yield session()

    for number in range(20):
        recording(tmp_path / f"{number}.wav", 400)
    async with ScriptedSpeech(refuse) as server:
        run = await transcribe(server.target, tmp_path)
        assert len(server.requests) <= 4
    assert run.status == 1
    assert str(error) in run.err
    assert "20 files: 0 transcribed, 20 not tried." in run.out
    assert "The same command goes on" in run.out


async def test_no_server_says_how_to_start_one(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    (port,) = free_ports(1)
    run = await transcribe(f"127.0.0.1:{port}", tmp_path)
    assert run.status == 1
    assert "amira up" in run.err
    assert "1 file: 0 transcribed, 1 not tried." in run.out


async def test_a_server_that_is_gone_for_a_while_costs_no_recording(tmp_path: Path) -> None:
    """It stops after three recordings and comes back at the same address."""
    (port,) = free_ports(1)
    for number in range(8):
        recording(tmp_path / f"{number}.wav", 400)

    async def serve(until: int) -> None:
        server = ScriptedSpeech(say_how_much)
        server._server = type(server._server)(f"127.0.0.1:{port}", "amira.asr.v1.Speech")
        async with server:
            while len(files(tmp_path, "*.txt")) < until:  # noqa: ASYNC110 - another program works
                await asyncio.sleep(0.01)

    running = asyncio.create_task(transcribe(f"127.0.0.1:{port}", tmp_path, parallel=1))
    await serve(3)
    await asyncio.sleep(0.3)
    await serve(8)
    run = await running
    assert (run.status, run.err) == (0, "")
    assert "8 files: 8 transcribed." in run.out


async def test_warnings_and_a_degraded_server_are_told_once(tmp_path: Path) -> None:
    async def warn(server: ScriptedSpeech, requests: Requests) -> Responses:
        async for response in say_how_much(server, requests):
            response.degraded = True
            yield response
        warning = speech_pb2.StreamingRecognizeResponse()
        warning.warning.kind = speech_pb2.StreamWarning.Kind.KIND_MAX_STREAM
        warning.warning.time_left.FromSeconds(9)
        yield warning

    recording(tmp_path / "a.wav")
    recording(tmp_path / "b.wav")
    async with ScriptedSpeech(warn) as server:
        run = await transcribe(server.target, tmp_path)
    assert run.out.count("The server is degraded") == 1
    assert "a.wav: the server warns that it will end the stream in 9 s (MAX_STREAM)." in run.out


async def test_a_language_chooses_the_model(server: ScriptedSpeech, tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    run = await transcribe(server.target, tmp_path, language="de")
    assert run.status == 1
    assert "no model for 'de'" in run.err


async def test_killed_in_the_middle_it_goes_on_with_what_is_left(tmp_path: Path) -> None:
    """SIGKILL at any moment: whatever is there is whole, and nothing is taken for someone else's."""
    for number in range(16):
        recording(tmp_path / f"{number}.wav", 400)

    async def slow(server: ScriptedSpeech, requests: Requests) -> Responses:
        async for response in say_how_much(server, requests):
            await asyncio.sleep(0.02)
            yield response

    async with ScriptedSpeech(slow) as server:
        for killed_after in (3, 9):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "amira_local", "transcribe", tmp_path, "--server", server.target,
                "--format", "srt,json", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            while len(files(tmp_path, "*.srt")) < killed_after:  # noqa: ASYNC110 - another program works
                await asyncio.sleep(0.005)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
            for path in files(tmp_path, "*.json"):
                json.loads(path.read_text())
        with (tmp_path / LEDGER_NAME).open("ab") as ledger:
            ledger.write(b'{"source": "15.wav", "stam')  # a line that was cut off
        before = streams_of(server)
        run = await transcribe(server.target, tmp_path, formats=[Format.SRT, Format.JSON])
        assert (run.status, run.err) == (0, "")
        assert streams_of(server) - before <= 7
    assert len(files(tmp_path, "*.srt")) == len(files(tmp_path, "*.json")) == 16
    assert not files(tmp_path, ".*.part")


async def test_interrupted_it_says_how_to_go_on(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")

    async def silent(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        await asyncio.sleep(600)

    async with ScriptedSpeech(silent) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "amira_local", "transcribe", tmp_path, "--server", server.target,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        while not server.metadata:  # noqa: ASYNC110 - another program calls
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode not in (0, None)
    assert "Interrupted." in out.decode()
    assert "The same command goes on with what is left." in out.decode()


@pytest.mark.parametrize("width", [40, 100])
async def test_bars_fit_the_terminal_and_leave_only_what_should_stay(
    server: ScriptedSpeech, tmp_path: Path, width: int
) -> None:
    recording(tmp_path / ("a very long name of a recording " * 4 + ".wav"))
    (tmp_path / "broken.wav").write_text("no audio")
    console = Console(file=io.StringIO(), force_terminal=True, width=width, legacy_windows=False)
    run = await transcribe(server.target, tmp_path, console=console)
    assert run.status == 1
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "files" in shown
    assert "audio" in shown
    assert "1 transcribed, 1 failed" in shown
    assert shown.rstrip().endswith("x real time).")
