"""Wrong answers to lesson 11 as learners write them: each must be caught, and its cause named."""

from functools import partial
from itertools import groupby

import numpy as np
import pytest
import torch
from torch import nn

from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from crnn_lessons.models import build
from tests.exercises.answers import assert_complete, assert_named, assert_right


def runs(path, blanks=False):
    out, start = [], 0
    for t in range(1, len(path) + 1):
        if t == len(path) or path[t] != path[start]:
            if blanks or path[start] != 0:
                out.append([path[start], start, t - 1])
            start = t
    return out


def without_looking_at_blanks(path):
    kept = [(t, k) for t, k in enumerate(path) if k != 0]
    out = []
    for t, k in kept:
        if out and out[-1][0] == k:
            out[-1][2] = t
        else:
            out.append([k, t, t])
    return out


def lstm(D, hidden_size, **kind):
    return sum(p.numel() for p in torch.nn.LSTM(D, hidden_size, **kind).parameters())


def without_biases(D, hidden_size):
    return lstm(D, hidden_size, bidirectional=True, bias=False)


def gru(D, hidden_size):
    return sum(p.numel() for p in torch.nn.GRU(D, hidden_size, bidirectional=True).parameters())


def rnn(D, hidden_size):
    return sum(p.numel() for p in torch.nn.RNN(D, hidden_size, bidirectional=True).parameters())


def from_frame_one(path):
    out = []
    for t in range(1, len(path)):
        if path[t] != 0 and path[t] != path[t - 1]:
            out.append(path[t])
    return out


def around_the_corner(path):
    out = []
    for t in range(len(path)):
        if path[t] != path[t - 1] and path[t]:
            out.append(path[t])
    return out


def first_and_then_the_loop(path):
    out = [path[0]]
    out.extend(from_frame_one(path))
    return out


def written_at_the_change(path):
    out, now = [], 0
    for k in path:
        if k != now:
            if now != 0:
                out.append(now)
            now = k
    return out


def spans_written_at_the_change(path):
    out, begin = [], 0
    for t in range(1, len(path)):
        if path[t] != path[t - 1]:
            if path[t - 1] != 0:
                out.append((path[t - 1], begin, t - 1))
            begin = t
    return out


def run_read_twice(path):
    out, t = [], 0
    for k, run in groupby(path):
        if k != 0:
            out.append((k, t, t + len(list(run)) - 1))
        t += len(list(run))  # noqa: B031 - this is the mistake
    return out


def blanks_skipped_by_continue(path):
    out, t = [], 0
    for k, first, last in runs(path, blanks=True):
        if k == 0:
            continue
        out.append((k, t, t + last - first))
        t += last - first + 1
    return out


def merged_without_blanks(path):
    out = []
    for k in path:
        if k and (not out or out[-1] != k):
            out.append(k)
    return out


def layer(inputs, outputs, pool, **kind):
    conv = nn.Conv2d(inputs, outputs, 3, **({"padding": 1, "bias": False} | kind))
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(pool))


def stack(narrow=(2, 1), grey=1, **kind):
    sizes = [(grey, 16, 2), (16, 32, 2), (32, 64, narrow), (64, 64, narrow)]
    return nn.Sequential(*(layer(*size, **kind) for size in sizes))


def reordered(*order):
    """All layers in another order within each of the four groups: 0 convolution, 1 norm, 2 ReLU, 3 pool."""
    return nn.Sequential(*(group[i] for group in stack() for i in order))


class Reads(nn.Module):
    """A right network, in parts that the wrong ones replace."""

    units, both, last = 64, True, 128

    def __init__(self, num_classes):
        super().__init__()
        self.output = nn.Linear(self.last, num_classes)
        self.lstm = nn.LSTM(128, self.units, bidirectional=self.both)
        self.convolutions = stack()

    def forward(self, images):
        return self.end(self.output(self.middle(self.convolutions(images).permute(3, 0, 1, 2).flatten(2))))

    def middle(self, steps):
        return self.lstm(steps)[0]

    def end(self, logits):
        return torch.log_softmax(logits, -1)


def but(**changes):
    return type("Wrong", (Reads,), changes)


class NotSetUp(nn.Module):
    def __init__(self, num_classes):
        self.convolutions = stack()


class Loss(torch.autograd.Function):
    """A right function, in two parts that the wrong ones replace."""

    @staticmethod
    def forward(ctx, log_probs, targets, input_lengths):
        losses, q = find("07-5").solution(log_probs.detach().numpy(), targets, input_lengths)
        ctx.q, ctx.p = torch.from_numpy(q), log_probs.exp()
        return torch.from_numpy(losses)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.q * gradient.reshape(1, -1, 1), None, None


def back(function):
    return type("Wrong", (Loss,), {"backward": staticmethod(function)})


def total(ctx, *arguments):
    return Loss.forward(ctx, *arguments).sum()


def step(network, optimizer, images, targets, order="zero back step", per="character", number=True):
    log_probs = network(images)
    flat, lengths = torch.tensor([k for y in targets for k in y]), torch.tensor([len(y) for y in targets])
    input_lengths = torch.full_like(lengths, len(log_probs))
    losses = torch.nn.functional.ctc_loss(log_probs, flat, input_lengths, lengths, reduction="none")
    loss = {
        "character": losses.sum() / lengths.sum(),
        "sample": losses.mean(),
        "batch": losses.sum(),
        "its own": (losses / lengths).mean(),
    }[per]
    for action in order.split():
        {"zero": optimizer.zero_grad, "back": loss.backward, "step": optimizer.step}[action]()
    return float(loss.detach()) if number else loss


WRONG = [
    ("11-2", 4 * len("bookkeeper"), "forgets the three double letters"),
    ("11-2", 13, "counts frames, not pixels"),
    ("11-2", len("bookkeeper"), "counts frames, and forgets the double letters"),
    ("11-2", 51, "is one pixel short"),
    ("11-2", 49.0, "rounds the frames up"),
    ("11-2", (10 + 2) * 4, "misses one pair"),
    ("11-2", 4 * (10 + 3 + 1), "counts one frame too many"),
    ("11-3", lambda f: f.reshape(f.shape[3], f.shape[0], -1), "reshapes where it should move axes"),
    ("11-3", lambda f: f.permute(0, 3, 1, 2).flatten(2), "leaves the batch first"),
    ("11-3", lambda f: f.permute(2, 0, 1, 3).flatten(2), "takes the height as time"),
    ("11-3", lambda f: f.permute(3, 0, 2, 1).flatten(2), "puts the rows before the channels"),
    ("11-3", lambda f: f.permute(3, 0, 1, 2)[..., 0], "keeps one row of the features"),
    ("11-3", lambda f: f.permute(3, 0, 1, 2), "leaves channels and rows apart"),
    ("11-8", lambda D, h: lstm(D, h), "counts one direction"),
    ("11-8", lambda D, h: lstm(D, h, bidirectional=True) - 8 * h, "counts one bias a gate"),
    ("11-8", without_biases, "forgets the biases"),
    ("11-8", gru, "counts three gates, as in a GRU"),
    ("11-8", rnn, "counts one gate"),
    ("11-8", lambda D, h: 2 * 4 * h * (D + 2), "forgets the weights from state to state"),
    ("11-8", lambda D, h: 2 * 4 * h * (D + 2 * h + 2), "feeds the state of both directions back"),
    ("11-8", lambda D, h: lstm(h, D, bidirectional=True), "swaps D and hidden_size"),
    ("11-9", lambda x: -np.expm1(-x) * x, "forgets the square"),
    ("11-9", lambda x: np.exp(-2 * x) * x, "weighs with p, not with 1 - p"),
    ("11-9", lambda x: x - 2 * x**2 + x**3, "takes the loss for the probability"),
    ("11-9", lambda x: np.expm1(-x) ** 2, "returns the factor alone"),
    ("11-9", lambda x: (np.expm1(-x) * x) ** 2, "squares the loss too"),
    ("11-9", lambda x: x * np.expm1(x) ** 2, "takes exp(loss) for p"),
    ("11-9", lambda x: x - x * np.exp(-2 * x), "squares p, and not 1 - p"),
    ("11-10", from_frame_one, "still loses a letter at frame 0"),
    ("11-10", around_the_corner, "compares frame 0 with the last frame"),
    ("11-10", lambda path: list(path[:1]) + from_frame_one(path), "adds the first sign even where it is the blank"),
    ("11-10", first_and_then_the_loop, "takes the first sign as it is, and needs one"),
    ("11-10", written_at_the_change, "loses the last run"),
    ("11-10", merged_without_blanks, "drops the blanks before it merges"),
    ("11-10", lambda path: [k for k in path if k], "merges nothing"),
    ("11-7", lambda path: runs(path, blanks=True), "lists the blanks too"),
    ("11-7", without_looking_at_blanks, "joins equal letters across a blank"),
    ("11-7", lambda path: [[k, a, b + 1] for k, a, b in runs(path)], "ends one frame too late"),
    ("11-7", lambda path: [[r[0], i, i] for i, r in enumerate(runs(path))], "counts the letters, not the frames"),
    ("11-7", spans_written_at_the_change, "loses the last run"),
    ("11-7", blanks_skipped_by_continue, "does not count the frames of the blank"),
    ("11-7", run_read_twice, "counts the frames of the blank alone"),
    ("11-7", lambda path: [[k, a, 1 + b - a] for k, a, b in runs(path)], "gives the length in place of the last frame"),
    ("11-7", lambda path: [[k, 1 + a, 1 + b] for k, a, b in runs(path)], "counts frames from 1"),
    ("11-9", lambda x: -x * np.expm1(-x) ** 2, "comes out negative"),
    ("11-9", lambda x: x * np.exp(-x), "weighs with p, not with 1 - p"),
    ("11-10", lambda path: [r[0] for r in runs(path, blanks=True)], "keeps the blanks"),
    ("11-7", lambda path: [[path[t], t, t] for t in range(len(path)) if path[t]], "gives one entry for each frame"),
    (
        "11-7",
        lambda path: [[r[0], i, i] for i, r in enumerate(runs(path, blanks=True)) if r[0]],
        "counts the runs, not the frames",
    ),
    ("11-1", lambda: stack(padding=0), "forgets the padding"),
    ("11-1", lambda: stack(narrow=2), "halves the width at each pool"),
    ("11-1", lambda: stack(narrow=(1, 2)), "swaps height and width in the last two pools"),
    ("11-1", lambda: stack(bias=True), "keeps a bias beside the norm"),
    ("11-1", lambda: reordered(0, 2, 3), "leaves out the norm"),
    ("11-1", lambda: reordered(0, 1, 3), "leaves out the ReLU"),
    ("11-1", lambda: reordered(0, 2, 1, 3), "puts the ReLU before the norm"),
    ("11-1", lambda: stack()[:3], "stops after three rows of the table"),
    ("11-1", lambda: stack(grey=3), "has channels that do not fit"),
    ("11-1", lambda: nn.Sequential(layer(1, 16, 2), layer(1, 32, 2)), "has channels that do not fit"),
    ("11-1", lambda: list(stack()), "gives a list of layers"),
    ("11-4", but(end=lambda self, logits: logits), "gives logits"),
    ("11-4", but(end=lambda self, logits: logits.softmax(-1)), "gives probabilities"),
    ("11-4", but(end=lambda self, logits: nn.LogSoftmax(1)(logits)), "normalises over the samples"),
    ("11-4", but(end=lambda self, logits: nn.LogSoftmax(0)(logits)), "normalises over the steps"),
    ("11-4", but(both=False, last=64), "reads in one direction"),
    (
        "11-4",
        but(middle=lambda self, steps: self.lstm(steps.transpose(0, 1))[0].transpose(0, 1)),
        "takes the samples for the steps",
    ),
    ("11-4", but(middle=lambda self, steps: self.lstm(steps)), "goes on with all that the LSTM returns"),
    ("11-4", but(middle=lambda self, steps: steps), "never calls the LSTM"),
    ("11-4", but(units=32), "has sizes that do not fit"),
    ("11-4", but(last=64), "has sizes that do not fit"),
    ("11-4", NotSetUp, "forgets super().__init__()"),
    ("11-5", back(lambda ctx, g: (ctx.q * g[:, None], None, None)), "gives q in place of -q"),
    ("11-5", back(lambda ctx, g: (-ctx.q, None, None)), "forgets what comes from behind"),
    ("11-5", back(lambda ctx, g: (-ctx.q * g.mean(), None, None)), "multiplies the steps, not the samples"),
    ("11-5", back(lambda ctx, g: -ctx.q * g[:, None]), "gives one gradient for three inputs"),
    ("11-5", type("Wrong", (Loss,), {"forward": staticmethod(total)}), "adds up the losses"),
    ("11-5", back(lambda ctx, g: ((ctx.p - ctx.q) * g[:, None], None, None)), "gives the gradient of the logits"),
    ("11-6", partial(step, order="back step"), "never clears the gradients"),
    ("11-6", partial(step, order="zero back"), "leaves the weights as they are"),
    ("11-6", partial(step, order="zero step"), "leaves the weights as they are"),
    ("11-6", partial(step, order="back zero step"), "leaves the weights as they are"),
    ("11-6", partial(step, per="sample"), "divides by the samples, not by the characters"),
    ("11-6", partial(step, per="batch"), "adds up the losses"),
    ("11-6", partial(step, per="its own"), "divides each loss by its own length"),
    ("11-6", partial(step, number=False), "returns the tensor"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("11-2", 52),
        ("11-3", lambda f: f.permute(3, 0, 1, 2).flatten(2)),
        ("11-7", runs),
        ("11-8", lambda D, h: np.int64(lstm(D, h, bidirectional=True))),
        ("11-8", lambda D, hidden_size: 8.0 * hidden_size * (D + hidden_size + 2)),
        ("11-9", lambda x: torch.tensor(x, dtype=torch.float64) * torch.expm1(torch.tensor(-x).double()) ** 2),
        ("11-9", lambda x: np.float64(x) * (1 - 2 * np.exp(-x) + np.exp(-2 * x))),
        ("11-10", lambda path: [k for t, k in enumerate(path) if k and (t == 0 or path[t - 1] != k)]),
        ("11-10", lambda path: np.array([k for k in path[:1] if k] + from_frame_one(path), dtype=int)),
        ("11-10", lambda path: (r[0] for r in runs(path))),
        ("11-1", stack),
        ("11-1", lambda: reordered(0, 1, 3, 2)),  # a maximum of ReLUs is the ReLU of the maximum
        ("11-4", Reads),
        ("11-4", lambda num_classes: Reads(num_classes).train()),
        ("11-5", Loss),
        ("11-5", Loss.apply),
        ("11-6", step),
    ],
)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


class Renamed(Reads):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.last_layer = self.__dict__["_modules"].pop("output")

    def forward(self, images):
        return self.last_layer(self.middle(self.convolutions(images).permute(3, 0, 1, 2).flatten(2))).log_softmax(-1)


class EmptyNetwork(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        ...

    def forward(self, images):
        return ...


class EmptyFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, log_probs, targets, input_lengths):
        return ...

    @staticmethod
    def backward(ctx, gradient):
        return ...


STUBS = {"11-4": EmptyNetwork, "11-5": EmptyFunction}


def test_the_networks_of_the_exercise_and_of_the_package_are_one():
    torch.manual_seed(3)
    ours, theirs = find("11-4").solution(37).eval(), build("tiny", num_classes=37).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    images = torch.randn(2, 1, 32, 100)
    assert torch.allclose(ours(images), theirs(images)[0].log_softmax(-1), atol=1e-6)


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        ("11-1", lambda: nn.Flatten(), "entry 'shape'"),
        ("11-1", lambda: 3, "a module of torch is asked for, and this is of the type int"),
        ("11-4", lambda num_classes: None, "this is of the type NoneType"),
        ("11-4", Renamed, "entry 'layers', should have 3 entries, ['convolutions', 'lstm', 'output'], and yours has 2"),
        (
            "11-5",
            lambda *arguments: torch.zeros(2),
            "that comes from a torch.autograd.Function",
        ),
        ("11-6", lambda *arguments: None, "gave None: does the function end with a return?"),
    ],
)
def test_answers_of_another_kind_get_a_sentence(key, answer, said):
    status, message, _ = judge(find(key), answer)
    assert status == "wrong" and said in message


def test_a_check_leaves_the_random_numbers_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    for key in ("11-1", "11-4", "11-5", "11-6"):
        judge(find(key), find(key).solution)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_papers_first_bilstm_is_one_of_the_cases():
    assert find("11-8").solution(512, 256) == 1_576_960
    assert (512, 256) in find("11-8").cases


@pytest.mark.parametrize("key", ["11-2", "11-3", "11-8", "11-9", "11-10", "11-7", "11-1", "11-4", "11-5", "11-6"])
def test_stub_is_not_started(key):
    stub = STUBS.get(key, ... if find(key).cases == () else (lambda *arguments: ...))
    assert judge(find(key), stub)[0] == "not started"
    assert_right(key, find(key).solution)
