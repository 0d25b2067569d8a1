"""The two parts of an interim result, as Google and Riva have it: what is settled, and the rest."""

from __future__ import annotations

from collections.abc import Iterator

from amira.asr.v1 import result_pb2

SETTLED = 0.9
"""Stability of what is not expected to change; clients compare with it."""
_MOST_UNSETTLED = 0.8


def interim_parts(result: result_pb2.StreamingResult) -> Iterator[tuple[str, float]]:
    """Text (words with single spaces between) and stability of each part that is not empty."""
    words = result.alternatives[0].text.split() if result.alternatives else []
    if settled := words[: result.stable_words]:
        yield " ".join(settled), SETTLED
    if rest := words[result.stable_words :]:
        yield " ".join(rest), min(result.stability, _MOST_UNSETTLED)
