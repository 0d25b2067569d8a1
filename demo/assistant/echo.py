"""The assistant's own voice, heard by the microphone.

Browsers remove most of it. What is left is known by its words: they are those of the answer that plays, in
the same order. People talk over the answer, too, so that an echo may go over into a command: only its
beginning is removed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from demo.assistant.language.distance import costs_within
from demo.assistant.language.sounds import sounds_of, sounds_of_words

_MOST_COST = 0.18
"""Per sound."""
_WORD = re.compile(r"[\w']+(?:[.:]\d+)*")


def words_said(answer: str) -> list[str]:
    """An answer's words as the recognizer could hear them."""
    return _WORD.findall(answer.lower())


def without_echo(heard: Sequence[str], answer: str) -> int:
    """How many words at the beginning of `heard` are the answer's, from anywhere within it."""
    said = sounds_of_words(words_said(answer))
    costs = costs_within(sounds_of_words(list(heard)), said)
    ends = np.cumsum([len(sounds_of(word)) for word in heard])
    echoed = [count for count, end in enumerate(ends, 1) if costs[end] <= _MOST_COST * end]
    return echoed[-1] if echoed else 0
