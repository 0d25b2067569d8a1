"""The joint network that all searches share: predictor rows by context, joiner, log-softmax.

The predictor sees only the last few tokens, so its output is a row per context and is computed once
and kept in a bounded table. The joiner of almost every icefall export is affine in tanh(encoder +
decoder): its weights are then measured through the graph's own outputs at load (tanh saturates to
exactly 1, which lays the weights bare, however the file spells them), checked against onnxruntime,
and run in numba. Any other joiner runs in onnxruntime.

In int8 exports onnxruntime rounds activations by the largest value of all rows it is given, so that a
stream's result would depend on who shares its batch: their predictors run row by row, and their
joiners' rounded weights are measured and run in numba like any others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from amira_decoder.model import joint_kernels as kernels
from amira_decoder.model.affine_kernels import affine_joiner
from amira_decoder.model.folder import ModelFolderError, TransducerFolder, open_session
from amira_encoder.engines.dynamic_quantization import is_dynamically_quantized

_log = structlog.get_logger(__name__)

_TABLE_BYTES = 32 << 20
_SATURATED = np.float32(30.0)
_TOLERANCE = 1e-4
_ROUNDED_TOLERANCE = 0.05  # activations rounded to 8 bits against exact ones: measured 0.001 to 0.005


class AffineJoiner(NamedTuple):
    """logits [V] = tanh(encoder + decoder) [D] @ weights [D, V] + bias [V]."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


class ContextTable:
    """Predictor rows by context key. Bounded: when it is full it starts anew."""

    def __init__(self, dim: int, capacity: int, vocab_size: int = 0) -> None:
        """With a vocabulary, priors are kept too."""
        self.vocab_size = vocab_size
        self.priors: NDArray[np.float32]
        self.rows: NDArray[np.float32]
        self.keys: NDArray[np.int64]
        self.slots: NDArray[np.int32]
        self.dim = dim
        self.reserve(capacity)

    def reserve(self, capacity: int) -> None:
        """Makes room for at least `capacity` contexts; empties the table when it has to grow."""
        if hasattr(self, "rows") and capacity <= len(self.rows):
            return
        self.rows = np.empty((capacity, self.dim), np.float32)
        self.priors = np.empty((capacity if self.vocab_size else 0, self.vocab_size), np.float32)
        slots = 1 << (2 * capacity - 1).bit_length()
        self.keys = np.full(slots, kernels.EMPTY, np.int64)
        self.slots = np.zeros(slots, np.int32)
        self.used = 0

    def add(
        self, keys: NDArray[np.int64], rows: NDArray[np.float32], priors: NDArray[np.float32] | None = None
    ) -> None:
        """Adds absent, distinct contexts; empties the table first when they do not fit."""
        if self.used + len(keys) > len(self.rows):
            self.keys.fill(kernels.EMPTY)
            self.used = 0
            self.reserve(len(keys))
        self.rows[self.used : self.used + len(keys)] = rows
        if priors is not None:
            self.priors[self.used : self.used + len(keys)] = priors
        kernels.insert_rows(keys, self.used, self.keys, self.slots)
        self.used += len(keys)


class JointNetwork:
    """Predictor and joiner of one model. Not thread-safe: one search thread."""

    def __init__(self, folder: TransducerFolder, *, affine: bool = True) -> None:
        """Loads both networks. `affine=False` keeps the joiner in onnxruntime whatever it is (for tests)."""
        self.vocab_size = folder.vocab_size
        self.context_size = folder.context_size
        self.blank_id = folder.blank_id
        self.key_base = folder.vocab_size + 1
        self.key_modulus = self.key_base ** (folder.context_size - 1)
        self._predictor = open_session(folder.decoder)
        self._joiner = open_session(folder.joiner)
        self._predictor_rounds = is_dynamically_quantized(folder.decoder)
        self._joiner_rounds = is_dynamically_quantized(folder.joiner)
        self._context_name = self._predictor.get_inputs()[0].name
        self._joiner_names = [given.name for given in self._joiner.get_inputs()]
        if len(self._joiner_names) != 2:
            raise ModelFolderError(f"{folder.joiner.name}: expected 2 inputs, got {self._joiner_names}")
        first = self._predict(np.array([kernels.INITIAL_KEY]))
        self.dim = first.shape[1]
        self._check_joiner(folder)
        capacity = min(_TABLE_BYTES // (4 * self.dim), self.key_base**self.context_size)
        self.table = ContextTable(self.dim, capacity)
        self.affine: AffineJoiner | None = self._measure_joiner(folder) if affine else None

    def keep_priors(self) -> None:
        """From now on the table holds priors too."""
        self.table = ContextTable(self.dim, len(self.table.rows), self.vocab_size)

    def contexts(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Token ids [n, context_size] of context keys [n]; -1 stands before the beginning."""
        powers = self.key_base ** np.arange(self.context_size - 1, -1, -1, dtype=np.int64)
        tokens: NDArray[np.int64] = keys[:, None] // powers % self.key_base - 1
        return tokens

    def arrays(self) -> kernels.JointArrays | None:
        """What kernels need, as of now; None where the joiner is not affine. Ask again after `fill`."""
        if self.affine is None:
            return None
        table = self.table
        return kernels.JointArrays(
            *self.affine,
            table.keys,
            table.slots,
            table.rows,
            table.priors,
            self.blank_id,
            self.key_base,
            self.key_modulus,
        )

    def fill(self, keys: NDArray[np.int64]) -> None:
        """Computes the predictor's rows of contexts that the table lacks; repeats are fine."""
        distinct = np.unique(keys)
        rows = self._predict(distinct)
        self.table.add(distinct, rows, self._priors(rows) if self.table.vocab_size else None)

    def priors(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log-probabilities [n, V] of the tokens after contexts [n], blank apart, where nothing is heard.

        The encoder's part is zero: the internal language model as Meng et al. 2021 estimate it.
        """
        self.rows(keys)
        return self.table.priors[kernels.find_rows(keys, self.table.keys, self.table.slots)]

    def rows(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """The predictor's rows [n, D] of contexts [n]."""
        table = self.table
        slots = kernels.find_rows(keys, table.keys, table.slots)
        lacking = keys[slots == kernels.EMPTY]
        if len(lacking):
            table.reserve(2 * len(keys))
            self.fill(lacking)
            return self.rows(keys)
        return table.rows[slots]

    def logits(
        self, encoder_rows: NDArray[np.float32], decoder_rows: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The joiner through onnxruntime: two [n, D] to [n, V]."""
        if self._joiner_rounds and len(encoder_rows) > 1:
            pairs = zip(encoder_rows[:, None], decoder_rows[:, None], strict=True)
            return np.concatenate([self.logits(*pair) for pair in pairs])
        inputs = dict(zip(self._joiner_names, (encoder_rows, decoder_rows), strict=True))
        logits = self._joiner.run(None, inputs)[0]
        return np.ascontiguousarray(logits, np.float32).reshape(len(encoder_rows), -1)

    def _predict(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        if self._predictor_rounds and len(keys) > 1:
            return np.concatenate([self._predict(key) for key in keys[:, None]])
        rows = self._predictor.run(None, {self._context_name: self.contexts(keys)})[0]
        return np.asarray(rows, np.float32).reshape(len(keys), -1)

    def _priors(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Row by row: a product of many rows at once may round otherwise than one of few."""
        priors = np.empty((len(rows), self.vocab_size), np.float32)
        nothing, hidden = np.zeros(self.dim, np.float32), np.empty(self.dim, np.float32)
        for row, prior in zip(rows, priors, strict=True):
            if self.affine is not None:
                affine_joiner(nothing, row, *self.affine, hidden, prior)
            else:
                prior[:] = self.logits(nothing[None], row[None])[0]
            kernels.token_priors(prior, self.blank_id)
        return priors

    def _check_joiner(self, folder: TransducerFolder) -> None:
        zeros = np.zeros((1, self.dim), np.float32)
        try:
            vocab = self.logits(zeros, zeros).shape[1]
        except Exception as error:  # onnxruntime's classes vary; all mean a wrong graph
            raise ModelFolderError(
                f"{folder.joiner.name} does not go with {folder.decoder.name}: {error}"
            ) from error
        if vocab != self.vocab_size:
            raise ModelFolderError(f"{folder.joiner.name} gives {vocab} tokens, expected {self.vocab_size}")

    def _measure_joiner(self, folder: TransducerFolder) -> AffineJoiner | None:
        """The weights of an affine joiner, or None for any other."""
        zeros = np.zeros((self.dim, self.dim), np.float32)
        bias = self.logits(zeros[:1], zeros[:1])[0]
        weights = np.ascontiguousarray(
            self.logits(np.eye(self.dim, dtype=np.float32) * _SATURATED, zeros) - bias
        )
        random = np.random.default_rng(0)
        scale = random.uniform(0.01, 3, (32, 1))
        encoder_rows, decoder_rows = (
            (scale * random.standard_normal((32, self.dim))).astype(np.float32) for _ in range(2)
        )
        expected = self.logits(encoder_rows, decoder_rows)
        error = np.abs(np.tanh(encoder_rows + decoder_rows) @ weights + bias - expected).max()
        tolerance = _ROUNDED_TOLERANCE if self._joiner_rounds else _TOLERANCE
        if error <= tolerance * max(1.0, float(np.abs(expected).max())):
            return AffineJoiner(weights, bias)
        _log.info("joiner_not_affine", model=folder.name, joiner=folder.joiner.name, error=float(error))
        return None
