"""The words: through the whole stack they are those of the model, whatever the way they took."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import jiwer
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2, result_pb2
from amira_client import AmiraClient
from tests.conftest import ROOT, Utterance
from tests.support.reference import in_process_reference
from tests.support.stack import StackThread

CLIP = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
PCM = config_pb2.RecognitionConfig(
    encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16_000, interim_results=True
)
FILE = config_pb2.RecognitionConfig(interim_results=True)
MEASURED = {"librispeech-test-other", "librivox-austen", "icefall-test_wavs"}


def pcm_of(path: Path) -> bytes:
    samples, _ = soundfile.read(path, dtype="int16")
    return bytes(samples.tobytes())


async def texts_in_pieces(
    client: AmiraClient, pcm: bytes, cuts: list[int], pause_s: float = 0.0
) -> list[str]:
    """Streams `pcm` cut at the given bytes; returns the finals."""
    finals: list[str] = []
    edges = [0, *sorted(cut // 2 * 2 for cut in cuts), len(pcm)]
    async with client.stream(PCM) as stream:

        async def read() -> None:
            async for response in stream:
                if response.HasField("result") and response.result.is_final:
                    finals.append(response.result.alternatives[0].text)

        reader = asyncio.create_task(read())
        for begin, end in pairwise(edges):
            await stream.send(pcm[begin:end])
            await asyncio.sleep(pause_s)
        await stream.end()
        await reader
    return finals


def test_the_stack_is_the_real_one(running: StackThread) -> None:
    assert '"k2"' in running.log_of("decoder"), "k2 is installed here, and the decoder's log names its search"
    children = Path(f"/proc/{running.pid_of('triton')}/task/{running.pid_of('triton')}/children").read_text()
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children.split()]
    assert any(b"tritonserver" in command for command in commands)


async def test_words_equal_decoding_the_whole_file_at_once(
    client: AmiraClient, speech: list[Utterance], model_dir: Path
) -> None:
    """Every transcript, hence the word error rate, is that of decoding in-process at once."""
    utterances = [utterance for utterance in speech if utterance.source in MEASURED][::2]
    async with in_process_reference(model_dir) as reference:
        expected = await asyncio.gather(*(reference.text(u.path, FILE) for u in utterances))
    heard: list[str] = []
    for begin in range(0, len(utterances), 8):
        group = utterances[begin : begin + 8]
        transcripts = await asyncio.gather(*(client.transcribe(u.path, FILE) for u in group))
        heard += [transcript.text for transcript in transcripts]
    assert heard == list(expected)
    word_error_rate = jiwer.wer([u.text for u in utterances], heard)
    assert word_error_rate < 0.55, "the bundled model's own rate is about 0.50 on this speech"


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(0, 16_000 * 2 * 8), max_size=40),
    company=st.integers(0, 6),
    seed=st.integers(0, 2**16),
)
def test_transcript_does_not_depend_on_sizes_pacing_or_company(
    running: StackThread, cuts: list[int], company: int, seed: int
) -> None:
    pcm = pcm_of(CLIP)[: 16_000 * 2 * 8]
    rng = random.Random(seed)

    async def run() -> tuple[list[str], list[str]]:
        async with AmiraClient(running.stack.gateway_target) as client:
            alone = await texts_in_pieces(client, pcm, [])
            others = [
                texts_in_pieces(client, pcm[rng.randrange(0, 64_000) // 2 * 2 :], [rng.randrange(200_000)])
                for _ in range(company)
            ]
            mine, *_ = await asyncio.gather(
                texts_in_pieces(client, pcm, cuts, pause_s=rng.choice([0, 0, 0.003])), *others
            )
            return alone, mine

    alone, mine = asyncio.run(run())
    assert mine == alone


async def test_64_streams_at_once_get_their_own_words(
    client: AmiraClient, speech: list[Utterance], model_dir: Path
) -> None:
    utterances = sorted((u for u in speech if u.seconds > 2), key=lambda u: u.seconds)[:64]
    assert len(utterances) == 64
    async with in_process_reference(model_dir) as reference:
        expected = await asyncio.gather(*(reference.text(u.path, FILE) for u in utterances))
    transcripts = await asyncio.gather(*(client.transcribe(u.path, FILE) for u in utterances))
    assert [transcript.text for transcript in transcripts] == list(expected)
    assert len({transcript.session.session_id for transcript in transcripts}) == 64


async def test_first_word_after_an_endpoint_and_last_word_before_half_close(
    client: AmiraClient, speech: list[Utterance]
) -> None:
    """Recordings joined by pauses: at every seam words begin and end where they do in each alone."""
    utterances = [u for u in speech if u.source == "librivox-austen"]
    pause = bytes(2 * 16_000 * 2)
    alone = [await finals_of(client, pcm_of(u.path) + pause) for u in utterances]
    joined = await finals_of(client, pause.join(pcm_of(u.path) for u in utterances))
    texts: list[str] = []
    begin_ms = 0.0
    for utterance, reference in zip(utterances, alone, strict=True):
        end_ms = begin_ms + 1000 * len(pcm_of(utterance.path)) / 32_000 + 2000
        mine = [f for f in joined if begin_ms <= words_in([f])[0].start.ToMilliseconds() < end_ms]
        words, expected = words_in(mine), words_in(reference)
        assert abs(words[0].start.ToMilliseconds() - begin_ms - expected[0].start.ToMilliseconds()) <= 200
        assert abs(words[-1].end.ToMilliseconds() - begin_ms - expected[-1].end.ToMilliseconds()) <= 200
        assert words[-1].end.ToMilliseconds() <= end_ms, "no segment goes on behind a pause"
        texts.append(" ".join(word.text for word in words))
        begin_ms = end_ms
    # Inside, the encoder's memory of what came before may turn a word; it may not lose a stretch.
    assert jiwer.wer([" ".join(word.text for word in words_in(finals)) for finals in alone], texts) < 0.3


def words_in(finals: Iterable[result_pb2.StreamingResult]) -> list[result_pb2.Word]:
    """All words of the best readings."""
    return [word for final in finals for word in final.alternatives[0].words]


async def finals_of(client: AmiraClient, pcm: bytes) -> list[result_pb2.StreamingResult]:
    config = config_pb2.RecognitionConfig()
    config.CopyFrom(PCM)
    config.word_times = True
    return list((await client.transcribe(pcm, config)).finals)


@pytest.mark.parametrize("method", ["K2", "BEAM", "GREEDY"])
async def test_every_method_hears_the_clip(client: AmiraClient, method: str) -> None:
    config = config_pb2.RecognitionConfig(decoding_method=f"DECODING_METHOD_{method}", word_times=True)
    transcript = await client.transcribe(CLIP, config)
    reference = " ".join(CLIP.with_suffix(".txt").read_text().split())
    assert jiwer.wer(reference, transcript.text) < 0.5
    words = [word for result in transcript.finals for word in result.alternatives[0].words]
    assert " ".join(word.text for word in words) == transcript.text


async def test_unary_recognize_has_the_same_words(client: AmiraClient) -> None:
    streamed = await client.transcribe(CLIP, config_pb2.RecognitionConfig())
    unary = await client.recognize(CLIP)
    assert [r.alternatives[0].text for r in unary.results] == [
        r.alternatives[0].text for r in streamed.finals
    ]
