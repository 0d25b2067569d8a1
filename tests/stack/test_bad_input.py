"""Bad input over the public API: one clear status each, never an internal one, and nobody else notices."""

from __future__ import annotations

import asyncio
import io
import random
import struct
from functools import cache

import av
import numpy as np
import soundfile
import soxr
from google.protobuf.duration_pb2 import Duration
from hypothesis import given, settings
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core import errors
from tests.stack import raw
from tests.stack.raw import END, FLUSH, KEEP_ALIVE, Answer, Request, audio, config, control, mark, talk
from tests.support.stack import StackThread

ENCODINGS = [
    name.removeprefix("AUDIO_ENCODING_") for name, value in config_pb2.AudioEncoding.items() if value
]
HEADERLESS = {"LINEAR16": 2, "FLOAT32": 4, "MULAW": 1, "ALAW": 1}
SECOND = bytes(32_000)
AUDIO_REASONS = ("MALFORMED_AUDIO", "BAD_SAMPLE_RATE", "BAD_CHANNELS")
PUBLIC_REASONS = {error.reason for error in errors.all_errors()} - {"INTERNAL"}


def hotwords(*phrases: str, boost: float = 0.0, default: float = 0.0) -> config_pb2.HotwordSet:
    return config_pb2.HotwordSet(
        phrases=[config_pb2.Hotword(phrase=phrase, boost=boost) for phrase in phrases], default_boost=default
    )


def words(count: int) -> list[str]:
    """Phrases that share no beginning."""
    letters = random.Random(7)
    return ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(count)]


def rule(name: str, seconds: int, nanos: int = 0) -> config_pb2.EndpointConfig:
    return config_pb2.EndpointConfig(**{name: Duration(seconds=seconds, nanos=nanos)})


def update(**fields: object) -> Request:
    return control(update_config=speech_pb2.UpdateConfig(**fields))


def floats(value: str) -> bytes:
    """A tenth of a second of one value, as FLOAT32."""
    return struct.pack("<1600f", *[float(value)] * 1600)


def wav(rate_hz: int = 16_000, channels: int = 1, samples: int = 16_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((samples, channels), np.int16), rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def flac(samples: int = 16_000, rate_hz: int = 16_000) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(5).integers(-900, 900, samples, np.int16)
    soundfile.write(file, noise, rate_hz, format="FLAC", subtype="PCM_16")
    return file.getvalue()


@cache
def opus() -> bytes:
    """The first seconds of the demo recording as Ogg-Opus."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000)
        samples = soxr.resample(np.frombuffer(raw.clip_pcm(6), np.int16), 16_000, 48_000)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = 48_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def unary(request: Request, content: bytes) -> speech_pb2.RecognizeRequest:
    return speech_pb2.RecognizeRequest(config=request.config, audio=content)


def ogg_vorbis() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(16_000, np.float32), 16_000, format="OGG", subtype="VORBIS")
    return file.getvalue()


INVALID = "INVALID_ARGUMENT"
PRECONDITION = "FAILED_PRECONDITION"
BAD_STREAMS: dict[str, tuple[list[Request], str]] = {
    "nothing": ([], f"{PRECONDITION} CONFIG_MISSING"),
    "audio first": ([audio(SECOND), config()], f"{PRECONDITION} CONFIG_MISSING"),
    "control first": ([KEEP_ALIVE], f"{PRECONDITION} CONFIG_MISSING"),
    "end first": ([END], f"{PRECONDITION} CONFIG_MISSING"),
    "empty message": ([config(), Request()], f"{PRECONDITION} PROTOCOL"),
    "empty control": ([config(), control()], f"{PRECONDITION} PROTOCOL"),
    "config twice": ([config(), audio(SECOND), config()], f"{PRECONDITION} CONFIG_REPEATED"),
    "audio after end": ([config(), audio(SECOND), END, audio(SECOND)], f"{PRECONDITION} AUDIO_AFTER_END"),
    "config after end": ([config(), audio(SECOND), END, config()], f"{PRECONDITION} AUDIO_AFTER_END"),
    "no encoding": ([Request(config=config_pb2.RecognitionConfig())], f"{INVALID} UNKNOWN_ENCODING"),
    "encoding 99": (
        [Request(config=config_pb2.RecognitionConfig(encoding=99))],  # type: ignore[arg-type]  # no such value
        f"{INVALID} UNKNOWN_ENCODING",
    ),
    "rate 0": ([config(rate_hz=0)], f"{INVALID} BAD_SAMPLE_RATE"),
    "rate 7999": ([config(rate_hz=7_999)], f"{INVALID} BAD_SAMPLE_RATE"),
    "rate 48001": ([config(rate_hz=48_001)], f"{INVALID} BAD_SAMPLE_RATE"),
    "rate -16000": ([config(rate_hz=-16_000)], f"{INVALID} BAD_SAMPLE_RATE"),
    "rate 2**31-1": ([config("FLAC", 2**31 - 1)], f"{INVALID} BAD_SAMPLE_RATE"),
    "9 channels": ([config(channels=9)], f"{INVALID} BAD_CHANNELS"),
    "channel 1 of 1": ([config(channel=1)], f"{INVALID} BAD_CHANNELS"),
    "odd bytes": ([config(), audio(b"abc")], f"{INVALID} MALFORMED_AUDIO"),
    "half a stereo sample": ([config(channels=2), audio(b"ab")], f"{INVALID} MALFORMED_AUDIO"),
    "a gap": ([config(), audio(SECOND, 0), audio(SECOND, 16_001)], f"{INVALID} AUDIO_OFFSET_MISMATCH"),
    "an overlap": ([config(), audio(SECOND, 0), audio(SECOND, 8_000)], f"{INVALID} AUDIO_OFFSET_MISMATCH"),
    "offset -1": ([config(), audio(SECOND, -1)], f"{INVALID} AUDIO_OFFSET_MISMATCH"),
    "offset 2**63-1": ([config(), audio(SECOND, 2**63 - 1)], f"{INVALID} AUDIO_OFFSET_MISMATCH"),
    "2 MiB message": ([config(), audio(bytes(2 << 20))], "OUT_OF_RANGE MESSAGE_TOO_LARGE"),
    "5 MiB message": ([config(), audio(bytes(5 << 20))], "RESOURCE_EXHAUSTED"),
    "100 MB message": ([config(), audio(bytes(100_000_000))], "RESOURCE_EXHAUSTED"),
    "unknown model": ([config(model="klingon")], "NOT_FOUND UNKNOWN_MODEL"),
    "model of 1 MB": ([config(model="k" * 1_000_000)], "NOT_FOUND UNKNOWN_MODEL"),
    "201 hotwords": ([config(hotwords=hotwords(*words(201)))], f"{INVALID} BAD_HOTWORDS"),
    "200 long hotwords": (
        [config(hotwords=hotwords(*(" ".join(words(11))[n % 9 :] + w for n, w in enumerate(words(200)))))],
        f"{INVALID} BAD_HOTWORDS",
    ),
    "400,000 hotwords": ([config(hotwords=hotwords(*["ab"] * 400_000))], f"{INVALID} BAD_HOTWORDS"),
    "long hotword": ([config(hotwords=hotwords("a" * 101))], f"{INVALID} BAD_HOTWORDS"),
    "empty hotword": ([config(hotwords=hotwords("fine", ""))], f"{INVALID} BAD_HOTWORDS"),
    "blank hotword": ([config(hotwords=hotwords(" \t\n"))], f"{INVALID} BAD_HOTWORDS"),
    "chinese hotword": ([config(hotwords=hotwords("语音识别"))], f"{INVALID} BAD_HOTWORDS"),
    "nul hotword": ([config(hotwords=hotwords("a\0b"))], f"{INVALID} BAD_HOTWORDS"),
    "boost 21": ([config(hotwords=hotwords("fine", boost=21))], f"{INVALID} BAD_HOTWORDS"),
    "boost nan": ([config(hotwords=hotwords("fine", boost=float("nan")))], f"{INVALID} BAD_HOTWORDS"),
    "boost inf": ([config(hotwords=hotwords("fine", default=float("inf")))], f"{INVALID} BAD_HOTWORDS"),
    "bad hotword update": (
        [config(), audio(SECOND), update(hotwords=hotwords("语音识别")), audio(SECOND)],
        f"{INVALID} BAD_HOTWORDS",
    ),
    "greedy with hotwords": (
        [config(decoding_method="DECODING_METHOD_GREEDY", hotwords=hotwords("fine"))],
        f"{INVALID} BAD_SETTING",
    ),
    "greedy with hotwords later": (
        [config(decoding_method="DECODING_METHOD_GREEDY"), update(hotwords=hotwords("fine"))],
        f"{INVALID} BAD_SETTING",
    ),
    "greedy n-best": (
        [config(decoding_method="DECODING_METHOD_GREEDY", max_alternatives=2)],
        f"{INVALID} BAD_SETTING",
    ),
    "method 9": ([config(decoding_method=9)], f"{INVALID} BAD_SETTING"),
    "11 alternatives": ([config(max_alternatives=11)], f"{INVALID} BAD_SETTING"),
    "preset 9": ([config(endpoint=config_pb2.EndpointConfig(preset=9))], f"{INVALID} BAD_SETTING"),  # type: ignore[arg-type]  # no such value
    "no silence": ([config(endpoint=rule("silence_after_speech", 0))], f"{INVALID} BAD_SETTING"),
    "1 ns silence": ([config(endpoint=rule("silence_after_speech", 0, 1))], f"{INVALID} BAD_SETTING"),
    "silence < 0": ([config(endpoint=rule("silence_without_speech", -1))], f"{INVALID} BAD_SETTING"),
    "segment 0.5 s": ([config(endpoint=rule("max_segment", 0, 500_000_000))], f"{INVALID} BAD_SETTING"),
    "segment 61 s": ([config(endpoint=rule("max_segment", 61))], f"{INVALID} BAD_SETTING"),
    "segment 2**62 s": ([config(endpoint=rule("max_segment", 2**62))], f"{INVALID} BAD_SETTING"),
    "bad endpoint update": (
        [config(), audio(SECOND), update(endpoint=rule("max_segment", 99))],
        f"{INVALID} BAD_SETTING",
    ),
    "mark of 129 bytes": ([config(), mark("m" * 129)], f"{INVALID} BAD_SETTING"),
    "mark of 130 bytes, 65 letters": ([config(), mark("ä" * 65)], f"{INVALID} BAD_SETTING"),
    "NaN": ([config("FLOAT32"), audio(floats("nan"))], f"{INVALID} MALFORMED_AUDIO"),
    "infinity": ([config("FLOAT32"), audio(floats("-inf"))], f"{INVALID} MALFORMED_AUDIO"),
    "WAV of another rate": ([config("WAV", 8_000), audio(wav())], f"{INVALID} BAD_SAMPLE_RATE"),
    "WAV of 96 kHz": ([config("WAV", 0), audio(wav(96_000))], f"{INVALID} BAD_SAMPLE_RATE"),
    "WAV in stereo": ([config("WAV", 0, channels=1), audio(wav(channels=2))], f"{INVALID} BAD_CHANNELS"),
    "WAV without the channel": ([config("WAV", 0, channel=1), audio(wav())], f"{INVALID} BAD_CHANNELS"),
    "WAV cut in its header": ([config("WAV", 0), audio(wav()[:30])], f"{INVALID} MALFORMED_AUDIO"),
    "FLAC of another rate": ([config("FLAC", 8_000), audio(flac())], f"{INVALID} BAD_SAMPLE_RATE"),
    "FLAC cut in its header": ([config("FLAC", 0), audio(flac()[:20])], f"{INVALID} MALFORMED_AUDIO"),
    "Vorbis as Opus": ([config("OGG_OPUS", 0), audio(ogg_vorbis())], f"{INVALID} MALFORMED_AUDIO"),
    "PCM as WAV": ([config("WAV", 0), audio(raw.clip_pcm(1))], f"{INVALID} MALFORMED_AUDIO"),
    "PCM as FLAC": ([config("FLAC", 0), audio(raw.clip_pcm(1))], f"{INVALID} MALFORMED_AUDIO"),
    "PCM as Opus": ([config("OGG_OPUS", 0), audio(raw.clip_pcm(1))], f"{INVALID} MALFORMED_AUDIO"),
}  # fmt: skip


async def test_every_mistake_has_its_status_and_disturbs_nobody(
    running: StackThread, undisturbed: Answer
) -> None:
    target = running.stack.gateway_target
    async with raw.speech_stub(target) as stub:
        for group in groups(list(BAD_STREAMS), 16):
            async with raw.bystander(target, undisturbed):
                answers = await asyncio.gather(*(talk(stub, BAD_STREAMS[name][0]) for name in group))
            assert {name: a.outcome for name, a in zip(group, answers, strict=True)} == {
                name: BAD_STREAMS[name][1] for name in group
            }
            for name, answer in zip(group, answers, strict=True):
                assert answer.message, name
                assert answer.retry_after_s is None, f"{name}: no retry can help"
    assert_no_incident(running)


def groups(names: list[str], size: int) -> list[list[str]]:
    return [names[begin : begin + size] for begin in range(0, len(names), size)]


def assert_no_incident(running: StackThread) -> None:
    for service in ("gateway", "frontend", "decoder"):
        assert "incident" not in running.log_of(service), service


UNARY: dict[str, tuple[speech_pb2.RecognizeRequest, str]] = {
    "a second": (unary(config(), SECOND), "OK"),
    "nothing": (unary(config(), b""), "OK"),
    "no config": (speech_pb2.RecognizeRequest(audio=SECOND), f"{PRECONDITION} CONFIG_MISSING"),
    "odd bytes": (unary(config(), b"abc"), f"{INVALID} MALFORMED_AUDIO"),
    "61 s of PCM": (unary(config(), SECOND * 61), f"{INVALID} AUDIO_TOO_LONG"),
    "61 s of mu-law": (unary(config("MULAW", 8_000), bytes(8_000 * 61)), f"{INVALID} AUDIO_TOO_LONG"),
    "61 s of FLAC": (unary(config("FLAC", 0), flac(61 * 16_000)), f"{INVALID} AUDIO_TOO_LONG"),
    "5 MiB": (unary(config("FLAC", 0), bytes(5 << 20)), "RESOURCE_EXHAUSTED"),
    "bad rate": (unary(config(rate_hz=1), SECOND), f"{INVALID} BAD_SAMPLE_RATE"),
    "garbage": (unary(config("OGG_OPUS", 0), SECOND), f"{INVALID} MALFORMED_AUDIO"),
    "unknown model": (unary(config(model="klingon"), SECOND), "NOT_FOUND UNKNOWN_MODEL"),
}


async def test_unary_mistakes(running: StackThread) -> None:
    async with raw.speech_stub(running.stack.gateway_target) as stub:
        answers = await asyncio.gather(*(raw.recognize(stub, request) for request, _ in UNARY.values()))
    assert {name: answer.outcome for name, answer in zip(UNARY, answers, strict=True)} == {
        name: expected for name, (_, expected) in UNARY.items()
    }


@settings(max_examples=100, deadline=None)
@given(
    encoding=st.sampled_from(ENCODINGS),
    rate_hz=st.sampled_from([8_000, 11_025, 16_000, 44_100, 48_000]),
    channels=st.integers(1, 8),
    contents=st.lists(st.binary(max_size=4_000), max_size=6),
    whole=st.booleans(),
    begin=st.sampled_from([b"", flac()[:300], wav()[:44], ogg_vorbis()[:200], opus()[:900]]),
)
def test_garbage_in_any_encoding_ends_well(
    running: StackThread,
    encoding: str,
    rate_hz: int,
    channels: int,
    contents: list[bytes],
    whole: bool,
    begin: bytes,
) -> None:
    unit = HEADERLESS.get(encoding, 1) * channels if whole else 1
    messages = [audio(content[: len(content) // unit * unit]) for content in [begin, *contents]]
    rate_hz = rate_hz if encoding in HEADERLESS else 0

    async def run() -> Answer:
        async with raw.speech_stub(running.stack.gateway_target) as stub:
            count = channels if encoding in HEADERLESS else 0
            return await talk(stub, [config(encoding, rate_hz, channels=count), *messages])

    answer = asyncio.run(run())
    allowed = {"OK"} | {f"{INVALID} {reason}" for reason in AUDIO_REASONS}
    assert answer.outcome in allowed, answer.message
    if encoding in HEADERLESS and encoding != "FLOAT32" and whole:
        assert answer.outcome == "OK", "any whole samples are audio"
    assert_no_incident(running)


REQUESTS = st.one_of(
    st.binary(max_size=64).map(audio),
    st.sampled_from([END, KEEP_ALIVE, FLUSH, Request(), control(), config(), audio(SECOND)]),
    st.text(max_size=140).map(mark),
    st.builds(lambda phrase: update(hotwords=hotwords(phrase)), st.text(max_size=20)),
    st.builds(lambda boost: update(hotwords=hotwords("fine", boost=boost)), st.floats()),
    st.builds(
        lambda s, n: update(endpoint=rule("max_segment", s, n)), st.integers(-5, 99), st.integers(-5, 5)
    ),
)


@settings(max_examples=100, deadline=None)
@given(first=st.sampled_from([config(), config(interim_results=True)]), rest=st.lists(REQUESTS, max_size=12))
def test_any_messages_in_any_order_end_with_a_public_status(
    running: StackThread, first: Request, rest: list[Request]
) -> None:
    async def run() -> Answer:
        async with raw.speech_stub(running.stack.gateway_target) as stub:
            return await talk(stub, [first, *rest])

    answer = asyncio.run(run())
    assert answer.outcome == "OK" or answer.reason in PUBLIC_REASONS, answer
    assert answer.reason not in ("FRONTEND_LOST", "DECODER_LOST", "ENCODER_LOST")
    assert_no_incident(running)


async def test_truncated_and_corrupted_files_end_well(running: StackThread, undisturbed: Answer) -> None:
    target, rng = running.stack.gateway_target, random.Random(3)
    files = {"FLAC": raw.CLIP.read_bytes(), "OGG_OPUS": opus(), "WAV": wav(samples=48_000)}

    async def try_it(stub: object, encoding: str, content: bytes) -> Answer:
        return await talk(stub, [config(encoding, 0), *raw.pieces(content, 7_777)])  # type: ignore[arg-type]  # plain stub

    async with raw.speech_stub(target) as stub, raw.bystander(target, undisturbed):
        for encoding, content in files.items():
            whole = await try_it(stub, encoding, content)
            cut = await asyncio.gather(
                *(try_it(stub, encoding, content[: rng.randrange(len(content))]) for _ in range(8))
            )
            corrupt = await asyncio.gather(*(try_it(stub, encoding, damaged(content, rng)) for _ in range(8)))
            assert whole.outcome == "OK"
            outcomes = {answer.outcome for answer in (*cut, *corrupt)}
            assert outcomes <= {"OK", *(f"{INVALID} {reason}" for reason in AUDIO_REASONS)}
    assert_no_incident(running)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """`content` with a few bytes changed."""
    result = bytearray(content)
    for _ in range(5):
        result[rng.randrange(len(result))] ^= rng.randrange(1, 256)
    return bytes(result)
