"""A lesson that arrives alone on a hosted machine, and the package as a wheel, away from this repository.

The machine is a fresh environment that sees what is installed here, the package itself left out; git and pip work from
the disk. The lesson's first cell does the rest.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import nbformat
import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from crnn_lessons.text.render import render_word
from notebooks.site import hosted, lessons
from notebooks.site.lessons import NOTEBOOKS, ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]
LESSONS = {lesson.stem: lesson for lesson in lessons.lessons()}
SENT = "05_alignments"  # it checks exercises, draws figures and has widgets
BENCHMARKS = ROOT / "tests/benchmarks"
PEERS = {"rapidocr_onnxruntime"}  # lesson 13 compares with it where somebody has installed it
THERE = {"IPython"}  # Jupyter's own
PHOTOGRAPH = re.compile(r' width="760" src="data:image/png;base64,[A-Za-z0-9+/=]+"')  # put in by `make notebooks`
PIXELS = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]+")
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

book = nbformat.read(sys.argv[1], 4)
NotebookClient(
    book, kernel_name="python3", timeout=120, resources={"metadata": {"path": "."}}, coalesce_streams=True
).execute()
nbformat.write(book, sys.argv[1])
"""


def tracked() -> list[str]:
    """The files of this repository that a clone brings, as they are now."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("this folder is no git repository that could be cloned")
    return [name for name in done.stdout.splitlines() if (ROOT / name).exists()]


@dataclass(frozen=True)
class Machine:
    """A Python on whose path the repository is not."""

    python: Path
    environment: dict[str, str]

    def run(self, *arguments: object, cwd: Path) -> subprocess.CompletedProcess:
        command = [str(self.python), *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, env=self.environment, capture_output=True, text=True)


def bare(folder: Path) -> Machine:
    """A fresh environment without the package; all else that is installed here is seen from it."""
    seen = folder / "seen"
    seen.mkdir()
    for entry in {entry for kind in ("purelib", "platlib") for entry in Path(sysconfig.get_path(kind)).iterdir()}:
        if "crnn_lessons" not in entry.name and entry.suffix != ".pth":
            (seen / entry.name).symlink_to(entry)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "machine"], check=True)
    python = folder / "machine" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ours = ("PYTHONPATH", "PIP_", "CRNN_LESSONS_", "JUPYTER_", "IPYTHONDIR", "GIT_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    environment |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment |= {name: str(folder / name) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    machine = Machine(python, environment)
    library = machine.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip()
    (Path(library) / "seen.pth").write_text(f"{seen}\n", encoding="utf-8")
    assert "No module named 'crnn_lessons'" in machine.run("-c", "import crnn_lessons", cwd=folder).stderr
    return machine


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> tuple[Machine, nbformat.NotebookNode]:
    """A machine on which a hosted lesson was opened and run, and nothing else was done; and that lesson."""
    needed = next(need for need in map(Requirement, SETTINGS["build-system"]["requires"]) if need.name == "setuptools")
    try:
        version("pip")
        if version("setuptools") not in needed.specifier:
            pytest.skip(f"{needed} is not installed, so no wheel can be built offline")
    except PackageNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed, so no wheel can be built and installed offline")
    folder = tmp_path_factory.mktemp("hosted")
    origin, work = folder / "origin", folder / "work"
    for name in tracked():
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, origin / name)
    for arguments in (["init", "-q"], ["add", "--all"], ["commit", "-q", "-m", "The course"]):
        git = ["git", "-c", "user.name=course", "-c", "user.email=course@localhost"]
        subprocess.run([*git, *arguments], cwd=origin, check=True, capture_output=True)
    machine = bare(folder)
    work.mkdir()
    (work / "lesson.ipynb").write_text(hosted.notebook(LESSONS[SENT], origin.as_uri()), encoding="utf-8")
    done = machine.run("-c", EXECUTE, "lesson.ipynb", cwd=work)
    assert done.returncode == 0, done.stderr
    return machine, nbformat.read(work / "lesson.ipynb", 4)


# A lesson alone


def shown(cell: dict) -> list[str]:
    """What a cell prints and shows, but for the pixels of its pictures."""
    texts = []
    for output in cell["outputs"]:
        texts += [output["text"]] if "text" in output else []
        texts += [output["data"].get("text/html") or output["data"]["text/plain"]] if "data" in output else []
    return [PIXELS.sub("", PHOTOGRAPH.sub("", "".join(text))) for text in texts]


def test_a_hosted_lesson_shows_what_the_committed_one_shows(opened) -> None:
    first, *cells = opened[1].cells
    assert first.source.startswith("# On a hosted machine")
    assert [text for text in shown(first) if "restart the kernel" not in text] == []
    committed = nbformat.read(LESSONS[SENT].path, 4).cells
    pairs = [
        (new, old)
        for new, old in zip(cells, committed, strict=True)
        if old.cell_type == "code" and "nbval-ignore-output" not in old.metadata.get("tags", [])
    ]
    assert len(pairs) > 20
    for new, old in pairs:
        assert shown(new) == shown(old), new.source


# What the other lessons need, found without running them


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that a program imports, inside functions too; of ``from a import b`` both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def code_of(stem: str) -> str:
    return "\n".join("".join(cell["source"]) for cell in LESSONS[stem].cells if cell["cell_type"] == "code")


def reached(stem: str) -> tuple[set[str], set[Path]]:
    """The modules from elsewhere that a lesson and its exercises lead to, and the files of this repository."""
    catalogue = NOTEBOOKS / "exercises" / f"{stem}.py"
    todo = [*imports(ast.parse(code_of(stem))), *imports(ast.parse(catalogue.read_text(encoding="utf-8")))]
    beside = [BENCHMARKS] if "../tests/benchmarks" in code_of(stem) else []
    elsewhere, files = set(), {catalogue}
    while todo:
        parts, known = todo.pop().split("."), False
        for end in range(1, len(parts) + 1):
            for place in (ROOT if parts[0] == "crnn_lessons" else NOTEBOOKS, *beside):
                path = place.joinpath(*parts[:end])
                for file in (path / "__init__.py", path.with_suffix(".py")):
                    if file.is_file():
                        todo += imports(ast.parse(file.read_text(encoding="utf-8"))) if file not in files else []
                        files.add(file)
                        known = True
        elsewhere |= set() if known else {parts[0]}
    return elsewhere - sys.stdlib_module_names, files


@pytest.mark.parametrize("stem", LESSONS)
def test_the_first_cell_installs_what_a_lesson_imports(stem: str) -> None:
    elsewhere, files = reached(stem)
    assert {ROOT / "crnn_lessons/exercises/engine.py", ROOT / "crnn_lessons/show/figures.py"} <= files
    extras = hosted.extras(LESSONS[stem]).split(",")
    assert f"course[{','.join(extras)}]" in json.loads(hosted.notebook(LESSONS[stem], "address"))["cells"][0]["source"]
    asked = PROJECT["dependencies"] + [text for extra in extras for text in PROJECT["optional-dependencies"][extra]]
    names, installed = {canonicalize_name(Requirement(text).name) for text in asked}, packages_distributions()
    lacking = {
        module
        for module in elsewhere - PEERS - THERE
        if not names & {canonicalize_name(name) for name in installed.get(module, [])}
    }
    assert lacking == set()
    assert ("export" in extras) == ("onnx" in elsewhere - {"rapidocr_onnxruntime"})


@pytest.mark.parametrize("stem", LESSONS)
def test_a_clone_holds_the_files_that_a_lesson_opens(stem: str) -> None:
    """A lesson names a file by a string of its own, such as Path("words.txt"); what it writes itself lies elsewhere."""
    there = set(tracked())
    assert {str(file.relative_to(ROOT)) for file in reached(stem)[1]} <= there
    named = {
        node.value
        for node in ast.walk(ast.parse(code_of(stem)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"[\w./-]+\.(?:csv|txt|tsv|json|png|jpg|safetensors|lmdb|tar)", node.value)
    }
    opened = {name for name in named if f"notebooks/{name}" in there}
    assert named - opened <= {"labels.tsv"}


def test_drawings_of_a_hosted_lesson_have_addresses() -> None:
    there, shown = set(tracked()), 0
    for lesson in LESSONS.values():
        text = hosted.notebook(lesson, "https://github.com/owner/name")
        assert "../figs" not in text
        for name in re.findall(r"\]\(https://raw.githubusercontent.com/owner/name/main/([^)]+)\)", text):
            assert name in there
            shown += 1
    assert shown >= len(LESSONS)


def test_what_a_hosted_machine_has_is_left_as_it_is() -> None:
    """Jupyter, IPython and the widgets' manager belong to the service; ours would break the kernel that runs."""
    asked = {canonicalize_name(Requirement(text).name) for text in PROJECT["optional-dependencies"]["hosted"]}
    assert not asked & {"jupyterlab", "notebook", "ipykernel", "ipywidgets", "ipython"}


# The wheel, in an empty folder


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(opened, tmp_path) -> None:
    where = opened[0].run("-c", "import crnn_lessons; print(crnn_lessons.__path__[0])", cwd=tmp_path).stdout.strip()
    assert "site-packages" in where
    installed = {str(path.relative_to(where)) for path in Path(where).rglob("*") if path.is_file()}
    package = {name.removeprefix("crnn_lessons/") for name in tracked() if name.startswith("crnn_lessons/")}
    assert {name for name in installed if "__pycache__" not in name} == package


def test_the_wheel_reads_a_picture_and_trains(opened, tmp_path) -> None:
    import matplotlib

    face = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    Image.fromarray(render_word("bookshop", face, np.random.default_rng(0), wild=0.0)).save(tmp_path / "word.png")
    done = opened[0].run("-m", "crnn_lessons", "read", "word.png", cwd=tmp_path)
    assert (done.returncode, done.stdout.split()[-1]) == (0, "bookshop"), done.stderr
    done = opened[0].run("-m", "crnn_lessons", "train", "--help", cwd=tmp_path)
    assert done.returncode == 0 and "--resume" in done.stdout, done.stderr


def test_the_wheel_draws_every_widget_and_says_where_exercises_are(opened, tmp_path) -> None:
    code = """
from crnn_lessons import exercises, widgets
kinds = [getattr(widgets, name) for name in widgets.__all__]
assert all("render" in kind._esm and ".crnn-widget" in kind._css for kind in kinds)
print(widgets.Collapse("hh-e-lllo").html())
try:
    exercises.check("05-1", len)
except ValueError as error:
    print(error)
"""
    done = opened[0].run("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    widget, said = done.stdout.rstrip().rsplit("\n", 1)
    assert 'start("collapse", render);' in widget
    assert said.startswith("no exercises were found") and str(tmp_path) in said
