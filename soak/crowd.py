"""Many more streams than slots, one in five killed without END: whose words are whose; are all slots back?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from amira_client import AmiraClient
from amira_local.options import StackOptions
from amira_local.stack import LocalStack
from benchmarks.recordings import Recording
from soak.load import Load
from soak.watch import SLOTS, Watch

_KILLED_OF = 5
"""One stream of so many."""
_RETRY_S = 0.3


@dataclass(frozen=True)
class CrowdOutcome:
    """What came of the crowd."""

    streams: int
    killed: int
    refusals: int
    """Of streams that tried again until there was a slot."""
    most_slots_used: int
    words: int
    changed: Sequence[str]
    """Recordings whose words were not those of the first hearing."""
    failures: Sequence[str]
    left_over: dict[str, float]
    """Slots, orphans and places still held ten seconds after the last stream."""

    @property
    def clean(self) -> bool:
        """Whether every stream got its own words and nothing is held any more."""
        return not (self.changed or self.failures or any(self.left_over.values()))


async def crowd(
    options: StackOptions,
    recordings: Sequence[Recording],
    streams: int,
    at_once: int,
    longest_s: float,
    say: Callable[[str], None],
) -> CrowdOutcome:
    """Plays the first `longest_s` seconds of recordings, `at_once` at a time, as fast as they are taken.

    Raises StackError.
    """
    async with (
        LocalStack(options) as stack,
        stack.client() as client,
        AmiraClient(stack.gateway_target, resume=False) as mortal,
    ):
        load = Load(client, mortal, recordings, seed=1, longest_s=longest_s)
        say(f"hearing {len(recordings)} recordings undisturbed")
        await load.hear_all()
        watch = Watch(stack)
        watching = asyncio.create_task(watch.run(0.5))
        numbers = iter(range(streams))
        say(f"{streams} streams, {at_once} at a time")
        await asyncio.gather(*(_queue_up(load, numbers, len(recordings)) for _ in range(at_once)))
        watching.cancel()
        left_over = await watch.until_unused()
    tally = load.tally
    return CrowdOutcome(
        streams=streams,
        killed=tally.streams["killed"],
        refusals=tally.refused,
        most_slots_used=int(max(sample.readings["decoder", SLOTS] for sample in watch.samples)),
        words=tally.words,
        changed=tally.changed,
        failures=tally.failures,
        left_over=left_over,
    )


async def _queue_up(load: Load, numbers: Iterator[int], recordings: int) -> None:
    """One client behind the other; each tries until it is let in."""
    for number in numbers:
        killed = number % _KILLED_OF == 0
        while not await load.hurry(number % recordings, killed=killed):  # noqa: ASYNC110 - asked anew each time
            await asyncio.sleep(_RETRY_S)
