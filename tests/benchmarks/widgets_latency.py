"""How long do the widgets take to answer? Handler, layout and next frame, in a headless Chromium.

    python tests/benchmarks/widgets_latency.py

The lattice has 30 time steps and 31 rows, the path 60 steps. The aim is 50 ms for handler and layout together.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from crnn_lessons.widgets import Collapse, Lattice
from notebooks.photograph import FLAGS, find_chromium

REPEATS = 30

# One interaction, REPEATS times: the time inside the handlers, until the layout is known, and until the next frame.
MEASURE = """async ([selector, kind, values, repeats]) => {
  const act = {
    key: (node, value) => node.dispatchEvent(new KeyboardEvent("keydown", { key: value, bubbles: true })),
    click: (node) => node.dispatchEvent(new MouseEvent("click", { bubbles: true })),
    hover: (node) => node.dispatchEvent(new PointerEvent("pointermove", { bubbles: true })),
    type: (node, value) => { node.value = value; node.dispatchEvent(new InputEvent("input", { bubbles: true })); },
  }[kind];
  const times = { handler: [], layout: [], frame: [] };
  for (let i = 0; i < repeats; i++) {
    const nodes = [...document.querySelectorAll(selector)], node = nodes[i % nodes.length];
    node.focus?.();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const begin = performance.now();
    act(node, values[i % values.length]);
    times.handler.push(performance.now() - begin);
    document.body.getBoundingClientRect();
    times.layout.push(performance.now() - begin);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.frame.push(performance.now() - begin);
  }
  return times;
}"""


def main() -> None:
    program = find_chromium()
    if program is None:
        sys.exit("no Chromium found; install one, or name it in the variable CHROMIUM")
    from playwright.sync_api import sync_playwright

    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(12), size=30)
    lattice = Lattice(probs, "abcdefghijkabcd", "abcdefghijk")
    collapse = Collapse("hh-e-ll-lo" * 6)
    questions = [
        ("lattice: arrow key", ".crnn-cells", "key", ["ArrowRight", "ArrowDown"]),
        ("lattice: click on a cell", ".crnn-cell", "click", [None]),
        ("lattice: hover over a cell", ".crnn-cell", "hover", [None]),
        ("lattice: switch the quantity", ".crnn-lattice input[type=radio]", "click", [None]),
        ("lattice: probability + and -", ".crnn-probs td[tabindex='0']", "key", ["+", "-"]),
        ("lattice: edit the target", ".crnn-field", "type", ["abcdefghijkabcd", "abcdefghijkabc"]),
        ("collapse: type a letter", ".crnn-box.crnn-marked", "key", ["a", "b", "-"]),
        ("collapse: insert and delete", ".crnn-box.crnn-marked", "key", ["Insert", "Delete"]),
    ]
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 1600})
        file = Path(folder) / "page.html"
        file.write_text("<!doctype html><meta charset=utf-8>" + lattice.html() + collapse.html())
        page.goto(file.as_uri())
        page.wait_for_selector(".crnn-box")
        page.evaluate(MEASURE, [".crnn-cells", "key", ["ArrowRight"], 5])  # warm
        print(f"T = 30, L = 31, C = 12; median / maximum of {REPEATS}, ms")
        print(f"{'':32}{'handler':>16}{'with layout':>16}{'to next frame':>18}")
        for words, *question in questions:
            times = page.evaluate(MEASURE, [*question, REPEATS])
            cells = [f"{np.median(values):.1f} / {max(values):.1f}" for values in times.values()]
            print(f"{words:32}{cells[0]:>16}{cells[1]:>16}{cells[2]:>18}")
        browser.close()


if __name__ == "__main__":
    main()
