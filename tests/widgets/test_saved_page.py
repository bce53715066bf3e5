"""Widgets in a page that nbconvert made of a notebook: its style of tables must not reach theirs."""

from __future__ import annotations

import pytest

from tests.widgets.test_focus_page import WIDGETS
from tests.widgets.test_page import show_page

pytestmark = pytest.mark.browser

TABLES = ("unroll", "hand", "memory", "autopsy", "lattice", "menu")
STYLES = """() => {
  const all = ["backgroundColor", "borderTopWidth", "borderBottomWidth"];
  const cells = [...all, "textAlign", "padding", "fontSize", "fontWeight", "verticalAlign", "whiteSpace", "color"];
  return [...document.querySelectorAll(".crnn-widget :is(thead, tr, th, td, caption)")].map((node) => {
    const style = getComputedStyle(node);
    return [node.tagName, ...(node.matches("thead, tr") ? all : cells).map((name) => style[name])];
  });
}"""
# The colours of a saved page come with it; a plain page gets the same ones.
COLOURS = """<style>.crnn-widget {
  --jp-ui-font-color1: #111; --jp-ui-font-color2: #555; --jp-layout-color0: #fff; --jp-border-color1: #bbb;
}</style>"""


@pytest.mark.parametrize("kind", TABLES)
def test_tables_look_as_on_a_plain_page(page, tmp_path, kind):
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    widget = WIDGETS[kind]()
    show_page(page, tmp_path, widget, page_style=COLOURS)
    page.wait_for_selector(".crnn-widget table")
    want = page.evaluate(STYLES)
    cell = nbformat.v4.new_code_cell(
        "1", outputs=[nbformat.v4.new_output("display_data", {"text/html": widget.html()})]
    )
    saved, _ = nbconvert.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    (tmp_path / "saved.html").write_text(saved.replace("</body>", f"{COLOURS}</body>"))
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.goto((tmp_path / "saved.html").as_uri())
    page.wait_for_selector(".crnn-widget table")
    assert page.evaluate("document.querySelector('.crnn-widget').closest('.jp-RenderedHTMLCommon') !== null")
    page.hover(".crnn-widget tbody tr")  # rows under the mouse have a colour of their own in such a page
    assert page.evaluate(STYLES) == want
    assert len(want) > 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sliders_follow_the_theme(page, tmp_path, scheme):
    page.emulate_media(color_scheme=scheme)
    show_page(page, tmp_path, WIDGETS["memory"]())
    page.wait_for_selector(".crnn-memory input[type=range]")
    colour, handle = page.locator(".crnn-memory input[type=range]").first.evaluate(
        "(node) => [getComputedStyle(node).colorScheme, getComputedStyle(node).accentColor]"
    )
    # Of a dark handle Chromium draws a white track, whatever the scheme.
    assert (colour, handle) == (scheme, {"light": "rgb(0, 114, 178)", "dark": "rgb(86, 180, 233)"}[scheme])
