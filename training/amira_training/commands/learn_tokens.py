"""`tokens`: the vocabulary, learnt from transcripts and sentences."""

from __future__ import annotations

from pathlib import Path

from amira_training.commands.run import Run, once
from amira_training.console import say
from amira_training.data.packed_set import open_set
from amira_training.synthesis.sentences import read_sentences
from amira_training.tokens import train_tokens
from amira_training.work_folder import TRAIN, fingerprint


def learn_tokens(run: Run, text: Path | None = None) -> None:
    """Writes ``tokens/bpe.model`` and ``tokens/tokens.txt``. Raises MissingStepError, DataError."""
    index = run.work.require(run.work.audio / f"{TRAIN}.tsv", "prepare")
    settings = run.settings.tokens
    inputs = [fingerprint(index)] + ([fingerprint(text)] if text else [])
    with once(run, "tokens", {"inputs": inputs, "settings": settings.model_dump()}) as wanted:
        if not wanted:
            return
        transcripts = [recording.text for recording in open_set(run.work.audio, TRAIN).recordings]
        texts = transcripts * settings.transcript_weight + (read_sentences(text) if text else [])
        tokens = train_tokens(texts, run.work.bpe_model, vocabulary=settings.vocabulary)
        words = sum(len(transcript.split()) for transcript in transcripts)
        pieces = sum(len(tokens.encode(transcript)) for transcript in transcripts)
        say(f"tokens: wrote {run.work.bpe_model}, {len(tokens)} tokens, {pieces / words:.2f} per word")
