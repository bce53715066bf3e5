"""Exercises of lesson 01, Sequences and recurrence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crnn_lessons.cells import RNN
from crnn_lessons.exercises import Exercise, Mistake, mistakes
from crnn_lessons.exercises.compare import holds_text

WINDOW = 3
"""What a window sees, in exercises 01-1 and 01-6: the present input and the two before it."""

# 01-1 ---------------------------------------------------------------------------------------------------------------

LENGTHS = "The two sequences must have the same number of bits, so that only the window can tell them apart."
TOLD_APART = f"So a window of {WINDOW} tells them apart. Put the difference further back."
SAME_ANSWER = (
    "So the answer of both is the same, and a window that gives it is right on both. Change one bit outside the last "
    f"{WINDOW}."
)
LONGER = f"Make them longer than the window, then change one bit outside the last {WINDOW}."
MOST_BITS = 20


def window_is_fooled(pair: Sequence[Iterable]) -> str | None:
    """None if a window of three sees the same in both sequences, and the right answers differ; else a sentence."""
    if not isinstance(pair, Iterable):
        return f"The answer is a pair of two sequences of bits, and yours is {pair!r}."
    pair = list(pair)
    if len(pair) != 2:
        return f"The answer is a pair of two sequences of bits, and yours has {len(pair)} parts."
    first, second = ([float(bit) for bit in sequence] for sequence in pair)
    if len(first) != len(second):
        return f"They have {len(first)} and {len(second)} bits. {LENGTHS}"
    if not set(first + second) <= {0, 1}:
        strange = next(bit for bit in first + second if bit not in (0, 1))
        return f"Each sequence holds at most {MOST_BITS} bits, 0 or 1; in yours there is a {strange:g}."
    first, second = ([int(bit) for bit in sequence] for sequence in (first, second))
    if len(first) > MOST_BITS:
        return f"Each sequence holds at most {MOST_BITS} bits, 0 or 1; yours have {len(first)}."
    longer = f" {LONGER}" if len(first) <= WINDOW else ""
    if first[-WINDOW:] != second[-WINDOW:]:
        return f"The last {WINDOW} bits are {first[-WINDOW:]} and {second[-WINDOW:]}. {TOLD_APART}{longer}"
    if sum(first) % 2 == sum(second) % 2:
        which = "odd" if sum(first) % 2 else "even"
        return f"They have {sum(first)} and {sum(second)} ones: both {which}. {SAME_ANSWER}{longer}"
    return None


FOOL_A_WINDOW = Exercise(
    key="01-1",
    title="fool a window of three",
    solution=([1, 0, 0, 0], [0, 0, 0, 0]),
    verify=window_is_fooled,
    mistakes=(
        Mistake("gives sequences of different lengths", ([1, 0, 0, 0], [0, 0, 0]), LENGTHS),
        Mistake("puts the difference inside the window", ([0, 0, 1], [0, 0, 0]), TOLD_APART),
        Mistake("gives both the same answer", ([1, 1, 0, 0, 0], [0, 0, 0, 0, 0]), SAME_ANSWER),
    ),
    hints=(
        ("where may they differ?", "Anywhere but in the last three bits: four bits are enough."),
        ("what must differ?", "The number of ones must be even in one sequence and odd in the other."),
    ),
    source="answer = ([1, 0, 0, 0], [0, 0, 0, 0])  # the same last three bits; one 1, and none",
)

# 01-2 ---------------------------------------------------------------------------------------------------------------


def _random_net(D: int, hidden_size: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(
        rng.normal(size=shape).round(2) for shape in ((hidden_size, D), (hidden_size, hidden_size), hidden_size)
    )


def _step_case(D: int, hidden_size: int, seed: int) -> tuple:
    rng = np.random.default_rng(100 + seed)
    return (rng.normal(size=D).round(2), rng.normal(size=hidden_size).round(2), *_random_net(D, hidden_size, seed))


def _plain(values) -> str:
    return np.array2string(np.asarray(values), separator=", ").replace("\n", "")


def _show_call(name: str) -> Callable[..., str]:
    def show(*case) -> str:
        names = ("x", "h", "weight_ih", "weight_hh", "bias")
        return f"{name}({', '.join(f'{n}={_plain(v)}' for n, v in zip(names, case, strict=True))})"

    return show


def rnn_step(x, h, weight_ih, weight_hh, bias):
    return np.tanh(weight_ih @ x + weight_hh @ h + bias)


RNN_STEP = Exercise(
    key="01-2",
    title="one step of a recurrent network",
    solution=rnn_step,
    mistakes=mistakes(
        rnn_step,
        """
        leaves out the input :: weight_ih @ x + ->
            Without W_ih x the step does not hear what comes in.
        leaves out the state :: weight_hh @ h + ->
            Without W_hh h the step knows nothing of the past.
        leaves out the tanh :: np.tanh( -> (
            The sum is right; the state is its tanh.
        leaves out the bias :: + bias ->
            Three terms stand inside the tanh.
        adds the bias after the tanh :: + bias) -> ) + bias
            The bias belongs inside the tanh; outside, the state could leave −1 to 1.
        takes the tanh of each part :: weight_ih @ x + -> weight_ih @ x) + np.tanh(
            First add, then take one tanh of the sum.
        multiplies the state from the wrong side :: weight_hh @ h -> h @ weight_hh
            `h @ weight_hh` runs, as the matrix is square, but uses its columns for its rows: the matrix comes first.
        multiplies input and state from the wrong side ::
            weight_ih @ x -> x @ weight_ih & weight_hh @ h -> h @ weight_hh
            weight_ih has a row for each unit and a column for each input, so the matrix comes first: `weight_ih @ x`.
        multiplies element by element :: @ -> *
        multiplies the state element by element :: weight_hh @ h -> weight_hh * h
            `*` multiplies element by element; matrix times vector is `@`.
        takes the tanh of one number with math.tanh :: np.tanh -> math.tanh
            `math.tanh` takes one number, and the sum holds one for each unit: `np.tanh` takes arrays.
        returns complex numbers :: np.tanh( -> np.tanh(0j +
            All numbers here are real. Where does a complex one come in?
        takes the sigmoid :: np.tanh( -> 1 / (1 + np.exp(-1 * ( & + bias) -> + bias)))
            The sigmoid lies between 0 and 1, tanh between −1 and 1: `np.tanh`. (Lesson 02 has use for the sigmoid.)
        takes the relu :: np.tanh( -> np.maximum(0.0,
            This step squashes with tanh: `np.tanh`.
        takes the tangent :: np.tanh( -> np.tan(
            `np.tan` is the tangent of an angle; tanh, with an h, is `np.tanh`.
        adds the new state to the old one :: return -> return h +
            The old state comes in by W_hh h alone; the new one takes its place.
        adds both of torch's biases :: + bias -> + 2 * bias
            There is one bias, added once.
        adds up the units :: + bias) -> + bias).sum()
            The state has a number for each unit.
        returns two results :: return -> return h,
        :: + bias) -> + bias), h
            The new state alone is asked for.
        swaps the two matrices :: weight_ih -> weight_hh & weight_hh -> weight_ih
            ih is from the input to the hidden state, hh from the hidden state to itself.
        stops with a TypeError :: weight_ih @ x -> ...
            If it speaks of an 'ellipsis', that is a `...`: replace the remaining `...`.
        """,
    ),
    cases=[
        (np.array([2.0]), np.array([-1.0]), np.array([[0.5]]), np.array([[1.5]]), np.array([0.25])),
        _step_case(1, 2, 1),
        _step_case(3, 2, 2),
        _step_case(2, 4, 3),
        _step_case(3, 3, 4),
    ],
    show_case=_show_call("rnn_step"),
    tolerance=1e-5,  # float32 is right too
    hints=(
        ("which product?", "`weight_ih @ x` is matrix times vector: one number for each row, that is, each unit."),
        ("nearly there", "Add three vectors of the size of the state, and give the sum to `np.tanh`."),
    ),
)

# 01-3 ---------------------------------------------------------------------------------------------------------------


def _sequence_case(T: int, D: int, hidden_size: int, seed: int) -> tuple:
    rng = np.random.default_rng(200 + seed)
    return (rng.normal(size=(T, D)).round(2), rng.normal(size=hidden_size).round(2), *_random_net(D, hidden_size, seed))


def unroll(x, h, weight_ih, weight_hh, bias):
    states = np.zeros((len(x), len(h)))
    for t in range(len(x)):
        h = np.tanh(weight_ih @ x[t] + weight_hh @ h + bias)
        states[t] = h
    return states


UNROLL = Exercise(
    key="01-3",
    title="unroll it over a sequence",
    solution=unroll,
    mistakes=mistakes(
        unroll,
        """
        begins every step with the first state :: h = np.tanh( -> states[t] = np.tanh( & states[t] = h ->
            The state must move on: the h of one step is the h that the next one starts from.
        stores the same array at every step :: return states -> return np.array([h] * len(x))
        :: return states -> return np.stack([h] * len(x))
        :: return states -> states[:] = h; return states
            All rows are one and the same array, which holds the last state at the end: `h[:] = ...` writes into it.
            Make a new array, `h = ...`, or store `h.copy()`.
        returns the last state alone :: return states -> return h
            A row for each step is asked for: collect the states.
        puts the initial state in front :: = lambda x, h, *weights: np.vstack([h, unroll(x, h, *weights)])
            Row t is the state after x[t] has been read. The initial state is none of them.
        stores the state before the step :: h = np.tanh( -> states[t] = h; h = np.tanh( & states[t] = h ->
            Row t is the state after x[t] has been read: take the step first, then store.
        begins with zeros :: states = np.zeros( -> h = np.zeros(len(h)); states = np.zeros(
            The state to begin with is given: h.
        leaves out the first step :: states = np.zeros( -> x = x[1:]; states = np.zeros(
            The first input is x[0]; it meets the initial state.
        begins the loop at t = 1 :: range(len(x)) -> range(1, len(x))
            The first input is x[0]: `range(len(x))` begins with it.
        stops a step early :: range(len(x)) -> range(len(x) - 1)
            The last input is x[T - 1], and `range(len(x))` ends with it.
        reads the first input at every step :: x[t] -> x[0]
            Step t reads `x[t]`.
        adds the new state to the old one :: h = np.tanh( -> h = h + np.tanh(
            The new state takes the place of the old one: `h = rnn_step(...)`.
        carries on the sum before its tanh ::
            np.tanh(weight_ih @ x[t] -> (weight_ih @ x[t] & states[t] = h -> states[t] = np.tanh(h)
            The state is the tanh, and that is what the next step starts from.
        stores whole numbers :: len(h))) -> len(h)), int)
            An array of `int` cuts off what comes after the point: `np.zeros((len(x), len(h)))` holds floats.
        hands over x and h in the wrong order :: weight_ih @ x[t] + weight_hh @ h -> weight_ih @ h + weight_hh @ x[t]
            `rnn_step(x, h, ...)`: the input comes first.
        returns the last state, too :: return states -> return states, h
            The T × Dₕ array alone is asked for; its last row is the last state.
        reads the sequence from its end :: range(len(x)) -> reversed(range(len(x)))
            Step 0 comes first. (Reading backwards has its use: see section 7.)
        returns inside the loop, after the first step ::
            states[t] = h -> states[t] = h; return states & return states ->
        :: states[t] = h -> return h[None] & return states ->
        :: states[t] = h -> return h & return states ->
            `return` ends the function at once, and it stands in the loop. Move it out, to the left.
        multiplies the state from the wrong side :: weight_hh @ h -> h @ weight_hh
            `h @ weight_hh` runs, as the matrix is square, but uses its columns for its rows: the matrix comes first.
        leaves out the bias :: + bias ->
            Three terms stand inside the tanh, at every step: the bias is one of them.
        leaves out the state :: + weight_hh @ h ->
            Without W_hh h each step stands for itself, and nothing is carried along.
        makes the states of the shape of x :: (len(x), len(h)) -> x.shape
            x has D numbers a step, and a state has Dₕ: `np.zeros((len(x), len(h)))`. (If that is what you have: a step
            reads one row of x, `x[t]`, and fills one row of the states, `states[t]`.)
        fills the rows with None :: states[t] = h -> states[t] = None
            A None that goes into an array becomes nan. Does your rnn_step end with a return?
        puts time on the second axis :: return states -> return states.T
            Time comes first: row t is the state after step t.
        fails on an empty sequence ::
            np.zeros((len(x), len(h))) -> [] & states[t] = h -> states += [h] & return states -> return np.stack(states)
            There is nothing to stack when T = 0. Make the T × Dₕ array first, and fill its rows.
        forgets the number of units when the sequence is empty ::
            np.zeros((len(x), len(h))) -> [] & states[t] = h -> states += [h] & return states -> return np.array(states)
            T = 0 steps of Dₕ units make an array of the shape (0, Dₕ): `np.zeros((len(x), len(h)))` gives it.
        stops with a TypeError :: np.zeros((len(x), -> np.zeros((...,
            If it speaks of an 'ellipsis', that is a `...`: your rnn_step is not written yet (01-2), or one is left in
            unroll. If it speaks of 'NoneType', rnn_step has no return.
        """,
    ),
    cases=[
        _sequence_case(1, 1, 1, 1),
        _sequence_case(3, 1, 2, 2),
        _sequence_case(4, 3, 2, 3),
        _sequence_case(0, 2, 3, 4),
    ],
    array=True,
    show_case=_show_call("unroll"),
    tolerance=1e-5,  # float32 is right too
    hints=(
        ("what goes round?", "A loop over t, in which h is replaced by the new h."),
        ("the empty sequence", "Make `states = np.zeros((len(x), len(h)))` before the loop."),
        ("all rows are equal", "Did you change h in place? `h = ...` makes a new array, `h[:] = ...` does not."),
    ),
)

# 01-4 ---------------------------------------------------------------------------------------------------------------

HIGH, LOW, ZEROS = 0.9, 0.1, 1000
GROWS = (
    "No 1 has come yet. b pushes the state up a little at each step, and W_hh, above 1, makes what is there grow. "
    "Try b = 0."
)
FALSE_ALARM = "No 1 has come yet. With the input 0 the first step gives tanh(b): where does b push the state?"
TOO_WEAK = (
    "A single 1 must lift the state to the top at once: tanh(2) is about 0.96. Is the weight of the input enough?"
)
UPSIDE_DOWN = "The 1 pushes the state down, so the weight of the input has the wrong sign."
SUNK = "A negative b has pulled it down before the 1 comes, and W_hh holds it there. Try b = 0."
PULLS = "b is negative and pulls against W_hh: raise b, or raise W_hh."
FORGETS = (
    "The input is 0 there, so the state lives on W_hh alone. It must be a good deal above 1: with 1 the tanh takes a "
    "little away at each step."
)
FLIPS = "The state changes its sign from step to step, as it does when W_hh is negative."


def remembers(answer) -> str | None:
    """None if the one-unit network with these weights remembers for good that a 1 has come; else a sentence."""
    if holds_text(answer):
        return "The answer is three numbers, (w_ih, w_hh, b), and yours holds text: write 3 without quotes."
    numbers = [float(value) for value in np.ravel(np.asarray(answer, dtype=float))]
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        return f"The answer is three numbers, (w_ih, w_hh, b), and yours is {answer!r}."
    for bits in [*product((0, 1), repeat=6), (0,) * 50, (0, 1) + (0,) * ZEROS, (1,) * 50]:
        if complaint := _first_lapse(bits, *numbers):
            return complaint
    return None


def _first_lapse(bits: Sequence[int], w_ih: float, w_hh: float, b: float) -> str | None:
    h, seen = 0.0, False
    for t, x in enumerate(bits):
        before, h, first = h, math.tanh(w_ih * x + w_hh * h + b), x == 1 and not seen
        seen = seen or x == 1
        if (h > HIGH) if seen else (h < LOW):
            continue
        shown = " ".join(map(str, bits[: t + 1])) if t < 12 else f"{' '.join(map(str, bits[:4]))} … ({t + 1} steps)"
        wanted = f"above {HIGH}" if seen else f"below {LOW}"
        said = f"After the bits {shown} the state is {round(h, 4) + 0.0:.4f}, and it must be {wanted}."
        return f"{said} {_cause(w_ih, w_hh, b, before, h, seen, first)}"
    return None


def _cause(w_ih: float, w_hh: float, b: float, before: float, h: float, seen: bool, first: bool) -> str:
    """Why the state went wrong at the step from ``before`` to ``h``."""
    if not seen:
        if math.tanh(b) >= LOW:
            return FALSE_ALARM
        return GROWS if w_hh > 0 else FLIPS  # with b = 0 it stays at 0, with b < 0 only W_hh < 0 brings it up
    if first:
        if w_ih < 0:
            return UPSIDE_DOWN
        if b < 0 and math.tanh(w_ih) > HIGH:  # with b = 0 this 1 would have been enough
            return f"Before the 1 the state was {before:.4f}. {SUNK}"
        return TOO_WEAK
    if h < -LOW and before > LOW and w_hh < 0:
        return FLIPS
    if b < 0 and w_hh * HIGH > math.atanh(HIGH):  # with b = 0 this W_hh would hold it
        return f"There W_hh · h + b is only {round(w_hh * before + b, 2) + 0.0:.2f}. {PULLS}"
    return FORGETS


REMEMBER = Exercise(
    key="01-4",
    title="remember that a 1 has come",
    solution=(3.0, 3.0, 0.0),
    verify=remembers,
    mistakes=(
        Mistake("fires before a 1 has come", (3, 3, 1), FALSE_ALARM),
        Mistake("lets W_hh amplify a small b", (3, 3, 0.001), GROWS),
        Mistake("lets a 1 hardly move the state", (1, 3, 0), TOO_WEAK),
        Mistake("turns the input's sign", (-3, 3, 0), UPSIDE_DOWN),
        Mistake("lets b pull the state down before the 1", (5, 5, -1), SUNK),
        Mistake("lets b pull against W_hh", (20, 3, -3), PULLS),
        Mistake("forgets", (3, 1, 0), FORGETS),
        Mistake("flips the state at each step", (3, -3, 0), FLIPS),
    ),
    hints=(
        ("how do I begin?", "Begin with b = 0: then the state stays at 0 until the first 1."),
        ("the state fades", "After the 1 only W_hh keeps it up. Find w with tanh(w · 0.95) above 0.95."),
    ),
    source="answer = (3, 3, 0)  # tanh(3) = 0.995, and tanh(3 * 0.995) = 0.995 again: it stays there",
)

# 01-5 ---------------------------------------------------------------------------------------------------------------

COUNT_PARAMETERS = Exercise(
    key="01-5",
    title="count the parameters",
    solution=850,
    mistakes=mistakes(
        850,
        """
        counts a copy for each of the 50 steps :: = 50 * 850
            All steps use the same weights.
        leaves out the weights from state to state :: = 850 - 20 * 20
            W_hh has 20 × 20 numbers.
        counts one bias for the recurrent layer :: = 850 - 20
            Torch's layer has two, b_ih and b_hh.
        leaves out the biases :: = 850 - 20 - 20 - 10
            The recurrent layer has two biases, the linear layer one.
        leaves out the biases of the recurrent layer :: = 850 - 20 - 20
            Torch's recurrent layer has two, b_ih and b_hh, of 20 numbers each.
        leaves out the linear layer :: = 850 - 10 * 20 - 10
        :: = 850 - 10 * 20 - 10 - 20
        :: = 850 - 10 * 20 - 10 - 40
            The linear layer has 20 × 10 weights and 10 biases.
        leaves out the linear layer's bias :: = 850 - 10
            One number for each of the 10 outputs is missing.
        leaves out the input's weights :: = 850 - 20 * 10
            W_ih has 20 × 10 numbers.
        counts one bias for the recurrent layer, and none for the linear one :: = 850 - 20 - 10
            The recurrent layer has two biases of 20 numbers, the linear layer one of 10.
        stands in a list :: = [850]
            A number is asked for, not a list.
        """,
    ),
    hints=(
        ("which parts are there?", "W_ih, W_hh, b_ih and b_hh of the recurrent layer; weights and bias of the other."),
        ("which sizes?", "Weights have a row for each unit they lead to, and a column for each they come from."),
    ),
    source="answer = 20 * 10 + 20 * 20 + 20 + 20 + 10 * 20 + 10  # and no 50",
)

# 01-6 ---------------------------------------------------------------------------------------------------------------

STEPS, CHANGED = 10, 5
KINDS = ("convolution", "recurrent", "bidirectional")
RIGHT_STEPS = {"convolution": [5, 6, 7], "recurrent": [5, 6, 7, 8, 9], "bidirectional": list(range(10))}
KEYS = f"The answer is a dictionary with the keys {', '.join(map(repr, KINDS))}, each with a list of steps."
PAST_CHANGES = "Those steps come before the change, and this network has not read it yet when it gives them."
FORGOT_ITSELF = f"Step {CHANGED} reads x_{CHANGED} itself."
LOOKS_FORWARD = (
    f"This window is x_(t-2), x_(t-1), x_t: the change is in it at t = {CHANGED} and at the two steps after."
)
NO_MEMORY = "The state carries the change on to every later step, however little of it is left."
ONE_WAY = "One of its two directions comes from the end, so that what it says at a step depends on later inputs too."


def _networks() -> dict[str, Callable[[Tensor], Tensor]]:
    """A network of each kind with random weights; each takes T 1 and gives T outputs of 2 or 4 numbers."""
    convolution = nn.Conv1d(1, 2, WINDOW, dtype=torch.float64)
    layers = [RNN(1, 2, bidirectional=both, dtype=torch.float64) for both in (False, True)]
    return {
        "convolution": lambda x: convolution(F.pad(x.T, (WINDOW - 1, 0))).T,
        "recurrent": lambda x: layers[0](x)[0],
        "bidirectional": lambda x: layers[1](x)[0],
    }


def outputs_that_change() -> dict[str, list[int]]:
    """Which outputs of three networks change when x_5 of ten inputs does, found by running them."""
    x = torch.linspace(-1, 1, STEPS, dtype=torch.float64)[:, None]  # T 1
    other = x.clone()
    other[CHANGED] += 1
    with torch.no_grad(), torch.random.fork_rng(devices=[]):  # a check leaves the lesson's random numbers alone
        torch.manual_seed(0)
        changed = {kind: (network(x) != network(other)).any(dim=1) for kind, network in _networks().items()}
    return {kind: steps.nonzero()[:, 0].tolist() for kind, steps in changed.items()}


def _wrong_steps(kind: str, got: set[int], want: set[int]) -> str:
    extra, missing = sorted(got - want), sorted(want - got)
    if kind == "convolution" and (extra or missing) and got <= set(range(STEPS)):
        cause = LOOKS_FORWARD
    elif missing == [CHANGED]:
        cause = FORGOT_ITSELF
    elif extra:
        cause = PAST_CHANGES
    elif kind == "bidirectional" and got == set(range(CHANGED, STEPS)):
        cause = ONE_WAY
    elif missing:
        cause = NO_MEMORY
    said = f" You list {extra}, where nothing changes." if extra else ""
    said += f" You leave out {missing}, where the output changes." if missing else ""
    return f"{kind}:{said} {cause}"


def steps_are_right(answer) -> str | None:
    """None if the answer names the steps whose outputs change, for each kind of network; else a sentence."""
    if not isinstance(answer, dict) or set(answer) != set(KINDS):
        return f"{KEYS} Yours is {answer!r}."
    for kind, want in outputs_that_change().items():
        if not isinstance(answer[kind], Iterable) or not all(isinstance(t, (int, np.integer)) for t in answer[kind]):
            return f"{kind}: a list of steps is asked for, whole numbers, and yours is {answer[kind]!r}."
        got = {int(t) for t in answer[kind]}
        if not got <= set(range(STEPS)):
            return f"{kind}: the steps run from 0 to {STEPS - 1}, and you list {sorted(got - set(range(STEPS)))}."
        if got != set(want):
            return _wrong_steps(kind, got, set(want))
    return None


WHICH_CHANGE = Exercise(
    key="01-6",
    title="which outputs change?",
    solution=RIGHT_STEPS,
    verify=steps_are_right,
    mistakes=(
        Mistake("lets the present change the past", RIGHT_STEPS | {"recurrent": range(10)}, PAST_CHANGES),
        Mistake("forgets the step itself", RIGHT_STEPS | {"recurrent": range(6, 10)}, FORGOT_ITSELF),
        Mistake("shifts or stretches the window", RIGHT_STEPS | {"convolution": [3, 4, 5]}, LOOKS_FORWARD),
        Mistake("ends the memory early", RIGHT_STEPS | {"recurrent": [5, 6, 7]}, NO_MEMORY),
        Mistake("reads in one direction only", RIGHT_STEPS | {"bidirectional": range(5, 10)}, ONE_WAY),
    ),
    hints=(
        ("the convolution", "Write down which inputs y_5 is made of, then y_6, and so on. Where does x_5 occur?"),
        ("the others", "Follow the arrows from x_5 through the states. A second direction has arrows to the left."),
    ),
    source='answer = {"convolution": [5, 6, 7], "recurrent": [5, 6, 7, 8, 9], "bidirectional": list(range(10))}',
)

EXERCISES = (FOOL_A_WINDOW, RNN_STEP, UNROLL, REMEMBER, COUNT_PARAMETERS, WHICH_CHANGE)
