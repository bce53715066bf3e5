"""Training in several processes: each takes its part of every batch, and all make the same step.

Launched by torchrun, each process learns from RANK and WORLD_SIZE which of how many it is, and from MASTER_ADDR and
MASTER_PORT where they meet. Without these variables there is one process, and every function here leaves things alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import current_process

import torch
import torch.distributed as dist
from torch import Tensor

MEETING = timedelta(seconds=60)
"""For how long to wait until all processes have come."""
SILENCE = timedelta(hours=1)
"""The longest work of one for which the others wait; one that dies is missed at once."""
UNGUARDED = 78
"""The exit status of a worker that would begin its parent's work again."""

_store: dist.Store | None = None


def active() -> bool:
    """Whether this process is one of a group."""
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Which process of the group this is, from 0."""
    return dist.get_rank() if active() else 0


def world() -> int:
    """The number of processes."""
    return dist.get_world_size() if active() else 1


@contextmanager
def group() -> Iterator[None]:
    """Within it, the processes that torchrun started work together: through gloo on CPUs, nccl on GPUs.

    Raises:
        ValueError: what the environment says of the group cannot be, or the others do not come.
    """
    global _store
    if "RANK" not in os.environ:
        yield
        return
    try:
        me, count, _ = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "MASTER_PORT"))
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        if not 0 <= me < count:
            raise ValueError
    except (KeyError, ValueError):
        raise ValueError(
            "RANK is set, so this is one process of several, and WORLD_SIZE, MASTER_ADDR or MASTER_PORT does not fit; "
            "start with torchrun, or unset RANK to train in one process"
        ) from None
    try:
        _store, *_ = next(dist.rendezvous("env://", timeout=MEETING))
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=_store, rank=me, world_size=count, timeout=SILENCE)
    except RuntimeError:
        raise ValueError(
            f"process {me} of {count} waited {MEETING.seconds} seconds at {where}, and the others did not come; "
            "start all of them, with the same MASTER_ADDR and MASTER_PORT"
        ) from None
    try:
        yield
    finally:
        dist.destroy_process_group()
        _store = None


def first_to_say() -> bool:
    """Whether no other process of the group has said yet why the work ends; the first one that asks is to say it."""
    try:
        return _store is None or _store.add("said", 1) == 1
    except RuntimeError:  # the store went with the process that kept it
        return True


def all_sum_(x: Tensor) -> Tensor:
    """Put the sum over all processes into a contiguous tensor.

    Raises:
        ChildProcessError: a process has died.
    """
    return _together(dist.all_reduce, x)


def same_(tensors: Iterable[Tensor]) -> None:
    """Give all processes the values that the first one has."""
    for x in tensors if active() else ():
        x.copy_(_together(dist.broadcast, x.contiguous(), 0))  # gloo takes no other layout


def _together(collective, x: Tensor, *arguments: int) -> Tensor:
    try:
        collective(x, *arguments)
    except RuntimeError as error:
        why = "another process of this training ended, or can no longer be reached"
        raise ChildProcessError(f"{why}; begin again with --resume, from what was saved last") from error
    return x


def total(x: Tensor) -> Tensor:
    """The sum over all processes, with its gradient: the loss of each depends on it, so their gradients add up, too."""
    return _AllSum.apply(x) if active() else x


class _AllSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return all_sum_(x.clone())

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return all_sum_(gradient.clone())


def seed_noise(seed: int, step: int) -> None:
    """Give each process noise of its own, which a resumed run has again."""
    if active():
        torch.manual_seed(hash((seed, step, rank())))


def any_of(mine: bool) -> bool:
    """Whether it is true in any process."""
    return bool(all_sum_(torch.tensor([float(mine)])).item()) if active() else mine


@contextmanager
def first_process_first() -> Iterator[None]:
    """What stands within it is done by the first process, and then by the others, who find its files."""
    if rank():
        any_of(False)
    yield
    if active() and not rank():
        any_of(False)


def sum_of_part(loss: Tensor, part: Sized) -> Tensor:
    """From the mean loss of the samples of a process's part to their sum; means of unequal parts would not add up."""
    return loss * len(part) if active() else loss


def mean_of_batch_(parameters: Iterable[Tensor], loss: Tensor, part: Sized) -> Tensor:
    """After the backward pass of :func:`sum_of_part`: turn sums over the parts into means over the whole batch.

    Args:
        parameters: their gradients become those of the mean loss of the whole batch.
        loss: the sum of the losses of this process's part.

    Returns:
        The mean loss.
    """
    if not active():
        return loss
    gradients, count = [p.grad for p in parameters if p.grad is not None], len(part)
    flat = torch.cat([g.flatten() for g in gradients] + [torch.stack([loss.detach(), loss.new_tensor(count)])])
    flat = all_sum_(flat)
    flat /= flat[-1].clone()
    for gradient, mean in zip(gradients, flat[:-2].split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
    return flat[-2]


def refuse_unguarded() -> None:
    """End a worker that was started to help a script, and imports it, and would begin the script's work again."""
    if getattr(current_process(), "_inheriting", False):  # as multiprocessing itself asks, before its own long speech
        raise SystemExit(UNGUARDED)
