"""Wrong answers to lesson 08 as learners write them: each must be caught, and its cause named."""

import math

import numpy as np
import pytest
import torch
from einops import rearrange

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import ctc_loss, enumerate_probability
from crnn_lessons.data.batches import columns
from crnn_lessons.exercises import catalogue
from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from crnn_lessons.reader.raw_pixels import reverse
from crnn_lessons.text.normalise import moments
from tests.exercises.answers import assert_complete, assert_named, assert_right

lesson_08 = catalogue.load("08")

# Written apart from the catalogue in notebooks/exercises/08_raw_pixels.py, which the engine compares with.


def padded(images, lengths, first=lambda widest, width: 0, axes="t n h"):
    widest = max(image.shape[1] for image in images)
    out = np.zeros((widest, len(images), len(images[0])))
    for n, image in enumerate(images):
        begin = first(widest, image.shape[1])
        for x in range(image.shape[1]):
            out[begin + x, n] = image[:, x]
    return rearrange(out, f"t n h -> {axes}"), lengths


def widths(images):
    return [image.shape[1] for image in images]


def cut_off(images):
    least = min(widths(images))
    return rearrange(np.array([image[:, :least] for image in images]), "n h t -> t n h"), [least for _ in images]


def with_ink(images):
    return [sum(1 for x in range(image.shape[1]) if max(image[:, x]) > 0) for image in images]


def alignments_of(T, b, K, places, blanks=True, longest=None):
    total = 0.0
    for m in range(1, (longest or T) + 1):
        total += places(T, m) * ((1 - b) / K) ** m * (b ** (T - m) if blanks else 1)
    return -math.log(total) if total > 0 else float("inf")


def math_log_one_place_too_few(T, b, K):
    return -math.log(sum((T - m) * ((1 - b) / K) ** m * b ** (T - m) for m in range(1, T + 1)))


def rows_of(line, mask):
    return [y for y in range(len(line)) for x in range(len(line[0])) if mask[y][x]]


def by_hand(line, mask=None, squared=False, one_less=0):
    mask = line > line.max() / 2 if mask is None else mask
    rows = rows_of(line, mask)
    mean = sum(rows) / len(rows) if rows else float("nan")
    variance = sum((y - mean) ** 2 for y in rows) / (len(rows) - one_less) if rows else float("nan")
    return mean, variance if squared else math.sqrt(variance)


def brightness(line):
    total = line.sum()
    mean = sum(y * row.sum() for y, row in enumerate(line)) / total
    return mean, math.sqrt(sum((y - mean) ** 2 * row.sum() for y, row in enumerate(line)) / total)


def rows_with_ink(line):
    rows = [y for y, row in enumerate(line) if row.max() > line.max() / 2]
    return np.mean(rows), np.std(rows)


def turned(frames, lengths, keep=True, ends=False, whole=False, inside=False):
    out = torch.zeros_like(frames) if not keep else frames.detach().clone()
    T_all = len(frames)
    for n in range(frames.shape[1]):
        T = T_all if whole else int(lengths[n])
        for t in range(T):
            frame = frames[T - 1 - t, n]
            out[t + (T_all - T if ends else 0), n] = frame[torch.arange(len(frame) - 1, -1, -1)] if inside else frame
    return out


def inside_only(frames, lengths):
    out = frames.clone()
    for n, T in enumerate(lengths.tolist()):
        out[:T, n] = frames[:T, n][:, torch.arange(frames.shape[2] - 1, -1, -1)]
    return out


def all_at_each_length(frames, lengths):
    out = frames.clone()
    for T in lengths.tolist():
        out[:T] = torch.stack([frames[T - 1 - t] for t in range(T)])
    return out


WRONG = [
    ("08-2", lambda x: padded(x, widths(x), axes="t h n"), "puts the batch last"),
    ("08-2", lambda x: (widths(x), padded(x, [])[0]), "returns the lengths first"),
    ("08-2", lambda x: (padded(x, [])[0].astype(np.uint8), widths(x)), "cuts the pixels to whole numbers"),
    ("08-5", math_log_one_place_too_few, "counts one place too few"),
    (
        "08-7",
        lambda mean, spread, height, reach: (height / 2 / (spread * reach), mean - spread * reach),
        "has the scale upside down",
    ),
    ("08-4", lambda x, lengths: turned(x, lengths, whole=True), "turns the whole array around"),
    ("08-4", lambda x, lengths: turned(x, lengths, inside=True), "turns the numbers of a frame around, too"),
    ("08-4", inside_only, "turns the numbers of a frame around"),
    ("08-4", lambda x, lengths: turned(x, lengths, ends=True), "puts the line at the end of the array"),
    ("08-4", all_at_each_length, "turns all samples around at each length"),
    ("08-4", lambda x, lengths: turned(x, lengths, keep=False), "empties what lies past the end"),
    ("08-4", lambda x, lengths: turned(x, lengths[:1].expand(len(lengths))), "takes the first length for all"),
    ("08-1", lambda x: rearrange(x, "n h w -> h n w"), "takes the rows as time steps"),
    ("08-1", lambda x: torch.tensor(x).view(x.shape[2], x.shape[0], x.shape[1]), "reshapes where it should move axes"),
    ("08-1", lambda x: rearrange(x, "n h w -> n w h"), "leaves the batch first"),
    ("08-1", lambda x: x.T, "puts the batch last"),
    ("08-1", lambda x: rearrange(x[:, :, ::-1], "n h w -> w n h"), "reads from right to left"),
    ("08-2", lambda x: padded(x, [max(widths(x))] * len(x)), "gives every line the length of the widest"),
    ("08-2", lambda x: padded(x, [len(image) for image in x]), "takes the height for the length"),
    ("08-2", lambda x: padded(x, widths(x), lambda widest, width: widest - width), "pads on the left"),
    ("08-2", cut_off, "cuts all lines to the narrowest"),
    ("08-2", lambda x: padded(x, widths(x), axes="n t h"), "leaves the batch first"),
    ("08-2", lambda x: padded(x, with_ink(x)), "counts the columns with ink"),
    (
        "08-5",
        lambda T, b, K: alignments_of(T, b, K, lambda T, m: T, longest=1),
        "lets the character take one step only",
    ),
    (
        "08-5",
        lambda T, b, K: alignments_of(T, b, K, lambda T, m: 1),
        "forgets that the run may begin at several places",
    ),
    ("08-5", lambda T, b, K: alignments_of(T, b, K, lambda T, m: T - m), "counts one place too few"),
    (
        "08-5",
        lambda T, b, K: alignments_of(T, b, K, lambda T, m: T - m + 1, blanks=False),
        "leaves the blanks out of the product",
    ),
    (
        "08-5",
        lambda T, b, K: alignments_of(T, b, 1, lambda T, m: T + 1 - m),
        "gives the right character all that the blank leaves",
    ),
    (
        "08-5",
        lambda T, b, K: -math.log(sum((T - m + 1) * ((1 - b) / K) ** m * b ** (T - m) for m in range(T + 1))),
        "counts the path of blanks alone too",
    ),
    (
        "08-5",
        lambda T, b, K: -math.log((b + (1 - b) / K) ** T - b**T),
        "chooses any m of the steps, side by side or not",
    ),
    (
        "08-5",
        lambda T, b, K: -math.log2(sum((T - m + 1) * ((1 - b) / K) ** m * b ** (T - m) for m in range(1, T + 1))),
        "takes the logarithm to base 2",
    ),
    (
        "08-5",
        lambda T, b, K: sum((T - m + 1) * ((1 - b) / K) ** m * b ** (T - m) for m in range(1, T + 1)),
        "returns the probability",
    ),
    ("08-5", lambda T, b, K: -alignments_of(T, b, K, lambda T, m: T + 1 - m), "has the sign wrong"),
    ("08-6", brightness, "weights each pixel by its brightness"),
    ("08-6", lambda line: by_hand(line.T), "measures the columns"),
    ("08-6", rows_with_ink, "counts each row once"),
    ("08-6", lambda line: by_hand(line, squared=True), "returns the variance"),
    ("08-6", lambda line: by_hand(line, one_less=1), "divides by one pixel too few"),
    ("08-6", lambda line: by_hand(line, line > 0.5), "takes one half as the threshold on every line"),
    ("08-6", lambda line: by_hand(line, line > 0), "takes every pixel above 0 as ink"),
    ("08-6", lambda line: by_hand(line)[::-1], "returns the spread first"),
    ("08-6", lambda line: by_hand(line, line > 128), "takes 128 as the threshold"),
    (
        "08-6",
        lambda line: (
            by_hand(line)[0],
            np.mean([abs(y - by_hand(line)[0]) for y in rows_of(line, line > line.max() / 2)]),
        ),
        "takes the mean absolute deviation",
    ),
    (
        "08-7",
        lambda mean, spread, height, reach: (
            height / (spread * reach) / 2,
            mean - height**2 / (4 * spread * reach),
        ),
        "has the scale upside down",
    ),
    (
        "08-7",
        lambda mean, spread, height, reach: (spread * reach / height, mean - spread * reach / 2),
        "forgets that the window reaches both ways",
    ),
    (
        "08-7",
        lambda mean, spread, height, reach: (2 * spread * reach / height, mean - height / 2),
        "steps back by rows of the result",
    ),
    ("08-7", lambda mean, spread, height, reach: (2 * spread * reach / height, mean), "puts the mean at the top"),
    (
        "08-7",
        lambda mean, spread, height, reach: (2 * spread * reach / height, mean + spread * reach),
        "steps down where it should step up",
    ),
    (
        "08-7",
        lambda mean, spread, height, reach: (mean - spread * reach, 2 * spread * reach / height),
        "returns the offset first",
    ),
    (
        "08-7",
        lambda mean, spread, height, reach: (spread * reach / (height - 1) * 2, mean - spread * reach),
        "shares the window out over height - 1 rows",
    ),
    ("08-3", 2 * 7, "forgets the three double zeros"),
    ("08-3", 7 + 3, "counts time steps, not pixels"),
    ("08-3", len("1000200"), "counts the characters alone"),
    ("08-3", 2 * (7 + 2), "counts two double zeros"),
    ("08-3", 19, "lets the last step be half full"),
]


@pytest.mark.parametrize("key, answer, name", WRONG, ids=[f"{key} {name}" for key, _, name in WRONG])
def test_wrong_answers_are_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_the_catalogue_is_covered():
    assert_complete(WRONG)


RIGHT = [
    ("08-1", lambda x: rearrange(x, "n h w -> w n h")),
    ("08-1", lambda x: torch.tensor(x).permute(2, 0, 1)),
    ("08-1", lambda x: [[image[:, t].tolist() for image in x] for t in range(x.shape[2])]),
    ("08-2", lambda x: padded(x, widths(x))),
    ("08-2", lambda x: [torch.tensor(padded(x, [])[0]), torch.tensor(widths(x))]),
    ("08-5", lambda T, b, K: alignments_of(T, b, K, lambda T, m: T + 1 - m)),
    ("08-5", lambda T, b, K: torch.tensor(lesson_08.blind_loss(T, b, K))),
    ("08-6", by_hand),
    ("08-6", lambda line: np.array(by_hand(line))),
    ("08-7", lambda mean, spread, height, reach: [2 * reach * spread / height, mean - reach * spread]),
    ("08-5", lambda T, b, K: torch.tensor(lesson_08.blind_loss(T, b, K), dtype=torch.float32)),
    ("08-6", lambda line: torch.tensor(by_hand(line), requires_grad=True)),
    ("08-7", lambda mean, spread, height, reach: torch.tensor([2 * reach * spread / height, mean - reach * spread])),
    ("08-4", turned),
    ("08-4", reverse),
    ("08-3", 20),
    ("08-3", 20.0),
    ("08-3", np.int64(20)),
]


@pytest.mark.parametrize("key, answer", RIGHT)
def test_right_answers_in_other_words(key, answer):
    assert_right(key, answer)


@pytest.mark.parametrize("key", [f"08-{i}" for i in range(1, 8)])
def test_solution_and_stub(key):
    exercise = find(key)
    assert_right(key, exercise.solution)
    assert judge(exercise, ...)[0] == "not started"
    if callable(exercise.solution):
        assert judge(exercise, lambda *arguments: ...)[0] == "not started"
    assert exercise.hints and exercise.mistakes


# The solutions against the package and against enumeration: they are right for another reason than being written here.


def test_blind_loss_is_the_ctc_loss_of_equal_rows():
    for T, b, K in [(1, 0.5, 10), (4, 0.9, 2), (7, 0.3, 3), (40, 0.97, 26)]:
        probs = np.tile([b] + [(1 - b) / K] * K, (T, 1))
        log_probs = torch.tensor(probs).log()
        loss = ctc_loss(log_probs, torch.tensor([1]), T, 1, reduction="none")
        assert lesson_08.blind_loss(T, b, K) == pytest.approx(loss.item(), rel=1e-9)
        if T <= 7:
            assert lesson_08.blind_loss(T, b, K) == pytest.approx(-math.log(enumerate_probability(probs, (1,))))


def test_rows_and_window_are_those_of_the_package():
    line = np.random.default_rng(0).random((40, 60)) ** 4
    mean, spread = lesson_08.ink_rows(line)
    found = moments(line, reach=5, keep=0)
    scale, offset = lesson_08.window(mean, spread, 80, 5)
    assert found.centre[0] == pytest.approx(mean)
    assert 2 * found.half / 80 == pytest.approx(scale) and found.centre[0] - found.half == pytest.approx(offset)


def test_padding_is_that_of_the_package():
    images = [lesson_08._line(4, w, w) for w in (3, 7, 5)]
    batch = columns([(image, "") for image in images], Alphabet("a"))
    frames, lengths = lesson_08.pad_columns(images)
    np.testing.assert_allclose(batch.frames, frames)
    assert batch.input_lengths.tolist() == lengths.tolist()


def test_answers_that_hold_for_the_first_cases_only_are_caught():
    def rounded(mean, spread, height, reach):
        return 2 * reach * spread / height, round(mean - reach * spread)

    def whole(mean, spread, height, reach):
        return 2 * reach * spread / height, mean - 2 * reach * spread / height * (height // 2)

    assert judge(find("08-7"), rounded)[0] == judge(find("08-7"), whole)[0] == "wrong"
    assert judge(find("08-1"), lambda x: lesson_08.to_frames(x).astype(int))[0] == "wrong"
    assert judge(find("08-2"), lambda x: (lesson_08.pad_columns(x)[0].astype(int), widths(x)))[0] == "wrong"
    assert "result [1], should give" in judge(find("08-2"), lambda x: (lesson_08.pad_columns(x)[0], [2]))[1]


def test_turning_around_leaves_its_argument_alone():
    def in_place(frames, lengths):
        for n, T in enumerate(lengths):
            frames[:T, n] = frames[:T, n].flip(0)
        return frames

    status, message, _ = judge(find("08-4"), in_place)
    assert status == "wrong" and "changed its own argument" in message


def test_a_batch_of_frames_is_not_printed_as_a_page_of_brackets():
    _, message, _ = judge(find("08-2"), lambda x: padded(x, widths(x), axes="t h n"))
    assert "\n" not in message and len(message) < 300
