"""What can be wrong with a file for captions."""


class CaptionFileError(Exception):
    """The file cannot be used; the message says what to do."""
