"""The memory widget: its numbers against autograd and between Python and JavaScript, and its Python side."""

from __future__ import annotations

import json
import re
from itertools import product

import numpy as np
import pytest
import traitlets

from crnn_lessons.show.numbers import show_number
from crnn_lessons.widgets import Memory
from crnn_lessons.widgets.memory_run import CELLS, KINDS, UNITS, draw_base, influence
from crnn_lessons.widgets.page import module
from tests.widgets.influence import influence as influence_by_hand
from tests.widgets.node import floats, needs_node, run_node
from tests.widgets.test_widgets import state_of

SETTINGS = list(product(CELLS, KINDS, (0.3, 1.0, 2.0, 3.0), (-2.0, 1.0, 5.0), (2, 17, 60)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seed", [0, 1])
def test_autograd_through_the_courses_cells_equals_the_chain_rule_by_hand(cell, seed):
    base = draw_base(seed)
    for kind, norm, bias, length in product(KINDS, (0.3, 1.0, 3.0), (-2.0, 1.0, 5.0), (2, 60)):
        want = influence_by_hand(base, cell, kind, norm, bias, length)
        np.testing.assert_allclose(influence(base, cell, kind, norm, bias, length), want, rtol=1e-9, atol=1e-300)


@needs_node
def test_javascript_equals_python(tmp_path):
    base = draw_base(0)
    inputs = [dict(zip(("cell", "kind", "norm", "bias", "length"), s, strict=True)) for s in SETTINGS]
    body = "const b = JSON.parse(readFileSync('base.json'));"
    body += "return w.influence(b, x.cell, x.kind, x.norm, x.bias, x.length);"
    (tmp_path / "base.json").write_text(json.dumps(base))
    got = floats(run_node(tmp_path, body, inputs, "memory_run.js"))
    for curve, setting in zip(got, SETTINGS, strict=True):
        np.testing.assert_allclose(curve, influence(base, *setting), rtol=1e-9, atol=1e-300, err_msg=str(setting))


def test_the_base_matrices_have_norm_one_and_stay_below_the_bound():
    base = draw_base(0)
    for kind in KINDS:
        np.testing.assert_allclose(np.linalg.norm(np.array(base[kind]), 2, axis=(1, 2)), 1, atol=1e-5)
        W_ih = np.linalg.norm(base["weight_ih"][0])
        for norm in (0.5, 1.0, 2.5):
            curve = influence(base, "RNN", kind, norm, 0, 60)
            assert (curve <= W_ih * (norm * (1 + 1e-5)) ** np.arange(60)).all()
    for matrix in np.array(base["orthogonal"]):
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(UNITS), atol=1e-5)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(norm=4), "norm is a number from 0.1 to 3, and got 4"),
        (dict(norm="big"), "norm is a number from 0.1 to 3, and got 'big'"),
        (dict(norm=float("nan")), "norm is a number from 0.1 to 3, and got nan"),
        (dict(bias=7), "bias is a number from -2 to 6, and got 7"),
        (dict(length=1), "length is a whole number from 2 to 60, and got 1"),
        (dict(length=2.5), "length is a whole number from 2 to 60, and got 2.5"),
        (dict(length=10, distance=10), "distance is a whole number from 0 to 9, and got 10"),
        (dict(matrix="square"), "matrix is random or orthogonal, and got 'square'"),
        (dict(cells=["LSTM", "CNN"]), "cells are some of RNN, LSTM, GRU, and got 'CNN'"),
        (dict(seed=-1), "seed is a whole number of 0 or more, and got -1"),
    ],
)
def test_it_refuses_with_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Memory(**arguments)


def test_setting_traits_follows_the_same_rules():
    w = Memory(length=40, distance=39)
    for name, value, words in [
        ("norm", 0, "norm is a number from 0.1 to 3"),
        ("bias", -3, "bias is a number from -2 to 6"),
        ("length", 61, "length is a whole number from 2 to 60"),
        ("distance", 40, "distance is a whole number from 0 to 39"),
        ("matrix", "x", "matrix is random or orthogonal"),
        ("cells", ["x"], "cells are some of RNN, LSTM, GRU"),
        ("base", {}, "read-only"),
    ]:
        before = getattr(w, name)
        with pytest.raises(traitlets.TraitError, match=re.escape(words)):
            setattr(w, name, value)
        assert getattr(w, name) == before
    w.length = 10
    assert (w.length, w.distance) == (10, 9)  # the point is kept on the curve
    w.norm, w.cells = 2, ["GRU"]
    assert list(w.curves) == ["GRU"]
    np.testing.assert_array_equal(w.curves["GRU"], influence(w.base, "GRU", w.matrix, 2, w.bias, 10))


def test_page_and_names():
    w = Memory(norm=0.5, length=30, distance=12)
    page = w.html()
    assert state_of(page)["norm"] == 0.5 and state_of(page)["base"] == w.base
    assert "import " not in module("memory.js")
    assert all(f"{cell} {show_number(curve[12])}" in w.alt() for cell, curve in w.curves.items()) and len(w.curves) == 3
    assert "At distance 12" in w.alt() and "0x" not in repr(w)
    assert (
        repr(w) == "Memory(norm=0.5, bias=1.0, length=30, distance=12, matrix='random', cells=['RNN', 'LSTM', 'GRU'])"
    )
    assert Memory(seed=1).base != w.base
