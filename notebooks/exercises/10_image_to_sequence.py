"""Exercises of lesson 10, From image to sequence."""

from __future__ import annotations

import numpy as np
import torch
from einops import rearrange
from torch import nn

from crnn_lessons.exercises import Exercise, Mistake, mistakes
from crnn_lessons.models.features import FeatureStack, layers, parse

# 10-2 ---------------------------------------------------------------------------------------------------------------


def windows(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) // stride + 1


WINDOWS = Exercise(
    key="10-2",
    title="how many windows fit",
    solution=windows,
    mistakes=mistakes(
        windows,
        """
        forgets the window at the start :: + 1 ->
            The division counts how often the window can move on. Add the place where it stands at first.
        counts the padding on one side :: 2 * padding -> padding
            Padding is put on both ends: the window has size + 2 padding to move in.
        leaves the padding out :: + 2 * padding ->
            Padding makes room: add it on both ends.
        rounds up :: (size + 2 * padding - kernel) // stride -> -(-(size + 2 * padding - kernel) // stride)
            A window that hangs over the end is left out: round down, with `//`.
        does not round :: // -> /
            There is no half window: `//` rounds down.
        leaves the stride out :: // stride ->
            The window moves `stride` columns at a time: divide the room that it has by the stride, then add 1.
        leaves the kernel out :: - kernel ->
        :: - kernel -> & + 1 ->
            The whole window must fit: its last start is `kernel` before the end.
        adds the first window before it divides :: - kernel) // stride + 1 -> - kernel + 1) // stride
            The window at the start is one place, whatever the stride: divide first, then add 1.
        divides the size by the stride alone :: (size + 2 * padding - kernel) // stride + 1 -> size // stride
            This holds only where kernel and stride are equal and nothing is padded.
        """,
    ),
    cases=[(5, 3, 1, 0), (100, 2, 2, 0), (25, 2, 2, 0), (32, 3, 1, 1), (25, 2, 1, 1), (50, 3, 2, 0), (160, 7, 2, 3)],
    show_case=lambda *a: "windows(size={}, kernel={}, stride={}, padding={})".format(*a),
    hints=(
        ("where to begin", "Take 5 pixels and a window of 3. Where can it start? At 0, 1 and 2."),
        ("and a stride?", "The last start is size + 2 padding - kernel. How many multiples of the stride reach it?"),
    ),
)

# 10-4 ---------------------------------------------------------------------------------------------------------------


def conv_parameters(inputs, outputs, height, width, norm):
    weights = outputs * inputs * height * width
    return weights + (2 * outputs if norm else outputs)


CONV_PARAMETERS = Exercise(
    key="10-4",
    title="the parameters of a convolution and its norm",
    solution=conv_parameters,
    mistakes=mistakes(
        conv_parameters,
        """
        leaves out the bias :: else outputs -> else 0
            Without a norm, each output channel has a bias: one number each.
        leaves out the norm :: 2 * outputs if -> 0 if
            A norm has a scale and a shift for each output channel.
        leaves out the bias and the norm :: + (2 * outputs if norm else outputs) ->
            Besides the weights, each output channel has two numbers with a norm, and one, its bias, without.
        lets `if` take the weights in :: (2 * outputs if norm else outputs) -> 2 * outputs if norm else outputs
            Python reads `w + 2 * o if norm else o` as `(w + 2 * o) if norm else o`: put brackets around the part with
            `if` and `else`.
        keeps the bias beside the norm :: 2 * outputs if -> 3 * outputs if
            The norm takes the mean away, and with it any bias: a convolution before a norm has none here.
        counts a bias and no norm, whatever `norm` says :: (2 * outputs if norm else outputs) -> outputs
            Ask for `norm`: with it, a scale and a shift for each output channel; without, a bias.
        swaps the two cases :: 2 * outputs if norm else outputs -> outputs if norm else 2 * outputs
            With a norm there are two numbers for each output channel, scale and shift; without, one, the bias.
        counts scale, shift and bias once a layer :: 2 * outputs if norm else outputs -> 2 if norm else 1
            Each output channel has its own: multiply by the number of output channels.
        counts running mean and variance :: 2 * outputs if -> 4 * outputs if
            Running statistics are stored, but no gradient trains them: they are buffers, not parameters.
        forgets the input channels :: outputs * inputs -> outputs
            Each output channel has a kernel for each input channel.
        counts the norm per input channel :: 2 * outputs if -> 2 * inputs if
            The norm comes after the convolution: it sees its outputs.
        """,
    ),
    cases=[
        (3, 64, 3, 3, False),
        (128, 256, 3, 3, True),
        (512, 512, 2, 2, True),
        (1, 5, 1, 1, True),
        (2, 3, 3, 5, False),
    ],
    hints=(
        ("the weights", "One output channel has inputs × height × width weights."),
        ("the rest", "With norm: 2 numbers an output channel. Without: 1."),
    ),
)

# 10-5 ---------------------------------------------------------------------------------------------------------------


def paper_steps(W):
    W = W // 2  # first pool
    W = W // 2  # second pool
    W = W + 1  # third pool: window 2, stride 1, one column of padding on each side
    W = W + 1  # fourth pool, the same
    return W - 1  # last convolution: kernel 2, no padding


PAPER_STEPS = Exercise(
    key="10-5",
    title="T of the authors' network",
    solution=paper_steps,
    mistakes=mistakes(
        paper_steps,
        """
        divides by four and stops there :: W + 1 -> W & W - 1 -> W
            The two later pools pad the width and add a column each; the last convolution takes one.
        forgets the last convolution :: W - 1 -> W
            Its kernel is 2 × 2 without padding: it takes one column away.
        halves the width at all four pools :: W + 1 -> W // 2 & W - 1 -> W
            The third and fourth pool have a stride of 2 rows and 1 column.
        rounds up :: W // 2 -> -(-W // 2)
            A pool of 2 leaves an odd last column out: 101 columns give 50.
        does not round :: // -> /
            Columns are whole: each halving rounds down.
        takes the padded pools for width-preserving ones :: W + 1 -> W
            With window 2, stride 1 and one column of padding on each side, w columns give w + 1.
        """,
    ),
    cases=[(100,), (128,), (4,), (7,), (101,), (102,), (103,), (160,), (400,)],
    hints=(
        ("which layers change the width?", "Four pools and the last convolution; the 3 × 3 ones keep it."),
        ("a padded pool", "Use exercise 10-2: size w, kernel 2, stride 1, padding 1."),
    ),
)

# 10-6 ---------------------------------------------------------------------------------------------------------------

RESNET = layers(
    "conv 64 7 7 stride 2 2 pad 3 3, pool 3 3 stride 2 2 pad 1 1, 2 * block 64, "
    "block 128 stride 2 2, block 128, block 256 stride 2 2, block 256"
)
MENDED = tuple(layer.replace("stride 2 2", "stride 2 1") if "block" in layer else layer for layer in RESNET)

NOT_LAYERS = "Hand over the list of the eight layers, each as a text, with strides changed and nothing else."
UNCHANGED = "This is the list as it was: T = 10, and S = 20 with r = 1 needs 21. Which strides halve the width?"
TOO_FEW = "is below the 21 that S = 20 letters and r = 1 repeat need. The second number of a stride divides the width."
EXACT = "is the number of letters. The two r of 'counterrevolutionary' need a blank between them: T ≥ S + r."
TOO_HIGH = "The height is the axis to fold away; keep its strides at 2. A stride is written 'rows columns'."
TOO_MANY = "That is more than is needed: steps cost time. Leave T below 50."


def mends(answer) -> str | None:
    """None if the strides let the long word through, else a sentence."""
    if not isinstance(answer, (list, tuple, np.ndarray)):
        return f"This answer is of the type {type(answer).__name__}. {NOT_LAYERS}"
    if np.ndim(answer) != 1 or not all(isinstance(x, str) for x in answer):
        return f"This answer holds other things than texts. {NOT_LAYERS}"
    if len(answer) != len(RESNET):
        return f"This answer has {len(answer)} layers, and there were {len(RESNET)}. {NOT_LAYERS}"
    if all(given.split() == old.split() for given, old in zip(answer, RESNET, strict=True)):
        return UNCHANGED
    for given, old in zip(map(parse, answer), map(parse, RESNET), strict=True):
        if (given.kind, given.channels, given.kernel, given.padding, given.options) != (
            old.kind, old.channels, old.kernel, old.padding, old.options,
        ):  # fmt: skip
            return f"{given.text!r} stands where {old.text!r} stood. {NOT_LAYERS}"
    height, T = FeatureStack(answer).sizes(32, 160)[-1]
    if height != 2:
        return f"This leaves {height} rows where there were 2. {TOO_HIGH}"
    if T == 20:
        return f"T = 20 {EXACT}"
    if T < 21:
        return f"T = {T} {TOO_FEW}"
    return f"T = {T}. {TOO_MANY}" if T >= 50 else None


MEND = Exercise(
    key="10-6",
    title="let a word of twenty letters through",
    solution=MENDED,
    verify=mends,
    mistakes=(
        Mistake("is not the list of eight layers", RESNET[:3], NOT_LAYERS),
        Mistake("changes nothing", RESNET, UNCHANGED),
        Mistake("leaves too few steps", (*RESNET[:4], "block 128 stride 2 3", *RESNET[5:]), TOO_FEW),
        Mistake("counts the letters and forgets the repeat", (*RESNET[:4], "block 128 stride 2 1", *RESNET[5:]), EXACT),
        Mistake(
            "changes the stride of the rows",
            tuple(x.replace("stride 2 2", "stride 1 2") if "block" in x else x for x in RESNET),
            TOO_HIGH,
        ),
        Mistake("keeps more steps than needed", tuple(x.replace("stride 2 2", "stride 2 1") for x in RESNET), TOO_MANY),
    ),
    hints=(
        ("how many steps are needed?", "S = 20, and one pair of equal neighbours: T ≥ 21."),
        ("which numbers?", "'stride 2 1' halves the rows and keeps the columns."),
        ("one change is not enough", "With a total stride of 8 in the width, 160 columns leave 20."),
    ),
    source=(
        "answer = [\n    'conv 64 7 7 stride 2 2 pad 3 3', 'pool 3 3 stride 2 2 pad 1 1', 'block 64', 'block 64',\n"
        "    'block 128 stride 2 1', 'block 128', 'block 256 stride 2 1', 'block 256',\n]"
    ),
)

# 10-7 ---------------------------------------------------------------------------------------------------------------


def receptive_field(stack):
    field, step = 1, 1
    for kernel, stride in stack:
        field += (kernel - 1) * step
        step *= stride
    return field


RECEPTIVE_FIELD = Exercise(
    key="10-7",
    title="the receptive field of a stack",
    solution=receptive_field,
    mistakes=mistakes(
        receptive_field,
        """
        takes a layer's own stride into its step :: (kernel - 1) * step -> (kernel - 1) * step * stride
            Inside a window, neighbours are as far apart as the layer before left them. The stride counts from the next
            layer on.
        forgets that strides spread the pixels :: (kernel - 1) * step -> kernel - 1
            After a stride of 2, neighbouring columns are two pixels apart: multiply by the step.
        puts the stride in the place of the step :: *= -> =
            Strides multiply: after two strides of 2, neighbours are 4 pixels apart, and a layer of stride 1 leaves it
            so. Write `step *= stride`.
        adds a whole kernel at each layer :: (kernel - 1) * step -> kernel * step
            A window of 3 adds 2 · step to what was seen, not 3 · step: its first input was seen already.
        reads the stack from the last layer on :: in stack -> in reversed(stack)
            This recursion goes from the first layer to the last: a stride spreads what comes after it.
        adds up the kernels :: = lambda stack: sum(kernel for kernel, _ in stack)
            A window of 3 adds 2 to what was seen, not 3: the centre was seen already.
        multiplies the kernels :: += (kernel - 1) * step -> *= kernel
            Neighbouring windows overlap: two layers of 3 × 3 see 5 pixels, not 9.
        starts from nothing :: field, step = 1, 1 -> field, step = 0, 1
            A stack without layers sees one pixel: start at 1.
        returns the distance of neighbours :: return field -> return step
            That is the step. The field is asked for.
        """,
    ),
    cases=[
        ([],),
        ([(3, 1)],),
        ([(3, 1), (3, 1)],),
        ([(2, 2)],),
        ([(3, 1), (2, 2), (3, 1)],),
        ([(3, 1), (2, 2), (3, 1), (2, 2), (3, 1), (3, 1)],),
        ([(7, 2), (3, 2), (3, 1)],),
    ],
    hints=(
        ("what changes at a layer?", "Two numbers: how much is seen, and how far apart neighbours are."),
        ("one layer", "field += (kernel - 1) * step; then step *= stride. The order matters."),
    ),
)

# 10-8 ---------------------------------------------------------------------------------------------------------------


def _features(n, d, h, w):
    return torch.arange(n * d * h * w, dtype=torch.float32).reshape(n, d, h, w)


def rows_as_time(features):
    return rearrange(features, "n d h w -> h (w n) d")


ROWS_AS_TIME = Exercise(
    key="10-8",
    title="let an LSTM read the height",
    solution=rows_as_time,
    mistakes=mistakes(
        rows_as_time,
        """
        scans the width :: h (w n) d -> w (h n) d
        :: h (w n) d -> w (n h) d
            The first axis is what the LSTM runs along. Here it is to run from the top row to the bottom one.
        reshapes where it should move axes :: = lambda f: f.reshape(f.shape[2], -1, f.shape[1])
            `reshape` keeps the numbers in their order in memory and only draws new borders: channels, rows and samples
            get mixed.
        counts the samples before the columns :: (w n) -> (n w)
            In `(w n)` the samples of a column stand side by side, and the result splits into T N D as it is.
        makes the columns part of the features :: h (w n) d -> h n (w d)
            Then the LSTM sees all columns at once. Each column is to be read on its own: W goes to the batch.
        puts the batch first :: h (w n) d -> (w n) h d
            torch's LSTM wants time first unless it was made with `batch_first=True`.
        """,
    ),
    cases=[(_features(2, 3, 4, 5),), (_features(1, 2, 2, 3),), (_features(3, 1, 2, 2),), (_features(2, 2, 3, 1),)],
    show_case=lambda f: f"rows_as_time of features of the shape N D H W = {tuple(f.shape)}",
    hints=(
        ("what is time, what is batch?", "Time: the rows, H. Batch: every column of every sample, W times N."),
        ("how do I write it?", "`rearrange(features, 'n d h w -> ...')`, with a group `(w n)`."),
    ),
)

# 10-1 ---------------------------------------------------------------------------------------------------------------


def convolve(picture, kernel):
    rows, columns = kernel.shape
    out = np.zeros((picture.shape[0] - rows + 1, picture.shape[1] - columns + 1))
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            out[y, x] = np.sum(picture[y : y + rows, x : x + columns] * kernel)
    return out


def _picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(-4, 5, size=(height, width)) / 2


CONVOLVE = Exercise(
    key="10-1",
    title="slide a kernel over a picture",
    solution=convolve,
    mistakes=mistakes(
        convolve,
        """
        turns the kernel around :: * kernel -> * kernel[::-1, ::-1]
            That is the convolution of mathematics. A layer of a network lays the kernel on as it is.
        swaps rows and columns :: = lambda picture, kernel: convolve(picture, kernel.T)
        :: = lambda picture, kernel: convolve(picture.T, kernel)
            `picture[y : y + rows, x : x + columns]`: the first index is the row.
        leaves out the last places :: rows + 1 -> rows & columns + 1 -> columns
            A window of 3 fits into 5 columns at 5 - 3 + 1 = 3 places.
        takes the mean for the sum :: np.sum -> np.mean
            The products are added up, and not divided by their number.
        adds the kernel where it should multiply :: * kernel -> + kernel
            Each pixel under the window is multiplied by the number of the kernel that lies on it.
        takes the largest product :: np.sum -> np.max
            A pool takes the largest. A convolution adds the products up.
        pads the picture :: = lambda picture, kernel: convolve(np.pad(picture, 1), kernel)
            Here the whole window must lie inside the picture: no padding.
        moves by the size of the kernel ::
            = lambda picture, kernel: convolve(picture, kernel)[:: kernel.shape[0], :: kernel.shape[1]]
            The window moves one pixel at a time; neighbouring windows overlap.
        """,
    ),
    cases=[
        (_picture(4, 5), np.ones((3, 3))),
        (_picture(4, 6, 1), _picture(2, 3, 2)),
        (_picture(5, 4, 3), _picture(3, 3, 4)),
        (_picture(3, 7, 5), _picture(1, 2, 6)),
    ],
    show_case=lambda picture, kernel: f"convolve of a picture {picture.shape} with a kernel {kernel.shape}",
    hints=(
        ("how large is the result?", "(rows of the picture - rows of the kernel + 1), and so for the columns."),
        ("one number of it", "`np.sum(picture[y : y + rows, x : x + columns] * kernel)`."),
        ("and all of them?", "Two loops, `for y in range(...)` and `for x in range(...)`, over the places."),
    ),
)

# 10-3 ---------------------------------------------------------------------------------------------------------------


def conv_layer(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


NO_MODULE = "A module of torch is asked for: `return nn.Sequential(...)`."
NOT_3_X_3 = "The kernel is asked to be 3 x 3: `kernel_size=3`."
NO_PADDING = "The picture gets smaller. A row and a column of padding on each side, `padding=1`, keep its size."
NO_RELU = "There are numbers below 0 in what comes out. The ReLU comes last and sets them to 0."
NO_NORM = "The channels do not have the mean 0 and the variance 1 before the ReLU: `nn.BatchNorm2d(outputs)`."
RELU_FIRST = "The ReLU stands before the norm, which makes numbers below 0 again. Convolution, norm, ReLU."
BIAS = "The convolution has a bias, which the norm takes away again: `bias=False`."
FIXED = "It should work for any number of channels: `nn.Conv2d(inputs, outputs, ...)`."


def is_conv_layer(answer):
    """None for a function that makes the layer asked for, else a sentence."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        layers = [answer(2, 5), answer(4, 3)]
        if layers[0] is ...:
            return ...
        if not all(isinstance(layer, nn.Module) for layer in layers):
            return f"conv_layer(2, 5) gave something of the type {type(layers[0]).__name__}. {NO_MODULE}"
        for layer, inputs, outputs in zip(layers, (2, 4), (5, 3), strict=True):
            x = torch.randn(3, inputs, 6, 7, generator=torch.Generator().manual_seed(10))  # N D H W
            try:
                found = layer(x)
            except RuntimeError as error:
                return f"conv_layer({inputs}, {outputs}) does not take N D H W = {tuple(x.shape)}: {error}. {FIXED}"
            said = f"conv_layer({inputs}, {outputs}) made N D H W = {tuple(found.shape)} of {tuple(x.shape)}."
            kernels = [tuple(p.shape) for p in layer.parameters() if p.ndim == 4]
            if found.shape[1] != outputs:
                return f"{said} {FIXED}"
            if kernels != [(outputs, inputs, 3, 3)]:
                return f"The kernels of conv_layer({inputs}, {outputs}) have the shapes {kernels}. {NOT_3_X_3}"
            if found.shape[2:] != x.shape[2:]:
                return f"{said} {NO_PADDING}"
            last = [module for module in layer.modules() if not list(module.children())][-1]
            if (found < 0).any():
                return RELU_FIRST if isinstance(last, nn.BatchNorm2d) and _has_relu(layer) else NO_RELU
            numbers = [p.numel() for p in layer.parameters() if p.ndim == 1]
            model = conv_layer(inputs, outputs)
            model[0].weight.copy_(next(p for p in layer.parameters() if p.ndim == 4))
            if len(numbers) == 3:
                return BIAS
            if not torch.allclose(found, model(x), atol=1e-5):
                return NO_NORM
    return None


def _has_relu(layer):
    return any(isinstance(module, nn.ReLU) for module in layer.modules())


CONV_LAYER = Exercise(
    key="10-3",
    title="convolution, norm, ReLU",
    solution=conv_layer,
    verify=is_conv_layer,
    mistakes=mistakes(
        conv_layer,
        f"""
        gives a list of modules :: = lambda inputs, outputs: list(conv_layer(inputs, outputs))
            {NO_MODULE}
        has another kernel :: kernel_size=3, padding=1 -> kernel_size=5, padding=2
            {NOT_3_X_3}
        forgets the padding :: , padding=1 ->
            {NO_PADDING}
        leaves out the ReLU :: nn.ReLU() -> nn.Identity()
            {NO_RELU}
        leaves out the norm :: nn.BatchNorm2d(outputs), -> nn.Identity(),
            {NO_NORM}
        puts the ReLU before the norm :: nn.BatchNorm2d(outputs), -> nn.ReLU(), & nn.ReLU(), -> nn.BatchNorm2d(outputs),
            {RELU_FIRST}
        keeps the bias :: , bias=False ->
            {BIAS}
        has fixed numbers of channels :: nn.Conv2d(inputs, -> nn.Conv2d(2,
            {FIXED}
        """,
    ),
    hints=(
        ("which modules?", "`nn.Conv2d`, `nn.BatchNorm2d` and `nn.ReLU`, in this order, inside `nn.Sequential(...)`."),
        ("the convolution", "`nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)`."),
        ("the norm", "`nn.BatchNorm2d(outputs)`: it comes after the convolution, and has as many channels."),
    ),
)

EXERCISES = (
    CONVOLVE,
    WINDOWS,
    CONV_LAYER,
    CONV_PARAMETERS,
    PAPER_STEPS,
    MEND,
    RECEPTIVE_FIELD,
    ROWS_AS_TIME,
)
