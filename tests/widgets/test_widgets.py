"""The widgets' Python side: arguments, traits, and the page that is left without a kernel."""

from __future__ import annotations

import html
import json
import re
import subprocess

import numpy as np
import pytest
import torch
import traitlets

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import forced_alignment, forward_backward
from crnn_lessons.show.numbers import show_number
from crnn_lessons.widgets import Collapse, Lattice
from crnn_lessons.widgets.page import HERE, module
from tests.widgets.node import NODE, needs_node

PROBS = np.array([[0.3, 0.4, 0.3], [0.2, 0.5, 0.3], [0.25, 0.25, 0.5], [0.4, 0.35, 0.25]])


def state_of(page: str) -> dict:
    return json.loads(html.unescape(re.search(r'data-state="([^"]*)"', page)[1]))


# arguments


@pytest.mark.parametrize(
    "arguments, words",
    [
        (
            dict(path="hexllo", alphabet="helo"),
            "'x' at step 2 of 'hexllo' is neither the blank '-' nor in the alphabet",
        ),
        (dict(path="a" * 65), "at most 64 steps, and the path has 65"),
        (dict(path="a", alphabet="a-b"), "'-' stands for the blank"),
        (dict(path="a", alphabet="a", examples=["b"]), "'b' at step 0"),
        (dict(path=5), "a path is a text"),
    ],
)
def test_collapse_refuses_with_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Collapse(**arguments)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(probs=PROBS, target="ab", characters="abc"), "3 classes, and the characters 'abc' with the blank make 4"),
        (dict(probs=PROBS[0], target="a", characters="ab"), "probs must be T x C (time steps by classes)"),
        (dict(probs=PROBS * 2, target="a", characters="ab"), "sum to 1, and at t=0 they sum to 2"),
        (dict(probs=PROBS - 0.3, target="a", characters="ab"), "lies between 0 and 1, and probs[1, 0] is -0.1"),
        (dict(probs=PROBS * np.nan, target="a", characters="ab"), "lies between 0 and 1, and probs[0, 0] is nan"),
        (dict(probs="no", target="a", characters="ab"), "must be a T x C array of numbers"),
        (dict(probs=PROBS, target="ax", characters="ab"), "'x' at place 1 of 'ax' is not in the alphabet 'ab'"),
        (dict(probs=PROBS, target="aaa", characters="ab"), "the target 'aaa' needs 5 time steps, and probs has 4"),
        (dict(target="a", characters="ab"), "either probs or log_probs"),
        (dict(probs=PROBS, log_probs=PROBS, target="a", characters="ab"), "either probs or log_probs"),
        (dict(probs=PROBS, target="a", characters="ab", t=4), "t runs from 0 to 3"),
        (dict(probs=PROBS, target="a", characters="ab", s=3), "s runs from 0 to 2"),
        (dict(probs=PROBS, target="a", characters="ab", mode="gamma"), "mode is one of alpha, beta, posterior, best"),
    ],
)  # fmt: skip
def test_lattice_refuses_with_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Lattice(**arguments)


def test_log_probs_tensors_and_alphabets_are_taken_too():
    log_probs = torch.log(torch.tensor(PROBS)).float().requires_grad_()
    w = Lattice(log_probs=log_probs, target="ab", characters=Alphabet("ab"))
    np.testing.assert_allclose(w.probs, PROBS, rtol=1e-6)
    want = forward_backward(np.log(PROBS), [1, 2])
    assert w.numbers.log_likelihood == pytest.approx(want.log_likelihood, rel=1e-6)
    certain = Lattice(log_probs=[[-np.inf, 0.0]], target="a", characters="a")  # a probability of zero is one
    assert certain.probs == [[0.0, 1.0]] and certain.numbers.log_likelihood == 0


# traits


def test_setting_traits_follows_the_same_rules():
    w = Lattice(PROBS, "ab", "ab", t=3, s=4)
    for name, value, words in [
        ("target", "ax", "'x' at place 1"),
        ("target", "aaa", "needs 5 time steps, and probs has 4"),
        ("probs", PROBS[:1], "the target 'ab' needs 2 time steps, and probs has 1"),
        ("probs", PROBS * 2, "sum to 1"),
        ("probs", np.full((4, 2), 0.5), "probs has 2 classes, and this lattice has 3"),
        ("t", 4, "t runs from 0 to 3"),
        ("s", -1, "s runs from 0 to 4"),
        ("mode", "gamma", "gamma"),
        ("characters", ["x"], "read-only"),
    ]:
        before = getattr(w, name)
        with pytest.raises(traitlets.TraitError, match=re.escape(words)):
            setattr(w, name, value)
        assert getattr(w, name) == before
    w.target = "a"
    assert (w.target, w.s) == ("a", 2)  # the row is kept within the new lattice
    w.probs = PROBS[:2]
    assert w.probs == PROBS[:2].tolist() and w.t == 1
    w.probs = PROBS
    np.testing.assert_array_equal(w.numbers.alpha, forward_backward(np.log(PROBS), [1]).alpha)
    with w.hold_trait_notifications():  # as when the page sends several at once
        w.target, w.s = "ab", 4
    assert (w.target, w.s) == ("ab", 4)


def test_collapse_says_what_the_path_becomes():
    w = Collapse("hh-e-ll-lo", alphabet="helo")
    assert (w.text, w.count) == ("hello", 1001)
    w.use_blank = False
    assert (w.text, w.count) == ("helo", 20)
    w.use_blank, w.path = True, "a" * 0
    assert (w.text, w.count, w.position) == ("", 1, 0)
    with pytest.raises(traitlets.TraitError, match="'x' at step 0"):
        w.path = "x"
    with pytest.raises(traitlets.TraitError, match="position is a step of the path"):
        w.position = 7
    assert Collapse("e\u0301e\u0301").text == "é"  # one character, composed


def test_examples_are_those_the_alphabet_can_write():
    assert len(Collapse().examples) == 3
    assert Collapse("a", alphabet="ab").examples == []
    assert Collapse("a", alphabet="ab", examples=["aab-"]).examples == ["aab-"]


def test_repr_has_no_address():
    assert repr(Collapse("aa-b")) == "Collapse(path='aa-b', text='ab')"
    assert repr(Lattice(PROBS, "ab", "ab")) == "Lattice(target='ab', T=4, C=3, t=0, s=0, mode='alpha')"


# the page without a kernel


def test_the_bundle_has_the_live_view_and_the_page():
    w = Lattice(PROBS, "ab", "ab", t=2, mode="beta")
    data, _ = w._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert data["text/plain"] == repr(w)
    state = state_of(data["text/html"])
    assert state == dict(probs=PROBS.tolist(), target="ab", characters=["a", "b"], t=2, s=0, mode="beta")
    assert data["text/html"].index("<img alt=") < data["text/html"].index("<script")
    w.target = "b"
    moved = state_of(w.html())
    assert moved["target"] == "b" and moved["start"]["target"] == "ab"  # reset leads to what was asked for


def test_alt_text_is_made_from_the_data():
    w = Lattice(PROBS, "ab", "ab")
    numbers = forward_backward(np.log(PROBS), [1, 2])
    p, loss = show_number(np.exp(numbers.log_likelihood)), show_number(-numbers.log_likelihood)
    path, _ = forced_alignment(np.log(PROBS), [1, 2])
    best = "".join("-a-b-"[s] for s in path)
    assert w.alt() == (
        f"CTC lattice of the target 'ab': 4 time steps, 5 rows; p(Y|X) = {p}, loss {loss}; most probable path {best!r}."
    )
    assert f'<img alt="{html.escape(w.alt())}"' in w.html()
    impossible = Lattice([[1.0, 0.0]], "a", "a")
    assert "loss ∞; no path has a probability above zero" in impossible.alt()
    assert impossible.html()
    w = Collapse("aa-ab")
    assert "'aa-ab' of 5 steps collapses to 'aab'" in w.alt()
    assert w.alt().endswith(f"Paths of 5 steps with this text: {w.count:,}.") and w.count == 7


def test_characters_that_mean_something_to_html_stay_characters():
    nasty = "</>\"'&!\\"
    probs = np.full((12, 9), 1 / 9)
    for w in (Lattice(probs, "</>\"'&", nasty), Collapse("<!--</script>", examples=["</script>"])):
        page = w.html()
        assert page.count("</script>") == page.count("<script") == 1
        assert "<!--" not in page
        state = state_of(page)
        assert state.get("target", state.get("path")) == (w.target if isinstance(w, Lattice) else w.path)
        assert html.unescape(re.search(r'<img alt="([^"]*)">', page)[1]) == w.alt()


def test_the_page_needs_nothing_from_outside():
    page = Lattice(PROBS, "ab", "ab").html() + Collapse().html()
    addresses = set(re.findall(r"https?://[^\"'`\s)]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, never fetched


def test_floats_in_the_page_do_not_hang_on_the_last_bit():
    assert state_of(Lattice([[0.1 + 0.2, 0.7]], "", "a").html())["probs"] == [[0.3, 0.7]]


def test_the_modules_join_into_one_that_parses(tmp_path):
    for name in ("collapse", "lattice"):
        text = module("page.js", f"{name}.js")
        assert "import " not in re.sub(r"//.*|/\*.*?\*/", "", text, flags=re.DOTALL)
        assert "</script" not in text and "<!--" not in text
    for file in HERE.glob("*.js"):
        assert " as " not in "".join(re.findall(r"^import .*", file.read_text(), re.MULTILINE))


@needs_node
def test_node_can_parse_what_is_shipped(tmp_path):
    for name in ("collapse", "lattice"):
        (tmp_path / f"{name}.mjs").write_text(module("page.js", f"{name}.js"))
        done = subprocess.run([NODE, "--check", f"{name}.mjs"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_two_executions_of_a_notebook_give_the_same_bytes():
    """What a notebook keeps, the live view aside: HTML and text."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    cells = (
        "from crnn_lessons.widgets import Collapse, Lattice\n"
        "w = Lattice([[0.3, 0.4, 0.3], [0.2, 0.5, 0.3], [0.25, 0.25, 0.5]], 'ab', 'ab')\nw",
        "Collapse(alphabet='helo')",
        "w",
    )
    runs = []
    for _ in range(2):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
        outputs = [cell.outputs[0].data for cell in book.cells]
        assert all("application/vnd.jupyter.widget-view+json" in data for data in outputs)
        runs.append([(data["text/html"], data["text/plain"]) for data in outputs])
    assert runs[0] == runs[1]
    ids = [re.search(r'id="(crnn-[a-z]+-\d+)"', page)[1] for page, _ in runs[0]]
    assert ids == ["crnn-lattice-0", "crnn-collapse-1", "crnn-lattice-2"]
