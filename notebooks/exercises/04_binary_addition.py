"""Exercises of lesson 04, Binary addition."""

from __future__ import annotations

from collections import deque
from itertools import product

import numpy as np

from crnn_lessons.exercises import Exercise, Mistake, mistakes
from crnn_lessons.exercises.compare import holds_text
from crnn_lessons.tasks import sums_of

# 04-1 ---------------------------------------------------------------------------------------------------------------


def add_place(a, b, carry):
    total = a + b + carry
    return total % 2, total // 2


ADD_PLACE = Exercise(
    key="04-1",
    title="add one place",
    solution=add_place,
    mistakes=mistakes(
        add_place,
        """
        leaves the carry that comes in out of the bit :: total % 2 -> (a + b) % 2
            Three bits are added at each place: a, b and the carry.
        hands on only the carry that arises here :: total // 2 -> a * b
            With 1 + 0 and a carry of 1 the total is 2: a carry that comes in may go on.
        forgets the carry that comes in :: + carry ->
            This is right for the first place only. Add the carry to a and b.
        gives the carry first :: total % 2, total // 2 -> total // 2, total % 2
            The bit of the sum comes first, then the carry for the next place.
        hands on a carry where a or b is 1 :: total // 2 -> a | b
            1 + 0 without a carry is 1, which fits the place. Two of the three bits must be 1.
        hands on every carry that comes in :: total // 2 -> max(a * b, carry)
            0 + 0 with a carry of 1 is 1, which fits the place: the carry ends there.
        hands on the carry that came in :: total // 2 -> carry
            The carry for the next place is made here: it is 1 where the total is 2 or more.
        gives the whole total for the bit :: total % 2 -> total & total // 2 -> total // 10
        :: total % 2 -> total
        :: total % 2, total // 2 -> total, 0
            A binary place holds 0 or 1: a total of 2 is written 10, the bit 0 and the carry 1.
        gives the bit 1 for totals of 1 alone :: total % 2 -> int(total == 1)
        gives the bit 1 for every total above 0 :: total % 2 -> int(total > 0)
            The bit is 0, 1, 0, 1 for totals of 0, 1, 2, 3.
        halves with / :: total // 2 -> total / 2
            The carry is a bit, a whole number: `//` rounds down.
        gives the bit alone :: total % 2, total // 2 -> total % 2
            Two numbers are asked for: `return bit, carry`.
        gives text :: total % 2, total // 2 -> f"{total:02b}"
        :: total % 2, total // 2 -> str(total % 2), str(total // 2)
            Two numbers are asked for, not their digits.
        hands on a carry only if all three bits are 1 :: total // 2 -> a * b * carry
            A total of 2 is written 10 in binary: bit 0, carry 1.
        hands on a carry as soon as one bit is 1 :: total // 2 -> int(total > 0)
            A total of 1 fits the place: bit 1, carry 0.
        """,
    ),
    cases=list(product((0, 1), repeat=3)),
    hints=(
        ("I do not know where to begin", "Add the three bits up. Which totals are there?"),
        ("from the total to two bits", "2 is 10 in binary, and 3 is 11: `total % 2` and `total // 2`."),
    ),
)

# 04-2 ---------------------------------------------------------------------------------------------------------------


def to_bits(number, T):
    bits = []
    for _ in range(T):
        bits.append(number % 2)
        number //= 2
    return bits


TO_BITS = Exercise(
    key="04-2",
    title="a number as bits, least significant first",
    solution=to_bits,
    mistakes=mistakes(
        to_bits,
        """
        writes the most significant bit first :: return bits -> return bits[::-1]
            Read your list as powers of two: the first entry is worth 1, the next 2, then 4. `[::-1]` turns a list
            around.
        pads on the wrong side :: = lambda number, T: [int(bit) for bit in f"{number:b}"[::-1].rjust(T, "0")]
            Zeros in front are worth nothing on paper. Here the first entry is worth 1, so the zeros that fill up belong
            at the end; in front they multiply the number by a power of two.
        does not pad :: = lambda number, T: [int(bit) for bit in f"{number:b}"[::-1]]
        :: for _ in range(T) -> while number
            The list must have T entries, with zeros at the end: else the carry has no place to go.
        writes the most significant bit first, and does not pad ::
            = lambda number, T: [int(bit) for bit in f"{number:b}"]
            `bin` and `f"{number:b}"` write numbers as on paper. The least significant bit comes first here, and zeros
            fill the list up to T entries, at its end.
        makes one entry too many :: range(T) -> range(T + 1)
            T entries are asked for.
        gives what each bit is worth :: = lambda number, T: [number & 2**t for t in range(T)]
            Each entry is 0 or 1, whatever it is worth: `number >> t & 1`.
        gives what is left, not its lowest bit :: number % 2 -> number
            The lowest bit of what is left is `number % 2`.
        drops the lowest bit ::
            bits.append(number % 2) -> number //= 2 & number //= 2 -> bits.append(number % 2)
            Take the lowest bit first, and halve after: the first entry is worth 1.
        keeps the 0b in front :: = lambda number, T: [int(s, 16) for s in bin(number)]
        :: = lambda number, T: list(bin(number))
        :: = lambda number, T: list(bin(number))[::-1]
            `bin` writes 0b in front of the digits: take them from place 2 on, `bin(number)[2:]`.
        returns within the loop :: number //= 2 -> return bits
            The `return` stands inside the loop, which ends at the first bit. Move it to the left, under `for`.
        takes digits of ten :: number % 2 -> number % 10 & number //= 2 -> number //= 10
            Bits are digits of two: `% 2` and `// 2`.
        leaves no place for the last bit :: range(T) -> range(T - 1)
            T entries are asked for, and there is one fewer.
        makes a list as long as the number :: range(T) -> range(number)
            The list has T entries, one for each bit, however large the number is: `range(T)`.
        takes T for the number and the number for T :: number -> T & T -> number
            The number comes first: `to_bits(number, T)`.
        halves with / and keeps the fractions :: //= -> /=
        halves with /, which makes floats :: number % 2 -> int(number % 2) & //= -> /=
        :: = lambda number, T: [int(number / 2**t) % 2 for t in range(T)]
            `/` makes a float, which has fractions and holds 53 bits. `//` leaves whole numbers of any size.
        works with NumPy's integers :: = lambda number, T: number >> np.arange(T) & 1
            They hold 64 bits. Python's own integers are of any size: take them one at a time, without an array.
        gives a text :: = lambda number, T: f"{number:0{T}b}"[::-1]
        :: = lambda number, T: bin(number)[2:]
        :: = lambda number, T: list(f"{number:0{T}b}"[::-1])
        :: = lambda number, T: list(bin(number)[2:])
            A list of whole numbers is asked for, such as [0, 1, 1]; `int` turns each digit into a number.
        """,
    ),
    cases=[(6, 5), (13, 5), (0, 3), (1, 1), (1, 4), (8, 4), (19, 5)],
    large=[(2**70 + 3, 73)],  # apart, since a list as long as this number never ends
    hints=(
        ("where do I get the lowest bit?", "`number % 2` is the lowest bit, and `number // 2` is what is left."),
        ("how many times?", "T times, whatever is left. Once nothing is left, zeros come out by themselves."),
    ),
)

# 04-3 ---------------------------------------------------------------------------------------------------------------


def chain_probability(bits, n):
    # chance[i]: no chain of n so far, and the carry in hand has come i - 1 places (i = 0: there is none)
    chance = [1.0] + [0.0] * n
    for _ in range(bits):
        total = sum(chance)
        chance = [
            0.25 * total + 0.5 * chance[0],  # 0 + 0 ends any carry; without one, nothing is handed on
            0.25 * total,  # 1 + 1 begins a chain
            *(0.5 * c for c in chance[1:n]),  # 0 + 1 and 1 + 0 hand it on
        ]
    return 1.0 - sum(chance)


def _hits(bits, n, born=0.25, ended=0.25, handed=0.5):
    """The same from the other end: what reaches n is added up."""
    chance, hit = [1.0] + [0.0] * n, 0.0
    for _ in range(bits):
        total, hit = sum(chance), hit + handed * chance[n]
        chance = [ended * total + handed * chance[0], born * total, *(handed * c for c in chance[1:n])]
    return hit


CHAIN_PROBABILITY = Exercise(
    key="04-3",
    title="how likely is a long carry chain?",
    solution=chain_probability,
    mistakes=mistakes(
        chain_probability,
        """
        counts runs of differing bits without a carry in front ::
            0.25 * total + 0.5 * chance[0], -> 0.5 * total, & 0.25 * total, -> & chance[1:n] -> chance[: n - 1]
            Places whose bits differ hand on what they get. A chain begins with 1 + 1.
        adds up the probabilities of all places :: = lambda bits, n: max(bits - n, 0) * 0.25 * 0.5**n
            A sum may hold several chains, and is then counted several times. The two nearly agree where chains are
            rare, but not where they are common.
        takes the chains at different places for independent ::
            = lambda bits, n: 1.0 - (1.0 - 0.25 * 0.5**n) ** max(bits - n, 0)
            A chain of n places that begins here rules out that another begins within it.
        lets a chain begin at one place too many :: = lambda bits, n: max(bits - n + 1, 0) * 0.25 * 0.5**n
        :: = lambda bits, n: 1.0 - (1.0 - 0.25 * 0.5**n) ** max(bits - n + 1, 0)
            A chain takes n + 1 places, so it may begin at bits - n of them. (And chains at different places are neither
            exclusive nor independent: go from place to place and keep a list.)
        gives the chance of one chain at one place :: = lambda bits, n: 0.25 * 0.5**n
            A chain may begin at any place that leaves room for it.
        counts 0 + 0 among the places that hand the carry on ::
            0.25 * total + 0.5 * chance[0] -> 0.75 * chance[0] & 0.5 * c for -> 0.75 * c for
            0 + 0 has room for the carry, which ends there. Only 0 + 1 and 1 + 0 hand it on.
        begins a carry at half of the places :: 0.25 * total, -> 0.5 * total,
        :: = lambda bits, n: _hits(bits, n, born=0.5)
            A carry begins with 1 + 1, one pair in four.
        lets 0 + 0 vanish from the list :: 0.25 * total + 0.5 * chance[0] -> 0.5 * chance[0]
        :: = lambda bits, n: _hits(bits, n, ended=0.0)
            Where 0 + 0 ends a carry, there is none afterwards: its probability goes to the first entry.
        asks for the end of the chain as well :: = lambda bits, n: max(bits - n, 0) * 0.25 * 0.5**n * 0.5
            n places or more: what comes after them does not matter.
        gives percent :: 1.0 - sum(chance) -> 100 * (1.0 - sum(chance))
            A probability lies between 0 and 1.
        looks at the first place only :: = lambda bits, n: 0.25 * 0.5**n if n < bits else 0.0
            A chain may begin at any place that leaves room for it.
        lets only one kind of differing bits hand the carry on ::
            0.25 * total + 0.5 * chance[0] -> 0.5 * total + 0.25 * chance[0] & 0.5 * c for -> 0.25 * c for
        :: = lambda bits, n: _hits(bits, n, handed=0.25)
            0 + 1 and 1 + 0 both hand it on: half of all places do.
        counts the place where the carry arises as handed on ::
            = lambda bits, n: chain_probability(bits, n - 1) if n > 1 else 1 - 0.75**bits
        :: = lambda bits, n: chain_probability(bits, max(n - 1, 1))
            The chain 1 + 1, then n places that differ, takes n + 1 places.
        asks for n + 1 places that hand the carry on :: = lambda bits, n: chain_probability(bits, n + 1)
            After 1 + 1 a chain of n places has n places that differ, and n + 1 places in all.
        adds a place :: range(bits) -> range(bits + 1)
            There is no free place here: the numbers have `bits` places, each one of the four pairs.
        takes n for bits and bits for n :: n -> bits & bits -> n
            The number of places comes first: `chain_probability(bits, n)`.
        gives the probability that there is no such chain :: 1.0 - sum(chance) -> sum(chance)
            What was left out of the list is asked for, 1 minus its sum, not what stayed in it.
        asks for a chain of exactly n places ::
            = lambda bits, n: chain_probability(bits, n) - chain_probability(bits, n + 1)
            At least n places are asked for, so a chain that goes further counts too.
        """,
    ),
    cases=[(2, 1), (3, 1), (3, 2), (4, 1), (6, 2), (8, 4), (5, 5)],
    large=[(20, 10), (100, 10), (100, 30)],
    hints=(
        (
            "what happens at one place?",
            "With probability 1/4 each a carry begins (1 + 1) or ends (0 + 0); with 1/2 it is handed on, if there "
            "is one.",
        ),
        (
            "how do I keep count?",
            "Go from place to place and keep a list: the probability that there is no carry, that one has just "
            "begun, that it was handed on once, twice, ... up to n − 1 times.",
        ),
        (
            "what happens to those that reach n?",
            "Leave them out of the list. At the end, what is missing from the list is the answer: 1 − its sum.",
        ),
    ),
)

# 04-4 ---------------------------------------------------------------------------------------------------------------

PAIRS = "The answer is two pairs of whole numbers, ((a, b), (c, d)), none of them negative."
NO_CONFLICT = (
    "Up to where the inputs part, the answers are the same, so a network that goes forward can get both right. "
    "An earlier bit of the sum must differ: let a carry come up from below in one of them only."
)
SHORTER = (
    "This proves it; shorter numbers do too. How few places does a carry need: one to arise in, and one to arrive in?"
)
THE_SAME = "The two pairs have the same inputs at every step, so they are one case and not two."


def msb_counterexample_error(answer):
    """None if two pairs of numbers of one bit prove that no causal network adds from the most significant bit on."""
    try:
        (a, b), (c, d) = answer
        if holds_text([a, b, c, d]):
            return PAIRS
        numbers = [int(n) for n in (a, b, c, d)]
        whole = [float(n) == m for n, m in zip((a, b, c, d), numbers, strict=True)]
    except (TypeError, ValueError):
        return PAIRS
    if min(numbers) < 0 or not all(whole):
        return PAIRS
    T = max(number.bit_length() for number in (*numbers, 1)) + 1
    inputs, _, targets = sums_of([(numbers[0], numbers[1]), (numbers[2], numbers[3])], False, T)
    differ = (inputs[0] != inputs[1]).any(dim=-1)  # T
    if not differ.any():
        return THE_SAME
    part = int(differ.int().argmax())
    written = f"Written with {T} bits, the inputs part at step {part}."
    if (targets[0, :part] == targets[1, :part]).all():
        return f"{written} {NO_CONFLICT}"
    if T > 2:
        return f"{written} {SHORTER}"
    return None


NO_FORWARD_READER = Exercise(
    key="04-4",
    title="two inputs that no forward reader gets both right",
    solution=((0, 1), (1, 1)),
    verify=msb_counterexample_error,
    mistakes=(
        Mistake("is not two pairs of numbers", (0, 1, 1, 1), PAIRS),
        Mistake("gives the same pair twice", ((1, 1), (1, 1)), THE_SAME),
        Mistake("asks for the same answers as long as the inputs agree", ((0, 0), (0, 1)), NO_CONFLICT),
        Mistake("is longer than it need be", ((1, 2), (2, 2)), SHORTER),
    ),
    hints=(
        ("what makes two inputs begin alike?", "Their leading bits are equal: they differ in the last place only."),
        ("what makes the answers differ early?", "A carry out of the last place, in one of the two."),
        ("numbers", "One bit each: a sum with a carry, 1 + 1, and one without."),
    ),
    source="answer = ((0, 1), (1, 1))  # both begin with 0 0; the sums are 01 and 10",
)

# 04-6 ---------------------------------------------------------------------------------------------------------------

ORDINALS = ("first", "second", "third")
SHAPES = {"W_ih": (3, 2), "W_hh": (3, 3), "b": (3,), "w_out": (3,), "b_out": ()}
HAND = "The answer is a tuple (W_ih, W_hh, b, w_out, b_out): 3 x 2, 3 x 3, 3 and 3 numbers, and one number."
EDGE = (
    "is exactly 0, on the edge of the step function. Put the threshold between two whole numbers, at a half, so that "
    "no total falls on it."
)
FORGETFUL = "W_hh is all zeros, so nothing is handed from a place to the next. Which unit is the carry?"
FIRST_PLACE = (
    "Nothing has been handed on yet, so the fault is in W_ih, b, w_out or b_out. Write down h for a total of 0, 1, 2 "
    "and 3: the output must be 0, 1, 0, 1. (Or your carry unit is 1 where there is no carry: the start h = 0 must say "
    "that there is no carry yet.)"
)
THREE = (
    "A total of 3 comes up here, which it cannot at the first place, and smaller totals come out right. So look at "
    "what the output makes of h for a total of 3 before you doubt W_hh: at the third unit, its threshold, and w_out."
)
LATER = (
    "The first place is right for all inputs, so the fault is in what W_hh hands on: the carry is 1 where the total "
    "was 2 or more. In the design of the hints it counts as much as an input bit, in all three units."
)


def hand_set_error(answer):
    """None if a network of three step units adds all numbers of any length, else a sentence.

    Args:
        answer: W_ih 3 x 2, W_hh 3 x 3, b 3, w_out 3, b_out one number, for h = step(W_ih x + W_hh h + b) from h = 0
            and y = step(w_out h + b_out), where step is 1 above 0 and 0 below.

    The states are vectors of three bits, so all that can come up is tried: every state that is reached, with each
    carry that goes with it, and each input.
    """
    try:
        if any(holds_text(part) for part in answer):
            return f"{HAND} Yours holds text: write 1 without quotes."
        parts = [np.asarray(part, dtype=float) for part in answer]
    except (TypeError, ValueError):
        return HAND
    if len(parts) != len(SHAPES):
        return f"{HAND} Yours has {len(parts)} parts."
    for (name, shape), i in zip(SHAPES.items(), range(len(parts)), strict=True):
        if parts[i].size == 1 and shape == ():
            parts[i] = parts[i].reshape(())
        if parts[i].shape != shape:
            return f"{HAND} Your {name} has the shape {parts[i].shape}, and {shape} is asked for."
    W_ih, W_hh, b, w_out, b_out = parts
    first = ((0, 0, 0), 0)  # state, and the carry that the true sum has there
    seen, waiting = {first}, deque([(first, [])])
    while waiting:
        (h, carry), before = waiting.popleft()
        for x in product((0, 1), repeat=2):
            word = [*before, x]
            first_number, second_number = (sum(place[i] << t for t, place in enumerate(word)) for i in (0, 1))
            where = f"At place {len(before)} of {first_number} + {second_number}"
            z = W_ih @ x + W_hh @ h + b
            new = tuple(int(value) for value in z > 0)
            z_out = float(w_out @ new + b_out)
            for name, value in (
                *((f"the sum in the {unit} unit", v) for unit, v in zip(ORDINALS, z, strict=True)),
                ("the output's sum", z_out),
            ):
                if abs(value) < 1e-9:
                    return f"{where}, {name} {EDGE}"
            bit, carry_out = (sum(x) + carry) % 2, (sum(x) + carry) // 2
            if int(z_out > 0) != bit:
                said = (
                    f"{where} the bits are {x[0]} and {x[1]}, and the carry is {carry}: "
                    f"the output must be {bit}, and is {1 - bit}."
                )
                if not W_hh.any():
                    return f"{said} {FORGETFUL}"
                later = THREE if sum(x) + carry == 3 else LATER
                return f"{said} {later if before else FIRST_PLACE}"
            if (new, carry_out) not in seen:
                seen.add((new, carry_out))
                waiting.append(((new, carry_out), word))
    return None


_W_IH = [[1, 1], [1, 1], [1, 1]]
_CARRY_IS_2 = [[0, 1, 0], [0, 1, 0], [0, 1, 0]]
_HALVES = [-0.5, -1.5, -2.5]

ADDER_BY_HAND = Exercise(
    key="04-6",
    title="set the weights of an adder by hand",
    solution=(_W_IH, _CARRY_IS_2, _HALVES, [1, -1, 1], -0.5),
    verify=hand_set_error,
    mistakes=(
        Mistake("is not of the shapes asked for", (_W_IH, _CARRY_IS_2), HAND),
        Mistake("puts a threshold on a whole number", (_W_IH, _CARRY_IS_2, [-1, -2, -3], [1, -1, 1], -0.5), EDGE),
        Mistake("has no memory", (_W_IH, np.zeros((3, 3)), _HALVES, [1, -1, 1], -0.5), FORGETFUL),
        Mistake("is wrong before there is a carry", (_W_IH, _CARRY_IS_2, _HALVES, [1, 1, 1], -0.5), FIRST_PLACE),
        Mistake("is wrong for a total of 3", (_W_IH, _CARRY_IS_2, _HALVES, [1, -2, 1], -0.5), THREE),
        Mistake(
            "hands on the wrong unit", (_W_IH, [[1, 0, 0], [1, 0, 0], [1, 0, 0]], _HALVES, [1, -1, 1], -0.5), LATER
        ),
    ),
    hints=(
        (
            "what could three units be for?",
            "The total of a place, a + b + carry, is 0, 1, 2 or 3. Let the first unit say 'it is 1 or more', the "
            "second '2 or more', and the third '3'.",
        ),
        ("and the thresholds?", "Halves: the units are step(total − 0.5), step(total − 1.5), step(total − 2.5)."),
        ("which unit is the carry?", "The total is 2 or more: the second unit. So each row of W_hh is [0, 1, 0]."),
        ("the bit", "It must be 0, 1, 0, 1 for a total of 0, 1, 2, 3: the first unit − the second + the third."),
    ),
    source="""
    # the three units: the total a + b + carry is 1, 2, 3 or more; the second is the carry
    W_ih = [[1, 1], [1, 1], [1, 1]]
    W_hh = [[0, 1, 0], [0, 1, 0], [0, 1, 0]]
    b = [-0.5, -1.5, -2.5]
    answer = (W_ih, W_hh, b, [1, -1, 1], -0.5)  # the bit: first - second + third
    """,
)

# 04-5 ---------------------------------------------------------------------------------------------------------------


def step_box(W_ih, W_hh, b, low, high, x):
    middle = W_ih @ x + b + W_hh @ (low + high) / 2
    reach = np.abs(W_hh) @ (high - low) / 2
    return np.tanh(middle - reach), np.tanh(middle + reach)


def _boxes():
    """Weights, a box and a pair of bits, of several sizes; the numbers are round, the last box is a point."""
    cases = []
    for seed, (size, x) in enumerate([(1, (1, 0)), (2, (0, 1)), (3, (1, 1)), (3, (0, 0)), (2, (1, 1))]):
        rng = np.random.default_rng(seed)
        W_ih, W_hh, b = rng.normal(size=(size, 2)), rng.normal(size=(size, size)), rng.normal(size=size)
        low = rng.uniform(-0.8, 0.2, size)
        high = low + (0 if seed == 4 else rng.uniform(0.1, 0.6, size))
        cases.append((*(part.round(2) for part in (W_ih, W_hh, b, low, high)), np.array(x)))
    return cases


def _of_two_corners(W_ih, W_hh, b, low, high, x):
    images = [np.tanh(W_ih @ x + b + W_hh @ corner) for corner in (low, high)]
    return np.minimum(*images), np.maximum(*images)


def _of_positive_weights(W_ih, W_hh, b, low, high, x):
    return tuple(np.tanh(W_ih @ x + b + np.abs(W_hh) @ end) for end in (low, high))


def _signs_wrong(W_ih, W_hh, b, low, high, x):
    plus, minus = np.maximum(W_hh, 0), np.minimum(W_hh, 0)
    return np.tanh(W_ih @ x + b + plus @ low - minus @ high), np.tanh(W_ih @ x + b + plus @ high - minus @ low)


def _positive_weights_alone(W_ih, W_hh, b, low, high, x):
    return tuple(np.tanh(W_ih @ x + b + np.maximum(W_hh, 0) @ end) for end in (low, high))


def _summed(W_ih, W_hh, b, low, high, x, axis):
    ends = np.stack([W_hh * low, W_hh * high])
    return tuple(np.tanh(W_ih @ x + b + end.sum(axis=axis)) for end in (ends.min(axis=0), ends.max(axis=0)))


STEP_BOX = Exercise(
    key="04-5",
    title="where a step sends a box of states",
    solution=step_box,
    mistakes=mistakes(
        step_box,
        """
        sends its two corners through the step :: np.abs(W_hh) -> W_hh
            Where a weight is negative, the lowest state gives the highest sum. Take the middle of the box, and add and
            subtract |W_hh| times half its width.
        takes |W_hh| for W_hh :: = _of_positive_weights
            |W_hh| belongs to the half width alone. The middle of the box goes through W_hh as it is.
        has the wrong sign at the negative weights :: = _signs_wrong
            A negative weight times the *highest* state is the lowest: its part is W_hh @ high, sign and all.
        leaves out the negative weights :: = _positive_weights_alone
            A negative weight adds to both ends as well: its part is lowest where the state is highest.
        adds up the columns of W_hh, not its rows :: W_hh @ (low -> W_hh.T @ (low & np.abs(W_hh) -> np.abs(W_hh.T)
        :: = lambda W_ih, W_hh, b, low, high, x: _summed(W_ih, W_hh, b, low, high, x, axis=0)
            Row i of W_hh makes unit i: `W_hh @ h`, or a sum along axis 1.
        adds the half width after the tanh ::
            np.tanh(middle - reach), np.tanh(middle + reach) -> np.tanh(middle) - reach, np.tanh(middle) + reach
            The width is that of the sum: take the tanh of its lowest and of its highest value.
        adds the bias twice :: + b + -> + 2 * b +
            The sum has three parts, each once: the input's, the bias, and the state's.
        gives the lowest values alone :: np.tanh(middle - reach), np.tanh(middle + reach) -> np.tanh(middle - reach)
            Two arrays are asked for: the lowest values and the highest.
        takes the whole width for half of it :: (high - low) / 2 -> (high - low)
            From its middle a box reaches half its width to each side.
        takes twice the middle :: (low + high) / 2 -> (low + high)
            The middle of the box is (low + high) / 2.
        leaves out the bias :: + b +  -> +
            The sum has three parts: the input's, the bias, and the state's.
        leaves out the input :: W_ih @ x + b -> b
            The sum has three parts: the input's, the bias, and the state's.
        leaves out the tanh :: np.tanh(middle - reach), np.tanh(middle + reach) -> middle - reach, middle + reach
            That is where the sum can land; the state is its tanh, which keeps the order.
        gives the highest first :: middle - reach -> middle + reach & middle + reach -> middle - reach
            The lowest values come first.
        takes the least and the largest of two corners :: = _of_two_corners
            A box of n units has 2 to the n corners, and the lowest sum may be at any of them: each unit's sum has its
            own. Take the middle, and |W_hh| times half the width.
        sends the middle alone :: reach = np.abs(W_hh) @ (high - low) / 2 -> reach = 0 * b
            The image of a box is a box: the sum varies by |W_hh| times half the width.
        """,
    ),
    array=True,
    cases=_boxes(),
    show_case=lambda W_ih, W_hh, b, low, high, x: (
        f"step_box(W_ih, W_hh, b, low, high, x) with {len(b)} unit{'s' * (len(b) > 1)}, W_hh = {W_hh.tolist()}, "
        f"low = {low.tolist()}, high = {high.tolist()}, x = {x.tolist()}"
    ),
    hints=(
        ("one unit, one weight", "With w > 0 the sum w h is lowest at the lowest h, with w < 0 at the highest h."),
        ("many units", "Write h = middle + d with |d| at most half the width: then |W d| is at most |W| times that."),
        ("nearly there", "tanh rises: apply it to the lowest and to the highest sum."),
    ),
)

EXERCISES = (ADD_PLACE, TO_BITS, CHAIN_PROBABILITY, NO_FORWARD_READER, STEP_BOX, ADDER_BY_HAND)
