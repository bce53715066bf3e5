"""The autopsy widget on a page, in a real Chromium: letters, frames and fields by mouse and keyboard."""

from __future__ import annotations

import numpy as np
import pytest

from crnn_lessons.widgets.autopsy import Autopsy
from crnn_lessons.widgets.autopsy_evidence import chance, equals
from tests.widgets.test_autopsy import AB, autopsy, noise, silent
from tests.widgets.test_page import show_page

pytestmark = pytest.mark.browser


@pytest.fixture
def widget():
    return autopsy()


@pytest.fixture
def shown(page, tmp_path, widget):
    show_page(page, tmp_path, widget)
    page.wait_for_selector(".crnn-autopsy svg")
    return page


def said(page) -> str:
    return page.locator(".crnn-said").text_content()


def chosen(page) -> int:
    flags = page.locator(".crnn-letters button").evaluate_all("(b) => b.map((x) => x.getAttribute('aria-checked'))")
    assert flags.count("true") == 1
    return flags.index("true")


def assert_shows(page, widget, letter: int, frame: int) -> None:
    """Sentence, rivals, bars and box are Python's."""
    first, last = widget.evidence["columns"][frame]
    low, high = widget.evidence["rows"]
    assert chosen(page) == letter
    assert f"Frame {frame} of 0 to {widget.evidence['T'] - 1} sees columns {first} to {last} of 60:" in said(page)
    assert f"posterior is highest at frame {widget.peak(letter)}, and at frame {frame} it is " in said(page)
    names = ["blank", *(f"‘{sign}’" for sign in AB.characters)]
    rows = page.locator(".crnn-rivals tbody tr")
    assert rows.locator("th").all_text_contents() == [names[k] for k, _ in widget.rivals(frame)]
    assert rows.locator("td:nth-child(2)").all_text_contents() == [chance(np.log(p)) for _, p in widget.rivals(frame)]
    box = page.locator(".crnn-seen").evaluate("(n) => ['x', 'y', 'width', 'height'].map((a) => +n.getAttribute(a))")
    assert box == pytest.approx([first * 6, 26 + low * 6, (last + 1 - first) * 6, (high + 1 - low) * 6])
    heights = page.locator(".crnn-gamma rect").evaluate_all(
        "(b) => b.map((x) => [+x.dataset.t, +x.getAttribute('height')])"
    )
    want = [[t, 84 * g] for t, g in enumerate(widget.posterior(letter)) if 84 * g >= 0.5]
    assert [h for pair in heights for h in pair] == pytest.approx([h for pair in want for h in pair], abs=1e-6)


def test_letters_by_mouse(shown, widget):
    assert "".join(shown.locator(".crnn-letters button").all_text_contents()) == widget.text
    assert f"p(text | picture) {equals(np.log(widget.confidence))}" in shown.locator(".crnn-total").text_content()
    assert_shows(shown, widget, 0, widget.peak(0))
    for letter in (len(widget.text) - 1, 1):
        shown.locator(".crnn-letters button").nth(letter).click()
        assert_shows(shown, widget, letter, widget.peak(letter))


def test_letters_and_frames_by_keyboard(shown, widget):
    last = len(widget.text) - 1
    shown.locator(".crnn-letters button").first.focus()
    for key, letter in [("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", last), ("Home", 0), ("End", last)]:
        shown.keyboard.press(key)
        assert_shows(shown, widget, letter, widget.peak(letter))
        assert shown.evaluate("document.activeElement.getAttribute('aria-checked')") == "true"
    shown.keyboard.press("Tab")  # one stop for all letters, then the reset button, then the slider
    shown.keyboard.press("Tab")
    shown.keyboard.press("Home")
    assert_shows(shown, widget, last, 0)
    shown.keyboard.press("ArrowRight")
    assert_shows(shown, widget, last, 1)
    assert shown.locator(".crnn-slider").get_attribute("aria-valuetext").startswith("frame 1 says ")


def test_a_click_on_the_picture_chooses_a_frame_and_reset_leads_back(shown, widget):
    box = shown.locator(".crnn-autopsy svg").bounding_box()
    wide = box["width"] / widget.evidence["T"]
    for frame in (0, 7, widget.evidence["T"] - 1):
        shown.mouse.click(box["x"] + (frame + 0.5) * wide, box["y"] + 60)
        assert_shows(shown, widget, 0, frame)
    shown.keyboard.press("ArrowLeft")  # the slider has the keys
    assert_shows(shown, widget, 0, frame - 1)
    shown.get_by_role("button", name="reset").click()
    assert_shows(shown, widget, 0, widget.peak(0))


def test_nothing_read(page, tmp_path):
    show_page(page, tmp_path, Autopsy(silent(), noise(), AB))
    page.wait_for_selector(".crnn-autopsy svg")
    assert said(page).startswith("Nothing was read")
    assert "(nothing)" in page.locator(".crnn-bar").text_content()
    page.locator(".crnn-slider").focus()
    page.keyboard.press("End")
    assert f"Frame {14} of 0 to 14" in said(page)


@pytest.mark.parametrize("scheme, width", [("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)])
def test_it_fits_and_can_be_read(page, tmp_path, widget, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    show_page(page, tmp_path, widget, page_style='<meta name=viewport content="width=device-width">')
    page.wait_for_selector(".crnn-autopsy svg")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    svg, host = page.locator(".crnn-autopsy svg").bounding_box(), page.locator(".crnn-autopsy").bounding_box()
    assert svg["x"] >= host["x"] and svg["x"] + svg["width"] <= host["x"] + host["width"]
    contrast = page.evaluate(
        """() => {
          const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
          const ground = light(getComputedStyle(document.querySelector(".crnn-widget")).backgroundColor);
          const colours = [...document.querySelectorAll(".crnn-soft, .crnn-said, .crnn-rivals th, .crnn-rivals td, .crnn-rivals caption")].map((n) => getComputedStyle(n).color)
            .concat([...document.querySelectorAll(".crnn-autopsy svg text")].map((n) => getComputedStyle(n).fill));
          return colours.map((c) => { const a = light(c); return (Math.max(a, ground) + .05) / (Math.min(a, ground) + .05); });
        }"""  # noqa: E501
    )
    assert len(contrast) > 10 and min(contrast) >= 4.5


def test_it_follows_a_change_of_width(shown, widget):
    shown.set_viewport_size({"width": 300, "height": 900})
    shown.wait_for_function("document.querySelector('.crnn-autopsy svg').getBoundingClientRect().width < 290")
    shown.locator(".crnn-letters button").nth(1).click()
    assert chosen(shown) == 1


def test_two_on_a_page_do_not_mix(page, tmp_path):
    one, two = autopsy(0), autopsy(1)
    show_page(page, tmp_path, one, two)
    page.wait_for_function("document.querySelectorAll('.crnn-autopsy svg').length === 2")
    page.locator(".crnn-autopsy").nth(1).locator(".crnn-letters button").nth(1).click()
    assert f"at frame {one.peak(0)} it is" in page.locator(".crnn-said").nth(0).text_content()
    assert f"at frame {two.peak(1)} it is" in page.locator(".crnn-said").nth(1).text_content()
