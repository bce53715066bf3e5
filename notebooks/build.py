"""Build the lessons: notebooks/py/NN_name.py (edited and reviewed) -> notebooks/NN_name.ipynb (executed, with outputs).

python notebooks/build.py                rebuild the notebooks whose text changed or which lack outputs
python notebooks/build.py 05_alignments  rebuild the ones named
python notebooks/build.py --all          rebuild every notebook (after a change of crnn_lessons or of a widget)
python notebooks/build.py --check        change nothing; exit 1 and name the notebooks out of step
python notebooks/build.py --verify NAME  change nothing; execute NAME twice and compare byte by byte
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from notebooks.photograph import PhotographError, keep_pictures

HERE = Path(__file__).resolve().parent
TIMEOUT = 600  # seconds for one whole notebook
METADATA = {  # the same for every lesson: no versions, no pairing, nothing of the machine that built it
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
NOT_TEXT = {"execution", "lines_to_next_cell"}  # cell metadata that a run or jupytext leaves behind
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class BuildError(Exception):
    """A lesson could not be built; the message says which cell and why."""


def twin_of(notebook: Path) -> Path:
    return notebook.parent / "py" / f"{notebook.stem}.py"


def notebook_of(twin: Path) -> Path:
    return twin.parent.parent / f"{twin.stem}.ipynb"


def cell_metadata(cell: NotebookNode) -> dict:
    return {key: value for key, value in cell.metadata.items() if key not in NOT_TEXT}


def cell_texts(nb: NotebookNode) -> list[tuple[str, str, dict]]:
    """What makes two forms of a lesson the same: type, source and metadata (tags) of each cell, in order."""
    return [(cell.cell_type, cell.source.rstrip("\n"), cell_metadata(cell)) for cell in nb.cells]


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    """The cells that a kernel executes; an empty cell is never executed."""
    return [cell for cell in nb.cells if cell.cell_type == "code" and cell.source.strip()]


def read_twin(twin: Path) -> NotebookNode:
    return jupytext.read(twin, fmt="py:percent")


def fault(twin: Path) -> str | None:
    """Return why the notebook of a twin must be rebuilt in one sentence, or None when the pair is in step."""
    notebook = notebook_of(twin)
    if not notebook.exists():
        return "has not been built"
    text = notebook.read_text(encoding="utf-8")
    nb = nbformat.reads(text, as_version=4)
    new, old = cell_texts(read_twin(twin)), cell_texts(nb)
    for number, (a, b) in enumerate(zip(new, old, strict=False), start=1):
        if a != b:
            return f"cell {number} differs from its twin"
    if len(new) != len(old):
        return f"has {len(old)} cells, its twin has {len(new)}"
    if [cell.execution_count for cell in code_cells(nb)] != list(range(1, len(code_cells(nb)) + 1)):
        return "was not executed from top to bottom"
    clean(nb)
    return None if as_text(nb) == text else "holds what a run leaves behind (timings, versions, widget state or ids)"


def execute(nb: NotebookNode, name: str, cwd: Path, timeout: float = TIMEOUT) -> None:
    """Run every cell in a fresh kernel, in place; raise BuildError on an error in a cell or after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    failed: list[int] = []
    client = NotebookClient(
        nb,
        kernel_name="python3",
        resources={"metadata": {"path": str(cwd)}},
        timeout_func=lambda cell: max(1.0, deadline - time.monotonic()),
        coalesce_streams=True,
        extra_arguments=["--log-level=CRITICAL"],  # else each kernel warns that its local sockets are not encrypted
        on_cell_error=lambda cell, cell_index, execute_reply: failed.append(cell_index),
    )
    try:
        with tempfile.TemporaryDirectory() as scratch:
            # The builder's own progress in the exercises and IPython settings must not reach the committed outputs.
            client.execute(env=os.environ | {"CRNN_LESSONS_PROGRESS": scratch, "IPYTHONDIR": scratch})
    except CellExecutionError as error:
        cell = nb.cells[failed[-1]]
        number = 1 + code_cells(nb).index(cell)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback)
        trace = [line for line in plain.splitlines() if line.strip("- ")]
        raise BuildError(
            f"{name}, cell {failed[-1] + 1} (In [{number}]):\n{indent(cell.source.splitlines())}\n\n"
            f"{indent(trace[-12:])}"
        ) from None
    except CellTimeoutError:
        raise BuildError(f"{name} did not finish within {timeout:g} s; it was stopped.") from None
    except DeadKernelError:
        raise BuildError(f"{name}: the kernel died (out of memory?).") from None


def indent(lines: Iterable[str]) -> str:
    return "\n".join("    " + line for line in lines)


def clean(nb: NotebookNode) -> None:
    """Leave only what a second run would write again: no timings, versions, widget state or random ids."""
    nb.metadata = nbformat.from_dict(METADATA)
    nb.nbformat, nb.nbformat_minor = 4, 5
    count, seen = 0, Counter[str]()
    for cell in nb.cells:
        cell.metadata = nbformat.from_dict(cell_metadata(cell))
        key = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[key] += 1
        cell.id = key if seen[key] == 1 else f"{key}-{seen[key]}"  # the same text twice in one lesson
        if cell.cell_type != "code":
            continue
        count += bool(cell.source.strip())  # a kernel does not count an empty cell
        cell.execution_count = count if cell.source.strip() else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
            if "text/html" in output.get("data", {}):
                # A saved view names a model that lives in no kernel; the HTML beside it works everywhere.
                output.data.pop(WIDGET_VIEW, None)


def as_text(nb: NotebookNode) -> str:
    return nbformat.writes(nb) + "\n"


def build(twin: Path, timeout: float = TIMEOUT) -> str:
    """Return the text of the .ipynb of a twin: converted, executed in a fresh kernel, cleaned; without photographs."""
    nb = read_twin(twin)
    execute(nb, twin.stem, cwd=twin.parent.parent, timeout=timeout)
    clean(nb)
    nbformat.validate(nb)
    return as_text(nb)


def write(notebook: Path, text: str) -> None:
    """Replace a notebook in one step: an interrupted build leaves the old one whole."""
    part = notebook.with_suffix(".ipynb.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, notebook)


def first_difference(a: str, b: str) -> str:
    pairs = zip(nbformat.reads(a, 4).cells, nbformat.reads(b, 4).cells, strict=True)
    return next(f"cell {n}:\n{indent(x.source.splitlines())}" for n, (x, y) in enumerate(pairs, start=1) if x != y)


def select(names: list[str], folder: Path) -> list[Path]:
    """Return the twins named (by name, number, or path of either form), or every twin, in the order of the lessons."""
    twins = sorted((folder / "py").glob("[0-9][0-9]_*.py"))
    if not names:
        return twins
    chosen = []
    for name in names:
        stem = Path(name).stem
        found = [twin for twin in twins if twin.stem == stem or twin.stem.split("_")[0] == stem]
        if not found:
            known = ", ".join(twin.stem for twin in twins) or "none yet"
            raise BuildError(f"There is no lesson '{name}' in {folder.name}/py; the lessons are: {known}.")
        chosen += found
    return chosen


def check(twins: list[Path], orphans: list[Path]) -> int:
    faults = [f"{notebook_of(twin).name} {why}" for twin in twins if (why := fault(twin))]
    faults += [f"{notebook.name} has no twin py/{notebook.stem}.py" for notebook in orphans]
    print("\n".join([*faults, "Mend it with: make notebooks"]) if faults else f"{len(twins)} lessons in step")
    return bool(faults)


def rebuild(twin: Path, timeout: float) -> str | None:
    """Build and write one notebook; return what went wrong, or None."""
    start, notebook = time.monotonic(), notebook_of(twin)
    try:
        nb = nbformat.reads(build(twin, timeout), as_version=4)
        pictures = keep_pictures(nb, nbformat.read(notebook, as_version=4) if notebook.exists() else None)
    except (BuildError, PhotographError) as error:
        return f"{twin.stem}: {error}" if isinstance(error, PhotographError) else str(error)
    text = as_text(nb)
    write(notebook, text)
    took, size = time.monotonic() - start, len(text.encode()) / 1024
    print(f"{notebook.name}: {took:.1f} s, {size:.0f} kB{pictures and f'; {pictures}'}", flush=True)
    return None


def verify(twin: Path, timeout: float) -> str | None:
    """Execute one lesson twice; return the first cell whose two outputs differ, or None."""
    try:
        one, two = build(twin, timeout), build(twin, timeout)
    except BuildError as error:
        return str(error)
    if one != two:
        return f"{twin.stem} gave two different results in two runs, first in {first_difference(one, two)}"
    print(f"{twin.stem}: two runs, the same {len(one.encode())} bytes")
    return None


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="lessons, as 05, 05_alignments or a path")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--all", action="store_true", help="rebuild also what is in step")
    mode.add_argument("--check", action="store_true", help="only say what is out of step")
    mode.add_argument("--verify", action="store_true", help="execute twice and compare")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="notebooks executed at the same time (default 1)")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help=f"seconds for a notebook (default {TIMEOUT})")
    parser.add_argument("--folder", type=Path, default=HERE, help=argparse.SUPPRESS)  # for the tests
    args = parser.parse_args(argv)
    try:
        twins = select(args.names, args.folder)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 2
    if args.check:
        orphans = [path for path in sorted(args.folder.glob("*.ipynb")) if not twin_of(path).exists()]
        return check(twins, [] if args.names else orphans)
    if not (args.all or args.verify or args.names):
        twins = [twin for twin in twins if fault(twin)]
    if twins:
        # The first import of matplotlib lists the machine's fonts and may print a notice, which is no lesson's output.
        subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], capture_output=True)
    work = verify if args.verify else rebuild
    with ThreadPoolExecutor(max(1, args.jobs)) as pool:
        failures = [why for why in pool.map(lambda twin: work(twin, args.timeout), twins) if why]
    print("\n\n".join(failures), file=sys.stderr, end="\n" if failures else "")
    if not twins:
        print("Every notebook is in step with its twin.")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
