"""The decoder's settings, from environment variables prefixed AMIRA_DECODER_."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from amira_core.settings import ServiceSettings
from amira_decoder.load.settings import LoadSettings
from amira_decoder.search.base import SEARCH_BOUNDS, SearchOptions
from amira_encoder.options import EncoderOptions

_DEFAULT_SEARCH = SearchOptions()


def _width(name: str) -> Any:
    """A setting that is a field of SearchOptions, with its default and bounds."""
    least, most = SEARCH_BOUNDS[name]
    return Field(default=getattr(_DEFAULT_SEARCH, name), ge=least, le=most)


class DecoderSettings(LoadSettings, ServiceSettings):
    """Everything that can be set. Environment: AMIRA_DECODER_<FIELD IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix="AMIRA_DECODER_")

    listen: str = "127.0.0.1:50071"
    """Address to serve on; port 0 picks a free one."""

    model_dir: Path = Path("models/starter-en")
    """Model folder (icefall/sherpa-onnx streaming transducer); the same one that the encoder runs."""

    model_name: str = ""
    """Name under which clients ask for the model; empty means the folder's name."""

    language_code: str = "en"
    """BCP-47 tag of the model's language, as told to clients."""

    encoder: Literal["triton", "in_process"] = "triton"
    """Where the encoder runs. `in_process`: in a thread of the decoder, for machines without Triton and for
    nodes; a fault in it ends the decoder, and a GPU is of no use to it."""

    triton_target: str = "127.0.0.1:50081"
    """Triton's gRPC address."""

    encoder_timeout_ms: int = Field(default=5000, gt=0)
    """Longest a tick's encoder request may take before Triton counts as lost."""

    in_process_slots: int = Field(default=EncoderOptions.slots, gt=0)
    """Streams at once with the in-process encoder (with Triton, its slot table decides)."""

    in_process_engine: Literal["auto", "amira", "onnxruntime", "openvino"] = "auto"
    """Engine of the in-process encoder."""

    in_process_threads: int = Field(default=0, ge=0)
    """Threads of the in-process encoder; 0: all CPUs of the container's limit, else half of the machine's."""

    degraded: Literal["off", "in_process"] = "off"
    """What new streams get while Triton is gone: `off` refuses them; `in_process` runs a few of them on the
    same engine in the decoder itself, announced as `degraded`, until Triton answers again."""

    degraded_after_s: float = Field(default=5.0, ge=0)
    """How long Triton must be gone before the decoder serves without it. Shorter than the gateway's
    `recovery_timeout_s`, so that streams which lost Triton can go on here."""

    degraded_at_start_after_s: float = Field(default=30.0, ge=0)
    """The same at the decoder's start: Triton may be starting, too."""

    degraded_streams: int = Field(default=4, ge=1)
    """Most streams at once without Triton. The engine shares the CPUs with the search: `amira models check`
    shows what one stream costs."""

    model_watch_s: float = Field(default=0.0, ge=0)
    """How often the model folder is looked at for a new model, as after SIGHUP; 0: never."""

    model_swap_timeout_s: float = Field(default=60.0, gt=0)
    """How long a new model may take until Triton has it, too; it is given up then."""

    model_keep_s: float = Field(default=45.0, ge=0)
    """How long a model that was replaced is kept after its last stream: streams that lost their gateway come
    back for it. Longer than the gateways' `resume_window_s`."""

    search: Literal["auto", "k2", "beam", "greedy"] = "auto"
    """Default search for streams that name none. `auto`: beam where the model folder has a language
    model, else k2 where it is installed, else beam."""

    beam: float = _width("k2_beam")
    """k2: hypotheses this far (nats) behind the best are dropped."""

    max_contexts: int = _width("k2_max_contexts")
    """k2: most distinct predictor contexts kept per stream and frame."""

    max_states: int = _width("k2_max_states")
    """k2: most graph states kept per stream and frame."""

    active_paths: int = _width("num_active_paths")
    """Beam search: hypotheses kept per stream."""

    lm_scale: float = _width("lm_scale")
    """Beam search: weight of the language model (`lm.ngram` in the model folder) against the acoustic model.
    0 turns it off; k2 and greedy never use it."""

    lm_bonus: float = _width("lm_bonus")
    """Beam search: score (nats) per token where the language model takes part. It makes up for the words that
    a language model alone would drop; with a larger `lm_scale` it has to be larger too."""

    internal_lm_scale: float = _width("internal_lm_scale")
    """Beam search: how much of what the acoustic model itself knows of language is taken away where the
    language model takes part. It would count twice otherwise."""

    tail_padding_ms: int = Field(default=480, ge=0)
    """Silence decoded after the last audio of a stream or flush, so that the last word comes out."""

    max_buffered_s: float = Field(default=10.0, gt=0)
    """Features held per stream before its sender is slowed down."""

    max_pending_responses: int = Field(default=64, ge=1)
    """Responses that may wait for a slow reader before its stream's decoding pauses."""

    warm_up_s: float = Field(default=16.0, ge=0, le=120)
    """Audio before a segment that another decoder runs through its encoder, unsearched, when it goes on
    for a stream. The bundled model looks back 15.4 s in all, so that 16 s give the very words that the
    first decoder would have found; less costs fewer encoder steps per moved stream, and the gateway keeps
    less audio. Segments with other words than undisturbed, of 73 (LibriSpeech, k2): 66 % at 0 s, 46 % at
    2 s, 33 % at 4 s, 14 % at 8 s, 6 % at 12 s, none at 16 s."""

    drain_timeout_s: float = Field(default=10.0, ge=0)
    """How long running streams may go on after SIGTERM. They are told at once, so that they can move."""

    slot_check_interval_s: float = Field(default=5.0, gt=0)
    """How often slots that no stream holds are looked for. There are none unless there is a defect."""
