"""Who may come in, to do what, and how much of it: keys and tokens, scopes, tenants' limits, the audit log.

The gateway's server is given ``interceptors=[AccessInterceptor.of(settings)]``; what runs inside of a call
says ``heard(seconds)`` as audio comes, and ``note_session(session_id)`` once.
"""

from amira_gateway.access.call_record import current_identity, heard, note_session
from amira_gateway.access.interceptor import AccessInterceptor
from amira_gateway.access.settings import AccessSettings
from amira_gateway.access.tenants import Tenants

__all__ = ["AccessInterceptor", "AccessSettings", "Tenants", "current_identity", "heard", "note_session"]
