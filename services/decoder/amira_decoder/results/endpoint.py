"""When a segment ends: after silence with nothing said, after silence behind speech, or at a length.

The rules and the standard durations are sherpa's; silence is the trailing run of blank frames,
judged once per chunk. One difference: sherpa's first rule also ends a segment with speech, so a
longer patience after speech could not be asked for; here that rule is for segments without any.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from google.protobuf.duration_pb2 import Duration

from amira.asr.v1 import config_pb2
from amira_core.errors import InvalidSettingError
from amira_core.limits import MAX_SEGMENT_MS, MIN_SEGMENT_MS


class EndpointReason(Enum):
    """Which rule ended the segment."""

    SILENCE_WITHOUT_SPEECH = "silence_without_speech"
    SILENCE_AFTER_SPEECH = "silence_after_speech"
    MAX_SEGMENT = "max_segment"


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """Durations after which a segment ends; None turns a rule off."""

    silence_without_speech_ms: int | None = 2400
    silence_after_speech_ms: int | None = 1200
    max_segment_ms: int = 20_000

    @classmethod
    def from_config(
        cls, config: config_pb2.EndpointConfig, default: EndpointRules | None = None
    ) -> EndpointRules:
        """A request's rules: its preset (`default` where it names none), then its single values.

        Raises:
            InvalidSettingError: an unknown preset, or a duration out of its range.
        """
        preset = config.preset
        if preset == config_pb2.ENDPOINT_PRESET_UNSPECIFIED:
            base = default or EndpointRules()
        elif preset in _PRESETS:
            base = _PRESETS[preset]
        else:
            raise InvalidSettingError(f"endpoint.preset {preset} is not known; see EndpointPreset.")
        without, after, longest = (
            base.silence_without_speech_ms,
            base.silence_after_speech_ms,
            base.max_segment_ms,
        )
        if config.HasField("silence_without_speech"):
            without = _milliseconds(config.silence_without_speech, "silence_without_speech", 1)
        if config.HasField("silence_after_speech"):
            after = _milliseconds(config.silence_after_speech, "silence_after_speech", 1)
        if config.HasField("max_segment"):
            longest = _milliseconds(config.max_segment, "max_segment", MIN_SEGMENT_MS)
        return cls(without, after, longest)

    def reached(self, num_frames: int, trailing_blank_frames: int, frame_ms: int) -> EndpointReason | None:
        """Which rule ends a segment of `num_frames` encoder frames of `frame_ms`, or None.

        `trailing_blank_frames` is `num_frames` when no token came out at all.
        """
        silence_ms = trailing_blank_frames * frame_ms
        if trailing_blank_frames < num_frames:
            if self.silence_after_speech_ms is not None and silence_ms >= self.silence_after_speech_ms:
                return EndpointReason.SILENCE_AFTER_SPEECH
        elif self.silence_without_speech_ms is not None and silence_ms >= self.silence_without_speech_ms:
            return EndpointReason.SILENCE_WITHOUT_SPEECH
        if num_frames * frame_ms >= min(self.max_segment_ms, MAX_SEGMENT_MS):
            return EndpointReason.MAX_SEGMENT
        return None


_PRESETS = {
    config_pb2.ENDPOINT_PRESET_STANDARD: EndpointRules(),
    config_pb2.ENDPOINT_PRESET_SHORT: EndpointRules(silence_after_speech_ms=800),
    config_pb2.ENDPOINT_PRESET_VERY_SHORT: EndpointRules(silence_after_speech_ms=500),
    config_pb2.ENDPOINT_PRESET_OFF: EndpointRules(None, None, MAX_SEGMENT_MS),
}


def _milliseconds(duration: Duration, name: str, lowest_ms: int) -> int:
    milliseconds = duration.seconds * 1000 + duration.nanos // 1_000_000
    if not lowest_ms <= milliseconds <= MAX_SEGMENT_MS:
        raise InvalidSettingError(
            f"endpoint.{name} must be from {lowest_ms / 1000:g} to {MAX_SEGMENT_MS / 1000:g} seconds, "
            f"got {milliseconds / 1000:g}."
        )
    return milliseconds
