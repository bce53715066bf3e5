"""The widgets on a page without a kernel, in a real Chromium: keys, clicks, and numbers that equal Python's."""

from __future__ import annotations

import numpy as np
import pytest

from crnn_lessons.ctc import count_alignments, forced_alignment, forward_backward
from crnn_lessons.show.numbers import show_number as show
from crnn_lessons.widgets import Collapse, Lattice

pytestmark = pytest.mark.browser

PROBS = np.array([[0.3, 0.4, 0.3], [0.2, 0.5, 0.3], [0.25, 0.25, 0.5], [0.4, 0.35, 0.25], [0.5, 0.1, 0.4]])


def show_page(page, folder, *widgets, page_style: str = "") -> None:
    file = folder / "page.html"
    body = "\n".join(widget if isinstance(widget, str) else widget.html() for widget in widgets)
    file.write_text(f"<!doctype html><html lang=en><meta charset=utf-8><title>widgets</title>{page_style}{body}")
    page.goto(file.as_uri())


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def numbers(probs: np.ndarray, target: str):
    with np.errstate(divide="ignore"):
        return forward_backward(np.log(probs), ["ab".index(c) + 1 for c in target])


# collapse


@pytest.fixture
def collapse(page, tmp_path):
    show_page(page, tmp_path, Collapse("hh-e-ll-lo"))
    page.wait_for_selector(".crnn-collapse input")
    return page


def result(page) -> str:
    return page.locator(".crnn-result").text_content()


def path(page) -> str:
    return "".join(page.locator("input.crnn-box").evaluate_all("(boxes) => boxes.map((box) => box.value)"))


def test_typing_replaces_moves_and_appends(collapse):
    page = collapse
    assert (path(page), result(page)) == ("hh-e-ll-lo", "hello")
    page.locator("input.crnn-box").nth(7).click()
    press(page, "l")  # the blank between the two l is gone, and they merge
    assert (path(page), result(page)) == ("hh-e-llllo", "helo")
    press(page, "ArrowLeft", "-")
    assert (path(page), result(page)) == ("hh-e-ll-lo", "hello")
    press(page, "End", "o", " ", "o")  # space is the blank too; typing past the end appends
    assert (path(page), result(page)) == ("hh-e-ll-loo-o", "helloo")
    press(page, "Backspace", "Backspace", "Home", "Delete", "Insert")
    assert (path(page), result(page)) == ("-h-e-ll-loo", "hello")
    want = count_alignments(11, [1, 2, 3, 3, 4])
    assert f"= {want:,}" in page.locator(".crnn-collapse p.crnn-mono").text_content()
    assert page.locator("input.crnn-box:focus").count() == 1  # the keyboard is never lost


def test_runs_merge_and_blanks_fall(collapse):
    page = collapse
    runs = page.locator(".crnn-run:not(.crnn-kept)")
    assert "".join(runs.all_text_contents()) == "h-e-l-lo"
    assert "".join(page.locator(".crnn-kept").all_text_contents()) == "hello"
    assert page.locator(".crnn-fallen").count() == 3
    first, boxes = runs.nth(0).bounding_box(), page.locator("input.crnn-box")
    left, right = boxes.nth(0).bounding_box(), boxes.nth(1).bounding_box()
    assert first["x"] == pytest.approx(left["x"], abs=3)  # the merged box spans both of its steps
    assert first["x"] + first["width"] == pytest.approx(right["x"] + right["width"], abs=3)


def test_buttons_examples_blank_switch_and_reset(collapse):
    page = collapse
    page.get_by_label("the blank exists").click()
    assert result(page) == "helo"
    assert "C(T − 1, S − 1) = C(6, 3) = 20" in page.locator(".crnn-collapse p.crnn-mono").text_content()
    page.get_by_role("button", name="example path hheelllloo").click()
    assert (path(page), result(page)) == ("hheelllloo", "helo")
    page.get_by_role("button", name="delete step").click()
    page.get_by_role("button", name="insert step").click()
    assert path(page) == "-heelllloo"
    page.get_by_role("button", name="reset").click()
    assert (path(page), result(page)) == ("hh-e-ll-lo", "hello")
    assert page.get_by_label("the blank exists").is_checked()


def test_an_alphabet_and_the_longest_path(page, tmp_path):
    show_page(page, tmp_path, Collapse("-" * 63, alphabet="ab"))
    page.locator("input.crnn-box").nth(62).click()
    press(page, "x")
    assert "“x” is not in the alphabet “ab”" in page.get_by_role("alert").text_content()
    press(page, "a", "b", "b")
    assert "at most 64 steps" in page.get_by_role("alert").text_content()
    assert (path(page), result(page)) == ("-" * 62 + "ab", "ab")


# lattice


@pytest.fixture
def lattice(page, tmp_path):
    show_page(page, tmp_path, Lattice(PROBS, "ab", "ab", t=1, s=1))
    page.wait_for_selector(".crnn-lattice .crnn-cell")
    return page


def cell(page, t: int, s: int):
    return page.locator(f".crnn-cell[data-t='{t}'][data-s='{s}']")


def line(page) -> str:
    return page.locator(".crnn-line").text_content()


def check_totals(page, probs: np.ndarray, target: str) -> None:
    want = numbers(probs, target)
    assert page.locator(".crnn-p").text_content() == show(np.exp(want.log_likelihood))
    assert page.locator(".crnn-loss").text_content() == show(0 - want.log_likelihood)


def test_click_keys_and_hover_choose_a_cell(lattice):
    page, alpha = lattice, np.exp(numbers(PROBS, "ab").alpha)
    check_totals(page, PROBS, "ab")
    cell(page, 2, 3).click()
    assert line(page).startswith("α(2,3) = (α(1,3) + α(1,2) + α(1,1)) · p(2, 'b') = ")
    assert line(page).endswith(f"· 0.5 = {show(alpha[2, 3])}")
    assert page.locator(".crnn-source").evaluate_all("(cells) => cells.map((c) => c.dataset.t + c.dataset.s)") == [
        "11",
        "12",
        "13",
    ]
    assert page.locator(".crnn-tip").count() == 3
    press(page, "ArrowRight", "ArrowUp")
    assert line(page).startswith("α(3,2) = ") and line(page).endswith(f"= {show(alpha[3, 2])}")
    assert page.locator(".crnn-cell:focus").get_attribute("data-t") == "3"
    cell(page, 1, 3).hover()
    assert line(page).startswith("α(1,3) = ")
    page.locator(".crnn-totals").hover()
    assert line(page).startswith("α(3,2) = ")  # hovering shows, clicking chooses


def test_every_cell_of_every_quantity_has_pythons_number(lattice):
    page, want = lattice, numbers(PROBS, "ab")
    values = {"α forward": np.exp(want.alpha), "β backward": np.exp(want.beta), "posterior": want.posterior}
    for label, matrix in values.items():
        page.get_by_label(label).click()
        cell(page, 0, 0).click()
        for s in range(5):
            for t in range(5):
                end = line(page).removesuffix(": a path may end here.").split(": a path")[0].rsplit("= ", 1)[1]
                assert end == show(matrix[t, s]), (label, t, s)
                press(page, "ArrowRight")
            press(page, "Home", "ArrowDown")


def test_best_path_mode(lattice):
    page = lattice
    page.get_by_label("best path").click()
    rows, score = forced_alignment(np.log(PROBS), [1, 2])
    cell(page, 2, int(rows[2])).click()
    marked = page.locator(".crnn-onpath").evaluate_all("(cells) => cells.map((c) => [+c.dataset.t, +c.dataset.s])")
    assert sorted(marked) == [[t, s] for t, s in enumerate(rows.tolist())]
    assert line(page).endswith(f"= {show(np.exp(score))}") and "→ “ab”" in line(page)


def test_editing_the_target(lattice):
    page, field = lattice, lattice.get_by_label("target")
    field.fill("aab")
    check_totals(page, PROBS, "aab")
    assert page.locator(".crnn-cell").count() == 5 * 7
    field.fill("aabx")
    assert "“x” is not among the characters “ab”" in page.get_by_role("alert").text_content()
    assert field.get_attribute("aria-invalid") == "true"
    check_totals(page, PROBS, "aab")
    field.fill("aaaa")
    assert "needs 7 time steps (4 labels, 3 repeats), and there are 5" in page.get_by_role("alert").text_content()
    field.fill("")
    assert page.get_by_role("alert").text_content() == ""
    check_totals(page, PROBS, "")
    page.get_by_role("button", name="reset").click()
    assert field.input_value() == "ab"
    check_totals(page, PROBS, "ab")
    assert line(page).startswith("α(1,1) = ")


def test_editing_a_probability(lattice):
    page = lattice
    table = page.locator(".crnn-probs td")
    assert table.count() == 15
    page.locator(".crnn-probs td[data-t='2'][data-k='1']").click()
    press(page, "0", ".", "7", "Enter")
    changed = PROBS.copy()
    changed[2] = [0.3 / 3, 0.7, 0.6 / 3]
    check_totals(page, changed, "ab")
    press(page, "ArrowRight", "+")
    changed[3] = [0.4 * 0.6 / 0.65, 0.4, 0.25 * 0.6 / 0.65]
    check_totals(page, changed, "ab")
    press(page, "-", "-")
    changed[3] = [0.4 * 0.7 / 0.65, 0.3, 0.25 * 0.7 / 0.65]
    check_totals(page, changed, "ab")
    press(page, "7", "Enter")
    assert "A probability lies between 0 and 1" in page.get_by_role("alert").text_content()
    press(page, "9", "Escape")
    check_totals(page, changed, "ab")
    press(page, "1", "Enter", "ArrowUp", "1", "Enter")  # certain, then certain of another class
    changed[3] = [1, 0, 0]
    check_totals(page, changed, "ab")
    page.get_by_role("button", name="reset").click()
    check_totals(page, PROBS, "ab")


def test_a_target_of_probability_zero(page, tmp_path):
    show_page(page, tmp_path, Lattice([[1.0, 0.0], [1.0, 0.0]], "a", "a", mode="best"))
    assert page.locator(".crnn-p").text_content() == "0" and page.locator(".crnn-loss").text_content() == "∞"
    assert line(page) == "No path through (0,0) has a probability above 0."
    page.get_by_label("posterior").click()
    assert "p(Y|X) is 0" in line(page)


def test_of_a_large_alphabet_the_target_is_shown(page, tmp_path):
    probs = np.full((6, 37), 1 / 37)
    show_page(page, tmp_path, Lattice(probs, "cab", "abcdefghijklmnopqrstuvwxyz0123456789"))
    assert page.locator(".crnn-probs th").all_text_contents() == ["p(-)", "p(a)", "p(b)", "p(c)", "others"]


# pages


def test_two_of_a_kind_on_a_page_keep_their_own_state(page, tmp_path):
    """Two notebooks open in one JupyterLab hold hosts with the same id."""
    first = Lattice(PROBS, "ab", "ab").html()
    second = Lattice(PROBS, "b", "ab").html()
    number = first.split('id="', 1)[1].split('"', 1)[0]
    second = second.replace(second.split('id="', 1)[1].split('"', 1)[0], number)
    show_page(page, tmp_path, first, second)
    assert page.locator(".crnn-lattice").count() == 2
    for which, target in ((0, "ab"), (1, "b")):
        box = page.locator(".crnn-host").nth(which)
        assert box.locator(".crnn-p").text_content() == show(np.exp(numbers(PROBS, target).log_likelihood))
    page.locator(".crnn-host").nth(1).get_by_label("posterior").click()
    assert page.locator(".crnn-host").nth(0).get_by_label("α forward").is_checked()


def test_nothing_is_fetched(page, tmp_path):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    show_page(page, tmp_path, Lattice(PROBS, "ab", "ab"), Collapse())
    page.wait_for_selector(".crnn-collapse input")
    assert all(address.startswith(("file:", "data:")) for address in asked)


@pytest.mark.parametrize("scheme, width", [("light", 1200), ("dark", 1200), ("light", 420), ("dark", 420)])
def test_it_fits_and_can_be_read(page, tmp_path, scheme, width):
    """No sideways scrolling of the page; text stands out from its ground by 4.5 to 1 at least. Pictures are kept."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    viewport = '<meta name=viewport content="width=device-width">'
    show_page(page, tmp_path, Collapse(), Lattice(PROBS, "ab", "ab", t=3, s=3), page_style=viewport)
    page.wait_for_selector(".crnn-cell")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    contrast = page.evaluate(
        """() => {
          const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
          return [...document.querySelectorAll(".crnn-widget, .crnn-soft, .crnn-note")].map((node) => {
            const a = light(getComputedStyle(node).color), b = light(getComputedStyle(node.closest(".crnn-widget")).backgroundColor);
            return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          });
        }"""  # noqa: E501
    )
    assert min(contrast) >= 4.5
    page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
