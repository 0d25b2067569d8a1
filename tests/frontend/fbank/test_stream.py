"""Our features against kaldi-native-fbank, frame by frame."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.runtime import _nrt_python, rtsys
from numpy.typing import NDArray

from amira_frontend.fbank.kernel import READ_BEYOND, load_kernel
from amira_frontend.fbank.stream import FbankStream
from tests.frontend.fbank.reference import TOLERANCE, kaldi_features, online_fbank

Float32s = NDArray[np.float32]


def features(samples: Float32s, cuts: list[int] | None = None) -> Float32s:
    """Features of `samples` fed in pieces that end at `cuts`."""
    stream = FbankStream(load_kernel())
    pieces = np.split(samples, sorted(cuts or []))
    return np.concatenate([*(stream.accept(piece) for piece in pieces), stream.finish()])


def assert_same(ours: Float32s, theirs: Float32s, tolerance: float = TOLERANCE) -> None:
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def sounds() -> dict[str, Float32s]:
    time = np.arange(24_000) / 16_000
    rng = np.random.default_rng(7)
    noise = rng.standard_normal(len(time))
    clicks = np.zeros(len(time))
    clicks[::977] = 1
    made = {
        "noise": 0.1 * noise,
        "silence": 0 * time,
        "clipped noise": np.clip(5 * noise, -1, 1),
        "one step of 16 bits": rng.integers(-1, 2, len(time)) / 32768,
        "loud tone": np.sin(2 * np.pi * 1000 * time),
        "loud tone above the filters": np.sin(2 * np.pi * 7900.3 * time),
        "chirp": np.sin(2 * np.pi * (50 + 2500 * time) * time),
        "square wave": np.sign(np.sin(2 * np.pi * 440 * time)),
        "constant": 0 * time + 0.9,
        "whisper on a constant": 0.9 + 1e-3 * noise,
        "clicks": clicks,
        "beyond full scale": 4 * noise,
    }
    return {name: samples.astype(np.float32) for name, samples in made.items()}


@pytest.mark.parametrize("name", sounds())
def test_close_to_rounding(name: str) -> None:
    """Far closer than required, even beside loud tones, where float32 FFTs differ by percents."""
    samples = sounds()[name]
    assert_same(features(samples), kaldi_features(samples), tolerance=2e-5)


@pytest.mark.parametrize(
    "count", [0, 1, 2, 79, 80, 81, 119, 120, 121, 200, 239, 240, 279, 280, 281, 399, 400, 560]
)
def test_short_recordings(count: int) -> None:
    """Shorter than a frame, or than what is mirrored at its ends."""
    samples = np.random.default_rng(count).standard_normal(count).astype(np.float32)
    assert_same(features(samples), kaldi_features(samples))
    assert_same(features(samples, list(range(count))), kaldi_features(samples))


@settings(deadline=None, max_examples=60)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), count=st.integers(0, 30_000), scale=st.floats(1e-6, 4))
def test_cuts_do_not_matter(data: st.DataObject, seed: int, count: int, scale: float) -> None:
    samples = (scale * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)
    cuts = data.draw(st.lists(st.integers(0, count), max_size=40))
    whole = features(samples)
    np.testing.assert_array_equal(features(samples, cuts), whole)
    assert_same(whole, kaldi_features(samples))


@settings(deadline=None, max_examples=15)
@given(size=st.integers(1, 4000))
def test_equal_pieces(size: int) -> None:
    samples = sounds()["noise"]
    np.testing.assert_array_equal(features(samples, list(range(0, len(samples), size))), features(samples))


def test_frames_come_as_early_as_kaldis() -> None:
    stream, kaldi = FbankStream(load_kernel()), online_fbank()
    samples = sounds()["noise"][:4000]
    for at in range(0, len(samples), 37):
        piece = samples[at : at + 37]
        stream.accept(piece)
        kaldi.accept_waveform(16_000, piece.tolist())
        assert stream.frames == kaldi.num_frames_ready
        assert stream.samples == at + len(piece)


def test_a_frame_waits_for_its_last_sample_only() -> None:
    stream = FbankStream(load_kernel())
    assert len(stream.accept(np.ones(279, np.float32))) == 0
    assert len(stream.accept(np.ones(1, np.float32))) == 1
    assert len(stream.accept(np.ones(159, np.float32))) == 0
    assert len(stream.accept(np.ones(1, np.float32))) == 1


def test_output_is_contiguous_and_unshared() -> None:
    stream = FbankStream(load_kernel())
    samples = sounds()["noise"]
    first = stream.accept(samples[:1600])
    kept = first.copy()
    stream.accept(samples[1600:])
    assert first.flags.c_contiguous
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, kept)


def test_use_after_finish_is_refused() -> None:
    stream = FbankStream(load_kernel())
    stream.finish()
    with pytest.raises(RuntimeError):
        stream.accept(np.zeros(1, np.float32))
    with pytest.raises(RuntimeError):
        stream.finish()


def test_nothing_is_allocated_but_the_frames() -> None:
    stream = FbankStream(load_kernel())
    piece = sounds()["noise"][:1600]
    for _ in range(20):
        stream.accept(piece)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            tracemalloc.reset_peak()
            frames = stream.accept(piece)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert frames.base is not None
    small_python_objects = 4096
    assert after - before < frames.base.nbytes + small_python_objects
    assert peak - before < 2 * frames.base.nbytes + small_python_objects  # the last result and the new one


def test_the_compiled_code_allocates_nothing() -> None:
    kernel, calls, arrays_per_call = load_kernel(), 100, 3
    samples, out = np.zeros(400 + READ_BEYOND, np.float32), np.empty((8, 80), np.float32)
    kernel.compute(samples, 0, 1, out, 0)
    _nrt_python.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats()
        for _ in range(calls):
            kernel.compute(samples, 0, 1, out, 0)
        after = rtsys.get_allocation_stats()
    finally:
        _nrt_python.memsys_disable_stats()
    # numba counts one header per array that is handed in, and frees it on return.
    assert after.alloc - before.alloc == arrays_per_call * calls
    assert after.free - before.free == arrays_per_call * calls
