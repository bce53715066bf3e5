"""The gates widget on a page without a kernel, in a real Chromium: keys, clicks, and numbers that equal Python's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from crnn_lessons.cells import LSTM
from crnn_lessons.show.numbers import show_number as show
from crnn_lessons.widgets import Gates
from crnn_lessons.widgets.gates_parts import TASKS, run_by_hand
from tests.widgets.test_jupyterlab import output, run_cell
from tests.widgets.test_page import press, show_page

pytestmark = pytest.mark.browser


def trained_like(seed: int = 0) -> tuple[LSTM, nn.Linear]:
    torch.manual_seed(seed)
    cell = LSTM(10, 20)
    with torch.no_grad():
        for weight in cell.parameters():
            weight.mul_(5)
    return cell, nn.Linear(20, 10)


@pytest.fixture
def hand(page, tmp_path):
    show_page(page, tmp_path, Gates())
    page.wait_for_selector(".crnn-gates td")
    return page


@pytest.fixture
def cell(page, tmp_path):
    layer, out = trained_like()
    show_page(page, tmp_path, Gates(layer, "47190356", out=out, t=2, unit=3))
    page.wait_for_selector(".crnn-gates .crnn-map")
    return page


def line(page, which: int) -> str:
    return page.locator(".crnn-line").nth(which).text_content()


def row(page, name: str) -> list[float]:
    cells = page.locator(f"[aria-label^='{name} ']:is(td)").all_text_contents()
    return [float(text.replace("−", "-")) for text in cells]


def check_hand(page, gates: list[list[float]]) -> None:
    for name, key in (("memory", "c"), ("shown", "h")):
        assert row(page, name) == [round(x, 2) for x in run_by_hand(gates)[key][:, 0]]


# by hand


def test_keys_and_mouse_set_gates_and_the_memory_follows(hand):
    page, gates = hand, [list(step) for step in Gates().gates]
    check_hand(page, gates)
    page.locator("td[aria-label^='forget gate f at step 3']").click()
    press(page, "5")
    gates[3][1] = 0.5
    check_hand(page, gates)
    assert line(page, 0) == "c(3) = f · c(2) + i · g = 0.5 · 0.8 + 0 · 0.9 = 0.4"
    press(page, "ArrowDown", "1", "ArrowDown", "-", "ArrowRight", "ArrowUp", "+", "+")
    gates[3][0], gates[3][2], gates[4][0] = 1, 0.85, 0.1
    check_hand(page, gates)
    assert page.locator("td:focus").get_attribute("aria-label").startswith("input gate i at step 4")
    press(page, "Home", "0", "ArrowUp", "ArrowUp", "End", "ArrowDown", "ArrowDown", "ArrowDown", "9")
    gates[0][0], gates[6][3] = 0, 0.9
    check_hand(page, gates)
    page.get_by_label("candidate g at step 6").and_(page.locator("input")).fill("-1")
    gates[6][2] = -1
    check_hand(page, gates)
    page.get_by_role("button", name="count").click()
    assert row(page, "memory") == [1, 2, 2, 3, 4, 4, 5]
    page.get_by_role("button", name="reset").click()
    check_hand(page, Gates().gates)


def test_a_task_can_be_done_by_keyboard(hand):
    page = hand
    page.get_by_label("2nd at the end").click()
    verdict = page.locator(".crnn-verdict")
    assert "at 0 of 7 steps" in verdict.text_content()
    assert page.get_by_label("candidate g at step 0").and_(page.locator("input")).is_disabled()
    page.locator("td[aria-label^='candidate g at step 0']").click()
    press(page, "0", "+")  # given by the task
    assert row(page, "candidate") == TASKS["second"]["g"]
    page.locator("td[aria-label^='forget gate f at step 0']").click()
    for t in range(7):  # down the column: forget, input, output
        press(page, "1", "ArrowDown", "1" if t == 1 else "0", "ArrowDown", "ArrowDown", "1" if t == 6 else "0")
        press(page, "ArrowRight", "ArrowUp", "ArrowUp", "ArrowUp")
    assert "Solved" in verdict.text_content()
    assert page.locator(".crnn-miss").count() == 0
    press(page, "9")  # the memory leaks a little at the last step
    assert "at 6 of 7 steps" in verdict.text_content()
    page.get_by_label("none").click()
    assert verdict.text_content() == ""


def test_stepping_with_the_buttons(hand):
    page = hand
    back, on = (page.get_by_role("button", name=name) for name in "◀▶")
    assert back.is_disabled()
    for _ in range(6):
        on.click()
    assert on.is_disabled() and line(page, 1) == "h(6) = o · tanh(c(6)) = 1 · 0.664 = 0.664"


def test_a_head_leads_to_its_step_and_arrow_keys_go_on(hand):
    page = hand
    page.locator(".crnn-gates [role=columnheader]").nth(4).click()  # t = 3
    assert page.locator(".crnn-where").text_content() == "◀step 3 of 0 to 6▶"
    press(page, "ArrowRight", "ArrowUp")
    assert page.locator("td:focus").get_attribute("aria-label").startswith("forget gate f at step 4")


def test_a_signed_number_has_room_above_its_bar(hand):
    boxes = hand.evaluate(
        """() => [...document.querySelectorAll(".crnn-signed td, .crnn-made td")].map((td) => {
          const words = document.createRange(), style = getComputedStyle(td);
          words.selectNodeContents(td);
          return [words.getBoundingClientRect().bottom - td.getBoundingClientRect().top, style.backgroundSize, td.offsetHeight];
        })"""  # noqa: E501
    )
    assert len(boxes) == 21
    for bottom, size, high in boxes:
        assert size.startswith("100% calc(100% - 20px)") and bottom <= 21 and high >= 56


@pytest.mark.parametrize("width", [1200, 700, 360])
def test_sliders_stand_in_columns(hand, width):
    hand.set_viewport_size({"width": width, "height": 900})
    parts = "(labels) => labels.map((l) => [...l.children].map((c) => Math.round(c.getBoundingClientRect().left)))"
    lefts = hand.locator(".crnn-sliders label").evaluate_all(parts)
    assert len(lefts) == 4 and lefts[0] == lefts[1 if width == 360 else 2]


# a trained cell


def check_cell(page, widget: Gates) -> None:
    values = {name: show(part[widget.t, widget.unit]) for name, part in widget.values.items()}
    before = show(widget.values["c"][widget.t - 1, widget.unit]) if widget.t else "0"
    numbers = line(page, 0).replace("(", "").replace(")", "")
    want = f"= {values['f']} · {before} + {values['i']} · {values['g']} = {values['c']}"
    assert numbers.endswith(want), (numbers, want)
    assert line(page, 1).endswith(f"= {values['h']}")
    assert f"answer would be {widget.answer()} (" in page.locator(".crnn-answer").text_content()


def test_every_unit_and_step_has_pythons_numbers(cell):
    page, (layer, out) = cell, trained_like()
    check_cell(page, Gates(layer, "47190356", out=out, t=2, unit=3))
    page.locator(".crnn-maps").focus()
    press(page, "Home", *["ArrowUp"] * 3)
    for t in range(8):
        for unit in (0, 1):
            check_cell(page, Gates(layer, "47190356", out=out, t=t, unit=unit))
            press(page, "ArrowDown")
        press(page, "ArrowUp", "ArrowUp", "ArrowRight")


def test_a_click_chooses_unit_and_step(cell):
    page, (layer, out) = cell, trained_like()
    ground = page.locator(".crnn-map .crnn-ground").nth(3).bounding_box()
    wide, high = ground["width"] / 8, ground["height"] / 20
    page.mouse.click(ground["x"] + 5.5 * wide, ground["y"] + 12.5 * high)
    check_cell(page, Gates(layer, "47190356", out=out, t=5, unit=12))
    assert page.locator(".crnn-maps:focus").count() == 1


def test_the_squares_are_the_values(cell):
    page, (layer, out) = cell, trained_like()
    values = Gates(layer, "47190356", out=out).values
    side = float(page.locator(".crnn-column").first.get_attribute("width"))
    for panel, key in enumerate("figcoh"):
        scale = max(1.0, np.abs(values[key]).max())
        for kind, sign in (("full", 1), ("hollow", -1)):
            path = page.locator(".crnn-map").nth(panel).locator(f".crnn-{kind}").get_attribute("d")
            sizes = np.abs(values[key]) / scale * (side - 2)
            want = sizes[(np.sign(values[key]) == sign) & (sizes >= 0.5)]
            got = [float(part.split("h")[1].split("v")[0]) for part in path.split("M")[1:]]
            np.testing.assert_allclose(got, want, atol=0.006)


def test_editing_the_digits(cell):
    page, (layer, out) = cell, trained_like()
    field = page.get_by_label("inputs")
    field.fill("4725")
    check_cell(page, Gates(layer, "4725", out=out, t=2, unit=3))
    field.fill("47")  # the chosen step is gone
    check_cell(page, Gates(layer, "47", out=out, t=1, unit=3))
    field.fill("4x")
    assert "“x” is none of the inputs “0123456789”" in page.get_by_role("alert").text_content()
    check_cell(page, Gates(layer, "47", out=out, t=1, unit=3))
    field.fill("")
    assert "at least one step" in page.get_by_role("alert").text_content()
    field.fill("1" * 65)
    assert "at most 64 steps" in page.get_by_role("alert").text_content()
    field.fill("1" * 64)
    assert page.get_by_role("alert").text_content() == ""
    check_cell(page, Gates(layer, "1" * 64, out=out, t=1, unit=3))
    page.get_by_role("button", name="reset").click()
    assert field.input_value() == "47190356"
    check_cell(page, Gates(layer, "47190356", out=out, t=2, unit=3))


# with a kernel


def test_the_live_views_and_python_follow_each_other(page, lab):
    cells = (
        "import torch\nfrom torch import nn\nfrom crnn_lessons.widgets import Gates\nhand = Gates()\nhand",
        "torch.manual_seed(0)\ncell = Gates(nn.LSTM(10, 4), '4719', out=nn.Linear(4, 10))\ncell",
        "print(hand.task, hand.gates[0], hand.t, cell.signs(), cell.t, cell.unit)",
        "hand.task, cell.inputs, cell.unit = '', '111', 0\nhand.gates = [[1, 0, 1, 1]]",
    )
    lab.write("gates.ipynb", *cells)
    lab.open(page, "gates.ipynb")
    run_cell(page, 0)
    run_cell(page, 1)
    page.wait_for_selector(".crnn-gates .crnn-map")
    assert page.locator(".crnn-gates").count() == 2 and page.locator(".crnn-host").count() == 0
    page.get_by_label("2nd at the end").click()
    page.locator("td[aria-label^='input gate i at step 0']").click()
    press(page, "1", "ArrowRight", "d", "d")  # d d would delete the cell
    page.locator(".crnn-maps").focus()
    press(page, "ArrowDown", "ArrowDown", "ArrowRight")
    page.get_by_label("inputs").fill("4702")
    run_cell(page, 2)
    assert output(page, 2) == "second [1.0, 0.5, 0.9, 0.5] 1 4702 1 2"
    run_cell(page, 3)
    page.wait_for_function("document.querySelectorAll('.crnn-gates')[0].querySelectorAll('td').length === 7")
    assert page.get_by_label("inputs").input_value() == "111"


# pages


@pytest.mark.parametrize("scheme, width", [("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)])
def test_it_fits_and_can_be_read(page, tmp_path, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    layer, out = trained_like()
    viewport = '<meta name=viewport content="width=device-width">'
    show_page(page, tmp_path, Gates(task="latest"), Gates(layer, "47190356", out=out), page_style=viewport)
    page.wait_for_selector(".crnn-map")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "[...document.querySelectorAll('.crnn-scroll')].every((n) => n.scrollWidth <= n.clientWidth + 1)"
    )
    contrast = page.evaluate(
        """() => {
          const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
          return [...document.querySelectorAll(".crnn-widget, .crnn-soft, .crnn-miss")].map((node) => {
            const a = light(getComputedStyle(node).color), b = light(getComputedStyle(node.closest(".crnn-widget")).backgroundColor);
            return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          });
        }"""  # noqa: E501
    )
    assert min(contrast) >= 4.5
    unnamed = page.locator("input, button, select").evaluate_all(
        "(nodes) => nodes.filter((n) => !(n.labels?.length || n.getAttribute('aria-label') || n.textContent)).length"
    )
    assert unnamed == 0
