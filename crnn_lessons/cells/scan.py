"""Going through time: one step after the other, each sample until its own end.

A batch is packed, as torch packs it: samples sorted by length, the longest first, so that the samples still running
at step t are the first n_t, and n_t never rises with t. A step then works on n_t rows and never sees padding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

State = tuple[Tensor, ...]
"""What a cell hands from step to step, N H each: (h,) or, for an LSTM, (h, c)."""

Step = Callable[..., State]
"""One time step: takes the projected input and the parts of the state, returns the new state."""


def scan(step: Step, projected: Sequence[Tensor], state: State) -> tuple[Tensor, State]:
    """Go forwards in time.

    Args:
        step: called once a time step, ``step(projected[t], *state)``.
        projected: T tensors n_t G, the projected inputs.
        state: the state before the first step, N H each, with N = n_0.

    Returns:
        The outputs of all steps, packed, (sum of n_t) H; and each sample's state after its last step, N H each.
    """
    outputs, ended = [], []
    for x in projected:  # n_t G
        n = len(x)
        if n < len(state[0]):  # the shortest samples have ended; their rows are the last
            ended.append(tuple(part[n:] for part in state))
            state = tuple(part[:n] for part in state)
        state = step(x, *state)  # n_t H
        outputs.append(state[0])
    ended.append(state)
    return torch.cat(outputs), tuple(torch.cat(parts) for parts in zip(*reversed(ended), strict=True))


def scan_backwards(step: Step, projected: Sequence[Tensor], state: State) -> tuple[Tensor, State]:
    """Go backwards in time; each sample joins at its own last step.

    Args:
        step, projected, state: as in ``scan``; ``state`` is the state before a sample's last step is read.

    Returns:
        The outputs of all steps, packed and in the order of time, (sum of n_t) H; and each sample's state after its
        first step has been read, N H each.
    """
    outputs, start = [], state
    state = tuple(part[:0] for part in start)  # nobody has begun
    for x in reversed(projected):  # n_t G
        n, running = len(x), len(state[0])
        if n > running:  # subtle: these samples end at this step, so here their way back begins
            state = tuple(torch.cat([part, first[running:n]]) for part, first in zip(state, start, strict=True))
        state = step(x, *state)  # n_t H
        outputs.append(state[0])
    return torch.cat(outputs[::-1]), state
