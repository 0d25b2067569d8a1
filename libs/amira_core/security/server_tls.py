"""TLS of a server's port; a renewed certificate serves from the next handshake on."""

from __future__ import annotations

import threading
from pathlib import Path

import grpc
import structlog

from amira_core.security.certificates import TlsError, load_authority, load_identity
from amira_core.security.watched_files import Signature, signature

_log = structlog.get_logger(__name__)


class ServerTls:
    """The credentials of a port. Streams that run keep the connection that they have.

    grpc asks for the certificate at every handshake, in a thread of its own. Files that cannot be used
    (half of a pair replaced, damaged, expired) leave the certificate as it was until they can.
    """

    def __init__(self, cert: Path, key: Path, client_ca: Path | None = None) -> None:
        """`client_ca`: clients must show a certificate that it signed. Raises TlsError."""
        self._cert, self._key, self._client_ca = cert, key, client_ca
        self._paths = [cert, key, *([client_ca] if client_ca else [])]
        self._lock = threading.Lock()
        self._seen: Signature = signature(self._paths)
        self._problem_seen: Signature | None = None
        self._configuration = self._load()

    def credentials(self) -> grpc.ServerCredentials:
        """For ``server.add_secure_port``."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration, self._current, require_client_authentication=self._client_ca is not None
        )

    def _load(self) -> grpc.ServerCertificateConfiguration:
        identity = load_identity(self._cert, self._key)
        authority = None if self._client_ca is None else load_authority(self._client_ca)
        return grpc.ssl_server_certificate_configuration([(identity.key, identity.chain)], authority)

    def _current(self) -> grpc.ServerCertificateConfiguration:
        with self._lock:
            now = signature(self._paths)
            if now != self._seen:
                self._reload(now)
            return self._configuration

    def _reload(self, now: Signature) -> None:
        try:
            self._configuration = self._load()
        except TlsError as problem:
            if now != self._problem_seen:
                _log.error("certificate_not_reloaded", problem=str(problem))
                self._problem_seen = now
            return
        self._seen, self._problem_seen = now, None
        _log.info("certificate_reloaded", path=str(self._cert))
