"""Settings: defaults, files, single values, and errors that name what is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from amira_training.errors import SettingsError
from amira_training.settings import SMALL, Settings


def test_what_is_printed_is_what_is_set() -> None:
    settings = Settings.load(assignments=["joint.minutes=3", "data.times={a = 0.5}", "precision=fp32"])
    printed = "\n".join(settings.lines())
    assert Settings(**tomllib.loads(printed)) == settings
    assert "# Audio per step." in printed


def test_the_small_recipe_is_shorter() -> None:
    small, full = Settings.load(SMALL), Settings()
    for name in ("stem", "heads", "joint"):
        assert getattr(small, name).minutes < getattr(full, name).minutes / 4
    assert 0 < small.data.train_utterances <= 500


def test_single_values_beat_the_file(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("seed = 4\n[joint]\nminutes = 7\nbatch_seconds = 50\n")
    settings = Settings.load(config, ["joint.minutes=9.5"])
    assert (settings.seed, settings.joint.minutes, settings.joint.batch_seconds) == (4, 9.5, 50)


@pytest.mark.parametrize(
    ("assignment", "problem"),
    [
        ("joint.minutes=0", "joint.minutes"),
        ("joint.minuets=5", "joint.minuets"),
        ("joint.minutes", "section.name=value"),
        ("=5", "section.name=value"),
        ("seed.x=5", "seed"),
        ("precision=fp16", "precision"),
        ("joint.chunk_steps=[0]", "joint.chunk_steps"),
    ],
)
def test_bad_values_are_named(assignment: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        Settings.load(assignments=[assignment])


def test_a_section_that_is_a_value_is_named() -> None:
    with pytest.raises(SettingsError, match="joint is a value"):
        Settings.load(assignments=["joint=5", "joint.minutes=5"])


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        Settings.load(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_text("[joint\n")
    with pytest.raises(SettingsError, match="not TOML"):
        Settings.load(tmp_path / "bad.toml")


def test_every_setting_is_described_where_it_is_printed() -> None:
    lines = list(Settings().lines())
    values = [number for number, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    assert len(values) > 60
    assert all(lines[number - 1].startswith("# ") for number in values)
