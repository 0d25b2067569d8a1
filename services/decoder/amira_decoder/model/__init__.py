"""The transducer folder and the two small networks that the search runs: predictor and joiner."""

from amira_decoder.model.folder import ModelFolderError, TransducerFolder
from amira_decoder.model.tokens import TokenTable, UntokenizableError

__all__ = ["ModelFolderError", "TokenTable", "TransducerFolder", "UntokenizableError"]
