"""What commands fail with when the user can mend it; messages say what was wrong and what to do."""

from __future__ import annotations


class RecipeError(Exception):
    """Base: a command cannot do its work."""


class SettingsError(RecipeError):
    """A setting is unknown or out of its range."""


class BusyError(RecipeError):
    """Another command is working in the same folder."""


class MissingStepError(RecipeError):
    """A file is missing that another command writes."""


class DataError(RecipeError):
    """A manifest, a recording or a packed set cannot be used."""


class TeacherError(RecipeError):
    """The teacher's weights cannot be fetched or are not the expected ones."""


class VoiceError(RecipeError):
    """A synthetic voice is not installed."""


class TrainingError(RecipeError):
    """A run cannot go on: losses are not finite, or a worker died."""


class ExportError(RecipeError):
    """A model folder cannot be written, read or trusted."""
