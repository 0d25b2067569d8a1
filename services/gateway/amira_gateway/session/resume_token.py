"""Tokens that prove that a client may go on with a session."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from amira_core import errors

LIFETIME_S = 24 * 3600
"""Each call of a session gets a fresh one, so only calls that last longer outlive theirs."""

_MOST_CHARACTERS = 256


class ResumeTokens:
    """Signed with HMAC-SHA256: session id and expiry can be read by anyone and made by nobody else."""

    def __init__(self, secret: str = "", clock: Callable[[], float] = time.time) -> None:
        """`clock` tells seconds since 1970. Without a secret, one is made for this process."""
        self._key = secret.encode() or secrets.token_bytes(32)
        self._clock = clock

    def issue(self, session_id: str) -> str:
        """A token for a session."""
        signed = f"{session_id}.{int(self._clock()) + LIFETIME_S}"
        return f"{signed}.{self._signature(signed)}"

    def session_id(self, token: str) -> str:
        """Whose token it is. Raises SessionLostError for one that is wrong or has expired."""
        signed, _, signature = token[:_MOST_CHARACTERS].rpartition(".")
        if hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            session_id, _, expiry = signed.rpartition(".")
            if self._clock() < int(expiry):
                return session_id
        raise lost()

    def _signature(self, signed: str) -> str:
        digest = hmac.digest(self._key, signed.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def lost() -> errors.SessionLostError:
    """One answer for tokens that are wrong, have expired, or are of sessions that are no more."""
    return errors.SessionLostError(
        "There is no such session here (any more): begin again with `config` and the last resume_point."
    )
