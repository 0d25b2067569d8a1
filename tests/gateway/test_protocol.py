"""The rules of client messages, without any network: any sequence is either taken whole or refused."""

from __future__ import annotations

import contextlib

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core import errors
from amira_gateway.session.audio import AudioShape
from amira_gateway.session.protocol import Audio, ClientProtocol, Configured, Ended
from tests.gateway.scripted import END, FLUSH, KEEP_ALIVE, Request, audio, config, mark

PCM = st.sampled_from(
    [
        (config_pb2.AUDIO_ENCODING_LINEAR16, 2),
        (config_pb2.AUDIO_ENCODING_FLOAT32, 4),
        (config_pb2.AUDIO_ENCODING_MULAW, 1),
        (config_pb2.AUDIO_ENCODING_ALAW, 1),
    ]
)
ANY_REQUEST = st.one_of(
    st.just(Request()),
    st.builds(config, channels=st.integers(-1, 3), sample_rate_hz=st.sampled_from([0, 8_000, 16_000])),
    st.builds(audio, st.binary(max_size=9), st.none() | st.integers(-1, 8)),
    st.sampled_from([END, FLUSH, KEEP_ALIVE, mark("m")]),
)


@given(st.lists(ANY_REQUEST, max_size=12))
def test_every_sequence_is_taken_in_order_or_refused_for_a_reason(requests: list[Request]) -> None:
    protocol = ClientProtocol(8)
    taken: list[object] = []
    refused = False
    last = None
    try:
        for request in requests:
            taken.append(protocol.accept(request))
        last = protocol.half_close()
    except (errors.InvalidRequestError, errors.ProtocolError, errors.MessageTooLargeError):
        refused = True
    if not refused:
        assert isinstance(taken[0], Configured)
        assert sum(isinstance(event, Configured) for event in taken) == 1
        assert (last is None) == any(isinstance(event, Ended) for event in taken)
        assert protocol.ended
    ends = [index for index, event in enumerate(taken) if isinstance(event, Ended)]
    assert ends in ([], [len(taken) - 1])  # nothing is taken after the end
    assert protocol.audio_bytes == sum(len(event.content) for event in taken if isinstance(event, Audio))


@given(PCM, st.integers(1, 8), st.lists(st.integers(0, 50), max_size=20), st.integers(-3, 3))
def test_only_the_one_offset_that_follows_is_taken(
    encoding: tuple[config_pb2.AudioEncoding.ValueType, int], channels: int, sizes: list[int], off_by: int
) -> None:
    protocol = ClientProtocol(1024 * 1024)
    protocol.accept(config(encoding=encoding[0], channels=channels))
    unit = encoding[1] * channels
    position = 0
    for samples in sizes:
        protocol.accept(audio(bytes(samples * unit), position))
        position += samples
    following = audio(bytes(unit), position + off_by)
    if off_by == 0:
        protocol.accept(following)
    else:
        with pytest.raises(errors.AudioOffsetError, match=f" {position} was expected: a") as problem:
            protocol.accept(following)
        assert ("gap" in problem.value.message) == (off_by > 0)


@given(PCM, st.integers(1, 8), st.integers(8_000, 48_000), st.integers(0, 40_000))
def test_cut_pieces_hold_whole_samples_and_everything(
    encoding: tuple[config_pb2.AudioEncoding.ValueType, int], channels: int, rate_hz: int, samples: int
) -> None:
    shape = AudioShape.of(config(encoding=encoding[0], channels=channels, sample_rate_hz=rate_hz).config)
    content = bytes(samples * shape.unit_bytes)
    pieces = list(shape.cut(content))
    assert b"".join(pieces) == content
    assert all(len(piece) % shape.unit_bytes == 0 for piece in pieces)
    assert all(shape.seconds(len(piece)) <= 0.2 for piece in pieces)


@given(st.binary(max_size=200))
def test_garbage_that_parses_is_handled(data: bytes) -> None:
    try:
        request = Request.FromString(data)
    except DecodeError:
        return  # never reaches the protocol
    # Anything but the two kinds of refusal would come out as INTERNAL.
    with contextlib.suppress(errors.InvalidRequestError, errors.ProtocolError):
        ClientProtocol(1024).accept(request)


def test_an_update_is_checked_with_the_streams_method() -> None:
    protocol = ClientProtocol(1024)
    protocol.accept(config(decoding_method=config_pb2.DECODING_METHOD_GREEDY))
    update = speech_pb2.UpdateConfig(
        hotwords=config_pb2.HotwordSet(phrases=[config_pb2.Hotword(phrase="amira")])
    )
    with pytest.raises(errors.InvalidSettingError):
        protocol.accept(Request(control=speech_pb2.StreamControl(update_config=update)))
