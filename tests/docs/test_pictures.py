"""The moving picture in README.md shows the live page as it is."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFilter

from scripts.picture_pages import DESCRIPTION, IMAGES, WINDOW, begin, browser, looks
from tests.docs.conftest import Checkout
from tests.docs.pages import ROOT
from tests.support.chromium import executable

MOVING = IMAGES / "live-page.webp"
MOST_BYTES = 3_000_000
SECONDS = 17
"""The recording is about as long, and is shown as fast as it was heard."""


@pytest.fixture
def film() -> Iterator[Image.Image]:
    with Image.open(MOVING) as image:
        yield image


def likeness(one: Image.Image, two: Image.Image) -> float:
    """1: the same; a page whose parts lie 8 px lower is at 0.6, one that is mirrored at 0.2."""
    first, second = (
        np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(2))).ravel() for image in (one, two)
    )
    return float(np.corrcoef(first, second)[0, 1])


def test_it_is_in_the_readme_and_moves(film: Image.Image) -> None:
    assert f'src="{MOVING.relative_to(ROOT)}"' in (ROOT / "README.md").read_text(encoding="utf-8")
    assert MOVING.stat().st_size < MOST_BYTES
    frames = getattr(film, "n_frames", 1)
    assert frames > 50
    durations = []
    for at in range(frames):
        film.seek(at)
        film.load()
        durations.append(film.info["duration"])
    assert sum(durations) > SECONDS * 1000


def test_it_is_of_the_page_of_today(film: Image.Image) -> None:
    said = str(film.getexif().get(DESCRIPTION, ""))
    assert re.findall(r"[0-9a-f]{64}", said) == [looks()], "make it anew: python -m scripts.picture_pages"


async def test_it_begins_as_the_page_does(film: Image.Image, checkout: Checkout, tmp_path: Path) -> None:
    executable()
    async with browser(tmp_path) as page:
        await begin(page, f"http://{checkout.web}")
        with Image.open(io.BytesIO(await page.screenshot())) as seen:
            assert seen.size == film.size == (WINDOW["width"], WINDOW["height"])
            film.seek(0)
            assert likeness(seen, film) > 0.8
            assert likeness(ImageChops.offset(seen, 0, 8), film) < 0.8


def test_the_drawing_has_the_services_of_the_tree() -> None:
    """`node` is three of them in one process, `local` starts them all."""
    (drawing,) = re.findall(
        r"^```mermaid\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S
    )
    drawn = set(re.findall(r"^  (\w+)\[", drawing, re.MULTILINE)) - {"client"}
    assert drawn == {path.parent.name for path in ROOT.glob("services/*/amira_*")} - {"local", "node"}
