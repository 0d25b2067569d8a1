"""A model folder is looked at on request, and when its files have changed and stand still."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from amira_encoder import model_watch
from amira_encoder.model_watch import ModelWatch

LIMIT_S = 20
"""For what must happen soon: a test never waits for it unless it fails."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    (path / "encoder.onnx").write_bytes(b"first")
    return path


async def changed(watch: ModelWatch) -> None:
    await asyncio.wait_for(watch.changed(), LIMIT_S)


async def stays_quiet(watch: ModelWatch, seconds: float = 0.2) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watch.changed(), seconds)


async def test_on_request_alone_unless_an_interval_is_set(folder: Path) -> None:
    watch = ModelWatch(folder, 0)
    (folder / "encoder.onnx").write_bytes(b"second")
    await stays_quiet(watch)
    for _ in range(3):
        watch.look_now()
    await changed(watch)
    await stays_quiet(watch)


async def test_a_changed_file_is_seen_once(folder: Path) -> None:
    watch = ModelWatch(folder, 0.02)
    await stays_quiet(watch)
    (folder / "encoder.onnx").write_bytes(b"second")
    await changed(watch)
    await stays_quiet(watch)
    (folder / "tokens.txt").write_bytes(b"")
    await changed(watch)


async def test_a_file_that_still_grows_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [5, 6, 7, 8, 8, 8]
    looks: list[int] = []

    def look(folder: Path) -> tuple[object, ...]:
        looks.append(sizes[len(looks)])
        return (looks[-1],)

    monkeypatch.setattr(model_watch, "signature", look)
    await changed(ModelWatch(folder, 0.01))
    assert looks[:5] == [5, 6, 7, 8, 8]


async def test_a_link_that_leads_elsewhere_and_a_folder_that_comes_and_goes(
    folder: Path, tmp_path: Path
) -> None:
    link = tmp_path / "current"
    link.symlink_to(folder)
    watch = ModelWatch(link, 0.02)
    await stays_quiet(watch)
    link.unlink()
    await changed(watch)
    link.symlink_to(folder)
    await changed(watch)
