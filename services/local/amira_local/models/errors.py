"""What can go wrong with models, each with the command's exit status."""

from __future__ import annotations

from typing import ClassVar


class ModelsError(Exception):
    """Base of all of them; the message says what was wrong and what to do."""

    exit_status: ClassVar[int] = 1


class NoSuchModelError(ModelsError):
    """No model of that name or in that folder."""

    exit_status = 2


class FetchError(ModelsError):
    """The archive could not be downloaded."""

    exit_status = 3


class ArchiveError(ModelsError):
    """The archive is not the one that was expected, is damaged, or is not safe to unpack."""

    exit_status = 4


class StorageError(ModelsError):
    """The disk is full, or the folder cannot be written."""

    exit_status = 5
