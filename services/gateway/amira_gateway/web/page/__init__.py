"""The live transcription page, and what it asks over plain HTTP.

GET /                  the page; its files under ``/page/``: ``files.py``
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
    """What is served; the page itself only where the settings want one."""
    described = web.get(CAPABILITIES, guarded(Described(entrance).get, amira_refusal))
    if not entrance.settings.web_page:
        return [described]
    files = PageFiles()
    return [described, web.get("/", files.index), web.get("/page/{name}", files.get)]
