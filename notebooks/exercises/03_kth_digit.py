"""Exercises of lesson 03, The kth digit."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons.exercises import Exercise, Mistake, mistakes
from crnn_lessons.exercises.compare import holds_text, plain, with_article
from crnn_lessons.tasks import kth_digit

_LENGTHS = [torch.tensor(lengths) for lengths in ([3, 5, 4], [1, 1], [2, 6, 6, 1], [4])]

# 03-1 ---------------------------------------------------------------------------------------------------------------


def make_mask(lengths, T):
    return torch.arange(T) < lengths[:, None]


MAKE_MASK = Exercise(
    key="03-1",
    title="the mask of a padded batch",
    solution=make_mask,
    mistakes=mistakes(
        make_mask,
        """
        marks one step too many :: < -> <=
            Steps count from 0: a sample of length 3 has the steps 0, 1 and 2. Compare with <.
        marks one step too few :: [:, None] -> [:, None] - 1
            The last step of a sample is length - 1, and it belongs to the sample.
        marks the padding :: < -> >=
            True is for what belongs to a sample.
        is T x N :: torch.arange(T) < lengths[:, None] -> torch.arange(T)[:, None] < lengths
            Inputs are N T D in this lesson: put the new axis on the lengths, `lengths[:, None]`.
        takes the longest length for T :: arange(T) -> arange(int(lengths.max()))
            A batch may be padded further than its longest sample; `T` says how far.
        puts the padding in front :: < -> >= T -
            In this course a sample begins at step 0, and its padding stands behind it.
        marks the last step alone :: < lengths[:, None] -> == lengths[:, None] - 1
        marks the first step of the padding alone :: < lengths[:, None] -> == lengths[:, None]
            All steps that belong to a sample are marked: compare with <.
        marks every step :: < lengths[:, None] -> >= 0 * lengths[:, None]
            A sample is over at its own length, and what stands behind is padding.
        marks the padding but for its first step :: < -> >
            True is for what belongs to a sample: where t < length.
        compares without a new axis :: lengths[:, None] -> lengths
            T steps are to be compared with each of N lengths: give the lengths a second axis, `lengths[:, None]`.
        makes rows of different lengths :: = lambda lengths, T: [[True] * n for n in lengths.tolist()]
            Each row has T entries: fill it up with False.
        gives one long row :: torch.arange(T) < lengths[:, None] -> (torch.arange(T) < lengths[:, None]).flatten()
            The mask is N × T, one row a sample.
        gives numbers, not booleans :: torch.arange(T) < lengths[:, None] -> (torch.arange(T) < lengths[:, None]).int()
            An integer mask in `losses[mask]` counts as row numbers. Give booleans.
        """,
    ),
    cases=[(_LENGTHS[0], 5), (_LENGTHS[1], 1), (_LENGTHS[2], 6), (_LENGTHS[3], 7), (_LENGTHS[0], 8)],
    show_case=lambda lengths, T: f"make_mask(tensor({lengths.tolist()}), {T})",
    hints=(
        ("I would write two loops", "That is right too. Row n, step t: True when t < lengths[n]."),
        ("without loops", "`torch.arange(T)` has the shape T, `lengths[:, None]` the shape N 1. Compare them."),
    ),
)

# 03-2 ---------------------------------------------------------------------------------------------------------------


def _numbers(*shape):
    return torch.arange(1.0, 1 + math.prod(shape)).reshape(shape)


def _time_first(outputs, lengths):
    N, T = outputs.shape[:2]
    return outputs.transpose(0, 1)[torch.arange(N).clamp(max=T - 1), lengths.clamp(max=N) - 1]


def _sum_of_steps(outputs, lengths):
    return (outputs * (torch.arange(outputs.shape[1]) < lengths[:, None])[..., None]).sum(dim=1)


def last_outputs(outputs, lengths):
    return outputs[torch.arange(len(outputs)), lengths - 1]


LAST_OUTPUTS = Exercise(
    key="03-2",
    title="the output at each sample's own last step",
    solution=last_outputs,
    mistakes=mistakes(
        last_outputs,
        """
        reads the last step of the batch :: torch.arange(len(outputs)), lengths - 1 -> :, -1
            For all but the longest samples that is padding. Each sample has its own last step.
        reads one step past the end :: lengths - 1 -> lengths
            The last step of a sample of length 3 is step 2: `lengths - 1`.
        reads one step past the end, and hides the error :: lengths - 1 -> lengths.clamp(max=outputs.shape[1] - 1)
            Clamping silences the IndexError of the longest sample; the others read padding. Use `lengths - 1`.
        takes its two indices in the wrong order ::
            torch.arange(len(outputs)), lengths - 1 -> lengths - 1, torch.arange(len(outputs))
            The outputs are N T Dₕ: samples come first, then steps: `outputs[torch.arange(N), lengths - 1]`.
        reads the step before the last :: lengths - 1 -> lengths - 2
            Subtract 1, once.
        reads the last step of the longest sample :: torch.arange(len(outputs)), lengths - 1 -> :, lengths.max() - 1
            For all shorter samples that is padding. Each sample has its own last step.
        counts the steps from the end :: lengths - 1 -> outputs.shape[1] - lengths
        :: lengths - 1 -> -lengths
            Steps count from the front, and the padding stands behind: step `lengths - 1`.
        takes the steps for samples :: torch.arange(len(outputs)), ->
            One index picks along the first axis, which is that of the samples: `outputs[torch.arange(N), lengths - 1]`.
        reads all steps from the first sample :: torch.arange(len(outputs)), -> 0,
            Each sample has a row of its own: `outputs[torch.arange(N), lengths - 1]`.
        adds up the true steps :: = _sum_of_steps
        averages the true steps :: = lambda outputs, lengths: _sum_of_steps(outputs, lengths) / lengths[:, None]
        averages all steps :: [torch.arange(len(outputs)), lengths - 1] -> .mean(dim=1)
        takes the largest of all steps :: [torch.arange(len(outputs)), lengths - 1] -> .amax(dim=1)
            The output at one step is asked for, the sample's own last. The layer has carried the rest in its state.
        keeps an axis of one step :: lengths - 1] -> lengths - 1][:, None]
            N × Dₕ is asked for, without an axis of time.
        gives the units first :: lengths - 1] -> lengths - 1].T
            N × Dₕ is asked for: a row for each sample.
        returns within the loop :: torch.arange(len(outputs)), lengths - 1] -> 0, lengths[0] - 1]
            That is the first sample alone. Move the `return` to the left, under `for`, and collect the rows.
        takes every sample's last step of every sample :: torch.arange(len(outputs)), -> :,
            A colon beside a list of steps takes all these steps of all samples, N N Dₕ. Pair them:
            `outputs[torch.arange(N), lengths - 1]`.
        puts the steps on the axis of the units ::
            torch.arange(len(outputs)), lengths -> torch.arange(len(outputs)), :, lengths
            The colon skips the axis of time, so the steps pick units. Time is the second axis:
            `outputs[torch.arange(N), lengths - 1]`.
        reads the first step :: torch.arange(len(outputs)), lengths - 1 -> :, 0
            After the first step the network has seen one digit.
        takes the batch axis for time :: = _time_first
            The outputs are N T Dₕ here (batch_first=True): samples first, then steps.
        """,
    ),
    cases=[
        (_numbers(3, 3, 3), torch.tensor([2, 3, 1])),  # a cube: steps on the axis of the units raise no error
        (_numbers(4, 4, 2), torch.tensor([2, 4, 3, 1])),  # square: swapped indices raise no error here
        (-_numbers(3, 5, 2), _LENGTHS[0]),  # falling: the last is not the largest
        (_numbers(2, 1, 3), _LENGTHS[1]),
        (_numbers(4, 7, 1), _LENGTHS[2]),
        (_numbers(1, 4, 3), _LENGTHS[3]),
    ],
    show_case=lambda outputs, lengths: (
        f"last_outputs(outputs, tensor({lengths.tolist()})), outputs being {'-' * (outputs[0, 0, 0].item() < 0)}1, "
        f"{'-' * (outputs[0, 0, 0].item() < 0)}2, ... in the shape {tuple(outputs.shape)},"
    ),
    array=True,
    hints=(
        ("how do I take another step from each row?", "Index with two lists of equal length: samples, and steps."),
        ("nearly there", "Samples are `torch.arange(len(outputs))`, steps are `lengths - 1`."),
    ),
)

# 03-3 ---------------------------------------------------------------------------------------------------------------


def _mask_of(*lengths):
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def masked_mean(losses, mask):
    return losses[mask].mean()


MASKED_MEAN = Exercise(
    key="03-3",
    title="the mean over true steps alone",
    solution=masked_mean,
    mistakes=mistakes(
        masked_mean,
        """
        takes the mean over everything :: [mask] ->
            The padding is counted as if it were data. Use the mask.
        divides by all steps, the padding too :: losses[mask] -> (losses * mask)
            The sum is right. Divide it by the number of true steps, `mask.sum()`, not by N T: else the loss shrinks
            when a batch happens to hold one long sample.
        adds up the padding too :: [mask].mean() -> .sum() / mask.sum()
            You divide by the number of true steps, and that is right. Add up the losses of true steps alone, too:
            `losses[mask]`.
        indexes with integers :: [mask] -> [mask.int()]
            An integer mask picks whole rows, row 0 and row 1, many times over. A mask of booleans picks steps.
        divides by the number of samples :: mean() -> sum() / len(losses)
            This is the mean sum of a sample. The mean of a step is asked for: divide by `mask.sum()`.
        adds up and does not divide :: mean -> sum
            A mean is asked for: divide by the number of true steps.
        takes the mean of each sample, then the mean of these ::
            losses[mask] -> torch.stack([row[seen].mean() for row, seen in zip(losses, mask)])
            A step of a short sample then counts for more than one of a long sample. Here all steps count alike.
        gives one mean for each sample :: losses[mask].mean() -> (losses * mask).sum(dim=1) / mask.sum(dim=1)
        gives the losses of the true steps :: losses[mask].mean() -> losses[mask]
            One number is asked for: the mean over all true steps of the batch.
        takes the mean of each step, then the mean of these ::
            losses[mask].mean() -> ((losses * mask).sum(dim=0) / mask.sum(dim=0)).mean()
            A late step, which few samples reach, then counts for more than an early one. Here all true steps count
            alike.
        divides by the number of steps of the longest sample :: mean() -> sum() / losses.shape[1]
            The number of true steps is `mask.sum()`: it counts all samples.
        takes the median :: mean -> median
            The mean is asked for.
        takes the losses that are not 0 for the true steps :: losses[mask] -> losses[losses != 0]
            A true step may cost 0, and padding may cost something. The mask says which is which.
        divides into whole numbers :: losses[mask].mean() -> losses[mask].sum() // mask.sum()
            `//` rounds down: divide with `/`.
        averages over the padding :: [mask] -> [~mask]
            The mask is True where a step is true.
        """,
    ),
    cases=[
        (torch.tensor([[1.0, 2.0, 3.0], [5.0, 7.0, 11.0]]), _mask_of(3, 1)),
        (torch.tensor([[4.0, 2.0, 8.0, 9.0], [1.0, 3.0, 7.0, 5.0], [6.0, 1.0, 2.0, 4.0]]), _mask_of(2, 4, 1)),
        (torch.tensor([[2.0, 6.0]]), _mask_of(2)),
        (torch.tensor([[1.0, 0.0], [3.0, 0.0], [4.0, 6.0]]), _mask_of(1, 1, 2)),
    ],
    show_case=lambda losses, mask: f"masked_mean({losses.tolist()}, mask of lengths {mask.sum(1).tolist()})",
    tolerance=1e-6,
    hints=(
        ("how do I leave the padding out?", "`losses[mask]` is a flat tensor of the losses of true steps."),
        (
            "or by numbers",
            "`(losses * mask).sum()` over `mask.sum()` (right while every loss is finite; see 'What goes wrong').",
        ),
    ),
)

# 03-4 ---------------------------------------------------------------------------------------------------------------


def training_step(layer, out, optimizer, batch):
    outputs, _ = layer(batch.inputs)  # N T Dₕ
    last = outputs[torch.arange(len(outputs)), batch.lengths - 1]  # N Dₕ
    loss = F.cross_entropy(out(last), batch.targets)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([*layer.parameters(), *out.parameters()], 1.0)
    optimizer.step()
    return loss.item()


def _clip_alone(weight):
    nn.utils.clip_grad_norm_([weight], 1.0)


_STEP_SLIPS = mistakes(
    training_step,
    """
    reads the last step of the batch :: torch.arange(len(outputs)), batch.lengths - 1 -> :, -1
        For all but the longest samples that is padding. Pick each sample's own last step.
    reads the step before the last :: - 1 -> - 2
        The last step of a sample of length n is step n - 1.
    averages the outputs over all steps :: outputs[torch.arange(len(outputs)), batch.lengths - 1] -> outputs.mean(dim=1)
        One output is asked for, that of each sample's last step; the mean has the padding in it too.
    reads the first step :: torch.arange(len(outputs)), batch.lengths - 1 -> :, 0
        After the first step the network has seen one digit. Pick each sample's own last step.
    reads one step past the end where there is one ::
        batch.lengths - 1 -> batch.lengths.clamp(max=outputs.shape[1] - 1)
        The last step of a sample of length n is step n - 1.
    asks every step for the answer, the padding too ::
        (out(last), batch.targets) -> (out(outputs).flatten(0, 1), batch.targets.repeat_interleave(outputs.shape[1]))
        One answer is asked for, at each sample's own last step: before the second digit no network can know it.
    takes the squared error ::
        cross_entropy(out(last), batch.targets) -> mse_loss(out(last), F.one_hot(batch.targets, 10).float())
        The cross-entropy is asked for: `F.cross_entropy(out(last), batch.targets)`.
    takes `nll_loss` of the scores :: cross_entropy -> nll_loss
    takes `nll_loss` of the probabilities :: cross_entropy(out(last), -> nll_loss(out(last).softmax(-1),
        `nll_loss` wants logarithms of probabilities. `F.cross_entropy` takes the scores and does both.
    divides the mean by the number of samples :: batch.targets) -> batch.targets) / len(outputs)
        `cross_entropy` gives the mean already.
    applies the softmax twice :: out(last), -> out(last).softmax(-1),
        `cross_entropy` takes scores and applies the softmax itself.
    adds up the losses of the batch :: batch.targets) -> batch.targets, reduction="sum")
        The mean over the samples is asked for; the sum makes the gradient N times as large.
    does not clip the gradient ::
        nn.utils.clip_grad_norm_([*layer.parameters(), *out.parameters()], 1.0) ->
        A gradient longer than 1 is shortened to 1 before the optimiser moves the weights.
    clips the layer alone :: [*layer.parameters(), *out.parameters()] -> layer.parameters()
    clips the linear layer alone :: [*layer.parameters(), *out.parameters()] -> out.parameters()
        The gradient is that of all weights, of `layer` and of `out`, and its length is taken over all of them.
    clips each number, not the length :: clip_grad_norm_ -> clip_grad_value_
    clips each weight by itself :: nn.utils.clip_grad_norm_( -> list(map(_clip_alone, & , 1.0) -> ))
        That bends the direction. Take one length over all weights: `nn.utils.clip_grad_norm_` with one list.
    never clears the gradient :: optimizer.zero_grad() ->
        `backward` adds to the gradient that is there. Without `zero_grad` the second step uses both.
    never moves the weights :: optimizer.step() ->
    :: optimizer.zero_grad() -> & loss.backward() -> loss.backward(); optimizer.zero_grad()
        `optimizer.step()` moves the weights along the gradient that `backward` computed, so the order is: clear,
        `backward`, step. Without the last, or with the gradient cleared before it, they stay where they are.
    moves the weights twice :: optimizer.step() -> optimizer.step(); optimizer.step()
        One step a batch.
    """,
)


class _Descent:
    """Gradient descent at the rate 0.5. (The first optimiser of torch's takes seconds to load.)"""

    def __init__(self, weights):
        self.weights = weights

    def zero_grad(self, set_to_none=True):
        for w in self.weights:
            w.grad = None

    @torch.no_grad()
    def step(self):
        for w in self.weights:
            if w.grad is not None:
                w -= 0.5 * w.grad


def _two_steps(step):
    """The losses and the weights of a small network after a step on each of two batches."""
    with torch.random.fork_rng(devices=[]):  # a check leaves the lesson's random numbers alone
        torch.manual_seed(0)
        layer, out = nn.RNN(10, 6, batch_first=True), nn.Linear(6, 10)
        out.weight.data *= 8  # a gradient that is longer than 1
        weights = [*layer.parameters(), *out.parameters()]
        optimizer, generator = _Descent(weights), torch.Generator().manual_seed(0)
        losses = [step(layer, out, optimizer, kth_digit(8, generator)) for _ in range(2)]
    return losses, torch.cat([w.detach().flatten() for w in weights])


def _alike(first, second):
    return np.allclose(first[0], second[0], rtol=1e-4) and torch.allclose(first[1], second[1], rtol=1e-3, atol=1e-5)


def step_fails(answer):
    """None if two steps give the losses and the weights of the solution, `...` for a stub, else a sentence."""
    if not callable(answer):
        return f"A function is asked for, and this is {answer!r}: hand over its name, uncalled."
    got, want = _two_steps(answer), _two_steps(training_step)
    if ... in got[0]:
        return ...
    if None in got[0]:
        return "Your step gave None: does it end with `return loss.item()`?"
    if not all(np.ndim(plain(loss)) == 0 and not getattr(loss, "requires_grad", False) for loss in got[0]):
        kind = with_article(type(got[0][0]).__name__)
        return f"Your step gives {kind}; the loss as a number is asked for: `return loss.item()`."
    got = [float(loss) for loss in got[0]], got[1]
    if _alike(got, want):
        return None
    said = f"Two steps on two batches should give the losses {want[0][0]:.4f} and {want[0][1]:.4f}, and yours give "
    said += f"{got[0][0]:.4f} and {got[0][1]:.4f}."
    if np.allclose(got[0], want[0], rtol=1e-4):
        said += " Those are right; the weights after the second step are not."
    for slip in _STEP_SLIPS:
        if _alike(_two_steps(slip.answer), got):
            return f"{said} It looks as if your step {slip.name}. {slip.message}"
    if abs(got[0][0] - want[0][0]) > 1e-4:
        return f"{said} The first loss is wrong before any weight has moved: look at what goes into `cross_entropy`."
    return f"{said} The first loss is right, so the fault is in how the weights are moved: clear, `backward`, step."


TRAINING_STEP = Exercise(
    key="03-4",
    title="one training step on a padded batch",
    solution=training_step,
    verify=step_fails,
    part="the training step",
    mistakes=_STEP_SLIPS,
    hints=(
        ("which lines are there?", "Outputs, the last of each sample, the loss; then clear, `backward`, clip, step."),
        ("the shapes do not fit", "`layer(batch.inputs)` gives a pair; its first part is N T Dₕ. `out` wants N Dₕ."),
        ("clipping", "`nn.utils.clip_grad_norm_(weights, 1.0)`, with the weights of `layer` and of `out` in one list."),
        ("the loss", "`F.cross_entropy(out(last), batch.targets)`: scores first, and no softmax before."),
    ),
)

# 03-5 ---------------------------------------------------------------------------------------------------------------


def memory_after(steps, c, f, i):
    for _ in range(steps):
        c = f * c + i
    return c


MEMORY_AFTER = Exercise(
    key="03-5",
    title="a memory whose input gate is ajar",
    solution=memory_after,
    mistakes=mistakes(
        memory_after,
        """
        forgets part of what it has written at the same step :: f * c + i -> f * (c + i)
            The forget gate acts on the old memory alone, and what is written comes after it: f * c + i.
        writes once only :: = lambda steps, c, f, i: f**steps * c + i
        :: = lambda steps, c, f, i: f**steps * (c + i)
            The input gate is ajar at every step, and each step adds i.
        lets nothing fade that it has written :: = lambda steps, c, f, i: f**steps * c + steps * i
            What one step has written is old memory at the next, and fades like the rest.
        leaves the input gate out :: f * c + i -> f * c
            Each step also adds i times the candidate, which is 1.
        leaves the forget gate out :: f * c + i -> c + i
            Of the old memory each step keeps the share f: f * c.
        begins with an empty memory :: = lambda steps, c, f, i: memory_after(steps, 0.0, f, i)
            The memory begins at c, and f ** steps of that is left.
        writes the share 1 - f :: f * c + i -> f * c + (1 - f)
            That is a GRU, in which one gate does both. Here i says how much is written.
        writes the old memory :: f * c + i -> f * c + i * c
            What is written is a candidate, and each candidate is 1.
        takes f for what is lost :: f * c + i -> (1 - f) * c + i
            The forget gate is what is *kept*. With f = 1 nothing is forgotten.
        takes one step too many :: range(steps) -> range(steps + 1)
        takes one step too few :: range(steps) -> range(steps - 1)
            After 0 steps the memory is c, and after one it is f * c + i.
        takes one step, however many are asked for :: = lambda steps, c, f, i: f * c + i
            Go on in a loop: what comes out of one step goes into the next.
        loops over `i` :: for _ in -> for i in
            `i` is the input gate, and a loop over `i` writes over it. Call the step something else.
        gives where the memory comes to in the end :: = lambda steps, c, f, i: i / (1 - f)
            It is on the way there. After these steps something of the beginning is left.
        divides by zero where nothing is lost ::
            = lambda steps, c, f, i: f**steps * c + i * (1 - f**steps) / (1 - f)
            For f below 1 the formula is right. With f = 1 nothing fades, and `steps * i` is added.
        gives the memory after each step ::
            = lambda steps, c, f, i: [memory_after(t + 1, c, f, i) for t in range(steps)]
            One number is asked for, the memory at the end.
        """,
    ),
    cases=[
        (1, 1.0, 0.5, 0.2),
        (2, 1.0, 0.5, 0.2),
        (3, 0.0, 0.8, 0.1),
        (0, 0.7, 0.9, 0.1),
        (1000, 1.0, 0.999, 0.01),
        (4, 2.0, 0.0, 0.3),
        (10, -1.0, 1.0, 0.2),
    ],
    hints=(
        ("where do I begin?", "With one step: of c, f * c is kept, and i * 1 is added."),
        ("nearly there", "Do that in a loop over the steps; each step works on what the one before has left in c."),
    ),
)

# 03-6 ---------------------------------------------------------------------------------------------------------------

HALF = 0.5 ** (1 / 1000)
_HALVES = mistakes(
    HALF,
    """
    halves at each step :: = 0.5
        Then half is left after one step, and nothing after ten.
    loses 0.5 / 1000 of the beginning at each step :: = 1 - 0.5 / 1000
        Close, but not right: each step loses a share of what is left. 0.9995 to the power 1000 is 0.6065.
    loses one part in 1,000 at each step :: = 1 - 1 / 1000
        The thousandth power of 0.999 is 0.3677, about 1 / e. Half is asked for.
    takes the root of 2 :: = 2 ** (1 / 1000)
        That grows: its thousandth power is 2. Half is to be left, so take the root of 0.5.
    gives what is lost at each step :: = 1 - 0.5 ** (1 / 1000)
        The forget gate is what is kept: 1 minus that.
    divides a half by 1,000 :: = 0.5 / 1000
        Such a gate keeps next to nothing. The f whose 1000th power is 0.5 is asked for.
    takes the power for the root :: = 0.5**1000
        The f whose 1000th power is 0.5 is asked for.
    """,
)


def half_fails(answer):
    """None if the answer is the f with f ** 1000 = 0.5, to 5e-7, else a sentence."""
    if answer is None:
        return "One number is asked for, and yours is None: write it in the cell above, and run it."
    if isinstance(answer, str):
        return f"A number is asked for, and {answer!r} is a string: write it without quotes."
    number = np.asarray(answer, dtype=float)
    if number.ndim > 0:
        return f"One number is asked for, and yours is a list or an array, {answer!r}: write it without brackets."
    f = float(number)
    if not math.isfinite(f):
        return f"A finite number is asked for, and yours is {f}."
    if abs(f - HALF) <= 5e-7:
        return None
    for mistake in _HALVES:
        if abs(f - mistake.answer) <= 5e-7:
            return f"{f:.9g} is not it. This is what you get if your answer {mistake.name}. {mistake.message}"
    if not 0 < f < 1:
        return f"{f:.9g} is not it: a forget gate that loses a part, and not all, lies between 0 and 1."
    return f"{f:.9g} is not it: its thousandth power is {f**1000:.6f}, and 0.5 is asked for. Six digits are needed."


HALF_LIFE = Exercise(
    key="03-6",
    title="a gate that keeps half over 1,000 steps",
    solution=HALF,
    verify=half_fails,
    mistakes=_HALVES,
    hints=(("which equation?", "f ** 1000 = 0.5."), ("solve it", "Take the thousandth root: 0.5 ** (1 / 1000).")),
    source="answer = 0.5 ** (1 / 1000)  # 0.99930709",
)

# 03-7 ---------------------------------------------------------------------------------------------------------------

SIX = "The answer is six numbers: three for the input gate, (for A, for B, bias), then three for the forget gate."
TOO_LARGE = "Keep each number between -50 and 50; gates are as good as open or shut long before."
FIRST = "That is the memory of a network that counts from 0."
THIRD = "The write gate opens one step late: A is 1 already while the 2nd digit is read, and B is not."
TURNED = "The input gate is shut at the 2nd digit and open at all others: turn the signs of its three numbers round."
WRITES_ON = "The input gate is not shut once B is 1, so every later candidate is written too."
LEAKS = "The forget gate must be so near 1 that even its thousandth power is."
TOO_SHY = "While the 2nd digit is read, A = 1 and B = 0; the input gate must be open then, its sum well above 0."
BEFORE = "The first digit is in the memory too: with A = 0 and B = 0 the input gate must be shut, its sum well below 0."


def run_unit(weights, candidates):
    """The memory of one unit after each candidate, and its two gates; A is 1 from t = 1 on, B from t = 2 on."""
    a_i, b_i, bias_i, a_f, b_f, bias_f = weights
    c, memory, gates = 0.0, [], []
    for t, g in enumerate(candidates):
        A, B = float(t >= 1), float(t >= 2)
        i = 1 / (1 + math.exp(-(a_i * A + b_i * B + bias_i)))
        f = 1 / (1 + math.exp(-(a_f * A + b_f * B + bias_f)))
        c = f * c + i * g
        memory.append(c)
        gates.append((i, f))
    return memory, gates


def unit_fails(answer):
    """None if the unit holds the 2nd candidate over 2 to 1,000 steps to one part in a hundred, else a sentence."""
    if answer is None:
        return f"{SIX} Yours is None: write the six numbers in the cell above, and run it."
    if holds_text(answer):
        return f"{SIX} Yours holds text: write 20 without quotes."
    weights = [float(w) for w in np.asarray(answer, dtype=float).ravel()]
    if len(weights) != 6:
        return f"{SIX} Yours has {len(weights)} number{'s' * (len(weights) != 1)}."
    for place, w in enumerate(weights, 1):
        if not math.isfinite(w):
            return f"{SIX} Number {place} of yours is {w}: each must be finite."
    if max(map(abs, weights)) > 50:
        return f"{TOO_LARGE} Yours has {max(weights, key=abs):g}."
    candidates = np.random.default_rng(3).uniform(0.5, 1, 1000) * np.random.default_rng(4).choice([-1, 1], 1000)
    candidates[:3] = 0.9, -0.7, 0.5  # three that cannot be taken for one another
    memory, gates = run_unit(weights, candidates)
    bad = next((t for t in range(1, 1000) if abs(memory[t] - candidates[1]) > 0.01), None)
    if bad is None:
        return None
    said = (
        f"The candidates begin {', '.join(f'{g:.2f}' for g in candidates[:4])} ... The memory must be within 0.01 of "
        f"{candidates[1]:.2f} from t = 1 on, and at t = {bad} it is {memory[bad]:.4f}. "
    )
    (i0, _), (i1, _), (i2, f2) = gates[:3]
    if i0 > 0.5 and i1 < 0.1 and i2 < 0.1:
        return f"{said}It holds the first candidate. {FIRST}"
    if i0 > 0.5 and i1 < 0.1 and i2 > 0.5:
        return f"{said}{TURNED}"
    if i1 < 0.1 and i2 > 0.5:
        return f"{said}{THIRD}"
    if i1 < 0.986:  # 0.01 of 0.70
        return f"{said}The input gate at t = 1 is {i1:.4f}. {TOO_SHY}"
    if i0 > 0.005 and gates[1][1] > 0.005:
        return f"{said}The input gate at t = 0 is {i0:.4f}. {BEFORE}"
    if i2 > 1e-5:
        return f"{said}From t = 2 on the input gate is {i2:.3g}. {WRITES_ON}"
    return f"{said}From t = 2 on the forget gate is {f2:.6g}, and f to the power 1000 is {f2**1000:.2g}. {LEAKS}"


HOLD_THE_SECOND = Exercise(
    key="03-7",
    title="six numbers that hold the 2nd digit",
    solution=(20.0, -40.0, -10.0, 0.0, 30.0, -15.0),
    verify=unit_fails,
    mistakes=(
        Mistake("is not six numbers", (20, -40, -10), SIX),
        Mistake("is out of bounds", (100, -200, -50, 0, 0, 20), TOO_LARGE),
        Mistake("holds the first digit", (-40, 0, 20, 0, 0, 20), FIRST),
        Mistake("opens at the 3rd digit", (0, 20, -10, 0, 0, 20), THIRD),
        Mistake("opens where it should shut, and shuts where it should open", (-20, 40, 10, 0, 0, 20), TURNED),
        Mistake("never shuts the input gate", (20, 0, -10, 0, 0, 20), WRITES_ON),
        Mistake("forgets", (20, -40, -10, 0, 0, 5), LEAKS),
        Mistake("does not open at the 2nd digit", (10, -20, -10, 0, 0, 20), TOO_SHY),
        Mistake("writes the first digit too", (20, -40, 0, 0, 0, 20), BEFORE),
    ),
    hints=(
        ("where to begin?", "Write the sum inside σ for the three situations: (A, B) = (0, 0), (1, 0), (1, 1)."),
        ("the input gate", "Its sum is: bias; bias + a; bias + a + b. Wanted: low, high, low. About 10 is enough."),
        ("it leaks", "σ(5) is 0.9933, and its thousandth power 0.0012. With σ(15) nothing is lost."),
    ),
    source="answer = (20, -40, -10, 0, 0, 20)  # input gate: -10, +10, -30; forget gate: always σ(20)",
)

EXERCISES = (MAKE_MASK, LAST_OUTPUTS, MASKED_MEAN, TRAINING_STEP, MEMORY_AFTER, HALF_LIFE, HOLD_THE_SECOND)
