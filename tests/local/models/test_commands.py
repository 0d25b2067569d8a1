"""The commands as people type them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from amira_local.cli import app
from amira_local.models.catalogue import CATALOGUE, find_published
from amira_local.models.errors import NoSuchModelError
from amira_local.models.folders import bundled_dir, find_installed, installed_models, pulled_dir
from amira_local.options import StackOptions
from amira_local.services import plan
from tests.conftest import ROOT
from tests.local.models.conftest import make_archive
from tests.support.archive_server import ArchiveServer

runner = CliRunner()
LSTM = find_published("lstm-en")
"""A model without a known checksum, so that an archive of our own can stand for it."""


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of pulled models."""
    monkeypatch.setenv("AMIRA_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def mirror(
    published: dict[str, bytes], models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ArchiveServer]:
    """A mirror of the release with one model."""
    with ArchiveServer(files={f"/{LSTM.archive}": make_archive(published)}) as running:
        monkeypatch.setenv("AMIRA_MODELS_BASE_URL", running.url)
        yield running


def test_pull_list_info_up(mirror: ArchiveServer, models_dir: Path) -> None:
    result = runner.invoke(app, ["models", "pull", "lstm-en"])
    assert result.exit_code == 0, result.output
    assert f"Installed in {models_dir / 'lstm-en'}" in result.output
    assert f"Downloading {mirror.url}/{LSTM.archive}" in result.output

    listed = runner.invoke(app, ["models", "list"]).output
    assert "lstm-en (here)" in listed
    assert str(models_dir / "lstm-en") in listed
    assert "zipformer-8-languages" in listed

    for name in ("lstm-en", LSTM.upstream, str(models_dir / "lstm-en")):
        shown = runner.invoke(app, ["models", "info", name])
        assert shown.exit_code == 0
        assert "(first use)" in shown.output
    assert find_installed("lstm-en") == models_dir / "lstm-en"
    decoder = next(
        s for wave in plan(StackOptions(models_dir / "lstm-en")) for s in wave if s.name == "decoder"
    )
    assert decoder.env["AMIRA_DECODER_LANGUAGE_CODE"] == "en"


def test_the_language_of_the_environment_wins(
    mirror: ArchiveServer, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.invoke(app, ["models", "pull", "lstm-en"])
    record = models_dir / "lstm-en" / "amira-model.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "languages": ["zh", "en"]}))

    def language() -> str | None:
        (decoder,) = plan(StackOptions(models_dir / "lstm-en"))[1]
        return decoder.env.get("AMIRA_DECODER_LANGUAGE_CODE")

    assert language() == "mul"
    monkeypatch.setenv("AMIRA_DECODER_LANGUAGE_CODE", "zh-TW")
    assert language() is None
    record.write_text("{")
    monkeypatch.delenv("AMIRA_DECODER_LANGUAGE_CODE")
    assert language() is None


def test_pull_into(mirror: ArchiveServer, models_dir: Path, tmp_path: Path) -> None:
    result = runner.invoke(app, ["models", "pull", LSTM.upstream, "--into", str(tmp_path / "elsewhere")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "elsewhere" / "lstm-en" / "tokens.txt").is_file()
    assert not models_dir.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (
            ["pull", "no-such-model"],
            2,
            "No published model 'no-such-model' is known here. There are: zipformer-en",
        ),
        (["pull", "conformer-en"], 3, "HTTP 404"),
        (["pull", "lstm-en", "--base-url", "file:///tmp"], 3, "only http and https"),
        (["pull", "lstm-en", "--into", "/proc/models"], 5, "cannot be written"),
        (["pull", "zipformer-bn", "--precision", "int8"], 1, "published in fp32 only"),
        (["info", "no-such-model"], 2, "There is no model folder no-such-model"),
        (["check", "zipformer-ko"], 2, "run `amira models pull zipformer-ko`"),
        (["check", "tests"], 1, "no encoder*.onnx in the model folder"),
        (["info", "tests"], 1, "no encoder*.onnx in the model folder"),
    ],
)
def test_failures(
    mirror: ArchiveServer, arguments: list[str], status: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    result = runner.invoke(app, ["models", *arguments])
    assert (result.exit_code, words in result.output) == (status, True), result.output


def test_a_corrupted_archive(mirror: ArchiveServer, models_dir: Path) -> None:
    mirror.files[f"/{LSTM.archive}"] = mirror.files[f"/{LSTM.archive}"][:-100]
    result = runner.invoke(app, ["models", "pull", "lstm-en"])
    assert result.exit_code == 4
    assert "is damaged" in result.output
    assert not (models_dir / "lstm-en").exists()


def test_info_on_a_model_that_is_not_here(models_dir: Path) -> None:
    result = runner.invoke(app, ["models", "info", "zipformer-ko"])
    assert result.exit_code == 0
    assert "KsponSpeech" in result.output
    assert "Not here yet" in result.output


def test_check_says_what_is_wrong_and_fails(model_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_dir, folder)
    with (folder / "tokens.txt").open("a") as tokens:
        tokens.write("extra 5000\n")
    result = runner.invoke(app, ["models", "check", str(folder)])
    assert result.exit_code == 1
    assert "tokens.txt has 5001 tokens, decoder.onnx" in result.output


def test_check_of_the_bundled_model(monkeypatch: pytest.MonkeyPatch) -> None:
    result = runner.invoke(app, ["models", "check", "--engine", "onnxruntime", "--search", "greedy"])
    assert result.exit_code == 0, result.output
    assert "each bit for bit as alone" in result.output
    assert "This model can serve." in result.output


def test_up_refuses_a_model_that_is_not_here(models_dir: Path) -> None:
    result = runner.invoke(app, ["up", "--model", "zipformer-ko"])
    assert result.exit_code == 2
    assert "zipformer-ko is not here yet" in result.output


def test_where_pulled_models_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert pulled_dir() == tmp_path / ".local" / "share" / "amira" / "models"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert pulled_dir() == tmp_path / ".local" / "share" / "amira" / "models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert pulled_dir() == tmp_path / "data" / "amira" / "models"
    monkeypatch.setenv("AMIRA_MODELS_DIR", "~/mine")
    assert pulled_dir() == tmp_path / "mine"


def test_folders_that_are_no_models_are_shown_as_such(models_dir: Path) -> None:
    (models_dir / "half").mkdir(parents=True)
    (models_dir / "half" / "tokens.txt").touch()
    (models_dir / ".hidden").mkdir()
    (models_dir / "file").touch()
    shown = {model.name: model for model in installed_models()}
    assert shown["half"].lacking == ("encoder*.onnx", "decoder*.onnx", "joiner*.onnx")
    assert not {".hidden", "file"} & set(shown)
    assert "half cannot serve: it lacks encoder*.onnx" in runner.invoke(app, ["models", "list"]).output
    assert all(not model.lacking for model in shown.values() if model.path.parent == bundled_dir())


def test_the_catalogue_is_consistent() -> None:
    names = [name for model in CATALOGUE for name in (model.name, model.upstream)]
    assert len(set(names)) == len(names)
    for model in CATALOGUE:
        assert model.sha256 is None or (len(model.sha256) == 64 and int(model.sha256, 16))
        assert model.precisions
        assert model.source.startswith("https://")
        assert (model.sha256 is None) or model.archive_bytes
        assert model.architecture in ("zipformer", "zipformer2", "lstm", "conformer")
    assert {"en", "zh", "ko", "fr", "de", "es", "ru", "ja", "bn", "vi"} <= {
        language for model in CATALOGUE for language in model.languages
    }
    with pytest.raises(NoSuchModelError):
        find_published("")


def test_the_page_has_the_catalogue() -> None:
    page = (ROOT / "docs" / "MODELS.md").read_text()
    for model in CATALOGUE:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| [`{model.name}`]")]
        size = f"{model.archive_bytes / 1e6:.0f} MB" if model.archive_bytes else "?"
        chunk = f"{model.chunk_ms} ms" if model.chunk_ms else "?"
        cells = [", ".join(model.languages), size, model.architecture, chunk, ", ".join(model.precisions)]
        cells += [model.trained_on, model.licence, "known" if model.sha256 else "unknown"]
        assert row == f"| [`{model.name}`]({model.source}) | {' | '.join(cells)} |"
    assert page.count("| [`") == len(CATALOGUE)
