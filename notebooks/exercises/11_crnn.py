"""Exercises of lesson 11, CRNN."""

from __future__ import annotations

import math
from itertools import groupby, pairwise

import torch
from einops import rearrange

from crnn_lessons.exercises import Exercise, Mistake


def to_steps(features):
    return rearrange(features, "n d h w -> w n (d h)")


def _features(n, d, h, w):
    return torch.arange(n * d * h * w, dtype=torch.float32).reshape(n, d, h, w)


def letter_frames(path):
    frames, t = [], 0
    for k, run in groupby(path):
        length = len(list(run))
        if k != 0:
            frames.append((k, t, t + length - 1))
        t += length
    return frames


def _with_blanks(path):
    frames, t = [], 0
    for k, run in groupby(path):
        length = len(list(run))
        frames.append((k, t, t + length - 1))
        t += length
    return frames


def _across_blanks(path):
    frames = []
    for t, k in enumerate(path):
        if k != 0 and frames and frames[-1][0] == k:
            frames[-1] = (k, frames[-1][1], t)
        elif k != 0:
            frames.append((k, t, t))
    return frames


def _blank_frames_alone(path):
    frames, t = [], 0
    for k, run in groupby(path):
        length = len(list(run))
        if k == 0:
            t += length
        else:
            frames.append((k, t, t + length - 1))
    return frames


def _letter_frames_alone(path):
    frames, t = [], 0
    for k, run in groupby(path):
        length = len(list(run))
        if k != 0:
            frames.append((k, t, t + length - 1))
            t += length
    return frames


def bilstm_parameters(D, hidden_size):
    one_direction = 4 * (hidden_size * D + hidden_size * hidden_size + 2 * hidden_size)
    return 2 * one_direction


def focal(loss):
    return (1 - math.exp(-loss)) ** 2 * loss


def decode(path):
    labels, before = [], 0
    for k in path:
        if k not in (0, before):
            labels.append(k)
        before = k
    return labels


def _with_wrap(path):
    return [k for i, k in enumerate(path) if k not in (0, path[i - 1])]


EXERCISES = (
    Exercise(
        key="11-1",
        title="the narrowest picture of 'bookkeeper'",
        solution=52,
        mistakes=(
            Mistake("forgets the three double letters", 40, "Lesson 05: T must be at least S + r, and r is 3 here."),
            Mistake("counts frames, not pixels", 13, "Each frame stands for 4 columns of the picture."),
            Mistake(
                "counts frames, and forgets the double letters", 10, "T is at least S + r, and a frame is 4 pixels."
            ),
            Mistake("is one pixel short", 51, "51 // 4 = 12 frames, and 13 are needed."),
            Mistake("rounds the frames up", 49, "49 pixels are 12 frames and a rest: 49 // 4 = 12."),
            Mistake("misses one pair", 48, "There are three pairs of equal neighbours: oo, kk and ee. So r = 3."),
            Mistake(
                "counts one frame too many",
                56,
                "10 letters and a blank between each of 3 pairs: 13 frames. No blank is needed at the ends.",
            ),
        ),
        hints=(
            ("how many frames?", "S = 10 letters, and r = 3 pairs of equal neighbours: lesson 05, exercise 2."),
            ("how many pixels?", "The two pools of width 2 leave one frame for each 4 columns."),
        ),
        source="answer = (10 + 3) * 4",
    ),
    Exercise(
        key="11-2",
        title="features to time steps",
        solution=to_steps,
        cases=[(_features(2, 3, 1, 4),), (_features(2, 3, 2, 5),), (_features(1, 2, 2, 2),), (_features(3, 2, 2, 3),)],
        show_case=lambda f: f"to_steps of features of the shape N D H W = {tuple(f.shape)}",
        mistakes=(
            Mistake(
                "reshapes where it should move axes",
                lambda f: f.reshape(f.shape[3], f.shape[0], -1),
                "`reshape` keeps the numbers in their order in memory and only draws new borders: it mixes samples and "
                "columns. Move the axes first.",
            ),
            Mistake(
                "leaves the batch first",
                lambda f: rearrange(f, "n d h w -> n w (d h)"),
                "The LSTM here wants T N D: time first.",
            ),
            Mistake(
                "takes the height as time",
                lambda f: rearrange(f, "n d h w -> h n (d w)"),
                "Text runs along the width.",
            ),
            Mistake(
                "puts the rows before the channels",
                lambda f: rearrange(f, "n d h w -> w n (h d)"),
                "It would train as well, but weights that were trained on (d h) would read nonsense.",
            ),
            Mistake(
                "keeps one row of the features",
                lambda f: rearrange(f[:, :, 0], "n d w -> w n d"),
                "All rows of a column belong to its time step: D times H numbers.",
            ),
            Mistake(
                "leaves channels and rows apart",
                lambda f: rearrange(f, "n d h w -> w n d h"),
                "A step is one vector of D times H numbers. In einops, brackets make one axis of two: `(d h)`.",
            ),
        ),
        hints=(
            ("which axis is time?", "The width: each column of the features becomes one step."),
            ("how do I write it?", "`rearrange(features, 'n d h w -> ...')`: name the axes in their new order."),
            ("two axes into one", "In einops a group in brackets: `(d h)`."),
        ),
    ),
    Exercise(
        key="11-3",
        title="the parameters of a BiLSTM",
        solution=bilstm_parameters,
        cases=[(1, 1), (2, 3), (128, 64), (512, 256), (256, 256)],
        show_case=lambda D, hidden_size: f"bilstm_parameters(D={D}, hidden_size={hidden_size})",
        mistakes=(
            Mistake(
                "counts one direction",
                lambda D, h: 4 * (h * D + h * h + 2 * h),
                "A bidirectional layer is two LSTMs, one for each direction, that share nothing.",
            ),
            Mistake(
                "counts one bias a gate",
                lambda D, h: 8 * (h * D + h * h + h),
                "Torch keeps two, one beside W_ih and one beside W_hh, though their sum is all that counts.",
            ),
            Mistake(
                "forgets the biases",
                lambda D, h: 8 * (h * D + h * h),
                "Each gate has two biases of hidden_size numbers.",
            ),
            Mistake(
                "counts three gates, as in a GRU",
                lambda D, h: 6 * (h * D + h * h + 2 * h),
                "An LSTM computes i, f, g and o: four times the same sizes.",
            ),
            Mistake(
                "counts one gate",
                lambda D, h: 2 * (h * D + h * h + 2 * h),
                "An LSTM computes i, f, g and o: four times the same sizes.",
            ),
            Mistake(
                "forgets the weights from state to state",
                lambda D, h: 8 * (h * D + 2 * h),
                "Each gate looks at the input, by W_ih, and at the state before, by W_hh: hidden_size x hidden_size.",
            ),
            Mistake(
                "feeds the state of both directions back",
                lambda D, h: 8 * (h * D + 2 * h * h + 2 * h),
                "Each direction sees its own state alone; only the next layer gets both.",
            ),
            Mistake(
                "swaps D and hidden_size",
                lambda D, h: 8 * (h * D + D * D + 2 * D),
                "The state has hidden_size numbers and the input has D: W_hh and the biases go by hidden_size.",
            ),
        ),
        hints=(
            ("which parts are there?", "For each of 4 gates: W_ih, W_hh and two biases; all of that once a direction."),
            ("which sizes?", "W_ih is hidden_size x D, W_hh hidden_size x hidden_size, a bias hidden_size numbers."),
            (
                "how do I check myself?",
                "`sum(p.numel() for p in torch.nn.LSTM(2, 3, bidirectional=True).parameters())`",
            ),
        ),
    ),
    Exercise(
        key="11-4",
        title="focal CTC",
        solution=focal,
        cases=[(1.0,), (0.0,), (0.01,), (0.5,), (3.0,), (20.0,)],
        mistakes=(
            Mistake(
                "forgets the square",
                lambda loss: (1 - math.exp(-loss)) * loss,
                "The factor is (1 - p) to the power of 2.",
            ),
            Mistake(
                "weighs with p, not with 1 - p",
                lambda loss: math.exp(-loss) ** 2 * loss,
                "This favours what is read well already. The factor is to be near 0 where p is near 1.",
            ),
            Mistake(
                "takes the loss for the probability",
                lambda loss: (1 - loss) ** 2 * loss,
                "The loss is -ln p. So p is exp(-loss).",
            ),
            Mistake(
                "returns the factor alone",
                lambda loss: (1 - math.exp(-loss)) ** 2,
                "The factor weighs the loss: multiply by it.",
            ),
            Mistake(
                "squares the loss too",
                lambda loss: ((1 - math.exp(-loss)) * loss) ** 2,
                "Only the factor is squared.",
            ),
            Mistake(
                "takes exp(loss) for p",
                lambda loss: (1 - math.exp(loss)) ** 2 * loss,
                "The loss is -ln p. So p is exp(-loss), with the minus; exp(loss) is above 1.",
            ),
            Mistake(
                "squares p, and not 1 - p",
                lambda loss: (1 - math.exp(-loss) ** 2) * loss,
                "First 1 - p, then the square.",
            ),
        ),
        hints=(
            ("what is p?", "The loss is -ln p(Y | X), so p is `math.exp(-loss)`."),
            ("how does it go together?", "`(1 - p) ** 2 * loss`"),
        ),
    ),
    Exercise(
        key="11-5",
        title="mend the decoder",
        solution=decode,
        cases=[
            ([0, 3, 3, 0, 5],),
            ([3, 3, 0, 5],),
            ([7],),
            ([],),
            ([0, 0],),
            ([2, 0, 2],),
            ([1, 2, 2, 1],),
            ([4, 0, 0, 4, 4],),
        ],
        mistakes=(
            Mistake(
                "still loses a letter at frame 0",
                lambda path: [b for a, b in pairwise(path) if b not in (0, a)],
                "Frame 0 has nothing before it: whatever it says begins a run. Let the sign before it be the blank.",
            ),
            Mistake(
                "compares frame 0 with the last frame",
                _with_wrap,
                "`path[t - 1]` is the last sign where t is 0: Python counts from the end.",
            ),
            Mistake(
                "adds the first sign even where it is the blank",
                lambda path: list(path[:1]) + [b for a, b in pairwise(path) if b not in (0, a)],
                "A blank is no letter, at frame 0 either.",
            ),
            Mistake(
                "takes the first sign as it is, and needs one",
                lambda path: [path[0]] + [b for a, b in pairwise(path) if b not in (0, a)],
                "The first sign may be the blank, which is no letter; and an empty path has none.",
            ),
            Mistake(
                "loses the last run",
                lambda path: [a for a, b in pairwise(path) if a not in (0, b)],
                "A run that reaches the end of the path is ended by no other sign. Keep a letter where its run begins.",
            ),
            Mistake(
                "drops the blanks before it merges",
                lambda path: [k for k, _ in groupby(k for k in path if k != 0)],
                "Compare each sign with the one before it in the path, blank or not.",
            ),
            Mistake(
                "merges nothing",
                lambda path: [k for k in path if k != 0],
                "A run of equal signs is one letter.",
            ),
        ),
        hints=(
            ("which paths go wrong?", "Try `[3, 3, 0, 5]`: what does the loop compare frame 0 with?"),
            ("what stands before frame 0?", "Nothing that could swallow a letter: keep `before = 0` and start there."),
        ),
    ),
    Exercise(
        key="11-6",
        title="the frames of each letter",
        solution=letter_frames,
        cases=[([8, 8, 0, 5],), ([0, 12, 0, 12, 0],), ([3],), ([],), ([0, 0],), ([1, 2, 2, 2, 0, 0, 2],)],
        mistakes=(
            Mistake("lists the blanks too", _with_blanks, "A blank is no letter: leave runs of class 0 out."),
            Mistake(
                "joins equal letters across a blank",
                _across_blanks,
                "The blank between them makes them two letters: look at runs of the whole path.",
            ),
            Mistake(
                "ends one frame too late",
                lambda path: [(k, a, b + 1) for k, a, b in letter_frames(path)],
                "The last frame of a run of length n that begins at t is t + n - 1.",
            ),
            Mistake(
                "counts the letters, not the frames",
                lambda path: [(k, i, i) for i, (k, _, _) in enumerate(letter_frames(path))],
                "Keep a frame counter that grows by the length of each run, blanks included.",
            ),
            Mistake(
                "loses the last run",
                lambda path: [(k, a, b) for k, a, b in letter_frames(path) if b < len(path) - 1],
                "A run that reaches the end of the path is not ended by another class: add it after the loop.",
            ),
            Mistake(
                "does not count the frames of the blank",
                _letter_frames_alone,
                "Blanks take frames too: the counter grows by the length of every run, also of those left out.",
            ),
            Mistake(
                "counts the frames of the blank alone",
                _blank_frames_alone,
                "The counter grows by the length of every run. With `groupby`, take `n = len(list(run))` once: the "
                "second time the run is empty.",
            ),
            Mistake(
                "gives the length in place of the last frame",
                lambda path: [(k, a, b - a + 1) for k, a, b in letter_frames(path)],
                "The last frame of a run of length n that begins at t is t + n - 1.",
            ),
            Mistake(
                "counts frames from 1",
                lambda path: [(k, a + 1, b + 1) for k, a, b in letter_frames(path)],
                "The first frame is frame 0.",
            ),
        ),
        hints=(
            (
                "how do I find runs?",
                "`groupby(path)` yields each class with its run; `n = len(list(run))` is its length. A run can be "
                "read only once.",
            ),
            ("which frame is it?", "Start a counter at 0, and add each run's length, blank or not."),
        ),
    ),
)
