"""What every widget shares: a live view under Jupyter, and a page that works without a kernel.

A widget is one ES module that computes and draws. Under a kernel, anywidget runs it. Without one, the HTML beside the
live view runs the same text over a model that lives in the page; where no script may run, a picture is left.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)
_numbers = itertools.count()


def module(*names: str) -> str:
    """One ES module made of the named ones and those they import from this folder, each once.

    There is no build step: the imports are taken out and the modules put before the ones that need them.
    """
    texts: dict[str, str] = {}

    def add(name: str) -> None:
        if name in texts:
            return
        text = (HERE / name).read_text(encoding="utf-8")
        for needed in _IMPORT.findall(text):
            add(needed)
        texts[name] = _IMPORT.sub("", text)

    for name in names:
        add(name)
    return "\n".join(texts.values())


def stylesheet(name: str) -> str:
    """The rules that all widgets share, then those of one of them."""
    return "".join((HERE / file).read_text(encoding="utf-8") for file in ("base.css", name))


def show_number(x: float) -> str:
    """A number as the widgets write it: four significant digits, scientific below a thousandth."""
    x = float(f"{x:.12g}")  # the last bits differ between machines, and a tie must not hang on them
    if x == 0 or x != x or x in (float("inf"), -float("inf")):
        return {0.0: "0", float("inf"): "∞", -float("inf"): "−∞"}.get(x, "undefined")
    if abs(x) >= 1e-3:
        return minus(f"{x:.4g}" if abs(x) < 9999.5 else f"{x:.0f}")
    mantissa, exponent = f"{x:.3e}".split("e")
    return minus(f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}")


def minus(text: str) -> str:
    """Text for the eye: a minus as long as a plus, in place of the hyphen that a computer writes."""
    return text.replace("-", "−")


class Widget(anywidget.AnyWidget):
    """A widget of the course. A subclass sets ``kind``, ``_esm``, ``_css`` and its traits, and draws its picture."""

    kind = ""
    """The name of the widget's files."""

    shown: tuple[str, ...] = ()
    """The traits that the module reads; a page without a kernel starts from their values."""

    start = traitlets.Dict().tag(sync=True)
    """The state to which the reset button leads back."""

    def alt(self) -> str:
        """What the widget shows, in a sentence with its numbers."""
        raise NotImplementedError

    def picture(self) -> str:
        """The widget's present state as an SVG drawing."""
        raise NotImplementedError

    def html(self) -> str:
        """The widget for a page without a kernel: a picture, replaced by the working widget where scripts may run.

        The same calls in the same order give the same text, so that a notebook that is run again does not change.
        """
        number = next(_numbers)
        image = base64.b64encode(self.picture().encode()).decode("ascii")
        state = {name: getattr(self, name) for name in self.shown}
        if any(state[name] != value for name, value in self.start.items()):
            state["start"] = self.start
        packed = html.escape(json.dumps(_rounded(state), sort_keys=True, separators=(",", ":")))
        return (
            f'<div class="crnn-host" id="crnn-{self.kind}-{number}" data-crnn="{self.kind}" data-state="{packed}">'
            f'<img alt="{html.escape(self.alt())}" src="data:image/svg+xml;base64,{image}"></div>\n'
            f"<style>\n{stylesheet(f'{self.kind}.css')}</style>\n"
            f'<script type="module">\n{module("page.js", f"{self.kind}.js")}\n'
            f'start("{self.kind}", render);\n</script>\n'
        )

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": repr(self), "text/html": self.html()}, metadata


def _rounded(value: object) -> object:
    """Floats with 12 significant digits: two machines' last bits differ, and a notebook's text must not."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
