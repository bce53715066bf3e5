"""Wrong answers to lesson 02 as learners write them: each must be caught, and its cause named."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from crnn_lessons.exercises import catalogue
from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from crnn_lessons.widgets import Memory
from crnn_lessons.widgets.memory_run import influence
from tests.exercises.answers import assert_complete, assert_named, assert_right

EXERCISES = catalogue.load("02").EXERCISES

# Written apart from the catalogue in notebooks/exercises/02_memory.py, which the engine compares with.


def back(dh, h, h_before, x, W_hh, slope=None, state=None, sent=None, transpose=True, turn=False):
    """One step back, with loops; each argument after W_hh spoils one thing."""
    n, d = len(h), len(x)
    slope = [1 - v * v for v in h] if slope is None else slope(h, h_before)
    da = np.array([dh[j] * slope[j] for j in range(n)])
    state = h_before if state is None else h
    dW_hh = np.array([[da[j] * state[k] for k in range(n)] for j in range(n)])
    dW_ih = np.array([[da[j] * x[k] for k in range(d)] for j in range(n)])
    source = da if sent is None else dh
    before = [sum(source[j] * (W_hh[j, k] if transpose else W_hh[k, j]) for j in range(n)) for k in range(n)]
    return (dW_hh.T, dW_ih.T, da, np.array(before)) if turn else (dW_hh, dW_ih, da, np.array(before))


def spoiled(**how):
    return lambda *arguments: back(*arguments, **how)


def flat(gradients):
    return np.concatenate([g.ravel() for g in gradients])


def scale_all(gradients, factor):
    return [factor * g for g in gradients]


def s(a):
    return 0.5 * (1 + np.tanh(a / 2))


def memory_step(x, h, c, W_ih, W_hh, b, parts=(0, 1, 2, 3), squash=np.tanh, new=np.tanh, gate=None):
    n = len(h)
    a = [W_ih[k * n : (k + 1) * n] @ x + W_hh[k * n : (k + 1) * n] @ h + b[k * n : (k + 1) * n] for k in parts]
    i, f, o = s(a[0]), s(a[1]), s(a[3])
    write = i if gate is None else gate(f)
    after = f * c + write * new(a[2])
    return o * squash(after), after


def with_parts(*parts):
    return lambda *arguments: memory_step(*arguments, parts=parts)


def late(x, h, c, W_ih, W_hh, b):
    n = len(h)
    o = s(W_ih[3 * n :] @ x + W_hh[3 * n :] @ h + b[3 * n :])
    return o * np.tanh(c), memory_step(x, h, c, W_ih, W_hh, b)[1]


def gated(x, h, W_ih, W_hh, b_ih, b_hh, at=(0, 1, 2), inner=None, flip=False, new=np.tanh):
    n = len(h)
    rows = [slice(k * n, (k + 1) * n) for k in at]
    r, z = (s(W_ih[q] @ x + b_ih[q] + W_hh[q] @ h + b_hh[q]) for q in rows[:2])
    W, b = W_hh[rows[2]], b_hh[rows[2]]
    from_state = r * (W @ h + b) if inner is None else inner(r, W, h, b)
    m = new(W_ih[rows[2]] @ x + b_ih[rows[2]] + from_state)
    return z * m + (1 - z) * h if flip else (1 - z) * m + z * h


def gru_with(**how):
    return lambda *arguments: gated(*arguments, **how)


def some(*names):
    """The parts of the right step that are named, in this order."""
    return lambda *arguments: [dict(zip(("hh", "ih", "b", "h"), back(*arguments), strict=True))[n] for n in names]


def by_stars(*starred):
    def answer(dh, h, h_before, x, W_hh):
        parts = dict(zip(("hh", "ih", "b", "h"), back(dh, h, h_before, x, W_hh), strict=True))
        for name, factor in (("hh", h_before), ("ih", x)):
            if name in starred:
                parts[name] = parts["b"] * factor
        return tuple(parts.values())

    return answer


def turned_once(*arguments):
    dW_hh, *rest = back(*arguments)
    return np.transpose(dW_hh), *rest


def other(index, change):
    """One step back in which one part of the result is changed, given its value and the arguments."""

    def answer(*arguments):
        parts = list(back(*arguments))
        parts[index] = change(parts, *arguments)
        return parts

    return answer


def all_by_dh(dh, h, h_before, x, W_hh):
    return np.outer(dh, h_before), np.outer(dh, x), dh, back(dh, h, h_before, x, W_hh)[3]


def least(norm, limit):
    return next(d for d in range(10**6) if norm**d < limit)


def scaled_by(factor, norm=lambda G: np.sqrt((flat(G) ** 2).sum())):
    def answer(G, m):
        length = norm(G)
        return scale_all(G, factor(length, m) if length else 0.0)

    return answer


def cell_of(show=lambda o, c, h: o * np.tanh(c), keep=lambda i, f, g, c: f * c + i * g, result=lambda h, c: (h, c)):
    """02-5 from its two lines, either of which may be another; and the result."""

    def answer(x, h, c, W_ih, W_hh, b):
        a = np.reshape(W_ih @ x + W_hh @ h + b, (4, len(h)))
        new = keep(s(a[0]), s(a[1]), np.tanh(a[2]), c)
        return result(show(s(a[3]), new, h), new)

    return answer


def every_fourth(x, h, c, W_ih, W_hh, b):
    a = W_ih @ x + W_hh @ h + b
    c = s(a[1::4]) * c + s(a[0::4]) * np.tanh(a[2::4])
    return s(a[3::4]) * np.tanh(c), c


def memory_for_state(x, h, c, W_ih, W_hh, b):
    a = np.reshape(W_ih @ x + W_hh @ c + b, (4, -1))
    c = s(a[1]) * c + s(a[0]) * np.tanh(a[2])
    return s(a[3]) * np.tanh(c), c


def gru_of(propose=lambda given, of_state, r, z, h: np.tanh(given + r * of_state), mix=lambda z, m, h: m + z * (h - m)):
    """02-6 from its last two lines, either of which may be another."""

    def answer(x, h, W_ih, W_hh, b_ih, b_hh):
        a, q = np.reshape(W_ih @ x + b_ih, (3, -1)), np.reshape(W_hh @ h + b_hh, (3, -1))
        r, z = s(a[0] + q[0]), s(a[1] + q[1])
        return mix(z, propose(a[2], q[2], r, z, h), h)

    return answer


def bias_by_dh(dh, *others):
    dW_hh, dW_ih, _, before = back(dh, *others)
    return dW_hh, dW_ih, dh, before


def open_gates(x, h, c, W_ih, W_hh, b):
    i, f, g, o = np.reshape(W_ih @ x + W_hh @ h + b, (4, -1))
    new = f * c + i * np.tanh(g)
    return o * np.tanh(new), new


def never_shut(x, h, c, W_ih, W_hh, b):
    new = memory_step(x, h, c, W_ih, W_hh, b)[1]
    return np.tanh(new), new


def hoarder(x, h, c, *weights):
    shown, written = memory_step(x, h, 0 * c, *weights)  # as if the memory had been empty
    o = shown / np.tanh(written)
    return o * np.tanh(c + written), c + written


def falling(x, h, c, W_ih, W_hh, b):
    n = len(h)
    turn = np.repeat([-1, -1, 1, -1], n)
    return memory_step(x, h, c, turn[:, None] * W_ih, turn[:, None] * W_hh, turn * b)


def with_numpys_sigmoid(x, h, c, W_ih, W_hh, b):
    i, f, g, o = np.split(W_ih @ x + W_hh @ h + b, 4)
    c = np.sigmoid(f) * c + np.sigmoid(i) * np.tanh(g)
    return np.sigmoid(o) * np.tanh(c), c


def z_twice(x, h, W_ih, W_hh, b_ih, b_hh):
    turned = gated(x, h, W_ih, W_hh, b_ih, b_hh, flip=True)  # z n + (1 - z) h
    z = s((W_ih @ x + b_ih + W_hh @ h + b_hh)[len(h) : 2 * len(h)])
    return turned + (2 * z - 1) * h


def open_gru(x, h, W_ih, W_hh, b_ih, b_hh):
    a, q = np.reshape(W_ih @ x + b_ih, (3, -1)), np.reshape(W_hh @ h + b_hh, (3, -1))
    r, z = a[0] + q[0], a[1] + q[1]
    m = np.tanh(a[2] + r * q[2])
    return m + z * (h - m)


def whole_sum(x, h, W_ih, W_hh, b_ih, b_hh):
    n = len(h)
    r, z, _ = np.reshape(s(W_ih @ x + b_ih + W_hh @ h + b_hh), (3, n))
    m = np.tanh(r * (W_ih @ x + b_ih + W_hh @ h + b_hh)[2 * n :])
    return m + z * (h - m)


WRONG = [
    ("02-1", spoiled(slope=lambda h, before: 1 + h * h), "adds the square where it should be taken away"),
    ("02-1", all_by_dh, "hands out dh in place of da"),
    ("02-1", other(1, lambda parts, dh, h, before, x, W: parts[0]), "takes the state before for the input"),
    ("02-1", other(3, lambda parts, dh, *more: parts[3] + dh), "adds dh to what goes on"),
    (
        "02-1",
        other(3, lambda parts, dh, h, before, x, W: parts[3] * (1 - before * before)),
        "multiplies by the tanh of the step before as well",
    ),
    ("02-1", other(2, lambda parts, *more: sum(parts[2])), "adds up the bias's share"),
    ("02-1", some("hh", "ih"), "returns two parts"),
    (
        "02-2",
        lambda norm, limit: int(math.log(limit) / math.log(norm)) + 1,
        "is undone by rounding, where the bound equals the limit",
    ),
    ("02-2", lambda norm, limit: least(norm, limit) + 1, "counts one step too many"),
    ("02-2", lambda norm, limit: least(norm, limit) - 1, "stops one step early"),
    ("02-2", lambda norm, limit: norm ** least(norm, limit), "gives what is left, not the distance"),
    ("02-3", scaled_by(lambda length, m: min(1, length / m)), "turns the fraction round"),
    ("02-3", scaled_by(lambda length, m: m if length > m else 1), "multiplies by the limit"),
    ("02-3", scaled_by(lambda length, m: min(length, m)), "multiplies by the limit"),
    ("02-3", lambda G, m: scale_all(G, 1 / np.linalg.norm(flat(G))), "stretches everything to the length 1"),
    (
        "02-3",
        scaled_by(lambda length, m: min(1, m / length), norm=lambda G: abs(flat(G)).sum()),
        "adds up sizes, not squares",
    ),
    (
        "02-3",
        scaled_by(lambda length, m: min(1, m / length), norm=lambda G: abs(flat(G)).max()),
        "takes the largest number for the norm",
    ),
    (
        "02-3",
        scaled_by(lambda length, m: min(1, m / length), norm=lambda G: math.sqrt(sum(np.mean(g * g) for g in G))),
        "takes the mean of the squares",
    ),
    ("02-3", lambda G, m: flat(G) / max(1.0, np.linalg.norm(flat(G)) / m), "gives one long array"),
    ("02-4", ("-12", "12"), "is not a pair"),
    ("02-5", with_parts(0, 2, 3, 1), "takes the gates in the order i, o, f, g"),
    ("02-5", with_parts(1, 0, 3, 2), "takes the gates in the order f, i, o, g"),
    ("02-5", with_parts(1, 2, 0, 3), "takes the gates in the order g, i, f, o"),
    ("02-5", with_parts(2, 3, 1, 0), "takes the gates in the order o, g, i, f"),
    ("02-5", every_fourth, "takes every fourth number for a gate"),
    ("02-5", cell_of(keep=lambda i, f, g, c: c - f * c + i * g), "keeps the old memory where the gate says forget"),
    ("02-5", cell_of(keep=lambda i, f, g, c: i * g), "drops the old memory"),
    ("02-5", cell_of(keep=lambda i, f, g, c: f * c - i * g), "takes the candidate away"),
    ("02-5", cell_of(show=lambda o, c, h: o * np.tanh(h)), "makes the output from the state before"),
    ("02-5", cell_of(result=lambda h, c: (h, np.tanh(c))), "hands on the memory after its tanh"),
    ("02-5", cell_of(show=lambda o, c, h: o * s(c)), "squeezes the memory with the logistic function"),
    ("02-5", cell_of(show=lambda o, c, h: np.tanh(o * c)), "takes the tanh of the product"),
    ("02-5", memory_for_state, "multiplies W_hh by the memory"),
    ("02-5", cell_of(result=lambda h, c: c), "returns the memory alone"),
    ("02-6", gru_with(at=(1, 2, 0)), "takes the gates in the order n, r, z"),
    ("02-6", gru_of(mix=lambda z, m, h: m - z * m), "leaves out the old state"),
    ("02-6", gru_of(mix=lambda z, m, h: m + z * h), "adds the whole proposal"),
    ("02-6", gru_of(mix=lambda z, m, h: m), "gives the proposal alone"),
    ("02-6", gru_of(lambda given, q, r, z, h: np.tanh(given + z * q)), "has z where r belongs, in the proposal"),
    ("02-6", gru_of(lambda given, q, r, z, h: np.tanh(given + q - r * q)), "turns r round"),
    (
        "02-6",
        gru_of(lambda given, q, r, z, h: np.tanh(given + r * h)),
        "multiplies the state itself by r, without W_hn",
    ),
    ("02-6", gru_of(lambda given, q, r, z, h: given + r * q), "leaves out the tanh of the proposal"),
    ("02-6", gru_of(mix=lambda z, m, h: np.tanh(m + z * (h - m))), "takes the tanh of the new state"),
    ("02-6", gru_of(mix=lambda z, m, h: (m + z * (h - m), m)), "returns the proposal, too"),
    ("02-1", spoiled(slope=lambda h, before: np.ones(len(h))), "leaves out the derivative of the tanh"),
    ("02-1", spoiled(slope=lambda h, before: 1 / np.cosh(h) ** 2), "applies the tanh once more"),
    ("02-1", spoiled(slope=lambda h, before: 1 - h), "forgets the square in 1 - h**2"),
    ("02-1", spoiled(slope=lambda h, before: h - h * h), "takes the derivative of the logistic function"),
    ("02-1", spoiled(slope=lambda h, before: 1 - before**2), "takes the derivative at the state before"),
    ("02-1", spoiled(transpose=False), "does not transpose W_hh on the way back"),
    ("02-1", spoiled(turn=True), "turns the outer products round"),
    ("02-1", spoiled(state="after"), "multiplies W_hh's share by the new state"),
    ("02-1", spoiled(sent="dh"), "sends dh back through W_hh instead of da"),
    ("02-1", turned_once, "turns the outer product of W_hh round, and not that of W_ih"),
    ("02-1", bias_by_dh, "returns dh for db"),
    ("02-1", some("hh", "ih", "b"), "returns three parts, without dh_before"),
    ("02-1", some("hh", "ih", "h"), "returns three parts, without db"),
    ("02-1", some("ih", "hh", "b", "h"), "returns the parts in the order dW_ih, dW_hh, db, dh_before"),
    ("02-1", some("h", "hh", "ih", "b"), "returns the parts in the order dh_before, dW_hh, dW_ih, db"),
    ("02-1", some("hh", "ih", "h", "b"), "returns the parts in the order dW_hh, dW_ih, dh_before, db"),
    ("02-1", by_stars("hh", "ih"), "takes the product element by element for dW_hh and dW_ih"),
    ("02-1", by_stars("ih"), "takes the product element by element for dW_ih"),
    ("02-1", by_stars("hh"), "takes the product element by element for dW_hh"),
    (
        "02-2",
        lambda norm, limit: math.ceil(math.log(limit, norm) - 1e-12),
        "takes the distance at which the bound equals the limit",
    ),
    ("02-2", lambda norm, limit: int(math.log10(limit) / math.log10(norm)), "rounds down"),
    ("02-2", lambda norm, limit: int(math.log(limit) / math.log(norm) + 0.5), "rounds to the nearest"),
    ("02-2", lambda norm, limit: np.log(limit) / np.log(norm), "does not round to whole steps"),
    (
        "02-2",
        lambda norm, limit: int(math.log(norm) / math.log(limit)) + 1,
        "divides the logarithms the wrong way round",
    ),
    ("02-2", lambda norm, limit: math.ceil(limit / norm), "divides the limit by the norm"),
    ("02-3", lambda G, m: [g / max(1, np.sqrt(np.sum(g * g)) / m) for g in G], "clips each array by itself"),
    ("02-3", lambda G, m: [np.maximum(np.minimum(g, m), -m) for g in G], "clips by value"),
    ("02-3", lambda G, m: scale_all(G, m / np.sqrt(flat(G) @ flat(G))), "stretches short gradients too"),
    ("02-3", lambda G, m: scale_all(G, min(1, m / math.hypot(*flat(G)))), "fails on a zero gradient"),
    (
        "02-3",
        lambda G, m: [g / np.linalg.norm(flat(G)) * min(m, np.linalg.norm(flat(G))) for g in G],
        "fails on a zero gradient",
    ),
    ("02-3", lambda G, m: scale_all(G, m / max(m, flat(G) @ flat(G))), "divides by the square of the norm"),
    (
        "02-3",
        lambda G, m: scale_all(G, 1 / np.linalg.norm(flat(G)) if np.linalg.norm(flat(G)) > m else 1),
        "shrinks to length 1 whatever the limit",
    ),
    (
        "02-3",
        lambda G, m: scale_all(G, m / max(m, sum(float(np.sqrt((g * g).sum())) for g in G))),
        "adds up the norms of the arrays",
    ),
    ("02-3", lambda G, m: scale_all(G, max(1, m / np.linalg.norm(flat(G)))), "takes the larger of 1 and limit / norm"),
    (
        "02-3",
        lambda G, m: scale_all(G, m / max([m, *(float(np.sqrt((g * g).sum())) for g in G)])),
        "takes the largest norm of a single array",
    ),
    ("02-4", -12, "is not a pair"),
    ("02-4", (-12, 12, 0), "is not a pair"),
    ("02-4", [-25, 10], "keeps the input gate shut at step 0"),
    ("02-4", (-5, 20), "lets the noise in"),
    ("02-4", (-10, 5), "forgets"),
    ("02-4", (-9, 9), "loses a little to fading and a little to noise"),
    ("02-4", (-9.1, 9.2), "loses a little to fading and a little to noise"),
    ("02-5", with_parts(0, 1, 3, 2), "takes the gates in the order i, f, o, g"),
    ("02-5", with_parts(0, 2, 1, 3), "takes the gates in the order i, g, f, o"),
    ("02-5", with_parts(1, 0, 2, 3), "takes the gates in the order f, i, g, o"),
    ("02-5", lambda *a: memory_step(*a, squash=lambda c: 1.0 * c), "leaves out the tanh at the output"),
    ("02-5", lambda *a: memory_step(*a, new=s), "squeezes the candidate with the logistic function"),
    ("02-5", lambda *a: tuple(reversed(memory_step(*a))), "returns c before h"),
    ("02-5", late, "shows the memory of the step before"),
    ("02-5", lambda *a: memory_step(*a, gate=lambda f: 1.0), "writes the candidate without the input gate"),
    ("02-5", lambda *a: memory_step(*a, gate=lambda f: 1 - f), "writes with 1 - f instead of i"),
    ("02-5", hoarder, "never forgets, whatever f says"),
    ("02-5", lambda *a: memory_step(*a)[0], "returns the output alone"),
    ("02-5", falling, "has exp(a) where exp(-a) belongs"),
    ("02-5", with_numpys_sigmoid, "asks NumPy for a sigmoid"),
    ("02-6", lambda *a: np.sigmoid(a[0]), "asks NumPy for a sigmoid"),
    ("02-6", z_twice, "uses z for both"),
    ("02-6", lambda x, h, W, *more: np.split(W @ x, 4), "cuts into four parts, as for an LSTM"),
    ("02-6", gru_with(at=(0, 2, 1)), "takes the gates in the order r, n, z"),
    ("02-6", open_gru, "leaves out the logistic function of the gates"),
    ("02-5", open_gates, "leaves out the logistic function of the gates"),
    ("02-5", lambda *a: memory_step(*a, new=lambda g: +g), "leaves out the tanh of the candidate"),
    ("02-5", never_shut, "leaves out the output gate"),
    ("02-5", lambda *a: memory_step(*a[:5], np.zeros(len(a[5]))), "leaves out the bias"),
    ("02-5", lambda *a: memory_step(*a[:4], np.zeros(a[4].shape), a[5]), "leaves out the state before"),
    ("02-6", whole_sum, "applies the reset gate to the whole sum"),
    ("02-6", lambda *a: gated(*a[:4], np.zeros(len(a[4])), a[5]), "leaves out b_ih"),
    ("02-6", lambda *a: gated(*a[:5], np.zeros(len(a[5]))), "leaves out b_hh"),
    ("02-6", gru_with(flip=True), "turns z round"),
    ("02-6", gru_with(inner=lambda r, W, h, b: W @ (r * h) + b), "applies the reset gate before the product"),
    ("02-6", gru_with(inner=lambda r, W, h, b: r * (W @ h) + b), "leaves the bias b_hn outside the reset gate"),
    ("02-6", gru_with(inner=lambda r, W, h, b: W @ h + b), "has no reset gate in the proposal"),
    ("02-6", gru_with(at=(1, 0, 2)), "takes the gates in the order z, r, n"),
    ("02-6", gru_with(new=s), "squeezes the proposal with the logistic function"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


def test_solutions_pass_and_stubs_are_not_started():
    for exercise in EXERCISES:
        assert_right(exercise.key, exercise.solution)
        stub = (lambda *arguments: ...) if callable(exercise.solution) else ...
        assert judge(exercise, stub)[0] == "not started"


def by_autograd(dh, h, h_before, x, W_hh):
    """The step rebuilt in torch: inputs chosen so that its tanh gives h; gradients from autograd."""
    W, b, before = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (W_hh, h * 0, h_before))
    W_in = torch.zeros(len(h), len(x), dtype=torch.float64, requires_grad=True)
    a = W @ before + W_in @ torch.tensor(x) + b
    out = torch.tanh(a + (torch.atanh(torch.tensor(h)) - a).detach())
    return [g.numpy() for g in torch.autograd.grad(out, (W, W_in, b, before), torch.tensor(dh))]


def torch_clip(gradients, limit):
    weights = [nn.Parameter(torch.tensor(g)) for g in gradients]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = torch.tensor(gradient)
    nn.utils.clip_grad_norm_(weights, limit)
    return tuple(weight.grad for weight in weights)


def torch_cell(kind, x, states, W_ih, W_hh, b_ih, b_hh):
    cell = getattr(nn, kind)(len(x), len(states[0]), dtype=torch.float64)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict(dict(zip(names, map(torch.tensor, (W_ih, W_hh, b_ih, b_hh)), strict=True)))
    states = tuple(map(torch.tensor, states))
    with torch.no_grad():
        return cell(torch.tensor(x), states if len(states) > 1 else states[0])


RIGHT = [
    ("02-1", by_autograd),
    ("02-1", lambda *a: [part.tolist() for part in back(*a)]),
    ("02-1", lambda *a: tuple(map(torch.tensor, back(*a)))),
    ("02-2", lambda norm, limit: next(d for d in range(10**6) if norm**d < limit)),
    ("02-2", lambda norm, limit: math.floor(math.log(limit) / math.log(norm) + 1e-9) + 1),
    ("02-3", torch_clip),
    ("02-3", lambda G, m: [g / max(1.0, np.linalg.norm(flat(G)) / m) for g in G]),
    ("02-4", (-12, 12)),
    ("02-4", [-11.5, 30]),
    ("02-4", np.array([-10, 10.0])),
    ("02-4", torch.tensor([-14.0, 15.0])),
    ("02-5", lambda x, h, c, W_ih, W_hh, b: torch_cell("LSTMCell", x, (h, c), W_ih, W_hh, b, 0 * b)),
    ("02-5", lambda *a: [part.tolist() for part in memory_step(*a)]),
    ("02-6", lambda x, h, *weights: torch_cell("GRUCell", x, (h,), *weights)),
    ("02-6", gated),
    ("02-5", lambda *a: [part.astype(np.float32) for part in memory_step(*a)]),
    ("02-6", lambda *a: gated(*a).astype(np.float32)),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


@pytest.mark.parametrize(
    ("key", "answer", "sentence"),
    [
        ("02-4", (float("nan"), 3), "stay between -500 and 500"),
        ("02-4", (-10, 5), "at the end between"),
        ("02-4", "ab", "The answer is a pair"),
        ("02-4", (..., 12), "replace the remaining `...`"),
        ("02-5", open_gates, "lstm_step(x=[0.13], h=["),
        ("02-6", whole_sum, "W_hh=[["),
        ("02-1", some("hh", "ih", "b"), "and you return 3"),
        ("02-1", lambda *a: (*back(*a)[:3], ...), "gave a result with a `...` in it: replace the remaining `...`."),
        ("02-4", (-9, 9), "the start costs 0.000, fading 0.012, noise 0.012"),
        ("02-5", lambda x, h: h, "takes (x, h), and the exercise calls it with (x, h, c, W_ih, W_hh, b)"),
        ("02-2", 132, "A function is asked for"),
        ("02-3", lambda G, m: None, "does the function end with a return?"),
        ("02-3", lambda G, m: [g.__imul__(0.5) for g in G], "changed its own argument"),
    ],
)
def test_odd_answers_are_explained(key, answer, sentence):
    status, message, _ = judge(find(key), answer)
    assert status == "wrong" and sentence in message


def test_the_solution_clips_a_zero_gradient_too():
    assert find("02-3").solution([np.zeros(3)], 1.0)[0].tolist() == [0, 0, 0]


def test_what_the_lesson_says_of_a_norm_of_0_9():
    assert find("02-2").solution(0.9, 1e-6) == 132


def test_what_the_lesson_says_that_the_memory_widget_shows():
    def left(cell, kind, norm, bias):
        curve = influence(Memory().base, cell, kind, norm, bias, 60)
        return curve / curve[0]

    assert left("RNN", "orthogonal", 1.5, 0)[-1] < 1 < left("RNN", "orthogonal", 1.55, 0)[-1]
    assert 1e-13 < left("RNN", "random", 1.5, 0)[-1] < 1e-11
    assert np.argmax(left("LSTM", "random", 1.0, 1) < 1e-3) == 23
    assert left("LSTM", "random", 1.0, 3).min() > 1e-3
    ends = {cell: left(cell, "random", 1.0, -2)[-1] for cell in ("RNN", "LSTM", "GRU")}
    assert min(ends, key=ends.get) == "LSTM"


def test_what_the_lesson_says_of_a_tanh_applied_twice():
    right, twice = (lambda h: 1 - h**2), (lambda h: 1 - math.tanh(h) ** 2)
    assert right(0) == twice(0) and all(twice(h) > right(h) for h in np.linspace(0.01, 1))
    assert [round(f(0.95), 2) for f in (right, twice)] == [0.10, 0.45]
    assert (right(1), round(twice(1), 2)) == (0, 0.42)
