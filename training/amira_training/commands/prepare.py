"""`prepare`: recordings of manifests, packed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from amira_training.commands.run import Run, once
from amira_training.console import bar, say
from amira_training.data.librispeech import read_librispeech
from amira_training.data.manifest import Entry, evenly, read_manifest, without_sentences_of
from amira_training.data.packed_set import PackedSet
from amira_training.data.packing import pack
from amira_training.errors import DataError
from amira_training.work_folder import DEV, TRAIN, fingerprint

_LONGEST_DEV_S = 60.0


def prepare(run: Run, manifests: Sequence[Path], librispeech: Sequence[Path]) -> None:
    """Writes ``audio/train.*`` and, with something to measure on, ``audio/dev.*``. Raises DataError."""
    if not manifests and not librispeech:
        raise DataError("nothing to prepare: give --manifest FILE.tsv or --librispeech FOLDER, or several")
    for path in (*manifests, *librispeech):
        if not path.exists():
            raise DataError(f"{path} does not exist")
    data = run.settings.data
    inputs = [fingerprint(path) for path in (*manifests, *librispeech)]
    limits = data.model_dump(exclude={"times"})
    with once(run, "prepare", {"inputs": inputs, "limits": limits, "seed": run.settings.seed}) as wanted:
        if not wanted:
            return
        entries = [entry for path in manifests for entry in read_manifest(path)]
        entries += [entry for path in librispeech for entry in read_librispeech(path)]
        train = [entry for entry in entries if entry.split == TRAIN]
        dev = [entry for entry in entries if entry.split == DEV]
        unseen = without_sentences_of(dev, train)
        if len(unseen) < len(train):
            say(f"prepare: left out {len(train) - len(unseen)} of train: their sentences stand in dev too")
        _pack(run, TRAIN, unseen, data.train_utterances, data.shortest_s, data.longest_s)
        if dev:
            _pack(run, DEV, dev, data.dev_utterances, 0.0, _LONGEST_DEV_S)
        else:
            (run.work.audio / f"{DEV}.tsv").unlink(missing_ok=True)  # of an earlier manifest
            say("prepare: no entry has the split 'dev': word error rates cannot be measured")


def _pack(
    run: Run, name: str, entries: Sequence[Entry], count: int, shortest_s: float, longest_s: float
) -> None:
    chosen = evenly(entries, count, run.settings.seed)
    with bar(f"prepare {name}", len(chosen)) as shown:
        report = pack(
            chosen,
            run.work.audio,
            name,
            shortest_s=shortest_s,
            longest_s=longest_s,
            after_each=lambda so_far: shown.show(so_far.kept + so_far.skipped.total()),
        )
    packed = PackedSet(run.work.audio, name)
    say(f"prepare: wrote {run.work.audio / name}.pcm, {len(packed)} recordings, {packed.hours:.2f} h")
    for source, recordings in sorted(packed.sources().items()):
        say(f"  {source}: {recordings}")
    for line in report.lines():
        say(f"  {line}")
