"""What does the reader in a browser weigh, and how long does it take? In a headless Chromium, from a file.

    python tests/benchmarks/browser_reader.py

The page's size; from opening it to the first reading; and for a word, a large picture and a line, how long until the
text, its posteriors and its lattice are there: by the clock of the page, which other programs on the machine lengthen,
and the processor's time for all that the page did meanwhile, decoding the file and painting included.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from crnn_lessons.text.fonts import system_directories
from crnn_lessons.text.render import render_word
from notebooks.photograph import FLAGS, find_chromium
from notebooks.site.reader import build

REPEATS = 30


def main() -> None:
    program = find_chromium()
    if program is None:
        sys.exit("no Chromium found; install one, or name it in the variable CHROMIUM")
    from playwright.sync_api import sync_playwright

    font = system_directories()[-1] / "DejaVuSans.ttf"
    word = render_word("bookshop", font, np.random.default_rng(0), height=48, wild=0)
    large = np.asarray(Image.fromarray(word).resize((1600, 1600 * word.shape[0] // word.shape[1])))
    row = np.concatenate([word, np.full((48, 20), 255, np.uint8)] * 3, axis=1)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        if build.main(["--out", folder]):
            sys.exit(1)
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce")
        tools = page.context.new_cdp_session(page)
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})

        def busy() -> float:
            """The processor's time of the page's thread, in milliseconds."""
            found = tools.send("Performance.getMetrics")["metrics"]
            return 1000 * next(one["value"] for one in found if one["name"] == "TaskDuration")

        began = time.perf_counter()
        page.goto((Path(folder) / "index.html").as_uri())
        page.wait_for_selector("html[data-reads='1']")
        print(f"first reading: {time.perf_counter() - began:.2f} s after opening; processor {busy() / 1000:.2f} s")
        count = 1
        for name, grey in [("a word", word), ("a large picture", large), ("three words", row)]:
            file, times, worked = io.BytesIO(), [], []
            Image.fromarray(grey).save(file, "PNG")
            for _ in range(REPEATS):
                count += 1
                before = busy()
                page.set_input_files("#file", {"name": "w.png", "mimeType": "image/png", "buffer": file.getvalue()})
                page.wait_for_selector(f"html[data-reads='{count}']")
                times.append(float(page.inner_text("#time").split()[0]))
                worked.append(busy() - before)
            print(
                f"{name} ({grey.shape[1]} x {grey.shape[0]}, read as {page.inner_text('#text')!r}): "
                f"{np.median(times):.0f} ms, least {min(times):.0f}; processor {np.median(worked):.0f} ms"
            )
        browser.close()


if __name__ == "__main__":
    main()
