"""Wrong answers to lesson 10 as learners write them: each must be caught, and its cause named."""

import math
import re

import einops
import numpy as np
import pytest
import torch

from crnn_lessons.exercises import catalogue
from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from crnn_lessons.models import build, summarise
from crnn_lessons.models.features import FeatureStack
from tests.exercises.answers import assert_complete, assert_named, assert_right

RESNET = catalogue.load("10").RESNET

# Written apart from the catalogue in notebooks/exercises/10_image_to_sequence.py, which the engine compares with.


def step_and_count(size, kernel, stride, padding):
    count, start = 0, -padding
    while start + kernel <= size + padding:
        count, start = count + 1, start + stride
    return count


def no_first_window(size, kernel, stride, padding):
    return step_and_count(size, kernel, stride, padding) - 1


def padded_once(size, kernel, stride, padding):
    return len(range(0, size + padding - kernel + 1, stride))


def unpadded(size, kernel, stride, padding):
    return len(range(0, size - kernel + 1, stride))


def hanging_over(size, kernel, stride, padding):
    return -(-(size + 2 * padding - kernel) // stride) + 1


def one_place_at_a_time(size, kernel, stride, padding):
    return step_and_count(size, kernel, 1, padding)


def window_of_one(size, kernel, stride, padding):
    return len(range(-padding, size + padding + 1, stride))


def no_window(size, kernel, stride, padding):
    return int((size + padding + padding) / stride)


def starts_divided(size, kernel, stride, padding):
    return math.floor(step_and_count(size, kernel, 1, padding) / stride)


def table_of(inputs, outputs, height, width, norm, *, bias=None, scale=2, of=None):
    conv = torch.nn.Conv2d(inputs, outputs, (height, width), bias=not norm if bias is None else bias)
    return sum(p.numel() for p in conv.parameters()) + (scale * (of or outputs) if norm else 0)


def one_kernel_a_channel(inputs, outputs, height, width, norm):
    return sum(height * width + (2 if norm else 1) for _ in range(outputs))


def run_widths(W, pools=(2, 2), padded=2, last=True):
    for p in pools:
        W = W // p
    return W + padded - last


def stride_in_step(stack):
    seen, distance = 1, 1
    for k, s in stack:
        distance = distance * s
        seen = seen + (k - 1) * distance
    return seen


def no_distance(stack):
    seen = 1
    for k, _ in stack:
        seen += k - 1
    return seen


def kernels_added(stack):
    total = 0
    for k, _ in stack:
        total += k
    return total


def kernels_multiplied(stack):
    total = 1
    for k, _ in stack:
        total *= k
    return total


def own_stride(stack):
    seen, strides = 1, [1, *(s for _, s in stack)]
    for (k, _), before in zip(stack, strides, strict=False):
        seen += (k - 1) * before
    return seen


def from_whole_kernels(stack):
    strides = [s for _, s in stack]
    return 1 + sum(k * math.prod(strides[:i]) for i, (k, _) in enumerate(stack))


def backwards(stack):
    seen, distance = 1, 1
    for k, s in reversed(stack):
        seen, distance = seen + (k - 1) * distance, distance * s
    return seen


def from_zero(stack):
    seen, distance = 0, 1
    for k, s in stack:
        seen, distance = seen + (k - 1) * distance, distance * s
    return seen


def only_distance(stack):
    distance = 1
    for _, s in stack:
        distance *= s
    return distance


def swap(old, new, where="block"):
    return [x.replace(old, new) if where in x else x for x in RESNET]


def slid(picture, kernel, step=1, turned=False, short=0, combine=sum, mix=lambda a, b: a * b):
    rows, columns = len(kernel), len(kernel[0])
    out = []
    for y in range(0, len(picture) - rows + 1 - short, step if step == 1 else rows):
        line = []
        for x in range(0, len(picture[0]) - columns + 1 - short, step if step == 1 else columns):
            under = [
                mix(picture[y + i][x + j], kernel[rows - 1 - i][columns - 1 - j] if turned else kernel[i][j])
                for i in range(rows)
                for j in range(columns)
            ]
            line.append(combine(under))
        out.append(line)
    return np.array(out, dtype=float).reshape(len(out), -1)


def padded_slide(picture, kernel):
    return slid(np.pad(picture, 1), kernel)


def by_conv2d(picture, kernel):
    x, w = (torch.tensor(np.asarray(a, dtype=float))[None, None] for a in (picture, kernel))
    return torch.nn.functional.conv2d(x, w)[0, 0].numpy()


def layer(order="cnr", kernel=3, padding=1, bias=False, fixed=None):
    def make(inputs, outputs):
        parts = {
            "c": torch.nn.Conv2d(fixed or inputs, outputs, kernel, padding=padding, bias=bias),
            "n": torch.nn.BatchNorm2d(outputs),
            "r": torch.nn.ReLU(),
        }
        return torch.nn.Sequential(*(parts[name] for name in order))

    return make


class OwnModule(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(outputs)
        self.conv = torch.nn.Conv2d(inputs, outputs, (3, 3), padding="same", bias=False)

    def forward(self, x):
        return self.norm(self.conv(x)).clamp(min=0)


WRONG = [
    ("10-1", lambda p, k: slid(p, k, turned=True), "turns the kernel around"),
    ("10-1", lambda p, k: by_conv2d(p, np.transpose(k)), "swaps rows and columns"),
    ("10-1", lambda p, k: by_conv2d(np.transpose(p), k), "swaps rows and columns"),
    ("10-1", lambda p, k: slid(p, k, short=1), "leaves out the last places"),
    ("10-1", lambda p, k: slid(p, k, combine=np.mean), "takes the mean for the sum"),
    ("10-1", lambda p, k: slid(p, k, mix=lambda a, b: a + b), "adds the kernel where it should multiply"),
    ("10-1", lambda p, k: slid(p, k, combine=max), "takes the largest product"),
    ("10-1", padded_slide, "pads the picture"),
    ("10-1", lambda p, k: slid(p, k, step=2), "moves by the size of the kernel"),
    ("10-3", lambda i, o: [torch.nn.Conv2d(i, o, 3), torch.nn.ReLU()], "gives a list of modules"),
    ("10-3", layer(kernel=(1, 3), padding=(0, 1)), "has another kernel"),
    ("10-3", layer(padding=0), "forgets the padding"),
    ("10-3", layer("cn"), "leaves out the ReLU"),
    ("10-3", layer("cr"), "leaves out the norm"),
    ("10-3", layer("crn"), "puts the ReLU before the norm"),
    ("10-3", layer(bias=True), "keeps the bias"),
    ("10-3", layer(fixed=1), "has fixed numbers of channels"),
    ("10-3", lambda i, o: layer()(i, 5), "has fixed numbers of channels"),
    ("10-4", lambda i, o, h, w, norm: math.prod((i, o, h, w)), "leaves out the bias and the norm"),
    ("10-4", lambda i, o, h, w, norm: i * o * h * w + 2 * o if norm else o, "lets `if` take the weights in"),
    ("10-2", no_first_window, "forgets the window at the start"),
    ("10-2", padded_once, "counts the padding on one side"),
    ("10-2", unpadded, "leaves the padding out"),
    ("10-2", hanging_over, "rounds up"),
    ("10-2", lambda size, k, s, p: 1 + (size - k + p + p) / s, "does not round"),
    ("10-2", lambda size, k, s, p: int(size / s), "divides the size by the stride alone"),
    ("10-2", one_place_at_a_time, "leaves the stride out"),
    ("10-2", window_of_one, "leaves the kernel out"),
    ("10-2", no_window, "leaves the kernel out"),
    ("10-2", starts_divided, "adds the first window before it divides"),
    ("10-4", lambda i, o, h, w, norm: table_of(i, o, h, w, False), "counts a bias and no norm, whatever `norm` says"),
    ("10-4", lambda i, o, h, w, norm: table_of(i, o, h, w, not norm), "swaps the two cases"),
    ("10-4", lambda *a: 1 + a[-1] + math.prod(a[:-1]), "counts scale, shift and bias once a layer"),
    ("10-4", lambda *a: table_of(*a, bias=False), "leaves out the bias"),
    ("10-4", lambda *a: table_of(*a, scale=0), "leaves out the norm"),
    ("10-4", lambda *a: table_of(*a, bias=True), "keeps the bias beside the norm"),
    ("10-4", lambda *a: table_of(*a, scale=4), "counts running mean and variance"),
    ("10-4", one_kernel_a_channel, "forgets the input channels"),
    ("10-4", lambda i, *a: table_of(i, *a, of=i), "counts the norm per input channel"),
    ("10-5", lambda W: run_widths(W, padded=0, last=False), "divides by four and stops there"),
    ("10-5", lambda W: run_widths(W, last=False), "forgets the last convolution"),
    ("10-5", lambda W: run_widths(W, (2, 2, 2, 2), 0, False), "halves the width at all four pools"),
    ("10-5", lambda W: math.ceil(math.ceil(W / 2) / 2) + 1, "rounds up"),
    ("10-5", lambda W: W * 0.25 + 1, "does not round"),
    ("10-5", lambda W: run_widths(W, padded=0), "takes the padded pools for width-preserving ones"),
    ("10-6", list(RESNET[:-1]), "is not the list of eight layers"),
    ("10-6", ", ".join(RESNET), "is not the list of eight layers"),
    *(("10-6", x, "is not the list of eight layers") for x in (None, 5, 21, [1] * 8, dict.fromkeys(RESNET), [RESNET])),
    ("10-6", [x for x in RESNET if x], "changes nothing"),
    ("10-6", [f" {x}  " for x in RESNET], "changes nothing"),
    ("10-6", swap("stride 2 2", "stride 2 3", "256"), "leaves too few steps"),
    ("10-6", swap("stride 2 2", "stride 2 1", "256"), "counts the letters and forgets the repeat"),
    ("10-6", swap("stride 2 2", "stride 2 1", "pool"), "counts the letters and forgets the repeat"),
    ("10-6", swap("stride 2 2", "stride 1 2"), "changes the stride of the rows"),
    ("10-6", swap("stride 2 2", "stride 1 1"), "changes the stride of the rows"),
    ("10-6", swap("stride 2 2", "stride 2 1", "stride"), "keeps more steps than needed"),
    ("10-7", stride_in_step, "takes a layer's own stride into its step"),
    ("10-7", no_distance, "forgets that strides spread the pixels"),
    ("10-7", own_stride, "puts the stride in the place of the step"),
    ("10-7", from_whole_kernels, "adds a whole kernel at each layer"),
    ("10-7", backwards, "reads the stack from the last layer on"),
    ("10-7", kernels_added, "adds up the kernels"),
    ("10-7", kernels_multiplied, "multiplies the kernels"),
    ("10-7", from_zero, "starts from nothing"),
    ("10-7", only_distance, "returns the distance of neighbours"),
    ("10-8", lambda f: f.permute(3, 2, 0, 1).flatten(1, 2), "scans the width"),
    ("10-8", lambda f: f.permute(3, 0, 2, 1).flatten(1, 2), "scans the width"),
    ("10-8", lambda f: einops.rearrange(f, "n d h w -> w (n h) d"), "scans the width"),
    ("10-8", lambda f: f.contiguous().view(f.shape[2], -1, f.shape[1]), "reshapes where it should move axes"),
    ("10-8", lambda f: f.permute(2, 0, 3, 1).flatten(1, 2), "counts the samples before the columns"),
    ("10-8", lambda f: f.permute(2, 0, 3, 1).flatten(2, 3), "makes the columns part of the features"),
    ("10-8", lambda f: f.permute(3, 0, 2, 1).flatten(0, 1), "puts the batch first"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


def by_torch(size, kernel, stride, padding):
    return torch.nn.functional.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding).numel()


def from_the_end(stack):
    """Backwards: how many inputs one output needs."""
    need = 1
    for kernel, stride in reversed(stack):
        need = (need - 1) * stride + kernel
    return need


RIGHT = [
    ("10-1", slid),
    ("10-1", by_conv2d),
    ("10-1", lambda p, k: slid(p, k).tolist()),
    ("10-3", layer()),
    ("10-3", OwnModule),
    ("10-2", step_and_count),
    ("10-2", by_torch),
    ("10-2", lambda *a: float(step_and_count(*a))),
    ("10-2", lambda *a: np.int64(step_and_count(*a))),
    ("10-4", table_of),
    ("10-4", lambda *a: torch.tensor(table_of(*a))),
    ("10-5", lambda W: W // 4 + 1),
    ("10-5", lambda W: step_and_count(step_and_count(step_and_count(W // 2 // 2, 2, 1, 1), 2, 1, 1), 2, 1, 0)),
    ("10-6", swap("stride 2 2", "stride 2 1")),
    ("10-6", tuple(swap("stride 2 2", "stride 2 1"))),
    ("10-6", ["conv 64 7 7 stride 2 1 pad 3 3", *RESNET[1:4], "block 128 stride 2 1", *RESNET[5:]]),
    ("10-6", np.array(swap("stride 2 2", "stride 2 1"))),
    ("10-7", from_the_end),
    ("10-8", lambda f: torch.stack([f[:, :, h].permute(2, 0, 1).flatten(0, 1) for h in range(f.shape[2])])),
    ("10-8", lambda f: f.permute(2, 3, 0, 1).flatten(1, 2).numpy()),
    ("10-8", lambda f: f.permute(2, 3, 0, 1).flatten(1, 2).tolist()),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


@pytest.mark.parametrize("key", ["10-2", "10-4", "10-5", "10-6", "10-7", "10-8", "10-1", "10-3"])
def test_the_solution_passes_and_a_stub_is_not_started(key):
    exercise = find(key)
    assert judge(exercise, exercise.solution)[0] == "done"
    assert judge(exercise, ...)[0] == "not started"
    if callable(exercise.solution):
        assert judge(exercise, lambda *a: ...)[0] == "not started"


def test_messages_say_what_came_out():
    assert judge(find("10-6"), list(RESNET))[1].startswith("This is the list as it was: T = 10")
    assert judge(find("10-6"), swap("stride 2 2", "stride 2 1", "256"))[1].startswith("T = 20 is the number of letters")
    assert "leaves 8 rows where there were 2" in judge(find("10-6"), swap("stride 2 2", "stride 1 1"))[1]
    changed = ["conv 64 5 5 stride 2 2 pad 2 2", *RESNET[1:]]
    assert "'conv 64 5 5 stride 2 2 pad 2 2' stands where" in judge(find("10-6"), changed)[1]
    assert "is no feature layer" in judge(find("10-6"), ["conv", *RESNET[1:]])[1]
    assert judge(find("10-6"), 21)[1].startswith("This answer is of the type int. Hand over the list")
    assert judge(find("10-6"), None)[1].startswith("This answer is of the type NoneType. Hand over the list")
    assert judge(find("10-6"), list(RESNET[:-1]))[1].startswith("This answer has 7 layers, and there were 8.")
    assert judge(find("10-6"), swap("stride 2 2", "stride 2 3", "256"))[1].startswith("T = 7 is below the 21")
    assert "windows(size=25, kernel=2, stride=2, padding=0) should give 12" in judge(find("10-2"), hanging_over)[1]


def test_a_wrong_shape_is_named_before_the_numbers():
    message = judge(find("10-8"), lambda f: f.permute(3, 2, 0, 1).flatten(1, 2))[1]
    assert "should have the shape (4, 10, 3), and yours has (5, 8, 3)." in message
    message = judge(find("10-8"), lambda f: f.permute(2, 0, 3, 1).flatten(1, 2))[1]  # columns within a sample first
    assert "should have 60 at [0, 1, 0], and yours has 1 there (96 of 120 numbers differ)." in message


def test_what_wider_pictures_and_smaller_strides_cost():
    """Neither is always the cheaper one: here, the wider picture is."""
    mended = swap("stride 2 2", "stride 2 1")
    cost = ((RESNET, 160), (RESNET, 336), (mended, 160))
    accounts = [summarise(FeatureStack(stack), height=32, width=width) for stack, width in cost]
    assert [round(a.multiply_adds / 1e6) for a in accounts] == [135, 284, 303]
    assert [a.rows[-1].shape[-1] for a in accounts] == [10, 21, 40]


def test_padded_convolutions_with_a_stride_round_up():
    """What the lesson says beside the table of widths, which counts with pools."""
    assert all(FeatureStack(RESNET).size(1, w)[-1] == math.ceil(w / 16) for w in range(16, 400))
    assert FeatureStack(["conv 4 3 3 stride 2 2 pad 1 1"] * 3).size(1, 33) == [17, 9, 5]


def test_the_answers_of_the_play_tasks_hold():
    def last(stack, width=100):
        account = summarise(FeatureStack(stack), height=32, width=width)
        return account.rows[-1].shape[-1], account.rows[-1].sees[1], round(account.multiply_adds / 1e6)

    paper, tiny = (build(name, 37).features.layers for name in ("paper", "tiny"))
    assert next(w for w in range(4, 200) if FeatureStack(paper).size(1, w)[-1] >= 21) == 80
    twice = [x for layer in tiny for x in ([layer] * 2 if layer == "conv 64" else [layer])]
    assert (last(tiny)[:2], last(twice)[:2]) == ((25, 26), (25, 42))
    first, end = FeatureStack(twice).reach(1, 12, 100)
    assert end - first + 1 == 42
    halved = [re.sub(r"^conv (\d+)", lambda m: f"conv {int(m[1]) // 2}", layer) for layer in paper]
    assert (last(paper), last(halved)) == ((26, 54, 633), (26, 54, 159))


def test_the_exercise_is_about_what_it_says():
    """A ResNet-18 without its last stage: total stride 16; stride 8 gives a step a letter, which is one too few."""
    assert [FeatureStack(RESNET).size(1, w)[-1] for w in (100, 160)] == [7, 10]
    assert FeatureStack(swap("stride 2 2", "stride 2 1")).sizes(32, 160)[-1] == (2, 40)
