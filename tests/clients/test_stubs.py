"""Client code for other languages, generated."""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amira.asr.v1.config_pb2 import AUDIO_ENCODING_LINEAR16
from amira.asr.v1.speech_pb2 import StreamingRecognizeRequest
from scripts.stubs.languages import LANGUAGES
from tests.clients.programs import CLIENTS, need, skip_unless_reachable
from tests.conftest import ROOT

SERVICE = {
    "go": ("amira/asr/v1/speech_grpc.pb.go", "func NewSpeechClient("),
    "java": ("amira/asr/v1/SpeechGrpc.java", "public static final class SpeechStub"),
    "kotlin": ("amira/asr/v1/SpeechOuterClassGrpcKt.kt", "class SpeechCoroutineStub"),
    "cpp": ("amira/asr/v1/speech.grpc.pb.h", "class Speech final"),
    "csharp": ("Speech.cs", "class StreamingRecognizeRequest"),  # its service needs NuGet's plugin
    "rust": ("amira/asr/v1/amira.asr.v1.tonic.rs", "pub struct SpeechClient<T>"),
    "ruby": ("amira/asr/v1/speech_services_pb.rb", "rpc :StreamingRecognize"),
    "php": ("Amira/Asr/V1/SpeechClient.php", "class SpeechClient extends \\Grpc\\BaseStub"),
    "objc": ("amira/asr/v1/Speech.pbobjc.h", "@interface StreamingRecognizeRequest"),  # as for C#
    "typescript": ("amira/asr/v1/speech.ts", "export interface SpeechClient extends Client"),
}
NOT_IN_REGISTRIES = ("swift", "dart")
PARTLY = ("csharp", "objc")
"""Languages whose plugins for the service are in none of the registries that the tests use."""

TOOLS = ROOT / "build" / "stubs" / "tools"

PHP = r"""<?php
spl_autoload_register(function (string $class) use ($argv): void {
    foreach (array_slice($argv, 1) as $folder) {
        $file = $folder . '/' . str_replace('\\', '/', $class) . '.php';
        if (is_file($file)) {
            require $file;
            return;
        }
    }
});
use Amira\Asr\V1\{AudioEncoding, Hotword, HotwordSet, RecognitionConfig, StreamingRecognizeRequest};
$config = new RecognitionConfig([
    'encoding' => AudioEncoding::AUDIO_ENCODING_LINEAR16,
    'sample_rate_hz' => 16000,
    'hotwords' => new HotwordSet(['phrases' => [new Hotword(['phrase' => 'Äpfel', 'boost' => 2.0])]]),
]);
echo bin2hex((new StreamingRecognizeRequest(['config' => $config]))->serializeToString());
"""


def generate(out: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts" / "generate_stubs.py"
    return subprocess.run(
        [sys.executable, str(script), "--out", str(out), *arguments], env={**os.environ, **environment},
        timeout=800, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_language_is_tested_or_known_not_to_be_generated_here() -> None:
    assert {*SERVICE, *NOT_IN_REGISTRIES} == set(LANGUAGES)


def test_what_is_missing_is_named_with_how_to_get_it(tmp_path: Path) -> None:
    made = generate(tmp_path, "swift", "dart", PATH=str(tmp_path))
    assert made.returncode == 1
    assert made.stdout.splitlines() == [
        "swift       skipped",
        '            protoc-gen-swift is not on the PATH: "brew install swift-protobuf"',
        '            protoc-gen-grpc-swift-2 is not on the PATH: "brew install protoc-gen-grpc-swift"',
        "dart        skipped",
        '            protoc-gen-dart is not on the PATH: "dart pub global activate protoc_plugin"',
    ]


def test_an_unknown_language_is_refused(tmp_path: Path) -> None:
    made = generate(tmp_path, "cobol")
    assert made.returncode == 2
    assert "no such language: cobol (there are go, java," in made.stderr


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All languages but Rust, whose plugins take a minute to compile."""
    need("go", "java", "mvn", "npm", "protoc", "grpc_cpp_plugin", "grpc_php_plugin", "grpc_ruby_plugin")
    out = tmp_path_factory.mktemp("stubs")
    languages = [name for name in LANGUAGES if name not in ("rust", *NOT_IN_REGISTRIES)]
    made = generate(out, *languages, GOMAXPROCS="1")
    skip_unless_reachable(made.stdout)
    lines = [line.split(":")[0].split() for line in made.stdout.splitlines() if not line.startswith(" ")]
    in_part = [line[0] for line in lines if line[1:] == ["made", "in", "part"]]
    assert set(in_part) <= set(PARTLY), made.stdout + made.stderr
    assert [line[0] for line in lines if line[1] == "made"] == languages, made.stdout + made.stderr
    return out


@pytest.mark.toolchain
@pytest.mark.parametrize("language", [name for name in SERVICE if name != "rust"])
def test_the_service_is_there(generated: Path, language: str) -> None:
    file, text = SERVICE[language]
    assert text in (generated / language / file).read_text()


@pytest.mark.toolchain
def test_rust(tmp_path: Path) -> None:
    if not list((TOOLS / "rust").glob("*/bin/protoc-gen-tonic")):
        pytest.skip(
            "its plugins take a minute to compile: make stubs ARGS=rust (test_rust.py generates without)"
        )
    made = generate(tmp_path, "rust")
    assert made.returncode == 0, made.stdout + made.stderr
    file, text = SERVICE["rust"]
    assert text in (tmp_path / "rust" / file).read_text()


@pytest.mark.toolchain
def test_the_go_code_in_the_repository_is_current(generated: Path) -> None:
    fresh, committed = generated / "go" / "amira", CLIENTS / "go" / "amira"
    names = {str(path.relative_to(fresh)) for path in fresh.rglob("*.go")}
    assert names == {str(path.relative_to(committed)) for path in committed.rglob("*.go")}
    _, changed, unreadable = filecmp.cmpfiles(fresh, committed, names, shallow=False)
    assert (changed, unreadable) == ([], []), "make stubs ARGS=go && cp -r build/stubs/go/amira clients/go"


@pytest.mark.toolchain
def test_messages_of_the_php_code_are_read_by_python(generated: Path, tmp_path: Path) -> None:
    need("php")
    runtime = Path("/usr/share/php")
    if not (runtime / "Google" / "Protobuf").is_dir():
        pytest.skip("not installed: php-google-protobuf")
    script = tmp_path / "config.php"
    script.write_text(PHP)
    command = ["php", str(script), str(generated / "php"), str(runtime)]
    ran = subprocess.run(command, timeout=60, capture_output=True, text=True, check=True)
    config = StreamingRecognizeRequest.FromString(bytes.fromhex(ran.stdout)).config
    assert (config.encoding, config.sample_rate_hz) == (AUDIO_ENCODING_LINEAR16, 16000)
    assert config.hotwords.phrases[0].phrase == "Äpfel"
