"""Wrong answers to lesson 01 as learners write them: each must be caught, and its cause named."""

import math

import numpy as np
import pytest
import torch

from crnn_lessons.exercises import catalogue
from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from crnn_lessons.widgets import Unroll
from tests.exercises.answers import assert_complete, assert_named, assert_right

RIGHT_STEPS = catalogue.load("01").RIGHT_STEPS
outputs_that_change = catalogue.load("01").outputs_that_change

# Written apart from the catalogue in notebooks/exercises/01_sequences.py, which the engine compares with.


def scalar_step(x, h, weight_ih, weight_hh, bias, activation=math.tanh):
    """The right step, one number at a time."""
    new = []
    for i in range(len(h)):
        total = bias[i]
        for d in range(len(x)):
            total += weight_ih[i][d] * x[d]
        for j in range(len(h)):
            total += weight_hh[i][j] * h[j]
        new.append(activation(total))
    return np.array(new)


def no_memory(x, h, weight_ih, weight_hh, bias):
    return scalar_step(x, np.zeros(len(h)), weight_ih, weight_hh, bias)


def no_squash(x, h, weight_ih, weight_hh, bias):
    return scalar_step(x, h, weight_ih, weight_hh, bias, activation=lambda v: v)


def no_bias(x, h, weight_ih, weight_hh, bias):
    return scalar_step(x, h, weight_ih, weight_hh, [0.0] * len(h))


def bias_outside(x, h, weight_ih, weight_hh, bias):
    return no_bias(x, h, weight_ih, weight_hh, bias) + bias


def two_tanhs(x, h, weight_ih, weight_hh, bias):
    a, b = np.dot(weight_ih, x), np.dot(weight_hh, h) + bias
    return np.tanh(a) + np.tanh(b)


def state_first(x, h, weight_ih, weight_hh, bias):
    return scalar_step(x, h, weight_ih, np.transpose(weight_hh), bias)


def vectors_first(x, h, weight_ih, weight_hh, bias):
    return np.tanh(np.dot(x, weight_ih) + np.dot(h, weight_hh) + bias)


def stars(x, h, weight_ih, weight_hh, bias):
    return np.tanh(np.multiply(weight_ih, x) + np.multiply(weight_hh, h) + bias)


def deaf(x, h, weight_ih, weight_hh, bias):
    return scalar_step(np.zeros(len(x)), h, weight_ih, weight_hh, bias)


def half_filled(x, h, weight_ih, weight_hh, bias):
    return np.tanh(weight_ih @ x + ...)


def swapped(x, h, weight_ih, weight_hh, bias):
    return np.tanh(np.dot(weight_ih, h) + np.dot(weight_hh, x) + bias)


def starred_state(x, h, weight_ih, weight_hh, bias):
    return np.tanh(np.dot(weight_ih, x) + np.multiply(weight_hh, h) + bias)


def by_math(x, h, weight_ih, weight_hh, bias):
    return math.tanh(np.dot(weight_ih, x) + np.dot(weight_hh, h) + bias)


def by_math_in_lists(x, h, weight_ih, weight_hh, bias):
    return [math.tanh(total) for total in no_squash(x, h, weight_ih, weight_hh, bias)]


def in_the_plane(x, h, weight_ih, weight_hh, bias):
    return scalar_step(x, h, weight_ih, weight_hh, bias).astype(complex)


def too_soon(finish):
    """A loop with its return inside."""

    def answer(x, h, *weights):
        rows = np.zeros((len(x), len(h)))
        for t, x_t in enumerate(x):
            rows[t] = h = scalar_step(x_t, h, *weights)
            return finish(rows, h)

    return answer


def shape_of_x(x, h, *weights):
    rows = np.zeros_like(x)
    for t, x_t in enumerate(x):
        rows[t] = h = scalar_step(x_t, h, *weights)
    return rows


def time_second(x, h, *weights):
    return np.transpose(rows_or_empty(x, h, *weights))


def loop_of(step):
    """The right loop over a step that may be wrong."""

    def answer(x, h, *weights):
        rows = np.zeros((len(x), len(h)))
        for t, x_t in enumerate(x):
            rows[t] = h = step(x_t, h, *weights)
        return rows

    return answer


def summed(step):
    """A right loop that stops where a step returns nothing."""

    def answer(x, h, *weights):
        rows = np.zeros((len(x), len(h)))
        for t, x_t in enumerate(x):
            rows[t] = h = np.zeros(len(h)) + step(x_t, h, *weights)
        return rows

    return answer


def appended(x, h, *weights):
    """The right loop, with lists; its empty result has the wrong shape."""
    rows = []
    for x_t in x:
        h = scalar_step(x_t, h, *weights)
        rows.append(h)
    return np.array(rows)


def rows_or_empty(x, h, *weights):
    return appended(x, h, *weights).reshape(-1, len(h))


def never_moves_on(x, h, *weights):
    rows = np.empty((len(x), len(h)))
    for t, x_t in enumerate(x):
        rows[t] = scalar_step(x_t, h, *weights)
    return rows


def final_state(x, h, *weights):
    for x_t in x:
        h = scalar_step(x_t, h, *weights)
    return h


def with_the_start(x, h, *weights):
    rows = [h]
    for x_t in x:
        rows.append(scalar_step(x_t, rows[-1], *weights))
    return np.array(rows)


def stored_too_soon(x, h, *weights):
    rows = np.zeros((len(x), len(h)))
    for t, x_t in enumerate(x):
        rows[t] = h
        h = scalar_step(x_t, h, *weights)
    return rows


def from_zero(x, h, *weights):
    h, rows = [0.0] * len(h), np.zeros((len(x), len(h)))
    for t, x_t in enumerate(x):
        rows[t] = h = scalar_step(x_t, h, *weights)
    return rows


def from_the_second(x, h, *weights):
    rows = []
    for t in range(1, len(x)):
        h = scalar_step(x[t], h, *weights)
        rows.append(h)
    return np.reshape(rows, (len(rows), len(h)))


def from_the_end(x, h, *weights):
    rows = np.zeros((len(x), len(h)))
    for t in reversed(range(len(x))):
        rows[t] = h = scalar_step(x[t], h, *weights)
    return rows


def totals(x, h, weight_ih, weight_hh, bias):
    return np.dot(weight_ih, x) + np.dot(weight_hh, h) + bias


def with_the_state(x, h, *weights):
    return h + scalar_step(x, h, *weights)


def part_of_the_steps(first, behind):
    def answer(x, h, *weights):
        rows = np.zeros((len(x), len(h)))
        for t in range(first, len(x) - behind):
            rows[t] = h = scalar_step(x[t], h, *weights)
        return rows

    return answer


def always_the_first(x, h, *weights):
    return rows_or_empty(np.repeat(x[:1], len(x), axis=0), h, *weights)


def tanh_on_the_way_out(x, h, *weights):
    rows = np.zeros((len(x), len(h)))
    for t, x_t in enumerate(x):
        h = totals(x_t, h, *weights)
        rows[t] = np.tanh(h)
    return rows


def in_whole_numbers(x, h, *weights):
    rows = np.zeros((len(x), len(h)), dtype=int)
    for t, x_t in enumerate(x):
        rows[t] = h = scalar_step(x_t, h, *weights)
    return rows


def stacked(x, h, *weights):
    rows = []
    for x_t in x:
        h = scalar_step(x_t, h, *weights)
        rows.append(h)
    return np.vstack(rows)


def stub_step(x, h, weight_ih, weight_hh, bias):
    return ...


def over_a_stub(x, h, *weights):
    rows = np.zeros((len(x), len(h)))
    for t in range(len(x)):
        rows[t] = h = stub_step(x[t], h, *weights)
    return rows


def one_array(collect):
    """A loop that writes each state into the same array, which it collects again and again."""

    def answer(x, h, *weights):
        rows, h = [], np.array(h)
        for x_t in x:
            h[:] = scalar_step(x_t, h, *weights)
            rows.append(h)
        return collect(rows, h)

    return answer


WRONG = [
    ("01-2", lambda *a: 1 / (1 + np.exp(-totals(*a))), "takes the sigmoid"),
    ("01-2", lambda *a: np.clip(totals(*a), 0, None), "takes the relu"),
    ("01-2", lambda *a: np.tan(totals(*a)), "takes the tangent"),
    ("01-2", with_the_state, "adds the new state to the old one"),
    ("01-2", lambda *a: np.tanh(totals(*a) + a[-1]), "adds both of torch's biases"),
    ("01-2", lambda *a: sum(np.tanh(totals(*a))), "adds up the units"),
    ("01-2", lambda *a: (scalar_step(*a), a[1]), "returns two results"),
    ("01-3", part_of_the_steps(1, 0), "begins the loop at t = 1"),
    ("01-3", part_of_the_steps(0, 1), "stops a step early"),
    ("01-3", always_the_first, "reads the first input at every step"),
    ("01-3", loop_of(with_the_state), "adds the new state to the old one"),
    ("01-3", tanh_on_the_way_out, "carries on the sum before its tanh"),
    ("01-3", in_whole_numbers, "stores whole numbers"),
    ("01-3", loop_of(lambda x, h, *weights: np.tanh(totals(h, x, *weights))), "hands over x and h in the wrong order"),
    (
        "01-3",
        lambda x, h, *a: (rows_or_empty(x, h, *a), (rows_or_empty(x, h, *a)[-1] if len(x) else h)),
        "returns the last state, too",
    ),
    ("01-5", 2 * 200 + 400 + 10, "leaves out the biases of the recurrent layer"),
    ("01-5", 200 + 400, "leaves out the linear layer"),
    ("01-5", 2 * 200 + 400 + 20, "counts one bias for the recurrent layer, and none for the linear one"),
    ("01-1", ([0, 1, 0, 0, 0], [0, 0, 0, 0]), "gives sequences of different lengths"),
    ("01-1", ("0101", "0100"), "puts the difference inside the window"),
    ("01-1", ([0, 1, 0, 1, 1], [1, 0, 0, 1, 1]), "gives both the same answer"),
    ("01-1", ([1, 1, 1], [1, 1, 1]), "gives both the same answer"),
    ("01-2", no_memory, "leaves out the state"),
    ("01-2", no_squash, "leaves out the tanh"),
    ("01-2", no_bias, "leaves out the bias"),
    ("01-2", bias_outside, "adds the bias after the tanh"),
    ("01-2", two_tanhs, "takes the tanh of each part"),
    ("01-2", state_first, "multiplies the state from the wrong side"),
    ("01-2", vectors_first, "multiplies input and state from the wrong side"),
    ("01-2", stars, "multiplies element by element"),
    ("01-2", starred_state, "multiplies the state element by element"),
    ("01-2", by_math, "takes the tanh of one number with math.tanh"),
    ("01-2", in_the_plane, "returns complex numbers"),
    ("01-3", too_soon(lambda rows, h: rows), "returns inside the loop, after the first step"),
    ("01-3", too_soon(lambda rows, h: np.array([h])), "returns inside the loop, after the first step"),
    ("01-3", too_soon(lambda rows, h: h), "returns inside the loop, after the first step"),
    ("01-3", loop_of(state_first), "multiplies the state from the wrong side"),
    ("01-3", loop_of(no_bias), "leaves out the bias"),
    ("01-3", loop_of(no_memory), "leaves out the state"),
    ("01-3", shape_of_x, "makes the states of the shape of x"),
    ("01-3", loop_of(lambda *a: None), "fills the rows with None"),
    ("01-3", summed(lambda *a: None), "stops with a TypeError"),
    ("01-3", time_second, "puts time on the second axis"),
    ("01-4", (3, 3, 0.001), "lets W_hh amplify a small b"),
    ("01-4", (2, 2, 1e-6), "lets W_hh amplify a small b"),
    ("01-4", (4, -9, 0.05), "flips the state at each step"),
    ("01-2", swapped, "swaps the two matrices"),
    ("01-2", deaf, "leaves out the input"),
    ("01-2", half_filled, "stops with a TypeError"),
    ("01-3", over_a_stub, "stops with a TypeError"),
    ("01-3", one_array(lambda rows, h: np.array(rows)), "stores the same array at every step"),
    ("01-3", one_array(lambda rows, h: np.vstack(rows)), "stores the same array at every step"),
    ("01-3", one_array(lambda rows, h: np.array(rows).reshape(-1, len(h))), "stores the same array at every step"),
    ("01-3", one_array(lambda rows, h: rows), "stores the same array at every step"),
    ("01-4", (5, 5, -1), "lets b pull the state down before the 1"),
    ("01-4", (5, 5, -0.2), "lets b pull the state down before the 1"),
    ("01-4", (3, 3, -0.5), "lets b pull the state down before the 1"),
    ("01-4", (3, 3, -0.02), "lets b pull the state down before the 1"),
    ("01-4", (20, 3, -3), "lets b pull against W_hh"),
    ("01-4", (2, -3, -0.5), "flips the state at each step"),
    ("01-5", [850], "stands in a list"),
    ("01-5", np.array([850]), "stands in a list"),
    ("01-3", never_moves_on, "begins every step with the first state"),
    ("01-3", final_state, "returns the last state alone"),
    ("01-3", with_the_start, "puts the initial state in front"),
    ("01-3", stored_too_soon, "stores the state before the step"),
    ("01-3", from_zero, "begins with zeros"),
    ("01-3", from_the_second, "leaves out the first step"),
    ("01-3", from_the_end, "reads the sequence from its end"),
    ("01-3", stacked, "fails on an empty sequence"),
    ("01-3", appended, "forgets the number of units when the sequence is empty"),
    ("01-4", (2.5, 2.5, 0.3), "fires before a 1 has come"),
    ("01-4", (0.5, 2, 0), "lets a 1 hardly move the state"),
    ("01-4", (-2, 2, 0), "turns the input's sign"),
    ("01-4", (4, 0, 0), "forgets"),
    ("01-4", (4, 1.2, 0), "forgets"),
    ("01-4", (4, -2.5, 0), "flips the state at each step"),
    ("01-4", (-9, 4, -5), "turns the input's sign"),
    ("01-4", (4, -9, 1), "fires before a 1 has come"),
    ("01-4", (3, -9, -0.0), "flips the state at each step"),
    ("01-5", 50 * 850, "counts a copy for each of the 50 steps"),
    ("01-5", 850 - 20 * 20, "leaves out the weights from state to state"),
    ("01-5", 850 - 20, "counts one bias for the recurrent layer"),
    ("01-5", 2 * 200 + 400, "leaves out the biases"),
    ("01-5", 200 + 400 + 40, "leaves out the linear layer"),
    ("01-5", 850 - 10, "leaves out the linear layer's bias"),
    ("01-5", 850 - 200, "leaves out the input's weights"),
    ("01-6", RIGHT_STEPS | {"recurrent": [0, 1, 2, 3, 4, 5]}, "lets the present change the past"),
    ("01-6", RIGHT_STEPS | {"recurrent": {6, 7, 8, 9}}, "forgets the step itself"),
    ("01-6", RIGHT_STEPS | {"convolution": (4, 5, 6)}, "shifts or stretches the window"),
    ("01-6", RIGHT_STEPS | {"convolution": [5, 6, 7, 8, 9]}, "shifts or stretches the window"),
    ("01-6", RIGHT_STEPS | {"recurrent": [5]}, "ends the memory early"),
    ("01-6", RIGHT_STEPS | {"bidirectional": [5, 6, 7, 8, 9]}, "reads in one direction only"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


def in_lists(x, h, weight_ih, weight_hh, bias):
    return scalar_step(x, h, weight_ih, weight_hh, bias).tolist()


def in_torch(x, h, weight_ih, weight_hh, bias):
    x, h, weight_ih, weight_hh, bias = map(torch.as_tensor, (x, h, weight_ih, weight_hh, bias))
    return torch.tanh(x @ weight_ih.T + h @ weight_hh.T + bias)


def by_torchs_layer(x, h, weight_ih, weight_hh, bias):
    """nn.RNN itself: what the solution must equal. It takes no empty sequence."""
    D, hidden_size = weight_ih.shape[1], len(h)
    layer = torch.nn.RNN(D, hidden_size, dtype=torch.float64)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    values = map(torch.as_tensor, (weight_ih, weight_hh, bias, np.zeros(hidden_size)))
    layer.load_state_dict(dict(zip(names, values, strict=True)))
    if len(x) == 0:
        return np.zeros((0, hidden_size))
    return layer(torch.as_tensor(x), torch.as_tensor(h)[None])[0].detach()


RIGHT = [
    ("01-1", ("1000", "0000")),
    ("01-1", np.array([[1, 1, 1, 0, 1, 0], [1, 0, 1, 0, 1, 0]])),
    ("01-1", [(True, False, False, True), (False, False, False, True)]),
    ("01-2", scalar_step),
    ("01-2", in_lists),
    ("01-2", by_math_in_lists),
    ("01-2", in_torch),
    ("01-2", lambda *a: scalar_step(*a).astype(np.float32)),
    ("01-3", lambda *a: rows_or_empty(*a).astype(np.float32)),
    ("01-3", rows_or_empty),
    ("01-3", by_torchs_layer),
    ("01-4", [2, 2, 0]),
    ("01-4", (8, 3, -1)),
    ("01-4", np.array([[5.0], [4.0], [0.0]])),
    ("01-4", torch.tensor([3.0, 2.5, 0.0])),
    ("01-5", 850.0),
    ("01-5", np.int64(850)),
    ("01-6", {"convolution": {5, 6, 7}, "recurrent": range(5, 10), "bidirectional": np.arange(10)}),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


@pytest.mark.parametrize(
    ("key", "answer", "sentence"),
    [
        ("01-1", [[1, 0, 0, 0]], "a pair of two sequences of bits, and yours has 1 parts"),
        ("01-1", ([2, 0, 0, 0], [0, 0, 0, 0]), "at most 20 bits, 0 or 1"),
        ("01-1", ([1] * 101, [0] * 101), "at most 20 bits, 0 or 1; yours have 101"),
        ("01-1", ([0, 0, 1], [0, 0, 0]), "Make them longer than the window, then change one bit outside the last 3"),
        ("01-1", ([1, ..., 0], [0, 0, 0]), "replace the remaining `...`"),
        ("01-1", None, "a pair of two sequences of bits, and yours is None"),
        ("01-1", 5, "a pair of two sequences of bits, and yours is 5"),
        ("01-4", (3, ..., 0), "replace the remaining `...`"),
        ("01-4", (3, 3, -0.02), "Before the 1 the state was"),
        ("01-4", (20, 3, -3), "There W_hh · h + b is only 0"),
        ("01-5", [850], "A number is asked for, not a list."),
        ("01-1", ([0.5, 0, 0, 0], [0, 0, 0, 0]), "at most 20 bits, 0 or 1; in yours there is a 0.5"),
        (
            "01-6",
            RIGHT_STEPS | {"convolution": 3},
            "convolution: a list of steps is asked for, whole numbers, and yours is 3",
        ),
        (
            "01-6",
            RIGHT_STEPS | {"recurrent": "all"},
            "recurrent: a list of steps is asked for, whole numbers, and yours is",
        ),
        (
            "01-3",
            lambda x, h, *a: [] if len(x) == 0 else rows_or_empty(x, h, *a),
            "the shape (0, 3), and yours has (0,)",
        ),
        ("01-6", RIGHT_STEPS | {"recurrent": ...}, "replace the remaining `...`"),
        ("01-2", lambda x, h: h, "takes (x, h), and the exercise calls it with (x, h, weight_ih, weight_hh, bias)"),
        ("01-3", summed(lambda *a: None), "If it speaks of 'NoneType', rnn_step has no return"),
        ("01-4", (3, 3, 0.001), "makes what is there grow"),
        ("01-3", over_a_stub, "your rnn_step is not written yet (01-2)"),
        ("01-4", (3, 3), "three numbers, (w_ih, w_hh, b)"),
        ("01-4", (3, math.inf, 0), "three numbers, (w_ih, w_hh, b)"),
        ("01-4", (3, 1, 0), "After the bits 0 0 0 0 1 0 the state is 0.7595, and it must be above 0.9"),
        ("01-4", (2, 2, 1e-6), "After the bits 0 0 0 0 … (17 steps) the state is"),
        ("01-6", {"recurrent": [5]}, "a dictionary with the keys 'convolution', 'recurrent', 'bidirectional'"),
        ("01-6", RIGHT_STEPS | {"recurrent": [5, 6, 7, 8, 9, 10]}, "the steps run from 0 to 9, and you list [10]"),
        ("01-6", RIGHT_STEPS | {"convolution": [5, 6]}, "convolution: You leave out [7], where the output changes."),
    ],
)
def test_an_open_answer_is_answered_exactly(key, answer, sentence):
    status, message, _ = judge(find(key), answer)
    assert status == "wrong"
    assert sentence in message


def test_the_steps_of_the_last_exercise_are_what_networks_do():
    before = torch.get_rng_state()
    assert outputs_that_change() == RIGHT_STEPS
    assert torch.equal(before, torch.get_rng_state())  # a check must not change the lesson's random numbers


def test_what_the_lesson_says_that_the_parity_widget_shows():
    bits = [1, 0, 1, 1, 0, 0, 1, 0]
    parity = np.cumsum(bits) % 2

    def readouts(weight, inputs=bits):
        W_hh, out = [[20, -20], [20, -20]], [[0.5, -0.5]]
        return Unroll([[weight], [40]], W_hh, [-20, -60], [[bit] for bit in inputs], out).outputs[:, 0]

    assert np.allclose(readouts(40), parity, atol=1e-9)
    assert readouts(21).round(2)[:2].tolist() == [0.88, 1.0] and (readouts(21).round() == parity).all()
    assert (readouts(20.1).round() == parity).all() and np.allclose(readouts(20), 0.5)
    flipped = readouts(40, [1, 0, 1, 0, 0, 0, 1, 0]).round() != parity
    assert flipped.tolist() == [False] * 3 + [True] * 5


def test_a_step_that_changes_the_state_in_place_is_told_so():
    def in_place(x, h, weight_ih, weight_hh, bias):
        h[:] = scalar_step(x, h, weight_ih, weight_hh, bias)
        return h

    assert "changed its own argument" in judge(find("01-2"), in_place)[1]
