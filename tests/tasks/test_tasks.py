"""The samplers of the toy tasks against Python's own integers and against their definition."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from crnn_lessons.tasks import (
    BINARY_ADDITION,
    KTH_DIGIT,
    Samples,
    binary_addition,
    kth_digit,
    sums_of,
    to_numbers,
)
from tests.benchmarks.toy_tasks import KTH_DIGIT_FAR, accuracy, build, train


@pytest.fixture
def one_thread():
    """Waiting for a second thread costs a hundredfold on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def operands_of(batch: Samples, least_significant_first: bool = True) -> list[list[int]]:
    return [to_numbers(batch.inputs[..., i], batch.lengths, least_significant_first) for i in (0, 1)]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_kth_digit_is_the_kth(k):
    batch = kth_digit(2000, seeded(), k=k)
    assert batch.inputs.shape == (2000, 8, 10)
    assert batch.inputs.dtype == torch.float32
    for x, length, target in zip(*batch, strict=True):
        digits = x[:length].argmax(-1)
        assert target == digits[k - 1]
        assert torch.equal(x[:length], torch.nn.functional.one_hot(digits, 10).float())
        assert (x[length:] == 0).all()


def test_kth_digit_is_evenly_spread():
    batch = kth_digit(60_000, seeded())
    assert torch.bincount(batch.lengths).tolist()[:3] == [0, 0, 0]
    for counts, expected in (
        (torch.bincount(batch.lengths)[3:], 10_000),
        (torch.bincount(batch.targets, minlength=10), 6_000),
        (batch.inputs.sum((0, 1)), batch.lengths.sum().item() / 10),
    ):
        assert ((counts / expected - 1).abs() < 0.05).all()  # four standard deviations or more


def test_kth_digit_as_indices():
    """The same draws as one-hot; past the end there is the digit 0, so only lengths tell."""
    one_hot, indices = (kth_digit(500, seeded(3), one_hot=form) for form in (True, False))
    assert indices.inputs.shape == (500, 8) and indices.inputs.dtype == torch.int64
    assert torch.equal(one_hot.inputs.argmax(-1), indices.inputs)
    assert torch.equal(one_hot.targets, indices.targets)
    assert (indices.inputs[~indices.mask] == 0).all()
    assert torch.equal(indices.mask.sum(1), indices.lengths)


@pytest.mark.parametrize("k_at", ["every step", "first step"])
def test_k_as_an_input(k_at):
    batch = kth_digit(4000, seeded(), k=(2, 5), shortest=3, k_at=k_at)
    assert batch.inputs.shape == (4000, 8, 15)
    seen = set()
    for x, length, target in zip(*batch, strict=True):
        told = x[:, 10:].argmax(-1) + 1  # T
        k = told[0].item()
        seen.add((k, length.item()))
        assert 2 <= k <= min(5, length)
        assert target == x[k - 1, :10].argmax()
        given = length if k_at == "every step" else 1
        assert (told[:given] == k).all()
        assert x[:given, 10:].sum() == given and (x[given:, 10:] == 0).all()
    assert seen == {(k, length) for length in range(3, 9) for k in range(2, min(5, length) + 1)}


def test_noise_leaves_digits_lengths_and_padding_alone():
    clean, noisy = (kth_digit(3000, seeded(), noise=noise) for noise in (0.0, 0.3))
    assert torch.equal(clean.lengths, noisy.lengths) and torch.equal(clean.targets, noisy.targets)
    added = noisy.inputs - clean.inputs
    assert (added[~clean.mask] == 0).all()
    assert added[clean.mask].std().item() == pytest.approx(0.3, rel=0.01)
    assert added[clean.mask].mean().item() == pytest.approx(0.0, abs=0.005)


def test_every_k_is_as_likely():
    batch = kth_digit(40_000, seeded(), k=(1, 4), shortest=6, longest=6)
    counts = batch.inputs[:, 0, 10:].sum(0)
    assert ((counts / 10_000 - 1).abs() < 0.05).all()


@pytest.mark.parametrize("least_significant_first", [True, False])
@pytest.mark.parametrize("propagate", [0.0, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("bits", [(1, 10), (62, 65), (1000, 1000)])
def test_addition_equals_python(bits, propagate, least_significant_first):
    batch = binary_addition(60, seeded(), *bits, least_significant_first, propagate)
    assert batch.inputs.shape == (60, bits[1] + 1, 2) and batch.targets.shape == (60, bits[1] + 1)
    assert batch.targets.dtype == torch.float32
    first, second = operands_of(batch, least_significant_first)
    sums = to_numbers(batch.targets, batch.lengths, least_significant_first)
    assert sums == [a + b for a, b in zip(first, second, strict=True)]
    assert (batch.inputs[~batch.mask] == 0).all() and (batch.targets[~batch.mask] == 0).all()
    last = batch.lengths - 1 if least_significant_first else torch.zeros_like(batch.lengths)
    assert (batch.inputs[torch.arange(60), last] == 0).all()  # the place kept free for the carry


def test_addition_counts_lengths_and_draws_bits_evenly():
    batch = binary_addition(60_000, seeded(), 2, 7)
    assert torch.bincount(batch.lengths).tolist()[:3] == [0, 0, 0]
    assert ((torch.bincount(batch.lengths)[3:] / 10_000 - 1).abs() < 0.05).all()
    kinds = torch.bincount((2 * batch.inputs[:, :2, 0] + batch.inputs[:, :2, 1]).long().flatten(), minlength=4)
    assert ((kinds / 30_000 - 1).abs() < 0.05).all()  # 0+0, 0+1, 1+0, 1+1


def test_propagate_sets_how_often_bits_differ():
    for propagate in (0.1, 0.9):
        batch = binary_addition(100, seeded(), 1000, 1000, propagate=propagate)
        differ = (batch.inputs[:, :-1, 0] != batch.inputs[:, :-1, 1]).float().mean()
        assert differ.item() == pytest.approx(propagate, abs=0.01)


def test_sums_of_given_numbers():
    batch = sums_of([(13, 6), (0, 0), (255, 1)])
    assert batch.lengths.tolist() == [5, 2, 9]
    assert batch.inputs[0, :5].tolist() == [[1, 0], [0, 1], [1, 1], [1, 0], [0, 0]]
    assert batch.targets[0].tolist() == [1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert to_numbers(batch.targets, batch.lengths) == [19, 0, 256]
    on_paper = sums_of([(13, 6)], least_significant_first=False)
    assert on_paper.inputs[0].tolist() == [[0, 0], [1, 0], [1, 1], [0, 1], [1, 0]]
    assert on_paper.targets[0].tolist() == [1, 0, 0, 1, 1]
    huge = sums_of([(2**1000 - 1, 1), (3**500, 5**400)])
    assert to_numbers(huge.targets, huge.lengths) == [2**1000, 3**500 + 5**400]
    wide = sums_of([(1, 1), (2, 3)], num_steps=6)
    assert wide.lengths.tolist() == [6, 6] and to_numbers(wide.targets, wide.lengths) == [2, 5]
    tight = sums_of([(5, 2)], num_steps=3)
    assert to_numbers(tight.targets, tight.lengths) == [7]


@pytest.mark.parametrize("sample", [kth_digit, binary_addition])
def test_a_seed_gives_the_same_batch_and_another_another(sample):
    same = [sample(50, seeded(seed)) for seed in (1, 1, 2)]
    assert all(torch.equal(a, b) for a, b in zip(same[0], same[1], strict=True))
    assert not torch.equal(same[0].lengths, same[2].lengths)
    state = torch.get_rng_state()
    sample(50, seeded(1))
    assert torch.equal(state, torch.get_rng_state())  # the global generator is left alone


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: kth_digit(1, g, k=4), "k = 4 is past the end of a sequence of 3 digits"),
        (lambda g: kth_digit(1, g, k=(4, 6)), "k = 4 is past the end"),
        (lambda g: kth_digit(1, g, k=0), "k must go from at least 1"),
        (lambda g: kth_digit(1, g, shortest=5, longest=4), "length must go .* and goes from 5 to 4"),
        (lambda g: kth_digit(1, g, k=(1, 3), one_hot=False), "one-hot inputs only"),
        (lambda g: kth_digit(1, g, k=(1, 3), k_at="end"), 'must be "every step" or "first step", and is \'end\''),
        (lambda g: kth_digit(1, g, noise=-1), "noise must be 0 or more"),
        (lambda g: kth_digit(0, g), "number of samples must be at least 1, and is 0"),
        (lambda g: binary_addition(0, g), "number of samples must be at least 1, and is 0"),
        (lambda g: binary_addition(1, g, 0, 4), "number of bits must go from at least 1"),
        (lambda g: binary_addition(1, g, propagate=1.5), "probability from 0 to 1, and is 1.5"),
        (lambda g: sums_of([]), "at least one pair"),
        (lambda g: sums_of([(3, -1)]), r"must not be negative, and one pair is \(3, -1\)"),
        (lambda g: sums_of([(1, 1), (5, 4)], num_steps=3), r"the sum of \(5, 4\) does not fit 3 bits"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(seeded())


def test_addition_is_learnt_and_holds_far_past_the_training_lengths(one_thread):
    """Trained on 1 to 10 bits, with our own layer: every one of the long sums is right in every bit."""
    network, *_ = train("addition", BINARY_ADDITION, "own", seed=0)
    assert accuracy("addition", network, 1000, 1, 10) == 1
    assert accuracy("addition", network, 1000, 100, 100) == 1
    assert accuracy("addition", network, 20, 1000, 1000) == 1
    assert accuracy("addition", network, 200, 100, 100, propagate=0.95) == 1
    pair = (2**300 - 1, 1)
    batch = sums_of([pair])
    bits = (network(batch) > 0).float()
    assert to_numbers(bits, batch.lengths) == [2**300]


def test_the_kth_digit_is_learnt(one_thread):
    network, *_ = train("digit", KTH_DIGIT, seed=0)
    assert accuracy("digit", network, 10_000, 3, 8) == 1
    untrained = build("digit", KTH_DIGIT)
    assert accuracy("digit", untrained, 10_000, 3, 8) < 0.2  # the measure itself can fail


def test_noise_in_training_makes_the_memory_last(one_thread):
    """From 3 to 8 digits to 1,000; without the noise the same network has forgotten by then."""
    network, *_ = train("digit", KTH_DIGIT_FAR, seed=0)
    assert accuracy("digit", network, 10_000, 3, 8) == 1
    assert accuracy("digit", network, 200, 1000, 1000) == 1
    forgetful, *_ = train("digit", replace(KTH_DIGIT_FAR, noise=0.0), seed=0)
    assert accuracy("digit", forgetful, 10_000, 3, 8) == 1
    assert accuracy("digit", forgetful, 200, 1000, 1000) < 0.9
