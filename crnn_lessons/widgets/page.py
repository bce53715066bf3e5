"""What every widget shares: one ES module over one state, live under Jupyter and on any page without a kernel.

Under a kernel, anywidget runs the module. Without one, the HTML beside the live view runs the same text over a model
that lives in the page. Where no script may run a picture is left, which ``make notebooks`` takes.
"""

from __future__ import annotations

import contextlib
import html
import itertools
import json
import re
from pathlib import Path

import anywidget
import traitlets

from crnn_lessons.show import palette
from crnn_lessons.widgets.spec import Entry, State, checked

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
    """The course's colours, the rules that all widgets share, then those of one of them."""
    colours = {name.lower(): value for name, value in vars(palette).items() if name.isupper()}
    named = "; ".join(f"--crnn-{name}: {value}" for name, value in colours.items())
    rules = "".join((HERE / file).read_text(encoding="utf-8") for file in ("base.css", name))
    return f".crnn-widget {{ {named} }}\n{rules}"


class Widget(anywidget.AnyWidget):
    """A widget of the course. A subclass names its files with ``kind``, declares the entries of its state, and says how
    they fit each other.

    Attributes:
        state: what a cell and the page may change, in the form of JSON; each entry is an attribute, too.
        given: what is fixed, such as the weights of a network; it goes to the page once, and with ``state`` it would
            go at each key (measured with an LSTM of 20 units: 58 kB, and 12 ms in the kernel).
        start: the state as it was at first: the reset button leads back to it.
    """

    kind = ""
    state = State().tag(sync=True)
    given = traitlets.Dict(read_only=True).tag(sync=True)
    start = Entry(fixed=True)
    entries: dict[str, Entry]

    def __init_subclass__(cls, **kwargs: object):
        if "kind" in vars(cls):
            bases = reversed(cls.__mro__)
            cls.entries = {name: e for base in bases for name, e in vars(base).items() if isinstance(e, Entry)}
            cls._esm = f"{module(f'{cls.kind}.js')}\nexport default {{ render }};\n"
            cls._css = stylesheet(f"{cls.kind}.css")
        super().__init_subclass__(**kwargs)

    def __init__(self, **values: object):
        values = checked(self, {}, values)
        state = {name: value for name, value in values.items() if not self.entries[name].fixed}
        self.set_trait("given", {name: value for name, value in values.items() if name not in state} | {"start": state})
        super().__init__(state=state)

    def fit(self, state: dict, changed: list[str]) -> dict[str, object]:
        """Check the entries of a new state against each other, and let some follow others.

        Args:
            state: to be changed in place where an entry follows another; ``self.state`` is still the old one.
            changed: the entries that were set.

        Returns:
            The size of each axis that has a place among the entries, and what else their sentences name.

        Raises:
            ValueError: in one sentence, how they do not fit.
        """
        raise NotImplementedError

    def alt(self) -> str:
        """What the widget shows, in a sentence with its numbers."""
        raise NotImplementedError

    def set_state(self, sync_data: dict) -> None:
        """Take a state from the page where it passes the check; where that leaves another, the page gets it back."""
        with contextlib.suppress(traitlets.TraitError):
            super().set_state({name: value for name, value in sync_data.items() if name == "state"})
        if sync_data.get("state") != self.state:
            self.send_state("state")

    def html(self) -> str:
        """The widget for a page without a kernel: its alt text, or a picture with it, until the module has drawn it.

        The same calls in the same order give the same text, so that a notebook that is run again does not change.
        """
        state = self.given | self.state
        if self.state == self.start:
            del state["start"]
        packed = html.escape(json.dumps(_rounded(state), sort_keys=True, separators=(",", ":")))
        return (
            f'<div class="crnn-host" id="crnn-{self.kind}-{next(_numbers)}" data-crnn="{self.kind}" '
            f'data-state="{packed}"><img alt="{html.escape(self.alt())}"></div>\n'
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
    return [_rounded(item) for item in value] if isinstance(value, list) else value
