"""Draw figs/unrolled.svg: a recurrent unit as a loop, and the same unit unrolled over five steps with its numbers.

python figs/unrolled.py
"""

import math
from pathlib import Path

from crnn_lessons.show.palette import BLUE, GREY, VERMILLION

W_IH, W_HH, B = 1.0, 0.5, 0.0
INPUTS = (1, 0, 0, -1, 0)
LEFT, STEP, STATE_Y, INPUT_Y = 330, 125, 90, 210


def run() -> list[float]:
    """The states h_t = tanh(w_ih x_t + w_hh h_(t-1) + b), from h = 0."""
    h, states = 0.0, []
    for x in INPUTS:
        h = math.tanh(W_IH * x + W_HH * h + B)
        states.append(h)
    return states


def text(x: float, y: float, words: str, **style: str) -> str:
    attributes = {"text-anchor": "middle", "fill": "#222"} | {k.replace("_", "-"): v for k, v in style.items()}
    drawn = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:.0f}" y="{y:.0f}" {drawn}>{words}</text>'


def sub(letter: str, index: str) -> str:
    return f'{letter}<tspan dy="4" font-size="11">{index}</tspan>'


def box(x: float, y: float, colour: str, label: str, value: str = "") -> list[str]:
    """A node around (x, y): its name, and below it its number where there is one."""
    rect = f'<rect x="{x - 33:.0f}" y="{y - 25:.0f}" width="66" height="50" rx="8" fill="white" stroke="{colour}" '
    parts = [rect + 'stroke-width="2"/>', text(x, y - 4 if value else y + 4, label)]
    return parts + ([text(x, y + 16, value, font_weight="bold")] if value else [])


def arrow(path: str, colour: str, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="7 4"' if dashed else ""
    name = "state" if dashed else "input"
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash} marker-end="url(#{name})"/>'


def column(x: float, state: list[str], inputs: list[str]) -> list[str]:
    up = arrow(f"M{x} {INPUT_Y - 25} V{STATE_Y + 33}", BLUE)
    weight = text(x + 8, (STATE_Y + INPUT_Y) / 2 + 5, sub("w", "ih"), text_anchor="start", fill=BLUE)
    return [*box(x, STATE_Y, "#222", *state), *box(x, INPUT_Y, GREY, *inputs), up, weight]


def number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def draw() -> str:
    """The whole picture as SVG text."""
    states = run()
    body = [
        text(95, 26, "as a loop"),
        text(LEFT + 2 * STEP, 26, "unrolled: one copy for each step, all with the same weights"),
    ]
    body += column(95, [sub("h", "t")], [sub("x", "t")])
    body.append(arrow(f"M128 {STATE_Y} H165 V40 H95 V{STATE_Y - 33}", VERMILLION, dashed=True))
    body.append(text(172, STATE_Y - 20, sub("w", "hh"), text_anchor="start", fill=VERMILLION))
    for t, (x, h) in enumerate(zip(INPUTS, states, strict=True)):
        centre = LEFT + t * STEP
        body += column(centre, [sub("h", str(t)), number(h)], [sub("x", str(t)), str(x).replace("-", "−")])
        body.append(arrow(f"M{centre - STEP + 33} {STATE_Y} H{centre - 41}", VERMILLION, dashed=True))
        body.append(text(centre - STEP / 2 - 4, STATE_Y - 10, sub("w", "hh"), fill=VERMILLION))
    body.append(text(LEFT - STEP + 16, STATE_Y + 5, "0"))
    marks = "".join(
        f'<marker id="{name}" viewBox="0 0 10 10" refX="2" refY="5" markerWidth="5" markerHeight="5" orient="auto">'
        f'<path d="M0 0 L10 5 L0 10 z" fill="{colour}"/></marker>'
        for name, colour in (("input", BLUE), ("state", VERMILLION))
    )
    title = (
        "A recurrent unit twice. Left, as a loop: the state h feeds itself through the weight w_hh and hears the input "
        f"x through w_ih. Right, unrolled over {len(INPUTS)} steps with w_ih = {W_IH:g}, w_hh = {W_HH:g}, b = {B:g}: "
        f"the inputs {', '.join(map(str, INPUTS))} give the states {', '.join(f'{h:.2f}' for h in states)}."
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 890 250" width="890" height="250" role="img" '
        'font-family="DejaVu Sans, Verdana, sans-serif" font-size="15">\n'
        f"<title>{title}</title>\n<defs>{marks}</defs>\n"
        '<rect width="890" height="250" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
