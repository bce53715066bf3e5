"""Exercises of lesson 15, The clinic, and its hidden patients."""

from __future__ import annotations

import copy
import math
from functools import cache
from itertools import groupby, pairwise
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons.exercises import Exercise, Mistake, mistakes

# 15-1 ---------------------------------------------------------------------------------------------------------------

FIRST_CHECKS = "afbdec"
WHY = (
    "An infinite loss means a probability of exactly 0. What gives a text no alignment at all? That is counted before "
    "anything is trained.",
    "Blanks everywhere and a loss near ln(characters): nothing is broken yet. What would a network score that does not "
    "look at the pictures, and has yours just got there?",
    "A loss below 0 is a probability above 1. So the numbers that go in are no logarithms of probabilities: what do "
    "their exponentials sum to?",
    "Training and use differ first of all in what a batch norm does. Read the same picture in both modes.",
    "The scores may be perfect. A decoder is tried without any network, on a path whose text you know.",
    "One picture alone can be learnt, eight together cannot: do the eight keep apart? Poison one of them.",
)


def first_checks(answer) -> str | None:
    """None if each symptom has the check that should come first, else a sentence on the first that has not."""
    if not isinstance(answer, str) or len(answer) != 6 or set(answer) - set("abcdef"):
        return "The answer is a string of six letters, a to f, one for each symptom in order, such as 'abcdef'."
    wrong = [i for i, (said, right) in enumerate(zip(answer, FIRST_CHECKS, strict=True)) if said != right]
    return f"Symptom {wrong[0] + 1}: check {answer[wrong[0]]} would not come first. {WHY[wrong[0]]}" if wrong else None


WHICH_FIRST = Exercise(
    key="15-1",
    title="which check would you run first?",
    solution=FIRST_CHECKS,
    verify=first_checks,
    mistakes=(
        Mistake("looks elsewhere when the loss is infinite", "bfadec", WHY[0]),
        Mistake("takes the plateau for a disease", "acbdef", WHY[1]),
        Mistake("looks elsewhere when the loss is below zero", "afedbc", WHY[2]),
        Mistake("does not think of the two modes", "afbced", WHY[3]),
        Mistake("blames the network for its decoder", "afbdfc", WHY[4]),
        Mistake("does not ask whether samples keep apart", "afbdea", WHY[5]),
    ),
    hints=(
        ("where do I begin?", "With the two that name a number that cannot be: infinity, and less than zero."),
        ("what is left?", "One is healthy. One is the decoder. One differs between training and use. One mixes."),
    ),
    source='answer = "afbdec"',
)

# 15-2 ---------------------------------------------------------------------------------------------------------------


def too_short(input_lengths, targets):
    found = []
    for n, (T, target) in enumerate(zip(input_lengths, targets, strict=True)):
        r = sum(a == b for a, b in pairwise(target))
        if T < len(target) + r:
            found.append(n)
    return found


TOO_SHORT = Exercise(
    key="15-2",
    title="find the samples with too few frames",
    solution=too_short,
    mistakes=mistakes(
        too_short,
        """
        forgets the repeats :: len(target) + r -> len(target)
            Two equal labels side by side need a blank between them, which takes a frame: T >= S + r.
        refuses samples that just fit :: T < -> T <=
            T = S + r is enough: exactly one alignment is left. Only less is too few.
        asks for twice as many frames as labels :: len(target) + r -> 2 * len(target)
        :: len(target) + r -> 2 * len(target) + 1
            A blank must stand only between equal labels. The rule of thumb with 2S + 1 is the size of the lattice, and
            refuses samples that can be spelled.
        counts equal labels that are not neighbours ::
            sum(a == b for a, b in pairwise(target)) -> len(target) - len(set(target))
            In 1 2 1 the two 1s are kept apart by the 2; r counts neighbours.
        tells how many, not which :: return found -> return len(found)
            The numbers of the samples are asked for, in a list, so that you can look at their pictures.
        counts the samples from 1 :: append(n) -> append(n + 1)
            Samples are numbered from 0, as in a tensor.
        gives those that fit :: T < -> T >=
            The samples that cannot be spelled are asked for.
        """,
    ),
    cases=[
        ([4], [(1, 2, 3)]),
        ([3], [(1, 2, 3)]),
        ([2], [(1, 2, 3)]),
        ([3], [(1, 1)]),
        ([2], [(1, 1)]),
        ([5, 4, 3], [(1, 2, 1), (2, 2, 3), (3, 3, 3)]),
        ([3], [(1, 2, 1)]),
        ([0, 1], [(), ()]),
        ([9, 9, 9, 1], [(1, 2), (4, 4, 4, 4), (5, 5, 5, 5, 5, 5), (1, 1)]),
    ],
    hints=(
        ("which rule?", "Lesson 05: a text of S labels with r pairs of equal neighbours needs S + r frames."),
        ("pairs of neighbours?", "`zip(target, target[1:])`, or `pairwise` from itertools."),
        ("which samples?", "`enumerate` counts along; collect the numbers in a list."),
    ),
)

# 15-3 ---------------------------------------------------------------------------------------------------------------


def most_sure(C):
    return math.exp(1) / (math.exp(1) + (C - 1) * math.exp(0))


MOST_SURE = Exercise(
    key="15-3",
    title="the most that a class can get after two softmaxes",
    solution=most_sure,
    mistakes=mistakes(
        most_sure,
        """
        forgets that one of the C classes is the sure one :: (C - 1) -> C
            C classes in all: one gets e to the 1, and C - 1 are left for e to the 0.
        leaves the sure class out of the sum :: math.exp(1) + (C - 1) * math.exp(0) -> (C - 1) * math.exp(0)
            The sum below goes over all classes, the sure one too.
        takes one softmax :: = lambda C: 1.0
            One softmax comes as near to 1 as you like. The second gets these numbers, 1 and 0s, as if they were logits.
        gives all classes the same :: = lambda C: 1 / C
            That is the least sure output. Which numbers between 0 and 1, with the sum 1, favour one class the most?
        gives the loss of it :: = lambda C: math.log((math.e + C - 1) / math.e)
            The probability itself is asked for; its loss is -ln of it.
        """,
    ),
    cases=[(2,), (3,), (11,), (37,), (100,), (6000,)],
    hints=(
        ("what goes into the second softmax?", "Probabilities: C numbers from 0 to 1 with the sum 1."),
        ("which are the best for one class?", "1 for this class and 0 for all others."),
        ("the softmax of these", "e to the 1, divided by the sum: e to the 1 once, e to the 0 for each other class."),
    ),
)

# 15-4 ---------------------------------------------------------------------------------------------------------------


def reached(network, images, n):
    poisoned = images.clone()
    poisoned[n] = torch.nan
    scores = network(poisoned)  # T N C
    bad = torch.isnan(scores).any(dim=2).any(dim=0)  # N
    return bad.nonzero().flatten().tolist()


def keeps_apart(images):
    return images.mean(2).permute(2, 0, 1)  # N C H W -> W N C


def by_view(images):
    return images.mean(2).reshape(images.shape[3], images.shape[0], -1)


def along_samples(images):
    return images.mean(2).permute(2, 0, 1).cumsum(dim=1)


def over_the_batch(images):
    x = images.mean(2).permute(2, 0, 1)
    return x - x.mean(dim=1, keepdim=True)


def half_the_frames(images):
    x = images.mean(2).permute(2, 0, 1)
    return torch.cat([x[:2], torch.zeros_like(x[2:])])


def _images(N: int, C: int, W: int) -> torch.Tensor:
    return torch.linspace(0, 1, N * C * 2 * W).reshape(N, C, 2, W)


REACHED = Exercise(
    key="15-4",
    title="poison a picture, and see which outputs it reaches",
    solution=reached,
    mistakes=mistakes(
        reached,
        """
        looks along the frames, not the samples :: any(dim=0) -> any(dim=1)
            The scores are T N C: what is left after the classes (axis 2) and the frames (axis 0) is N.
        wants every number of a sample to be NaN :: any(dim=2).any(dim=0) -> all(dim=2).all(dim=0)
            One NaN is enough: a network may mix some frames alone.
        finds no NaN anywhere :: torch.isnan(scores) -> (scores == torch.nan)
        :: torch.nan -> 0.0
            NaN equals nothing, not even itself: ask `torch.isnan`. And it must be put in: `poisoned[n] = torch.nan`.
        poisons the same place in every picture :: poisoned[n] -> poisoned[..., n]
            `images` is N C H W: the first axis counts the pictures.
        leaves the poisoned picture itself out ::
            return bad.nonzero().flatten().tolist() -> return [m for m in bad.nonzero().flatten().tolist() if m != n]
            Its own number belongs into the list: if it is missing, the network does not look at its picture at all.
        """,
    ),
    cases=[
        (keeps_apart, _images(4, 3, 5), 1),
        (by_view, _images(4, 3, 5), 0),
        (along_samples, _images(4, 3, 5), 1),
        (along_samples, _images(5, 2, 3), 4),
        (over_the_batch, _images(3, 2, 4), 2),
        (half_the_frames, _images(3, 2, 6), 0),
        (by_view, _images(3, 2, 4), 2),
    ],
    show_case=lambda network, images, n: f"reached({network.__name__}, images, {n}), with {len(images)} images,",
    hints=(
        ("the pictures change?", "Work on `images.clone()`."),
        ("what does NaN do?", "Whatever is computed from NaN is NaN. So look for NaN in the scores: `torch.isnan`."),
        ("T N C to N", "`.any(dim=2)` asks over the classes; then ask over the frames."),
        ("numbers out of a mask", "`mask.nonzero().flatten().tolist()` lists the places that are True."),
    ),
)

# 15-5 ---------------------------------------------------------------------------------------------------------------

CHARACTERS = "0123456789"


class _Network(nn.Module):
    """A small network; its flaw is one of its arguments."""

    def __init__(self, flaw: str = ""):
        super().__init__()
        self.flaw = flaw
        self.look = nn.Sequential(nn.Conv2d(1, 8, 3, stride=(2, 2), padding=1), nn.ReLU(), nn.Conv2d(8, 8, (8, 3)))
        self.lstm, self.output = nn.LSTM(8, 16), nn.Linear(16, 11)

    def forward(self, images):
        x = self.look(images).squeeze(2).permute(2, 0, 1)  # T N D
        if self.flaw == "view":
            x = self.look(images).reshape(x.shape)
        x = self.output(self.lstm(x)[0])
        return (x.softmax(-1) if self.flaw == "softmax" else x).log_softmax(-1)


def _decode(scores):
    return "".join(CHARACTERS[k - 1] for k, _ in groupby(scores.argmax(-1).tolist()) if k)


def _decode_and_merge(scores):
    return "".join(CHARACTERS[k - 1] for k, _ in groupby(k for k in scores.argmax(-1).tolist() if k))


def _divided(log_probs, targets, input_lengths, target_lengths):
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, zero_infinity=True) / len(target_lengths)


@cache
def _on_the_plateau() -> nn.Module:
    """The network after 60 steps on noise with any texts, of which nothing but the plateau can be learnt."""
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(15)
        network = _Network()
        optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
        for _ in range(60):
            images, targets, target_lengths = _batch()
            loss = F.ctc_loss(network(images), targets, torch.full((8,), 14), target_lengths)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


def _batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.randn(8, 1, 16, 32), torch.randint(1, 11, (8, 4)), torch.full((8,), 4)


def patients() -> dict[str, SimpleNamespace]:
    """Six training runs: a network to T N C log-probabilities, a batch, a loss, a decoder. One of them is healthy."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        images, targets, _ = _batch()

    def patient(flaw: str = "", decode=_decode, loss=None, texts=targets):
        network = copy.deepcopy(_on_the_plateau())
        network.flaw = flaw
        return SimpleNamespace(
            network=network, images=images, targets=texts, input_lengths=torch.full((8,), 14),
            target_lengths=torch.full((8,), texts.shape[1]), decode=decode,
            loss=loss or (lambda *a: F.ctc_loss(*a, zero_infinity=True)),
        )  # fmt: skip

    long = torch.arange(8 * 9).reshape(8, 9) % 10 + 1
    long[2], long[6] = 7, torch.tensor([5, 5, 5, 5, 1, 1, 1, 1, 1])
    return {
        "A": patient(decode=_decode_and_merge),
        "B": patient("softmax"),
        "C": patient(texts=long),
        "D": patient(),
        "E": patient("view"),
        "F": patient(loss=_divided),
    }


DIAGNOSES = {
    "A": "decoder merges doubled letters",
    "B": "softmax twice",
    "C": "too few frames",
    "D": "healthy",
    "E": "samples mix",
    "F": "loss divided twice",
}
LOOK = {
    "A": "Its scores are in order. Hand its decoder a path that you know, with a double letter in it.",
    "B": "Scale up the last layer of a copy: can any class get more than most_sure(11)? In a healthy network it can.",
    "C": "Count before you train: too_short of its lengths and targets is not empty.",
    "D": "Its loss is that of a network that does not look, every check is passed, and its samples keep apart: wait.",
    "E": "reached(network, images, 0) lists more than sample 0.",
    "F": "Take its batch twice over: the same samples must cost the same.",
}


def diagnoses(answer) -> str | None:
    """None if every patient has its diagnosis, else a sentence on the first that has not."""
    if not isinstance(answer, dict) or answer.keys() != DIAGNOSES.keys():
        return "The answer is a dictionary with a diagnosis for each of the patients A to F."
    unknown = [said for said in answer.values() if said not in DIAGNOSES.values()]
    if unknown:
        return f"{unknown[0]!r} is none of the names in the table; take them as they stand there."
    wrong = [name for name, said in answer.items() if said != DIAGNOSES[name]]
    if not wrong:
        return None
    done = len(DIAGNOSES) - len(wrong)
    return f"{done} of {len(DIAGNOSES)} are right. Look at {wrong[0]} again: {LOOK[wrong[0]]}"


HIDDEN = Exercise(
    key="15-5",
    title="six hidden patients",
    solution=DIAGNOSES,
    verify=diagnoses,
    mistakes=tuple(
        Mistake(f"{why} (patient {name})", DIAGNOSES | {name: said}, LOOK[name])
        for name, said, why in (
            ("A", "healthy", "does not try the decoder"),
            ("B", "healthy", "does not see the ceiling"),
            ("C", "loss divided twice", "does not count the frames"),
            ("D", "samples mix", "takes the plateau for a disease"),
            ("E", "healthy", "does not poison a picture"),
            ("F", "healthy", "does not take the batch twice"),
        )
    ),
    hints=(
        ("where do I begin?", "With the cheap checks, on all six: too_short, then reached, then the decoder."),
        (
            "all six look the same",
            "They have the same weights. One line is wrong: of network, loss, decoder or texts.",
        ),
        ("the ceiling", "On a copy, `network.output.weight.data *= 1000`; then `network(images).exp().max()`."),
    ),
    source="answer = " + repr(DIAGNOSES).replace(", ", ",\n    ").replace("{", "{\n    ").replace("}", ",\n}"),
)

EXERCISES = (WHICH_FIRST, TOO_SHORT, MOST_SURE, REACHED, HIDDEN)
