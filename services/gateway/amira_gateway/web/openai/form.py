"""The multipart form of a transcription request: one file, and fields before or behind it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from amira_core import errors
from amira_gateway.web.uploads import Upload

_MOST_FIELDS = 1_000
_MOST_TEXT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Form:
    """What came.

    Attributes:
        fields: values by name, in order; the ``[]`` that marks lists is not part of the name.
        file: the file's bytes.
    """

    fields: dict[str, list[str]]
    file: bytes


async def read_form(request: web.Request, upload: Upload, timeout_s: float) -> Form:
    """Reads the body. What is read is held, and counted, by `upload`; a large file may take longer.

    Raises:
        InvalidRequestError: it is no form, or one without a file.
        MessageTooLargeError, NoCapacityError: too large.
        IdleTimeoutError: it does not come.
    """
    if request.content_type != "multipart/form-data":
        raise errors.InvalidRequestError("Send the file as multipart/form-data, in the field `file`.")
    try:
        async with asyncio.timeout(timeout_s) as limit:
            fields, has_file = await _read_parts(request, upload, limit)
    except TimeoutError:
        raise errors.IdleTimeoutError("The file came too slowly.") from None
    except (ValueError, LookupError, AssertionError, web.HTTPException):
        raise errors.InvalidRequestError("The body is not the multipart form that it says it is.") from None
    if not has_file:
        raise errors.InvalidRequestError("The form has no file: send the audio in the field `file`.")
    return Form(fields, upload.take())


async def _read_parts(
    request: web.Request, upload: Upload, limit: asyncio.Timeout
) -> tuple[dict[str, list[str]], bool]:
    fields: dict[str, list[str]] = {}
    text_bytes, has_file = 0, False
    parts = await request.multipart()
    for _ in range(_MOST_FIELDS):
        part = await parts.next()
        if part is None:
            return fields, has_file
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise errors.InvalidRequestError("A part of the form has no name, or has parts of its own.")
        if part.name == "file":
            if has_file:
                raise errors.InvalidRequestError("The form has more than one file: send one a request.")
            has_file = True
            await upload.read(part, limit)
            continue
        value = await _text(part, _MOST_TEXT_BYTES - text_bytes)
        text_bytes += len(value)
        fields.setdefault(part.name.removesuffix("[]"), []).append(value.decode())
    raise errors.InvalidRequestError(f"The form has more than {_MOST_FIELDS} fields.")


async def _text(part: BodyPartReader, most: int) -> bytes:
    content = bytearray()
    while piece := await part.read_chunk():
        content += piece
        if len(content) > most:
            raise errors.MessageTooLargeError(
                f"The form's text fields have more than {_MOST_TEXT_BYTES} bytes together."
            )
    return bytes(content)
