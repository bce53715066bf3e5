"""The gates widget: one LSTM unit driven by hand, or every gate of a trained LSTM over a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from crnn_lessons.show.numbers import minus, show_number
from crnn_lessons.widgets import gates_parts as parts
from crnn_lessons.widgets.gates_parts import PRESETS, TASKS
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Choice, Entry, Place


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

    ``gates``, ``task``, ``inputs``, ``t`` and ``unit`` follow what the learner does, and may be set.

    Raises:
        ValueError: the arguments do not fit each other; the sentence says which and how.

    Source: Gers, Schmidhuber and Cummins, "Learning to forget", 2000; the order of gates is torch's.
    """

    kind = "gates"
    cell = Entry(fixed=True)
    labels = Entry(fixed=True)
    presets = Entry(fixed=True)
    tasks = Entry(fixed=True)
    inputs = Entry()
    gates = Entry()
    task = Choice("", *TASKS, said="{name} is '' or one of {values}")
    t = Place("T")
    unit = Place("units")

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
        state = {"cell": {}, "labels": [], "presets": [], "tasks": [], "inputs": [], "gates": [], "task": task}
        if cell is None:
            if any(value is not None for value in (inputs, labels, out, classes)):
                raise ValueError("inputs, labels, out and classes belong to a cell; give one, or leave them out")
            if gates is None:
                gates = _fresh(task) if task in list(TASKS) else PRESETS["hold"]
            state["presets"] = [{"name": name, "gates": rows} for name, rows in PRESETS.items()]
            state |= {"gates": gates, "tasks": [{"name": name} | asked for name, asked in TASKS.items()]}
        else:
            if inputs is None or gates is not None or task:
                raise ValueError("a cell needs inputs to read, and sets its gates itself: leave out gates and task")
            weights = parts.read_cell(cell)
            labels = parts.check_labels(labels, len(weights["weight_ih"][0]))
            if out is not None:
                weights |= parts.read_out(out, len(weights["weight_hh"][0]), labels, classes)
            elif classes is not None:
                raise ValueError("classes name what out answers; give out, or leave out classes")
            state |= {"cell": weights, "labels": labels, "inputs": inputs}
        super().__init__(**state, t=t, unit=unit)

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        cell = state["cell"]
        if cell:
            for name in ("gates", "task"):
                if not _empty(state[name]):
                    raise ValueError(f"a cell sets its gates itself; {name} is for one unit by hand")
            state["gates"] = []
            if "inputs" in changed:
                state["inputs"] = parts.check_inputs(state["inputs"], state["labels"], len(cell["weight_ih"][0]))
            return {"T": len(state["inputs"]), "units": len(cell["weight_hh"][0])}
        if not _empty(state["inputs"]):
            raise ValueError("inputs belong to a cell; by hand there are gates only")
        state["inputs"], task = [], state["task"]
        if "gates" in changed:
            state["gates"] = parts.check_gates(state["gates"])
        gates = state["gates"]
        if task and [row[2] for row in gates] != TASKS[task]["g"]:
            if not self.state:
                raise ValueError(
                    f"the task {task!r} gives the candidates, {TASKS[task]['g']}; gates must have them as g"
                )
            if "task" in changed:
                state["gates"] = _fresh(task)
            else:
                state["task"] = ""  # other candidates: no longer the task
        return {"T": len(state["gates"]), "units": 1}

    @property
    def hidden_size(self) -> int:
        """The number of units."""
        return len(self.cell["weight_hh"][0]) if self.cell else 1

    @property
    def values(self) -> dict[str, np.ndarray]:
        """i, f, g, o, c and h of the present state, T x units each, computed in Python."""
        return parts.run_cell(self.cell, self.inputs) if self.cell else parts.run_by_hand(self.gates)

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
            row = [", ".join(minus(f"{x + 0:.2f}") for x in values[:, 0].round(2)) for values in (c, h)]
            return f"One LSTM unit over {len(c)} steps, its gates set by hand. Memory c: {row[0]}. Output h: {row[1]}."
        said = "" if self.answer() is None else f" After step {self.t} it would answer {self.answer()}."
        return (
            f"The gates of an LSTM of {self.hidden_size} units over {len(c)} steps that read {self.signs()}; the "
            f"largest memory is {show_number(np.abs(c).max())}.{said}"
        )

    def __repr__(self) -> str:
        if self.cell:
            return f"Gates({self.signs()!r}, units={self.hidden_size}, t={self.t}, unit={self.unit})"
        return f"Gates(T={len(self.gates)}, t={self.t}, task={self.task!r})"


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, (str, list, tuple)) and len(value) == 0)


def _fresh(task: str) -> list[list[float]]:
    """The gates with which a task begins: half open, its candidates in place."""
    return [[0.5, 0.5, g, 0.5] for g in TASKS[task]["g"]]
