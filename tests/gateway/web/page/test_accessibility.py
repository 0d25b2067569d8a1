"""The pages as axe-core judges them, with words on them: nothing that it knows of keeps anybody out."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import build, need
from tests.conftest import ROOT
from tests.gateway.web.page.test_in_chromium import recording
from tests.support.chromium import Page, browsing
from tests.support.spoken import Gateway

pytestmark = pytest.mark.toolchain

PACKAGES = Path(__file__).parent / "axe"
INSTALLED = ROOT / "build" / "axe"
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
DESKTOP = {"width": 1200, "height": 800, "deviceScaleFactor": 1, "mobile": False}
FINAL = "document.querySelector('#spoken p')"
JUDGE = """axe.run(document, { resultTypes: ["violations"] }).then(({ violations, passes }) => ({
  passed: passes.length,
  violations: violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html)].join(": ")),
}))"""
SMALL = """[...document.querySelectorAll('button, select, summary, input:not([type=checkbox])')]
  .filter((part) => part.checkVisibility())
  .filter((part) => part.getBoundingClientRect().height < 24)
  .map((part) => part.outerHTML)"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def axe() -> str:
    """The script that judges; installed as the lock file has it."""
    need("npm")
    script = INSTALLED / "node_modules" / "axe-core" / "axe.min.js"
    lock = INSTALLED / "package-lock.json"
    if not script.exists() or lock.read_text() != (PACKAGES / "package-lock.json").read_text():
        shutil.copytree(PACKAGES, INSTALLED, dirs_exist_ok=True)
        build(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], INSTALLED)
    return script.read_text()


@asynccontextmanager
async def judged(url: str, folder: Path) -> AsyncIterator[Page]:
    async with browsing(folder / "profile", recording(folder)) as page:
        await page.open(url)
        yield page


async def judge(page: Page, axe: str, size: dict[str, Any], scheme: str) -> None:
    """Nothing is wrong in this window, with these colours, and nothing is wider than it."""
    await page.send("Emulation.setDeviceMetricsOverride", **size)
    still = {"name": "prefers-reduced-motion", "value": "reduce"}  # colours on their way are no colours
    colours = {"name": "prefers-color-scheme", "value": scheme}
    await page.send("Emulation.setEmulatedMedia", features=[colours, still])
    await page.run(f"{axe}; 0")
    verdict = await page.run(JUDGE)
    assert verdict["violations"] == [], scheme
    assert verdict["passed"] > 20
    assert await page.run(SMALL) == []
    assert await page.run(WIDER) <= 0


async def test_the_live_page(gateway: Gateway, axe: str, tmp_path: Path) -> None:
    async with judged(f"{gateway.http}/", tmp_path) as page:
        await page.until("!document.getElementById('microphone').disabled")
        await judge(page, axe, DESKTOP, "light")
        await page.run("document.getElementById('settings').open = true")
        await page.run("document.getElementById('microphone').click()")
        await page.until(FINAL)
        for size in (DESKTOP, PHONE):
            for scheme in ("light", "dark"):
                await judge(page, axe, size, scheme)


async def test_the_captions_page(gateway: Gateway, axe: str, tmp_path: Path) -> None:
    async with judged(f"{gateway.http}/captions", tmp_path) as page:
        await page.until("document.querySelector('#lines span')")
        await page.run("document.getElementById('settings').open = true")
        await judge(page, axe, DESKTOP, "light")
        await page.run("document.getElementById('start').click()")
        await page.until(FINAL)
        await page.run("document.getElementById('start').focus()")  # else the panel goes away
        for size in (DESKTOP, PHONE):
            for scheme in ("light", "dark"):
                await judge(page, axe, size, scheme)


async def test_the_judge_finds_what_is_wrong(gateway: Gateway, axe: str, tmp_path: Path) -> None:
    async with judged(f"{gateway.http}/", tmp_path) as page:
        await page.run("document.getElementById('theme').removeAttribute('aria-label')")
        await page.run(
            "document.getElementById('theme').textContent = ''; document.documentElement.lang = ''"
        )
        with pytest.raises(AssertionError, match="button-name"):
            await judge(page, axe, DESKTOP, "light")
