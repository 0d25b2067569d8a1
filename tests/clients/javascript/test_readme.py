"""What the README shows works as it stands, but for addresses."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.clients.javascript.gateways import Doors
from tests.clients.javascript.test_browser import page_of
from tests.gateway.web.page.test_in_chromium import HEARD
from tests.support.chromium import executable
from tests.support.spoken import clip

pytestmark = pytest.mark.toolchain


def example(package: Path, with_text: str) -> str:
    blocks: list[str] = re.findall(r"```js\n(.*?)```", (package / "README.md").read_text(), re.DOTALL)
    [found] = [block for block in blocks if with_text in block]
    return found


async def test_the_quick_start_in_node(package: Path, entrances: Doors) -> None:
    program = example(package, "process.stdin").replace("127.0.0.1:50051", entrances.grpc)
    process = await asyncio.create_subprocess_exec(
        "node", "--input-type=module", "--eval", program, cwd=package, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, complaint = await process.communicate(clip(4.0).tobytes())
    assert process.returncode == 0, complaint.decode()
    assert HEARD in out.decode()


async def test_the_quick_start_in_a_page(package: Path, entrances: Doors, tmp_path: Path) -> None:
    executable()
    program = example(package, "Microphone.open()").replace("127.0.0.1:50053", entrances.web)
    program = program.replace('"amira-asr"', '"/browser.js"')
    async with page_of(package, tmp_path) as page:
        await page.run(f"""document.body.innerHTML =
          '<button id=start></button><button id=stop></button><p id=firm></p><p id=faint></p>';
          const script = Object.assign(document.createElement('script'), {{ type: 'module' }});
          script.textContent = {program!r}; document.body.append(script); 0""")
        await page.until("document.getElementById('start').onclick")
        await page.run("document.getElementById('start').click()")
        await page.until("document.getElementById('faint').textContent")
        await page.until("document.getElementById('firm').textContent")
        await page.run("document.getElementById('stop').click()")
        assert HEARD in await page.run("document.getElementById('firm').textContent")
        assert page.complaints == []
