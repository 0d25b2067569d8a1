"""Writes the tables of docs/API.md from protos, error classes and the gateway's settings.

With --check, only says whether they are current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import descriptor_pb2

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from amira.asr.v1 import config_pb2  # noqa: E402 - as the next ones
from amira_core import limits  # noqa: E402 - as the next ones
from amira_core.errors import AmiraError, all_errors  # noqa: E402 - as the next ones
from amira_decoder.search.hotwords import HotwordLimits  # noqa: E402 - as the next ones
from amira_gateway.session.validation import MAX_ALTERNATIVES  # noqa: E402 - as the next ones
from amira_gateway.settings import GatewaySettings  # noqa: E402 - as the next ones
from scripts.described_protos import Comments, comments_of, described  # noqa: E402 - by the path that was just set
from scripts.generated import with_part, write_or_check  # noqa: E402 - as above

PAGE = ROOT / "docs" / "API.md"
PROTOS = ("amira/asr/v1/speech.proto", "amira/asr/v1/result.proto", "amira/asr/v1/config.proto")
_SYNTAX, _SERVICE, _MESSAGE, _ENUM = 12, 6, 4, 5
_FIELD, _NESTED, _NESTED_ENUM, _VALUE, _METHOD = 2, 3, 4, 2, 2
"""Numbers of the parts of a descriptor, of which paths to comments are made."""

_SCALARS = {
    descriptor_pb2.FieldDescriptorProto.TYPE_BOOL: "bool",
    descriptor_pb2.FieldDescriptorProto.TYPE_BYTES: "bytes",
    descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT: "float",
    descriptor_pb2.FieldDescriptorProto.TYPE_INT32: "int32",
    descriptor_pb2.FieldDescriptorProto.TYPE_INT64: "int64",
    descriptor_pb2.FieldDescriptorProto.TYPE_STRING: "string",
}


def sections() -> dict[str, str]:
    """The generated parts of the page by name."""
    files = [described(proto) for proto in PROTOS]
    return {
        "conversation": _conversation(files[0]),
        "methods": _methods(files[0]),
        "messages": "\n".join(part for file in files for part in _file(file)),
        "statuses": _statuses(),
        "limits": _limits(),
    }


def _conversation(file: descriptor_pb2.FileDescriptorProto) -> str:
    """The drawing of a stream that speech.proto begins with."""
    (said,) = [
        place.leading_comments for place in file.source_code_info.location if [*place.path] == [_SYNTAX]
    ]
    lines = [line.removeprefix(" ") for line in said.splitlines()]
    drawn = [line for line in lines if line.startswith("  ")]
    return "\n".join(["```text", *(line[2:].rstrip() for line in drawn), "```"])


def _methods(file: descriptor_pb2.FileDescriptorProto) -> str:
    comments = comments_of(file)
    rows = ["| method of `amira.asr.v1.Speech` | takes | gives | |", "|---|---|---|---|"]
    for number, method in enumerate(file.service[0].method):
        takes, gives = (
            ("stream of " if streams else "") + _linked(kind)
            for kind, streams in (
                (method.input_type, method.client_streaming),
                (method.output_type, method.server_streaming),
            )
        )
        rows.append(f"| `{method.name}` | {takes} | {gives} | {comments[(_SERVICE, 0, _METHOD, number)]} |")
    return "\n".join(rows)


def _file(file: descriptor_pb2.FileDescriptorProto) -> Iterator[str]:
    comments = comments_of(file)
    for number, message in enumerate(file.message_type):
        yield _message(message, (_MESSAGE, number), comments)
    for number, enum in enumerate(file.enum_type):
        yield _enum(enum.name, enum, (_ENUM, number), comments)


def _message(message: descriptor_pb2.DescriptorProto, path: tuple[int, ...], comments: Comments) -> str:
    parts = [f"### {message.name}", "", comments[path], ""]
    if message.field:
        parts += ["| field | type | |", "|---|---|---|"]
        parts += [
            f"| `{field.name}` ({field.number}) | {_type(message, field)} "
            f"| {comments[(*path, _FIELD, number)]} |"
            for number, field in enumerate(message.field)
        ]
        parts.append("")
    for number, enum in enumerate(message.enum_type):
        parts.append(_enum(f"{message.name}.{enum.name}", enum, (*path, _NESTED_ENUM, number), comments))
    return "\n".join(parts)


def _enum(
    name: str, enum: descriptor_pb2.EnumDescriptorProto, path: tuple[int, ...], comments: Comments
) -> str:
    rows = [f"### {name}", "", comments[path], "", "| value | |", "|---|---|"]
    rows += [
        f"| `{value.name}` ({value.number}) | {comments[(*path, _VALUE, number)]} |"
        for number, value in enumerate(enum.value)
    ]
    return "\n".join([*rows, ""])


def _type(message: descriptor_pb2.DescriptorProto, field: descriptor_pb2.FieldDescriptorProto) -> str:
    word = _linked(field.type_name) if field.type_name else _SCALARS[field.type]
    if field.label == descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED:
        return f"list of {word}"
    if field.proto3_optional:
        return f"optional {word}"
    if field.HasField("oneof_index"):
        return f"{word}, one of `{message.oneof_decl[field.oneof_index].name}`"
    return word


def _linked(kind: str) -> str:
    if kind == ".google.protobuf.Duration":
        return "Duration"
    name = kind.removeprefix(".amira.asr.v1.")
    return f"[{name}](#{name.replace('.', '').lower()})"


def _statuses() -> str:
    rows: dict[str, list[str]] = {}
    for error in all_errors():
        if error is not AmiraError:
            wait = f" (after {error.retry_after_ms} ms)" if error.retry_after_ms else ""
            rows.setdefault(error.status.name, []).append(f"`{error.reason}`{wait}")
    lines = [f"| {status} | {', '.join(reasons)} |" for status, reasons in rows.items()]
    return "\n".join(["| status | reasons |", "|---|---|", *lines])


def _limits() -> str:
    """Each bound with its value where nothing is set, and what sets it."""
    defaults = GatewaySettings()
    values = {
        "min_sample_rate_hz": (limits.MIN_SAMPLE_RATE_HZ, ""),
        "max_sample_rate_hz": (limits.MAX_SAMPLE_RATE_HZ, ""),
        "max_channels": (limits.MAX_CHANNELS, ""),
        "max_hotwords": (HotwordLimits().max_phrases, ""),
        "max_unary_audio": (f"{defaults.max_unary_audio_s:g} s", "MAX_UNARY_AUDIO_S"),
        "max_message_bytes": (defaults.max_message_audio_bytes, "MAX_MESSAGE_AUDIO_BYTES"),
        "max_alternatives": (MAX_ALTERNATIVES, ""),
        "idle_timeout": (f"{defaults.idle_timeout_s:g} s", "IDLE_TIMEOUT_S"),
        "max_stream": (
            f"{defaults.max_stream_s:g} s" if defaults.max_stream_s else "not set",
            "MAX_STREAM_S",
        ),
    }
    names = config_pb2.Limits.DESCRIPTOR.fields_by_name
    lines = [f"| `{name}` | {values[name][0]} | {_variable(values[name][1])} |" for name in names]
    return "\n".join(["| field of [Limits](#limits) | by default | set by |", "|---|---|---|", *lines])


def _variable(setting: str) -> str:
    return f"`AMIRA_GATEWAY_{setting}`" if setting else "fixed"


def with_sections(text: str) -> str:
    """The page with its generated parts as they should be. ValueError: it lacks a place for one."""
    for name, inside in sections().items():
        text = with_part(text, f"<!-- generated: {name} -->\n", f"{inside}\n", f"<!-- end of {name} -->")
    return text


def main() -> int:
    """Returns 1 when --check finds the page stale."""
    return write_or_check(PAGE, with_sections(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
