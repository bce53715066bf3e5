"""Exercises of lesson 11, CRNN."""

from __future__ import annotations

import math
from itertools import groupby, pairwise

import numpy as np
import torch
from einops import rearrange
from torch import nn

from crnn_lessons.exercises import Exercise, mistakes
from crnn_lessons.exercises.catalogue import find

ctc_losses_and_posteriors = find("07-5").solution

# 11-2 ---------------------------------------------------------------------------------------------------------------

NARROWEST = Exercise(
    key="11-2",
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

# 11-3 ---------------------------------------------------------------------------------------------------------------


def _features(n, d, h, w):
    return torch.arange(n * d * h * w, dtype=torch.float32).reshape(n, d, h, w)


def to_steps(features):
    return rearrange(features, "n d h w -> w n (d h)")


TO_STEPS = Exercise(
    key="11-3",
    title="features to time steps",
    solution=to_steps,
    part="the move to steps",
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

# 11-8 ---------------------------------------------------------------------------------------------------------------


def bilstm_parameters(D, hidden_size):
    one_direction = 4 * (hidden_size * D + hidden_size * hidden_size + 2 * hidden_size)
    return 2 * one_direction


BILSTM_PARAMETERS = Exercise(
    key="11-8",
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

# 11-9 ---------------------------------------------------------------------------------------------------------------


def focal(loss):
    return (1 - math.exp(-loss)) ** 2 * loss


FOCAL = Exercise(
    key="11-9",
    title="focal CTC",
    solution=focal,
    mistakes=mistakes(
        focal,
        """
        forgets the square :: ** 2 ->
            The factor is (1 - p) to the power of 2.
        weighs with p, not with 1 - p :: 1 - math.exp(-loss) -> math.exp(-loss)
        :: (1 - math.exp(-loss)) ** 2 -> math.exp(-loss)
            This favours what is read well already. The factor should be near 0 where p is near 1.
        takes the loss for the probability :: math.exp(-loss) -> loss
            The loss is -ln p. So p is exp(-loss).
        returns the factor alone :: * loss ->
            The factor is the weight of the loss: multiply by it.
        squares the loss too :: (1 - math.exp(-loss)) ** 2 * loss -> ((1 - math.exp(-loss)) * loss) ** 2
            Only the factor is squared.
        takes exp(loss) for p :: exp(-loss) -> exp(loss)
            The loss is -ln p. So p is exp(-loss), with the minus; exp(loss) is above 1.
        squares p, and not 1 - p :: (1 - math.exp(-loss)) ** 2 -> (1 - math.exp(-loss) ** 2)
            First 1 - p, then the square.
        comes out negative :: return -> return -
            The loss is -ln p, which is positive, and so is the factor: there is no minus left to add.
        """,
    ),
    cases=[(1.0,), (0.0,), (0.01,), (0.5,), (3.0,), (20.0,)],
    hints=(
        ("what is p?", "The loss is -ln p(Y | X), so p is `math.exp(-loss)`."),
        ("how does it go together?", "`(1 - p) ** 2 * loss`"),
    ),
)

# 11-10 ---------------------------------------------------------------------------------------------------------------


def decode(path):
    labels, before = [], 0
    for k in path:
        if k not in (0, before):
            labels.append(k)
        before = k
    return labels


DECODE = Exercise(
    key="11-10",
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
        keeps the blanks :: = lambda path: [k for k, _ in groupby(path)]
            A blank is no letter: after the runs are merged, drop class 0.
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

# 11-7 ---------------------------------------------------------------------------------------------------------------


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
    key="11-7",
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
        gives one entry for each frame :: = lambda path: [(k, t, t) for t, k in enumerate(path) if k != 0]
            A run of equal classes is one letter: one entry, with its first and its last frame.
        counts the runs, not the frames :: t, t + length - 1 -> t, t & t += length -> t += 1
            A run of n frames moves the counter on by n.
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

# 11-1 ---------------------------------------------------------------------------------------------------------------


def _fill(network):
    """Give all weights values that depend on their shapes alone, so that equal layers compute equal numbers."""
    if not isinstance(network, nn.Module):
        raise TypeError(f"a module of torch is asked for, and this is of the type {type(network).__name__}")
    for weights in network.double().parameters():
        generator = torch.Generator().manual_seed(sum(n * 31**i for i, n in enumerate(weights.shape)))
        values = torch.randn(weights.shape, generator=generator, dtype=torch.float64)
        weights.data = values / math.sqrt(weights[0].numel())
    return network.eval()


def _noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(11), dtype=torch.float64)


def _features_of(make, height, width):
    with torch.random.fork_rng(devices=[]), torch.no_grad():  # a check leaves the lesson's random numbers alone
        stack = make()
        if stack is ...:
            return stack
        features = _fill(stack)(_noise(2, 1, height, width))
    count = sum(weights.numel() for weights in stack.parameters())
    return {"shape": tuple(features.shape), "parameters": count, "features": features.numpy()}


def make_convolutions():
    layers, channels_before = [], 1
    for channels, pool in [(16, (2, 2)), (32, (2, 2)), (64, (2, 1)), (64, (2, 1))]:
        layers.append(nn.Conv2d(channels_before, channels, kernel_size=3, padding=1, bias=False))
        layers.append(nn.BatchNorm2d(channels))
        layers.append(nn.ReLU())
        layers.append(nn.MaxPool2d(pool))
        channels_before = channels
    return nn.Sequential(*layers)


CONVOLUTIONS = Exercise(
    key="11-1",
    title="the convolutions",
    solution=make_convolutions,
    part="the convolutions",
    probe=_features_of,
    mistakes=mistakes(
        make_convolutions,
        """
        forgets the padding :: , padding=1 ->
            A window of 3 that must lie inside the picture takes a row and a column off each side: `padding=1` puts
            them back.
        halves the width at each pool :: (2, 1) -> (2, 2)
            Then 100 columns become 6, too few for a word. The last two pools halve the height alone: `(2, 1)`.
        swaps height and width in the last two pools :: (2, 1) -> (1, 2)
            A pair is (rows, columns): `(2, 1)` halves the height and keeps the width.
        keeps a bias beside the norm :: , bias=False ->
            The norm takes the mean of each channel off, and a bias with it: `bias=False`.
        leaves out the norm :: layers.append(nn.BatchNorm2d(channels)) -> pass
            After each convolution comes `nn.BatchNorm2d` with as many channels as it has given out.
        leaves out the ReLU :: layers.append(nn.ReLU()) -> pass
            Without something bent between them, two convolutions are one larger convolution.
        puts the ReLU before the norm ::
            nn.BatchNorm2d(channels) -> nn.ReLU() & nn.ReLU() -> nn.BatchNorm2d(channels)
            It would learn to read as well, but it is not the network of the table: convolution, norm, ReLU, pool.
        stops after three rows of the table :: (64, (2, 1)), (64, (2, 1))] -> (64, (2, 1))]
            A fourth convolution takes 64 channels in and gives 64 out, and a fourth pool leaves two rows.
        has channels that do not fit :: , channels_before = [], 1 -> , channels_before = [], 3
        :: channels_before = channels -> pass
            The pictures are grey: the first convolution takes one channel. Each of the others takes as many as the one
            before has given out.
        gives a list of layers :: nn.Sequential(*layers) -> layers
            A list cannot be run. `nn.Sequential(*layers)` runs its layers one after the other.
        """,
    ),
    cases=[(64, 100), (32, 100), (32, 41)],
    show_case=lambda height, width: f"make_convolutions() on two pictures of {height} × {width}",
    hints=(
        (
            "how does it begin?",
            "`conv_layer(1, 16)` and a pool; the next layer takes 16 channels. (Below, the layers are written out.)",
        ),
        ("a pool that keeps the width", "`nn.MaxPool2d((2, 1))`: windows of two rows and one column."),
        ("how do I put them together?", "`nn.Sequential(layer, layer, ...)`, or `nn.Sequential(*layers)` of a list."),
    ),
)

# 11-4 ---------------------------------------------------------------------------------------------------------------


def _log_probs_of(make, num_classes, N, width):
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = make(num_classes)
        if network is ...:
            return network
        log_probs = _fill(network)(_noise(N, 1, 32, width))
        if log_probs is ...:
            return log_probs
    count = sum(weights.numel() for weights in network.parameters())
    named = [name for name in ("convolutions", "lstm", "output") if hasattr(network, name)]
    return {"shape": tuple(log_probs.shape), "parameters": count, "layers": named, "log_probs": log_probs.numpy()}


class CRNN(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.convolutions = make_convolutions()
        self.lstm = nn.LSTM(128, 64, bidirectional=True)
        self.output = nn.Linear(128, num_classes)

    def forward(self, images):
        features = self.convolutions(images)  # N D H W
        steps = to_steps(features)  # T N 128
        context, _ = self.lstm(steps)  # T N 128
        return self.output(context).log_softmax(dim=2)  # T N C


NETWORK = Exercise(
    key="11-4",
    title="the network",
    solution=CRNN,
    part="the network",
    probe=_log_probs_of,
    mistakes=mistakes(
        CRNN,
        """
        gives logits :: .log_softmax(dim=2) ->
            CTC wants logarithms of probabilities: end with `.log_softmax(dim=2)`.
        gives probabilities :: log_softmax -> softmax
            CTC wants their logarithms: `log_softmax`.
        normalises over the samples :: dim=2 -> dim=1
        normalises over the steps :: dim=2 -> dim=0
            The classes share the probability of one step of one sample. They are the last of T N C: `dim=2`.
        reads in one direction :: , bidirectional=True -> & nn.Linear(128, -> nn.Linear(64,
            What comes after a frame helps, too: `bidirectional=True`. Then each step has 2 · 64 numbers.
        takes the samples for the steps :: bidirectional=True -> bidirectional=True, batch_first=True
            `to_steps` gives T N D, time first, as `nn.LSTM` takes it. Leave `batch_first` out.
        goes on with all that the LSTM returns :: context, _ = -> context =
            `nn.LSTM` returns a pair: the outputs of all steps, and the last states. Take the first.
        never calls the LSTM :: context, _ = self.lstm(steps) -> context = steps
            The steps must go through `self.lstm` before `self.output`: by themselves they know nothing of their
            neighbours.
        has sizes that do not fit :: nn.LSTM(128, -> nn.LSTM(64,
        :: nn.Linear(128, -> nn.Linear(64,
            A step has D · H = 64 · 2 = 128 numbers, and an LSTM of 64 units in two directions gives 2 · 64 = 128.
        forgets super().__init__() :: super().__init__() ->  pass
            `nn.Module` has to be set up before it can hold layers: `super().__init__()` comes first.
        """,
    ),
    cases=[(5, 2, 100), (37, 3, 61)],
    show_case=lambda num_classes, N, width: f"CRNN({num_classes}) on {N} pictures of 32 × {width}",
    hints=(
        ("what belongs in __init__?", "The layers that have weights: the convolutions, the LSTM, and a linear layer."),
        ("which sizes?", "64 channels × 2 rows = 128 numbers a step; 64 units in two directions give 128 as well."),
        ("what does the LSTM return?", "A pair. `context, _ = self.lstm(steps)`."),
        ("and the end?", "`self.output(context).log_softmax(dim=2)`"),
    ),
)

# 11-5 ---------------------------------------------------------------------------------------------------------------


class GradientsMissing(Exception):
    """Torch called ``backward``, and got too few things back: an error that can have one cause only."""


def _loss_and_gradient(function, log_probs, targets, input_lengths, weights):
    leaf = torch.tensor(log_probs, requires_grad=True)
    losses = getattr(function, "apply", function)(leaf, targets, input_lengths)
    if losses is ...:
        return losses
    if not (torch.is_tensor(losses) and losses.requires_grad):
        raise TypeError("the losses should be a tensor that comes from a torch.autograd.Function")
    if len(losses.shape) != 1:
        return {"losses": losses.detach().numpy()}
    try:
        (losses * torch.tensor(weights)).sum().backward()
    except RuntimeError as error:
        raise (GradientsMissing(str(error)) if "number of gradients" in str(error) else error) from None
    return {"losses": losses.detach().numpy(), "gradient": leaf.grad.numpy()}


def _ctc_cases():
    rng, cases = np.random.default_rng(11), []
    for T, targets, input_lengths in [(3, [[1], [2]], [3, 3]), (6, [[1, 2], [2, 2], [3]], [6, 6, 4])]:
        probs = rng.dirichlet(np.ones(4), size=(T, len(targets)))
        cases.append((np.log(probs), targets, input_lengths, rng.uniform(0.5, 2, size=len(targets))))
    return cases


class CTC(torch.autograd.Function):
    @staticmethod
    def forward(ctx, log_probs, targets, input_lengths):
        losses, q = ctc_losses_and_posteriors(log_probs.numpy(), targets, input_lengths)
        ctx.save_for_backward(torch.tensor(q))
        return torch.tensor(losses)

    @staticmethod
    def backward(ctx, gradient):
        (q,) = ctx.saved_tensors  # T N C
        return -q * gradient[:, None], None, None


AUTOGRAD = Exercise(
    key="11-5",
    title="your CTC, for torch",
    solution=CTC,
    part="CTC for torch",
    probe=_loss_and_gradient,
    mistakes=mistakes(
        CTC,
        """
        gives q in place of -q :: -q * -> q *
            The loss falls where the log-probability of a likely class rises: the gradient is −q.
        forgets what comes from behind :: * gradient[:, None] ->
            Torch hands you the derivative of the final loss with respect to each of the N losses. The chain rule
            multiplies by it.
        multiplies the steps, not the samples :: gradient[:, None] -> gradient.mean()
            Each sample has a number of its own in `gradient`: line up its N numbers with the middle axis of T N C,
            `gradient[:, None]`.
        gives one gradient for three inputs :: , None, None ->
            `forward` takes three arguments besides ctx, so `backward` returns three things. Targets and lengths have
            no gradient: None.
        adds up the losses :: return torch.tensor(losses) -> return torch.tensor(losses.sum())
            N losses are asked for: what becomes of them is left to the training step.
        gives the gradient of the logits ::
            -q -> (log_probs.exp() - q) & torch.tensor(q)) -> torch.tensor(q), log_probs) & (q,) = -> q, log_probs =
            p − q is the gradient with respect to the logits. Here the log-probabilities come in: theirs is −q, and
            torch goes through `log_softmax` by itself.
        """,
    ),
    cases=_ctc_cases(),
    show_case=lambda log_probs, targets, input_lengths, weights: (
        f"CTC.apply(log_probs, {targets}, {input_lengths}) with T, N, C = {log_probs.shape}"
    ),
    hints=(
        ("forward", "Call your function with `log_probs.numpy()`; it returns the losses and q."),
        ("how does q get to backward?", "`ctx.save_for_backward(torch.tensor(q))`; there, `(q,) = ctx.saved_tensors`."),
        ("which shapes meet?", "q is T N C and `gradient` is N: `gradient[:, None]` is N 1, and fits every step."),
        ("how many gradients?", "One for each argument of `forward` after ctx; None for the targets and the lengths."),
    ),
)

# 11-6 --------------------------------------------------------------------------------------------------------------


class _Columns(nn.Module):
    """The smallest network that there is: each column of a picture by itself, from N 1 H W to T N C."""

    def __init__(self):
        super().__init__()
        self.output = nn.Linear(3, 4)

    def forward(self, images):
        return self.output(rearrange(images, "n 1 h w -> w n h")).log_softmax(dim=2)


class _Descent:
    """Gradient descent. (The first step of an optimiser of torch imports for seconds, and a check is timed.)"""

    def __init__(self, weights):
        self.weights = list(weights)

    def zero_grad(self):
        for weights in self.weights:
            weights.grad = None

    def step(self):
        with torch.no_grad():
            for weights in self.weights:
                weights -= 0.5 * (0 if weights.grad is None else weights.grad)


def _two_steps(step, images, targets):
    with torch.random.fork_rng(devices=[]):
        network = _fill(_Columns()).train()
    optimizer = _Descent(network.parameters())
    given = [step(network, optimizer, images, targets) for _ in range(2)]
    if given[0] is ... or given[0] is None:
        return given[0]
    kind = "a tensor" if torch.is_tensor(given[0]) else "a number"
    losses = [float(loss.detach() if torch.is_tensor(loss) else loss) for loss in given]
    weights = network.output.weight.detach().numpy()
    return {"what it returns": kind, "losses": losses, "weights": weights}


def training_step(network, optimizer, images, targets):
    log_probs = network(images)  # T N C
    T, N, _ = log_probs.shape
    losses = CTC.apply(log_probs, targets, [T] * N)  # N
    loss = losses.sum() / sum(len(target) for target in targets)  # nats per character
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


TRAINING_STEP = Exercise(
    key="11-6",
    title="the training step",
    solution=training_step,
    part="the training step",
    probe=_two_steps,
    mistakes=mistakes(
        training_step,
        """
        never clears the gradients :: optimizer.zero_grad() -> pass
            `backward` adds to the gradients that are there: those of the step before must go first.
        leaves the weights as they are :: optimizer.step() -> pass
        :: loss.backward() -> pass
        :: optimizer.zero_grad() -> loss.backward() & loss.backward() -> optimizer.zero_grad()
            Three calls, in this order: `optimizer.zero_grad()`, `loss.backward()`, `optimizer.step()`.
        divides by the samples, not by the characters ::
            losses.sum() / sum(len(target) for target in targets) -> losses.mean()
            The loss is asked for in nats per character: divide the sum by the number of characters in all targets.
        adds up the losses :: / sum(len(target) for target in targets) ->
            Divide by the number of characters of the batch: then the loss means the same for long words and for short
            ones, for large batches and for small ones.
        divides each loss by its own length ::
            losses.sum() / sum(len(target) for target in targets) -> sum(l / len(y) for l, y in zip(losses, targets)) /N
            That is a mean of means, in which a character of a short word counts more. Here all characters of the batch
            count alike: divide the sum of the losses by their number.
        returns the tensor :: loss.item() -> loss
            A tensor holds on to the whole computation behind it. Keep the number: `loss.item()`.
        """,
    ),
    cases=[
        (_noise(2, 1, 3, 5), [[1, 2], [3]]),
        (_noise(3, 1, 3, 6), [[1], [2, 2], [3, 1, 2]]),
    ],
    show_case=lambda images, targets: (
        f"training_step(network, optimizer, images, {targets}), twice, on a small network"
    ),
    hints=(
        ("which lengths?", "All pictures are equally wide, so each sample has T steps: `[T] * N`."),
        (
            "what is the loss?",
            "`CTC.apply(log_probs, targets, [T] * N)` gives N numbers; divide their sum.",
        ),
        ("in which order?", "Clear the gradients, go backward, step."),
    ),
)

EXERCISES = (
    CONVOLUTIONS,
    NARROWEST,
    TO_STEPS,
    NETWORK,
    AUTOGRAD,
    TRAINING_STEP,
    LETTER_FRAMES,
    BILSTM_PARAMETERS,
    FOCAL,
    DECODE,
)
