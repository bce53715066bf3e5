"""The autopsy as an SVG drawing, for readers and pages where no script runs."""

from __future__ import annotations

import numpy as np

from crnn_lessons.widgets.autopsy_evidence import Evidence, chance, equals
from crnn_lessons.widgets.picture import BLUE, GREY, VERMILLION, svg, svg_box, svg_text


def autopsy_picture(evidence: dict, said: Evidence, letter: int, frame: int) -> str:
    """The picture with the field of a frame, the letters above it, one letter's posterior and its rivals below.

    Args:
        evidence: what the widget keeps of a picture.
        said: what the network said of it.
        letter: whose posterior is drawn; -1 for none.
        frame: whose field and rivals are drawn.
    """
    T, W, H = evidence["T"], evidence["width"], evidence["height"]
    scale = min(6, 640 / W)
    wide, left, top, chart = W * scale / T, 10, 34, 60
    base = top + H * scale + 8 + chart
    signs = ["blank", *said.alphabet.characters]
    parts = [
        f'<image x="{left}" y="{top}" width="{W * scale:g}" height="{H * scale:g}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{evidence["image"]}"/>'
    ]
    for i, (k, first, last) in enumerate(said.spans):
        x = left + (first + last + 1) / 2 * wide
        size, fill = (20, VERMILLION) if i == letter else (15, GREY)
        parts.append(svg_text(x, top - 8, signs[k], size=size, anchor="middle", fill=fill))
    (first, last), (low, high) = evidence["columns"][frame], evidence["rows"]
    field = {"fill": "none", "stroke": VERMILLION, "stroke_width": 3, "stroke_dasharray": "8 4", "rx": 0}
    parts.append(
        svg_box(left + first * scale, top + low * scale, (last + 1 - first) * scale, (high + 1 - low) * scale, **field)
    )
    if letter >= 0:
        for t, gamma in enumerate(said.posterior(letter)):
            if gamma >= 0.005:
                bar = {"fill": BLUE, "stroke": "none", "rx": 0}
                parts.append(svg_box(left + t * wide, base - chart * gamma, wide - 1, chart * gamma, **bar))
    own = {"fill": "none", "stroke": VERMILLION, "stroke_width": 2, "rx": 0}
    parts.append(svg_box(left + frame * wide, base - chart, wide, chart, **own))
    p = equals(said.lattice.log_likelihood)
    lines = [
        f"reads {said.text or 'nothing'}, p {p}; bars: the posterior of the chosen letter over {T} frames",
        f"frame {frame} sees columns {first} to {last} (dashed); there: "
        + ", ".join(f"{signs[k]} {chance(np.log(value))}" for k, value in said.rivals(frame, 3)),
    ]
    parts += [svg_text(left, base + 20 + 18 * i, line, size=12) for i, line in enumerate(lines)]
    return svg(round(max(560, left * 2 + W * scale)), round(base + 48), *parts)
