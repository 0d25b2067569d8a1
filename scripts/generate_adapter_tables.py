"""Writes the tables of docs/ADAPTERS.md whose content is in protos. With --check, only says whether they are
current."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import descriptor_pb2

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from amira.adapters.v1 import support_pb2  # noqa: E402 - as the next ones
from scripts.described_protos import Comments, comments_of, described  # noqa: E402 - by the path that was just set
from scripts.generated import with_part, write_or_check  # noqa: E402 - as above

DOCUMENT = ROOT / "docs" / "ADAPTERS.md"
TABLES = (
    "amira/riva/v1/riva.proto",
    "amira/googlespeech/v1/speech.proto",
    "amira/googlespeech/v2/speech.proto",
)

_WORDS = {
    support_pb2.SUPPORT_FULL: "yes",
    support_pb2.SUPPORT_PARTIAL: "partly",
    support_pb2.SUPPORT_IGNORED: "ignored",
    support_pb2.SUPPORT_REFUSED: "**refused**",
    support_pb2.SUPPORT_UNSET: "never set",
}
_FIELD, _NESTED, _ENUM, _NESTED_ENUM, _VALUE, _MESSAGE = 2, 3, 5, 4, 2, 4
"""Numbers of the parts of a descriptor, of which paths to comments are made."""


def table(proto: str) -> str:
    """A proto's table: every field of every message, and every value of every enum, with its comment."""
    file = described(proto)
    comments = comments_of(file)
    rows = ["| field or value | | |", "|---|---|---|"]
    for number, enum in enumerate(file.enum_type):
        rows += _values(enum, (_ENUM, number), "", comments)
    for number, message in enumerate(file.message_type):
        rows += _fields(message, (_MESSAGE, number), "", comments)
    return "\n".join(rows)


def _fields(
    message: descriptor_pb2.DescriptorProto, path: tuple[int, ...], outer: str, comments: Comments
) -> Iterator[str]:
    name = outer + message.name
    for number, enum in enumerate(message.enum_type):
        yield from _values(enum, (*path, _NESTED_ENUM, number), f"{name}.", comments)
    for number, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _fields(nested, (*path, _NESTED, number), f"{name}.", comments)
    for number, field in enumerate(message.field):
        support: support_pb2.Support = field.options.Extensions[support_pb2.support]  # type: ignore[index]  # as in amira_gateway/adapters/fields.py
        said = comments[(*path, _FIELD, number)]
        yield f"| `{name}.{field.name}` | {_WORDS[support]} | {said} |"


def _values(
    enum: descriptor_pb2.EnumDescriptorProto, path: tuple[int, ...], outer: str, comments: Comments
) -> Iterator[str]:
    prefix = enum.value[0].name.removesuffix("UNSPECIFIED")
    for number, value in enumerate(enum.value):
        said = comments[(*path, _VALUE, number)]
        word = {"Refused.": "**refused**", "Never se": "never set"}.get(said[:8], "yes")
        name = value.name.removeprefix(prefix)
        yield f"| `{outer}{enum.name}`: `{name}` | {word} | {'' if said == 'Refused.' else said} |"


def with_tables(text: str) -> str:
    """The document with its tables as the protos have them. ValueError: it lacks a place for one."""
    for proto in TABLES:
        text = with_part(text, f"<!-- {proto} -->\n", f"{table(proto)}\n", f"<!-- end of {proto} -->")
    return text


def main() -> int:
    """Returns 1 when --check finds the document stale."""
    return write_or_check(DOCUMENT, with_tables(DOCUMENT.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
