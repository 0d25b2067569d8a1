"""What to do about a call that did not get through the door: gRPC's words name causes, not remedies."""

from __future__ import annotations

from amira_client.access import Peer

_HANDSHAKES = {
    "CERTIFICATE_VERIFY_FAILED": (
        "the server's certificate is not signed by an authority that is trusted here, or has expired: "
        "pass tls='ca.pem' with its authority"
    ),
    "Hostname Verification Check failed": (
        "the server's certificate is for another name: call it by the name in the certificate, "
        "or pass tls=Tls(server_name=...)"
    ),
    "WRONG_VERSION_NUMBER": "the server speaks no TLS on this port: leave out tls",
}

_CLIENT_CERTIFICATE = (
    "if it asks for a client certificate, pass tls=Tls(ca=..., cert=..., key=...) with one that it accepts"
)


def for_unreachable(details: str, peer: Peer) -> str:
    """Empty where gRPC's words say it all."""
    # A connection that breaks later says "Socket closed" alone.
    hung_up = details.startswith("failed to connect") and "Socket closed" in details
    if not peer.secure:
        return "if it speaks TLS, pass tls=True or tls='ca.pem'" if hung_up else ""
    for sign, remedy in _HANDSHAKES.items():
        if sign in details:
            return remedy
    return _CLIENT_CERTIFICATE if hung_up else ""


def for_refused(peer: Peer) -> str:
    """For UNAUTHENTICATED."""
    return "" if peer.has_secret else "AmiraClient(target, api_key=...) or token=... sends one."
