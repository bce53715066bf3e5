"""The adder widget: Python's side, the arithmetic in JavaScript, and the page in a real Chromium."""

from __future__ import annotations

import html
import json
import re
import subprocess

import numpy as np
import pytest
import torch
import traitlets
from torch import nn

from crnn_lessons import cells
from crnn_lessons.show.numbers import show_number
from crnn_lessons.widgets import Adder
from crnn_lessons.widgets.adder import add, read_weights
from crnn_lessons.widgets.page import module
from tests.widgets.node import NODE, needs_node, run_node

CORRELATIONS = [0.1, -0.95, 0.5]


def hand_set(carry: float = 28.0) -> tuple[nn.RNN, nn.Linear]:
    """An adder of three units: unit j is near 1 if the total of a place is above j, else near -1; unit 1 is the carry.

    Unit 1 is -1, or 0 at the start, without a carry, and 1 with one: the thresholds leave room for that. With
    ``carry`` 0 it is forgotten.
    """
    layer, output = nn.RNN(2, 3, batch_first=True), nn.Linear(3, 1)
    with torch.no_grad():
        layer.weight_ih_l0.fill_(40.0)
        layer.weight_hh_l0.zero_()
        layer.weight_hh_l0[:, 1] = carry
        layer.bias_ih_l0.copy_(torch.tensor([-6.0, -46.0, -86.0]))
        layer.bias_hh_l0.zero_()
        output.weight.copy_(torch.tensor([[4.0, -4.0, 4.0]]))
        output.bias.zero_()
    return layer, output


def forgetful() -> tuple[nn.RNN, nn.Linear]:
    return hand_set(carry=0.0)


def adder(**arguments) -> Adder:
    return Adder(*hand_set(), **{"correlations": CORRELATIONS, "marked": 2} | arguments)


def state_of(page: str) -> dict:
    return json.loads(html.unescape(re.search(r'data-state="([^"]*)"', page)[1]))


def total(bits: list[int]) -> int:
    return sum(bit << t for t, bit in enumerate(bits))


# Python's side


def test_it_adds_and_says_where_it_does_not():
    rng = np.random.default_rng(0)
    for _ in range(200):
        a, b = (int(rng.integers(0, 2**63)) >> int(rng.integers(0, 63)) for _ in range(2))
        done = add(read_weights(*hand_set()), a, b)
        assert total(done.bits) == a + b and total(done.first) == a and total(done.second) == b
        assert done.wrong == [] and total(done.answer) == a + b
        for t, carry in enumerate(done.carry):
            assert carry == (a % 2**t + b % 2**t >= 2**t)
            assert done.carry_out[t] == (a % 2 ** (t + 1) + b % 2 ** (t + 1) >= 2 ** (t + 1))
    broken = add(read_weights(*forgetful()), 3, 1)
    assert broken.wrong == [1, 2] and total(broken.answer) == 2


def test_the_lessons_tasks_to_play_have_the_answers_it_gives():
    weights = read_weights(*hand_set())
    assert add(weights, 1, 2).carry_out == [0, 0, 0]
    assert add(weights, 5, 5).carry_out == [1, 0, 1, 0]
    assert add(weights, 2**64 - 1, 1).carry_out == [1] * 64 + [0]


@pytest.mark.parametrize("layer_class", [nn.RNN, cells.RNN])
@pytest.mark.parametrize("bias", [True, False])
def test_states_and_outputs_are_those_of_the_layer(layer_class, bias):
    torch.manual_seed(3)
    layer, output = layer_class(2, 5, bias=bias, batch_first=True).double(), nn.Linear(5, 1, bias=bias).double()
    widget = Adder(layer, output, 1234567, 2**40 + 9)
    done = widget.sum
    x = torch.tensor([done.first, done.second], dtype=torch.float64).T[None]  # 1 T 2
    with torch.no_grad():
        states = layer(x)[0][0]  # T H
        probabilities = torch.sigmoid(output(states))[:, 0]
    np.testing.assert_allclose(done.states, states, rtol=0, atol=1e-12)
    np.testing.assert_allclose(done.probabilities, probabilities, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(first=-1), "a number to add is a whole number of 0 or more, and got -1"),
        (dict(first=1.5), "a whole number of 0 or more, and got 1.5"),
        (dict(second="x"), "a whole number of 0 or more, and got 'x'"),
        (dict(second=True), "a whole number of 0 or more, and got True"),
        (dict(first=2**64), "at most 64 bits (below 2^64), and got 18446744073709551616"),
        (dict(first=10**400), "at most 64 bits"),
        (dict(step=9), "step counts the places that are added, 0 to 8 for these numbers, and got 9"),
        (dict(correlations=[0.1]), "correlations must be 3 numbers from -1 to 1"),
        (dict(correlations=[0.1, 2, 0]), "correlations must be 3 numbers from -1 to 1"),
        (dict(marked=4), "marked is a number of units, 0 to 3, and got 4"),
    ],
)
def test_bad_arguments_are_refused_with_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        adder(**arguments)


@pytest.mark.parametrize(
    ("layer", "output", "words"),
    [
        (nn.LSTM(2, 3), nn.Linear(3, 1), "layer must be an RNN of tanh units, and is LSTM"),
        (nn.RNN(2, 3, nonlinearity="relu"), nn.Linear(3, 1), "layer must be an RNN of tanh units"),
        (nn.RNN(3, 3), nn.Linear(3, 1), "layer must have 2 inputs"),
        (nn.RNN(2, 3, num_layers=2), nn.Linear(3, 1), "one layer and one direction"),
        (nn.RNN(2, 3, bidirectional=True), nn.Linear(6, 1), "one layer and one direction"),
        (nn.RNN(2, 3), nn.Linear(3, 2), "output must be Linear(3, 1)"),
    ],
)
def test_networks_of_another_kind_are_refused(layer, output, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Adder(layer, output)


def test_setting_traits_follows_the_same_rules():
    w = adder(first=5, second=9)
    assert w.step == 5
    for name, value, words in [
        ("first", "-3", "whole number of 0 or more"),
        ("second", str(2**64), "at most 64 bits"),
        ("step", 6, "0 to 5 for these numbers, and got 6"),
        ("weights", {}, "read-only"),
    ]:
        before = getattr(w, name)
        with pytest.raises(traitlets.TraitError, match=re.escape(words)):
            setattr(w, name, value)
        assert getattr(w, name) == before
    w.first, w.second = "1,0", "0"
    assert (w.first, w.step) == ("10", 5)
    w.first = "0"
    assert w.step == 2  # kept within the shorter sum


def test_alt_and_repr_tell_the_state():
    w = adder(first=107, second=85)
    assert repr(w) == "Adder(first=107, second=85, step=8, H=3)"
    assert w.alt() == (
        "107 + 85 = 192 in 8 steps, the least significant bit first; the network's sum is right in every bit. The "
        "units that go with the carry out most are 1, 2."
    )
    assert adder(marked=1).alt().endswith(" Unit 1 goes with the carry out most.")
    assert w.order == [1, 2, 0]
    wrong = Adder(*forgetful(), 3, 1)
    at = ", ".join(map(str, wrong.sum.wrong))
    assert at == "1, 2" and f"wrong at t = {at}." in wrong.alt() and "go with" not in wrong.alt()
    page = w.html()
    assert f'alt="{html.escape(w.alt())}"' in page
    assert state_of(page)["first"] == "107" and "start" not in state_of(page)


def test_the_module_is_one_file_without_imports(tmp_path):
    text = module("adder.js")
    assert "import " not in re.sub(r"//.*", "", text)
    assert 'from "' not in text


# the arithmetic


def number_cases() -> list[tuple[int, int]]:
    rng = np.random.default_rng(4)
    pairs = [tuple(int(rng.integers(0, 2**63)) >> int(rng.integers(0, 63)) for _ in range(2)) for _ in range(60)]
    return [(0, 0), (1, 1), (2**64 - 1, 1), (2**64 - 1, 2**64 - 1), (2**53 + 1, 2**53), *pairs]


@needs_node
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_javascript_computes_what_python_does(tmp_path, seed):
    torch.manual_seed(seed)
    layer, output = nn.RNN(2, 7), nn.Linear(7, 1)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(4)  # far from contracting: differences would grow
    weights = read_weights(layer, output)
    cases = [{"weights": weights, "a": str(a), "b": str(b)} for a, b in number_cases()]
    body = """
        const steps = w.addNumbers(x.weights, BigInt(x.a), BigInt(x.b));
        return [steps.map((s) => s.x[0]), steps.map((s) => s.x[1]), steps.map((s) => s.carry), steps.map((s) => s.out),
          steps.map((s) => s.bit), steps.map((s) => s.said), steps.map((s) => s.p), steps.map((s) => s.h),
          w.spoken(steps).toString()];
    """
    for (a, b), got in zip(number_cases(), run_node(tmp_path, body, cases, "adder.js"), strict=True):
        want = add(weights, a, b)
        assert got[:6] == [want.first, want.second, want.carry, want.carry_out, want.bits, want.answer]
        np.testing.assert_allclose(got[6], want.probabilities, rtol=1e-9, atol=0)
        np.testing.assert_allclose(got[7], want.states, rtol=0, atol=1e-9)
        assert int(got[8]) == total(want.answer)


@needs_node
def test_javascript_reads_numbers_and_orders_units_as_python_does(tmp_path):
    texts = ["0", " 12 ", "1,000", "007", str(2**64 - 1), str(2**64), "", "-1", "1.5", "x"]
    got = run_node(tmp_path, "const r = w.readNumber(x); return r.problem ?? r.value.toString();", texts, "adder.js")
    assert got[:5] == ["0", "12", "1000", "7", str(2**64 - 1)]
    assert "2^64" in got[5] and all("no whole number" in words for words in got[6:])
    orders = [CORRELATIONS, [0.5, -0.5, 0.5], [], [0.0, 1e-12, -1.0]]
    got = run_node(tmp_path, "return w.orderOf(x, 3);", orders, "adder.js")
    assert got == [adder(correlations=c or None).order for c in orders]


@needs_node
def test_the_module_is_valid_javascript(tmp_path):
    file = tmp_path / "adder.mjs"
    file.write_text(module("adder.js"), encoding="utf-8")
    assert subprocess.run([NODE, "--check", file], capture_output=True).returncode == 0


# the page


def show_page(page, folder, *widgets, page_style: str = "") -> None:
    file = folder / "page.html"
    body = "\n".join(widget.html() for widget in widgets)
    file.write_text(f"<!doctype html><html lang=en><meta charset=utf-8><title>adder</title>{page_style}{body}")
    page.goto(file.as_uri())
    page.wait_for_selector(".crnn-adder td")


def cells_of(page, row: str) -> str:
    line = page.locator(f".crnn-places tr:has(th:text-is('{row}')) td")
    return "".join(line.all_text_contents())


def line(page) -> str:
    return page.locator(".crnn-line").text_content()


@pytest.mark.browser
def test_keys_walk_through_the_sum(page, tmp_path):
    widget = adder(first=107, second=85, step=0)
    show_page(page, tmp_path, widget)
    done = widget.sum
    assert cells_of(page, "network") == "········" and "No place has been added yet: 8 steps" in line(page)
    assert page.locator(".crnn-spoken").text_content() == "…"
    page.get_by_label("places added").focus()
    for t in range(8):
        page.keyboard.press("ArrowRight")
        a, b, carry = done.first[t], done.second[t], done.carry[t]
        assert line(page).startswith(f"t = {t} (worth {2**t}): {a} + {b} + carry {carry} = {a + b + carry}, so bit ")
        assert f"σ = {show_number(done.probabilities[t])}, bit {done.bits[t]} ✓ right." in line(page)
    assert cells_of(page, "network") == "".join(map(str, done.bits))
    assert cells_of(page, "carry in") == "".join(map(str, done.carry))
    assert cells_of(page, "carry out") == "".join(map(str, done.carry_out))
    rows = page.locator(".crnn-places tbody th").all_text_contents()
    assert rows[rows.index("carry out") + 1].startswith("★ unit 1")  # what the unit follows stands above it
    assert "blank in between" in page.locator(".crnn-legend").text_content()
    assert page.locator(".crnn-spoken").text_content() == "192" == page.locator(".crnn-truth").text_content()
    page.keyboard.press("Home")
    assert cells_of(page, "network") == "········"
    page.keyboard.press("End")
    assert page.locator(".crnn-spoken").text_content() == "192"
    page.keyboard.press("ArrowLeft")
    assert page.locator(".crnn-spoken").text_content() == "…" and line(page).startswith("t = 6")


@pytest.mark.browser
def test_the_mouse_numbers_and_reset(page, tmp_path):
    show_page(page, tmp_path, adder(first=107, second=85, step=3))
    page.get_by_role("button", name="next ▶").click()
    assert line(page).startswith("t = 3")
    page.get_by_role("button", name="◀ back").click()
    page.get_by_role("button", name="add up to place 5").click()
    assert line(page).startswith("t = 5")
    page.get_by_role("button", name="all").click()
    assert page.get_by_role("button", name="next ▶").is_disabled()
    page.get_by_label("first").fill(str(2**64 - 1))
    page.get_by_label("second").fill("1")
    assert page.locator(".crnn-spoken").text_content() == f"{2**64:,}"
    assert cells_of(page, "carry in") == "0" + "1" * 64
    for text, words in (("12x", "“12x” is no whole number"), (str(2**64), "At most 64 bits"), ("", "no whole number")):
        page.get_by_label("second").fill(text)
        assert words in page.get_by_role("alert").text_content()
        assert page.get_by_label("second").get_attribute("aria-invalid") == "true"
        assert page.locator(".crnn-truth").text_content() == f"{2**64:,}"  # the last sum stays
    page.get_by_label("second").fill("2")
    assert page.get_by_role("alert").text_content() == ""
    page.get_by_role("button", name="reset").click()
    assert page.locator(".crnn-truth").text_content() == "192" and line(page).startswith("t = 2")
    assert page.get_by_label("first").input_value() == "107"


@pytest.mark.browser
def test_a_click_on_a_column_goes_there_and_arrow_keys_go_on(page, tmp_path):
    show_page(page, tmp_path, adder(first=2**64 - 1, second=1, step=0))
    scroll = page.locator(".crnn-adder .crnn-scroll")
    page.locator("tr.crnn-unit td[data-t='5']").first.click()
    assert line(page).startswith("t = 5")
    page.keyboard.press("ArrowRight")
    assert line(page).startswith("t = 6")
    page.keyboard.press("End")
    assert line(page).startswith("t = 64") and scroll.evaluate("(s) => s.scrollLeft") > 100
    page.keyboard.press("Home")
    assert "No place has been added yet" in line(page) and scroll.evaluate("(s) => s.scrollLeft") == 0
    page.get_by_role("button", name="next ▶").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="all").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "all"  # a button at the end keeps the keyboard


@pytest.mark.browser
def test_mistakes_and_units_are_told_without_colour(page, tmp_path):
    widget = Adder(*forgetful(), 3, 1, correlations=CORRELATIONS)
    show_page(page, tmp_path, widget)
    wrong = page.locator("td.crnn-wrong")
    assert wrong.evaluate_all("(cells) => cells.map((c) => +c.dataset.t)") == widget.sum.wrong
    assert all("✗" in text for text in wrong.all_text_contents())
    assert "wrong" in page.locator(".crnn-result").text_content()
    heads = page.locator("tr.crnn-unit th").all_text_contents()
    assert heads == ["★ unit 1 −0.95", "★ unit 2 0.50", "unit 0 0.10"]
    for row, unit in enumerate(widget.order):
        signs = page.locator("tr.crnn-unit").nth(row).locator("td").all_text_contents()
        states = widget.sum.states[:, unit]
        assert signs == ["" if abs(h) < 0.5 else "+" if h > 0 else "−" for h in states]
    grounds = page.locator("tr.crnn-unit td").evaluate_all(
        "(cells) => cells.map((c) => [c.textContent, getComputedStyle(c).backgroundColor])"
    )
    shades = {sign: {ground for text, ground in grounds if text == sign} for sign in "+−"}
    plain = page.locator("tr.crnn-in td").first.evaluate("(c) => getComputedStyle(c).backgroundColor")
    assert all(shades.values()) and shades["+"].isdisjoint(shades["−"] | {plain}) and plain not in shades["−"]


@pytest.mark.browser
@pytest.mark.parametrize("scheme, width", [("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)])
def test_it_fits_and_can_be_read(page, tmp_path, scheme, width):
    """No sideways scrolling of the page; text, on the units' shades too, stands out by 4.5 to 1 at least."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    viewport = '<meta name=viewport content="width=device-width">'
    show_page(page, tmp_path, adder(first=2**64 - 1, second=1), Adder(*forgetful(), 6, 7), page_style=viewport)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    contrast = page.evaluate(
        """() => {
          const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const light = (c) => { context.clearRect(0, 0, 1, 1); context.fillStyle = c; context.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
            return .2126 * r + .7152 * g + .0722 * b; };
          return [...document.querySelectorAll(".crnn-widget, .crnn-soft, .crnn-adder td")].map((node) => {
            const ground = node.tagName === "TD" ? node : node.closest(".crnn-widget");
            const a = light(getComputedStyle(node).color), b = light(getComputedStyle(ground).backgroundColor);
            return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          });
        }"""  # noqa: E501
    )
    assert min(contrast) >= 4.5
    page.screenshot(path=tmp_path / f"adder-{scheme}-{width}.png", full_page=True)
