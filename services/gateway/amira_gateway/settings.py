"""The gateway's settings, from environment variables prefixed AMIRA_GATEWAY_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from amira_core.settings import ServiceSettings
from amira_gateway.access import AccessSettings


class GatewaySettings(AccessSettings, ServiceSettings):
    """Everything that can be set. Environment: AMIRA_GATEWAY_<FIELD IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix="AMIRA_GATEWAY_")

    listen: str = "127.0.0.1:50051"
    """Address to serve on; port 0 picks a free one."""

    share_ports: bool = False
    """Whether other gateways on this machine may listen on the same ports: the kernel shares connections out
    among them (Linux)."""

    own_listen: str = Field(default="", pattern=r"^$|^.+:\d+$")
    """A second address of the gRPC port, at which no other gateway answers: with `share_ports`, the one to
    ask for health. Empty: none."""

    web_listen: str = Field(default="", pattern=r"^$|^.+:\d+$")
    """Address to serve HTTP and WebSockets on, with the same TLS; empty: not at all."""

    web_origins: str = ""
    """Origins (`https://app.example`) whose pages may use the web port from a browser, WebSockets and HTTP
    (CORS), separated by commas; `*`: all, then without cookies and client certificates over HTTP. The
    gateway's own pages always may."""

    web_page: bool = True
    """Whether the web port serves the live transcription page, at `/`, and the captions page, at `/captions`,
    to browsers. What the pages do needs the same keys as any client."""

    web_max_file_bytes: int = Field(default=25 * 1024 * 1024, ge=1024)
    """Largest file that `/v1/audio/transcriptions` takes: a file's settings may come behind it, so all of it
    is read first. `/v1/listen` has no such limit."""

    web_uploads_bytes: int = Field(default=256 * 1024 * 1024, ge=1024)
    """Most bytes of such files held at once, all requests together; more are refused with 429."""

    wyoming_listen: str = Field(default="", pattern=r"^$|^.+:\d+$")
    """Address to serve the Wyoming protocol of Home Assistant on; empty: not at all. It has neither TLS nor
    keys: where keys are needed, it refuses everybody."""

    frontend_target: str = "127.0.0.1:50061"
    """The frontends: `host:port`, several separated by commas, or `dns:///name:port` (all its addresses)."""

    decoder_target: str = "127.0.0.1:50071"
    """The decoders, written in the same way."""

    max_streams: int = Field(default=128, ge=1)
    """Streams and unary calls at once; more are refused at once with RESOURCE_EXHAUSTED."""

    max_loop_lag_ms: float = Field(default=100.0, ge=0)
    """How late the gateway's event loop may be, averaged over a second: above it new streams are refused with
    NO_CAPACITY, so that those that run keep their latency. Sessions that a client goes on with are taken, and
    so is one stream where there is none. 0: places alone decide."""

    buffer_audio_s: float = Field(default=5.0, gt=0)
    """Audio held per stream before its client is slowed down."""

    max_message_audio_bytes: int = Field(default=1024 * 1024, ge=1024, le=4_000_000)
    """Most audio in one message of a stream."""

    max_unary_audio_s: float = Field(default=60.0, gt=0)
    """Longest recording that Recognize takes."""

    first_message_timeout_s: float = Field(default=10.0, gt=0)
    """A stream that has not said by then what it wants is ended; it holds a place meanwhile."""

    idle_timeout_s: float = Field(default=60.0, gt=0)
    """A stream whose client sends nothing for this long is ended."""

    max_stream_s: float = Field(default=0.0, ge=0)
    """How long a stream may be open; then what has come is decoded and the stream ends with its last final
    and STREAM_TOO_LONG. 0: as long as its client likes, for hour thirty costs no more than minute one. Set it
    where a microphone that was left on must not keep a slot: its silence is audio, and never idle."""

    warning_lead_s: float = Field(default=10.0, ge=0)
    """How long before a stream ends by `idle_timeout_s` or `max_stream_s` its client is warned, at most half
    of those; 0: never."""

    client_stall_timeout_s: float = Field(default=20.0, gt=0)
    """A stream whose client takes no result for this long, while one is due, is ended."""

    start_timeout_s: float = Field(default=10.0, gt=0)
    """How long a new stream may seek a decoder and a frontend, both together, before it is refused. Each
    replica has three seconds of it to take the stream; after a loss there is one more round."""

    service_timeout_s: float = Field(default=5.0, gt=0)
    """A frontend or decoder that shows no sign of life for this long, while it has work, counts as lost.
    Shorter stalls are waited out."""

    recovery_timeout_s: float = Field(default=15.0, ge=0)
    """How long a running stream that has lost its frontend or decoder seeks another one; 0: not at all."""

    replay_audio_s: float = Field(default=120.0, ge=0)
    """Most audio, as features, kept per stream for another decoder. Needed: a decoder's warm-up, its longest
    segment and what it buffers. A stream that needs more ends when its decoder is lost. 32 kB a second."""

    replay_compressed_bytes: int = Field(default=8 * 1024 * 1024, ge=0)
    """Most audio kept per stream for another frontend in formats with a header (FLAC, WAV, Opus), which
    can only be read from the start. Of PCM three seconds are enough."""

    resume_window_s: float = Field(default=30.0, ge=0, le=600)
    """How long the session of a client that can resume is kept after its call was lost; it keeps its place
    and its decoder's slot. 0: not at all."""

    resume_secret: str = Field(default="", repr=False)
    """Signs the tokens with which clients resume sessions. Empty: a random one for this process."""

    drain_timeout_s: float = Field(default=10.0, ge=0)
    """How long running streams may go on after SIGTERM before they end with UNAVAILABLE."""
