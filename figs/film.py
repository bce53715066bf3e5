"""Draw figs/film.svg: the shipped reader at work on one word, frame by frame; an SVG that plays by itself, and stops.

python figs/film.py
"""

import base64
import math
import struct
import zlib
from itertools import groupby
from pathlib import Path

import matplotlib
import numpy as np
import torch

from crnn_lessons.reader import Reader
from crnn_lessons.text.augment import fit
from crnn_lessons.text.render import render_word

WORD, SEED = "bookshop", 25
LEFT, TOP, FRAME = 132, 34, 18  # pixels; a frame is as wide as a cell
STEP, REST, TIMES = 0.24, 4.0, 3  # seconds a frame, seconds at the end, how often it plays
SHOWN = 0.05
"""Classes that reach no such probability at any step have no row; smaller probabilities leave a cell empty."""

STYLE = """
.film { --paper: #fff; --ink: #1a1a1a; --soft: #555; --line: #b9b9b9; --heat: #0072b2; --head: #d55e00 }
@media (prefers-color-scheme: dark) {
.film { --paper: #16181c; --ink: #e6e6e6; --soft: #b8b8b8; --line: #4a4d54; --heat: #6cc1f5; --head: #f08a3c } }
.film .paper { fill: var(--paper) } .film text { fill: var(--ink) } .film .soft { fill: var(--soft) }
.film .heat { fill: var(--heat) } .film .grid { stroke: var(--line); fill: none }
.film .path { stroke: var(--heat); fill: none } .film .blank { stroke: var(--line); stroke-dasharray: 3 2; fill: none }
.film .head { stroke: var(--head); stroke-width: 2.5; fill: none; opacity: 0 }
"""


def read() -> tuple[np.ndarray, np.ndarray, str]:
    """The picture, uint8 H W; the probabilities T C that the network gives; and the signs of the classes."""
    torch.set_num_threads(1)
    font = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSerif-Bold.ttf"
    picture = render_word(WORD, font, np.random.default_rng(SEED), height=96)
    reader = Reader()
    seen = reader.prepare(picture)
    assert np.array_equal(seen, fit(picture, *seen.shape)), "a border was cut off, and frames would stand beside theirs"
    return picture, reader.log_probs(seen).exp().numpy(), "-" + "".join(reader.alphabet.characters)


def png(picture: np.ndarray) -> bytes:
    """A grey picture of sixteen tones as PNG, not compressed: so its bytes are the same on every machine."""
    height, width = picture.shape
    tones = np.pad((picture.astype(int) * 15 + 127) // 255, ((0, 0), (0, width % 2)))
    rows = b"".join(b"\0" + bytes((row[::2] * 16 + row[1::2]).tolist()) for row in tones)
    stored = struct.pack("<BHH", 1, len(rows), 0xFFFF - len(rows)) + rows  # one block of deflate, up to 65,535 bytes

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(rows))
    head = struct.pack(">IIBBBBB", width, height, 4, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def motion(T: int) -> str:
    """The rules that show frame t from its moment on; who asked for less motion sees all from the start."""
    seconds = T * STEP + REST
    rules = [f".film .t, .film .head {{ animation: {seconds:g}s linear {TIMES} }}"]
    for t in range(T):
        start = 100 * (t + 1) * STEP / seconds
        rules.append(
            f"@keyframes film{t} {{ 0%, {start - 0.1:.2f}% {{ opacity: 0 }} {start:.2f}%, 100% {{ opacity: 1 }} }}"
        )
        rules.append(f".film .t{t} {{ animation-name: film{t} }}")
    read = 100 * T * STEP / seconds
    rules.append(f"@keyframes film-head {{ 0% {{ opacity: 1; transform: none; animation-timing-function: steps({T}) }}")
    rules.append(f"{read:.2f}% {{ opacity: 1; transform: translateX({T * FRAME}px) }}")
    rules.append(f"{read + 0.01:.2f}%, 100% {{ opacity: 0 }} }}")
    rules.append(".film .head { animation-name: film-head }")
    return "@media (prefers-reduced-motion: no-preference) {\n" + "\n".join(rules) + "\n}"


def draw() -> str:
    """The whole film as SVG text."""
    picture, probs, signs = read()
    T = len(probs)
    rows = [k for k in range(len(signs)) if probs[:, k].max() >= SHOWN]
    rows = sorted(rows[1:], key=lambda k: signs[k])  # the blank below the letters
    path = "".join(signs[k] for k in probs.argmax(1))
    text = "".join(sign for sign, _ in groupby(path)).replace("-", "")
    shown = round(picture.shape[0] * T * FRAME / picture.shape[1])
    y_rows = TOP + shown + 14
    y_path = y_rows + FRAME * len(rows) + 14
    y_text = y_path + 44
    width, height = LEFT + T * FRAME + 20, y_text + 46

    steps: list[list[str]] = [[] for _ in range(T)]
    for t in range(T):
        x = LEFT + t * FRAME
        for row, k in enumerate(rows):
            if (tone := math.floor(20 * float(probs[t, k]) + 0.5) / 20) >= SHOWN:
                place = f'x="{x}" y="{y_rows + row * FRAME}" width="{FRAME}" height="{FRAME}"'
                steps[t].append(f'<rect class="heat" {place} opacity="{tone:g}"/>')
        kind = "blank" if path[t] == "-" else "path"
        box = f'x="{x + 1}" y="{y_path}" width="{FRAME - 2}" height="26" rx="3"'
        steps[t].append(f'<rect class="{kind}" {box}/>')
        soft, place = "soft" if kind == "blank" else "", f'x="{x + FRAME / 2:g}" y="{y_path + 18}"'
        steps[t].append(f'<text class="{soft}" {place}>{path[t]}</text>')
    t = 0
    for sign, run in groupby(path):
        frames = len(list(run))
        if sign != "-":
            x = LEFT + (t + frames / 2) * FRAME
            steps[t].append(f'<text x="{x:g}" y="{y_text + 26}" font-size="28" font-weight="bold">{sign}</text>')
        t += frames

    names = [(TOP + shown / 2 + 5, "a picture"), (y_path + 18, "best path"), (y_text + 24, "the text")]
    left = [f'<text class="soft" x="{LEFT - 34}" y="{y:g}" text-anchor="end">{words}</text>' for y, words in names]
    left.append(
        f'<text class="soft" x="{LEFT - 34}" y="{y_rows + FRAME * len(rows) / 2:g}" text-anchor="end">how sure</text>'
    )
    for row, k in enumerate(rows):
        left.append(f'<text class="soft" x="{LEFT - 12}" y="{y_rows + row * FRAME + 14}">{signs[k]}</text>')
    grid = f'x="{LEFT}" y="{y_rows}" width="{T * FRAME}" height="{FRAME * len(rows)}"'
    image = base64.b64encode(png(picture)).decode("ascii")
    title = (
        f"A reader at work: a picture of the word {text} is cut into {T} frames. For each frame the network says how "
        f"probable each letter is, and the blank. The most probable signs make the path {path}; merging runs and "
        f"dropping the blanks gives {text}."
    )
    seen = "\n".join(f'<g class="t t{t}">{"".join(parts)}</g>' for t, parts in enumerate(steps))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="film" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="DejaVu Sans, Verdana, sans-serif" font-size="14" '
        f'text-anchor="middle">\n'
        f"<title>{title}</title>\n<style>{STYLE}{motion(T)}\n</style>\n"
        f'<rect class="paper" width="{width}" height="{height}" rx="8"/>\n'
        f'<text class="soft" x="{LEFT}" y="22" text-anchor="start">{T} frames, one after the other</text>\n'
        f'<image x="{LEFT}" y="{TOP}" width="{T * FRAME}" height="{shown}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{image}"/>\n'
        f'<rect class="grid" {grid}/>\n{"".join(left)}\n{seen}\n'
        f'<rect class="head" x="{LEFT}" y="{TOP - 4}" width="{FRAME}" height="{y_path - TOP + 34}" rx="3"/>\n</svg>\n'
    )


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
