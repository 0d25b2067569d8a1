"""The losses against all paths counted one by one, against torch's own gradients, and against k2's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from amira_training.loss.lattice import IMPOSSIBLE
from amira_training.loss.pruned import band_rows, gather_band, pruned_log_likelihood
from amira_training.loss.pruning import pruning_starts
from amira_training.loss.simple import simple_log_likelihood
from amira_training.loss.transducer import token_losses
from amira_training.model.transducer import Transducer
from amira_training.precision import Precision

VOCABULARY = 7
FP32 = Precision(torch.device("cpu"), "fp32")

TOKEN_COUNTS = np.array([5, 3, 1, 0])
FRAME_COUNTS = np.array([9, 4, 9, 6])


def inputs(seed: int = 0, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Encoder ``[4, 9, 7]``, predictor ``[4, 6, 7]``, tokens ``[4, 5]``."""
    generator = torch.Generator().manual_seed(seed)
    encoder = scale * torch.randn(4, 9, VOCABULARY, generator=generator)
    predictor = scale * torch.randn(4, 6, VOCABULARY, generator=generator)
    tokens = torch.randint(1, VOCABULARY, (4, 5), generator=generator)
    return encoder.requires_grad_(), predictor.requires_grad_(), tokens


def paths(tokens: int, frames: int) -> Iterator[list[int]]:
    """Every way to deal ``tokens`` tokens out to ``frames`` frames: how many each frame says."""
    if frames == 1:
        yield [tokens]
        return
    for first in range(tokens + 1):
        for rest in paths(tokens - first, frames - 1):
            yield [first, *rest]


def sum_over_paths(log_probs: Tensor, said: list[int], frames: int) -> Tensor:
    """From ``[U + 1, T, V]`` log-probabilities: the log of the sum over all paths."""
    scores = []
    for path in paths(len(said), frames):
        row, score = 0, log_probs.new_zeros(())
        for frame, count in enumerate(path):
            for _ in range(count):
                score = score + log_probs[row, frame, said[row]]
                row += 1
            score = score + log_probs[row, frame, 0]
        scores.append(score)
    return torch.logsumexp(torch.stack(scores), 0)


def expected(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """By brute force for the batch: ``[N, U + 1, T, V]`` -> ``[N]``."""
    return torch.stack(
        [
            sum_over_paths(log_probs[n], tokens[n, : TOKEN_COUNTS[n]].tolist(), int(FRAME_COUNTS[n]))
            for n in range(len(tokens))
        ]
    )


def test_simple_is_the_sum_over_all_paths_and_so_is_its_gradient() -> None:
    encoder, predictor, tokens = inputs()
    found, _, _ = simple_log_likelihood(encoder, predictor, tokens, TOKEN_COUNTS, FRAME_COUNTS)
    log_probs = (encoder[:, None] + predictor[:, :, None]).log_softmax(-1)
    wanted = expected(log_probs, tokens)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    weights = torch.tensor([1.0, -0.5, 2.0, 0.3])
    for ours, theirs in zip(
        torch.autograd.grad((found * weights).sum(), [encoder, predictor]),
        torch.autograd.grad((wanted * weights).sum(), [encoder, predictor]),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_occupancies_add_up() -> None:
    encoder, predictor, tokens = inputs(1)
    _, by_token, by_blank = simple_log_likelihood(encoder, predictor, tokens, TOKEN_COUNTS, FRAME_COUNTS)
    for n, (said, frames) in enumerate(zip(TOKEN_COUNTS, FRAME_COUNTS, strict=True)):
        np.testing.assert_allclose(
            by_blank[n, : said + 1, :frames].sum(0), 1, atol=1e-5
        )  # one blank per frame
        np.testing.assert_allclose(by_token[n, :said, :frames].sum(1), 1, atol=1e-5)  # every token once
        assert by_blank[n].sum() == pytest.approx(frames, abs=1e-4)  # and nothing beyond
        assert by_token[n].sum() == pytest.approx(said, abs=1e-4)


def test_pruned_over_every_row_is_the_sum_over_all_paths() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 9, 6, VOCABULARY, requires_grad=True)
    _, _, tokens = inputs()
    starts = np.zeros((4, 9), np.int64)
    found = pruned_log_likelihood(logits, tokens, starts, TOKEN_COUNTS, FRAME_COUNTS)
    wanted = expected(logits.transpose(1, 2).log_softmax(-1), tokens)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad(found.sum(), logits)[0]
    theirs = torch.autograd.grad(wanted.sum(), logits)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_pruned_over_a_band_is_the_sum_over_the_paths_in_it() -> None:
    encoder, predictor, tokens = inputs(2)
    _, by_token, by_blank = simple_log_likelihood(encoder, predictor, tokens, TOKEN_COUNTS, FRAME_COUNTS)
    starts = pruning_starts(by_token, by_blank, TOKEN_COUNTS, FRAME_COUNTS, 3)
    logits = encoder[:, :, None] + gather_band(predictor, starts, 3)
    found = pruned_log_likelihood(logits, tokens, starts, TOKEN_COUNTS, FRAME_COUNTS)
    log_probs = (encoder[:, None] + predictor[:, :, None]).log_softmax(-1)
    rows = band_rows(starts, 3)
    inside = (rows[..., None] == torch.arange(6)).any(2).transpose(1, 2)  # [N, U + 1, T]
    wanted = expected(log_probs.masked_fill(~inside[..., None], -1e4), tokens)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-4)
    for ours, theirs in zip(
        torch.autograd.grad(found.sum(), [encoder, predictor]),
        torch.autograd.grad(wanted.sum(), [encoder, predictor]),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def random_occupancies(
    seed: int, most_tokens: int, most_frames: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    token_counts = rng.integers(0, most_tokens + 1, 3)
    frame_counts = rng.integers(1, most_frames + 1, 3)
    encoder = torch.from_numpy(3 * rng.standard_normal((3, most_frames, VOCABULARY))).float()
    predictor = torch.from_numpy(3 * rng.standard_normal((3, most_tokens + 1, VOCABULARY))).float()
    tokens = torch.from_numpy(rng.integers(1, VOCABULARY, (3, most_tokens)))
    _, by_token, by_blank = simple_log_likelihood(encoder, predictor, tokens, token_counts, frame_counts)
    return by_token, by_blank, token_counts, frame_counts


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 40), st.integers(2, 6))
def test_a_band_always_holds_a_path_where_there_are_frames_enough(
    seed: int, most_tokens: int, most_frames: int, width: int
) -> None:
    by_token, by_blank, token_counts, frame_counts = random_occupancies(seed, most_tokens, most_frames)
    starts = pruning_starts(by_token, by_blank, token_counts, frame_counts, width)
    for row, said, frames in zip(starts, token_counts, frame_counts, strict=True):
        steps = np.diff(row[:frames])
        assert (steps >= 0).all()
        assert (steps <= width - 1).all()
        assert row[0] == 0
        if said + 1 - width <= (frames - 1) * (width - 1):
            assert row[frames - 1] == max(0, said + 1 - width)


def test_a_wider_band_explains_more_and_the_widest_everything() -> None:
    encoder, predictor, tokens = inputs(3)
    whole, by_token, by_blank = simple_log_likelihood(encoder, predictor, tokens, TOKEN_COUNTS, FRAME_COUNTS)
    before = torch.full((4,), float("-inf"))
    for width in (2, 4, 6):
        starts = pruning_starts(by_token, by_blank, TOKEN_COUNTS, FRAME_COUNTS, width)
        logits = encoder[:, :, None] + gather_band(predictor, starts, width)
        found = pruned_log_likelihood(logits, tokens, starts, TOKEN_COUNTS, FRAME_COUNTS)
        assert (found >= before - 1e-4).all()
        assert (found <= whole + 1e-4).all()
        before = found.detach()
    torch.testing.assert_close(before, whole.detach(), rtol=1e-5, atol=1e-4)


def test_a_band_that_cannot_rise_is_refused() -> None:
    empty = np.zeros((1, 1, 1), np.float32)
    with pytest.raises(ValueError, match="cannot rise"):
        pruning_starts(empty, np.zeros((1, 2, 1), np.float32), np.array([1]), np.array([1]), 1)


def test_more_tokens_than_a_band_can_climb_is_impossible_without_gradient() -> None:
    logits = torch.zeros(1, 1, 2, VOCABULARY, requires_grad=True)
    tokens = torch.ones(1, 5, dtype=torch.int64)
    found = pruned_log_likelihood(logits, tokens, np.array([[4]]), np.array([5]), np.array([1]))
    assert float(found.detach()) < IMPOSSIBLE / 2
    found.sum().backward()
    assert logits.grad is not None
    assert not logits.grad.any()


def test_extreme_logits_stay_finite() -> None:
    encoder, predictor, tokens = inputs(4, scale=80)
    found, by_token, by_blank = simple_log_likelihood(encoder, predictor, tokens, TOKEN_COUNTS, FRAME_COUNTS)
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(encoder.grad).all()
    assert np.isfinite(by_token).all()
    assert np.isfinite(by_blank).all()


def test_equals_k2() -> None:
    k2 = pytest.importorskip("k2")
    encoder, predictor, tokens = inputs(5)
    boundary = torch.tensor([[0, 0, s, t] for s, t in zip(TOKEN_COUNTS, FRAME_COUNTS, strict=True)])
    padded = tokens.clone()
    theirs = k2.rnnt_loss_simple(
        lm=predictor, am=encoder, symbols=padded, termination_symbol=0, boundary=boundary, reduction="none"
    )
    ours, by_token, by_blank = simple_log_likelihood(encoder, predictor, tokens, TOKEN_COUNTS, FRAME_COUNTS)
    torch.testing.assert_close(-ours, theirs, rtol=1e-5, atol=1e-5)
    for one, other in zip(
        torch.autograd.grad(-ours.sum(), [encoder, predictor]),
        torch.autograd.grad(theirs.sum(), [encoder, predictor]),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)

    starts = pruning_starts(by_token, by_blank, TOKEN_COUNTS, FRAME_COUNTS, 3)
    logits = (encoder[:, :, None] + gather_band(predictor, starts, 3)).detach().requires_grad_()
    theirs = k2.rnnt_loss_pruned(
        logits=logits,
        symbols=padded,
        ranges=band_rows(starts, 3),
        termination_symbol=0,
        boundary=boundary,
        reduction="none",
    )
    ours = pruned_log_likelihood(logits, tokens, starts, TOKEN_COUNTS, FRAME_COUNTS)
    torch.testing.assert_close(-ours, theirs, rtol=1e-5, atol=1e-5)
    (one,) = torch.autograd.grad(-ours.sum(), logits)
    (other,) = torch.autograd.grad(theirs.sum(), logits)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_band_holds_no_less_than_k2s() -> None:
    k2 = pytest.importorskip("k2")
    for seed in range(5):
        by_token, by_blank, token_counts, frame_counts = random_occupancies(seed, 12, 30)
        token_counts[:], frame_counts[:] = 12, 30
        encoder = torch.randn(3, 30, VOCABULARY)
        predictor = torch.randn(3, 13, VOCABULARY)
        tokens = torch.randint(1, VOCABULARY, (3, 12))
        _, by_token, by_blank = simple_log_likelihood(encoder, predictor, tokens, token_counts, frame_counts)
        boundary = torch.tensor([[0, 0, 12, 30]] * 3)
        theirs = k2.get_rnnt_prune_ranges(
            px_grad=torch.cat([torch.from_numpy(by_token), torch.zeros(3, 12, 1)], 2),
            py_grad=torch.from_numpy(by_blank),
            boundary=boundary,
            s_range=4,
        )[:, :, 0].numpy()
        ours = pruning_starts(by_token, by_blank, token_counts, frame_counts, 4)
        explained = []
        for starts in (ours, theirs):
            logits = encoder[:, :, None] + gather_band(predictor, starts, 4)
            explained.append(pruned_log_likelihood(logits, tokens, starts, token_counts, frame_counts).sum())
        assert explained[0] >= explained[1] - 0.2


@pytest.mark.parametrize("arithmetic", ["fp32", "bf16"])
def test_all_losses_of_a_batch_with_noise_alone(arithmetic: str) -> None:
    if arithmetic == "bf16" and torch.__version__.startswith("1."):
        pytest.skip("bf16 needs torch 2")
    torch.manual_seed(0)
    transducer = Transducer(VOCABULARY)
    encoded = torch.randn(4, 9, 256, requires_grad=True)
    tokens = torch.tensor([[1, 2, 3, 4, 5], [2, 2, 2, 0, 0], [6, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    precision = Precision(torch.device("cpu"), arithmetic)  # type: ignore[arg-type]  # one of the two
    losses = token_losses(
        transducer, encoded, tokens, TOKEN_COUNTS, FRAME_COUNTS, pruning_range=3, precision=precision
    )
    sum(losses).backward()  # type: ignore[union-attr]  # a tensor
    assert all(torch.isfinite(loss) and loss > 0 for loss in losses)
    assert encoded.grad is not None
    assert torch.isfinite(encoded.grad).all()
    assert encoded.grad[3].abs().sum() > 0  # it learns to be silent
    assert not encoded.grad[1, 4:].any()  # padding teaches nothing


def test_a_batch_of_noise_only() -> None:
    transducer = Transducer(VOCABULARY)
    encoded = torch.randn(2, 5, 256)
    none = np.zeros(2, np.int64)
    losses = token_losses(
        transducer,
        encoded,
        torch.zeros(2, 1, dtype=torch.int64),
        none,
        np.array([5, 3]),
        pruning_range=5,
        precision=FP32,
    )
    assert all(torch.isfinite(loss) for loss in losses)
    assert losses.pruned > 0
