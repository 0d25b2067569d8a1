"""The notation that grammars are written in, read into expressions.

    # A comment.
    timer.set: (set|start) [a] timer for <length:duration>      an intent; several lines add up
    <duration> = <number> minutes [and <number> seconds]        a rule, used by intents and other rules

`(a|b)`: one of them; `[a]`: may be left out; `<name>`: the rule of this name; `<slot:name>`: the same, and
the words that matched it are kept under the name of the slot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"<(?:([\w-]+):)?([\w -]+)>|([()\[\]|])|([a-z']+)|(\S)")
_LINE = re.compile(r"(?:<([\w -]+)>\s*=|([\w.-]+):)\s*(.+)")


class GrammarError(ValueError):
    """The grammar cannot be read; the message names the line and says why."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word, as it is spelled."""

    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several; an empty Sequence among them: it may be left out."""

    options: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A rule, and the slot that keeps what it matched."""

    rule: str
    slot: str = ""


Expression = Word | Sequence | Choice | Reference


@dataclass(frozen=True)
class Grammar:
    """What can be said."""

    intents: dict[str, Expression]
    rules: dict[str, Expression]


def read(text: str) -> Grammar:
    """Reads a grammar. Raises GrammarError."""
    intents: dict[str, list[Expression]] = {}
    rules: dict[str, list[Expression]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        found = _LINE.fullmatch(content)
        if found is None:
            raise GrammarError(f"Line {number}: write `intent: words` or `<rule> = words`, not {content!r}.")
        rule, intent, right = found.groups()
        expression = _Reader(right, number).expression()
        if intent:
            intents.setdefault(intent, []).append(expression)
        else:
            rules.setdefault(rule, []).append(expression)
    grammar = Grammar(
        {name: Choice(tuple(lines)) for name, lines in intents.items()},
        {name: Choice(tuple(lines)) for name, lines in rules.items()},
    )
    _check_references(grammar)
    return grammar


class _Reader:
    """Reads one right-hand side, from left to right."""

    def __init__(self, text: str, line: int) -> None:
        self._line = line
        self._tokens = [found.groups() for found in _TOKEN.finditer(text)]
        self._at = 0

    def expression(self) -> Expression:
        """All of it."""
        read = self._choice()
        if self._at < len(self._tokens):
            raise self._error(f"{self._sign!r} closes nothing")
        return read

    @property
    def _sign(self) -> str:
        return (self._tokens[self._at][2] or "") if self._at < len(self._tokens) else ""

    def _error(self, problem: str) -> GrammarError:
        return GrammarError(f"Line {self._line}: {problem}.")

    def _choice(self) -> Expression:
        options = [self._sequence()]
        while self._sign == "|":
            self._at += 1
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Expression:
        parts: list[Expression] = []
        while self._at < len(self._tokens) and self._sign not in (")", "]", "|"):
            parts.append(self._part())
        if not parts:
            raise self._error("there is nothing between two signs; write [words] for what may be left out")
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _part(self) -> Expression:
        slot, rule, sign, word, other = self._tokens[self._at]
        self._at += 1
        if other:
            raise self._error(f"{other!r} means nothing here; words are lower case, numbers are written out")
        if rule:
            return Reference(rule, slot or "")
        if word:
            return Word(word)
        inner = self._choice()
        closing = {"(": ")", "[": "]"}[sign]
        if self._sign != closing:
            raise self._error(f"{sign!r} is not closed")
        self._at += 1
        return inner if sign == "(" else Choice((inner, Sequence(())))


def _check_references(grammar: Grammar) -> None:
    for name, expression in grammar.intents.items():
        _follow(expression, grammar, name, ())
    for name, expression in grammar.rules.items():
        _follow(expression, grammar, f"<{name}>", (name,))


def _follow(expression: Expression, grammar: Grammar, where: str, inside: tuple[str, ...]) -> None:
    for reference in references(expression):
        if reference.rule not in grammar.rules:
            raise GrammarError(f"{where} uses <{reference.rule}>, which is defined nowhere.")
        if reference.rule in inside:
            raise GrammarError(f"<{reference.rule}> contains itself; rules must end.")
        _follow(grammar.rules[reference.rule], grammar, where, (*inside, reference.rule))


def references(expression: Expression) -> Iterator[Reference]:
    """The rules that an expression uses itself."""
    if isinstance(expression, Reference):
        yield expression
    elif isinstance(expression, Sequence):
        for part in expression.parts:
            yield from references(part)
    elif isinstance(expression, Choice):
        for option in expression.options:
            yield from references(option)
