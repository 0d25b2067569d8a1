"""Archives that are damaged or hostile."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from amira_local.models import unpack as unpacking
from amira_local.models.errors import ArchiveError
from amira_local.models.unpack import unpack
from tests.local.models.conftest import NAME, Entry, link, make_archive


def unpack_bytes(content: bytes, tmp_path: Path) -> list[str]:
    """Unpacks; returns the files that came out."""
    archive, into = tmp_path / "a.tar.bz2", tmp_path / "into"
    archive.write_bytes(content)
    into.mkdir()
    unpack(archive, into)
    return sorted(str(path.relative_to(into)) for path in into.rglob("*") if path.is_file())


def test_model_files_come_out_and_nothing_else(archive: bytes, tmp_path: Path) -> None:
    assert unpack_bytes(archive, tmp_path) == [
        f"{NAME}/README.md",
        f"{NAME}/decoder-epoch-99-avg-1.int8.onnx",
        f"{NAME}/decoder-epoch-99-avg-1.onnx",
        f"{NAME}/encoder-epoch-99-avg-1.int8.onnx",
        f"{NAME}/encoder-epoch-99-avg-1.onnx",
        f"{NAME}/joiner-epoch-99-avg-1.int8.onnx",
        f"{NAME}/joiner-epoch-99-avg-1.onnx",
        f"{NAME}/test_wavs/README.md",
        f"{NAME}/tokens.txt",
    ]


@pytest.mark.parametrize("compression", ["gz", "xz", ""])
def test_other_compressions(compression: str, tmp_path: Path) -> None:
    assert unpack_bytes(make_archive({"m/tokens.txt": b"x"}, compression), tmp_path) == ["m/tokens.txt"]


@pytest.mark.parametrize(
    "name",
    [
        "../tokens.txt",
        "m/../../tokens.txt",
        "/etc/tokens.txt",
        "//etc/tokens.txt",
        "m/../../m/tokens.txt",
        "..\\tokens.txt",
        "C:\\tokens.txt",
        "C:/tokens.txt",
        "m/./../../tokens.txt",
    ],
)
def test_paths_that_leave_the_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="outside its folder"):
        unpack_bytes(make_archive({"m/encoder.onnx": b"x", name: b"evil"}), tmp_path)
    assert not (tmp_path / "tokens.txt").exists()


@pytest.mark.parametrize(
    "member",
    [
        link("m/tokens.txt", "/etc/passwd"),
        link("m/tokens.txt", "../../outside"),
        link("m/out", "../.."),
        link("m/tokens.txt", "../outside", tarfile.LNKTYPE),
        link("m/tokens.txt", "/etc/passwd", tarfile.LNKTYPE),
    ],
)
def test_links_that_leave_the_folder(member: tarfile.TarInfo, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="outside its folder"):
        unpack_bytes(make_archive({"m/encoder.onnx": b"x", "link": member}), tmp_path)


def test_links_inside_are_not_made(tmp_path: Path) -> None:
    entries: dict[str, Entry] = {
        "m/exp/encoder.onnx": b"x",
        "link": link("m/exp/tokens.txt", "../data/tokens.txt"),
        "folder": link("m/also", "exp"),
        "through": b"",
    }
    entries["m/also/joiner.onnx"] = b"written through the link?"
    assert unpack_bytes(make_archive(entries), tmp_path) == ["m/also/joiner.onnx", "m/exp/encoder.onnx"]
    assert not (tmp_path / "into" / "m" / "exp" / "joiner.onnx").exists()


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_left_out(kind: bytes, tmp_path: Path) -> None:
    member = tarfile.TarInfo("m/encoder.onnx")
    member.type = kind
    assert unpack_bytes(make_archive({"device": member}), tmp_path) == []


def test_damage_anywhere(archive: bytes, tmp_path: Path) -> None:
    for number, content in enumerate(
        [
            b"",
            b"not an archive",
            archive[: len(archive) // 2],
            archive[:-20],
            archive[:500] + bytes(200) + archive[700:],
            make_archive({"m/tokens.txt": bytes(5000)}, "")[:3000],
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(ArchiveError, match="is damaged"):
            unpack_bytes(content, folder)


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_MOST_BYTES", 1_000_000)
    with pytest.raises(ArchiveError, match="more than a model can"):
        unpack_bytes(make_archive({f"m/encoder{i}.onnx": bytes(400_000) for i in range(4)}), tmp_path)
    (tmp_path / "many").mkdir()
    monkeypatch.setattr(unpacking, "_MOST_MEMBERS", 10)
    with pytest.raises(ArchiveError, match="more than a model can"):
        unpack_bytes(make_archive({f"m/{i}": b"" for i in range(20)}), tmp_path / "many")
