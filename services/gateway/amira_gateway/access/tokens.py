"""JSON Web Tokens, signed with RS256 or ES256 by an issuer whose public keys lie in a JWKS file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from amira_core.errors import UnauthenticatedError
from amira_core.security.watched_files import WatchedFiles
from amira_core.settings import BadSettingsError
from amira_gateway import untrusted_json
from amira_gateway.access.identity import Identity, Scope

_LEAST_RSA_BITS = 2048
_LONGEST_NAME = 128
_REQUIRED = ["exp", "iss", "aud", "sub"]


class JwksError(BadSettingsError):
    """A JWKS file cannot be used; the message names it and what to do."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key, and the one algorithm that it is used with, whatever a token says."""

    algorithm: str
    key: Any


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say.

    Attributes:
        issuer: its `iss`.
        audience: one of its `aud`.
        leeway_s: by how much the clocks of issuer and gateway may differ.
        tenant_claim: name of the claim that holds the tenant.
    """

    issuer: str
    audience: str
    leeway_s: float = 30.0
    tenant_claim: str = "tenant"


class Tokens:
    """Verifies tokens; the JWKS file is read again when it changes."""

    def __init__(self, jwks: Path, rules: TokenRules) -> None:
        """Raises JwksError."""
        self._keys = WatchedFiles([jwks], lambda: read_jwks(jwks))
        self._rules = rules

    def identify(self, token: str) -> Identity:
        """Who the token speaks for.

        Why a token is refused is told only once its signature is known to be the issuer's.

        Raises:
            UnauthenticatedError
        """
        try:
            untrusted_json.check_token(token)
            claims = self._verified(token)
        except jwt.ExpiredSignatureError:
            raise UnauthenticatedError("The token has expired: get a new one.") from None
        except jwt.ImmatureSignatureError:
            raise UnauthenticatedError("The token is not valid yet: check the issuer's clock.") from None
        except jwt.InvalidIssuerError:
            raise UnauthenticatedError("The token is of an issuer that is not accepted here.") from None
        except jwt.InvalidAudienceError:
            raise UnauthenticatedError(
                "The token was issued for something else: its `aud` is not this server's."
            ) from None
        except jwt.MissingRequiredClaimError as error:
            raise UnauthenticatedError(f"The token lacks the claim `{error.claim}`.") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise UnauthenticatedError("The token is not valid here: check it, or get a new one.") from None
        return self._identity(claims)

    def _verified(self, token: str) -> dict[str, Any]:
        key_id = jwt.get_unverified_header(token).get("kid")
        found = self._keys.get().get(key_id) if isinstance(key_id, str) else None
        if found is None:
            raise jwt.InvalidKeyError
        claims: dict[str, Any] = jwt.decode(
            token,
            found.key,
            algorithms=[found.algorithm],
            issuer=self._rules.issuer,
            audience=self._rules.audience,
            leeway=self._rules.leeway_s,
            options={"require": _REQUIRED},
        )
        return claims

    def _identity(self, claims: dict[str, Any]) -> Identity:
        tenant = claims.get(self._rules.tenant_claim)
        if not isinstance(tenant, str) or not 0 < len(tenant) <= _LONGEST_NAME:
            raise UnauthenticatedError(f"The token lacks the claim `{self._rules.tenant_claim}`.")
        return Identity(tenant, str(claims["sub"])[:_LONGEST_NAME], _scopes(claims))


def _scopes(claims: dict[str, Any]) -> frozenset[Scope]:
    """From `scope` (words with spaces between, RFC 8693) or a list; words of others are passed over."""
    given = claims.get("scope", claims.get("scp", ""))
    words = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    return frozenset(scope for scope in Scope if scope.value in words)


def read_jwks(path: Path) -> dict[str, VerifyingKey]:
    """Verifying keys by `kid`. Raises JwksError, also for keys that are secret, weak or of another kind."""
    try:
        entries = json.loads(path.read_bytes())["keys"]
        keys = dict(_key(path, entry) for entry in entries if entry.get("use", "sig") == "sig")
    except OSError as error:
        raise JwksError(f"cannot read the JWKS file {path} ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JwksError(f'{path} is no JWKS file: it should be {{"keys": [...]}}') from error
    if not keys:
        raise JwksError(f"{path} holds no key for signatures")
    return keys


def _key(path: Path, entry: dict[str, Any]) -> tuple[str, VerifyingKey]:
    key_id = entry.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise JwksError(f"{path} holds a key without `kid`, which tokens name their key by")
    if "d" in entry or entry.get("kty") == "oct":
        raise JwksError(f"the key {key_id!r} in {path} is secret: give the issuer's public keys alone")
    try:
        public = jwt.PyJWK(entry, algorithm={"RSA": "RS256", "EC": "ES256"}.get(entry.get("kty", ""))).key
    except jwt.PyJWTError as error:
        raise JwksError(f"the key {key_id!r} in {path} cannot be read: {error}") from error
    if isinstance(public, RSAPublicKey) and public.key_size >= _LEAST_RSA_BITS:
        return key_id, VerifyingKey("RS256", public)
    if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1):
        return key_id, VerifyingKey("ES256", public)
    raise JwksError(
        f"the key {key_id!r} in {path} is of no accepted kind: RSA from {_LEAST_RSA_BITS} bits, or P-256"
    )
