"""`make assistant`: a voice assistant in the browser, offline.

    python -m demo.assistant [--port 50070] [--server HOST:PORT] [--wake "hey amira"] ...

Starts the whole stack on free ports, or uses a server that runs, and serves the page until Ctrl-C.
docs/ASSISTANT.md says what can be said and how to change it.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import structlog
import typer

from amira_client import AmiraClient, AmiraClientError
from amira_core.logs import configure_logs
from amira_local.options import StackOptions, default_model_dir
from amira_local.stack import LocalStack, StackError
from demo.assistant.language.understanding import GRAMMAR, Understanding
from demo.assistant.server import AssistantServer
from demo.assistant.wake import PHRASE, WakePhrase

PORT = 50070
_LOGS = Path(".amira") / "logs"

_log = structlog.get_logger(__name__)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class CannotStartError(Exception):
    """The message says why, and what to do."""


@app.command()
def assistant(
    port: Annotated[int, typer.Option(help="The page's port.")] = PORT,
    host: Annotated[
        str, typer.Option(help="The page's address; elsewhere than here it needs TLS.")
    ] = "127.0.0.1",
    server: Annotated[str, typer.Option(help="A server that runs (default: one of its own).")] = "",
    model: Annotated[Path | None, typer.Option(help="Model folder (default: the bundled model).")] = None,
    grammar: Annotated[Path, typer.Option(help="What can be said.")] = GRAMMAR,
    wake: Annotated[str, typer.Option(help="The wake phrase.")] = PHRASE,
    certificate: Annotated[Path | None, typer.Option(help="For https (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
) -> None:
    """Serve the assistant's page until Ctrl-C."""
    configure_logs("assistant", level="warning")
    try:
        understanding = Understanding.of_file(grammar)
        phrase = WakePhrase(wake)
        tls = _tls(certificate, key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise typer.BadParameter(str(error)) from error
    own = None if server else StackOptions(
        model_dir=model or default_model_dir(), ephemeral_ports=True, nodes=1, log_dir=_LOGS
    )  # fmt: skip
    try:
        asyncio.run(_run(own, server, understanding, phrase, host, port, tls))
    except (StackError, AmiraClientError, CannotStartError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


async def _run(
    own: StackOptions | None,
    target: str,
    understanding: Understanding,
    wake: WakePhrase,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    stop = asyncio.create_task(stopping.wait())
    async with AsyncExitStack() as held:
        failure: asyncio.Task[StackError] | None = None
        if own is not None:
            stack = LocalStack(own)
            typer.echo("Starting Amira ...")
            start = asyncio.create_task(held.enter_async_context(stack))
            await asyncio.wait((start, stop), return_when=asyncio.FIRST_COMPLETED)
            if not start.done():
                start.cancel()
                await asyncio.gather(start, return_exceptions=True)
                return
            start.result()
            target, failure = stack.gateway_target, asyncio.create_task(stack.failure())
        client = await held.enter_async_context(AmiraClient(target))
        await client.capabilities()
        try:
            page = await held.enter_async_context(
                AssistantServer(client, understanding, host=host, port=port, wake=wake, tls=tls)
            )
        except OSError as error:
            raise CannotStartError(
                f"No page can be served on {host}:{port} ({error.strerror or error}): choose another --port."
            ) from error
        typer.echo(f'The assistant is at {page.url} - say "{wake.phrase}". Ctrl-C stops it.')
        await asyncio.wait({stop, failure} if failure else {stop}, return_when=asyncio.FIRST_COMPLETED)
        if failure is not None and failure.done():
            raise failure.result()


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


if __name__ == "__main__":
    app()
