"""How a widget's state is checked. A widget declares each entry of its state once, as an attribute of its class, with
its form and its limits; every change, from a cell or from the page, is taken whole or refused in one sentence.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from numbers import Integral, Real
from typing import Any

import traitlets

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.show.numbers import short

UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, halves of surrogate pairs


class StateError(traitlets.TraitError, ValueError):
    """A state that a widget cannot show; the sentence says which entry is wrong, and how."""


class Entry:
    """One entry of a widget's state, read and set as an attribute of the widget.

    Args:
        read: brings a value into the form that JSON has, or raises a ValueError.
        said: what the entry is, as the beginning of the sentence of an error.
        fixed: it is given once, and can be changed neither by a cell nor by the page.
    """

    said = ""

    def __init__(self, read: Callable[[Any], Any] | None = None, *, said: str | None = None, fixed: bool = False):
        self.read, self.said, self.fixed = read or self.read, said or self.said, fixed

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, widget: Any, owner: type | None = None) -> Any:
        return self if widget is None else (widget.given if self.fixed else widget.state)[self.name]

    def __set__(self, widget: Any, value: object) -> None:
        widget.state = {self.name: value}

    def read(self, value: object) -> object:
        return value

    def refuse(self, value: object, **facts: object) -> ValueError:
        return ValueError(f"{self.said.format(name=self.name, **facts)}, and got {short(value)}")


class Text(Entry):
    """Text in composed form (NFC)."""

    said = "{name} is a text"

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.refuse(value)
        return unicodedata.normalize("NFC", value)


class Choice(Entry):
    """One of a few values."""

    said = "{name} is one of {values}"

    def __init__(self, *values: object, **more: Any):
        self.values = values
        super().__init__(**more)

    def read(self, value: object) -> object:
        if not isinstance(value, (str, int)) or value not in self.values:
            raise self.refuse(value, values=", ".join(str(v) for v in self.values if v != ""))
        return self.values[self.values.index(value)]  # True for 1


class Number(Entry):
    """A number from ``low`` to ``high``."""

    said, kind, form = "{name} is a number from {low} to {high}", Real, float

    def __init__(self, low: float, high: float, **more: Any):
        self.low, self.high = low, high
        super().__init__(**more)

    def read(self, value: object) -> object:
        return self.within(value, self.high)

    def within(self, value: object, high: float, **facts: object) -> float:
        number = isinstance(value, self.kind) and not isinstance(value, bool)
        if not number or not min(self.low, high) <= value <= high:  # nan is not
            raise self.refuse(value, low=self.low, high=high, **facts)
        return self.form(value)


class Whole(Number):
    """A whole number from ``low`` to ``high``."""

    said, kind, form = "{name} runs from {low} to {high}", Integral, int


class Place(Whole):
    """A place along an axis, whose size the widget's ``fit`` gives; where it becomes shorter, the place follows it.

    Args:
        first: where it is at first, from the size of the axis, unless the widget is given a place.
    """

    said = "{name} runs from {low} to {high} here"

    def __init__(self, axis: str, first: Callable[[int], int] | None = None, **more: Any):
        self.axis, self.first = axis, first
        super().__init__(0, math.inf, **more)

    def read(self, value: object) -> object:
        return value  # until the size of the axis is known


def as_alphabet(characters: Alphabet | Iterable[str]) -> Alphabet:
    """Characters as an alphabet, which they may be already."""
    return characters if isinstance(characters, Alphabet) else Alphabet(characters)


class Characters(Entry):
    """The characters of classes 1, 2, ..., given once: an Alphabet, or a text with each of them once."""

    def __init__(self) -> None:
        super().__init__(lambda characters: list(as_alphabet(characters).characters), fixed=True)


class State(traitlets.TraitType):
    """The state of a widget: the dictionary that a cell and the page both change, and each only to what is checked."""

    default_value = None

    def validate(self, widget: Any, value: object) -> dict:
        old = widget._trait_values.get(self.name)  # not its attribute, which would validate the default
        if old is None:
            return value  # the first one, which the widget has checked
        try:
            new = checked(widget, widget.given | old, value)
        except ValueError as problem:
            raise StateError(str(problem)) from None
        return {name: new[name] for name in old}


def checked(widget: Any, old: Mapping, new: object) -> dict:
    """All entries of a widget, after a change of some or all of them.

    Raises:
        ValueError: in one sentence, why it cannot be shown.
    """
    entries = widget.entries
    if not isinstance(new, dict) or not new.keys() <= entries.keys():
        raise ValueError(f"a state holds {', '.join(entries)}, and got {short(new)}")
    changed = [name for name in entries if name in new and not (name in old and _same(old[name], new[name]))]
    state = dict(old)
    for name in changed:
        if old and entries[name].fixed:
            raise ValueError(f"{name} is read-only; make a new widget")
        state[name] = entries[name].read(new[name])
    facts = widget.fit(state, changed)
    for name, entry in entries.items():
        if isinstance(entry, Place):
            last = facts[entry.axis] - 1
            if state[name] is None and entry.first and not old:
                state[name] = entry.first(facts[entry.axis])
            state[name] = entry.within(state[name] if name in changed else min(state[name], last), last, **facts)
        if name in changed:
            _carry(name, state[name])
    return state


def _same(old: object, new: object) -> bool:
    with suppress(Exception):  # a list of arrays does not compare to one truth
        return isinstance(new, (str, int, float, list, dict, type(None))) and bool(old == new)
    return False


def _carry(name: str, value: object) -> None:
    """Refuse what JSON cannot carry, and text that nobody would see."""
    if isinstance(value, (dict, Sequence)) and not isinstance(value, str):
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _carry(name, part)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must hold finite numbers, and one of them is {value}")
    elif isinstance(value, str) and (found := UNSHOWN.search(value)):
        why = f"{found[0]!r} in it is a control character or half of a surrogate pair; leave it out"
        raise ValueError(f"{name} must be text that can be shown, and got {short(value)}: {why}")
