"""Draw figs/clinic.svg: where along the way from a picture to its text a CTC training falls ill.

python figs/clinic.py
"""

from pathlib import Path

from crnn_lessons.show.figures import BLUE, ORANGE, SKY
from crnn_lessons.show.palette import FAINT
from crnn_lessons.show.svg import arrow, box, line, sheet, text

STATIONS = (  # name, what goes in, what may be sick
    ("pictures", "N C H W", ("NaN in them", "black for white", "not normalised")),
    ("network", "T N C", ("samples mix", "batch norm", "no gradient")),
    ("log_softmax", "log p(t, k)", ("missing", "twice", "wrong axis")),
    ("loss", "one number", ("blank index", "T < S + r", "divided twice")),
)
OTHERS = (
    ("texts", ("shifted", "out of range", "lengths")),
    ("decoder", ("first letter lost", "ll becomes l", "off by one")),
)
LEFT, WIDE, GAP = 16, 132, 22


def station(x: float, y: float, name: str, below: str, sick: tuple[str, ...], fill: str) -> list[str]:
    """A box, what comes out of it, and its diseases as a list."""
    parts = [box(x, y, WIDE, 36, name, 15, fill=fill, stroke=BLUE)]
    parts.append(text(x + WIDE / 2, y + 53, below, 11, "middle", FAINT))
    top = y + (62 if below else 46)
    parts.append(line((x + 6, top), (x + 6, top + 52), stroke=ORANGE, stroke_width=3))
    return parts + [text(x + 15, top + 12 + 18 * i, words, 13) for i, words in enumerate(sick)]


def draw() -> str:
    """The whole picture as SVG text."""
    parts: list[str] = []
    for i, (name, below, sick) in enumerate(STATIONS):
        x = LEFT + i * (WIDE + GAP)
        parts += station(x, 20, name, below, sick, "white")
        if i < len(STATIONS) - 1:
            parts.append(arrow((x + WIDE + 2, 38), (x + WIDE + GAP - 2, 38)))
    under_softmax, under_loss = LEFT + 2 * (WIDE + GAP), LEFT + 3 * (WIDE + GAP)
    for x, (name, sick) in zip((under_loss, under_softmax), OTHERS, strict=True):
        parts += station(x, 190, name, "", sick, SKY)
    parts.append(arrow((under_loss + WIDE - 12, 188), (under_loss + WIDE - 12, 60)))
    parts.append(arrow((under_softmax + WIDE - 12, 60), (under_softmax + WIDE - 12, 188)))
    said = ("A sick training gives no error.", "It goes on, and reads nothing.", "Each bar: what may ail this part.")
    parts += [text(LEFT + 4, 214 + 22 * i, words, 14, fill=FAINT) for i, words in enumerate(said)]
    names = "; ".join(f"{name}: {', '.join(sick)}" for name, _, sick in STATIONS)
    others = "; ".join(f"{name}: {', '.join(sick)}" for name, sick in OTHERS)
    title = (
        f"The way from a picture to the loss, and to the text, with what may be sick at each part. {names}; {others}."
    )
    return sheet(644, 306, title, *parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
