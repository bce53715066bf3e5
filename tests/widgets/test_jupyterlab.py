"""The widgets in a real JupyterLab with a kernel, and in a saved notebook that is opened again."""

from __future__ import annotations

import base64
import io
import re
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crnn_lessons.show.numbers import show_number
from crnn_lessons.widgets import Collapse, Lattice, Memory, Unroll
from tests.browser import kernels_of, menu, shut_down_kernels

pytestmark = pytest.mark.browser
Image.new("RGB", (1, 1)).save(_buffer := io.BytesIO(), format="png")
PIXEL = _buffer.getvalue()

CELLS = (
    "from crnn_lessons.widgets import Collapse, Lattice\n"
    "w = Lattice([[0.2, 0.5, 0.3]] * 5, 'ab', 'ab')\nw",
    "c = Collapse()\nc",
    "print(w.t, w.s, w.target, w.mode, [round(p, 3) for p in w.probs[1]], c.path, c.text)",
    "w.target, w.mode = 'ba', 'posterior'\nc.path = 'a-a'",
)  # fmt: skip
BOTH_WAYS = (
    "from crnn_lessons.widgets import Collapse, Lattice, Memory\nw = Lattice([[0.2, 0.5, 0.3]] * 4, 'ab', 'ab')\nw",
    "m = Memory(length=30)\nm",
    "print(m.norm, m.length, m.distance, m.matrix, m.cells, [round(p, 3) for p in w.probs[2]])",
    "from crnn_lessons.ctc import forward_backward\nimport numpy as np\n"
    "print(f'{np.exp(forward_backward(np.log(w.probs), [1, 2]).log_likelihood):.4g}')",
    "w.probs = [[0.1, 0.6, 0.3]] * 4\nm.length, m.norm, m.cells, m.matrix = 9, 2.5, ['GRU'], 'random'",
)


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


def test_what_a_learner_changes_is_there_in_the_next_cell_and_what_python_sets_is_drawn(page, lab):
    """The two-way road, with numbers: the lattice's probabilities, and a widget of lesson 02."""
    lab.write("both.ipynb", *BOTH_WAYS)
    lab.open(page, "both.ipynb")
    for cell in (0, 1):
        run_cell(page, cell)
    page.wait_for_selector(".crnn-lattice .crnn-cell")
    page.wait_for_selector(".crnn-plot .crnn-lstm")
    page.locator(".crnn-probs td[data-t='2'][data-k='1']").click()
    for key in ("0", ".", "9", "Enter"):
        page.keyboard.press(key)
    shown = page.locator(".crnn-p").text_content()
    page.get_by_label("norm of Wₕₕ").fill("0.5")
    page.get_by_label("orthogonal").click()
    page.get_by_label("RNN", exact=True).click()
    page.locator(".crnn-plot").focus()
    page.keyboard.press("End")
    run_cell(page, 2)
    assert output(page, 2) == "0.5 30 29 orthogonal ['LSTM', 'GRU'] [0.04, 0.9, 0.06]"
    run_cell(page, 3)
    assert output(page, 3) == shown  # the learner's own forward pass on the same numbers

    run_cell(page, 4)
    page.wait_for_function("() => document.querySelector('.crnn-probs td').textContent === '.1'")
    want = Lattice([[0.1, 0.6, 0.3]] * 4, "ab", "ab").numbers.log_likelihood
    assert page.locator(".crnn-p").text_content() == show_number(np.exp(want))
    assert page.locator(".crnn-memory tbody th").all_text_contents() == ["GRU"]
    assert page.get_by_label("random").is_checked() and page.get_by_label("steps T").input_value() == "9"
    curve = Memory(length=9, distance=8, norm=2.5).curves["GRU"]
    assert page.locator(".crnn-memory tbody td").first.text_content() == show_number(curve[8])


def test_a_saved_notebook_works_without_its_kernel(page, lab, tmp_path):
    """As committed or saved: HTML without the live view. Scripts run where the learner trusts the notebook."""
    widgets = [Lattice([[0.2, 0.5, 0.3]] * 5, "ab", "ab"), Collapse()]
    picture = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    pages = [widget.html().replace('"></div>', f'" width="760" src="{picture}"></div>', 1) for widget in widgets]
    outputs = [{"text/html": page, "text/plain": repr(widget)} for page, widget in zip(pages, widgets, strict=True)]
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
    assert images.first.evaluate("(image) => image.naturalWidth") == 1 and images.first.bounding_box()["width"] >= 300
    assert page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .crnn-widget").count() == 0
    page.screenshot(path=tmp_path / "picture.png")


@pytest.mark.parametrize("trusted", [False, True], ids=["live", "saved"])
def test_a_press_on_what_takes_no_focus_keeps_the_keys_in_the_widget(page, lab, trusted):
    """In command mode D D deletes the cell, and an arrow leads to the next one."""
    setting = "[[1.0]], [[0.5]], [0.0], [[1], [0], [0.5], [-1]]"
    cells = ["1", f"from crnn_lessons.widgets import Unroll\nUnroll({setting})", "2"]
    if trusted:
        data = {"text/html": Unroll([[1.0]], [[0.5]], [0.0], [[1], [0], [0.5], [-1]]).html()}
        lab.write("press.ipynb", *cells, outputs=[{"text/plain": "1"}, data], trusted=True)
        lab.open(page, "press.ipynb", kernel=False)
    else:
        lab.write("press.ipynb", *cells)
        lab.open(page, "press.ipynb")
        run_cell(page, 1)
    page.wait_for_selector(".crnn-unroll .crnn-state")
    page.locator(".crnn-unroll").scroll_into_view_if_needed()
    heads, legend = page.locator(".crnn-run thead th"), page.locator(".crnn-unroll .crnn-legend")
    active = "[...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex((c) => c.matches('.jp-mod-active'))"
    for press in (lambda: heads.nth(2).click(), lambda: legend.click(position={"x": 40, "y": 6})):
        press()
        top = page.locator(".crnn-unroll").bounding_box()["y"]
        for key in ("d", "d", "x", "a", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp"):
            page.keyboard.press(key)
        assert page.locator(".jp-Notebook .jp-Cell").count() == 3 and page.evaluate(active) == 1
        assert page.locator(".crnn-unroll").bounding_box()["y"] == top
        assert page.evaluate("document.activeElement.matches('.crnn-unroll td.crnn-chosen')")
    assert page.locator(".crnn-at").text_content() == "step 2 of 0 to 3"
    page.get_by_role("button", name="reset").focus()  # by keyboard: the ring is the course's, not JupyterLab's
    ring = "[document.activeElement.matches(':focus-visible'), getComputedStyle(document.activeElement).outlineWidth]"
    assert page.evaluate(ring) == [True, "3px"]


def test_no_kernel_is_left(lab):
    request = urllib.request.Request(lab.url + "/api/kernels", data=b"{}", method="POST")
    urllib.request.urlopen(request, timeout=60).read()
    started = kernels_of(lab.root.parent)
    assert started
    shut_down_kernels(lab.url)
    assert urllib.request.urlopen(lab.url + "/api/kernels", timeout=60).read().strip() == b"[]"
    for pid in started:  # gone, or waiting for its parent to take note
        stat = Path(f"/proc/{pid}/stat")
        assert not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"
