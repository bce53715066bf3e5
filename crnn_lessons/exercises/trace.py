"""Watch a learner's recursion at work: fill a lattice with it, and note which cells it reads for which cell."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc import extend, predecessors
from crnn_lessons.show import figures


class Watched:
    """A T x L table that hands out its numbers and remembers which were asked for, as written (-1 stays -1).

    With ``t`` it is one time step of the table, for those who write ``alpha[t][s]``.
    """

    def __init__(self, table: np.ndarray, asked: list[tuple[int, int]], t: int | None = None):
        self.table, self.asked, self.t = table, asked, t
        self.shape = table.shape if t is None else table.shape[1:]

    def __getitem__(self, key):
        if self.t is None and not isinstance(key, tuple):
            return Watched(self.table, self.asked, int(key))
        t, s = key if self.t is None else (self.t, key)
        T, L = self.table.shape
        if not (-T <= int(t) < T and (isinstance(s, slice) or -L <= int(s) < L)):
            raise IndexError(f"[{t}, {s}] does not exist: time steps are 0 to {T - 1}, rows 0 to {L - 1}, time first")
        self.asked += [(int(t), i) for i in (range(*s.indices(L)) if isinstance(s, slice) else (int(s),))]
        return self.table[t, s]

    def __len__(self) -> int:
        return self.shape[0]


class _RowClasses(np.ndarray):
    """The classes of the rows, with a sentence for those who read past the end."""

    def __getitem__(self, s):
        if isinstance(s, (int, np.integer)) and not -len(self) <= s < len(self):
            raise IndexError(f"rows[{s}] does not exist: rows are 0 to {len(self) - 1}")
        return super().__getitem__(s)


@dataclass(frozen=True)
class Trace:
    """What a recursion did: the table that it filled, and the cells that it read for each cell.

    Attributes:
        signs: the sign of each of the L rows.
        table: T x L numbers.
        missing, wrong: arrows ((t, s) read, (t, s) filled) that the rules ask for and were not read, or the reverse.
        stopped: where the function raised an error, and which; what comes after it is not traced.
    """

    signs: str
    table: np.ndarray
    right: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    wrong: list = field(default_factory=list)
    stopped: str = ""

    def __repr__(self) -> str:
        return f"Trace: {self.summary()}"

    def summary(self) -> str:
        """Counts, and the first fault in words."""
        if self.stopped:
            return self.stopped
        counts = f"{len(self.right)} arrows right, {len(self.missing)} missing, {len(self.wrong)} wrong"
        for kind, arrows in (("missing", self.missing), ("wrong", self.wrong)):
            if arrows:
                (t0, s0), (t1, s1) = arrows[0]
                outside = "; a negative row counts from the end of the table, and -1 is the last" if s0 < 0 else ""
                return f"{counts}; first {kind}: from t={t0}, s={s0} into t={t1}, s={s1}{outside}"
        return counts

    def _repr_html_(self) -> str:
        T, L = self.table.shape
        figure, axes = figures.new_figure(1.6 + 0.9 * T, 1 + 0.45 * L)
        styles = (
            (self.right, figures.GREY, "-", 1.2, "read, and right"),
            (self.missing, figures.BLUE, ":", 1.8, "missing"),
            (self.wrong, figures.VERMILLION, "--", 1.8, "read, and wrong"),
        )
        for arrows, colour, line, width, label in styles:
            if arrows:
                axes.plot([], [], line, color=colour, linewidth=width, label=label)  # for the legend
            head = {"arrowstyle": "-|>", "color": colour, "linestyle": line, "linewidth": width, "shrinkB": 8}
            for read, filled in arrows:
                axes.annotate("", filled, read, arrowprops=head, annotation_clip=False, zorder=1)
        for t, s in product(range(T), range(L)):
            axes.scatter(t, s, s=200, facecolor="white", edgecolor="black", linewidth=0.8, zorder=3)
            axes.text(t, s, self.signs[s], ha="center", va="center", zorder=4)
        top = min([0, *(s for (_, s), _ in self.wrong)])  # a look at row -1 is drawn above row 0
        axes.set(xticks=range(T), yticks=range(top, L), xlabel="time step t", ylabel="row s")
        axes.set(xlim=(-0.5, T - 0.5), ylim=(L - 0.5, top - 0.5))
        if self.right or self.missing or self.wrong:
            figure.legend(loc="outside upper left", ncols=3)
        picture = figures.show(figure, f"The lattice as the function reads it: {self.summary()}.")._repr_html_()
        return picture + f"<p>{html.escape(self.summary())}.</p>"


def trace_forward(cell: Callable, probs: np.ndarray, target: Sequence[int], characters: str) -> Trace:
    """Fill alpha with ``cell(alpha, t, s, rows, probs)`` and compare what it reads with the rules.

    Args:
        cell: a learner's function for one cell at t >= 1; the first column is given.
        probs: T x C probabilities.
        target: S class indices.
        characters: the sign of each class, the blank first.
    """
    rows, T = extend(target), len(probs)
    alpha = np.zeros((T, len(rows)))
    alpha[0, :2] = probs[0, rows[:2]]
    return _trace(cell, alpha, range(1, T), -1, _before(rows), rows, probs, characters)


def trace_backward(cell: Callable, probs: np.ndarray, target: Sequence[int], characters: str) -> Trace:
    """Fill beta with ``cell(beta, t, s, rows, probs)``, from t = T - 2 down; the last column is given."""
    rows, T = extend(target), len(probs)
    beta = np.zeros((T, len(rows)))
    beta[T - 1, -2:] = 1.0
    after = [[q for q, before in enumerate(_before(rows)) if s in before] for s in range(len(rows))]
    return _trace(cell, beta, range(T - 2, -1, -1), 1, after, rows, probs, characters)


def _before(rows: np.ndarray) -> list[Sequence[int]]:
    return [predecessors(rows, s, BLANK) for s in range(len(rows))]


def _trace(cell, table, times, by, rules, rows, probs, characters) -> Trace:
    """Fill the table at these times; ``rules`` are the rows that each row may read, at the time ``by`` steps away."""
    trace = Trace("".join(characters[k] for k in rows), table)
    rows = rows.view(_RowClasses)
    for t, s in product(times, range(len(rows))):
        rule, asked = {(t + by, q) for q in rules[s]}, []
        try:
            value = cell(Watched(table, asked), t, s, rows, probs)
            value = 0.0 if value is ... or value is None else value
            wrong = [a for a in sorted({*asked} - rule) if _matters(cell, table, a, value, t, s, rows, probs)]
            table[t, s] = value
        except Exception as error:  # a learner's function may raise anything, and the notebook should go on
            return replace(trace, stopped=f"stopped at t={t}, s={s} by {type(error).__name__}: {error}")
        trace.right.extend((a, (t, s)) for a in sorted(rule & {*asked}))
        trace.missing.extend((a, (t, s)) for a in sorted(rule - {*asked}))
        trace.wrong.extend((a, (t, s)) for a in wrong)
    return trace


def _matters(cell, table, at, value, t, s, rows, probs) -> bool:
    """Whether a number that was read changes the result: one that reads a column and takes a part of it is right."""
    changed = table.copy()
    changed[at] += 1.0
    return not np.array_equal(cell(changed, t, s, rows, probs), value)
