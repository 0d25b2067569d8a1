"""API keys: made, hashed, recognized.

A key reads ``amira_<id>_<secret>``: the id (16 hex digits) is public and finds the record, the secret
has 256 random bits. Its hash is BLAKE2b with a salt of its own. Slow hashes (scrypt, argon2) make guessing
of *passwords* dear; 2^256 secrets cannot be guessed at any price, and a slow hash would let anyone
burn the gateway's processor with wrong keys. The salt and the personalisation keep a hash from being
looked up in, or reused from, anywhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from pathlib import Path

from amira_core.errors import UnauthenticatedError
from amira_core.security.watched_files import WatchedFiles
from amira_gateway.access.identity import Identity, Limits, Scope
from amira_gateway.access.key_file import KeyFile, KeyRecord, now_utc, read_key_file

PREFIX = "amira_"
_PERSON = b"amira api key 1"
_ID_BYTES = 8
_SECRET_BYTES = 32
_SALT_BYTES = 16


def hash_secret(secret: str, salt: bytes) -> bytes:
    """32 bytes."""
    return hashlib.blake2b(
        secret.encode(errors="replace"), digest_size=32, salt=salt, person=_PERSON
    ).digest()


def make_key(
    tenant: str,
    scopes: frozenset[Scope],
    *,
    limits: Limits | None = None,
    expires: datetime | None = None,
) -> tuple[str, KeyRecord]:
    """A new key, to be shown once, and its record."""
    key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    salt = secrets.token_bytes(_SALT_BYTES)
    record = KeyRecord(
        id=key_id,
        salt=salt.hex(),
        hash=hash_secret(secret, salt).hex(),
        tenant=tenant,
        scopes=scopes,
        limits=limits or Limits(),
        created=now_utc(),
        expires=expires,
    )
    return f"{PREFIX}{key_id}_{secret}", record


class ApiKeys:
    """The keys of one file, which is read again when it changes."""

    def __init__(self, path: Path) -> None:
        """Raises KeyFileError."""
        self._by_id = WatchedFiles([path], lambda: _Index(read_key_file(path)))

    def limits(self, tenant: str) -> Limits | None:
        """The file's limits for a tenant; None when it names none."""
        return self._by_id.get().file.tenants.get(tenant)

    def identify(self, key: str) -> Identity:
        """Whose key it is.

        Unknown ids, wrong secrets and revoked keys take the same steps to the same answer.

        Raises:
            UnauthenticatedError
        """
        key_id, _, secret = key.removeprefix(PREFIX).partition("_")
        known = self._by_id.get().records.get(key_id)
        record = _NOBODY if known is None else known
        right = hmac.compare_digest(
            hash_secret(secret, bytes.fromhex(record.salt)), bytes.fromhex(record.hash)
        )
        if not right or known is None or record.revoked is not None:
            raise UnauthenticatedError("The API key is not valid here: check it, or ask for a new one.")
        if record.state(now_utc()) == "expired":  # told only to who has the key
            raise UnauthenticatedError("The API key has expired: ask for a new one.")
        return Identity(record.tenant, record.id, record.scopes, record.limits)


class _Index:
    def __init__(self, file: KeyFile) -> None:
        self.file = file
        self.records = {record.id: record for record in file.keys}


_NOBODY = make_key("nobody", frozenset({Scope.DESCRIBE}))[1]
"""What keys with unknown ids are compared with, so that they take as long as others."""
