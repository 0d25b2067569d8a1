"""Results come in order; a worker that fails ends the run with its error instead of leaving it waiting."""

from __future__ import annotations

import os
from itertools import count, islice

import pytest

from amira_training.data.feeder import feeding
from amira_training.errors import TrainingError


def square(number: int) -> int:
    return number * number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is too many")
    return number


def die_at_three(number: int) -> int:
    if number == 3:
        os._exit(9)
    return number


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_order_from_endless_items(workers: int) -> None:
    with feeding(square, count(), workers) as results:
        assert list(islice(results, 40)) == [n * n for n in range(40)]


def test_all_of_finitely_many() -> None:
    with feeding(square, range(3), 0) as results:
        assert list(results) == [0, 1, 4]
    with feeding(square, [], 0) as results:
        assert list(results) == []


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_comes_out_where_the_result_would_have(workers: int) -> None:
    with feeding(fail_at_three, count(), workers) as results:
        assert list(islice(results, 3)) == [0, 1, 2]
        with pytest.raises(ValueError, match="three is too many"):
            next(results)


def test_a_worker_that_dies_is_an_error() -> None:
    with feeding(die_at_three, count(), 1) as results, pytest.raises(TrainingError, match="died"):
        list(islice(results, 10))


def test_an_error_of_the_items_comes_out_too() -> None:
    with feeding(square, map(fail_at_three, count()), 0) as results, pytest.raises(ValueError, match="three"):
        list(results)
