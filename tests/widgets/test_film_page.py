"""The film widget on a page, in a real Chromium: keys, clicks, play, and what is read equals Python's."""

from __future__ import annotations

import pytest

from crnn_lessons.widgets.film import Film
from tests.widgets.test_film import training
from tests.widgets.test_page import show_page

pytestmark = pytest.mark.browser


@pytest.fixture
def film():
    return Film(*training())


@pytest.fixture
def shown(page, tmp_path, film):
    show_page(page, tmp_path, film)
    page.wait_for_selector(".crnn-film canvas")
    return page


def said(page) -> list[str]:
    return page.locator(".crnn-text").all_text_contents()


def step(page) -> str:
    return page.locator(".crnn-said b").text_content()


def read(film, frame) -> list[str]:
    return [film.text(n, frame) or "(nothing)" for n in range(2)]


def test_keys_on_the_slider_turn_the_frames(shown, film):
    shown.locator(".crnn-slider").focus()
    assert (step(shown), said(shown)) == ("step 0", read(film, 0))
    for key, frame in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 4), ("Home", 0)]:
        shown.keyboard.press(key)
        assert (step(shown), said(shown)) == (f"step {film.steps[frame]}", read(film, frame))
    assert shown.locator(".crnn-slider").get_attribute("aria-valuetext") == "step 0"


def test_every_frame_marks_the_alignment_of_python(shown, film):
    for frame in range(5):
        for n in range(2):
            title = shown.locator(".crnn-scene title").nth(n).text_content()
            path = film.alignment(n)
            runs, t = [], 0
            while t < len(path):
                end = t
                while end + 1 < len(path) and path[end + 1] == path[t]:
                    end += 1
                if path[t]:
                    runs.append(f"{path[t] - 1} at columns {t} to {end}")
                t = end + 1
            assert f"Alignment of the target: {', '.join(runs)}." in title
            boxes = shown.locator(".crnn-scene").nth(n).locator(".crnn-forced").count()
            assert boxes == len(runs)
        if frame < 4:
            shown.get_by_label("one frame on").click()
            film.frame = frame + 1
    assert shown.get_by_label("one frame on").is_disabled()


def test_the_step_buttons_keep_the_keyboard_at_both_ends(shown, film):
    for label, steps, at in (("one frame on", 6, 4), ("one frame back", 6, 0)):
        shown.get_by_label(label).focus()
        for _ in range(steps):
            shown.keyboard.press("Enter")
        assert step(shown) == f"step {film.steps[at]}" and shown.get_by_label(label).is_disabled()
        assert shown.evaluate("document.activeElement.getAttribute('aria-label')") == label


def test_pictures_stand_side_by_side_where_there_is_room(shown):
    tops = "(scenes) => scenes.map((s) => Math.round(s.querySelector('.crnn-plane').getBoundingClientRect().top))"
    one, two = shown.locator(".crnn-scene").evaluate_all(tops)
    assert one == two
    shown.set_viewport_size({"width": 400, "height": 900})
    shown.wait_for_function("document.querySelector('.crnn-scene').getBoundingClientRect().width < 400")
    one, two = shown.locator(".crnn-scene").evaluate_all(tops)
    assert one + 100 < two


def test_without_motion_play_turns_one_frame(shown, film):
    play = shown.get_by_role("button", name="play")
    play.click()
    shown.wait_for_timeout(600)
    assert step(shown) == f"step {film.steps[1]}" and play.text_content() == "play"


def test_play_runs_to_the_end_and_pause_stops(chromium, tmp_path, film):
    context = chromium.new_context(reduced_motion="no-preference")
    page = context.new_page()
    show_page(page, tmp_path, film)
    page.wait_for_selector(".crnn-film canvas")
    button = page.locator(".crnn-play")
    button.focus()
    page.keyboard.press("Space")
    assert button.text_content() == "pause"
    page.wait_for_function("document.querySelector('.crnn-said b').textContent !== 'step 0'")
    page.keyboard.press("Space")
    held = step(page)
    page.wait_for_timeout(500)
    assert (step(page), button.text_content()) == (held, "play")
    page.keyboard.press("Space")
    page.wait_for_function(
        "document.querySelector('.crnn-play').textContent === 'play' && "
        f"document.querySelector('.crnn-said b').textContent === 'step {film.steps[-1]}'"
    )
    context.close()


def test_the_curve_is_a_handle_and_reset_leads_back(shown, film):
    box = shown.locator(".crnn-losses").bounding_box()
    shown.mouse.click(box["x"] + box["width"] - 4, box["y"] + 20)
    assert step(shown) == f"step {film.steps[-1]}"
    shown.keyboard.press("ArrowLeft")  # the slider has the keys
    assert step(shown) == f"step {film.steps[-2]}"
    shown.get_by_role("button", name="reset").click()
    assert step(shown) == "step 0"


def test_the_heat_map_is_drawn_where_the_path_is(shown, film):
    """At the last frame the best class of a column has the darkest cell of that column."""
    shown.locator(".crnn-slider").focus()
    shown.keyboard.press("End")
    alphas = shown.evaluate(
        """() => {
          const canvas = document.querySelector(".crnn-film canvas"), T = 14, C = 11, ratio = devicePixelRatio;
          const w = canvas.clientWidth / T, tall = 13, y0 = canvas.clientHeight - C * tall, pen = canvas.getContext("2d");
          return Array.from({ length: T }, (_, t) => Array.from({ length: C }, (_, k) =>
            pen.getImageData(Math.round((t + .5) * w * ratio), Math.round((y0 + (k + .4) * tall) * ratio), 1, 1).data[3]));
        }"""  # noqa: E501
    )
    data = film.data(0, 4)
    for t, column in enumerate(alphas):
        assert max(range(11), key=column.__getitem__) == int(data[t].argmin())


@pytest.mark.parametrize("scheme, width", [("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)])
def test_it_fits_and_can_be_read(page, tmp_path, film, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    show_page(page, tmp_path, film, page_style='<meta name=viewport content="width=device-width">')
    page.wait_for_selector(".crnn-film canvas")
    page.locator(".crnn-slider").focus()
    page.keyboard.press("End")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    contrast = page.evaluate(
        """() => {
          const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
          const ground = light(getComputedStyle(document.querySelector(".crnn-widget")).backgroundColor);
          const colours = [...document.querySelectorAll(".crnn-film .crnn-soft, .crnn-film .crnn-words, .crnn-film .crnn-said")].map((n) => getComputedStyle(n).color)
            .concat([...document.querySelectorAll(".crnn-film svg text")].map((n) => getComputedStyle(n).fill));
          return colours.map((c) => { const a = light(c); return (Math.max(a, ground) + .05) / (Math.min(a, ground) + .05); });
        }"""  # noqa: E501
    )
    assert min(contrast) >= 4.5
    page.screenshot(path=tmp_path / f"film-{scheme}-{width}.png", full_page=True)


def test_two_films_on_a_page_do_not_mix(page, tmp_path):
    one, two = Film(*training()), Film(*training(seed=3, targets=("981", "5")))
    show_page(page, tmp_path, one, two)
    page.wait_for_function("document.querySelectorAll('.crnn-film canvas').length === 4")
    page.locator(".crnn-slider").nth(1).focus()
    page.keyboard.press("End")
    assert page.locator(".crnn-said b").all_text_contents() == ["step 0", "step 200"]
    assert said(page) == [*read(one, 0), *read(two, 4)]
