"""The gates widget: one LSTM unit driven by hand, or every gate of a trained LSTM over a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from crnn_lessons.widgets.base import Widget, module, show_number, stylesheet
from crnn_lessons.widgets.gates_parts import (
    PRESETS,
    TASKS,
    check_gates,
    check_inputs,
    check_labels,
    read_cell,
    read_out,
    run_by_hand,
    run_cell,
)
from crnn_lessons.widgets.gates_picture import cell_picture, hand_picture, plain


class Gates(Widget):
    """The gates of an LSTM. Without arguments: one unit, whose gates the learner sets at each step.

    Args:
        cell: a trained ``LSTM`` of torch or of ``crnn_lessons.cells``, one layer in one direction, to watch instead.
        inputs: what the cell reads: T x D numbers; or, one-hot, a text of labels or T indices.
        labels: one sign for each of the first features of an input, the digits when left out; a step that is one-hot
            in them is written with its sign and can be edited.
        out: the ``Linear`` layer that reads the cell's output; the widget then says what it would answer.
        classes: the names of what it answers; ``labels`` when left out.
        gates: by hand, the gates at first: T rows of i, f, g, o; i, f, o from 0 to 1, g from -1 to 1.
        task: by hand, "" or the task at first: "second", "latest" or "total"; it gives the candidates g.
        t, unit: the step and the unit chosen at first.

    Raises:
        ValueError: the arguments do not fit each other; the sentence says which and how.

    ``gates``, ``task``, ``inputs``, ``t`` and ``unit`` are traits: they follow what the learner does, and may be set.

    Source: Gers, Schmidhuber and Cummins, "Learning to forget", 2000; the order of gates is torch's.
    """

    kind = "gates"
    shown = ("cell", "inputs", "labels", "gates", "task", "t", "unit", "presets", "tasks")
    _esm = module("gates.js")
    _css = stylesheet("gates.css")

    cell = traitlets.Dict(read_only=True).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    presets = traitlets.List(read_only=True).tag(sync=True)
    tasks = traitlets.List(read_only=True).tag(sync=True)
    inputs = traitlets.Any().tag(sync=True)
    gates = traitlets.Any().tag(sync=True)
    task = traitlets.Unicode("").tag(sync=True)
    t = traitlets.Int(0).tag(sync=True)
    unit = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        cell: Any = None,
        inputs: ArrayLike | str | None = None,
        labels: Sequence[str] | None = None,
        *,
        out: Any = None,
        classes: Sequence[str] | None = None,
        gates: ArrayLike | None = None,
        task: str = "",
        t: int = 0,
        unit: int = 0,
    ):
        if cell is None:
            if any(value is not None for value in (inputs, labels, out, classes)):
                raise ValueError("inputs, labels, out and classes belong to a cell; give one, or leave them out")
            state = self._by_hand(gates, task)
        else:
            if inputs is None or gates is not None or task:
                raise ValueError("a cell needs inputs to read, and sets its gates itself: leave out gates and task")
            weights = read_cell(cell)
            input_size, hidden_size = len(weights["weight_ih"][0]), len(weights["weight_hh"][0])
            labels = check_labels(labels, input_size)
            if out is not None:
                weights |= read_out(out, hidden_size, labels, classes)
            elif classes is not None:
                raise ValueError("classes name what out answers; give out, or leave out classes")
            self.set_trait("cell", weights)
            self.set_trait("labels", labels)
            state = {"inputs": check_inputs(inputs, labels, input_size), "gates": [], "task": ""}
        steps = len(state["inputs"] or state["gates"])
        for name, value, limit in (("t", t, steps), ("unit", unit, self.hidden_size)):
            if not 0 <= value < limit:
                raise ValueError(f"{name} runs from 0 to {limit - 1} here, and got {value}")
        state |= {"t": int(t), "unit": int(unit)}
        super().__init__(**state, start=state)

    def _by_hand(self, gates: ArrayLike | None, task: str) -> dict:
        self.set_trait("presets", [{"name": name, "gates": rows} for name, rows in PRESETS.items()])
        self.set_trait("tasks", [{"name": name} | asked for name, asked in TASKS.items()])
        if task and task not in TASKS:
            raise ValueError(f"task is '' or one of {', '.join(TASKS)}, and got {task!r}")
        if task and gates is None:
            gates = _fresh(task)
        values = check_gates(PRESETS["hold"] if gates is None else gates)
        if task and not _fits(values, task):
            raise ValueError(f"the task {task!r} gives the candidates, {TASKS[task]['g']}; gates must have them as g")
        return {"inputs": [], "gates": values, "task": task}

    @property
    def hidden_size(self) -> int:
        """The number of units."""
        return len(self.cell["weight_hh"][0]) if self.cell else 1

    @property
    def values(self) -> dict[str, np.ndarray]:
        """i, f, g, o, c and h of the present state, T x units each, computed in Python."""
        return run_cell(self.cell, self.inputs) if self.cell else run_by_hand(self.gates)

    @traitlets.validate("inputs", "gates", "task", "t", "unit")
    def _check(self, proposal: dict) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        if name in ("gates", "task") and self.cell:
            if value:
                raise traitlets.TraitError(f"a cell sets its gates itself; {name} is for one unit by hand")
            return value
        if name == "inputs" and not self.cell:
            if value is not None and len(value):
                raise traitlets.TraitError("inputs belong to a cell; by hand there are gates only")
            return []
        if name == "task" and value and value not in TASKS:
            raise traitlets.TraitError(f"task is '' or one of {', '.join(TASKS)}, and got {value!r}")
        if name in ("t", "unit"):
            limit = self.hidden_size if name == "unit" else len(self.inputs or self.gates)
            if not 0 <= value < limit:
                raise traitlets.TraitError(f"{name} runs from 0 to {limit - 1} here, and got {value}")
        try:
            if name == "inputs":
                return check_inputs(value, self.labels, len(self.cell["weight_ih"][0]))
            return check_gates(value) if name == "gates" else value
        except ValueError as problem:
            raise traitlets.TraitError(str(problem)) from None

    @traitlets.observe("task")
    def _begin_task(self, change: dict) -> None:
        if self.task and not _fits(self.gates, self.task):
            self.gates = _fresh(self.task)

    @traitlets.observe("gates")
    def _leave_task(self, change: dict) -> None:
        if self.task and not _fits(self.gates, self.task):
            self.task = ""

    @traitlets.observe("gates", "inputs")
    def _keep_step(self, change: dict) -> None:
        self.t = min(self.t, max(0, len(self.inputs or self.gates) - 1))

    def signs(self) -> str:
        """The inputs of a cell as text: the label of each step, "·" where it is not one-hot in the labels."""
        rows = [row[: len(self.labels)] for row in self.inputs]
        return "".join(self.labels[row.index(1)] if sorted(row) == [0] * (len(row) - 1) + [1] else "·" for row in rows)

    def answer(self) -> str | None:
        """What the linear layer would answer after the chosen step, or None without one."""
        if "out_weight" not in self.cell:
            return None
        scores = np.array(self.cell["out_weight"]) @ self.values["h"][self.t] + np.array(self.cell["out_bias"])
        return self.cell["classes"][int(scores.argmax())]

    def alt(self) -> str:
        c, h = self.values["c"], self.values["h"]
        if not self.cell:
            row = [", ".join(plain(x) for x in values[:, 0]) for values in (c, h)]
            return f"One LSTM unit over {len(c)} steps, its gates set by hand. Memory c: {row[0]}. Output h: {row[1]}."
        said = "" if self.answer() is None else f" After step {self.t} it would answer {self.answer()}."
        return (
            f"The gates of an LSTM of {self.hidden_size} units over {len(c)} steps that read {self.signs()}; the "
            f"largest memory is {show_number(np.abs(c).max())}.{said}"
        )

    def picture(self) -> str:
        """The present state as an SVG drawing."""
        if self.cell:
            return cell_picture(self.values, self.signs(), self.t, self.unit)
        return hand_picture(self.values, TASKS[self.task] if self.task else None)

    def __repr__(self) -> str:
        if self.cell:
            return f"Gates({self.signs()!r}, units={self.hidden_size}, t={self.t}, unit={self.unit})"
        return f"Gates(T={len(self.gates)}, t={self.t}, task={self.task!r})"


def _fresh(task: str) -> list[list[float]]:
    """The gates with which a task begins: half open, its candidates in place."""
    return [[0.5, 0.5, g, 0.5] for g in TASKS[task]["g"]]


def _fits(gates: Sequence[Sequence[float]], task: str) -> bool:
    return [row[2] for row in gates] == TASKS[task]["g"]
