"""The film widget: its Python side, and the JavaScript that reads the same bytes."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest
import torch
import traitlets

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import collapse, enumerate_probability, extend, forced_alignment, forward_backward
from crnn_lessons.widgets.film import MOST_BYTES, PER_NAT, Film, from_bytes, to_bytes
from tests.widgets.node import needs_node, run_node

DIGITS = "0123456789"


def training(T=(14, 9), C=11, moments=(0, 5, 20, 80, 200), seed=0, targets=("4077", "12")):
    """A made-up run: from random rows to rows that are sure of an alignment of the target."""
    rng = np.random.default_rng(seed)
    alphabet = Alphabet(DIGITS[: C - 1])
    frames, goals = [], []
    for n, target in enumerate(targets):
        rows, _ = forced_alignment(np.log(rng.dirichlet(np.ones(C), T[n])), alphabet.encode(target))
        goals.append(4.0 * np.eye(C)[extend(alphabet.encode(target))[rows]])
    for i, step in enumerate(moments):
        logits = [rng.normal(size=(T[n], C)) + i * goals[n] / 2 for n in range(len(targets))]
        frames.append((step, [x - np.log(np.exp(x).sum(1, keepdims=True)) for x in logits]))
    images = [(rng.random((20, T[n])) * 255).astype(np.uint8) for n in range(len(targets))]
    return frames, images, list(targets), alphabet


# bytes


def test_bytes_keep_log_probabilities_within_a_twenty_fourth_of_a_nat():
    values = -np.linspace(0, 21.2, 5000)
    assert np.abs(from_bytes(to_bytes(values)) - values).max() <= 0.5 / PER_NAT + 1e-12
    assert to_bytes([0.0, 1e-9, -21.3, -1e9, -np.inf]).tolist() == [0, 0, 255, 255, 255]
    assert (to_bytes(torch.tensor([[-1.0]], requires_grad=True)) == 12).all()


def test_texts_alignments_and_losses_are_those_of_the_posteriors():
    frames, images, targets, alphabet = training()
    film = Film(frames, images, targets, alphabet)
    for i, (_, parts) in enumerate(frames):
        for n, log_probs in enumerate(parts):
            want = -forward_backward(log_probs, alphabet.encode(targets[n])).log_likelihood
            assert film.film["scenes"][n]["losses"][i] == pytest.approx(want, rel=1e-3)
            data = film.data(n, i)
            assert film.text(n, i) == alphabet.decode(collapse(data.argmin(axis=1)))
            assert list(collapse(film.alignment(n, i))) == alphabet.encode(targets[n])
    best, _ = forced_alignment(frames[-1][1][0], alphabet.encode("4077"))
    assert film.alignment(0, 4) == extend(alphabet.encode("4077"))[best].tolist()
    assert film.text(0, 4) == "4077"


@needs_node
def test_javascript_reads_the_same_bytes_alike(tmp_path):
    """Texts, paths and alignments are equal, also where bytes tie; and the loss that the bytes give is near."""
    cases, want = [], []
    for seed in range(12):
        frames, images, targets, alphabet = training(seed=seed, C=5, targets=("1330", "22"))
        if seed % 3 == 0:  # flat rows: everything ties
            flat = [np.full((T, 5), -np.log(5)) for T in (14, 9)]
            frames = [(step, flat) for step, _ in frames]
        film = Film(frames, images, targets, alphabet)
        cases.append({"film": film.film, "characters": list(alphabet.characters)})
        want.append(
            [
                [[film.text(n, i), film.alignment(n, i), film.data(n, i).argmin(axis=1).tolist()] for i in range(5)]
                for n in range(2)
            ]
        )
    body = """return w.unpack(x.film, x.characters).map((scene) => x.film.steps.map((_, f) => {
                const now = w.moment(scene, f, x.characters);
                return [now.text, now.alignment, now.path];
              }));"""
    assert run_node(tmp_path, body, cases, "film.js") == want


@needs_node
def test_javascript_finds_the_runs_of_a_path(tmp_path):
    paths = [[0, 1, 1, 0, 1, 2, 2], [3], [0, 0], [], [1, 1, 2, 1], [1, 0, 0, 1]]
    want = [
        [[1, 1, 3], [1, 4, 5], [2, 5, 7]],
        [[3, 0, 1]],
        [],
        [],
        [[1, 0, 2], [2, 2, 3], [1, 3, 4]],
        [[1, 0, 1], [1, 3, 4]],
    ]
    assert run_node(tmp_path, "return w.spans(x).map(({k, from, to}) => [k, from, to]);", paths, "film.js") == want


def test_alignment_is_the_best_of_all():
    """Against every alignment, by listing, on the film's own whole numbers."""
    from crnn_lessons.ctc import alignments

    frames, images, _, alphabet = training(T=(6,), C=4, targets=("11",))
    film = Film(frames, images, ["11"], alphabet)
    for i in range(len(frames)):
        scores = film.data(0, i).astype(int)
        cost = lambda path: sum(scores[t, k] for t, k in enumerate(path))  # noqa: E731, B023
        assert cost(film.alignment(0, i)) == min(cost(path) for path in alignments(6, [2, 2]))
    p = enumerate_probability(np.exp(frames[-1][1][0]), (2, 2))
    assert film.film["scenes"][0]["losses"][-1] == pytest.approx(-np.log(p), rel=1e-3)


# arguments


def broken(**changes):
    frames, images, targets, alphabet = training()
    return {"frames": frames, "images": images, "targets": targets, "characters": alphabet} | changes


F, PICTURES, _, _ = training()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"frames": []}, "at least one frame, and got none"),
        ({"images": PICTURES[:1]}, "one or two pictures, each with its text; got 1, 2"),
        ({"images": [], "targets": []}, "got 0, 0"),
        ({"frames": F[::-1]}, "steps of the frames must grow"),
        ({"frames": [(0, [F[0][1][0].T, F[0][1][1]])]}, "T x C = 14 x 11, one row a column of the picture"),
        ({"frames": [(0, F[0][1][:1])]}, "the log-probabilities of picture 1 at step 0"),
        ({"frames": [(3, [2 * x for x in F[0][1]])]}, "picture 0 at step 3 do not sum to 1; apply log_softmax"),
        ({"frames": [(0, [np.nan * x for x in F[0][1]])]}, "do not sum to 1"),
        ({"images": [PICTURES[0][None], PICTURES[1]]}, "picture 0 must be H x T"),
        ({"targets": ["4077", "1x"]}, "'x' at place 1"),
        ({"targets": ["4077", "1111111"]}, "needs 13 time steps, and picture 1 has 9"),
        ({"frame": 5}, "frame runs from 0 to 4"),
    ],
)  # fmt: skip
def test_film_refuses_with_one_sentence(changes, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Film(**broken(**changes))


def test_a_film_that_is_too_long_says_how_many_frames_to_keep():
    flat = np.full((100, 27), -np.log(27))
    images, alphabet = [np.zeros((20, 100))], Alphabet("abcdefghijklmnopqrstuvwxyz")
    with pytest.raises(ValueError, match=r"keep about (\d+) of its 100 frames") as caught:
        Film([(i, [flat]) for i in range(100)], images, ["ab"], alphabet)
    keep = int(re.search(r"about (\d+)", str(caught.value))[1])
    assert len(Film([(i, [flat]) for i in range(keep)], images, ["ab"], alphabet).html()) < MOST_BYTES + 60_000


def test_frame_is_a_trait():
    film = Film(*training()[:3], DIGITS, frame=2)
    film.frame = 4
    assert film.text() == film.text(0, 4)
    for wrong in (5, -1):
        with pytest.raises(traitlets.TraitError, match=re.escape("frame runs from 0 to 4")):
            film.frame = wrong
    with pytest.raises(traitlets.TraitError):
        film.film = {}
    assert film.frame == 4 and film.start == {"frame": 2}


# the page without a kernel


def test_alt_and_repr_are_made_from_the_data():
    film = Film(*training(), frame=1)
    said = film.alt()
    assert "5 frames from step 0 to 200. Shown is step 5" in said
    for n, target in enumerate(("4077", "12")):
        assert f"'{target}' is read as {film.text(n)!r}, loss " in said
    page = film.html()
    assert html.escape(said) in page
    state = json.loads(html.unescape(re.search(r'data-state="([^"]*)"', page)[1]))
    assert state["frame"] == 1 and state["film"] == film.film
    assert repr(film) == "Film(targets=['4077', '12'], frames=5, frame=1, step=5)"
    data, _ = film._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}


def test_one_frame_and_one_picture_are_enough():
    frames, images, targets, alphabet = training()
    film = Film([(0, frames[0][1][:1])], images[:1], targets[:1], alphabet)
    assert film.html() and "1 frames" in film.alt()
