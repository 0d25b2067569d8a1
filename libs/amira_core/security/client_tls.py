"""TLS of the channels to other services."""

from __future__ import annotations

from pathlib import Path

import grpc

from amira_core.security.certificates import load_authority, load_identity
from amira_core.security.watched_files import WatchedFiles


class ClientTls:
    """What a service checks the others against, and what it shows them."""

    def __init__(
        self, ca: Path, cert: Path | None = None, key: Path | None = None, server_name: str = ""
    ) -> None:
        """`cert` and `key` go together. Raises TlsError when a file cannot be used."""
        self._ca, self._cert, self._key = ca, cert, key
        self.server_name = server_name
        self._credentials = WatchedFiles([path for path in (ca, cert, key) if path is not None], self._load)

    def credentials(self) -> grpc.ChannelCredentials:
        """For a new channel; another object once the files have changed, the same until then."""
        return self._credentials.get()

    def _load(self) -> grpc.ChannelCredentials:
        authority = load_authority(self._ca)
        if self._cert is None or self._key is None:
            return grpc.ssl_channel_credentials(authority)
        identity = load_identity(self._cert, self._key)
        return grpc.ssl_channel_credentials(authority, identity.key, identity.chain)
