"""Sound cards, through sounddevice and PortAudio."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amira_client.errors import MicrophoneError
from amira_client.microphone.source import CaptureStream, OnAudio, OnEnd

if TYPE_CHECKING:
    from types import ModuleType

BEST_RATE_HZ = 16_000
"""What models hear: other rates cost bandwidth and are resampled by the server."""

_PORTAUDIO = {
    "linux": (
        "install it with your system's packages (Debian, Ubuntu: apt-get install libportaudio2; "
        "Fedora: dnf install portaudio; Arch: pacman -S portaudio; Alpine: apk add portaudio)"
    ),
    "darwin": "brew install portaudio, or reinstall sounddevice, whose wheel brings it",
}


@dataclass(frozen=True)
class InputDevice:
    """A device that sound can come from.

    Attributes:
        index: its number.
        name: its name, as the system gives it.
        channels: how many it has.
        sample_rate_hz: the rate that it uses by itself.
        is_default: whether it is used where none is named.
    """

    index: int
    name: str
    channels: int
    sample_rate_hz: int
    is_default: bool


def input_devices() -> list[InputDevice]:
    """The devices that can be listened to. Raises MicrophoneError without sounddevice or PortAudio."""
    sounddevice = _sounddevice()
    try:
        found, default = list(sounddevice.query_devices()), sounddevice.default.device[0]
    except sounddevice.PortAudioError as error:
        raise MicrophoneError(f"The sound system does not answer: {_words(error)}.") from error
    return [
        InputDevice(
            index, device["name"], device["max_input_channels"],
            int(device["default_samplerate"]), index == default,
        )
        for index, device in enumerate(found)
        if device["max_input_channels"] > 0
    ]  # fmt: skip


def open_device(
    *,
    device: int | str | None,
    sample_rate_hz: int | None,
    piece_ms: int,
    on_audio: OnAudio,
    on_end: OnEnd,
) -> CaptureStream:
    """Opens a sound card; see :class:`OpenCapture`."""
    sounddevice = _sounddevice()
    chosen = _choose(device)
    rate_hz = sample_rate_hz or _best_rate_hz(sounddevice, chosen)
    try:
        return _Capture(sounddevice, chosen, rate_hz, piece_ms, on_audio, on_end)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise MicrophoneError(
            f"{chosen.name!r} cannot be listened to at {rate_hz} Hz: {_words(error)}."
        ) from error


class _Capture:
    """A stream of PortAudio's, which calls from a thread of its own."""

    def __init__(
        self,
        sounddevice: ModuleType,
        device: InputDevice,
        rate_hz: int,
        piece_ms: int,
        on_audio: OnAudio,
        on_end: OnEnd,
    ) -> None:
        self.sample_rate_hz = rate_hz
        self._error = sounddevice.PortAudioError
        self._name = device.name
        self._on_audio = on_audio
        self._on_end = on_end
        self._stopping = False
        self._stream = sounddevice.RawInputStream(
            samplerate=rate_hz,
            blocksize=max(rate_hz * piece_ms // 1000, 1),
            device=device.index,
            channels=1,
            dtype="int16",
            callback=self._hear,
            finished_callback=self._finished,
        )

    def start(self) -> None:
        try:
            self._stream.start()
        except self._error as error:
            raise MicrophoneError(f"{self._name!r} does not start: {_words(error)}.") from error

    def stop(self) -> None:
        self._stopping = True
        self._stream.stop(ignore_errors=True)

    def close(self) -> None:
        self._stopping = True
        self._stream.close(ignore_errors=True)

    def _hear(self, content: Any, frames: int, time: Any, status: Any) -> None:
        self._on_audio(bytes(content), bool(status.input_overflow))

    def _finished(self) -> None:
        if not self._stopping:
            self._on_end(MicrophoneError(f"{self._name!r} has stopped: was it unplugged?"))


def _sounddevice() -> ModuleType:
    try:
        import sounddevice  # looks for PortAudio, and only microphones need it
    except ModuleNotFoundError as error:
        raise MicrophoneError(
            "The microphone needs the sounddevice package: pip install 'amira-client[microphone]'."
        ) from error
    except OSError as error:
        remedy = _PORTAUDIO.get(sys.platform, "reinstall sounddevice, whose wheel brings it")
        raise MicrophoneError(f"The microphone needs the PortAudio library: {remedy}.") from error
    module: ModuleType = sounddevice
    return module


def _choose(wanted: int | str | None) -> InputDevice:
    devices = input_devices()
    if not devices:
        raise MicrophoneError(
            "There is no microphone on this machine (or this program may not use it): plug one in, "
            "or allow it in the system's privacy settings."
        )
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    if isinstance(wanted, int):
        matching = [device for device in devices if device.index == wanted]
    else:
        exact = [device for device in devices if device.name == wanted]
        matching = exact or [device for device in devices if wanted.lower() in device.name.lower()]
    if len(matching) == 1:
        return matching[0]
    known = "; ".join(f"{device.index}: {device.name}" for device in matching or devices)
    trouble = "Several microphones match" if matching else "No microphone matches"
    raise MicrophoneError(f"{trouble} {wanted!r}. Name one of these by its number: {known}.")


def _best_rate_hz(sounddevice: ModuleType, device: InputDevice) -> int:
    try:
        sounddevice.check_input_settings(device.index, channels=1, dtype="int16", samplerate=BEST_RATE_HZ)
    except (sounddevice.PortAudioError, ValueError):
        return device.sample_rate_hz
    return BEST_RATE_HZ


def _words(error: Exception) -> str:
    return str(error).rstrip(".")
