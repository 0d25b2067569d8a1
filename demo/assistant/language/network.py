"""A grammar as a network of sounds: every path through it is a sentence that can be said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.assistant.language.notation import Choice, Expression, Grammar, Reference, Sequence, Word
from demo.assistant.language.sounds import Sounds, sounds_of

START = 0
"""The state before the first sound."""

SlotMark = tuple[str, int]
"""A slot's name and which use of it, so that two numbers in a row are two slots."""


@dataclass(frozen=True, slots=True)
class WordUse:
    """One word at one place of the grammar."""

    text: str
    intent: str
    slot: SlotMark | None


@dataclass(frozen=True)
class Network:
    """States, each with a sound, in an order in which every arc leads forwards."""

    sounds: Sounds
    """int8 [states]; that of START counts for nothing."""
    sources: NDArray[np.int32]
    """int32 [arcs]: where each comes from; those into one state lie together, in the order of the states."""
    first_arc: NDArray[np.int32]
    """int32 [states - 1]: where the arcs into each state but START begin in `sources`."""
    word_of: NDArray[np.int32]
    """int32 [states]: the word that a state belongs to; -1 for START."""
    words: list[WordUse]
    word_ends: NDArray[np.int32]
    """int32: the last state of every word."""
    ends: NDArray[np.int32]
    """int32: where sentences end."""


class _Builder:
    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._sounds: list[int] = [0]
        self._into: list[list[int]] = [[]]
        self._word_of: list[int] = [-1]
        self._words: list[WordUse] = []
        self._word_ends: list[int] = []
        self._intent = ""
        self._uses = 0

    def build(self) -> Network:
        ends: set[int] = set()
        for intent, expression in self._grammar.intents.items():
            self._intent = intent
            ends |= self._add(expression, frozenset({START}), None)
        if START in ends:
            raise ValueError(
                "an intent of this grammar matches silence: not all of its words may be left out"
            )
        sizes = [len(arcs) for arcs in self._into[1:]]
        return Network(
            sounds=np.array(self._sounds, np.int8),
            sources=np.array([source for arcs in self._into for source in arcs], np.int32),
            first_arc=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32),
            word_of=np.array(self._word_of, np.int32),
            words=self._words,
            word_ends=np.array(self._word_ends, np.int32),
            ends=np.array(sorted(ends), np.int32),
        )

    def _add(self, expression: Expression, before: frozenset[int], slot: SlotMark | None) -> frozenset[int]:
        """Adds it behind the states `before`; returns the states that it ends in."""
        if isinstance(expression, Word):
            return self._add_word(expression.text, before, slot)
        if isinstance(expression, Sequence):
            for part in expression.parts:
                before = self._add(part, before, slot)
            return before
        if isinstance(expression, Choice):
            return frozenset().union(*(self._add(option, before, slot) for option in expression.options))
        return self._add_rule(expression, before, slot)

    def _add_rule(
        self, reference: Reference, before: frozenset[int], slot: SlotMark | None
    ) -> frozenset[int]:
        if reference.slot:
            self._uses += 1
            slot = (reference.slot, self._uses)
        return self._add(self._grammar.rules[reference.rule], before, slot)

    def _add_word(self, text: str, before: frozenset[int], slot: SlotMark | None) -> frozenset[int]:
        self._words.append(WordUse(text, self._intent, slot))
        for sound in sounds_of(text):
            self._sounds.append(int(sound))
            self._into.append(sorted(before))
            self._word_of.append(len(self._words) - 1)
            before = frozenset({len(self._sounds) - 1})
        self._word_ends += before
        return before


def network_of(grammar: Grammar) -> Network:
    """Raises ValueError where an intent matches silence."""
    return _Builder(grammar).build()
