"""How the stack's own calls (health checks, the demo) get into services that want TLS, certificates or a key.

Everything is read from the environment that the services get themselves. A service is believed that shows
the very certificate that its settings name: the stack started it, so no authority has to vouch for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from amira_client import AmiraClient, Tls
from amira_core.security.certificates import TlsError, load_authority, load_identity
from amira_core.security.client_tls import ClientTls
from amira_core.security.tls_settings import TlsSettings
from amira_core.security.transport import Transport
from amira_local.security.environment import API_KEY, CLIENT_CERT, CLIENT_KEY

CALLERS = {"triton": ("triton", "decoder"), "frontend": ("gateway",), "decoder": ("gateway",)}
"""Which services call a service."""

_PORTS_OF = {"node": "gateway"}
"""Whose settings the port of a service that is made of several goes by."""


@dataclass(frozen=True)
class _Files:
    """What a call to a service with TLS goes by."""

    ca: Path
    cert: Path | None
    key: Path | None
    server_name: str


class StackAccess:
    """Credentials for each service of a stack."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment`: that of the services."""
        self._environment = {name.upper(): value for name, value in environment.items()}
        self._made: dict[str, ClientTls] = {}

    def check(self, services: Iterable[str]) -> None:
        """Raises TlsError where one of `services` wants a certificate of us and there is none to show."""
        for service in map(_whose_port, services):
            if self._settings(service).tls_client_ca:
                load_identity(*self._shown_to(service))

    def to(self, service: str) -> ClientTls | None:
        """For a channel to `service`; None: it serves plaintext. Raises TlsError."""
        service = _whose_port(service)
        if service not in self._made:
            files = self._files(service)
            if files is None:
                return None
            self._made[service] = ClientTls(files.ca, files.cert, files.key, files.server_name)
        return self._made[service]

    def as_called_by(self, caller: str) -> ClientTls | None:
        """What `caller` itself calls others with; None: plaintext. Raises TlsError."""
        return Transport.of(self._settings(caller)).client

    def client(self, target: str) -> AmiraClient:
        """A client of the gateway at `target`, with the key in AMIRA_API_KEY. Raises TlsError."""
        files = self._files("gateway")
        tls = False if files is None else Tls(files.ca, files.cert, files.key, files.server_name)
        return AmiraClient(target, tls=tls, api_key=self._environment.get(API_KEY))

    def _files(self, service: str) -> _Files | None:
        settings = self._settings(service)
        if not settings.tls_cert:
            return None
        cert, key = self._shown_to(service) if settings.tls_client_ca else (None, None)
        return _Files(Path(settings.tls_cert), cert, key, a_name_in(Path(settings.tls_cert)))

    def _shown_to(self, service: str) -> tuple[Path, Path]:
        """The certificate and key of a caller of `service`; of the gateway, those of its clients."""
        own = self._environment.get(CLIENT_CERT, ""), self._environment.get(CLIENT_KEY, "")
        caller = CALLERS.get(service, (service,))[0]
        settings = self._settings(caller)
        candidates = [(settings.tls_client_cert, settings.tls_client_key)]
        if service == "gateway":
            candidates.insert(0, own)
        for cert, key in candidates:
            if cert and key:
                return Path(cert), Path(key)
        missing = (
            f"set {CLIENT_CERT} and {CLIENT_KEY}"
            if service == "gateway"
            else f"set AMIRA_{caller.upper()}_TLS_CLIENT_CERT and _TLS_CLIENT_KEY"
        )
        raise TlsError(
            f"the {service} wants a client certificate (AMIRA_{service.upper()}_TLS_CLIENT_CA), "
            f"and there is none to show it: {missing}"
        )

    def _settings(self, service: str) -> TlsSettings:
        """All fields given, so that nothing is read from this process's environment."""
        prefix = f"AMIRA_{service.upper()}_"
        values: dict[str, Any] = {
            name: self._environment.get(prefix + name.upper(), "")
            for name in TlsSettings.model_fields
            if name.startswith("tls_")
        }
        return TlsSettings(reflection=True, **values)


def _whose_port(service: str) -> str:
    return _PORTS_OF.get(service.partition("-")[0], service)  # node, node-2, ...


def a_name_in(cert: Path) -> str:
    """A host name or address for which the certificate was made. Raises TlsError."""
    leaf = x509.load_pem_x509_certificates(load_authority(cert))[0]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(common[0].value) if common else ""
    addresses = names.get_values_for_type(x509.IPAddress)
    for name in (*names.get_values_for_type(x509.DNSName), *map(str, addresses)):
        return name.replace("*", "any", 1)
    return ""
