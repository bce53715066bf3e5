"""Binary addition: a network reads two numbers bit by bit, and writes at every step the bit of their sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from crnn_lessons.tasks.samples import Recipe, Samples, check_range

BINARY_ADDITION = Recipe("RNN", 10, batch_size=64, steps=200, learning_rate=0.06, warm_up=0.3, clip=1.0)
"""Trained on 1 to 10 bits, exact on sums of 100 and 1,000 bits."""


def binary_addition(
    num_samples: int,
    generator: torch.Generator,
    fewest_bits: int = 1,
    most_bits: int = 10,
    least_significant_first: bool = True,
    propagate: float = 0.5,
) -> Samples:
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
    check_range("number of samples", num_samples)
    check_range("number of bits", fewest_bits, most_bits)
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
) -> Samples:
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


def _batch_of_sums(operands: Tensor, lengths: Tensor, least_significant_first: bool) -> Samples:
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
    return Samples(operands.float(), lengths, total.float())
