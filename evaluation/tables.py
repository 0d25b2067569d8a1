"""The tables, as Markdown that can be read on a terminal too."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.parts.speech import SpeechRow
from evaluation.run import Run
from evaluation.targets import Judgement

Cells = Sequence[str]


def table(head: Cells, rows: Sequence[Cells]) -> str:
    """A Markdown table with aligned columns."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    padded = (
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )
    return "\n".join(f"| {line} |" for line in padded)


def all_tables(runs: Sequence[Run]) -> str:
    """Every table that there is something for, with a heading each."""
    sections = [
        ("Word error rate", speech_table(runs), _SPEECH_NOTE + _left_out(runs)),
        ("Words where nobody speaks", sounds_table(runs), _SOUNDS_NOTE),
        ("Rare names", hotwords_table(runs), _HOTWORDS_NOTE),
    ]
    parts = [f"### {title}\n\n{content}\n\n{note}" for title, content, note in sections if content]
    for run in runs:
        parts += [f"Not measured ({run.model.name}): {part}: {why}." for part, why in run.skipped.items()]
    return "\n\n".join(parts) + "\n"


_SPEECH_NOTE = (
    "Per cent; in brackets the 95 % interval (bootstrap by utterance: sets with few speakers vary more), "
    "then substitutions, deletions and insertions. Chunks plus look-ahead in ms."
)
_SOUNDS_NOTE = "Words in transcripts, and behind a plus those that only interim results showed."
_HOTWORDS_NOTE = (
    "All names are hotwords of every stream. False alarms: names in transcripts of sentences "
    "with another name, and of sentences without any."
)


def _left_out(runs: Sequence[Run]) -> str:
    counts = {source: count for run in runs for source, count in run.left_out.items()}
    if not counts:
        return ""
    listed = ", ".join(f"{count} of {source}" for source, count in counts.items())
    return f" Left out, because the data holds the same recordings for training: {listed}."


def speech_table(runs: Sequence[Run]) -> str:
    """Word error rates: the first search in full, the others beside it."""
    if not any(run.speech for run in runs):
        return ""
    searches = list(dict.fromkeys(row.search for run in runs for row in run.speech))
    rows = []
    for source in dict.fromkeys(row.source for run in runs for row in run.speech):
        for run in runs:
            found = {row.search: row for row in run.speech if row.source == source}
            if found:
                rows.append(_speech_cells(run, found, searches))
    head = ["source", "chunk", "utterances", "words", searches[0], "sub / del / ins", *searches[1:]]
    return table(head, rows)


def _speech_cells(run: Run, found: dict[str, SpeechRow], searches: Sequence[str]) -> list[str]:
    some, main = next(iter(found.values())), found.get(searches[0])
    return [
        some.source,
        f"{run.model.chunk_ms} + {run.model.look_ahead_ms}",
        str(some.utterances),
        str(some.errors.words),
        f"{main.errors.rate:.1f} ({main.low:.1f} to {main.high:.1f})" if main else "",
        f"{main.errors.substitutions} / {main.errors.deletions} / {main.errors.insertions}" if main else "",
        *(f"{found[search].errors.rate:.1f}" if search in found else "" for search in searches[1:]),
    ]


def sounds_table(runs: Sequence[Run]) -> str:
    """Words per kind of sound; a column per run and search."""
    columns = [(run, search) for run in runs for search in dict.fromkeys(row.search for row in run.sounds)]
    if not columns:
        return ""
    first = columns[0]
    seconds = {row.kind: row.seconds for row in first[0].sounds if row.search == first[1]}
    rows = [
        [kind, f"{seconds[kind] / 60:.1f}", *(_sound_cell(run, search, kind) for run, search in columns)]
        for kind in seconds
    ]
    totals = [_sound_cell(run, search, None) for run, search in columns]
    rows.append(["all", f"{sum(seconds.values()) / 60:.1f}", *totals])
    several = len({run.model.chunk_ms for run in runs}) > 1
    names = [f"{run.model.chunk_ms} ms {search}" if several else search for run, search in columns]
    return table(["sound", "minutes", *names], rows)


def _sound_cell(run: Run, search: str, kind: str | None) -> str:
    rows = [row for row in run.sounds if row.search == search and kind in (None, row.kind)]
    words, interim_words = sum(row.words for row in rows), sum(row.interim_words for row in rows)
    return f"{words} + {interim_words}" if interim_words else str(words)


def hotwords_table(runs: Sequence[Run]) -> str:
    """Recall and cost at every boost."""
    rows = [
        [
            f"{run.model.chunk_ms} + {run.model.look_ahead_ms}",
            row.search,
            f"{row.boost:g}" if row.boost else "none",
            f"{row.found} of {row.names} ({100 * row.found / row.names:.0f} %)",
            f"{row.false_alarms} in {row.names}",
            f"{row.plain_false_alarms} in {row.plain_sentences}",
            f"{row.plain_errors.rate:.1f}",
        ]
        for run in runs
        for row in run.hotwords
    ]
    head = [
        "chunk",
        "search",
        "boost",
        "names found",
        "false alarms",
        "false alarms, no name",
        "WER, no name",
    ]
    return table(head, rows) if rows else ""


def targets_section(judgement: Judgement) -> str:
    """What is wanted, what was measured, and whether that is enough."""
    rows = [
        [
            verdict.what,
            f"at most {verdict.at_most:g}",
            "not measured" if verdict.measured is None else f"{verdict.measured:.{verdict.decimals}f}",
            "met" if verdict.met else "missed",
        ]
        for verdict in judgement.verdicts
    ]
    note = ""
    if judgement.chunk_ms != judgement.wanted_chunk_ms:
        note = (
            f"\n\nMeasured with chunks of {judgement.chunk_ms} ms; "
            f"the targets are for {judgement.wanted_chunk_ms} ms."
        )
    return f"### Targets\n\n{table(['target', 'wanted', 'measured', ''], rows)}{note}\n"
