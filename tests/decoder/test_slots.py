"""Slots are lent once each, and no release can take one from its holder."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_core.errors import NoCapacityError
from amira_decoder.slots import Slot, SlotPool


def test_all_slots_are_lent_then_refused() -> None:
    pool = SlotPool(3)
    slots = [pool.allocate() for _ in range(3)]
    assert sorted(slot.index for slot in slots) == [0, 1, 2]
    assert (pool.used, pool.total) == (3, 3)
    with pytest.raises(NoCapacityError) as caught:
        pool.allocate()
    assert caught.value.retryable
    pool.release(slots[1])
    assert pool.allocate().index == slots[1].index


def test_generations_are_new_in_every_process() -> None:
    before = time.time_ns()
    generation = SlotPool(1).allocate().generation
    assert before < generation < 2**63
    time.sleep(0.001)
    assert SlotPool(1).allocate().generation > generation


@pytest.mark.parametrize("size", [0, -1])
def test_a_pool_needs_slots(size: int) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        SlotPool(size)


def test_a_stranger_can_be_released_without_harm() -> None:
    pool = SlotPool(1)
    held = pool.allocate()
    for stranger in (Slot(0, held.generation - 1), Slot(7, held.generation), Slot(-1, 0)):
        pool.release(stranger)
    assert pool.used == 1


@given(st.integers(1, 5), st.lists(st.one_of(st.none(), st.integers(0, 40)), max_size=60))
def test_any_order_of_lending_and_returning(size: int, actions: list[int | None]) -> None:
    """None allocates; a number releases the slot of that allocation, held or not."""
    pool = SlotPool(size)
    given_out: list[Slot] = []
    held: dict[int, Slot] = {}
    for action in actions:
        if action is None and len(held) == size:
            with pytest.raises(NoCapacityError):
                pool.allocate()
        elif action is None:
            slot = pool.allocate()
            assert slot.index not in held
            assert 0 <= slot.index < size
            assert all(slot.generation > earlier.generation for earlier in given_out)
            given_out.append(slot)
            held[slot.index] = slot
        elif action < len(given_out):
            slot = given_out[action]
            pool.release(slot)
            if held.get(slot.index) == slot:
                del held[slot.index]
        assert pool.used == len(held)


def test_pools_that_share_lend_each_slot_once() -> None:
    one = SlotPool(3)
    other = one.share()
    first, second, third = one.allocate(), other.allocate(), other.allocate()
    assert sorted(slot.index for slot in (first, second, third)) == [0, 1, 2]
    assert len({slot.generation for slot in (first, second, third)}) == 3
    assert (one.used, one.total, other.used, other.total) == (1, 1, 2, 2)
    assert one.lent() == [first]
    for pool in (one, other):
        with pytest.raises(NoCapacityError):
            pool.allocate()
    one.release(second)  # of the other pool: nothing to do with this one
    assert other.used == 2
    other.release(second)
    assert one.allocate().index == second.index
