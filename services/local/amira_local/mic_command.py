"""`amira mic` on the command line."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

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
    from amira_client.microphone import OpenCapture

STANDARD_INPUT = "-"


def mic(
    server: ServerOption = LOCAL_SERVER,
    list_devices: Annotated[
        bool, typer.Option("--list-devices", help="Show what can be listened to, and end.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="Number or part of the name (default: the system's).")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--input",
            help="In place of a microphone: a recording, played at the speed of speech, or - for LINEAR16 "
            "mono on standard input.",
        ),
    ] = None,
    rate: Annotated[int, typer.Option(min=8000, max=48000, help="Samples per second of --input -.")] = 16000,
    save: Annotated[
        list[Path] | None,
        typer.Option(help="Write .srt, .vtt, .txt or .json while it is said; repeatable."),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Go on with --save files that are there already.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Have the open segment in --save files, too.")
    ] = False,
    text_file: Annotated[
        Path | None,
        typer.Option(help="A file that always holds the newest lines alone, for a text source of OBS."),
    ] = None,
    text_lines: Annotated[int, typer.Option(min=1, max=20, help="Lines in --text-file.")] = 2,
    hotword: HotwordOption = None,
    endpoint: EndpointOption = None,
    method: MethodOption = None,
    model: ModelOption = "",
    language: LanguageOption = "",
    tls: TlsOption = False,
    ca: CaOption = None,
    client_cert: ClientCertOption = None,
    client_key: ClientKeyOption = None,
    api_key: ApiKeyOption = None,
) -> None:
    """Show what is being said into the microphone, while it is said; Ctrl-C ends it.

    Words that will stay are firm, those that may change faint. Below them: how loud it is, and how long after
    their sound words are here (final: after the last word, so with the pause that ends a segment). Without a
    terminal only finals are printed.

    When the server is gone for up to two minutes, nothing is lost: it is said once the server is back.
    """
    console, err = Console(), Console(stderr=True)
    from amira_local.captions.errors import CaptionFileError  # each command loads only what it needs
    from amira_local.mic import run

    if list_devices:
        raise typer.Exit(run.list_devices(console, err))
    with value_of("--hotword"):
        config = recognition_config(endpoint=endpoint, hotwords=hotword, method=method, model=model)
    options = run.MicOptions(
        device=int(device) if device is not None and device.isdecimal() else device,
        save=save or (), append=append, partial=partial, text_file=text_file, text_lines=text_lines,
        **({"capture": _capture(source, rate)} if source else {}),
    )  # fmt: skip
    access = ServerAccess(tls, ca, api_key, client_cert, client_key)
    try:
        status = asyncio.run(
            run.listen(server, config, options, access=access, language=language, out=console, err=err)
        )
    except ServerAccessError as error:
        raise typer.BadParameter(str(error)) from error
    except CaptionFileError as error:
        raise typer.BadParameter(str(error), param_hint="--save or --text-file") from error
    except asyncio.CancelledError:
        raise typer.Exit(130) from None
    raise typer.Exit(status)


def _capture(source: str, rate_hz: int) -> OpenCapture:
    from amira_client.microphone import playback  # only what is needed
    from amira_local.mic.piped import piped

    if source == STANDARD_INPUT:
        return piped(sys.stdin.fileno(), rate_hz)
    return playback(source, silence_after_s=0.0)
