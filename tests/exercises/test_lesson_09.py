"""Wrong answers to lesson 09 as learners write them: each must be caught, and its cause named."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import groupby, product

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from crnn_lessons.ctc import alignments, extend, forward_backward
from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from tests.exercises.answers import assert_complete, assert_named, assert_right

# Written apart from the catalogue in notebooks/exercises/09_decoding.py, which the engine compares with.


def steps(prefix, ends, row):
    """Every way in which the paths of a prefix go on: where to, which of the two kinds of end, and how much."""
    for kind in (0, 1):
        yield prefix, 0, ends[kind] * row[0], "blank"
    for k in range(1, len(row)):
        held = len(prefix) > 0 and prefix[-1] == k
        yield (prefix if held else (*prefix, k)), 1, ends[1] * row[k], "held" if held else "new"
        yield (*prefix, k), 1, ends[0] * row[k], "again" if held else "new"


def grow_by(change):
    """A frame by the list of all ways, with something done to each: (place, kind, amount) or None."""

    def grow(beam, row):
        new = defaultdict(lambda: [0.0, 0.0])
        for prefix, ends in beam.items():
            for place, kind, p, how in steps(prefix, ends, row):
                changed = change(prefix, place, kind, p, how)
                if changed is not None:
                    new[changed[0]][changed[1]] += changed[2]
        return dict(new)

    return grow


def plain(prefix, place, kind, p, how):
    return place, kind, p


def grow_max(beam, row):
    new = {}
    for prefix, (b, n) in beam.items():
        ways = [(prefix, 0, (b + n) * row[0])]
        for k in range(1, len(row)):
            if prefix and prefix[-1] == k:
                ways += [(prefix, 1, n * row[k]), ((*prefix, k), 1, b * row[k])]
            else:
                ways.append(((*prefix, k), 1, (b + n) * row[k]))
        for place, kind, p in ways:
            pair = new.get(place, (0.0, 0.0))
            best = max(pair[kind], p)
            new[place] = (best, pair[1]) if kind == 0 else (pair[0], best)
    return new


def grow_overwriting(beam, row):
    new = {}
    for prefix, (b, n) in beam.items():
        new.setdefault(prefix, [0, 0])[0] = (b + n) * row[0]
        for k in range(1, len(row)):
            if prefix[-1:] == (k,):
                new[prefix][1] = n * row[k]
                new.setdefault((*prefix, k), [0, 0])[1] = b * row[k]
            else:
                new.setdefault((*prefix, k), [0, 0])[1] = (b + n) * row[k]
    return new


def grow_sticking(beam, row):
    """All paths write the next label, and those that end in it hold it besides."""
    new = defaultdict(lambda: np.zeros(2))
    for prefix, ends in beam.items():
        new[prefix] += [sum(ends) * row[0], ends[1] * row[prefix[-1]] if prefix else 0]
        for k in range(1, len(row)):
            new[(*prefix, k)][1] += sum(ends) * row[k]
    return dict(new)


def grow_twice(beam, row):
    """All paths do both."""
    new = defaultdict(lambda: np.zeros(2))
    for prefix, ends in beam.items():
        new[prefix] += np.multiply(sum(ends), [row[0], row[prefix[-1]] if prefix else 0])
        for k in range(1, len(row)):
            new[(*prefix, k)][1] += sum(ends) * row[k]
    return dict(new)


def only_from(end):
    """New labels come from one kind of path, but where they equal the last one."""

    def grow(beam, row):
        new = defaultdict(lambda: np.zeros(2))
        for prefix, ends in beam.items():
            new[prefix][0] += sum(ends) * row[0]
            for k in range(1, len(row)):
                if prefix[-1:] == (k,):
                    new[prefix][1] += ends[1] * row[k]
                    new[(*prefix, k)][1] += ends[0] * row[k]
                else:
                    new[(*prefix, k)][1] += ends[end] * row[k]
        return dict(new)

    return grow


def short_of_one(beam, row):
    return {x: e for x, e in right_grow(beam, row[:-1]).items()}


def with_blank(beam, row):
    new = defaultdict(lambda: [0.0, 0.0])
    for prefix, (b, n) in beam.items():
        new[prefix][0] += (b + n) * row[0]
        for k, y in enumerate(row):
            if prefix and prefix[-1] == k:
                new[prefix][1] += n * y
                new[(*prefix, k)][1] += b * y
            else:
                new[(*prefix, k)][1] += (b + n) * y
    return new


def by_first(beam, row):
    new = defaultdict(lambda: [0.0, 0.0])
    for prefix, (b, n) in beam.items():
        new[prefix][0] += (b + n) * row[0]
        for k in range(1, len(row)):
            if prefix and prefix[0] == k:
                new[prefix][1] += n * row[k]
                new[(*prefix, k)][1] += b * row[k]
            else:
                new[(*prefix, k)][1] += (b + n) * row[k]
    return new


right_grow = grow_by(plain)


def search(probs, width, start=(1.0, 0.0), key=sum, worst=False, extra=0, pick=sum, finish=lambda text, p: (text, p)):
    beam = {(): start}
    for row in probs:
        ranked = sorted(right_grow(beam, row).items(), key=lambda item: key(item[1]), reverse=not worst)
        beam = dict(ranked[: width + extra])
    text, ends = max(beam.items(), key=lambda item: pick(item[1]))
    return finish(text, sum(ends))


def searching(**how):
    return lambda probs, width: search(probs, width, **how)


def first(pair):
    return pair[0]


def second(pair):
    return pair[1]


def last_in_order(probs, width):
    beam = {(): (1.0, 0.0)}
    for row in probs:
        beam = dict(sorted(right_grow(beam, row).items(), key=lambda item: sum(item[1]))[-width:])
    text = sorted(beam)[-1]
    return text, sum(beam[text])


def longest(probs, width):
    beam = {(): (1.0, 0.0)}
    for row in probs:
        beam = dict(sorted(right_grow(beam, row).items(), key=lambda item: -sum(item[1]))[:width])
    text = max(beam, key=len)
    return text, sum(beam[text])


def half_of(kind):
    def answer(probs, width):
        beam = {(): (1.0, 0.0)}
        for row in probs:
            beam = dict(sorted(right_grow(beam, row).items(), key=lambda item: -sum(item[1]))[:width])
        text = max(beam, key=lambda prefix: sum(beam[prefix]))
        return text, beam[text][kind]

    return answer


def near_by(open_, goes_on=lambda d, most: True, within=lambda d, most: d <= most, count=lambda seen, found: seen):
    """Look through a BK-tree recursively, with a rule of one's own for the edges."""

    def near(tree, text, most):
        found, seen = [], 0

        def look(node):
            nonlocal seen
            d = Levenshtein.distance(node[0], text)
            seen += 1
            if within(d, most):
                found.append(node[0])
            if goes_on(d, most):
                for edge in node[1]:
                    if open_(edge, d, most):
                        look(node[1][edge])

        look(tree)
        return sorted(found), count(seen, found)

    return near


def both(edge, d, most):
    return abs(edge - d) <= most


def unsorted(at):
    def near(tree, text, most):
        todo, found, seen = [tree], [], 0
        while todo:
            word, below = todo.pop(at)
            d, seen = Levenshtein.distance(text, word), seen + 1
            found += [word] * (d <= most)
            todo += [below[edge] for edge in below if both(edge, d, most)]
        return found, seen

    return near


def next_by(shorter_of=lambda h: h[1:], mix=None, bottom=None, unseen=None):
    def p_next(counts, context, sign, C):
        last_resort = 1 / C if bottom is None else bottom
        below = p_next(counts, shorter_of(context), sign, C) if context else last_resort
        followers = counts.get(context, Counter())
        n, u = followers.total(), len(followers)
        if n == 0:
            return below if unseen is None else unseen
        return (mix or (lambda c, n, u, below, C: (c + u * below) / (n + u)))(followers[sign], n, u, below, C)

    return p_next


def viterbi(probs, rows, first_rows=2, last_rows=2, strict=False, total=False, lowest=True, back=True, forget=False,
            row_class=lambda rows, s, C: rows[s], late=False):  # fmt: skip
    """Score tables by hand, from the left, with every choice open to be made wrongly."""
    T, L, C = len(probs), len(rows), probs.shape[1]
    score = np.zeros((T, L))
    origin = {}
    for s in range(min(first_rows, L)):
        score[0, s] = probs[0, row_class(rows, s, C)]
    for t in range(1, T):
        for s in range(L):
            ways = [s]
            if s > 0:
                ways.append(s - 1)
            if s > 1 and rows[s] != 0 and rows[s] != rows[s - 2]:
                ways.append(s - 2)
            values = [score[t - 1, q] for q in ways]
            order = range(len(ways) - 1, -1, -1) if lowest else range(len(ways))
            chosen = max(order, key=lambda i: values[i])
            if strict:  # as the library compares, each against both others
                x0, x1, x2 = [*values, -1.0, -1.0][:3]
                chosen = 2 if x2 > x1 and x2 > x0 else 1 if x1 > x0 and x1 > x2 else 0
            gain = sum(values) if total else values[chosen]
            score[t, s] = (1.0 if forget else gain) * probs[t, row_class(rows, s, C)]
            origin[t, s] = ways[chosen]
    ends = list(range(L))[-last_rows:][:: -1 if late else 1]
    s = max(ends, key=lambda s: score[T - 1, s])
    path = [s]
    for t in range(T - 1, 0, -1):
        s = origin[t, s]
        path.append(s)
    return path[::-1] if back else path


def aligning(**how):
    return lambda probs, rows: viterbi(probs, rows, **how)


def from_blank_only(probs, rows):
    return viterbi(probs, rows, first_rows=1)


def column_by_column(probs, rows):
    alpha = np.zeros((len(probs), len(rows)))
    alpha[0, :2] = probs[0][rows[:2]]
    for t in range(1, len(probs)):
        for s in range(len(rows)):
            skip = s > 1 and rows[s] != 0 and rows[s] != rows[s - 2]
            before = alpha[t - 1, s] + (alpha[t - 1, s - 1] if s else 0) + (alpha[t - 1, s - 2] if skip else 0)
            alpha[t, s] = before * probs[t, rows[s]]
    with np.errstate(divide="ignore"):
        log_alpha = forward_backward(np.log(probs), rows[1::2]).alpha  # ties fall as they do there, to the last bit
    assert np.allclose(np.exp(log_alpha), alpha)
    return np.argmax(log_alpha, axis=1).tolist()


WRONG = [
    ("09-1", grow_max, "keeps the larger where two ways lead to one prefix"),
    ("09-1", grow_overwriting, "forgets what other ways have brought to a prefix"),
    (
        "09-1",
        grow_by(lambda x, place, kind, p, how: ((*x, x[-1]), 1, p) if how == "held" else (place, kind, p)),
        "lets a held letter be written again",
    ),
    ("09-1", grow_sticking, "writes a letter twice without a blank between"),
    ("09-1", grow_twice, "writes and holds the letter twice without a blank between"),
    ("09-1", only_from(0), "writes a letter after a blank only"),
    ("09-1", only_from(1), "writes a letter after a letter only"),
    ("09-1", short_of_one, "leaves out the last class"),
    (
        "09-1",
        grow_by(lambda x, place, kind, p, how: None if how == "again" else (place, kind, p)),
        "cannot write a letter twice in a row",
    ),
    (
        "09-1",
        grow_by(lambda x, place, kind, p, how: (x, 1, p) if how == "again" else (place, kind, p)),
        "merges equal letters across a blank",
    ),
    (
        "09-1",
        lambda beam, row: {
            x: [e[0], e[1] + (beam[x][0] * row[x[-1]] if x and x in beam else 0)]
            for x, e in right_grow(beam, row).items()
        },
        "holds a letter across a blank",
    ),
    (
        "09-1",
        grow_by(lambda x, place, kind, p, how: None if how == "held" else (place, kind, p)),
        "loses the paths that hold their last letter",
    ),
    (
        "09-1",
        grow_by(lambda x, place, kind, p, how: None if how == "blank" else (place, kind, p)),
        "forgets the blank",
    ),
    (
        "09-1",
        lambda beam, row: {
            x: [beam[x][0] * row[0] if x in beam else 0.0, e[1]] for x, e in right_grow(beam, row).items()
        },
        "takes the blank after a blank only",
    ),
    ("09-1", with_blank, "treats the blank as a letter"),
    (
        "09-1",
        lambda beam, row: {x: e[::-1] for x, e in right_grow(beam, row).items()},
        "swaps the two numbers of a prefix",
    ),
    ("09-1", by_first, "compares with the first letter of the prefix"),
    ("09-2", searching(key=first), "ranks prefixes by the paths that end in the blank"),
    ("09-2", searching(key=second), "ranks prefixes by the paths that end in the letter"),
    ("09-2", searching(pick=second), "picks the text by the paths that end in the letter"),
    ("09-2", searching(pick=first), "picks the text by the paths that end in the blank"),
    ("09-2", searching(key=first, pick=first), "ranks all by the paths that end in the blank"),
    ("09-2", searching(worst=True), "keeps the worst prefixes"),
    ("09-2", lambda probs, width: search(probs, 10**6), "never prunes"),
    ("09-2", searching(extra=1), "keeps one prefix too many"),
    ("09-2", last_in_order, "takes the last prefix in the order of labels"),
    ("09-2", longest, "takes the longest prefix"),
    ("09-2", half_of(0), "returns one of the two numbers"),
    ("09-2", half_of(1), "returns one of the two numbers"),
    ("09-2", searching(finish=lambda text, p: text), "returns the text alone"),
    ("09-2", searching(finish=lambda text, p: (tuple(reversed(text)), p)), "writes the text backwards"),
    (
        "09-2",
        searching(finish=lambda text, p: (tuple(k for k, _ in groupby(text)), p)),
        "merges equal labels of the text",
    ),
    ("09-2", searching(start=(1.0, 1.0)), "starts with both numbers 1"),
    ("09-2", searching(finish=lambda text, p: (text, math.log(p))), "returns the logarithm"),
    ("09-3", near_by(lambda edge, d, most: True), "looks at all words"),
    ("09-3", near_by(lambda edge, d, most: edge <= most + d), "has no lower bound"),
    ("09-3", near_by(lambda edge, d, most: d <= most + edge), "has no upper bound"),
    ("09-3", near_by(lambda edge, d, most: edge == d), "follows only children at the distance of the text"),
    ("09-3", near_by(lambda edge, d, most: edge <= most), "follows only children within reach of the node"),
    ("09-3", near_by(lambda edge, d, most: abs(edge - d) < most), "leaves out the bounds themselves"),
    ("09-3", near_by(both, within=lambda d, most: d < most), "leaves out words exactly that far away"),
    ("09-3", near_by(both, goes_on=lambda d, most: d <= most), "goes on below near words only"),
    ("09-3", near_by(both, goes_on=lambda d, most: d > most), "stops below near words"),
    ("09-3", near_by(both, count=lambda seen, found: seen - 1), "does not count the root"),
    ("09-3", near_by(both, count=lambda seen, found: len(found)), "counts the words it has found"),
    ("09-3", unsorted(-1), "does not sort"),
    ("09-3", unsorted(0), "does not sort"),
    ("09-4", next_by(mix=lambda c, n, u, below, C: c / n), "divides the counts and leaves it at that"),
    ("09-4", next_by(mix=lambda c, n, u, below, C: (c + 1) / (n + C)), "adds one to every count"),
    ("09-4", next_by(shorter_of=lambda h: h[:-1]), "shortens the context at the wrong end"),
    ("09-4", next_by(mix=lambda c, n, u, below, C: (c + below) / (n + 1)), "gives the shorter context one vote"),
    (
        "09-4",
        next_by(mix=lambda c, n, u, below, C: (c + n * below) / (n + n)),
        "counts followers where different ones are meant",
    ),
    (
        "09-4",
        next_by(mix=lambda c, n, u, below, C: (c + u * below) / n),
        "does not divide by the votes of the shorter context",
    ),
    ("09-4", next_by(bottom=0.0), "trusts the empty context alone"),
    ("09-4", next_by(unseen=0.0), "gives 0 after a context that was never seen"),
    ("09-5", aligning(total=True), "adds the ways where the best one counts"),
    ("09-5", aligning(first_rows=10**6), "begins in any row"),
    ("09-5", from_blank_only, "begins with the blank only"),
    ("09-5", aligning(last_rows=1), "ends in the last row only"),
    ("09-5", aligning(last_rows=10**6), "ends in any row"),
    ("09-5", column_by_column, "takes the best row of each step"),
    ("09-5", aligning(back=False), "returns the path from its end"),
    ("09-5", aligning(lowest=False), "takes the highest of equal rows"),
    ("09-5", aligning(late=True), "takes the later of equal ends"),
    ("09-5", aligning(strict=True), "compares strictly where rows tie"),
    ("09-5", aligning(row_class=lambda rows, s, C: s % C), "takes the row for the class"),
    ("09-5", aligning(forget=True), "leaves out the probability of the step before"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


def with_arrays(beam, row):
    new = {}
    for prefix, (b, n) in beam.items():
        stay = np.array([(b + n) * row[0], n * row[prefix[-1]] if prefix else 0.0])
        new[prefix] = new.get(prefix, np.zeros(2)) + stay
        for k, y in list(enumerate(row))[1:]:
            more = b if prefix and k == prefix[-1] else b + n
            new[(*prefix, k)] = new.get((*prefix, k), np.zeros(2)) + np.array([0.0, more * y])
    return new


def best_by_listing(probs, rows):
    """Every alignment, and of equally good ones the lowest row at the last step, then at the step before, and so on."""
    target = [int(k) for k in rows[1::2]]

    def in_rows(path):
        row, found = 0, []
        for k in path:
            if k == 0:
                row += row % 2
            elif row % 2 == 0 or rows[row] != k:
                row += 2 if row % 2 else 1
            found.append(row)
        return found

    scored = [
        (math.prod(probs[t, k] for t, k in enumerate(path)), in_rows(path)) for path in alignments(len(probs), target)
    ]
    most = max(p for p, _ in scored)
    return min((path for p, path in scored if math.isclose(p, most)), key=lambda path: path[::-1])


def near_by_listing(tree, text, most):
    def words(node):
        yield node[0]
        for child in node[1].values():
            yield from words(child)

    seen = 0
    waiting = [tree]
    while waiting:
        seen += 1
        word, children = waiting.pop(0)
        d = Levenshtein.distance(word, text)
        waiting += [child for edge, child in children.items() if edge in range(d - most, d + most + 1)]
    return sorted(word for word in words(tree) if Levenshtein.distance(word, text) <= most), seen


def from_the_bottom(counts, context, sign, C):
    p = 1 / C
    for n in range(len(context) + 1):
        followers = counts.get(context[len(context) - n :], {})
        if followers:
            p = (followers.get(sign, 0) + len(followers) * p) / (sum(followers.values()) + len(followers))
    return p


RIGHT = [
    ("09-1", right_grow),
    ("09-1", with_arrays),
    ("09-2", search),
    ("09-3", near_by(both)),
    ("09-3", near_by_listing),
    ("09-4", next_by()),
    ("09-4", from_the_bottom),
    ("09-5", aligning()),
    ("09-5", best_by_listing),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


def test_the_frame_of_prefixes_agrees_with_listing_all_paths():
    """The solution itself is no oracle: all paths of all cases are."""
    rng, grow = np.random.default_rng(0), find("09-1").solution
    for _ in range(50):
        probs = rng.dirichlet(np.ones(3), size=rng.integers(1, 6))
        beam = {(): (1.0, 0.0)}
        for row in probs:
            beam = grow(beam, row)
        totals = Counter()
        for path in product(range(3), repeat=len(probs)):
            text = tuple(k for k, _ in groupby(path) if k)
            totals[text] += math.prod(probs[t, k] for t, k in enumerate(path))
        assert all(math.isclose(sum(beam[text]), p) for text, p in totals.items())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (list, "grow({(): (1, 0)}, [0.6, 0.4]) should give {(): [0.6, 0], (1,): [0, 0.4]}, and yours gives [((), [0.6"),
        (lambda items: dict(items[1:]), "should have (): [0.6, 0], and yours has no such entry."),
        (lambda items: {**dict(items), (2,): [0, 0]}, "should have no entry (2,), and yours has (2,): [0, 0]."),
        (lambda items: dict(items) | {(1,): [0.4, 0]}, ", entry (1,), should give [0, 0.4], and yours gives [0.4, 0]."),
    ],
)
def test_of_a_dictionary_the_first_entry_that_differs_is_told(change, sentence):
    status, message, _ = judge(find("09-1"), lambda beam, row: change(list(right_grow(beam, row).items())))
    assert status == "wrong" and sentence in message


def test_rows_of_the_lattice_are_those_of_the_lesson():
    assert extend((1, 1, 2)).tolist() == [0, 1, 0, 1, 0, 2, 0]
