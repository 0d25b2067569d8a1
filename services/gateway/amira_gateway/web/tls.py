"""TLS of the web port, with the certificate, key and authority of the gRPC port."""

from __future__ import annotations

import ssl
from pathlib import Path

from amira_core.security.certificates import load_authority, load_identity
from amira_core.security.tls_settings import TlsSettings
from amira_core.security.watched_files import WatchedFiles


def web_tls(settings: TlsSettings) -> ssl.SSLContext | None:
    """For ``create_server``; None without TLS. Renewed files count from the next handshake on.

    Raises TlsError when a file cannot be used.
    """
    if not settings.tls_cert:
        return None
    paths = [Path(settings.tls_cert), Path(settings.tls_key)]
    if settings.tls_client_ca:
        paths.append(Path(settings.tls_client_ca))
    contexts = WatchedFiles(paths, lambda: _context(*paths))

    def choose(handshake: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
        handshake.context = contexts.get()

    context = contexts.get()
    context.sni_callback = choose
    return context


def _context(cert: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    load_identity(cert, key)  # for its errors, which name the file and what to do
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(cert, key)
    if client_ca is not None:
        context.load_verify_locations(cadata=load_authority(client_ca).decode())
        context.verify_mode = ssl.CERT_REQUIRED
    return context
