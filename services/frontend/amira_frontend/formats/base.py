"""What all decoders have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from amira_core.errors import ChannelError, MalformedAudioError, SampleRateError
from amira_core.limits import MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ

Float32s = NDArray[np.float32]

_LOUDEST: Final = 8.0

NOTHING: Final[Float32s] = np.empty(0, np.float32)
"""An empty block: a decoder that works without result yields it now and then, to let others work."""


class AudioDecoder(Protocol):
    """Reads one encoding. The bytes may be cut anywhere, also inside headers."""

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second; 0 while the header that tells is not complete."""

    def decode(self, data: bytes | memoryview) -> Iterator[Float32s]:
        """Blocks of the chosen channel, float32 [n], n limited by the encoding (at most 65535).

        A block may be empty. It is valid until the next one is taken. The iterator must be run to its
        end before the next call.

        Raises:
            MalformedAudioError: the bytes are not this encoding.
            SampleRateError: the header's rate is out of range, or not the one that was asked for.
            ChannelError: likewise for channels.
        """

    def finish(self) -> Iterator[Float32s]:
        """Blocks that were held back. Raises MalformedAudioError where the audio stops too early."""


def check_sample_rate(sample_rate_hz: int, wanted_hz: int = 0) -> None:
    """Raises SampleRateError unless the rate is in range and the one `wanted_hz` (0: any)."""
    if wanted_hz and sample_rate_hz != wanted_hz:
        raise SampleRateError(
            f"The audio's header says {sample_rate_hz} Hz, the config {wanted_hz} Hz. "
            "Leave sample_rate_hz at 0 to go by the header."
        )
    if not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        raise SampleRateError(
            f"{sample_rate_hz} Hz is not supported: send {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz."
        )


def check_channels(channels: int, channel: int, wanted: int = 0) -> None:
    """Raises ChannelError unless the count is in range and `wanted` (0: any), and has that channel."""
    if wanted and channels != wanted:
        raise ChannelError(
            f"The audio's header says {channels} channels, the config {wanted}. "
            "Leave channels at 0 to go by the header."
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise ChannelError(f"{channels} channels are not supported: send 1 to {MAX_CHANNELS}.")
    if not 0 <= channel < channels:
        raise ChannelError(
            f"There is no channel {channel} in audio of {channels} channels: they count from 0."
        )


def check_samples(samples: Float32s) -> None:
    """Raises MalformedAudioError where float samples are not numbers, or far beyond full scale."""
    if not len(samples):
        return
    peak = max(float(samples.max()), -float(samples.min()))
    if peak <= _LOUDEST:  # false for NaN, which max() and min() pass on
        return
    if np.isfinite(peak):
        raise MalformedAudioError(
            f"A float sample is {peak:.6g}, far beyond full scale (1.0). Divide 16-bit values by 32768."
        )
    raise MalformedAudioError("A float sample is infinite or not a number.")


def scratch(current: NDArray[Any], size: int) -> NDArray[Any]:
    """`current`, or a longer array of its type if it is shorter than `size`."""
    return current if len(current) >= size else np.empty(size, current.dtype)
