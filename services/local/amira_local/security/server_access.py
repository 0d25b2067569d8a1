"""How the commands get into a server that wants TLS or a key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from amira_client import AmiraClient


class ServerAccessError(Exception):
    """The options cannot be used; the message says why."""


@dataclass(frozen=True)
class ServerAccess:
    """What `--tls`, `--ca` and the key are.

    Attributes:
        tls: encrypt, and believe public authorities.
        ca: encrypt, and believe this authority.
        api_key: sent with every call; a JWT will do as well.
    """

    tls: bool = False
    ca: Path | None = None
    api_key: str | None = None

    def connect(self, server: str) -> AmiraClient:
        """A client. Raises ServerAccessError."""
        try:
            return AmiraClient(server, tls=self.ca or self.tls, api_key=self.api_key)
        except OSError as error:
            raise ServerAccessError(f"cannot read {error.filename}: {error.strerror}") from error
        except ValueError as error:
            raise ServerAccessError(
                f"the key would travel unencrypted to {server}: use --tls, or --ca FILE"
                if "unencrypted" in str(error)
                else str(error)
            ) from error
