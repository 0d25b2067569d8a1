"""The three phases: what each trains, and against what."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from amira_training.augment.vocal_tract import warping
from amira_training.features import Fbank
from amira_training.loss.distillation import relative_error, relative_error_per_dimension
from amira_training.loss.transducer import token_losses
from amira_training.model import geometry as g
from amira_training.model.streaming_encoder import StreamingEncoder
from amira_training.model.transducer import Transducer
from amira_training.precision import Precision
from amira_training.settings import HeadSettings, JointSettings, StemSettings
from amira_training.teacher.moonshine import Moonshine
from amira_training.teacher.outputs import at_student_positions
from amira_training.train.examples import HeadBatch, JointBatch, StemBatch
from amira_training.train.loop import DRAWS, Losses, figures, learning
from amira_training.train.optimizer import Group

STEM, HEADS, JOINT = "stem", "heads", "joint"

_SETTLING_STEPS = 3  # the first positions of a piece, before which the teacher's convolutions see nothing
_VARIANCE_FLOOR = 0.01
_SIMPLE_REST = 0.5  # weight of the simple loss once the pruned one counts fully
_HEAD_CTC_WEIGHT = 0.4
_PRUNED_START = 0.25


class StemPhase:
    """The student's convolutions learn to give, from noisy features, what the teacher's do without noise."""

    name = STEM
    average_decay: float | None = None

    def __init__(
        self, encoder: StreamingEncoder, teacher: Moonshine, settings: StemSettings, precision: Precision
    ) -> None:
        self.network: nn.Module = encoder.stem
        self._stem = encoder.stem
        self._teacher = teacher.to(precision.device)
        self._fbank = Fbank().to(precision.device)
        self._settings = settings
        self._precision = precision

    def rates(self) -> list[Group]:
        """One for all."""
        return [Group(learning(self._stem), self._settings.rate)]

    def losses(self, batch: StemBatch, *, step: int, progress: float) -> Losses:
        """Squared error relative to the variance of each dimension."""
        steps = batch.clean.shape[1] // (g.FRAMES_PER_STEP * 160) - 1
        target = self._target(batch, steps)
        device = self._precision.device
        fbank = self._fbank(torch.from_numpy(batch.disturbed).to(device))[:, : steps * g.FRAMES_PER_STEP]
        padding = (0, 0, g.STEM_HISTORY_FRAMES, g.STEM_LOOKAHEAD_FRAMES)
        with self._precision.autocast():
            given = self._stem(functional.pad(self._stem.normalize(fbank), padding)).float()
        variance = target.var((0, 1))
        error = ((given - target)[:, _SETTLING_STEPS:] ** 2).mean((0, 1))
        total = (error / (variance + _VARIANCE_FLOOR * variance.mean())).mean()
        return Losses(total, figures({"error": total}))

    def _target(self, batch: StemBatch, steps: int) -> Tensor:
        with torch.no_grad(), self._precision.autocast():
            outputs = self._teacher.stem(torch.from_numpy(batch.clean).to(self._precision.device))
        rows = [at_student_positions(row, steps) for row in outputs.float().cpu().numpy()]
        return torch.from_numpy(np.stack(rows)).to(self._precision.device)


class HeadPhase:
    """Bottleneck, predictor and joiner learn on the teacher's own outputs."""

    name = HEADS
    average_decay: float | None = None

    def __init__(
        self,
        encoder: StreamingEncoder,
        transducer: Transducer,
        settings: HeadSettings,
        precision: Precision,
        pruning_range: int,
    ) -> None:
        self.network: nn.Module = head_modules(encoder, transducer)
        self._encoder = encoder
        self._transducer = transducer
        self._settings = settings
        self._precision = precision
        self._pruning_range = pruning_range

    def rates(self) -> list[Group]:
        """One for all."""
        return [Group(learning(self.network), self._settings.rate)]

    def losses(self, batch: HeadBatch, *, step: int, progress: float) -> Losses:
        """CTC, simple and pruned; the pruned loss comes in slowly, as at first the band is anywhere."""
        device = self._precision.device
        encoded = functional.dropout(torch.from_numpy(batch.encoded).to(device), self._settings.dropout)
        with self._precision.autocast():
            heard = self._encoder.head(encoded)
        losses = token_losses(
            self._transducer,
            heard,
            torch.from_numpy(batch.tokens).to(device),
            batch.token_counts,
            batch.steps,
            pruning_range=self._pruning_range,
            precision=self._precision,
        )
        pruned = min(1.0, _PRUNED_START + step / self._settings.pruned_after_steps)
        simple = 1 - (1 - _SIMPLE_REST) * pruned
        total = _HEAD_CTC_WEIGHT * losses.ctc + simple * losses.simple + pruned * losses.pruned
        return Losses(total, figures(losses._asdict()))


class JointPhase:
    """Everything learns: to recognize, and to hear in chunks of noise what the teacher hears at leisure."""

    name = JOINT

    def __init__(
        self,
        encoder: StreamingEncoder,
        transducer: Transducer,
        settings: JointSettings,
        precision: Precision,
        pruning_range: int,
    ) -> None:
        self.network: nn.Module = nn.ModuleDict({"encoder": encoder, "transducer": transducer})
        self.average_decay: float | None = settings.average_decay
        self._encoder = encoder
        self._transducer = transducer
        self._fbank = Fbank().to(precision.device)
        self._settings = settings
        self._precision = precision
        self._pruning_range = pruning_range
        for layer in encoder.layers:
            layer.dropout = settings.layer_dropout

    def rates(self) -> list[Group]:
        """Less for what comes from the teacher."""
        encoder, settings = self._encoder, self._settings
        layers = list(learning(encoder.layers, encoder.norm))
        matrices = [weight for weight in layers if weight.ndim == 2] if settings.matrix_rate > 0 else []
        by_muon = {id(weight) for weight in matrices}
        heads = [encoder.before_start, *learning(head_modules(encoder, self._transducer))]
        return [
            Group([weight for weight in layers if id(weight) not in by_muon], settings.layer_rate),
            Group(matrices, settings.matrix_rate, orthogonal=True),
            Group(learning(encoder.stem), settings.stem_rate),
            Group(heads, settings.head_rate),
        ]

    def losses(self, batch: JointBatch, *, step: int, progress: float) -> Losses:
        """CTC, simple and pruned transducer losses, and distillation that recedes."""
        settings, device = self._settings, self._precision.device
        fbank = self._features(batch)
        with self._precision.autocast():
            last, middle = self._encoder.trunk(fbank, self._chunking(batch))
            heard = self._encoder.head(functional.dropout(last, settings.dropout))
        tokens = token_losses(
            self._transducer,
            self._encoder.delayed(heard),
            torch.from_numpy(batch.tokens).to(device),
            batch.token_counts,
            batch.steps + g.OUTPUT_DELAY_STEPS,
            pruning_range=self._pruning_range,
            precision=self._precision,
        )
        taught = torch.from_numpy(batch.taught).to(device)
        for_last, for_middle = torch.from_numpy(batch.teacher).to(device).split(g.MODEL_DIM, -1)
        final_error = relative_error(last, for_last, taught)
        middle_error = relative_error_per_dimension(middle, for_middle, taught)
        distillation = settings.final_weight * final_error + settings.middle_weight * middle_error
        recognition = (
            settings.ctc_weight * tokens.ctc + settings.simple_weight * tokens.simple + tokens.pruned
        )
        total = recognition + self._distillation_share(progress) * distillation
        return Losses(total, figures({**tokens._asdict(), "final": final_error, "middle": middle_error}))

    def _features(self, batch: JointBatch) -> Tensor:
        device = self._precision.device
        fbank = self._fbank(torch.from_numpy(batch.samples).to(device))
        fbank = fbank @ torch.from_numpy(warping(batch.vocal_tracts)).to(device)
        hidden_bins = torch.from_numpy(batch.hidden_bins).to(device)[:, None, :]
        hidden_frames = torch.from_numpy(batch.hidden_frames).to(device)[:, :, None]
        return torch.where(hidden_bins | hidden_frames, fbank.mean((1, 2), keepdim=True), fbank)

    def _chunking(self, batch: JointBatch) -> g.Chunking:
        rng = batch.plan.rng(DRAWS)
        chunk, left = rng.choice(self._settings.chunk_steps), rng.choice(self._settings.left_steps)
        return g.Chunking(int(chunk), int(left))

    def _distillation_share(self, progress: float) -> float:
        rest = self._settings.distillation_rest
        return rest + (1 - rest) * max(0.0, 1 - progress / self._settings.distillation_ends)


def head_modules(encoder: StreamingEncoder, transducer: Transducer) -> nn.ModuleDict:
    """What sits on the transformer layers."""
    return nn.ModuleDict(
        {
            "widen": encoder.widen,
            "project": encoder.project,
            "output_norm": encoder.output_norm,
            "transducer": transducer,
        }
    )
