"""Environment variables of the `amira` command itself: what it shows to servers."""

from __future__ import annotations

API_KEY = "AMIRA_API_KEY"
CLIENT_CERT = "AMIRA_CLIENT_CERT"
CLIENT_KEY = "AMIRA_CLIENT_KEY"
