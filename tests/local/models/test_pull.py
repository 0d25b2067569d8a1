"""Pulling whole models from a real server: installed whole, or not at all."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import onnx.parser
import pytest

from amira_decoder.model import TransducerFolder
from amira_local.models import pull as pulling
from amira_local.models.errors import ArchiveError, FetchError, ModelsError, StorageError
from amira_local.models.pull import Pull, pull
from amira_local.models.record import read_record
from tests.encoder.test_graph import WHOLE_RECORDINGS
from tests.local.models.conftest import LIMITS, MODEL, NAME, MakeOrder, link, make_archive
from tests.support.archive_server import ArchiveServer, Fault


class Said(list[str]):
    """What a pull says, and how far it says it is."""

    def run(self, order: Pull) -> Path:
        return pull(order, self.append, lambda done, total: None)

    @property
    def text(self) -> str:
        return " ".join(self)


@pytest.fixture
def said() -> Said:
    return Said()


def leftovers(order: Pull) -> list[str]:
    """What lies in the models folder besides models."""
    return sorted(path.name for path in order.into.iterdir() if path.name.startswith("."))


def test_a_model_is_installed_whole(make_order: MakeOrder, archive: bytes, said: Said) -> None:
    order = make_order()
    folder = said.run(order)
    assert folder == order.into / "tiny-en"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "amira-model.json",
        "decoder-epoch-99-avg-1.onnx",
        "encoder-epoch-99-avg-1.onnx",
        "joiner-epoch-99-avg-1.onnx",
        "tokens.txt",
    ]
    assert TransducerFolder.open(folder).name == "tiny-en"
    assert leftovers(order) == [".tiny-en.lock"]

    sha256 = hashlib.sha256(archive).hexdigest()
    record = read_record(folder)
    assert record is not None
    assert (record.archive_sha256, record.checksum_origin) == (sha256, "first use")
    assert (record.upstream, record.languages, record.precision) == (NAME, ["en"], "fp32")
    for name, file_sha256 in record.files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == file_sha256
    assert "No checksum is known for this archive: it is trusted because it came from" in said.text
    assert f"Its SHA-256 is {sha256}; it is kept" in said.text


def test_int8_takes_only_the_encoder_rounded(make_order: MakeOrder, said: Said) -> None:
    folder = said.run(make_order(precision="int8"))
    assert sorted(path.name for path in folder.glob("*.onnx")) == [
        "decoder-epoch-99-avg-1.onnx",
        "encoder-epoch-99-avg-1.int8.onnx",
        "joiner-epoch-99-avg-1.onnx",
    ]


def test_a_known_checksum(make_order: MakeOrder, archive: bytes, said: Said) -> None:
    model = dataclasses.replace(MODEL, sha256=hashlib.sha256(archive).hexdigest(), archive_bytes=len(archive))
    record = read_record(said.run(make_order(model)))
    assert record is not None
    assert record.checksum_origin == "catalogue"


def test_a_wrong_checksum_installs_nothing(make_order: MakeOrder, said: Said) -> None:
    order = make_order(dataclasses.replace(MODEL, sha256="0" * 64))
    with pytest.raises(ArchiveError, match=r"not the one expected.*Amira's table says 0000.*was deleted"):
        said.run(order)
    assert not order.target.exists()
    assert leftovers(order) == [".tiny-en.lock"]


def test_the_publishers_list(
    make_order: MakeOrder, server: ArchiveServer, archive: bytes, said: Said
) -> None:
    other = f"other.tar.bz2\t{'1' * 64}\n"
    server.files["/checksum.txt"] = (other + f"{MODEL.archive}\t{'2' * 64}\n").encode()
    with pytest.raises(ArchiveError, match=r"publisher's checksum\.txt says 2222"):
        said.run(make_order())
    right = hashlib.sha256(archive).hexdigest().upper()
    server.files["/checksum.txt"] = (other + f"{right}  {MODEL.archive}\n").encode()
    record = read_record(said.run(make_order()))
    assert record is not None
    assert record.checksum_origin == "publisher"


def test_the_first_pulls_checksum_binds_the_next(
    make_order: MakeOrder, server: ArchiveServer, published: dict[str, bytes], said: Said
) -> None:
    order = make_order()
    folder = said.run(order)
    before = read_record(folder)
    said.run(make_order(again=True))
    assert read_record(folder) == before

    server.files[f"/{MODEL.archive}"] = make_archive({**published, f"{NAME}/README.md": b"altered"})
    with pytest.raises(ArchiveError, match=r"not the one pulled before.*delete .*tiny-en and pull again"):
        said.run(make_order(again=True))
    assert read_record(folder) == before
    assert b"altered" not in (folder / "README.md").read_bytes()
    shutil.rmtree(folder)
    assert b"altered" in (said.run(order) / "README.md").read_bytes()


def test_what_is_there_is_left_alone(make_order: MakeOrder, server: ArchiveServer, said: Said) -> None:
    order = make_order()
    said.run(order)
    asked = len(server.asked)
    said.run(order)
    assert len(server.asked) == asked
    assert "already in" in said[-1]


def test_a_folder_of_someone_else_is_not_touched(make_order: MakeOrder, said: Said) -> None:
    order = make_order(again=True)
    order.target.mkdir(parents=True)
    (order.target / "mine").touch()
    with pytest.raises(StorageError, match="was not made by `amira models pull`"):
        said.run(order)
    assert (order.target / "mine").exists()


def test_a_precision_that_is_not_published(make_order: MakeOrder, said: Said) -> None:
    model = dataclasses.replace(MODEL, precisions=("fp32",))
    with pytest.raises(ModelsError, match="published in fp32 only"):
        said.run(make_order(model, precision="int8"))


def test_broken_connections_do_not_matter(make_order: MakeOrder, server: ArchiveServer, said: Said) -> None:
    server.faults += [Fault(break_after=500), Fault(break_after=700)]
    assert said.run(make_order()).is_dir()
    assert [asked.range for asked in server.archives_asked()] == [None, "bytes=500-", "bytes=1200-"]


def test_an_interrupted_pull_goes_on(make_order: MakeOrder, server: ArchiveServer, said: Said) -> None:
    order = make_order()
    server.faults += [Fault(break_after=500), *[Fault(status=503)] * LIMITS.attempts]
    with pytest.raises(FetchError, match="the same command goes on from there"):
        said.run(order)
    assert not order.target.exists()
    said.run(order)
    assert server.asked[-1].range == "bytes=500-"


def test_ctrl_c_leaves_what_has_come(make_order: MakeOrder, server: ArchiveServer, said: Said) -> None:
    order = make_order()

    def interrupt(done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(order, said.append, interrupt)
    assert not order.target.exists()
    assert not any("staging" in name for name in leftovers(order))
    assert said.run(order).is_dir()


def test_a_server_without_the_archive(make_order: MakeOrder, server: ArchiveServer, said: Said) -> None:
    server.files.clear()
    order = make_order()
    with pytest.raises(FetchError, match="HTTP 404"):
        said.run(order)
    assert not order.target.exists()


def broken_archives(published: dict[str, bytes], archive: bytes) -> Iterator[tuple[bytes, str]]:
    """Archives that must not be installed, and what is said of each."""
    whole = {name.removeprefix(f"{NAME}/"): content for name, content in published.items()}

    def without(*names: str, **more: bytes) -> bytes:
        kept = {name: content for name, content in whole.items() if not name.startswith(names)}
        return make_archive({f"m/{name}": content for name, content in {**kept, **more}.items()})

    offline = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>' + WHOLE_RECORDINGS)
    yield archive[: len(archive) // 2], "is damaged"
    yield make_archive({**published, "../../evil.onnx": b"x"}), "outside its folder"
    yield without("joiner"), r"no fp32 or int8 joiner\*\.onnx \(there is none at all\)"
    yield without("encoder-epoch-99-avg-1.onnx"), r"no fp32 encoder.*encoder-epoch-99-avg-1\.int8\.onnx"
    yield without(**{"encoder-2.onnx": b"x"}), "several fp32 encoders"
    yield without("tokens"), r"no tokens\.txt"
    yield without("tokens", **{"tokens.txt": b"<blk> 0\nx 1\n"}), r"tokens\.txt has 2 tokens.* 3"
    yield without("tokens", **{"tokens.txt": b"\xff\xfe"}), "no model that Amira can serve"
    first = whole["encoder-epoch-99-avg-1.onnx"]
    yield without(**{"encoder-epoch-99-avg-1.onnx": first[: len(first) // 2]}), "cannot be read as an ONNX"
    yield without(**{"encoder-epoch-99-avg-1.onnx": offline.SerializeToString()}), "not a streaming model"
    yield without("decoder", **{"decoder-x.onnx": first}), "lacks context_size"
    yield make_archive({"m/model.onnx": first, "m/tokens.txt": b""}), r"no fp32 encoder\*\.onnx"
    yield make_archive({"l": link("m/encoder.onnx", "x.onnx")}), r"no fp32 encoder"


def test_broken_archives_are_not_installed(
    make_order: MakeOrder, server: ArchiveServer, published: dict[str, bytes], archive: bytes, said: Said
) -> None:
    order = make_order()
    for content, complaint in broken_archives(published, archive):
        server.files[f"/{MODEL.archive}"] = content
        with pytest.raises(ArchiveError, match=complaint):
            said.run(order)
        assert leftovers(order) == [".tiny-en.lock"], complaint
        assert not order.target.exists()
        assert not (order.into.parent / "evil.onnx").exists()


def test_nested_archives(
    make_order: MakeOrder, server: ArchiveServer, published: dict[str, bytes], said: Said
) -> None:
    """Networks in exp/, tokens in data/lang_char/, as some icefall recipes leave them."""
    nested = {
        f"{NAME}/data/lang_char/tokens.txt" if name.endswith("tokens.txt") else f"{NAME}/exp/{name}": content
        for name, content in published.items()
    }
    server.files[f"/{MODEL.archive}"] = make_archive(nested)
    assert TransducerFolder.open(said.run(make_order())).vocab_size == 3


def test_two_pulls_at_once(make_order: MakeOrder, said: Said) -> None:
    order = make_order()

    def pull_too(done: int, total: int | None) -> None:
        with pytest.raises(FetchError, match="Another pull of tiny-en is running"):
            said.run(order)

    pull(order, said.append, pull_too)
    assert order.target.is_dir()


def test_leftovers_of_killed_pulls_go(make_order: MakeOrder, said: Said) -> None:
    order = make_order()
    (order.into / ".tiny-en-staging-abc").mkdir(parents=True)
    (order.into / ".tiny-en-staging-abc" / "encoder.onnx").write_bytes(b"x")
    said.run(order)
    assert leftovers(order) == [".tiny-en.lock"]


def test_too_little_room_is_said_before_the_download(
    make_order: MakeOrder, server: ArchiveServer, said: Said
) -> None:
    model = dataclasses.replace(MODEL, archive_bytes=1 << 60)
    with pytest.raises(StorageError, match=r"MiB free, but \d+ are needed.*--into"):
        said.run(make_order(model))
    assert server.archives_asked() == []


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["unpack", "choose_files", "sha256_of"])
def test_a_disk_that_fills_up(
    step: str, make_order: MakeOrder, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    order = make_order()
    with monkeypatch.context() as patch:
        patch.setattr(pulling, step, full_disk)
        with pytest.raises(StorageError, match="The disk is full: nothing was installed"):
            said.run(order)
    assert not order.target.exists()
    assert not any("staging" in name for name in leftovers(order))
    assert said.run(order).is_dir()


def test_a_real_full_disk(make_order: MakeOrder, said: Said) -> None:
    """/dev/full refuses every byte, as a full disk does."""
    order = make_order()
    order.into.mkdir(parents=True)
    part = order.into / f".{MODEL.archive}.part"
    part.with_name(part.name + ".json").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="disk is full"):
        said.run(order)


def test_a_folder_that_cannot_be_made(make_order: MakeOrder, tmp_path: Path, said: Said) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        said.run(make_order(into=tmp_path / "file" / "models"))


def test_an_old_model_survives_a_failed_swap(
    make_order: MakeOrder, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    order = make_order()
    folder = said.run(order)
    (folder / "mark").touch()
    rename: Callable[[Path, Path], Path] = Path.rename

    def fail_for_the_new_one(self: Path, target: Path) -> Path:
        if target == folder and self.name == "tiny-en":
            raise OSError(errno.EIO, "input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new_one)
    with pytest.raises(StorageError, match="input/output error"):
        said.run(make_order(again=True))
    assert (folder / "mark").exists()
