"""The loop trains, averages, stops when asked, and resumes to the very same bits."""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data.batches import PoolBatches, WordBatch
from crnn_lessons.files import write_atomically
from crnn_lessons.models import build
from crnn_lessons.reader.commands import main
from crnn_lessons.reader.recognition import ctc_loss_of, greedy, predict, validation
from crnn_lessons.text.augment import fit
from crnn_lessons.text.fonts import system_directories
from crnn_lessons.text.render import render_word
from crnn_lessons.training import Settings, Trainer, one_cycle, resolve_precision
from crnn_lessons.training.checkpoint import Checkpoint

ROOT = Path(__file__).resolve().parents[1]
DIGITS = Alphabet("0123456789")


@pytest.fixture(autouse=True)
def one_thread():
    """These models are too small for two threads to help, and a busy machine makes them wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def line_batches(step):
    """Points on the line y = 3 x - 1, different at every step."""
    x = torch.from_numpy(np.random.default_rng([7, step]).normal(size=(16, 1)).astype(np.float32))
    return x, 3 * x - 1


def squared(model, batch):
    return (model(batch[0]) - batch[1]).square().mean()


def line_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.1), nn.BatchNorm1d(8), nn.Linear(8, 1))


SETTINGS = Settings(steps=12, learning_rate=0.02, average=0.9, weight_decay=0.0)


def everything(trainer):
    state = {f"model {k}": v for k, v in trainer.model.state_dict().items()}
    state |= {f"average {k}": v for k, v in trainer.average.items()}
    for i, values in trainer.optimizer.state_dict()["state"].items():
        state |= {f"optimizer {i} {k}": v for k, v in values.items()}
    return state


def assert_same_bits(a, b):
    assert a.keys() == b.keys() and len(a) > 10
    assert [k for k in a if not torch.equal(a[k], b[k])] == []


def test_it_learns_a_line():
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    trainer = Trainer(model, line_batches, squared, Settings(steps=400, learning_rate=0.1, weight_decay=0.0))
    assert trainer.run(progress=False) is True
    assert model.weight.item() == pytest.approx(3, abs=1e-3) and model.bias.item() == pytest.approx(-1, abs=1e-3)


@pytest.mark.parametrize("cut", [1, 5, 11])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path, cut):
    whole = Trainer(line_model(), line_batches, squared, SETTINGS)
    whole.run(progress=False)
    first = Trainer(line_model(), line_batches, squared, SETTINGS, tmp_path / "c")
    first.run(until=cut, progress=False)
    del first
    torch.manual_seed(99)  # another process: other random numbers, other initial weights
    other = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.1), nn.BatchNorm1d(8), nn.Linear(8, 1))
    second = Trainer(other, line_batches, squared, SETTINGS, tmp_path / "c")
    second.resume()
    assert second.step_number == cut
    assert second.run(progress=False) is True
    assert_same_bits(everything(whole), everything(second))


def test_a_recogniser_resumes_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, size=(20, 32, 100), dtype=np.uint8)
    labels = ["".join(map(str, rng.integers(0, 10, size=3))) for _ in range(20)]
    settings = Settings(steps=6, average=0.9, precision="auto")

    def trainer(checkpoint, seed=0):
        torch.manual_seed(seed)
        model = build("tiny", 11)
        return Trainer(model, PoolBatches(images, labels, DIGITS, 8, seed=1), ctc_loss_of, settings, checkpoint)

    whole = trainer(None)
    whole.run(progress=False)
    cut = trainer(tmp_path / "c")
    cut.run(until=3, progress=False)  # in the middle of the second round of the pool
    again = trainer(tmp_path / "c", seed=5)
    again.resume()
    again.run(progress=False)
    assert_same_bits(everything(whole), everything(again))


def test_the_learning_rate_rises_and_falls():
    settings = Settings(steps=1000, learning_rate=0.01, warm_up=0.1)
    rates = [one_cycle(step, settings) for step in range(1000)]
    assert int(np.argmax(rates)) in (99, 100) and max(rates) == pytest.approx(0.01)
    assert rates[0] < 0.001 and rates[-1] < 1e-6
    assert all(a < b for a, b in itertools.pairwise(rates[:100]))
    assert all(a > b for a, b in itertools.pairwise(rates[100:]))
    assert rates[49] == pytest.approx(0.0052, rel=1e-3)  # half way up, from a 25th
    assert rates[550] == pytest.approx(0.005, rel=1e-3)  # half way down


def test_the_average_follows_its_equation():
    trainer = Trainer(nn.Linear(1, 1), line_batches, squared, Settings(steps=30, average=0.9))
    expected = trainer.model.weight.item()
    for t in range(30):
        trainer.step()
        decay = min(0.9, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * trainer.model.weight.item()
    assert trainer.average["weight"].item() == pytest.approx(expected, rel=1e-5)
    own = trainer.model.weight.item()
    with trainer.averaged() as model:
        assert model.weight.item() == pytest.approx(expected, rel=1e-5) != own
    assert trainer.model.weight.item() == own


def test_gradients_are_clipped():
    model = nn.Linear(1, 1)
    trainer = Trainer(model, lambda _: None, lambda m, _: 1e6 * m.weight.sum(), Settings(steps=1, clip=0.5))
    trainer.step()
    assert math.hypot(model.weight.grad.item(), 0) == pytest.approx(0.5, rel=1e-3)


def test_biases_and_norms_do_not_decay():
    trainer = Trainer(line_model(), line_batches, squared, Settings(steps=1, weight_decay=0.3))
    decayed = {id(p) for g in trainer.optimizer.param_groups if g["weight_decay"] == 0.3 for p in g["params"]}
    assert {n for n, p in trainer.model.named_parameters() if id(p) in decayed} == {"0.weight", "3.weight"}


def test_validation_sees_the_average_and_is_kept():
    seen = []

    def validate(model):
        seen.append(model[3].bias.item())
        return {"score": float(len(seen))}

    trainer = Trainer(line_model(), line_batches, squared, SETTINGS)
    trainer.run(validate=validate, validate_every=5, progress=False)
    assert [h["step"] for h in trainer.history] == [5, 10, 12]
    assert [h["score"] for h in trainer.history] == [1, 2, 3]
    assert seen[-1] == trainer.average["3.bias"].item() != trainer.model[3].bias.item()


def test_resuming_what_does_not_fit_is_refused(tmp_path):
    trainer = Trainer(line_model(), line_batches, squared, SETTINGS, tmp_path / "c")
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        trainer.resume()
    trainer.run(until=2, progress=False)
    other = Trainer(line_model(), line_batches, squared, Settings(steps=12, learning_rate=0.5), tmp_path / "c")
    with pytest.raises(ValueError, match=r"learning_rate was 0\.02 and is 0\.5"):
        other.resume()
    wide = nn.Sequential(nn.Linear(1, 9), nn.Dropout(0.1), nn.BatchNorm1d(9), nn.Linear(9, 1))
    with pytest.raises(ValueError, match="a model of another shape"):
        Trainer(wide, line_batches, squared, SETTINGS, tmp_path / "c").resume()
    (tmp_path / "c").write_bytes(b"x" * 40)
    with pytest.raises(ValueError, match="damaged or no checkpoint"):
        trainer.resume()
    with pytest.raises(ValueError, match="no precision 'float8'"):
        resolve_precision("float8", torch.device("cpu"))


def test_other_data_are_refused_and_the_smoothed_loss_goes_on(tmp_path):
    whole = Trainer(line_model(), line_batches, squared, SETTINGS, data="lines")
    whole.run(progress=False)
    first = Trainer(line_model(), line_batches, squared, SETTINGS, tmp_path / "c", data="lines")
    first.run(until=5, progress=False)
    other = Trainer(line_model(), line_batches, squared, SETTINGS, tmp_path / "c", data="curves")
    with pytest.raises(ValueError, match="made with other data: 'lines', and now 'curves'"):
        other.resume()
    again = Trainer(line_model(), line_batches, squared, SETTINGS, tmp_path / "c", data="lines")
    again.resume()
    again.run(validate=lambda model: {}, progress=False)
    assert again.smooth == whole.smooth == again.history[-1]["loss"]


def spoilt(path, change):
    """Write the checkpoint again with something changed and its checksum made good."""
    found = Checkpoint.read(path)
    change(found)
    found.write(path)


def drop(prefix):
    def change(found):
        found.tensors = {k: v for k, v in found.tensors.items() if not k.startswith(prefix)}

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (drop("optimizer"), "belongs to a model of another shape"),
        (drop("average"), "belongs to a model of another shape"),
        (drop("random"), "belongs to a model of another shape"),
        (lambda found: setattr(found, "step", 999_999), "claims step 999999 of 12"),
        (lambda found: setattr(found, "step", -1), "claims step -1 of 12"),
        (lambda found: setattr(found, "settings", {}), "steps was None and is 12"),
    ],
)
def test_a_checkpoint_that_lacks_a_part_is_refused_with_a_sentence(tmp_path, change, sentence):
    trainer = Trainer(line_model(), line_batches, squared, SETTINGS, tmp_path / "c")
    trainer.run(until=3, progress=False)
    spoilt(tmp_path / "c", change)
    with pytest.raises(ValueError, match=sentence):
        trainer.resume()


@pytest.mark.parametrize("name", ["step", "seconds", "settings", "data", "smooth", "history"])
@pytest.mark.parametrize("value", [True, [[1]], {"a": 1}, "x", 1.5, None])
def test_a_checkpoint_with_something_else_in_a_field_is_refused_with_a_sentence(tmp_path, name, value):
    file = tmp_path / "checkpoint.safetensors"
    Trainer(line_model(), line_batches, squared, SETTINGS, file).run(until=2, progress=False)
    found = Checkpoint.read(file)
    kinds = {"settings": dict, "data": str, "history": list, "seconds": float, "smooth": (float, type(None))}
    setattr(found, name, value)
    found.write(file)
    if isinstance(value, kinds.get(name, ())):
        Checkpoint.read(file)
    else:
        with pytest.raises(ValueError, match="is damaged: what stands in it does not fit"):
            Checkpoint.read(file)


@pytest.mark.parametrize("options", [{"validate_every": 0}, {"save_every": -5}])
def test_intervals_are_at_least_one_step(options):
    with pytest.raises(ValueError, match="validate_every and save_every are 1 or more, and are "):
        Trainer(line_model(), line_batches, squared, SETTINGS).run(validate=lambda model: {}, progress=False, **options)


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path):
    trainer = Trainer(line_model(), line_batches, squared, SETTINGS, tmp_path / "c")
    trainer.run(until=3, progress=False)
    whole = (tmp_path / "c").read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), size=300):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        (tmp_path / "c").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"damaged|another shape|edition|other (settings|data)"):
            trainer.resume()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_request_to_stop_finishes_the_step_saves_and_stops(tmp_path, signum):
    def batches(step):
        if step == 4:
            os.kill(os.getpid(), signum)
        return line_batches(step)

    before = signal.getsignal(signum)
    trainer = Trainer(line_model(), batches, squared, SETTINGS, tmp_path / "c")
    assert trainer.run(progress=False) is False
    assert trainer.step_number == 5 and signal.getsignal(signum) is before
    again = Trainer(line_model(), line_batches, squared, SETTINGS, tmp_path / "c")
    again.resume()
    assert again.step_number == 5
    again.run(progress=False)
    whole = Trainer(line_model(), line_batches, squared, SETTINGS)
    whole.run(progress=False)
    assert_same_bits(everything(whole), everything(again))


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_atomically(tmp_path / "f", b"old")
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_each_round_sees_every_picture_once_in_another_order():
    images = np.arange(12, dtype=np.uint8)[:, None, None] * np.ones((1, 32, 100), np.uint8)
    images[:, 0, 0] = 255  # so that standardising keeps the pictures apart
    labels = [str(i % 10) * (1 + i // 10) for i in range(12)]
    batches = PoolBatches(images, labels, DIGITS, 4, seed=3, jitter=False)
    rounds = []
    for r in range(2):
        texts = []
        for step in range(3 * r, 3 * r + 3):
            batch = batches(step)
            assert batch.images.shape == (4, 1, 32, 100)
            texts += [DIGITS.decode(t.tolist()) for t in batch.targets.split(batch.target_lengths.tolist())]
        rounds.append(texts)
    assert sorted(rounds[0]) == sorted(rounds[1]) == sorted(labels)
    assert rounds[0] != rounds[1]
    assert torch.equal(batches(2).images, PoolBatches(images, labels, DIGITS, 4, 3, False)(2).images)


def test_the_pool_must_fill_a_batch():
    with pytest.raises(ValueError, match="a batch of 8 needs"):
        PoolBatches(np.zeros((3, 32, 100), np.uint8), ["1"] * 3, DIGITS, 8, 0)


def test_the_loss_is_ctc_averaged_as_torch_does():
    class Fixed(nn.Module):
        def forward(self, images):
            probabilities = torch.tensor([[0.1, 0.4, 0.5]]).expand(2, 1, 3)  # T N C: blank, a, b
            return probabilities.log(), torch.tensor([2])

    batch = WordBatch(torch.zeros(1, 1, 32, 100), torch.tensor([1]), torch.tensor([1]))
    assert ctc_loss_of(Fixed(), batch).item() == pytest.approx(-math.log(0.24), abs=1e-6)  # aa, a-, -a


def test_an_empty_text_counts_as_ten_characters():
    class Fixed(nn.Module):
        def forward(self, images):
            probabilities = torch.tensor([[0.1, 0.4, 0.5]]).expand(2, 2, 3)  # T N C: blank, a, b
            return probabilities.log(), torch.tensor([2, 2])

    batch = WordBatch(torch.zeros(2, 1, 32, 100), torch.tensor([1]), torch.tensor([1, 0]))
    word, nothing = -math.log(0.24), -math.log(0.1 * 0.1)  # aa, a-, -a; two blanks
    assert ctc_loss_of(Fixed(), batch).item() == pytest.approx((word + nothing / 10) / 2, abs=1e-6)


def test_greedy_merges_then_drops_blanks_within_the_length():
    path = [1, 1, 0, 1, 2, 2, 0, 3]
    logits = torch.nn.functional.one_hot(torch.tensor([path, path]).T, 11).float()  # T N C
    assert greedy(logits, torch.tensor([8, 6]), DIGITS) == ["0012", "001"]


def test_a_recogniser_overfits_six_pictures():
    font = system_directories()[-1] / "DejaVuSans.ttf"  # matplotlib's own
    labels = ["01", "23", "45", "67", "89", "55"]
    images = np.stack(
        [fit(render_word(t, font, np.random.default_rng(i), wild=0), 32, 100) for i, t in enumerate(labels)]
    )
    torch.manual_seed(0)
    model = build("tiny", 11)
    score = validation(images, labels, DIGITS)
    assert score(model)["accuracy"] == 0
    settings = Settings(steps=300, learning_rate=1e-2)
    Trainer(model, PoolBatches(images, labels, DIGITS, 6, 0, jitter=False), ctc_loss_of, settings).run(progress=False)
    assert predict(model, images, DIGITS) == labels
    assert score(model) == {"accuracy": 1.0, "character_error_rate": 0.0}


def test_the_train_command_is_interrupted_and_resumed_without_loss(tmp_path, capsys):
    """The same command, once whole and once stopped by Ctrl-C, writes the same weights."""
    fonts = system_directories()[-1]  # matplotlib's own
    common = ["train", "--no-system-fonts", "--fonts", str(fonts), "--model", "tiny", "--size", "64", "--steps", "12"]
    common += ["--batch", "16", "--workers", "1", "--validate-every", "4"]

    def command(name, *more):
        return [*common, "--run", str(tmp_path / name), "--output", str(tmp_path / f"{name}.safetensors"), *more]

    assert main(command("whole")) == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "crnn_lessons", *command("cut")],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    for line in process.stderr:
        if "training:" in line and "| 0/12" not in line:
            process.send_signal(signal.SIGINT)
            break
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130 and "go on with --resume" in said, said
    assert not (tmp_path / "cut.safetensors").exists()
    assert main(command("cut")) == 2
    assert "add --resume" in capsys.readouterr().err
    assert main(command("cut", "--resume")) == 0
    with safe_open(tmp_path / "whole.safetensors", "pt") as a, safe_open(tmp_path / "cut.safetensors", "pt") as b:
        assert [k for k in a.keys() if not torch.equal(a.get_tensor(k), b.get_tensor(k))] == []  # noqa: SIM118
        notes = json.loads(a.metadata()["notes"])
    assert notes["images_seen"] == 192 and notes["seed"] == 0 and "--model tiny" in notes["command"]
