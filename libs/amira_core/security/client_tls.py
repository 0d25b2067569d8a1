"""TLS of the channels to other services."""

from __future__ import annotations

from pathlib import Path

import grpc

from amira_core.security.certificates import load_authority, load_identity
from amira_core.security.watched_files import Signature, signature


class ClientTls:
    """What a service checks the others against, and what it shows them."""

    def __init__(
        self, ca: Path, cert: Path | None = None, key: Path | None = None, server_name: str = ""
    ) -> None:
        """`cert` and `key` go together. Raises TlsError when a file cannot be used."""
        self._ca, self._cert, self._key = ca, cert, key
        self._paths = [path for path in (ca, cert, key) if path is not None]
        self.server_name = server_name
        self.credentials()

    def credentials(self) -> grpc.ChannelCredentials:
        """For a new channel, from the files as they are now. Raises TlsError."""
        authority = load_authority(self._ca)
        if self._cert is None or self._key is None:
            return grpc.ssl_channel_credentials(authority)
        identity = load_identity(self._cert, self._key)
        return grpc.ssl_channel_credentials(authority, identity.key, identity.chain)

    def signature(self) -> Signature:
        """Differs once a file has changed."""
        return signature(self._paths)
