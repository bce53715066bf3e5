"""Wrong answers to lesson 03 as learners write them: each must be caught, and its cause named."""

import math
from functools import reduce

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from tests.exercises.answers import assert_complete, assert_named, assert_right

# Written apart from the catalogue in notebooks/exercises/03_kth_digit.py, which the engine compares with.


def mask_by_loops(lengths, T, extra=0):
    return [[t < int(length) + extra for t in range(T)] for length in lengths]


def pick(shift):
    def last_outputs(outputs, lengths):
        return torch.stack([outputs[n, length + shift] for n, length in enumerate(lengths.tolist())])

    return last_outputs


def pick_clamped(outputs, lengths):
    T = outputs.shape[1]
    return torch.stack([outputs[n, min(length, T - 1)] for n, length in enumerate(lengths.tolist())])


def pick_transposed(outputs, lengths):
    rows = []
    for n, length in enumerate(lengths.tolist()):
        rows.append(outputs[min(length, len(outputs)) - 1, min(n, outputs.shape[1] - 1)])
    return torch.stack(rows)


def per_sample(losses, mask):
    total = 0.0
    for row, seen in zip(losses.tolist(), mask.tolist(), strict=True):
        kept = [x for x, yes in zip(row, seen, strict=True) if yes]
        total += sum(kept) / len(kept)
    return total / len(losses)


def fading(steps, c, f, i, late=0.0):
    """What is left of the beginning and of each thing written; `late` is what is written after the last step."""
    return c * f**steps + sum(i * f**age for age in range(steps)) + late


def renamed(steps, c, f, i):
    memory = c
    for i in range(steps):
        memory = memory * f + i
    return memory


def by_formula(steps, c, f, i):
    return c * f**steps + i * (f**steps - 1) / (f - 1)


last_by_loop = pick(-1)


def step(
    pick=last_by_loop,
    scores=lambda z: z,
    reduce=torch.mean,
    order="zbcs",
    clipped=lambda layer, out: [*layer.parameters(), *out.parameters()],
):
    """A training step; ``order`` has a letter for each of zero_grad, backward, clip, step."""

    def training_step(layer, out, optimizer, batch):
        log_probs = F.log_softmax(scores(out(pick(layer(batch.inputs)[0], batch.lengths))), dim=-1)
        loss = reduce(-log_probs.gather(1, batch.targets[:, None]))
        calls = {"z": optimizer.zero_grad, "b": lambda: loss.backward(retain_graph=True), "s": optimizer.step}
        calls["c"] = lambda: torch.nn.utils.clip_grad_norm_(clipped(layer, out), 1.0)
        for letter in order:
            calls[letter]()
        return loss.item()

    return training_step


def index_of_first(steps):
    """A row of booleans, from the steps that are marked."""
    return lambda lengths, T: [[t in steps(int(n), T) for t in range(T)] for n in lengths]


def of_steps(combine):
    """All true steps of each sample, combined."""
    return lambda outputs, lengths: torch.stack([combine(outputs[n, :k]) for n, k in enumerate(lengths.tolist())])


def first_alone(outputs, lengths):
    for n, length in enumerate(lengths):
        return outputs[n, length - 1]


def by_step(losses, mask):
    means = [torch.masked_select(losses[:, t], mask[:, t]).mean() for t in range(losses.shape[1])]
    return sum(means) / len(means)


def other_loss(loss):
    """A training step with a loss of its own, from the scores of the last step and the right classes."""

    def training_step(layer, out, optimizer, batch):
        total = loss(out(last_by_loop(layer(batch.inputs)[0], batch.lengths)), batch.targets)
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_([*layer.parameters(), *out.parameters()], 1.0)
        optimizer.step()
        return total.item()

    return training_step


def clipped_by(clip):
    """A training step that clips in another way."""

    def training_step(layer, out, optimizer, batch):
        loss = F.cross_entropy(out(last_by_loop(layer(batch.inputs)[0], batch.lengths)), batch.targets)
        optimizer.zero_grad()
        loss.backward()
        clip([*layer.parameters(), *out.parameters()])
        optimizer.step()
        return loss.item()

    return training_step


def one_by_one(weights):
    for weight in weights:
        torch.nn.utils.clip_grad_norm_([weight], 1.0)


def at_every_step(layer, out, optimizer, batch):
    scores = out(layer(batch.inputs)[0])  # N T C
    loss = F.cross_entropy(scores.transpose(1, 2), batch.targets[:, None].expand(-1, scores.shape[1]))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([*layer.parameters(), *out.parameters()], 1.0)
    optimizer.step()
    return loss.item()


WRONG = [
    ("03-1", index_of_first(lambda n, T: [n - 1]), "marks the last step alone"),
    ("03-1", index_of_first(lambda n, T: [n]), "marks the first step of the padding alone"),
    ("03-1", lambda lengths, T: torch.full((len(lengths), T), True), "marks every step"),
    ("03-1", index_of_first(lambda n, T: range(n + 1, T)), "marks the padding but for its first step"),
    ("03-1", lambda lengths, T: lengths > torch.arange(T), "compares without a new axis"),
    ("03-1", lambda lengths, T: [[True for _ in range(n)] for n in lengths], "makes rows of different lengths"),
    ("03-1", lambda lengths, T: np.ravel(mask_by_loops(lengths, T)), "gives one long row"),
    ("03-2", lambda outputs, lengths: outputs[:, max(lengths) - 1], "reads the last step of the longest sample"),
    (
        "03-2",
        lambda outputs, lengths: torch.stack([outputs[n, -k] for n, k in enumerate(lengths)]),
        "counts the steps from the end",
    ),
    ("03-2", lambda outputs, lengths: torch.stack([outputs[k - 1] for k in lengths]), "takes the steps for samples"),
    (
        "03-2",
        lambda outputs, lengths: torch.stack([outputs[0, k - 1] for k in lengths]),
        "reads all steps from the first sample",
    ),
    ("03-2", of_steps(lambda steps: steps.sum(0)), "adds up the true steps"),
    ("03-2", of_steps(lambda steps: steps.mean(0)), "averages the true steps"),
    ("03-2", lambda outputs, lengths: outputs.mean(1), "averages all steps"),
    ("03-2", lambda outputs, lengths: outputs.max(dim=1).values, "takes the largest of all steps"),
    ("03-2", lambda outputs, lengths: pick(-1)(outputs, lengths).unsqueeze(1), "keeps an axis of one step"),
    ("03-2", lambda outputs, lengths: pick(-1)(outputs, lengths).T, "gives the units first"),
    ("03-2", first_alone, "returns within the loop"),
    (
        "03-3",
        lambda losses, mask: [losses[n][seen].mean() for n, seen in enumerate(mask)],
        "gives one mean for each sample",
    ),
    ("03-3", lambda losses, mask: torch.masked_select(losses, mask), "gives the losses of the true steps"),
    ("03-3", by_step, "takes the mean of each step, then the mean of these"),
    (
        "03-3",
        lambda losses, mask: losses[mask].sum() / len(losses[0]),
        "divides by the number of steps of the longest sample",
    ),
    ("03-3", lambda losses, mask: losses[mask].sort().values[(mask.sum() - 1) // 2], "takes the median"),
    (
        "03-3",
        lambda losses, mask: losses.sum() / (losses != 0).sum(),
        "takes the losses that are not 0 for the true steps",
    ),
    ("03-3", lambda losses, mask: int(losses[mask].sum() / mask.sum()), "divides into whole numbers"),
    ("03-5", lambda steps, c, f, i: fading(steps, c, f, f * i), "forgets part of what it has written at the same step"),
    ("03-5", lambda steps, c, f, i: fading(steps, c, f, 0, i), "writes once only"),
    ("03-5", lambda steps, c, f, i: fading(steps, c + i, f, 0), "writes once only"),
    ("03-5", lambda steps, c, f, i: fading(steps, c, f, 0, i * steps), "lets nothing fade that it has written"),
    ("03-5", lambda steps, c, f, i: fading(steps, c, f, 0), "leaves the input gate out"),
    ("03-5", lambda steps, c, f, i: c + steps * i, "leaves the forget gate out"),
    ("03-5", lambda steps, c, f, i: fading(steps, 0, f, i), "begins with an empty memory"),
    ("03-5", lambda steps, c, f, i: 1 + f**steps * (c - 1), "writes the share 1 - f"),
    ("03-5", lambda steps, c, f, i: c * (f + i) ** steps, "writes the old memory"),
    ("03-5", lambda steps, c, f, i: fading(steps, c, 1 - f, i), "takes f for what is lost"),
    ("03-5", lambda steps, c, f, i: f * fading(steps, c, f, i) + i, "takes one step too many"),
    ("03-5", lambda steps, c, f, i: fading(max(steps - 1, 0), c, f, i), "takes one step too few"),
    ("03-5", lambda steps, c, f, i: i + c * f, "takes one step, however many are asked for"),
    ("03-5", renamed, "loops over `i`"),
    ("03-5", lambda steps, c, f, i: -i / (f - 1), "gives where the memory comes to in the end"),
    ("03-5", by_formula, "divides by zero where nothing is lost"),
    (
        "03-5",
        lambda steps, c, f, i: [fading(t, c, f, i) for t in range(1, steps + 1)],
        "gives the memory after each step",
    ),
    ("03-6", math.exp(math.log(2) / 1000), "takes the root of 2"),
    ("03-6", 0.000693, "gives what is lost at each step"),
    ("03-6", 5e-4, "divides a half by 1,000"),
    ("03-7", [-30, 50, 15, 0, 0, 15], "opens where it should shut, and shuts where it should open"),
    ("03-4", step(pick=lambda o, n: o[:, 0]), "reads the first step"),
    ("03-4", step(pick=pick_clamped), "reads one step past the end where there is one"),
    ("03-4", at_every_step, "asks every step for the answer, the padding too"),
    (
        "03-4",
        other_loss(lambda scores, k: ((scores - torch.eye(10)[k]) ** 2).mean()),
        "takes the squared error",
    ),
    ("03-4", other_loss(lambda scores, k: -scores.gather(1, k[:, None]).mean()), "takes `nll_loss` of the scores"),
    (
        "03-4",
        other_loss(lambda scores, k: -F.softmax(scores, dim=1).gather(1, k[:, None]).mean()),
        "takes `nll_loss` of the probabilities",
    ),
    (
        "03-4",
        other_loss(lambda scores, k: F.cross_entropy(scores, k) / len(k)),
        "divides the mean by the number of samples",
    ),
    ("03-4", step(clipped=lambda layer, out: [out.weight, out.bias]), "clips the linear layer alone"),
    (
        "03-4",
        clipped_by(lambda weights: torch.nn.utils.clip_grad_value_(weights, 1.0)),
        "clips each number, not the length",
    ),
    ("03-4", clipped_by(one_by_one), "clips each weight by itself"),
    ("03-1", lambda lengths, T: mask_by_loops(lengths, T, 1), "marks one step too many"),
    ("03-1", lambda lengths, T: mask_by_loops(lengths, T, -1), "marks one step too few"),
    ("03-1", lambda lengths, T: [[t >= n for t in range(T)] for n in lengths.tolist()], "marks the padding"),
    ("03-1", lambda lengths, T: [[t < n for n in lengths.tolist()] for t in range(T)], "is T x N"),
    ("03-1", lambda lengths, T: mask_by_loops(lengths, max(lengths.tolist())), "takes the longest length for T"),
    ("03-1", lambda lengths, T: [row[::-1] for row in mask_by_loops(lengths, T)], "puts the padding in front"),
    (
        "03-1",
        lambda lengths, T: (np.arange(T)[None] < lengths.numpy()[:, None]).astype(int),
        "gives numbers, not booleans",
    ),
    ("03-1", lambda lengths, T: (torch.arange(T)[None] < lengths[:, None]).float(), "gives numbers, not booleans"),
    (
        "03-2",
        lambda outputs, lengths: torch.stack([outputs[n, :, k - 1] for n, k in enumerate(lengths.tolist())]),
        "puts the steps on the axis of the units",
    ),
    ("03-3", lambda losses, mask: losses.sum() / mask.sum(), "adds up the padding too"),
    ("03-3", lambda losses, mask: losses[mask.long()].mean(), "indexes with integers"),
    ("03-4", step(pick=lambda o, n: o[:, o.shape[1] - 1]), "reads the last step of the batch"),
    ("03-4", step(pick=lambda o, n: pick(-2)(o, n)), "reads the step before the last"),
    ("03-4", step(pick=lambda o, n: o.sum(1) / o.shape[1]), "averages the outputs over all steps"),
    ("03-4", step(scores=lambda z: F.softmax(z, dim=1)), "applies the softmax twice"),
    ("03-4", step(reduce=torch.sum), "adds up the losses of the batch"),
    ("03-4", step(order="zbs"), "does not clip the gradient"),
    ("03-4", step(clipped=lambda layer, out: list(layer.parameters())), "clips the layer alone"),
    ("03-4", step(order="bcs"), "never clears the gradient"),
    ("03-4", step(order="zbzcs"), "never moves the weights"),
    ("03-4", step(order="zb"), "never moves the weights"),
    ("03-4", step(order="zbcss"), "moves the weights twice"),
    ("03-2", lambda outputs, lengths: outputs[:, outputs.shape[1] - 1, :], "reads the last step of the batch"),
    ("03-2", pick(0), "reads one step past the end"),
    ("03-2", pick_clamped, "reads one step past the end, and hides the error"),
    (
        "03-2",
        lambda outputs, lengths: torch.stack([outputs[k - 1, n] for n, k in enumerate(lengths.tolist())]),
        "takes its two indices in the wrong order",
    ),
    ("03-2", pick(-2), "reads the step before the last"),
    (
        "03-2",
        lambda outputs, lengths: torch.stack([outputs[:, n - 1] for n in lengths.tolist()], dim=1),
        "takes every sample's last step of every sample",
    ),
    ("03-2", lambda outputs, lengths: outputs.unbind(1)[0], "reads the first step"),
    ("03-2", pick_transposed, "takes the batch axis for time"),
    ("03-3", lambda losses, mask: sum(losses.flatten().tolist()) / losses.numel(), "takes the mean over everything"),
    (
        "03-3",
        lambda losses, mask: torch.where(mask, losses, 0).sum() / losses.numel(),
        "divides by all steps, the padding too",
    ),
    ("03-3", lambda losses, mask: torch.where(mask, losses, 0).sum(1).mean(), "divides by the number of samples"),
    ("03-3", lambda losses, mask: float((losses * mask).sum()), "adds up and does not divide"),
    ("03-3", per_sample, "takes the mean of each sample, then the mean of these"),
    ("03-3", lambda losses, mask: torch.masked_select(losses, mask.logical_not()).mean(), "averages over the padding"),
    ("03-6", 1 / 2, "halves at each step"),
    ("03-6", 0.9995, "loses 0.5 / 1000 of the beginning at each step"),
    ("03-6", 0.999, "loses one part in 1,000 at each step"),
    ("03-6", math.pow(0.5, 1000), "takes the power for the root"),
    ("03-7", [10, -20, -5, 0, 15], "is not six numbers"),
    ("03-7", [60, -80, -20, 0, 0, 20], "is out of bounds"),
    ("03-7", [-30, 0, 15, 0, 0, 15], "holds the first digit"),
    ("03-7", [0, 30, -15, 0, 0, 15], "opens at the 3rd digit"),
    ("03-7", np.array([30, 0, -15, 0, 0, 15]), "never shuts the input gate"),
    ("03-7", (20, -40, -10, 0, 0, 6), "forgets"),
    ("03-7", (8, -20, -8, 0, 0, 20), "does not open at the 2nd digit"),
    ("03-7", (20, -40, -3, 0, 0, 20), "writes the first digit too"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


RIGHT = [
    ("03-1", mask_by_loops),
    ("03-1", lambda lengths, T: np.arange(T)[None] < lengths.numpy()[:, None]),
    ("03-4", step()),
    ("03-4", step(order="bcsz")),  # clears after the step: the same, as long as nobody else adds to it
    ("03-2", pick(-1)),
    ("03-2", lambda outputs, lengths: torch.cat([outputs[n, None, k - 1] for n, k in enumerate(lengths.tolist())])),
    (
        "03-2",
        lambda outputs, lengths: outputs.gather(
            1, (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[2])
        ).squeeze(1),
    ),
    ("03-3", lambda losses, mask: (losses * mask).sum() / mask.sum()),
    ("03-3", lambda losses, mask: float(np.ma.masked_array(losses.numpy(), ~mask.numpy()).mean())),
    ("03-5", fading),
    ("03-5", lambda steps, c, f, i: c + steps * i if f == 1 else by_formula(steps, c, f, i)),
    ("03-5", lambda steps, c, f, i: reduce(lambda memory, _: memory * f + i, range(steps), c)),
    ("03-5", lambda steps, c, f, i: np.float64(fading(steps, c, f, i))),
    ("03-6", math.exp(math.log(0.5) / 1000)),
    ("03-6", 0.999307),
    ("03-6", torch.tensor(0.5 ** (1 / 1000))),
    ("03-7", [20, -40, -10, 0, 0, 20]),
    ("03-7", [[20, -40, -10], [0, 0, 20]]),
    ("03-7", torch.tensor([30.0, -50, -12, 1, 2, 15])),
    ("03-7", (30, -50, 0, -50, 50, 14)),  # the first digit is written, and forgotten while the 2nd is
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


@pytest.mark.parametrize("key", [f"03-{n}" for n in range(1, 8)])
def test_solution_passes_and_stub_has_not_started(key):
    exercise = find(key)
    assert_right(key, exercise.solution)
    stub = (lambda *arguments: ...) if callable(exercise.solution) else ...
    assert judge(exercise, stub)[0] == "not started"


@pytest.mark.parametrize(
    ("key", "answer", "sentence"),
    [
        ("03-2", pick(0), "IndexError"),
        (
            "03-2",
            lambda outputs, lengths: [[str(x) for x in row] for row in pick(-1)(outputs, lengths).tolist()],
            "last_outputs(",
        ),
        ("03-4", lambda *arguments: None, "does it end with `return loss.item()`?"),
        ("03-4", 7, "A function is asked for"),
        ("03-4", lambda layer, out, optimizer, batch: layer.no_such_thing, "AttributeError"),
        ("03-4", step(scores=lambda z: 2 * z), "wrong before any weight has moved"),
        ("03-4", step(order="zbcsss"), "the fault is in how the weights are moved"),
        ("03-5", lambda steps, c, f, i: c, "memory_after(1, 1, 0.5, 0.2) should give 0.7, and yours gives 1"),
        ("03-5", by_formula, "memory_after(10, -1, 1, 0.2) raised ZeroDivisionError"),
        ("03-7", (20, -40, -10, 0, 0, 5), "at t = 4 it is -0.6"),
        ("03-7", (20, -40, -10, 0, 0, math.nan), "The answer is six numbers"),
        ("03-6", None, "yours is None"),
        ("03-6", [0.999307], "write it without brackets"),
        ("03-6", math.nan, "A finite number is asked for, and yours is nan"),
        ("03-6", "0.999307", "without quotes"),
        ("03-6", 0.999306, "0.999306 is not it: its thousandth power is 0.499"),
        ("03-6", 1.5, "between 0 and 1"),
        ("03-7", None, "Yours is None"),
        ("03-7", (20, -40, -10, 0, 0, math.nan), "Number 6 of yours is nan"),
        ("03-7", "open", "Yours holds text: write 20 without quotes."),
        ("03-7", ("20", "-40", "-10", "0", "0", "20"), "Yours holds text: write 20 without quotes."),
        (
            "03-4",
            lambda *a: torch.tensor(step()(*a), requires_grad=True),
            "Your step gives a Tensor; the loss as a number",
        ),
        ("03-4", lambda *a: (step()(*a), 0), "Your step gives a tuple; the loss as a number is asked for"),
        ("03-2", lambda o, n: list(pick(-1)(o, n)), "The numbers are right, as a list. Return a tensor"),
        ("03-2", lambda o, n: pick(-1)(o, n).tolist(), "The numbers are right, as a list. Return a tensor"),
        ("03-2", lambda o, n: pick(-1)(o, n).numpy(), "The numbers are right, as an ndarray. Return a tensor"),
        ("03-7", (0, 0, 0, 0, 0, 0), "The input gate at t = 1 is 0.5000"),
    ],
)
def test_messages_are_exact(key, answer, sentence):
    status, message, _ = judge(find(key), answer)
    assert status == "wrong"
    assert sentence in message
