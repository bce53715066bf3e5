"""Build the site: the notebooks, figs/ and what the course already holds -> build/site, complete, without network.

python notebooks/site/build.py              write build/site
python notebooks/site/build.py --out DIR    write it elsewhere
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from notebooks.site import hosted, pages, stage  # noqa: E402
from notebooks.site.lessons import ROOT, Lesson, address, lessons  # noqa: E402

LOOK_UP = ("glossary", "symptoms", "models", "links")
TEACH = ("start", "teaching", "citing")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def sources(found: list[Lesson], source: Path, out: Path, reader: bool) -> None:
    """Write what Sphinx reads."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "figs", source / "figs", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for lesson in found:
        staged = stage.stage(lesson, found, out / "lessons" / "pictures")
        write(source / "lessons" / lesson.path.name, json.dumps(staged))
    made = {
        "index": pages.front(found, pages.template("index.md"), pages.film(), pages.widget(found, "collapse"), reader),
        "start": pages.from_readme("Install and open", "Start", "Where to open the lessons", "Read a word"),
        "teaching": pages.from_readme("Teach with it", "Teach with it"),
        "glossary": pages.glossary(found),
        "symptoms": pages.symptoms(found),
        "models": pages.models(),
        "links": pages.links(found),
        "citing": pages.citing(),
    }
    trees = [
        ("The lessons", [f"{lesson.number} {lesson.title} <lessons/{lesson.stem}>" for lesson in found]),
        ("Look it up", LOOK_UP),
        ("Use it", TEACH),
    ]
    for caption, names in trees:
        made["index"] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n```\n"
    for name, text in made.items():
        write(source / f"{name}.md", text)


def copies(found: list[Lesson], out: Path) -> None:
    """Write the notebooks to take along, and those for a hosted machine."""
    for lesson in found:
        (out / "lessons").mkdir(parents=True, exist_ok=True)
        shutil.copy(lesson.path, out / "lessons" / lesson.path.name)
        if address():
            write(out / "hosted" / lesson.path.name, hosted.notebook(lesson))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="the folder of the site")
    parser.add_argument("--without-reader", action="store_true", help="leave out the reader that runs in a browser")
    args = parser.parse_args(argv)
    out, source, found = args.out.resolve(), args.out.resolve().with_name("site-source"), lessons()
    shutil.rmtree(out, ignore_errors=True)
    reader = HERE / "reader" / "build.py"
    built = reader.exists() and not args.without_reader and read_here(reader, out)
    sources(found, source, out, built)
    options = ["-q", "-E", "-b", "html", "-c", str(HERE), "-d", str(source / ".doctrees"), "-W", "--keep-going"]
    status = subprocess.run([sys.executable, "-m", "sphinx", *options, str(source), str(out)]).returncode
    if status:
        return status
    copies(found, out)
    (out / ".nojekyll").touch()
    shutil.rmtree(out / "_sources", ignore_errors=True)
    print(f"{out / 'index.html'}: {len(found)} lessons{'' if built else '; without the reader in the browser'}")
    return 0


def read_here(program: Path, out: Path) -> bool:
    """Build the page on which a word is read; it needs a package from npm, without which the site leaves it out."""
    command = [sys.executable, str(program), "--out", str(out / "reader"), "--home", "../index.html"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(
            f"the reader in the browser was not built: {(done.stderr.strip().splitlines() or ['?'])[-1]}",
            file=sys.stderr,
        )
    return not done.returncode and (out / "reader" / "index.html").exists()


if __name__ == "__main__":
    sys.exit(main())
