"""The fuzzer's short run, and that it would notice what it looks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amira.frontend.v1 import frontend_pb2
from amira_core.errors import InternalError
from amira_frontend.pipeline import FeatureStream
from amira_frontend.warmup import warm_up
from fuzz import audio, check
from fuzz.containers import Container, containers
from fuzz.inputs import Input, make_input
from tests.fuzz import fates

HANG_S = 60.0


def intact(container: Container) -> Input:
    audio_format = frontend_pb2.AudioFormat(
        encoding=container.encoding,
        sample_rate_hz=container.sample_rate_hz,
        channels=container.channels,
    )
    return Input(container.name, audio_format, [container.data])


def test_some_thousand_inputs(tmp_path: Path) -> None:
    tally, found, memory = audio.fuzz(seed=20, inputs=3000, hang_s=HANG_S, findings=tmp_path)
    assert not found
    assert sum(tally.results.values()) == 3000
    assert tally.results["frames"] > 300  # not all is refused, so the fuzzer gets past the checks
    assert tally.results["MalformedAudioError"] > 1000
    assert memory[0].end_mib - memory[0].warm_mib < audio.MEMORY_LIMIT_MIB


@pytest.mark.parametrize("container", containers(), ids=lambda container: container.name)
def test_what_it_starts_from_is_real_audio(container: Container) -> None:
    warm_up()
    outcome = check.check(intact(container), step_limit_s=HANG_S)
    if container.name == "FLAC bomb":
        assert outcome.result == "MalformedAudioError"
    else:
        assert outcome.result == "frames"
        assert outcome.frames > 0


def test_inputs_can_be_made_again() -> None:
    for number in range(200):
        assert make_input(3, number) == make_input(3, number)
    assert make_input(3, 1) != make_input(4, 1)


def _raises_zero_division(stream: FeatureStream, data: bytes) -> Iterator[Any]:
    yield 1 / 0


def _raises_internal(stream: FeatureStream, data: bytes) -> Iterator[Any]:
    raise InternalError("a bug")
    yield


def _gives_no_numbers(stream: FeatureStream, data: bytes) -> Iterator[Any]:
    yield np.full((1, 80), np.nan, np.float32)


def _gives_too_much(stream: FeatureStream, data: bytes) -> Iterator[Any]:
    yield np.zeros((100_000, 80), np.float32)


def _gives_what_is_not_counted(stream: FeatureStream, data: bytes) -> Iterator[Any]:
    yield np.zeros((1, 80), np.float32)


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (_raises_zero_division, "ZeroDivisionError"),
        (_raises_internal, "InternalError"),
        (_gives_no_numbers, "not numbers"),
        (_gives_too_much, "100000 frames"),
        (_gives_what_is_not_counted, "were counted"),
    ],
)
def test_a_frontend_that_misbehaves_is_noticed(
    monkeypatch: pytest.MonkeyPatch, steps: Any, problem: str
) -> None:
    monkeypatch.setattr(FeatureStream, "steps", steps)
    with pytest.raises(check.FindingError, match=problem):
        check.check(intact(containers()[0]), step_limit_s=HANG_S)


def test_a_slow_step_is_noticed() -> None:
    with pytest.raises(check.FindingError, match="other streams wait"):
        check.check(intact(containers()[0]), step_limit_s=0)


def test_crashes_and_hangs_are_findings_and_the_rest_is_still_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tally, found, _ = audio.fuzz(0, 1000, hang_s=3, findings=tmp_path, how=fates.check)
    assert [item.number for item in found] == [fates.DIES, fates.HANGS]
    assert "died with status -9" in found[0].problem
    assert "no end" in found[1].problem
    for number in (fates.DIES, fates.HANGS):
        item = make_input(0, number)
        assert (tmp_path / f"audio-0-{number}.bin").read_bytes() == b"".join(item.pieces)
        assert item.origin in (tmp_path / f"audio-0-{number}.txt").read_text()
    assert str(tmp_path) in capsys.readouterr().out
    # What a lost worker had not reported yet is counted as neither good nor bad.
    assert sum(tally.results.values()) >= 1000 - 2 * 250
