"""The trained network, as `evaluate` measures it and the export writes it: with averaged weights."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from amira_training.errors import DataError
from amira_training.model.streaming_encoder import StreamingEncoder
from amira_training.model.transducer import Transducer
from amira_training.tokens import Tokens
from amira_training.train.checkpoint import load_checkpoint
from amira_training.train.phases import JOINT
from amira_training.work_folder import WorkFolder


class Trained(NamedTuple):
    """What came out of training, on the CPU."""

    encoder: StreamingEncoder
    transducer: Transducer
    tokens: Tokens
    steps: int
    minutes: float


def load_trained(work: WorkFolder) -> Trained:
    """The network of a work folder, finished or not.

    Raises:
        MissingStepError, DataError: it has not been trained, or the checkpoint is damaged.
    """
    path = work.require(work.checkpoints / f"{JOINT}.pt", "train")
    tokens = Tokens(work.require(work.bpe_model, "tokens"))
    checkpoint = load_checkpoint(path, JOINT)
    encoder, transducer = StreamingEncoder(), Transducer(len(tokens))
    network = nn.ModuleDict({"encoder": encoder, "transducer": transducer})
    try:
        network.load_state_dict({**checkpoint.network, **checkpoint.average})
    except RuntimeError as error:
        raise DataError(f"{path} is of another network or vocabulary: {error}") from error
    network.eval()
    place = checkpoint.place
    return Trained(encoder, transducer, tokens, place.step, place.elapsed_s / 60)
