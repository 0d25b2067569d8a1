"""Rare names: how many are recognized with and without a boost, and what the boost costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amira.asr.v1 import config_pb2
from evaluation.items import Item
from evaluation.normalise import words_of
from evaluation.recognizer import Heard, Recognizer
from evaluation.word_errors import Errors, count_errors

BOOSTS = (0.0, 1.5, 3.0)
"""Nats per token; 0: no hotwords; 1.5 is the server's default."""


@dataclass(frozen=True)
class HotwordRow:
    """All names as hotwords of every stream, at one boost."""

    search: str
    boost: float
    names: int
    found: int
    """Names that are in the transcript of their sentence."""
    false_alarms: int
    """Names in the transcript of another name's sentence."""
    plain_sentences: int
    plain_false_alarms: int
    """Names in transcripts of sentences without any."""
    plain_errors: Errors
    """Of the sentences without names: what the boost does to everything else."""


async def measure(
    recognizer: Recognizer, names: Sequence[str], named: Sequence[Item], plain: Sequence[Item], search: str
) -> tuple[list[HotwordRow], list[tuple[float, Heard]]]:
    """Recognizes the sentences at every boost.

    Args:
        recognizer: the running model.
        names: the hotwords; names[i] is spoken in named[i].
        named: sentences with one name each.
        plain: sentences without any of the names.
        search: which; greedy has no hotwords.

    Returns:
        One row per boost, and everything heard with its boost.
    """
    rows, everything = [], []
    for boost in BOOSTS:
        hotwords = hotword_set(names, boost)
        heard = await recognizer.recognize([*named, *plain], search, hotwords=hotwords)
        rows.append(_row(search, boost, names, heard))
        everything += [(boost, one) for one in heard]
    return rows, everything


def hotword_set(names: Sequence[str], boost: float) -> config_pb2.HotwordSet | None:
    """The names as the public API takes them."""
    if not boost:
        return None
    phrases = [config_pb2.Hotword(phrase=name.lower()) for name in names]
    return config_pb2.HotwordSet(phrases=phrases, default_boost=boost)


def _row(search: str, boost: float, names: Sequence[str], heard: Sequence[Heard]) -> HotwordRow:
    named, plain = heard[: len(names)], heard[len(names) :]
    spoken = list(zip(names, named, strict=True))
    return HotwordRow(
        search=search,
        boost=boost,
        names=len(names),
        found=sum(contains(one.text, name) for name, one in spoken),
        false_alarms=sum(
            contains(one.text, other) for name, one in spoken for other in names if other != name
        ),
        plain_sentences=len(plain),
        plain_false_alarms=sum(contains(one.text, name) for one in plain for name in names),
        plain_errors=sum((count_errors(one.item.text, one.text) for one in plain), Errors()),
    )


def contains(text: str, phrase: str) -> bool:
    """Whether the words of a phrase stand in a text, one after the other."""
    return f" {' '.join(words_of(phrase))} " in f" {' '.join(words_of(text))} "
