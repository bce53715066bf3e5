"""A blank, or a length, that is none: one sentence from every function of CTC and its losses that takes it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from crnn_lessons import ctc, losses
from crnn_lessons.losses.centre import CentreLoss

X = torch.randn(5, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).log_softmax(2)
ONE, TARGETS = X[:, 0].numpy(), torch.tensor([[1, 2], [3, 0]])
LENGTHS = [5, 4], [2, 1]

WITH_CLASSES = {
    "ctc_loss": lambda blank: ctc.ctc_loss(X, TARGETS, *LENGTHS, blank=blank),
    "ctc_loss_from_logits": lambda blank: ctc.ctc_loss_from_logits(X, TARGETS, *LENGTHS, blank=blank),
    "CTCLoss": lambda blank: ctc.CTCLoss(blank=blank)(X, TARGETS, *LENGTHS),
    "forward_backward": lambda blank: ctc.forward_backward(ONE, [1, 2], blank),
    "best_path": lambda blank: ctc.best_path(ONE, blank),
    "forced_alignment": lambda blank: ctc.forced_alignment(ONE, [1, 2], blank),
    "enumerate_probability": lambda blank: ctc.enumerate_probability(np.exp(ONE), [1, 2], blank),
    "beam_search": lambda blank: ctc.beam_search(ONE, blank=blank),
    "beam_search_batch": lambda blank: ctc.beam_search_batch(X, [5, 4], blank=blank),
    "lexicon_search": lambda blank: ctc.lexicon_search(ONE, ctc.Lexicon([(1, 2)]), blank=blank),
    "most_probable": lambda blank: ctc.most_probable(ONE, blank=blank),
    "text_log_probs": lambda blank: ctc.text_log_probs(ONE, [(1, 2)], blank=blank),
    "letter_posteriors": lambda blank: ctc.letter_posteriors(ONE, (1, 2), blank=blank),
    "ace_loss": lambda blank: losses.ace_loss(X, TARGETS, *LENGTHS, blank=blank),
    "a_ctc_loss": lambda blank: losses.a_ctc_loss(X, TARGETS, *LENGTHS, blank=blank),
    "path_entropy": lambda blank: losses.path_entropy(X, TARGETS, *LENGTHS, blank=blank),
    "en_ctc_loss": lambda blank: losses.en_ctc_loss(X, TARGETS, *LENGTHS, blank=blank),
    "focal_ctc_loss": lambda blank: losses.focal_ctc_loss(X, TARGETS, *LENGTHS, blank=blank),
    "CentreLoss": lambda blank: CentreLoss(4, 2, blank=blank),
    "NGram.train": lambda blank: ctc.NGram.train([(1, 2)], 4, blank=blank),
}
WITHOUT = {
    "explain_infeasible": lambda blank: ctc.explain_infeasible([5], torch.tensor([[1, 2]]), [2], blank=blank),
    "extend": lambda blank: ctc.extend([1, 2], blank),
    "predecessors": lambda blank: ctc.predecessors([0, 1, 0, 2, 0], 2, blank),
    "alignments": lambda blank: list(ctc.alignments(4, [1, 2], blank)),
    "collapse": lambda blank: ctc.collapse([1, 0, 2], blank),
    "Lexicon": lambda blank: ctc.Lexicon([(1, 2)], blank),
}
EVERY = WITH_CLASSES | WITHOUT


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("blank", [2.5, True, "0", None])
def test_a_blank_is_a_whole_number(name, blank):
    with pytest.raises(TypeError, match=f"^blank must be a whole number, and is {blank!r}$"):
        EVERY[name](blank)


@pytest.mark.parametrize("name", EVERY)
def test_a_blank_is_not_negative(name):
    with pytest.raises(ValueError, match=r"^blank is class -1, and class indices run from 0"):
        EVERY[name](-1)


@pytest.mark.parametrize("name", WITH_CLASSES)
def test_a_blank_is_one_of_the_classes(name):
    with pytest.raises(ValueError, match=r"^blank is class 4, and class indices run from 0 to 3$"):
        WITH_CLASSES[name](4)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("kind", [np.int64, torch.tensor, np.array])
def test_a_blank_may_be_any_kind_of_whole_number(name, kind):
    assert repr(EVERY[name](kind(0))).split(" at 0x")[0] == repr(EVERY[name](0)).split(" at 0x")[0]


TAKE_LENGTHS = ["ctc_loss", "ctc_loss_from_logits", "ace_loss", "path_entropy", "focal_ctc_loss"]
LOSSES = [getattr(ctc, name, None) or getattr(losses, name) for name in TAKE_LENGTHS]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "wrong", [[5.0, 4.0], [True, True], np.array([5.0, 4.0]), torch.tensor([True, True]), ["5", "4"]]
)
def test_lengths_are_whole_numbers(loss, wrong):
    with pytest.raises(TypeError, match=r"^input_lengths must be whole numbers"):
        loss(X, TARGETS, wrong, [2, 1])
    with pytest.raises(TypeError, match=r"^target_lengths must be whole numbers"):
        loss(X, TARGETS, [5, 4], wrong)


@pytest.mark.parametrize("loss", LOSSES)
def test_no_samples_are_refused_as_torch_does(loss):
    with pytest.raises(ValueError, match=r"log_probs must not be empty|logits must not be empty"):
        loss(X[:, :0], TARGETS[:0], [], [])
    with pytest.raises(RuntimeError, match="must not be empty"):
        torch.nn.functional.ctc_loss(X[:, :0], TARGETS[:0], *(torch.zeros(0, dtype=torch.int64),) * 2)
    with pytest.raises(ValueError, match=r"^input_lengths must give one length a sample, 2 in all, and gives 0"):
        loss(X, TARGETS, [], [2, 1])
