"""The run of `amira transcribe` over many files, from its arguments to its exit status."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from amira_client import AmiraClient, AmiraClientError, RecognitionConfig
from amira_local.batch.find import Found, find
from amira_local.batch.ledger import Ledger
from amira_local.batch.outcome import Outcome
from amira_local.batch.run import Batch
from amira_local.batch.targets import Job, assign
from amira_local.batch.views import Bars, Lines, name_of, summary
from amira_local.languages import NoSuchLanguageError, model_for
from amira_local.log_view import printable
from amira_local.security.server_access import ServerAccess
from amira_local.transcribe import complain, told
from amira_local.transcripts.formats import NEED_WORD_TIMES, Format

PARALLEL = 4


@dataclass(frozen=True)
class BatchOptions:
    """What is to be written, and how.

    Attributes:
        formats: of the files, at least one.
        out: folder for them; None: beside the recordings.
        parallel: most streams at once.
        overwrite: transcribe again what is done, and replace whatever files are there.
        real_time: send at the speed of speech.
    """

    formats: Sequence[Format]
    out: Path | None = None
    parallel: int = PARALLEL
    overwrite: bool = False
    real_time: bool = False


async def transcribe_many(
    arguments: Sequence[Path],
    server: str,
    config: RecognitionConfig,
    options: BatchOptions,
    *,
    access: ServerAccess,
    language: str = "",
    out: Console,
    err: Console,
) -> int:
    """Transcribes all recordings that `arguments` name; returns the exit status.

    Raises ServerAccessError when `access` cannot be used.
    """
    found = await asyncio.to_thread(find, arguments)
    jobs, outcome = _plan(found, options)
    if found.passed_over:
        out.print(_passed_over(found), soft_wrap=True, highlight=False, markup=False)
    try:
        if jobs:
            async with access.connect(server) as client:
                await _prepare(client, config, options, language)
                await _run(client, config, jobs, outcome, options, out)
    except (AmiraClientError, NoSuchLanguageError) as error:
        outcome.stopped = told(error, server)
    except asyncio.CancelledError:
        outcome.stopped = "Interrupted."
        _report(outcome, out, err)
        raise
    _report(outcome, out, err)
    return outcome.status


def _plan(found: Found, options: BatchOptions) -> tuple[list[Job], Outcome]:
    jobs, clashing = assign(found, options.formats, options.out)
    outcome = Outcome(recordings=len(found.recordings) + len(found.troubles))
    outcome.failures += found.troubles
    outcome.failures += [
        (recording.path, "its transcript would have another one's name: transcribe it into another --out")
        for recording in clashing
    ]
    return jobs, outcome


async def _prepare(
    client: AmiraClient, config: RecognitionConfig, options: BatchOptions, language: str
) -> None:
    """Completes the config, and finds out whether the server is there."""
    capabilities = await client.capabilities()
    if language:
        config.model = model_for(capabilities, language, config.model)
    config.interim_results = False
    config.word_times = config.word_times or not NEED_WORD_TIMES.isdisjoint(options.formats)


async def _run(
    client: AmiraClient,
    config: RecognitionConfig,
    jobs: Sequence[Job],
    outcome: Outcome,
    options: BatchOptions,
    out: Console,
) -> None:
    ledger = Ledger(_settings(config), overwrite=options.overwrite)
    with Bars(out) if out.is_terminal else Lines(out) as view:
        view.total(outcome.recordings, 0.0)
        batch = Batch(client, config, jobs, ledger, view, outcome, real_time=options.real_time)
        await batch.run(options.parallel)


def _settings(config: RecognitionConfig) -> str:
    """Names what decides on the words; word times alone do not."""
    copy = RecognitionConfig()
    copy.CopyFrom(config)
    copy.ClearField("word_times")
    return hashlib.sha256(copy.SerializeToString(deterministic=True)).hexdigest()[:16]


def _report(outcome: Outcome, out: Console, err: Console) -> None:
    for path, why in outcome.failures:
        complain(f"{name_of(path)}: {printable(why)}", err)
    if outcome.stopped:
        complain(printable(outcome.stopped), err)
    out.print(summary(outcome), soft_wrap=True, highlight=False, markup=False)
    if outcome.stopped and outcome.untried:
        out.print("The same command goes on with what is left.", highlight=False)


def _passed_over(found: Found) -> str:
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in found.passed_over.most_common(8))
    return f"Passed over, as no audio that can be read: {kinds}."
