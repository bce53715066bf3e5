"""Two toy tasks on which recurrent networks show what they can remember: the kth digit, and binary addition.

Every sampler takes a generator and gives a batch of padded samples. Padding is zero and stands after a sample's end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot as to_one_hot


@dataclass(frozen=True)
class Recipe:
    """How to train a small network on a toy task: the settings that a benchmark found quick and dependable.

    Attributes:
        cell: "RNN", "LSTM" or "GRU", one layer of it.
        hidden_size: its units; a linear layer reads them.
        batch_size: N, fresh samples in each step.
        steps: optimiser steps in all.
        learning_rate: the highest of one cycle.
        warm_up: share of the steps in which the learning rate rises.
        clip: greatest norm of the gradient.
        noise: on the inputs in training.
    """

    cell: str
    hidden_size: int
    batch_size: int
    steps: int
    learning_rate: float
    warm_up: float
    clip: float
    noise: float = 0.0


KTH_DIGIT = Recipe("LSTM", 20, batch_size=64, steps=250, learning_rate=0.1, warm_up=0.3, clip=1.0)
"""Every one of 10,000 fresh sequences of 3 to 8 digits right; a long way past that the memory leaks."""

KTH_DIGIT_FAR = Recipe("GRU", 20, batch_size=64, steps=300, learning_rate=0.05, warm_up=0.3, clip=1.0, noise=0.5)
"""Slower, and with noise on the inputs: the memory holds for 1,000 digits."""

BINARY_ADDITION = Recipe("RNN", 10, batch_size=64, steps=200, learning_rate=0.06, warm_up=0.3, clip=1.0)
"""Trained on 1 to 10 bits, exact on sums of 100 and 1,000 bits."""


class Batch(NamedTuple):
    """Samples of a toy task.

    Attributes:
        inputs: N T features, or N T where digits are given as indices.
        lengths: the number of steps of each sample, N.
        targets: what to answer: a digit for each sample, N; or a bit for each step, N T.
    """

    inputs: Tensor
    lengths: Tensor
    targets: Tensor

    @property
    def mask(self) -> Tensor:
        """True where a step belongs to a sample, False in the padding, N T."""
        return torch.arange(self.inputs.shape[1], device=self.lengths.device) < self.lengths[:, None]


def kth_digit(
    num_samples: int,
    generator: torch.Generator,
    k: int | tuple[int, int] = 2,
    shortest: int = 3,
    longest: int = 8,
    one_hot: bool = True,
    k_at: str = "every step",
    noise: float = 0.0,
) -> Batch:
    """Sequences of random digits; the answer is the kth digit, to be given after the last.

    Args:
        num_samples: N.
        generator: the source of randomness.
        k: the place asked for, counted from 1: one number, which the network is not told; or the smallest and the
            largest of a range, from which each sample draws its own (no further than its length), which is told.
        shortest, longest: the range of lengths; each is as likely.
        one_hot: False for digits as indices, N T; the padding is then the digit 0, which only the lengths reveal.
        k_at: where a k of a range is told: "every step", or at the "first step" only.
        noise: standard deviation of normal noise on one-hot inputs (not on the padding). A network trained with it
            must open and shut its gates further to tell the digits it wants from the rest, and forgets more slowly.

    Returns:
        A batch: inputs N T 10, each step the one-hot digit; with a range of k N T (10 + largest k), the one-hot
        k - 1 after the digit. Lengths N. Targets N, the digits 0 to 9.

    Raises:
        ValueError: a k that a sequence of the shortest length lacks, or arguments that contradict one another.
    """
    _check_range("number of samples", num_samples)
    _check_range("length", shortest, longest)
    smallest, largest = (k, k) if isinstance(k, int) else k
    _check_range("k", smallest, largest)
    if smallest > shortest:
        raise ValueError(f"k = {smallest} is past the end of a sequence of {shortest} digits; take a k up to that")
    if k_at not in ("every step", "first step"):
        raise ValueError(f'k_at must be "every step" or "first step", and is {k_at!r}')
    if noise < 0 or (noise and not one_hot):
        raise ValueError(f"noise must be 0 or more, and 0 with digits as indices; it is {noise!r}")
    if not one_hot and not isinstance(k, int):
        raise ValueError("a k of a range is told in one-hot inputs only; use one_hot=True, or a fixed k")
    lengths = torch.randint(shortest, longest + 1, (num_samples,), generator=generator)
    T = int(lengths.max())
    digits = torch.randint(0, 10, (num_samples, T), generator=generator)  # N T
    room = lengths.clamp(max=largest) - smallest + 1  # N, how many values k can take
    places = smallest + (torch.rand(num_samples, generator=generator) * room).long()  # N
    targets = digits.gather(1, places[:, None] - 1)[:, 0]  # N
    mask = torch.arange(T) < lengths[:, None]  # N T
    if not one_hot:
        return Batch(digits * mask, lengths, targets)
    inputs = to_one_hot(digits, 10) * mask[..., None]  # N T 10
    if not isinstance(k, int):
        told = to_one_hot(places - 1, largest)[:, None] * mask[..., None]  # N T largest
        if k_at == "first step":
            told[:, 1:] = 0
        inputs = torch.cat([inputs, told], dim=-1)
    inputs = inputs.float()
    if noise:
        inputs += noise * torch.randn(inputs.shape, generator=generator) * mask[..., None]
    return Batch(inputs, lengths, targets)


def binary_addition(
    num_samples: int,
    generator: torch.Generator,
    fewest_bits: int = 1,
    most_bits: int = 10,
    least_significant_first: bool = True,
    propagate: float = 0.5,
) -> Batch:
    """Pairs of binary numbers, and at every step the bit of their sum.

    Args:
        num_samples: N.
        generator: the source of randomness.
        fewest_bits, most_bits: the range of bits of both operands; each is as likely. A sample has one step more, in
            which both operands are zero, so that the sum fits.
        least_significant_first: False to write numbers as on paper; then the first bit depends on all that follow.
        propagate: probability that a place hands on the carry that it gets (its two bits differ). With 0.5 every bit
            is as likely, and carries seldom travel far: about log2(bits) places at most. Near 1 they travel far.

    Returns:
        A batch: inputs N T 2, the two bits of a place; lengths N, bits + 1; targets N T, 0.0 or 1.0.

    Raises:
        ValueError: a range that is none, or no probability.
    """
    _check_range("number of samples", num_samples)
    _check_range("number of bits", fewest_bits, most_bits)
    if not 0 <= propagate <= 1:
        raise ValueError(f"propagate must be a probability from 0 to 1, and is {propagate!r}")
    bits = torch.randint(fewest_bits, most_bits + 1, (num_samples,), generator=generator)
    T = int(bits.max()) + 1
    first = torch.randint(0, 2, (num_samples, T), generator=generator)  # N T
    differ = torch.rand(num_samples, T, generator=generator) < propagate  # N T
    second = torch.where(differ, 1 - first, first)  # N T
    operands = torch.stack([first, second], dim=-1)  # N T 2
    operands *= (torch.arange(T) < bits[:, None])[..., None]
    return _batch_of_sums(operands, bits + 1, least_significant_first)


def sums_of(
    pairs: Iterable[tuple[int, int]], least_significant_first: bool = True, num_steps: int | None = None
) -> Batch:
    """The batch for given pairs of numbers, as ``binary_addition`` gives it.

    Args:
        pairs: N pairs of whole numbers, of any size.
        num_steps: T; as few as hold every sum when left out, so that operands have a zero in the last place.

    Raises:
        ValueError: no pairs, a negative number, or a sum that ``num_steps`` cannot hold.
    """
    pairs = [(int(a), int(b)) for a, b in pairs]
    if not pairs:
        raise ValueError("there must be at least one pair of numbers, and there is none")
    negative = [pair for pair in pairs if min(pair) < 0]
    if negative:
        raise ValueError(f"the numbers must not be negative, and one pair is {negative[0]}")
    lengths = [max(a.bit_length(), b.bit_length(), 1) + 1 for a, b in pairs]
    T = max(lengths) if num_steps is None else num_steps
    if num_steps is not None:
        too_long = [pair for pair in pairs if sum(pair).bit_length() > T]
        if too_long:
            raise ValueError(f"the sum of {too_long[0]} does not fit {T} bits; take more")
        lengths = [T] * len(pairs)
    rows = [[[int(d) for d in f"{number:0{T}b}"[::-1]] for number in pair] for pair in pairs]
    operands = torch.tensor(rows).transpose(1, 2)  # N T 2
    return _batch_of_sums(operands, torch.tensor(lengths), least_significant_first)


def to_numbers(bits: Tensor, lengths: Tensor | Sequence[int], least_significant_first: bool = True) -> list[int]:
    """The whole numbers that rows of bits stand for, exact at any length.

    Args:
        bits: N T, zeros and ones of any type.
        lengths: how many bits of each row count, N.
    """
    numbers = []
    for row, length in zip(bits.long().tolist(), torch.as_tensor(lengths).tolist(), strict=True):
        digits = row[:length][::-1] if least_significant_first else row[:length]
        numbers.append(int("".join(map(str, digits)), 2))
    return numbers


def _batch_of_sums(operands: Tensor, lengths: Tensor, least_significant_first: bool) -> Batch:
    """Add operands (N T 2, least significant bit first) and write them in the order asked for."""
    first, second = operands.unbind(-1)  # N T
    T = first.shape[1]
    place = torch.arange(T)
    # Where the two bits are equal, a place gives out that bit as its carry whatever it gets; where they differ, it
    # hands on what it got. So the carry out of a place is the bit of the last place so far with equal bits.
    decided = torch.where(first == second, place, -1).cummax(1).values  # N T
    carry_out = torch.where(decided >= 0, first.gather(1, decided.clamp(min=0)), 0)  # N T
    carry_in = torch.cat([torch.zeros_like(carry_out[:, :1]), carry_out[:, :-1]], dim=1)  # N T
    total = first ^ second ^ carry_in  # N T
    if not least_significant_first:
        order = (lengths[:, None] - 1 - place) % T  # N T: each sample reversed within its length, padding stays behind
        operands = operands.gather(1, order[..., None].expand_as(operands))
        total = total.gather(1, order)
    return Batch(operands.float(), lengths, total.float())


def _check_range(name: str, low: int, high: int | None = None) -> None:
    if high is None and low < 1:
        raise ValueError(f"the {name} must be at least 1, and is {low}")
    if high is not None and not 1 <= low <= high:
        raise ValueError(f"the {name} must go from at least 1 up to no less, and goes from {low} to {high}")
