"""The photographs of widgets in notebooks: what is taken, when an old one is kept, and what a page shows of it."""

from __future__ import annotations

import base64
import io
import re
from concurrent.futures import ThreadPoolExecutor

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from crnn_lessons.widgets import Adder, Beam, Collapse, Film, Gates, Lattice, Memory, Shape, Unroll
from notebooks import build, photograph
from tests.test_build import nbval
from tests.widgets.test_adder import adder, hand_set
from tests.widgets.test_autopsy import autopsy
from tests.widgets.test_film import training
from tests.widgets.test_focus_page import WIDGETS
from tests.widgets.test_menu import menu
from tests.widgets.test_page import PROBS
from tests.widgets.test_unroll_page import BITS, PARITY

needs_chromium = pytest.mark.skipif(photograph.find_chromium() is None, reason="no Chromium found")
pytestmark = [pytest.mark.browser, needs_chromium]
CASES = WIDGETS | {"adder": adder}
OTHERS = {  # the same widgets, a little changed: one number, one letter, one step
    "unroll": lambda: Unroll(**PARITY, inputs=[*BITS[:-1], [1]]),
    "hand": lambda: Gates(task="total"),
    "cell": lambda: Gates(*_other_cell()),
    "memory": lambda: Memory(norm=1.5),
    "film": lambda: Film(*training(), frame=1),
    "autopsy": lambda: autopsy(letter=1),
    "shape": lambda: Shape("tiny", frame=11),
    "lattice": lambda: Lattice(PROBS, "ab", "ab", s=1),
    "collapse": lambda: Collapse("hh-e-ll-la"),
    "adder": lambda: Adder(*hand_set(), first=106),
    "beam": lambda: Beam(PROBS, "ab", t=2),
    "menu": lambda: menu(second=4),
}


def _other_cell():
    from tests.widgets.test_gates_page import trained_like

    return trained_like()[0], "47190357"


def take(*pages: str) -> list[bytes]:
    """Photographs, from a thread of its own: pytest's browser holds this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(photograph.photograph, pages, photograph.find_chromium()).result()


def notebook(*pages: str) -> nbformat.NotebookNode:
    cells = [new_code_cell("w", outputs=[new_output("display_data", {"text/html": page})]) for page in pages]
    return new_notebook(cells=cells)


def keep(nb: nbformat.NotebookNode, old: nbformat.NotebookNode | None = None) -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(photograph.keep_pictures, nb, old).result()


def pages_of(nb: nbformat.NotebookNode) -> list[str]:
    return [data["text/html"] for data in photograph.widgets_of(nb)]


def png_of(page: str) -> bytes:
    return base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)">', page)[1])


@pytest.fixture(scope="module")
def taken():
    """Of each widget two photographs, and one of the widget a little changed."""
    makers = [make for kind in CASES for make in (CASES[kind], CASES[kind], OTHERS[kind])]
    taken = take(*(make().html() for make in makers))
    return {kind: taken[3 * i : 3 * i + 3] for i, kind in enumerate(CASES)}


@pytest.mark.parametrize("kind", CASES)
def test_each_widget_is_photographed_sharp_small_and_the_same_again(taken, kind):
    one, again, other = taken[kind]
    image = Image.open(io.BytesIO(one))
    assert image.width == 2 * 760 and image.height > 600 and len(one) < 75_000
    pixels = np.asarray(image.convert("RGB"))
    assert (pixels[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()  # white beside the round corners
    assert 0.6 < (pixels == 255).all(axis=-1).mean() < 0.98
    assert not photograph.differ(one, again)
    assert photograph.differ(one, other)


def test_a_page_without_scripts_shows_the_photograph(chromium, tmp_path):
    widgets = [make() for make in CASES.values()]
    nb = notebook(*(widget.html() for widget in widgets))
    assert keep(nb) == f"photographs: {len(widgets)}, of which new: {len(widgets)}"
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    (tmp_path / "page.html").write_text("<!doctype html><meta charset=utf-8>" + "".join(pages_of(nb)))
    page.goto((tmp_path / "page.html").as_uri())
    images = page.locator(".crnn-host img")
    assert images.count() == len(widgets)
    for image, widget in zip(images.all(), widgets, strict=True):
        assert image.get_attribute("alt") == widget.alt() and image.bounding_box()["width"] == 760
    context.close()
    context = chromium.new_context()  # and where scripts run, the widget takes its place
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_function(f"document.querySelectorAll('.crnn-widget').length === {len(widgets)}")
    assert page.locator(".crnn-host img").count() == 0
    context.close()


def test_without_a_photograph_the_alt_text_is_left(chromium, tmp_path):
    context = chromium.new_context(java_script_enabled=False)
    page, widget = context.new_page(), Collapse()
    (tmp_path / "page.html").write_text(f"<!doctype html><meta charset=utf-8>{widget.html()}")
    page.goto((tmp_path / "page.html").as_uri())
    assert page.get_by_alt_text(widget.alt()).bounding_box()["width"] >= 300
    context.close()


def test_an_old_photograph_stays_unless_it_differs_visibly():
    old = notebook(Collapse("ab").html(), Collapse("aab").html())
    keep(old)
    noisy = np.asarray(Image.open(io.BytesIO(png_of(pages_of(old)[0]))).convert("RGB")).astype(int)
    noisy += np.random.default_rng(0).integers(-20, 21, noisy.shape)  # other bytes, as another machine gives them
    buffer = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, format="png")
    first = old.cells[0].outputs[0].data
    first["text/html"] = first["text/html"].replace(
        base64.b64encode(png_of(first["text/html"])).decode(), base64.b64encode(buffer.getvalue()).decode()
    )
    nb = notebook(Collapse("ab").html(), Collapse("aabb").html(), Collapse().html())
    assert keep(nb, old) == "photographs: 3, of which new: 2"
    assert png_of(pages_of(nb)[0]) == buffer.getvalue()
    assert png_of(pages_of(nb)[1]) != png_of(pages_of(old)[1])


def test_without_chromium_it_says_so_and_keeps_what_there_is(monkeypatch):
    old = notebook(Collapse("ab").html())
    keep(old)
    monkeypatch.setattr(photograph, "find_chromium", lambda: None)
    nb = notebook(Collapse("ab").html(), Collapse().html())
    said = photograph.keep_pictures(nb, old)
    assert said == "no Chromium with Playwright was found: photographs kept: 1, left out: 1"
    assert png_of(pages_of(nb)[0]) == png_of(pages_of(old)[0]) and " src=" not in pages_of(nb)[1].split("<style>")[0]
    assert photograph.keep_pictures(notebook("<p>no widget</p>"), None) == ""


def test_a_widget_that_does_not_draw_itself_is_named():
    broken = Collapse().html().replace("function render(", "function render_(")
    with pytest.raises(photograph.PhotographError, match="did not draw itself"):
        take(broken)


LESSON = """\
# %% [markdown]
# # A lesson

# %%
from crnn_lessons.widgets import Collapse

Collapse("aab")
"""


def test_make_notebooks_takes_photographs_and_pytest_does_not_compare_them(tmp_path, capsys):
    (tmp_path / "py").mkdir()
    twin = tmp_path / "py" / "01_small.py"
    twin.write_text(LESSON, encoding="utf-8")
    assert build.main(["--folder", str(tmp_path)]) == 0
    assert "photographs: 1, of which new: 1" in capsys.readouterr().out
    built = build.notebook_of(twin).read_text(encoding="utf-8")
    assert build.fault(twin) is None and ' width=\\"760\\" src=\\"data:image/png;base64,' in built
    assert "1 passed" in nbval(tmp_path)
    assert build.main(["--folder", str(tmp_path), "--all"]) == 0
    assert build.notebook_of(twin).read_text(encoding="utf-8") == built
    build.notebook_of(twin).write_text(built.replace("collapses to", "merges to"), encoding="utf-8")
    assert "1 failed" in nbval(tmp_path)
