"""Every disease in three variants and more is found and named; each check works, and not by chance."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import time
from functools import cache

import numpy as np
import pytest
import torch

from crnn_lessons.clinic import examine
from crnn_lessons.clinic.examine import CHECKS, HIDES
from crnn_lessons.clinic.patient import Patient
from crnn_lessons.clinic.sources import SOURCES
from crnn_lessons.ctc import CTCLoss
from tests.clinic import sick
from tests.clinic.healthy import CASES
from tests.clinic.sick import SICK
from tests.clinic.zoo import batch

VARIANTS = [(disease, variant) for disease, variants in SICK.items() for variant in variants]
TOGETHER = {  # what may stand beside a disease that implies it, or looks the same from outside
    "too few frames": {"lengths cut the picture"},
    "inputs not normalised": {"batch norm statistics do not fit"},
    "batch norm statistics do not fit": {"inputs not normalised"},
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    CTCLoss()(torch.zeros(4, 1, 3).log_softmax(-1), torch.tensor([[1, 2]]), [4], [2])  # compiled, before time is taken
    yield
    torch.set_num_threads(before)


def test_every_disease_has_three_variants_at_least() -> None:
    assert set(SICK) == {check.disease for check in CHECKS}
    assert len(SICK) >= 20
    assert {disease for disease, variants in SICK.items() if len(variants) < 3} == set()
    assert set(HIDES).union(*HIDES.values()) <= set(SICK)


def test_every_check_is_documented_with_its_source() -> None:
    for check in CHECKS:
        assert len(check.look.__doc__) > 20 and len(check.source) > 10, check.disease
        assert 0 < len(check.cure) <= 90
    assert list(SOURCES) == [check.disease for check in CHECKS]


@pytest.mark.parametrize(("disease", "variant"), VARIANTS, ids=lambda x: getattr(x, "__name__", x))
def test_disease_is_found_and_named(disease: str, variant) -> None:
    model, batch, told = variant()
    start = time.process_time()
    report = examine(model, batch, **told)
    assert time.process_time() - start < 10
    named = {finding.disease for finding in report.findings}
    assert disease in named, report
    assert named - {disease} <= TOGETHER.get(disease, set()), report
    assert not report.healthy
    evidence = next(finding.evidence for finding in report.findings if finding.disease == disease)
    assert any(c.isdigit() for c in evidence) or disease in ("no scores", "gradient is zero") or "nan" in evidence
    listed = [*(finding.disease for finding in report.findings), *report.passed, *report.unseen]
    assert sorted(listed) == sorted(check.disease for check in CHECKS)  # none falls between the lists


def test_what_another_finding_hides_is_said_to_be_unseen() -> None:
    model, batch, told = sick.view_before_the_lstm()
    report = examine(model, batch, **told)
    assert [finding.disease for finding in report.findings] == ["samples mix"]
    why = "what speaks for it may come from 'samples mix'; mend that, and examine again"
    assert report.unseen["columns mix"] == why and f"columns mix: {why}" in " ".join(str(report).split())


@pytest.mark.parametrize("by", [1, -1, 5, -5])
def test_a_text_is_named_beside_a_picture_that_was_looked_at(by: int) -> None:
    """Of 64 pictures 32 are looked at: the texts of some stand beside others that are not."""
    model, batch, told = sick._shift(sick.reader(), np.roll(np.arange(64), by), count=64)
    (finding,) = examine(model, batch, **told).findings
    assert finding.disease == "texts shifted against pictures"
    of, beside = map(int, re.search(r"that of picture (\d+) stands beside picture (\d+)", finding.evidence).groups())
    assert beside == (of + by) % 64 < 32 and of < 32


@pytest.mark.parametrize(("by", "moved"), [(1, "1 up"), (-1, "1 down"), (3, "3 up")])
def test_before_training_the_shift_is_told_with_its_direction(by: int, moved: str) -> None:
    model, batch, told = sick._shift(sick.fresh(), np.roll(np.arange(64), by), count=64)
    (finding,) = examine(model, batch, **told).findings
    assert f"with the texts moved {moved} the list, by " in finding.evidence


def test_every_picture_is_looked_through_for_nan() -> None:
    images, *rest = batch(48)
    images[40] = torch.nan
    (finding,) = examine(sick.fresh(), (images, *rest), **sick.TOLD).findings
    assert (finding.disease, finding.evidence) == ("NaN in the pictures", "1 of 48 samples (40) hold NaN or infinity")


# Mutants: each comparison in each check is turned round, once at a time. A check that still gives the same answers to
# its sick and to the healthy would be right by chance.


@cache
def patients(disease: str) -> tuple[list[Patient], list[Patient]]:
    """The disease's variants, and healthy patients for whom the check can be made."""
    sick = []
    for variant in SICK[disease]:
        model, batch, told = variant()
        sick.append(Patient(model, batch, **told))
    return sick, healthy_patients()


@cache
def healthy_patients() -> list[Patient]:
    found = []
    for case in CASES.values():
        torch.manual_seed(0)
        model = case.make()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        found.append(Patient(model, case.batch(), **case.told, optimizer=optimizer))
    return found


def answers(look, some: list[Patient]) -> list[object]:
    """What it says of each: evidence, None for healthy, False where it cannot see or breaks."""
    said: list[object] = []
    for patient in some:
        try:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                said.append(look(patient))
        except Exception:
            said.append(False)
    return said


TURNED = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


def mutants(look):
    """The function with one comparison turned round, for each comparison in it."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(look)))
    tree.body[0].decorator_list = []
    compared = [(i, node) for i, node in enumerate(ast.walk(tree)) if isinstance(node, ast.Compare)]
    for i, j in ((i, j) for i, node in compared for j in range(len(node.ops))):
        changed = ast.parse(ast.unparse(tree))
        node = [n for n in ast.walk(changed)][i]
        node.ops[j] = TURNED[type(node.ops[j])]()
        space = dict(look.__globals__)
        exec(compile(ast.fix_missing_locations(changed), look.__name__, "exec"), space)
        yield ast.unparse(node), space[look.__name__]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.disease)
def test_a_check_that_is_broken_fails(check) -> None:
    ill, healthy = patients(check.disease)
    right = answers(check.look, ill), answers(check.look, healthy)
    assert all(right[0]) and not any(right[1])
    assert answers(lambda patient: None, ill) != right[0]
    assert answers(lambda patient: "sick", healthy) != right[1]
    survived = [text for text, look in mutants(check.look) if (answers(look, ill), answers(look, healthy)) == right]
    assert survived == SPARED.get(check.disease, []), "neither a sick nor a healthy patient tells the difference"


SPARED: dict[str, list[str]] = {}
