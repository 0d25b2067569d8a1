"""The captions page in a real browser: what is shown of real speech, what shines through, how it goes on."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.gateway.access.door import add_key
from tests.gateway.web.page.test_in_chromium import HEARD, downloaded, recording
from tests.support.chromium import Page, browsing
from tests.support.spoken import Gateway, Spoken

SPOKEN = "[...document.getElementById('spoken').children].map((p) => p.textContent).join(' ')"
LINES = """[...document.querySelectorAll('#lines p')].map(
  (line) => [...line.children].map((word) => word.textContent).join(' '))"""
PROBLEM = "document.getElementById('problem').textContent"
NOTICE = "document.getElementById('notice').textContent"
WATCH = """globalThis.seen = new Map(); globalThis.jumps = [];
  const look = () => {
    for (const span of document.querySelectorAll('#lines span')) {
      const { left, top } = span.parentNode.getBoundingClientRect();
      const now = { text: span.textContent, left: span.getBoundingClientRect().left - left, top };
      const before = seen.get(span);
      const jumped = before && (Math.abs(before.left - now.left) > 0.5 || now.top > before.top + 0.5);
      if (jumped) jumps.push([before, now]);
      seen.set(span, now);
    }
    requestAnimationFrame(look);
  }; look(); 0"""
"""Notes every word whose place in its line changes, or whose line moves down."""


@asynccontextmanager
async def captions_at(
    address: str, folder: Path, query: str = "", seconds: float = 4.0
) -> AsyncIterator[Page]:
    async with browsing(folder / "profile", recording(folder, seconds)) as page:
        await page.open(f"{address}/captions{query}")
        yield page


async def roll_up(page: Page, script: str) -> Any:
    """What a script returns that has `lines`, a RollUp of two lines that are 200 px wide."""
    return await page.run(f"""(async () => {{
      const {{ RollUp }} = await import("/page/caption-lines.js");
      const box = document.getElementById("lines");
      box.parentNode.style.width = "400px";
      box.replaceChildren();
      const lines = new RollUp(box, 2);
      const say = (id, text, firm = 99) => lines.show(id, text.split(" ").filter(Boolean), firm);
      const shown = () => {LINES};
      {script}
    }})()""")


@pytest.mark.slow
async def test_the_overlay_shows_what_is_said_and_nothing_else(gateway: Gateway, tmp_path: Path) -> None:
    async with captions_at(gateway.http, tmp_path, "?controls=off&size=40", seconds=11) as page:
        await page.send("Emulation.setDefaultBackgroundColorOverride", color={"r": 0, "g": 0, "b": 0, "a": 0})
        await page.run(WATCH)
        await page.until("document.querySelectorAll('#lines .faint').length")
        await page.until(f"{SPOKEN}.includes('married')")
        picture = Image.open(io.BytesIO(await page.screenshot())).convert("RGBA")
        assert HEARD in await page.run(SPOKEN)
        assert await page.run("jumps") == []
        assert await page.run("document.getElementById('panel').checkVisibility()") is False
        box = await page.run("document.getElementById('captions').getBoundingClientRect().toJSON()")
        assert (
            await page.run("document.querySelector('#lines p').getBoundingClientRect().height * 2")
            == box["height"]
        )
        assert page.complaints == []
    alpha = picture.getchannel("A")
    above = alpha.crop((0, 0, picture.width, int(box["top"])))
    assert above.getextrema() == (0, 0)  # what OBS shows behind it is seen as it is
    assert alpha.crop((0, int(box["top"]), picture.width, picture.height)).getextrema()[1] == 255


async def test_captions_go_on_in_another_stream_and_into_a_file(spoken: Spoken, tmp_path: Path) -> None:
    with spoken.gateway(max_stream_s=2.5) as gateway:
        async with captions_at(gateway.http, tmp_path, seconds=11) as page:
            await page.run("""(async () => {
              const folder = await navigator.storage.getDirectory(); // a real file, without the dialogue
              globalThis.showSaveFilePicker = () => folder.getFileHandle("live.vtt", { create: true });
              document.getElementById("save").click();
              document.getElementById("start").click();
            })()""")
            await page.until("document.getElementById('start').textContent === 'Stop'")
            await page.until(f"{SPOKEN}.split(' ').length > 12")
            await page.run("document.getElementById('start').click()")
            await page.until("document.getElementById('status').textContent === 'Stopped'")
            made = await downloaded(page, "vtt")
            assert page.complaints == []
            live = await page.run("""(async () => {
              const folder = await navigator.storage.getDirectory();
              return (await (await folder.getFileHandle("live.vtt")).getFile()).text();
            })()""")
    assert live == made
    starts = [line.split(" --> ")[0] for line in made.splitlines() if " --> " in line]
    assert starts == sorted(starts)
    assert starts[-1] > "00:00:02.5"  # of a later stream, by the clock of the first


async def test_lines_roll_up_and_never_back(gateway: Gateway, tmp_path: Path) -> None:
    async with captions_at(gateway.http, tmp_path, "?size=40&font=DejaVu%20Sans") as page:
        await page.send(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}]
        )
        fill = "say(1, 'one two three'); say(1, 'one two three four five six seven eight');"
        lines = await roll_up(page, f"{fill} return shown();")
        assert " ".join(lines) == "one two three four five six seven eight"
        assert len(lines) > 2
        # Words that are taken back leave their line where it is; what follows goes on in it.
        shorter = await roll_up(
            page, f"{fill} const all = shown().length; say(1, 'one two'); return [all, shown()];"
        )
        assert shorter == [len(lines), ["one two", *[""] * (len(lines) - 1)]]
        # A word that has become another one: those before it are the same elements as before.
        kept = await roll_up(
            page,
            f"""{fill} const first = box.querySelector("span"); say(1, "one too three");
          return [first.isConnected, shown().join(" ").trim()];""",
        )
        assert kept == [True, "one too three"]
        # A new segment begins a new line, and lines of old ones are forgotten.
        many = await roll_up(page, "for (let n = 0; n < 50; n += 1) say(n, `number ${n}`); return shown();")
        assert many == ["number 47", "number 48", "number 49"]
        # What was cleared away does not come back with the final.
        cleared = await roll_up(
            page, "say(1, 'one two', 0); lines.clear(); say(1, 'one two three'); return shown();"
        )
        assert cleared == ["three"]
        again = await roll_up(
            page, f"{fill} box.parentNode.style.width = '4000px'; lines.layOut(); return shown();"
        )
        assert again == ["one two three four five six seven eight"]
        firm = await roll_up(page, "say(1, 'a b c', 1); return box.querySelectorAll('.faint').length;")
        assert firm == 2


async def test_settings_are_read_from_the_address_and_written_to_it(gateway: Gateway, tmp_path: Path) -> None:
    query = "?size=60&lines=3&color=ffcc00&box=none&uppercase=on&nonsense=1&width=9&language=fr&key=x"
    async with captions_at(gateway.http, tmp_path, query) as page:
        await page.until(PROBLEM)
        told = await page.run(PROBLEM)
        assert "nonsense" in told
        assert "“width” is to be a number from 20 to 100" in told
        assert "“key”" in told  # secrets do not belong into addresses that servers log
        style = await page.run("""(() => {
          const { fontSize, color, backgroundColor, textTransform } =
            getComputedStyle(document.querySelector("#lines p"));
          return [fontSize, color, backgroundColor, textTransform];
        })()""")
        assert style == ["60px", "rgb(255, 204, 0)", "rgba(0, 0, 0, 0)", "uppercase"]
        await page.run("document.getElementById('start').click()")
        await page.until(f"{PROBLEM}.includes('no model for fr')")
        address = await page.run("""(() => {
          const field = document.querySelector("[name=lines]");
          field.value = "1"; field.dispatchEvent(new Event("change", { bubbles: true }));
          return [location.search, document.getElementById("address").value];
        })()""")
        wanted = "?size=60&lines=1&color=ffcc00&box=transparent&uppercase=on&language=fr"
        assert address == [wanted, f"{gateway.http}/captions{wanted}&controls=off"]
        read = await page.run("""(async () => {
          const { readSettings, queryOf } = await import("/page/caption-settings.js");
          const bad = ["size=", "size=1e9", "color=url(x)", "font=a;b", "hold=-1", "uppercase=1",
            "__proto__=1", "position=left", "hotwords=" + "x".repeat(5000)];
          const problems = bad.map((query) => readSettings(query).problems.length);
          return [problems, queryOf(readSettings("").settings)];
        })()""")
        assert read == [[1] * 9, ""]
        assert page.complaints == []


async def test_keys_come_in_the_fragment_and_trouble_is_told(spoken: Spoken, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    with spoken.gateway(api_keys_file=str(keys)) as gateway:
        async with captions_at(gateway.http, tmp_path, "?controls=off") as page:
            await page.until(f"{NOTICE}.includes('wants an API key')")
            await page.open("about:blank")
            await page.open(f"{gateway.http}/captions?controls=off#key={key}")
            await page.until(f"{LINES}.length || {SPOKEN}")
            assert await page.run(NOTICE) == ""
