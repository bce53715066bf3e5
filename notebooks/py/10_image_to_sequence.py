# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 From image to sequence: the convolutional part
#
# Lesson 08 fed raw columns of pixels to a recurrent network. A column of pixels says little: it holds a slice of a
# letter, at one height, in one size. Convolutions look at pieces of the picture first, and hand on what they found.
# Then the picture has to become a sequence: its width turns into time, and its height has to go.
#
# Every choice on this way has a price. A pool too many, and long words cannot be written any more, however long you
# train. This lesson computes what a stack of layers does *before* anything runs.
#
# **After this lesson you can**
# - say for any stack of layers which shape, how many parameters and how many multiplications each layer has;
# - compute *T* from the width of a picture, and tell which words it leaves room for;
# - compute which part of the picture a frame sees, and check it;
# - turn features into a sequence in four ways, without mixing up axes.
#
# **You need** lesson 05 (*T* ≥ *S* + *r*), bidirectional networks (end of lesson 01), LSTMs (lesson 02), and to have
# seen a convolution. **Time** 60 minutes to read and do, 20 seconds to run.

# %%
import re
from itertools import pairwise, product
from pathlib import Path

import matplotlib
import numpy as np
import torch
from einops import rearrange, reduce
from torch import nn

from crnn_lessons import exercises
from crnn_lessons.show import figures
from crnn_lessons.show.notation import notation

torch.set_num_threads(1)
_ = torch.manual_seed(10)

# %%
notation("T", "t", "N", "n", "D", "H", "W", "S", "r", "C")

# %% [markdown]
# In code, *H* and *W* are `h` and `w` as names of axes, and `height` and `width` as numbers. The colours of a picture
# are channels too: a batch of pictures is *N D H W*, with *D* = 1 for grey and 3 for colour.
#
# ## 1 A window moves over a picture
#
# A convolution and a pool have this in common: a window moves over the picture in equal steps, and each place where it
# stands gives one output. Three numbers say how: the size of the window (its **kernel**), the **stride** from one place
# to the next, and the **padding**, columns that are put on both ends: zeros for a convolution, −∞ for a max pool.
# A window of 3 over 5 columns, with stride 1: where can it stand?

# %%
columns = list("abcde")
print(["".join(columns[i : i + 3]) for i in range(len(columns) - 2)])

# %% [markdown]
# At three places. And with a stride of 2, or with a column of padding on each side? Count for yourself, then write it
# down once and for all.
#
# ### Exercise 10-1: how many windows fit?  (★☆☆, 5 minutes)
#
# Write `windows(size, kernel, stride, padding)`: the number of places where the whole window lies within the padded
# columns. A window larger than the padded columns does not occur.


# %% tags=["exercise"]
def windows(size, kernel, stride, padding):
    return ...  # your code here


# %%
exercises.check("10-1", windows)

# %% [markdown]
# The lesson goes on with a version of its own. The last place where a window can start is
# size + 2 · padding − kernel; the stride fits into that so many whole times, and the place at the start comes on top:
#
# $$\text{windows} = \left\lfloor \frac{\text{size} + 2 \cdot \text{padding} - \text{kernel}}{\text{stride}} \right\rfloor + 1$$
#
# Does torch count in the same way? Try many small cases, of a pool and of a convolution:


# %%
def fit_windows(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) // stride + 1


checked = 0
for size, kernel, stride in product(range(5, 35), range(1, 6), range(1, 5)):
    for padding in range(kernel // 2 + 1):
        pool = nn.MaxPool1d(kernel, stride, padding)
        conv = nn.Conv1d(1, 1, kernel, stride, padding)
        for layer in (pool, conv):
            out = layer(torch.zeros(1, 1, size))
            assert out.shape[-1] == fit_windows(size, kernel, stride, padding)
            checked += 1
print("the formula equals torch in", checked, "cases")

# %% [markdown]
# Three cases are worth knowing by heart:
#
# | layer | kernel, stride, padding | a width *W* becomes |
# |---|---|---|
# | convolution that keeps the size | 3, 1, 1 | *W* |
# | pool that halves | 2, 2, 0 | *W* / 2, rounded down |
# | pool of the CRNN paper, along the width | 2, 1, 1 | *W* + 1 |
#
# ## 2 A rebuild of the paper's stack, row by row
#
# The course writes a layer as a short text. `conv 64` is a 3 × 3 convolution with 64 output channels that keeps the
# size, then batch normalisation (each channel is shifted and scaled to mean 0 and variance 1 over the batch, then by
# two numbers that are learned) and a ReLU, which sets negative numbers to 0. `plain` leaves the normalisation out.
# `pool` names rows, then columns, and moves by its own size. Two more numbers after `conv D` are the kernel, rows and
# columns; such a convolution is not padded. `stride a b` and `pad a b` say otherwise, rows first here too. This is the
# stack of the CRNN paper as a later post (see *Read on*) rebuilt it for colour pictures; it is called `post` here:

# %%
from crnn_lessons.models import build, summarise

post = build("post", num_classes=37)
for layer in post.features.layers:
    print(layer)

# %% [markdown]
# Seven convolutions, four pools. Look at the pools: two halve both axes, two have `stride 2 1`. They halve the height
# and keep the width (one column more, in fact: the table above). How large is the picture after each layer? Follow the
# two axes with the formula:

# %%
height, width = 32, 100
for layer in post.features.layers:
    if layer.startswith("pool 2 2 stride 2 1"):
        height, width = fit_windows(height, 2, 2, 0), fit_windows(width, 2, 1, 1)
    elif layer.startswith("pool"):
        height, width = fit_windows(height, 2, 2), fit_windows(width, 2, 2)
    elif layer == "conv 512 2 2":
        height, width = fit_windows(height, 2), fit_windows(width, 2)
    print(f"{layer:28} {height:2} x {width}")

# %% [markdown]
# 32 × 100 pixels end as 1 × 26. The height is folded away, and 26 columns are left: *T* = 26.
#
# ### Exercise 10-2: count the parameters of a layer  (★☆☆, 6 minutes)
#
# A convolution from *D* input channels has, for each output channel, a kernel of *D* × height × width weights. With a
# normalisation behind it, it needs no bias (the normalisation would take it away again); the normalisation has a scale
# and a shift for each output channel. Without, there is one bias for each output channel. Write
# `conv_parameters(inputs, outputs, height, width, norm)`.


# %% tags=["exercise"]
def conv_parameters(inputs, outputs, height, width, norm):
    return ...  # your code here


# %%
exercises.check("10-2", conv_parameters)

# %% [markdown]
# The package keeps the whole account. Each layer computes its own row, and nothing is run. A **multiply-add** is one
# multiplication and the addition that goes with it. A convolution uses each weight of its kernels once at every place
# where it stands: for the first one, 3 · 3 · 3 · 64 weights at 32 · 100 places, 5,529,600 in all. (The last column is
# section 4's. It counts what lies within the picture. The windows of the third pool reach over 30 × 30 pixels, but each
# hangs over the upper or the lower edge, and at most 27 rows are left.)

# %%
backbone = summarise(post.features, height=32, width=100)
backbone

# %% [markdown]
# Two numbers with a plus are a convolution and its normalisation. The table printed in the post
# has the same rows, to the last parameter. Is the account true? Count by hand, and ask the modules and a real picture:

# %%
by_hand = 3 * 64 * 9 + 64 + 64 * 128 * 9 + 128  # two convolutions with a bias
by_hand += 128 * 256 * 9 + 2 * 256 + 256 * 256 * 9 + 256
by_hand += 256 * 512 * 9 + 2 * 512 + 512 * 512 * 9 + 512 + 512 * 512 * 4 + 2 * 512
with torch.no_grad():
    features = post.features.eval()(torch.rand(1, 3, 32, 100))
print(f"by hand  {by_hand:,}")
print(f"modules  {sum(p.numel() for p in post.features.parameters()):,}")
print(f"account  {backbone.num_parameters:,}")
print("features", tuple(features.shape))
assert by_hand == backbone.num_parameters == 5_551_232
assert 3 * 3 * 3 * 64 * 32 * 100 == backbone.rows[0].multiply_adds == 5_529_600

# %% [markdown]
# Where is the work, and where are the parameters? Are they in the same layers?

# %%
rows = [row for row in backbone.rows if row.parameters]
fig, (left, right) = figures.new_figure(7.5, 2.6, ncols=2, sharey=True)
names = [f"{i + 1}: {row.name}" for i, row in enumerate(rows)]
left.barh(names, [sum(row.parameters) / 1e6 for row in rows], color=figures.BLUE)
right.barh(names, [row.multiply_adds / 1e6 for row in rows], color=figures.ORANGE, hatch="//")
_ = left.set(xlabel="parameters, millions"), right.set(xlabel="multiply-adds, millions")
left.invert_yaxis()
shares = [
    f"{row.name} {sum(row.parameters):,} and {row.multiply_adds / 1e6:.0f} million" for row in rows
]
figures.show(fig, "Parameters and multiply-adds of the convolutions: " + "; ".join(shares) + ".")

# %% [markdown]
# Layer 6 leads in both. But compare layers 2 and 7. Layer 7 has fourteen times as many parameters, and less than half
# the work: it stands at 26 places of the picture, layer 2 at 16 × 50 = 800. A weight is stored once and used at every
# place. So parameters say how large the file is, and multiply-adds roughly how long it takes; a network can be small
# and slow.
#
# ## 3 How many steps, and for which words?
#
# CTC can spell a word of *S* letters, *r* of them equal to their left neighbour, only if *T* ≥ *S* + *r* (lesson 05).
# So *T* is a promise: whatever the stack leaves, no word with *S* + *r* above it can ever come out.
#
# ### Exercise 10-3: *T* of the paper's network  (★☆☆, 5 minutes)
#
# Write `paper_steps(W)`: how many columns are left of a picture of *W* columns, for any *W* ≥ 4. The table above has
# the layers.


# %% tags=["exercise"]
def paper_steps(W):
    return ...  # your code here


# %%
exercises.check("10-3", paper_steps)

# %% [markdown]
# A picture of 128 columns gives 33 steps, and one of 100 gives 26. Now suppose that somebody does the natural thing and
# halves both axes at all four pools. (The last convolution becomes 2 1 with them, so that it takes no further column
# away.)

# %%
square = [
    "pool 2 2" if layer.startswith("pool") else layer.replace(" 2 2", " 2 1")
    for layer in post.features.layers
]
careless = build("post", 37, features=square)
print("(2, 1) pools, T =", int(post.output_lengths(100)))
print("(2, 2) pools, T =", int(careless.output_lengths(100)))

# %% [markdown]
# Six steps. `station`, seven letters, is out of reach. What does its loss say, and what does `zero_infinity` make of
# it, a switch that is there to keep training going?

# %%
scores = torch.zeros(6, 1, 37).log_softmax(2)  # T N C: six steps, all classes alike
station = torch.tensor([[ord(letter) - ord("a") + 1 for letter in "station"]])
for switch in (False, True):
    loss = nn.CTCLoss(zero_infinity=switch)(scores, station, torch.tensor([6]), torch.tensor([7]))
    print(f"zero_infinity={switch!s:5}  loss {loss.item()}")

# %% [markdown]
# Infinite; and with the switch on, 0, the loss of a perfect answer. Nothing complains. The network learns short words,
# and the long ones keep failing for good.
#
# Networks made for photographs are worse. A ResNet-18 halves both axes five times; without its last stage, four times:
# a stride of 16 in each direction. Which widths are wide enough? (Counted with pools, which round down. A padded
# convolution with a stride rounds up, and a few columns less may do: ask `output_lengths`.)


# %%
def steps_needed(word):
    return len(word) + sum(a == b for a, b in pairwise(word))


words = ["station", "committee", "counterrevolutionary"]
for word in words:
    needed = steps_needed(word)
    print(f"{word:21} T >= {needed:2}:", *[f"stride {s}: W >= {s * needed:3} " for s in (4, 8, 16)])

# %%
fig, ax = figures.new_figure(6.5, 3)
W = np.arange(16, 321)
for stride, style in zip((4, 8, 16, 32), ("-", "--", "-.", ":"), strict=True):
    ax.plot(W, W // stride, style, label=f"stride {stride}")
for word in words:
    ax.axhline(steps_needed(word), color=figures.GREY, linewidth=0.8)
    ax.text(318, steps_needed(word) + 0.5, word, ha="right", fontsize=8)
ax.set(xlabel="width W of the picture, pixels", ylabel="time steps T", ylim=(0, 40))
ax.legend(title="in the width", loc="upper left")
figures.show(
    fig,
    "T against the width of the picture for strides of 4, 8, 16 and 32; at W = 160 they leave "
    f"{', '.join(str(160 // stride) for stride in (4, 8, 16, 32))} steps. "
    + "; ".join(f"{word} needs {steps_needed(word)}" for word in words)
    + ".",
)

# %% [markdown]
# With stride 16, a picture of 160 columns has 10 steps: `committee`, nine letters with two doubles, does not fit. Wider
# pictures help, and so do smaller strides. Both cost time: a wider picture in every layer, a smaller stride in every
# layer behind it, which has more columns to visit. `summarise` tells which is cheaper.
#
# ### Exercise 10-4: let a long word through  (★★☆, 8 minutes)
#
# This is a ResNet-18 without its last stage (`block` is a residual block of two convolutions; section 6 says more). On
# 32 × 160 pixels it leaves 2 × 10. Change strides, and nothing else, so that `counterrevolutionary` can be spelt. The
# height must still end as 2 rows, and *T* must stay below 50. Strides are written rows, then columns.

# %%
resnet = [
    "conv 64 7 7 stride 2 2 pad 3 3",
    "pool 3 3 stride 2 2 pad 1 1",
    "block 64",
    "block 64",
    "block 128 stride 2 2",
    "block 128",
    "block 256 stride 2 2",
    "block 256",
]

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("10-4", answer)

# %% [markdown]
# ## 4 What does a frame see?
#
# Each of the *T* columns of features is a **frame**. It stands for a few columns of the picture; how many can it look
# at? That region is its **receptive field**. A frame that sees less than a letter has to guess; one that sees three
# letters has to find out which of them is meant.
#
# Count from the first layer on, along the width. Two numbers change: how many pixels an output sees (the *field*), and
# how far apart neighbouring outputs are (the *step*). A window of 3 over outputs that are 4 pixels apart adds 2 · 4 = 8
# pixels to what one of them saw.
#
# ### Exercise 10-5: the recursion  (★★☆, 7 minutes)
#
# Write `receptive_field(stack)` for a list of pairs (kernel, stride), first layer first. It returns the number of
# pixels that one output sees.


# %% tags=["exercise"]
def receptive_field(stack):
    return ...  # your code here


# %%
exercises.check("10-5", receptive_field)

# %% [markdown]
# For the paper's network, along the width. It is called `paper` here: it reads grey pictures, and keeps a bias beside
# each norm (`bias`). `parse` reads a layer's text into its numbers:

# %%
from crnn_lessons.models.features import parse

field, step = 1, 1
for layer in map(parse, build("paper", 37).features.layers):
    field += (layer.kernel[1] - 1) * step
    step *= layer.stride[1]
    print(f"{layer.text:28} sees {field:2} columns, neighbours are {step} apart")

# %% [markdown]
# Each frame of the paper's network sees 54 of 100 columns, and the next frame sees the same window 4 pixels further to
# the right. Frames overlap by far more than they differ.
#
# The recursion gives the size. For the exact columns walk the other way: from frame *t* back through the layers, from
# the first and last column that each window covers. `reach` of the package does that. Where it leaves the picture,
# there is only padding, and it is cut off:

# %%
paper = build("paper", 37).eval()
for t in (0, 1, 12, 13, 25):
    print(f"frame {t:2} sees columns", paper.features.reach(axis=1, index=t, image=100))

# %% [markdown]
# Is that true? Put *not a number* into one column of a picture: it spoils every output that looks at it, and no other.
# The field does not depend on the number of channels, so a thin copy of the paper's stack will do.

# %%
from crnn_lessons.models.features import FeatureStack

thin = FeatureStack([re.sub(r"^conv \d+", "conv 4", x) for x in paper.features.layers]).eval()
with torch.no_grad():
    pictures = torch.zeros(100, 1, 32, 100)  # picture w has its fault in column w
    pictures[torch.arange(100), :, :, torch.arange(100)] = torch.nan
    spoilt = thin(pictures).isnan().any(1).any(1)  # W T: does frame t look at column w?
for t in range(26):
    seen = spoilt[:, t].nonzero().flatten()
    assert (int(seen[0]), int(seen[-1])) == paper.features.reach(1, t, 100)
    assert len(seen) == seen[-1] - seen[0] + 1
print("all 26 fields are exact: every column within, and none outside")

# %% [markdown]
# A field is what a frame *could* use. What does a trained network use? The gradient says how much each pixel matters to
# a frame. It is taken of one number, so add up the squares of all features of the frame: `[0, :, 0, t]` are all
# channels of frame *t*, in the only row of the only sample. Take the reader that comes with the package, and a word:

# %%
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader import Reader
from crnn_lessons.text.augment import fit
from crnn_lessons.text.render import render_word

font = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
picture = fit(render_word("station", font, np.random.default_rng(0), wild=0.0), 32, 100)
stack = Reader().model.features
images = to_input(torch.from_numpy(picture[None]) / 255).requires_grad_()  # N D H W
t = 12
(gradient,) = torch.autograd.grad(stack(images)[0, :, 0, t].square().sum(), images)
matters = gradient[0, 0].abs()  # H W
first, last = stack.reach(1, t, 100)
print("field of frame 12: columns", first, "to", last)

# %%
fig, (top, bottom) = figures.new_figure(6.5, 3.6, nrows=2, sharex=True)
extent = (0, 100, 32, 0)
top.imshow(picture, cmap="gray", extent=extent)
for other, colour, style in ((4, figures.SKY, "--"), (t, figures.VERMILLION, "-")):
    a, b = stack.reach(1, other, 100)
    box = {"fill": False, "edgecolor": colour, "linestyle": style, "linewidth": 2}
    top.add_patch(figures.mpl.patches.Rectangle((a, 0.5), b + 1 - a, 31, **box))
bottom.imshow(matters.sqrt(), cmap="Blues", extent=extent)
bottom.axvline(first, color=figures.VERMILLION)
bottom.axvline(last + 1, color=figures.VERMILLION)
for ax in (top, bottom):
    ax.spines[:].set_visible(True)
top.set(title="fields of frames 4 (dashed) and 12", yticks=[])
_ = bottom.set(title="how much each pixel matters to frame 12", yticks=[], xlabel="column")
figures.show(
    fig,
    f"The word station. Frame 4 sees columns {stack.reach(1, 4, 100)}, frame 12 columns {(first, last)}. Below, "
    "the gradient of frame 12: nothing outside the field, most of it in the middle.",
)

# %% [markdown]
# Is anything outside? And how much falls to the middle third of the field? A flat gradient would put 33 % there. For
# comparison, ask a stack of the same form that was never trained. The mean is over frames 6 to 18, whose fields lie
# within the picture:


# %%
def middle_third(stack, images):
    shares = []
    for t in range(6, 19):
        (gradient,) = torch.autograd.grad(stack(images)[0, :, 0, t].square().sum(), images)
        by_column = gradient[0, 0].abs().sum(0)  # W
        first, last = stack.reach(1, t, 100)
        third = (last + 1 - first) // 3
        shares.append(by_column[first + third : last + 1 - third].sum() / by_column.sum())
    return float(torch.stack(shares).mean())


outside = torch.cat([matters[:, :first], matters[:, last + 1 :]], dim=1)
print("outside the field:", float(outside.sum()))
print(f"in the middle third, trained:   {middle_third(stack, images):.0%}")
untrained = build("small", 37).eval().features
print(f"in the middle third, untrained: {middle_third(untrained, images):.0%}")

# %% [markdown]
# Outside, the gradient is exactly zero. Inside, it piles up in the middle, before any training: many paths lead from
# the centre of a field to the frame, few from its rim. The trained stack leans on the middle a little more. The
# **effective** receptive field is smaller than the computed one. What lies further away comes in through the recurrent
# network.
#
# ### Play: build a stack
#
# Choose a preset, or edit layers: click into one and type, Enter adds a layer below. Move the frame with the slider.
# Try to
# - work out from which width on the paper's network can write `counterrevolutionary`; then type it as the word, and
#   read the line beside it;
# - change `tiny` so that a frame in the middle sees at least 40 columns, with *T* unchanged;
# - cut the multiply-adds of `paper` in half while *T* stays 26.
#
# <details><summary>One answer to each</summary>
#
# - 21 steps are needed, and *T* is a quarter of the width plus 1: from 80 columns on.
# - Write `conv 64` once more behind each `conv 64`. Each adds 2 · 4 = 8 columns to 26, which makes 42.
# - Halve all numbers of channels: most layers then have half as many inputs and half as many outputs, and the 633
#   million of *the stack alone* become 159.
# </details>

# %%
from crnn_lessons.widgets import Shape

Shape("paper")

# %% [markdown]
# ## 5 From columns to a sequence
#
# Features have four axes, *N D H W*. A recurrent network wants three, *T N D*: steps, samples, numbers of a step.
# The width becomes time. What happens to the height, where the stack has left more than one row?
#
# | projection | what it does with a column of *H* rows | numbers a step |
# |---|---|---|
# | sum | adds the rows up: *where* something was is lost, *that* it was stays | *D* |
# | max | keeps the strongest row of each channel: the same, and indifferent to how often | *D* |
# | concat | puts the rows one after another: height stays visible, the height of the picture is fixed | *D H* |
# | LSTM | a recurrent network reads the rows from top to bottom; its last state stands for the column | *D* |
#
# A rule of thumb from lectures on reading lines (see *Read on*): sum, max or LSTM for text whose place on the picture
# varies; concat or LSTM for text that was brought to one size and place first (lesson 08). Lesson 12 puts such rules to
# the test. In einops the first three are one line each. Names in brackets are merged into one axis, and the first of
# them varies slowest: `(d h)` puts all rows of channel 0 first.

# %%
x = torch.randn(2, 3, 4, 5)  # N D H W
print("sum   ", tuple(reduce(x, "n d h w -> w n d", "sum").shape))
print("max   ", tuple(reduce(x, "n d h w -> w n d", "max").shape))
print("concat", tuple(rearrange(x, "n d h w -> w n (d h)").shape))

# %% [markdown]
# ### Exercise 10-6: let an LSTM read the height  (★★☆, 6 minutes)
#
# torch's LSTM takes steps × batch × numbers. To read each column from top to bottom, the *rows* must be the steps, and
# every column of every sample is one member of the batch. Write `rows_as_time(features)`: from *N D H W* to *H* × (*W
# N*) × *D*.


# %% tags=["exercise"]
def rows_as_time(features):
    return ...  # your code here


# %%
exercises.check("10-6", rows_as_time)

# %% [markdown]
# The package's version, from its source:

# %%
import inspect

from crnn_lessons.models.projections import PROJECTIONS, ScanHeight

print(inspect.getsource(ScanHeight.forward))

# %% [markdown]
# The notebooks of those lectures, one of the sources of this course, have this very reduction with two axes exchanged:
# the LSTM runs along the *width*, and the rows are then added up. The shapes fit, and it trains. So write it down, and
# ask of each projection: on which columns of the features does step 2 depend?


# %%
class ScanWidth(nn.Module):
    def __init__(self, channels, height):
        super().__init__()
        self.lstm = nn.LSTM(channels, channels)

    def forward(self, features):
        n = len(features)
        steps, _ = self.lstm(rearrange(features, "n d h w -> w (n h) d"))
        return reduce(steps, "w (n h) d -> w n d", "sum", n=n)


# %%
for name, projection in {**PROJECTIONS, "the slip": ScanWidth}.items():
    x = torch.randn(1, 3, 4, 5, requires_grad=True)  # N D H W
    out = projection(3, 4)(x)  # T N D
    (gradient,) = torch.autograd.grad(out[2].sum(), x)
    depends = gradient.ne(0).any(0).any(0).any(0).nonzero().flatten().tolist()
    print(f"{name:9} T N D = {tuple(out.shape)}, step 2 depends on columns {depends}")

# %% [markdown]
# The four projections look at column 2 alone. The slip looks at columns 0, 1 and 2: it is a second sequence model in
# disguise, and none of its states ever went through a column from top to bottom. A shape cannot tell; a gradient can.
#
# ## 6 Parts that can be exchanged
#
# Four families of stacks, each written as one text. A **VGG**-like stack is convolutions and pools. A **residual**
# stack (ResNet) adds to each pair of convolutions a shortcut around them, so that very deep stacks still train. A
# **fractional max pool** (FMP) has windows at uneven distances, drawn at random in training. It shrinks the height to
# 0.7 and the width to 0.9 of the size, where a pool with stride 2 halves. A **U-net** goes down to a coarse view and
# comes back up to full size, and each column gets both.

# %%
stacks = {
    "VGG": "conv 64, pool 2 2, conv 128, pool 2 2, 2 * conv 256, pool 2 1, 2 * conv 256, pool 2 1",
    "ResNet": "conv 64, pool 2 2, 2 * block 64, pool 2 2, 2 * block 128, pool 2 1, 2 * block 256, pool 2 1",
    "FMP": "conv 64, fmp 0.7 0.9, conv 128, fmp 0.7 0.9, conv 192, fmp 0.7 0.9, conv 256, fmp 0.7 0.9",
    "U-net": "conv 32, pool 2 1, unet 32 64 128, conv 64, pool 4 2, conv 256, pool 2 1",
}
print("          D   H    T   parameters  multiply-adds  sees")
for name, text in stacks.items():
    model = build("tiny", 37, features=text, projection="max")
    account = summarise(model.features, height=32, width=100)
    d, h, T = account.rows[-1].shape
    work, sees = account.multiply_adds / 1e6, account.rows[-1].sees[1]
    print(f"{name:8}{d:4}{h:4}{T:5}{account.num_parameters:13,}{work:11.0f} M{sees:8}")
    with torch.no_grad():
        assert model.eval()(torch.rand(1, 1, 32, 100))[0].shape == (T, 1, 37)

# %% [markdown]
# All four fit into the same recogniser: `max` takes whatever height they leave. Compare the columns. The residual stack
# is the deepest, and sees twice as far along the line as the VGG-like one for a third more parameters. FMP keeps 64
# steps: room for long words, a longer way for the recurrent network, and the most multiplications, since the picture
# shrinks slowly. The U-net has fewest of both here, since it has few channels where the picture is large. Its field of
# 32 columns counts the detour through the coarse levels.
#
# Which reads best is a question for a fair experiment, with equal budgets and seeds. That is lesson 12. The names
# of whole designs are presets:

# %%
from crnn_lessons.models import PRESETS

for name, config in PRESETS.items():
    account = summarise(build(name, 37))
    T, _ = account.rows[-1].shape
    image = f"{config.in_channels} x {config.height} x {config.width}"
    print(
        f"{name:16}{image:>14}{account.num_parameters:12,} parameters"
        f"{account.multiply_adds / 1e6:6.0f} M  T = {T}"
    )

# %% [markdown]
# `paper`, `post` and `captcha` are published networks. The paper speaks of 8.3 million parameters; the other two counts
# are met exactly. `small` is the
# reader of this package. The rest follow the menu of the lectures: convolutions alone, residual blocks,
# features stretched back to the width of the picture (`keep`), U-net, FMP, and a plain stack for text of one size.
#
# ## 7 Different widths in one batch
#
# Pictures of words have different widths. To stack them into one batch, the narrow ones are filled up on the right.
# What stands there must not matter. So every layer of the package gets the true widths, and treats what lies beyond as
# empty (zeros for a convolution, −∞ for a max pool). Does a picture give the same numbers alone and in a batch, with
# noise in the padding?

# %%
model = build("paper", 37).eval()
narrow, wide = torch.rand(1, 1, 32, 60), torch.rand(1, 1, 32, 100)
batch = torch.rand(2, 1, 32, 120)  # the noise that stays to the right of each is the padding
batch[0, :, :, :60], batch[1, :, :, :100] = narrow[0], wide[0]
with torch.no_grad():
    alone, _ = model(narrow)
    told, lengths = model(batch, torch.tensor([60, 100]))
    untold, _ = model(batch)
T = int(lengths[0])
print("T of each:", lengths.tolist())
print("with the widths: ", torch.allclose(told[:T, 0], alone[:, 0], atol=1e-5))
print("without the widths:", torch.allclose(untold[:T, 0], alone[:, 0], atol=1e-5))

# %% [markdown]
# With the widths it does. Without them, which steps suffer, the first or the last?

# %%
with torch.no_grad():
    told_nothing, expected = (
        model.features(batch)[0, :, 0, :T],
        model.features(narrow)[0, :, 0],
    )  # D T
moved = (told_nothing - expected).abs().amax(0) > 1e-6  # T
gap = (untold[:T, 0] - alone[:, 0]).abs().amax(1)  # T
print("features differ in frames", moved.nonzero().flatten().tolist())
print("outputs differ at every step:      ", bool((gap > 1e-6).all()))
print("from step to step they differ more:", bool((gap.diff() > 0).all()))
print("the last more than 100 × the first:", bool(gap[-1] > 100 * gap[0]))

# %% [markdown]
# The last steps suffer most: their fields reach into the noise, and the backward LSTM begins in it. It carries a trace
# to the very first step, which fades on the way.
#
# ## 8 What goes wrong
#
# **`reshape` in place of moving axes.** Mark every feature with the number of its column, and turn *N D H W* into
# steps. Which columns does step 0 hold?

# %%
marked = torch.arange(5.0).expand(2, 3, 4, 5).contiguous()  # N D H W: each value is its column
right = rearrange(marked, "n d h w -> w n (d h)")
wrong = marked.reshape(5, 2, 12)  # the same shape
print("rearrange: step 0 holds columns", right[0].unique().int().tolist())
print("reshape:   step 0 holds columns", wrong[0].unique().int().tolist())

# %% [markdown]
# `reshape` and `view` leave the numbers where they are in memory and draw new borders. The shape is right and
# everything is mixed: columns, rows, and samples too, so that what the network says of one picture depends on the
# others in its batch.
#
# **Pools round down.** A pool of 2 leaves an odd last column out. Widths of 100 to 103 pixels give the same *T*. What
# does `W / 4`, rounded up, say?

# %%
tiny = build("tiny", 37)
print("the model:", {W: int(tiny.output_lengths(W)) for W in range(99, 105)})
print("by W / 4: ", {W: -(-W // 4) for W in range(99, 105)})

# %% [markdown]
# Whoever computes lengths as `W / 4` and rounds up gives CTC one step too many, which lies beyond the end. Ask the
# model (`output_lengths`), do not compute them yourself.
#
# **Padding in the statistics of batch normalisation.** In training, a norm takes mean and variance over the batch,
# padding included. The same picture, the same network, more padding:

# %%
norm = nn.BatchNorm2d(1)  # in training
ink = torch.rand(1, 1, 32, 60)
for padding in (0, 60, 240):
    filled = nn.functional.pad(ink, (0, padding))
    print(
        f"{padding:3} columns of padding: the first pixel becomes {norm(filled)[0, 0, 0, 0]:5.2f}"
    )

# %% [markdown]
# Such a norm keeps running statistics of padding, and in evaluation applies them to pictures that have none. The norms
# of the package leave padding out where they are told the widths:

# %%
stack = FeatureStack(["conv 4", "pool 2 2", "conv 4"])  # in training
with torch.no_grad():
    less, more = (stack(nn.functional.pad(ink, (0, p)), widths=[60]) for p in (0, 240))
print("the same features:", torch.allclose(less, more[..., :30], atol=1e-5))

# %% [markdown]
# **A transposed convolution with holes.** To get back to full width, a transposed convolution puts a small field of
# outputs behind each input. With a kernel of 1 and a stride of 2, every other column is empty:

# %%
up = nn.ConvTranspose1d(1, 1, kernel_size=1, stride=2, output_padding=1)
line = torch.rand(2, 1, 6)  # two different lines
a, b = up(line).detach()
print("columns that depend on the input:", (a != b)[0].nonzero().flatten().tolist())
print("columns that never change:       ", (a == b)[0].nonzero().flatten().tolist())

# %% [markdown]
# Those columns hold the bias, whatever the picture. The kernel must be at least as large as the stride.
#
# | symptom | cause | check |
# |---|---|---|
# | short words are learned, long ones never | pools or strides in the width | *T* ≥ *S* + *r* for each sample |
# | learns badly or never, no error | `view`, `reshape` on axes in another order | on which columns does a step depend? |
# | CTC counts a step beyond the end, or refuses a length | lengths computed outside the model | `output_lengths` |
# | good in training, bad on single pictures | padding in the norms' statistics | the same picture with more padding |
# | stripes in the features | transposed convolution with holes | two inputs: which outputs differ? |

# %% [markdown]
# ## 9 Questions to test yourself
#
# <details><summary>Why do the later pools of the paper's network halve the height and not the width?</summary>
# The height is to end as one row; the width is time, and each letter needs steps of its own. Letters are narrower than
# high, so the width runs out first.
# </details>
#
# <details><summary>The paper's text speaks of about 25 steps for 100 columns. Why are there 26 here?</summary>
# Two halvings leave 25. Each of the two padded pools adds a column, and the last convolution takes one: 25 + 2 − 1.
# This is the stack as the authors' code has it. The paper's text has windows of 1 × 2 in the later pools, and norms
# after convolutions 5 and 6 alone (the code: 3, 5 and 7). Without padding in the width, 25 − 1 = 24 would be left.
# </details>
#
# <details><summary>Neighbouring frames share 50 of their 54 columns. How can they say different things?</summary>
# What counts is not which pixels are seen but where in the field they stand. The weights at the centre differ from
# those at the rim, and the gradient is concentrated in the middle.
# </details>
#
# <details><summary>A stack has a stride of 8 in the width. What is the narrowest picture on which "aaa" can be read?</summary>
# S = 3 and r = 2, so T ≥ 5: at least 40 pixels where pools do it, which round down. Three padded convolutions of stride
# 2 round up: 33, 17, 9, 5. There 33 pixels will do.
# </details>
#
# <details><summary>Why does a convolution before a norm need no bias?</summary>
# The norm subtracts the mean of each channel. A bias moves the mean by as much, and is subtracted with it. The authors
# of the paper kept it all the same: 1,280 parameters without an effect in training.
# </details>
#
# <details><summary>Sum, max or concat for photographs of shop signs, where text sits high or low?</summary>
# Sum or max: what they give does not depend on the row in which something was found. After concat, the next layer has
# to learn every letter at every height.
# </details>
#
# ## 10 Read on
#
# - B. Shi, X. Bai, C. Yao, *An End-to-End Trainable Neural Network for Image-based Sequence Recognition*, 2015, arXiv
#   1507.05717. Section 2.1 is the feature sequence with its receptive fields, table 1 the network. (The stack here is
#   that of the authors' code.)
# - The *post*: a public write-up with code, named CRNN, that rebuilds this network for colour pictures and prints a
#   table of its layers with their parameters.
# - The *lectures*: the notebooks of a tutorial on recurrent networks and OCR at ICDAR 2019, with the menu of stacks and
#   reductions.
# - K. Simonyan, A. Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, 2015: VGG.
# - K. He, X. Zhang, S. Ren, J. Sun, *Deep Residual Learning for Image Recognition*, 2016. Figure 2 is the block.
# - O. Ronneberger, P. Fischer, T. Brox, *U-Net*, 2015. Figure 1 is the net.
# - B. Graham, *Fractional Max-Pooling*, 2014.
# - W. Luo, Y. Li, R. Urtasun, R. Zemel, *Understanding the Effective Receptive Field in Deep Convolutional Neural
#   Networks*, 2016: why the middle counts most.
# - Next: **11 CRNN**, where stack, projection, recurrent network and CTC are trained together.
#
# Your exercises so far:

# %%
exercises.summary("10")
