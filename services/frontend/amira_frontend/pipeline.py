"""One stream from bytes to features: decode, resample, filterbank."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from amira.frontend.v1 import frontend_pb2
from amira_frontend.fbank.kernel import load_kernel
from amira_frontend.fbank.stream import FbankStream
from amira_frontend.fbank.tables import BINS, FRAME_SHIFT, SAMPLE_RATE_HZ
from amira_frontend.formats.base import NOTHING, Float32s
from amira_frontend.formats.choose import choose_decoder, first_second
from amira_frontend.formats.expansion import Expansion
from amira_frontend.resample.stream import Resampler


class FeatureStream:
    """Bytes in, frames out; the frames do not depend on how the bytes are cut.

    Usage::

        stream = FeatureStream(audio_format)
        for data in messages:
            frames = stream.accept(data)
        frames = stream.finish()

    A message may decode to far more audio than it has bytes. :meth:`steps` and :meth:`finish_steps` do
    the same work in small steps, between which a server can serve others.

    A stream may begin where another frontend's ended (``AudioFormat.first_sample``): it counts frames and
    samples from the start of the whole, and its frames are those of the whole, bit for bit, but for the
    first two, which miss the sound before them.

    All methods raise the errors of :mod:`amira_frontend.formats.base`; the stream is unusable then.
    """

    def __init__(self, audio_format: frontend_pb2.AudioFormat) -> None:
        """Raises UnknownEncodingError, SampleRateError, ChannelError or InvalidSettingError for a format
        that cannot be."""
        self._decoder = choose_decoder(audio_format)
        self._first_sample = first_second(audio_format) * SAMPLE_RATE_HZ
        self._resampler: Resampler | None = None
        self._fbank = FbankStream(load_kernel())
        self._decoded_samples = 0
        self._expansion = Expansion()

    @property
    def frames(self) -> int:
        """Index of the next frame since the start of the stream."""
        return self._first_sample // FRAME_SHIFT + self._fbank.frames

    @property
    def received_samples(self) -> int:
        """Samples since the start of the stream, at 16 kHz, with those that the resampler still holds."""
        rate = self._decoder.sample_rate_hz
        return self._first_sample + (self._decoded_samples * SAMPLE_RATE_HZ // rate if rate else 0)

    @property
    def samples(self) -> int:
        """Samples since the start of the stream, at 16 kHz, up to where the filterbank is."""
        return self._first_sample + self._fbank.samples

    def accept(self, data: bytes | memoryview) -> Float32s:
        """Takes bytes; returns the frames they complete, float32 [n, 80], contiguous."""
        return _joined(self.steps(data))

    def finish(self) -> Float32s:
        """Ends the stream; returns its last frames, float32 [n, 80], contiguous."""
        return _joined(self.finish_steps())

    def steps(self, data: bytes | memoryview) -> Iterator[Float32s]:
        """As :meth:`accept`, at most a few seconds of audio and a millisecond or two at a time.

        A step may bring no frames: an empty array.
        """
        self._expansion.take(len(data))
        return self._features(self._decoder.decode(data))

    def finish_steps(self) -> Iterator[Float32s]:
        """As :meth:`finish`, step by step."""
        yield from self._features(self._decoder.finish())
        if self._resampler is not None:
            yield self._fbank.accept(self._resampler.finish())
        yield self._fbank.finish()

    def _features(self, blocks: Iterable[Float32s]) -> Iterator[Float32s]:
        for block in blocks:
            if not len(block):
                yield NOTHING
                continue
            if self._resampler is None:
                self._resampler = Resampler(self._decoder.sample_rate_hz)
            self._decoded_samples += len(block)
            self._expansion.give(len(block) / self._decoder.sample_rate_hz)
            yield self._fbank.accept(self._resampler.accept(block))


def _joined(steps: Iterable[Float32s]) -> Float32s:
    parts = [frames for frames in steps if len(frames)]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty((0, BINS), np.float32)
