"""Check the exercises of a learner's notebook anew, without its pictures and trainings.

For each check in it, what the answer is made of is executed: the statements before the check that bind the names it
needs, and those that these need in turn.
"""

from __future__ import annotations

import ast
import dis
import json
import linecache
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crnn_lessons.exercises.answers import check
from crnn_lessons.exercises.aside import beat
from crnn_lessons.exercises.keep import globals_in
from crnn_lessons.exercises.limit import TookTooLong, limit

MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)


class Statement(NamedTuple):
    """One statement of a notebook, compiled.

    Attributes:
        binds: the global names that it binds or changes.
        uses: those that it needs.
        anew: whether it binds a name whatever stood there before, so that earlier bindings do not matter.
        later: whether it is a definition, which needs its names when it is called.
    """

    code: types.CodeType
    binds: set[str]
    uses: set[str]
    anew: bool
    later: bool


def rerun(path: Path) -> list[str]:
    """Check every exercise in a notebook; what comes of it goes on record as in a lesson.

    Returns:
        A sentence for each thing that could not be tried.
    """
    said: list[str] = []
    try:
        checks = list(_checks(path, said))
    except OSError as error:
        return [str(error.strerror)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ["is not a notebook that can be read"]
    if not checks and not said:
        return ["checks no exercise of the course"]
    for key, expression, statements in checks:
        beat()
        module = sys.modules["a_notebook"] = types.ModuleType("a_notebook")
        first = None
        try:
            with limit():
                for statement in _needed(statements, globals_in(expression)):
                    try:
                        exec(statement.code, vars(module))
                    except Exception as error:  # the answer may not need it
                        first = first or error
                answer = eval(expression, vars(module))
            check(key, answer)
        except TookTooLong:
            said.append(f"{key} could not be tried: its cells take too long")
        except (Exception, SystemExit) as error:
            error = first or error
            why = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
            said.append(f"{key} could not be tried: {why}"[:200])
    return said


def _checks(path: Path, said: list[str]) -> Iterator[tuple[str, types.CodeType, list[Statement]]]:
    """Key, answer as an expression, and the statements before, of each check."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    before: list[Statement] = []
    for number, source in enumerate(sources, start=1):
        file = f"<{path.name}, code cell {number}>"
        try:
            nodes = _parsed(source, file)
        except (SyntaxError, ValueError, RecursionError) as error:
            said.append(f"code cell {number} is not Python ({getattr(error, 'msg', error)})")
            continue
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # so an answer can be kept
        for node in nodes:
            for call in ast.walk(node):
                match call:
                    case ast.Call(
                        func=ast.Attribute(attr="check") | ast.Name(id="check"),
                        args=[ast.Constant(value=str(key)), answer, *_],
                    ):
                        yield key, compile(ast.Expression(answer), file, "eval"), list(before)
            before.append(_statement(node, file))


def _parsed(source: str, file: str) -> list[ast.stmt]:
    try:
        return ast.parse(source, file).body
    except SyntaxError:
        return ast.parse(MAGIC.sub(r"\1pass", source), file).body


def _statement(node: ast.stmt, file: str) -> Statement:
    code = compile(ast.Module([node], []), file, "exec")
    binds = {step.argval for step in dis.get_instructions(code) if step.opname in ("STORE_NAME", "STORE_GLOBAL")}
    later = isinstance(node, ast.FunctionDef | ast.ClassDef)
    anew = later or (bool(binds) and isinstance(node, ast.Import | ast.ImportFrom | ast.Assign))
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        binds.add("*")
    for part in ast.walk(node) if not later else ():
        if isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            while isinstance(part, ast.Subscript | ast.Attribute):
                part = part.value
            binds.add(getattr(part, "id", ""))
    return Statement(code, binds, globals_in(code), anew, later)


def _needed(statements: list[Statement], names: set[str]) -> list[Statement]:
    """The statements that bind the names, and those that these need, in order."""
    chosen, wanted = set(), [(name, len(statements)) for name in names | {"*"}]
    while wanted:
        name, before = wanted.pop()
        for i in reversed(range(before)):
            if name not in statements[i].binds:
                continue
            if i not in chosen:
                chosen.add(i)
                wanted += [(use, len(statements) if statements[i].later else i) for use in statements[i].uses]
            if statements[i].anew and name != "*":
                break
    return [statements[i] for i in sorted(chosen)]
