"""How a widget's state is checked. A widget declares each entry of its state once, as an attribute of its class, with
its form and its limits; every change, from a cell or from the page, is taken whole or refused in one sentence.
"""

from __future__ import annotations

import math
import re
import reprlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from crnn_lessons.arrays import to_numpy

UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of surrogate pairs, which no file can hold."""


def short(value: object) -> str:
    """A value as an error shows it: on one line, and cut where it is long."""
    return " ".join(reprlib.repr(value).split())


class StateError(traitlets.TraitError, ValueError):
    """A state that a widget cannot show; the sentence says which entry is wrong, and how."""


class Entry:
    """One entry of a widget's state, read and set as an attribute of the widget.

    Args:
        read: brings a value into the form that JSON has, or raises a ValueError.
        fixed: it is given once, and can be changed neither by a cell nor by the page.
    """

    def __init__(self, read: Callable[[Any], Any] | None = None, fixed: bool = False):
        self.fixed = fixed
        if read is not None:
            self.read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, widget: Any, owner: type | None = None) -> Any:
        return self if widget is None else (widget.given if self.fixed else widget.state)[self.name]

    def __set__(self, widget: Any, value: object) -> None:
        widget.state = {self.name: value}

    def read(self, value: object) -> object:
        return value

    def refuse(self, said: str, value: object, **facts: object) -> ValueError:
        return ValueError(f"{said.format(name=self.name, **facts)}, and got {short(value)}")


class Text(Entry):
    """Text in composed form (NFC)."""

    def __init__(self, said: str = "{name} is a text"):
        super().__init__()
        self.said = said

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.refuse(self.said, value)
        return unicodedata.normalize("NFC", value)


class Choice(Entry):
    """One of a few values."""

    def __init__(self, *values: object, said: str = "{name} is one of {values}", fixed: bool = False):
        super().__init__(fixed=fixed)
        self.values, self.said = values, said

    def read(self, value: object) -> object:
        if not isinstance(value, (str, int)) or value not in self.values:
            raise self.refuse(self.said, value, values=", ".join(str(v) for v in self.values if v != ""))
        return self.values[self.values.index(value)]  # True for 1


class Number(Entry):
    """A number from ``low`` to ``high``."""

    kind, form = Real, float

    def __init__(self, low: float, high: float, said: str = "{name} is a number from {low} to {high}"):
        super().__init__()
        self.low, self.high, self.said = low, high, said

    def read(self, value: object) -> object:
        return self.within(value, self.high)

    def within(self, value: object, high: float, **facts: object) -> float:
        number = isinstance(value, self.kind) and not isinstance(value, bool)
        if not number or not min(self.low, high) <= value <= high:  # nan is not
            raise self.refuse(self.said, value, low=self.low, high=high, **facts)
        return self.form(value)


class Whole(Number):
    """A whole number from ``low`` to ``high``."""

    kind, form = Integral, int


class Place(Whole):
    """A place along an axis, counted from 0; the widget's ``fit`` gives the size of the axis under its name.

    It follows its axis: where that becomes shorter, a place that was not itself set becomes the last one.
    """

    def __init__(self, axis: str, said: str = "{name} runs from {low} to {high} here"):
        super().__init__(0, math.inf, said)
        self.axis = axis

    def read(self, value: object) -> object:
        return value  # until the axis is known


class Array(Entry):
    """Finite numbers of moderate size along named axes, such as "T x D"; nested lists in the state."""

    most = 100.0

    def __init__(self, axes: str, optional: bool = False):
        super().__init__()
        self.written, self.axes, self.optional = axes, axes.split(" x "), optional

    def read(self, value: ArrayLike | None) -> list | None:
        if value is None and self.optional:
            return None
        array = as_array(value, f"{self.name} must be an array of numbers, {self.written}")
        if array.ndim != len(self.axes) or array.size == 0:
            raise ValueError(f"{self.name} must be {self.written}, and has the shape {array.shape}")
        for at in map(tuple, np.argwhere(~(np.abs(array) <= self.most)).tolist()):
            limits = f"numbers from -{self.most:g} to {self.most:g}"
            raise ValueError(f"{self.name} holds {limits}, and at {at} it is {array[at]:g}")
        return array.tolist()


def as_array(values: ArrayLike, what: str) -> np.ndarray:
    """Arrays, tensors and nested lists as float64; ``what`` begins the sentence of the error: "bias must be ..."."""
    try:
        return np.asarray(to_numpy(values), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{what}, and got {short(values)}") from None


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
        _carry(name, state[name])
    facts = widget.fit(state, changed)
    for name, entry in entries.items():
        if isinstance(entry, Place):
            last = facts[entry.axis] - 1
            state[name] = entry.within(state[name] if name in changed else min(state[name], last), last, **facts)
    return state


def _same(old: object, new: object) -> bool:
    try:
        return isinstance(new, (str, int, float, list, dict, type(None))) and bool(old == new)
    except Exception:  # a list of arrays: they do not compare to one truth
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
