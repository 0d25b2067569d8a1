"""`language-model`: an n-gram model over a model folder's tokens, for the decoder's beam search."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from amira_training.console import say
from amira_training.errors import DataError
from amira_training.language_model.build import lay_out
from amira_training.language_model.counts import Counts, count_ngrams
from amira_training.language_model.ngram_file import FILE_NAME, write_ngrams
from amira_training.language_model.pruning import prune
from amira_training.language_model.smoothing import smooth
from amira_training.language_model.texts import HeldOut, read_texts
from amira_training.tokens import Tokens
from amira_training.work_folder import WorkFolder

DEFAULT_ORDER = 5
DEFAULT_MEGABYTES = 6.0
MEGABYTE = 1_000_000


def language_model(
    work: WorkFolder,
    into: Path,
    texts: Sequence[Path],
    leave_out: Sequence[Path],
    *,
    order: int,
    most_megabytes: float,
) -> Path:
    """Writes `lm.ngram` into a model folder, over the tokens of its `bpe.model`, and renews its checksums.

    The work folder's training transcripts are learnt from too where it has some, and what its evaluation
    sets say is left out of everything.

    Raises:
        DataError: a text or the folder's `bpe.model` cannot be read, or nothing is left to learn from.
        SettingsError: n-grams of this order do not fit.
    """
    began = time.monotonic()
    tokens = Tokens(into / "bpe.model")
    spoken = sorted(work.audio.glob("*.tsv"))
    measured = [work.audio / f"{name}.tsv" for name in work.evaluation_sets()]
    sentences = _sentences(
        [path for path in spoken if path not in measured] + [*texts], [*measured, *leave_out]
    )
    counts = count_ngrams(tokens.encode_all(sentences), len(tokens), order)
    say(f"language-model: {_sizes(counts)}")
    pruned = prune(smooth(counts), int(most_megabytes * MEGABYTE))
    path = into / FILE_NAME
    write_ngrams(path, lay_out(pruned), [tokens.piece(number) for number in range(len(tokens))])
    if (into / "SHA256SUMS").exists():
        from amira_training.export.model_folder import (
            write_checksums,
        )  # brings torch, which nothing else needs

        write_checksums(into)
    kept = ", ".join(f"{int(level.sum()):,}" for level in pruned.kept)
    say(f"language-model: kept {kept}")
    say(
        f"language-model: wrote {path}, {path.stat().st_size / MEGABYTE:.2f} MB, "
        f"in {time.monotonic() - began:.0f} s; it holds with every model of the same vocabulary"
    )
    return path


def _sentences(paths: Sequence[Path], leave_out: Sequence[Path]) -> list[str]:
    everything = list(dict.fromkeys(text for path in paths for text in read_texts(path)))
    held_out = HeldOut(text for path in leave_out for text in read_texts(path))
    sentences = held_out.keep_out(everything)
    if not sentences:
        raise DataError("there is no sentence to learn from: name some with --text, or a --work folder")
    say(
        f"language-model: {len(sentences):,} sentences; {len(everything) - len(sentences):,} left out "
        "because they share six words in a row with what is measured on"
    )
    return sentences


def _sizes(counts: Counts) -> str:
    total = int(counts.levels[0].counts.sum())
    return f"{total:,} tokens; n-grams by length: " + ", ".join(f"{len(level):,}" for level in counts.levels)
