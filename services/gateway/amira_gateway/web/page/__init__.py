"""The live transcription page, the captions page, and what they ask over plain HTTP.

GET /                  the live page; its files under ``/page/``: ``files.py``
GET /captions          the captions page
GET /v1/capabilities   what the server offers, as JSON: ``capabilities.py``
"""

from __future__ import annotations

from aiohttp import web

from amira_gateway.web.entrance import Entrance
from amira_gateway.web.guard import amira_refusal, guarded
from amira_gateway.web.page.capabilities import PATH as CAPABILITIES
from amira_gateway.web.page.capabilities import Described
from amira_gateway.web.page.files import PageFiles


def routes(entrance: Entrance) -> list[web.RouteDef]:
    """What is served; the pages themselves only where the settings want them."""
    described = web.get(CAPABILITIES, guarded(Described(entrance).get, amira_refusal))
    if not entrance.settings.web_page:
        return [described]
    files = PageFiles()
    return [
        described,
        web.get("/", files.index),
        web.get("/captions", files.captions),
        web.get("/page/{name}", files.get),
    ]
