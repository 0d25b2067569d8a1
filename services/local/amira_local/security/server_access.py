"""How the commands get into a server that wants TLS or a key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from amira_client import AmiraClient, Resuming, Tls


class ServerAccessError(Exception):
    """The options cannot be used; the message says why."""


@dataclass(frozen=True)
class ServerAccess:
    """What `--tls`, `--ca`, the key and the client certificate are.

    Attributes:
        tls: encrypt, and believe public authorities.
        ca: encrypt, and believe this authority.
        api_key: sent with every call; a JWT will do as well.
        client_cert: shown to a server that asks for one; goes with `client_key` and either of the first two.
        client_key: its private key.
    """

    tls: bool = False
    ca: Path | None = None
    api_key: str | None = None
    client_cert: Path | None = None
    client_key: Path | None = None

    def connect(self, server: str, *, resume: bool | Resuming = True) -> AmiraClient:
        """A client; `resume` as AmiraClient has it. Raises ServerAccessError."""
        try:
            return AmiraClient(server, tls=self._tls(), api_key=self.api_key, resume=resume)
        except OSError as error:
            raise ServerAccessError(f"cannot read {error.filename}: {error.strerror}") from error
        except ValueError as error:
            raise ServerAccessError(
                f"the key would travel unencrypted to {server}: use --tls, or --ca FILE"
                if "unencrypted" in str(error)
                else str(error)
            ) from error

    def _tls(self) -> Tls | bool:
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("--client-cert and --client-key go together")
        if not (self.tls or self.ca):
            return False
        return Tls(self.ca, self.client_cert, self.client_key)
