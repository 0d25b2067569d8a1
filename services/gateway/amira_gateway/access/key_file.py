"""The file that holds API keys (hashed) and tenants' limits.

{"tenants": {"acme": {"max_streams": 20, "audio_s_per_minute": 1200}},
 "keys": [{"id": "5b0c6f3e9a417d28", "salt": "...", "hash": "...", "tenant": "acme",
           "scopes": ["recognize"], "limits": {}, "created": "...", "expires": null, "revoked": null}]}
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from amira_core.settings import BadSettingsError
from amira_gateway.access.identity import Limits, Scope

Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]
TenantName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class KeyFileError(BadSettingsError):
    """A key file cannot be used; the message names it and what to do, and quotes nothing from it."""


class KeyRecord(BaseModel):
    """What is kept of a key: enough to recognize it, not enough to use it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    salt: Annotated[Hex, Field(min_length=32, max_length=32)]
    hash: Annotated[Hex, Field(min_length=64, max_length=64)]
    tenant: TenantName
    scopes: frozenset[Scope] = Field(min_length=1)
    limits: Limits = Limits()
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


class KeyFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenants: dict[TenantName, Limits] = {}
    keys: tuple[KeyRecord, ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> KeyFile:
        if len({key.id for key in self.keys}) < len(self.keys):
            raise ValueError("two keys have the same id")
        return self


def read_key_file(path: Path) -> KeyFile:
    """Raises KeyFileError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KeyFileError(
            f"cannot read the key file {path} ({error.strerror}): `amira keys create` makes one"
        ) from error
    return _parsed(path, content)


def _parsed(path: Path, content: bytes | str) -> KeyFile:
    try:
        return KeyFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise KeyFileError(f"the key file {path} cannot be used: {place}: {first['msg']}") from None


@contextmanager
def changing(path: Path) -> Iterator[list[KeyFile]]:
    """The file in a list of one, to be replaced in there; written when the block ends without an error.

    One change at a time (a lock beside the file), and readers never see half of one. The file is made
    when it does not exist, for its owner's eyes alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        box = [read_key_file(path) if path.exists() else KeyFile()]
        before = box[0]
        yield box
        if box[0] != before or not path.exists():
            _write(path, _checked(path, box[0].model_dump_json(indent=2)))


def _checked(path: Path, content: str) -> str:
    """What would be written, which must be readable again (copies of models are not checked)."""
    _parsed(path, content)
    return content


def _write(path: Path, content: str) -> None:
    path = path.resolve()
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def now_utc() -> datetime:
    """Whole seconds are enough for keys."""
    return datetime.now(UTC).replace(microsecond=0)
