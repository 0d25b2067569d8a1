"""Phrases to favour, as one automaton over tokens (Aho-Corasick) that every search can follow.

Each token that carries a phrase on earns the phrase's boost. What was earned is on loan until the
phrase is complete: falling out of a phrase, or ending inside one, gives it back. A complete phrase
keeps its boost, once per occurrence; phrases inside or overlapping others count too. Negative
boosts work alike: a phrase is made less likely, and what only began like it is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from amira_core.errors import HotwordError
from amira_core.limits import MAX_BOOST, MAX_PHRASE_CHARACTERS
from amira_decoder.model.tokens import TokenTable, UntokenizableError

DEFAULT_BOOST = 1.5
_MAX_ARCS = 1 << 21
"""Bounds memory with a large vocabulary: an arc costs 8 bytes here and 16 more in k2."""


@dataclass(frozen=True, slots=True)
class HotwordLimits:
    """How much a stream may ask for."""

    max_phrases: int = 200
    max_states: int = 1000
    """States of the automaton: about one per distinct token prefix of the phrases."""


@dataclass(frozen=True, slots=True)
class Hotword:
    """One phrase."""

    phrase: str
    boost: float
    """Natural-log probability added per token of the phrase; negative makes it less likely."""


@dataclass(frozen=True, eq=False)
class HotwordAutomaton:
    """Where each token leads from each state, and what it earns. State 0 is the start."""

    next_state: NDArray[np.int32]
    """int32 [states, vocabulary]; blank stays where it is and is never looked up."""
    earned: NDArray[np.float32]
    """float32 [states, vocabulary], nats: boost of the step, less what it gives back."""
    at_end: NDArray[np.float32]
    """float32 [states], nats: what ending in the state gives back."""
    memo: dict[str, object] = field(default_factory=dict, repr=False)
    """What a search derived from this automaton, kept for the next segment."""

    @classmethod
    def empty(cls, vocab_size: int) -> HotwordAutomaton:
        """No hotwords, for searches that always follow an automaton."""
        return cls(
            np.zeros((1, vocab_size), np.int32),
            np.zeros((1, vocab_size), np.float32),
            np.zeros(1, np.float32),
        )

    @classmethod
    def build(
        cls, hotwords: Sequence[Hotword], tokens: TokenTable, limits: HotwordLimits | None = None
    ) -> HotwordAutomaton | None:
        """Compiles phrases; None for no phrases. The last of equal phrases counts.

        Raises:
            HotwordError: too many phrases or states, a boost out of range, or a phrase that
                cannot be written in the model's tokens.
        """
        limits = limits or HotwordLimits()
        if len(hotwords) > limits.max_phrases:
            raise HotwordError(f"{len(hotwords)} hotwords; at most {limits.max_phrases} are allowed.")
        phrases: dict[tuple[int, ...], float] = {}
        for position, hotword in enumerate(hotwords):
            phrases[_tokenize(hotword, position, tokens)] = hotword.boost
        if not phrases:
            return None
        trie = _Trie()
        for phrase, boost in phrases.items():
            trie.add(phrase, boost)
        max_states = min(limits.max_states, _MAX_ARCS // len(tokens))
        if len(trie.children) > max_states:
            raise HotwordError(
                f"The hotwords need {len(trie.children)} states, at most {max_states} are allowed: "
                "send fewer or shorter phrases."
            )
        return _compile(trie, len(tokens))


def hotwords_from_config(config: config_pb2.HotwordSet) -> list[Hotword]:
    """Reads and checks a request's phrases, filling in default boosts. Raises HotwordError."""
    default = config.default_boost or DEFAULT_BOOST
    if not 0 <= default <= MAX_BOOST:
        raise HotwordError(f"hotwords.default_boost must be from 0 to {MAX_BOOST:g}, got {default:g}.")
    return [Hotword(phrase.phrase, phrase.boost or default) for phrase in config.phrases]


def _tokenize(hotword: Hotword, position: int, tokens: TokenTable) -> tuple[int, ...]:
    if not math.isfinite(hotword.boost) or abs(hotword.boost) > MAX_BOOST:
        raise HotwordError(
            f"Hotword {position} (counting from 0): its boost must be from -{MAX_BOOST:g} to "
            f"{MAX_BOOST:g}, got {hotword.boost:g}."
        )
    if len(hotword.phrase) > MAX_PHRASE_CHARACTERS:
        raise HotwordError(
            f"Hotword {position} (counting from 0) has {len(hotword.phrase)} characters; "
            f"at most {MAX_PHRASE_CHARACTERS} are allowed."
        )
    try:
        return tuple(tokens.encode(hotword.phrase))
    except UntokenizableError as error:
        raise HotwordError(
            f"Hotword {position} (counting from 0) cannot be used: {error}. Write it in words as spoken."
        ) from error


@dataclass
class _Trie:
    """Phrases as a prefix tree; node 0 is the root. One list entry per node."""

    children: list[dict[int, int]] = field(default_factory=lambda: [{}])
    depth: list[int] = field(default_factory=lambda: [0])
    token_boost: list[float] = field(default_factory=lambda: [0.0])
    phrase_boost: list[float | None] = field(default_factory=lambda: [None])

    def add(self, phrase: tuple[int, ...], boost: float) -> None:
        node = 0
        for token in phrase:
            child = self.children[node].get(token)
            if child is None:
                child = len(self.children)
                self.children[node][token] = child
                self.children.append({})
                self.depth.append(self.depth[node] + 1)
                self.token_boost.append(boost)
                self.phrase_boost.append(None)
            # A prefix that phrases share is followed as the most favoured of them asks for.
            self.token_boost[child] = max(self.token_boost[child], boost)
            node = child
        self.phrase_boost[node] = boost


def _compile(trie: _Trie, vocab_size: int) -> HotwordAutomaton:
    """Breadth first, so that a state's fallback (its longest proper suffix) is done before it."""
    states = len(trie.children)
    next_state = np.zeros((states, vocab_size), np.int32)
    on_loan, kept, paid = np.zeros(states), np.zeros(states), np.zeros(states)
    fallback = [0] * states
    order = [0]
    for state in order:
        if state:
            next_state[state] = next_state[fallback[state]]
            paid[state] += paid[fallback[state]]
        for token, child in trie.children[state].items():
            fallback[child] = int(next_state[fallback[state], token]) if state else 0
            _earn(trie, state, child, on_loan, kept, paid)
            order.append(child)
        if trie.children[state]:
            next_state[state, list(trie.children[state])] = list(trie.children[state].values())
    earned = (on_loan + paid)[next_state] - on_loan[:, None]
    return HotwordAutomaton(next_state, earned.astype(np.float32), (-on_loan).astype(np.float32))


def _earn(
    trie: _Trie,
    parent: int,
    child: int,
    on_loan: NDArray[np.float64],
    kept: NDArray[np.float64],
    paid: NDArray[np.float64],
) -> None:
    """Sets what a node holds: boost on loan, boost kept along its branch, and what entering it pays out."""
    boost = trie.phrase_boost[child]
    if boost is None:
        on_loan[child] = on_loan[parent] + trie.token_boost[child]
        kept[child] = kept[parent]
    else:
        kept[child] = trie.depth[child] * boost
        paid[child] = kept[child] - kept[parent]
