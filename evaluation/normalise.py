"""How references and transcripts are written before they are compared. The one place for it.

    lower case; typographic apostrophes become plain ones and are kept, wherever they stand;
    accents are dropped (café: cafe); every other character that is no letter or digit parts words.

Nothing else is forgiven: numbers are not spelt out, spellings are not unified, and fillers count.
"""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'"))
_NO_WORD = re.compile(r"[^\w']|_")


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared."""
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).lower()
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return [word for word in _NO_WORD.sub(" ", letters).split() if word.strip("'")]
