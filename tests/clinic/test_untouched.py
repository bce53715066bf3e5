"""What is handed over stays as it is, bit for bit; and bad arguments get one sentence."""

from __future__ import annotations

import copy
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from crnn_lessons.clinic import Finding, Report, examine
from crnn_lessons.losses import CCTCLoss
from crnn_lessons.reader.commands import main
from tests.clinic.healthy import read
from tests.clinic.sick import SICK
from tests.clinic.zoo import Net, batch, logits_loss

ROOT = Path(__file__).resolve().parents[2]


def everything(model, optimizer, loss, parts):
    """All that could have changed, as bytes and plain values."""
    tensors = [*model.state_dict().values(), *loss.state_dict().values(), *(x for x in parts if x is not None)]
    state = optimizer.state_dict()["state"]
    tensors += [x for entry in state.values() for x in entry.values()]
    return (
        [x.detach().numpy().tobytes() for x in tensors],
        [None if p.grad is None else (id(p.grad), p.grad.numpy().tobytes()) for p in model.parameters()],
        [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()],
        [p.requires_grad for p in model.parameters()],
        (torch.get_rng_state().numpy().tobytes(), random.getstate(), repr(np.random.get_state())),  # noqa: NPY002
        (torch.is_grad_enabled(), torch.get_num_threads(), torch.get_default_dtype()),
    )


class Remembers(nn.Module):
    """A loss with a state of its own, which also reads the model."""

    def __init__(self, model):
        super().__init__()
        self.model, self.centres = [model], nn.Parameter(torch.zeros(3))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, scores, *rest):
        self.calls += 1
        return logits_loss(scores, *rest) + 0.0 * self.model[0].output.weight.square().sum()


@pytest.mark.parametrize("training", [True, False])
def test_nothing_that_is_handed_over_changes(training: bool) -> None:
    torch.manual_seed(3)
    model = Net()
    model.features.append(nn.Dropout(0.3))
    model.features[1].eval()  # one module in another mode than the rest
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loss, parts = Remembers(model), batch()
    logits_loss(model(parts[0]), parts[1], torch.full((16,), 16), parts[3]).backward()
    optimizer.step()
    model.train(training)
    model.features[1].eval()
    before = everything(model, optimizer, loss, parts)
    examine(model, parts, loss=loss, decode=read, alphabet="0123456789", optimizer=optimizer)
    assert everything(model, optimizer, loss, parts) == before


@pytest.mark.parametrize("disease", SICK)
def test_nothing_changes_in_a_sick_one_either(disease: str) -> None:
    model, parts, told = SICK[disease][0]()
    optimizer = told.get("optimizer") or torch.optim.SGD(model.parameters(), lr=0.1)
    before = everything(model, optimizer, nn.Identity(), parts)
    examine(model, parts, **told)
    assert everything(model, optimizer, nn.Identity(), parts) == before


def test_within_no_grad_and_inference_mode_it_finds_the_same() -> None:
    model, parts, told = SICK["gradient is zero"][0]()
    outside = examine(model, parts, **told)
    with torch.no_grad():
        assert str(examine(model, parts, **told)) == str(outside)


def test_two_examinations_say_the_same() -> None:
    model, parts, told = SICK["samples mix"][0]()
    first = examine(model, parts, **told)
    torch.rand(5)
    assert str(examine(model, parts, **told)) == str(first)


def test_a_loss_that_lives_in_the_model_and_learns_is_left_alone() -> None:
    model = Net()
    model.centred = CCTCLoss(num_classes=11, num_features=11, weight=0.0)
    before = copy.deepcopy(model.state_dict())
    report = examine(model, batch(), loss=lambda x, *a: model.centred(x.detach(), x.log_softmax(-1), *a))
    assert report.healthy, report
    assert all(torch.equal(a, b) for a, b in zip(before.values(), model.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    ("model", "parts", "sentence"),
    [
        (lambda x: x, batch(), "examine wants a torch module, and got function"),
        (
            Net(),
            batch()[:3],
            r"a batch is \(images, targets, input_lengths or None, target_lengths\), and this has 3 parts",
        ),
        (Net(), None, "a batch is .* and this has NoneType"),
        (Net(), (None, *batch()[1:]), "images are a tensor N C H W, or frames with three axes, and this is NoneType"),
        (Net(), (torch.zeros(3, 4), *batch()[1:]), r"and this is \(3, 4\)"),
        (Net(), (batch()[0][:5], *batch()[1:]), r"there are 16 target_lengths, and images of shape \(5, 1, 16, 64\)"),
    ],
)
def test_bad_arguments_get_one_sentence(model, parts, sentence) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        examine(model, parts)


def test_a_report_as_text_and_as_html() -> None:
    report = Report((Finding("a <b>", "1 & 2", "x = 1  # so"),), ("c", "d"), {"e": "no f", "g": "no f"}, ("odd",))
    assert not report.healthy and Report(passed=("c",)).healthy
    text = str(report)
    assert text.startswith("1 finding. 2 checks passed, 2 could not be made.\n\nA <B>\n  1 & 2\n  cure: x = 1  # so\n")
    assert text.endswith("\n\nremark: odd\nnot examined: e, g: no f\nlooked for, and not found: c, d")
    assert "known from" not in text and "\n  known from: g 3\n" in str(Report((Finding("a", "1", "b", "g 3"),)))
    html = report._repr_html_()
    assert "a &lt;b&gt;" in html and "1 &amp; 2" in html and "<code>x = 1  # so</code>" in html
    assert "<td" in html and "e, g: no f" in html and "<b>a" in html
    assert report.page().startswith("<!doctype html>") and html in report.page()


FACTORIES = """
from tests.clinic.sick import SICK
from tests.clinic.zoo import Net, batch, logits_loss

def healthy():
    return Net(), batch(), {"loss": logits_loss}

def sick():
    return SICK["samples mix"][0]()

def short():
    return Net(), batch()

def nothing():
    return Net()

def broken():
    raise KeyError("a path")
"""


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("mine:healthy", 0, "Nothing sick found."),
        ("mine:short", 0, "Nothing sick found."),
        ("mine:sick", 1, "SAMPLES MIX"),
        ("mine:nothing", 2, "must return model, batch"),
        ("mine:broken", 2, "KeyError: 'a path'"),
        ("mine:absent", 2, "has no attribute 'absent'"),
        ("nowhere:healthy", 2, "No module named 'nowhere'"),
        ("mine", 2, "write module:factory, and not 'mine'"),
    ],
)
def test_the_exit_status_tells(tmp_path: Path, monkeypatch, capsys, name: str, status: int, says: str) -> None:
    (tmp_path / "mine.py").write_text(FACTORIES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    assert main(["examine", name, "--html", "report.html"]) == status
    said = capsys.readouterr()
    assert says in said.out + said.err
    assert (tmp_path / "report.html").exists() == (status < 2)


def test_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FACTORIES, encoding="utf-8")
    env = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "crnn_lessons", "examine", "mine:sick"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (1, "")
    assert "SAMPLES MIX" in done.stdout
