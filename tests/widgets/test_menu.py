"""The menu widget: its Python side, and the JavaScript that computes from the same numbers."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import numpy as np
import pytest
import traitlets
from scipy import stats

from crnn_lessons.widgets import Menu
from crnn_lessons.widgets.menu import COURSES, title
from tests.widgets.node import needs_node, run_node

BUILDS = {"conv_only": ("none", "vgg", "none", "max", "conv"), "lstm2": ("none", "lstm2", "none", "sum", "lstm")}


def measured(seeds: int = 5) -> list[dict[str, Any]]:
    """Nine designs, two of them builds with a name, on two tasks, with errors drawn at random."""
    rng, rows = np.random.default_rng(12), []
    menu = [
        (n, c, "none", r, s) for n, c, r, s in product(["none", "mean"], ["vgg", "unet"], ["max"], ["none", "lstm"])
    ]
    chosen = [("", parts) for parts in menu if parts != ("mean", "unet", "none", "max", "none")]
    for name, parts in [*chosen, *BUILDS.items()]:
        parameters = int(rng.integers(5_000, 300_000))
        for task in ("print", "turned"):
            level = rng.uniform(5, 60)
            errors = {
                budget: np.clip(level + rng.normal(0, 3, seeds), 0, 100).round(1).tolist()
                for budget in ("steps", "seconds")
            }
            rows.append({"task": task, "name": name, "parameters": parameters, "seconds": round(rng.uniform(2, 12), 2),
                         "errors": errors} | dict(zip(COURSES, parts, strict=True)))  # fmt: skip
    return rows


def menu(**choices) -> Menu:
    return Menu(measured(), **choices)


def without(key: str) -> list[dict]:
    first, *others = measured()
    return [{name: value for name, value in first.items() if name != key}, *others]


@pytest.mark.parametrize(
    "rows, words",
    [
        ([], "the menu needs rows, and there are none"),
        (without("reduction"), "one lacks reduction"),
        (measured()[:-1], "lstm2 has no row for turned; each design needs one for each task"),
        (
            measured(seeds=1),
            "as many errors as there are seeds, two or more, at each budget (steps, seconds); these hold 1",
        ),
        (measured(seeds=3) + measured(seeds=4), "these hold 3, 4"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_one_sentence(rows, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        Menu(rows)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("first", 9, "first is the number of a design, 0 to 8, and got 9"),
        ("first", -1, "first runs from 0"),
        ("second", -2, "second runs from -1"),
        ("task", "plain", "task is one of print, turned, and got 'plain'"),
        ("budget", "words", "budget is one of steps, seconds, and got 'words'"),
        ("axis", "error", "axis is one of seconds, parameters"),
        ("sort", "size", "sort is one of design, error"),
        ("tasks", ["print"], "tasks is read-only"),
    ],
)
def test_a_choice_that_is_not_there_is_refused_and_changes_nothing(name, value, words):
    w = menu()
    before = w.state
    with pytest.raises(traitlets.TraitError, match=re.escape(words)):
        setattr(w, name, value)
    assert w.state == before


def test_rows_become_designs_with_a_result_for_each_task_and_budget():
    rows, w = measured(), menu(first=2)
    assert len(w.designs) == 9 and w.tasks == ["print", "turned"] and w.budgets == ["steps", "seconds"]
    row = rows[5]  # the third design, turned
    w.task, w.budget = "turned", "seconds"
    assert w.errors(2) == row["errors"]["seconds"]
    assert w.designs[2]["parts"] == [row[course] for course in COURSES]
    assert [title(design) for design in w.designs[-2:]] == list(BUILDS)
    assert title(w.designs[0]) == "none · vgg · none · max · none"


def test_the_comparison_is_a_paired_t_interval():
    w = menu(first=1, second=4)
    assert w.t == pytest.approx(2.7764, abs=1e-4)
    test = stats.ttest_rel(w.errors(1), w.errors(4))
    low, high = test.confidence_interval(0.95)
    mean = np.mean(w.errors(1)) - np.mean(w.errors(4))
    assert w.comparison == pytest.approx((mean, low, high))
    assert f"Minus {title(w.designs[4])}: " in w.alt()
    w.second = -1
    assert w.comparison is None and "Minus" not in w.alt()


def test_the_front_holds_those_that_none_beats_in_both():
    w = menu()
    for axis, task in product(("seconds", "parameters"), w.tasks):
        w.axis, w.task = axis, task
        costs = [
            d["parameters"] if axis == "parameters" else d["results"][w.tasks.index(task)]["seconds"] for d in w.designs
        ]
        errors = [np.mean(w.errors(i)) for i in range(9)]
        best = np.inf
        front = []
        for i in np.argsort(costs):  # from the cheapest on, each that errs less than all before it
            if errors[i] < best:
                best = errors[i]
                front.append(i)
        assert w.front == sorted(front) and 1 <= len(front) < 9


def test_the_page_finds_the_state_in_the_html():
    w = menu(first=3)
    assert repr(w) == "Menu(9 designs, task='print', budget='steps', first=3)"
    assert w.html().startswith('<div class="crnn-host" id="crnn-menu-') and w.alt().replace("'", "&#x27;") in w.html()


# The same numbers in JavaScript


def states() -> list[dict]:
    found = []
    for first, second, task, budget, axis in product(
        (0, 5), (3,), ("print", "turned"), ("steps", "seconds"), ("seconds", "parameters")
    ):
        w = menu(first=first, second=second)
        w.task, w.budget, w.axis = task, budget, axis
        found.append(w)
    return found


@needs_node
def test_intervals_front_and_comparison_in_javascript_are_pythons(tmp_path):
    body = """const places = w.placesOf(x);
              const { mean, low, high } = w.difference(places[x.first], places[x.second], x.t);
              return [[mean, low, high], places.flatMap((p, i) => (p.front ? [i] : [])), places.map((p) => p.mean)];"""
    widgets = states()
    cases = [w.given | w.state for w in widgets]
    for w, (compared, front, means) in zip(widgets, run_node(tmp_path, body, cases, "menu_numbers.js"), strict=True):
        assert compared == pytest.approx(w.comparison, abs=1e-9)
        assert front == w.front
        assert means == pytest.approx([np.mean(w.errors(i)) for i in range(9)])


@needs_node
def test_the_nearest_design_with_a_part(tmp_path):
    w = menu()
    parts = [design["parts"] for design in w.designs]
    cases = [
        [w.given, first, course, part]
        for first in range(9)
        for course in range(5)
        for part in {p[course] for p in parts}
    ]
    found = run_node(tmp_path, "return w.nearest(x[0].designs, x[1], x[2], x[3]);", cases, "menu_numbers.js")
    for (_, first, course, part), to in zip(cases, found, strict=True):
        others = [i for i in range(5) if i != course]
        far = [sum(parts[i][k] != parts[first][k] for k in others) + 0.5 * bool(w.designs[i]["name"]) for i in range(9)]
        fit = [i for i in range(9) if parts[i][course] == part]
        assert to in fit and far[to] == min(far[i] for i in fit)


@needs_node
def test_the_order_of_each_column_and_the_numbers_on_an_axis(tmp_path):
    body = "return w.sorted(x.designs, w.placesOf(x), x.sort);"
    cases = [
        menu().given | menu().state | {"sort": sign + column}
        for column in ("design", "error", "seconds", "parameters")
        for sign in ("", "-")
    ]
    found = run_node(tmp_path, body, cases, "menu_numbers.js")
    w = menu()
    keys = {
        "design": lambda i: title(w.designs[i]),
        "error": lambda i: np.mean(w.errors(i)),
        "seconds": lambda i: w.designs[i]["results"][0]["seconds"],
        "parameters": lambda i: w.designs[i]["parameters"],
    }
    for case, order in zip(cases, found, strict=True):
        key = keys[case["sort"].lstrip("-")]
        assert order == sorted(range(9), key=key, reverse=case["sort"].startswith("-"))
    ticks = run_node(tmp_path, "return w.roundNumbers(x[0], x[1]);", [[2.6, 14], [900, 60_000]], "menu_numbers.js")
    assert ticks[0] == [3, 5, 7, 10] and ticks[1][:4] == [1000, 1500, 2000, 3000] and ticks[1][-1] == 50_000


@needs_node
def test_what_a_difference_says(tmp_path):
    cases = [dict(mean=-3.04, low=-5.1, high=-0.9), dict(mean=3, low=0.2, high=5.8), dict(mean=-1, low=-3, high=1)]
    assert run_node(tmp_path, "return w.verdict(x);", cases, "menu.js") == [
        "A − B: −3.0 points, 95 % interval −5.1 to −0.9: A makes fewer errors.",
        "A − B: +3.0 points, 95 % interval +0.2 to +5.8: A makes more errors.",
        "A − B: −1.0 points, 95 % interval −3.0 to +1.0: these seeds cannot tell.",
    ]
