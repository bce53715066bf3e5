"""Exercises of lesson 11, CRNN."""

from __future__ import annotations

from itertools import groupby

import torch
from einops import rearrange

from crnn_lessons.exercises.engine import Exercise, Mistake


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
            Mistake("rounds the width down", 51, "51 // 4 is 12 frames: one too few."),
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
        ),
        hints=(
            ("which axis is time?", "The width: each column of the features becomes one step."),
            ("how do I write it?", "`rearrange(features, 'n d h w -> ...')`: name the axes in their new order."),
            ("two axes into one", "In einops a group in brackets: `(d h)`."),
        ),
    ),
    Exercise(
        key="11-3",
        title="where each letter was seen",
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
        ),
        hints=(
            ("how do I find runs?", "`groupby(path)` yields each run with its class; `len(list(run))` is its length."),
            ("which frame is it?", "Start a counter at 0, and add each run's length, blank or not."),
        ),
    ),
)
