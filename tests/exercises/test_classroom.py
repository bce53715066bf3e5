"""A class of invented learners: one right, one with known mistakes, one whose notebooks are broken."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from crnn_lessons import exercises
from crnn_lessons.exercises import classroom, progress
from crnn_lessons.exercises.rerun import rerun

ROOT = Path(__file__).resolve().parents[2]
RIGHT = """
def collapse_text(path):
    return "".join(sign for sign in merged(path) if sign != BLANK)
"""
BLANKS_FIRST = """
def collapse_text(path):
    return "".join(sign for sign in merged(path.replace(BLANK, "")))
"""
DROPS, KEEPS = "drops the blanks before it merges", "drops the blanks and merges nothing"
ONCE = "keeps each letter once in the whole path"
ENDLESS = """
def collapse_text(path):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CRNN_LESSONS_PROGRESS", str(tmp_path / "own"))


def notebook(path, *answers, start="BLANK = '-'"):
    """A notebook as a learner leaves it: cells around the answers that must not be run, and one that must."""
    cells = [
        "%matplotlib inline\nfrom itertools import groupby\nfrom crnn_lessons import exercises",
        start,
        "raise SystemExit('a training of an hour')",
        "def merged(path):\n    return [sign for sign, _ in groupby(path)]",
        *answers,
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, path)


def check(answer, key="05-1", name="collapse_text"):
    return answer, f'exercises.check("{key}", {name})'


@pytest.fixture
def handed_in(tmp_path):
    folder = tmp_path / "class"
    notebook(folder / "ada" / "05_alignments.ipynb", *check(RIGHT), *check("answer = 13", "05-2", "answer"))
    (folder / "ada" / ".ipynb_checkpoints").mkdir()
    (folder / "ada" / ".ipynb_checkpoints" / "05-checkpoint.ipynb").write_text("{")
    notebook(
        folder / "bob" / "work" / "05_alignments.ipynb", *check(BLANKS_FIRST), *check("answer = ...", "05-2", "answer")
    )
    exercises.check("05-1", lambda path: "".join(dict.fromkeys(path.replace("-", ""))))
    progress.record("05-1", "wrong", DROPS)
    progress.record("05-1", "wrong", "=a mistake that the course does not know")
    (folder / "bob" / ".progress").mkdir()
    progress.path_of("05").rename(folder / "bob" / ".progress" / "lesson_05.jsonl")
    (folder / "eve").mkdir()
    (folder / "eve" / "a.ipynb").write_text("{")
    notebook(folder / "eve" / "b.ipynb", "def collapse_text(", 'exercises.check("05-1", collapse_text)')
    return folder


def test_one_table_of_three_learners(handed_in, capsys, tmp_path):
    assert classroom.run(str(handed_in), str(tmp_path / "class.csv"), 60) == 1
    said = capsys.readouterr().out.splitlines()
    total = len(classroom.Class([]).keys)
    assert said[:4] == [
        "learner  solved   05",
        f"ada      2 of {total}  ✓✓·····",
        f"bob      0 of {total}  ✗······",
        f"eve      0 of {total}  ·······",
    ]
    at = said.index("Known mistakes, most frequent first (learners, times):")
    assert said[at + 1 : at + 3] == [f"   1    1  05-1  {DROPS}", f"   1    1  05-1  {ONCE}"]
    assert said[at + 3 :] == [
        "",
        "Not read or not tried:",
        "  eve: a.ipynb: is not a notebook that can be read",
        "  eve: b.ipynb: code cell 5 is not Python ('(' was never closed)",
        "  eve: b.ipynb: 05-1 could not be tried: NameError: name 'collapse_text' is not defined",
    ]
    with open(tmp_path / "class.csv", encoding="utf-8-sig", newline="") as file:
        ada, bob, eve = csv.DictReader(file)
    assert (ada["learner"], ada["solved"], ada["05-1"], ada["05-2"], ada["05-3"]) == (
        "ada",
        "2",
        "solved",
        "solved",
        "",
    )
    seen = f"05-1 {DROPS} (1x); 05-1 {ONCE} (1x)"
    assert (bob["05-1"], bob["05-2"], bob["mistakes"], bob["not read"]) == ("tried", "", seen, "")
    assert eve["not read"].startswith("a.ipynb: is not a notebook that can be read; b.ipynb: code cell 5")


def test_mistakes_that_recur_stand_first_and_a_source_read_twice_counts_once():
    known = classroom.Class([]).known
    assert {("05-1", DROPS), ("05-1", KEEPS)} <= known
    once, twice = progress.Record(1, False, None, (DROPS,)), progress.Record(3, True, None, (KEEPS, KEEPS))
    ada, bob, eve = map(classroom.Learner, ("ada", "bob", "eve"))
    ada.add({"05-1": twice})
    ada.add({"05-1": progress.Record(2, False, None, (KEEPS, DROPS))})  # the same work, from another source
    assert ada.records["05-1"] == progress.Record(3, True, None, (KEEPS, KEEPS, DROPS))
    bob.add({"05-1": once})
    eve.add({"05-1": once, "05-2": progress.Record(1, False, None, ("unknown",))})
    assert classroom.Class([]).mistakes([ada, bob, eve]) == [(3, 3, "05-1", DROPS), (1, 2, "05-1", KEEPS)]


def test_a_page_is_read_as_it_was_saved_and_a_damaged_one_is_named(tmp_path):
    exercises.check("05-2", 13)
    progress.record("05-1", "wrong", DROPS)
    exercises.summary().save(tmp_path / "class" / "ada.html")
    ada = classroom.collect(tmp_path / "class" / "ada.html", 10)
    assert (ada.name, ada.unread, ada.state("05-2"), ada.state("05-1")) == ("ada", [], "solved", "tried")
    assert ada.records["05-1"].mistakes == (DROPS,)
    for damage in ("", "[]", '{"05-1": 3}', '{"05-1": {"attempts": 1e999, "done": 1, "mistakes": []}}'):
        text = f'<script type="application/json" id="crnn-progress">{damage}</script>'
        (tmp_path / "bob.html").write_text(text)
        bob = classroom.collect(tmp_path / "bob.html", 10)
        assert bob.unread == ["bob.html: is not a page that exercises.summary().save wrote"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no copy of the process can be stopped")
def test_a_learner_who_never_ends_is_stopped_and_keeps_what_came_before(tmp_path):
    notebook(tmp_path / "eve" / "a.ipynb", *check("answer = 13", "05-2", "answer"), *check(ENDLESS))
    notebook(tmp_path / "eve" / "b.ipynb", *check(RIGHT))
    eve = classroom.collect(tmp_path / "eve", 3)
    assert (eve.state("05-2"), eve.state("05-1")) == ("solved", "")
    assert eve.unread == [
        "a.ipynb: did not come back within 3 seconds and was stopped",
        "b.ipynb: was not run, since the 3 seconds of this learner are over",
    ]


def test_what_an_answer_needs_is_run_and_nothing_else(tmp_path):
    start = "print('x')\nBLANK = '?'\nBLANK = '-'\nunrelated = 1 / 0\ntable = {}\ntable['a'] = 13"
    notebook(tmp_path / "a.ipynb", *check(RIGHT), *check("", "05-2", "table['a']"), start=start)
    assert rerun(tmp_path / "a.ipynb") == []
    assert {key for key, entry in progress.read("05").items() if entry.done} == {"05-1", "05-2"}
    notebook(tmp_path / "b.ipynb", *check("import sys\nanswer = sys.exit(3)", "05-2", "answer"))
    assert rerun(tmp_path / "b.ipynb") == ["05-2 could not be tried: SystemExit: 3"]
    notebook(tmp_path / "c.ipynb", *check("answer = 3", "99-1", "answer"))
    assert rerun(tmp_path / "c.ipynb")[0].startswith("99-1 could not be tried: ValueError: there is no exercise '99-1'")
    notebook(tmp_path / "d.ipynb")
    assert rerun(tmp_path / "d.ipynb") == ["checks no exercise of the course"]


def test_the_command_from_outside(handed_in, tmp_path):
    def command(*arguments):
        line = [sys.executable, "-m", "crnn_lessons", "class", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})

    done = command(handed_in / "ada", "--csv", tmp_path / "no" / "new.csv")
    assert (done.returncode, done.stderr) == (0, "") and "2 of" in done.stdout  # one notebook is one learner, too
    assert (tmp_path / "no" / "new.csv").read_bytes().startswith(b"\xef\xbb\xbflearner,solved,01-1")
    empty = tmp_path / "empty"
    empty.mkdir()
    done = command(empty)
    assert (done.returncode, done.stderr) == (2, f"class: {empty} holds no learner's folder, notebook or page\n")
    done = command(tmp_path / "nowhere")
    assert (done.returncode, done.stderr) == (2, f"class: {tmp_path / 'nowhere'}: No such file or directory\n")
    assert "runs the learner's code, with your rights" in command("--help").stdout


def test_names_that_a_spreadsheet_would_take_for_formulas():
    evil = classroom.Learner("=1+1", {}, ["@x"])
    row = classroom.Class([evil]).csv().splitlines()[1]
    assert row.startswith("'=1+1,0,") and row.endswith("'@x")
