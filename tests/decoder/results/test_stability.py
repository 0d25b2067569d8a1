"""Stability of interims: by construction, and measured on speech."""

from __future__ import annotations

import numpy as np
import pytest

from amira_decoder.model import TransducerFolder
from amira_decoder.results import StabilityTracker, Word, words_of
from amira_decoder.search import create_search
from tests.conftest import Utterance
from tests.decoder.search.encoded_speech import encode, frame_ms


def words(*ends_ms: int) -> list[Word]:
    return [Word(f"w{number}", end - 100, end, 0.9) for number, end in enumerate(ends_ms)]


def test_new_words_are_not_stable() -> None:
    tracker = StabilityTracker()
    assert tracker.update(words(100, 200), 10_000).stable_words == 0
    assert tracker.update(words(100, 200), 10_000).stable_words == 2


def test_young_words_are_not_stable() -> None:
    tracker = StabilityTracker()
    tracker.update(words(500, 1000), 1000)
    assert tracker.update(words(500, 1000), 1400).stable_words == 1
    assert tracker.update(words(500, 1000), 1480).stable_words == 2


def test_a_change_unsettles_all_words_behind_it() -> None:
    tracker = StabilityTracker()
    tracker.update(words(100, 200, 300), 5000)
    changed = [words(100)[0], Word("other", 150, 200, 0.9), *words(100, 200, 300)[2:]]
    assert tracker.update(changed, 5000).stable_words == 1
    assert tracker.update(changed, 5000).stable_words == 3


def test_estimate_rises_with_age() -> None:
    estimates = [StabilityTracker().update(words(300), 300 + age).stability for age in range(0, 3000, 80)]
    assert estimates == sorted(estimates)
    assert 0 < estimates[0] < estimates[-1] <= 1
    assert StabilityTracker().update([], 640).stability == 1
    assert (
        StabilityTracker().update(words(300), 200).stability == estimates[0]
    )  # a word beyond what was decoded


@pytest.mark.slow
@pytest.mark.parametrize("chunk_frames", [8, 16])
def test_measured_on_speech(chunk_frames: int, model_dir: str, speech: list[Utterance]) -> None:
    """Words called stable hardly ever change, most words are called stable, and the estimate is fair."""
    model = TransducerFolder.open(model_dir)
    search = create_search("beam", model)
    called, changed, said = 0, 0, 0
    estimates, held = [], []
    fitting = [u for u in speech if u.source.startswith("librispeech") and 5 < u.seconds < 9]
    for utterance in fitting[:: len(fitting) // 28]:
        frames = encode(utterance.path)
        segment, tracker, interims = search.start_segment(None), StabilityTracker(), []
        for at in range(0, len(frames), chunk_frames):
            search.advance([segment], frames[None, at : at + chunk_frames])
            found = words_of(search.best([segment])[0], model.tokens, round(frame_ms()))
            estimate = tracker.update(found, round(segment.num_frames * frame_ms()))
            interims.append(([word.text for word in found], estimate))
        final = interims[-1][0]
        said += len(final)
        most = max(estimate.stable_words for _, estimate in interims)
        called += most
        changed += sum(
            any(e.stable_words > at and text[at : at + 1] != final[at : at + 1] for text, e in interims)
            for at in range(most)
        )
        estimates += [estimate.stability for text, estimate in interims if text]
        held += [text == final[: len(text)] for text, _ in interims if text]
    assert changed / called < 0.02
    assert called > 0.8 * said
    assert said > 300
    assert np.mean(estimates) == pytest.approx(np.mean(held), abs=0.12)
