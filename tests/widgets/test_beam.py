"""The beam widget in Python, and its arithmetic in JavaScript against the package's."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import beam_search, collapse
from crnn_lessons.widgets import Beam
from tests.widgets.node import floats, needs_node, run_node

PROBS = [[0.6, 0.4, 0.0], [0.6, 0.4, 0.0], [0.1, 0.2, 0.7]]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(probs=PROBS, characters="abc"), "probs has 3 classes, and the characters 'abc' with the blank make 4"),
        (dict(probs=PROBS[0], characters="ab"), "probs must be T x C (time steps by classes)"),
        (dict(probs=np.array(PROBS) * 0.5, characters="ab"), "sum to 1, and at t=0 they sum to 0.5"),
        (dict(characters="ab"), "either probs or log_probs"),
        (dict(probs=PROBS, log_probs=PROBS, characters="ab"), "either probs or log_probs"),
        (dict(probs=PROBS, characters="ab", width=0), "width runs from 1 to 20, and got 0"),
        (dict(probs=PROBS, characters="ab", width=2.5), "width runs from 1 to 20, and got 2.5"),
        (dict(probs=PROBS, characters="ab", t=4), "t is a number of frames, 0 to 3 here, and got 4"),
        (dict(probs=np.full((101, 2), 0.5), characters="a"), "draws at most 100 time steps"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        Beam(**arguments)
    assert "\n" not in str(caught.value)


def test_the_beams_by_hand():
    """The picture of lesson 09, with one more class."""
    w = Beam(PROBS, "ab", width=3)
    first, second, third = w.beams
    assert list(first) == ["", "a"] and np.allclose(list(first.values()), [(0.6, 0), (0, 0.4)])
    assert list(second) == ["a", ""] and np.allclose(list(second.values()), [(0.24, 0.4), (0.36, 0)])
    assert list(third) == ["ab", "b", "a"]
    assert np.allclose(list(third.values()), [(0, 0.448), (0, 0.252), (0.064, 0.4 * 0.2 + 0.36 * 0.2)])
    assert w.text == "ab"
    assert "at the end 'ab' is the best of 3 texts, with 0.448; the best path reads 'b'." in w.alt()
    assert repr(w) == "Beam(T=3, C=3, width=3, t=0, text='ab')"


def test_attributes_follow_the_same_rules_and_the_frame_follows_its_axis():
    w = Beam(log_probs=torch.tensor(PROBS).log(), characters=Alphabet("ab"), t=3)
    np.testing.assert_allclose(w.probs, PROBS, atol=1e-7)
    w.width = 1
    assert len(w.beams[-1]) == 1
    w.probs = PROBS[:2]
    assert w.t == 2
    for name, value in (("width", 21), ("t", 3), ("probs", [[0.5, 0.5]]), ("characters", ["x"])):
        before = getattr(w, name)
        with pytest.raises(ValueError):
            setattr(w, name, value)
        assert getattr(w, name) == before


@needs_node
def test_the_page_computes_what_python_computes(tmp_path):
    rng, cases = np.random.default_rng(0), []
    for _ in range(150):
        T, C = int(rng.integers(1, 8)), int(rng.integers(2, 6))
        probs = rng.dirichlet(np.full(C, rng.choice([0.3, 1.0])), size=T)
        if rng.random() < 0.3:
            probs[:, 1:][rng.random((T, C - 1)) < 0.3] = 0
            probs[:, 0] += 1e-3
            probs /= probs.sum(axis=1, keepdims=True)
        cases.append({"probs": probs.tolist(), "width": int(rng.integers(1, 12))})
    body = """
      const moments = w.search(x.probs, x.width);
      const seen = moments.map(({ beam, dropped }, t) => {
        const total = (one) => t && w.ways(moments[t - 1].beam, one.labels, x.probs[t - 1])
          .reduce((sum, { brings }) => sum + brings, 0);
        const tree = w.treeAt(moments, t);
        return [beam.map(({ labels, byBlank, byLabel }) => [labels, byBlank, byLabel]), beam.map(total),
          tree.map(({ labels, fate, line }) => [labels, fate, line]),
          dropped.reduce((sum, { total }) => sum + total, 0)];
      });
      return seen;
    """
    for case, moments in zip(cases, run_node(tmp_path, body, cases, "beam_search.js"), strict=True):
        signs = "abcde"[: len(case["probs"][0]) - 1]
        beams = Beam(case["probs"], signs, width=case["width"]).beams
        kept = 1.0
        for want, (found, totals, tree, dropped) in zip(beams, moments[1:], strict=True):
            texts = ["".join(signs[k - 1] for k in labels) for labels, *_ in found]
            assert texts == list(want)
            np.testing.assert_allclose([floats(pair[1:]) for pair in found], list(want.values()), rtol=1e-9, atol=1e-15)
            np.testing.assert_allclose(floats(totals), [sum(pair) for pair in want.values()], rtol=1e-9, atol=1e-15)
            mass = sum(map(sum, want.values()))
            assert mass + float(dropped) == pytest.approx(kept)  # what is not in the beam was dropped
            kept = mass
            fates = {tuple(labels): fate for labels, fate, _ in tree}
            assert len(fates) == len(tree)  # each prefix once
            assert {labels for labels, fate in fates.items() if fate == "kept"} == {tuple(x[0]) for x in found}
            assert all(labels[:-1] in fates for labels in fates if labels)  # and its parent with it
            places = [(len(labels), line) for labels, _, line in tree]
            assert len(set(places)) == len(places)  # nothing is drawn over anything
        if case["width"] == 11:
            (best,) = beam_search(np.log(np.maximum(case["probs"], 1e-300)), 11)
            assert best.score >= np.log(sum(beams[-1][next(iter(beams[-1]))])) - 1e-9
    assert collapse([1, 1, 0]) == (1,)
