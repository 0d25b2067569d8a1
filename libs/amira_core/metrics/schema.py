"""Every metric of every service: name, unit, meaning, labels, buckets. docs/OBSERVABILITY.md is made from it.

Each service has a class of its own below, and those of Common besides. Prometheus adds `job` and
`instance`, so no metric says which process it is of.
"""

from __future__ import annotations

from typing import Any, Final

from amira_core import errors
from amira_core.metrics import buckets
from amira_core.metrics.metric import Kind, Metric

REASONS: Final = tuple(dict.fromkeys(error.reason for error in errors.all_errors()))
"""Every `ErrorInfo.reason` that a call can end with (docs/ERRORS.md)."""

STATUSES: Final = ("OK", "CANCELLED", *REASONS)
"""How a call can end. CANCELLED: the caller went away."""

PACES: Final = ("live", "ahead")
"""Whether audio comes as people speak, or faster, as from a file: then nobody waits for its words."""

BACKENDS: Final = ("frontend", "decoder")
"""The services behind the gateway."""

OTHER: Final = "(other)"
"""A label's value for all beyond those that are told apart."""


def _counter(name: str, help: str, **more: Any) -> Metric:
    return Metric(name, Kind.COUNTER, help, **more)


def _gauge(name: str, help: str, **more: Any) -> Metric:
    return Metric(name, Kind.GAUGE, help, **more)


def _histogram(name: str, help: str, bounds: tuple[float, ...], unit: str = "seconds", **more: Any) -> Metric:
    return Metric(name, Kind.HISTOGRAM, help, unit=unit, buckets=bounds, **more)


class Common:
    """Of every process."""

    BUILD = _gauge(
        "amira_build_info",
        "Always 1; which service this is, of which version.",
        labels=("service", "version", "python"),
    )
    READY = _gauge("amira_ready", "1 while the service's health is SERVING.")
    CALLS = _counter(
        "amira_rpc_calls",
        "Calls that have ended, by how: OK, CANCELLED (the caller went away) or the reason of the error. "
        "Methods of the vendors whose protocols are spoken have their whole names; those of other gRPC "
        "services, such as health, count as (other).",
        labels=("method", "status"),
        optional="no call has ended yet",
    )
    INCIDENTS = _counter(
        "amira_incidents", "Defects that a call ran into; the log has each one under `incident_id`."
    )
    RESIDENT_MEMORY = _gauge(
        "amira_process_resident_memory_bytes", "Memory of the process that is in RAM.", unit="bytes"
    )
    OPEN_DESCRIPTORS = _gauge("amira_process_open_descriptors", "Open files and sockets.")
    DESCRIPTOR_LIMIT = _gauge("amira_process_descriptor_limit", "Most descriptors that may be open.")
    CPU = _counter("amira_process_cpu_seconds", "CPU time used, user and system.", unit="seconds")
    THREADS = _gauge("amira_process_threads", "Threads, those of libraries too.")
    START_TIME = _gauge(
        "amira_process_start_time_seconds", "When the process began, in Unix time.", unit="seconds"
    )
    TASKS = _gauge("amira_asyncio_tasks", "Unfinished asyncio tasks.")
    LOOP_LAG = _histogram(
        "amira_event_loop_lag_seconds",
        "How late a timer fires that is set ten times a second: all streams of the process wait that long.",
        buckets.STEP_S,
    )
    GC_COLLECTIONS = _counter(
        "amira_gc_collections",
        "Runs of Python's cyclic garbage collector.",
        labels=("generation",),
        values={"generation": ("0", "1", "2")},
    )
    GC_PAUSE = _counter(
        "amira_gc_pause_seconds",
        "Time that the garbage collector has held everything up.",
        unit="seconds",
        labels=("generation",),
        values={"generation": ("0", "1", "2")},
    )
    LOG_LINES = _counter(
        "amira_log_lines",
        "Lines written to the log.",
        labels=("level",),
        values={"level": ("debug", "info", "warning", "error", "critical")},
    )
    LOG_LINES_DROPPED = _counter(
        "amira_log_lines_dropped", "Lines left out of the log because their event repeated too often."
    )


class Gateway:
    """Of the gateway."""

    STREAMS_ACTIVE = _gauge("amira_gateway_streams_active", "Streams and unary calls that hold a place.")
    STREAMS_LIMIT = _gauge("amira_gateway_streams_limit", "Places there are: AMIRA_GATEWAY_MAX_STREAMS.")
    SESSIONS_DETACHED = _gauge(
        "amira_gateway_sessions_detached", "Streams whose client has lost its call and may come back."
    )
    DRAINING = _gauge("amira_gateway_draining", "1 once the gateway lets no new streams in.")
    STREAMS_ADMITTED = _counter(
        "amira_gateway_streams_admitted",
        "Streams that got a place, a slot and their first response.",
    )
    STREAMS_REFUSED = _counter(
        "amira_gateway_streams_refused",
        "Streams that ended before their first response, and calls turned away at the door (keys, limits of "
        "tenants), by reason. Failed resumptions count as resumes.",
        labels=("reason",),
        values={"reason": ("CANCELLED", *REASONS)},
    )
    STREAMS_ENDED = _counter(
        "amira_gateway_streams_ended",
        "Admitted streams that have ended, by how.",
        labels=("status",),
        values={"status": STATUSES},
    )
    STREAM_DURATION = _histogram(
        "amira_gateway_stream_duration_seconds",
        "How long admitted streams lasted, times without a call included.",
        buckets.STREAM_S,
    )
    RESUMES = _counter(
        "amira_gateway_resumes",
        "Calls that wanted to go on with a session, by whether it was there.",
        labels=("outcome",),
        values={"outcome": ("resumed", "lost")},
    )
    MOVES = _counter(
        "amira_gateway_moves",
        "Streams that went on at another replica, by the service and why they left the one before.",
        labels=("service", "cause"),
        values={
            "service": BACKENDS,
            "cause": ("FRONTEND_LOST", "DECODER_LOST", "ENCODER_LOST", "DRAINING", "UNAVAILABLE"),
        },
    )
    MOVES_FAILED = _counter(
        "amira_gateway_moves_failed",
        "Streams that lost a replica and ended with that.",
        labels=("service",),
        values={"service": BACKENDS},
    )
    RECOVERY = _histogram(
        "amira_gateway_recovery_seconds",
        "From the loss of a replica to another one taking the stream.",
        buckets.RECOVERY_S,
        labels=("service",),
        values={"service": BACKENDS},
    )
    REPLAYED = _counter(
        "amira_gateway_replayed_messages",
        "Messages sent once more to another replica.",
        labels=("service",),
        values={"service": BACKENDS},
    )
    REPLICAS = _gauge(
        "amira_gateway_replicas",
        "Replicas that are known.",
        labels=("service",),
        values={"service": BACKENDS},
    )
    REPLICA_CALLS = _gauge(
        "amira_gateway_replica_calls_active",
        "Calls that this gateway has open at a replica.",
        labels=("service", "replica"),
        optional="a DNS name that has no address (yet)",
    )
    BREAKER = _gauge(
        "amira_gateway_breaker_state",
        "1 for the state that a replica's circuit breaker is in; half-open: one call may try.",
        labels=("service", "replica", "state"),
        optional="a DNS name that has no address (yet)",
    )
    BREAKER_OPENED = _counter(
        "amira_gateway_breaker_opened",
        "Times that a replica's circuit breaker has opened.",
        labels=("service", "replica"),
        optional="a DNS name that has no address (yet)",
    )
    MESSAGES = _counter(
        "amira_gateway_messages",
        "Messages of admitted or opening streams, from and to clients.",
        labels=("direction",),
        values={"direction": ("received", "sent")},
    )
    AUDIO = _counter("amira_gateway_audio_seconds", "Audio received from clients.", unit="seconds")
    TENANT_AUDIO = _counter(
        "amira_gateway_tenant_audio_seconds",
        "Audio by tenant, where calls have one; the first hundred are told apart.",
        unit="seconds",
        labels=("tenant",),
        optional="no stream with a tenant yet",
    )
    RESULTS = _counter(
        "amira_gateway_results",
        "Results sent to clients. Those sent again to a client that resumes are not counted.",
        labels=("kind",),
        values={"kind": ("interim", "final")},
    )
    WORDS = _counter("amira_gateway_words", "Words in the best reading of the finals sent to clients.")
    RESULT_LATENCY = _histogram(
        "amira_gateway_result_latency_seconds",
        "From the audio that completed a chunk coming in to its result leaving (StreamLag.server_latency). "
        "Of streams that are ahead of the clock it says nothing but how far.",
        buckets.CHUNK_S,
        labels=("pace",),
        values={"pace": PACES},
    )
    LAG = _histogram(
        "amira_gateway_lag_seconds",
        "Audio received minus audio decoded, at each response (StreamLag.audio). A chunk and its look-ahead "
        "are always on their way.",
        buckets.CHUNK_S,
        labels=("pace",),
        values={"pace": PACES},
    )
    LAG_MAX = _gauge("amira_gateway_lag_max_seconds", "The largest lag of any stream now.", unit="seconds")
    BUFFERED = _gauge(
        "amira_gateway_buffered_audio_seconds",
        "Audio that waits for the frontends, over all streams.",
        unit="seconds",
    )
    CLIENT_STALLS = _counter(
        "amira_gateway_client_stalls",
        "Times that a stream had to wait for its client to read.",
    )
    INTERIMS_DROPPED = _counter(
        "amira_gateway_interims_dropped", "Interims that a newer one overtook before their client read them."
    )


class Frontend:
    """Of the frontend."""

    STREAMS_ACTIVE = _gauge("amira_frontend_streams_active", "Streams that are open.")
    STREAMS_LIMIT = _gauge("amira_frontend_streams_limit", "Places: AMIRA_FRONTEND_MAX_STREAMS.")
    STREAMS = _counter(
        "amira_frontend_streams",
        "Streams taken, by encoding. A stream that moves counts again.",
        labels=("encoding",),
        values={"encoding": ("LINEAR16", "FLOAT32", "MULAW", "ALAW", "FLAC", "WAV", "OGG_OPUS")},
    )
    STREAMS_REFUSED = _counter(
        "amira_frontend_streams_refused",
        "Streams refused at the door, by reason.",
        labels=("reason",),
        values={"reason": ("NO_CAPACITY", "DRAINING")},
    )
    RECEIVED = _counter("amira_frontend_received_bytes", "Audio bytes received.", unit="bytes")
    AUDIO = _counter(
        "amira_frontend_audio_seconds",
        "Audio turned into features, by encoding.",
        unit="seconds",
        labels=("encoding",),
        values=STREAMS.values,
    )
    WORK = _counter(
        "amira_frontend_work_seconds",
        "Time spent on that; its rate over that of the audio is the real-time factor.",
        unit="seconds",
        labels=("encoding",),
        values=STREAMS.values,
    )
    PEER_STALLS = _counter(
        "amira_frontend_peer_stalls", "Streams ended because their gateway took no features for too long."
    )


class Decoder:
    """Of the decoder."""

    SLOTS = _gauge("amira_decoder_slots", "Slots of the encoder: streams that can be open at once.")
    SLOTS_USED = _gauge("amira_decoder_slots_used", "Slots that are lent.")
    SLOTS_ORPHANED = _counter(
        "amira_decoder_slots_orphaned", "Slots found held by no stream and freed: each is a defect."
    )
    STREAMS_ACTIVE = _gauge("amira_decoder_streams_active", "Streams that are open.")
    STREAMS_DUE = _gauge("amira_decoder_streams_due", "Streams that have a chunk and wait for a batch.")
    STREAMS = _counter(
        "amira_decoder_streams",
        "Streams taken; resumed: gone on with for another decoder.",
        labels=("origin",),
        values={"origin": ("new", "resumed")},
    )
    STREAMS_REFUSED = _counter(
        "amira_decoder_streams_refused",
        "Streams refused at the door, by reason.",
        labels=("reason",),
        values={"reason": REASONS},
    )
    CHUNKS = _counter(
        "amira_decoder_chunks",
        "Chunks run through the encoder. Those of a warm-up rebuild a resumed stream's state, unsearched.",
        labels=("kind",),
        values={"kind": ("searched", "warm_up")},
    )
    AUDIO = _counter("amira_decoder_audio_seconds", "Audio decoded, warm-ups not counted.", unit="seconds")
    BATCH = _histogram("amira_decoder_batch_size", "Streams per encoder request.", buckets.BATCH, unit="")
    TICK = _histogram(
        "amira_decoder_tick_seconds", "From collecting a batch to its encoder frames.", buckets.CHUNK_S
    )
    STAGE = _histogram(
        "amira_decoder_stage_seconds",
        "Where a chunk's time goes: wait (for a batch), encoder, queue (for the search thread), search.",
        buckets.CHUNK_S,
        labels=("stage", "pace"),
        values={"stage": ("wait", "encoder", "queue", "search"), "pace": PACES},
    )
    CHUNK = _histogram(
        "amira_decoder_chunk_seconds",
        "From a chunk's last frame coming in to its responses being ready: the sum of the stages. Warm-ups "
        "count as ahead.",
        buckets.CHUNK_S,
        labels=("pace",),
        values={"pace": PACES},
    )
    BUSY = _counter(
        "amira_decoder_busy_seconds",
        "Time in which the encoder, or the search, had a batch in work. A rate near 1 is the limit.",
        unit="seconds",
        labels=("stage",),
        values={"stage": ("encoder", "search")},
    )
    SEGMENTS = _counter(
        "amira_decoder_segments",
        "Segments that have ended, by the endpoint rule, or by FLUSH or the end of the audio.",
        labels=("ended_by",),
        values={
            "ended_by": ("silence_without_speech", "silence_after_speech", "max_segment", "flush", "end")
        },
    )
    RESULTS = _counter(
        "amira_decoder_results",
        "Results found.",
        labels=("kind",),
        values={"kind": ("interim", "final")},
    )
    WORDS = _counter("amira_decoder_words", "Words in the best reading of the finals.")
    BUFFERED = _gauge(
        "amira_decoder_buffered_audio_seconds", "Features that wait, over all streams.", unit="seconds"
    )
    LOAD = _gauge(
        "amira_decoder_load_ratio",
        "Share of the time that the open streams need; new ones are refused before it reaches 1.",
        unit="ratio",
    )
    DEGRADED = _gauge(
        "amira_decoder_degraded", "1 while new streams run on this process's own engine, without Triton."
    )
    DEGRADED_STREAMS = _gauge("amira_decoder_degraded_streams", "Open streams that do.")
    ENCODER_AVAILABLE = _gauge("amira_decoder_encoder_available", "1 while the encoder answers.")
    ENCODER_LOSSES = _counter("amira_decoder_encoder_losses", "Times that the encoder was lost.")


class Triton:
    """Of the Triton supervisor. Triton's own metrics, `nv_*`, are at AMIRA_TRITON_METRICS_ADDRESS."""

    UP = _gauge("amira_triton_up", "1 while the model answers.")
    STARTS = _counter("amira_triton_starts", "Times that tritonserver was started.")
    MODEL_RELOADS = _counter(
        "amira_triton_model_reloads", "Times that the model was dead or hung and was loaded anew."
    )
    CANARY = _histogram(
        "amira_triton_canary_seconds", "How long the model took to answer a check.", buckets.CHUNK_S
    )
    SERVER_MEMORY = _gauge(
        "amira_triton_server_resident_memory_bytes",
        "Memory of tritonserver and the process that runs the model; 0 while there are none.",
        unit="bytes",
    )


_CLASSES: dict[str, tuple[type, ...]] = {
    "gateway": (Common, Gateway),
    "frontend": (Common, Frontend),
    "decoder": (Common, Decoder),
    "triton": (Common, Triton),
}


def declared_in(group: type) -> tuple[Metric, ...]:
    """The metrics of one of the classes above, in order."""
    return tuple(value for value in vars(group).values() if isinstance(value, Metric))


SCHEMA: Final[dict[str, tuple[Metric, ...]]] = {
    service: tuple(metric for group in groups for metric in declared_in(group))
    for service, groups in _CLASSES.items()
}
"""Service -> its metrics."""
