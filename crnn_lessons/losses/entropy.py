"""EnCTC: CTC that rewards many ways to read a target, by the entropy of its alignments.

Source: Liu, Jin, Zhang, "Connectionist Temporal Classification with Maximum Entropy Regularization", NeurIPS 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.arguments import Lengths
from crnn_lessons.ctc.loss import ctc_loss
from crnn_lessons.losses.batch import CheckedBatch, read, reduce


def path_entropy(
    log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths, blank: int = BLANK
) -> Tensor:
    """The entropy H(p(path | Y, X)) of the alignments of each target, in nats.

    Args:
        log_probs, targets, input_lengths, target_lengths, blank: as for :func:`crnn_lessons.ctc.ctc_loss`.

    Returns:
        N entropies (no axis for one sample): 0 where one alignment has all the probability, at most ln(number of
        alignments). A target without an alignment of some probability has none: 0, with a gradient of 0.

    Raises:
        ValueError, TypeError: those of ``ctc_loss``.
    """
    batch = read(log_probs, targets, input_lengths, target_lengths, blank)
    return reduce(batch, _PathEntropy.apply(batch.log_probs, batch), "none")


def en_ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    beta: float = 0.1,
    blank: int = BLANK,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """EnCTC: the CTC loss minus ``beta`` times the entropy of the target's alignments.

    Args and errors are those of :func:`crnn_lessons.ctc.ctc_loss`. The loss may fall below 0. (The authors' program
    takes 0.9 of the one and 0.1 of the other.)
    """
    batch = read(log_probs, targets, input_lengths, target_lengths, blank)
    ctc = ctc_loss(batch.log_probs, targets, input_lengths, target_lengths, blank, "none")
    return reduce(batch, ctc - beta * _PathEntropy.apply(batch.log_probs, batch), reduction, zero_infinity)


class _PathEntropy(torch.autograd.Function):
    """The entropy and its exact gradient: posterior * (surprise - entropy), summed over the rows of a class.

    With q(path) = p(path) / p(Y | X), H = E[-ln q], and ln p(path) is a sum of log-probabilities, the derivative of H
    is -Cov(ln q, does the path pass there?) = posterior * (E[-ln q given that it passes] - H).
    """

    @staticmethod
    def forward(ctx, log_probs: Tensor, batch: CheckedBatch) -> Tensor:
        T, N, _ = log_probs.shape
        rows = _rows(batch)  # N L
        frames, last = batch.frames, 2 * batch.labels  # N
        emit = _emissions(log_probs.double(), rows, batch)  # T N L
        # The beginnings of paths, and, with time and rows turned round, their endings: one scan for both.
        t, s = _turned(T, frames)[..., None], _turned(rows.shape[1], last + 1).T  # T N 1 and N L
        turned_rows = rows.gather(1, s)
        turned = emit.gather(0, t.expand_as(emit)).gather(2, s.expand_as(emit))
        alpha, entropy = scan(torch.cat([emit, turned], 1), torch.cat([rows, turned_rows]), batch.targets.blank)

        n = torch.arange(N, device=emit.device)
        end, end_entropy = (x[(frames - 1).clamp_min(0), n] for x in (alpha[:, :N], entropy[:, :N]))  # N L
        ends = torch.stack([last, (last - 1).clamp_min(0)], 1)  # N 2
        ways = end.gather(1, ends)
        ways[:, 1].masked_fill_(last == 0, -torch.inf)  # an empty target has one row
        log_likelihood, H = mix(ways.T, end_entropy.gather(1, ends).T)  # N
        possible = (log_likelihood != -torch.inf) & (frames > 0)
        H = torch.where(possible, H, torch.zeros_like(H))

        # What is left over from the turned half, turned back: endings, the emission at t included as in alpha.
        ending, ending_entropy = (
            x[:, N:].gather(0, t.expand_as(emit)).gather(2, s.expand_as(emit)) for x in (alpha, entropy)
        )
        log_posterior = alpha[:, :N] + ending - emit - log_likelihood[:, None]
        reached = (emit != -torch.inf) & (alpha[:, :N] != -torch.inf) & (ending != -torch.inf)
        reached &= batch.inside[..., None] & possible[:, None]
        surprise = entropy[:, :N] + ending_entropy - log_posterior
        gradient = torch.where(reached, log_posterior.exp() * (surprise - H[:, None]), torch.zeros_like(emit))
        ctx.save_for_backward(gradient, rows)
        ctx.shape = log_probs.shape
        return H.to(log_probs)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_out: Tensor) -> tuple[Tensor, None]:
        gradient, rows = ctx.saved_tensors
        by_class = torch.zeros(ctx.shape, dtype=gradient.dtype, device=gradient.device)
        by_class.scatter_add_(2, rows.expand_as(gradient), gradient)
        return (by_class * grad_out[:, None]).to(grad_out), None


def scan(emit: Tensor, rows: Tensor, blank: int) -> tuple[Tensor, Tensor]:
    """The forward recursion, which carries entropies beside probabilities.

    Args:
        emit: T N L, ln y of each row's class at each frame; -inf in rows that a sample has not.
        rows: N L, the class of each row.
        blank: the class index of the blank.

    Returns:
        alpha: T N L, log of the probability of all path beginnings that end in row s at step t.
        entropy: T N L, the entropy h(t, s) among these beginnings.

    The published recursion carries sum(p ln p) over the beginnings, which is alpha (ln alpha - h). To carry h itself
    keeps all digits where alpha is e^-1000, and needs no difference of large numbers at the end. By the chain rule of
    entropy, h is the mean of the predecessors' h plus the entropy of the choice among them.
    """
    skip = (rows != blank) & (rows != rows.roll(2, dims=1))  # N L: the jump over a blank, into another label
    skip[:, :2] = False
    alpha, h = torch.full_like(emit[0], -torch.inf), torch.zeros_like(emit[0])
    alpha[:, :2] = emit[0, :, :2]
    alphas, entropies = [alpha], [h]
    for t in range(1, len(emit)):
        ways = torch.stack([alpha, _up(alpha, 1, -torch.inf), _up(alpha, 2, -torch.inf).masked_fill(~skip, -torch.inf)])
        before, h = mix(ways, torch.stack([h, _up(h, 1, 0.0), _up(h, 2, 0.0)]))
        alpha = before + emit[t]
        alphas.append(alpha)
        entropies.append(h)
    return torch.stack(alphas), torch.stack(entropies)


def mix(logs: Tensor, entropies: Tensor) -> tuple[Tensor, Tensor]:
    """Pool disjoint sets of paths, along axis 0: the log of their probabilities' sum, and the entropy of the whole."""
    total = logs.logsumexp(0)
    none = total == -torch.inf
    shares = torch.where(none, torch.zeros_like(logs), (logs - total).exp())
    return total, (shares * entropies + torch.special.entr(shares)).sum(0)


def _rows(batch: CheckedBatch) -> Tensor:
    """The class of each row, N L with L = 2 max(S) + 1: the blank around every label and in the rows to spare."""
    targets, N = batch.targets, len(batch.targets.lengths)
    rows = torch.full((N, 2 * int(targets.lengths.max(initial=0)) + 1), targets.blank, dtype=torch.int64)
    for n in range(N):
        labels = torch.as_tensor(targets.of(n))
        rows[n, 1 : 2 * len(labels) : 2] = labels
    return rows.to(batch.log_probs.device)


def _emissions(log_probs: Tensor, rows: Tensor, batch: CheckedBatch) -> Tensor:
    """T N L: each row's log-probability; 0 in frames past the end, -inf in rows that a sample has not."""
    emit = log_probs.gather(2, rows.expand(len(log_probs), *rows.shape))
    emit = emit.masked_fill(~batch.inside[..., None], 0.0)
    spare = torch.arange(rows.shape[1], device=rows.device) > 2 * batch.labels[:, None]
    return emit.masked_fill(spare, -torch.inf)


def _turned(size: int, lengths: Tensor) -> Tensor:
    """``size`` N: the places 0, 1, 2 ... of each sample with its first ``length`` turned round, the rest left."""
    places = torch.arange(size, device=lengths.device)[:, None]
    return torch.where(places < lengths, lengths - 1 - places, places)


def _up(rows: Tensor, by: int, fill: float) -> Tensor:
    """Move N L entries ``by`` rows up; ``fill`` comes in below."""
    if by >= rows.shape[1]:
        return torch.full_like(rows, fill)
    return torch.nn.functional.pad(rows[:, :-by], (by, 0), value=fill)
