"""Tables, targets, files and model cards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evaluation.card import card_problem, write_into_card
from evaluation.recognizer import checksums
from evaluation.report import Results
from evaluation.tables import targets_section
from evaluation.targets import figures, judge, kinds
from tests.conftest import ROOT
from tests.evaluation.conftest import make_run


def test_the_tables_say_what_was_measured(results: Results) -> None:
    text = results.markdown
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    test_other = [row for row in rows if row[0] == "librispeech-test-other"]
    assert test_other == [
        ["librispeech-test-other", f"{chunk} + 240", "1", "20", "5.0 (5.0 to 5.0)", "1 / 0 / 0", "5.0"]
        for chunk in (320, 160, 640)
    ]
    assert ["sound", "minutes", "320 ms k2", "320 ms greedy"] in rows
    assert ["drums", "1.0", "0 + 2", "0 + 2"] in rows
    assert ["all", "2.0", "0 + 2", "0 + 2"] in rows
    assert ["320 + 240", "k2", "1.5", "41 of 50 (82 %)", "1 in 50", "2 in 60", "4.0"] in rows
    assert "Not measured (some-model/encoder-640): hotwords: no voice." in text
    assert "Z80" in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({len(line) for line in block.splitlines()}) == 1, "columns are aligned"


def test_targets_are_held_against_the_wanted_chunks() -> None:
    good, bad = make_run(320, wrong=1), make_run(640, wrong=9)
    judgement = judge([bad, good], "cpu")
    assert judgement.met
    assert judgement.chunk_ms == 320
    assert "missed" not in targets_section(judgement)
    assert not judge([make_run(320, wrong=2, words_in_noise=1)], "gpu").met


def test_other_chunks_or_missing_figures_never_meet_the_targets() -> None:
    other = judge([make_run(640)], "cpu")
    assert all(verdict.met for verdict in other.verdicts)
    assert not other.met
    assert "Measured with chunks of 640 ms" in targets_section(other)
    nothing = make_run(320)
    nothing.sounds.clear()
    text = targets_section(judge([nothing], "cpu"))
    assert text.count("not measured") == text.count("missed") == 2


def test_a_target_is_compared_with_the_figure_as_printed(tmp_path: Path) -> None:
    targets = tmp_path / "targets.toml"
    for at_most, met in ((5.0, True), (4.9, False)):
        targets.write_text(
            f'chunk_ms = 320\n[[target]]\nfigure = "wer/synthetic sentences/k2"\nwhat = "x"\n'
            f"at_most = {{ cpu = {at_most} }}\n"
        )
        assert judge([make_run()], "cpu", targets).met == met


def test_every_target_is_for_a_figure_that_exists() -> None:
    assert kinds() == ["cpu", "gpu"]
    assert all(verdict.measured is not None for verdict in judge([make_run()], "cpu").verdicts)
    assert figures(make_run())["hotwords/recall/1.5"] == 82


def test_results_survive_their_file(results: Results, tmp_path: Path) -> None:
    path = results.write(tmp_path / "new" / "folder")
    assert path.name == "2030-01-02-some-model.json"
    again = Results.read(path)
    assert again.markdown == results.markdown
    assert again.runs[1].speech == results.runs[1].speech
    assert "holds the same recordings for training: 81 of books." in again.markdown
    lines = path.with_name("2030-01-02-some-model-transcripts.jsonl").read_text().splitlines()
    assert [json.loads(line)["model"] for line in lines] == [run.model.name for run in results.runs]
    assert path.with_suffix(".md").read_text() == results.markdown
    assert json.loads(path.read_text())["runs"][0]["figures"] == figures(results.runs[0])


def test_a_card_is_written_once_and_held_to_its_results(
    results: Results, tmp_path: Path, model_dir: Path
) -> None:
    folder = tmp_path / "some-model"
    shutil.copytree(model_dir, folder)
    card = folder / "README.md"
    card.write_text("# A model\n")
    assert card_problem(card, tmp_path) is None
    for run in results.runs:
        run.model.sha256.clear()
        run.model.sha256.update(checksums(folder))
    path = results.write(tmp_path)
    write_into_card(card, path)
    once = card.read_text()
    write_into_card(card, path)
    assert card.read_text() == once
    assert once.startswith("# A model\n\n## Evaluation\n\n<!-- evaluation: 2030-01-02-some-model.json,")
    assert card_problem(card, tmp_path) is None

    card.write_text(once.replace("41 of 50", "50 of 50"))
    assert card_problem(card, tmp_path) == f"the tables are not those of {path.name}"
    card.write_text(once)
    (folder / "joiner.onnx").write_bytes(b"better")
    assert card_problem(card, tmp_path) == f"{path.name} was measured with another joiner.onnx"
    assert "is not there" in str(card_problem(card, tmp_path / "elsewhere"))
    moved = folder.rename(tmp_path / "other-model")
    assert card_problem(moved / "README.md", tmp_path) == f"{path.name} is of some-model"


@pytest.mark.parametrize("card", sorted(ROOT.glob("models/*/README.md")), ids=lambda card: card.parent.name)
def test_the_cards_of_the_bundled_models_are_those_of_their_results(card: Path) -> None:
    assert card_problem(card, ROOT / "evaluation" / "results") is None
