"""Centre loss: features of the same character near one another; and C-CTC, which adds it to CTC."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import check_blank
from crnn_lessons.ctc.arguments import Lengths
from crnn_lessons.ctc.loss import ctc_loss
from crnn_lessons.losses.batch import CheckedBatch, read, reduce


class CentreLoss(nn.Module):
    """Half the squared distance of features to the centre of their class, the mean over a sample's frames.

    Frames have no labels in CTC, so the class of a frame is the one that the model finds most probable there. Centres
    start at zero and are no parameters: each training step moves the centre c_j of every class j that was found by
    ``rate`` times sum(x_i - c_j) / (1 + n_j), over the n_j features x_i of that class.

    Args:
        num_classes: C, the blank among them.
        num_features: D, what the output layer sees of a frame.
        rate: how fast centres follow, 0 to 1; 0 keeps them where they are.
        skip_blank: leave out the frames of the blank, which look less alike than those of a character.
        blank: the class index of the blank.

    Source: Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV 2016, equations 2
    and 4 (there a sum over the batch, here a mean).
    """

    centres: Tensor

    def __init__(
        self, num_classes: int, num_features: int, rate: float = 0.5, skip_blank: bool = False, blank: int = BLANK
    ):
        super().__init__()
        if not 0 <= rate <= 1:
            raise ValueError(f"rate is a share from 0 to 1, and is {rate}")
        self.rate, self.skip_blank, self.blank = rate, skip_blank, check_blank(blank, num_classes)
        self.register_buffer("centres", torch.zeros(num_classes, num_features))

    def forward(self, features: Tensor, log_probs: Tensor, inside: Tensor) -> Tensor:
        """The loss of each sample, N; in training, centres move afterwards.

        Args:
            features: T N D.
            log_probs: T N C; they only name the class of each frame.
            inside: T N, bool: the frames that belong to their sample. A sample without any costs 0.

        Raises:
            ValueError: other numbers of frames, samples, features or classes.
        """
        (T, N), (C, D) = inside.shape, self.centres.shape
        if features.shape != (T, N, D) or log_probs.shape != (T, N, C):
            raise ValueError(
                f"for {T} frames, {N} samples, {C} classes and {D} features, features must be {T} x {N} x {D} and "
                f"log_probs {T} x {N} x {C}; they are {tuple(features.shape)} and {tuple(log_probs.shape)}"
            )
        classes = log_probs.detach().argmax(-1)  # T N
        counts = inside & (classes != self.blank) if self.skip_blank else inside
        away = features - self.centres.to(features)[classes]  # T N D
        away = torch.where(counts[..., None], away, torch.zeros_like(away))
        losses = away.square().sum((0, 2)) / 2 / counts.sum(0).clamp_min(1)
        if self.training and self.rate:
            self._follow(away.detach(), classes[counts], counts)
        return losses

    @torch.no_grad()
    def _follow(self, away: Tensor, classes: Tensor, counts: Tensor) -> None:
        moves = torch.zeros_like(self.centres).index_add_(0, classes, away[counts].to(self.centres))
        found = torch.bincount(classes, minlength=len(self.centres))
        self.centres += self.rate * moves / (1 + found)[:, None]


class CCTCLoss(nn.Module):
    """C-CTC: the CTC loss plus ``weight`` times the centre loss.

    Args:
        num_classes, num_features, rate, skip_blank, blank: as for :class:`CentreLoss`.
        weight: lambda, how much the centres count.
        reduction, zero_infinity: as for :func:`crnn_lessons.ctc.ctc_loss`; with "mean" the CTC part of a sample is
            divided by max(S, 1), as there, and the other, a mean over frames already, is not.

    Source: PaddleOCR's enhanced CTC losses, which weigh the centre loss with 0.05 and leave its centres where they
    start; here they follow.
    """

    def __init__(
        self,
        num_classes: int,
        num_features: int,
        weight: float = 0.05,
        rate: float = 0.5,
        skip_blank: bool = False,
        blank: int = BLANK,
        reduction: str = "mean",
        zero_infinity: bool = False,
    ):
        super().__init__()
        self.centre = CentreLoss(num_classes, num_features, rate, skip_blank, blank)
        self.weight, self.blank, self.reduction, self.zero_infinity = weight, blank, reduction, zero_infinity

    def forward(
        self, features: Tensor, log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths
    ) -> Tensor:
        """The loss of a batch: features T N D (T D for one sample), the rest as for ``ctc_loss``."""
        batch: CheckedBatch = read(log_probs, targets, input_lengths, target_lengths, self.blank)
        ctc = ctc_loss(batch.log_probs, targets, input_lengths, target_lengths, self.blank, "none")
        features = features if batch.batched else features.unsqueeze(1)
        extra = self.weight * self.centre(features, batch.log_probs, batch.inside)
        return reduce(batch, ctc, self.reduction, self.zero_infinity, extra)
