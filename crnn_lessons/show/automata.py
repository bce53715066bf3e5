"""The drawing of a finite automaton with two states, made from its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch


class Machine(Protocol):
    """What is drawn: for each state a row of next states and a row of outputs, one entry a sign, and the start."""

    next: Sequence[Sequence[int]]
    output: Sequence[Sequence[int]]
    start: int


def edges(machine: Machine, signs: Sequence[str]) -> dict[tuple[int, int], list[str]]:
    """The words on each arrow: for a pair (from, to) of states the signs that lead there, as 'sign/output'.

    Args:
        signs: the names of the machine's signs.
    """
    found: dict[tuple[int, int], list[str]] = {}
    for state in range(len(machine.next)):
        for sign, goal, output in zip(signs, machine.next[state], machine.output[state], strict=True):
            found.setdefault((state, goal), []).append(f"{sign}/{output}")
    return found


def draw_automaton(ax: Axes, machine: Machine, signs: Sequence[str]) -> str:
    """Draw an automaton of one or two states, side by side, on empty axes.

    Args:
        signs: the names of the machine's signs, written on the arrows as 'sign/output'.

    Returns:
        What the drawing shows, for readers who do not see it.

    Raises:
        ValueError: more than two states.
    """
    if len(machine.next) > 2:
        raise ValueError(
            f"this draws machines of one or two states, and this one has {len(machine.next)}; make it small"
        )
    arrows = edges(machine, signs)
    for (state, goal), words in arrows.items():
        _draw_edge(ax, state, goal, words)
    for state in range(len(machine.next)):
        ax.add_patch(Circle((3 * state, 0), 0.4, facecolor="white", edgecolor="black")).set_zorder(3)
        ax.text(3 * state, 0, f"{state}", ha="center", va="center", zorder=4, size=14)
    _arrow(ax, [(3 * machine.start, 1.1), (3 * machine.start, 0.42)])  # where it begins
    ax.set(xlim=(-1.9, 4.9), ylim=(-1, 1.15), aspect="equal")
    ax.axis("off")
    said = " ".join(f"From {p} to {q}: {', '.join(words)}." for (p, q), words in sorted(arrows.items()))
    return f"A diagram of {len(machine.next)} states; it begins in state {machine.start}. {said}"


def _arrow(ax: Axes, ends: list[tuple[float, float]], bend: float = 0.0) -> None:
    style = {"arrowstyle": "-|>", "mutation_scale": 14, "color": "black", "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(*ends, connectionstyle=f"arc3,rad={bend}", **style))


def _draw_edge(ax: Axes, state: int, goal: int, words: list[str]) -> None:
    x, out = 3 * state, 2 * state - 1  # outward is to the left of state 0 and to the right of state 1
    if state == goal:
        ends, bend = [(x + 0.2 * out, -0.36), (x + 0.2 * out, 0.36)], 1.8 * out
        place = (x + 1.3 * out, 0)
    else:
        ends, bend = [(x - 0.4 * out, -0.2 * out), (3 * goal + 0.4 * out, -0.2 * out)], -0.25
        place = (1.5, -0.75 * out)
    _arrow(ax, ends, bend)
    ax.text(*place, "\n".join(words), ha="center", va="center")
