"""How Sphinx builds the site. The pages it is given are made by build.py; nothing here asks the network."""

from __future__ import annotations

import sys
from pathlib import Path

from docutils.nodes import SkipNode

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from notebooks.site.formulas import mathml  # noqa: E402

project = "CRNN Lessons"
author = "the authors of CRNN Lessons"
copyright = "the authors of CRNN Lessons; text and pictures CC BY 4.0, code MIT"
language = "en"
extensions = ["myst_nb"]

nb_execution_mode = "off"  # the outputs are those of the committed notebooks
nb_mime_priority_overrides = [("html", "text/html", 5), ("html", "application/vnd.jupyter.widget-view+json", 100)]
myst_enable_extensions = ["dollarmath", "html_image", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # a lesson may go from ## to ####

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "CRNN Lessons"
html_static_path = [str(HERE / "static")]
templates_path = [str(HERE / "templates")]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_use_index = False
FONTS = {
    "font-stack": 'system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
    "font-stack--monospace": 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace',
}
html_theme_options = {
    "light_css_variables": FONTS
    | {"color-brand-primary": "#0b5c8f", "color-brand-content": "#0b5c8f", "color-brand-visited": "#6b3d78"},
    "dark_css_variables": {
        "color-brand-primary": "#7cc7f2",
        "color-brand-content": "#7cc7f2",
        "color-brand-visited": "#d6a8e2",
    },
    "footer_icons": [],
}


def inline(translator, node) -> None:
    translator.body.append(f'<span class="math">{mathml(node.astext(), "inline")}</span>')
    raise SkipNode


def block(translator, node) -> None:
    translator.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
    raise SkipNode


def setup(app) -> None:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
