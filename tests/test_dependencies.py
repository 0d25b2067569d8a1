"""Each service runs without the packages that only others need, as its extra in pyproject.toml promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from amira.asr.v1 import config_pb2
from amira.frontend.v1 import frontend_pb2
from amira_frontend.pipeline import FeatureStream

BLOCK = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}} (absent in this test)", name=name)
        return None

sys.meta_path.insert(0, Absent())
"""

HEAVY = {
    "av", "k2", "llvmlite", "numba", "onnx", "onnxruntime", "openvino",
    "opentelemetry", "pybreaker", "rich",
    "sentencepiece", "soundfile", "soxr", "torch", "tritonclient",
}  # fmt: skip

NEEDS: dict[str, set[str]] = {
    "amira_gateway": {"pybreaker"},
    "amira_frontend": {"av", "llvmlite", "numba"},
    "amira_decoder": {"llvmlite", "numba", "onnxruntime", "sentencepiece", "tritonclient"},
    "amira_triton": {"tritonclient"},
    "amira_client": set(),
    "amira_local": {"rich"},
}
ENTRY = {"amira_client": "amira_client", "amira_local": "amira_local.cli"}


def run_without(absent: set[str], program: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process of its own in which some packages cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(absent=absent) + program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("package", NEEDS)
def test_imports_without_what_the_others_need(package: str) -> None:
    module = ENTRY.get(package, f"{package}.__main__")
    done = run_without(HEAVY - NEEDS[package], f"import {module}")
    assert done.returncode == 0, done.stderr


def test_the_block_blocks() -> None:
    done = run_without({"numba"}, "import amira_frontend.__main__")
    assert done.returncode == 1
    assert "No module named 'numba'" in done.stderr


DECODE = """
import asyncio, json
from pathlib import Path
import numpy as np
from amira.asr.v1 import config_pb2
from amira_core.logs import configure_logs
from amira_decoder.controls import End
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.settings import DecoderSettings

configure_logs("decoder")

async def texts(decoder, method, features):
    config = config_pb2.RecognitionConfig(decoding_method=method)
    stream = await decoder.open_stream(config)
    feeding = asyncio.create_task(feed(stream, features))
    responses = [response async for response in stream.responses()]
    await feeding
    decoder.close_stream(stream)
    return [r.result.alternatives[0].text for r in responses if r.HasField("result")]

async def feed(stream, features):
    await stream.add_features(features)
    stream.add_control(End())

async def main():
    decoder = StreamingDecoder(DecoderSettings(encoder="in_process", in_process_slots=2, model_dir={model!r}))
    ready = asyncio.Event()
    async def on_ready(value):
        ready.set()
    running = asyncio.create_task(decoder.run(on_ready))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    features = Path({features!r}).read_bytes()
    offered = [config_pb2.DecodingMethod.Name(m) for m in decoder.describe().decoding_methods]
    methods = config_pb2.DECODING_METHOD_UNSPECIFIED, config_pb2.DECODING_METHOD_GREEDY
    heard = [await texts(decoder, method, features) for method in methods]
    print(json.dumps({{"offered": offered, "heard": heard}}))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await decoder.close()

asyncio.run(main())
"""


def test_without_k2_and_torch_the_beam_search_takes_over_and_says_so(model_dir: Path, tmp_path: Path) -> None:
    features = tmp_path / "features"
    features.write_bytes(demo_features())
    done = run_without({"k2", "torch"}, DECODE.format(model=str(model_dir), features=str(features)))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["offered"] == ["DECODING_METHOD_BEAM", "DECODING_METHOD_GREEDY"]
    for texts in answer["heard"]:
        assert len(" ".join(texts).split()) >= 5
    log = [json.loads(line) for line in done.stderr.splitlines()]
    (warning,) = [line for line in log if line["event"] == "k2_missing"]
    assert warning["level"] == "warning"
    assert warning["search"] == "beam"
    assert "absent in this test" in warning["cause"]
    assert "requirements/k2.txt" in warning["hint"]


def demo_features() -> bytes:
    """Five seconds of the bundled recording as float32 frames [n, 80]."""
    clip = Path(__file__).resolve().parent.parent / "demo" / "speech" / "sense-and-sensibility.flac"
    stream = FeatureStream(frontend_pb2.AudioFormat(encoding=config_pb2.AUDIO_ENCODING_FLAC))
    return np.concatenate([stream.accept(clip.read_bytes()), stream.finish()])[:500].tobytes()
