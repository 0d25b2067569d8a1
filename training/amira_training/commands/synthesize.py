"""`synthesize`: sentences, spoken by synthesizers; some of them for measuring only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from amira_training.commands.run import Run, once
from amira_training.console import bar, say
from amira_training.data.packed_set import PackedSet
from amira_training.errors import DataError
from amira_training.synthesis.sentences import deal, read_sentences
from amira_training.synthesis.speaking import speak_into
from amira_training.synthesis.voices import VOICES, Voice, open_voice
from amira_training.work_folder import HELD_OUT, fingerprint, spoken_set

DEFAULT_VOICES = ("hibari",)


def synthesize(run: Run, text: Path, voices: Sequence[str] = DEFAULT_VOICES) -> None:
    """Writes ``audio/speech-VOICE.*`` per voice and ``audio/held-out.*``. Raises VoiceError, DataError."""
    if not text.exists():
        raise DataError(f"{text} does not exist: give a text file with one sentence per line (.gz too)")
    settings = run.settings.synthesis
    sentences = read_sentences(text)
    held_out, dealt = deal(
        sentences,
        list(VOICES),
        held_out=settings.held_out_sentences,
        words=(settings.shortest_words, settings.longest_words),
        seed=run.settings.seed,
    )
    made_from = {"text": fingerprint(text), "seed": run.settings.seed, "settings": settings.model_dump()}
    for number, name in enumerate(voices):
        with once(run, f"synthesize-{name}", made_from | {"first": number == 0}) as wanted:
            if not wanted:
                continue
            voice = open_voice(name)
            _speak(run, spoken_set(name), voice, dealt[name], hours=settings.hours)
            if number == 0:
                _speak(run, HELD_OUT, voice, held_out, hours=None)


def _speak(run: Run, name: str, voice: Voice, sentences: Sequence[str], *, hours: float | None) -> None:
    settings = run.settings.synthesis
    is_held_out = hours is None
    spoken = speak_into(
        run.work.audio,
        name,
        voice,
        sentences,
        source=HELD_OUT if is_held_out else f"tts-{voice.name}",
        seed=run.settings.seed,
        hours=hours,
        resampling=(1.0,) if is_held_out else settings.resampling,
        longest_s=run.settings.data.longest_s,
    )
    total = len(sentences) if hours is None else hours * 3600
    with bar(f"synthesize {name}", total) as shown:
        for number, seconds in enumerate(spoken, 1):
            shown.show(number if hours is None else seconds)
    packed = PackedSet(run.work.audio, name)
    say(f"synthesize: wrote {run.work.audio / name}.pcm, {len(packed)} sentences, {packed.hours:.2f} h")
