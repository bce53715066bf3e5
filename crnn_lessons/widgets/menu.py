"""The menu widget: choose the parts of a design, and see its error, its time and its size among all that were tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from scipy import stats

from crnn_lessons.show.numbers import minus, short
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Choice, Entry, Text, Whole

COURSES = ("normalisation", "convolution", "scaling", "reduction", "sequence")
COLUMNS = ("design", "error", "seconds", "parameters")


class Menu(Widget):
    """Measured designs, compared: a drawing of error against cost, a table to sort, and two of them side by side.

    Args:
        rows: a mapping for each design and task, with ``task``; the five ``COURSES``; ``name``, empty for a design that
            has none; ``parameters``; ``seconds`` of training, for equal steps; and ``errors``, a mapping from each
            budget to the character errors in per cent, one for each seed, in the same order of seeds in all rows.
        first, second: the designs that are chosen, as numbers in ``designs``; ``second`` is -1 where nothing is
            compared.

    ``task``, ``budget``, ``axis`` ("seconds" or "parameters"), ``sort`` (one of ``COLUMNS``, with "-" before it for the
    largest first), ``first`` and ``second`` follow what the learner does, and may be set.

    Raises:
        ValueError: rows that are not of this form, or do not fit each other; no such design, task or budget.
    """

    kind = "menu"
    tasks = Entry(fixed=True)
    budgets = Entry(fixed=True)
    designs = Entry(fixed=True)
    t = Entry(fixed=True)
    task = Text()
    budget = Text()
    axis = Choice("seconds", "parameters")
    sort = Choice(*COLUMNS, *(f"-{column}" for column in COLUMNS))
    first = Whole(0, 9999)
    second = Whole(-1, 9999)

    def __init__(self, rows: Sequence[Mapping[str, Any]], first: int = 0, second: int = -1):
        designs, tasks, budgets, seeds = gather(rows)
        super().__init__(
            tasks=tasks, budgets=budgets, designs=designs, t=float(stats.t.ppf(0.975, seeds - 1)),
            task=tasks[0], budget=budgets[0], axis="seconds", sort="error", first=first, second=second,
        )  # fmt: skip

    def fit(self, state: dict, changed: list[str]) -> dict[str, object]:
        for name in ("task", "budget"):
            if state[name] not in (known := state[f"{name}s"]):
                raise ValueError(f"{name} is one of {', '.join(known)}, and got {short(state[name])}")
        for name in ("first", "second"):
            if state[name] >= (count := len(state["designs"])):
                raise ValueError(f"{name} is the number of a design, 0 to {count - 1}, and got {state[name]}")
        return {}

    def errors(self, design: int) -> list[float]:
        """The errors of a design, one for each seed, at the present task and budget."""
        result = self.designs[design]["results"][self.tasks.index(self.task)]
        return result["errors"][self.budgets.index(self.budget)]

    @property
    def comparison(self) -> tuple[float, float, float] | None:
        """Error of the first design minus that of the second, seed by seed: mean and ends of the 95 % interval."""
        if self.second < 0:
            return None
        return interval([a - b for a, b in zip(self.errors(self.first), self.errors(self.second), strict=True)], self.t)

    @property
    def front(self) -> list[int]:
        """The designs than which no other has both a smaller error and a smaller cost (the Pareto front)."""
        task, places = self.tasks.index(self.task), []
        for i, design in enumerate(self.designs):
            costs = {"parameters": design["parameters"], "seconds": design["results"][task]["seconds"]}
            places.append((costs[self.axis], fmean(self.errors(i))))
        beaten = [any(a <= x and b <= y and (a, b) != (x, y) for a, b in places) for x, y in places]
        return [i for i, out in enumerate(beaten) if not out]

    def alt(self) -> str:
        mean, low, high = (minus(f"{x:.1f}") for x in interval(self.errors(self.first), self.t))
        best = min(range(len(self.designs)), key=lambda i: fmean(self.errors(i)))
        said = (
            f"{len(self.designs)} designs on the task {self.task!r} at equal {self.budget}. Chosen: "
            f"{title(self.designs[self.first])}, error {mean} %, 95 % interval {low} to {high}. Smallest "
            f"error: {title(self.designs[best])}, {fmean(self.errors(best)):.1f} %."
        )
        if self.comparison is not None:
            mean, low, high = (minus(f"{x:.1f}") for x in self.comparison)
            said += f" Minus {title(self.designs[self.second])}: {mean} points, {low} to {high}."
        return said

    def __repr__(self) -> str:
        return f"Menu({len(self.designs)} designs, task={self.task!r}, budget={self.budget!r}, first={self.first})"


def title(design: Mapping[str, Any]) -> str:
    """A design in a few words: its name, or its parts."""
    return design["name"] or " · ".join(design["parts"])


def interval(values: Sequence[float], t: float) -> tuple[float, float, float]:
    """Mean of some values, and t standard errors less and more."""
    mean, half = fmean(values), t * stdev(values) / len(values) ** 0.5
    return mean, mean - half, mean + half


def gather(rows: Sequence[Mapping[str, Any]]) -> tuple[list[dict], list[str], list[str], int]:
    """Designs with a result for each task, tasks, budgets, and the number of seeds; errors as :class:`Menu` says."""
    if not rows:
        raise ValueError("the menu needs rows, and there are none")
    needed = ("task", *COURSES, "name", "parameters", "seconds", "errors")
    for row in rows:
        if missing := [key for key in needed if key not in row]:
            raise ValueError(f"each row of the menu holds {', '.join(needed)}; one lacks {', '.join(missing)}")
    tasks, budgets = list(dict.fromkeys(row["task"] for row in rows)), list(rows[0]["errors"])
    seeds = {len(row["errors"].get(budget, ())) for row in rows for budget in budgets}
    if len(seeds) > 1 or min(seeds) < 2:
        raise ValueError(
            f"every row holds as many errors as there are seeds, two or more, at each budget ({', '.join(budgets)}); "
            f"these hold {', '.join(map(str, sorted(seeds)))}"
        )
    designs: dict[tuple, dict] = {}
    for row in rows:
        parts = [row[course] for course in COURSES]
        design = designs.setdefault((row["name"], *parts), {"name": row["name"], "parts": parts, "results": {}})
        design["parameters"] = row["parameters"]
        errors = [[float(error) for error in row["errors"][budget]] for budget in budgets]
        design["results"][row["task"]] = {"seconds": float(row["seconds"]), "errors": errors}
    for design in designs.values():
        if missing := [task for task in tasks if task not in design["results"]]:
            raise ValueError(
                f"{title(design)} has no row for {', '.join(missing)}; each design needs one for each task"
            )
        design["results"] = [design["results"][task] for task in tasks]
    return list(designs.values()), tasks, budgets, seeds.pop()
