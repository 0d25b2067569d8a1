"""How often commands are understood, and how often other speech is taken for one.

    python -m demo.assistant.measure [--server HOST:PORT] [--others FOLDER] [--show]

Every command of commands.txt is spoken with the wake phrase before it, in each way of conditions.py, and sent
through a server; it counts as understood if it does, and answers, the same as the written sentence would.
"""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Annotated

import soundfile
import typer
from hibari import Hibari

from amira_client import AmiraClient, RecognitionConfig
from amira_local.options import StackOptions
from amira_local.stack import LocalStack
from demo.assistant.echo import words_said
from demo.assistant.intents.house import House
from demo.assistant.language.command import Command
from demo.assistant.language.understanding import Understanding
from demo.assistant.measure.conditions import CONDITIONS, RATE_HZ, unfamiliar
from demo.assistant.measure.trial import Outcome, Trials
from demo.assistant.recognition import config_for
from demo.assistant.wake import WakePhrase

HERE = Path(__file__).resolve().parent
_TODAY = datetime(2026, 3, 10, 9, 30)  # any will do, anywhere
_OTHERS = HERE.parents[3] / "shared" / "speech"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def commands(understanding: Understanding) -> dict[str, Command]:
    """Every sentence and the command that it is. Raises ValueError for one that the grammar does not have."""
    found = {}
    for sentence in (HERE / "commands.txt").read_text(encoding="utf-8").splitlines():
        understood = understanding.understand([" ".join(words_said(sentence))])
        if understood.command is None or understood.cost > 0:
            raise ValueError(f"the grammar does not have {sentence!r}")
        found[sentence] = understood.command
    return found


@app.command()
def measure(
    server: Annotated[str, typer.Option(help="A server that runs (default: one of its own).")] = "",
    others: Annotated[
        Path, typer.Option(help="Recordings in which nobody talks to it: a folder with manifest.tsv.")
    ] = _OTHERS,
    show: Annotated[bool, typer.Option("--show", help="Print what was not understood.")] = False,
) -> None:
    """Speak all commands in all conditions, and print a table."""
    asyncio.run(_measure(server, others, show))


async def _measure(target: str, others: Path, show: bool) -> None:
    understanding, wake, voice = Understanding.of_file(), WakePhrase(), Hibari(threads=1)
    async with AsyncExitStack() as held:
        if not target:
            stack = LocalStack(StackOptions(ephemeral_ports=True, nodes=1))
            await held.enter_async_context(stack)
            target = stack.gateway_target
        client = await held.enter_async_context(AmiraClient(target))
        config = await config_for(client, RATE_HZ, wake.phrase)
        trials = Trials(client, understanding, wake)
        print("| said | woke | understood | misunderstood | heard word for word |\n|---|---|---|---|---|")
        for condition in (*CONDITIONS, *unfamiliar()):
            counts: Counter[str] = Counter()
            expected = commands(understanding)
            for sentence, command in expected.items():
                pcm = condition.audio(voice, f"Hey Amira, {sentence[0].lower()}{sentence[1:]}")
                outcome = await trials.run(config, pcm)
                counts += _judge(command, outcome)
                if show and not _same(outcome.command, command):
                    print(f"    {sentence!r} was heard as {outcome.heard!r}: {outcome.command}")
            print(_row(condition.name, counts, len(expected)), flush=True)
        if (others / "manifest.tsv").is_file():
            config = await config_for(client, 16_000, wake.phrase)
            await _measure_others(trials, config, others, show)


async def _measure_others(trials: Trials, config: RecognitionConfig, folder: Path, show: bool) -> None:
    with (folder / "manifest.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["split"] == "dev"]
    seconds, woke = 0.0, 0
    for row in rows:
        samples, rate_hz = soundfile.read(folder / row["path"], dtype="int16")
        if rate_hz != config.sample_rate_hz:
            continue
        outcome = await trials.run(config, samples.tobytes())
        seconds += samples.size / rate_hz
        woke += outcome.woke
        if show and outcome.woke:
            print(f"    woke at {outcome.heard!r}")
    print(f"\nOther speech: {seconds / 60:.0f} minutes, woke {woke} times.")


def _judge(command: Command, outcome: Outcome) -> Counter[str]:
    right = _same(outcome.command, command)
    return Counter(
        woke=outcome.woke,
        right=right,
        wrong=outcome.command is not None and not right,
        exact=outcome.exact and right,
    )


def _same(found: Command | None, command: Command) -> bool:
    return found is not None and found.intent == command.intent and _answer(found) == _answer(command)


def _answer(command: Command) -> str:
    return House(lambda: _TODAY).execute(command)


def _row(name: str, counts: Counter[str], of: int) -> str:
    cells = " | ".join(f"{counts[what]} of {of}" for what in ("woke", "right", "wrong", "exact"))
    return f"| {name} | {cells} |"


if __name__ == "__main__":
    app()
