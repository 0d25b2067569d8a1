"""What the tiny encoders share, and writing them to a model folder."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from amira_decoder.model import TransducerFolder
from tests.decoder.search.tiny_model import DIM, write_tiny_model

FEATURE_DIM = 80
PIECES = ("▁a", "▁b", "c", "d", "▁e")


@dataclass(frozen=True)
class State:
    """One state tensor as an export script declares it."""

    name: str
    shape: tuple[int, ...]
    """For a batch of one."""
    batch_axis: int
    dtype: torch.dtype = torch.float32


class Export(nn.Module):
    """A streaming encoder: ``forward(x [N, T, 80], *states)`` gives [N, T', DIM] and the next states."""

    window_frames: int
    chunk_frames: int
    output_frames: int
    metadata: Mapping[str, str]
    unreturned: tuple[str, ...] = ()
    """States that the graph takes but does not give back."""
    outputs_are_declared_dynamic = True

    @property
    @abstractmethod
    def states(self) -> list[State]:
        """The states, in the order of the script."""

    def result_name(self, state: State) -> str:
        """The name of the output that a state becomes."""
        return f"new_{state.name}"

    def write(self, path: Path) -> None:
        """Exports to an ONNX file, with metadata."""
        returned = [state for state in self.states if state.name not in self.unreturned]
        results = {self.result_name(state): {state.batch_axis: "N"} for state in returned}
        x = torch.zeros(1, self.window_frames, FEATURE_DIM)
        self.eval()
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer's remarks on constants
            torch.onnx.export(
                self,
                (x, *(torch.zeros(state.shape, dtype=state.dtype) for state in self.states)),
                str(path),
                opset_version=13,
                input_names=["x", *(state.name for state in self.states)],
                output_names=["encoder_out", *results],
                dynamic_axes={
                    "x": {0: "N"},
                    "encoder_out": {0: "N"},
                    **{state.name: {state.batch_axis: "N"} for state in self.states},
                    **(results if self.outputs_are_declared_dynamic else {}),
                },
            )
        model = onnx.load(str(path))
        onnx.helper.set_model_props(model, dict(self.metadata))
        onnx.save(model, str(path))


def write_transducer(folder: Path, architecture: type[Export], seed: int = 0) -> TransducerFolder:
    """Writes a whole model folder: the encoder, a predictor, a joiner and tokens, all random."""
    write_tiny_model(folder, PIECES, seed=seed)
    (folder / "encoder.onnx").unlink()
    torch.manual_seed(seed)
    architecture().write(folder / "encoder-epoch-99-avg-1.onnx")
    return TransducerFolder.open(folder)


class Subsampling(nn.Module):
    """[N, T, 80] to [N, (T - kernel) // stride + 1, dim]."""

    def __init__(self, kernel: int, stride: int, dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(FEATURE_DIM, dim, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Subsamples; log-mel values are around -8 with a spread of 4."""
        return torch.tanh(self.conv((x.transpose(1, 2) + 8) / 4)).transpose(1, 2)


class CachedConv(nn.Module):
    """A causal depthwise convolution over [N, dim, frames] whose left context is a cache."""

    def __init__(self, dim: int, cached_frames: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(dim, dim, cached_frames + 1, groups=dim)
        self.cached_frames = cached_frames

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Result and the next cache, [N, dim, cached_frames]."""
        x = torch.cat([cache, x], dim=2)
        return torch.tanh(self.conv(x)), x[:, :, -self.cached_frames :]


def attention(query: Tensor, key: Tensor, ignored: Tensor | None = None) -> Tensor:
    """Weights [N, T, S] of queries [T, N, K] over keys [S, N, K]; `ignored` [N, S] is true for no key."""
    scores = torch.matmul(query.permute(1, 0, 2), key.permute(1, 2, 0)) * query.size(2) ** -0.5
    if ignored is not None:
        scores = scores.masked_fill(ignored.unsqueeze(1), -1e4)
    return torch.softmax(scores, dim=2)


def weigh(weights: Tensor, values: Tensor) -> Tensor:
    """Weights [N, T, S] times values [S, N, V]: [T, N, V]."""
    return torch.matmul(weights, values.permute(1, 0, 2)).permute(1, 0, 2)


def mean_of_groups(x: Tensor, size: int) -> Tensor:
    """Means of each `size` frames of [T, N, D]."""
    return x.reshape(-1, size, x.size(1), x.size(2)).mean(1)


def repeat_each(x: Tensor, times: int) -> Tensor:
    """Each frame of [T, N, D] several times."""
    return x.unsqueeze(1).expand(-1, times, -1, -1).reshape(-1, x.size(1), x.size(2))


OUTPUT_DIM = DIM
