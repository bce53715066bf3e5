"""Style and form of the widgets' JavaScript and CSS and that of the reader's page, part of ``make lint``:
python tests/lint_widgets.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER, PAGE = ROOT / "crnn_lessons" / "widgets", ROOT / "notebooks" / "site" / "reader"
WIDTHS = {".js": 120, ".css": 160}
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+\.js)";$', re.MULTILINE)


def faults(*folders: Path) -> Iterator[str]:
    """What is wrong with the files of folders that import from one another, a line each: file, place, fault."""
    files = sorted(file for folder in folders or (FOLDER, PAGE) for file in folder.iterdir() if file.suffix in WIDTHS)
    texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    for name, text in texts.items():
        lines = text.split("\n")
        width = WIDTHS[Path(name).suffix]
        if lines[-1] or (len(lines) > 1 and not lines[-2]):
            yield f"{name}: ends in one line break, and no empty line before it"
        if len(lines) > 201:
            yield f"{name}: {len(lines) - 1} lines, at most 200"
        for number, line in enumerate(lines, start=1):
            if len(line) > width:
                yield f"{name}:{number}: {len(line)} characters, at most {width}"
            if line != line.rstrip() or "\t" in line:
                yield f"{name}:{number}: space at the end, or a tab"
    scripts = {name: text for name, text in texts.items() if name.endswith(".js")}
    for name, text in scripts.items():
        body = _IMPORT.sub("", text)
        if re.search(r"^import\b", body, re.MULTILINE):
            yield f'{name}: the page joins imports of one form alone: import {{ a, b }} from "./file.js";'
        for names, source in _IMPORT.findall(text):
            for word in filter(None, map(str.strip, names.split(","))):
                if not re.search(rf"\b{re.escape(word)}\b", body):
                    yield f"{name}: {word} is imported and not used"
                if not re.search(
                    rf"^export (?:async )?(?:const|function) {re.escape(word)}\b", scripts.get(source, ""), re.MULTILINE
                ):
                    yield f"{name}: {source} does not export {word}"
    used = "\n".join(scripts.values())
    for name in re.findall(r"^(?:async )?(?:const|function) (\w+)", used, re.MULTILINE):
        if len(re.findall(rf"\b{name}\b", used)) < 2 and name != "render":
            yield f"{name} is declared and not used"
    if node := shutil.which("node"):
        yield from _syntax(node, scripts)


def _syntax(node: str, scripts: dict[str, str]) -> Iterator[str]:
    for name, text in scripts.items():
        done = subprocess.run([node, "--check", "--input-type=module"], input=text, capture_output=True, text=True)
        if done.returncode:
            yield f"{name}: {next(line for line in done.stderr.splitlines() if 'Error' in line)}"


if __name__ == "__main__":
    found = list(faults())
    print("\n".join(found) or "All widget files are in form")
    sys.exit(bool(found))
