"""FFmpeg's decoders, one packet at a time, without threads."""

from __future__ import annotations

from typing import Any, Final

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame

from amira_core.errors import MalformedAudioError
from amira_frontend.formats.base import Float32s

_FULL_SCALE: Final = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "flt": 1.0}


class PacketDecoder:
    """One compressed stream. `name` is FFmpeg's name of the decoder, `header` its set-up data."""

    def __init__(
        self, name: str, header: bytes, channels: int, channel: int, options: dict[str, str]
    ) -> None:
        self._name = name
        self._channels = channels
        self._channel = channel
        try:
            codec = av.CodecContext.create(name, "r")
            assert isinstance(codec, AudioCodecContext)
            codec.extradata = header
            codec.options = options
            codec.thread_count = 1
            codec.open()
        except (av.FFmpegError, ValueError) as error:
            raise MalformedAudioError(f"The {name} header cannot be used ({error}).") from error
        self._codec = codec

    def decode(self, packet: bytes) -> Float32s:
        """Samples of the chosen channel, float32 [n]. Raises MalformedAudioError if there are none."""
        try:
            frames = self._codec.decode(av.Packet(packet))
            blocks = [self._samples(frame) for frame in frames]
        except (av.FFmpegError, ValueError) as error:
            raise MalformedAudioError(
                f"A {self._name} packet cannot be decoded: the audio is corrupt."
            ) from error
        if not blocks:
            raise MalformedAudioError(f"A {self._name} packet holds no audio: the audio is corrupt.")
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _samples(self, frame: AudioFrame) -> Float32s:
        if frame.layout.nb_channels != self._channels:
            raise MalformedAudioError("The number of channels changes within the audio.")
        stored: np.ndarray[Any, Any] = frame.to_ndarray()
        if frame.format.is_planar:
            samples = stored[self._channel]
        else:
            samples = stored.reshape(-1)[self._channel :: self._channels]
        scale = np.float32(1 / _FULL_SCALE[frame.format.packed.name])
        return np.asarray(samples, np.float32) * scale
