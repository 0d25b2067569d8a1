"""Commands of every page name targets, programs, options and files that exist. None is started here."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import typer.main

from amira_local.cli import app
from tests.docs.pages import ROOT, blocks, pages, prose

SHELL = {"", "sh", "bash", "shell", "console"}
FILES = re.compile(r"^(?:demo|deploy|models|protos|scripts|clients)/[\w./-]+$")


@dataclass(frozen=True)
class Command:
    """One line of a page."""

    place: str
    words: tuple[str, ...]


@cache
def commands() -> list[Command]:
    """Lines of shell blocks, and what is between backquotes, that begin with a word known here."""
    return [*_in_blocks(), *_in_prose()]


def _in_blocks() -> Iterator[Command]:
    for page in pages():
        for block in blocks(page):
            if block.language in SHELL:
                for line in block.code.replace("\\\n", " ").splitlines():
                    yield from _commands(block.name, line.split(" #")[0].removeprefix("$ "))


def _in_prose() -> Iterator[Command]:
    for page in pages():
        for said in re.findall(r"`([^`\n]+)`", prose(page)):
            yield from _commands(str(page.relative_to(ROOT)), said)


def _commands(place: str, line: str) -> Iterator[Command]:
    for part in re.split(r" && | \| |; ", line):
        try:
            words = shlex.split(part)
        except ValueError:
            continue
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        if words and words[0].removeprefix(".venv/bin/") in ("make", "amira", "python"):
            yield Command(place, (words[0].removeprefix(".venv/bin/"), *words[1:]))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_make_knows_every_target() -> None:
    known = targets()
    wrong = []
    for command in commands():
        if command.words[0] == "make":
            words = [word for word in command.words[1:] if not word.startswith("-") and "=" not in word]
            wrong += [
                (command.place, word)
                for word in words
                if re.fullmatch(r"[a-z-]+", word) and word not in known
            ]
    assert wrong == []


def test_amira_knows_every_command_and_option() -> None:
    group = typer.main.get_command(app)
    wrong = [
        (command.place, fault)
        for command in commands()
        if command.words[0] == "amira" and (fault := _fault(group, command.words[1:]))
    ]
    assert wrong == []


def _fault(group: Any, words: tuple[str, ...]) -> str:
    """What a command line names that does not exist; empty if nothing."""
    at, position = group, 0
    while hasattr(at, "commands") and position < len(words) and re.fullmatch(r"[a-z-]+", words[position]):
        if words[position] not in at.commands:
            return words[position]
        at, position = at.commands[words[position]], position + 1
    known = {name for parameter in at.params for name in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }
    options = [word.split("=")[0] for word in words[position:] if word.startswith("--") and len(word) > 2]
    return next((option for option in options if option not in known), "")


def test_python_finds_every_module() -> None:
    wrong = []
    for command in commands():
        if command.words[:2] == ("python", "-m") and len(command.words) > 2:
            module = command.words[2]
            if re.fullmatch(r"[\w.]+", module) and not _is_module(module):
                wrong.append((command.place, module))
    assert wrong == []


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def test_files_in_commands_exist() -> None:
    named = {
        (command.place, word) for command in commands() for word in command.words if FILES.fullmatch(word)
    }
    assert len(named) > 4
    assert [each for each in named if not (ROOT / each[1]).exists()] == []


def test_there_are_commands_and_faults_are_found() -> None:
    assert len(commands()) > 80
    group = typer.main.get_command(app)
    assert _fault(group, ("up", "--gone")) == "--gone"
    assert _fault(group, ("gone",)) == "gone"
    assert _fault(group, ("models", "pull", "zipformer-en")) == ""
    assert "demo" in targets()


def test_every_page_of_the_documents_is_listed() -> None:
    """In docs/README.md, where a newcomer looks, and in the site's menu."""
    listed = (ROOT / "docs" / "README.md").read_text()
    menu = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "README.md":
            assert f"({page.name})" in listed, page.name
            assert f"- {page.name}\n" in menu, page.name
