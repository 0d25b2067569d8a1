"""Settings of the Triton supervisor, from ``AMIRA_TRITON_*`` environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from amira_core.settings import ServiceSettings
from amira_encoder.options import EncoderOptions
from amira_triton.layout import default_cache_dir

_ROOT = Path(__file__).resolve().parents[3]
_ADDRESS = r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):[0-9]{1,5}$"


class TritonSettings(ServiceSettings):
    """What to serve, where, and how hard to watch it."""

    model_config = SettingsConfigDict(env_prefix="AMIRA_TRITON_")

    grpc_address: str = Field("127.0.0.1:50081", pattern=_ADDRESS)
    """Where Triton's gRPC listens: what the decoder connects to."""

    http_address: str = Field("127.0.0.1:50080", pattern=_ADDRESS)
    """Where Triton's HTTP listens: health checks for orchestrators."""

    metrics_address: str = Field("127.0.0.1:50082", pattern=_ADDRESS)
    """Where Triton's Prometheus metrics are."""

    supervisor_metrics_address: str = ""
    """Where the supervisor serves its own, at `/metrics`; empty: nowhere."""

    otlp_http_endpoint: str = ""
    """Where Triton's own spans go, by OTLP over HTTP, which is all it speaks: `http://host:4318`. Empty: port
    4318 beside OTEL_EXPORTER_OTLP_ENDPOINT, where that has port 4317; none otherwise."""

    model_dir: Path = _ROOT / "models" / "starter-en"
    """Model folder with ``encoder*.onnx``. After SIGHUP, what is there then is loaded beside what runs."""

    model_watch_s: float = Field(0.0, ge=0)
    """How often the model folder is looked at for a new model, as after SIGHUP; 0: never."""

    release_after_s: float = Field(15.0, gt=0)
    """A model that was replaced is unloaded when no decoder has needed it for this long."""

    model_repository: Path = _ROOT / "deploy" / "triton"
    """Triton model repository that holds ``encoder/config.pbtxt``."""

    slots: int = Field(EncoderOptions.slots, ge=1, le=65536)
    """Streams that can be open at once."""

    engine: Literal["auto", "amira", "onnxruntime", "openvino"] = "auto"
    """Inference engine; `auto` takes Amira's own kernels for encoders of its training recipe where the CPU
    has AVX512-VNNI, else OpenVINO where the CPU multiplies bfloat16 in hardware."""

    threads: int = Field(0, ge=0, le=1024)
    """Threads of the engine; 0: one per CPU of the container's limit, else half of the machine's CPUs."""

    precision: Literal["auto", "f32", "bf16", "int8"] = "auto"
    """Arithmetic of the engine; `auto` is int8 with OpenVINO where the CPU has fast bfloat16, else f32."""

    cache_dir: Path = Field(default_factory=default_cache_dir)
    """Where the runnable Triton (22 MB) is put together."""

    start_timeout_s: float = Field(180.0, gt=0)
    """How long Triton may take from start to a first answer. Compiling kernels, the first time, takes
    12 s of CPU time, which a busy machine stretches."""

    canary_interval_ms: int = Field(1000, ge=50)
    """Pause between checks that the model answers."""

    canary_timeout_ms: int = Field(5000, ge=100)
    """A model that does not answer for this long is reloaded. Must exceed the longest tick."""

    drain_timeout_s: float = Field(15.0, ge=0)
    """How long after SIGTERM running streams may go on; the decoder is told at once, so that they can move.
    Longer than the decoder's own, where both are stopped together."""

    stop_timeout_s: float = Field(10.0, gt=0)
    """How long Triton may take to finish running requests at a stop; it is killed then."""

    restart_backoff_ms: int = Field(250, ge=1)
    """Pause before the first restart after a crash; doubles up to `restart_backoff_max_ms`."""

    restart_backoff_max_ms: int = Field(10_000, ge=1)
    """Longest pause between restarts."""

    @property
    def own_metrics_address(self) -> str:
        """Where the supervisor serves its metrics."""
        return self.supervisor_metrics_address
