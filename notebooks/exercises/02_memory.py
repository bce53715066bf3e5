"""Exercises of lesson 02, Short-term memory."""

from __future__ import annotations

import inspect
import math

import numpy as np

from crnn_lessons.exercises import Exercise, Mistake, mistakes
from crnn_lessons.exercises.compare import holds_text

# 02-1 ---------------------------------------------------------------------------------------------------------------


def _one_step(D_h, D, seed):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.normal(size=shape).round(2)  # noqa: E731
    W_hh, h_before, x = draw(D_h, D_h), np.tanh(draw(D_h)).round(2), draw(D)
    return draw(D_h), np.tanh(W_hh @ h_before + x.sum()).round(2), h_before, x, W_hh


def backward_step(dh, h, h_before, x, W_hh):
    da = dh * (1 - h**2)
    return np.outer(da, h_before), np.outer(da, x), da, W_hh.T @ da


BACKWARD_STEP = Exercise(
    key="02-1",
    title="one step of backpropagation through time",
    solution=backward_step,
    mistakes=mistakes(
        backward_step,
        """
        leaves out the derivative of the tanh :: dh * (1 - h**2) -> dh
            dh belongs to the state after the tanh. On the way to a it is multiplied by 1 - h**2.
        applies the tanh once more :: h**2 -> np.tanh(h) ** 2
            The derivative is 1 - tanh(a)**2, and h is tanh(a) already: write 1 - h**2.
        forgets the square in 1 - h**2 :: h**2 -> h
            1 - h is the derivative of nothing here; the derivative of tanh is 1 - tanh**2.
        adds the square where it should be taken away :: 1 - h**2 -> 1 + h**2
            The derivative of tanh is 1 minus its square: tanh is steepest at 0, where h is 0.
        hands out dh in place of da :: (da, -> (dh,
        :: da, h_before), np.outer(da, x), da, W_hh.T @ da -> dh, h_before), np.outer(dh, x), dh, W_hh.T @ da
            Weights and bias come in before the tanh, so their shares are made of da = dh * (1 - h**2).
        takes the state before for the input :: np.outer(da, x) -> np.outer(da, h_before)
            W_ih was multiplied by the input: `np.outer(da, x)`.
        adds dh to what goes on :: W_hh.T @ da -> W_hh.T @ da + dh
            The only way from this step to the state before is through a: `W_hh.T @ da`. What the loss adds there, the
            loop adds.
        multiplies by the tanh of the step before as well :: W_hh.T @ da -> W_hh.T @ da * (1 - h_before**2)
            That factor belongs to the next step back, which will multiply by it.
        adds up the bias's share :: da, W_hh -> da.sum(), W_hh
            The bias has a number for each unit, and so has its gradient: da itself.
        returns two parts :: , da, W_hh.T @ da ->
            Four arrays are asked for, in the order dW_hh, dW_ih, db, dh_before.
        takes the derivative of the logistic function :: (1 - h**2) -> h * (1 - h)
            h * (1 - h) belongs to the logistic function. The derivative of tanh is 1 - h**2.
        takes the derivative at the state before :: h**2 -> h_before**2
            The tanh of this step made h, not h_before: the factor is 1 - h**2.
        does not transpose W_hh on the way back :: W_hh.T -> W_hh
            Forwards, row j of W_hh makes unit j. Backwards, unit k collects from all j: column k, so W_hh.T.
        turns the outer products round :: (da, h_before) -> (h_before, da) & (da, x) -> (x, da)
            W[j, k] is multiplied by h_before[k] and added to a[j]: dW[j, k] = da[j] * h_before[k].
        multiplies W_hh's share by the new state :: (da, h_before) -> (da, h)
            W_hh was multiplied by the state before the step: h_before.
        sends dh back through W_hh instead of da :: W_hh.T @ da -> W_hh.T @ dh
            The state before enters before the tanh, so da goes back through W_hh.T, not dh.
        turns the outer product of W_hh round, and not that of W_ih :: (da, h_before) -> (h_before, da)
            dW_hh[j, k] = da[j] * h_before[k], so da comes first: np.outer(da, h_before).
        returns dh for db :: da, W_hh -> dh, W_hh
            The bias is added before the tanh, so its share is da, not dh.
        returns three parts, without dh_before :: , W_hh.T @ da ->
        returns three parts, without db :: da, W_hh -> W_hh
            Four arrays are asked for, in the order dW_hh, dW_ih, db, dh_before, and you return 3.
        returns the parts in the order dW_ih, dW_hh, db, dh_before :: h_before -> x & x -> h_before
        returns the parts in the order dh_before, dW_hh, dW_ih, db :: return -> return W_hh.T @ da, & , W_hh.T @ da ->
        returns the parts in the order dW_hh, dW_ih, dh_before, db :: da, W_hh.T @ da -> W_hh.T @ da, da
            The order is dW_hh, dW_ih, db, dh_before.
        takes the product element by element for dW_hh and dW_ih :: np.outer -> np.multiply
        takes the product element by element for dW_ih :: np.outer(da, x) -> da * x
        takes the product element by element for dW_hh :: np.outer(da, h_before) -> da * h_before
            A product element by element is no matrix: dW[j, k] = da[j] * h_before[k] for every pair j, k is
            `np.outer(da, h_before)`, and likewise with x.
        """,
    ),
    cases=[_one_step(1, 1, 0), _one_step(2, 1, 1), _one_step(2, 2, 2), _one_step(3, 2, 3), _one_step(4, 4, 4)],
    hints=(
        ("where do I begin?", "With `da`: how does a change of a, before the tanh, change h, after it?"),
        ("which way round is the product?", "A gradient has the shape of its weight: `np.outer(da, x)` is D_h x D."),
        ("nearly there", "da = dh * (1 - h**2); two outer products; da itself; W_hh.T @ da."),
    ),
)

# 02-2 ---------------------------------------------------------------------------------------------------------------


def steps_until(norm, limit):
    distance = 0
    while norm**distance >= limit:
        distance += 1
    return distance


STEPS_UNTIL = Exercise(
    key="02-2",
    title="how many steps until the bound is below a limit",
    solution=steps_until,
    mistakes=mistakes(
        steps_until,
        """
        takes the distance at which the bound equals the limit :: >= -> >
            The bound must be below the limit: where norm**distance equals it, one more step is needed.
        is undone by rounding, where the bound equals the limit ::
            = lambda norm, limit: math.floor(math.log(limit) / math.log(norm)) + 1
            The formula is right, but the quotient of two logarithms is rounded: at norm 0.9 and limit 0.81 it is a
            little below 2. Go one step further where norm**distance is not below the limit, or count in a loop.
        counts one step too many :: return distance -> return distance + 1
            The smallest distance is asked for: norm**distance is below the limit one step earlier.
        stops one step early :: return distance -> return distance - 1
            There norm**distance is not below the limit yet.
        gives what is left, not the distance :: return distance -> return norm**distance
            The number of steps is asked for.
        rounds down :: = lambda norm, limit: math.floor(math.log(limit) / math.log(norm))
            At that distance the bound is not below the limit yet; count whole steps upwards.
        rounds to the nearest :: = lambda norm, limit: round(math.log(limit) / math.log(norm))
            Half of the time the nearest whole number is too early; the bound must be below the limit.
        does not round to whole steps :: = lambda norm, limit: math.log(limit) / math.log(norm)
            A distance is a whole number of steps.
        divides the logarithms the wrong way round :: = lambda norm, limit: math.floor(math.log(norm, limit)) + 1
            norm**distance = limit means distance * log(norm) = log(limit). (The same comes out where norm and limit
            are swapped: the function takes norm first.)
        divides the limit by the norm :: = lambda norm, limit: math.ceil(limit / norm)
            Each step is one factor more: `norm**distance`, with two stars, is a power. `norm * distance` is not.
        """,
    ),
    cases=[(0.5, 0.3), (0.5, 0.125), (0.9, 1e-6), (0.99, 1e-6), (0.25, 0.0625), (0.1, 0.5), (0.9, 0.81)],
    hints=(
        ("no formula comes to mind", "A loop does it: raise the distance while norm**distance is not below."),
        ("the formula is one off", "Compare at norm 0.5 and limit 0.125: 0.5**3 equals the limit, so 4 it is."),
    ),
)

# 02-3 ---------------------------------------------------------------------------------------------------------------


def clip(gradients, limit):
    norm = math.sqrt(sum((g**2).sum() for g in gradients))
    factor = min(1.0, limit / max(norm, 1e-12))  # a zero gradient has norm 0
    return [g * factor for g in gradients]


CLIP = Exercise(
    key="02-3",
    title="clip by norm",
    solution=clip,
    mistakes=mistakes(
        clip,
        """
        clips each array by itself :: = lambda gradients, limit: [clip([g], limit)[0] for g in gradients]
            That bends the direction: large arrays shrink, small ones do not. Take one norm over all of them.
        clips by value :: = lambda gradients, limit: [np.clip(g, -limit, limit) for g in gradients]
            That bends the direction: large numbers are cut, small ones stay. Multiply all by one factor.
        stretches short gradients too :: min(1.0, limit / max(norm, 1e-12)) -> limit / norm
            A gradient within the limit stays as it is: the factor is at most 1.
        fails on a zero gradient :: limit / max(norm, 1e-12) -> limit / norm
        :: [g * factor for g in gradients] -> [g * (min(norm, limit) / np.float64(norm)) for g in gradients]
            A gradient of zeros has the norm 0. It is within the limit: leave it, and divide by nothing.
        turns the fraction round :: limit / max(norm, 1e-12) -> norm / limit
            A gradient of the length 5 and a limit of 1 make the factor 1 / 5: limit / norm.
        multiplies by the limit :: limit / max(norm, 1e-12) -> limit
        :: min(1.0, limit / max(norm, 1e-12)) -> limit if norm > limit else 1.0
        :: min(1.0, limit / max(norm, 1e-12)) -> min(norm, limit)
            That shortens to limit * norm. The factor which shortens to the limit is limit / norm.
        stretches everything to the length 1 :: min(1.0, limit / max(norm, 1e-12)) -> 1 / norm
            A gradient within the limit stays as it is, and a longer one gets the length of the limit.
        adds up sizes, not squares :: math.sqrt( -> ( & (g**2) -> np.abs(g)
        takes the largest number for the norm :: math.sqrt(sum( -> (max( & (g**2).sum() -> np.abs(g).max()
        takes the mean of the squares :: (g**2).sum() -> (g**2).mean()
            The norm is the length of one long vector: the root of the sum of all squares, 5 for 3 and 4.
        gives one long array ::
            [g * factor for g in gradients] -> np.concatenate([g.ravel() for g in gradients]) * factor
            A list of arrays is asked for, each of the shape that it had.
        divides by the square of the norm :: math.sqrt( -> (
            The norm is the square root of the sum of squares.
        shrinks to length 1 whatever the limit :: min(1.0, limit / max(norm, 1e-12)) -> 1 / norm if norm > limit else 1
            g / norm has length 1; it should have the length of the limit.
        adds up the norms of the arrays :: math.sqrt( -> ( & (g**2).sum() -> np.linalg.norm(g)
            The norm of all is the root of the sum of all squares: 3 and 4 give 5, not 7.
        takes the larger of 1 and limit / norm :: min -> max
            That stretches short gradients and leaves long ones: the factor is at most 1, so min, not max.
        takes the largest norm of a single array :: math.sqrt(sum( -> (max( & (g**2).sum() -> np.linalg.norm(g)
            All arrays together are one long vector, longer than each of them: 3 and 4 give 5, not 4.
        """,
    ),
    cases=[
        ([np.array([3.0, 4.0])], 1.0),
        ([np.array([0.3, 0.4])], 1.0),
        ([np.array([3.0, 0.0]), np.array([[0.0, 4.0]])], 2.5),
        ([np.array([30.0]), np.array([[0.1, -0.2], [0.3, 0.0]])], 5.0),
        ([np.array([0.5, 0.5]), np.array([0.5, 0.5])], 2.0),
    ],
    large=[([np.zeros(2), np.zeros((1, 2))], 1.0)],  # last, so that what is wrong elsewhere is named first
    tolerance=1e-5,  # torch adds 1e-6 to the norm, so that it never divides by zero; whoever does that is right
    hints=(
        ("which norm?", "The length of one long vector: square every number of every array, add, take the root."),
        ("short gradients change", "The factor is never above 1: min(1.0, ...)."),
        ("nearly there", "factor = min(1.0, limit / norm), and every array times this one factor."),
    ),
)

# 02-4 ---------------------------------------------------------------------------------------------------------------

PAIR = "The answer is a pair (b_i, b_f) of two numbers."
SHUT = "The input gate does not open at step 0: 20 + b_i must be well above 0."
NOISE = "The input gate is not shut afterwards, and noise gets in: b_i itself must be far below 0."
BOTH = "Each of the two alone would do: move both biases further from 0."
FADES = "The forget gate is not open enough: what is left after 100 steps is f to the power 100."


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def holds(answer):
    """None if the cell holds its value for 100 steps whatever the noise, else a sentence."""
    if np.shape(answer) != (2,) or holds_text(answer):
        return PAIR
    b_i, b_f = (float(b) for b in answer)
    if not (math.isfinite(b_i) and math.isfinite(b_f) and max(abs(b_i), abs(b_f)) <= 500):
        return f"{PAIR} Yours are {b_i:g} and {b_f:g}; stay between -500 and 500."
    begin, leak, f = sigmoid(20 + b_i), sigmoid(b_i), sigmoid(b_f)
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
    if max(lost.values()) <= 0.02:
        parts = f"the start costs {lost[SHUT]:.3f}, fading {lost[FADES]:.3f}, noise {lost[NOISE]:.3f}"
        return f"{said} Together it is too much: {parts}. {BOTH}"
    return f"{said} {max(lost, key=lost.get)}"


HOLD = Exercise(
    key="02-4",
    title="hold a value for 100 steps",
    solution=(-12, 12),
    verify=holds,
    mistakes=(
        Mistake("is not a pair", 12, PAIR),
        Mistake("keeps the input gate shut at step 0", (-30, 12), SHUT),
        Mistake("lets the noise in", (0, 12), NOISE),
        Mistake("forgets", (-12, 1), FADES),
        Mistake("loses a little to fading and a little to noise", (-9, 9), BOTH),
    ),
    hints=(
        ("what must each gate do?", "i: near 1 at step 0, near 0 after. f: near 1, so near that f**100 is too."),
        ("how near is near?", "0.9999**100 is 0.99. σ(9) is about 0.9999."),
        ("b_i pulls both ways", "20 + b_i must be large, and b_i itself very negative: the middle is -10."),
    ),
    source="answer = (-12, 12)  # i_0 = σ(8), later σ(-12); f = σ(12), and f**100 = 0.9994",
)

# 02-5 ---------------------------------------------------------------------------------------------------------------


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


def lstm_step(x, h, c, W_ih, W_hh, b):
    i, f, g, o = np.split(W_ih @ x + W_hh @ h + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


LSTM_STEP = Exercise(
    key="02-5",
    title="the step of an LSTM",
    solution=lstm_step,
    part="the LSTM step",
    mistakes=mistakes(
        lstm_step,
        """
        takes the gates in the order i, f, o, g :: i, f, g, o -> i, f, o, g
        takes the gates in the order i, g, f, o :: i, f, g, o -> i, g, f, o
        takes the gates in the order f, i, g, o :: i, f, g, o -> f, i, g, o
        takes the gates in the order i, o, f, g :: i, f, g, o -> i, o, f, g
        takes the gates in the order f, i, o, g :: i, f, g, o -> f, i, o, g
        takes the gates in the order g, i, f, o :: i, f, g, o -> g, i, f, o
        takes the gates in the order o, g, i, f :: i, f, g, o -> o, g, i, f
            Torch's order is i, f, g, o. (Or have two gates changed places further down, in c = f * c + i * g?)
        leaves out the tanh at the output :: np.tanh(c) -> c
            h = o * tanh(c). Without the tanh it is another form, which some lectures use: see appendix A.
        squeezes the candidate with the logistic function :: np.tanh(g) -> sigmoid(g)
            g is no gate: it may be negative. Its function is tanh.
        returns c before h :: sigmoid(o) * np.tanh(c), c -> c, sigmoid(o) * np.tanh(c)
            The output h comes first, then the memory c, as in torch.
        takes every fourth number for a gate ::
            np.split(W_ih @ x + W_hh @ h + b, 4) -> (W_ih @ x + W_hh @ h + b).reshape(-1, 4).T
            The parts stand one after the other, D_h numbers each: `np.split(a, 4)`.
        keeps the old memory where the gate says forget :: sigmoid(f) * c -> (1 - sigmoid(f)) * c
            The forget gate says how much is *kept*: c = f * c + i * g.
        drops the old memory :: sigmoid(f) * c + ->
            The memory is added to, not written anew: c = f * c + i * g.
        takes the candidate away :: + sigmoid(i) -> - sigmoid(i)
            c = f * c + i * g: the candidate has a sign of its own.
        makes the output from the state before :: np.tanh(c), c -> np.tanh(h), c
            h = o * tanh(c): the output shows the new memory.
        hands on the memory after its tanh :: np.tanh(c), c -> np.tanh(c), np.tanh(c)
            The tanh is for the output alone. The memory goes on as it is, and so does its gradient.
        squeezes the memory with the logistic function :: np.tanh(c) -> sigmoid(c)
            h = o * tanh(c).
        takes the tanh of the product :: sigmoid(o) * np.tanh(c) -> np.tanh(sigmoid(o) * c)
            First tanh, then the gate: h = o * tanh(c).
        multiplies W_hh by the memory :: W_hh @ h -> W_hh @ c
            The gates see the state h, not the memory c.
        returns the memory alone :: sigmoid(o) * np.tanh(c), c -> c
            The output is asked for as well: return h, c.
        shows the memory of the step before :: c = sigmoid(f) -> new = sigmoid(f) & (c), c -> (c), new
            The output is made from the new memory: first c, then h.
        writes the candidate without the input gate :: sigmoid(i) * ->
            What is added is i * g, not g alone.
        writes with 1 - f instead of i :: sigmoid(i) -> (1 - sigmoid(f))
            That ties two gates together, as the GRU does. In the LSTM the input gate is a gate of its own.
        never forgets, whatever f says :: sigmoid(f) * c -> c
            The old memory is multiplied by the forget gate: c = f * c + i * g.
        returns the output alone :: np.tanh(c), c -> np.tanh(c)
            The next step needs the memory, too: return h, c.
        has exp(a) where exp(-a) belongs ::
            sigmoid(f) -> sigmoid(-f) & sigmoid(i) -> sigmoid(-i) & sigmoid(o) -> sigmoid(-o)
            The logistic function rises with a: 1 / (1 + exp(-a)). With exp(a) it falls, and open gates are shut.
        asks NumPy for a sigmoid :: sigmoid( -> np.sigmoid(
            NumPy has no sigmoid. Write it yourself: 1 / (1 + np.exp(-a)).
        leaves out the logistic function of the gates :: sigmoid( -> (
            A gate lies between 0 and 1: i, f and o are the logistic function of their parts.
        leaves out the tanh of the candidate :: np.tanh(g) -> g
            g = tanh of its part of the sum, so that it lies between −1 and 1.
        leaves out the output gate :: sigmoid(o) * ->
            h = o * tanh(c): the output gate decides how much is shown.
        leaves out the bias :: + b, -> ,
            Three terms make the sum: W_ih @ x + W_hh @ h + b.
        leaves out the state before :: + W_hh @ h ->
            The gates see the state too: W_ih @ x + W_hh @ h + b.
        """,
    ),
    cases=[_cell_case(4, 1, 1, 0), _cell_case(4, 2, 3, 1), _cell_case(4, 3, 2, 2), _cell_case(4, 4, 4, 3)],
    show_case=_show_cell("lstm_step", ("x", "h", "c", "W_ih", "W_hh", "b")),
    tolerance=1e-5,  # float32 is right too
    hints=(
        ("four gates?", "`i, f, g, o = np.split(W_ih @ x + W_hh @ h + b, 4)`, then σ or tanh of each."),
        ("NumPy has no sigmoid", "1 / (1 + np.exp(-a))"),
        ("nearly there", "c = f * c + i * g; then h = o * np.tanh(c); return h, c."),
    ),
    source=inspect.getsource(sigmoid) + "\n\n" + inspect.getsource(lstm_step),
)

# 02-6 ---------------------------------------------------------------------------------------------------------------


def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    x_r, x_z, x_n = np.split(W_ih @ x + b_ih, 3)
    h_r, h_z, h_n = np.split(W_hh @ h + b_hh, 3)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    return (1 - z) * np.tanh(x_n + r * h_n) + z * h


GRU_STEP = Exercise(
    key="02-6",
    title="the step of a GRU",
    solution=gru_step,
    mistakes=mistakes(
        gru_step,
        """
        turns z round :: (1 - z) * -> z * & z * h -> (1 - z) * h
            Here z = 1 keeps the old state: (1 - z) * n + z * h.
        leaves out the old state :: + z * h ->
            Where z is near 1, the old state is kept: (1 - z) * n + z * h.
        adds the whole proposal :: (1 - z) * ->
            What z keeps of the old state, the proposal does not get: (1 - z) * n + z * h.
        gives the proposal alone :: (1 - z) * -> & + z * h ->
            The new state lies between the proposal and the old state: (1 - z) * n + z * h.
        has z where r belongs, in the proposal :: r * h_n -> z * h_n
            z mixes old and new at the end. What the proposal sees of the old state is for r to say.
        turns r round :: r * h_n -> (1 - r) * h_n
            r = 1 lets all of the state into the proposal.
        multiplies the state itself by r, without W_hn :: r * h_n -> r * h
            The state goes through its matrix first: r * (W_hn @ h + b_hn).
        leaves out the tanh of the proposal :: np.tanh(x_n + r * h_n) -> (x_n + r * h_n)
            n = tanh of the sum.
        takes the tanh of the new state :: return -> return np.tanh( & + z * h -> + z * h)
            The tanh is in the proposal. The mixture of two numbers between −1 and 1 needs none.
        returns the proposal, too :: + z * h -> + z * h, np.tanh(x_n + r * h_n)
            The new h alone is asked for.
        uses z for both :: (1 - z) -> z
            What z keeps of the old state, the proposal does not get: (1 - z) * n + z * h.
        applies the reset gate before the product :: r * h_n -> np.split(W_hh @ (r * h) + b_hh, 3)[2]
            That is the first paper's form, W_hn @ (r * h). In torch's, r multiplies W_hn @ h + b_hn.
        leaves the bias b_hn outside the reset gate :: r * h_n -> r * h_n + (1 - r) * np.split(b_hh, 3)[2]
            r multiplies all that the state gives, its bias included: r * (W_hn @ h + b_hn).
        has no reset gate in the proposal :: r * h_n -> h_n
            n = tanh(what the input gives + r * what the state gives).
        takes the gates in the order z, r, n :: r, z = -> z, r =
        takes the gates in the order n, r, z :: x_r, x_z, x_n -> x_n, x_r, x_z & h_r, h_z, h_n -> h_n, h_r, h_z
        takes the gates in the order r, n, z :: x_r, x_z, x_n -> x_r, x_n, x_z & h_r, h_z, h_n -> h_r, h_n, h_z
            Torch's order is r, z, n.
        squeezes the proposal with the logistic function :: np.tanh -> sigmoid
            n is no gate: it may be negative. Its function is tanh.
        applies the reset gate to the whole sum :: x_n + r * h_n -> r * (x_n + h_n)
            r multiplies what the state gives, and not what the input gives: x_n + r * h_n.
        leaves out the logistic function of the gates :: sigmoid( -> (
            A gate lies between 0 and 1: r and z are the logistic function of their sums.
        asks NumPy for a sigmoid :: sigmoid( -> np.sigmoid(
            NumPy has no sigmoid. Write it yourself: 1 / (1 + np.exp(-a)).
        cuts into four parts, as for an LSTM :: b_ih, 3) -> b_ih, 4) & b_hh, 3) -> b_hh, 4)
            A GRU has three parts: r, z and n.
        leaves out b_ih :: + b_ih ->
            There are two biases: b_ih goes with W_ih @ x.
        leaves out b_hh :: + b_hh ->
            There are two biases: b_hh goes with W_hh @ h.
        """,
    ),
    cases=[_cell_case(3, 1, 1, 0), _cell_case(3, 2, 3, 1), _cell_case(3, 3, 2, 2), _cell_case(3, 4, 4, 3)],
    array=True,
    show_case=_show_cell("gru_step", ("x", "h", "W_ih", "W_hh", "b_ih", "b_hh")),
    tolerance=1e-5,  # float32 is right too
    hints=(
        ("why two biases?", "b_hh has a part for n that the reset gate multiplies; so keep input and state apart."),
        (
            "how do I cut them?",
            "x_r, x_z, x_n from W_ih @ x + b_ih and h_r, h_z, h_n from W_hh @ h + b_hh, by np.split(..., 3).",
        ),
        ("nearly there", "n = np.tanh(x_n + r * h_n), and (1 - z) * n + z * h."),
    ),
    source=inspect.getsource(sigmoid) + "\n\n" + inspect.getsource(gru_step),
)

EXERCISES = (BACKWARD_STEP, STEPS_UNTIL, CLIP, HOLD, LSTM_STEP, GRU_STEP)
