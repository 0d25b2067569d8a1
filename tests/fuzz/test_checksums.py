"""The checksums that the fuzzer puts right, against files of other people's encoders."""

from __future__ import annotations

import pytest

from fuzz import checksums
from fuzz.containers import Container, containers

FLAC = [container for container in containers() if container.frames]
OGG = [container for container in containers() if container.data.startswith(b"OggS")]


@pytest.mark.parametrize("container", OGG, ids=lambda container: container.name)
def test_pages_that_are_right_stay_as_they_are(container: Container) -> None:
    assert checksums.ogg_repaired(container.data) == container.data
    broken = bytearray(container.data)
    broken[22] ^= 1
    broken[-1] ^= 1
    assert checksums.ogg_repaired(bytes(broken)) == checksums.ogg_repaired(
        container.data[:-1] + bytes([container.data[-1] ^ 1])
    )


@pytest.mark.parametrize("container", FLAC, ids=lambda container: container.name)
def test_frames_that_are_right_stay_as_they_are(container: Container) -> None:
    assert container.frames[-1][1] == len(container.data)
    for begin, end in container.frames:
        frame = container.data[begin:end]
        assert checksums.flac_repaired(frame) == frame
        assert checksums.flac_repaired(frame[:-1] + bytes([frame[-1] ^ 1])) == frame
