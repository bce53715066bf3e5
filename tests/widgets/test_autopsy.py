"""The autopsy widget: its Python side, and the JavaScript that computes from the same numbers."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import best_path, forward_backward
from crnn_lessons.models import build
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader import Reader
from crnn_lessons.text.render import render_word
from crnn_lessons.widgets.autopsy import Autopsy
from crnn_lessons.widgets.autopsy_evidence import Evidence, chance, equals, to_steps
from tests.widgets.node import floats, needs_node, run_node

AB = Alphabet("abcd")


def model(seed=0):
    """An untrained recogniser that says different things at different frames: its logits are centred and scaled."""
    torch.manual_seed(seed)
    net = build("tiny", AB.num_classes).eval()
    with torch.no_grad():
        logits, _ = net(to_input(torch.from_numpy(noise(seed).astype(np.float32) / 255)[None]))
        scale = 2 / logits.std(dim=(0, 1))
        net.output.weight *= scale[:, None]
        net.output.bias.copy_(net.output.bias * scale - logits.mean(dim=(0, 1)) * scale)
    return net


def noise(seed=0, height=32, width=60):
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def autopsy(seed=0, **arguments):
    return Autopsy(model(seed), noise(seed), AB, **arguments)


# numbers


@pytest.mark.parametrize("seed", range(5))
def test_kept_numbers_are_those_of_the_network(seed):
    net, picture = model(seed), noise(seed)
    widget = Autopsy(net, picture, AB)
    with torch.inference_mode():
        logits, _ = net(to_input(torch.from_numpy(picture.astype(np.float32) / 255)[None]))
    log_probs = logits[:, 0].double().log_softmax(-1).numpy()
    labels = best_path(log_probs)
    lattice = forward_backward(log_probs, labels)
    assert widget.text == AB.decode(labels) and len(labels) > 1
    assert widget.confidence == pytest.approx(np.exp(lattice.log_likelihood), rel=5e-3)
    for i in range(len(labels)):
        np.testing.assert_allclose(widget.posterior(i), lattice.posterior[:, 2 * i + 1], atol=3e-3)
        first, last = widget.span(i)
        assert set(log_probs.argmax(1)[first : last + 1]) == {labels[i]}
        assert widget.posterior(i)[widget.peak(i)] == pytest.approx(widget.posterior(i).max())
    for t in range(len(log_probs)):
        rivals = widget.rivals(t)
        assert len(rivals) == 5 and sum(p for _, p in rivals) == pytest.approx(1)  # all five classes
        assert [p for _, p in rivals] == sorted((p for _, p in rivals), reverse=True)
        assert [p for _, p in rivals] == pytest.approx(sorted(np.exp(log_probs[t]), reverse=True), rel=1e-3)


def test_rounding_is_fine_and_leaves_no_text_more_probable_than_certain():
    values = np.log(np.random.default_rng(0).dirichlet(np.full(30, 0.02), 200).clip(1e-300))
    values -= np.logaddexp.reduce(values, axis=1, keepdims=True)
    evidence = Evidence(to_steps(values), Alphabet([chr(97 + i) for i in range(29)]))
    assert np.abs(np.exp(evidence.log_probs) - np.exp(values)).max() < 3e-4
    assert np.exp(evidence.log_probs).sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert evidence.lattice.log_likelihood <= 1e-12
    assert to_steps([0.0, 1e-9, -1.0, -32.0, -np.inf]).tolist() == [0, 0, 2048, 65535, 65535]


@pytest.mark.parametrize("width", [60, 101])
def test_fields_are_exact(width):
    """A not-a-number in one place spoils the frames whose field holds it, and no others."""
    net = model()
    widget = Autopsy(net, noise(width=width), AB)
    columns = widget.evidence["columns"]
    with torch.inference_mode():
        for column in range(width):
            picture = torch.zeros(1, 1, 32, width)
            picture[..., column] = torch.nan
            spoilt = net.features(picture)[0].isnan().any(0).any(0)
            assert spoilt.tolist() == [first <= column <= last for first, last in columns]
        for row in range(32):
            picture = torch.zeros(1, 1, 32, width)
            picture[:, :, row] = torch.nan
            first, last = widget.evidence["rows"]
            assert bool(net.features(picture).isnan().any()) == (first <= row <= last)


def photographed(word):
    """A picture that is read as it stands; of noise the reader tries other parts and turns, which no autopsy shows."""
    font = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSerif-Bold.ttf"
    return render_word(word, font, np.random.default_rng(25), height=96)


def test_a_reader_and_its_autopsy_agree_and_the_picture_is_what_the_network_got():
    reader, image = Reader(), photographed("bookshop")
    widget, (picture, _) = Autopsy(reader, image), reader.look(image)
    reading = reader.read(image)
    assert widget.text == reading.text == "bookshop"
    assert widget.confidence == pytest.approx(reading.confidence, rel=5e-3)
    kept = Image.open(io.BytesIO(base64.b64decode(widget.evidence["image"])))
    assert (np.asarray(kept) == picture).all()
    assert (widget.evidence["width"], widget.evidence["height"]) == picture.shape[::-1]


def test_a_network_in_training_is_looked_at_in_evaluation_and_left_in_training():
    net = model()
    want = Autopsy(net, noise(), AB).evidence
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert Autopsy(net, noise(), AB).evidence == want
    assert net.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_a_picture_of_another_height_is_fitted():
    widget = Autopsy(model(), noise(height=50, width=200), AB)
    assert (widget.evidence["height"], widget.evidence["width"]) == (32, 100)
    assert Autopsy(model(), Image.fromarray(noise()), AB).evidence == autopsy().evidence


# JavaScript


@needs_node
def test_javascript_computes_what_python_computes(tmp_path):
    widgets = [autopsy(seed) for seed in range(6)]
    body = """const f = w.study(x.evidence), T = x.evidence.T;
      return [f.letters.map(({ k, from, to }) => [k, from, to]), f.peaks, [f.logLikelihood], f.posteriors,
              Array.from({ length: T }, (_, t) => w.rivals(f, t).map(({ k, p }) => [k, p]))];"""
    answers = run_node(tmp_path, body, [{"evidence": widget.evidence} for widget in widgets], "autopsy.js")
    for widget, (letters, peaks, total, posteriors, rivals) in zip(widgets, answers, strict=True):
        S, T = len(widget.text), widget.evidence["T"]
        assert [tuple(letter) for letter in letters] == widget.spans
        assert peaks == [widget.peak(i) for i in range(S)]
        assert floats(total) == pytest.approx([np.log(widget.confidence)], abs=1e-9)
        assert np.abs(np.array(posteriors) - [widget.posterior(i) for i in range(S)]).max() < 1e-9
        for t in range(T):
            assert [k for k, _ in rivals[t]] == [k for k, _ in widget.rivals(t)]
            assert [p for _, p in rivals[t]] == pytest.approx([p for _, p in widget.rivals(t)], abs=1e-9)


@needs_node
def test_a_probability_is_never_said_to_be_1_and_never_drowns_in_zeros(tmp_path):
    logs = [0.0, -1e-5, -2e-4, -1.0, -27.0, -28.0, -212.6, -5000.0]
    said = run_node(tmp_path, "return w.chance(x);", logs, "autopsy.js")
    assert said == [chance(log_p) for log_p in logs]
    assert said[:3] == ["above 0.9999", "above 0.9999", "0.9998"] and said[-3:] == ["below 1e−12"] * 3
    assert said[4] == "1.88e−12" and run_node(tmp_path, "return w.chance(-Infinity);", [0], "autopsy.js") == ["0"]
    assert (chance(-np.inf), equals(0.0), equals(-1.0)) == ("0", "above 0.9999", "= 0.3679")


@needs_node
def test_javascript_breaks_ties_alike_and_keeps_equal_letters_apart(tmp_path):
    rows = [[0, 5, 5, 9], [7, 3, 3, 3], [0, 9, 9, 9], [8, 2, 2, 9], [8, 2, 3, 9], [9, 9, 1, 9]]
    steps = np.array(rows, "<u2") * 700
    evidence = Evidence(steps, Alphabet("abc"))
    kept = {"T": 6, "steps": base64.b64encode(steps.tobytes()).decode()}
    body = "const f = w.study(x); return [f.letters.map(({ k, from, to }) => [k, from, to]), f.peaks];"
    [[letters, peaks]] = run_node(tmp_path, body, [kept], "autopsy.js")
    assert letters == [[1, 1, 1], [1, 3, 4], [2, 5, 5]] == [list(span) for span in evidence.spans]
    assert peaks == [evidence.peak(i) for i in range(3)]


# arguments


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Autopsy(model(), noise()), "give alphabet as well"),
        (lambda: Autopsy(model(), noise(), "abc"), "the recogniser has 5 classes and the alphabet 4"),
        (lambda: Autopsy(Reader(), noise(), AB), "a reader has its own alphabet"),
        (lambda: Autopsy("tiny", noise(), AB), "takes a Reader or a Recogniser, and got str"),
        (lambda: autopsy(letter=99), "letter runs from 0 to"),
        (lambda: autopsy(letter=-1), "letter runs from 0 to"),
        (lambda: Autopsy(build("tiny", 5, in_channels=3), noise(), AB), "reads colour; give one with in_channels=1"),
        (lambda: Autopsy(model(), noise(width=40_000), AB), "crop the picture"),
    ],
)
def test_autopsy_refuses_with_one_sentence(make, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        make()


def test_letter_and_frame_are_traits():
    widget = autopsy()
    S, T = len(widget.text), widget.evidence["T"]
    widget.letter, widget.frame = S - 1, T - 1
    assert widget.start == {"letter": 0, "frame": widget.peak(0)}
    for name, wrong, most in (("letter", S, S - 1), ("letter", -1, S - 1), ("frame", T, T - 1), ("frame", -1, T - 1)):
        with pytest.raises(traitlets.TraitError, match=f"{name} runs from 0 to {most}"):
            setattr(widget, name, wrong)
    with pytest.raises(traitlets.TraitError):
        widget.evidence = {}


def silent():
    """A network that says blank everywhere."""
    net = model()
    with torch.no_grad():
        net.output.bias[0] += 100
    return net


def test_nothing_read_is_shown_too():
    widget = Autopsy(silent(), noise(), AB)
    assert (widget.text, widget.letter, widget.confidence) == ("", -1, pytest.approx(1))
    assert "'nothing'" in widget.alt() and "blanks only" in widget.alt() and widget.html()
    with pytest.raises(traitlets.TraitError, match="nothing was read, so letter is -1"):
        widget.letter = 0


# the page without a kernel


def test_alt_and_repr_are_made_from_the_data():
    widget = autopsy(letter=1)
    first, last = widget.evidence["columns"][widget.frame]
    said = widget.alt()
    assert f"{widget.text!r}, p = " in said and f"Frame {widget.frame} sees columns {first} to {last} of 60" in said
    page = widget.html()
    assert html.escape(said) in page
    state = json.loads(html.unescape(re.search(r'data-state="([^"]*)"', page)[1]))
    assert (state["letter"], state["frame"], state["evidence"]) == (1, widget.peak(1), widget.evidence)
    assert repr(widget) == f"Autopsy(text={widget.text!r}, letter=1, frame={widget.peak(1)})"
    data, _ = widget._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
