"""The unroll widget: its arithmetic in JavaScript against torch's layer, its arguments, traits and picture."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import traitlets
from torch import nn

from crnn_lessons.show.numbers import show_number as show
from crnn_lessons.widgets import Unroll
from tests.widgets.node import floats, needs_node, run_node

NET = dict(weight_ih=[[1.0, 0.5], [0.0, -1.0]], weight_hh=[[0.5, 0.0], [0.2, 1.5]], bias=[0.1, -0.2])
INPUTS = [[1.0, 0.0], [0.0, 2.0], [-1.0, 0.5]]


def random_networks(seed: int = 1) -> list[dict]:
    """Of every size that the widget shows, with both activations, with and without outputs."""
    rng = np.random.default_rng(seed)
    networks = []
    for i in range(60):
        D, hidden_size, T, outputs = (int(rng.integers(1, most + 1)) for most in (4, 4, 12, 4))
        shapes = dict(weight_ih=(hidden_size, D), weight_hh=(hidden_size, hidden_size), bias=hidden_size, inputs=(T, D))
        shapes |= dict(weight_out=(outputs, hidden_size), bias_out=outputs) if i % 3 else {}
        network = {name: rng.normal(scale=1.2, size=shape).tolist() for name, shape in shapes.items()}
        networks.append(network | {"nonlinearity": "relu" if i % 2 else "tanh"})
    return networks


def torchs(network: dict) -> tuple[np.ndarray, np.ndarray | None]:
    """States and outputs by ``nn.RNN`` and ``nn.Linear``."""
    value = {name: torch.tensor(v, dtype=torch.float64) for name, v in network.items() if name != "nonlinearity"}
    hidden_size, D = value["weight_ih"].shape
    layer = nn.RNN(D, hidden_size, nonlinearity=network["nonlinearity"], dtype=torch.float64)
    weights = [value["weight_ih"], value["weight_hh"], value["bias"], torch.zeros(hidden_size)]
    for parameter, weight in zip(layer.parameters(), weights, strict=True):
        parameter.data.copy_(weight)
    states = layer(value["inputs"])[0].detach()
    if "weight_out" not in value:
        return states.numpy(), None
    return states.numpy(), (states @ value["weight_out"].T + value["bias_out"]).numpy()


# arithmetic


@needs_node
def test_javascript_gives_torchs_states_and_outputs(tmp_path):
    networks = random_networks()
    asked = [{"weight_out": None, "bias_out": None} | network for network in networks]
    answers = run_node(tmp_path, "return w.run(x, x.inputs);", asked, "unroll.js")
    for network, answer in zip(networks, answers, strict=True):
        states, outputs = torchs(network)
        np.testing.assert_allclose(floats(answer["states"]), states, rtol=1e-9, atol=1e-12)
        if outputs is None:
            assert answer["outputs"] == []
        else:
            np.testing.assert_allclose(floats(answer["outputs"]), outputs, rtol=1e-9, atol=1e-12)


def test_python_gives_torchs_states_and_outputs():
    for network in random_networks(2):
        widget, (states, outputs) = Unroll(**network), torchs(network)
        np.testing.assert_allclose(widget.states, states, rtol=1e-12, atol=1e-12)
        if outputs is None:
            assert widget.outputs is None
        else:
            np.testing.assert_allclose(widget.outputs, outputs, rtol=1e-12, atol=1e-12)


@needs_node
def test_the_explanation_names_every_number_that_was_used(tmp_path):
    network = {**NET, "weight_out": [[2.0, -1.0]], "bias_out": [0.5], "nonlinearity": "tanh", "inputs": INPUTS}
    asked = [{**network, "t": t, "line": line} for t, line in ((0, 0), (1, 1), (2, 2))]
    body = "return w.explain(x, x.inputs, w.run(x, x.inputs), x.t, x.line);"
    first, second, out = run_node(tmp_path, body, asked, "unroll.js")
    widget = Unroll(**{k: v for k, v in network.items()})
    (h0, h1), y = widget.states[:2], widget.outputs[2, 0]
    assert first[0] == "h_0[0] = tanh(W_ih[0] · x_0 + 0 (there is no state before step 0) + b[0])"
    assert first[1] == f"= tanh(1 · 1 + 0.5 · 0 + 0.5 · 0 + 0 · 0 + 0.1) = tanh(1.1) = {h0[0]:.4g}"
    assert second[0] == "h_1[1] = tanh(W_ih[1] · x_1 + W_hh[1] · h_0 + b[1])"
    assert f"0.2 · {show(h0[0])} + 1.5 · ({show(h0[1])})" in second[1] and second[1].endswith(f"= {show(h1[1])}")
    assert show(h0[1]).startswith("−") and "-" not in second[1]
    assert out[0] == "y_2[0] = W_out[0] · h_2 + b_out[0]" and out[1].endswith(f"+ 0.5 = {y:.4g}")


# arguments


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(weight_ih=[[1, 2, 3], [1, 2, 3]]), "inputs must be T x D, here (3, 3), and has the shape (3, 2)"),
        (dict(weight_hh=[[1, 2]]), "weight_hh must be Dₕ x Dₕ, here (2, 2), and has the shape (1, 2)"),
        (dict(bias=[0.0]), "bias must be Dₕ, here (2,), and has the shape (1,)"),
        (dict(bias=0.0), "bias must be Dₕ, and has the shape ()"),
        (dict(inputs=[1, 2]), "inputs must be T x D, and has the shape (2,)"),
        (dict(inputs=[]), "inputs must be T x D, and has the shape (0,)"),
        (dict(inputs=np.zeros((13, 2))), "the widget shows 1 to 12 for T, and got 13"),
        (dict(weight_ih=np.ones((5, 2))), "the widget shows 1 to 4 for Dₕ, and got 5"),
        (dict(weight_out=np.ones((5, 2))), "the widget shows 1 to 4 for outputs, and got 5"),
        (dict(weight_out=[[1, 2, 3]]), "weight_out must be outputs x Dₕ, here (1, 2), and has the shape (1, 3)"),
        (dict(bias_out=[1]), "bias_out needs weight_out"),
        (dict(inputs=[[1, np.nan]]), "inputs holds numbers from -100 to 100, and at (0, 1) it is nan"),
        (dict(bias=[101, 0]), "bias holds numbers from -100 to 100, and at (0,) it is 101"),
        (dict(weight_ih="no"), "weight_ih must be an array of numbers, Dₕ x D, and got 'no'"),
        (dict(nonlinearity="sigmoid"), "nonlinearity is one of tanh, relu, and got 'sigmoid'"),
        (dict(t=3), "t runs from 0 to 2 here, and got 3"),
        (dict(unit=2), "unit runs from 0 to 1 here, and got 2"),
    ],
)
def test_it_refuses_with_one_sentence(change, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Unroll(**{**NET, "inputs": INPUTS, **change})


def test_tensors_arrays_and_whole_numbers_are_taken():
    layer = nn.RNN(2, 3)
    w = Unroll(layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, np.eye(2, dtype=int))
    assert w.inputs == [[1.0, 0.0], [0.0, 1.0]]
    np.testing.assert_allclose(w.weight_hh, layer.weight_hh_l0.detach())


# traits


def test_setting_traits_follows_the_same_rules():
    w = Unroll(**NET, inputs=INPUTS, t=2)
    for name, value, words in [
        ("bias", [1.0], "bias must be Dₕ, here (2,)"),
        ("bias", [1.0, np.inf], "at (1,) it is inf"),
        ("weight_hh", [[1.0]], "weight_hh must be Dₕ x Dₕ, here (2, 2)"),
        ("inputs", [[1.0]], "inputs must be T x D, here (1, 2)"),
        ("inputs", np.zeros((13, 2)), "inputs must be T x D, here (12, 2)"),
        ("weight_out", [[1.0, 1.0]], "cannot be added or taken away later"),
        ("bias", None, "bias"),
        ("t", 3, "t runs from 0 to 2"),
        ("unit", -1, "unit runs from 0 to 1"),
        ("nonlinearity", "relu", "read-only"),
    ]:
        before = getattr(w, name)
        with pytest.raises(traitlets.TraitError, match=re.escape(words)):
            setattr(w, name, value)
        assert getattr(w, name) == before
    w.inputs = np.array(INPUTS[:1])
    assert (w.inputs, w.t, len(w.states)) == (INPUTS[:1], 0, 1)
    w.bias = (0.0, 1.0)
    np.testing.assert_allclose(w.states, [np.tanh([1.0, 1.0])])  # W_ih x = (1, 0), and the bias


# what is left without a script


def test_alt_text_and_repr_tell_the_state():
    w = Unroll([[1.0]], [[0.5]], [0.0], [[1], [0]], [[2.0]])
    assert w.alt() == (
        "A recurrent network of 1 tanh unit, unrolled over 2 steps. Inputs: 1, 0. States: 0.7616, 0.3634. "
        "Outputs: 1.523, 0.7268."
    )
    assert repr(w) == "Unroll(D=1, hidden_size=1, T=2, tanh, t=0)"
    w.weight_hh = [[0.0]]
    assert "States: 0.7616, 0." in w.alt() and w.start["weight_hh"] == [[0.5]]
