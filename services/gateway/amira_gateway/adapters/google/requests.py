"""Google's configs as ours: what v1 and v2 have in common."""

from __future__ import annotations

from collections.abc import Mapping

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_gateway.session.validation import MAX_ALTERNATIVES

_GOOGLES_MOST_ALTERNATIVES = 30


def encoding(
    value: int, known: Mapping[int, config_pb2.AudioEncoding], names: Mapping[int, str]
) -> config_pb2.AudioEncoding:
    """Ours for one of theirs. Raises UnknownEncodingError."""
    if value not in known:
        name = names.get(value, str(value)).removeprefix("AUDIO_ENCODING_")
        raise errors.UnknownEncodingError(
            f"encoding {name} is not supported: use LINEAR16, MULAW, ALAW, FLAC or OGG_OPUS."
        )
    return known[value]


def alternatives(wanted: int) -> int:
    """How many to ask for. Raises InvalidSettingError."""
    if not 0 <= wanted <= _GOOGLES_MOST_ALTERNATIVES:
        raise errors.InvalidSettingError(
            f"max_alternatives is {wanted}: it must be 0 to {_GOOGLES_MOST_ALTERNATIVES}."
        )
    return min(wanted, MAX_ALTERNATIVES)


def refuse_channels_apart(apart: bool, name: str, channels: int) -> None:
    """Raises InvalidSettingError where each of several channels is to be recognized by itself."""
    if apart and channels > 1:
        raise errors.InvalidSettingError(f"{name} is not supported here: open a stream for each channel.")
