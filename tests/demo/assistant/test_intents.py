"""What commands do, from their sentences on."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime

import pytest

from demo.assistant.intents.house import NOT_UNDERSTOOD, House
from demo.assistant.intents.timers import MOST_TIMERS
from demo.assistant.language.command import Command
from demo.assistant.language.notation import read
from demo.assistant.language.understanding import GRAMMAR, Understanding

NOW = datetime(2026, 3, 10, 21, 5)


@pytest.fixture
async def house() -> House:
    return House(lambda: NOW)


def test_there_is_code_for_every_intent_of_the_grammar() -> None:
    house = House()
    assert [intent for intent in read(GRAMMAR.read_text()).intents if not house.knows(intent)] == []
    assert not house.knows("light.explode")


ANSWERS = [
    ("what is twelve times seven", "12 times 7 is 84."),
    ("what is one hundred and five minus forty three", "105 minus 43 is 62."),
    ("what is five minus seven", "5 minus 7 is minus 2."),
    ("subtract nine from sixty", "60 minus 9 is 51."),
    ("take two from three", "3 minus 2 is 1."),
    ("add one thousand and seven to three", "1007 plus 3 is 1010."),
    ("divide ninety six by eight", "96 divided by 8 is 12."),
    ("divide ten by three", "10 divided by 3 is about 3.333."),
    ("what is seven divided by zero", "Nothing can be divided by zero."),
    ("what is fifteen percent of eighty", "15 percent of 80 is 12."),
    ("what is half of seventy five", "Half of 75 is 37.5."),
    ("what is the square root of one hundred and forty four", "The square root of 144 is 12."),
    ("what is the square root of two", "The square root of 2 is about 1.414."),
    ("what time is it", "It is 9:05 pm."),
    ("what time will it be in four hours", "It will be 1:05 am."),
    ("what is the date", "Today is Tuesday, March 10th."),
    ("what day is it", "Today is Tuesday, March 10th."),
    ("what day is tomorrow", "It is Wednesday, March 11th."),
    ("what day is yesterday", "It was Monday, March 9th."),
    ("when is christmas", "It is Friday, December 25th."),
    ("what day is the thirty first of april", NOT_UNDERSTOOD),
    ("how many days until tomorrow", "1 day until Wednesday, March 11th."),
    ("how many days until the tenth of march", "That is today."),
    ("how many days until yesterday", "That was yesterday."),
    ("turn on the kitchen light", "The kitchen light is on."),
    ("turn everything off", "All lights are off."),
    ("dim the lights to thirty percent", "All lights are at 30 percent."),
    ("set the desk lamp to zero percent", "The desk lamp is off."),
    ("make the bedroom light blue", "The bedroom light is blue."),
    ("good night", "Good night. All lights are off."),
    ("cancel the timer", "No timer is running."),
    ("how much time is left", "No timer is running."),
    ("stop", ""),
    ("say that again", "I have not said anything yet."),
]


@pytest.mark.parametrize(("sentence", "answer"), ANSWERS)
async def test_answers(understanding: Understanding, house: House, sentence: str, answer: str) -> None:
    command = understanding.understand([sentence]).command
    assert command is not None
    assert house.execute(command) == answer


def does(house: House, understanding: Understanding, sentence: str) -> str:
    command = understanding.understand([sentence]).command
    assert command is not None, sentence
    return house.execute(command, "what was said last")


async def test_lights_one_by_one(understanding: Understanding, house: House) -> None:
    changes = []
    house.watch("a test", lambda: changes.append(1), lambda text: None)
    for sentence in ("turn on the desk lamp", "make the living room light darker", "dim the kitchen light"):
        does(house, understanding, sentence)
    lights = {str(light["name"]): light for light in house.state()["lights"]}  # type: ignore[attr-defined]
    assert lights["desk lamp"]["on"]
    assert not lights["living room light"]["on"]  # darker than off is off
    assert not lights["bedroom light"]["on"]
    assert len(changes) == 3
    for _ in range(5):
        does(house, understanding, "make the desk lamp darker")
    assert lights["desk lamp"]["level"] != house.state()["lights"][3]["level"] == 10  # type: ignore[index]
    does(house, understanding, "brighten the bedroom light")
    assert house.state()["lights"][2]["on"]  # type: ignore[index]
    house.toggle("bedroom light")
    assert not house.state()["lights"][2]["on"]  # type: ignore[index]
    with pytest.raises(KeyError):
        house.toggle("no such light")
    house.unwatch("a test")
    house.toggle("desk lamp")
    assert len(changes) == 10


async def test_timers_ring_can_be_asked_prolonged_and_cancelled(
    understanding: Understanding, house: House
) -> None:
    said: list[str] = []
    house.watch("a test", lambda: None, said.append)
    assert does(house, understanding, "set a timer for one second") == "Timer set for 1 second."
    assert does(house, understanding, "set a timer for ten minutes") == "Timer set for 10 minutes."
    async with asyncio.timeout(30):
        while not said:  # noqa: ASYNC110 - told by a callback
            await asyncio.sleep(0.02)
    assert said == ["Your 1 second timer is done."]
    left = r"14 minutes and [2-5]\d seconds left\."  # 59 seconds, or fewer on a busy machine
    assert re.fullmatch(f"Added 5 minutes: {left}", does(house, understanding, "add five minutes"))
    assert re.fullmatch(left, does(house, understanding, "how much time is left"))
    (timer,) = house.state()["timers"]  # type: ignore[misc]
    assert timer["name"] == "15 minute timer"
    house.cancel_timer(timer["number"])
    house.cancel_timer(timer["number"])  # twice is once
    assert house.state()["timers"] == []


async def test_timers_have_limits(understanding: Understanding, house: House) -> None:
    for _ in range(MOST_TIMERS):
        assert does(house, understanding, "set a timer for half an hour").startswith("Timer set")
    assert does(house, understanding, "set a timer for half an hour").startswith("There are 8 timers")
    assert does(house, understanding, "set a timer for ninety nine hours").startswith("Timers can be")
    assert does(house, understanding, "cancel all my timers") == "8 timers cancelled."


async def test_the_last_answer_is_repeated(understanding: Understanding, house: House) -> None:
    assert does(house, understanding, "say that again") == "what was said last"


def test_an_intent_without_code_is_an_error() -> None:
    with pytest.raises(KeyError):
        House().execute(Command("light.explode"))
