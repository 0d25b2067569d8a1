"""The settings of every service that say who may connect and how."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class TlsSettings(BaseSettings):
    """TLS of the port that is served, and of the channels to other services. Empty: plaintext."""

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True, extra="forbid")

    tls_cert: str = ""
    """Certificate chain (PEM) that the service shows; read again when it changes. Needs `tls_key`."""

    tls_key: str = ""
    """Private key (PEM, not encrypted) of `tls_cert`."""

    tls_client_ca: str = ""
    """Authorities (PEM) of which one must have signed each client's certificate; empty: none is asked for."""

    tls_ca: str = ""
    """Authorities (PEM) that the services called from here are checked against; empty: plaintext calls."""

    tls_client_cert: str = ""
    """Certificate chain (PEM) to show to the services called from here. Needs `tls_client_key`, `tls_ca`."""

    tls_client_key: str = ""
    """Private key (PEM, not encrypted) of `tls_client_cert`."""

    tls_server_name: str = ""
    """Name expected in the certificates of the services called from here; empty: the name in the target."""

    reflection: bool = True
    """Whether the service answers questions about its protocol (gRPC reflection, as grpcurl asks them)."""
