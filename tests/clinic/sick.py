"""Sick trainings: for each disease three or more, each made from a healthy one by a change of a line or two.

A variant is a function that returns the model, the batch, and what else ``examine`` is told.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from itertools import groupby, pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons.ctc import CTCLoss
from tests.clinic.healthy import ALPHABET, CASES, BatchFirst, batch_first_loss, read, train_case
from tests.clinic.zoo import CHARACTERS, Net, batch, encode, logits_loss, samples

SICK: dict[str, list[Callable]] = {}
TOLD = {"loss": logits_loss}


def sick(disease: str):
    def keep(variant):
        SICK.setdefault(disease, []).append(variant)
        return variant

    return keep


@cache
def trained(name: str = "crnn") -> nn.Module:
    return train_case(CASES[name], 250 if name == "crnn" else 60).eval()


def reader(name: str = "crnn") -> nn.Module:
    """A copy of a trained network."""
    return copy.deepcopy(trained(name))


def fresh(make=Net, **settings) -> nn.Module:
    torch.manual_seed(1)
    return make(**settings)


def with_targets(change) -> tuple:
    images, targets, lengths, sizes = batch()
    return (images, *change(targets, lengths, sizes))


def subclass(base=Net, **methods):
    """A network with some of its methods replaced."""
    return type("Sick" + base.__name__, (base,), methods)


def _samples_first(x, *rest):
    return F.ctc_loss(x.log_softmax(2).transpose(0, 1), *rest)


def _blank_last(x, *rest):
    return F.ctc_loss(x.log_softmax(-1), *rest, blank=10)


@sick("no scores")
def a_kernel_that_does_not_fit():
    return fresh(subclass(recur=lambda self, x: self.rnn(x[..., :-1])[0])), batch(), TOLD


@sick("no scores")
def flattened():
    return fresh(subclass(end=lambda self, x: self.output(x).flatten(0, 1))), batch(), TOLD


@sick("no scores")
def one_answer_for_a_picture():
    return fresh(subclass(end=lambda self, x: self.output(x[-1]))), batch(), TOLD


# targets and lengths


@sick("label out of range")
def one_class_too_few():
    return fresh(classes=10), batch(), TOLD


@sick("label out of range")
def minus_one_in_the_middle():
    def change(targets, lengths, sizes):
        targets[3, 0] = -1
        return targets, lengths, sizes

    return fresh(), with_targets(change), TOLD


@sick("label out of range")
def codes_of_characters():
    images, texts = samples(16, 7)
    flat = torch.tensor([ord(c) for c in "".join(texts)])
    return fresh(), (images, flat, None, torch.tensor([len(t) for t in texts])), TOLD


@sick("blank in target")
def labels_from_zero():
    return fresh(), with_targets(lambda t, a, s: (t - 1, a, s)), TOLD


@sick("blank in target")
def blank_last_and_labels_from_one():
    return fresh(), with_targets(lambda t, a, s: (t, a, s)), {"loss": _blank_last, "blank": 10}


@sick("blank in target")
def a_blank_between_letters():
    images, texts = samples(16, 7)
    rows = [[k for c in text for k in (int(c) + 1, 0)][:-1] for text in texts]
    flat = torch.tensor([k for row in rows for k in row])
    return fresh(), (images, flat, None, torch.tensor([len(r) for r in rows])), TOLD


def _pad(value):
    images, texts = samples(16, 7)
    targets = torch.full((16, 4), value)
    for row, text in zip(targets, texts, strict=True):
        row[: len(text)] = torch.tensor([int(c) + 1 for c in text])
    return fresh(), (images, targets, None, torch.full((16,), 4)), TOLD


for pad in (0, -1, 11):
    sick("padding counted as labels")(lambda pad=pad: _pad(pad))


@sick("targets in another layout")
def samples_last():
    return fresh(), with_targets(lambda t, a, s: (t.T, a, s)), TOLD


@sick("targets in another layout")
def a_sum_that_does_not_fit():
    def change(targets, lengths, sizes):
        flat = torch.cat([row[:n] for row, n in zip(targets, sizes, strict=True)])
        return flat[:-2], lengths, sizes

    return fresh(), with_targets(change), TOLD


@sick("targets in another layout")
def padded_and_flattened():
    return fresh(), with_targets(lambda t, a, s: (t.flatten(), a, s)), TOLD


@sick("targets in another layout")
def floating_point():
    return fresh(), with_targets(lambda t, a, s: (t.float(), a, s)), TOLD


@sick("empty targets")
def nothing_encoded():
    return fresh(), with_targets(lambda t, a, s: (t, a, torch.zeros_like(s))), TOLD


@sick("empty targets")
def most_characters_unknown():
    def change(targets, lengths, sizes):
        return targets, lengths, torch.where(torch.arange(16) % 5 == 0, sizes, 0)

    return fresh(), with_targets(change), TOLD


@sick("empty targets")
def flat_and_empty():
    images, *_ = batch()
    return fresh(), (images, torch.tensor([3, 4]), None, torch.tensor([1, 1] + [0] * 14)), TOLD


@sick("too few frames")
def too_many_pools():
    def look(self, x):
        return F.max_pool2d(self.features(x), (1, 8))

    return fresh(subclass(look=look)), batch(), TOLD


@sick("too few frames")
def repeats_forgotten():
    images, _ = samples(16, 7)
    targets = torch.full((16, 10), 3)  # 10 letters and 9 blanks in 16 frames
    return fresh(), (images, targets, None, torch.full((16,), 10)), TOLD


@sick("too few frames")
def one_long_text():
    def change(targets, lengths, sizes):
        wide = F.pad(targets, (0, 14), value=2)
        wide[5] = torch.arange(18) % 9 + 1
        sizes[5] = 18
        return wide, lengths, sizes

    return fresh(), with_targets(change), TOLD


@sick("too few frames")
def input_lengths_too_small():
    return fresh(), with_targets(lambda t, a, s: (t, torch.full((16,), 2), s)), TOLD


@sick("lengths from before the pools")
def lengths_in_pixels():
    return fresh(), with_targets(lambda t, a, s: (t, torch.full((16,), 64), s)), TOLD


@sick("lengths from before the pools")
def one_pool_forgotten():
    return fresh(BatchFirst), with_targets(lambda t, a, s: (t, torch.full((16,), 32), s)), {"loss": batch_first_loss}


@sick("lengths from before the pools")
def rounded_up():
    images, texts = samples(16, 7)
    images = images[..., :62]  # two pools leave 15 columns of 62
    targets, sizes = encode(texts)
    return fresh(), (images, targets, torch.full((16,), -(-62 // 4)), sizes), TOLD


@sick("lengths from before the pools")
def returned_lengths_differ():
    case = CASES["drops two"]
    images, targets, _, sizes = case.batch()
    return fresh(case.make), (images, targets, torch.full((16,), 16), sizes), case.told


@sick("lengths cut the picture")
def widths_of_the_files():
    widths = torch.linspace(32, 60, 16).long()  # before all were resized to 64
    return fresh(), with_targets(lambda t, a, s: (t[:, :3], widths // 4, s.clamp_max(3))), TOLD


@sick("lengths cut the picture")
def divided_by_eight():
    return fresh(BatchFirst), with_targets(lambda t, a, s: (t, torch.full((16,), 8), s)), {"loss": batch_first_loss}


@sick("lengths cut the picture")
def columns_counted_in_blocks():
    case = CASES["columns"]
    images, targets, _, sizes = case.batch()
    return fresh(case.make), (images, targets, case.lengths(samples(16, 7)[0]) // 4, sizes), case.told


# pictures


@sick("NaN in the pictures")
def one_flat_picture_divided_by_its_deviation():
    images, *rest = batch()
    images[2] = (images[2] * 0) / 0
    return fresh(), (images, *rest), TOLD


@sick("NaN in the pictures")
def one_infinite_pixel():
    images, *rest = batch()
    images[4, 0, 3, 3] = torch.inf
    return reader(), (images, *rest), TOLD


@sick("NaN in the pictures")
def nan_in_frames():
    case = CASES["columns"]
    images, *rest = case.batch()
    images[30, 1] = torch.nan
    return fresh(case.make), (images, *rest), case.told


@sick("pictures all alike")
def always_the_first():
    images, *rest = batch()
    return fresh(), (images[:1].repeat(16, 1, 1, 1), *rest), TOLD


@sick("pictures all alike")
def nothing_in_them():
    images, *rest = batch()
    return fresh(), (torch.zeros_like(images), *rest), TOLD


@sick("pictures all alike")
def whole_numbers_divided():
    images, *rest = batch()
    bytes_ = ((images * 0.4 + 0.25).clamp(0, 1) * 255).to(torch.uint8)
    return fresh(BatchFirst), ((bytes_ // 255 // 2).float(), *rest), {"loss": batch_first_loss}


@sick("inputs not normalised")
def bytes_as_they_are():
    images, *rest = batch()
    return fresh(), ((images * 0.4 + 0.25) * 255, *rest), TOLD


@sick("inputs not normalised")
def divided_twice_by_255():
    images, *rest = batch()
    return fresh(), ((images * 0.4 + 0.25) / 255, *rest), TOLD


@sick("inputs not normalised")
def trained_normalised_read_raw():
    images, *rest = batch()
    return reader(), ((images * 0.4 + 0.25) * 255, *rest), TOLD


@sick("inputs not normalised")
def trained_on_zero_to_one():
    images, *rest = batch()
    model = subclass(forward=lambda self, x: Net.forward(self, (x - 0.25) / 0.4))
    network = reader()
    network.__class__ = model
    return network, (images * 0.4 + 0.25 - 3.0, *rest), TOLD


@sick("black for white")
def negative():
    images, *rest = batch()
    return reader(), (images.max() + images.min() - images, *rest), TOLD


@sick("black for white")
def negative_for_convolutions():
    case = CASES["convolutions"]
    images, *rest = case.batch()
    return reader("convolutions"), (-images + 1, *rest), case.told


@sick("black for white")
def negative_for_a_transformer():
    case = CASES["transformer"]
    images, *rest = case.batch()
    return reader("transformer"), (1.25 - images, *rest), case.told


def _shift(model, order, told=TOLD, count=16):
    images, texts = samples(count, 7)
    targets, sizes = encode([texts[i] for i in order])
    return model, (images, targets, None, sizes), told


@sick("texts shifted against pictures")
def by_one():
    return _shift(reader(), np.roll(np.arange(16), 1))


@sick("texts shifted against pictures")
def sorted_texts():
    return _shift(reader(), np.argsort(samples(16, 7)[1], kind="stable"))


@sick("texts shifted against pictures")
def the_other_way_round():
    return _shift(reader(), np.arange(16)[::-1])


@sick("texts shifted against pictures")
def by_one_before_training():
    return _shift(fresh(), np.roll(np.arange(32), 1), count=32)


# scores


@sick("log_softmax missing")
def logits_into_torchs_loss():
    return fresh(), batch(), {"loss": nn.CTCLoss()}


@sick("log_softmax missing")
def logits_into_the_courses_loss():
    return reader(), batch(), {"loss": CTCLoss(reduction="sum")}


@sick("log_softmax missing")
def logits_with_samples_first():
    def loss(x, *rest):
        return F.ctc_loss(x.permute(1, 0, 2), *rest)

    return fresh(subclass(BatchFirst, end=lambda self, x: self.output(x))), batch(), {"loss": loss}


@sick("softmax twice")
def softmax_in_the_model():
    return fresh(subclass(end=lambda self, x: self.output(x).softmax(-1))), batch(), TOLD


@sick("softmax twice")
def log_softmax_of_softmax():
    return fresh(subclass(end=lambda self, x: self.output(x).softmax(-1).log_softmax(-1))), batch(), {}


@sick("softmax twice")
def log_softmax_of_softmax_samples_first():
    def end(self, x):
        return F.log_softmax(F.softmax(self.output(x), dim=2), dim=2)

    return fresh(subclass(BatchFirst, end=end)), batch(), {"loss": batch_first_loss}


@sick("probabilities and logarithms confused")
def softmax_into_torchs_loss():
    return fresh(subclass(end=lambda self, x: self.output(x).softmax(-1))), batch(), {"loss": nn.CTCLoss()}


@sick("probabilities and logarithms confused")
def logs_into_a_loss_of_probabilities():
    def loss(x, *rest):
        return F.ctc_loss((x + 1e-7).log(), *rest)

    return fresh(subclass(end=lambda self, x: self.output(x).log_softmax(-1))), batch(), {"loss": loss}


@sick("probabilities and logarithms confused")
def softmax_samples_first():
    def end(self, x):
        return self.output(x).softmax(2)

    return fresh(subclass(BatchFirst, end=end)), batch(), {"loss": batch_first_loss}


@sick("softmax over the wrong axis")
def over_samples():
    return fresh(subclass(end=lambda self, x: self.output(x).log_softmax(1))), batch(), {"loss": nn.CTCLoss()}


@sick("softmax over the wrong axis")
def over_frames():
    return fresh(subclass(end=lambda self, x: self.output(x).log_softmax(0))), batch(), {"loss": nn.CTCLoss()}


@sick("softmax over the wrong axis")
def over_frames_samples_first():
    def end(self, x):
        return self.output(x).log_softmax(1)

    return fresh(subclass(BatchFirst, end=end)), batch(), {"loss": batch_first_loss}


@sick("softmax over the wrong axis")
def probabilities_over_samples():
    return fresh(subclass(end=lambda self, x: self.output(x).softmax(1))), batch(), TOLD


@sick("log of a softmax")
def log_then():
    return fresh(subclass(end=lambda self, x: self.output(x).softmax(-1).log())), batch(), {"loss": nn.CTCLoss()}


@sick("log of a softmax")
def log_then_in_a_trained_one():
    model = reader()
    model.__class__ = subclass(end=lambda self, x: torch.log(F.softmax(self.output(x), dim=2)))
    return model, batch(), {"loss": nn.CTCLoss()}


@sick("log of a softmax")
def with_an_epsilon():
    model = subclass(end=lambda self, x: (self.output(x).softmax(-1) + 1e-8).log())
    return fresh(model), batch(), {"loss": nn.CTCLoss()}


@sick("activation on the logits")
def relu():
    return fresh(subclass(end=lambda self, x: self.output(x).relu())), batch(), TOLD


@sick("activation on the logits")
def tanh():
    return fresh(subclass(end=lambda self, x: self.output(x).tanh())), batch(), TOLD


@sick("activation on the logits")
def sigmoid_then_log_softmax():
    def end(self, x):
        return self.output(x).sigmoid().log_softmax(2)

    return fresh(subclass(BatchFirst, end=end)), batch(), {"loss": batch_first_loss}


@sick("activation on the logits")
def an_lstm_at_the_end():
    model = fresh(subclass(end=lambda self, x: self.output(x)[0]))
    model.output = nn.LSTM(64, 11)
    return model, batch(), TOLD


@sick("activation on the logits")
def relu_then_log_softmax():
    return fresh(subclass(end=lambda self, x: self.output(x).relu().log_softmax(-1))), batch(), {"loss": nn.CTCLoss()}


@sick("classes do not fit the alphabet")
def no_class_for_the_blank():
    return fresh(classes=11), batch(), TOLD | {"alphabet": "0123456789."}


@sick("classes do not fit the alphabet")
def another_alphabet():
    return fresh(), batch(), TOLD | {"alphabet": "0123456789abcdef"}


@sick("classes do not fit the alphabet")
def one_too_many():
    return fresh(classes=12), batch(), TOLD | {"alphabet": ALPHABET}


@sick("wrong blank")
def the_loss_takes_the_last():
    return fresh(), batch(), {"loss": _blank_last}


@sick("wrong blank")
def the_loss_takes_the_first():
    case = CASES["transformer"]
    return fresh(case.make), case.batch(), {"loss": _samples_first, "blank": 10}


@sick("wrong blank")
def trained_with_the_blank_last():
    return reader("transformer"), CASES["crnn"].batch(), {"loss": _samples_first}


@sick("wrong blank")
def no_such_class():
    return fresh(), batch(), TOLD | {"blank": 11}


# the network


@sick("samples mix")
def view_before_the_lstm():
    return fresh(subclass(steps=lambda self, x: x.reshape(x.shape[3], x.shape[0], -1))), batch(), TOLD


@sick("samples mix")
def view_behind_the_lstm():
    def steps(self, x):
        return x.permute(0, 3, 1, 2).flatten(2)

    def end(self, x):
        return self.output(x).reshape(x.shape[1], x.shape[0], -1)

    model = fresh(subclass(steps=steps, end=end))
    model.rnn = nn.LSTM(128, 32, bidirectional=True, batch_first=True)
    return model, batch(), TOLD


@sick("samples mix")
def normalised_over_the_batch():
    return fresh(subclass(look=lambda self, x: self.features((x - x.mean(0)) / (x.std(0) + 1e-3)))), batch(), TOLD


@sick("samples mix")
def view_in_a_trained_one():
    model = reader()
    model.__class__ = subclass(steps=lambda self, x: x.reshape(x.shape[3], x.shape[0], -1))
    return model, batch(), TOLD


@sick("samples mix")
def view_of_whole_numbers():
    case = CASES["bytes"]
    model = subclass(case.make, steps=lambda self, x: x.reshape(x.shape[3], x.shape[0], -1))
    return fresh(model), case.batch(), case.told


@sick("batch_first")
def lstm_without_it():
    return fresh(subclass(steps=lambda self, x: x.permute(0, 3, 1, 2).flatten(2))), batch(), {}


@sick("batch_first")
def lstm_with_it_and_time_first():
    model = fresh()
    model.rnn = nn.LSTM(128, 32, bidirectional=True, batch_first=True)
    return model, batch(), TOLD


@sick("batch_first")
def transformer_without_it():
    model = fresh(CASES["transformer"].make)
    model.rnn = nn.TransformerEncoder(nn.TransformerEncoderLayer(128, 4, 128), 1)
    return model, CASES["transformer"].batch(), CASES["transformer"].told


@sick("batch_first")
def as_many_samples_as_frames():
    model = fresh()
    model.rnn = nn.GRU(128, 32, bidirectional=True, batch_first=True)
    return model, batch(16), {}


@sick("columns mix")
def view_with_samples_in_front():
    model = subclass(BatchFirst, steps=lambda self, x: x.reshape(len(x), x.shape[3], -1))
    return fresh(model), batch(), {"loss": batch_first_loss}


@sick("columns mix")
def channels_for_time():
    def steps(self, x):
        return x.flatten(2)[:, :16].repeat(1, 1, 2).permute(1, 0, 2)

    return fresh(subclass(steps=steps)), batch(), TOLD


@sick("columns mix")
def view_then_permute():
    return fresh(subclass(steps=lambda self, x: x.reshape(len(x), -1, 128).permute(1, 0, 2))), batch(), TOLD


@sick("columns mix")
def view_in_the_middle_of_training():
    case = CASES["crnn"]
    model = subclass(steps=lambda self, x: x.reshape(len(x), -1, 128).permute(1, 0, 2))
    torch.manual_seed(0)
    case = type(case)(model, case.told)
    return train_case(case, 30), case.batch(), case.told


@sick("time along the height")
def rows_as_time():
    def steps(self, x):
        return x.permute(2, 0, 1, 3).flatten(2)

    model = fresh(subclass(steps=steps))
    model.features[3] = model.features[7] = nn.MaxPool2d((1, 4))
    return model, batch(), TOLD


@sick("time along the height")
def pictures_on_their_side():
    model = fresh(subclass(forward=lambda self, x: Net.forward(self, x.transpose(2, 3))))
    model.rnn = nn.LSTM(32 * 16, 32, bidirectional=True)
    model.features[3] = model.features[7] = nn.MaxPool2d((2, 1))  # 64 x 16 becomes 16 x 16
    return model, batch(), TOLD


@sick("time along the height")
def rows_of_raw_pixels():
    return fresh(Rows), batch(), TOLD


class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.output = nn.LSTM(64, 24, bidirectional=True), nn.Linear(48, 11)

    def forward(self, images):
        return self.output(self.lstm(images[:, 0].transpose(0, 1))[0])


@sick("batch norm in training mode")
def functional():
    def look(self, x):
        return F.batch_norm(self.features(x), None, None, training=True)

    return fresh(subclass(look=look)), batch(), TOLD


@sick("batch norm in training mode")
def no_running_statistics():
    model = fresh()
    model.features[1] = nn.BatchNorm2d(16, track_running_stats=False)
    return model, batch(), TOLD


@sick("batch norm in training mode")
def eval_does_nothing():
    model = reader()
    model.__class__ = subclass(eval=lambda self: self)
    return model.train(), batch(), TOLD


@sick("batch norm in training mode")
def two_pictures_that_differ_in_training_mode():
    images, targets, _, sizes = batch()
    images = torch.stack([images[0], 6 * images[1]])
    return reader().train(), (images, targets[:2], None, sizes[:2]), TOLD


@sick("batch norm statistics do not fit")
def buffers_not_loaded():
    model = reader()
    for norm in (model.features[1], model.features[5]):
        norm.reset_running_stats()
    return model, batch(), TOLD


@sick("batch norm statistics do not fit")
def momentum_zero():
    model = fresh()
    for norm in (model.features[1], model.features[5]):
        norm.momentum = 0.0
    case = type(CASES["crnn"])(lambda: model, TOLD)
    return train_case(case, 250), batch(), TOLD


@sick("batch norm statistics do not fit")
def of_other_pictures():
    model = reader().train()
    with torch.no_grad():
        for _ in range(50):
            model(5 + 3 * torch.rand(8, 1, 16, 64))
    return model.eval(), batch(), TOLD


@sick("dropout at test")
def functional_dropout():
    return fresh(subclass(recur=lambda self, x: F.dropout(self.rnn(x)[0], 0.3))), batch(), TOLD


@sick("dropout at test")
def in_a_trained_one():
    model = reader()
    model.__class__ = subclass(look=lambda self, x: F.dropout2d(self.features(x), 0.2))
    return model, batch(), TOLD


@sick("dropout at test")
def noise():
    return fresh(subclass(look=lambda self, x: self.features(x + 0.1 * torch.randn_like(x)))), batch(), TOLD


# learning


@sick("NaN in the weights")
def one_weight():
    model = reader()
    model.output.weight.data[3, 3] = torch.nan
    return model, batch(), TOLD


@sick("NaN in the weights")
def after_an_infinite_step():
    model = fresh()
    optimizer = torch.optim.Adam(model.parameters())
    images, targets, *_ = batch()
    targets = targets[:, :1].repeat(1, 12)
    F.ctc_loss(model(images).log_softmax(-1), targets, torch.full((16,), 16), torch.full((16,), 12)).backward()
    optimizer.step()
    return model, batch(), TOLD


@sick("NaN in the weights")
def in_a_buffer():
    model = reader()
    model.features[1].running_var[0] = torch.nan
    return model, batch(), TOLD


@sick("loss is not finite")
def minus_infinity_as_a_mask():
    def end(self, x):
        return self.output(x).masked_fill(torch.arange(11) == 3, -torch.inf).log_softmax(-1)

    return fresh(subclass(end=end)), batch(), {"loss": nn.CTCLoss()}


@sick("loss is not finite")
def root_of_zero():
    return fresh(subclass(end=lambda self, x: self.output(x) + (x[..., :1] * 0).sqrt() * torch.inf)), batch(), TOLD


@sick("loss is not finite")
def log_of_a_difference():
    def loss(x, *rest):
        return (logits_loss(x, *rest) - 100).log()

    return fresh(), batch(), {"loss": loss}


@sick("picture has no effect")
def dead_relus():
    model = fresh()
    model.features[5].bias.data.fill_(-100.0)
    return model, batch(), TOLD


@sick("picture has no effect")
def forward_uses_another_variable():
    return fresh(subclass(look=lambda self, x: self.features(torch.zeros_like(x)))), batch(), TOLD


@sick("picture has no effect")
def saturated():
    model = fresh(norm=False)
    for p in model.rnn.parameters():
        p.data[:] = 0
    model.rnn.bias_ih_l0.data[:] = -100
    model.rnn.bias_ih_l0_reverse.data[:] = -100
    return model, batch(), TOLD


@sick("gradient is zero")
def detached():
    return fresh(subclass(look=lambda self, x: self.features(x).detach())), batch(), TOLD


@sick("gradient is zero")
def without_grad():
    @torch.no_grad()
    def look(self, x):
        return self.features(x)

    return fresh(subclass(look=look)), batch(), TOLD


@sick("gradient is zero")
def a_number():
    return fresh(), batch(), {"loss": lambda *a: logits_loss(*a).item()}


@sick("gradient is zero")
def all_frozen():
    return fresh().requires_grad_(False), batch(), TOLD


@sick("gradient is zero")
def through_numpy():
    def look(self, x):
        return torch.from_numpy(self.features(x).detach().numpy())

    return fresh(subclass(look=look)), batch(), TOLD


class Elman(Net):
    """A plain recurrent network whose state grows."""

    def __init__(self, gain):
        super().__init__()
        self.rnn = nn.RNN(128, 64, nonlinearity="relu")
        nn.init.eye_(self.rnn.weight_hh_l0)
        self.rnn.weight_hh_l0.data *= gain


for gain in (2.5, 3.0):
    sick("gradient explodes")(lambda gain=gain: (fresh(lambda: Elman(gain)), batch(), TOLD))


@sick("gradient explodes")
def large_first_weights():
    model = fresh(norm=False)
    for layer in (model.features[0], model.features[4]):
        layer.weight.data *= 20
    model.rnn = nn.RNN(128, 64, nonlinearity="relu")
    return model, batch(), TOLD


@sick("gradient explodes")
def a_loss_that_hides_it():
    def end(self, x):
        return 3 * self.output(x).sin()  # the scores stay small, and the loss with them

    model = fresh(lambda: subclass(Elman, end=end)(3.0))
    return model, batch(), TOLD


def _divided(loss, count=16):
    return fresh(), batch(count), {"loss": loss}


@sick("loss divided twice")
def by_the_size_of_the_batch():
    return _divided(lambda x, t, a, s: logits_loss(x, t, a, s) / len(s))


@sick("loss divided twice")
def by_a_number():
    return _divided(lambda x, *a: logits_loss(x, *a) / 16)


@sick("loss divided twice")
def a_mean_of_samples_divided():
    def loss(x, t, a, s):
        return F.ctc_loss(x.log_softmax(-1), t, a, s, reduction="none").mean() / x.shape[1]

    return _divided(loss)


@sick("loss divided twice")
def samples_first():
    def loss(x, t, a, s):
        return batch_first_loss(x, t, a, s) / x.size(0)

    return fresh(BatchFirst), batch(), {"loss": loss}


@sick("optimiser moves other weights")
def of_another_model():
    return fresh(), batch(), TOLD | {"optimizer": torch.optim.Adam(fresh().parameters())}


@sick("optimiser moves other weights")
def a_layer_was_replaced():
    model = fresh()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.output = nn.Linear(64, 11)
    return model, batch(), TOLD | {"optimizer": optimizer}


@sick("optimiser moves other weights")
def a_copy():
    model = reader()
    return copy.deepcopy(model), batch(), TOLD | {"optimizer": torch.optim.AdamW(model.parameters())}


def _rate(make, rate, network=fresh):
    model = network()
    return model, batch(), TOLD | {"optimizer": make(model.parameters(), lr=rate)}


@sick("learning rate too high")
def adam_with_one():
    return _rate(torch.optim.Adam, 1.0)


@sick("learning rate too high")
def sgd_with_thirty():
    return _rate(torch.optim.SGD, 30.0)


@sick("learning rate too high")
def blown_up_already():
    model = fresh()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0)
    images, targets, _, sizes = batch()
    for _ in range(10):
        optimizer.zero_grad()
        logits_loss(model(images), targets, torch.full((16,), 16), sizes).backward()
        optimizer.step()
    return model, batch(), TOLD


@sick("learning rate too high")
def for_a_trained_one():
    return _rate(torch.optim.Adam, 0.5, reader)


@sick("learning rate too low")
def adam_with_a_ten_millionth():
    return _rate(torch.optim.Adam, 1e-7)


@sick("learning rate too low")
def sgd_with_a_millionth():
    return _rate(torch.optim.SGD, 1e-6)


@sick("learning rate too low")
def zero():
    return _rate(torch.optim.AdamW, 0.0)


# the decoder


def _decoder(disease, decode, **more):
    sick(disease)(lambda: (fresh(), batch(), TOLD | {"decode": decode} | more))


def best(scores):
    return [int(k) for k in np.asarray(scores).argmax(-1)]


def starts_at_one(scores):
    path = best(scores)
    return "".join(CHARACTERS[b - 1] for a, b in pairwise(path) if b not in (a, 0))


def cuts_the_first(scores):
    return read(np.asarray(scores))[1:] if best(scores)[0] else read(np.asarray(scores))


def wrong_start(batch):
    found = []
    for path in batch.argmax(-1).mT.tolist():
        text, before = [], path[0]
        for k in path:
            text += [k] if k not in (before, 0) else []
            before = k
        found.append(text)
    return found


for variant in (starts_at_one, cuts_the_first, wrong_start):
    _decoder("decoder loses the first letter", variant)


def waits_for_the_next(scores):
    path = best(scores)
    return "".join(CHARACTERS[a - 1] for a, b in pairwise(path) if a not in (b, 0))


def never_ends_in_a_double(scores):
    path = best(scores)
    text = [a for a, b in pairwise(path) if a not in (b, 0)]
    if path[-1] and (not text or text[-1] != path[-1]):
        text.append(path[-1])
    return text


def cuts_the_last_frame(batch):
    return [read(one[:-1].numpy()) for one in batch.unbind(1)]


for variant in (waits_for_the_next, never_ends_in_a_double, cuts_the_last_frame):
    _decoder("decoder loses the last letter", variant)


def drop_then_merge(scores):
    return "".join(CHARACTERS[k - 1] for k, _ in groupby(k for k in best(scores) if k))


def merge_twice(scores):
    return "".join(c for c, _ in groupby(read(np.asarray(scores))))


def remembers_letters_alone(batch):
    texts = []
    for path in batch.argmax(-1).mT.tolist():
        text, last = "", None
        for k in path:
            if k and k != last:
                text, last = text + CHARACTERS[k - 1], k
        texts.append(text)
    return texts


for variant in (drop_then_merge, merge_twice, remembers_letters_alone):
    _decoder("decoder merges doubled letters", variant)


def filter_only(scores):
    return "".join(CHARACTERS[k - 1] for k in best(scores) if k)


for variant in (
    filter_only,
    lambda scores: [k for k in best(scores) if k],
    lambda batch: ["".join(CHARACTERS[k - 1] for k in path if k) for path in batch.argmax(-1).mT.tolist()],
):
    _decoder("decoder keeps repeats", variant)

for variant in (
    lambda scores: "".join((*CHARACTERS, "-")[k - 1] for k, _ in groupby(best(scores))),
    lambda scores: [k for k, _ in groupby(best(scores)) if k != 10],
    lambda scores: "".join(CHARACTERS[k - 1] for k, _ in groupby(best(scores)) if k not in (0, 10)),
):
    _decoder("decoder takes another blank", variant)

for variant in (
    lambda scores: "".join("0123456789."[k] for k, _ in groupby(best(scores)) if k),
    lambda scores: "".join(CHARACTERS[k - 2] for k, _ in groupby(best(scores)) if k),
    lambda batch: ["".join("9876543210"[k - 1] for k, _ in groupby(p) if k) for p in batch.argmax(-1).mT.tolist()],
):
    _decoder("decoder off by one", variant, alphabet=CHARACTERS)
