"""The card says what the files say, and refuses data of unknown licence."""

from __future__ import annotations

import pytest

from amira_training.errors import DataError
from amira_training.export.card import Source, card, hours_by_source, read_sources
from tests.conftest import ROOT, SPEECH
from tests.training.export.conftest import Exported

SOURCES = ROOT / "training" / "sources.toml"


def test_facts_come_from_the_files(exported: Exported) -> None:
    text = card(
        exported.folder, {"ours": 1.5}, {"ours": Source("speech", "CC0", "us")}, "Trained for a minute."
    )
    assert "chunks of 160 ms" in text
    assert "looks 800 ms back" in text
    assert f"`h [1, N, {exported.chunking.state_size}]`" in text
    assert "| ours | 1.50 | speech | CC0 | us |" in text
    assert "Trained for a minute." in text
    assert "{" not in text


def test_unknown_licence(exported: Exported) -> None:
    with pytest.raises(DataError, match="no licence is known of mystery"):
        card(exported.folder, {"mystery": 1.0}, read_sources(SOURCES), "")


@pytest.mark.usefixtures("speech")
def test_every_source_of_the_speech_is_described() -> None:
    lines = (SPEECH / "manifest.tsv").read_text(encoding="utf-8").splitlines()[1:]
    used = {line.split("\t")[1] for line in lines if line.startswith("train\t")}
    assert used <= set(read_sources(SOURCES))


def test_hours_largest_first() -> None:
    assert list(hours_by_source({"a": 3600.0, "b": 7200.0}).items()) == [("b", 2.0), ("a", 1.0)]
