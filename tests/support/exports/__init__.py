"""Tiny streaming encoders with random weights, exported as icefall exports the real ones.

Each has the input names, state layouts, dynamic axes, output declarations and metadata of one icefall
export script (``egs/librispeech/ASR/*/export-onnx*.py``), and arithmetic of its architecture: attention
over cached keys and values, cached convolutions, recurrence, counts of frames. So a state that is
gathered along a wrong axis, swapped or not cleared changes the output.
"""

from tests.support.exports.conformer import Conformer
from tests.support.exports.emformer import Emformer
from tests.support.exports.export import Export, write_transducer
from tests.support.exports.lstm import Lstm
from tests.support.exports.zipformer import Zipformer
from tests.support.exports.zipformer2 import Zipformer2

ARCHITECTURES: dict[str, type[Export]] = {
    "zipformer2": Zipformer2,
    "zipformer": Zipformer,
    "lstm": Lstm,
    "conformer": Conformer,
    "emformer": Emformer,
}

__all__ = ["ARCHITECTURES", "Export", "write_transducer"]
