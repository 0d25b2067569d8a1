"""The `amira keys` commands: API keys and tenants' limits in a file that running gateways read again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

if TYPE_CHECKING:
    from amira_gateway.access.key_file import KeyFile, KeyRecord

keys_app = typer.Typer(
    name="keys",
    help="Make, list and revoke API keys, and set tenants' limits.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

FILE_VARIABLE = "AMIRA_GATEWAY_API_KEYS_FILE"


class ScopeChoice(StrEnum):
    """What a key may be used for."""

    RECOGNIZE = "recognize"
    DESCRIBE = "describe"
    ADMIN = "admin"


FileOption = Annotated[
    Path, typer.Option("--file", envvar=FILE_VARIABLE, help="The key file, as the gateway is given it.")
]
MaxStreamsOption = Annotated[int | None, typer.Option(min=1, help="Streams at once (default: no limit).")]
AudioOption = Annotated[
    float | None,
    typer.Option(
        min=1.0, help="Seconds of audio per minute, all streams together: 60 is one at the speed of speech."
    ),
]


@keys_app.command()
def create(
    tenant: Annotated[str, typer.Argument(help="Who answers for the key; limits are counted per tenant.")],
    file: FileOption,
    scope: Annotated[
        list[ScopeChoice] | None,
        typer.Option(help="Repeatable; `recognize` includes `describe` (default: recognize)."),
    ] = None,
    expires_in_days: Annotated[float | None, typer.Option(min=0.0, help="(default: never)")] = None,
    max_streams: MaxStreamsOption = None,
    audio_s_per_minute: AudioOption = None,
) -> None:
    """Make a key and print it: this once, only its hash is kept. Limits given here are this key's own."""
    from amira_gateway.access.api_keys import make_key  # each command loads only what it needs
    from amira_gateway.access.identity import Limits, Scope
    from amira_gateway.access.key_file import now_utc

    scopes = frozenset(Scope(choice.value) for choice in scope or [ScopeChoice.RECOGNIZE])
    limits = Limits(max_streams=max_streams, audio_s_per_minute=audio_s_per_minute)
    expires = None if expires_in_days is None else now_utc() + timedelta(days=expires_in_days)
    try:
        key, record = make_key(tenant, scopes, limits=limits, expires=expires)
    except ValueError:
        _fail("A tenant's name has 1 to 64 letters, digits, dots, dashes or underscores.")
    with _changed(file) as box:
        box[0] = box[0].model_copy(update={"keys": (*box[0].keys, record)})
    typer.echo(key)
    Console(stderr=True).print(
        f"Key {record.id} for {tenant}. It is not kept anywhere: hand it over now. "
        "Gateways that run with this file take it at once.",
        highlight=False,
        soft_wrap=True,
    )


@keys_app.command("list")
def list_keys(file: FileOption) -> None:
    """Show the keys (without anything that could be used) and the tenants' limits."""
    from rich.table import Table  # each command loads only what it needs

    from amira_gateway.access.key_file import now_utc

    content, now, console = _read(file), now_utc(), Console()
    table = Table("key", "tenant", "scopes", "state", "expires", "own limits", box=None, header_style="bold")
    for record in content.keys:
        table.add_row(
            record.id,
            record.tenant,
            " ".join(sorted(record.scopes)),
            record.state(now),
            "never" if record.expires is None else f"{record.expires:%Y-%m-%d %H:%M}",
            _limits(record.limits.max_streams, record.limits.audio_s_per_minute),
        )
    console.print(table)
    for tenant, limits in sorted(content.tenants.items()):
        console.print(
            f"{tenant}: {_limits(limits.max_streams, limits.audio_s_per_minute)}",
            highlight=False,
            markup=False,
        )


@keys_app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `amira keys list` shows it.")],
    file: FileOption,
) -> None:
    """Refuse a key from now on. Streams that it has opened go on to their end."""
    from amira_gateway.access.key_file import now_utc  # each command loads only what it needs

    key_id = key_id.removeprefix("amira_").partition("_")[0]

    def revoked(record: KeyRecord) -> KeyRecord:
        return record.model_copy(update={"revoked": now_utc()}) if record.id == key_id else record

    _read(file)
    with _changed(file) as box:
        if key_id not in {record.id for record in box[0].keys}:
            _fail(f"{file} holds no key {key_id!r}: `amira keys list` shows them.")
        box[0] = box[0].model_copy(update={"keys": tuple(map(revoked, box[0].keys))})
    typer.echo(f"Key {key_id} is refused from now on.")


@keys_app.command()
def limit(
    tenant: Annotated[str, typer.Argument(help="The tenant, whose keys and tokens it then holds for.")],
    file: FileOption,
    max_streams: MaxStreamsOption = None,
    audio_s_per_minute: AudioOption = None,
) -> None:
    """Set what a tenant may use, all of its keys together, per gateway. Without options: no limits."""
    from amira_gateway.access.identity import Limits  # each command loads only what it needs

    limits = Limits(max_streams=max_streams, audio_s_per_minute=audio_s_per_minute)
    with _changed(file) as box:
        box[0] = box[0].model_copy(update={"tenants": {**box[0].tenants, tenant: limits}})
    typer.echo(f"{tenant}: {_limits(max_streams, audio_s_per_minute)}")


def _limits(max_streams: int | None, audio_s_per_minute: float | None) -> str:
    parts = []
    if max_streams is not None:
        parts.append(f"{max_streams} streams")
    if audio_s_per_minute is not None:
        parts.append(f"{audio_s_per_minute:g} s of audio per minute")
    return ", ".join(parts) or "no limits"


def _read(file: Path) -> KeyFile:
    from amira_gateway.access.key_file import KeyFileError, read_key_file

    try:
        return read_key_file(file)
    except KeyFileError as error:
        _fail(str(error))


@contextmanager
def _changed(file: Path) -> Iterator[list[KeyFile]]:
    """As `changing`, with errors for people."""
    from amira_gateway.access.key_file import KeyFileError, changing

    try:
        with changing(file) as box:
            yield box
    except KeyFileError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"Cannot write {file}: {error.strerror}.")


def _fail(problem: str) -> NoReturn:
    Console(stderr=True).print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)
