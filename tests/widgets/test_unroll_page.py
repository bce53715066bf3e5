"""The unroll widget on a page without a kernel, in a real Chromium: keys, clicks, and numbers that equal Python's."""

from __future__ import annotations

import numpy as np
import pytest

from crnn_lessons.show.numbers import show_number as show
from crnn_lessons.widgets import Unroll
from tests.widgets.test_page import press, show_page

pytestmark = pytest.mark.browser

PARITY = dict(
    weight_ih=[[1.0], [1.0]],
    weight_hh=[[1.0, -2.0], [1.0, -2.0]],
    bias=[0.0, -1.0],
    weight_out=[[1.0, -2.0]],
    nonlinearity="relu",
)
BITS = [[1], [0], [1], [1], [0], [0], [1], [0]]
SMALL = dict(weight_ih=[[1.0]], weight_hh=[[0.5]], bias=[0.0], inputs=[[1], [0], [0.5], [-1]])


@pytest.fixture
def parity(page, tmp_path):
    show_page(page, tmp_path, Unroll(**PARITY, inputs=BITS))
    page.wait_for_selector(".crnn-unroll .crnn-state")
    return page


@pytest.fixture
def small(page, tmp_path):
    show_page(page, tmp_path, Unroll(**SMALL))
    page.wait_for_selector(".crnn-unroll .crnn-state")
    return page


def cell(page, t: int, line: int):
    return page.locator(f".crnn-run td[data-t='{t}'][data-line='{line}']")


def row(page, line: int) -> list[str]:
    return page.locator(f".crnn-run td[data-line='{line}'] .crnn-figure").all_text_contents()


def assert_python(page, widget: Unroll) -> None:
    """Every state and output on the page is what Python computes."""
    numbers = widget.states if widget.outputs is None else np.hstack([widget.states, widget.outputs])
    for line, column in enumerate(numbers.T):
        assert row(page, line) == [show(float(value)) for value in column]


def chosen(page) -> tuple[int, int]:
    found = page.locator(".crnn-run td.crnn-chosen")
    assert found.count() == 1
    return int(found.get_attribute("data-t")), int(found.get_attribute("data-line"))


def test_all_states_and_outputs_are_shown_with_pythons_numbers(parity):
    assert_python(parity, Unroll(**PARITY, inputs=BITS))
    assert row(parity, 2) == [str(p) for p in np.cumsum(BITS) % 2]


def test_keys_buttons_and_clicks_walk_through_the_steps(parity):
    page = parity
    page.get_by_role("button", name="one step on").click()
    page.get_by_role("button", name="one step on").click()
    assert chosen(page) == (2, 0)
    assert page.locator(".crnn-at").text_content() == "step 2 of 0 to 7"
    assert page.locator(".crnn-letters").text_content() == "h_2[0] = relu(W_ih[0] · x_2 + W_hh[0] · h_1 + b[0])"
    assert page.locator(".crnn-values").text_content() == "= relu(1 · 1 + 1 · 1 + (−2) · 0 + 0) = relu(2) = 2"
    cell(page, 4, 1).click()
    press(page, "ArrowRight", "ArrowDown")
    assert chosen(page) == (5, 2)
    assert page.locator(".crnn-run td:focus").get_attribute("data-line") == "2"
    assert page.locator(".crnn-letters").text_content().startswith("y_5[0] = W_out[0] · h_5")
    press(page, "End", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowUp")
    assert chosen(page) == (7, 0)
    assert page.get_by_role("button", name="one step on").is_disabled()
    press(page, "Home")
    assert chosen(page) == (0, 0)
    assert page.get_by_role("button", name="one step back").is_disabled()
    page.locator(".crnn-run thead th").nth(6).click()
    assert chosen(page) == (6, 0)
    assert page.locator(".crnn-run thead th[aria-current=step]").text_content() == "t = 6"


def test_what_the_marked_number_is_made_of_is_dashed(parity):
    page = parity
    cell(page, 3, 1).click()
    sources = page.locator(".crnn-run td.crnn-source").evaluate_all(
        "(cells) => cells.map((c) => `${c.dataset.t}${c.dataset.line ?? 'x'}`)"
    )
    assert sorted(sources) == ["20", "21", "3x"]
    weights = page.locator(".crnn-weights td.crnn-source").evaluate_all(
        "(cells) => cells.map((c) => c.dataset.weight + c.dataset.i + c.dataset.j)"
    )
    assert sorted(weights) == ["bias10", "weight_hh10", "weight_hh11", "weight_ih10"]


def test_a_weight_changes_every_step_at_once(small):
    page, field = small, small.get_by_label("W_hh[0, 0]")
    before = row(page, 0)
    field.fill("2")
    assert_python(page, Unroll(**SMALL | {"weight_hh": [[2.0]]}))
    assert all(a != b for a, b in zip(before[1:], row(page, 0)[1:], strict=True)) and row(page, 0)[0] == before[0]
    press(page, "ArrowDown", "ArrowDown")
    assert field.input_value() == "1.8"
    assert_python(page, Unroll(**SMALL | {"weight_hh": [[1.8]]}))
    page.get_by_label("b[0]", exact=True).fill("-0,25")  # a decimal comma is a point
    assert_python(page, Unroll(**SMALL | {"weight_hh": [[1.8]], "bias": [-0.25]}))
    page.get_by_role("button", name="reset").click()
    assert_python(page, Unroll(**SMALL))
    assert field.input_value() == "0.5"


def test_an_input_changes_its_own_and_later_steps_only(parity):
    page, before = parity, [row(parity, line) for line in range(3)]
    page.get_by_label("input 0 at step 4").click()
    assert chosen(page) == (4, 0)
    press(page, "ArrowUp")  # the inputs are whole numbers, so a key adds 1
    changed = [list(bit) for bit in BITS]
    changed[4] = [1]
    assert_python(page, Unroll(**PARITY, inputs=changed))
    for line in range(3):
        assert row(page, line)[:4] == before[line][:4]
    assert row(page, 2)[4:] != before[2][4:]


def test_what_is_no_number_is_refused_and_the_old_one_kept(small):
    page, field = small, small.get_by_label("W_ih[0, 0]")
    for typed in ("two", "1e9", "--"):
        field.fill(typed)
        assert field.get_attribute("aria-invalid") == "true"
        said = page.get_by_role("alert").text_content()
        assert f"W_ih[0, 0] must be a number from −100 to 100, and “{typed}” is none; it keeps 1." in said
        assert_python(page, Unroll(**SMALL))
    press(page, "Enter")
    assert field.input_value() == "1" and field.get_attribute("aria-invalid") == "false"
    assert page.get_by_role("alert").text_content() == ""


def test_a_number_may_begin_with_a_minus_and_nothing_moves(small):
    """An empty field, a lone sign or point is on its way to a number: no alert, and a note that comes moves nothing."""
    page, field = small, small.get_by_label("W_hh[0, 0]")
    field.click()
    top = field.bounding_box()["y"]
    for typed in ("", "-", "−", ".", "-.", "1e"):
        field.fill(typed)
        assert page.get_by_role("alert").text_content() == "" and field.get_attribute("aria-invalid") == "false"
        assert_python(page, Unroll(**SMALL))
    field.fill("")
    press(page, "-", ".", "5")
    assert_python(page, Unroll(**SMALL | {"weight_hh": [[-0.5]]}))
    field.fill("x")
    assert "it keeps 0.5" in page.get_by_role("alert").text_content() and field.bounding_box()["y"] == top
    field.fill("-")
    page.get_by_label("W_ih[0, 0]").focus()
    assert field.input_value() == "0.5" and page.get_by_role("alert").text_content() == ""


def test_a_number_out_of_range_leaves_no_piece_of_itself(small):
    page, field = small, small.get_by_label("W_hh[0, 0]")
    field.focus()
    press(page, "Control+a", *"-1e12")
    assert "“-1e12” is none; it keeps 0.5." in page.get_by_role("alert").text_content()
    assert_python(page, Unroll(**SMALL))
    field.fill("100")
    press(page, "ArrowUp")
    assert field.input_value() == "100" and page.get_by_role("alert").text_content() == ""


def test_arrow_keys_go_on_from_a_head_that_was_clicked(parity):
    page = parity
    page.locator(".crnn-run thead th").nth(3).click()
    press(page, "ArrowRight", "ArrowDown")
    assert chosen(page) == (4, 1)


def test_tables_of_weights_begin_at_one_height(parity):
    tops = parity.locator(".crnn-weights tbody tr:first-child").evaluate_all(
        "(rows) => rows.map((r) => Math.round(r.getBoundingClientRect().top))"
    )
    assert len(tops) == 5 and len(set(tops)) == 1


def test_half_typed_numbers_are_not_overwritten(small):
    page, field = small, small.get_by_label("W_hh[0, 0]")
    field.fill("")
    press(page, "1", ".", "2", "5")
    assert field.input_value() == "1.25"
    assert_python(page, Unroll(**SMALL | {"weight_hh": [[1.25]]}))


def test_two_on_a_page_keep_their_own_state(page, tmp_path):
    show_page(page, tmp_path, Unroll(**SMALL), Unroll(**PARITY, inputs=BITS))
    hosts = page.locator(".crnn-host")
    hosts.nth(0).get_by_label("W_hh[0, 0]").fill("0")
    assert hosts.nth(1).get_by_label("W_hh[0, 0]").input_value() == "1"


@pytest.mark.parametrize("scheme, width", [("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)])
def test_it_fits_and_can_be_read(page, tmp_path, scheme, width):
    """No sideways scrolling of the page; the marked step is in sight; text stands out by 4.5 to 1 at least."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).round(2) for shape in ((4, 4), (4, 4), 4, (12, 4), (4, 4))]
    show_page(page, tmp_path, Unroll(*arrays), page_style='<meta name=viewport content="width=device-width">')
    page.wait_for_selector(".crnn-unroll .crnn-state")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for _ in range(11):
        page.get_by_role("button", name="one step on").click()
        box, plane = (
            page.locator(".crnn-chosen").bounding_box(),
            page.locator(".crnn-unroll .crnn-scroll").bounding_box(),
        )
        assert plane["x"] + 40 <= box["x"] and box["x"] + box["width"] <= plane["x"] + plane["width"] + 1
    contrast = page.evaluate(
        """() => {
          const paint = document.createElement("canvas").getContext("2d");
          const rgb = (c) => { paint.clearRect(0, 0, 1, 1); paint.fillStyle = c; paint.fillRect(0, 0, 1, 1); return paint.getImageData(0, 0, 1, 1).data; };
          const light = (c) => { const [r, g, b] = [...rgb(c)].slice(0, 3).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
          const ratio = (text, ground) => (Math.max(light(text), light(ground)) + .05) / (Math.min(light(text), light(ground)) + .05);
          const own = (node) => getComputedStyle(node), widget = document.querySelector(".crnn-widget");
          const texts = [...widget.querySelectorAll("p, th, td, caption, input, .crnn-soft")].map((n) => ratio(own(n).color, own(widget).backgroundColor));
          const bars = [...widget.querySelectorAll(".crnn-fill")].map((n) => ratio(own(n.parentNode).color, own(n).backgroundColor));
          return [...texts, ...bars];
        }"""  # noqa: E501
    )
    assert min(contrast) >= 4.5
