"""Errors relative to the teacher, over valid positions only."""

from __future__ import annotations

import pytest
import torch

from amira_training.loss.distillation import relative_error, relative_error_per_dimension


def test_equal_is_zero_and_silence_is_one() -> None:
    torch.manual_seed(0)
    teacher, valid = torch.randn(2, 5, 8), torch.ones(2, 5)
    assert float(relative_error(teacher, teacher, valid)) == 0
    assert float(relative_error(torch.zeros_like(teacher), teacher, valid)) == pytest.approx(1, rel=1e-5)
    assert 0.8 < float(relative_error_per_dimension(torch.zeros_like(teacher), teacher, valid)) < 1


def test_what_is_not_valid_does_not_count() -> None:
    torch.manual_seed(0)
    teacher, student = torch.randn(2, 5, 8), torch.randn(2, 5, 8, requires_grad=True)
    valid = torch.tensor([[1.0, 1, 1, 0, 0], [0, 0, 0, 0, 0]])
    for error in (relative_error, relative_error_per_dimension):
        found = error(student, teacher, valid)
        torch.testing.assert_close(found, error(student[:1, :3], teacher[:1, :3], valid[:1, :3]))
        (gradient,) = torch.autograd.grad(found, student)
        assert gradient[0, :3].any()
        assert not gradient[0, 3:].any()
        assert not gradient[1].any()


def test_nothing_valid_is_no_error() -> None:
    nothing = torch.zeros(1, 4)
    student = torch.randn(1, 4, 8, requires_grad=True)
    for error in (relative_error, relative_error_per_dimension):
        found = error(student, torch.zeros(1, 4, 8), nothing)
        assert float(found.detach()) == 0
        (gradient,) = torch.autograd.grad(found, student)
        assert torch.isfinite(gradient).all()


def test_large_dimensions_do_not_hide_the_others() -> None:
    teacher = torch.cat((100 * torch.ones(1, 6, 1), torch.ones(1, 6, 7)), -1)
    student = torch.cat((100 * torch.ones(1, 6, 1), torch.zeros(1, 6, 7)), -1)
    valid = torch.ones(1, 6)
    assert float(relative_error(student, teacher, valid)) < 0.01
    assert float(relative_error_per_dimension(student, teacher, valid)) > 0.8
