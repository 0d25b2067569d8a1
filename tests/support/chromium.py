"""A real headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_STEP_S = 90
_POLL_S = 0.1
_FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


def executable() -> str:
    """The browser's path; skips where there is none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium: apt-get install chromium")
    return found


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self._socket = socket
        self._session = session
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        """What scripts threw or wrote as errors, violations of the security policy included."""

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol and its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.send(json.dumps(message))
        async with asyncio.timeout(_STEP_S):
            while True:
                answer = json.loads(await self._socket.recv())
                self._note(answer)
                if answer.get("id") == number:
                    break
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(parameters["entry"]["text"])

    async def run(self, expression: str) -> Any:
        """The value of a script, awaited."""
        result = await self.send(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, expression: str) -> None:
        """Waits for a script whose value is true."""
        try:
            async with asyncio.timeout(_STEP_S):
                while not await self.run(f"Boolean({expression})"):  # noqa: ASYNC110 - in another process
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            seen = await self.run("document.body.innerText")
            raise AssertionError(f"{expression} did not come true: {seen} {self.complaints}") from None

    async def open(self, url: str) -> None:
        """Goes to a page and waits for its load."""
        await self.send("Page.navigate", url=url)
        await self.until(f"location.href.startsWith({url!r}) && document.readyState === 'complete'")

    async def drop_file(self, content: bytes, name: str) -> None:
        """What a person does with the mouse."""
        await self.run(f"""(() => {{
          const bytes = Uint8Array.from(atob("{base64.b64encode(content).decode()}"), (c) => c.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], "{name}"));
          dispatchEvent(new DragEvent("drop", {{ dataTransfer, cancelable: true }}));
        }})()""")

    async def screenshot(self) -> bytes:
        """A PNG of what is seen."""
        return base64.b64decode((await self.send("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def browsing(folder: Path, microphone: Path) -> AsyncIterator[Page]:
    """A tab of a browser whose microphone plays the WAV file `microphone` once; `folder`: for its profile."""
    command = [
        executable(),
        *_FLAGS,
        f"--user-data-dir={folder}",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
    if os.geteuid() == 0:
        command.append("--no-sandbox")  # it refuses to start otherwise
    process = await asyncio.create_subprocess_exec(
        *command,
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with connect(
            await _address(process, folder), max_size=None, proxy=None, ping_interval=None
        ) as socket:
            yield await _tab(socket)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _address(process: asyncio.subprocess.Process, folder: Path) -> str:
    """Where the protocol is spoken, which the browser writes into its profile."""
    announced = folder / "DevToolsActivePort"
    async with asyncio.timeout(_STEP_S):
        while process.returncode is None:
            with suppress(FileNotFoundError, ValueError):
                port, path = announced.read_text().split()
                return f"ws://127.0.0.1:{port}{path}"
            await asyncio.sleep(_POLL_S)
    raise AssertionError(f"Chromium ended at once, with {process.returncode}")


async def _tab(socket: ClientConnection) -> Page:
    browser = Page(socket, "")
    [target] = [
        target
        for target in (await browser.send("Target.getTargets"))["targetInfos"]
        if target["type"] == "page"
    ]
    attached = await browser.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
    page = Page(socket, attached["sessionId"])
    for domain in ("Page", "Runtime", "Log"):
        await page.send(f"{domain}.enable")
    await page.send("Emulation.setFocusEmulationEnabled", enabled=True)
    return page
