"""Exercises of lesson 08, Reading raw pixels."""

from __future__ import annotations

import math

import numpy as np
import torch

from crnn_lessons.exercises import Exercise, mistakes

# 08-1 ---------------------------------------------------------------------------------------------------------------


def _images(n, h, w):
    return 0.25 + np.arange(n * h * w, dtype=np.float64).reshape(n, h, w)


def to_frames(images):
    return np.moveaxis(np.asarray(images), 2, 0)


TO_FRAMES = Exercise(
    key="08-1",
    title="columns as time steps",
    solution=to_frames,
    mistakes=mistakes(
        to_frames,
        """
        takes the rows as time steps :: 2, 0 -> 1, 0
            Text runs along the width: time step t is column t of each picture.
        reshapes where it should move axes ::
            np.moveaxis(np.asarray(images), 2, 0) -> images.reshape(images.shape[2], *images.shape[:2])
            `reshape` and `view` leave the numbers in their order and draw new borders: rows of one picture end up in
            another. Move the axes.
        leaves the batch first :: 2, 0 -> 2, 1
            The time axis stands first here: T N H, as torch's LSTM and CTC want it.
        puts the batch last :: np.moveaxis(np.asarray(images), 2, 0) -> images.T
            `.T` turns all axes around. The column's pixels belong at the end: T N H.
        reads from right to left :: 2, 0) -> 2, 0)[::-1]
            Step 0 is the leftmost column.
        """,
    ),
    cases=[(_images(2, 3, 4),), (_images(3, 3, 3),), (_images(1, 2, 5),), (_images(4, 4, 4),)],
    show_case=lambda images: f"to_frames of images of the shape N H W = {images.shape}",
    hints=(
        ("which axis is time?", "The width. What was axis 2 becomes axis 0."),
        ("which function?", "`np.moveaxis(x, source, destination)`, or `rearrange(x, 'n h w -> ...')` of einops."),
    ),
)

# 08-2 ---------------------------------------------------------------------------------------------------------------


def _line(h, w, seed, empty=()):
    line = np.random.default_rng(seed).integers(1, 10, size=(h, w)) + 0.5
    line[:, list(empty)] = 0
    return line


def pad_columns(images):
    lengths = [image.shape[1] for image in images]
    frames = np.zeros((max(lengths), len(images), images[0].shape[0]))
    for n, image in enumerate(images):
        frames[: lengths[n], n] = image.T
    return frames, np.array(lengths)


PAD_COLUMNS = Exercise(
    key="08-2",
    title="a batch of lines of different widths",
    solution=pad_columns,
    mistakes=mistakes(
        pad_columns,
        """
        gives every line the length of the widest :: np.array(lengths) -> [max(lengths)] * len(lengths)
            Then CTC must explain the padding too, and may put letters there. A line's length is its own width.
        takes the height for the length :: np.array(lengths) -> [image.shape[0] for image in images]
            Time runs along the width: `image.shape[1]`.
        pads on the left :: frames[: lengths[n], n] -> frames[-lengths[n] :, n]
            Frame 0 of each line is its first column; what is missing is filled in after the last.
        cuts all lines to the narrowest ::
            image.shape[1] for -> min(i.shape[1] for i in images) for & image.T -> image.T[: lengths[n]]
            The ends of the wider lines are lost, letters and all. Make room for the widest.
        leaves the batch first :: return frames, -> return frames.swapaxes(0, 1),
            The frames are T N H: time first.
        counts the columns with ink :: np.array(lengths) -> [int(image.any(axis=0).sum()) for image in images]
            An empty column within the picture is a time step too; its frame may say blank.
        puts the batch last :: return frames, -> return frames.swapaxes(1, 2),
            The frames are T N H: the rows of a column stand at the end.
        returns the lengths first :: return frames, np.array(lengths) -> return np.array(lengths), frames
            First the frames, then the input lengths.
        cuts the pixels to whole numbers :: images[0].shape[0])) -> images[0].shape[0]), dtype=int)
            An array of the type int or uint8 drops what stands behind the point. Leave `dtype` out: `np.zeros` makes
            floating-point numbers.
        """,
    ),
    cases=[
        ([_line(2, 3, 0), _line(2, 5, 1)],),
        ([_line(3, 3, 2)],),
        ([(2 * _line(3, 2, 5)).astype(np.uint8), (2 * _line(3, 4, 6)).astype(np.uint8)],),
        ([_line(2, 4, 3, empty=(0, 3)), _line(2, 2, 4), _line(2, 4, 5)],),
    ],
    show_case=lambda images: f"pad_columns of pictures of the widths {[image.shape[1] for image in images]}",
    hints=(
        ("where do I begin?", "`frames = np.zeros((widest, N, H))`, then fill in one picture after another."),
        ("the shapes do not fit", "A picture is H x W; its columns as rows are `image.T`, W x H."),
    ),
)

# 08-3 ---------------------------------------------------------------------------------------------------------------

NARROWEST = Exercise(
    key="08-3",
    title="the narrowest line of '1000200' with two columns a step",
    solution=20,
    mistakes=mistakes(
        20,
        """
        forgets the three double zeros :: = 2 * 7
            T is at least S + r, and r is 3 here (lesson 05).
        counts time steps, not pixels :: = 7 + 3
            Each step takes two columns.
        counts the characters alone :: = 7
            Double zeros need a blank between them; a step is two columns.
        counts two double zeros :: = 2 * (7 + 2)
            00 stands twice in 000 and once in 00: r counts neighbours.
        lets the last step be half full :: = 19
            19 // 2 is 9 steps: one too few.
        """,
    ),
    hints=(
        ("how many steps?", "S + r: seven digits, and a blank for each pair of equal neighbours."),
        ("how many columns?", "Two for each step."),
    ),
    source="answer = 2 * (7 + 3)",
)

# 08-5 ---------------------------------------------------------------------------------------------------------------


def blind_loss(T, b, K):
    q = (1 - b) / K
    return -math.log(sum((T - m + 1) * q**m * b ** (T - m) for m in range(1, T + 1)))


BLIND_LOSS = Exercise(
    key="08-5",
    title="the loss of a network that does not look",
    solution=blind_loss,
    # one place too few leaves no path at T = 1: with np.log the loss is then inf, with math.log an error
    mistakes=mistakes(
        blind_loss,
        """
        lets the character take one step only :: range(1, T + 1) -> range(1, 2)
            It may be held for m = 2, 3 ... steps as well. Few are likely, and all of them count.
        forgets that the run may begin at several places :: (T - m + 1) * ->
            A run of m steps fits into T steps at T - m + 1 places, and each is an alignment.
        counts one place too few :: T - m + 1 -> T - m
        :: math.log -> np.log & T - m + 1 -> T - m
            A run of m = T steps has one place, not none: T - m + 1.
        leaves the blanks out of the product :: * b ** (T - m) ->
            The other T - m steps say blank, with probability b each.
        gives the right character all that the blank leaves :: (1 - b) / K -> 1 - b
            The network does not know which of the K characters it is: each has (1 - b) / K.
        counts the path of blanks alone too :: range(1, T + 1) -> range(0, T + 1)
            With m = 0 the path spells the empty text. The character takes one step at least: 1 <= m <= T.
        chooses any m of the steps, side by side or not :: (T - m + 1) -> math.comb(T, m)
            Two runs with a blank between them spell the character twice. There is one run.
        takes the logarithm to base 2 :: math.log -> math.log2
            The losses of this course are in nats: `math.log`.
        returns the probability :: -math.log(sum -> (sum
            The loss is minus its natural logarithm.
        has the sign wrong :: -math.log -> math.log
            A probability is at most 1, so its logarithm is not positive, and the loss is minus that.
        """,
    ),
    cases=[(1, 0.5, 10), (2, 0.5, 10), (4, 0.9, 2), (10, 0.9, 10), (40, 0.97, 26)],
    tolerance=1e-5,
    hints=(
        ("which alignments?", "Blanks, then one run of m steps with the character, then blanks: 1 <= m <= T."),
        ("how many of each?", "The run may begin at step 0, 1, ... T - m."),
        ("and their probability?", "With q = (1 - b) / K, each has q**m * b**(T - m). Add, then take -log."),
    ),
)

# 08-6 ---------------------------------------------------------------------------------------------------------------

LINES = [
    (np.array([[0.0, 0, 0], [1, 1, 1], [0.0, 0, 0], [0, 1, 0], [0, 0, 0]]),),
    (np.array([[0.0, 0.3, 0, 0], [2, 2, 0, 0], [2, 0, 0.9, 0], [1.5, 1.2, 0, 0], [0, 0, 0, 0], [0, 0.2, 0, 2]]),),
    (np.array([[0.0, 0.1], [0.4, 0.4], [0.0, 0.3], [0.2, 0.4]]),),
]


def _weighted(line):
    weight, rows = np.sum(line, axis=1), np.arange(len(line))
    mean = np.average(rows, weights=weight)
    return mean, math.sqrt(np.average((rows - mean) ** 2, weights=weight))


def ink_rows(line):
    rows, _ = np.nonzero(np.asarray(line) > 0.5 * np.max(line))
    return float(rows.mean()), float(rows.std())


INK_ROWS = Exercise(
    key="08-6",
    title="mean and spread of the rows of ink",
    solution=ink_rows,
    mistakes=mistakes(
        ink_rows,
        """
        weights each pixel by its brightness :: = _weighted
            Here a pixel is ink or not: brighter than half of the brightest. All ink counts the same.
        measures the columns :: rows, _ = -> _, rows =
            `np.nonzero` gives rows first, then columns.
        counts each row once :: return -> rows = np.unique(rows); return
            A row with much ink counts more: take the row of every pixel of ink.
        returns the variance :: std() -> var()
            The spread is its square root: pixels, not squares of them.
        divides by one pixel too few :: std() -> std(ddof=1)
            `ddof=1` estimates the spread of a larger population; here all the ink is at hand.
        takes one half as the threshold on every line :: 0.5 * np.max(line) -> 0.5
            The threshold is half of the line's own brightest pixel, so that faint print counts too.
        takes the mean absolute deviation :: rows.std() -> np.abs(rows - rows.mean()).mean()
            The standard deviation is the root of the mean of the squares.
        returns the spread first :: mean() -> std() & std() -> mean()
            First the mean, then the spread.
        takes 128 as the threshold :: 0.5 * np.max(line) -> 128
            No pixel of these lines is above 128, and the mean of nothing is nan. The threshold is half of the line's
            own brightest pixel.
        takes every pixel above 0 as ink :: 0.5 * np.max(line) -> 0
            Ink is what exceeds half of the brightest pixel.
        """,
    ),
    cases=LINES,
    show_case=lambda line: f"ink_rows({np.asarray(line).tolist()})",
    hints=(
        ("what is ink?", "`line > 0.5 * line.max()`: an array of True and False."),
        ("the row of each pixel of ink", "`rows, _ = np.nonzero(mask)`; then `rows.mean()` and `rows.std()`."),
    ),
)

# 08-7 ---------------------------------------------------------------------------------------------------------------


def window(mean, spread, height, reach):
    scale = 2 * reach * spread / height
    return scale, mean - scale * height / 2


WINDOW = Exercise(
    key="08-7",
    title="from mean and spread to the rows to read",
    solution=window,
    mistakes=mistakes(
        window,
        """
        has the scale upside down :: 2 * reach * spread / height -> height / (2 * reach * spread)
        :: = lambda mean, spread, height, reach: (height / (2 * reach * spread), mean - reach * spread)
            The scale is rows of the input for one row of the result: 2 reach spread of them become height rows.
        forgets that the window reaches both ways :: 2 * reach -> reach
            reach · spread above the mean and as much below: 2 reach spread rows in all.
        steps back by rows of the result :: scale * height / 2 -> height / 2
            The offset is a row of the input. Half of the window is scale · height / 2 of them.
        puts the mean at the top :: mean - scale * height / 2 -> mean
            Row height / 2 of the result must read the mean; row 0 lies half a window above.
        steps down where it should step up :: mean - -> mean +
            Row 0 of the result lies above the mean: a smaller row number.
        shares the window out over height - 1 rows :: / height -> / (height - 1) & scale * height / 2 -> reach * spread
            Row i is read at scale * i + offset, and row `height`, one past the last, is the lower edge.
        returns the offset first :: scale, mean - scale * height / 2 -> mean - scale * height / 2, scale
            First the scale, then the offset.
        """,
    ),
    cases=[(30.0, 4.0, 80, 5), (12.5, 3.0, 20, 2.5), (0.0, 1.0, 10, 5), (40.0, 10.0, 48, 4), (21.3, 2.7, 21, 2.5)],
    hints=(
        ("how many rows are read?", "From mean - reach · spread to mean + reach · spread."),
        ("the scale", "These rows, divided by the rows of the result."),
        ("the offset", "Solve scale · height / 2 + offset = mean."),
    ),
)

# 08-4 ---------------------------------------------------------------------------------------------------------------


def _frames(t, n, d):
    return torch.arange(1.0, 1 + t * n * d).reshape(t, n, d)


def reverse(frames, lengths):
    out = frames.clone()
    for n, T in enumerate(lengths):
        out[:T, n] = frames[:T, n].flip(0)
    return out


REVERSE = Exercise(
    key="08-4",
    title="turn each line around within its own length",
    solution=reverse,
    mistakes=mistakes(
        reverse,
        """
        turns the whole array around :: = lambda frames, lengths: frames.flip(0)
            Then a short line begins with its padding. Each line turns around within its own length: `frames[:T, n]`.
        turns the numbers of a frame around, too :: flip(0) -> flip(0, 1)
            A frame is a column of pixels; its order stays. `frames[:T, n]` is T x D, and time is axis 0.
        turns the numbers of a frame around :: flip(0) -> flip(1)
            A frame is a column of pixels; its order stays. `frames[:T, n]` is T x D, and time is axis 0.
        puts the line at the end of the array :: out[:T, n] -> out[len(frames) - T :, n]
            The turned line begins at step 0, where the other LSTM begins to read.
        turns all samples around at each length :: out[:T, n] -> out[:T] & frames[:T, n] -> frames[:T]
            Each sample has its own length: `[:T, n]` takes sample n alone.
        empties what lies past the end :: frames.clone() -> torch.zeros_like(frames)
            What lies past a line's length stays as it is: start from a copy of the frames.
        takes the first length for all :: enumerate(lengths) -> enumerate([lengths[0]] * len(lengths))
            Each sample has its own length, `lengths[n]`.
        """,
    ),
    cases=[
        (_frames(4, 2, 1), torch.tensor([4, 2])),
        (_frames(3, 1, 2), torch.tensor([3])),
        (_frames(5, 3, 2), torch.tensor([2, 5, 1])),
    ],
    show_case=lambda frames, lengths: f"reverse(frames, {lengths.tolist()}) with T, N, D = {tuple(frames.shape)}",
    hints=(
        (
            "where do I begin?",
            "`out = frames.clone()`, then a loop over samples: `for n, T in enumerate(lengths)`.",
        ),
        ("one sample", "Its frames are `frames[:T, n]`, T x D. `x.flip(0)` turns x around along its first axis."),
    ),
)

EXERCISES = (TO_FRAMES, PAD_COLUMNS, NARROWEST, REVERSE, BLIND_LOSS, INK_ROWS, WINDOW)
