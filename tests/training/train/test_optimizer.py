"""Muon turns each matrix's gradient, and nothing else, into an orthogonal update of a fixed size."""

from __future__ import annotations

import torch
from torch import nn

from amira_training.train.optimizer import Group, Optimizer, orthogonalized


def test_an_update_has_the_directions_of_the_gradient_at_equal_strength() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(2, 24, 60) * torch.logspace(0, -2, 24)[None, :, None]
    u, _, v = torch.linalg.svd(gradient, full_matrices=False)
    strengths = torch.linalg.svdvals(orthogonalized(gradient))
    assert strengths.min() > 0.5
    assert strengths.max() < 1.4
    along = torch.diagonal(u.transpose(1, 2) @ orthogonalized(gradient) @ v.transpose(1, 2), dim1=1, dim2=2)
    assert (along > 0.5).all()


def test_each_of_query_key_and_value_is_a_matrix_of_its_own() -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.zeros(36, 12))
    optimizer = Optimizer([Group([weight], 1.0, orthogonal=True)], weight_decay=0.0)
    optimizer.param_groups[0]["lr"] = 1.0
    weight.grad = torch.randn(36, 12) * torch.tensor([1e-3, 1.0, 1e3]).repeat_interleave(12)[:, None]
    optimizer.step()
    sizes = [float(part.norm()) for part in weight.detach().split(12)]
    assert max(sizes) < 1.5 * min(sizes)
    assert 0.1 < float(weight.detach().pow(2).mean().sqrt()) < 0.3


def test_other_groups_are_adamw_s_and_unused_weights_stay() -> None:
    torch.manual_seed(0)
    matrix, vector, unused = (nn.Parameter(torch.ones(*shape)) for shape in ((4, 4), (4,), (4, 4)))
    alone = nn.Parameter(torch.ones(4))
    mixed = Optimizer([Group([vector], 0.1), Group([matrix, unused], 0.1, orthogonal=True)], weight_decay=0.0)
    adamw = torch.optim.AdamW([alone], lr=0.1, betas=(0.9, 0.98), weight_decay=0.0)
    for group in mixed.param_groups:
        group["lr"] = 0.1
    for _ in range(5):
        gradient = torch.randn(4)
        vector.grad, alone.grad, matrix.grad = gradient.clone(), gradient.clone(), torch.randn(4, 4)
        mixed.step()
        adamw.step()
        assert matrix.grad is not None
    torch.testing.assert_close(vector, alone)
    torch.testing.assert_close(unused, torch.ones(4, 4))
    assert not torch.equal(matrix, torch.ones(4, 4))
