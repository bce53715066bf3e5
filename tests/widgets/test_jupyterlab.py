"""The widgets in a real JupyterLab with a kernel, and in a saved notebook that is opened again."""

from __future__ import annotations

import re

import pytest

from crnn_lessons.widgets import Collapse, Lattice
from tests.browser import menu

pytestmark = pytest.mark.browser

CELLS = (
    "from crnn_lessons.widgets import Collapse, Lattice\n"
    "w = Lattice([[0.2, 0.5, 0.3]] * 5, 'ab', 'ab')\nw",
    "c = Collapse()\nc",
    "print(w.t, w.s, w.target, w.mode, [round(p, 3) for p in w.probs[1]], c.path, c.text)",
    "w.target, w.mode = 'ba', 'posterior'\nc.path = 'a-a'",
)  # fmt: skip


def output(page, cell: int) -> str:
    return page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output").inner_text().strip()


def run_cell(page, cell: int) -> None:
    prompt = page.locator(".jp-CodeCell").nth(cell).locator(".jp-InputPrompt")
    before = prompt.text_content()
    page.locator(".jp-CodeCell").nth(cell).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        "([cell, before]) => { const now = document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')[cell].textContent;"
        " return now !== before && /\\d/.test(now); }",
        arg=[cell, before],
    )


def test_the_live_view_and_python_follow_each_other(page, lab, tmp_path):
    file = lab.write("live.ipynb", *CELLS[:3])
    lab.open(page, "live.ipynb")
    lab.run_all(page)
    page.wait_for_selector(".crnn-lattice .crnn-cell")
    page.wait_for_selector(".crnn-collapse input")
    assert output(page, 2) == "0 0 ab alpha [0.2, 0.5, 0.3] hh-e-ll-lo hello"
    assert page.locator(".crnn-host").count() == 0  # the live view, not the page beside it

    cells = page.locator(".jp-Cell").count()
    page.locator(".crnn-cell[data-t='2'][data-s='3']").click()
    page.keyboard.press("ArrowRight")
    for key in "ddxab":  # in a notebook's command mode these delete, cut and insert cells
        page.keyboard.press(key)
    page.get_by_label("β backward").click()
    page.locator(".crnn-probs td[data-t='1'][data-k='0']").click()
    for key in ("0", ".", "6", "Enter"):
        page.keyboard.press(key)
    page.locator("input.crnn-box").nth(3).click()
    for key in "add":
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    page.screenshot(path=tmp_path / "light.png")
    run_cell(page, 2)
    assert output(page, 2) == "3 3 ab beta [0.6, 0.25, 0.15] hh-addl-lo hadllo"

    page.locator(".jp-CodeCell").nth(2).locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type(CELLS[3])
    page.keyboard.press("Control+Enter")
    page.wait_for_function("() => document.querySelector('.crnn-result').textContent === 'aa'")
    page.wait_for_function("() => document.querySelector('.crnn-field').value === 'ba'")
    assert page.get_by_label("posterior").is_checked()
    assert page.locator(".crnn-line").text_content().startswith("posterior(3,3) = ")

    menu(page, "File", "Save Notebook")
    page.wait_for_function(
        f"async () => (await (await fetch('{lab.url}/files/live.ipynb')).text()).includes('crnn-host')"
    )
    assert "widget-view" not in file.read_text()  # dropped on saving, see .jupyter/jupyter_server_config.py


def test_a_saved_notebook_works_without_its_kernel(page, lab, tmp_path):
    """As committed or saved: HTML without the live view. Scripts run where the learner trusts the notebook."""
    widgets = [Lattice([[0.2, 0.5, 0.3]] * 5, "ab", "ab"), Collapse()]
    outputs = [{"text/html": widget.html(), "text/plain": repr(widget)} for widget in widgets]
    lab.write("trusted.ipynb", "1", "2", outputs=outputs, trusted=True)
    lab.write("foreign.ipynb", "1", "2", outputs=outputs)

    lab.set("apputils-extension:themes", theme="JupyterLab Dark")
    lab.open(page, "trusted.ipynb", kernel=False)
    page.locator(".crnn-cell[data-t='2'][data-s='3']").click()
    assert page.locator(".crnn-line").text_content().endswith("· 0.3 = 0.18")
    page.locator("input.crnn-box").nth(1).click()
    page.keyboard.press("a")
    assert page.locator(".crnn-result").text_content() == "haello"
    ground = page.evaluate("getComputedStyle(document.querySelector('.crnn-widget')).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ground)[:3])) < 60  # dark, as the rest
    page.screenshot(path=tmp_path / "dark.png")

    page.locator(".jp-DirListing-item:has-text('foreign.ipynb')").dblclick()
    images = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .crnn-host img")
    images.first.wait_for()
    assert images.first.get_attribute("alt") == widgets[0].alt()
    assert images.first.bounding_box()["width"] >= 300
    assert page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .crnn-widget").count() == 0
    page.screenshot(path=tmp_path / "picture.png")
