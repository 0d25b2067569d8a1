"""What a session holds of its tenant's share."""

from __future__ import annotations

from contextlib import ExitStack

from amira_gateway import metrics
from amira_gateway.access.identity import Identity
from amira_gateway.access.tenants import Tenants


class Place:
    """A stream's place, and the audio that came on it. Close it when the session ends."""

    def __init__(
        self, session_id: str, tenants: Tenants | None = None, identity: Identity | None = None
    ) -> None:
        """Without a tenant nothing is bounded. Raises TenantLimitError."""
        self.session_id = session_id
        self.audio_s = 0.0
        """Audio that came so far, in all of the session's calls."""
        self._tenants = tenants
        self._identity = identity
        self._held = ExitStack()
        if tenants is not None and identity is not None:
            self._held.enter_context(tenants.place(identity))

    def heard(self, total_s: float) -> None:
        """Says how much audio has come in all; what is new of it is counted.

        Raises:
            TenantLimitError: far more than the tenant may send: the session must end with it.
        """
        new_s = total_s - self.audio_s
        if new_s <= 0:
            return
        self.audio_s = total_s
        metrics.heard(new_s, "" if self._identity is None else self._identity.tenant)
        if self._tenants is not None and self._identity is not None:
            self._tenants.heard(self._identity, new_s)

    def close(self) -> None:
        """Gives the place back. Does nothing the second time."""
        self._held.close()
