"""From hypotheses to what users see: words, ends of segments, stability of interims."""

from amira_decoder.results.endpoint import EndpointReason, EndpointRules
from amira_decoder.results.stability import Stability, StabilityTracker
from amira_decoder.results.words import Word, confidence_of, text_of, words_of

__all__ = [
    "EndpointReason",
    "EndpointRules",
    "Stability",
    "StabilityTracker",
    "Word",
    "confidence_of",
    "text_of",
    "words_of",
]
