"""The page in a real browser: spoken to, interrupted, and used without a microphone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from demo.assistant.server import AssistantServer
from tests.demo.assistant.speech import RATE_HZ, spoken
from tests.support.chromium import browsing

PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
READY = "!document.getElementById('microphone').disabled"
SPY = """globalThis.phases = []; globalThis.stopped = 0;
new MutationObserver(() => phases.push(document.getElementById('phase').dataset.phase)).observe(
  document.getElementById('phase'), { attributes: true });
const stop = AudioBufferSourceNode.prototype.stop;
AudioBufferSourceNode.prototype.stop = function () { stopped += 1; stop.call(this); }; 0"""
HELP = "[...document.querySelectorAll('[data-who=amira]')].find((row) => row.textContent.startsWith('I can'))"
KITCHEN = """document.querySelector('[data-name="kitchen light"]').getAttribute('aria-checked')"""


def silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(int(seconds * RATE_HZ), np.int16)


@pytest.mark.slow
async def test_speech_is_answered_and_speech_interrupts(assistant: AssistantServer, tmp_path: Path) -> None:
    heard = [
        silence(1),
        spoken("Hey Amira, what can you do?"),
        silence(6),
        spoken("Turn on the kitchen light."),
    ]
    soundfile.write(tmp_path / "heard.wav", np.concatenate([*heard, silence(8)]), RATE_HZ)
    async with browsing(tmp_path / "profile", tmp_path / "heard.wav") as page:
        await page.open(assistant.url)
        await page.until(READY)
        await page.run(SPY)
        await page.run("document.getElementById('microphone').click()")
        await page.until("document.querySelector('#log .faint')")
        await page.until(HELP)
        await page.until("document.getElementById('total-ms').textContent.endsWith(' ms')")
        await page.until(f"{KITCHEN} === 'true'")
        assert await page.run(f"{HELP}.dataset.stopped") == "true"
        assert await page.run("stopped") > 0
        phases = await page.run("phases")
        assert phases.index("answering") < phases.index("paused")
        assert (await page.run("document.getElementById('stop-ms').textContent")).endswith(" ms")
        assert "Amira: The kitchen light is on." in await page.run(
            "document.getElementById('spoken').textContent"
        )
        assert page.complaints == []


async def test_without_a_microphone(assistant: AssistantServer, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "heard.wav", silence(30), RATE_HZ)
    async with browsing(tmp_path / "profile", tmp_path / "heard.wav") as page:
        await page.send("Emulation.setDeviceMetricsOverride", **PHONE)
        await page.open(assistant.url)
        await page.until(READY)
        await page.run(
            "document.getElementById('text').value = 'set a timer for ten minutes';"
            "document.querySelector('#typing button').click()"
        )
        await page.until("document.querySelector('[role=timer]')?.textContent.startsWith('9:5')")
        await page.run("document.querySelector('#timers button').click()")
        await page.until("document.getElementById('timing').hidden")
        await page.run("document.querySelector('[data-name=\"kitchen light\"]').click()")
        await page.until(f"{KITCHEN} === 'true'")
        await page.run("document.activeElement.blur()")
        await page.send("Input.dispatchKeyEvent", type="keyDown", key=" ", code="Space")
        await page.until("document.getElementById('phase').dataset.phase === 'awake'")
        assert await page.run("document.getElementById('talk').getAttribute('aria-pressed')") == "true"
        await page.send("Input.dispatchKeyEvent", type="keyUp", key=" ", code="Space")
        await page.until("document.getElementById('talk').getAttribute('aria-pressed') === 'false'")
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.run(wider) <= 0
        assert page.complaints == []
