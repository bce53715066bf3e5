"""The gates widget: arithmetic in JavaScript against the course's cells, arguments, traits, picture and page."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
import traitlets
from torch import nn

from crnn_lessons.cells import GRU, LSTM, lstm_step
from crnn_lessons.widgets import Gates
from crnn_lessons.widgets.gates_parts import PRESETS, TASKS, read_cell, read_out, run_by_hand, run_cell
from crnn_lessons.widgets.page import module
from tests.widgets.node import needs_node, run_node
from tests.widgets.test_widgets import state_of

NAMES = "ifgoch"


def layer(D: int = 10, H: int = 5, seed: int = 0, scale: float = 1.0, **options: object) -> LSTM:
    torch.manual_seed(seed)
    made = LSTM(D, H, **options)
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(scale)
    return made


def own_run(cell: LSTM, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """h and c of every step, with the course's step in float64 and torch's arithmetic alone."""
    weights = {name: w.detach().double() for name, w in cell.named_parameters()}
    bias_ih, bias_hh = weights.get("bias_ih_l0"), weights.get("bias_hh_l0")
    h, c, rows = *(torch.zeros(1, cell.hidden_size).double() for _ in "hc"), []
    for x in torch.tensor(np.asarray(inputs)).double():
        projected = nn.functional.linear(x[None], weights["weight_ih_l0"], bias_ih)
        h, c = lstm_step(projected, h, c, weights["weight_hh_l0"], bias_hh, cell.output_tanh)
        rows.append((h[0], c[0]))
    return tuple(torch.stack(part).numpy() for part in zip(*rows, strict=True))


def cell_cases() -> list[tuple[LSTM, np.ndarray]]:
    rng, cases = np.random.default_rng(3), []
    for seed in range(12):
        D, H, T = (int(n) for n in (rng.integers(1, 13), rng.integers(1, 21), rng.integers(1, 20)))
        cell = layer(D, H, seed, scale=float(rng.choice([1, 4, 30])), output_tanh=seed % 3 > 0, bias=seed % 4 > 0)
        cases.append((cell, rng.normal(size=(T, D)) * 2))
    return cases


# arithmetic


@needs_node
def test_a_cell_in_javascript_equals_lstm_step(tmp_path):
    cases = cell_cases()
    given = [{"cell": read_cell(cell), "inputs": inputs.tolist()} for cell, inputs in cases]
    saturated = 0
    for (cell, inputs), case, run in zip(
        cases, given, run_node(tmp_path, "return w.runCell(x.cell, x.inputs);", given, "gates_run.js"), strict=True
    ):
        h, c = own_run(cell, inputs)
        np.testing.assert_allclose(run["h"], h, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(run["c"], c, rtol=1e-9, atol=1e-9)
        for name, want in run_cell(case["cell"], case["inputs"]).items():
            np.testing.assert_allclose(run[name], want, rtol=1e-9, atol=1e-9)
        saturated += bool((np.array(run["f"]) > 1 - 1e-12).any())
    assert saturated >= 2  # gates wide open are among the cases


@needs_node
def test_one_unit_by_hand_in_javascript_equals_python(tmp_path):
    rng = np.random.default_rng(0)
    cases = [np.c_[rng.random((T, 2)), rng.uniform(-1, 1, T), rng.random(T)].tolist() for T in (1, 2, 7, 64)]
    cases += list(PRESETS.values())
    for gates, run in zip(cases, run_node(tmp_path, "return w.runByHand(x);", cases, "gates_run.js"), strict=True):
        want = run_by_hand(gates)
        c = 0.0
        for t, (i, f, g, o) in enumerate(gates):  # once more, from the equations
            c = f * c + i * g
            assert run["c"][t] == pytest.approx(c, abs=1e-9) and run["h"][t] == pytest.approx(o * np.tanh(c), abs=1e-9)
        np.testing.assert_allclose(want["c"][:, 0], run["c"], atol=1e-12)
        np.testing.assert_allclose(want["h"][:, 0], run["h"], atol=1e-12)


def test_python_runs_the_layer_it_was_given():
    for cell, inputs in cell_cases():
        widget = Gates(cell, inputs, labels=[])
        output, (_, c) = cell(torch.tensor(inputs).float())
        np.testing.assert_allclose(widget.values["h"], output.detach(), atol=2e-4, rtol=1e-3)
        np.testing.assert_allclose(widget.values["c"][-1], c[0].detach(), atol=2e-4, rtol=1e-3)


def test_torchs_layers_are_taken_too():
    ours, inputs = layer(), np.eye(10)[[3, 1, 4]]
    theirs, single = nn.LSTM(10, 5), nn.LSTMCell(10, 5)
    theirs.load_state_dict(ours.state_dict())
    single.load_state_dict({name.removesuffix("_l0"): w for name, w in ours.state_dict().items()})
    want = Gates(ours, inputs).values
    for cell in (theirs, single):
        for name in NAMES:
            np.testing.assert_array_equal(Gates(cell, inputs).values[name], want[name])


@needs_node
def test_the_answer_equals_torchs(tmp_path):
    torch.manual_seed(1)
    out, h = nn.Linear(5, 10), torch.randn(6, 5)
    cell = read_cell(layer()) | read_out(out, 5, list("0123456789"), None)
    given = [{"cell": cell, "h": row} for row in h.tolist()]
    got = run_node(tmp_path, "return w.readOut(x.cell, x.h);", given, "gates_run.js")
    np.testing.assert_allclose(got, out.double()(h.double()).softmax(-1).detach(), rtol=1e-9)
    assert run_node(tmp_path, "return [w.readOut(x, [1])];", [{}], "gates_run.js") == [[None]]


@needs_node
def test_editing_signs_keeps_what_was_not_edited(tmp_path):
    """Steps that keep their sign keep their numbers, noise included; features without a label go with their place."""
    told = [[0, 1], [0, 0], [0, 0]]
    inputs = [[1, 0, *told[0]], [0.3, 0.8, *told[1]], [0, 1, *told[2]]]  # a, noise, b
    edits = ["a·b", "b·b", "a·ba", "a·", "ba·b", "a"]
    body = """const signs = [...x.text];
              const next = w.editInputs(x.inputs, ["a", "b"], signs);
              return [next, w.signsOf(next, ["a", "b"]).join("")];"""
    given = [{"inputs": inputs, "text": text} for text in edits]
    answers = dict(zip(edits, run_node(tmp_path, body, given, "gates_run.js"), strict=True))
    assert all(signs == text for text, (_, signs) in answers.items())
    assert answers["a·b"][0] == inputs
    assert answers["b·b"][0] == [[0, 1, *told[0]], *inputs[1:]]
    assert answers["a·ba"][0] == [*inputs, [1, 0, 0, 0]]
    assert answers["a·"][0] == inputs[:2] and answers["a"][0] == inputs[:1]
    assert answers["ba·b"][0] == [[0, 1, 0, 1], *inputs]


# by hand


def test_what_the_examples_do():
    c = {name: run_by_hand(gates)["c"][:, 0] for name, gates in PRESETS.items()}
    h = run_by_hand(PRESETS["hold"])["h"][:, 0]
    assert (c["hold"] == 0.8).all() and (h[:-1] == 0).all() and h[-1] == np.tanh(0.8)
    assert c["overwrite"].tolist() == [0.8] * 4 + [-0.6] * 3
    np.testing.assert_allclose(c["forget"], 0.8 * 0.5 ** np.arange(7))
    assert c["count"].tolist() == [1, 2, 2, 3, 4, 4, 5]


SOLUTIONS = {  # i, f, o of each step
    "second": ([0, 1, 0, 0, 0, 0, 0], [1] * 7, [0] * 6 + [1]),
    "latest": ([0, 1, 0, 0, 1, 0, 0], [1, 0, 1, 1, 0, 1, 1], [1] * 7),
    "total": ([1] * 7, [1] * 7, [1] * 7),
}


@pytest.mark.parametrize("task", TASKS)
def test_each_task_can_be_solved_and_is_not_solved_at_first(task):
    i, f, o = SOLUTIONS[task]
    rows = [list(map(float, row)) for row in zip(i, f, TASKS[task]["g"], o, strict=True)]
    solved = Gates(gates=rows, task=task)
    np.testing.assert_allclose(solved.values["h"][:, 0], TASKS[task]["goal"], atol=1e-12)
    for start in (Gates(task=task), Gates(gates=[[0, 0, g, 0] for g in TASKS[task]["g"]], task=task)):
        assert (np.abs(start.values["h"][:, 0] - TASKS[task]["goal"]) > 0.02).any()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(gates=[[0, 0, 0]]), "gates must be T x 4 (time steps by i, f, g, o)"),
        (dict(gates=[[0, 1, 0, 1.5]]), "o lies between 0 and 1, and at t = 0 it is 1.5"),
        (dict(gates=[[0, 1, 0, 1], [0, 1, -2, 1]]), "g lies between -1 and 1, and at t = 1 it is -2"),
        (dict(gates=[[0, np.nan, 0, 1]]), "f lies between 0 and 1, and at t = 0 it is nan"),
        (dict(task="third"), "one of second, latest, total, and got 'third'"),
        (dict(task="total", gates=PRESETS["hold"]), "gives the candidates"),
        (dict(t=7), "t runs from 0 to 6 here, and got 7"),
        (dict(unit=1), "unit runs from 0 to 0 here"),
        (dict(inputs="123"), "belong to a cell; give one"),
        (dict(cell=layer()), "a cell needs inputs"),
        (dict(cell=layer(), inputs="123", task="second"), "leave out gates and task"),
        (dict(cell="LSTM", inputs="123"), "this is str"),
        (dict(cell=GRU(10, 5), inputs="123"), "only an LSTM has these gates, and this is GRU"),
        (dict(cell=nn.LSTM(10, 5, proj_size=2), inputs="123"), "without proj_size"),
        (dict(cell=LSTM(10, 5, bidirectional=True), inputs="123"), "this LSTM has 1 in 2"),
        (dict(cell=LSTM(10, 5, num_layers=2), inputs="123"), "this LSTM has 2 in 1"),
        (dict(cell=LSTM(10, 65), inputs="123"), "at most 64 units"),
        (dict(cell=layer(), inputs="12x"), "'x' in '12x' is none of the labels '0123456789'"),
        (dict(cell=layer(), inputs=[3, 10]), "indices run from 0 to 9"),
        (dict(cell=layer(), inputs=np.zeros((3, 9))), "T x D, D = 10"),
        (dict(cell=layer(), inputs=np.full((3, 10), np.inf)), "must be finite"),
        (dict(cell=layer(), inputs=""), "T x D, D = 10"),
        (dict(cell=layer(), inputs="1", labels=["ab"]), "labels are single signs"),
        (dict(cell=layer(), inputs="1", labels="11"), "labels are single signs"),
        (dict(cell=layer(), inputs="1", labels="·"), "stands for a step without a label"),
        (dict(cell=layer(), inputs="1", t=1), "t runs from 0 to 0"),
        (dict(cell=layer(), inputs="1", unit=5), "unit runs from 0 to 4"),
        (dict(cell=layer(), inputs="1", out=nn.Linear(6, 10)), "reads the cell's 5 units"),
        (dict(cell=layer(), inputs="1", out=nn.Linear(5, 3), classes="ab"), "3 classes, and 2 names"),
        (dict(cell=layer(), inputs="1", classes="ab"), "give out, or leave out classes"),
    ],
)  # fmt: skip
def test_it_refuses_with_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Gates(**arguments)


def test_traits_follow_the_same_rules():
    hand, cell = Gates(t=6), Gates(layer(), "4719", t=3)
    for widget, name, value, words in [
        (hand, "gates", [[0, 0, 0, 2]], "o lies between"),
        (hand, "t", 7, "t runs from 0 to 6"),
        (hand, "task", "third", "one of second"),
        (hand, "inputs", "12", "by hand there are gates only"),
        (cell, "gates", PRESETS["hold"], "sets its gates itself"),
        (cell, "inputs", "4x", "'x' in '4x'"),
        (cell, "unit", 5, "unit runs from 0 to 4"),
        (cell, "cell", {}, "read-only"),
    ]:
        before = getattr(widget, name)
        with pytest.raises(traitlets.TraitError, match=re.escape(words)):
            setattr(widget, name, value)
        assert getattr(widget, name) == before
    hand.task = "total"
    assert [row[2] for row in hand.gates] == TASKS["total"]["g"] and hand.t == 6
    hand.gates = PRESETS["count"][:3]  # other candidates: no longer the task
    assert (hand.task, hand.t) == ("", 2)
    cell.inputs = "02"
    assert (cell.signs(), cell.t) == ("02", 1)
    with hand.hold_trait_notifications():  # as when the page sends both at once
        hand.task, hand.gates = "second", [[1, 0, g, 1] for g in TASKS["second"]["g"]]
    assert hand.task == "second" and hand.gates[0] == [1.0, 0.0, 0.9, 1.0]


# the page without a kernel


def test_alt_text_and_repr_are_made_from_the_data():
    hand = Gates()
    assert "Memory c: 0.80, 0.80" in hand.alt() and "Output h: 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.66" in hand.alt()
    assert repr(hand) == "Gates(T=7, t=0, task='')"
    below = Gates(gates=[[1, 0, -0.5, 0.001]])
    assert below.alt().endswith("Memory c: −0.50. Output h: 0.00.")  # rounded to zero, without a minus
    torch.manual_seed(0)
    out = nn.Linear(5, 10)
    widget = Gates(layer(), "4719", out=out, t=2, unit=3)
    want = out(layer()(torch.eye(10)[[4, 7, 1, 9]])[0])[2].argmax().item()
    assert widget.answer() == str(want) and widget.alt().endswith(f"After step 2 it would answer {want}.")
    assert repr(widget) == "Gates('4719', units=5, t=2, unit=3)"


def test_the_page_starts_where_python_is_and_resets_to_the_first_state():
    widget = Gates(layer(), "4719")
    assert "start" not in state_of(widget.html())
    widget.inputs = "47"
    state = state_of(widget.html())
    assert len(state["inputs"]) == 2 and len(state["start"]["inputs"]) == 4
    assert json.dumps(state_of(Gates().html()), sort_keys=True) == json.dumps(state_of(Gates().html()), sort_keys=True)


def test_the_modules_join_into_one():
    text = module("page.js", "gates.js")
    assert "import " not in re.sub(r"//.*|/\*.*?\*/", "", text, flags=re.DOTALL) and "</script" not in text
    names = re.findall(r"^(?:export )?(?:const|let|function) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names))
