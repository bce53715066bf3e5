"""Photographs of the widgets in a notebook, for pages where no script runs: GitHub, and notebooks not yet trusted.

A headless Chromium draws each widget as it begins, and the picture goes into the cell's HTML, beside its alt text.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from nbformat import NotebookNode
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
]
WIDTH, SCALE = 760, 2  # CSS pixels, and device pixels in each, so that small text is sharp
COLOURS = 48  # of the palette that a photograph is reduced to
_PICTURE = re.compile(
    r'(<div class="crnn-host"[^>]*><img alt="[^"]*")(?: width="\d+" src="data:image/png;base64,([^"]*)")?>'
)


class PhotographError(Exception):
    """A widget could not be photographed; the message says why."""


def find_chromium() -> str | None:
    """The Chromium to use: the one named by the variable CHROMIUM, or the first one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def photograph(pages: Sequence[str], chromium: str) -> list[bytes]:
    """Draw each widget's HTML as it begins, 760 CSS pixels wide, on white.

    Args:
        pages: the HTML of one widget each.
        chromium: the program.

    Returns:
        PNG files, twice as many pixels.

    Raises:
        PhotographError: a widget that raises an error, or does not draw itself.
    """
    from playwright.sync_api import Error, sync_playwright

    taken = []
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        size = {"width": WIDTH + 40, "height": 1200}
        page = browser.new_page(viewport=size, device_scale_factor=SCALE, reduced_motion="reduce", color_scheme="light")
        file = Path(folder) / "page.html"
        for html in pages:
            style = f"<style>body {{ margin: 0; width: {WIDTH}px; background: #fff }}</style>"
            file.write_text(f"<!doctype html><html lang=en><meta charset=utf-8>{style}{html}", encoding="utf-8")
            page.goto(file.as_uri())
            try:
                page.wait_for_selector(".crnn-widget", timeout=10_000)
                taken.append(_small(page.locator(".crnn-host").screenshot()))
            except Error as error:
                raise PhotographError(f"a widget did not draw itself: {error.message.splitlines()[0]}") from None
        browser.close()
    return taken


def _small(png: bytes) -> bytes:
    """The same picture with few colours, which is a third of the size."""
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2)
    image.putpalette([255 if value > 251 else value for value in image.getpalette()])  # white stays white
    image.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def differ(one: bytes, two: bytes) -> bool:
    """Whether two photographs differ visibly: another size, or more than 30 pixels that are another tone.

    Bytes differ between runs and machines where no eye sees it; a changed digit is about a hundred pixels.
    """
    a, b = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=int) for png in (one, two))
    return a.shape != b.shape or int((np.abs(a - b).max(axis=-1) > 60).sum()) > 30


def widgets_of(nb: NotebookNode) -> Iterator[NotebookNode]:
    """The output data that hold a widget, from top to bottom."""
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if _PICTURE.search(output.get("data", {}).get("text/html", "")):
                yield output.data


def keep_pictures(nb: NotebookNode, old: NotebookNode | None) -> str:
    """Put a photograph into each widget of a notebook; the old one stays unless a new one differs visibly.

    Args:
        nb: just executed; its widgets get a picture.
        old: the notebook as it was before, with its pictures.

    Returns:
        What was done, in a sentence; "" where there is no widget.
    """
    found = list(widgets_of(nb))
    if not found:
        return ""
    before = [_PICTURE.search(data["text/html"])[2] for data in widgets_of(old)] if old is not None else []
    before = (before + [None] * len(found))[: len(found)]
    chromium = find_chromium() if find_spec("playwright") else None
    fresh = photograph([data["text/html"] for data in found], chromium) if chromium else [None] * len(found)
    kept = 0
    for data, picture, past in zip(found, fresh, before, strict=True):
        same = past is not None and (picture is None or not differ(base64.b64decode(past), picture))
        kept += same
        text = past if same else picture and base64.b64encode(picture).decode("ascii")
        src = f' width="{WIDTH}" src="data:image/png;base64,{text}"' if text else ""
        data["text/html"] = _PICTURE.sub(lambda match, src=src: f"{match[1]}{src}>", data["text/html"], count=1)
    if chromium:
        return f"photographs: {len(found)}, of which new: {len(found) - kept}"
    return f"no Chromium with Playwright was found: photographs kept: {kept}, left out: {len(found) - kept}"
