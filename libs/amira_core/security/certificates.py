"""Certificates and keys from PEM files, checked before anything is served with them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from amira_core.settings import BadSettingsError

_log = structlog.get_logger(__name__)

_WARN_BEFORE = datetime.timedelta(days=14)


class TlsError(BadSettingsError):
    """A certificate, key or authority file cannot be used; the message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate chain (PEM, own certificate first) and its private key (PEM)."""

    chain: bytes
    key: bytes


def load_identity(cert: Path, key: Path) -> Identity:
    """The pair, after checking that both can be read, belong together, and are valid today.

    Raises:
        TlsError: naming the file and what to do.
    """
    chain_pem, key_pem = _read(cert, "certificate"), _read(key, "private key")
    leaf = _certificates(cert, chain_pem)[0]
    private = _private_key(key, key_pem)
    if _public_bytes(leaf.public_key()) != _public_bytes(private.public_key()):
        raise TlsError(
            f"the private key {key} does not belong to the certificate {cert}: "
            "give the pair that was made together"
        )
    _check_dates(cert, leaf)
    return Identity(chain_pem, key_pem)


def load_authority(path: Path) -> bytes:
    """The authorities' certificates (PEM). Raises TlsError, also when every one of them has expired."""
    content = _read(path, "authority's certificate")
    certificates = _certificates(path, content)
    now = datetime.datetime.now(datetime.UTC)
    if all(certificate.not_valid_after_utc < now for certificate in certificates):
        raise TlsError(f"every certificate in {path} has expired: give the authority's present certificate")
    return content


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(
            f"cannot read the {what} {path} ({error.strerror}): check the path and who may read it"
        ) from error


def _certificates(path: Path, content: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise TlsError(
            f"{path} holds no certificate in PEM format: it should begin with -----BEGIN CERTIFICATE-----"
        ) from error


def _private_key(path: Path, content: bytes) -> Any:
    try:
        return serialization.load_pem_private_key(content, password=None)
    except TypeError as error:
        raise TlsError(
            f"the private key {path} is encrypted: decrypt it (openssl pkey -in ... -out ...)"
        ) from error
    except ValueError as error:
        raise TlsError(f"{path} holds no private key in PEM format") from error


def _public_bytes(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _check_dates(path: Path, leaf: x509.Certificate) -> None:
    now = datetime.datetime.now(datetime.UTC)
    ends = leaf.not_valid_after_utc
    if ends < now:
        raise TlsError(f"the certificate {path} expired on {ends:%Y-%m-%d %H:%M} UTC: renew it")
    if leaf.not_valid_before_utc > now:
        raise TlsError(
            f"the certificate {path} is valid only from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC: "
            "check this machine's clock"
        )
    if ends - now < _WARN_BEFORE:
        _log.warning("certificate_expires_soon", path=str(path), expires=f"{ends:%Y-%m-%dT%H:%MZ}")
