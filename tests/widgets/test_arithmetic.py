"""The widgets' arithmetic in JavaScript against the package's in Python."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from crnn_lessons.ctc import (
    alignments,
    collapse,
    count_alignments,
    extend,
    forced_alignment,
    forward_backward,
    min_frames,
    repeats,
)
from crnn_lessons.show.numbers import show_number
from tests.widgets.node import floats, needs_node, run_node

pytestmark = needs_node
RELATIVE = 1e-9


def lattice_cases(seed: int = 5) -> list[dict]:
    """Random matrices and targets: repeats, empty targets, zero probabilities, ties, targets without an alignment."""
    rng = np.random.default_rng(seed)
    cases = []
    for i in range(120):
        T, C = int(rng.integers(1, 9)), int(rng.integers(2, 5))
        target = rng.integers(1, C, size=int(rng.integers(0, 5))).tolist()
        probs = rng.integers(1, 3, size=(T, C)).astype(float) if i % 3 == 0 else rng.random((T, C)) ** 4
        if i % 4 == 1:
            probs[rng.random((T, C)) < 0.3] = 0
            probs[:, 0] += 0.01
        cases.append({"probs": (probs / probs.sum(1, keepdims=True)).tolist(), "target": target})
    long = rng.random((120, 6)) ** 3
    cases.append({"probs": (long / long.sum(1, keepdims=True)).tolist(), "target": rng.integers(1, 6, 40).tolist()})
    return cases


def log(probs: list) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(probs))


def rows_of(path: tuple[int, ...]) -> list[int]:
    """The lattice row at each step of an alignment."""
    rows, labels, last = [], 0, 0
    for k in path:
        labels += k not in (0, last)
        rows.append(2 * labels if k == 0 else 2 * labels - 1)
        last = k
    return rows


def test_cases_hold_what_they_should():
    cases = lattice_cases()
    infeasible = [c for c in cases if min_frames(c["target"]) > len(c["probs"])]
    impossible = [c for c in cases if forward_backward(log(c["probs"]), c["target"]).log_likelihood == -np.inf]
    assert len(infeasible) >= 10 and len(impossible) > len(infeasible)
    assert sum(not c["target"] for c in cases) >= 10 and sum(repeats(c["target"]) > 0 for c in cases) >= 20


def test_forward_backward(tmp_path):
    cases = lattice_cases()
    body = """const a = w.forwardBackward(x.probs.map((row) => row.map(Math.log)), x.target);
              return [a.alpha, a.beta, a.posterior, a.logLikelihood, a.rows];"""
    for case, answer in zip(cases, run_node(tmp_path, body, cases, "ctc.js"), strict=True):
        want = forward_backward(log(case["probs"]), case["target"])
        alpha, beta, posterior, likelihood, rows = map(floats, answer)
        assert rows == want.rows.tolist()
        np.testing.assert_allclose(alpha, want.alpha, rtol=RELATIVE, atol=RELATIVE)  # logarithms: a ratio of 1 + 1e-9
        np.testing.assert_allclose(beta, want.beta, rtol=RELATIVE, atol=RELATIVE)
        np.testing.assert_allclose(posterior, want.posterior, rtol=RELATIVE)
        assert likelihood == pytest.approx(want.log_likelihood, rel=RELATIVE)


def test_best_path_is_the_forced_alignment_also_in_ties(tmp_path):
    cases = lattice_cases()
    body = "return w.bestPath(x.probs.map((row) => row.map(Math.log)), x.target);"
    without = 0
    for case, path in zip(cases, run_node(tmp_path, body, cases, "ctc.js"), strict=True):
        try:
            want = forced_alignment(log(case["probs"]), case["target"])[0].tolist()
        except ValueError:
            want, without = None, without + 1
        assert path == want
    assert without >= 10


def test_each_cell_against_all_alignments(tmp_path):
    """The number of paths through a cell and the best of them, by listing every alignment."""
    cases = lattice_cases()[:60]
    body = """const logs = x.probs.map((row) => row.map(Math.log)), count = w.countThrough(x.probs.length, x.target);
              const paths = count.map((row, t) => row.map((_, s) => w.bestPath(logs, x.target, [t, s])));
              return [count, w.bestThrough(logs, x.target), paths];"""
    for case, (count, best, paths) in zip(cases, run_node(tmp_path, body, cases, "ctc.js"), strict=True):
        logs, classes = log(case["probs"]), extend(case["target"])
        T, L = len(logs), len(classes)
        through = np.zeros((T, L), dtype=int)
        highest = np.full((T, L), -np.inf)
        for path in alignments(T, case["target"]):
            score = sum(logs[t, k] for t, k in enumerate(path))
            for t, s in enumerate(rows_of(path)):
                through[t, s] += 1
                highest[t, s] = max(highest[t, s], score)
        assert [[int(n) for n in row] for row in count] == through.tolist()
        np.testing.assert_allclose(floats(best), highest, rtol=RELATIVE, atol=RELATIVE)
        for t, s in itertools.product(range(T), range(L)):
            if highest[t, s] == -np.inf:
                assert paths[t][s] is None
                continue
            assert paths[t][s][t] == s
            spelt = classes[paths[t][s]]
            assert list(collapse(spelt)) == case["target"]
            assert sum(logs[u, k] for u, k in enumerate(spelt)) == pytest.approx(highest[t, s], rel=RELATIVE)


def test_counts_are_exact_at_any_size(tmp_path):
    rng = np.random.default_rng(1)
    cases = [{"T": int(T), "target": rng.integers(1, 4, int(S)).tolist()} for T, S in rng.integers(0, 15, (80, 2))]
    cases += [{"T": 500, "target": [1, 2] * 60}, {"T": 64, "target": [1] * 30}, {"T": 0, "target": []}]
    got = run_node(tmp_path, "return w.countAlignments(x.T, x.target);", cases, "ctc.js")
    assert [int(n) for n in got] == [count_alignments(c["T"], c["target"]) for c in cases]
    assert max(map(int, got)) > 10**60


def test_collapse_and_the_world_without_a_blank(tmp_path):
    paths = ["".join(path) for T in range(6) for path in itertools.product("-ab", repeat=T)]
    body = """const path = [...x], b = w.stages(path, true), n = w.stages(path, false);
              return [b.text.join(""), n.text.join(""), w.countMerged(n.T, n.text),
                      b.runs.map((r) => [r.sign, r.start, r.end])];"""
    of_length = [
        ["".join(g) for g in itertools.product("ab", repeat=T)] for T in range(6)
    ]  # two letters suffice: which letters stand there does not change the count
    for path, (text, merged, count, runs) in zip(paths, run_node(tmp_path, body, paths, "collapse.js"), strict=True):
        as_text = lambda p: "".join(chr(k) for k in collapse(map(ord, p), blank=ord("-")))  # noqa: E731
        assert text == as_text(path)
        assert merged == as_text(path.replace("-", ""))
        assert int(count) == sum(as_text(p) == merged for p in of_length[len(path.replace("-", ""))])
        assert [sign for sign, _, _ in runs] == [sign for sign, _ in itertools.groupby(path)]
        assert "".join(sign * (end - start + 1) for sign, start, end in runs) == path


def test_counting_writes_the_formula_with_its_numbers(tmp_path):
    cases = [["hh-e-ll-lo", True], ["hh-e-ll-lo", False], ["----", True], ["", True], ["aa", True]]
    got = run_node(tmp_path, "return w.counting([...x[0]], x[1]);", cases, "collapse.js")
    assert got[0] == [
        "T = 10, S = 5, r = 1:  C(T + S − r, 2S) = C(10 + 5 − 1, 2·5) = C(14, 10) = 1,001",
        "1,001 paths of 10 steps give “hello”: this one and 1,000 others.",
    ]
    assert math.comb(14, 10) == 1001 == count_alignments(10, [1, 2, 3, 3, 4])
    assert got[1][0] == "T = 7, S = 4:  C(T − 1, S − 1) = C(6, 3) = 20"
    assert got[2] == [
        "T = 4, S = 0, r = 0:  C(T + S − r, 2S) = C(4 + 0 − 0, 2·0) = C(4, 0) = 1",
        "1 path of 4 steps gives “”: this one, and no other.",
    ]
    assert got[3][1] == "1 path of 0 steps gives “”: this one, and no other."
    assert got[4][1] == "3 paths of 2 steps give “a”: this one and 2 others."


def test_rescaling_keeps_a_row_a_distribution(tmp_path):
    cases = [[[0.2, 0.3, 0.5], 1, 0.6], [[0, 1, 0], 1, 0.25], [[0.5, 0.5, 0], 0, 1], [[0.1, 0.2, 0.7], 2, 0]]
    got = run_node(tmp_path, "return w.rescale(x[0], x[1], x[2]);", cases, "lattice_words.js")
    want = [[0.4 * 2 / 7, 0.6, 0.4 * 5 / 7], [0.375, 0.25, 0.375], [1, 0, 0], [1 / 3, 2 / 3, 0]]
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


def test_numbers_are_written_alike_in_both_languages(tmp_path):
    rng = np.random.default_rng(2)
    values = [
        *(10.0 ** rng.uniform(-12, 4, 400)).tolist(),
        -1.5,
        -2e-7,
        -12345.6,
        0,
        1,
        0.24,
        0.5,
        9999.4,
        12345.6,
        0.001,
        1e-3 / 3,
        100,
    ]
    got = run_node(tmp_path, "return w.number(x);", values, "words.js")
    assert got == [show_number(value) for value in values]
    assert "-" not in "".join(got) and show_number(-2e-7) == "−2e−7"  # a minus as long as a plus
    logs = [-1.0, -689.0, -700.0, -5000.0, -999 * math.log(10) - 1e-9, "-inf"]
    assert run_node(tmp_path, "return w.fromLog(x);", logs, "words.js") == [
        show_number(math.exp(-1)),
        show_number(math.exp(-689)),
        f"{10 ** (305 - 700 / math.log(10)):.3f}".rstrip("0") + "e−305",
        f"{10 ** (2172 - 5000 / math.log(10)):.3f}".rstrip("0") + "e−2172",
        "1e−999",
        "0",
    ]


PROBS = [[0.3, 0.4, 0.3], [0.2, 0.5, 0.3], [0.25, 0.25, 0.5], [0.4, 0.35, 0.25]]


@pytest.mark.parametrize("target", ["ab", "aa"])
def test_the_read_out_is_the_sum_with_pythons_numbers(tmp_path, target):
    labels = ["ab".index(c) + 1 for c in target]
    numbers = forward_backward(np.log(PROBS), labels)
    alpha, beta = np.exp(numbers.alpha), np.exp(numbers.beta)
    p, show = np.asarray(PROBS), show_number
    body = """const l = w.compute(x.probs, x.labels, ["a", "b"]);
              const path = x.mode === "best" ? w.bestPath(l.logProbs, x.labels, [x.t, x.s]) : null;
              return w.explain(l, x.mode, x.t, x.s, path);"""
    cells = [["alpha", 2, 3], ["alpha", 0, 1], ["alpha", 0, 4], ["beta", 1, 1], ["beta", 3, 3], ["beta", 3, 1]]
    cells += [["posterior", 2, 2], ["best", 1, 1]]
    inputs = [{"probs": PROBS, "labels": labels, "mode": m, "t": t, "s": s} for m, t, s in cells]
    got = run_node(tmp_path, body, inputs, "lattice.js")
    second = target[1]
    k = "-ab".index(second)
    from_rows = [3, 2, 1] if target == "ab" else [3, 2]  # no skip between equal labels
    into = [1, 2, 3] if target == "ab" else [1, 2]
    names = {1: "'a'", 2: "blank", 3: f"'{second}'"}
    classes = {1: 1, 2: 0, 3: k}
    assert got[0] == (
        f"α(2,3) = ({' + '.join(f'α(1,{q})' for q in from_rows)}) · p(2, '{second}') = "
        f"({' + '.join(show(alpha[1, q]) for q in from_rows)}) · {show(p[2, k])} = {show(alpha[2, 3])}"
    )
    assert got[1] == f"α(0,1) = p(0, 'a') = {show(alpha[0, 1])}"
    assert got[2] == "α(0,4) = 0: a path begins in row 0 or row 1."
    assert got[3] == (
        f"β(1,1) = {' + '.join(f'β(2,{q}) · p(2, {names[q]})' for q in into)} = "
        f"{' + '.join(f'{show(beta[2, q])} · {show(p[2, classes[q]])}' for q in into)} = {show(beta[1, 1])}"
    )
    assert got[4] == "β(3,3) = 1: a path may end here."
    assert got[5] == "β(3,1) = 0: a path ends in row 3 or row 4."
    assert got[6] == (
        f"posterior(2,2) = α(2,2) · β(2,2) / p(Y|X) = {show(alpha[2, 2])} · {show(beta[2, 2])} / "
        f"{show(np.exp(numbers.log_likelihood))} = {show(numbers.posterior[2, 2])}"
    )
    scores = {
        path: math.prod(p[t, c] for t, c in enumerate(path)) for path in alignments(4, labels) if rows_of(path)[1] == 1
    }
    best = max(scores, key=scores.get)
    factors = " · ".join(show(p[t, c]) for t, c in enumerate(best))
    written = "".join("-ab"[c] for c in best)
    assert got[7] == f"Best path through (1,1): {written} → “{target}”, probability {factors} = {show(scores[best])}"


def test_a_target_that_cannot_be_is_refused_in_one_sentence(tmp_path):
    cases = [["ab", 4], ["axb", 4], ["aab", 3], ["", 1], ["e\u0301", 2]]
    got = run_node(tmp_path, 'return w.readTarget(x[0], ["a", "b", "é"], x[1]);', cases, "lattice_words.js")
    assert got[0] == {"labels": [1, 2]} and got[3] == {"labels": []} and got[4] == {"labels": [3]}
    assert got[1]["problem"] == "“x” is not among the characters “abé”; the lattice keeps its last target."
    assert got[2]["problem"] == (
        "“aab” needs 4 time steps (3 labels, 1 repeat), and there are 3; the lattice keeps its last target."
    )


def test_shades_are_shares_of_a_time_step(tmp_path):
    cases = [c for c in lattice_cases()[:30] if min_frames(c["target"]) <= len(c["probs"])]
    body = """const l = w.compute(x.probs, x.target, ["a", "b", "c"].slice(0, x.probs[0].length - 1));
              return ["alpha", "beta", "posterior", "best"].map((mode) => w.shades(l, mode));"""
    for case, shades in zip(cases, run_node(tmp_path, body, cases, "lattice.js"), strict=True):
        want = forward_backward(log(case["probs"]), case["target"])
        alpha = np.exp(want.alpha)
        np.testing.assert_allclose(shades[0], alpha / alpha.sum(1, keepdims=True), rtol=1e-9)
        np.testing.assert_allclose(shades[1], np.exp(want.beta) / np.exp(want.beta).sum(1, keepdims=True), rtol=1e-9)
        np.testing.assert_allclose(shades[2], want.posterior, rtol=1e-9)
        if want.log_likelihood > -np.inf:  # the best path is in the full colour all along
            assert np.max(shades[3], axis=1) == pytest.approx(np.ones(len(alpha)))
