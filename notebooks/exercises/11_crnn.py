"""Exercises of lesson 11, CRNN."""

from __future__ import annotations

import math
from itertools import groupby, pairwise

import torch
from einops import rearrange

from crnn_lessons.exercises import Exercise, mistakes

# 11-1 ---------------------------------------------------------------------------------------------------------------

NARROWEST = Exercise(
    key="11-1",
    title="the narrowest picture of 'bookkeeper'",
    solution=52,
    mistakes=mistakes(
        52,
        """
        forgets the three double letters :: = 10 * 4
            Lesson 05: T must be at least S + r, and r is 3 here.
        counts frames, not pixels :: = 10 + 3
            Each frame stands for 4 columns of the picture.
        counts frames, and forgets the double letters :: = 10
            T is at least S + r, and a frame is 4 pixels.
        is one pixel short :: = 51
            51 // 4 = 12 frames, and 13 are needed.
        rounds the frames up :: = 49
            49 pixels are 12 frames and one pixel left over: 49 // 4 = 12.
        misses one pair :: = (10 + 2) * 4
            There are three pairs of equal neighbours: oo, kk and ee. So r = 3.
        counts one frame too many :: = (10 + 4) * 4
            10 letters and a blank between each of 3 pairs: 13 frames. No blank is needed at the ends.
        """,
    ),
    hints=(
        ("how many frames?", "S = 10 letters, and r = 3 pairs of equal neighbours: lesson 05, exercise 2."),
        ("how many pixels?", "The two pools of width 2 leave one frame for each 4 columns."),
    ),
    source="answer = (10 + 3) * 4",
)

# 11-2 ---------------------------------------------------------------------------------------------------------------


def _features(n, d, h, w):
    return torch.arange(n * d * h * w, dtype=torch.float32).reshape(n, d, h, w)


def to_steps(features):
    return rearrange(features, "n d h w -> w n (d h)")


TO_STEPS = Exercise(
    key="11-2",
    title="features to time steps",
    solution=to_steps,
    mistakes=mistakes(
        to_steps,
        """
        reshapes where it should move axes :: = lambda f: f.reshape(f.shape[3], f.shape[0], -1)
            `reshape` keeps the numbers in their order in memory and only draws new borders: it mixes samples and
            columns. Move the axes first.
        leaves the batch first :: w n (d h) -> n w (d h)
            The LSTM here wants T N D: time first.
        takes the height as time :: w n (d h) -> h n (d w)
            Text runs along the width.
        puts the rows before the channels :: (d h) -> (h d)
            It would train equally well, but weights trained on (d h) would read nonsense.
        keeps one row of the features :: features -> features[:, :, :1]
            All rows of a column belong to its time step: D times H numbers.
        leaves channels and rows apart :: (d h) -> d h
            A step is one vector of D times H numbers. In einops, brackets make one axis of two: `(d h)`.
        """,
    ),
    cases=[(_features(2, 3, 1, 4),), (_features(2, 3, 2, 5),), (_features(1, 2, 2, 2),), (_features(3, 2, 2, 3),)],
    show_case=lambda f: f"to_steps of features of the shape N D H W = {tuple(f.shape)}",
    hints=(
        ("which axis is time?", "The width: each column of the features becomes one step."),
        ("how do I write it?", "`rearrange(features, 'n d h w -> ...')`: name the axes in their new order."),
        ("two axes into one", "In einops a group in brackets: `(d h)`."),
    ),
)

# 11-3 ---------------------------------------------------------------------------------------------------------------


def bilstm_parameters(D, hidden_size):
    one_direction = 4 * (hidden_size * D + hidden_size * hidden_size + 2 * hidden_size)
    return 2 * one_direction


BILSTM_PARAMETERS = Exercise(
    key="11-3",
    title="the parameters of a BiLSTM",
    solution=bilstm_parameters,
    mistakes=mistakes(
        bilstm_parameters,
        """
        counts one direction :: 2 * one_direction -> one_direction
            A bidirectional layer is two LSTMs, one for each direction, that share nothing.
        counts one bias a gate :: 2 * hidden_size -> hidden_size
            Torch keeps two, one beside W_ih and one beside W_hh, though their sum is all that counts.
        forgets the biases :: + 2 * hidden_size ->
            Each gate has two biases of hidden_size numbers.
        counts three gates, as in a GRU :: 4 * -> 3 *
        counts one gate :: 4 * ->
            An LSTM computes i, f, g and o: four times the same sizes.
        forgets the weights from state to state :: + hidden_size * hidden_size ->
            Each gate looks at the input, by W_ih, and at the state before, by W_hh: hidden_size x hidden_size.
        feeds the state of both directions back :: hidden_size * hidden_size -> hidden_size * 2 * hidden_size
            Each direction sees its own state alone; only the next layer gets both.
        swaps D and hidden_size :: D -> hidden_size & hidden_size -> D
            The state has hidden_size numbers and the input has D: W_hh and the biases go by hidden_size.
        """,
    ),
    cases=[(1, 1), (2, 3), (128, 64), (512, 256), (256, 256)],
    show_case=lambda D, hidden_size: f"bilstm_parameters(D={D}, hidden_size={hidden_size})",
    hints=(
        ("which parts are there?", "For each of 4 gates: W_ih, W_hh and two biases; all of that once a direction."),
        ("which sizes?", "W_ih is hidden_size x D, W_hh hidden_size x hidden_size, a bias hidden_size numbers."),
        ("how do I check myself?", "`sum(p.numel() for p in torch.nn.LSTM(2, 3, bidirectional=True).parameters())`"),
    ),
)

# 11-4 ---------------------------------------------------------------------------------------------------------------


def focal(loss):
    return (1 - math.exp(-loss)) ** 2 * loss


FOCAL = Exercise(
    key="11-4",
    title="focal CTC",
    solution=focal,
    mistakes=mistakes(
        focal,
        """
        forgets the square :: ** 2 ->
            The factor is (1 - p) to the power of 2.
        weighs with p, not with 1 - p :: 1 - math.exp(-loss) -> math.exp(-loss)
            This favours what is read well already. The factor should be near 0 where p is near 1.
        takes the loss for the probability :: math.exp(-loss) -> loss
            The loss is -ln p. So p is exp(-loss).
        returns the factor alone :: * loss ->
            The factor weighs the loss: multiply by it.
        squares the loss too :: (1 - math.exp(-loss)) ** 2 * loss -> ((1 - math.exp(-loss)) * loss) ** 2
            Only the factor is squared.
        takes exp(loss) for p :: exp(-loss) -> exp(loss)
            The loss is -ln p. So p is exp(-loss), with the minus; exp(loss) is above 1.
        squares p, and not 1 - p :: (1 - math.exp(-loss)) ** 2 -> (1 - math.exp(-loss) ** 2)
            First 1 - p, then the square.
        """,
    ),
    cases=[(1.0,), (0.0,), (0.01,), (0.5,), (3.0,), (20.0,)],
    hints=(
        ("what is p?", "The loss is -ln p(Y | X), so p is `math.exp(-loss)`."),
        ("how does it go together?", "`(1 - p) ** 2 * loss`"),
    ),
)

# 11-5 ---------------------------------------------------------------------------------------------------------------


def decode(path):
    labels, before = [], 0
    for k in path:
        if k not in (0, before):
            labels.append(k)
        before = k
    return labels


DECODE = Exercise(
    key="11-5",
    title="mend the decoder",
    solution=decode,
    mistakes=mistakes(
        decode,
        """
        still loses a letter at frame 0 :: = lambda path: [b for a, b in pairwise(path) if b not in (0, a)]
            Frame 0 has nothing before it: whatever it says begins a run. Let the sign before it be the blank.
        compares frame 0 with the last frame :: labels, before = [], 0 -> labels, before = [], path[-1] if path else 0
            `path[t - 1]` is the last sign where t is 0: Python counts from the end.
        adds the first sign even where it is the blank ::
            = lambda path: path[:1] + [b for a, b in pairwise(path) if b not in (0, a)]
            A blank is no letter, at frame 0 either.
        takes the first sign as it is, and needs one ::
            = lambda path: [path[0]] + [b for a, b in pairwise(path) if b not in (0, a)]
            The first sign may be the blank, which is no letter; and an empty path has none.
        loses the last run :: = lambda path: [a for a, b in pairwise(path) if a not in (0, b)]
            A run that reaches the end of the path is ended by no other sign. Keep a letter where its run begins.
        drops the blanks before it merges :: before = k -> before = k or before
            Compare each sign with the one before it in the path, blank or not.
        merges nothing :: (0, before) -> (0,)
            A run of equal signs is one letter.
        """,
        pairwise=pairwise,
    ),
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
    hints=(
        ("which paths go wrong?", "Try `[3, 3, 0, 5]`: what does the loop compare frame 0 with?"),
        ("what stands before frame 0?", "Nothing that could swallow a letter: keep `before = 0` and start there."),
    ),
)

# 11-6 ---------------------------------------------------------------------------------------------------------------


def _across_blanks(path):
    frames = []
    for t, k in enumerate(path):
        if k != 0 and frames and frames[-1][0] == k:
            frames[-1] = (k, frames[-1][1], t)
        elif k != 0:
            frames.append((k, t, t))
    return frames


def letter_frames(path):
    frames, t = [], 0
    for k, run in groupby(path):
        length = len(list(run))
        if k != 0:
            frames.append((k, t, t + length - 1))
        t += length
    return frames


LETTER_FRAMES = Exercise(
    key="11-6",
    title="the frames of each letter",
    solution=letter_frames,
    mistakes=mistakes(
        letter_frames,
        """
        lists the blanks too :: if k != 0 -> if True
            A blank is no letter: leave runs of class 0 out.
        joins equal letters across a blank :: = _across_blanks
            The blank between them makes them two letters: look at runs of the whole path.
        ends one frame too late :: t + length - 1 -> t + length
            The last frame of a run of length n that begins at t is t + n - 1.
        counts the letters, not the frames :: t, t + length - 1 -> len(frames), len(frames)
            Keep a frame counter that grows by the length of each run, blanks included.
        loses the last run :: if k != 0 -> if k != 0 and t + length < len(path)
            A run that reaches the end of the path is not ended by another class: add it after the loop.
        does not count the frames of the blank :: t += length -> t += length if k != 0 else 0
            Blanks take frames too: the counter grows by the length of every run, including those left out.
        counts the frames of the blank alone :: t += length -> t += length if k == 0 else 0
            The counter grows by the length of every run. With `groupby`, take `n = len(list(run))` once: the second
            time the run is empty.
        gives the length in place of the last frame :: t + length - 1 -> length
            The last frame of a run of length n that begins at t is t + n - 1.
        counts frames from 1 :: frames, t = [], 0 -> frames, t = [], 1
            The first frame is frame 0.
        """,
    ),
    cases=[([8, 8, 0, 5],), ([0, 12, 0, 12, 0],), ([3],), ([],), ([0, 0],), ([1, 2, 2, 2, 0, 0, 2],)],
    hints=(
        (
            "how do I find runs?",
            "`groupby(path)` yields each class with its run; `n = len(list(run))` is its length. A run can be "
            "read only once.",
        ),
        ("which frame is it?", "Start a counter at 0, and add each run's length, blank or not."),
    ),
)

EXERCISES = (NARROWEST, TO_STEPS, BILSTM_PARAMETERS, FOCAL, DECODE, LETTER_FRAMES)
