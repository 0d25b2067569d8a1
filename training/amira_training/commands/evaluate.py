"""`evaluate`: word error rates of the trained network."""

from __future__ import annotations

from collections.abc import Sequence

from amira_training.commands.run import Run
from amira_training.console import counted, say, table
from amira_training.data.packed_set import open_set
from amira_training.errors import MissingStepError
from amira_training.evaluate.recognize import Recognizer
from amira_training.evaluate.trained import load_trained
from amira_training.evaluate.word_errors import WordErrors, measure
from amira_training.files import whole
from amira_training.work_folder import WorkFolder

_HEADER = ("source", "chunk_ms", "utterances", "words", "substitutions", "deletions", "insertions", "rate")


def evaluate(run: Run) -> list[WordErrors]:
    """Prints and writes ``word-errors.tsv``. Raises MissingStepError, DataError."""
    settings = run.settings.evaluation
    names = run.work.evaluation_sets()
    if not names:
        raise MissingStepError("there is nothing to measure on: prepare a manifest with the split 'dev'")
    trained = load_trained(run.work)
    precision = run.precision
    recognizer = Recognizer(
        trained.encoder.to(precision.device),
        trained.transducer.to(precision.device),
        trained.tokens,
        precision,
    )
    jobs = [(name, chunk_ms) for name in names for chunk_ms in settings.chunk_ms]
    errors = [
        found
        for name, chunk_ms in counted("evaluate", jobs)
        for found in measure(
            recognizer, open_set(run.work.audio, name), chunk_ms, settings.left_steps, settings.utterances
        )
    ]
    _show(errors, settings.chunk_ms, trained.steps)
    _write(run.work, errors)
    return errors


def _show(errors: Sequence[WordErrors], chunk_ms: Sequence[int], steps: int) -> None:
    by_place = {(found.source, found.chunk_ms): found for found in errors}
    sources = list(dict.fromkeys(found.source for found in errors))
    rows = []
    for source in sources:
        rates = [f"{by_place[source, size].rate:.1f}" for size in chunk_ms]
        rows.append([source, str(by_place[source, chunk_ms[0]].words), *rates])
    header = ["source", "words", *(f"{size} ms" for size in chunk_ms)]
    table(f"Word error rate in %, greedy, by chunk size, after {steps} steps", header, rows)


def _write(work: WorkFolder, errors: Sequence[WordErrors]) -> None:
    with whole(work.word_errors) as part, part.open("w", encoding="utf-8") as file:
        file.write("\t".join(_HEADER) + "\n")
        for found in errors:
            row = [getattr(found, name) for name in _HEADER[:-1]] + [f"{found.rate:.2f}"]
            file.write("\t".join(map(str, row)) + "\n")
    say(f"evaluate: wrote {work.word_errors}")
