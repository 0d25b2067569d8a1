"""How this process serves and calls: set once from the settings, used by every port and channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from amira_core.security.certificates import TlsError
from amira_core.security.client_tls import ClientTls
from amira_core.security.server_tls import ServerTls
from amira_core.security.tls_settings import TlsSettings


@dataclass(frozen=True, slots=True)
class Transport:
    """Without TLS, both ways are plaintext."""

    server: ServerTls | None = None
    client: ClientTls | None = None
    reflection: bool = True

    @classmethod
    def of(cls, settings: TlsSettings, calls: TlsSettings | None = None) -> Transport:
        """`calls`: settings for calls to others, where they are not those of the port.

        Raises TlsError when settings contradict each other or a file cannot be used.
        """
        calls = calls or settings
        for each in (settings, calls):
            _together(each, "tls_cert", "tls_key")
            _together(each, "tls_client_cert", "tls_client_key")
            _needs(each, "tls_client_ca", "tls_cert")
            _needs(each, "tls_client_cert", "tls_ca")
            _needs(each, "tls_server_name", "tls_ca")
        return cls(_server(settings), _client(calls), settings.reflection)


_current = Transport()


def configure_transport(settings: TlsSettings, calls: TlsSettings | None = None) -> None:
    """What every port and channel opened from now on uses, as :meth:`Transport.of`. Raises TlsError."""
    global _current
    _current = Transport.of(settings, calls)


def current_transport() -> Transport:
    """What :func:`configure_transport` set; plaintext where it was never called."""
    return _current


def _server(settings: TlsSettings) -> ServerTls | None:
    if not settings.tls_cert:
        return None
    return ServerTls(Path(settings.tls_cert), Path(settings.tls_key), _path(settings.tls_client_ca))


def _client(settings: TlsSettings) -> ClientTls | None:
    if not settings.tls_ca:
        return None
    return ClientTls(
        Path(settings.tls_ca),
        _path(settings.tls_client_cert),
        _path(settings.tls_client_key),
        settings.tls_server_name,
    )


def _path(value: str) -> Path | None:
    return Path(value) if value else None


def _together(settings: TlsSettings, first: str, second: str) -> None:
    _needs(settings, first, second)
    _needs(settings, second, first)


def _needs(settings: TlsSettings, given: str, missing: str) -> None:
    if getattr(settings, given) and not getattr(settings, missing):
        prefix = type(settings).model_config.get("env_prefix", "")
        raise TlsError(f"{prefix}{given.upper()} is set, but {prefix}{missing.upper()} is not: set both")
