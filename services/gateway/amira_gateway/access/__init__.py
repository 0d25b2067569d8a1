"""Who may come in, to do what, and how much of it: keys and tokens, scopes, tenants' limits, the audit log.

The gateway's server is given ``interceptors=[AccessInterceptor.of(settings)]``. A session takes a place when
it begins (``place = take_place(session_id)``), says how much audio has come (``place.heard(total_s)``) and
closes it at its end; a call that goes on with a session says ``join(place)``. Calls that do not come by
gRPC go through the interceptor's :class:`Door`, too.
"""

from amira_gateway.access.audit import trace_id
from amira_gateway.access.call_record import CallRecord, current_identity, join, take_place
from amira_gateway.access.door import Door
from amira_gateway.access.identity import Scope
from amira_gateway.access.interceptor import AccessInterceptor
from amira_gateway.access.place import Place
from amira_gateway.access.settings import AccessSettings
from amira_gateway.access.tenants import Tenants

__all__ = [
    "AccessInterceptor",
    "AccessSettings",
    "CallRecord",
    "Door",
    "Place",
    "Scope",
    "Tenants",
    "current_identity",
    "join",
    "take_place",
    "trace_id",
]
