"""The menu widget on a page without a kernel, in a real Chromium: mouse, keys, and numbers that equal Python's."""

from __future__ import annotations

import numpy as np
import pytest

from crnn_lessons.widgets.menu import COURSES, Menu, title
from tests.widgets.test_menu import menu
from tests.widgets.test_page import press, show_page

pytestmark = pytest.mark.browser


@pytest.fixture
def shown(page, tmp_path):
    show_page(page, tmp_path, menu())
    page.wait_for_selector(".crnn-menu .crnn-point")
    return page


def check(page, w: Menu) -> None:
    """The page shows what Python computes for a widget in the same state."""
    design = w.designs[w.first]
    assert [page.get_by_label(course, exact=True).input_value() for course in COURSES] == design["parts"]
    assert page.get_by_label("a build by its name").input_value() == design["name"]
    said = page.locator(".crnn-said").text_content()
    assert said.startswith(f"A: {title(design)}: error {np.mean(w.errors(w.first)):.1f} %")
    assert said.endswith(f"{design['parameters']:,} parameters.")
    points = page.locator(".crnn-point")
    assert points.count() == len(w.designs)
    assert numbers(page, ".crnn-point.crnn-front") == w.front
    assert numbers(page, ".crnn-point.crnn-first") == [w.first]
    assert numbers(page, ".crnn-point.crnn-second") == ([] if w.second < 0 else [w.second])
    told = page.locator(".crnn-told").text_content()
    if w.second >= 0:
        mean, low, high = (f"{x:+.1f}".replace("-", "−") for x in w.comparison)
        assert f"A − B: {mean} points, 95 % interval {low} to {high}:" in told
    else:
        assert told.startswith("No B yet")


def numbers(page, selector: str) -> list[int]:
    return sorted(map(int, page.locator(selector).evaluate_all("all => all.map((one) => one.dataset.i)")))


def table(page) -> list[int]:
    return list(map(int, page.locator(".crnn-pick").evaluate_all("all => all.map((one) => one.dataset.i)")))


def test_points_are_chosen_and_compared_with_the_mouse(shown):
    page, w = shown, menu()
    check(page, w)
    page.locator('.crnn-point[data-i="4"]').click()
    w.first = 4
    check(page, w)
    page.get_by_role("button", name="A becomes B").click()
    assert "A and B are the same design." in page.locator(".crnn-told").text_content()
    page.locator('.crnn-pick[data-i="7"]').click()
    w.first, w.second = 7, 4
    check(page, w)
    page.get_by_role("button", name="swap").click()
    w.first, w.second = 4, 7
    check(page, w)
    page.get_by_role("button", name="no B").click()
    w.second = -1
    check(page, w)
    assert page.get_by_role("button", name="swap").get_attribute("aria-disabled") == "true"
    page.get_by_role("button", name="reset").click()
    check(page, menu())


def test_task_budget_and_axis(shown):
    page, w = shown, menu()
    for entry, value in (("task", "turned"), ("budget", "seconds"), ("axis", "parameters")):
        page.locator(f'input[name="{entry}"][value="{value}"]').check()
        setattr(w, entry, value)
        check(page, w)
    label = page.locator(".crnn-plane svg").get_attribute("aria-label")
    assert label == "Error of 9 designs against parameters; task turned, equal seconds"


def test_parts_lead_to_the_nearest_measured_design_and_say_so(shown):
    page, w = shown, menu()
    page.get_by_label("sequence", exact=True).select_option("lstm")
    w.first = 1
    check(page, w)
    note = page.get_by_role("alert")
    assert note.text_content() == ""
    page.get_by_label("sequence", exact=True).select_option("none")
    page.get_by_label("convolution", exact=True).select_option("unet")
    w.first = 2
    check(page, w)
    page.get_by_label("normalisation", exact=True).select_option("mean")  # with a U-net and no LSTM: left out
    w.first = next(i for i, d in enumerate(w.designs) if d["parts"] == ["mean", "vgg", "none", "max", "none"])
    check(page, w)
    assert (
        "Not measured: this was the nearest with normalisation mean; it differs in convolution, too."
        in note.text_content()
    )
    page.get_by_label("convolution", exact=True).select_option("lstm2")
    w.first = 8
    check(page, w)
    assert "(lstm2)" in note.text_content() and "normalisation and reduction and sequence" in note.text_content()
    page.get_by_label("a build by its name").select_option("conv_only")
    w.first = 7
    check(page, w)
    assert note.text_content() == ""


def test_arrow_keys_walk_over_the_points(shown):
    page, w = shown, menu()
    costs = [design["results"][0]["seconds"] for design in w.designs]
    by_cost, by_error = np.argsort(costs), np.argsort([np.mean(w.errors(i)) for i in range(9)])
    page.locator('.crnn-point[data-i="0"]').focus()
    press(page, "Home")
    for i in by_cost:
        assert numbers(page, ".crnn-point.crnn-first") == [i]
        assert page.evaluate("document.activeElement.dataset.i") == str(i)
        press(page, "ArrowRight")
    assert numbers(page, ".crnn-point.crnn-first") == [by_cost[-1]]  # there is no further
    press(page, "Enter", "ArrowLeft")
    w.first, w.second = int(by_cost[-2]), int(by_cost[-1])
    check(page, w)
    for _ in range(9):
        press(page, "ArrowUp")
    assert numbers(page, ".crnn-point.crnn-first") == [by_error[-1]]
    press(page, "ArrowDown")
    assert numbers(page, ".crnn-point.crnn-first") == [by_error[-2]]


def test_the_table_sorts_and_is_walked_with_keys(shown):
    page, w = shown, menu()
    by_error = [int(i) for i in np.argsort([np.mean(w.errors(i)) for i in range(9)])]
    assert table(page) == by_error
    head = page.locator('th[data-column="parameters"]')
    head.get_by_role("button").click()
    by_size = [int(i) for i in np.argsort([design["parameters"] for design in w.designs])]
    assert table(page) == by_size and head.get_attribute("aria-sort") == "ascending"
    press(page, "Enter")  # the button has the keyboard
    assert table(page) == by_size[::-1] and head.get_attribute("aria-sort") == "descending"
    page.locator(f'.crnn-pick[data-i="{by_size[-1]}"]').click()
    press(page, "ArrowDown", "Enter", "ArrowDown")
    w.first, w.second = by_size[-3], by_size[-2]
    check(page, w)
    assert page.evaluate("document.activeElement.dataset.i") == str(by_size[-3])
    assert page.locator(".crnn-list tr.crnn-first th").text_content() == "A"
    assert page.locator(".crnn-list tr.crnn-second th").text_content() == "B"
    press(page, "End")
    assert numbers(page, ".crnn-point.crnn-first") == [by_size[0]]


@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_is_wider_than_the_page(page, tmp_path, width):
    page.set_viewport_size({"width": width, "height": 900})
    show_page(page, tmp_path, menu(second=3), page_style='<meta name=viewport content="width=device-width">')
    page.wait_for_selector(".crnn-menu .crnn-point")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    drawn = page.locator(".crnn-plane svg").bounding_box()
    assert drawn["x"] >= 0 and drawn["x"] + drawn["width"] <= width
    check(page, menu(second=3))
