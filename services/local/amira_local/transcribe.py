"""`amira transcribe`: files through a running server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from amira_client import AmiraClient, AmiraClientError, RecognitionConfig, UnreachableError
from amira_local.languages import NoSuchLanguageError, model_for
from amira_local.result_view import JsonView, LiveView, PlainView
from amira_local.security.server_access import ServerAccess

HOW_TO_START = (
    "Nothing answers at {server}. Start a server with `amira up` (in another terminal), or name one with "
    "--server HOST:PORT."
)


async def transcribe_files(
    files: Sequence[Path],
    server: str,
    config: RecognitionConfig,
    *,
    access: ServerAccess | None = None,
    language: str = "",
    real_time: bool,
    as_json: bool,
    out: Console,
    err: Console,
) -> int:
    """Transcribes each file in turn; returns the exit status: 0 only if all went well.

    `language` chooses the model.

    Raises ServerAccessError when `access` cannot be used.
    """
    failures = 0
    async with (access or ServerAccess()).connect(server) as client:
        if language and not await _choose_model(client, config, language, server, err):
            return 1
        for file in files:
            if len(files) > 1 and not as_json:
                out.print(f"{file}:", highlight=False, soft_wrap=True, markup=False)
            view = _view(file, as_json, out)
            try:
                with view:
                    await client.transcribe(
                        file,
                        config,
                        real_time_factor=1.0 if real_time else None,
                        on_response=view.response,
                    )
            except AmiraClientError as error:
                failures += 1
                if isinstance(view, JsonView):
                    view.error(error)
                _explain(error, file, server, err)
                if isinstance(error, UnreachableError):
                    break
    return 1 if failures else 0


async def _choose_model(
    client: AmiraClient, config: RecognitionConfig, language: str, server: str, err: Console
) -> bool:
    try:
        config.model = model_for(await client.capabilities(), language, config.model)
    except (AmiraClientError, NoSuchLanguageError) as error:
        complain(told(error, server), err)
        return False
    return True


def _view(file: Path, as_json: bool, out: Console) -> PlainView:
    if as_json:
        return JsonView(out, str(file))
    return LiveView(out) if out.is_terminal else PlainView(out)


def _explain(error: AmiraClientError, file: Path, server: str, err: Console) -> None:
    words = told(error, server) if isinstance(error, UnreachableError) else f"{file}: {error}"
    if error.retry_after_s is not None and not isinstance(error, UnreachableError):
        words += f" Try again in {error.retry_after_s:g} s."
    complain(words, err)


def told(error: Exception, server: str) -> str:
    """An error in a user's words: where nothing answers, how to start a server."""
    if isinstance(error, UnreachableError) and not error.advice:
        return HOW_TO_START.format(server=server)
    return str(error)


def complain(words: str, err: Console) -> None:
    """Prints what went wrong."""
    err.print(words, style="red", highlight=False, soft_wrap=True, markup=False)
