"""Wyoming, the protocol of Home Assistant's voice services, over TCP (``AMIRA_GATEWAY_WYOMING_LISTEN``)."""

from amira_gateway.adapters.wyoming.server import WyomingServer

__all__ = ["WyomingServer"]
