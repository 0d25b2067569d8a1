"""From a call's metadata to whose call it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amira_core.errors import UnauthenticatedError
from amira_gateway.access.api_keys import PREFIX, ApiKeys
from amira_gateway.access.identity import ANYBODY, Identity, Limits
from amira_gateway.access.tokens import Tokens

_HOW = "send the metadata `authorization: Bearer <key or token>`"
_NAMES = ("authorization", "x-api-key", "x-goog-api-key")  # the last one is what Google's clients send
_LONGEST = 8 * 1024

Metadata = Iterable[tuple[str, str | bytes]]


class Authenticator:
    """Accepts what the operator has set up: API keys, tokens, both, or (with neither) anybody."""

    def __init__(self, api_keys: ApiKeys | None, tokens: Tokens | None) -> None:
        self._api_keys = api_keys
        self._tokens = tokens

    @property
    def required(self) -> bool:
        """Whether calls need a key or token at all."""
        return self._api_keys is not None or self._tokens is not None

    def identify(self, metadata: Metadata) -> Identity:
        """Whose call it is. Raises UnauthenticatedError."""
        if not self.required:
            return ANYBODY
        secret = _secret(metadata)
        if not secret.startswith(PREFIX) and self._tokens is not None:
            return self._tokens.identify(secret)
        if self._api_keys is None:
            raise UnauthenticatedError("API keys are not accepted here: send a token.")
        return self._api_keys.identify(secret)

    def limits(self, tenant: str) -> Limits | None:
        """What the key file allows the tenant; None when it does not say."""
        return None if self._api_keys is None else self._api_keys.limits(tenant)


def _secret(metadata: Metadata) -> str:
    given = {(name, value) for name, value in metadata if name in _NAMES}  # Riva's client sends its key twice
    if not given:
        raise UnauthenticatedError(f"The call carries no API key or token: {_HOW}.")
    if len(given) > 1:
        raise UnauthenticatedError("The call carries more than one key or token: send one.")
    name, value = given.pop()
    secret = _of_authorization(value) if name == "authorization" else value
    if not isinstance(secret, str) or len(secret) > _LONGEST:
        raise UnauthenticatedError(f"The key or token is not text, or too long: {_HOW}.")
    return secret.strip()


def _of_authorization(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    scheme, _, secret = value.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise UnauthenticatedError(f"The metadata `authorization` does not begin with `Bearer`: {_HOW}.")
    return secret
