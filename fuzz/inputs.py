"""Input number n of a seed: always the same, so that a failing one can be made again from two numbers."""

from __future__ import annotations

import functools
import itertools
import random
from dataclasses import dataclass

from amira.asr.v1 import config_pb2
from amira.frontend.v1 import frontend_pb2
from fuzz.containers import Container, containers
from fuzz.mutations import inflated, mutated, noise


@dataclass(frozen=True)
class Input:
    """What a client sends: a format, then bytes in pieces."""

    origin: str
    """What the bytes were made from."""
    audio_format: frontend_pb2.AudioFormat
    pieces: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of all pieces."""
        return sum(map(len, self.pieces))


def make_input(seed: int, number: int) -> Input:
    """A mutated container, noise or a large lump, in pieces, with the right format or a wrong one."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311 - not a secret
    choice = containers()
    container = chance.choice(_with_header() if chance.random() < 0.8 else choice)
    kind = chance.random()
    if kind < 0.001:
        origin, data = f"much of {container.name}", inflated(container, chance)
    elif kind < 0.1:
        origin, data = "noise", noise(chance)
    else:
        origin, data = container.name, mutated(container, choice, chance)
    right = chance.random() < 0.85
    return Input(origin, _right(container) if right else _any(chance), _in_pieces(data, chance))


@functools.cache
def _with_header() -> tuple[Container, ...]:
    return tuple(container for container in containers() if not container.sample_rate_hz)


def _right(container: Container) -> frontend_pb2.AudioFormat:
    return frontend_pb2.AudioFormat(
        encoding=container.encoding,
        sample_rate_hz=container.sample_rate_hz,
        channels=container.channels,
    )


def _any(chance: random.Random) -> frontend_pb2.AudioFormat:
    """Fields that may go with each other or not, each of them likely to be near a bound."""
    rate = chance.choice((0, 8000, 16_000, 44_100, 48_000, 1, 7999, 48_001, -1, 2**31 - 1, -(2**31)))
    return frontend_pb2.AudioFormat(
        encoding=chance.choice((*config_pb2.AudioEncoding.values(), 99)),  # type: ignore[arg-type]  # 99 is none
        sample_rate_hz=rate,
        channels=chance.choice((0, 1, 2, 8, 9, -1, 2**31 - 1)),
        channel=chance.choice((0, 0, 0, 1, 7, 8, -1, 2**31 - 1)),
        first_sample=chance.choice((0, 0, 0, rate, 3 * rate, 1, -rate, 2**63 - 1, -(2**63)))
        if abs(rate) < 2**30
        else 0,
    )


def _in_pieces(data: bytes, chance: random.Random) -> list[bytes]:
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 0, 1, 2, 8))))
    return [data[begin:end] for begin, end in itertools.pairwise((0, *cuts, len(data)))]
