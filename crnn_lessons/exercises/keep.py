"""Keep what a learner wrote in a notebook cell, and bring it back in another kernel.

A function is kept as its source, with the sources of the learner's own functions that it calls, the modules and
library functions that it names, and the plain constants. Nothing but these is ever executed: no other cell, no pickle.
"""

from __future__ import annotations

import ast
import builtins
import dis
import importlib
import inspect
import linecache
import sys
import types
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Any

import numpy as np

from crnn_lessons.exercises.compare import with_article

MOST_NUMBERS = 100_000
"""Larger arrays are not kept: they are results, and an answer should compute them."""


class CannotKeep(Exception):
    """One sentence that says why something lives in its notebook only, and how to mend that."""


def capture(value: Any, given: Callable[[Any], str | None] = lambda value: None) -> dict[str, Any]:
    """What a value needs to live elsewhere, as JSON can write it.

    Args:
        value: a learner's function, class or plain value.
        given: tells the key of a function that an earlier exercise gave, None for all others.

    Raises:
        CannotKeep: it needs something that lives in this kernel only.
    """
    parts: dict[str, Any] = {"sources": [], "names": {}}
    name = _add("", value, parts, given, set())
    return {"name": name, **parts}


def revive(kept: dict[str, Any], where: str, yours: Callable[[str], Any]) -> Any:
    """What ``capture`` wrote, as a live value.

    Args:
        where: what tracebacks call the source: 'yours 05-1'.
        yours: gives the answers of other exercises that this one uses, by key.

    Raises:
        Exception: whatever the learner's source raises when it is executed, or the file holds nonsense.
    """
    space: dict[str, Any] = {"__name__": f"<{where}>"}
    for name, (kind, what) in kept["names"].items():
        if kind == "import":
            module, _, attribute = what.partition(":")
            space[name] = importlib.import_module(module)
            for part in attribute.split(".") if attribute else ():
                space[name] = getattr(space[name], part)
        elif kind == "yours":
            space[name] = yours(what)
        elif kind == "array":
            space[name] = np.array(what[1], dtype=what[0])[()]  # of no axes: a number again
        else:
            space[name] = ast.literal_eval(what)
    source = "\n\n".join(kept["sources"])
    file = f"<{where}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # so that errors show the line
    exec(compile(source, file, "exec"), space)
    return space[kept["name"]]


def _add(name: str, value: Any, parts: dict, given: Callable, seen: set[str]) -> str:
    """Put a value into the parts, with all that it needs; returns the name under which it will be found."""
    if isinstance(value, types.ModuleType):
        parts["names"][name] = ("import", value.__name__)
    elif key := given(value):
        parts["names"][name or "answer"] = ("yours", key)
    elif path := _imported(value):
        parts["names"][name or "answer"] = ("import", path)
    elif isinstance(value, type) or isinstance(inspect.unwrap(value), types.FunctionType):
        return _add_source(value if isinstance(value, type) else inspect.unwrap(value), parts, given, seen)
    elif isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf" and value.size <= MOST_NUMBERS:
        parts["names"][name or "answer"] = ("array", (str(value.dtype), value.tolist()))
    else:
        parts["names"][name or "answer"] = ("constant", _literal(name, value))
    return name or "answer"


def _add_source(value: Callable, parts: dict, given: Callable, seen: set[str]) -> str:
    if getattr(value, "__closure__", None):
        what = f"{value.__name__} uses variables of a function around it"
        raise CannotKeep(f"{what}; define it at the top of a cell")
    name, source = _source(value)
    if name in seen:
        return name
    seen.add(name)
    around = value.__globals__ if isinstance(value, types.FunctionType) else vars(sys.modules[value.__module__])
    for used in sorted(globals_in(compile(source, "<cell>", "exec"))):
        what = around.get(used, None)
        if used == name or used not in around or what is getattr(builtins, used, parts):
            continue
        found = _add(used, what, parts, given, seen)
        if found != used:  # a function that goes by two names
            parts["sources"].append(f"{used} = {found}")
    parts["sources"].append(source)
    return name


def _source(value: Callable) -> tuple[str, str]:
    """The name of a function or class, and its source without the cell around it."""
    members = map(inspect.unwrap, vars(value).values()) if isinstance(value, type) else [value]  # static methods wrap
    own = [m for m in members if isinstance(m, types.FunctionType) and m.__module__ == value.__module__]
    code = own[0].__code__ if own else None
    try:
        lines, _ = inspect.findsource(code)
    except (OSError, TypeError):
        raise CannotKeep(f"the source of {getattr(value, '__name__', value)!r} is not at hand") from None
    text = "".join(lines)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            here = node.name == value.__name__ and (isinstance(value, type) or first == code.co_firstlineno)
            named = node.name
        else:
            here = isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)
            here = here and node.lineno == code.co_firstlineno and isinstance(node.targets[0], ast.Name)
            first, named = getattr(node, "lineno", 0), node.targets[0].id if here else ""
        if here:
            if node.col_offset:
                raise CannotKeep(f"{named} is defined inside something else; define it at the top of a cell")
            return named, "".join(lines[first - 1 : node.end_lineno])
    raise CannotKeep("a lambda has no name to be kept by; write it with def, or give it a name: f = lambda ...")


def globals_in(code: types.CodeType) -> set[str]:
    """The global names that a piece of code looks up, at its top and in the functions in it."""
    loads = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
    found = {i.argval for i in dis.get_instructions(code) if i.opname in loads}
    return found.union(*(globals_in(c) for c in code.co_consts if isinstance(c, types.CodeType)))


def _imported(value: Any) -> str | None:
    """'module:name' of something that a library offers by that name; None for all else."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    for module in (getattr(value, "__module__", None), "numpy", "torch"):
        if not isinstance(module, str) or not isinstance(name, str) or not _is_library(module.partition(".")[0]):
            continue
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is value:
            return f"{module}:{name}"
    return None


def _is_library(module: str) -> bool:
    """Whether another kernel finds a module of this name, too; a notebook's own ``__main__`` is none."""
    return module in sys.stdlib_module_names or PathFinder.find_spec(module) is not None


def _literal(name: str, value: Any) -> str:
    written = repr(value)
    try:
        if type(ast.literal_eval(written)) is type(value):
            return written
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    kind = with_article(type(value).__name__)
    what = f"{name}, {kind}," if name else kind
    raise CannotKeep(f"{what} lives in this notebook only; hand it over as an argument, or compute it inside")
