"""How a client proves who it is, and whom it believes: TLS, API keys, tokens."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

Pem = bytes | str | Path
"""PEM content as bytes, or the path of a file that holds it."""

Token = str | Callable[[], str | Awaitable[str]]
"""A token, or what gives one for each call without blocking: a function, or a coroutine function."""


@dataclass(frozen=True)
class Tls:
    """Whom the client believes, and what it shows.

    Attributes:
        ca: certificates of the authorities that may sign the server's; None: those that gRPC brings along.
        cert: the client's certificate chain, where the server asks for one; goes with `key`.
        key: its private key.
        server_name: name expected in the server's certificate, where it is not the one in the target.
    """

    ca: Pem | None = None
    cert: Pem | None = None
    key: Pem | None = None
    server_name: str = ""

    def credentials(self) -> grpc.ChannelCredentials:
        """Raises ValueError when `cert` and `key` do not come together, OSError for files not there."""
        if (self.cert is None) != (self.key is None):
            raise ValueError("Tls: give cert and key together")
        return grpc.ssl_channel_credentials(_content(self.ca), _content(self.key), _content(self.cert))


@dataclass(frozen=True)
class Peer:
    """The server as the client calls it, for errors that say what to do."""

    target: str
    secure: bool = False
    has_secret: bool = False


def tls_options(tls: bool | Pem | Tls) -> Tls | None:
    """True: with the authorities that gRPC brings along; a path or PEM: with those; False: plaintext."""
    if isinstance(tls, bool):
        return Tls() if tls else None
    return tls if isinstance(tls, Tls) else Tls(ca=tls)


def secret_source(api_key: str | None, token: Token | None) -> Callable[[], str | Awaitable[str]] | None:
    """What gives the secret for each call. Raises ValueError when both are given, or what is no secret."""
    if api_key is not None and token is not None:
        raise ValueError("give api_key or token, not both")
    secret = api_key if api_key is not None else token
    if secret is None or callable(secret):
        return secret
    text = secret.strip()
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("the API key or token is empty, or holds characters that none can have")
    return lambda: text


def check_secret_stays_secret(target: str, secure: bool, allowed: bool, *, by_proxy: bool) -> None:
    """Raises ValueError where a key or token would leave this machine unencrypted."""
    if secure or allowed or (_is_local(target) and not by_proxy):
        return
    raise ValueError(
        f"the API key or token would travel unencrypted to {target}: pass tls=True (or tls='ca.pem' for an "
        "authority of your own); where something on the way encrypts, plaintext_secret=True"
    )


def _is_local(target: str) -> bool:
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    # One address only: of a list ("ipv4:127.0.0.1:1,192.0.2.7:1") no host is left to be parsed.
    address = target.rpartition("/")[2].removeprefix("ipv4:").removeprefix("ipv6:")
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _content(pem: Pem | None) -> bytes | None:
    return pem if pem is None or isinstance(pem, bytes) else Path(pem).read_bytes()
