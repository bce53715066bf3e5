"""The shape widget on a page without a kernel, in a real Chromium: keys, mouse, numbers that equal Python's."""

from __future__ import annotations

import pytest

from crnn_lessons.models import PRESETS, build, summarise
from crnn_lessons.widgets import Shape

pytestmark = pytest.mark.browser


def show(page, folder, widget) -> None:
    file = folder / "page.html"
    viewport = '<meta name=viewport content="width=device-width">'
    file.write_text(f"<!doctype html><html lang=en><meta charset=utf-8><title>shape</title>{viewport}{widget.html()}")
    page.goto(file.as_uri())
    page.wait_for_selector(".crnn-shape .crnn-layer")


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def layers(page) -> list[str]:
    return page.locator(".crnn-layer").evaluate_all("(boxes) => boxes.map((box) => box.value)")


def check(page, widget: Shape) -> None:
    """The page shows what Python computes for a widget in the same state."""
    account = widget.summary
    assert page.locator(".crnn-T").text_content() == str(widget.T)
    assert page.locator(".crnn-total").text_content() == f"{account.num_parameters:,}"
    rows = page.locator(".crnn-line")
    assert rows.count() == len(account.rows)
    for i, row in enumerate(account.rows):
        cells = rows.nth(i).get_by_role("cell").all_text_contents()
        assert cells == [
            " × ".join(map(str, row.shape)),
            " + ".join(f"{p:,}" for p in row.parameters) or "0",
            f"{row.multiply_adds:,}",
            " × ".join(map(str, row.sees)) if row.sees else "",
        ]
    first, last = widget.field
    said = f"Frame {widget.frame} of 0 to {widget.T - 1} sees columns {first} to {last}: {last - first + 1} of"
    assert page.locator("p.crnn-sees").text_content().startswith(said)


def test_presets_are_shown_as_python_counts_them(page, tmp_path):
    show(page, tmp_path, Shape("paper"))
    check(page, Shape("paper"))
    for name in ("post", "captcha", "lstm_unet", "lstm_fmp"):
        page.get_by_label("preset").select_option(name)
        check(page, Shape(name))  # the frame in the middle
        assert page.get_by_label("preset").input_value() == name
    total = page.locator(".crnn-total").text_content()
    assert total == f"{build('lstm_fmp', 37).num_parameters:,}" and len(PRESETS) == 13


def test_layers_are_edited_with_the_keyboard(page, tmp_path):
    show(page, tmp_path, Shape("tiny"))
    base = list(PRESETS["tiny"].features)
    page.locator(".crnn-layer").nth(1).focus()
    press(page, "End", "Backspace", "1")  # pool 2 2 -> pool 2 1
    base[1] = "pool 2 1"
    assert layers(page) == base
    check(page, tiny(base))
    assert page.get_by_label("preset").input_value() == "(own)"
    press(page, "ArrowDown", "Enter")  # a new layer below the third
    base.insert(3, "conv 64")
    assert layers(page) == base and page.evaluate("document.activeElement.ariaLabel") == "layer 4"
    press(page, "Alt+ArrowUp")
    base[2], base[3] = base[3], base[2]
    assert layers(page) == base and page.evaluate("document.activeElement.ariaLabel") == "layer 3"
    check(page, tiny(base, frame=12))
    press(page, "Control+a", "Backspace")
    assert "“” is no layer" in page.get_by_role("alert").text_content()
    press(page, "Backspace")  # in an empty layer: it goes
    base.pop(2)
    assert layers(page) == base
    check(page, tiny(base, frame=12))
    assert page.get_by_role("alert").text_content() == ""
    press(page, "End", "x")  # no layer any more; on leaving, the text goes back to what holds
    assert "is no layer" in page.get_by_role("alert").text_content()
    check(page, tiny(base, frame=12))
    press(page, "ArrowUp")
    assert layers(page) == base and page.get_by_role("alert").text_content() == ""
    page.get_by_role("button", name="reset").click()
    check(page, Shape("tiny"))


def tiny(features: list[str], frame: int = 12, **changes) -> Shape:
    return Shape(build("tiny", 37, features=tuple(features), **changes), frame=frame)


def test_layers_are_edited_with_the_mouse(page, tmp_path):
    show(page, tmp_path, Shape("tiny"))
    base = list(PRESETS["tiny"].features)
    page.locator(".crnn-layer").nth(4).click()
    page.get_by_label("layer to add").select_option("block 64")
    page.get_by_role("button", name="add below").click()
    base.insert(5, "block 64")
    assert layers(page) == base
    page.get_by_role("button", name="up", exact=True).click()
    base[4], base[5] = base[5], base[4]
    assert layers(page) == base
    page.get_by_role("button", name="down", exact=True).click()
    page.get_by_role("button", name="remove").click()
    assert layers(page) == list(PRESETS["tiny"].features)
    strip = page.locator(".crnn-plane svg").bounding_box()
    page.mouse.click(strip["x"] + strip["width"] * 3.5 / 25, strip["y"] + 10)
    check(page, Shape("tiny", frame=3))
    page.mouse.down()
    page.mouse.move(strip["x"] + strip["width"] * 20.5 / 25, strip["y"] + 10)
    page.mouse.up()
    check(page, Shape("tiny", frame=20))
    page.mouse.move(strip["x"] + 5, strip["y"] + 10)  # released: no longer followed
    check(page, Shape("tiny", frame=20))


def test_the_frame_by_keyboard_and_the_image_size(page, tmp_path):
    show(page, tmp_path, Shape("paper"))
    page.get_by_label("frame t").focus()
    press(page, "ArrowRight", "ArrowRight")
    check(page, Shape("paper", frame=15))
    press(page, "End")
    check(page, Shape("paper", frame=25))
    assert "Frame 25 of 0 to 25" in page.get_by_label("frame t").get_attribute("aria-valuetext")
    box = page.get_by_label("width in pixels")
    box.fill("40")
    check(page, Shape("paper", width=40, frame=10))  # the last frame there is
    box.fill("3")
    assert "leaves 8 × 0 of 16 × 1" in page.get_by_role("alert").text_content()
    assert box.get_attribute("aria-invalid") == "true"
    check(page, Shape("paper", width=40, frame=10))
    page.get_by_label("height in pixels").focus()
    assert box.input_value() == "40" and page.get_by_role("alert").text_content() == ""
    page.get_by_label("channels of the image").select_option("3")
    assert page.locator(".crnn-total").text_content() == f"{build('paper', 37, in_channels=3).num_parameters:,}"


def test_projection_sequence_output_and_classes(page, tmp_path):
    show(page, tmp_path, Shape("tiny"))
    page.get_by_label("projection").select_option("lstm")
    page.get_by_label("sequence model").fill("conv 20 3, gru 11")
    page.get_by_label("output").fill("mlp 9")
    page.get_by_label("number of classes").fill("12")
    want = build("tiny", 12, projection="lstm", sequence="conv 20 3, gru 11", output="mlp 9")
    check(page, Shape(want, frame=12))
    page.get_by_label("sequence model").fill("gru")
    assert "“gru” is no sequence model" in page.get_by_role("alert").text_content()
    assert page.locator(".crnn-total").text_content() == f"{want.num_parameters:,}"


def test_words(page, tmp_path):
    show(page, tmp_path, Shape("paper", width=60))
    fits, word = page.locator("p.crnn-fits"), page.get_by_label("a word to spell")
    assert word.input_value() == "station"  # a play asks for the other one
    assert page.locator(".crnn-word").bounding_box()["y"] < page.locator(".crnn-table").bounding_box()["y"]
    word.fill("counterrevolutionary")
    assert fits.text_content() == (
        "“counterrevolutionary”: S = 20, r = 1, needs 21 steps, T = 16: does not fit; it fits from a width of 80."
    )
    page.get_by_label("width in pixels").fill("80")
    assert "T = 21: fits" in fits.text_content()
    word.fill("aaa")
    assert "S = 3, r = 2, needs 5 steps, T = 21: fits; it fits from a width of 16" in fits.text_content()
    assert page.locator("p.crnn-longest").text_content() == (
        "Longest word: 21 letters if no two neighbours are equal, 11 if all are."
    )


def test_the_frame_comes_back_when_a_width_has_been_typed(page, tmp_path):
    show(page, tmp_path, Shape("paper", frame=20))
    box = page.get_by_label("width in pixels")
    box.focus()
    press(page, "Control+a", "1", "0")
    check(page, Shape("paper", width=10, frame=2))
    press(page, "0")
    check(page, Shape("paper", frame=20))
    box.fill("40")
    page.get_by_role("button", name="reset").click()
    check(page, Shape("paper", frame=20))


def test_totals_are_grouped_and_the_stack_has_its_own(page, tmp_path):
    show(page, tmp_path, Shape("paper"))
    own = summarise(build("paper", 37).features, height=32, width=100)
    assert page.locator(".crnn-own").text_content() == (
        f"the stack alone: {own.num_parameters:,} parameters, {own.multiply_adds / 1e6:.0f} M multiply-adds"
    )
    assert "633 M" in page.locator(".crnn-own").text_content() and page.locator(".crnn-work").text_content() == "705 M"
    page.get_by_label("width in pixels").fill("2000")
    want = Shape("paper", width=2000).summary.multiply_adds
    assert page.locator(".crnn-work").text_content() == f"{want / 1e6:,.0f} M" and want > 1e10


def test_a_sequence_can_be_read_and_has_the_limits_of_a_layer(page, tmp_path):
    show(page, tmp_path, Shape("paper"))
    box = page.get_by_label("sequence model")
    assert box.evaluate("(b) => b.scrollWidth <= b.clientWidth")
    box.fill("bilstm 999999")
    assert "at most five digits" in page.get_by_role("alert").text_content()
    box.fill("bilstm 99999")
    assert page.get_by_role("alert").text_content() == ""


def test_a_click_on_the_drawing_gives_the_slider_the_keys(page, tmp_path):
    show(page, tmp_path, Shape("paper"))
    strip = page.locator(".crnn-plane svg").bounding_box()
    page.mouse.click(strip["x"] + strip["width"] * 3.5 / 26, strip["y"] + 10)
    press(page, "ArrowRight")
    check(page, Shape("paper", frame=4))


def test_two_on_a_page_keep_their_own_state(page, tmp_path):
    file = tmp_path / "two.html"
    file.write_text(f"<!doctype html><meta charset=utf-8>{Shape('tiny').html()}{Shape('paper').html()}")
    page.goto(file.as_uri())
    page.wait_for_selector(".crnn-shape .crnn-layer")
    hosts = page.locator(".crnn-host")
    hosts.nth(0).get_by_label("width in pixels").fill("40")
    assert [hosts.nth(i).locator(".crnn-T").text_content() for i in (0, 1)] == ["10", "26"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)])
def test_it_fits_and_can_be_read(page, tmp_path, scheme, width):
    """No sideways scrolling; text stands out from its ground by 4.5 to 1; every control is named."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    show(page, tmp_path, Shape("paper"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = page.locator(".crnn-shape .crnn-line > span").evaluate_all(
        "(cells) => cells.filter((c) => c.scrollWidth > c.clientWidth + 1).map((c) => c.textContent)"
    )
    assert cut == []
    contrast = page.evaluate(
        """() => {
          const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
          return [...document.querySelectorAll(".crnn-widget, .crnn-widget .crnn-soft, .crnn-widget .crnn-note, .crnn-widget input:not([type=range]), .crnn-widget select, .crnn-widget button:not(:disabled)")].map((node) => {
            const a = light(getComputedStyle(node).color), b = light(getComputedStyle(node.closest(".crnn-widget")).backgroundColor);
            return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          });
        }"""  # noqa: E501
    )
    assert min(contrast) >= 4.5
    unnamed = page.locator(".crnn-widget :is(input, select, button)").evaluate_all(
        "(nodes) => nodes.filter((n) => !n.ariaLabel && !n.textContent.trim() && !n.labels?.length).length"
    )
    assert unnamed == 0
    image = page.locator(".crnn-plane svg")
    assert image.get_attribute("role") == "img" and "sees columns 25 to 78" in image.get_attribute("aria-label")
    page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
