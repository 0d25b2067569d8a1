"""What the four dashboards show."""

from __future__ import annotations

from scripts.dashboards.build import Dashboard, Panel, Query, Row, Variable

_LATENCY = "amira_gateway_result_latency_seconds"
_BUDGET_S = 0.32


def _quantiles(metric: str, selector: str, by: str = "") -> list[Query]:
    group = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return [
        Query(
            f"histogram_quantile({share}, sum by ({group}) (rate({metric}_bucket{{{selector}}}[$__rate_interval])))",
            f"{name}{legend}",
        )
        for share, name in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))
    ]


def _rate(metric: str, by: str, selector: str = "") -> list[Query]:
    braces = f"{{{selector}}}" if selector else ""
    return [Query(f"sum by ({by}) (rate({metric}{braces}[$__rate_interval]))", f"{{{{{by}}}}}")]


def _process(job: str) -> Row:
    where = f'job="{job}",instance=~"$instance"'
    return Row(
        "Process",
        [
            Panel("CPU", [Query(f"rate(amira_process_cpu_seconds_total{{{where}}}[$__rate_interval])", "{{instance}}")],
                  unit="percentunit", width=6),
            Panel("Memory", [Query(f"amira_process_resident_memory_bytes{{{where}}}", "{{instance}}")],
                  unit="bytes", width=6),
            Panel("Event loop, p99 lateness", [Query(
                "histogram_quantile(0.99, sum by (le, instance) "
                f"(rate(amira_event_loop_lag_seconds_bucket{{{where}}}[$__rate_interval])))", "{{instance}}")],
                  unit="s", width=6, limit=0.1, help="All streams of a process wait that long for their turn."),
            Panel("Garbage collection", [Query(
                f"sum by (instance) (rate(amira_gc_pause_seconds_total{{{where}}}[$__rate_interval]))", "{{instance}}")],
                  unit="percentunit", width=6),
            Panel("Calls that ended, by how", _rate("amira_rpc_calls_total", "status", where), width=8),
            Panel("Log lines", _rate("amira_log_lines_total", "level", where), width=8),
            Panel("Open descriptors", [Query(f"amira_process_open_descriptors{{{where}}}", "{{instance}}")], width=8),
        ],
    )  # fmt: skip


OVERVIEW = Dashboard(
    "amira-overview",
    "Amira: overview",
    [
        Row("Now", [
            Panel("Streams", [Query("sum(amira_gateway_streams_active)")], kind="stat", width=4),
            Panel("Audio, seconds a second", [Query("sum(rate(amira_gateway_audio_seconds_total[1m]))")],
                  kind="stat", width=4, help="A stream of live speech brings one second a second."),
            Panel("Latency p99", [Query("amira:result_latency_seconds:p99_5m")], unit="s", kind="stat", width=4,
                  limit=_BUDGET_S),
            Panel("Slots in use", [Query("amira:decoder_slots:used_ratio")], unit="percentunit", kind="stat",
                  width=4, limit=0.9),
            Panel("Failed or refused, 1 h", [Query("amira:availability:error_ratio_rate1h")], unit="percentunit",
                  kind="stat", width=4, limit=0.001),
            Panel("Services that are not ready", [Query("sum(1 - amira_ready) or vector(0)")], kind="stat", width=4,
                  limit=1),
        ]),
        Row("What people notice", [
            Panel("Latency of live results", _quantiles(_LATENCY, 'pace="live"'), unit="s", limit=_BUDGET_S,
                  help="A point leads to the trace of the stream."),
            Panel("Streams refused, a second", _rate("amira_gateway_streams_refused_total", "reason")),
            Panel("Streams ended, a second", _rate("amira_gateway_streams_ended_total", "status")),
        ]),
        Row("Error budgets", [
            Panel("Availability: share of the budget's rate", [
                Query("amira:availability:error_ratio_rate1h / 0.001", "1 h"),
                Query("amira:availability:error_ratio_rate6h / 0.001", "6 h"),
                Query("amira:availability:error_ratio_rate3d / 0.001", "3 d"),
            ], width=12, limit=1, help="Above 1 the budget of 30 days does not last."),
            Panel("Latency: share of the budget's rate", [
                Query("amira:latency:error_ratio_rate1h / 0.01", "1 h"),
                Query("amira:latency:error_ratio_rate6h / 0.01", "6 h"),
                Query("amira:latency:error_ratio_rate3d / 0.01", "3 d"),
            ], width=12, limit=1),
        ]),
        Row("Work", [
            Panel("Streams", [
                Query("sum(amira_gateway_streams_active)", "active"),
                Query("sum(amira_gateway_sessions_detached)", "detached"),
            ]),
            Panel("Words and results, a second", [
                Query("sum(rate(amira_gateway_words_total[$__rate_interval]))", "words"),
                *_rate("amira_gateway_results_total", "kind"),
            ]),
            Panel("Streams that moved, a second", [Query(
                "sum by (service, cause) (rate(amira_gateway_moves_total[$__rate_interval]))",
                "{{service}} {{cause}}")]),
        ]),
    ],
)  # fmt: skip


SERVICE = Dashboard(
    "amira-services",
    "Amira: services",
    [
        Row("Gateway", [
            Panel("Streams", [
                Query('amira_gateway_streams_active{instance=~"$instance"}', "{{instance}}"),
                Query('amira_gateway_streams_limit{instance=~"$instance"}', "{{instance}} limit"),
            ]),
            Panel("Most lag of a stream", [Query('amira_gateway_lag_max_seconds{instance=~"$instance"}', "{{instance}}")],
                  unit="s"),
            Panel("Messages a second", _rate("amira_gateway_messages_total", "direction", 'instance=~"$instance"')),
            Panel("Breakers that are not closed", [Query(
                'sum by (service, replica) (amira_gateway_breaker_state{state!="closed",instance=~"$instance"})',
                "{{service}} {{replica}}")], limit=1),
            Panel("Calls open at replicas", [Query(
                'sum by (service, replica) (amira_gateway_replica_calls_active{instance=~"$instance"})',
                "{{service}} {{replica}}")]),
            Panel("Recovery of streams that lost a replica", _quantiles(
                "amira_gateway_recovery_seconds", 'instance=~"$instance"', "service"), unit="s"),
        ]),
        _process("amira-gateway"),
        Row("Frontend", [
            Panel("Streams", [Query('amira_frontend_streams_active{instance=~"$instance"}', "{{instance}}")]),
            Panel("Real-time factor", [Query("amira:frontend:real_time_factor_rate5m", "{{encoding}}")], unit="none"),
            Panel("Streams taken, a second", _rate("amira_frontend_streams_total", "encoding", 'instance=~"$instance"')),
        ]),
        _process("amira-frontend"),
        Row("Decoder", [
            Panel("Slots", [
                Query('amira_decoder_slots_used{instance=~"$instance"}', "{{instance}} used"),
                Query('amira_decoder_slots{instance=~"$instance"}', "{{instance}}"),
            ]),
            Panel("A chunk's time in the decoder", _quantiles(
                "amira_decoder_chunk_seconds", 'pace="live",instance=~"$instance"'), unit="s", limit=_BUDGET_S),
            Panel("Where it goes (mean)", [Query(
                'sum by (stage) (rate(amira_decoder_stage_seconds_sum{pace="live",instance=~"$instance"}[$__rate_interval])) '
                '/ sum by (stage) (rate(amira_decoder_stage_seconds_count{pace="live",instance=~"$instance"}[$__rate_interval]))',
                "{{stage}}")], unit="s", stacked=True),
            Panel("Streams per batch", _quantiles("amira_decoder_batch_size", 'instance=~"$instance"')),
            Panel("Segments, by what ended them", _rate(
                "amira_decoder_segments_total", "ended_by", 'instance=~"$instance"')),
            Panel("Slots orphaned; encoder losses", [
                Query('increase(amira_decoder_slots_orphaned_total{instance=~"$instance"}[$__rate_interval])',
                      "orphaned {{instance}}"),
                Query('increase(amira_decoder_encoder_losses_total{instance=~"$instance"}[$__rate_interval])',
                      "lost {{instance}}"),
            ], limit=1),
        ]),
        _process("amira-decoder"),
        Row("Triton", [
            Panel("Starts and reloads", [
                Query("sum(increase(amira_triton_starts_total[$__rate_interval]))", "starts"),
                Query("sum(increase(amira_triton_model_reloads_total[$__rate_interval]))", "reloads"),
            ]),
            Panel("Memory of the server", [Query("amira_triton_server_resident_memory_bytes", "{{instance}}")],
                  unit="bytes"),
            Panel("Requests, by Triton's own count", [Query(
                "sum by (model) (rate(nv_inference_request_success[$__rate_interval]))", "{{model}}")]),
        ]),
    ],
    [Variable("instance", "instance", "label_values(amira_ready, instance)")],
)  # fmt: skip


CAPACITY = Dashboard(
    "amira-capacity",
    "Amira: capacity",
    [
        Row("How full", [
            Panel("Gateways' places", [Query("amira:gateway_places:used_ratio", "in use")], unit="percentunit",
                  limit=0.9),
            Panel("Decoders' slots", [Query("amira:decoder_slots:used_ratio", "in use")], unit="percentunit", limit=0.9),
            Panel("Decoders' load", [Query("amira_decoder_load_ratio", "{{instance}}")], unit="percentunit", limit=0.9,
                  help="Share of the time that the open streams need."),
        ]),
        Row("What it takes", [
            Panel("Encoder and search, busy", [Query(
                "sum by (instance, stage) (rate(amira_decoder_busy_seconds_total[$__rate_interval]))",
                "{{instance}} {{stage}}")], unit="percentunit", limit=0.9),
            Panel("CPU per stream", [Query(
                "sum by (job) (rate(amira_process_cpu_seconds_total[$__rate_interval])) "
                "/ ignoring (job) group_left () sum(amira_gateway_streams_active)", "{{job}}")], unit="percentunit",
                  help="Triton's server is a process of its own and not in it."),
            Panel("Real-time factor of the decoder", [Query("amira:decoder:real_time_factor_rate5m", "{{stage}}")],
                  unit="none"),
            Panel("Memory", [Query("sum by (job) (amira_process_resident_memory_bytes)", "{{job}}")], unit="bytes"),
            Panel("Streams per batch, mean", [Query(
                "sum(rate(amira_decoder_batch_size_sum[$__rate_interval])) "
                "/ sum(rate(amira_decoder_batch_size_count[$__rate_interval]))", "streams")]),
            Panel("Streams that wait for a batch", [Query("amira_decoder_streams_due", "{{instance}}")]),
        ]),
        Row("What was turned away", [
            Panel("By the gateways", _rate("amira_gateway_streams_refused_total", "reason")),
            Panel("By the decoders", _rate("amira_decoder_streams_refused_total", "reason")),
            Panel("Audio by tenant, seconds a second", [Query(
                "topk(10, sum by (tenant) (rate(amira_gateway_tenant_audio_seconds_total[$__rate_interval])))",
                "{{tenant}}")]),
        ]),
    ],
)  # fmt: skip


STREAM = Dashboard(
    "amira-stream",
    "Amira: one stream's way",
    [
        Row("From the client", [
            Panel("Audio received, seconds a second", [Query(
                "sum(rate(amira_gateway_audio_seconds_total[$__rate_interval]))", "audio")]),
            Panel("Audio that waits", [
                Query("sum(amira_gateway_buffered_audio_seconds)", "for the frontend"),
                Query("sum(amira_decoder_buffered_audio_seconds)", "for the encoder"),
            ], unit="s"),
            Panel("Lag at each response", _quantiles("amira_gateway_lag_seconds", 'pace="live"'), unit="s"),
        ]),
        Row("Through frontend and decoder, a chunk's time", [
            Panel("Frontend: work per second of audio", [Query(
                "sum(rate(amira_frontend_work_seconds_total[$__rate_interval])) "
                "/ sum(rate(amira_frontend_audio_seconds_total[$__rate_interval]))", "work")], unit="s", width=6),
            *[
                Panel(f"Decoder: {stage}", _quantiles(
                    "amira_decoder_stage_seconds", f'pace="live",stage="{stage}"'), unit="s", width=6)
                for stage in ("wait", "encoder", "queue", "search")
            ],
            Panel("Decoder: all", _quantiles("amira_decoder_chunk_seconds", 'pace="live"'), unit="s", width=6,
                  help="A point leads to the trace of one stream: each chunk's way through all services."),
            Panel("Triton: a request", [Query(
                "sum by (model) (rate(nv_inference_request_duration_us[$__rate_interval])) "
                "/ sum by (model) (rate(nv_inference_request_success[$__rate_interval])) / 1e6", "{{model}}")],
                  unit="s", width=6),
            Panel("Triton: waiting in its queue", [Query(
                "sum by (model) (rate(nv_inference_queue_duration_us[$__rate_interval])) "
                "/ sum by (model) (rate(nv_inference_request_success[$__rate_interval])) / 1e6", "{{model}}")],
                  unit="s", width=6),
        ]),
        Row("Back to the client", [
            Panel("Latency", _quantiles(_LATENCY, 'pace="live"'), unit="s", limit=_BUDGET_S),
            Panel("Clients that do not read", [
                Query("sum(rate(amira_gateway_client_stalls_total[$__rate_interval]))", "stalls a second"),
                Query("sum(rate(amira_gateway_interims_dropped_total[$__rate_interval]))", "interims dropped a second"),
            ]),
            Panel("Interrupted", [
                *_rate("amira_gateway_resumes_total", "outcome"),
                Query("sum by (service) (rate(amira_gateway_replayed_messages_total[$__rate_interval]))",
                      "messages replayed to a {{service}}"),
            ]),
        ]),
    ],
)  # fmt: skip


DASHBOARDS = {"overview": OVERVIEW, "services": SERVICE, "capacity": CAPACITY, "stream": STREAM}
"""File name -> dashboard."""
