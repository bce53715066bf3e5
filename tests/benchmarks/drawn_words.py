"""A judge that needs no photograph: words drawn by other tools than our renderer, read by every reader.

    python tests/benchmarks/drawn_words.py [--count 150] [--keep FOLDER] [--weights FILE...]

Chromium (through Playwright) draws words as style sheets can: plain as on a screenshot, turned, seen from the side,
along an arc, outlined, with shadows, blurred, faint, on a striped ground, each cropped by its upright box. Pango
(pango-view, Debian: pango1.0-tools) draws them plain and turned. Fonts are the ones that each tool finds. What is not
installed is skipped with a sentence. With --keep, pictures and labels.tsv stay in FOLDER, a folder for each kind.
"""

from __future__ import annotations

import argparse
import html
import io
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from others.rapidocr import RapidOCR
from others.tesseract import Tesseract
from PIL import Image
from readers import Ours, at_hand

from crnn_lessons.metrics import fold, word_accuracy

WORDS = """
Street Hotel House Coffee Market Avenue Station Museum Garden Bakery Police Parking Theatre Summer Winter Orange Closed
Opening Hours Kitchen Window Bridge River Forest Mountain Silver Golden Yellow Purple Nature Travel Ticket Exit Push
Pull Stop Bank Taxi Menu Sale Free Wifi Room Desk Gate Park Lake Zoo Bar Inn Pub Gym Spa the of and for you with Library
Hospital University Restaurant International Apartments Photography Wednesday Volume Quality 24 365 1984 2026 0800 17 5
42 99 7up 3rd 10am B12 A4 H2O
"""
FAMILIES = ("serif", "sans-serif", "monospace", "cursive")
STYLES = {
    "plain": "",
    "turned": "transform: rotate({turn}deg);",
    "aside": "transform: perspective(220px) rotateY({yaw}deg);",
    "outlined": "color: transparent; -webkit-text-stroke: 2px {ink};",
    "shadow": "text-shadow: 4px 4px 1px rgba(128,128,128,.8);",
    "blurred": "filter: blur({blur}px);",
    "faint": "opacity: .16;",
    "spaced": "letter-spacing: {space}em;",
}
SIZE = 48  # pixels to the em


def arc(word: str, ink: str, family: str, up: bool) -> str:
    """A word on half a circle, as SVG."""
    radius = max(60, 11 * len(word))
    y, sweep = (radius + 50, 1) if up else (30, 0)
    path = f"M 50 {y} A {radius} {radius} 0 0 {sweep} {50 + 2 * radius} {y}"
    return (
        f'<svg width="{2 * radius + 100}" height="{radius + 110}"><defs><path id="{word}{up}" d="{path}"/></defs><text '
        f'font-size="{SIZE - 8}" font-family="{family}" fill="{ink}"><textPath href="#{word}{up}" startOffset="50%" '
        f'text-anchor="middle">{word}</textPath></text></svg>'
    )


def chromium(rng: np.random.Generator, count: int) -> dict[str, list[tuple[Image.Image, str]]]:
    """Words of every kind, each on a page's own piece of ground."""
    from playwright.sync_api import Error, sync_playwright

    cells, kinds, words = [], [], []
    for kind in [*STYLES, "arc", "stripes"]:
        for _ in range(count):
            word, family = str(rng.choice(WORDS.split())), str(rng.choice(FAMILIES))
            word = word.upper() if rng.random() < 0.4 else word
            ink, ground = ("#111", "#eee") if rng.random() < 0.5 else ("#f4f4f4", "#234")
            turn, yaw = rng.choice([-1, 1]) * rng.uniform(15, 60), rng.choice([-1, 1]) * rng.uniform(35, 60)
            style = STYLES.get(kind, "").format(
                turn=turn, yaw=yaw, ink=ink, blur=rng.uniform(1.5, 3.5), space=rng.uniform(0.3, 0.8)
            )
            weight = "bold" if rng.random() < 0.4 else "normal"
            inner = html.escape(word)
            if kind == "arc":
                inner = arc(word, ink, family, bool(rng.random() < 0.6))
            back = f"repeating-linear-gradient(45deg,{ground} 0 9px,#888 9px 18px)" if kind == "stripes" else ground
            cells.append(
                f'<div class="cell" style="background:{back}"><span style="font:{weight} {SIZE}px {family};color:{ink};'
                f'{style}">{inner}</span></div>'
            )
            kinds.append(kind)
            words.append(word)
    page_text = (
        "<style>body{margin:0}.cell{display:inline-flex;width:640px;height:420px;align-items:center;"
        "justify-content:center}span{display:inline-block;white-space:nowrap}</style>"
    )
    found: dict[str, list[tuple[Image.Image, str]]] = {}
    with sync_playwright() as play:
        where = shutil.which("chromium") or shutil.which("google-chrome")
        try:
            browser = play.chromium.launch(
                executable_path=where, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            )
        except Error as error:
            raise FileNotFoundError(f"Chromium does not start: {str(error).splitlines()[0]}") from None
        page = browser.new_page(viewport={"width": 1280, "height": 840})
        for start in range(0, len(cells), 4):
            page.set_content(page_text + "".join(cells[start : start + 4]))
            script = "JSON.stringify([...document.querySelectorAll('text, span:not(:has(svg))')].map(e => {"
            script += "const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]}))"
            boxes = json.loads(page.evaluate(script))
            shot = Image.open(io.BytesIO(page.screenshot())).convert("L")
            for i, (left, top, right, bottom) in enumerate(boxes):
                kind, word = kinds[start + i], words[start + i]
                found.setdefault(f"chromium, {kind}", []).append((shot.crop((left, top, right, bottom)), word))
        browser.close()
    return found


def pango(rng: np.random.Generator, count: int) -> dict[str, list[tuple[Image.Image, str]]]:
    """Words plain and turned, in families that fontconfig resolves."""
    if shutil.which("pango-view") is None:
        raise FileNotFoundError("there is no command pango-view; Debian's package is pango1.0-tools")
    found = {}
    for kind in ("plain", "turned"):
        for _ in range(count):
            word = str(rng.choice(WORDS.split()))
            word = word.upper() if rng.random() < 0.4 else word
            face = f"{rng.choice(FAMILIES)} {rng.choice(['', 'bold', 'italic'])} {rng.integers(14, 40)}"
            colours = ("black", "white") if rng.random() < 0.5 else ("white", "navy")
            turn = 0 if kind == "plain" else rng.choice([-1, 1]) * rng.uniform(15, 60)
            with tempfile.NamedTemporaryFile(suffix=".png") as file:
                command = ["pango-view", "-q", "-t", word, f"--font={face}", f"--foreground={colours[0]}",
                           f"--background={colours[1]}", f"--rotate={turn}", "--margin=3", "-o", file.name]  # fmt: skip
                subprocess.run(command, check=True, capture_output=True)
                found.setdefault(f"pango, {kind}", []).append((Image.open(file.name).convert("L").copy(), word))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=150, help="words of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--weights", nargs="*", default=[], metavar="FILE", help="readers beside the shipped one")
    o = parser.parse_args()
    torch.set_num_threads(1)
    readers = at_hand([Ours, *(lambda w=w: Ours(w) for w in o.weights), Tesseract, RapidOCR])
    drawn = {}
    for draw in (chromium, pango):
        try:
            drawn |= draw(np.random.default_rng(o.seed), o.count)
        except (FileNotFoundError, ModuleNotFoundError) as error:
            print(f"skipped: {error}")
    print(f"word accuracy in %, {o.count} words of each kind\n  {'':<22}", *(f"{r.name[:26]:>26}" for r in readers))
    with tempfile.TemporaryDirectory() as scratch:
        for kind, samples in drawn.items():
            folder = (o.keep or Path(scratch)) / kind.replace(", ", "_")
            folder.mkdir(parents=True, exist_ok=True)
            paths = [folder / f"{i:04d}.png" for i in range(len(samples))]
            for path, (picture, _) in zip(paths, samples, strict=True):
                picture.save(path)
            table = [f"{path.name}\t{word}\n" for path, (_, word) in zip(paths, samples, strict=True)]
            (folder / "labels.tsv").write_text("".join(table))
            due = [fold(word) for _, word in samples]
            right = [100 * word_accuracy([fold(t) for t in reader.read(paths).texts], due) for reader in readers]
            print(f"  {kind:<22}", *(f"{score:26.1f}" for score in right), flush=True)


if __name__ == "__main__":
    main()
