"""The kth digit: a network reads digits one at a time, and answers after the last with the one in place k.

Every sampler takes a generator and gives a batch of padded samples. Padding is zero and stands after a sample's end.
"""

from __future__ import annotations

import torch
from torch.nn.functional import one_hot as to_one_hot

from crnn_lessons.tasks.samples import Recipe, Samples, check_range

KTH_DIGIT = Recipe("LSTM", 20, batch_size=64, steps=250, learning_rate=0.1, warm_up=0.3, clip=1.0)
"""Every one of 10,000 fresh sequences of 3 to 8 digits right; a long way past that the memory leaks."""


def kth_digit(
    num_samples: int,
    generator: torch.Generator,
    k: int | tuple[int, int] = 2,
    shortest: int = 3,
    longest: int = 8,
    one_hot: bool = True,
    k_at: str = "every step",
    noise: float = 0.0,
) -> Samples:
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
    check_range("number of samples", num_samples)
    check_range("length", shortest, longest)
    smallest, largest = (k, k) if isinstance(k, int) else k
    check_range("k", smallest, largest)
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
        return Samples(digits * mask, lengths, targets)
    inputs = to_one_hot(digits, 10) * mask[..., None]  # N T 10
    if not isinstance(k, int):
        told = to_one_hot(places - 1, largest)[:, None] * mask[..., None]  # N T largest
        if k_at == "first step":
            told[:, 1:] = 0
        inputs = torch.cat([inputs, told], dim=-1)
    inputs = inputs.float()
    if noise:
        inputs += noise * torch.randn(inputs.shape, generator=generator) * mask[..., None]
    return Samples(inputs, lengths, targets)
