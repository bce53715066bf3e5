"""One state, one check: whatever a cell or the page sends, a widget takes it whole or refuses it in one sentence."""

from __future__ import annotations

import json
import math
import re
import time

import numpy as np
import pytest
import torch
import traitlets
from torch import nn

from crnn_lessons.cells import LSTM
from crnn_lessons.show import palette
from crnn_lessons.widgets import Adder, Collapse, Film, Gates, Lattice, Memory, Shape, Unroll
from crnn_lessons.widgets.page import HERE, stylesheet
from tests.widgets.node import needs_node, run_node
from tests.widgets.test_adder import adder, hand_set
from tests.widgets.test_film import training
from tests.widgets.test_focus_page import WIDGETS
from tests.widgets.test_widgets import PROBS, state_of

CASES = WIDGETS | {"adder": adder}
JSON = (type(None), bool, int, float, str, list, dict)
JUNK = [
    None, True, -1, 3, 10**30, 2.5, math.nan, math.inf, "", "no", "\ud800", "a\x00b", "9" * 500, b"bytes", object(),
    [], [[]], [None], [1, "a"], [[0.5, "x"]], [[[1.0]]], [[1.0], [1.0, 2.0]], [{}], [[math.nan] * 4], ["conv 8"], {},
    {"t": 1}, {1, 2}, range(3), np.zeros((3, 0)), np.array("x"), torch.zeros(2, 2), [torch.zeros(2)],
    [np.zeros(2), np.zeros(3)],
]  # fmt: skip


@pytest.fixture(params=CASES)
def widget(request):
    return CASES[request.param]()


def from_page(widget, **sent) -> list[dict]:
    """What the widget answers to a change that the page sends, as the comm brings it."""
    answers = []
    widget.comm.send = lambda data=None, **rest: answers.append(data)
    message = {"method": "update", "state": sent, "buffer_paths": []}
    widget._handle_msg({"content": {"data": message}, "buffers": []})
    return answers


def test_each_entry_is_an_attribute_and_json_carries_the_whole(widget):
    assert set(widget.given) | set(widget.state) == set(widget.entries)
    assert widget.start == widget.state and "start" in widget.given
    for name in widget.entries:
        assert getattr(widget, name) == (widget.given | widget.state)[name]
    assert json.loads(json.dumps(widget.state, allow_nan=False)) == widget.state
    assert json.loads(json.dumps(widget.given, allow_nan=False)) == widget.given
    assert set(widget.keys) >= {"state", "given"} and not set(widget.keys) & set(widget.entries)


def test_junk_is_refused_in_a_sentence_and_the_state_stays(widget):
    refused = 0
    for name in widget.entries:
        for junk in JUNK:
            before = json.dumps(widget.state)
            try:
                setattr(widget, name, junk)
            except traitlets.TraitError as problem:
                refused += 1
                said = str(problem)
                assert "\n" not in said and 10 < len(said) < 600, (name, junk)
                assert json.dumps(widget.state) == before, (name, junk)
            json.dumps(widget.state, allow_nan=False).encode()  # what was taken can be sent and saved
            assert widget.alt() and repr(widget)
    assert refused > 10 * len(widget.entries)


def test_what_the_page_sends_is_checked_alike_and_the_page_gets_the_last_state_back(widget):
    before = json.dumps(widget.state)
    sendable = [junk for junk in JUNK[:-2] if isinstance(junk, JSON)]
    for name in widget.state:
        for junk in sendable:
            answers = from_page(widget, state=widget.state | {name: junk})
            if widget.state != json.loads(before) | {name: junk}:
                assert answers[-1] == {"method": "update", "state": {"state": widget.state}, "buffer_paths": []}
            assert widget.state[name] == json.loads(before)[name] or json.dumps(widget.state, allow_nan=False)
            widget.state = dict(widget.start)
            assert json.dumps(widget.state) == before
    for sent in (5, None, [], "x", {"unknown": 1}, widget.state | {"unknown": 1}):
        assert from_page(widget, state=sent)[-1]["state"] == {"state": widget.state}
        assert json.dumps(widget.state) == before


def test_the_page_cannot_set_what_is_given(widget):
    given = json.dumps(widget.given)
    for sent in (
        dict(given={}),
        dict(given={"start": {}}, _esm="alert(1)"),
        dict(state=dict.fromkeys(widget.given, 0)),
        dict(state=widget.state | {"start": {}}),
        {name: 0 for name in widget.entries},
    ):
        from_page(widget, **sent)
        assert json.dumps(widget.given) == given and "alert(1)" not in widget._esm
        assert widget.state == widget.start
    with pytest.raises(traitlets.TraitError, match="read-only"):
        widget.given = {}
    with pytest.raises(traitlets.TraitError, match="start is read-only"):
        widget.start = {}


def test_a_change_from_the_page_is_taken_and_not_sent_back():
    w = Lattice(PROBS, "ab", "ab")
    moved = w.state | {"t": 3, "mode": "beta"}
    assert [answer["method"] for answer in from_page(w, state=moved)] == ["echo_update"]
    assert (w.t, w.mode, w.start["t"]) == (3, "beta", 0)
    shorter = w.state | {"probs": PROBS[:2].tolist()}  # t is past its end now, and follows
    assert from_page(w, state=shorter)[-1] == {"method": "update", "state": {"state": w.state}, "buffer_paths": []}
    assert w.t == 1


def test_some_entries_can_be_set_at_once():
    w = Lattice(PROBS, "ab", "ab")
    w.state = {"target": "a", "s": 2, "t": 3}
    assert (w.target, w.s, w.t, w.mode) == ("a", 2, 3, "alpha")
    with pytest.raises(traitlets.TraitError, match="s runs from 0 to 2 in this lattice, and got 4"):
        w.state = {"target": "b", "s": 4}
    assert w.target == "a"


def diverged(layer: nn.Module) -> nn.Module:
    with torch.no_grad():
        next(iter(layer.parameters())).fill_(math.nan)
    return layer


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Adder(diverged(hand_set()[0]), hand_set()[1]), "weight_ih_l0 of this RNN holds nan"),
        (lambda: Adder(hand_set()[0], diverged(hand_set()[1])), "weight of this Linear holds nan"),
        (lambda: Adder(*hand_set(), correlations=[math.nan, 0, 0]), "correlations must be 3 numbers from -1 to 1"),
        (lambda: Gates(diverged(LSTM(10, 3)), "12"), "the weights of a layer must be finite numbers"),
        (lambda: Gates(LSTM(10, 3), "12", out=diverged(nn.Linear(3, 10))), "weight of this Linear holds nan"),
        (lambda: Gates(LSTM(3, 3), "a", labels="ab\x07"), "labels must be text that can be shown"),
        (lambda: Collapse("a\ud800b"), r"'\ud800' in it is a control character or half of a surrogate pair"),
        (lambda: Collapse("a\nb"), "path must be text that can be shown, and got 'a\\nb'"),
        (lambda: Collapse("a", examples=["\x1b[31m"]), "examples must be text that can be shown"),
        (lambda: Collapse("a", alphabet=["a", "\ud83d"]), "alphabet must be text that can be shown"),
        (lambda: Lattice(PROBS, "a", "a\x00"), "characters must be text that can be shown"),
        (lambda: Shape("tiny", word="a\x00"), "word must be text that can be shown"),
        (lambda: Memory(cells=5), "cells are some of RNN, LSTM, GRU, and got 5"),
        (lambda: Unroll(5, 5, 5, 5, 5), "weight_out must be outputs x Dₕ, and has the shape ()"),
    ],
)  # fmt: skip
def test_what_json_or_a_page_cannot_carry_is_refused_in_the_constructor(make, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        make()


@pytest.mark.parametrize(
    "make, name, words",
    [
        (Memory, "cells", "cells are some of RNN, LSTM, GRU, and got 5"),
        (Gates, "inputs", "inputs belong to a cell"),
        (Gates, "gates", "gates must be T x 4"),
        (lambda: Gates(LSTM(2, 2), "01"), "inputs", "inputs must be T x D, D = 2"),
        (lambda: Shape("tiny"), "layers", "layers are a list of texts such as 'conv 64', and got 5"),
    ],
)
def test_a_number_where_a_sequence_should_be(make, name, words):
    with pytest.raises(traitlets.TraitError, match=words):
        setattr(make(), name, 5)


@pytest.mark.parametrize("shape", [(100_000, 3), (101, 3), (3, 501), (10, 20_000)])
def test_a_lattice_that_is_too_large_is_refused_before_the_work(shape):
    probs = np.full(shape, 1 / shape[1])
    start = time.perf_counter()
    with pytest.raises(
        ValueError, match=f"at most 100 time steps of 500 classes, and probs is {shape[0]} x {shape[1]}"
    ):
        Lattice(probs, "a", [chr(0x4E00 + i) for i in range(shape[1] - 1)])
    assert time.perf_counter() - start < 2


def test_an_infinite_loss_is_shown_as_such(tmp_path):
    frames, images, targets, alphabet = training(targets=("4077", "12"))
    never = frames[0][1][0].copy()
    never[:, 5] = -np.inf  # class 5 is the 4
    frames[0][1][0] = never - np.log(np.exp(never).sum(1, keepdims=True))
    film = Film(frames, images, targets, alphabet)
    assert film.film["scenes"][0]["losses"][0] is None and film.film["scenes"][0]["losses"][1] > 0
    assert "'4077' is read as" in film.alt() and ", loss ∞;" in film.alt()
    assert state_of(film.html())["film"] == film.film
    if needs_node.args[0]:
        return
    body = "return w.unpack(x.film, x.characters)[0].losses.map((loss) => w.number(loss));"
    [said] = run_node(tmp_path, body, [{"film": film.film, "characters": film.characters}], "film.js")
    assert said[0] == "∞" and "∞" not in said[1:]


def test_the_colours_are_the_palettes():
    colours = {name.lower(): value for name, value in vars(palette).items() if name.isupper()}
    named = dict(re.findall(r"--crnn-([a-z]+): (#\w{6})", stylesheet("film.css").split("\n")[0]))
    assert named == colours and len(colours) >= 8
    for file in HERE.glob("*.[jc]s*"):
        text = file.read_text(encoding="utf-8").lower()
        assert not [name for name, value in colours.items() if value.lower() in text], file.name
        used = set(re.findall(r"var\(--crnn-([a-z-]+)", text))
        known = named.keys() | set(re.findall(r"--crnn-([a-z-]+):", (HERE / "base.css").read_text() + text))
        assert used <= known, file.name
