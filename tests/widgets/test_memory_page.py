"""The memory widget on a page without a kernel, in a real Chromium: keys, mouse, and numbers that equal Python's."""

from __future__ import annotations

import numpy as np
import pytest

from crnn_lessons.show.numbers import show_number as show
from crnn_lessons.widgets import Memory
from tests.widgets.test_page import press, show_page

pytestmark = pytest.mark.browser


@pytest.fixture
def memory(page, tmp_path):
    show_page(page, tmp_path, Memory())
    page.wait_for_selector(".crnn-plot .crnn-lstm")
    return page


def check_numbers(page, **setting) -> None:
    widget = Memory(**setting)
    rows = page.locator(".crnn-memory tbody tr")
    assert rows.locator("th").all_text_contents() == widget.cells
    for row, curve in zip(rows.all(), widget.curves.values(), strict=True):
        value, share, lost = row.locator("td").all_text_contents()
        assert (value, share) == (show(curve[widget.distance]), show(curve[widget.distance] / curve[0]))
        below = np.flatnonzero(curve < curve[0] / 1000)
        assert lost == (f"from Δ = {below[0]}" if len(below) else "never")
    assert f"at Δ = {widget.distance}" in page.locator(".crnn-memory thead").text_content()


def test_sliders_radios_and_boxes_by_mouse(memory):
    page = memory
    check_numbers(page)
    page.get_by_label("norm of Wₕₕ").fill("2.5")
    check_numbers(page, norm=2.5)
    page.get_by_label("bias of f and z").fill("4")
    page.get_by_label("orthogonal").click()
    check_numbers(page, norm=2.5, bias=4, matrix="orthogonal")
    page.get_by_label("LSTM").click()
    check_numbers(page, norm=2.5, bias=4, matrix="orthogonal", cells=["RNN", "GRU"])
    page.get_by_label("steps T").fill("9")  # the point read is kept on the curve
    check_numbers(page, norm=2.5, bias=4, matrix="orthogonal", cells=["RNN", "GRU"], length=9, distance=8)
    page.get_by_role("button", name="reset").click()
    check_numbers(page)
    assert page.get_by_label("random").is_checked()


def test_everything_by_keyboard(memory):
    page = memory
    page.locator(".crnn-plot").focus()
    press(page, "ArrowRight", "ArrowUp", "PageUp")
    check_numbers(page, distance=32)
    assert page.locator(".crnn-plot").get_attribute("aria-valuenow") == "32"
    press(page, "Home", "ArrowLeft")
    check_numbers(page, distance=0)
    press(page, "End", "ArrowRight")
    check_numbers(page, distance=59)
    page.get_by_label("norm of Wₕₕ").focus()
    press(page, "ArrowRight", "ArrowRight")
    check_numbers(page, distance=59, norm=1.1)
    page.get_by_label("random").focus()
    press(page, "ArrowRight")
    check_numbers(page, distance=59, norm=1.1, matrix="orthogonal")
    page.get_by_label("RNN", exact=True).focus()
    press(page, " ")
    check_numbers(page, distance=59, norm=1.1, matrix="orthogonal", cells=["LSTM", "GRU"])


def test_pointing_reads_and_clicking_keeps(memory):
    page, box = memory, memory.locator(".crnn-plot svg").bounding_box()
    place = lambda distance: box["x"] + 50 + (box["width"] - 60) * distance / 59  # noqa: E731
    page.mouse.move(place(40), box["y"] + 100)
    check_numbers(page, distance=40)
    page.locator(".crnn-legend").hover()
    check_numbers(page, distance=20)
    page.mouse.click(place(33), box["y"] + 100)
    page.locator(".crnn-legend").hover()
    check_numbers(page, distance=33)


def test_the_curves_lie_where_their_numbers_are(memory):
    page, curves = memory, Memory().curves
    for cell, curve in curves.items():
        points = page.locator(f".crnn-plot .crnn-{cell.lower()} polyline").get_attribute("points").split()
        shown = curve[curve >= 1e-16]
        want = 8 + 240 * (8 - np.log10(shown)) / 24
        np.testing.assert_allclose([float(point.split(",")[1]) for point in points], want, atol=0.06)


@pytest.mark.parametrize("scheme, width", [("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)])
def test_it_fits_and_can_be_read(page, tmp_path, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    viewport = '<meta name=viewport content="width=device-width">'
    show_page(page, tmp_path, Memory(norm=2), page_style=viewport)
    page.wait_for_selector(".crnn-plot .crnn-lstm")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".crnn-memory table").evaluate("(n) => n.getBoundingClientRect().right <= innerWidth")
    contrast = page.evaluate(
        """() => {
          const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
          const over = (node, style) => { const a = light(getComputedStyle(node)[style]), b = light(getComputedStyle(node.closest(".crnn-widget")).backgroundColor); return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); };
          return { text: Math.min(...[...document.querySelectorAll(".crnn-widget, .crnn-soft, td, th")].map((n) => over(n, "color"))),
                   lines: Math.min(...[...document.querySelectorAll(".crnn-plot .crnn-curve")].map((n) => over(n, "stroke"))) };
        }"""  # noqa: E501
    )
    assert contrast["text"] >= 4.5 and contrast["lines"] >= 3
    unnamed = page.locator("input, button").evaluate_all(
        "(nodes) => nodes.filter((n) => !(n.labels?.length || n.getAttribute('aria-label') || n.textContent)).length"
    )
    assert unnamed == 0
    page.screenshot(path=f"{tmp_path}/{scheme}-{width}.png", full_page=True)
