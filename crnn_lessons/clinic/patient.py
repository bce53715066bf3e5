"""The patient: copies of a model and of its batch, on which every experiment is made."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from crnn_lessons.clinic.check import Unseen
from crnn_lessons.clinic.measure import as_log_probs, blind_level, losses, parts, scores_in, whole
from crnn_lessons.clinic.watch import Watch
from crnn_lessons.ctc.alignments import min_frames
from crnn_lessons.ctc.arguments import check_ranges, read_targets

MOST = 32
"""Samples of a batch that are put through the network; of the targets, all are examined."""


class Patient:
    """A model with its batch, opened up. The arguments are those of ``examine``; only copies of them are touched.

    Attributes:
        images, axis, N: the pictures or frames, which of their axes counts the samples, and how many there are.
        rows: the samples that are put through the network: of the first ones those that are finite.
        was_training, model: the mode in which the model was handed over, and a copy in evaluation mode.
        strangers, held: how many parameters of the optimiser are not the model's, and how many it has.
    """

    def __init__(
        self,
        model: nn.Module,
        batch: Sequence[Any],
        loss: Callable | None = None,
        decode: Callable | None = None,
        alphabet: Iterable[str] | None = None,
        blank: int = 0,
        optimizer: torch.optim.Optimizer | None = None,
    ):
        images, self.targets, self.given, self.target_lengths = batch
        self.S, self.blank = whole(self.target_lengths), blank
        self.N, shape = len(self.S), tuple(images.shape)
        if self.N not in shape[:2]:
            raise ValueError(f"there are {self.N} target_lengths, and images of shape {shape} hold another number")
        self.axis = 0 if shape[0] == self.N else 1  # frames may come time first
        # subtle: a model that keeps an output for later cannot be copied, unless that is cut from its graph
        kept = [x for m in model.modules() for x in vars(m).values() if isinstance(x, Tensor) and x.grad_fn is not None]
        memo = {id(x): x.detach().clone() for x in kept}
        *self._handed, self.loss, self.decode = copy.deepcopy((model, optimizer, loss, decode), memo)
        own, groups = {id(p) for p in model.parameters()}, optimizer.param_groups if optimizer else ()
        theirs = [id(p) in own for group in groups for p in group["params"]]
        self.strangers, self.held = theirs.count(False), len(theirs)
        self.was_training, self.model = model.training, self.fresh()[0].eval()
        self.characters = None if alphabet is None else tuple(getattr(alphabet, "characters", alphabet))
        self.images = images.detach().clone().to(next((p.device for p in model.parameters()), images.device))
        first = range(min(self.N, MOST))
        self.rows = [n for n in first if torch.isfinite(self.pick([n])).all()] or list(first)
        needed = [p.kind for p in inspect.signature(model.forward).parameters.values() if p.default is p.empty]
        self._wants_lengths = needed.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) > 1

    def fresh(self) -> tuple[nn.Module, torch.optim.Optimizer | None]:
        """A copy of the model as it was handed over, and one of its optimiser; the two belong together."""
        return copy.deepcopy(self._handed)

    def pick(self, rows: Sequence[int]) -> Tensor:
        """The pictures of some samples."""
        return self.images.index_select(self.axis, torch.tensor(rows, device=self.images.device))

    def call(self, rows: Sequence[int], images: Tensor | None = None, model: nn.Module | None = None) -> Any:
        """What the model returns for some samples, or for other pictures in their place."""
        images, model = self.pick(rows) if images is None else images, model or self.model
        if not self._wants_lengths:
            return model(images)
        width = images.shape[1 - self.axis] if images.ndim == 3 else images.shape[-1]
        lengths = [width] * self.N if self.given is None else whole(self.given)
        return model(images, torch.tensor([lengths[n] for n in rows], device=images.device))

    def run(self, rows: Sequence[int], images: Tensor | None = None, model: nn.Module | None = None) -> Tensor:
        """The scores `T N C` for some samples, on the CPU."""
        scores = scores_in(self.call(rows, images, model)).cpu()
        return scores if self.time_first else scores.transpose(0, 1)

    @cached_property
    def time_first(self) -> bool:
        """Whether the model gives T N C; else it gives N T C. With one sample more, the axis of samples is longer."""
        rows = self.rows[:3]
        with torch.no_grad():
            try:
                few, more = (scores_in(self.call(r)).shape for r in (rows, [*rows, rows[0]]))
                longer = [axis for axis in (0, 1) if more[axis] == few[axis] + 1]
            except RuntimeError:  # a batch size that is written into the model
                shape = scores_in(self.call(range(self.N))).shape
                longer = [axis for axis in (0, 1) if shape[axis] == self.N]
        if len(longer) != 1:
            raise Unseen("the output is neither T N C nor N T C: no axis, or more than one, counts the samples")
        return longer == [1]

    @cached_property
    def raw(self) -> Tensor:
        """The scores `T N C` of the rows in evaluation mode, whatever they hold."""
        with torch.no_grad():
            return self.run(self.rows)

    @property
    def scores(self) -> Tensor:
        """The same, where they can be examined."""
        if torch.isnan(self.raw).any() or torch.isposinf(self.raw).any():
            raise Unseen("the output holds NaN")
        return self.raw

    @cached_property
    def training_scores(self) -> Tensor:
        """The scores in training mode: some models give logits there, and probabilities in evaluation."""
        _ = self.scores
        try:
            with torch.no_grad():
                return self.run(self.rows, model=self.fresh()[0].train())
        except ValueError:  # a batch norm wants more than one value
            return self.scores

    @cached_property
    def returned(self) -> list[int] | None:
        """The lengths that the model returns beside its scores."""
        with torch.no_grad():
            out = self.call(self.rows)
        counts = (x for x in parts(out) if isinstance(x, Tensor) and not x.is_floating_point())
        return next((x.tolist() for x in counts if x.shape == (len(self.rows),)), None)

    @cached_property
    def labels(self) -> list[list[int]]:
        """The N targets."""
        try:
            read = read_targets(self.targets, [0] * self.N, self.target_lengths, self.N)
            check_ranges(read)
        except (ValueError, TypeError) as error:
            raise Unseen(f"the targets cannot be read: {error}") from None
        return [read.of(n).tolist() for n in range(self.N)]

    @cached_property
    def axes(self) -> list[int]:
        """The other axes of the pictures, the one along the line last; of frames that is the one of size T."""
        axes, shape = [a for a in range(self.images.ndim) if a != self.axis], self.images.shape
        return axes[::-1] if len(axes) == 2 and shape[axes[0]] == self.T != shape[axes[1]] else axes

    @cached_property
    def columns(self) -> Tensor:
        """The pictures of the rows as `n D W`: W runs along the line, as the frames do."""
        return self.pick(self.rows).permute(self.axis, *self.axes).flatten(1, -2).cpu()

    T, C = property(lambda self: self.raw.shape[0]), property(lambda self: self.raw.shape[-1])

    @cached_property
    def lengths(self) -> list[int]:
        """Frames of each sample: as given, else as returned by the model, else all."""
        if self.given is not None:
            return whole(self.given)
        returned = dict(zip(self.rows, self.returned or [], strict=False))
        return [returned.get(n, self.T) for n in range(self.N)]

    @cached_property
    def spelt(self) -> tuple[list[int], list[list[int]], list[int]]:
        """Places in ``rows``, targets and frames of those that can be spelt, with the frames stated or with all."""
        found = []
        for place, n in enumerate(self.rows):
            target = self.labels[n]
            fits = [T for T in (min(self.lengths[n], self.T), self.T) if min_frames(target) <= T]
            if fits and target and all(0 <= k < self.C and k != self.blank for k in target):
                found.append((place, target, fits[0]))
        if not found:
            raise Unseen("no sample has a target that its frames can spell")
        return tuple(map(list, zip(*found, strict=True)))

    def nats(self, scores: Tensor) -> Tensor:
        """The loss in nats a character, with its graph, from scores `T N C` of all rows."""
        places, labels, T = self.spelt
        return losses(as_log_probs(scores)[:, places], labels, T, self.blank).sum() / sum(map(len, labels))

    @cached_property
    def now(self) -> float:
        """The loss in nats a character."""
        return self.nats(self.scores).item()

    @cached_property
    def level(self) -> float:
        """What a network that does not look at the pictures gets at best, in nats a character."""
        _, labels, T = self.spelt
        return blind_level(self.T, self.C, labels, T, self.blank)

    @cached_property
    def watched(self) -> Watch:
        """What was seen while the model ran in evaluation mode."""
        watch = Watch(self.model)
        with torch.no_grad(), watch:
            self.call(self.rows)
        return watch
