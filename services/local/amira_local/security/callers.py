"""Whether the services' TLS settings go together. A caller that cannot get in would only wait, for ever."""

from __future__ import annotations

from functools import partial

from amira_local.health import Probe
from amira_local.security.stack_access import CALLERS, StackAccess

_TRIES = 3  # a busy machine may be late now and then


async def why_not_callable(access: StackAccess, service: str, target: str) -> str:
    """Calls a ready service as each of its callers would; says who cannot and why, else nothing."""
    for caller in CALLERS.get(service, ()):
        probe = Probe(target, partial(access.as_called_by, caller))
        for _ in range(_TRIES):
            if await probe.once():
                break
        else:
            return (
                f"The {service} is ready, but the {caller} cannot call it at {target} ({probe.problem}). "
                f"AMIRA_{caller.upper()}_TLS_CA, _TLS_SERVER_NAME and _TLS_CLIENT_CERT must go with "
                f"AMIRA_{service.upper()}_TLS_CERT and _TLS_CLIENT_CA."
            )
    return ""
