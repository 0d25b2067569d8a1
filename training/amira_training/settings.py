"""Every hyperparameter of the recipe; the defaults are for runs of hours.

A TOML file (``--config``) and single values (``--set joint.batch_seconds=300``) replace them;
``python -m amira_training settings`` prints them all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from amira_training.errors import SettingsError

SMALL = Path(__file__).parent / "small.toml"

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DataSettings(Section):
    """Which recordings are used."""

    shortest_s: Positive = 0.8
    """Shorter training recordings are left out."""

    longest_s: Positive = 19.0
    """Longer ones too: one of them would fill a batch."""

    train_utterances: Annotated[int, Field(ge=0)] = 0
    """Take about this many training recordings, evenly from all sources; 0: all."""

    dev_utterances: Annotated[int, Field(ge=0)] = 0
    """The same for the recordings to measure on."""

    times: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default={
            "commonvoice-en": 1.4,
            "commonvoice-en-2": 1.4,
            "kathleen": 0.3,
            "librispeech-train-clean-100-251spk": 2.5,
            "ljspeech": 0.4,
            "minds14-en": 0.8,
            "tts-hibari": 0.35,
            "tts-piper": 0.5,
        }
    )
    """How often a source is heard per epoch: at 0.3 three recordings of ten, drawn anew each time, at 1.4
    all, and four of ten twice; sources not named: once. More of many speakers, less of a single one."""


class SynthesisSettings(Section):
    """Sentences that are spoken by a synthesizer."""

    hours: Annotated[float, Field(ge=0)] = 6.0
    """Speech per voice."""

    held_out_sentences: Count = 60
    """Sentences that only the measurement hears."""

    shortest_words: Count = 4
    """Shorter sentences are left out."""

    longest_words: Count = 28
    """Longer ones too."""

    resampling: tuple[Positive, ...] = (1.0, 1.0, 0.84, 0.9, 1.08, 1.16, 1.22)
    """Factors that stretch tempo and pitch together: pseudo-speakers, drawn evenly."""


class TokenSettings(Section):
    """The vocabulary."""

    vocabulary: Annotated[int, Field(ge=40)] = 500
    """Tokens including blank; fewer come out of a text too small for them."""

    transcript_weight: Count = 3
    """How often transcripts count against the sentences for synthesis."""


class AugmentationSettings(Section):
    """How recordings are disturbed."""

    strength: Share = 0.5
    """Scales the chance of every disturbance below: 0 turns them off."""

    reverb: Share = 0.25
    """Chance of an artificial room."""

    equalizer: Share = 0.6
    """Chance of another microphone."""

    noise: Share = 0.45
    """Chance of noise: pink, hum, music-like or babble."""

    noise_snr_db: tuple[float, float] = (5.0, 30.0)
    """Speech over noise, drawn evenly."""

    telephone: Share = 0.08
    """Chance of a telephone's band, 200 to 3800 Hz."""

    quietest_peak_db: Annotated[float, Field(le=0)] = -26.0
    """Peaks are drawn evenly between this and full scale."""

    speed: Share = 0.5
    """Chance of another speed (not scaled by `strength`)."""

    speed_range: tuple[Positive, Positive] = (0.88, 1.12)
    """Speeds, drawn evenly."""

    vocal_tract: Share = 0.7
    """Chance of another length of the vocal tract, which is another speaker (not scaled by `strength`)."""

    vocal_tract_range: tuple[Positive, Positive] = (0.87, 1.15)
    """Factors by which frequencies are stretched, drawn evenly."""

    frequency_masks: Annotated[int, Field(ge=0)] = 2
    """SpecAugment: bands hidden per utterance."""

    frequency_mask_bins: Count = 23
    """SpecAugment: a band has fewer bins than a part of this that is drawn for each utterance."""

    time_masks_per_s: Annotated[float, Field(ge=0)] = 0.8
    """SpecAugment: stretches hidden per second, times the same part; at least one."""

    time_mask_frames: Count = 22
    """SpecAugment: a stretch has fewer frames than the same part of this."""

    noise_only: Share = 0.015
    """Utterances of noise without words per utterance of speech, against hallucination."""


class PhaseSettings(Section):
    """What the three phases of training have in common."""

    minutes: Positive
    """Wall clock time; the learning rate follows half a cosine over it."""

    batch_seconds: Positive
    """Audio per step."""

    warm_up_steps: Count = 100
    """Steps over which the learning rate rises."""

    final_rate: Share = 0.02
    """The learning rate at the end, as a part of its peak."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """AdamW's decay."""

    gradient_norm: Positive = 5.0
    """Gradients are clipped to this."""

    save_minutes: Positive = 5.0
    """Time between checkpoints."""

    report_steps: Count = 20
    """Steps per line of the curves."""


class StemSettings(PhaseSettings):
    """Warm-up of the convolutions: they learn to give what the teacher's give."""

    minutes: Positive = 7.0
    batch_seconds: Positive = 40.0
    report_steps: Count = 50

    rate: Positive = 1.5e-3
    """Peak learning rate."""

    crop_s: Positive = 5.0
    """Length of the pieces that it learns from."""

    speed_range: tuple[Positive, Positive] = (0.9, 1.1)
    """Speeds, drawn evenly."""

    statistics_utterances: Count = 150
    """Recordings from which the features' mean and deviation are taken."""


class HeadSettings(PhaseSettings):
    """Warm-up of the transducer on the teacher's own outputs: cheap, as no encoder runs."""

    minutes: Positive = 5.0
    batch_seconds: Positive = 150.0
    warm_up_steps: Count = 150
    report_steps: Count = 50

    rate: Positive = 2e-3
    """Peak learning rate."""

    dropout: Share = 0.1
    """On the teacher's outputs."""

    pruned_after_steps: Count = 200
    """Steps over which the pruned loss takes over from the simple one."""


class JointSettings(PhaseSettings):
    """Training of everything: CTC, simple and pruned transducer losses, distillation."""

    minutes: Positive = 95.0
    batch_seconds: Positive = 110.0

    layer_rate: Positive = 4e-4
    """Peak learning rate of what AdamW trains of the transformer layers, which know most already."""

    matrix_rate: Annotated[float, Field(ge=0)] = 5e-4
    """Peak learning rate of the layers' matrices, by Muon; 0: AdamW trains them, too."""

    stem_rate: Positive = 4e-4
    """Peak learning rate of the convolutions."""

    head_rate: Positive = 8e-4
    """Peak learning rate of the heads, predictor and joiner."""

    dropout: Share = 0.05
    """On the encoder's outputs."""

    layer_dropout: Share = 0.1
    """On what each half of a layer adds."""

    chunk_steps: tuple[Count, ...] = (8, 8, 8, 8, 4, 16)
    """Chunk sizes in positions of 40 ms, drawn evenly per batch."""

    left_steps: tuple[Count, ...] = (63, 63, 47, 95)
    """Left contexts in positions of 40 ms, drawn evenly per batch."""

    ctc_weight: Annotated[float, Field(ge=0)] = 0.3
    """Of the CTC loss; the pruned transducer loss counts 1."""
    simple_weight: Annotated[float, Field(ge=0)] = 0.3
    """Of the simple transducer loss."""
    final_weight: Annotated[float, Field(ge=0)] = 1.5
    """Distillation from the teacher's last layer."""
    middle_weight: Annotated[float, Field(ge=0)] = 0.5
    """Distillation from the teacher's middle layer."""

    distillation_ends: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Part of the run after which distillation has sunk to `distillation_rest`."""

    distillation_rest: Share = 0.15
    """What is left of it then."""

    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.998
    """Of the moving average of all weights, which is what is evaluated and exported."""

    evaluate_minutes: Positive = 7.0
    """Time between measurements of word error rates."""

    evaluate_utterances: Annotated[int, Field(ge=0)] = 20
    """Utterances per source in these measurements; 0: none."""


class EvaluationSettings(Section):
    """How a checkpoint is measured."""

    chunk_ms: tuple[Count, ...] = (160, 320, 640)
    """Chunk sizes; multiples of 40."""

    left_steps: Count = 63
    """Left context in positions of 40 ms."""

    utterances: Annotated[int, Field(ge=0)] = 0
    """At most this many per source; 0: all."""


class ExportSettings(Section):
    """How the model folder cuts a stream."""

    chunk_ms: Count = 320
    """Audio per call of the encoder; a multiple of 40."""

    left_steps: Count = 63
    """Left context in positions of 40 ms."""


class Settings(Section):
    """All hyperparameters."""

    seed: int = 0
    """Of everything that is drawn."""

    precision: Literal["bf16", "fp32"] = "bf16"
    """Arithmetic of the matrix products. On CPUs without AVX512-BF16 or AMX, fp32 is faster."""

    pruning_range: Annotated[int, Field(ge=2)] = 5
    """Tokens per frame that the pruned transducer loss looks at."""

    data: DataSettings = DataSettings()
    synthesis: SynthesisSettings = SynthesisSettings()
    tokens: TokenSettings = TokenSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    stem: StemSettings = StemSettings()
    heads: HeadSettings = HeadSettings()
    joint: JointSettings = JointSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    export: ExportSettings = ExportSettings()

    @classmethod
    def load(cls, config: Path | None = None, assignments: Sequence[str] = ()) -> Self:
        """The defaults, replaced by a TOML file's values, replaced by ``section.name=value`` assignments.

        Raises:
            SettingsError: a name is unknown, a value is out of range, the file is not TOML.
        """
        values = _read(config) if config else {}
        for assignment in assignments:
            _assign(values, assignment)
        try:
            return cls(**values)
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise SettingsError("bad settings: " + "; ".join(problems)) from error

    def lines(self) -> Iterator[str]:
        """The settings as TOML, each under its description."""
        yield from _lines(self, "")


def _read(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {config}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{config} is not TOML: {error}") from error


def _assign(values: dict[str, Any], assignment: str) -> None:
    name, equals, text = assignment.partition("=")
    if not equals or not name:
        raise SettingsError(f"'{assignment}' is not of the form section.name=value")
    *sections, last = name.strip().split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"'{assignment}': {section} is a value, not a section")
        values = inner
    values[last] = _value(text.strip())


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text  # a bare word


def _lines(section: Section, prefix: str) -> Iterator[str]:
    nested: list[tuple[str, Section]] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            nested.append((f"{prefix}{name}", value))
            continue
        description = field.description or _inherited_description(type(section), name)
        yield from (f"# {line}" for line in description.splitlines())
        yield f"{name} = {_toml(value)}"
    for name, inner in nested:
        yield ""
        yield f"# {(type(inner).__doc__ or '').splitlines()[0]}"
        yield f"[{name}]"
        yield from _lines(inner, f"{name}.")


def _inherited_description(section: type[Section], name: str) -> str:
    fields = (base.model_fields.get(name) for base in section.__mro__ if issubclass(base, Section))
    return next((field.description for field in fields if field and field.description), "")


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{name}" = {_toml(inner)}' for name, inner in value.items()) + " }"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value)
