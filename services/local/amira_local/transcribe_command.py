"""`amira transcribe` on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from amira_local.batch.find import is_pattern
from amira_local.request import recognition_config
from amira_local.security.server_access import ServerAccess, ServerAccessError
from amira_local.speech_options import (
    LOCAL_SERVER,
    ApiKeyOption,
    CaOption,
    ClientCertOption,
    ClientKeyOption,
    EndpointOption,
    HotwordOption,
    LanguageOption,
    MethodOption,
    ModelOption,
    ServerOption,
    TlsOption,
    value_of,
)

if TYPE_CHECKING:
    from amira_local.transcripts.formats import Format


def transcribe(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="WAV, FLAC, Ogg-Opus, or anything that libsndfile reads; folders; patterns ('a/**/*.wav')."
        ),
    ],
    server: ServerOption = LOCAL_SERVER,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="One JSON object per response and line, interim results too, each with `file`."
        ),
    ] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", help="Write files: txt, json, srt, vtt, tsv; repeatable (default for folders: txt)."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the files (default: beside the recordings).")
    ] = None,
    parallel: Annotated[
        int | None, typer.Option(min=1, max=64, help="Streams at once, writing files (default: 4).")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also what is done already; replace files that are not ours.")
    ] = False,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Send at the speed of speech, as a microphone would.")
    ] = False,
    word_times: Annotated[
        bool, typer.Option("--word-times", help="Show when each word was said, and how sure it is.")
    ] = False,
    hotword: HotwordOption = None,
    endpoint: EndpointOption = None,
    method: MethodOption = None,
    n_best: Annotated[int, typer.Option(min=1, max=10, help="Readings per segment.")] = 1,
    model: ModelOption = "",
    language: LanguageOption = "",
    tls: TlsOption = False,
    ca: CaOption = None,
    client_cert: ClientCertOption = None,
    client_key: ClientKeyOption = None,
    api_key: ApiKeyOption = None,
) -> None:
    """Transcribe recordings with a running server: show the words as they come, or write files.

    Files are shown one after the other. On a terminal the open segment is shown while it changes: words that
    will stay are firm, the rest faint. Elsewhere only finals are printed, one a line.

    With a folder, a pattern, --format or --out, transcripts are written instead, several recordings at once.
    What is done is not done again: the same command goes on after an interruption, and does what has changed.

    Exits with 1 if any recording failed.
    """
    with value_of("--hotword"):
        config = recognition_config(
            endpoint=endpoint,
            hotwords=hotword,
            method=method,
            model=model,
            n_best=n_best,
            word_times=word_times,
        )
    access = ServerAccess(tls, ca, api_key, client_cert, client_key)
    console, err = Console(), Console(stderr=True)
    chosen = _formats(formats)
    many = bool(chosen or out or parallel or overwrite) or any(map(_is_many, files))
    if many and as_json:
        raise typer.BadParameter("shows single files; to write files use --format json", param_hint="--json")
    if many:
        from amira_local.batch.command import PARALLEL, BatchOptions, transcribe_many  # only what is needed

        options = BatchOptions(chosen or _formats(["txt"]), out, parallel or PARALLEL, overwrite, real_time)
        run = transcribe_many(
            files, server, config, options, access=access, language=language, out=console, err=err
        )
    else:
        from amira_local.transcribe import transcribe_files  # only what is needed

        run = transcribe_files(
            files, server, config, access=access, language=language, real_time=real_time, as_json=as_json,
            out=console, err=err,
        )  # fmt: skip
    raise typer.Exit(_finish(run))


def _is_many(argument: Path) -> bool:
    return argument.is_dir() or is_pattern(argument)


def _formats(given: list[str] | None) -> list[Format]:
    """`--format srt,vtt` and `--format srt --format vtt`, each once."""
    from amira_local.transcripts.formats import Format  # only what is needed

    names = [name.strip().lower() for part in given or () for name in part.split(",")]
    chosen = []
    for name in dict.fromkeys(filter(None, names)):
        if name not in list(Format):
            known = ", ".join(form.value for form in Format)
            raise typer.BadParameter(f"{name!r} is none of {known}", param_hint="--format")
        chosen.append(Format(name))
    return chosen


def _finish(run: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(run)
    except ServerAccessError as error:
        raise typer.BadParameter(str(error)) from error
