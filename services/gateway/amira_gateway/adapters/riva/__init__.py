"""NVIDIA Riva's speech recognition service. What becomes of each field: amira/riva/v1/riva.proto."""

from amira_gateway.adapters.riva.service import SERVICE, handlers

__all__ = ["SERVICE", "handlers"]
