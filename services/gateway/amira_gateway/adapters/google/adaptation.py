"""Phrase hints, phrase sets and inline custom classes as hotwords."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import product

from amira.asr.v1 import config_pb2
from amira.googlespeech.v1 import speech_pb2 as v1
from amira.googlespeech.v2 import speech_pb2 as v2
from amira_core import errors
from amira_core.limits import MAX_PHRASE_CHARACTERS
from amira_gateway.adapters.hotwords import add_phrase
from amira_gateway.session.validation import MAX_PHRASES

_INLINE_CLASS = re.compile(r"\$\{([^${}]*)\}")
_LONGEST_TEMPLATE = 1_000


class Adaptation:
    """Collects phrases."""

    def __init__(self, classes: Iterable[v1.CustomClass | v2.CustomClass]) -> None:
        self.hotwords = config_pb2.HotwordSet()
        self.passed_over: list[str] = []
        """Fields whose phrases name classes that only Google has."""
        self._expanded = 0
        self._classes = {
            name: [item.value for item in each.items] for each in classes for name in _names(each)
        }

    def add(self, phrase: str, boost: float, where: str) -> None:
        """Adds what a phrase stands for. `where`: its field, for errors. Raises HotwordError."""
        if boost < 0:
            raise errors.HotwordError(f"{where}: its boost is {boost:g}, and must not be negative.")
        if len(phrase) > _LONGEST_TEMPLATE:
            raise errors.HotwordError(f"{where} has {len(phrase)} characters: send shorter phrases.")
        texts, references = _split(phrase)
        lists = [self._classes.get(reference) for reference in references]
        if any(each is None for each in lists) or any("$" in text for text in texts):
            self.passed_over.append(where)
            return
        for items in product(*(each for each in lists if each is not None)):
            self._expanded += 1
            if self._expanded > MAX_PHRASES:
                raise errors.HotwordError(f"{where}: with it there are more than {MAX_PHRASES} phrases.")
            size = sum(map(len, texts)) + sum(map(len, items))
            if size > MAX_PHRASE_CHARACTERS:  # before it is put together: items may be of any length
                raise errors.HotwordError(
                    f"{where} has {size} characters: at most {MAX_PHRASE_CHARACTERS} are allowed."
                )
            add_phrase(self.hotwords, _filled(texts, items), boost, where)

    def add_set(self, phrase_set: v1.PhraseSet | v2.PhraseSet, where: str) -> None:
        """Adds a set's phrases. Raises HotwordError."""
        phrases: Iterable[v1.PhraseSet.Phrase | v2.PhraseSet.Phrase] = phrase_set.phrases
        for number, phrase in enumerate(phrases):
            self.add(phrase.value, phrase.boost or phrase_set.boost, f"{where}.phrases[{number}]")


def of_v1(config: v1.RecognitionConfig) -> Adaptation:
    """Raises HotwordError."""
    adaptation = Adaptation(config.adaptation.custom_classes)
    for number, context in enumerate(config.speech_contexts):
        for position, phrase in enumerate(context.phrases):
            adaptation.add(phrase, context.boost, f"speech_contexts[{number}].phrases[{position}]")
    for number, phrase_set in enumerate(config.adaptation.phrase_sets):
        adaptation.add_set(phrase_set, f"adaptation.phrase_sets[{number}]")
    return adaptation


def of_v2(config: v2.RecognitionConfig) -> Adaptation:
    """Raises HotwordError."""
    adaptation = Adaptation(config.adaptation.custom_classes)
    for number, each in enumerate(config.adaptation.phrase_sets):
        adaptation.add_set(each.inline_phrase_set, f"adaptation.phrase_sets[{number}].inline_phrase_set")
    return adaptation


def _names(custom_class: v1.CustomClass | v2.CustomClass) -> Iterator[str]:
    if custom_class.name:
        yield _last_part(custom_class.name)
    if isinstance(custom_class, v1.CustomClass) and custom_class.custom_class_id:
        yield custom_class.custom_class_id


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]


def _split(phrase: str) -> tuple[list[str], list[str]]:
    """The texts around the classes that a phrase refers to, and those classes."""
    pieces = _INLINE_CLASS.split(phrase)
    return pieces[::2], [_last_part(reference) for reference in pieces[1::2]]


def _filled(texts: list[str], items: tuple[str, ...]) -> str:
    return texts[0] + "".join(item + text for item, text in zip(items, texts[1:], strict=True))
