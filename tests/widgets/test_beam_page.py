"""The beam widget on a page without a kernel, in a real Chromium."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crnn_lessons.ctc import enumerate_probability
from crnn_lessons.show.numbers import show_number as show
from crnn_lessons.widgets import Beam
from tests.widgets.test_jupyterlab import output, run_cell
from tests.widgets.test_page import press, show_page

pytestmark = pytest.mark.browser

PROBS = [[0.6, 0.4, 0.0], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.3, 0.3], [0.3, 0.5, 0.2]]


@pytest.fixture
def beam(page, tmp_path):
    show_page(page, tmp_path, Beam(PROBS, "ab", width=3))
    page.wait_for_selector(".crnn-beam .crnn-node")
    return page


def nodes(page, fate: str) -> list[str]:
    """The prefixes of a kind that are drawn, as their names in the tree."""
    found = page.locator(f".crnn-node.crnn-{fate}").evaluate_all("all => all.map((one) => one.dataset.key)")
    return ["".join("-ab"[int(k)] for k in name.split()) for name in found]


def assert_python(page, width: int, t: int, probs=PROBS) -> None:
    """What is drawn at a moment is what Python has in the beam then."""
    widget = Beam(probs, "ab", width=width)
    assert set(nodes(page, "kept")) == (set(widget.beams[t - 1]) if t else {""})
    last = widget.beams[-1]
    at_the_end = page.locator(".crnn-end-text").text_content()
    exact = enumerate_probability(np.array(probs), ["ab".index(c) + 1 for c in widget.text])
    assert at_the_end == f"at the end '{widget.text}' {show(sum(last[widget.text]))}; with all its paths {show(exact)}"


def test_arrows_walk_through_the_frames(beam):
    page = beam
    assert nodes(page, "kept") == [""] and nodes(page, "fallen") == []
    assert "one path, without a step" in page.locator(".crnn-line").text_content()
    page.locator(".crnn-node").first.click()
    for t in range(1, 6):
        press(page, "ArrowRight")
        assert_python(page, 3, t)
        assert page.locator(".crnn-at").text_content() == f"after frame {t - 1} of 0 to 4"
        assert page.evaluate("document.activeElement.classList.contains('crnn-node')")
    press(page, "ArrowRight")  # there is no further
    assert_python(page, 3, 5)
    assert nodes(page, "fallen")
    press(page, "Home")
    assert nodes(page, "kept") == [""]
    press(page, "End", "ArrowLeft")
    assert page.locator(".crnn-at").text_content() == "after frame 3 of 0 to 4"


def test_a_prefix_says_where_its_probability_comes_from(beam):
    page = beam
    page.get_by_role("button", name="one frame on").click(click_count=2)
    page.locator('.crnn-node[data-key="1"]').click()
    # 'a' after two frames: blank (0.4 · 0.5), held 0.4 · 0.3, from the empty prefix 0.6 · 0.3
    said = page.locator(".crnn-line").text_content()
    assert said == "'a' after frame 1: 0.2 in the blank + 0.3 in the label = 0.5; rank 1 of 3."
    assert page.locator(".crnn-way").all_text_contents() == [
        "all paths of 'a' take the blank: 0.4 · p(1, -) = 0.4 · 0.5 = 0.2",
        "paths of 'a' that end in a hold it: 0.4 · p(1, a) = 0.4 · 0.3 = 0.12",
        "all paths of the empty prefix write a: 0.6 · p(1, a) = 0.6 · 0.3 = 0.18",
    ]
    assert page.locator(".crnn-used").evaluate_all("all => all.map((td) => [td.dataset.t, td.dataset.k])") == [
        ["1", "0"], ["1", "1"],
    ]  # fmt: skip
    press(page, "ArrowDown")
    chosen = page.locator(".crnn-node.crnn-chosen")
    assert chosen.count() == 1 and chosen.get_attribute("data-key") != "1"
    assert chosen.get_attribute("aria-selected") == "true" and chosen.get_attribute("tabindex") == "0"


def test_the_width_prunes_and_what_falls_fades(beam):
    page = beam
    page.get_by_role("button", name="one frame on").click(click_count=4)
    slider = page.get_by_label("width of the beam")
    for width in (1, 2, 8, 20):
        slider.fill(str(width))
        assert_python(page, width, 4)
    assert len(nodes(page, "kept")) > 8
    slider.fill("2")
    fallen = page.locator(".crnn-node.crnn-fallen").first
    assert float(fallen.evaluate("(node) => getComputedStyle(node).opacity")) < 0.9
    fallen.click()
    assert page.locator(".crnn-line").text_content().endswith("dropped.")
    page.get_by_role("button", name="reset").click()
    assert_python(page, 3, 0)


def test_a_probability_can_be_edited(beam):
    page = beam
    cell = page.locator('.crnn-probs td[data-t="2"][data-k="1"]')
    cell.click()
    press(page, ".", "9", "Enter")
    changed = [list(row) for row in PROBS]
    changed[2] = [p / 0.8 * 0.1 if k != 1 else 0.9 for k, p in enumerate(PROBS[2])]
    page.get_by_role("button", name="one frame on").click(click_count=5)
    assert_python(page, 3, 5, changed)
    cell.click()
    press(page, "2", "Enter")
    assert "lies between 0 and 1; p(2, a) stays 0.9" in page.locator(".crnn-note").text_content()
    assert math.isclose(sum(changed[2]), 1)


def test_a_reader_s_table_is_drawn_and_fits_a_narrow_page(page, tmp_path):
    rng = np.random.default_rng(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    probs = rng.dirichlet(np.full(27, 0.05), size=26)
    show_page(page, tmp_path, Beam(probs, letters, width=10, t=26))
    page.wait_for_selector(".crnn-beam .crnn-node")
    for wide in (1200, 390):
        page.set_viewport_size({"width": wide, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= wide
        assert len(nodes_of(page)) == 10
    rows = page.locator(".crnn-probs tr").count()
    assert 3 < rows < 28  # the classes that some prefix has, and the others as one row


def nodes_of(page) -> list[str]:
    return page.locator(".crnn-node.crnn-kept").evaluate_all("all => all.map((one) => one.dataset.key)")


def test_the_live_view_and_python_follow_each_other(page, lab):
    lab.write(
        "beam.ipynb",
        "from crnn_lessons.widgets import Beam\nb = Beam([[0.6, 0.4], [0.6, 0.4]], 'a', width=1)\nb",
        "print(b.width, b.t, b.text, [round(p, 3) for p in b.probs[1]])",
        "b.probs = [[0.6, 0.4], [0.1, 0.9], [0.5, 0.5]]\nb.t = 3",
    )
    lab.open(page, "beam.ipynb")
    lab.run_all(page)
    page.wait_for_function("() => document.querySelectorAll('.crnn-beam .crnn-probs td').length === 6")
    assert page.locator(".crnn-at").text_content() == "after frame 2 of 0 to 2"  # what Python set is drawn
    page.locator(".crnn-node.crnn-kept").first.click()
    press(page, "ArrowLeft")
    page.get_by_label("width of the beam").fill("4")
    run_cell(page, 1)
    assert output(page, 1) == "4 2 a [0.1, 0.9]"  # and what the learner set is there in Python
