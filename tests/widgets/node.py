"""Runs the widgets' own JavaScript under Node, so that its numbers can be held against Python's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from crnn_lessons.widgets.page import module

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node.js is not installed: the widgets' arithmetic goes unchecked")

# JSON knows neither infinities nor whole numbers beyond 2^53.
_DRIVER = """
import * as w from "./widget.mjs";
import {{ readFileSync }} from "node:fs";
const input = JSON.parse(readFileSync("input.json"), (_, x) => (x === "-inf" ? -Infinity : x));
const results = input.map((x) => {{ {body} }});
const odd = (x) => typeof x === "bigint" || (typeof x === "number" && !Number.isFinite(x));
const plain = (_, x) => (odd(x) ? `${{x}}` : x);
process.stdout.write(JSON.stringify(results, plain));
"""


def run_node(folder: Path, body: str, inputs: list, *modules: str) -> list:
    """Run ``body`` (JavaScript; ``x`` is one input, ``w`` the modules as shipped; it returns) for each input."""
    (folder / "widget.mjs").write_text(module(*modules), encoding="utf-8")
    (folder / "driver.mjs").write_text(_DRIVER.format(body=body), encoding="utf-8")
    (folder / "input.json").write_text(json.dumps(inputs), encoding="utf-8")
    done = subprocess.run([NODE, "driver.mjs"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def floats(nested: object) -> object:
    """Node's answer with its infinities as floats again."""
    if isinstance(nested, list):
        return [floats(item) for item in nested]
    return float(nested.replace("Infinity", "inf")) if isinstance(nested, str) else float(nested)
