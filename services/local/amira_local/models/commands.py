"""The `amira models` commands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from amira_local.models.catalogue import RELEASE_URL, find_published
from amira_local.models.errors import ModelsError, NoSuchModelError
from amira_local.models.folders import (
    MODELS_DIR_VARIABLE,
    find_installed,
    installed_models,
    pulled_dir,
)
from amira_local.options import default_model_dir

models_app = typer.Typer(
    name="models",
    help="List, fetch, look at and try models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

BASE_URL_VARIABLE = "AMIRA_MODELS_BASE_URL"


class PrecisionChoice(StrEnum):
    """Precision of the encoder."""

    FP32 = "fp32"
    INT8 = "int8"


class EngineChoice(StrEnum):
    """Inference engines."""

    AUTO = "auto"
    AMIRA = "amira"
    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"


class TrialSearch(StrEnum):
    """Search of the trial."""

    AUTO = "auto"
    K2 = "k2"
    BEAM = "beam"
    GREEDY = "greedy"


ModelArgument = Annotated[
    str | None, typer.Argument(help="Name, or folder (default: the bundled model).", show_default=False)
]


@models_app.command("list")
def list_models() -> None:
    """Show the models that are here, and those that can be pulled."""
    from amira_local.models.views import print_catalogue, print_installed  # each command loads only its own

    console, models = Console(), installed_models()
    print_installed(models, console)
    console.print()
    print_catalogue({model.name for model in models}, console)


@models_app.command()
def pull(
    name: Annotated[str, typer.Argument(help="Name, as `amira models list` shows it.")],
    into: Annotated[
        Path | None,
        typer.Option(
            help=f"Folder that gets the model's folder (default: ${MODELS_DIR_VARIABLE}, or amira/models in "
            "the user's data folder).",
        ),
    ] = None,
    precision: Annotated[
        PrecisionChoice | None, typer.Option(help="Precision of the encoder (default: fp32 where published).")
    ] = None,
    base_url: Annotated[
        str, typer.Option(help="Where the archives lie: a mirror of the release.", envvar=BASE_URL_VARIABLE)
    ] = RELEASE_URL,
    again: Annotated[bool, typer.Option("--again", help="Replace a model that was pulled before.")] = False,
) -> None:
    """Fetch a published model: download, check, unpack, install.

    A download that breaks off goes on where it stopped when the command is repeated. Exit status: 2 no
    such model, 3 it cannot be downloaded, 4 the archive is wrong or damaged, 5 no room on the disk.
    """
    from amira_local.models.pull import Pull  # each command loads only what it needs
    from amira_local.models.pull import pull as fetch
    from amira_local.models.views import DownloadView

    console = Console()
    view = DownloadView(console)

    def say(sentence: str) -> None:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    try:
        order = Pull(
            find_published(name),
            (into or pulled_dir()).expanduser(),
            base_url,
            precision.value if precision else None,
            again,
        )
        fetch(order, say, view)
    except ModelsError as error:
        view.close()
        _fail(error)
    finally:
        view.close()


@models_app.command()
def info(model: ModelArgument = None) -> None:
    """Show what the server makes of a model: geometry, states, vocabulary, licence."""
    from amira_local.models.report import describe, open_model  # each command loads only what it needs
    from amira_local.models.views import print_published, print_rows

    console = Console()
    try:
        print_rows(describe(open_model(_find(model))), console)
    except NoSuchModelError as missing:
        try:
            print_published(find_published(str(model)), console)
        except NoSuchModelError:
            _fail(missing)
    except ModelsError as error:
        _fail(error)


@models_app.command()
def check(
    model: ModelArgument = None,
    clip: Annotated[Path | None, typer.Option(help="Recording (default: the bundled one).")] = None,
    engine: Annotated[EngineChoice, typer.Option(help="Inference engine.")] = EngineChoice.AUTO,
    threads: Annotated[
        int,
        typer.Option(
            min=0,
            help="Threads; 0: one per CPU of the container's limit, else half of the machine's.",
        ),
    ] = 0,
    search: Annotated[TrialSearch, typer.Option(help="Search for the words.")] = TrialSearch.AUTO,
) -> None:
    """Try a model with the server's own code: geometry, speed, batching, words, problems.

    Exits with 1 when something is wrong with it, and says what to do.
    """
    from amira_local.demo import DEMO_CLIP  # each command loads only what it needs
    from amira_local.models.check import TrialOptions, try_model
    from amira_local.models.report import describe, open_model
    from amira_local.models.views import print_rows, print_trial

    console = Console()
    try:
        opened = open_model(_find(model))
        print_rows(describe(opened), console)
        trial = try_model(opened, clip or DEMO_CLIP, TrialOptions(engine.value, threads, search.value))
    except ModelsError as error:
        _fail(error)
    print_trial(trial, console)
    raise typer.Exit(1 if trial.failed else 0)


def _find(model: str | None) -> Path:
    return default_model_dir() if model is None else find_installed(model)


def _fail(error: ModelsError) -> NoReturn:
    Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(error.exit_status)
