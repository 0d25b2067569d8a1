"""Endpoint rules: presets, single values, decisions."""

from __future__ import annotations

from typing import Any

import pytest

from amira.asr.v1 import config_pb2
from amira_core.errors import InvalidSettingError
from amira_decoder.results import EndpointReason, EndpointRules

FRAME_MS = 40


def rules(**fields: Any) -> EndpointRules:
    return EndpointRules.from_config(config_pb2.EndpointConfig(**fields))


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("UNSPECIFIED", EndpointRules(2400, 1200, 20_000)),
        ("STANDARD", EndpointRules(2400, 1200, 20_000)),
        ("SHORT", EndpointRules(2400, 800, 20_000)),
        ("VERY_SHORT", EndpointRules(2400, 500, 20_000)),
        ("OFF", EndpointRules(None, None, 60_000)),
    ],
)
def test_presets(preset: str, expected: EndpointRules) -> None:
    assert rules(preset=f"ENDPOINT_PRESET_{preset}") == expected


def test_single_values_go_over_the_preset() -> None:
    assert rules(silence_after_speech={"nanos": 640_000_000}) == EndpointRules(2400, 640, 20_000)
    short = rules(
        preset="ENDPOINT_PRESET_SHORT", silence_without_speech={"seconds": 9}, max_segment={"seconds": 60}
    )
    assert short == EndpointRules(9000, 800, 60_000)
    off = rules(preset="ENDPOINT_PRESET_OFF", silence_after_speech={"seconds": 2})
    assert off == EndpointRules(None, 2000, 60_000)


def test_server_default_stands_in_for_no_preset() -> None:
    default = EndpointRules(1000, 700, 5000)
    assert EndpointRules.from_config(config_pb2.EndpointConfig(), default) == default
    named = config_pb2.EndpointConfig(preset=config_pb2.ENDPOINT_PRESET_STANDARD)
    assert EndpointRules.from_config(named, default) == EndpointRules()


@pytest.mark.parametrize("field", ["silence_without_speech", "silence_after_speech", "max_segment"])
@pytest.mark.parametrize(
    "duration",
    [{}, {"seconds": -1}, {"nanos": 999_999}, {"seconds": 60, "nanos": 1_000_000}, {"seconds": 1 << 40}],
)
def test_durations_out_of_range(field: str, duration: dict[str, int]) -> None:
    with pytest.raises(InvalidSettingError, match=rf"endpoint\.{field} must be from"):
        rules(**{field: duration})


def test_shortest_segment_is_a_second() -> None:
    with pytest.raises(InvalidSettingError, match=r"from 1 to 60 seconds, got 0\.999"):
        rules(max_segment={"nanos": 999_000_000})
    assert rules(max_segment={"seconds": 1}).max_segment_ms == 1000


def test_unknown_preset() -> None:
    with pytest.raises(InvalidSettingError, match="preset 77 is not known"):
        rules(preset=77)


@pytest.mark.parametrize(
    ("frames", "trailing", "expected"),
    [
        (0, 0, None),
        (59, 59, None),  # 2.36 s of nothing
        (60, 60, EndpointReason.SILENCE_WITHOUT_SPEECH),  # 2.4 s of nothing
        (60, 29, None),  # 1.16 s of silence after a word
        (60, 30, EndpointReason.SILENCE_AFTER_SPEECH),
        (31, 30, EndpointReason.SILENCE_AFTER_SPEECH),
        (499, 0, None),
        (500, 0, EndpointReason.MAX_SEGMENT),  # 20 s
        (500, 40, EndpointReason.SILENCE_AFTER_SPEECH),
    ],
)
def test_standard_decisions(frames: int, trailing: int, expected: EndpointReason | None) -> None:
    assert EndpointRules().reached(frames, trailing, FRAME_MS) is expected


def test_off_still_ends_after_a_minute() -> None:
    off = rules(preset="ENDPOINT_PRESET_OFF")
    assert off.reached(1499, 1499, FRAME_MS) is None
    assert off.reached(1500, 0, FRAME_MS) is EndpointReason.MAX_SEGMENT
    assert EndpointRules(None, None, 10**9).reached(1500, 3, FRAME_MS) is EndpointReason.MAX_SEGMENT


def test_longer_patience_after_speech_than_without() -> None:
    """Not cut short by the rule for segments without speech."""
    patient = EndpointRules(2400, 5000, 20_000)
    assert patient.reached(200, 100, FRAME_MS) is None
    assert patient.reached(200, 125, FRAME_MS) is EndpointReason.SILENCE_AFTER_SPEECH
