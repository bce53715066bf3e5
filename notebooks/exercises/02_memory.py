"""Exercises of lesson 02, Short-term memory."""

from __future__ import annotations

import math

import numpy as np

from crnn_lessons.exercises import Exercise, Mistake

# 02-1 ---------------------------------------------------------------------------------------------------------------


def backward_step(dh, h, h_before, x, W_hh):
    da = dh * (1 - h**2)
    return np.outer(da, h_before), np.outer(da, x), da, W_hh.T @ da


def _shares(da, h_before, x, back):
    return np.outer(da, h_before), np.outer(da, x), da, back


def _no_derivative(dh, h, h_before, x, W_hh):
    return _shares(dh, h_before, x, W_hh.T @ dh)


def _tanh_twice(dh, h, h_before, x, W_hh):
    da = dh * (1 - np.tanh(h) ** 2)
    return _shares(da, h_before, x, W_hh.T @ da)


def _not_squared(dh, h, h_before, x, W_hh):
    da = dh * (1 - h)
    return _shares(da, h_before, x, W_hh.T @ da)


def _derivative_of_state_before(dh, h, h_before, x, W_hh):
    da = dh * (1 - h_before**2)
    return _shares(da, h_before, x, W_hh.T @ da)


def _not_transposed(dh, h, h_before, x, W_hh):
    da = dh * (1 - h**2)
    return _shares(da, h_before, x, W_hh @ da)


def _outer_turned(dh, h, h_before, x, W_hh):
    da = dh * (1 - h**2)
    return np.outer(h_before, da), np.outer(x, da), da, W_hh.T @ da


def _wrong_state(dh, h, h_before, x, W_hh):
    da = dh * (1 - h**2)
    return np.outer(da, h), np.outer(da, x), da, W_hh.T @ da


def _dh_sent_back(dh, h, h_before, x, W_hh):
    return _shares(dh * (1 - h**2), h_before, x, W_hh.T @ dh)


def _hh_turned(dh, h, h_before, x, W_hh):
    _, dW_ih, da, back = backward_step(dh, h, h_before, x, W_hh)
    return np.outer(h_before, da), dW_ih, da, back


def _dh_for_bias(dh, h, h_before, x, W_hh):
    dW_hh, dW_ih, _, back = backward_step(dh, h, h_before, x, W_hh)
    return dW_hh, dW_ih, dh, back


def _reordered(*places):
    """The right parts, but only those at these places, in this order."""

    def step(*arguments):
        parts = backward_step(*arguments)
        return tuple(parts[place] for place in places)

    return step


def _elementwise(*turned):
    """Products element by element in place of the outer products of the parts that are named."""

    def step(dh, h, h_before, x, W_hh):
        dW_hh, dW_ih, da, back = backward_step(dh, h, h_before, x, W_hh)
        return da * h_before if "hh" in turned else dW_hh, da * x if "ih" in turned else dW_ih, da, back

    return step


FOUR = "Four arrays are asked for, in the order dW_hh, dW_ih, db, dh_before, and you return 3."
ORDER = "The order is dW_hh, dW_ih, db, dh_before."
OUTER = (
    "A product element by element is no matrix: dW[j, k] = da[j] * h_before[k] for every pair j, k is "
    "`np.outer(da, h_before)`, and likewise with x."
)


def _one_step(D_h, D, seed):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.normal(size=shape).round(2)  # noqa: E731
    W_hh, h_before, x = draw(D_h, D_h), np.tanh(draw(D_h)).round(2), draw(D)
    return draw(D_h), np.tanh(W_hh @ h_before + x.sum()).round(2), h_before, x, W_hh


# 02-2 ---------------------------------------------------------------------------------------------------------------


def steps_until(norm, limit):
    distance = 0
    while norm**distance >= limit:
        distance += 1
    return distance


def _first_not_above(norm, limit):
    distance = 0
    while norm**distance > limit:
        distance += 1
    return distance


# 02-3 ---------------------------------------------------------------------------------------------------------------


def clip(gradients, limit):
    norm = math.sqrt(sum((g**2).sum() for g in gradients))
    factor = min(1.0, limit / max(norm, 1e-12))  # a zero gradient has norm 0
    return [g * factor for g in gradients]


def _length(gradients):
    return math.sqrt(sum((g**2).sum() for g in gradients))


def _each_alone(gradients, limit):
    return [g * min(1.0, limit / np.linalg.norm(g)) if g.any() else g for g in gradients]


def _always(gradients, limit):
    return [g * (limit / _length(gradients)) for g in gradients]


def _no_root(gradients, limit):
    total = _length(gradients) ** 2
    return [g * min(1.0, limit / total) for g in gradients]


def _unit_length(gradients, limit):
    norm = _length(gradients)
    return [g / norm if norm > limit else g for g in gradients]


def _maximum(gradients, limit):
    return [g * max(1.0, limit / _length(gradients)) for g in gradients]


def _largest_norm(gradients, limit):
    norm = max(np.linalg.norm(g) for g in gradients)
    return [g * min(1.0, limit / norm) for g in gradients]


def _sum_of_norms(gradients, limit):
    norm = sum(np.linalg.norm(g) for g in gradients)
    return [g * min(1.0, limit / norm) for g in gradients]


# 02-4 ---------------------------------------------------------------------------------------------------------------

UNFINISHED = "There is a `...` in the answer still: replace the remaining `...`."
PAIR = "The answer is a pair (b_i, b_f) of two numbers."
SHUT = "The input gate does not open at step 0: 20 + b_i must be well above 0."
NOISE = "The input gate is not shut afterwards, and noise gets in: b_i itself must be far below 0."
FADES = "The forget gate is not open enough: what is left after 100 steps is f to the power 100."


def _sigma(a):
    return 1 / (1 + math.exp(-a))


def holds(answer):
    """None if the cell holds its value for 100 steps whatever the noise, else a sentence."""
    if isinstance(answer, (list, tuple)) and any(part is ... for part in answer):
        return UNFINISHED
    if np.shape(answer) != (2,):
        return PAIR
    b_i, b_f = (float(b) for b in answer)
    if not (math.isfinite(b_i) and math.isfinite(b_f) and max(abs(b_i), abs(b_f)) <= 500):
        return f"{PAIR} Yours are {b_i:g} and {b_f:g}; stay between -500 and 500."
    begin, leak, f = _sigma(20 + b_i), _sigma(b_i), _sigma(b_f)
    ends = []
    for noise in (-1, 1):  # the worst that noise can do, downwards and upwards
        c = begin
        for _ in range(100):
            c = f * c + leak * noise
        ends.append(c)
    if max(abs(end - 1) for end in ends) <= 0.02:
        return None
    lost = {SHUT: 1 - begin, FADES: begin * (1 - f**100), NOISE: (ends[1] - ends[0]) / 2}
    said = f"The memory is {begin:.4g} after step 0, and at the end between {ends[0]:.4g} and {ends[1]:.4g}."
    return f"{said} {max(lost, key=lost.get)}"


# 02-5 and 02-6 ------------------------------------------------------------------------------------------------------


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(x, h, c, W_ih, W_hh, b):
    i, f, g, o = np.split(W_ih @ x + W_hh @ h + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def _lstm(order, output=np.tanh, candidate=np.tanh):
    """A step that takes the four parts in another order."""

    def step(x, h, c, W_ih, W_hh, b):
        parts = dict(zip(order, np.split(W_ih @ x + W_hh @ h + b, 4), strict=True))
        c = sigmoid(parts["f"]) * c + sigmoid(parts["i"]) * candidate(parts["g"])
        return sigmoid(parts["o"]) * output(c), c

    return step


def _lstm_spoiled(gate=sigmoid, candidate=np.tanh, show=True, use_h=True, use_bias=True):
    """A step in which one thing is left out."""

    def step(x, h, c, W_ih, W_hh, b):
        i, f, g, o = np.split(W_ih @ x + use_h * (W_hh @ h) + use_bias * b, 4)
        c = gate(f) * c + gate(i) * candidate(g)
        return (gate(o) if show else 1) * np.tanh(c), c

    return step


def _h_and_c_swapped(*arguments):
    return lstm_step(*arguments)[::-1]


def _old_memory_shown(x, h, c, W_ih, W_hh, b):
    o = np.split(W_ih @ x + W_hh @ h + b, 4)[3]
    return sigmoid(o) * np.tanh(c), lstm_step(x, h, c, W_ih, W_hh, b)[1]


def _no_input_gate(x, h, c, W_ih, W_hh, b):
    _, f, g, o = np.split(W_ih @ x + W_hh @ h + b, 4)
    c = sigmoid(f) * c + np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def _coupled(x, h, c, W_ih, W_hh, b):
    _, f, g, o = np.split(W_ih @ x + W_hh @ h + b, 4)
    c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    x_r, x_z, x_n = np.split(W_ih @ x + b_ih, 3)
    h_r, h_z, h_n = np.split(W_hh @ h + b_hh, 3)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    return (1 - z) * np.tanh(x_n + r * h_n) + z * h


def _gru(order="rzn", reset="after", keep="z", candidate=np.tanh):
    """A GRU step with one thing changed."""

    def step(x, h, W_ih, W_hh, b_ih, b_hh):
        from_x = dict(zip(order, np.split(W_ih @ x + b_ih, 3), strict=True))
        W, b = (dict(zip(order, np.split(part, 3), strict=True)) for part in (W_hh, b_hh))
        r, z = (sigmoid(from_x[k] + W[k] @ h + b[k]) for k in "rz")
        inner = {
            "after": r * (W["n"] @ h + b["n"]),
            "before": W["n"] @ (r * h) + b["n"],
            "no bias": r * (W["n"] @ h) + b["n"],
            "none": W["n"] @ h + b["n"],
            "whole": r * (from_x["n"] + W["n"] @ h + b["n"]) - from_x["n"],
        }[reset]
        n = candidate(from_x["n"] + inner)
        return (1 - z) * n + z * h if keep == "z" else z * n + (1 - z) * h

    return step


def _cell_case(gates, D, D_h, seed):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.normal(size=shape).round(2)  # noqa: E731
    x, h, c = draw(D), np.tanh(draw(D_h)).round(2), draw(D_h)
    W_ih, W_hh, b_ih, b_hh = draw(gates * D_h, D), draw(gates * D_h, D_h), draw(gates * D_h), draw(gates * D_h)
    return (x, h, c, W_ih, W_hh, b_ih) if gates == 4 else (x, h, W_ih, W_hh, b_ih, b_hh)


def _show_cell(name, names):
    """A case of one number and one unit whole, to be worked by hand; of a larger one what it begins with."""

    def show(*case):
        x, h = case[:2]
        if len(x) == len(h) == 1:
            return f"{name}({', '.join(f'{n}={v.tolist()}' for n, v in zip(names, case, strict=True))})"
        return f"{name} with D = {len(x)}, D_h = {len(h)}, x = {x.tolist()}, h = {h.tolist()}, ..."

    return show


EXERCISES = (
    Exercise(
        key="02-1",
        title="one step of backpropagation through time",
        solution=backward_step,
        cases=[_one_step(1, 1, 0), _one_step(2, 1, 1), _one_step(2, 2, 2), _one_step(3, 2, 3), _one_step(4, 4, 4)],
        mistakes=(
            Mistake(
                "leaves out the derivative of the tanh",
                _no_derivative,
                "dh belongs to the state after the tanh. On the way to a it is multiplied by 1 - h**2.",
            ),
            Mistake(
                "applies the tanh once more",
                _tanh_twice,
                "The derivative is 1 - tanh(a)**2, and h is tanh(a) already: write 1 - h**2.",
            ),
            Mistake(
                "forgets the square in 1 - h**2",
                _not_squared,
                "1 - h is the derivative of nothing here; the derivative of tanh is 1 - tanh**2.",
            ),
            Mistake(
                "takes the derivative at the state before",
                _derivative_of_state_before,
                "The tanh of this step made h, not h_before: the factor is 1 - h**2.",
            ),
            Mistake(
                "does not transpose W_hh on the way back",
                _not_transposed,
                "Forwards, row j of W_hh makes unit j. Backwards, unit k collects from all j: column k, so W_hh.T.",
            ),
            Mistake(
                "turns the outer products round",
                _outer_turned,
                "W[j, k] is multiplied by h_before[k] and added to a[j]: dW[j, k] = da[j] * h_before[k].",
            ),
            Mistake(
                "multiplies W_hh's share by the new state",
                _wrong_state,
                "W_hh was multiplied by the state before the step: h_before.",
            ),
            Mistake(
                "sends dh back through W_hh instead of da",
                _dh_sent_back,
                "The state before enters before the tanh, so da goes back through W_hh.T, not dh.",
            ),
            Mistake(
                "turns the outer product of W_hh round, and not that of W_ih",
                _hh_turned,
                "dW_hh[j, k] = da[j] * h_before[k], so da comes first: np.outer(da, h_before).",
            ),
            Mistake(
                "returns dh for db",
                _dh_for_bias,
                "The bias is added before the tanh, so its share is da, not dh.",
            ),
            *(
                Mistake(f"returns three parts, without {name}", _reordered(*places), FOUR)
                for name, places in (("dh_before", (0, 1, 2)), ("db", (0, 1, 3)))
            ),
            *(
                Mistake(f"returns the parts in the order {names}", _reordered(*places), ORDER)
                for names, places in (
                    ("dW_ih, dW_hh, db, dh_before", (1, 0, 2, 3)),
                    ("dh_before, dW_hh, dW_ih, db", (3, 0, 1, 2)),
                    ("dW_hh, dW_ih, dh_before, db", (0, 1, 3, 2)),
                )
            ),
            *(
                Mistake(f"takes the product element by element for {name}", _elementwise(*turned), OUTER)
                for name, turned in (
                    ("dW_hh and dW_ih", ("hh", "ih")),
                    ("dW_ih", ("ih",)),
                    ("dW_hh", ("hh",)),
                )
            ),
        ),
        hints=(
            ("where do I begin?", "With `da`: how does a change of a, before the tanh, change h, after it?"),
            (
                "which way round is the product?",
                "A gradient has the shape of its weight: `np.outer(da, x)` is D_h x D.",
            ),
            ("nearly there", "da = dh * (1 - h**2); two outer products; da itself; W_hh.T @ da."),
        ),
    ),
    Exercise(
        key="02-2",
        title="how many steps until the bound is below a limit",
        solution=steps_until,
        cases=[(0.5, 0.3), (0.5, 0.125), (0.9, 1e-6), (0.99, 1e-6), (0.25, 0.0625), (0.1, 0.5)],
        mistakes=(
            Mistake(
                "takes the distance at which the bound equals the limit",
                _first_not_above,
                "Below is asked: where norm**distance equals the limit, one more step is needed.",
            ),
            Mistake(
                "rounds down",
                lambda norm, limit: math.floor(math.log(limit) / math.log(norm)),
                "At that distance the bound is not below the limit yet; count whole steps upwards.",
            ),
            Mistake(
                "rounds to the nearest",
                lambda norm, limit: round(math.log(limit) / math.log(norm)),
                "Half of the time the nearest whole number is too early; the bound must be below the limit.",
            ),
            Mistake(
                "does not round to whole steps",
                lambda norm, limit: math.log(limit) / math.log(norm),
                "A distance is a whole number of steps.",
            ),
            Mistake(
                "divides the logarithms the wrong way round",
                lambda norm, limit: math.floor(math.log(norm) / math.log(limit)) + 1,
                "norm**distance = limit means distance * log(norm) = log(limit).",
            ),
            Mistake(
                "divides the limit by the norm",
                lambda norm, limit: math.ceil(limit / norm),
                "The norm is multiplied, not subtracted: each step is one factor more.",
            ),
        ),
        hints=(
            ("no formula comes to mind", "A loop does it: raise the distance while norm**distance is not below."),
            ("the formula is one off", "Compare at norm 0.5 and limit 0.125: 0.5**3 equals the limit, so 4 it is."),
        ),
    ),
    Exercise(
        key="02-3",
        title="clip by norm",
        solution=clip,
        cases=[
            ([np.array([3.0, 4.0])], 1.0),
            ([np.array([0.3, 0.4])], 1.0),
            ([np.array([3.0, 0.0]), np.array([[0.0, 4.0]])], 2.5),
            ([np.array([30.0]), np.array([[0.1, -0.2], [0.3, 0.0]])], 5.0),
            ([np.array([0.5, 0.5]), np.array([0.5, 0.5])], 2.0),
        ],
        tolerance=1e-5,  # torch adds 1e-6 to the norm, so that it never divides by zero; whoever does that is right
        mistakes=(
            Mistake(
                "clips each array by itself",
                _each_alone,
                "That bends the direction: large arrays shrink, small ones do not. Take one norm over all of them.",
            ),
            Mistake(
                "clips by value",
                lambda gradients, limit: [np.clip(g, -limit, limit) for g in gradients],
                "That bends the direction: large numbers are cut, small ones stay. Multiply all by one factor.",
            ),
            Mistake(
                "stretches short gradients too",
                _always,
                "A gradient within the limit stays as it is: the factor is at most 1.",
            ),
            Mistake(
                "divides by the square of the norm",
                _no_root,
                "The norm is the square root of the sum of squares.",
            ),
            Mistake(
                "shrinks to length 1 whatever the limit",
                _unit_length,
                "g / norm has length 1; it should have the length of the limit.",
            ),
            Mistake(
                "adds up the norms of the arrays",
                _sum_of_norms,
                "The norm of all is the root of the sum of all squares: 3 and 4 give 5, not 7.",
            ),
            Mistake(
                "takes the larger of 1 and limit / norm",
                _maximum,
                "That stretches short gradients and leaves long ones: the factor is at most 1, so min, not max.",
            ),
            Mistake(
                "takes the largest norm of a single array",
                _largest_norm,
                "All arrays together are one long vector, longer than each of them: 3 and 4 give 5, not 4.",
            ),
        ),
        hints=(
            ("which norm?", "The length of one long vector: square every number of every array, add, take the root."),
            ("short gradients change", "The factor is never above 1: min(1.0, ...)."),
            ("nearly there", "factor = min(1.0, limit / norm), and every array times this one factor."),
        ),
    ),
    Exercise(
        key="02-4",
        title="hold a value for 100 steps",
        solution=(-12, 12),
        verify=holds,
        mistakes=(
            Mistake("is not a pair", 12, PAIR),
            Mistake("keeps the input gate shut at step 0", (-30, 12), SHUT),
            Mistake("lets the noise in", (0, 12), NOISE),
            Mistake("forgets", (-12, 1), FADES),
        ),
        hints=(
            ("what must each gate do?", "i: near 1 at step 0, near 0 after. f: near 1, so near that f**100 is too."),
            ("how near is near?", "0.9999**100 is 0.99. σ(9) is about 0.9999."),
            ("b_i pulls both ways", "20 + b_i must be large, and b_i itself very negative: the middle is -10."),
        ),
        source="answer = (-12, 12)  # i_0 = σ(8), later σ(-12); f = σ(12), and f**100 = 0.9994",
    ),
    Exercise(
        key="02-5",
        title="the step of an LSTM",
        solution=lstm_step,
        cases=[_cell_case(4, 1, 1, 0), _cell_case(4, 2, 3, 1), _cell_case(4, 3, 2, 2), _cell_case(4, 4, 4, 3)],
        show_case=_show_cell("lstm_step", ("x", "h", "c", "W_ih", "W_hh", "b")),
        tolerance=1e-5,  # float32 is right too
        mistakes=(
            Mistake("takes the gates in the order i, f, o, g", _lstm("ifog"), "Torch's order is i, f, g, o."),
            Mistake("takes the gates in the order i, g, f, o", _lstm("igfo"), "Torch's order is i, f, g, o."),
            Mistake("takes the gates in the order f, i, g, o", _lstm("figo"), "Torch's order is i, f, g, o."),
            Mistake(
                "leaves out the tanh at the output",
                _lstm("ifgo", output=lambda c: c),
                "h = o * tanh(c). Without the tanh it is the lecture's form of section 7.",
            ),
            Mistake(
                "squeezes the candidate with the logistic function",
                _lstm("ifgo", candidate=sigmoid),
                "g is no gate: it may be negative. Its function is tanh.",
            ),
            Mistake(
                "returns c before h",
                _h_and_c_swapped,
                "The output h comes first, then the memory c, as in torch.",
            ),
            Mistake(
                "shows the memory of the step before",
                _old_memory_shown,
                "The output is made from the new memory: first c, then h.",
            ),
            Mistake(
                "writes the candidate without the input gate",
                _no_input_gate,
                "What is added is i * g, not g alone.",
            ),
            Mistake(
                "writes with 1 - f instead of i",
                _coupled,
                "That ties two gates together, as the GRU does. In the LSTM the input gate is a gate of its own.",
            ),
            Mistake(
                "leaves out the logistic function of the gates",
                _lstm_spoiled(gate=lambda a: a),
                "A gate lies between 0 and 1: i, f and o are the logistic function of their parts.",
            ),
            Mistake(
                "leaves out the tanh of the candidate",
                _lstm_spoiled(candidate=lambda a: a),
                "g = tanh of its part of the sum, so that it lies between −1 and 1.",
            ),
            Mistake(
                "leaves out the output gate",
                _lstm_spoiled(show=False),
                "h = o * tanh(c): the output gate decides how much is shown.",
            ),
            Mistake(
                "leaves out the bias",
                _lstm_spoiled(use_bias=False),
                "Three terms make the sum: W_ih @ x + W_hh @ h + b.",
            ),
            Mistake(
                "leaves out the state before",
                _lstm_spoiled(use_h=False),
                "The gates see the state too: W_ih @ x + W_hh @ h + b.",
            ),
        ),
        hints=(
            (
                "four gates?",
                "`i, f, g, o = np.split(W_ih @ x + W_hh @ h + b, 4)`, then σ or tanh of each.",
            ),
            ("NumPy has no sigmoid", "1 / (1 + np.exp(-a))"),
            ("nearly there", "c = f * c + i * g; then h = o * np.tanh(c); return h, c."),
        ),
        source="def sigmoid(a):\n    return 1 / (1 + np.exp(-a))\n\n\n"
        "def lstm_step(x, h, c, W_ih, W_hh, b):\n"
        "    i, f, g, o = np.split(W_ih @ x + W_hh @ h + b, 4)\n"
        "    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)\n"
        "    return sigmoid(o) * np.tanh(c), c",
    ),
    Exercise(
        key="02-6",
        title="the step of a GRU",
        solution=gru_step,
        cases=[_cell_case(3, 1, 1, 0), _cell_case(3, 2, 3, 1), _cell_case(3, 3, 2, 2), _cell_case(3, 4, 4, 3)],
        show_case=_show_cell("gru_step", ("x", "h", "W_ih", "W_hh", "b_ih", "b_hh")),
        tolerance=1e-5,  # float32 is right too
        mistakes=(
            Mistake(
                "turns z round",
                _gru(keep="1 - z"),
                "Here z = 1 keeps the old state: (1 - z) * n + z * h.",
            ),
            Mistake(
                "applies the reset gate before the product",
                _gru(reset="before"),
                "That is the first paper's form, W_hn @ (r * h). In torch's, r multiplies W_hn @ h + b_hn.",
            ),
            Mistake(
                "leaves the bias b_hn outside the reset gate",
                _gru(reset="no bias"),
                "r multiplies all that the state gives, its bias included: r * (W_hn @ h + b_hn).",
            ),
            Mistake(
                "has no reset gate in the proposal",
                _gru(reset="none"),
                "n = tanh(what the input gives + r * what the state gives).",
            ),
            Mistake("takes the gates in the order z, r, n", _gru(order="zrn"), "Torch's order is r, z, n."),
            Mistake(
                "squeezes the proposal with the logistic function",
                _gru(candidate=sigmoid),
                "n is no gate: it may be negative. Its function is tanh.",
            ),
            Mistake(
                "applies the reset gate to the whole sum",
                _gru(reset="whole"),
                "r multiplies what the state gives, and not what the input gives: x_n + r * h_n.",
            ),
            Mistake(
                "leaves out b_ih",
                lambda x, h, W_ih, W_hh, b_ih, b_hh: gru_step(x, h, W_ih, W_hh, 0 * b_ih, b_hh),
                "There are two biases: b_ih goes with W_ih @ x.",
            ),
            Mistake(
                "leaves out b_hh",
                lambda x, h, W_ih, W_hh, b_ih, b_hh: gru_step(x, h, W_ih, W_hh, b_ih, 0 * b_hh),
                "There are two biases: b_hh goes with W_hh @ h.",
            ),
        ),
        hints=(
            ("why two biases?", "b_hh has a part for n that the reset gate multiplies; so keep input and state apart."),
            (
                "how do I cut them?",
                "x_r, x_z, x_n from W_ih @ x + b_ih and h_r, h_z, h_n from W_hh @ h + b_hh, by np.split(..., 3).",
            ),
            ("nearly there", "n = np.tanh(x_n + r * h_n), and (1 - z) * n + z * h."),
        ),
        source="def sigmoid(a):\n    return 1 / (1 + np.exp(-a))\n\n\n"
        "def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):\n"
        "    x_r, x_z, x_n = np.split(W_ih @ x + b_ih, 3)\n"
        "    h_r, h_z, h_n = np.split(W_hh @ h + b_hh, 3)\n"
        "    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)\n"
        "    return (1 - z) * np.tanh(x_n + r * h_n) + z * h",
    ),
)
