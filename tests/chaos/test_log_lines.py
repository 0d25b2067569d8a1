"""What is read out of logs."""

from __future__ import annotations

import json
from pathlib import Path

from chaos.log_lines import errors, moves


def write(path: Path, *lines: object) -> None:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))


def test_moves_of_all_gateways_in_order(tmp_path: Path) -> None:
    def moved(session: str, second: int) -> dict[str, str]:
        time = f"2026-01-01T00:00:{second:02}.500000Z"
        return {"event": "stream_moved", "session_id": session, "cause": "DECODER_LOST", "timestamp": time}

    write(tmp_path / "gateway-0.log", moved("a", 3), {"event": "ready"}, moved("b", 9))
    write(tmp_path / "gateway-1.log", "no JSON", "[1]", moved("c", 5))
    write(tmp_path / "decoder-0.log", moved("not a gateway", 4))
    found = moves(tmp_path)
    assert [move.session_id for move in found] == ["a", "c", "b"]
    assert found[1].time - found[0].time == 2
    assert found[0].cause == "DECODER_LOST"


def test_errors_and_tracebacks_are_counted_by_replica(tmp_path: Path) -> None:
    lost = {"level": "error", "event": "triton_lost"}
    write(tmp_path / "triton-0.log", lost, {"level": "info", "event": "ready"}, lost)
    write(tmp_path / "decoder-1.log", "hm", "Traceback (most recent call last):", "ValueError: x")
    assert errors(tmp_path) == {"triton-0: triton_lost": 2, "decoder-1: traceback": 1}
    assert not errors(tmp_path / "nowhere")
