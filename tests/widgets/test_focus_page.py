"""Presses on what takes no focus: the widget keeps the keys, and takes nothing from the fields."""

from __future__ import annotations

import pytest

from crnn_lessons.widgets import Beam, Collapse, Gates, Lattice, Memory, Shape, Unroll
from crnn_lessons.widgets.film import Film
from tests.widgets.test_autopsy import autopsy
from tests.widgets.test_film import training
from tests.widgets.test_gates_page import trained_like
from tests.widgets.test_menu import menu
from tests.widgets.test_page import PROBS, show_page
from tests.widgets.test_unroll_page import BITS, PARITY

pytestmark = pytest.mark.browser


def trained() -> Gates:
    layer, out = trained_like()
    return Gates(layer, "47190356", out=out)


WIDGETS = {
    "unroll": lambda: Unroll(**PARITY, inputs=BITS),
    "hand": lambda: Gates(task="latest"),
    "cell": trained,
    "memory": Memory,
    "film": lambda: Film(*training()),
    "autopsy": autopsy,
    "shape": lambda: Shape("tiny"),
    "lattice": lambda: Lattice(PROBS, "ab", "ab"),
    "collapse": Collapse,
    "beam": lambda: Beam(PROBS, "ab", t=3),
    "menu": lambda: menu(second=3),
}
# A page that counts the keys that reach it, and the presses on what is not meant to be operated.
COUNTER = """<style>body { margin: 0; height: 4000px }</style><script>
  window.leaked = []; addEventListener("keydown", (event) => leaked.push(event.key));</script>"""


@pytest.fixture(params=WIDGETS)
def shown(request, page, tmp_path):
    show_page(page, tmp_path, WIDGETS[request.param](), page_style=COUNTER)
    page.wait_for_selector(".crnn-widget")
    return page


def test_no_key_leaks_wherever_the_press_was(shown):
    page, box = shown, shown.locator(".crnn-widget").bounding_box()
    pressed = 0
    for x in range(4, int(box["width"]), 61):
        for y in range(4, int(min(box["height"], 890)), 37):
            plain = page.evaluate(
                """([x, y]) => {
                   const at = document.elementFromPoint(x, y);
                   return at?.closest(".crnn-widget") && !at.closest("input, button, select, label");
                 }""",
                [box["x"] + x, box["y"] + y],
            )
            if not plain:
                continue
            pressed += 1
            page.mouse.click(box["x"] + x, box["y"] + y)
            page.keyboard.press("d")
            inside, text = page.evaluate(
                """[document.activeElement.closest(".crnn-widget") !== null,
                    document.activeElement.matches("input[type=text]:not(.crnn-edit), input[type=number]")]"""
            )
            assert inside and not text, (x, y)
    assert pressed > 50
    assert page.evaluate("[leaked.length, scrollX, scrollY]") == [0, 0, 0]


def test_the_root_has_no_ring_and_takes_nothing_from_controls(shown):
    page = shown
    root = page.locator(".crnn-widget")
    page.keyboard.press("Tab")
    root.evaluate("(node) => node.focus()")
    assert root.evaluate("(node) => getComputedStyle(node).outlineStyle") == "none"
    for control in page.locator(
        ".crnn-widget :is(input, button):not([type=radio], [type=checkbox], [tabindex='-1'])"
    ).all():
        if control.is_disabled() or not control.is_visible():
            continue
        control.click()
        assert control.evaluate(
            "(node) => node === document.activeElement || !node.isConnected || node.tagName === 'BUTTON'"
        )
    for label in page.locator(".crnn-widget label:has(input[type=text], input[type=number])").all():
        label.click(position={"x": 2, "y": 4})
        assert label.evaluate("(node) => node.control === document.activeElement")
