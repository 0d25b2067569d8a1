"""The package by itself: its own tests and lint, and what npm would publish."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.clients.programs import build

pytestmark = pytest.mark.toolchain


@pytest.fixture(scope="module")
def application(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which what npm would publish is installed, and what that needs."""
    folder = tmp_path_factory.mktemp("application")
    build(["npm", "pack", "--ignore-scripts", "--pack-destination", str(folder)], package)
    modules = folder / "node_modules"
    modules.mkdir()
    [archive] = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(modules, filter="data")
    (modules / "package").rename(modules / "amira-asr")
    for needed in ("@grpc", "@types"):
        (modules / needed).symlink_to(package / "node_modules" / needed)
    (folder / "package.json").write_text('{ "type": "module" }')
    return folder


def test_its_own_tests_pass(package: Path) -> None:
    build(["npm", "test"], package)


def test_it_is_formatted_and_checked(package: Path) -> None:
    build(["npm", "run", "lint"], package)


def test_what_is_published_holds_both_entries_with_their_types(package: Path) -> None:
    listed = subprocess.run(
        [_program("npm"), "pack", "--dry-run", "--json", "--ignore-scripts"],
        cwd=package, capture_output=True, text=True, check=True,
    )  # fmt: skip
    [described] = json.loads(listed.stdout)
    files = {file["path"] for file in described["files"]}
    exported = json.loads((package / "package.json").read_text())["exports"]
    named = {path.removeprefix("./") for path in _paths(exported)}
    assert named <= files
    assert not any(path.startswith(("test/", "node_modules/")) for path in files)


IN_NODE = """import { AmiraClient, ServerError, type StreamingResult } from "amira-asr/node";
const client = new AmiraClient("127.0.0.1:50051", { tls: false });
const stream = client.stream({ encoding: "LINEAR16", sampleRateHz: 16000, interimResults: true });
stream.on("final", (final) => { const told: StreamingResult = final; console.log(told.text.length); });
// @ts-expect-error there is no such encoding
client.stream({ encoding: "LINEAR17" });
// @ts-expect-error there is no such event
stream.on("finale", () => undefined);
stream.done.catch((error: unknown) => error instanceof ServerError && console.log(error.retryAfterS));
"""
IN_A_PAGE = """import { AmiraClient, Microphone } from "amira-asr";
const microphone = await Microphone.open();
const stream = new AmiraClient("ws://127.0.0.1:50053").stream({ ...microphone.config });
stream.on("final", ({ text }) => document.body.append(text));
microphone.pipe(stream);
export const words: string = (await stream.done).text;
"""


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (IN_NODE, ["--module", "nodenext", "--types", "node"]),
        (IN_NODE.replace("amira-asr/node", "amira-asr"), ["--module", "nodenext", "--types", "node"]),
        (IN_A_PAGE, ["--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,dom"]),
    ],
    ids=["node entry", "node", "page"],
)
def test_strict_programs_that_install_it_are_typed(
    package: Path, application: Path, source: str, options: list[str]
) -> None:
    (application / "program.ts").write_text(source)
    compiler = [str(package / "node_modules" / ".bin" / "tsc"), "--noEmit", "--strict", "--target", "es2022"]
    build([*compiler, *options, "program.ts"], application)


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None  # the package was built with it
    return found


def _paths(exported: object) -> list[str]:
    if isinstance(exported, str):
        return [exported]
    assert isinstance(exported, dict)
    return [path for value in exported.values() for path in _paths(value)]
