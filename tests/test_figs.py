"""The diagrams in figs/ are what their programs draw."""

import runpy
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parent.parent / "figs").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_diagram_is_up_to_date_and_deterministic(program):
    draw = runpy.run_path(str(program))["draw"]
    assert draw() == draw()
    assert draw() == program.with_suffix(".svg").read_text(encoding="utf-8"), f"run: python figs/{program.name}"


def test_there_is_a_diagram_for_each_program_and_a_title_in_each():
    assert PROGRAMS
    for program in PROGRAMS:
        assert "<title>" in program.with_suffix(".svg").read_text(encoding="utf-8")
