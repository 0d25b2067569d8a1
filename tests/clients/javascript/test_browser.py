"""The browser bundle in a real Chromium, real speech: Python's words, whatever is cut, killed or closed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from amira_client import AmiraClient, AudioEncoding, RecognitionConfig
from tests.clients.javascript.gateways import Doors, gateway_process
from tests.gateway.access.door import add_key
from tests.gateway.web.page.test_in_chromium import HEARD, Wire, recording
from tests.support.chromium import Page, browsing, executable
from tests.support.spoken import CLIP, Gateway, Spoken, clip, clip_file

pytestmark = pytest.mark.toolchain
RATE_HZ = 16_000
SECONDS = 19.0

PAGE = """<!doctype html><meta charset="utf-8"><title>Amira</title><link rel="icon" href="data:,">
<script type="module">
  import * as amira from "/browser.js";
  globalThis.amira = amira;
  globalThis.bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  globalThis.told = (error) => `${error.name}: ${error.message} [${error.reason}]`;
</script>"""


@pytest.fixture(scope="module", autouse=True)
def _browser() -> None:
    executable()  # skips where there is none


@asynccontextmanager
async def page_of(package: Path, folder: Path, seconds: float = 4.0) -> AsyncIterator[Page]:
    """A page of an application that is served elsewhere than the gateway."""

    async def index(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    application = web.Application()
    application.router.add_get("/", index)
    application.router.add_static("/", package / "dist")
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with browsing(folder / "profile", recording(folder, seconds)) as page:
            await page.open(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            await page.until("globalThis.amira")
            yield page
    finally:
        await runner.cleanup()


def coded(content: bytes) -> str:
    return f'bytes("{base64.b64encode(content).decode()}")'


def pcm() -> bytes:
    return clip(SECONDS).tobytes()


async def pythons(target: str, source: Path | bytes) -> list[str]:
    """What the Python client gets."""
    headerless = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=RATE_HZ)
    async with AmiraClient(target) as client:
        transcript = await client.transcribe(source, headerless if isinstance(source, bytes) else None)
    return [final.alternatives[0].text for final in transcript.finals]


async def transcribed(page: Page, url: str, content: bytes, *, config: str = "{}", client: str = "{}") -> Any:
    """The finals' texts, or what was wrong."""
    return await page.run(f"""new amira.AmiraClient({url!r}, {client}).transcribe({coded(content)}, {config})
      .then(({{ finals }}) => finals.map(({{ text }}) => text), told)""")


async def test_files_and_samples_have_the_words_that_python_gets(
    package: Path, entrances: Doors, tmp_path: Path
) -> None:
    headerless = '{ encoding: "LINEAR16", sampleRateHz: 16000 }'
    async with page_of(package, tmp_path) as page:
        offered = await page.run(f"new amira.AmiraClient({entrances.ws!r}).capabilities()")
        assert "FLAC" in offered["encodings"]
        flac = await transcribed(page, entrances.ws, CLIP.read_bytes())
        assert flac == await pythons(entrances.grpc, CLIP)
        assert await transcribed(page, entrances.ws, pcm(), config=headerless) == flac
        wav = clip_file(tmp_path, "wav")
        assert await transcribed(page, entrances.ws, wav.read_bytes()) == await pythons(entrances.grpc, wav)
        # What servers do not read, the browser decodes.
        mp3 = clip_file(tmp_path, "mp3")
        assert HEARD in (await transcribed(page, entrances.ws, mp3.read_bytes()))[0]
        assert "empty" in await transcribed(page, entrances.ws, b"")
        assert "not audio" in await transcribed(page, entrances.ws, b"no audio at all")
        assert "BAD_SAMPLE_RATE" in await transcribed(
            page, entrances.ws, pcm(), config='{ encoding: "LINEAR16", sampleRateHz: 100 }'
        )
        assert page.complaints == []


async def test_keys(package: Path, spoken: Spoken, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    with spoken.gateway(api_keys_file=str(keys), web_origins="*") as closed:
        async with page_of(package, tmp_path) as page:
            flac = clip_file(tmp_path, "flac").read_bytes()
            right = await transcribed(page, closed.ws, flac, client=json.dumps({"apiKey": key}))
            assert HEARD in right[0]
            wrong = await transcribed(page, closed.ws, flac, client='{ apiKey: "amira_wrong" }')
            assert wrong.startswith("AccessError:"), wrong
            made = "new amira.AmiraClient('ws://192.0.2.1', { apiKey: 'k' })"
            refused = await page.run(f"(() => {{ try {{ {made}; }} catch (e) {{ return told(e); }} }})()")
            assert "unencrypted" in refused


MICROPHONE = """(async () => {{
  globalThis.heard = []; globalThis.levels = [];
  globalThis.client = new amira.AmiraClient({urls});
  globalThis.microphone = await amira.Microphone.open({{ workletUrl: "/capture-worklet.js" }});
  globalThis.stream = client.stream({{ ...microphone.config, interimResults: true }});
  for (const name of ["partial", "final", "endpoint", "reconnecting", "reconnected", "error", "close"])
    stream.on(name, () => heard.push(name));
  microphone.on("level", (level) => levels.push(level));
  stream.done.then(({{ text }}) => (globalThis.text = text), (error) => (globalThis.text = told(error)));
  microphone.pipe(stream);
  return microphone.deviceRateHz;
}})()"""


async def test_what_the_microphone_hears_survives_a_lost_connection(
    package: Path, entrances: Doors, tmp_path: Path
) -> None:
    async with (
        Wire(int(entrances.web.rpartition(":")[2])).open() as wire,
        page_of(package, tmp_path) as page,
    ):
        rate = await page.run(MICROPHONE.format(urls=json.dumps([f"ws://127.0.0.1:{wire.port}"])))
        assert rate != RATE_HZ, "nothing had to be resampled"
        await page.until("heard.includes('partial')")
        wire.cut()
        await page.until("heard.includes('reconnected')")
        await page.until("heard.includes('final')")
        await page.run("microphone.stop()")
        await page.until("globalThis.text")
        assert HEARD in await page.run("text")
        heard = await page.run("heard")
        assert heard.count("final") == heard.count("endpoint")
        assert heard[-1] == "close"
        assert max(await page.run("levels")) > 0.01
        assert wire.cuts


FED = """(async () => {{
  globalThis.finals = [];
  globalThis.waiting = false;
  globalThis.client = new amira.AmiraClient({urls});
  const stream = client.stream({{ encoding: "LINEAR16", sampleRateHz: 16000, interimResults: true }});
  stream.on("final", ({{ text }}) => finals.push(text));
  stream.on("reconnected", ({{ target }}) => (globalThis.at = target));
  stream.done.then(() => (globalThis.over = "well"), (error) => (globalThis.over = told(error)));
  const pcm = {pcm};
  const half = pcm.length / 2;
  (async () => {{
    for (let at = 0; at < pcm.length; at += 6400) {{
      if (at <= half && half < at + 6400) {{
        waiting = true;
        await new Promise((resolve) => (globalThis.goOn = () => resolve()));
      }}
      await stream.send(pcm.subarray(at, at + 6400));
    }}
    await stream.end();
  }})();
}})()"""
"""Sends half of some audio, waits, and sends the rest."""


async def test_a_gateway_that_is_killed_costs_no_word(
    package: Path, spoken: Spoken, entrances: Doors, tmp_path: Path
) -> None:
    with gateway_process(spoken, web_origins="*") as doomed:
        async with page_of(package, tmp_path) as page:
            await page.run(FED.format(urls=json.dumps([doomed.doors.ws, entrances.ws]), pcm=coded(pcm())))
            await page.until("finals.length && waiting")
            doomed.process.kill()
            await page.run("goOn()")
            await page.until("globalThis.over")
            assert await page.run("over") == "well"
            assert await page.run("at") == entrances.web
            assert await page.run("finals") == await pythons(entrances.grpc, pcm())


async def test_a_tab_that_is_closed_leaves_no_session_behind(
    package: Path, gateway: Gateway, entrances: Doors, tmp_path: Path
) -> None:
    async with page_of(package, tmp_path) as page:
        await page.run(FED.format(urls=json.dumps([entrances.ws]), pcm=coded(pcm())))
        await page.until("finals.length && waiting")
        assert gateway.speech.admission.streams == 1
        await page.send("Target.createTarget", url="about:blank")  # a browser without a tab ends
        await page.send("Page.close")
        async with asyncio.timeout(3):  # a session that is lost is kept for longer
            while gateway.speech.admission.streams:  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0.05)


async def test_two_streams_at_once_and_one_that_is_aborted(
    package: Path, entrances: Doors, tmp_path: Path
) -> None:
    async with page_of(package, tmp_path) as page:
        heard = await page.run(f"""(async () => {{
          const client = new amira.AmiraClient({entrances.ws!r});
          const abort = new AbortController();
          const given = client.transcribe({coded(pcm())}, {{ encoding: "LINEAR16", sampleRateHz: 16000 }},
            {{ realTimeFactor: 1, signal: abort.signal }}).catch(told);
          const file = new File([{coded(CLIP.read_bytes())}], "clip.flac");
          const two = await Promise.all([client.transcribe(file), client.transcribe(file)]);
          abort.abort();
          return [...two.map(({{ text }}) => text), await given];
        }})()""")
    words = " ".join(await pythons(entrances.grpc, CLIP))
    assert heard[:2] == [words, words]
    assert heard[2].startswith("AbortError")
