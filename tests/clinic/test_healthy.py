"""No healthy training is called sick, whatever it is made of: new, on the plateau, half trained, trained."""

from __future__ import annotations

import copy
import time
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons.clinic import examine
from crnn_lessons.ctc import CTCLoss, best_path
from crnn_lessons.data.batches import join
from crnn_lessons.models import build
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader import Reader
from crnn_lessons.text.augment import fit
from crnn_lessons.text.render import render_word
from tests.clinic.healthy import CASES, train_case
from tests.clinic.zoo import Net

STAGES = (0, 40, 100, 179)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    CTCLoss()(torch.zeros(4, 1, 3).log_softmax(-1), torch.tensor([[1, 2]]), [4], [2])  # compiled, before time is taken
    yield
    torch.set_num_threads(before)


def reasons(report) -> set[str]:
    """Why checks were not made, but for things that were not handed over."""
    known = ("was given", "were given", "is no batch norm", "it takes a network that reads", "it takes four samples")
    return {why for why in report.unseen.values() if not any(part in why for part in known)}


@pytest.mark.parametrize("name", CASES)
def test_a_healthy_training_is_healthy_at_every_stage(name: str) -> None:
    case, seen = CASES[name], {}

    def look(step, model, optimizer):
        if step in STAGES:
            start = time.process_time()
            model.train(step != 100)
            report = examine(model, case.batch(), optimizer=optimizer if step in (0, 100) else None, **case.told)
            model.train()
            assert report.healthy, f"{name}, step {step}: {report}"
            assert reasons(report) == set(), report
            assert time.process_time() - start < 10
            seen[step] = report.remarks[0]

    train_case(case, 180, look=look)
    assert list(seen) == list(STAGES)
    assert seen[0].startswith("it does not read yet")
    assert name in ("batch first", "columns") or seen[179].startswith("it reads"), seen
    assert len(CASES) >= 8


def test_the_plateau_is_named_and_healthy() -> None:
    found = []

    def look(step, model, optimizer):
        if step == 30:
            found.append(examine(model, CASES["crnn"].batch(), **CASES["crnn"].told))

    train_case(CASES["crnn"], 31, look=look)
    assert found[0].healthy
    said = "the plateau, which is healthy and ends by itself: 100% of the frames say blank"
    assert found[0].remarks[0].startswith(said)


def noise(N: int, C: int, channels: int = 1, height: int = 32, width: int = 100):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(N, channels, height, width, generator=generator)
    return images, torch.randint(1, C, (N, 5), generator=generator), None, torch.full((N,), 5)


def course_loss(logits, *rest):
    return F.ctc_loss(logits.log_softmax(2), *rest)


@pytest.mark.parametrize("N", [1, 2, 25])
def test_any_number_of_samples_even_as_many_as_frames(N: int) -> None:
    report = examine(build("tiny", 37), noise(N, 37), loss=course_loss)
    assert report.healthy and reasons(report) == set(), report


@pytest.mark.parametrize("C", [3, 3000])
def test_few_classes_and_many(C: int) -> None:
    report = examine(build("tiny", C), noise(4, C), loss=course_loss)
    assert report.healthy and reasons(report) == set(), report


@pytest.mark.parametrize("preset", ["small", "paper", "captcha"])
def test_published_networks_as_they_begin(preset: str) -> None:
    model = build(preset, 37)
    config = model.config
    report = examine(model, noise(3, 37, config.in_channels, config.height, config.width), loss=course_loss)
    assert report.healthy and reasons(report) == set(), report


@pytest.fixture(scope="module")
def shipped():
    """The reader that comes with the package, and a batch of rendered words."""
    reader = Reader()
    font, rng = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", np.random.default_rng(0)
    words = [
        "station",
        "exit",
        "hello",
        "paris",
        "bookkeeper",
        "1984",
        "open",
        "street",
        "market",
        "coffee",
        "press",
        "letter",
    ]
    size = reader.model.config.height, reader.model.config.width
    pictures = np.stack([fit(render_word(word, font, rng, wild=0.0), *size) for word in words])
    targets, target_lengths = join([reader.alphabet.encode(word) for word in words])
    return reader, (to_input(torch.tensor(pictures) / 255), targets, None, target_lengths)


@pytest.mark.parametrize("training", [False, True])
def test_the_shipped_reader_is_healthy(shipped, training: bool) -> None:
    reader, batch = shipped
    model = copy.deepcopy(reader.model).train(training)

    def decode(scores):
        return reader.alphabet.decode(best_path(scores.numpy()))

    report = examine(model, batch, loss=course_loss, decode=decode, alphabet=reader.alphabet)
    assert report.healthy and reasons(report) == set(), report
    assert report.remarks[0].startswith("it reads")


def test_the_shipped_reader_sees_shifted_texts(shipped) -> None:
    reader, (images, targets, _, S) = shipped
    words = targets.split(S.tolist())
    batch = images, torch.cat([*words[1:], words[0]]), None, S.roll(-1)
    assert [f.disease for f in examine(reader.model, batch).findings] == ["texts shifted against pictures"]


class Placed(Net):
    """A learnt vector for each place, begun as large as torch's embeddings: not a weight that was blown up."""

    def __init__(self):
        super().__init__()
        self.places, self.places_table = nn.Parameter(torch.randn(16, 1, 128)), nn.Embedding(16, 512)

    def steps(self, x):
        return super().steps(x) + self.places + 0.01 * self.places_table.weight[:, None, :128]


def test_large_embeddings_are_no_large_weights() -> None:
    torch.manual_seed(0)
    report = examine(Placed(), CASES["crnn"].batch(), **CASES["crnn"].told)
    assert report.healthy and reasons(report) == set(), report


class Packed(nn.Module):
    """Frames N T D with lengths, through a packed sequence."""

    def __init__(self):
        super().__init__()
        self.rnn, self.output = nn.LSTM(20, 16, bidirectional=True, batch_first=True), nn.Linear(32, 11)

    def forward(self, frames, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(frames, lengths, batch_first=True, enforce_sorted=False)
        x, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=frames.shape[1])
        return self.output(x)


def test_a_model_that_asks_for_lengths_gets_them() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([60, 50, 40, 60, 30, 55, 45, 60])
    frames = torch.randn(8, 60, 20, generator=generator) * (torch.arange(60) < lengths[:, None])[..., None]
    batch = frames, torch.randint(1, 11, (8, 4), generator=generator), lengths, torch.full((8,), 4)
    report = examine(Packed(), batch, loss=lambda x, *a: F.ctc_loss(x.transpose(0, 1).log_softmax(2), *a))
    assert report.healthy and reasons(report) == set(), report


class Deep(nn.Module):
    """Fourteen convolutions without a norm, begun as He et al. 2015 advise: its gradient is large."""

    def __init__(self):
        super().__init__()
        sizes = [1, *[32] * 14]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes))
        self.output = nn.Linear(32 * 32, 37)
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")

    def forward(self, images):
        for conv in self.convs:
            images = conv(images).relu()
        return self.output(images.permute(3, 0, 1, 2).flatten(2))


def test_a_deep_network_without_norms_is_healthy() -> None:
    torch.manual_seed(0)
    report = examine(Deep(), noise(3, 37), loss=course_loss)
    assert report.healthy and reasons(report) == set(), report


def test_a_batch_size_written_into_the_model_is_no_disease_and_is_said() -> None:
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.model, self.rnn = build("tiny", 37), nn.LSTM(37, 37)
            self.register_buffer("start", torch.zeros(1, 6, 37))

        def forward(self, images):
            return self.rnn(self.model(images)[0], (self.start, self.start))[0] * 30

    report = examine(Fixed(), noise(6, 37), loss=course_loss)
    assert "got [1, 6, 37]" in report.unseen["samples mix"]


def test_a_model_that_keeps_its_output_can_be_examined() -> None:
    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.model, self.last = build("tiny", 37), None

        def forward(self, images):
            self.last = self.model(images)[0]
            return self.last

    model = Keeps()
    model(noise(4, 37)[0])
    with pytest.raises(RuntimeError):
        copy.deepcopy(model)
    kept = model.last
    assert examine(model, noise(4, 37), loss=course_loss).healthy
    assert model.last is kept and kept.grad_fn is not None
