"""Which sentence of the grammar sounds most like what was heard.

An alignment of two strings of sounds by dynamic programming, of which one may be any path through the
network: so it does not matter where the recognizer put the spaces ("for tea" is forty), and a word that it
spelled in a new way ("timmer") costs nothing. Where a heard word has more sounds than the one that it was
taken for, they count against that one: there is a "nine" in "banana", but nobody said it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.assistant.language.network import START, Network, SlotMark, WordUse
from demo.assistant.language.sounds import MISSING, SUBSTITUTION, Sounds, sounds_of, sounds_of_words

_WORST_PER_SOUND = 0.5
"""Sentences that cost more than this per sound that was heard are not looked for."""
_EXTRA = 2.0
"""Added to that, so that short ones have a chance."""

Costs = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MatchedWord:
    """A word of the sentence that was found, with what it cost."""

    use: WordUse
    cost: float
    sounds: int

    @property
    def cost_per_sound(self) -> float:
        """0: as heard; 1: nothing of it was heard."""
        return self.cost / max(1, self.sounds)


@dataclass(frozen=True)
class Match:
    """The sentence that sounds most like what was heard."""

    words: tuple[MatchedWord, ...]
    cost: float
    heard_sounds: int

    @property
    def intent(self) -> str:
        """The intent whose sentence it is."""
        return self.words[0].use.intent

    @property
    def text(self) -> str:
        """The sentence as the grammar spells it."""
        return " ".join(word.use.text for word in self.words)

    @property
    def cost_per_sound(self) -> float:
        """0: exactly this was heard."""
        return self.cost / max(self.heard_sounds, sum(word.sounds for word in self.words))

    def slots(self) -> Iterator[tuple[str, list[MatchedWord]]]:
        """Every slot's name and words, in the order of the sentence."""
        found: dict[SlotMark, list[MatchedWord]] = {}
        for word in self.words:
            if word.use.slot is not None:
                found.setdefault(word.use.slot, []).append(word)
        for (name, _), words in found.items():
            yield name, words


@dataclass(frozen=True, slots=True)
class _Step:
    """One sound of the sentence."""

    state: int
    cost: float
    heard: int | None
    """Which of the heard sounds it was taken for; None: it was not heard."""


class Matcher:
    """Finds sentences of one grammar."""

    def __init__(self, network: Network) -> None:
        self._net = network
        self._missing = MISSING[network.sounds[1:]]
        self._start = self._column_before_the_first_sound()

    def best(self, words: Sequence[str]) -> Match | None:
        """The best whole sentence; None where nothing comes close. Milliseconds of work."""
        heard = sounds_of_words(words)
        if not len(heard):
            return None
        columns = list(self._columns(heard))
        end = int(self._net.ends[np.argmin(columns[-1][self._net.ends])])
        cost = float(columns[-1][end])
        if not np.isfinite(cost):
            return None
        heard_in = np.repeat(np.arange(len(words)), [len(sounds_of(word)) for word in words])
        path = self._path(columns, heard, end)
        return Match(tuple(self._words_of(path, heard, heard_in)), cost, len(heard))

    def beginning_cost_per_sound(self, words: Sequence[str]) -> float:
        """How far what was heard is from the best beginning of a sentence, up to the end of any word."""
        heard = sounds_of_words(words)
        if not len(heard):
            return np.inf
        *_, last = self._columns(heard)
        return float(last[self._net.word_ends].min()) / len(heard)

    def _column_before_the_first_sound(self) -> Costs:
        """What it costs to be in a state with nothing heard: all sounds on the way are missing."""
        column = np.full(len(self._net.sounds), np.inf, np.float32)
        column[START] = 0.0
        self._miss(column, np.inf)
        return column

    def _columns(self, heard: Sounds) -> Iterator[Costs]:
        """Before the first sound and after each: the least cost of being in each state by then."""
        limit = _EXTRA + _WORST_PER_SOUND * len(heard)
        column = self._start.copy()
        yield column
        for sound in heard:
            took = np.minimum.reduceat(column[self._net.sources], self._net.first_arc)
            column = column + MISSING[sound]  # nobody said it
            said = took + SUBSTITUTION[sound, self._net.sounds[1:]]
            np.minimum(column[1:], said, out=column[1:])
            self._miss(column, limit)
            yield column

    def _miss(self, column: Costs, limit: float) -> None:
        """Lets states be reached although their sound was not heard, in place."""
        while True:
            missed = np.minimum.reduceat(column[self._net.sources], self._net.first_arc) + self._missing
            better = missed < column[1:]
            better &= missed <= limit
            if not better.any():
                return
            column[1:][better] = missed[better]

    def _path(self, columns: list[Costs], heard: Sounds, end: int) -> list[_Step]:
        """The states on the way to `end`; found backwards."""
        steps: list[_Step] = []
        at, state = len(heard), end
        while state != START or at > 0:
            here = columns[at][state]
            if at > 0 and np.isclose(here, columns[at - 1][state] + MISSING[heard[at - 1]], atol=1e-4):
                at -= 1  # nobody said it
                continue
            sources = self._sources(state)
            said = float(SUBSTITUTION[heard[at - 1], self._net.sounds[state]]) if at > 0 else np.inf
            came = columns[at - 1][sources] + said if at > 0 else np.full(len(sources), np.inf)
            best = int(np.argmin(came))
            if np.isclose(came[best], here, atol=1e-4):
                at -= 1
                steps.append(_Step(state, said, at))
            else:
                best = int(np.argmin(columns[at][sources]))
                steps.append(_Step(state, float(self._missing[state - 1]), None))
            state = int(sources[best])
        return steps[::-1]

    def _sources(self, state: int) -> NDArray[np.int32]:
        first = self._net.first_arc[state - 1]
        last = self._net.first_arc[state] if state < len(self._net.first_arc) else len(self._net.sources)
        return self._net.sources[first:last]

    def _words_of(
        self, path: list[_Step], heard: Sounds, heard_in: NDArray[np.int64]
    ) -> Iterator[MatchedWord]:
        """`heard_in`: which of the heard words each sound was in."""
        costs: dict[int, float] = {}
        sounds: Counter[int] = Counter()
        for step in path:
            word = int(self._net.word_of[step.state])
            costs[word] = costs.get(word, 0.0) + step.cost
            sounds[word] += 1
        taken = {step.heard: int(self._net.word_of[step.state]) for step in path if step.heard is not None}
        for at in sorted(set(range(len(heard))) - taken.keys()):
            for word in _suspects(at, taken, heard_in):
                costs[word] += float(MISSING[heard[at]])
        for word, cost in costs.items():
            yield MatchedWord(self._net.words[word], cost, sounds[word])


def _suspects(at: int, taken: dict[int, int], heard_in: NDArray[np.int64]) -> set[int]:
    """The words that a sound counts against which is part of none: the one before, and the one after, if the
    word that was heard for that began with the sound."""
    before = max((other for other in taken if other < at), default=None)
    after = min((other for other in taken if other > at), default=None)
    suspects = set() if before is None else {taken[before]}
    if after is not None and heard_in[after] == heard_in[at]:
        suspects.add(taken[after])
    return suspects
