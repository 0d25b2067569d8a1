"""Downloads over a real connection that breaks, lies and refuses."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from amira_local.models.download import Limits, download, fetch_text
from amira_local.models.errors import FetchError, StorageError
from amira_local.ports import free_ports
from tests.local.models.conftest import LIMITS
from tests.support.archive_server import ArchiveServer, Fault

CONTENT = random.Random(1).randbytes(1_500_000)
FILE = "/model.tar.bz2"


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    with ArchiveServer(files={FILE: CONTENT}) as running:
        yield running


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "model.tar.bz2.part"


def fetch(server: ArchiveServer, part: Path, limits: Limits = LIMITS) -> list[tuple[int, int | None]]:
    """Downloads; returns what was told of the progress."""
    told: list[tuple[int, int | None]] = []
    download(server.url + FILE, part, limits, lambda done, total: told.append((done, total)))
    return told


def test_a_whole_file(server: ArchiveServer, part: Path) -> None:
    told = fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert list(part.parent.iterdir()) == [part]


def test_it_goes_on_where_the_connection_broke(server: ArchiveServer, part: Path) -> None:
    server.faults += [Fault(break_after=600_000), Fault(break_after=500_000)]
    told = fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert [(asked.range, asked.status) for asked in server.asked] == [
        (None, 200),
        ("bytes=600000-", 206),
        ("bytes=1100000-", 206),
    ]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_second_call_goes_on_too(server: ArchiveServer, part: Path) -> None:
    server.faults += [Fault(break_after=600_000), *[Fault(status=503)] * 3]
    with pytest.raises(FetchError, match=r"broke off \(HTTP 503.*0\.6 MiB are kept"):
        fetch(server, part)
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert server.asked[-1].range == "bytes=600000-"


def test_a_complete_part_is_not_fetched_again(server: ArchiveServer, part: Path) -> None:
    server.faults += [Fault(break_after=len(CONTENT) - 1), *[Fault(status=503)] * 3]
    with pytest.raises(FetchError):
        fetch(server, part)
    part.write_bytes(CONTENT)  # the last byte came, but the process died before it noticed
    fetch(server, part)
    assert server.asked[-1].status == 416
    assert part.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_anew(server: ArchiveServer, part: Path) -> None:
    server.faults += [Fault(break_after=600_000), *[Fault(status=503)] * 3]
    with pytest.raises(FetchError):
        fetch(server, part)
    server.files[FILE] = other = CONTENT[::-1]
    fetch(server, part)
    assert part.read_bytes() == other


def test_a_shorter_file_meanwhile(server: ArchiveServer, part: Path) -> None:
    server.faults += [Fault(break_after=600_000), *[Fault(status=503)] * 3]
    with pytest.raises(FetchError):
        fetch(server, part)
    part.with_name(part.name + ".json").write_text(f'{{"url": "{server.url}{FILE}"}}')  # no version known
    server.files[FILE] = b"short"
    fetch(server, part)
    assert part.read_bytes() == b"short"


@pytest.mark.parametrize("fault", [Fault(ignore_range=True), Fault(wrong_range=True)])
def test_servers_that_cannot_give_parts(server: ArchiveServer, part: Path, fault: Fault) -> None:
    server.faults += [Fault(break_after=600_000), fault]
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_a_part_of_another_address_is_not_used(server: ArchiveServer, part: Path) -> None:
    part.write_bytes(b"of another file")
    part.with_name(part.name + ".json").write_text('{"url": "http://elsewhere/model.tar.bz2"}')
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_a_note_that_is_garbage(server: ArchiveServer, part: Path) -> None:
    part.write_bytes(b"of who knows what")
    for garbage in (b"", b"[1]", b"\xff\xfe{"):
        part.with_name(part.name + ".json").write_bytes(garbage)
        fetch(server, part)
        assert part.read_bytes() == CONTENT


def test_a_server_that_never_gets_far_is_given_up(server: ArchiveServer, part: Path) -> None:
    server.faults += [Fault(break_after=0)] * 10
    with pytest.raises(FetchError, match="closed after 0 of 1500000 bytes"):
        fetch(server, part)
    assert len(server.asked) == LIMITS.attempts


@pytest.mark.parametrize(("status", "hint"), [(404, "moved"), (403, "refuses"), (401, "refuses")])
def test_refusals_are_not_repeated(server: ArchiveServer, part: Path, status: int, hint: str) -> None:
    server.faults += [Fault(status=status)]
    with pytest.raises(FetchError, match=rf"HTTP {status}.*{hint}"):
        fetch(server, part)
    assert len(server.asked) == 1
    assert not part.exists()


def test_no_network(part: Path) -> None:
    with pytest.raises(FetchError, match=r"cannot be reached: .*refused.*--base-url"):
        download(f"http://127.0.0.1:{free_ports(1)[0]}/x.tar.bz2", part, LIMITS, lambda *_: None)
    with pytest.raises(FetchError, match="cannot be reached"):
        download("http://no-such-host.invalid/x.tar.bz2", part, LIMITS, lambda *_: None)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x.tar.bz2", "models", ""])
def test_only_http(part: Path, url: str) -> None:
    with pytest.raises(FetchError, match="only http and https"):
        download(url, part, LIMITS, lambda *_: None)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_redirects_to_elsewhere(server: ArchiveServer, part: Path, target: str) -> None:
    server.faults += [Fault(location=target)]
    with pytest.raises(FetchError):
        fetch(server, part)
    assert not part.exists()


def test_redirects_are_followed_with_the_range(server: ArchiveServer, part: Path) -> None:
    """As the publisher's: the address given redirects to one that holds the bytes."""
    server.files["/assets/1"] = CONTENT
    server.faults += [Fault(location="/assets/1")]
    part.write_bytes(CONTENT[:1000])
    part.with_name(part.name + ".json").write_text(f'{{"url": "{server.url}{FILE}"}}')
    fetch(server, part)
    assert [(asked.path, asked.range) for asked in server.asked] == [
        (FILE, "bytes=1000-"),
        ("/assets/1", "bytes=1000-"),
    ]
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("fault", [Fault(), Fault(without_length=True)])
def test_more_than_expected_is_cut_off(server: ArchiveServer, part: Path, fault: Fault) -> None:
    server.faults += [fault]
    with pytest.raises(FetchError, match="expected"):
        fetch(server, part, Limits(most_bytes=1 << 20, pause_s=0.0))
    assert not part.exists() or part.stat().st_size <= 1 << 20


def test_a_body_without_a_length(server: ArchiveServer, part: Path) -> None:
    server.faults += [Fault(without_length=True)]
    assert fetch(server, part)[-1] == (len(CONTENT), None)
    assert part.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_written(server: ArchiveServer, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        fetch(server, tmp_path / "nowhere" / "part")


def test_small_texts(server: ArchiveServer) -> None:
    server.files["/checksum.txt"] = b"a b\n"
    assert fetch_text(f"{server.url}/checksum.txt") == "a b\n"
    assert fetch_text(f"{server.url}/checksum.txt", most_bytes=3) is None
    assert fetch_text(f"{server.url}/nothing.txt") is None
    assert fetch_text("http://no-such-host.invalid/checksum.txt") is None
    assert fetch_text("file:///etc/hostname") is None
