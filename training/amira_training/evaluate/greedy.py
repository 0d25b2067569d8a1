"""Greedy search: at each position the likeliest token, at most one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from amira_training.model import geometry as g
from amira_training.model.transducer import Transducer


def greedy(transducer: Transducer, encoded: Tensor, steps: Sequence[int]) -> list[list[int]]:
    """Tokens of each utterance.

    Args:
        transducer: predictor and joiner.
        encoded: ``[N, T, 256]`` float32.
        steps: positions of each utterance, at most T.
    """
    heard: list[list[int]] = [[] for _ in steps]
    with torch.no_grad():
        contexts = torch.full((len(steps), g.CONTEXT_SIZE), g.BLANK, device=encoded.device)
        predicted = transducer.predict(contexts)[:, 0]
        for position in range(max(steps, default=0)):
            best = transducer.join(encoded[:, position], predicted).argmax(-1).tolist()
            said = [n for n, token in enumerate(best) if token != g.BLANK and position < steps[n]]
            if not said:
                continue
            for n in said:
                heard[n].append(best[n])
            new = torch.tensor([best[n] for n in said], device=encoded.device)
            contexts[said] = torch.cat((contexts[said, 1:], new[:, None]), 1)
            predicted[said] = transducer.predict(contexts[said])[:, 0]
    return heard
