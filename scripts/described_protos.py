"""Protos with their comments, for the scripts that write documents from them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2

PROTOS = Path(__file__).resolve().parent.parent / "protos"

Comments = dict[tuple[int, ...], str]
"""What stands before each part, by the part's path in its descriptor."""


def described(proto: str) -> descriptor_pb2.FileDescriptorProto:
    """The proto with its comments. Raises CalledProcessError with protoc's messages."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set.binpb"
        subprocess.run(  # noqa: S603 - our own arguments
            [
                sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTOS), "--include_source_info",
                f"--descriptor_set_out={out}", proto,
            ],
            check=True,
        )  # fmt: skip
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0]


def comments_of(file: descriptor_pb2.FileDescriptorProto) -> Comments:
    """Each part's comment on one line."""
    places = file.source_code_info.location
    return {tuple(place.path): " ".join(place.leading_comments.split()) for place in places}
