"""The assistant's own voice, heard by the microphone.

Browsers remove most of it. What is left is known by its words: they are those of the answer that plays, in
the same order. People talk over the answer, too, so that an echo may go over into a command: only its
beginning is removed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from demo.assistant.language.distance import costs_within
from demo.assistant.language.sounds import sounds_of, sounds_of_words

_MOST_COST = 0.18
"""Per sound of all that is taken for an echo."""
_MOST_LAST_COST = 0.4
"""Per sound of its last word: what follows an echo is not part of it."""
_WORD = re.compile(r"[\w']+(?:[.:]\d+)*")


def words_said(answer: str) -> list[str]:
    """An answer's words as the recognizer could hear them."""
    return _WORD.findall(answer.lower())


def without_echo(heard: Sequence[str], answer: str) -> int:
    """How many words at the beginning of `heard` are the answer's, from anywhere within it."""
    said = sounds_of_words(words_said(answer))
    costs = costs_within(sounds_of_words(list(heard)), said)
    ends = [0, *np.cumsum([len(sounds_of(word)) for word in heard])]
    echoed = 0
    for count, (start, end) in enumerate(pairwise(ends), 1):
        is_word = costs[end] - costs[start] <= _MOST_LAST_COST * (end - start)
        if is_word and costs[end] <= _MOST_COST * end:
            echoed = count
    return echoed
