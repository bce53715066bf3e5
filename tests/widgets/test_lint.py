"""The widgets' files are in form, and the check of their form finds what it should."""

from __future__ import annotations

import shutil

import pytest

from tests.lint_widgets import FOLDER, faults
from tests.widgets.node import needs_node


def test_the_widgets_files_are_in_form():
    assert list(faults()) == []


@pytest.mark.parametrize(
    "file, old, new, says",
    [
        ("dom.js", "drawings.\n", "drawings. \n", "dom.js:1: space at the end"),
        ("words.js", "export const minus", f"// {'x' * 120}\nexport const minus", "characters, at most 120"),
        ("base.css", "/* One look", f"/* {'x' * 160} */\n/* One look", "base.css:1: 166 characters, at most 160"),
        ("lattice.js", "import { bar,", "import { usable, bar,", "lattice.js: usable is imported and not used"),
        ("lattice.js", "arrowTo } from", "arrowsTo } from", "keys.js does not export arrowsTo"),
        (
            "film.js",
            "import { argmin",
            'import * as reading from "./reading.js";\nimport { argmin',
            "imports of one form alone",
        ),
        ("ctc.js", "export const BLANK", "const unused = 1;\nexport const BLANK", "unused is declared and not used"),
        ("page.js", "save_changes() {},\n", "save_changes() {},\n" + "\n" * 180, "at most 200"),
        ("unroll.css", "}\n", "}\n\n\n", "unroll.css: ends in one line break"),
    ],
)
def test_a_fault_is_found(tmp_path, file, old, new, says):
    shutil.copytree(FOLDER, tmp_path / "widgets")
    path = tmp_path / "widgets" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    head, _, tail = text.rpartition(old) if file == "unroll.css" else text.partition(old)
    path.write_text(head + new + tail, encoding="utf-8")
    assert any(says in fault for fault in faults(tmp_path / "widgets"))


@needs_node
def test_a_mistake_in_syntax_is_found(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "widgets")
    path = tmp_path / "widgets" / "keys.js"
    path.write_text(
        path.read_text(encoding="utf-8").replace("return undefined;", "return undefined;;)"), encoding="utf-8"
    )
    assert any(fault.startswith("keys.js: SyntaxError") for fault in faults(tmp_path / "widgets"))
