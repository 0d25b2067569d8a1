"""The demo proves that words come, and fails when none do."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from amira_local.demo import DEMO_CLIP, listen_and_report, run_demo
from amira_local.options import StackOptions
from amira_local.process_tree import descendants
from amira_local.stack import LocalStack

OPTIONS = StackOptions(ephemeral_ports=True)


def screen() -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    return Console(file=output, width=200), output


@pytest.mark.slow
async def test_speech_passes_with_evidence_and_silence_fails(tmp_path: Path) -> None:
    samples, rate = soundfile.read(DEMO_CLIP, dtype="int16")
    speech, silence = tmp_path / "speech.flac", tmp_path / "silence.flac"
    soundfile.write(speech, samples[: 4 * rate], rate)
    soundfile.write(silence, np.zeros(2 * rate, np.int16), rate)
    speech.with_suffix(".txt").write_text("unless to be rather\ncold hearted\n")
    async with LocalStack(OPTIONS) as stack:
        console, output = screen()
        assert await listen_and_report(stack, speech, console) == 0
        shown = output.getvalue()
        triton = stack.processes["triton"].pid
        server = next(info for info in descendants(triton) if info.name == "tritonserver")
        console, output = screen()
        assert await listen_and_report(stack, silence, console) == 1
    assert "..." in shown  # an interim
    assert "Said:\n  unless to be rather cold hearted\n" in shown
    assert "Server latency" in shown
    assert "p50" in shown
    assert "From the end of the audio to the last final" in shown
    assert f"Process {triton} triton runs tritonserver (pid {server.pid})" in shown
    assert "It works." in shown
    assert "No words came" in output.getvalue()


async def test_a_missing_clip_or_model_fails_with_a_sentence(tmp_path: Path) -> None:
    console, output = screen()
    assert await run_demo(OPTIONS, tmp_path / "gone.flac", console) == 1
    assert "gone.flac" in output.getvalue()
    console, output = screen()
    options = StackOptions(model_dir=tmp_path / "no-model", ephemeral_ports=True)
    assert await run_demo(options, None, console) == 1
    assert "no-model" in output.getvalue()
    assert "amira doctor" in output.getvalue()


def test_the_bundled_clip_is_what_its_readme_says() -> None:
    info = soundfile.info(DEMO_CLIP)
    assert (info.samplerate, info.channels) == (16000, 1)
    assert info.duration < 20
    assert DEMO_CLIP.stat().st_size < 600_000
    assert len(DEMO_CLIP.with_suffix(".txt").read_text().splitlines()) == 3
