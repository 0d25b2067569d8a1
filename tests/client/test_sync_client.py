"""The client without an event loop: the same answers, from any thread, and a clean end whatever happens."""

from __future__ import annotations

import gc
import io
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from amira_client import (
    AudioEncoding,
    Final,
    HotwordSet,
    MarkReached,
    RecognitionConfig,
    ServerError,
    SessionStarted,
    StreamStateError,
    SyncClient,
    UnreachableError,
    UnreadableAudioError,
)
from amira_core import errors
from tests.client.threaded import scripted_in_thread
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, session

PCM = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000)


@pytest.fixture
def server() -> Iterator[ScriptedSpeech]:
    with scripted_in_thread() as scripted:
        yield scripted


@pytest.fixture
def client(server: ScriptedSpeech) -> Iterator[SyncClient]:
    with SyncClient(server.target) as connected:
        yield connected


def flac() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(8000, np.int16), 16000, format="FLAC")
    return buffer.getvalue()


def test_a_recording_from_a_path_bytes_or_an_iterator(
    server: ScriptedSpeech, client: SyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "speech.flac"
    path.write_bytes(flac())
    assert client.transcribe(path).text == f"{path.stat().st_size} bytes"
    assert client.transcribe(path.read_bytes()).text == f"{path.stat().st_size} bytes"
    assert client.transcribe(iter([b"\0" * 3, b"\0" * 5, b"\0"]), PCM).text == "8 bytes"
    assert [r.audio.offset for r in server.requests if r.HasField("audio")][-2:] == [0, 1]


def test_callbacks_come_on_the_callers_thread_and_their_errors_too(client: SyncClient) -> None:
    threads = set()
    client.transcribe(flac(), on_response=lambda response: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}

    def fail(response: object) -> None:
        raise KeyError("callback")

    with pytest.raises(KeyError):
        client.transcribe(flac(), on_response=fail)
    assert client.transcribe(flac()).text


def test_a_stream_from_config_to_last_final(client: SyncClient) -> None:
    with client.stream(PCM) as stream:
        stream.send(bytes(3200))
        stream.mark("here")
        stream.update_config(hotwords=HotwordSet())
        stream.keep_alive()
        stream.flush()
        stream.end()
        assert stream.ended
        events = list(stream.events())
        assert stream.receive() is None
        assert stream.session is not None
    assert isinstance(events[0], SessionStarted)
    assert [event.mark_id for event in events if isinstance(event, MarkReached)] == ["here"]
    assert [event.text for event in events if isinstance(event, Final)] == ["3200 bytes", "3200 bytes"]
    with pytest.raises(StreamStateError, match="closed"):
        stream.send(b"\0\0")


def test_waiting_in_vain_loses_nothing(client: SyncClient) -> None:
    with client.stream(PCM) as stream:
        first = stream.receive(60)
        assert first is not None
        assert first.HasField("session")
        for timeout_s in (0, 0, 0.01):
            with pytest.raises(TimeoutError):
                stream.receive(timeout_s)
        stream.end()
        last = stream.receive(60)
        assert last is not None
        assert last.result.alternatives[0].text == "0 bytes"


def test_listening_yields_events_and_may_be_left(client: SyncClient) -> None:
    endless = iter(lambda: bytes(320), None)
    for event in client.listen(endless, PCM):
        if not isinstance(event, SessionStarted):
            break
    assert client.transcribe(flac()).text


def test_what_an_iterator_raises_is_raised_here(client: SyncClient) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(320)
        raise LookupError("the microphone is gone")

    with pytest.raises(LookupError, match="the microphone is gone"):
        client.transcribe(broken(), PCM)
    with pytest.raises(LookupError, match="the microphone is gone"):
        list(client.listen(broken(), PCM))


def test_pieces_must_be_described(client: SyncClient) -> None:
    with pytest.raises(UnreadableAudioError, match="sample_rate_hz"):
        client.transcribe(iter([bytes(320)]))
    with pytest.raises(ValueError, match="real_time_factor"):
        client.transcribe(iter([bytes(320)]), PCM, real_time_factor=1.0)


def test_errors_are_those_of_the_asyncio_client(server: ScriptedSpeech, client: SyncClient) -> None:
    async def refuse(server: ScriptedSpeech, requests: Requests) -> Responses:
        raise errors.NoCapacityError("All places are taken.")
        yield session()

    server.script = refuse
    with pytest.raises(ServerError) as raised:
        client.transcribe(flac())
    assert (raised.value.reason, raised.value.retry_after_s) == ("NO_CAPACITY", 1.0)
    with pytest.raises(ValueError, match="unencrypted"):
        SyncClient("asr.example:443", api_key="x")
    with SyncClient("127.0.0.1:1") as nobody, pytest.raises(UnreachableError):
        nobody.capabilities()
    assert client.recognize(flac()).results


def test_many_threads_share_a_client(client: SyncClient) -> None:
    def one(size: int) -> str:
        with client.stream(PCM) as stream:
            sender = threading.Thread(target=lambda: [stream.send(bytes(size)) for _ in range(3)])
            sender.start()
            sender.join()
            stream.end()
            return [event.text for event in stream.events() if isinstance(event, Final)][-1]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(one, range(2, 42, 2))) == [f"{3 * size} bytes" for size in range(2, 42, 2)]


async def test_beside_a_running_event_loop(client: SyncClient) -> None:
    assert client.transcribe(flac()).text


def test_closing_wakes_who_waits(server: ScriptedSpeech) -> None:
    client = SyncClient(server.target)
    stream = client.stream(PCM)
    assert stream.receive() is not None
    ends: list[object] = []

    def read() -> None:
        try:
            ends.append(stream.receive())
        except StreamStateError as error:
            ends.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    client.close()
    reader.join(60)
    assert not reader.is_alive()
    assert ends[0] is None or isinstance(ends[0], StreamStateError)
    client.close()
    stream.close()
    with pytest.raises(StreamStateError, match="closed"):
        client.capabilities()


def test_a_client_that_nobody_keeps_ends_its_thread(server: ScriptedSpeech) -> None:
    before = set(threading.enumerate())

    def threads() -> list[str]:
        new = set(threading.enumerate()) - before
        return [thread.name for thread in new if thread.name == "amira-client"]

    client = SyncClient(server.target)
    assert client.transcribe(flac()).text
    assert len(threads()) == 1
    del client
    gc.collect()
    assert threads() == []


def test_it_cannot_wait_for_itself(server: ScriptedSpeech) -> None:
    clients: list[SyncClient] = []

    def token() -> str:
        return clients[0].capabilities().server_version

    with SyncClient(server.target, token=token) as client:
        clients.append(client)
        with pytest.raises(StreamStateError, match="own thread"):
            client.capabilities()


HEAD = """
import os, sys
from amira_client import *
PCM = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000)
client = SyncClient(sys.argv[1])
stream = client.stream(PCM)
stream.receive()
"""


def program(server: ScriptedSpeech, code: str) -> list[str]:
    return [sys.executable, "-W", "error", "-c", HEAD + code, server.target]


def test_a_program_ends_with_an_open_stream(server: ScriptedSpeech) -> None:
    endless = "import threading; client.listen(iter(lambda: bytes(2), None), PCM).__next__(); print('done')"
    done = subprocess.run(program(server, endless), capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_forked_child_is_told(server: ScriptedSpeech) -> None:
    code = """
child = os.fork()
if child == 0:
    try:
        client.capabilities()
    except StreamStateError as error:
        os._exit(7 if "after the fork" in str(error) else 1)  # gRPC may crash at the orderly end of a fork
    os._exit(1)
stream.end()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), [e.text for e in stream.events()])
"""
    done = subprocess.run(program(server, code), capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "7 ['0 bytes']\n"), done.stderr


def test_ctrl_c_interrupts_waiting(server: ScriptedSpeech) -> None:
    code = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests' shell ignores Ctrl-C, too
print('waiting', flush=True)
stream.receive()
"""
    with subprocess.Popen(program(server, code), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"waiting\n"
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=120)
    assert running.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in told.splitlines(), told
