"""`amira transcribe` as its users run it: output, options on the wire, exit status."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from amira.asr.v1.config_pb2 import DecodingMethod, EndpointPreset
from amira_core import errors
from amira_local.ports import free_ports
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, session


@pytest.fixture
async def server() -> AsyncIterator[ScriptedSpeech]:
    async with ScriptedSpeech() as scripted:
        yield scripted


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    soundfile.write(path, np.zeros(8000, np.int16), 16000)
    return path


async def amira(*arguments: object) -> tuple[int | None, str, str]:
    """Runs the command; returns exit status, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "amira_local", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_finals_come_one_a_line(server: ScriptedSpeech, recording: Path) -> None:
    status, out, err = await amira("transcribe", recording, "--server", server.target)
    assert (status, err) == (0, "")
    assert out == f"[   0.00    0.00] {len(server.audio)} bytes\n"


async def test_json_gives_one_object_per_response(server: ScriptedSpeech, recording: Path) -> None:
    status, out, _ = await amira("transcribe", recording, "--server", server.target, "--json")
    objects = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert objects[0]["session"]["session_id"] == "s-1"
    assert objects[-1]["result"]["is_final"] is True
    assert objects[-1]["lag"]["server_latency"] == "0.042s"
    assert {item["file"] for item in objects} == {str(recording)}


async def test_options_reach_the_server(server: ScriptedSpeech, recording: Path) -> None:
    status, _, err = await amira(
        "transcribe", recording, "--server", server.target, "--endpoint", "very-short", "--method", "beam",
        "--n-best", 3, "--word-times", "--hotword", "sense and sensibility:2.5", "--hotword", "dashwood",
        "--model", "m",
    )  # fmt: skip
    assert status == 0, err
    config = server.requests[0].config
    assert config.endpoint.preset == EndpointPreset.ENDPOINT_PRESET_VERY_SHORT
    assert config.decoding_method == DecodingMethod.DECODING_METHOD_BEAM
    assert [(h.phrase, h.boost) for h in config.hotwords.phrases] == [
        ("sense and sensibility", 2.5),
        ("dashwood", 0.0),
    ]
    assert (config.max_alternatives, config.word_times, config.model) == (3, True, "m")


async def test_no_server_says_how_to_start_one(recording: Path) -> None:
    (port,) = free_ports(1)
    status, out, err = await amira("transcribe", recording, "--server", f"127.0.0.1:{port}")
    assert (status, out) == (1, "")
    assert "amira up" in err
    assert str(port) in err


async def test_one_bad_file_fails_the_command_but_not_the_others(
    server: ScriptedSpeech, recording: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "[bold]text.wav"
    bad.write_text("this is not audio")
    status, out, err = await amira("transcribe", bad, tmp_path / "gone", recording, "--server", server.target)
    assert status == 1
    assert "[bold]text.wav is not audio" in err
    assert "gone" in err
    assert "bytes" in out


async def test_a_refusal_is_told_in_words_and_in_json(server: ScriptedSpeech, recording: Path) -> None:
    async def refuse(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        raise errors.NoCapacityError("All slots are taken.")

    server.script = refuse
    status, out, err = await amira("transcribe", recording, "--json", "--server", server.target)
    assert status == 1
    assert json.loads(out.splitlines()[-1])["error"] == {
        "message": "All slots are taken.",
        "status": "RESOURCE_EXHAUSTED",
        "reason": "NO_CAPACITY",
        "retry_after_s": 1.0,
    }
    assert "All slots are taken" in err
    assert "Try again in 1 s" in err


@pytest.mark.parametrize("hotword", [":2", "word:loud", ""])
async def test_a_wrong_hotword_is_a_usage_error(recording: Path, hotword: str) -> None:
    status, _, err = await amira("transcribe", recording, "--hotword", hotword)
    assert status == 2
    assert "--hotword" in err
