"""The pictures of the pages in docs/images, taken of a running server: ``python -m scripts.picture_pages``.

The live page (``live-page.png``, and moving, ``live-page.webp``) and the captions page over a pattern
(``captions.webp``) hear the bundled recording, in real time, and are shown as they were. Needs ``amira up``
in another terminal, and Chromium. ``live-page.webp`` holds a checksum of the page's looks, by which a test
tells that it is of today's page.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import sys
import tempfile
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from tests.support.chromium import Page, browsing

ROOT = Path(__file__).resolve().parent.parent
RECORDING = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
IMAGES = ROOT / "docs" / "images"
PAGE = ROOT / "services" / "gateway" / "amira_gateway" / "web" / "page" / "static"
DESCRIPTION = 0x010E
"""Exif's ImageDescription."""

WINDOW = {"width": 860, "height": 690, "deviceScaleFactor": 1, "mobile": False}
OVERLAY = {"width": 960, "height": 240, "deviceScaleFactor": 1, "mobile": False}
BETWEEN_FRAMES_S = 0.2
LAST_FRAME_MS = 3_000
READY = "!document.getElementById('microphone').disabled"
OVER = "document.getElementById('microphone').textContent === 'Start microphone'"
IN_MID_STREAM = (
    "document.querySelectorAll('li').length >= 2 && document.querySelectorAll('.text > .faint').length"
)
POINT = "[...document.querySelectorAll('.text > span')].at(%d).focus()"
FULL_LINES = """document.querySelector('#spoken p') && document.querySelector('#lines p:last-child .faint') &&
  [...document.querySelectorAll('#lines p')].slice(-2).every((line) => line.children.length > 3)"""


@dataclass
class Film:
    """Pictures, and how long each was to be seen."""

    frames: list[Image.Image]
    durations_ms: list[int]

    def save(self, path: Path) -> None:
        first, *others = self.frames
        first.save(
            path, save_all=True, append_images=others, duration=self.durations_ms, loop=0,
            quality=60, method=6, minimize_size=True, exif=with_checksum(),
        )  # fmt: skip


def looks() -> str:
    """A checksum of all that says how the live page looks."""
    files = (PAGE / "index.html", PAGE / "style.css")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def with_checksum() -> bytes:
    exif = Image.Exif()
    exif[DESCRIPTION] = f"The live page whose looks have the checksum {looks()}"
    return exif.tobytes()


def taken(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture)).convert("RGBA")


async def begin(page: Page, url: str) -> None:
    """The live page as it begins to hear the recording."""
    await set_up(page, WINDOW)
    await page.open(f"{url}/")
    await page.until(READY)
    await page.drop_file(RECORDING.read_bytes(), RECORDING.name)


async def live_page(page: Page, url: str) -> None:
    await begin(page, url)
    film = Film([], [])
    still: Image.Image | None = None
    over = False
    while not over:
        began_at = time.monotonic()
        over = bool(await page.run(OVER))
        frame = taken(await page.screenshot()).convert("RGB")
        if still is None and await page.run(IN_MID_STREAM) and len(film.frames) * BETWEEN_FRAMES_S > 10:
            await page.run(POINT % 4)
            still = taken(await page.screenshot()).convert("RGB")
        await asyncio.sleep(max(0.0, began_at + BETWEEN_FRAMES_S - time.monotonic()))
        film.frames.append(frame)
        film.durations_ms.append(round((time.monotonic() - began_at) * 1000))
    film.durations_ms[-1] = LAST_FRAME_MS
    if still is None:
        raise SystemExit("No words appeared in mid-stream: is the machine too busy?")
    still.save(IMAGES / "live-page.png", optimize=True)
    film.save(IMAGES / "live-page.webp")


async def captions(page: Page, url: str) -> None:
    await set_up(page, OVERLAY)
    await page.send("Emulation.setDefaultBackgroundColorOverride", color={"r": 0, "g": 0, "b": 0, "a": 0})
    await page.open(f"{url}/captions?controls=off&size=42")
    await page.until(FULL_LINES)
    overlay = taken(await page.screenshot())
    shown = Image.alpha_composite(pattern(*overlay.size), overlay)
    shown.convert("RGB").save(IMAGES / "captions.webp", quality=80, method=6)


async def set_up(page: Page, window: dict[str, Any]) -> None:
    await page.send("Emulation.setDeviceMetricsOverride", **window)
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    await page.send("Emulation.setEmulatedMedia", features=[dark])


def pattern(width: int, height: int) -> Image.Image:
    """What would be behind the overlay: light and dark, warm and cold, edges everywhere."""
    y, x = np.mgrid[0:height, 0:width]
    squares = ((x // 40 + y // 40) % 2)[..., np.newaxis]
    fade = (x / width)[..., np.newaxis]
    light, dark = np.array([245, 205, 90]), np.array([40, 90, 190])
    colours = squares * light + (1 - squares) * (dark * (1 - fade) + np.array([200, 60, 60]) * fade)
    return Image.fromarray(colours.astype(np.uint8), "RGB").convert("RGBA")


def browser(folder: Path) -> AbstractAsyncContextManager[Page]:
    """One whose microphone hears the recording from half a second on."""
    samples, rate_hz = soundfile.read(RECORDING, dtype="int16")
    microphone = folder / "microphone.wav"
    soundfile.write(microphone, np.concatenate([np.zeros(rate_hz // 2, np.int16), samples]), rate_hz)
    return browsing(folder / "profile", microphone)


async def main(url: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    for take in (live_page, captions):
        with tempfile.TemporaryDirectory() as folder:
            async with browser(Path(folder)) as page:
                await take(page, url)
    for path in sorted(IMAGES.glob("*.webp")):
        sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:50053", help="the server's web port")
    asyncio.run(main(parser.parse_args().url.rstrip("/")))
