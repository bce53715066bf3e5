"""What README.md, Makefile and environment.yml promise about installing is what they do."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OURS = {"crnn_lessons", "figs", "notebooks", "tests"}
WITH_TORCH = {"triton"}  # torch's builds for NVIDIA GPUs bring it; imported only where it is there
BESIDE = {file.stem for file in (ROOT / "tests/benchmarks").iterdir()}  # programs that import one another
PEERS = {"rapidocr_onnxruntime"}  # a benchmark compares with it where somebody has installed it
MAKE = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def recipe(target: str, *settings: str) -> str:
    """Return the commands that `make` would run for a target on a fresh machine without a store of wheels."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PIP_FIND_LINKS", "MAKEFLAGS")}
    command = ["make", "--dry-run", "VENV=.no-such-venv", *settings, target]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return re.sub(r"\s+", " ", done.stdout.replace("\\\n", " "))


def installed_from(requirement: Requirement) -> list[str]:
    """Return what the running environment lacks of a requirement, through this project's own extras."""
    if requirement.marker and not requirement.marker.evaluate():
        return []
    if requirement.name == PROJECT["name"]:
        inner = [r for extra in requirement.extras for r in PROJECT["optional-dependencies"][extra]]
        return [lack for text in PROJECT["dependencies"] + inner for lack in installed_from(Requirement(text))]
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return [f"{requirement} is not installed"]
    return [] if requirement.specifier.contains(found, prereleases=True) else [f"{requirement}, but {found} is there"]


def sources(folder: str) -> list[Path]:
    """Return the Python files of this repository under a folder, the environment's own left out."""
    ours = [ROOT / "conftest.py", *(path for part in OURS for path in (ROOT / part).rglob("*.py"))]
    return [path for path in ours if path.is_relative_to(ROOT / folder)]


def imported_modules(path: Path) -> set[str]:
    """Return the first names of all modules that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


# pyproject.toml and conda


def test_environment_takes_python_and_pip_from_conda_and_the_rest_from_pyproject() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert set(environment) == {"name", "channels", "dependencies"}
    assert (environment["name"], environment["channels"]) == ("crnn-lessons", ["conda-forge"])
    python, pip, from_pip = environment["dependencies"]
    assert python == "python" + PROJECT["requires-python"]
    assert pip == "pip"
    assert from_pip == {"pip": ["-e .[dev]"]}
    assert "conda activate crnn-lessons" in README and "environment.yml" in README
    assert f'"python{PROJECT["requires-python"]}"' in README  # the variant for Linux without a GPU


def test_the_running_environment_holds_what_pyproject_lists() -> None:
    assert installed_from(Requirement(f"{PROJECT['name']}[dev]")) == []


@pytest.mark.parametrize(
    ("folder", "extras"),
    [("crnn_lessons", ["lessons", "hosted", "export"]), (".", ["lessons", "hosted", "export", "site", "dev"])],
)
def test_every_module_imported_is_listed_in_pyproject(folder: str, extras: list[str]) -> None:
    texts = PROJECT["dependencies"] + [text for extra in extras for text in PROJECT["optional-dependencies"][extra]]
    listed = {canonicalize_name(Requirement(text).name) for text in texts}
    installed = packages_distributions()
    missing = set()
    for path in sources(folder):
        for module in imported_modules(path) - sys.stdlib_module_names - OURS - WITH_TORCH - PEERS - BESIDE:
            if not {canonicalize_name(name) for name in installed.get(module, [])} & listed:
                missing.add(f"{module}, imported by {path.relative_to(ROOT)}")
    assert missing == set()


# make


@MAKE
def test_readme_names_only_targets_that_exist() -> None:
    named = set(
        re.findall(r"\bmake ([a-z]+)\b(?! installs)", " ".join(re.findall(r"`[^`]*`|^    make .*$", README, re.M)))
    )
    targets = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1].split())
    assert {"lab", "test", "help", "notebooks"} <= named <= targets
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z]+) +\w", said, re.M)) == targets


@MAKE
def test_make_installs_by_the_steps_that_the_readme_spells_out() -> None:
    by_hand = re.search(r"Linux and macOS:\n\n(.*?)\n\n", README, re.S)[1]
    create, uv, install, lab = (" ".join(line.split()).replace("python3 ", "PY ") for line in by_hand.splitlines())
    said = recipe("lab", "PY=PY").replace(".no-such-venv", ".venv").replace(" --quiet", "")
    assert create in said and uv in said and install in said
    assert lab.replace("$PWD", str(ROOT)) in said


@MAKE
def test_torch_is_the_build_that_fits_the_machine_unless_told() -> None:
    assert "--torch-backend=auto" in recipe("test")
    assert "--torch-backend=cu126" in recipe("test", "TORCH=cu126")
    assert "--torch-backend" not in recipe("test", "PIP_FIND_LINKS=wheels")  # that store has made the choice
    assert 'UV_FIND_LINKS="wheels"' in recipe("test", "PIP_FIND_LINKS=wheels")
    assert "--torch-backend=cpu" in recipe("test", "PIP_FIND_LINKS=wheels", "TORCH=cpu")


@MAKE
@pytest.mark.parametrize(("have", "fits"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_make_refuses_other_pythons_in_one_sentence(have: tuple[int, int], fits: bool) -> None:
    check = re.search(r"PY -c '([^']*)'", recipe("test", "PY=PY"))[1]
    done = subprocess.run(
        [sys.executable, "-c", check.replace("sys.version_info", str(have))], capture_output=True, text=True
    )
    says = f"CRNN Lessons needs Python 3.11, 3.12 or 3.13, and PY is {have[0]}.{have[1]}. "
    says += "Name another one: make PY=python3.12\n"
    assert (done.returncode, done.stderr) == ((0, "") if fits else (1, says))


@MAKE
def test_an_interrupted_installation_leaves_no_stamp_and_a_whole_one_is_not_repeated(tmp_path: Path) -> None:
    venv, log = tmp_path / "venv", tmp_path / "log"
    fake = (
        tmp_path / "python"
    )  # stands for Python, pip and uv: notes its arguments; `uv pip install` fails while told to
    fake.write_text(
        f'#!/bin/sh\necho "$0 $*" >>"{log}"\ncase "$*" in *--editable*) [ ! -e "{tmp_path}/broken" ] ;; esac\n',
        encoding="utf-8",
    )
    fake.chmod(0o755)
    (venv / "bin").mkdir(parents=True)
    shutil.copy(fake, venv / "bin" / "uv")
    shutil.copy(fake, venv / "bin" / "python")
    command = ["make", "test", f"VENV={venv}", f"PY={fake}", "TORCH=cpu"]
    (tmp_path / "broken").touch()
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode != 0
    assert not (venv / ".installed").exists()
    (tmp_path / "broken").unlink()
    for _ in range(2):
        assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0
        assert (venv / ".installed").exists()
    calls = log.read_text(encoding="utf-8")
    assert calls.count("pip install --python") == 2  # the broken one and the next, not the third
    assert calls.count("-m pytest") == 2


# The package


def test_importing_the_package_is_light() -> None:
    heavy = "IPython ipykernel ipywidgets anywidget traitlets matplotlib torch numba notebook jupyterlab jupyter_core"
    code = f"import sys, crnn_lessons; print(*sorted(set(sys.modules) & set({heavy.split()!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_readme_links_exactly_the_lessons_that_exist() -> None:
    rows = re.findall(r"^\| (\d\d) \| (.*?) \| .* \|$", README, re.M)
    assert [number for number, _ in rows] == [f"{n:02}" for n in range(1, 16)]
    linked = {number: link[1] for number, title in rows if (link := re.search(r"\]\((.*)\)", title))}
    present = {path.stem[:2]: f"notebooks/{path.name}" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    assert linked == present, "link in README.md, in the table of lessons, each notebook that exists"


def test_links_in_the_readme_lead_somewhere() -> None:
    paths = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert [path for path in paths if not (ROOT / path).exists()] == []


# Style


@pytest.mark.parametrize("check", [("check", "--no-cache"), ("format", "--check", "--no-cache")], ids=lambda c: c[0])
def test_ruff_finds_nothing(check: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", "ruff", *check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
