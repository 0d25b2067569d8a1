"""The rules that a client's messages must keep, as a machine without input or output of its own."""

from __future__ import annotations

from dataclasses import dataclass

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core import errors
from amira_gateway.session import resume_point
from amira_gateway.session.audio import AudioShape
from amira_gateway.session.resume_point import FROM_THE_START, Beginning
from amira_gateway.session.validation import check_config, check_mark, check_update


@dataclass(frozen=True, slots=True)
class Configured:
    """The first message: a valid config."""

    config: config_pb2.RecognitionConfig
    shape: AudioShape
    beginning: Beginning = FROM_THE_START
    resumable: bool = False
    """The client can go on with the session in another call."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Bytes that follow those before them; whole samples where the encoding is PCM. May be empty."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Ordered:
    """A control that keeps its place among the audio."""

    control: speech_pb2.Flush | speech_pb2.Mark | speech_pb2.UpdateConfig


@dataclass(frozen=True, slots=True)
class KeptAlive:
    """The client is still there."""


@dataclass(frozen=True, slots=True)
class Ended:
    """No audio follows."""


Event = Configured | Audio | Ordered | KeptAlive | Ended


class ClientProtocol:
    """Takes the messages of one stream in order; each is a valid event or raises.

    config, then audio and controls, then END_OF_AUDIO or the half-close, then nothing.
    """

    def __init__(self, max_message_audio_bytes: int) -> None:
        self._max_message_audio_bytes = max_message_audio_bytes
        self._configured: Configured | None = None
        self._ended = False
        self._bytes = 0
        self._began_bytes = 0
        self._controls = 0

    @property
    def audio_bytes(self) -> int:
        """Audio so far, with what lies before a resume point."""
        return self._bytes

    @property
    def has_audio(self) -> bool:
        """Whether any audio has come in this session."""
        return self._bytes > self._began_bytes

    @property
    def offset(self) -> int:
        """Where the next audio must begin, counted as AudioChunk.offset."""
        return self._bytes // self._configured.shape.unit_bytes if self._configured else 0

    @property
    def controls(self) -> int:
        """Controls taken so far, KEEP_ALIVE aside."""
        return self._controls

    @property
    def ended(self) -> bool:
        """Whether END_OF_AUDIO or the half-close has come."""
        return self._ended

    def accept(self, request: speech_pb2.StreamingRecognizeRequest) -> Event:
        """The next message.

        Raises:
            ProtocolError and below: not allowed at this point.
            InvalidRequestError and below, MessageTooLargeError: not allowed at all.
            StreamAbandonedError: the client wants no more.
        """
        kind = request.WhichOneof("request")
        if kind == "control" and request.control.WhichOneof("control") == "abandon":
            raise errors.StreamAbandonedError("The client has abandoned the stream.")
        if self._ended:
            raise errors.AudioAfterEndError(
                f"A message ({kind or 'empty'}) came after END_OF_AUDIO: open a new stream for more audio."
            )
        if kind is None:
            raise errors.ProtocolError("A message without config, audio or control came: set one of them.")
        if kind == "config":
            return self._configure(request)
        if kind == "resume":
            raise errors.ProtocolError("resume is a first message, in place of config.")
        if request.HasField("resume_point") or request.resumable:
            raise errors.ProtocolError("resume_point and resumable go with config only.")
        if self._configured is None:
            raise errors.ConfigMissingError(f"The first message must be config, but it was {kind}.")
        if kind == "audio":
            return self._take_audio(request.audio, self._configured.shape)
        return self._take_control(request.control, self._configured.config)

    def half_close(self) -> Ended | None:
        """The client sends no more: the same as END_OF_AUDIO; None where that had come already.

        Raises ConfigMissingError when nothing at all was sent.
        """
        if self._configured is None:
            raise errors.ConfigMissingError(
                "The stream ended before its first message, which must be config."
            )
        if self._ended:
            return None
        self._ended = True
        return Ended()

    def _configure(self, request: speech_pb2.StreamingRecognizeRequest) -> Configured:
        if self._configured is not None:
            raise errors.ConfigRepeatedError(
                "A second config came: use the control UPDATE_CONFIG to change settings in mid-stream."
            )
        config = request.config
        check_config(config)
        shape = AudioShape.of(config)
        beginning = FROM_THE_START
        if request.HasField("resume_point"):
            beginning = resume_point.parse(request.resume_point, config, shape)
        self._bytes = self._began_bytes = beginning.audio_s * config.sample_rate_hz * shape.unit_bytes
        self._configured = Configured(config, shape, beginning, request.resumable)
        return self._configured

    def _take_audio(self, audio: speech_pb2.AudioChunk, shape: AudioShape) -> Audio:
        size = len(audio.content)
        if size > self._max_message_audio_bytes:
            raise errors.MessageTooLargeError(
                f"A message holds {size} bytes of audio: at most {self._max_message_audio_bytes} are taken "
                "at once. Send 20 to 200 ms a message."
            )
        if size % shape.unit_bytes:
            raise errors.MalformedAudioError(
                f"A message holds {size} bytes of audio, which is no whole number of samples: "
                f"a sample of all channels has {shape.unit_bytes} bytes."
            )
        if audio.HasField("offset"):
            self._check_offset(audio.offset, shape)
        self._bytes += size
        return Audio(audio.content)

    def _check_offset(self, offset: int, shape: AudioShape) -> None:
        expected = self._bytes // shape.unit_bytes
        if offset == expected:
            return
        unit = "samples" if shape.is_pcm else "bytes"
        problem = "a gap" if offset > expected else "an overlap"
        raise errors.AudioOffsetError(
            f"audio.offset is {offset} but {expected} was expected: "
            f"{problem} of {abs(offset - expected)} {unit}."
        )

    def _take_control(self, control: speech_pb2.StreamControl, config: config_pb2.RecognitionConfig) -> Event:
        kind = control.WhichOneof("control")
        if kind is None:
            raise errors.ProtocolError("An empty control came: set one of its fields.")
        if kind == "keep_alive":
            return KeptAlive()
        event = self._take_ordered(control, config)
        self._controls += 1
        return event

    def _take_ordered(self, control: speech_pb2.StreamControl, config: config_pb2.RecognitionConfig) -> Event:
        kind = control.WhichOneof("control")
        if kind == "flush":
            return Ordered(control.flush)
        if kind == "mark":
            check_mark(control.mark)
            return Ordered(control.mark)
        if kind == "update_config":
            check_update(control.update_config, config.decoding_method)
            return Ordered(control.update_config)
        self._ended = True
        return Ended()
