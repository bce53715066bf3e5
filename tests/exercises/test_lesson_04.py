"""Wrong answers to lesson 04 as learners write them: each must be caught, and its cause named."""

import ast
import re
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from crnn_lessons.tasks import binary_addition, sums_of
from crnn_lessons.tasks.automaton import ADDER
from tests.exercises.answers import assert_complete, assert_named, assert_right

# Written apart from the catalogue in notebooks/exercises/04_binary_addition.py, which the engine compares with.


def xor_only(a, b, carry):
    bit = a ^ b
    if carry:
        return bit, a | b
    return bit, a & b


def generate_only(a, b, carry):
    return a ^ b ^ carry, a & b


def half_adder(a, b, carry):
    return a ^ b, a & b


def swapped(a, b, carry):
    return (a & b) | (carry & (a ^ b)), a ^ b ^ carry


def three_needed(a, b, carry):
    return a ^ b ^ carry, 1 if a + b + carry == 3 else 0


def one_is_enough(a, b, carry):
    return a ^ b ^ carry, a | b | carry


def as_on_paper(number, T):
    bits = [int(c) for c in bin(number)[2:]]
    return [0] * (T - len(bits)) + bits


def zeros_in_front(number, T):
    bits = []
    while number:
        bits.append(number & 1)
        number >>= 1
    return [0] * (T - len(bits)) + bits


def no_zeros(number, T):
    bits = [int(c) for c in bin(number)[2:]]
    bits.reverse()
    return bits


def one_short(number, T):
    return [(number >> t) & 1 for t in range(T - 1)]


def as_text(number, T):
    return "".join(str((number >> t) & 1) for t in range(T))


def as_many_as_the_number(number, T):
    bits = []
    for _ in range(number):
        bits.append(number % 2)
        number //= 2
    return bits


def wrong_way_round(T, number):
    return [(number >> t) & 1 for t in range(T)]


def halved(number, T):
    bits = []
    while len(bits) < T:
        bits += [number % 2]
        number = number / 2
    return bits


def halved_and_cut(number, T):
    return [int(number / 2**t) % 2 for t in range(T)]


def halved_each_time(number, T):
    bits = []
    while len(bits) < T:
        bits.append(number % 2)
        number = int(number / 2)
    return bits


def in_numpy(number, T):
    return list(number // 2 ** np.arange(T) % 2)


def count_chains(bits, n, hit):
    """By listing all sums of so many bits: the share on which ``hit`` is true of the signs g, p, k of the places."""
    if bits > 8:
        raise ValueError("too many")
    words = [w for w in product("gppk", repeat=bits)]
    return sum(bool(hit("".join(w))) for w in words) / len(words)


def runs(bits, n):
    # longest run of p at least n: by the recursion for coin tosses without n heads in a row
    without = [1.0] * n
    for i in range(n, bits + 1):
        without.append(1 - 0.5**n if i == n else without[i - 1] - 0.5 ** (n + 1) * without[i - n - 1])
    return 1 - without[bits]


def union_bound(bits, n):
    return sum(2.0 ** -(n + 2) for _ in range(n, bits))


def one_minus_power(bits, n):
    each = 1 / 4 / 2**n
    return 1 - (1 - each) ** (bits - n)


def first_place(bits, n):
    return (1 / 4) * (1 / 2) ** n if bits > n else 0


def walk(bits, n, p):
    """chance[i]: the carry in hand was handed on i times; idle: there is none."""
    idle, chance, done = 1.0, [0.0] * n, 0.0
    for _ in range(bits):
        alive = idle + sum(chance)
        done += p * chance[-1]
        chance = [alive / 4] + [p * c for c in chance[:-1]]
        idle = 1 - done - sum(chance)
    return done


def half_of_the_pairs(bits, n):
    return walk(bits, n, 0.25)


def one_place_short(bits, n):
    return walk(bits, n - 1, 0.5) if n >= 2 else 1 - (3 / 4) ** bits


def one_short_by_recursion(bits, n):
    return exact_by_recursion(bits, n - 1)


def one_place_short_but_not_none(bits, n):
    return exact_by_recursion(bits, n - 1 or 1)


def one_place_long(bits, n):
    return exact_by_recursion(bits, n + 1)


def with_a_free_place(bits, n):
    return exact_by_recursion(bits + 1, n)


def other_way_round(n, bits):
    return exact_by_recursion(bits, n)


def none_at_all(bits, n):
    return 1 - exact_by_recursion(bits, n)


def longest_is_exactly(bits, n):
    return count_chains(bits, n, lambda word: "g" + "p" * n in word and "g" + "p" * (n + 1) not in word)


def one_is_exactly(bits, n):
    return count_chains(bits, n, lambda word: re.search(f"gp{{{n}}}(?!p)", word))


UNITS, HALVES = np.ones((3, 2)), np.array([-0.5, -1.5, -2.5])
READS_2 = np.array([[0, 1, 0]] * 3)


def while_any_is_left(number, T):
    bits = []
    while number > 0:
        number, bit = divmod(number, 2)
        bits.append(bit)
    return bits


def half(W, low, high):
    """By how much the sums vary around their middle, weight by weight."""
    return np.array([sum(abs(w) * (hi - lo) / 2 for w, lo, hi in zip(row, low, high, strict=True)) for row in W])


def corner(W, low, high, sign):
    return W @ (low + high) / 2 + sign * half(W, low, high)


def right_sums(W, low, high):
    lowest = [sum(min(w * lo, w * hi) for w, lo, hi in zip(row, low, high, strict=True)) for row in W]
    highest = [sum(max(w * lo, w * hi) for w, lo, hi in zip(row, low, high, strict=True)) for row in W]
    return np.array(lowest), np.array(highest)


def boxed(sums, bias=1, pair=1, squash=np.tanh):
    def step_box(W_ih, W_hh, b, low, high, x):
        return tuple(squash(pair * (W_ih @ x) + bias * b + part) for part in sums(W_hh, low, high))

    return step_box


def sorted_corners(W_ih, W_hh, b, low, high, x):
    ends = np.sort([np.tanh(W_ih @ x + b + W_hh @ h) for h in (low, high)], axis=0)
    return ends[0], ends[1]


def bit_of(bit, carry=lambda total: total // 2):
    return lambda a, b, c: (bit(a + b + c), carry(a + b + c))


def kept(bits, n, handed=0.5, ended=0.25):
    """The chance of no such chain, place by place, in situations: none, or a carry handed on i times; then its rest."""
    state = np.array([1.0] + [0.0] * n)
    for _ in range(bits):
        new = np.append([ended * state.sum() + handed * state[0], 0.25 * state.sum()], handed * state[1:n])
        state = new
    return 1 - state.sum()


def reached(bits, n, born=0.25, ended=0.25, handed=0.5):
    """The chance of such a chain, added up where it comes to n."""
    none, run, done = 1.0, [0.0] * n, 0.0
    for _ in range(bits):
        whole = none + sum(run)
        done += handed * run[n - 1]
        none, run = ended * whole + handed * none, [born * whole] + [handed * r for r in run[: n - 1]]
    return done


def by_signs(W, low, high, negative):
    """Sums of the positive weights, and of the negative ones in some way."""
    plus, minus = W * (W > 0), W * (W < 0)
    return negative(plus @ low, minus, high), negative(plus @ high, minus, low)


def along_columns(W, low, high):
    return right_sums(W.T, low, high)


def of_sorted_products(W, low, high):
    products = np.sort([W * low, W * high], axis=0)
    return products[0].sum(axis=0), products[1].sum(axis=0)


def tanh_first(W_ih, W_hh, b, low, high, x):
    middle, width = np.tanh(W_ih @ x + b + W_hh @ (low + high) / 2), half(W_hh, low, high)
    return middle - width, middle + width


def text_of_bin(number, T):
    return [sign for sign in bin(number)]


FIRST = "is wrong before there is a carry"
WRONG = [
    ("04-1", lambda a, b, c: (a ^ b ^ c, max(a, b)), "hands on a carry where a or b is 1"),
    ("04-1", lambda a, b, c: (a ^ b ^ c, (a & b) | c), "hands on every carry that comes in"),
    ("04-1", lambda a, b, c: ((a + b + c) % 2, c), "hands on the carry that came in"),
    ("04-1", bit_of(lambda total: total % 10, lambda total: total // 10), "gives the whole total for the bit"),
    ("04-1", bit_of(lambda total: total), "gives the whole total for the bit"),
    ("04-1", bit_of(lambda total: [0, 1, 0, 0][total]), "gives the bit 1 for totals of 1 alone"),
    ("04-1", lambda a, b, c: (a | b | c, (a + b + c) // 2), "gives the bit 1 for every total above 0"),
    ("04-1", bit_of(lambda total: total % 2, lambda total: total * 0.5), "halves with /"),
    ("04-1", lambda a, b, c: a ^ b ^ c, "gives the bit alone"),
    ("04-1", lambda a, b, c: ["00", "10", "01", "11"][a + b + c][::-1], "gives text"),
    ("04-1", bit_of(lambda total: str(total % 2), lambda total: str(total // 2)), "gives text"),
    ("04-2", lambda number, T: [number >> t & 1 for t in range(T + 1)], "makes one entry too many"),
    ("04-2", lambda number, T: [(number >> t & 1) << t for t in range(T)], "gives what each bit is worth"),
    ("04-2", lambda number, T: [number >> t for t in range(T)], "gives what is left, not its lowest bit"),
    ("04-2", lambda number, T: [number >> t + 1 & 1 for t in range(T)], "drops the lowest bit"),
    ("04-2", text_of_bin, "keeps the 0b in front"),
    ("04-2", lambda number, T: [number % 2], "returns within the loop"),
    ("04-2", lambda number, T: [int(digit) for digit in f"{number:0{T}}"[::-1]][:T], "takes digits of ten"),
    ("04-3", lambda bits, n: 1 - (1 - 0.25 / 2**n) ** (bits - n + 1), "lets a chain begin at one place too many"),
    ("04-3", lambda bits, n: (bits - n + 1) / 4 / 2**n, "lets a chain begin at one place too many"),
    ("04-3", lambda bits, n: 1 / 4 / 2**n, "gives the chance of one chain at one place"),
    ("04-3", lambda bits, n: kept(bits, n, 0.75, 0.0), "counts 0 + 0 among the places that hand the carry on"),
    ("04-3", lambda bits, n: reached(bits, n, born=0.5), "begins a carry at half of the places"),
    ("04-3", lambda bits, n: reached(bits, n, ended=0), "lets 0 + 0 vanish from the list"),
    ("04-3", lambda bits, n: kept(bits, n, ended=0), "lets 0 + 0 vanish from the list"),
    ("04-3", lambda bits, n: reached(bits, n, handed=0.25), "lets only one kind of differing bits hand the carry on"),
    ("04-3", lambda bits, n: sum(1 / 4 / 2**n / 2 for _ in range(bits - n)), "asks for the end of the chain as well"),
    ("04-3", lambda bits, n: 100 * exact_by_recursion(bits, n), "gives percent"),
    ("04-4", (("0", "1"), ("1", "1")), "is not two pairs of numbers"),
    ("04-5", boxed(lambda W, low, high: (abs(W) @ low, abs(W) @ high)), "takes |W_hh| for W_hh"),
    (
        "04-5",
        boxed(lambda *a: by_signs(*a, lambda plus, minus, other: plus - minus @ other)),
        "has the wrong sign at the negative weights",
    ),
    (
        "04-5",
        boxed(lambda *a: by_signs(*a, lambda plus, minus, other: plus)),
        "leaves out the negative weights",
    ),
    ("04-5", boxed(along_columns), "adds up the columns of W_hh, not its rows"),
    ("04-5", boxed(of_sorted_products), "adds up the columns of W_hh, not its rows"),
    ("04-5", tanh_first, "adds the half width after the tanh"),
    ("04-5", boxed(right_sums, bias=2), "adds the bias twice"),
    ("04-5", lambda *a: boxed(right_sums)(*a)[0], "gives the lowest values alone"),
    ("04-1", xor_only, "leaves the carry that comes in out of the bit"),
    ("04-1", generate_only, "hands on only the carry that arises here"),
    ("04-1", half_adder, "forgets the carry that comes in"),
    ("04-1", swapped, "gives the carry first"),
    ("04-1", three_needed, "hands on a carry only if all three bits are 1"),
    ("04-1", one_is_enough, "hands on a carry as soon as one bit is 1"),
    ("04-2", as_on_paper, "writes the most significant bit first"),
    ("04-2", zeros_in_front, "pads on the wrong side"),
    ("04-2", no_zeros, "does not pad"),
    ("04-2", one_short, "leaves no place for the last bit"),
    ("04-2", as_text, "gives a text"),
    ("04-2", as_many_as_the_number, "makes a list as long as the number"),
    ("04-2", wrong_way_round, "takes T for the number and the number for T"),
    ("04-2", halved, "halves with / and keeps the fractions"),
    ("04-2", halved_and_cut, "halves with /, which makes floats"),
    ("04-2", halved_each_time, "halves with /, which makes floats"),
    ("04-2", in_numpy, "works with NumPy's integers"),
    ("04-2", lambda number, T: (number >> np.arange(T)) & 1, "works with NumPy's integers"),
    ("04-2", lambda number, T: list(f"{number:0{T}b}"[::-1]), "gives a text"),
    ("04-2", lambda number, T: bin(number)[2:], "gives a text"),
    ("04-2", while_any_is_left, "does not pad"),
    (
        "04-2",
        lambda number, T: [int(c) for c in bin(number)[2:]],
        "writes the most significant bit first, and does not pad",
    ),
    ("04-6", (UNITS, READS_2, HALVES, [1, -2, 1], -0.5), "is wrong for a total of 3"),
    ("04-6", (UNITS, READS_2, HALVES, [1, -1, 0], -0.5), "is wrong for a total of 3"),
    ("04-6", (UNITS, READS_2, [-0.5, -1.5, -3.5], [1, -1, 1], -0.5), "is wrong for a total of 3"),
    ("04-5", boxed(lambda W, low, high: (W @ low, W @ high)), "sends its two corners through the step"),
    (
        "04-5",
        boxed(lambda W, low, high: (corner(W, low, high, -2), corner(W, low, high, 2))),
        "takes the whole width for half of it",
    ),
    (
        "04-5",
        boxed(lambda W, low, high: tuple(W @ (low + high) + sign * half(W, low, high) for sign in (-1, 1))),
        "takes twice the middle",
    ),
    ("04-5", boxed(right_sums, bias=0), "leaves out the bias"),
    ("04-5", boxed(right_sums, pair=0), "leaves out the input"),
    ("04-5", boxed(right_sums, squash=lambda z: z), "leaves out the tanh"),
    ("04-5", lambda *box: boxed(right_sums)(*box)[::-1], "gives the highest first"),
    ("04-5", boxed(lambda W, low, high: (W @ (low + high) / 2,) * 2), "sends the middle alone"),
    ("04-5", sorted_corners, "takes the least and the largest of two corners"),
    ("04-6", (UNITS, READS_2, HALVES), "is not of the shapes asked for"),
    ("04-6", 5, "is not of the shapes asked for"),
    ("04-6", (UNITS.T, READS_2, HALVES, [1, -1, 1], -0.5), "is not of the shapes asked for"),
    ("04-6", (UNITS, READS_2, [0, -1, -2], [1, -1, 1], -0.5), "puts a threshold on a whole number"),
    ("04-6", (UNITS, READS_2, HALVES, [1, -1, 1], 0), "puts a threshold on a whole number"),
    ("04-6", (UNITS, 0 * READS_2, HALVES, [1, -1, 1], -0.5), "has no memory"),
    ("04-6", (UNITS, READS_2, HALVES, [1, 0, 1], -0.5), "is wrong before there is a carry"),
    # the second unit is 1 where there is no carry
    ("04-6", ([[1, 1], [-1, -1], [1, 1]], -READS_2, [0.5, 0.5, -1.5], [1, 1, 1], -1.5), FIRST),
    ("04-6", (UNITS, [[0, 0, 1]] * 3, HALVES, [1, -1, 1], -0.5), "hands on the wrong unit"),
    ("04-6", (UNITS, np.diag([0, 1, 0]), HALVES, [1, -1, 1], -0.5), "hands on the wrong unit"),
    ("04-6", (UNITS, np.ones((3, 3)), HALVES, [1, -1, 1], -0.5), "hands on the wrong unit"),
    ("04-4", (2, 3), "is not two pairs of numbers"),
    ("04-4", ((0, -1), (1, 1)), "is not two pairs of numbers"),
    ("04-4", ((0.5, 1), (1, 1)), "is not two pairs of numbers"),
    ("04-4", ((5, 6), (5, 6)), "gives the same pair twice"),
    ("04-4", ((7, 0), (0, 7)), "asks for the same answers as long as the inputs agree"),
    ("04-4", ((1, 0), (0, 0)), "asks for the same answers as long as the inputs agree"),
    ("04-4", ((0, 3), (1, 3)), "is longer than it need be"),
    ("04-4", ((511, 1), (511, 0)), "is longer than it need be"),
    ("04-3", runs, "counts runs of differing bits without a carry in front"),
    ("04-3", union_bound, "adds up the probabilities of all places"),
    ("04-3", one_minus_power, "takes the chains at different places for independent"),
    ("04-3", first_place, "looks at the first place only"),
    ("04-3", half_of_the_pairs, "lets only one kind of differing bits hand the carry on"),
    ("04-3", one_place_short, "counts the place where the carry arises as handed on"),
    ("04-3", one_short_by_recursion, "counts the place where the carry arises as handed on"),
    ("04-3", one_place_short_but_not_none, "counts the place where the carry arises as handed on"),
    ("04-3", one_place_long, "asks for n + 1 places that hand the carry on"),
    ("04-3", with_a_free_place, "adds a place"),
    ("04-3", other_way_round, "takes n for bits and bits for n"),
    ("04-3", none_at_all, "gives the probability that there is no such chain"),
    ("04-3", longest_is_exactly, "asks for a chain of exactly n places"),
    ("04-3", one_is_exactly, "asks for a chain of exactly n places"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


def exact_chain(bits, n):
    return count_chains(bits, n, lambda word: "g" + "p" * n in word)


def exact_by_recursion(bits, n):
    """The first place at which a chain of n is complete, in fractions: chains of n cannot overlap, so this is exact."""
    whole = Fraction(1, 4) / 2**n
    without = [Fraction(1)] * (n + 1)
    for i in range(n + 1, bits + 1):
        without.append(without[i - 1] - whole * without[i - n - 1])
    return float(1 - without[bits])


RIGHT = [
    ("04-1", lambda a, b, carry: [a ^ b ^ carry, (a & b) | (carry & (a | b))]),
    ("04-1", lambda a, b, carry: np.array(divmod(a + b + carry, 2))[::-1]),
    ("04-1", lambda a, b, carry: (ADDER.output[carry][2 * a + b], ADDER.next[carry][2 * a + b])),
    ("04-2", lambda number, T: tuple(number >> t & 1 for t in range(T))),
    ("04-2", lambda number, T: [int(c) for c in reversed(bin(number)[2:].zfill(T))]),
    # the sum again: unit 1 says total >= 1, and so on, with other scales; and units in another order
    ("04-6", (2 * UNITS, 2 * READS_2, 2 * HALVES, [3, -3, 3], -1.5)),
    ("04-6", (UNITS, np.array([[1, 0, 0]] * 3), [-1.5, -0.5, -2.5], [-1, 1, 1], [-0.5])),
    ("04-6", [torch.tensor(UNITS), torch.tensor(READS_2), torch.tensor(HALVES), (1, -1, 1), torch.tensor(-0.5)]),
    ("04-4", ((1, 1), (0, 0))),
    ("04-4", ((1, 1), (1, 0))),
    ("04-4", np.array([[1, 0], [1, 1]])),
    ("04-4", torch.tensor([[1, 0], [1, 1]])),
    ("04-3", exact_by_recursion),
    ("04-3", lambda bits, n: walk(bits, n, 0.5)),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


def test_numbers_above_64_bits_are_tried_last():
    """A list as long as the number would fill the memory, so an answer must be right on small numbers first."""
    exercise = find("04-2")
    assert all(number < 2**10 for number, _ in exercise.cases) and any(number > 2**64 for number, _ in exercise.large)
    _, message, _ = judge(exercise, halved_and_cut)
    assert "to_bits(1180591620717411303427, 73)" in message and "53 bits" in message


def test_chain_probability_by_listing_all_sums():
    solution = find("04-3").solution
    for bits in range(1, 7):
        for n in range(1, 6):
            assert solution(bits, n) == pytest.approx(exact_chain(bits, n), abs=1e-14)


@pytest.mark.parametrize("key", ["04-1", "04-2", "04-6", "04-4", "04-3", "04-5"])
def test_solution_passes_and_stub_is_not_started(key):
    exercise = find(key)
    assert judge(exercise, exercise.solution)[0] == "done"
    assert judge(exercise, ...)[0] == "not started"
    if callable(exercise.solution):
        assert judge(exercise, lambda *arguments: ...)[0] == "not started"


def test_the_hand_set_adder_is_tried_in_every_state():
    """A fault that shows only after a carry has travelled two places is found, and told with numbers."""
    # Unit 2 keeps a carry once it has one, unless unit 3 was on: right for one place, wrong later.
    faulty = (UNITS, [[0, 1, 0], [0, 1, 0.9], [0, 1, 0]], HALVES, [1, -1, 1], -0.5)
    status, message, _ = judge(find("04-6"), faulty)
    assert status == "wrong" and "At place 2 of 3 + 3 the bits are 0 and 0, and the carry is 1" in message


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((UNITS, READS_2, HALVES, [1, -1, 1], [0.5, 1]), "Your b_out has the shape (2,), and () is asked for."),
        ((UNITS, READS_2, HALVES, [1, -1, 1], "x"), "The answer is a tuple"),
        ((UNITS, READS_2, HALVES, [1, 1, 1], -0.5), "At place 0 of 1 + 1 the bits are 1 and 1, and the carry is 0"),
    ],
)
def test_a_hand_set_network_that_cannot_work_is_explained(answer, sentence):
    status, message, _ = judge(find("04-6"), answer)
    assert status == "wrong" and sentence in message


def test_the_first_place_is_explained_for_a_negated_carry_unit():
    _, message, _ = judge(find("04-6"), ([[1, 1], [-1, -1], [1, 1]], -READS_2, [0.5, 0.5, -1.5], [1, 1, 1], -1.5))
    assert "At place 0 of 0 + 0" in message and "h = 0 must say that there is no carry yet" in message


# What the lesson says of ten seeds, counted with the lesson's own functions; its cells train three of them. Processors
# round differently, so a network or two may come out otherwise elsewhere: the counts have that much room.


@pytest.fixture(scope="module")
def lesson() -> dict:
    """The functions and classes of the lesson, and what it imports; none of its cells is run."""
    tree = ast.parse(LESSON.read_text(encoding="utf-8"))
    kept = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    named = [n for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) in ("PAIRS", "ROUNDING")]
    names: dict = {}
    exec(compile(ast.Module([n for n in tree.body if isinstance(n, kept) or n in named], []), LESSON, "exec"), names)
    names["step_box"] = find("04-5").solution  # in the lesson it is the learner's
    return names


@pytest.fixture(scope="module")
def ten(lesson) -> list:
    """The lesson's network for the seeds 0 to 9, and the share of right sums of 1 to 3 and of 8 to 10 bits a step."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trained, drawn, draw = [], [], lesson["binary_addition"]
    lesson["binary_addition"] = lambda *args, **options: drawn.append(draw(*args, **options)) or drawn[-1]
    for seed in range(10):
        shares = []

        def watched(logits, bits, shares=shares):
            batch = drawn[-1]
            right = torch.ones(batch.mask.shape, dtype=torch.bool)  # N T
            right[batch.mask] = (logits > 0) == bits
            whole = right.all(dim=1).float()
            shares.append([whole[(batch.lengths >= low) & (batch.lengths <= high)].mean() for low, high in SHORT_LONG])
            return lesson["cross_entropy"](logits, bits)

        network, _ = lesson["train_adder"](lesson["cells"].RNN, 10, watched, seed)
        trained.append((network, np.array(shares)))
    lesson["binary_addition"] = draw
    torch.set_num_threads(threads)
    return trained


LESSON = Path(__file__).parents[2] / "notebooks" / "py" / "04_binary_addition.py"
SHORT_LONG = ((2, 4), (9, 11))  # steps: one more than bits


def test_all_ten_seeds_pass_the_long_carries_and_boxes_prove_seed_0(lesson, ten):
    chain = sums_of([(2**n - 1, 1) for n in range(1, 1001)])
    proven, exact = [], []
    for network, _ in ten:
        exact.append(lesson["count_exact"](network, chain))
        weights = lesson["weights_of"](network)
        inside, margins = lesson["check_boxes"](weights, lesson["grow_boxes"](weights))
        assert len(margins) == 36 and all(inside)
        proven.append(sum(margin > 0.1 for margin in margins))
    assert exact[0] == 1000 and exact.count(1000) >= 9
    assert proven[0] == 36 and proven.count(4) >= 7


def test_a_unit_of_its_own_for_the_carry_in_about_seven_of_ten_seeds(lesson, ten):
    sums = binary_addition(200, torch.Generator().manual_seed(5), 20, 20)
    alone = []
    for seed, (network, _) in enumerate(ten):
        h, _, carry, _ = lesson["watch"](network, sums)
        told = ((h > 0) == carry[:, None]).mean(axis=0)  # H
        if np.maximum(told, 1 - told).max() == 1:
            alone.append(seed)
        probe = lesson["fit_probe"](h, carry)
        assert min(lesson["probe_accuracy"](network, probe, bits) for bits in (20, 100)) > 0.999
    assert 0 in alone and 1 in alone and 2 not in alone and 6 <= len(alone) <= 8


def test_short_sums_come_right_before_long_ones(ten):
    for _, shares in ten:
        short, long = (np.convolve(share, np.ones(5) / 5, "valid") for share in shares.T)
        for level in (0.5, 0.9):
            assert short.max() >= level and long.max() >= level
            assert np.argmax(short >= level) < np.argmax(long >= level)
