"""How transcripts are written for training: what the model will write when it recognizes."""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'"))
_NO_WORD = re.compile(r"[^a-z']+")


def normalize(text: str) -> str | None:
    """Lower-case letters a to z and apostrophes, single spaces between words.

    Accents are dropped (café: cafe), everything else parts words. A text with digits gives None: how
    they were spoken is not known, and a wrong transcript teaches deletions. So does a text without
    words, or with letters of another script.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).lower()
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    if any(character.isnumeric() or (character.isalpha() and character > "z") for character in letters):
        return None
    words = [word for word in _NO_WORD.sub(" ", letters).split() if word.strip("'")]
    return " ".join(words) or None
