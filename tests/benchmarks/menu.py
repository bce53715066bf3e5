"""Does the table of lesson 12 still hold? Two of its designs are trained again, with its rates and seeds.

    python tests/benchmarks/menu.py [NAME NAME] [--task turned] [--seeds 5]

After equal steps the errors are the same to the last digit where the machine and torch are the same; elsewhere
rounding takes each training another way, and the two means agree within the error of their difference. What is
reached in equal seconds is printed beside them: it depends on the machine. The status is 1 where they do not agree.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from notebooks import menu


def again(rows: list[menu.Row], budget: menu.Budget) -> list[menu.Row]:
    """The rows of one design on one task, measured anew."""
    return [row | menu.run_cell(row["name"], row["task"], row["rate"], int(row["seed"]), budget) for row in rows]


def agree(old: list[menu.Row], new: list[menu.Row], at: str) -> bool:
    """Print both means and their paired difference; whether it is 0 within its error."""
    before, after = ([row[at] for row in rows] for rows in (old, new))
    d = menu.interval([b - a for a, b in zip(before, after, strict=True)])
    same = before == after
    mean = [sum(values) / len(values) for values in (before, after)]
    print(f"  {at:18} table {mean[0]:.3f}, now {mean[1]:.3f}: ", end="")
    print("the same in every seed" if same else f"difference {d.mean:+.3f}, 95 % from {d.low:+.3f} to {d.high:+.3f}")
    return same or d.low <= 0 <= d.high


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["none+vgg+sum+none", "moments+vgg+max+none"], metavar="NAME")
    parser.add_argument("--task", choices=menu.TASKS, default="turned")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = menu.read_table()
    steps, seconds = menu.marks(table)
    budget = menu.Budget(tuple(steps.values()), tuple(seconds.values()))
    good = True
    for name in given.names:
        old = menu.choose(table, {"name": name, "task": given.task})[: given.seeds]
        print(f"{name}, {given.task}, {len(old)} seeds")
        new = again(old, budget)
        good &= all([agree(old, new, at) for at in steps])
        for at in seconds:
            agree(old, new, at)
    print("they agree" if good else "they do not agree")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
