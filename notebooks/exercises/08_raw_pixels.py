"""Exercises of lesson 08, Reading raw pixels."""

from __future__ import annotations

import math

import numpy as np

from crnn_lessons.exercises import Exercise, Mistake

# 08-1 ---------------------------------------------------------------------------------------------------------------


def to_frames(images):
    return np.moveaxis(np.asarray(images), 2, 0)


def _images(n, h, w):
    return 0.25 + np.arange(n * h * w, dtype=np.float64).reshape(n, h, w)


# 08-2 ---------------------------------------------------------------------------------------------------------------


def pad_columns(images):
    lengths = [image.shape[1] for image in images]
    frames = np.zeros((max(lengths), len(images), images[0].shape[0]))
    for n, image in enumerate(images):
        frames[: lengths[n], n] = image.T
    return frames, np.array(lengths)


def _lengths_of_the_widest(images):
    frames, lengths = pad_columns(images)
    return frames, [max(lengths)] * len(lengths)


def _lengths_are_heights(images):
    return pad_columns(images)[0], [image.shape[0] for image in images]


def _padded_on_the_left(images):
    frames, lengths = pad_columns(images)
    for n, length in enumerate(lengths):
        frames[:, n] = np.roll(frames[:, n], len(frames) - length, axis=0)
    return frames, lengths


def _cut_to_the_narrowest(images):
    narrow = min(image.shape[1] for image in images)
    return np.stack([image[:, :narrow].T for image in images], axis=1), [narrow] * len(images)


def _batch_first(images):
    frames, lengths = pad_columns(images)
    return frames.swapaxes(0, 1), lengths


def _count_of_inked_columns(images):
    return pad_columns(images)[0], [int(image.any(axis=0).sum()) for image in images]


def _line(h, w, seed, empty=()):
    line = np.random.default_rng(seed).integers(1, 10, size=(h, w)) + 0.5
    line[:, list(empty)] = 0
    return line


# 08-4 ---------------------------------------------------------------------------------------------------------------


def blind_loss(T, b, K):
    q = (1 - b) / K
    return -math.log(sum((T - m + 1) * q**m * b ** (T - m) for m in range(1, T + 1)))


def _negative_log(probability):
    return lambda T, b, K: -math.log(probability(T, b, (1 - b) / K)) if probability(T, b, (1 - b) / K) > 0 else math.inf


def _single_steps(T, b, q):
    return T * q * b ** (T - 1)


def _one_place(T, b, q):
    return sum(q**m * b ** (T - m) for m in range(1, T + 1))


def _one_place_too_few(T, b, q):
    return sum((T - m) * q**m * b ** (T - m) for m in range(1, T + 1))


def _free_blanks(T, b, q):
    return sum((T - m + 1) * q**m for m in range(1, T + 1))


# 08-5 and 08-6 ------------------------------------------------------------------------------------------------------


def ink_rows(line):
    rows, _ = np.nonzero(np.asarray(line) > 0.5 * np.max(line))
    return float(rows.mean()), float(rows.std())


def _weighted(line):
    weight, rows = np.sum(line, axis=1), np.arange(len(line))
    mean = np.average(rows, weights=weight)
    return mean, math.sqrt(np.average((rows - mean) ** 2, weights=weight))


def _columns(line):
    _, columns = np.nonzero(np.asarray(line) > 0.5 * np.max(line))
    return columns.mean(), columns.std()


def _each_row_once(line):
    rows = np.flatnonzero((np.asarray(line) > 0.5 * np.max(line)).any(axis=1))
    return rows.mean(), rows.std()


def _variance(line):
    mean, spread = ink_rows(line)
    return mean, spread**2


def _sample_spread(line):
    rows, _ = np.nonzero(np.asarray(line) > 0.5 * np.max(line))
    return rows.mean(), rows.std(ddof=1)


def _half_of_one(line):
    rows, _ = np.nonzero(np.asarray(line) > 0.5)
    return (float(rows.mean()), float(rows.std())) if len(rows) else (math.nan, math.nan)


def _absolute(line):
    rows, _ = np.nonzero(np.asarray(line) > 0.5 * np.max(line))
    return rows.mean(), np.abs(rows - rows.mean()).mean()


def _any_ink(line):
    rows, _ = np.nonzero(np.asarray(line) > 0)
    return rows.mean(), rows.std()


LINES = [
    (np.array([[0.0, 0, 0], [1, 1, 1], [0.0, 0, 0], [0, 1, 0], [0, 0, 0]]),),
    (np.array([[0.0, 0.3, 0, 0], [2, 2, 0, 0], [2, 0, 0.9, 0], [1.5, 1.2, 0, 0], [0, 0, 0, 0], [0, 0.2, 0, 2]]),),
    (np.array([[0.0, 0.1], [0.4, 0.4], [0.0, 0.3], [0.2, 0.4]]),),
]


def window(mean, spread, height, reach):
    scale = 2 * reach * spread / height
    return scale, mean - scale * height / 2


EXERCISES = (
    Exercise(
        key="08-1",
        title="columns as time steps",
        solution=to_frames,
        cases=[(_images(2, 3, 4),), (_images(3, 3, 3),), (_images(1, 2, 5),), (_images(4, 4, 4),)],
        show_case=lambda images: f"to_frames of images of the shape N H W = {images.shape}",
        mistakes=(
            Mistake(
                "takes the rows as time steps",
                lambda images: np.moveaxis(images, 1, 0),
                "Text runs along the width: time step t is column t of each picture.",
            ),
            Mistake(
                "reshapes where it should move axes",
                lambda images: images.reshape(images.shape[2], images.shape[0], images.shape[1]),
                "`reshape` and `view` leave the numbers in their order and draw new borders: rows of one picture "
                "end up in another. Move the axes.",
            ),
            Mistake(
                "leaves the batch first",
                lambda images: np.swapaxes(images, 1, 2),
                "The time axis stands first here: T N H, as torch's LSTM and CTC want it.",
            ),
            Mistake(
                "puts the batch last",
                lambda images: np.transpose(images, (2, 1, 0)),
                "`.T` turns all axes around. The column's pixels belong at the end: T N H.",
            ),
            Mistake(
                "reads from right to left",
                lambda images: np.moveaxis(images, 2, 0)[::-1],
                "Step 0 is the leftmost column.",
            ),
        ),
        hints=(
            ("which axis is time?", "The width. What was axis 2 becomes axis 0."),
            ("which function?", "`np.moveaxis(x, source, destination)`, or `rearrange(x, 'n h w -> ...')` of einops."),
        ),
    ),
    Exercise(
        key="08-2",
        title="a batch of lines of different widths",
        solution=pad_columns,
        cases=[
            ([_line(2, 3, 0), _line(2, 5, 1)],),
            ([_line(3, 3, 2)],),
            ([_line(2, 4, 3, empty=(0, 3)), _line(2, 2, 4), _line(2, 4, 5)],),
        ],
        show_case=lambda images: f"pad_columns of pictures of the widths {[image.shape[1] for image in images]}",
        mistakes=(
            Mistake(
                "gives every line the length of the widest",
                _lengths_of_the_widest,
                "Then CTC must explain the padding too, and may put letters there. A line's length is its own width.",
            ),
            Mistake(
                "takes the height for the length", _lengths_are_heights, "Time runs along the width: `image.shape[1]`."
            ),
            Mistake(
                "pads on the left",
                _padded_on_the_left,
                "Frame 0 of each line is its first column; what is missing is filled in after the last.",
            ),
            Mistake(
                "cuts all lines to the narrowest",
                _cut_to_the_narrowest,
                "The ends of the wider lines are lost, letters and all. Make room for the widest.",
            ),
            Mistake("leaves the batch first", _batch_first, "The frames are T N H: time first."),
            Mistake(
                "counts the columns with ink",
                _count_of_inked_columns,
                "An empty column within the picture is a time step too; its frame may say blank.",
            ),
        ),
        hints=(
            ("where do I begin?", "`frames = np.zeros((widest, N, H))`, then fill in one picture after another."),
            ("the shapes do not fit", "A picture is H x W; its columns as rows are `image.T`, W x H."),
        ),
    ),
    Exercise(
        key="08-3",
        title="the narrowest line of '1000200' with two columns a step",
        solution=20,
        mistakes=(
            Mistake("forgets the three double zeros", 14, "T is at least S + r, and r is 3 here (lesson 05)."),
            Mistake("counts time steps, not pixels", 10, "Each step takes two columns."),
            Mistake("counts the characters alone", 7, "Double zeros need a blank between them; a step is two columns."),
            Mistake("counts two double zeros", 18, "00 stands twice in 000 and once in 00: r counts neighbours."),
            Mistake("lets the last step be half full", 19, "19 // 2 is 9 steps: one too few."),
        ),
        hints=(
            ("how many steps?", "S + r: seven digits, and a blank for each pair of equal neighbours."),
            ("how many columns?", "Two for each step."),
        ),
        source="answer = 2 * (7 + 3)",
    ),
    Exercise(
        key="08-4",
        title="the loss of a network that does not look",
        solution=blind_loss,
        cases=[(1, 0.5, 10), (2, 0.5, 10), (4, 0.9, 2), (10, 0.9, 10), (40, 0.97, 26)],
        tolerance=1e-5,
        mistakes=(
            Mistake(
                "lets the character take one step only",
                _negative_log(_single_steps),
                "It may be held for m = 2, 3 ... steps as well. Few are likely, and all of them count.",
            ),
            Mistake(
                "forgets that the run may begin at several places",
                _negative_log(_one_place),
                "A run of m steps fits into T steps at T - m + 1 places, and each is an alignment.",
            ),
            Mistake(
                "counts one place too few",
                _negative_log(_one_place_too_few),
                "A run of m = T steps has one place, not none: T - m + 1.",
            ),
            Mistake(
                "leaves the blanks out of the product",
                _negative_log(_free_blanks),
                "The other T - m steps say blank, with probability b each.",
            ),
            Mistake(
                "gives the right character all that the blank leaves",
                lambda T, b, K: blind_loss(T, b, 1),
                "The network does not know which of the K characters it is: each has (1 - b) / K.",
            ),
            Mistake(
                "counts the path of blanks alone too",
                _negative_log(lambda T, b, q: (T + 1) * b**T + math.exp(-blind_loss(T, b, (1 - b) / q))),
                "With m = 0 the path spells the empty text. The character takes one step at least: 1 <= m <= T.",
            ),
            Mistake(
                "chooses any m of the steps, side by side or not",
                _negative_log(lambda T, b, q: sum(math.comb(T, m) * q**m * b ** (T - m) for m in range(1, T + 1))),
                "Two runs with a blank between them spell the character twice. There is one run.",
            ),
            Mistake(
                "takes the logarithm to base 2",
                lambda T, b, K: blind_loss(T, b, K) / math.log(2),
                "The losses of this course are in nats: `math.log`.",
            ),
            Mistake(
                "returns the probability",
                lambda T, b, K: math.exp(-blind_loss(T, b, K)),
                "The loss is minus its natural logarithm.",
            ),
            Mistake(
                "has the sign wrong",
                lambda T, b, K: -blind_loss(T, b, K),
                "A probability is at most 1, so its logarithm is not positive, and the loss is minus that.",
            ),
        ),
        hints=(
            ("which alignments?", "Blanks, then one run of m steps with the character, then blanks: 1 <= m <= T."),
            ("how many of each?", "The run may begin at step 0, 1, ... T - m."),
            ("and their probability?", "With q = (1 - b) / K, each has q**m * b**(T - m). Add, then take -log."),
        ),
    ),
    Exercise(
        key="08-5",
        title="mean and spread of the rows of ink",
        solution=ink_rows,
        cases=LINES,
        show_case=lambda line: f"ink_rows({np.asarray(line).tolist()})",
        mistakes=(
            Mistake(
                "weighs each pixel with its brightness",
                _weighted,
                "That is nearer to the third form. Here a pixel is ink or not: brighter than half of the brightest.",
            ),
            Mistake("measures the columns", _columns, "`np.nonzero` gives rows first, then columns."),
            Mistake(
                "counts each row once",
                _each_row_once,
                "A row with much ink counts more: take the row of every pixel of ink.",
            ),
            Mistake("returns the variance", _variance, "The spread is its square root: pixels, not squares of them."),
            Mistake(
                "divides by one pixel too few",
                _sample_spread,
                "`ddof=1` estimates the spread of a larger population; here all the ink is at hand.",
            ),
            Mistake(
                "takes one half as the threshold on every line",
                _half_of_one,
                "The threshold is half of the line's own brightest pixel, so that faint print counts too.",
            ),
            Mistake(
                "takes the mean absolute deviation",
                _absolute,
                "That belongs to another form. The standard deviation is the root of the mean of the squares.",
            ),
            Mistake("returns the spread first", lambda line: ink_rows(line)[::-1], "First the mean, then the spread."),
            Mistake(
                "takes 128 as the threshold",
                lambda line: (math.nan, math.nan),
                "No pixel of these lines is above 128, and the mean of nothing is nan. The threshold is half of the "
                "line's own brightest pixel.",
            ),
            Mistake("takes every pixel above 0 as ink", _any_ink, "Ink is what exceeds half of the brightest pixel."),
        ),
        hints=(
            ("what is ink?", "`line > 0.5 * line.max()`: an array of True and False."),
            (
                "the row of each pixel of ink",
                "`rows, _ = np.nonzero(mask)`; then `rows.mean()` and `rows.std()`.",
            ),
        ),
    ),
    Exercise(
        key="08-6",
        title="from mean and spread to the rows to read",
        solution=window,
        cases=[(30.0, 4.0, 80, 5), (12.5, 3.0, 20, 2.5), (0.0, 1.0, 10, 5), (40.0, 10.0, 48, 4), (21.3, 2.7, 21, 2.5)],
        mistakes=(
            Mistake(
                "has the scale upside down",
                lambda m, s, h, r: (h / (2 * r * s), m - h / (2 * r * s) * h / 2),
                "The scale is rows of the input for one row of the result: 2 reach spread of them become height rows.",
            ),
            Mistake(
                "forgets that the window reaches both ways",
                lambda m, s, h, r: (r * s / h, m - r * s / h * h / 2),
                "reach · spread above the mean and as much below: 2 reach spread rows in all.",
            ),
            Mistake(
                "steps back by rows of the result",
                lambda m, s, h, r: (2 * r * s / h, m - h / 2),
                "The offset is a row of the input. Half of the window is scale · height / 2 of them.",
            ),
            Mistake(
                "puts the mean at the top",
                lambda m, s, h, r: (2 * r * s / h, m),
                "Row height / 2 of the result must read the mean; row 0 lies half a window above.",
            ),
            Mistake(
                "steps down where it should step up",
                lambda m, s, h, r: (2 * r * s / h, m + r * s),
                "Row 0 of the result lies above the mean: a smaller row number.",
            ),
            Mistake(
                "shares the window out over height - 1 rows",
                lambda m, s, h, r: (2 * r * s / (h - 1), m - r * s),
                "Row i is read at scale * i + offset, and row `height`, one past the last, is the lower edge.",
            ),
            Mistake(
                "returns the offset first",
                lambda m, s, h, r: window(m, s, h, r)[::-1],
                "First the scale, then the offset.",
            ),
        ),
        hints=(
            ("how many rows are read?", "From mean - reach · spread to mean + reach · spread."),
            ("the scale", "These rows, divided by the rows of the result."),
            ("the offset", "Solve scale · height / 2 + offset = mean."),
        ),
    ),
)
