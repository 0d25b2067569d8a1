"""What breaks when: drawn from a seed before the run, so that a run can be had again.

Never is more than one replica of a kind disturbed at the same moment (Triton counts with its decoder),
unless blackouts are asked for: those take all of one kind off the network for a few seconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """Ways in which a replica can be disturbed."""

    KILL = "kill"
    """SIGKILL to the replica's processes; started again after a while, as the kubelet would."""
    KILL_MODEL = "kill-model"
    """SIGKILL to the model's process inside Triton."""
    PAUSE = "pause"
    """SIGSTOP, SIGCONT some seconds later."""
    DRAIN = "drain"
    """SIGTERM; started again when it has ended."""
    CUT = "cut"
    """Connections to it are reset, new ones work."""
    REFUSE = "refuse"
    """Connections are reset and new ones refused for some seconds."""
    STALL = "stall"
    """Connections stay open and pass nothing for some seconds."""
    SLOW = "slow"
    """Bytes come late and few at a time for some seconds."""
    BLACKOUT = "blackout"
    """REFUSE for all replicas of a kind at once."""
    OUTAGE = "outage"
    """All Tritons are killed, and stay away for some seconds: decoders stand in for them."""
    SWAP = "swap"
    """A new version of the model in the folder, and SIGHUP to all who have it open."""


OF_ALL = frozenset({FaultKind.BLACKOUT, FaultKind.OUTAGE, FaultKind.SWAP})
"""What happens to all replicas of a kind at once, and only where it is asked for."""


ON_NETWORK = frozenset({FaultKind.CUT, FaultKind.REFUSE, FaultKind.STALL, FaultKind.SLOW})
_ON_PROCESS = frozenset({FaultKind.KILL, FaultKind.PAUSE, FaultKind.DRAIN})
_HANGING = frozenset({FaultKind.PAUSE, FaultKind.STALL})
_LASTING = frozenset({FaultKind.PAUSE, FaultKind.REFUSE, FaultKind.STALL, FaultKind.SLOW})
_DRIVES_AWAY = frozenset(FaultKind) - OF_ALL - {FaultKind.PAUSE, FaultKind.STALL, FaultKind.SLOW}
"""Faults after which a replica's streams are elsewhere."""

KINDS_OF_FAULT = {
    "frontend": _ON_PROCESS | ON_NETWORK,
    "decoder": _ON_PROCESS | ON_NETWORK,
    "triton": _ON_PROCESS | ON_NETWORK | {FaultKind.KILL_MODEL},
    "gateway": _ON_PROCESS | ON_NETWORK,
}
"""Which faults each kind of replica can have."""

_FIRST_AT_S = 4.0
_QUIET_END_S = 8.0
"""Behind the last fault, so that it can be seen to be over."""

# How long a replica is expected to be away behind the fault itself; the run itself asks for its health.
_BACK_AFTER_S = {
    FaultKind.KILL: 10.0,
    FaultKind.KILL_MODEL: 6.0,
    FaultKind.DRAIN: 12.0,
    FaultKind.OUTAGE: 12.0,
    FaultKind.SWAP: 12.0,
}
_BACK_AFTER_NETWORK_S = 2.0

_MOST_FAULT_S = 6.0
_LONG_FAULT_S = 13.0
"""Longer than a gateway waits for a sign of life (10 s): it must go on elsewhere."""
_LONG_SHARE = 0.25
_LEAST_FAULT_S = 1.0
_OUTAGE_S = (8.0, 14.0)
"""Longer than a decoder waits before it stands in for its Triton."""


@dataclass(frozen=True)
class Fault:
    """One disturbance."""

    at_s: float
    """From the moment at which the streams begin."""
    kind: FaultKind
    target: str
    """Replica (``decoder-1``), or the kind of replicas for what all of them have at once (``decoder``)."""
    seconds: float = 0.0
    """How long it lasts, where it is not over at once."""
    delay_ms: float = 0.0
    bytes_per_s: float | None = None

    def __str__(self) -> str:
        text = f"{self.kind} {self.target}"
        if self.seconds:
            text += f" for {self.seconds:.1f} s"
        if self.bytes_per_s:
            text += f" ({self.delay_ms:.0f} ms, {self.bytes_per_s / 1000:.0f} kB/s)"
        return text


@dataclass(frozen=True)
class Plan:
    """What a schedule may hold."""

    seed: int
    seconds: float
    """Length of the run."""
    every_s: float = 8.0
    """Between the beginnings of faults, on average."""
    replicas: tuple[str, ...] = ()
    """Names of the replicas that may be disturbed: ``decoder-0``, ``decoder-1``, ``frontend-0`` ..."""
    kinds: frozenset[FaultKind] = frozenset(FaultKind) - OF_ALL
    blackouts: bool = False
    outages: bool = False
    swaps: bool = False
    """Instead of all other faults of decoders and Tritons: a stream keeps its version of the model, so it
    can go on only where that still runs."""
    longest_blackout_s: float = 4.0
    """Must be shorter than the gateway's patience with lost services."""
    one_of_a_kind: bool = True
    """False allows faults of several replicas of a kind at the same time."""


def group_of(replica: str) -> str:
    """Replicas of one group can do without one of them. A decoder without its Triton is as good as dead.

    `replica` may be a kind of replicas, too.
    """
    kind = kind_of(replica)
    return "decoder" if kind == "triton" else kind


def kind_of(replica: str) -> str:
    """``decoder`` of ``decoder-1``; a kind itself stays as it is."""
    return replica.partition("-")[0]


def _place_of(replica: str) -> str:
    return replica.partition("-")[2]


def draw(plan: Plan) -> list[Fault]:
    """The faults in order of time: the same ones for the same plan.

    Raises:
        ValueError: no kind of fault fits any replica.
    """
    return list(_Drawing(plan).faults())


class _Drawing:
    """Deals every possible fault once before any comes again."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311 - reproducible, not secret
        self._cards = _cards(plan)
        if not self._cards:
            raise ValueError("no fault can be drawn: none of the kinds fits any of the replicas")
        self._deck: list[tuple[FaultKind, str]] = []
        self._left: dict[str, str] = {}
        self._disturbed_until: dict[str, float] = {}

    def faults(self) -> Iterator[Fault]:
        plan = self._plan
        at_s = _FIRST_AT_S
        while at_s < plan.seconds - _QUIET_END_S:
            kind, target = self._deal(at_s)
            at_s = max(at_s, self._free_at(target))
            if at_s >= plan.seconds - _QUIET_END_S:
                return
            fault = self._fault(kind, target, round(at_s, 2))
            self._disturb(fault)
            yield fault
            at_s += plan.every_s * self._random.uniform(0.6, 1.4)

    def _deal(self, at_s: float) -> tuple[FaultKind, str]:
        """The next fault that needs not wait at `at_s`, else the next one; with a replica for it."""
        if not self._deck:
            self._deck = list(self._cards)
            self._random.shuffle(self._deck)
        dealt = [(kind, self._place(replica_kind)) for kind, replica_kind in self._deck]
        chosen = next((place for place, card in enumerate(dealt) if self._free_at(card[1]) <= at_s), 0)
        del self._deck[chosen]
        return dealt[chosen]

    def _place(self, replica_kind: str) -> str:
        """Mostly another one than the streams had to leave last: that is where they are."""
        places = [name for name in self._plan.replicas if kind_of(name) == replica_kind]
        left = self._left.get(group_of(replica_kind))
        others = [name for name in places if _place_of(name) != left]
        return self._random.choice(others if others and self._random.random() < 0.8 else places)

    def _free_at(self, target: str) -> float:
        """When nothing of the target's group is disturbed any more."""
        return self._disturbed_until.get(group_of(target), 0.0) if self._plan.one_of_a_kind else 0.0

    def _disturb(self, fault: Fault) -> None:
        group = group_of(fault.target)
        lasts_s = fault.seconds + _BACK_AFTER_S.get(fault.kind, _BACK_AFTER_NETWORK_S)
        self._disturbed_until[group] = fault.at_s + lasts_s
        if fault.kind in _DRIVES_AWAY:
            self._left[group] = _place_of(fault.target)

    def _fault(self, kind: FaultKind, target: str, at_s: float) -> Fault:
        draw_one = self._random.uniform
        if kind is FaultKind.BLACKOUT:
            longest = self._plan.longest_blackout_s
            return Fault(at_s, kind, kind_of(target), round(draw_one(longest / 2, longest), 1))
        if kind in OF_ALL:
            seconds = round(draw_one(*_OUTAGE_S), 1) if kind is FaultKind.OUTAGE else 0.0
            return Fault(at_s, kind, kind_of(target), seconds)
        seconds = round(draw_one(_LEAST_FAULT_S, _MOST_FAULT_S), 1) if kind in _LASTING else 0.0
        if kind in _HANGING and self._random.random() < _LONG_SHARE:
            seconds = _LONG_FAULT_S
        if kind is FaultKind.SLOW:
            delay_ms, bytes_per_s = round(draw_one(50, 400)), round(draw_one(24_000, 128_000))
            return Fault(at_s, kind, target, seconds, delay_ms, bytes_per_s)
        return Fault(at_s, kind, target, seconds)


def _cards(plan: Plan) -> Sequence[tuple[FaultKind, str]]:
    cards = []
    for replica_kind in sorted({kind_of(name) for name in plan.replicas}):
        has_model = group_of(replica_kind) == "decoder"
        possible = KINDS_OF_FAULT[replica_kind] & plan.kinds
        if plan.swaps and has_model:
            possible = frozenset({FaultKind.SWAP}) if replica_kind == "decoder" else frozenset()
        if plan.blackouts and replica_kind in ("decoder", "frontend") and not (plan.swaps and has_model):
            possible |= {FaultKind.BLACKOUT}
        if plan.outages and replica_kind == "triton":
            possible |= {FaultKind.OUTAGE}
        cards += [(kind, replica_kind) for kind in sorted(possible)]
    return cards
