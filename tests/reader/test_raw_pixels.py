"""The reader of raw columns: batches, directions, and a training that reads."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from torch import nn

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import best_path
from crnn_lessons.data.batches import columns
from crnn_lessons.metrics import word_accuracy
from crnn_lessons.reader.raw_pixels import (
    ColumnReader,
    line_batches,
    line_loss,
    log_probs_of,
    read_lines,
    reverse,
    train_reader,
)
from crnn_lessons.text.lines import digit_strings, printed_lines

FONT = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
DIGITS = Alphabet("0123456789")


def lines(count, seed=0, **lengths):
    rng = np.random.default_rng(seed)
    return printed_lines(digit_strings(rng, count, **lengths), [FONT], rng)


def reader(seed=0):
    torch.manual_seed(seed)
    return ColumnReader(20, 11, hidden_size=12, mean=0.2, std=0.3).eval()


def test_a_frame_is_a_column():
    some = lines(3)
    batch = columns(some, DIGITS)
    assert batch.frames.shape == (max(i.shape[1] for i, _ in some), 3, 20) and batch.frames.dtype == torch.float32
    for n, (image, text) in enumerate(some):
        for t in range(image.shape[1]):
            np.testing.assert_allclose(batch.frames[t, n], image[:, t] / np.float32(255))
        assert not batch.frames[image.shape[1] :, n].any()
        assert batch.input_lengths[n] == image.shape[1] and batch.target_lengths[n] == len(text)
    assert batch.targets.tolist() == [int(c) + 1 for _, text in some for c in text]
    floats = columns([(image / 255, text) for image, text in some], DIGITS)
    torch.testing.assert_close(floats.frames, batch.frames)


def test_batches_that_are_none_are_refused():
    with pytest.raises(ValueError, match="needs at least one line, and got none"):
        columns([], DIGITS)
    with pytest.raises(ValueError, match=re.escape("have one height, and these have [3, 4]; normalise them")):
        columns([(np.zeros((3, 5)), "1"), (np.zeros((4, 5)), "1")], DIGITS)
    with pytest.raises(ValueError, match="'x' at place 1"):
        columns([(np.zeros((3, 5)), "1x")], DIGITS)


def test_reverse_turns_each_line_within_its_own_length():
    frames = torch.arange(24.0).reshape(4, 3, 2)
    lengths = torch.tensor([4, 2, 1])
    got = reverse(frames, lengths)
    for n, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(got[:length, n], frames[:length, n].flip(0))
        torch.testing.assert_close(got[length:, n], frames[length:, n])
    torch.testing.assert_close(reverse(got, lengths), frames)


def test_it_is_a_bidirectional_lstm_over_a_packed_sequence():
    model, batch = reader(), columns(lines(6), DIGITS)
    both = nn.LSTM(20, 12, bidirectional=True)
    weights = dict(model.forwards.named_parameters())
    weights |= {f"{name}_reverse": w for name, w in model.backwards.named_parameters()}
    both.load_state_dict(weights)
    x = (batch.frames - 0.2) / 0.3
    packed = nn.utils.rnn.pack_padded_sequence(x, batch.input_lengths, enforce_sorted=False)
    want = model.output(nn.utils.rnn.pad_packed_sequence(both(packed)[0])[0]).log_softmax(-1)
    got = model(batch.frames, batch.input_lengths)
    for n, T in enumerate(batch.input_lengths.tolist()):
        torch.testing.assert_close(got[:T, n], want[:T, n], atol=1e-5, rtol=1e-5)


def test_neighbours_order_and_padding_change_nothing():
    model, some = reader(), lines(9)
    images = [image for image, _ in some]
    together, order = log_probs_of(model, images), np.random.default_rng(1).permutation(9)
    for i, other in zip(order, log_probs_of(model, [images[i] for i in order]), strict=True):
        np.testing.assert_allclose(other, together[i], atol=1e-5)
    for image, want in zip(images, together, strict=True):
        np.testing.assert_allclose(log_probs_of(model, [image])[0], want, atol=1e-5)
        assert want.shape == (image.shape[1], 11)
        np.testing.assert_allclose(np.exp(want).sum(axis=1), 1, atol=1e-5)
    wide = columns(some, DIGITS)
    padded = torch.cat([wide.frames, torch.full((30, 9, 20), 7.0)])  # rubbish behind the lines
    torch.testing.assert_close(
        line_loss(model, wide),
        line_loss(model, type(wide)(padded, wide.input_lengths, wide.targets, wide.target_lengths)),
    )


def test_true_input_lengths_matter():
    """The fault of the lesson's table: the length of the array for every line is another loss."""
    model, batch = reader(), columns([*lines(4, longest=2), *lines(1, shortest=6)], DIGITS)
    widest = type(batch)(batch.frames, torch.full((5,), len(batch.frames)), batch.targets, batch.target_lengths)
    assert abs(line_loss(model, batch) - line_loss(model, widest)) > 0.1


def test_standardise_takes_the_pixels_of_the_training_lines_and_stays_with_the_weights():
    some = lines(20)
    model = ColumnReader(20, 11).standardise(image for image, _ in some)
    pixels = np.concatenate([image.ravel() / 255 for image, _ in some])
    assert (model.mean.item(), model.std.item()) == pytest.approx((pixels.mean(), pixels.std()), rel=1e-5)
    assert {"mean", "std"} < set(model.state_dict())
    assert ColumnReader(20, 11).standardise([np.zeros((20, 4), np.uint8)]).std == 1  # nothing to divide by


def test_batches_depend_on_seed_and_step_only():
    batch = line_batches(lines(40), DIGITS, batch_size=4, seed=3)
    torch.testing.assert_close(batch(5).frames, batch(5).frames)
    assert not torch.equal(batch(5).targets, batch(6).targets)
    assert not torch.equal(batch(5).targets, line_batches(lines(40), DIGITS, batch_size=4, seed=4)(5).targets)


def test_it_learns_to_read_strings_it_has_not_seen():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train, fresh, seen = lines(1000), lines(200, seed=1), []
    model = ColumnReader(20, 11).standardise(image for image, _ in train)
    losses = train_reader(model, train, DIGITS, steps=400, watch=lambda step, loss: seen.append((step, loss)))
    assert seen == list(enumerate(losses, start=1))
    images, texts = zip(*fresh, strict=True)
    said = read_lines(model, images, DIGITS)
    assert word_accuracy(said, texts) >= 0.99
    assert said[0] == DIGITS.decode(best_path(log_probs_of(model, images[:1])[0]))
