"""Google Cloud Speech-to-Text. What becomes of each field: amira/googlespeech/v1 and v2."""

from amira_gateway.adapters.google.service_v1 import SERVICES as SERVICES_V1
from amira_gateway.adapters.google.service_v1 import handlers as handlers_v1
from amira_gateway.adapters.google.service_v2 import SERVICE as SERVICE_V2
from amira_gateway.adapters.google.service_v2 import handlers as handlers_v2

__all__ = ["SERVICES_V1", "SERVICE_V2", "handlers_v1", "handlers_v2"]
