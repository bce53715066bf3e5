"""Known wrong answers, each written as the slip that turns the solution into it.

    forgets the square in 1 - h**2 :: h**2 -> h
        1 - h is the derivative of nothing here; the derivative of tanh is 1 - tanh**2.

Left of the two colons stands what the wrong answer does, right of them its slip, which is one of

    old -> new                  a change in the body of the solution; with nothing behind the arrow, old is taken out
    old -> new & old -> new     several changes, all made in the solution as it stands: a -> b & b -> a swaps the two
    = expression                the whole wrong answer, a function or a value

A change is made wherever the old text stands between whole words: 's' is not found in 'rows'. A long slip may stand on
the line below its name, indented. A line that begins with the two colons is one more wrong answer of the name above.
The indented lines are the message, for all wrong answers since the message before.

Such a text is part of a catalogue and is executed. Nothing that a learner wrote ever comes here.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import groupby
from typing import Any

import numpy as np

from crnn_lessons.exercises.exercise import Mistake


def mistakes(solution: Any, text: str, **names: Any) -> tuple[Mistake, ...]:
    """Read the known wrong answers to an exercise.

    Args:
        solution: the right answer, a function or a value.
        text: the slips with their messages, as this module describes them.
        names: what the slips use besides the module of the solution, or what it imports for them alone (a linter, which
            does not read the text, would take such an import out).

    Raises:
        ValueError: the text cannot be read, or a slip cannot be made; the sentence names the solution and the slip.
    """
    module = sys.modules.get(getattr(solution, "__module__", ""))
    known = {**(vars(module) if inspect.isclass(solution) else getattr(solution, "__globals__", {})), **names}
    of = f"in the slips of {getattr(solution, '__name__', repr(solution))}"
    found = []
    for name, slip, message in _entries(text, of):
        try:
            answer = eval(slip[2:], known) if slip.startswith("= ") else _slipped(solution, _changes(slip), known)
        except Exception as error:  # the expression may raise anything
            raise ValueError(f"{of}, {f'{name} :: {slip}'!r} cannot be made: {error}") from error
        is_function = callable(answer) and not inspect.isclass(answer)
        found.append(Mistake(name, _quiet(answer) if is_function else answer, message))
    return tuple(found)


def _entries(text: str, of: str) -> Iterator[tuple[str, str, str]]:
    """The name, the slip and the message of each wrong answer."""
    text = re.sub(r"::[ ]*\n[ ]+", ":: ", textwrap.dedent(text))  # a slip on the line below its name
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    if not lines or lines[0].startswith(" "):
        raise ValueError(f"{of}, the first line should be 'name :: slip', without indentation")
    if not lines[-1].startswith(" "):
        raise ValueError(f"{of}, {lines[-1]!r} has no message: write it below, indented")
    blocks = [list(block) for _, block in groupby(lines, key=lambda line: line.startswith(" "))]
    for heads, message in zip(blocks[::2], blocks[1::2], strict=True):
        name = ""
        for head in heads:
            left, _, slip = (part.strip() for part in head.partition("::"))
            name = left or name
            if not name or not slip:
                raise ValueError(f"{of}, {head!r} should be 'name :: slip', or a message, which is indented")
            yield name, slip, " ".join(line.strip() for line in message)


def _changes(slip: str) -> dict[str, str]:
    """What a slip puts in the place of what."""
    changes = {}
    for change in slip.split(" & "):
        old, *new = (part.strip() for part in change.split("->"))
        if not old or old in changes or len(new) != 1:
            raise ValueError("a slip is 'old -> new', several of them with ' & ' between, or '= expression'")
        changes[old] = new[0]
    return changes


def _slipped(solution: Any, changes: dict[str, str], known: dict[str, Any]) -> Callable:
    """The solution with these changes."""
    if not (inspect.isfunction(solution) or inspect.isclass(solution)):
        raise ValueError("only a function can be changed; a wrong value stands behind an equals sign")
    source = textwrap.dedent(inspect.getsource(solution))
    head, colon, body = source.partition(":\n")  # the parameters of a function keep their names and their order
    # \b at an end that is a letter, digit or underscore, so that the old text is found between whole words
    bounded = {old: re.sub(r"^(?=\w)|(?<=\w)$", r"\\b", re.escape(old)) for old in changes}
    pattern = "|".join(bounded[old] for old in sorted(changes, key=len, reverse=True))
    missing = changes.keys() - set(re.findall(pattern, body))
    if missing:
        raise ValueError(f"the solution has no {min(missing)!r}")
    tree = ast.parse(head + colon + re.sub(pattern, lambda found: changes[found[0]], body))
    if ast.dump(tree) == ast.dump(ast.parse(source)):
        raise ValueError("it changes nothing")
    space = dict(known)
    exec(compile(tree, f"<a slip of {solution.__name__}>", "exec"), space)
    return space[solution.__name__]


def _quiet(function: Callable) -> Callable:
    """Wrong answers overflow and take means of nothing; a learner who is judged need not hear of it."""

    @wraps(function)
    def run(*arguments: Any) -> Any:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            return function(*arguments)

    return run
