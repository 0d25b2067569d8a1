"""TLS of a server's port; a renewed certificate serves from the next handshake on."""

from __future__ import annotations

from pathlib import Path

import grpc

from amira_core.security.certificates import load_authority, load_identity
from amira_core.security.watched_files import WatchedFiles


class ServerTls:
    """The credentials of a port. Streams that run keep the connection that they have.

    grpc asks for the certificate at every handshake, in a thread of its own.
    """

    def __init__(self, cert: Path, key: Path, client_ca: Path | None = None) -> None:
        """`client_ca`: clients must show a certificate that it signed. Raises TlsError."""
        self._cert, self._key, self._client_ca = cert, key, client_ca
        paths = [cert, key, *([client_ca] if client_ca else [])]
        self._configuration = WatchedFiles(paths, self._load)

    def credentials(self) -> grpc.ServerCredentials:
        """For ``server.add_secure_port``."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration.get(),
            self._configuration.get,
            require_client_authentication=self._client_ca is not None,
        )

    def _load(self) -> grpc.ServerCertificateConfiguration:
        identity = load_identity(self._cert, self._key)
        authority = None if self._client_ca is None else load_authority(self._client_ca)
        return grpc.ssl_server_certificate_configuration([(identity.key, identity.chain)], authority)
