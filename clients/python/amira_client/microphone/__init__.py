"""Sound from a microphone, piece by piece, for plain programs and for asyncio.

    with Microphone() as microphone:
        for piece in microphone:
            ...

    async with Microphone(device="USB", on_overrun=report) as microphone:
        async with client.stream(microphone.describe(config)) as stream:
            async for piece in microphone:
                await stream.send(piece)

Needs the sounddevice package (``pip install 'amira-client[microphone]'``) and, on Linux, PortAudio.
:func:`playback` stands in for a device: it speaks a recording into the microphone.
"""

from amira_client.microphone.devices import InputDevice, input_devices
from amira_client.microphone.level import level_dbfs
from amira_client.microphone.microphone import Microphone, Overrun
from amira_client.microphone.playback import playback
from amira_client.microphone.source import CaptureStream, OpenCapture

__all__ = [
    "CaptureStream",
    "InputDevice",
    "Microphone",
    "OpenCapture",
    "Overrun",
    "input_devices",
    "level_dbfs",
    "playback",
]
