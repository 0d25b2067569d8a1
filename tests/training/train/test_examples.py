"""Batches: the right shapes, everything in its place, the same for the same plan."""

from __future__ import annotations

import numpy as np
import pytest

from amira_training.augment.chain import Disturber
from amira_training.commands.run import Run
from amira_training.data.feeder import feeding
from amira_training.errors import DataError
from amira_training.model.geometry import MODEL_DIM
from amira_training.settings import AugmentationSettings
from amira_training.tokens import Tokens
from amira_training.train.corpus import Corpus, EpochByLength, open_corpus
from amira_training.train.examples import HeadExamples, JointExamples, StemExamples
from amira_training.train.plans import NOISE, Plan, endless


@pytest.fixture
def corpus(toy_run: Run) -> Corpus:
    return open_corpus(toy_run.work, Tokens(toy_run.work.bpe_model), toy_run.settings.data, taught=True)


def joint(corpus: Corpus, settings: AugmentationSettings | None = None) -> JointExamples:
    settings = settings or AugmentationSettings()
    return JointExamples(corpus, settings, Disturber(settings, corpus.some_speech))


def test_an_epoch_holds_every_usable_recording_once(corpus: Corpus) -> None:
    usable = corpus.usable()
    batches = EpochByLength(corpus, usable, 12)(np.random.default_rng(0))
    assert sorted(item for batch in batches for item in batch) == sorted(usable)
    assert len(usable) == 16


def test_shares_and_noise(corpus: Corpus) -> None:
    noisy = AugmentationSettings(noise_only=0.5)
    deal = EpochByLength(corpus, corpus.usable(), 12, noisy)
    items = [item for batch in deal(np.random.default_rng(0)) for item in batch]
    assert sum(index == NOISE for _, index in items) == 8
    half = Corpus(
        corpus.sets, corpus.tokens, corpus.teacher, corpus.data.model_copy(update={"times": {"toy-0": 0.0}})
    )
    heard = {
        half.recording(item).source
        for batch in EpochByLength(half, half.usable(), 12)(np.random.default_rng(0))
        for item in batch
    }
    assert heard == {"toy-1"}


def test_joint_batches(corpus: Corpus) -> None:
    plan = Plan(1, 0, 0, [(0, 3), (0, NOISE), (0, 5)])
    batch = joint(corpus)(plan)
    rows, samples = batch.samples.shape
    steps = samples // 640
    assert samples % 640 == 0
    assert batch.hidden_frames.shape == (3, samples // 160)
    assert batch.hidden_bins.shape == (3, 80)
    assert batch.teacher.shape == (rows, steps, 2 * MODEL_DIM)
    assert (batch.steps <= steps).all()
    assert batch.steps.max() in (steps, steps - 1)
    assert batch.token_counts.tolist() == [len(corpus.tokens[0][3]), 0, len(corpus.tokens[0][5])]
    assert batch.tokens[0, : batch.token_counts[0]].tolist() == corpus.tokens[0][3].tolist()
    assert not batch.taught[1].any()
    for row in (0, 2):
        assert not batch.taught[row, batch.steps[row] - 6 :].any()
        assert batch.taught[row, 1 : batch.steps[row] - 6].all()
    assert batch.seconds == pytest.approx(batch.steps.sum() * 0.04)


def test_undisturbed_batches_are_the_recordings(corpus: Corpus) -> None:
    still = AugmentationSettings(strength=0, speed=0, quietest_peak_db=0, frequency_masks=0)
    batch = joint(corpus, still)(Plan(1, 0, 0, [(0, 3)]))
    audio = corpus.audio((0, 3))
    wide = np.correlate(batch.samples[0], audio, "valid")
    before = int(wide.argmax())
    assert before in (0, 800, 3200, 8000)
    heard = batch.samples[0, before : before + len(audio)]
    np.testing.assert_allclose(heard / np.abs(heard).max(), audio / np.abs(audio).max(), atol=0.01)


def test_the_same_plan_gives_the_same_batch_in_another_process(corpus: Corpus) -> None:
    examples = joint(corpus)
    deal = EpochByLength(corpus, corpus.usable(), 12, AugmentationSettings())
    plans = [plan for plan, _ in zip(endless(deal, 5), range(4), strict=False)]
    with feeding(examples, plans, 1) as results:
        for plan, made in zip(plans, results, strict=True):
            here = examples(plan)
            np.testing.assert_array_equal(made.samples, here.samples)
            np.testing.assert_array_equal(made.teacher, here.teacher)
            np.testing.assert_array_equal(made.hidden_frames, here.hidden_frames)


def test_plans_go_on_from_anywhere(corpus: Corpus) -> None:
    deal = EpochByLength(corpus, corpus.usable(), 12)
    all_plans = [plan for plan, _ in zip(endless(deal, 5), range(20), strict=False)]
    middle = all_plans[9]
    rest = [plan for plan, _ in zip(endless(deal, 5, middle.epoch, middle.number), range(11), strict=False)]
    assert rest == all_plans[9:]
    assert middle.epoch > 0


def test_head_batches(corpus: Corpus) -> None:
    batch = HeadExamples(corpus)(Plan(1, 0, 0, [(0, 3), (0, 5)]))
    for row, index in enumerate((3, 5)):
        steps = (corpus.recording((0, index)).samples + 4800) // 640
        assert batch.steps[row] == steps
        assert batch.encoded[row, :steps].any(1).all()
        assert not batch.encoded[row, steps:].any()
    assert batch.encoded.shape[1] == batch.steps.max()


def test_stem_batches(corpus: Corpus, toy_run: Run) -> None:
    disturber = Disturber(toy_run.settings.augmentation, corpus.some_speech)
    batch = StemExamples(corpus, toy_run.settings.stem, disturber)(Plan(1, 0, 0, [(0, 3), (0, 5)]))
    assert batch.clean.shape == batch.disturbed.shape == (2, 16000)
    assert not np.array_equal(batch.clean, batch.disturbed)


def test_recordings_with_more_tokens_than_positions_are_left_out(corpus: Corpus) -> None:
    crowded = [np.arange(1000), *corpus.tokens[0][1:]]
    tight = Corpus(corpus.sets, [crowded], corpus.teacher, corpus.data)
    assert (0, 0) not in tight.usable()
    assert len(tight.usable()) == 15
    short = Corpus(
        corpus.sets, corpus.tokens, corpus.teacher, corpus.data.model_copy(update={"longest_s": 0.5})
    )
    assert short.usable() == []


def test_missing_outputs_of_the_teacher_name_the_command(toy_run: Run) -> None:
    (toy_run.work.teacher / "train.frames").unlink()
    with pytest.raises(DataError, match="run `teach`"):
        open_corpus(toy_run.work, Tokens(toy_run.work.bpe_model), toy_run.settings.data, taught=True)
