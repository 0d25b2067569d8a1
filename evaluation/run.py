"""All parts against one running model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from evaluation import sounds, synthesis
from evaluation.items import Item, ManifestError, first_of_each_source, read_manifest, trained_on
from evaluation.parts import hotwords
from evaluation.parts.hotwords import HotwordRow
from evaluation.parts.sounds import SECONDS_PER_CLIP, SoundRow, rows_by_kind
from evaluation.parts.speech import HARD, SYNTHETIC, SpeechRow, rows_by_source
from evaluation.recognizer import Heard, ModelInfo, Recognizer

PARTS = ("speech", "synthetic", "sounds", "hotwords")
Say = Callable[[str], None]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Plan:
    """What is to be measured."""

    data: Path
    """Folder with manifest.tsv."""
    parts: frozenset[str] = frozenset(PARTS)
    searches: tuple[str, ...] = ()
    """Empty: all that the server has, its default first."""
    quick: bool = False
    """A few items of everything: shows that it works, says little about the model."""
    hard_sources: bool = True
    """Measure the hard sources too."""


@dataclass
class Run:
    """What one model gave."""

    model: ModelInfo
    speech: list[SpeechRow] = field(default_factory=list)
    sounds: list[SoundRow] = field(default_factory=list)
    hotwords: list[HotwordRow] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Parts that could not be measured, and why."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Recordings per source that were not measured: the data's train split holds them too."""
    transcripts: list[dict[str, Any]] = field(default_factory=list)
    """Every transcript, for whoever wants to know what lies behind a figure."""


async def measure(recognizer: Recognizer, plan: Plan, say: Say) -> Run:
    """Measures what the plan asks for; what cannot be had is skipped, with its reason.

    Raises:
        RecognitionError: the stack failed on a recording.
        ValueError: a search that the server does not have.
    """
    return await _Measurement(recognizer, plan, say).run()


class _Measurement:
    def __init__(self, recognizer: Recognizer, plan: Plan, say: Say) -> None:
        self._recognizer = recognizer
        self._plan = plan
        self._say = say
        self._searches = _searches(recognizer.info, plan)
        self._results = Run(recognizer.info)

    async def run(self) -> Run:
        if "speech" in self._plan.parts:
            await self._measure_speech()
        if "synthetic" in self._plan.parts:
            await self._measure_synthetic()
        if "sounds" in self._plan.parts:
            await self._measure_sounds()
        if "hotwords" in self._plan.parts:
            await self._measure_hotwords()
        return self._results

    async def _measure_speech(self) -> None:
        try:
            items = self._without_trained(read_manifest(self._plan.data))
        except ManifestError as error:
            self._skip("speech", f"{error}; name a folder with --data")
            return
        if self._plan.quick:
            items = first_of_each_source(items, 2)
        for search in self._searches:
            with_hard = self._plan.hard_sources and search == self._searches[0]
            chosen = [item for item in items if with_hard or item.source not in HARD]
            self._results.speech += rows_by_source(await self._hear("speech", chosen, search), search)

    def _without_trained(self, items: Sequence[Item]) -> list[Item]:
        trained = trained_on(self._plan.data, items)
        self._results.left_out = dict(Counter(item.source for item in trained))
        if trained:
            self._say(f"speech: {len(trained)} recordings left out: the train split holds them too")
        return [item for item in items if item not in trained]

    async def _measure_synthetic(self) -> None:
        items = self._speak("synthetic", self._some(synthesis.sentences()), SYNTHETIC)
        for search in self._searches if items else ():
            self._results.speech += rows_by_source(await self._hear("synthetic", items, search), search)

    async def _measure_sounds(self) -> None:
        items = list(sounds.make_sounds(1.5 if self._plan.quick else SECONDS_PER_CLIP))
        for search in self._searches:
            heard = await self._hear("sounds", items, search, interims=True)
            self._results.sounds += rows_by_kind(heard, search)

    async def _measure_hotwords(self) -> None:
        search = next((name for name in self._searches if name != "greedy"), None)
        if search is None:
            self._skip("hotwords", "greedy search has none; measure k2 or beam too")
            return
        pairs = self._some(synthesis.named_sentences())
        named = self._speak("hotwords", [pair.sentence for pair in pairs], "sentences with names")
        if not named:
            return
        plain = self._speak("hotwords", self._some(synthesis.sentences()), SYNTHETIC)
        began = time.monotonic()
        names = [pair.name for pair in pairs]
        rows, heard = await hotwords.measure(self._recognizer, names, named, plain, search)
        self._results.hotwords += rows
        self._said("hotwords", search, [one for _, one in heard], began)
        for boost, one in heard:
            self._keep("hotwords", search, one, boost=boost)

    async def _hear(
        self, part: str, items: Sequence[Item], search: str, *, interims: bool = False
    ) -> list[Heard]:
        began = time.monotonic()
        heard = await self._recognizer.recognize(items, search, interims=interims)
        self._said(part, search, heard, began)
        for one in heard:
            self._keep(part, search, one)
        return heard

    def _speak(self, part: str, texts: Sequence[str], source: str) -> list[Item]:
        try:
            return synthesis.speak(texts, source)
        except synthesis.NoVoiceError as error:
            self._skip(part, str(error))
            return []

    def _some(self, everything: Sequence[_T]) -> Sequence[_T]:
        return everything[:4] if self._plan.quick else everything

    def _skip(self, part: str, why: str) -> None:
        self._results.skipped[part] = why
        self._say(f"{part}: skipped: {why}")

    def _said(self, part: str, search: str, heard: Sequence[Heard], began: float) -> None:
        minutes = sum(one.item.seconds for one in heard) / 60
        self._say(f"{part}, {search}: {minutes:.1f} min of audio in {time.monotonic() - began:.0f} s")

    def _keep(self, part: str, search: str, one: Heard, **more: Any) -> None:
        self._results.transcripts.append(
            {"part": part, "search": search, **more, "item": one.item.name, "said": one.item.text}
            | {"heard": one.text}
        )


def _searches(info: ModelInfo, plan: Plan) -> tuple[str, ...]:
    unknown = [search for search in plan.searches if search not in info.methods]
    if unknown:
        raise ValueError(f"this server has no {', '.join(unknown)} search, only {', '.join(info.methods)}")
    return plan.searches or info.methods
