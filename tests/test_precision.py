"""Training in half precision: the convolutions may be coarse, the sums of CTC may not."""

import numpy as np
import pytest
import torch

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import ctc_loss
from crnn_lessons.data.batches import PoolBatches
from crnn_lessons.models import build
from crnn_lessons.reader.recognition import ctc_loss_of
from crnn_lessons.training import Settings, Trainer, resolve_precision
from tests.test_training import assert_same_bits, everything

DIGITS = Alphabet("0123456789")
HALF = [torch.bfloat16, torch.float16]


def forward_loss(log_probs, target):
    """-log p(target) of log_probs T C by the recursion over alpha, in their type (Graves et al. 2006, section 4.1)."""
    rows = torch.tensor([k for label in target for k in (0, label)] + [0])
    skips = torch.tensor([s > 1 and rows[s] != 0 and rows[s] != rows[s - 2] for s in range(len(rows))])
    nothing = log_probs.new_full((len(rows),), float("-inf"))
    alpha = torch.where(torch.arange(len(rows)) < 2, log_probs[0, rows], nothing)
    for frame in log_probs[1:]:
        stay, step = alpha, torch.cat([nothing[:1], alpha[:-1]])
        skip = torch.where(skips, torch.cat([nothing[:2], alpha[:-2]]), nothing)
        alpha = torch.logaddexp(torch.logaddexp(stay, step), skip) + frame[rows]
    return -torch.logaddexp(alpha[-1], alpha[-2])


def lines_of_frames(T, sure):
    """Log-probabilities T C of a reader that gives each blank or label its due, and is as sure of it as that."""
    target = [1 + i % 10 for i in range(T // 10)]
    due = torch.zeros(T, dtype=torch.long)
    due[5::10] = torch.tensor(target)
    probs = torch.full((T, 11), (1 - sure) / 10, dtype=torch.float64)
    return probs.scatter(1, due[:, None], sure).log(), target


def test_why_ctc_is_not_computed_in_half_precision():
    """bfloat16 has 8 bits: at -32, log 0.9 = -0.105 is less than half a step, and the loss grows no more."""
    log_probs, target = lines_of_frames(400, sure=0.9)
    exact = forward_loss(log_probs, target).item()
    coarse = {dtype: forward_loss(log_probs.to(dtype), target).item() for dtype in (torch.float32, *HALF)}
    assert exact == pytest.approx(41.162892)
    assert coarse[torch.float32] == pytest.approx(exact, rel=1e-5)
    assert coarse[torch.float16] != pytest.approx(exact, rel=0.01)
    assert coarse[torch.bfloat16] == 32.0


@pytest.mark.parametrize("dtype", HALF)
def test_ours_is_computed_in_float32_whatever_comes_in(dtype):
    log_probs, target = lines_of_frames(400, sure=0.9)
    rounded = log_probs.to(dtype)
    exact = forward_loss(rounded.double(), target).item()
    with torch.autocast("cpu", dtype):
        loss = ctc_loss(rounded[:, None], torch.tensor([target]), [400], [40], reduction="sum")
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact, rel=1e-5)


def trainer(precision, checkpoint=None):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, size=(12, 32, 60), dtype=np.uint8)
    texts = ["".join(map(str, rng.integers(0, 10, size=3))) for _ in range(12)]
    torch.manual_seed(0)
    model, settings = build("tiny", 11), Settings(steps=8, average=0.9, precision=precision)
    return Trainer(model, PoolBatches(images, texts, DIGITS, 6, seed=1), ctc_loss_of, settings, checkpoint)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_training_in_half_precision_stays_near_and_resumes_bit_for_bit(precision, tmp_path):
    exact, whole, cut = trainer("float32"), trainer(precision), trainer(precision, tmp_path / "c")
    losses = [(exact.step(), whole.step()) for _ in range(8)]
    assert all(half != full and half == pytest.approx(full, rel=0.002) for full, half in losses)
    assert {p.dtype for p in whole.model.parameters()} == {torch.float32}
    cut.run(until=3, progress=False)
    again = trainer(precision, tmp_path / "c")
    again.resume()
    again.run(progress=False)
    assert_same_bits(everything(whole), everything(again))
    assert whole.scaler.state_dict() == again.scaler.state_dict()
    assert bool(whole.scaler.state_dict()) == (precision == "float16")


def test_a_step_of_float16_that_overflows_is_left_out(tmp_path):
    """The scale is halved until the gradients fit; a checkpoint of a run that has not made a step yet is one, too."""
    run = trainer("float16", tmp_path / "c")
    before = [p.clone() for p in run.model.parameters()]
    run.loss_of = lambda model, batch: ctc_loss_of(model, batch) * 1e30
    run.run(until=2, progress=False)
    assert all(torch.equal(a, b) for a, b in zip(before, run.model.parameters(), strict=True))
    assert run.scaler.get_scale() == 2.0**14
    again = trainer("float16", tmp_path / "c")
    again.resume()
    assert again.step_number == 2 and again.scaler.get_scale() == 2.0**14
    again.step()
    assert not torch.equal(before[0], next(again.model.parameters()))


def test_auto_takes_what_the_device_has(monkeypatch):
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    for has, takes in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda has=has: has)
        assert resolve_precision("auto", cpu) == takes
    for has, takes in ((True, torch.bfloat16), (False, torch.float16)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has: has)
        assert resolve_precision("auto", gpu) == takes
    assert resolve_precision("auto", torch.device("mps")) == torch.float32
