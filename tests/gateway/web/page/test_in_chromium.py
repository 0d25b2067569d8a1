"""The page in a real browser with a real microphone file, against a real gateway: the right words appear."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.gateway.access.door import add_key
from tests.support.chromium import Page, browsing
from tests.support.spoken import WORDS, Gateway, Spoken, clip, clip_file

HEARD = "to be rather cold hearted and"
"""Of the words, those that do not depend on how the sound card's clock and the browser's meet."""
TEXT = "document.getElementById('segments').innerText.replace(/[0-9:]+\\s/g, ' ').trim()"
PRESS = "document.getElementById('microphone').click()"
OVER = "document.getElementById('microphone').textContent === 'Start microphone'"
PROBLEM = "document.getElementById('problem').textContent"
WATCH = """globalThis.said = []; new MutationObserver(() =>
  said.push(document.getElementById('status').textContent)).observe(document.getElementById('status'),
  { childList: true })"""
SPY = """globalThis.sent = []; const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
  if (typeof data === 'string') sent.push(data); send.call(this, data); }; 0"""

SHADES = """(() => {
  const canvas = document.getElementById('wave');
  const colour = (x) => canvas.getContext('2d').getImageData(x, 2, 1, 1).data.join();
  const colours = [...Array(canvas.width).keys()].map(colour);
  return [colours[0], colours.find((one) => one !== colours[0])];
})()"""
"""Of the waveform's edge: the colour at the left, and the first other one."""


class Wire:
    """A TCP proxy whose connections can be cut, as those of a phone that goes through a tunnel."""

    def __init__(self, port: int) -> None:
        self.to = port
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.cuts = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Wire]:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def cut(self) -> None:
        """Ends all connections without a word."""
        self.cuts += len(self._ends) // 2
        for end in self._ends:
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to)
        self._ends |= {writer, far_writer}
        await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        self._ends -= {writer, far_writer}


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


def recording(folder: Path, seconds: float = 4.0) -> Path:
    """Speech between silences: it plays from the moment it is asked for, and a microphone has no end."""
    path = folder / "microphone.wav"
    before, after = np.zeros(16_000, np.int16), np.zeros(64_000, np.int16)
    soundfile.write(path, np.concatenate([before, clip(seconds), after]), 16_000)
    return path


@asynccontextmanager
async def page_at(address: str, folder: Path, seconds: float = 4.0) -> AsyncIterator[Page]:
    async with browsing(folder / "profile", recording(folder, seconds)) as page:
        await page.open(f"{address}/")
        await page.until(f"!document.getElementById('microphone').disabled || {PROBLEM}")
        yield page


async def downloaded(page: Page, kind: str) -> str:
    """The file that a download button makes."""
    return str(
        await page.run(f"""new Promise((resolve) => {{
          const make = URL.createObjectURL;
          URL.createObjectURL = (blob) => {{ blob.text().then(resolve); return make.call(URL, blob); }};
          document.querySelector("[data-format={kind}]").click();
          URL.createObjectURL = make;
        }})""")
    )


async def test_what_the_microphone_hears_appears_and_survives_a_lost_connection(
    gateway: Gateway, tmp_path: Path
) -> None:
    async with (
        Wire(gateway.port).open() as wire,
        page_at(f"http://127.0.0.1:{wire.port}", tmp_path) as page,
    ):
        await page.run(PRESS)
        await page.until("document.querySelectorAll('.text > .faint').length")
        await page.run(WATCH)  # it comes back before anybody could ask
        wire.cut()
        await page.until(
            "said.some((text) => text.startsWith('Connection lost')) && said.at(-1) === 'Listening'"
        )
        await page.until("document.querySelector('li[data-final=true]')")
        await page.run(PRESS)
        await page.until(OVER)
        heard = await page.run(TEXT)
        assert HEARD in heard
        assert wire.cuts
        assert await page.run(PROBLEM) == ""
        assert await page.run("document.querySelectorAll('.text > .faint').length") == 0
        assert HEARD in await page.run("document.getElementById('spoken').textContent")
        await readings_and_waveform_are_there(page)
        await the_pointer_reaches_words(page)
        await the_keyboard_reaches_words(page)
        await all_downloads_have(page, heard)
        assert page.complaints == []


async def readings_and_waveform_are_there(page: Page) -> None:
    for reading, unit in (
        ("partial-latency", " ms"),
        ("final-latency", " ms"),
        ("server-latency", " ms"),
        ("confidence", " %"),
    ):
        shown = await page.run(f"document.getElementById('{reading}').textContent")
        assert shown.removesuffix(unit).isdecimal(), (reading, shown)
    silent, loud = await page.run(SHADES)
    assert silent != loud  # the segment is shaded, what was before it is not
    assert await page.run("[...document.getElementById('model').options].map((o) => o.text)") == [
        "starter-en · English"
    ]


async def the_pointer_reaches_words(page: Page) -> None:
    box = await page.run("document.querySelectorAll('.text > span')[2].getBoundingClientRect().toJSON()")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    await page.until("/^\\S+: [0-9.]+ to [0-9.]+ s, conf/.test(document.getElementById('word').textContent)")
    word = await page.run("document.querySelectorAll('.text > span')[2].textContent")
    assert (await page.run("document.getElementById('word').textContent")).startswith(f"{word}: ")


async def the_keyboard_reaches_words(page: Page) -> None:
    await page.run("document.querySelector('.text > span').focus()")
    await page.send("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight")
    told = await page.run("document.getElementById('word').textContent")
    assert told.startswith(await page.run("document.querySelectorAll('.text > span')[1].textContent + ': '"))
    assert " s, confidence " in told
    assert await page.run("document.querySelectorAll('.text > [tabindex=\"0\"]').length") == 1


async def all_downloads_have(page: Page, heard: str) -> None:
    assert await downloaded(page, "txt") == f"{heard}\n"
    assert (await downloaded(page, "vtt")).startswith("WEBVTT\n\n00:00:0")
    assert (await downloaded(page, "srt")).startswith("1\n00:00:0")
    made = json.loads(await downloaded(page, "json"))
    assert made["text"] == heard
    times = [time for word in made["segments"][0]["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert times[-1] > 2


@pytest.mark.slow
async def test_another_gateway_goes_on_after_the_last_final(
    spoken: Spoken, gateway: Gateway, tmp_path: Path
) -> None:
    async with Wire(gateway.port).open() as wire:
        with spoken.gateway() as other:
            async with page_at(f"http://127.0.0.1:{wire.port}", tmp_path, seconds=11) as page:
                await page.run(SPY)
                await page.run(PRESS)
                await page.until("document.querySelectorAll('li').length === 2")
                wire.to = other.port
                wire.cut()
                await page.until("document.querySelectorAll('li[data-final=true]').length === 2")
                await page.run(PRESS)
                await page.until(OVER)
                text = await page.run(TEXT)
                assert await page.run(PROBLEM) == ""
                begun = [sent for sent in map(json.loads, await page.run("sent")) if "config" in sent]
    assert ["resumePoint" in sent for sent in begun] == [False, True]
    assert text.count(HEARD) == 1  # what was final stays, and is not told again
    assert "married" in text
    assert wire.cuts


async def test_files_keys_and_what_is_wrong(spoken: Spoken, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    with spoken.gateway(api_keys_file=str(keys)) as gateway:
        async with page_at(gateway.http, tmp_path) as page:
            assert "wants an API key" in await page.run(PROBLEM)
            await use_key(page, "wrong")
            await page.until(f"{PROBLEM} && !{PROBLEM}.includes('wants')")
            await use_key(page, key)
            await page.until("!document.getElementById('microphone').disabled")
            await page.drop_file(b"no audio at all", "notes.txt")
            await page.until(f"{PROBLEM}.includes('notes.txt')")
            await page.run("document.getElementById('hotwords').value = 'cold hearted: 99'")
            await page.drop_file(clip_file(tmp_path, "flac").read_bytes(), "clip.flac")
            await page.until(f"{PROBLEM}.includes('cold hearted')")
            await page.run("document.getElementById('hotwords').value = 'cold hearted: 2'")
            await page.drop_file(clip_file(tmp_path, "flac").read_bytes(), "clip.flac")
            await page.until(f"{TEXT}.length && {OVER}")
            assert (await page.run(TEXT)).startswith(WORDS)
            assert await page.run(PROBLEM) == ""


async def use_key(page: Page, key: str) -> None:
    await page.run(f"""document.getElementById('key').value = '{key}';
      document.getElementById('key-form').requestSubmit()""")
