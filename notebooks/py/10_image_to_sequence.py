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
# In lesson 08 the network was given raw columns of pixels. A column says little: it holds a slice of a letter, at one
# height, in one size. Convolutions look at pieces of the picture first, and hand on what they found. Then the picture
# becomes a sequence: its width turns into time, and its height has to go.
#
# ![The word station, 32 by 100 pixels, shrinks in four layers to two rows of 25 columns. Each column becomes a frame. One frame is followed back to the columns of the picture that it sees.](../figs/stack.svg)
#
# Every choice on this way has a price. One pool too many, and long words cannot be written any more, however long you
# train. This lesson computes what a stack of layers does *before* anything is trained.
#
# **After this lesson you can**
# - compute a convolution by hand, and write a layer of a network with it;
# - say for any stack which shape, how many parameters and how many multiplications each layer has;
# - compute *T* from the width of a picture, and tell which words it leaves room for;
# - compute which part of the picture a frame sees, and check it;
# - turn features into a sequence in four ways, without mixing up axes.
#
# **You need** lessons 02 (LSTM), 05 (*T* ≥ *S* + *r*) and 08 (batches of lines).
#
# **Time** 88 minutes: 38 to read, 50 for the exercises. The cells run in 15 seconds. (The appendices are not
# counted.)

# %%
from itertools import pairwise, product
from pathlib import Path

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import nn

from crnn_lessons import exercises
from crnn_lessons.show import figures
from crnn_lessons.show.notation import notation

torch.set_num_threads(1)
_ = torch.manual_seed(10)

# %% [markdown]
# ## 1 What a convolution computes
#
# Take a small table of numbers, the **kernel**, and lay it on the picture. Multiply each pixel by the number that lies
# on it, and add up the products. That is one output. This kernel asks for the left edge of a stroke: is there more ink on
# its right than on its left? Lay it on a printed 4, at the place where the upright stroke begins:

# %%
from crnn_lessons.text.lines import print_line

font = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
digit = print_line("4", font, size=22, height=24, baseline=20) / 255  # H W, ink 1
left_edge = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
y, x = 8, 9
window = digit[y : y + 3, x : x + 3]
print(window.round(1))
print(f"sum of the products: {np.sum(window * left_edge):.2f}")

# %% [markdown]
# Now slide the kernel over the whole picture, pixel by pixel, and note the sum at each place.
#
# ### Exercise 10-1: slide a kernel  (★★☆, 7 minutes)
#
# Write `convolve(picture, kernel)` for two NumPy arrays. Entry `[y, x]` of the result is the sum of the products where
# the upper left corner of the kernel lies on pixel `[y, x]`. The kernel must lie within the picture.


# %% tags=["exercise"]
def convolve(picture, kernel):
    return ...  # your code here


# %%
exercises.check("10-1", convolve)

# %%
convolve = exercises.yours("10-1")
found = np.array(convolve(digit, left_edge))  # H-2 W-2
across = np.array(convolve(digit, left_edge.T))  # the same for upper edges
by_torch = F.conv2d(
    torch.tensor(digit)[None, None], torch.tensor(left_edge.astype(float))[None, None]
)
print("H W =", digit.shape, "becomes", found.shape, f"and [8, 9] is {found[8, 9]:.2f}")
assert np.allclose(found, by_torch[0, 0], atol=1e-12)

# %%
fig, axes = figures.new_figure(7, 2.7, ncols=3)
axes[0].imshow(digit, cmap="gray_r")
frame = dict(fill=False, edgecolor=figures.VERMILLION, linewidth=2)
axes[0].add_patch(figures.mpl.patches.Rectangle((x - 0.5, y - 0.5), 3, 3, **frame))
axes[1].imshow(found, cmap="PuOr", vmin=-3, vmax=3)
axes[2].imshow(across, cmap="PuOr", vmin=-3, vmax=3)
titles = ("one window", "left edges +, right −", "upper edges +, lower −")
for ax, title in zip(axes, titles, strict=True):
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
figures.show(
    fig,
    f"The digit 4 with the window at row {y}, column {x}; the sums of the kernel for left edges, positive (violet) "
    "along the left sides of strokes and negative (orange) along the right sides; and the same for upper and lower "
    "edges.",
)

# %% [markdown]
# The same nine weights serve everywhere: an edge is found wherever it is, up, down, left or right. That is what the
# columns of lesson 08 lacked. (In mathematics a convolution turns the kernel around first. Networks do not, and call it
# a convolution all the same.)
#
# In a network nobody writes the kernels; they are trained. And there are many. A layer takes *D* pictures of one size,
# its **channels** (1 for grey, 3 for colour, 64 after a layer with 64 kernels), and each of its outputs has a kernel
# for each of them; the *D* results are added up. A batch of such pictures is *N D H W*.
#
# ## 2 A window moves over a picture
#
# A convolution and a **pool** (which takes the largest number in each window) have in common that a window moves over
# the picture in equal steps, and each place where it stands gives one output. Three numbers say how: the size of the
# window (the kernel's), the **stride** from one place to the next, and the **padding**, columns that are put on both
# ends: zeros for a convolution, −∞ for a pool. A window of 3 over 5 columns, with stride 1: where can it stand?

# %%
letters = "abcde"
print([letters[i : i + 3] for i in range(len(letters) - 2)])

# %% [markdown]
# At three places. And with a stride of 2, or with a column of padding on each side?
#
# ### Exercise 10-2: how many windows fit?  (★☆☆, 5 minutes)
#
# Write `windows(size, kernel, stride, padding)`: the number of places where the whole window lies within the padded
# columns. A window larger than the padded columns does not occur.


# %% tags=["exercise"]
def windows(size, kernel, stride, padding):
    return ...  # your code here


# %%
exercises.check("10-2", windows)

# %% [markdown]
# The last place where a window can start is size + 2 · padding − kernel; the stride fits into that so many whole times,
# and the starting place is one more:
#
# $$\text{windows} = \left\lfloor \frac{\text{size} + 2 \cdot \text{padding} - \text{kernel}}{\text{stride}} \right\rfloor + 1$$
#
# Does torch count as you do? Try many small cases, of a pool and of a convolution:

# %%
windows = exercises.yours("10-2")
checked = 0
for size, kernel, stride in product(range(5, 35), range(1, 6), range(1, 5)):
    for padding in range(kernel // 2 + 1):
        for kind in (
            nn.MaxPool1d(kernel, stride, padding),
            nn.Conv1d(1, 1, kernel, stride, padding),
        ):
            out = kind(torch.zeros(1, 1, size))
            assert out.shape[-1] == windows(size, kernel, stride, padding)
            checked += 1
print(f"torch counts as you do in {checked} cases")

# %% [markdown]
# Three cases are worth knowing by heart:
#
# | layer | kernel, stride, padding | a width *W* becomes |
# |---|---|---|
# | convolution that keeps the size | 3, 1, 1 | *W* |
# | pool that halves | 2, 2, 0 | *W* / 2, rounded down |
# | pool of the CRNN authors, along the width | 2, 1, 1 | *W* + 1 |
#
# ## 3 Layers, and short names for them
#
# A layer of a network is more than a convolution. After it usually comes **batch normalisation**: each channel is
# shifted and scaled to mean 0 and variance 1 over the batch, then by two numbers that are learnt. Then a **ReLU** sets
# negative numbers to 0. Torch has modules for all three.
#
# ### Exercise 10-3: convolution, norm, ReLU  (★★☆, 6 minutes)
#
# Write `conv_layer(inputs, outputs)`, which makes such a layer as an `nn.Sequential`: a 3 × 3 convolution from `inputs`
# to `outputs` channels that keeps the size of the picture, without a bias; a batch normalisation; a ReLU.


# %% tags=["exercise"]
def conv_layer(inputs, outputs):
    return ...  # your code here


# %%
exercises.check("10-3", conv_layer)

# %% [markdown]
# The stack at the top of this lesson is four of your layers, each followed by a pool:

# %%
conv_layer = exercises.yours("10-3")
mine = nn.Sequential(
    conv_layer(1, 16), nn.MaxPool2d((2, 2)),
    conv_layer(16, 32), nn.MaxPool2d((2, 2)),
    conv_layer(32, 64), nn.MaxPool2d((2, 1)),
    conv_layer(64, 64), nn.MaxPool2d((2, 1)),
)  # fmt: skip
pictures = torch.rand(2, 1, 32, 100)  # N D H W
print("N D H W", tuple(pictures.shape), "->", tuple(mine.eval()(pictures).shape))

# %% [markdown]
# This course writes the same as a text, one short name a layer. `conv 64` is your `conv_layer(D, 64)`, with *D* from
# the layer before. `pool 2 1` is `nn.MaxPool2d((2, 1))`: rows first, then columns. Is it really the same? Put your
# weights in:

# %%
from crnn_lessons.models.features import FeatureStack, layers, parse

written = "conv 16, pool 2 2, conv 32, pool 2 2, conv 64, pool 2 1, conv 64, pool 2 1"
stack = FeatureStack(layers(written)).eval()
theirs = [p for p in stack.parameters() if p.ndim == 4]  # the norms of both are fresh: 1 and 0
yours = [p for p in mine.parameters() if p.ndim == 4]
for kernel, weights in zip(theirs, yours, strict=True):
    kernel.data = weights.data
with torch.no_grad():
    assert torch.allclose(stack(pictures), mine(pictures), atol=1e-6)
print("the same numbers, from", sum(p.numel() for p in stack.parameters()), "parameters")

# %% [markdown]
# The short names say more where more is needed:
#
# | text | in torch |
# |---|---|
# | `conv 64` | `conv_layer(D, 64)` |
# | `conv 64 plain` | `nn.Conv2d(D, 64, 3, padding=1)` and `nn.ReLU()`: a bias, no norm |
# | `conv 64 bias` | as `conv 64`, and the bias is kept |
# | `conv 512 2 2` | a kernel of 2 × 2, not padded; then norm and ReLU |
# | `pool 2 2 stride 2 1 pad 0 1` | `nn.MaxPool2d((2, 2), stride=(2, 1), padding=(0, 1))` |
#
# ### Exercise 10-4: count the parameters of a layer  (★☆☆, 6 minutes)
#
# A convolution from *D* input channels has, for each output channel, a kernel of *D* × height × width weights. With a
# normalisation after it, it needs no bias (the normalisation would take it away again); the normalisation has a scale
# and a shift for each output channel. Without, there is one bias for each output channel. Write
# `conv_parameters(inputs, outputs, height, width, norm)`.


# %% tags=["exercise"]
def conv_parameters(inputs, outputs, height, width, norm):
    return ...  # your code here


# %%
exercises.check("10-4", conv_parameters)

# %%
conv_parameters = exercises.yours("10-4")
counted = [conv_parameters(a, b, 3, 3, True) for a, b in pairwise([1, 16, 32, 64, 64])]
print(" + ".join(map(str, counted)), "=", sum(counted))
assert sum(counted) == sum(p.numel() for p in mine.parameters())

# %% [markdown]
# ## 4 The stack of the CRNN, row by row
#
# The network that this course is named after comes from Shi, Bai and Yao ([2015](https://arxiv.org/abs/1507.05717)).
# Here is its stack as it stands in [the authors' code](https://github.com/bgshih/crnn). (Their paper differs in
# details: see the questions at the end.) How large is a picture of 32 × 100 pixels after each layer?

# %%
from crnn_lessons.models import build, summarise

paper = build("paper", num_classes=37).eval()
height, width = 32, 100
for layer in map(parse, paper.features.layers):
    height = windows(height, layer.kernel[0], layer.stride[0], layer.padding[0])
    width = windows(width, layer.kernel[1], layer.stride[1], layer.padding[1])
    print(f"{layer.text:28} {height:2} × {width}")

# %% [markdown]
# Seven convolutions, four pools. Two pools halve both axes. The two with `stride 2 1` halve the height and keep the
# width (one column more, in fact: the table above). 32 × 100 pixels end as 1 × 26: the height is folded away, and 26
# columns are left. *T* = 26.
#
# The package keeps the whole account. Each layer computes its own row, and nothing is run. A **multiply-add** is one
# multiplication and the addition that goes with it. A convolution uses each weight of its kernels once at every place
# where it stands: for the first one, 3 · 3 · 64 weights at 32 · 100 places. (The last column is section 6's. It counts
# what lies within the picture: the windows of the third pool reach over 30 × 30 pixels, but each hangs over the upper or
# the lower edge, and at most 27 rows are left.)

# %%
account = summarise(paper.features, height=32, width=100)
account

# %% [markdown]
# Is the account true? Count with your own functions, and ask the modules:

# %%
inputs, total = 1, 0
for layer in map(parse, paper.features.layers):
    if layer.kind == "conv":
        (outputs,) = layer.channels
        total += conv_parameters(inputs, outputs, *layer.kernel, norm="plain" not in layer.options)
        total += outputs if "bias" in layer.options else 0
        inputs = outputs
print(f"{total:,} by your count, {account.num_parameters:,} in the account")
assert total == account.num_parameters == sum(p.numel() for p in paper.features.parameters())
assert account.rows[0].multiply_adds == 3 * 3 * 64 * 32 * 100
assert tuple(paper.features(torch.rand(1, 1, 32, 100)).shape) == (1, 512, 1, 26)

# %% [markdown]
# Where is the work, and where are the parameters? Are they in the same layers?

# %%
rows = [row for row in account.rows if row.parameters]
fig, (left, right) = figures.new_figure(7.5, 2.6, ncols=2, sharey=True)
names = [f"{i + 1}: {row.name}" for i, row in enumerate(rows)]
left.barh(names, [sum(row.parameters) / 1e6 for row in rows], color=figures.BLUE)
right.barh(names, [row.multiply_adds / 1e6 for row in rows], color=figures.ORANGE, hatch="//")
left.set(xlabel="parameters, millions")
right.set(xlabel="multiply-adds, millions")
left.invert_yaxis()
said = [
    f"{name} {sum(row.parameters):,} and {row.multiply_adds / 1e6:.0f} million"
    for name, row in zip(names, rows, strict=True)
]
figures.show(fig, "Parameters and multiply-adds of the convolutions: " + "; ".join(said) + ".")

# %% [markdown]
# Layer 6 leads in both. But compare layers 2 and 7. Layer 7 has fourteen times as many parameters, and less than half
# the work: it stands at 26 places of the picture, layer 2 at 16 · 50 = 800. A weight is stored once and used at every
# place. So parameters say how large the file is, and multiply-adds roughly how long it takes; a network can be small
# and slow.
#
# ## 5 How many steps, and for which words?
#
# CTC can spell a word of *S* letters, *r* of them equal to their left neighbour, only if *T* ≥ *S* + *r* (lesson 05).
# So *T* is a promise: whatever the stack leaves, no word with *S* + *r* above it can ever come out.
#
# ### Exercise 10-5: *T* of the authors' network  (★☆☆, 5 minutes)
#
# Write `paper_steps(W)`: how many columns the stack of section 4 leaves of a picture of *W* columns, for any *W* ≥ 4.


# %% tags=["exercise"]
def paper_steps(W):
    return ...  # your code here


# %%
exercises.check("10-5", paper_steps)

# %%
paper_steps = exercises.yours("10-5")
for W in (32, 100, 101, 128, 400):
    print(f"{W} columns leave {paper_steps(W)} steps")
    assert paper_steps(W) == int(paper.output_lengths(W))

# %% [markdown]
# Now suppose that somebody does the natural thing and halves both axes at all four pools. (The last convolution becomes
# 2 1 with them, so that it takes away no more columns.) `station`, seven letters, is the word to read. What does its
# loss say, and what does `zero_infinity` make of it, torch's switch to keep training going (lesson 06, appendix B)?

# %%
square = [
    "pool 2 2" if "pool" in text else text.replace("512 2 2", "512 2 1")
    for text in paper.features.layers
]
T = FeatureStack(square).sizes(32, 100)[-1][1]
scores = torch.zeros(T, 1, 37).log_softmax(2)  # T N C: all classes alike
station = torch.tensor([[ord(letter) - ord("a") + 1 for letter in "station"]])
for switch in (False, True):
    loss = nn.CTCLoss(zero_infinity=switch)(scores, station, torch.tensor([T]), torch.tensor([7]))
    print(f"T = {T}, zero_infinity={switch!s:5}  loss {loss.item()}")

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
left = ", ".join(str(160 // stride) for stride in (4, 8, 16, 32))
need = "; ".join(f"{word} needs {steps_needed(word)}" for word in words)
figures.show(
    fig,
    "T against the width of the picture for strides of 4, 8, 16 and 32 in the width; "
    f"at W = 160 they leave {left} steps. {need}.",
)

# %% [markdown]
# With stride 16, a picture of 160 columns has 10 steps: `committee`, nine letters with three doubles, does not fit. Wider
# pictures help, and so do smaller strides. Both cost time.
#
# ### Exercise 10-6: let a long word through  (★★☆, 8 minutes)
#
# This is a ResNet-18 without its last stage (`block` is a residual block of two convolutions: Appendix A). On 32 × 160
# pixels it leaves 2 × 10. Change strides, and nothing else, so that `counterrevolutionary` can be spelled. The height
# must still end as 2 rows, and *T* must stay below 50. Strides are written rows, then columns.

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
exercises.check("10-6", answer)

# %% [markdown]
# Is that cheaper than a picture that is wide enough for the old strides?

# %%
mended = FeatureStack(list(exercises.yours("10-6")))
for name, one, W in [
    ("as it was", FeatureStack(resnet), 160),
    ("wider", FeatureStack(resnet), 336),
    ("mended", mended, 160),
]:
    costs = summarise(one, height=32, width=W)
    _, _, T = costs.rows[-1].shape
    print(f"{name:10} W = {W}  T = {T:2}  {costs.multiply_adds / 1e6:4.0f} million multiply-adds")
assert T >= steps_needed("counterrevolutionary")

# %% [markdown]
# A wider picture costs in every layer; a smaller stride costs in every layer after it, which has more columns to visit.
# Which is cheaper depends on the stack, and on where you change it.
#
# ## 6 What does a frame see?
#
# As in lessons 01 and 08, a **frame** is what one time step gets; now it is one of the *T* columns of features. The
# columns of the picture that it depends on are its **receptive field**, the shaded cone in the picture at the top. A
# frame that sees less than a letter has to guess; one that sees three letters has to find out which of them is meant.
#
# Count from the first layer on, along the width. Two numbers change: how many pixels an output sees (the *field*), and
# how far apart neighbouring outputs are (the *step*). A window of 3 over outputs that are 4 pixels apart adds 2 · 4 = 8
# pixels to what one of them saw.
#
# ### Exercise 10-7: the recursion  (★★☆, 7 minutes)
#
# Write `receptive_field(stack)` for a list of pairs (kernel, stride), first layer first. It returns the number of
# pixels that one output sees.


# %% tags=["exercise"]
def receptive_field(stack):
    return ...  # your code here


# %%
exercises.check("10-7", receptive_field)

# %%
receptive_field = exercises.yours("10-7")
pairs = [(layer.kernel[1], layer.stride[1]) for layer in map(parse, paper.features.layers)]
for i, text in enumerate(paper.features.layers, start=1):
    print(f"{text:28} sees {receptive_field(pairs[:i]):2} columns")

# %% [markdown]
# A frame in the middle sees 54 of 100 columns, and the next one sees a window of the same size 4 pixels further to the
# right. Neighbouring frames share far more than they do not.
#
# The recursion gives the size. For the exact columns walk the other way: from frame *t* back through the layers, from
# the first and last column that each window covers. `reach` of the package does that. Where it leaves the picture,
# there is only padding, and it is cut off:

# %%
for t in (0, 1, 12, 13, 25):
    first, last = paper.features.reach(axis=1, index=t, image=100)
    print(f"frame {t:2} sees columns {first:2} to {last:2}: {last + 1 - first} of 100")

# %% [markdown]
# Is that true? Put *not a number* into one column of a picture: it spoils every output that looks at it, and no other.
# The field does not depend on the number of channels, so a thin copy of the stack will do.

# %%
thin = FeatureStack([text.replace(str(parse(text).channels[0]), "4", 1) if "conv" in text else text
                     for text in paper.features.layers]).eval()  # fmt: skip
with torch.no_grad():
    pictures = torch.zeros(100, 1, 32, 100)  # picture w has its fault in column w
    pictures[torch.arange(100), :, :, torch.arange(100)] = torch.nan
    spoilt = thin(pictures).isnan().any(1).any(1)  # W T: does frame t look at column w?
for t in range(26):
    seen = spoilt[:, t].nonzero().flatten()
    assert (int(seen[0]), int(seen[-1])) == paper.features.reach(1, t, 100)
    assert len(seen) == seen[-1] - seen[0] + 1
print(f"all 26 fields are exact; the largest has {int(spoilt.sum(0).max())} columns")
assert int(spoilt.sum(0).max()) == receptive_field(pairs)

# %% [markdown]
# A field is what a frame *could* use. What does a trained network use? The gradient says how much each pixel matters to
# a frame. It is taken of one number, so add up the squares of all features of the frame: `[0, :, 0, t]` are all
# channels of frame *t*, in the only row of the only sample. Take the reader that comes with the package, and a word:

# %%
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader import Reader
from crnn_lessons.text.augment import fit
from crnn_lessons.text.render import render_word

picture = fit(render_word("station", font, np.random.default_rng(0), wild=0.0), 32, 100)
trained = Reader().model.features
images = to_input(torch.from_numpy(picture[None]) / 255).requires_grad_()  # N D H W


def how_much_matters(stack, t):
    (gradient,) = torch.autograd.grad(stack(images)[0, :, 0, t].square().sum(), images)
    return gradient[0, 0].abs()  # H W


t = 12
matters = how_much_matters(trained, t)
first, last = trained.reach(1, t, 100)
outside = torch.cat([matters[:, :first], matters[:, last + 1 :]], dim=1)
print(
    f"field of frame {t}: columns {first} to {last}; outside, the gradient is {float(outside.sum())}"
)
assert not outside.any()

# %%
fig, (top, bottom) = figures.new_figure(6.5, 3.6, nrows=2, sharex=True)
extent = (0, 100, 32, 0)
top.imshow(picture, cmap="gray", extent=extent)
for other, colour, style in ((4, figures.SKY, "--"), (t, figures.VERMILLION, "-")):
    a, b = trained.reach(1, other, 100)
    top.axvspan(a, b + 1, fill=False, edgecolor=colour, linestyle=style, linewidth=2)
bottom.imshow(matters.sqrt(), cmap="Blues", extent=extent)
for edge in (first, last + 1):
    bottom.axvline(edge, color=figures.VERMILLION)
top.set(title="fields of frames 4 (dashed) and 12", yticks=[])
bottom.set(
    title="how much each pixel matters to frame 12 (square root)", yticks=[], xlabel="column"
)
for ax in (top, bottom):
    ax.spines[:].set_visible(True)
figures.show(
    fig,
    f"The word station. Frame 4 sees columns {trained.reach(1, 4, 100)}, frame 12 columns {(first, last)}. Below, the "
    "square root of the gradient of frame 12: nothing outside the field, most of it in the middle.",
)

# %% [markdown]
# (The square root is drawn so that the faint parts show.) How much falls to the middle third of the field? A flat
# gradient would put 33 % there. For comparison, ask stacks of the same form that were never trained. The mean is over
# frames 11 to 13, whose fields lie within the picture:


# %%
def middle_third(stack):
    shares = []
    for t in range(11, 14):
        by_column = how_much_matters(stack, t).sum(0)  # W
        first, last = stack.reach(1, t, 100)
        third = (last + 1 - first) // 3
        shares.append(by_column[first + third : last + 1 - third].sum() / by_column.sum())
    return float(torch.stack(shares).mean())


untrained = [middle_third(FeatureStack(trained.layers).eval()) for _ in range(5)]
print(f"in the middle third: {middle_third(trained):.0%} in the trained stack")
print(f"in five untrained ones: {min(untrained):.0%} to {max(untrained):.0%}")
assert min(middle_third(trained), *untrained) > 0.4

# %% [markdown]
# The gradient piles up in the middle before any training: many paths lead from the centre of a field to the frame, few
# from its rim. The **effective** receptive field is smaller than the computed one. What lies further away comes in
# through the recurrent network.
#
# ### Play: build a stack
#
# Choose a preset, or edit layers: click into one and type, Enter adds a layer below. Move the frame with the slider.
# Try to
# - work out from which width on the authors' network can write `counterrevolutionary`; then type it as the word, and
#   read the line beside it;
# - change `tiny` so that a frame in the middle sees at least 40 columns, with *T* unchanged;
# - cut the multiply-adds of `paper` in half while *T* stays 26.
#
# <details><summary>One answer to each</summary>
#
# - 21 steps are needed, and *T* is a quarter of the width plus 1: from 80 columns on.
# - Write `conv 64` once more after each `conv 64`. Each adds 2 · 4 = 8 columns to 26, which makes 42.
# - Halve all numbers of channels: most layers then have half as many inputs and half as many outputs, and the 633
#   million of *the stack alone* become 159.
# </details>

# %%
from crnn_lessons.widgets import Shape

played = Shape("paper")
played

# %% [markdown]
# The widget has an account of its own. Does it agree with your two functions on the stack as you left it?

# %%
chosen = [parse(text) for text in played.layers]
if {layer.kind for layer in chosen} <= {"conv", "pool"}:
    T = played.width
    for layer in chosen:
        T = windows(T, layer.kernel[1], layer.stride[1], layer.padding[1])
    field = receptive_field([(layer.kernel[1], layer.stride[1]) for layer in chosen])
    print(f"T = {T} and a field of {field} columns by your functions, T = {played.T} in the widget")
    assert played.T == T
else:
    print("this stack has layers that your two functions do not know")

# %% [markdown]
# ## 7 From columns to a sequence
#
# Features have four axes, *N D H W*. A recurrent network wants three, *T N D*: steps, samples, numbers of a step.
# The width becomes time. What happens to the height, where the stack has left more than one row?
#
# | projection | what it does with a column of *H* rows | numbers a step |
# |---|---|---|
# | sum | adds the rows up: *where* something was is lost, *that* it was stays | *D* |
# | max | keeps the strongest row of each channel: the same, and it ignores how often | *D* |
# | concat | puts the rows one after another: height stays visible, the height of the picture is fixed | *D H* |
# | LSTM | a recurrent network reads the rows from top to bottom; its last state stands for the column | *D* |
#
# A rule of thumb from [Breuel's lectures](https://github.com/tmbdev-tutorials/icdar2019-tutorial): sum, max or LSTM for
# text whose place on the picture varies; concat or LSTM for text that was brought to one size and place first (lesson
# 08). Lesson 12 puts such rules to the test. In [einops](https://einops.rocks) the first three are one line each. Names
# in brackets are merged into one axis, and the first of them varies slowest: `(d h)` puts all rows of channel 0 first.

# %%
x = torch.randn(2, 3, 4, 5)  # N D H W
print("sum   ", tuple(reduce(x, "n d h w -> w n d", "sum").shape))
print("max   ", tuple(reduce(x, "n d h w -> w n d", "max").shape))
print("concat", tuple(rearrange(x, "n d h w -> w n (d h)").shape))

# %% [markdown]
# ### Exercise 10-8: let an LSTM read the height  (★★☆, 6 minutes)
#
# torch's LSTM takes steps × batch × numbers. To read each column from top to bottom, the *rows* must be the steps, and
# every column of every sample is one member of the batch. Write `rows_as_time(features)`: from *N D H W* to *H* × (*W
# N*) × *D*. Use torch or einops and no NumPy, so that gradients can run through it.


# %% tags=["exercise"]
def rows_as_time(features):
    return ...  # your code here


# %%
exercises.check("10-8", rows_as_time)

# %% [markdown]
# With it, the fourth projection is a few lines. The tempting mistake is to let the LSTM run along the *width*,
# and to add the rows up afterwards: the lectures' own notebooks have it. The shapes fit, and it trains.

# %%
rows_as_time = exercises.yours("10-8")
lstm = nn.LSTM(3, 3)


def scan_height(features):
    _, (last, _) = lstm(torch.as_tensor(rows_as_time(features)))  # 1 (W N) D
    return last.reshape(features.shape[3], len(features), -1)  # W N D


def scan_width(features):
    steps, _ = lstm(rearrange(features, "n d h w -> w (n h) d"))
    return reduce(steps, "w (n h) d -> w n d", "sum", n=len(features))


# %% [markdown]
# How can one tell? Ask of each on which columns of the features step 2 depends:

# %%
for projection in (scan_height, scan_width):
    x = torch.randn(2, 3, 4, 5, requires_grad=True)  # N D H W
    out = projection(x)  # T N D
    (gradient,) = torch.autograd.grad(out[2].sum(), x)
    depends = gradient.ne(0).any(0).any(0).any(0).nonzero().flatten().tolist()
    print(
        f"{projection.__name__:12} T N D = {tuple(out.shape)}, step 2 depends on columns {depends}"
    )

# %% [markdown]
# Yours looks at column 2 alone. The mistake looks at columns 0, 1 and 2: it is a second sequence model in disguise, and
# none of its states ever went through a column from top to bottom. A shape cannot tell; a gradient can.
#
# ## 8 Different widths in one batch
#
# Pictures of words have different widths. To stack them into one batch, the narrow ones are filled up on the right.
# What stands there must not matter. So every layer of the package gets the true widths, and treats what lies beyond as
# empty (zeros for a convolution, −∞ for a max pool). How far is a picture in a batch, with noise in the padding, from
# the same picture alone?

# %%
narrow, batch = (
    torch.rand(1, 1, 32, 60),
    torch.rand(2, 1, 32, 120),
)  # what stands beyond 60 is padding
batch[0, :, :, :60] = narrow[0]
with torch.no_grad():
    alone, _ = paper(narrow)
    told, lengths = paper(batch, torch.tensor([60, 120]))
    untold, _ = paper(batch)
T = int(lengths[0])
gap = (untold[:T, 0] - alone[:, 0]).abs().amax(1)  # T
assert torch.allclose(told[:T, 0], alone[:, 0], atol=1e-5)
assert (gap > 1e-6).all() and gap[-1] > 100 * gap[0]

# %% tags=["nbval-ignore-output"]
print(f"with the widths, {(told[:T, 0] - alone[:, 0]).abs().max():.0e}")
print(f"without, from {gap[0]:.0e} at the first step to {gap[-1]:.0e} at the last")

# %% [markdown]
# The last steps suffer most: their fields reach into the noise, and the backward LSTM begins in it. It carries a trace
# to the very first step, which fades on the way.
#
# ## 9 What goes wrong
#
# | symptom | cause | check |
# |---|---|---|
# | short words are learnt, long ones never | pools or strides in the width | *T* ≥ *S* + *r* for each sample |
# | learns badly or never, no error | `view`, `reshape` on axes in another order | on which columns does a step depend? |
# | CTC counts a step beyond the end, or refuses a length | lengths computed outside the model | `output_lengths` |
# | every other column is the same for all pictures | a transposed convolution with holes (appendix B) | two pictures: which columns differ? |
# | good in training, bad on single pictures | padding in the norms' statistics | the same picture with more padding |
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
# A program that computes lengths as `W / 4` and rounds up gives CTC one step too many, which lies beyond the end. Ask the
# model (`output_lengths`), do not compute them yourself.
#
# **Padding in the statistics of batch normalisation.** In training, a norm takes mean and variance over the batch,
# padding included. The same picture, the same norm, more padding:

# %%
norm = nn.BatchNorm2d(1)  # in training
ink = torch.rand(1, 1, 32, 60)
for padding in (0, 60, 240):
    first = norm(F.pad(ink, (0, padding)))[0, 0, 0, 0]
    print(f"{padding:3} columns of padding: the first pixel becomes {first:5.2f}")

# %% [markdown]
# Such a norm keeps running statistics of padding, and in evaluation applies them to pictures that have none. The norms
# of the package leave padding out where they are told the widths:

# %%
norms = FeatureStack(["conv 4", "pool 2 2", "conv 4"])  # in training
with torch.no_grad():
    less, more = (norms(F.pad(ink, (0, padding)), widths=[60]) for padding in (0, 240))
assert torch.allclose(less, more[..., :30], atol=1e-5)

# %% [markdown]
# ## 10 Questions to test yourself
#
# <details><summary>Why do the later pools of the CRNN halve the height and not the width?</summary>
# The height is to end as one row; the width is time, and each letter needs steps of its own. Letters are narrower than
# high, so the width runs out first.
# </details>
#
# <details><summary>The paper speaks of about 25 steps for 100 columns. Why are there 26 here?</summary>
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
# of the CRNN kept it all the same: 1,280 parameters without an effect in training.
# </details>
#
# <details><summary>Sum, max or concat for photographs of shop signs, where text sits high or low?</summary>
# Sum or max: what they give does not depend on the row in which something was found. After concat, the next layer has
# to learn every letter at every height. So the rule says; lesson 12 puts it to the test.
# </details>
#
# ## 11 Read on
#
# - B. Shi, X. Bai, C. Yao, [*An End-to-End Trainable Neural Network for Image-based Sequence
#   Recognition*](https://arxiv.org/abs/1507.05717), 2015. Section 2.1 is the feature sequence with its receptive
#   fields, table 1 the network.
# - T. M. Breuel, [notebooks of a tutorial on recurrent networks and
#   OCR](https://github.com/tmbdev-tutorials/icdar2019-tutorial), ICDAR 2019: a menu of stacks and projections.
# - W. Luo, Y. Li, R. Urtasun, R. Zemel, [*Understanding the Effective Receptive Field in Deep Convolutional Neural
#   Networks*](https://arxiv.org/abs/1701.04128), 2016: why the middle counts most.
# - V. Dumoulin, F. Visin, [*A guide to convolution arithmetic for deep learning*](https://arxiv.org/abs/1603.07285),
#   2016: section 2 of this lesson, drawn.
# - Next: **11 CRNN**, where you put stack, recurrent network and CTC together and train them.
#
# The letters of this lesson, for looking up:

# %%
notation("T", "t", "N", "D", "H", "W", "S", "r", "C")

# %% [markdown]
# Your exercises so far:

# %%
exercises.summary("10")

# %% [markdown]
# ## Appendix A: parts that can be exchanged
#
# Four families of stacks, each written as one text. A [VGG](https://arxiv.org/abs/1409.1556)-like stack is convolutions
# and pools. A [residual](https://arxiv.org/abs/1512.03385) stack (ResNet) adds to each pair of convolutions a shortcut
# around them, so that very deep stacks still train: that is a `block`. A [fractional max
# pool](https://arxiv.org/abs/1412.6071) (FMP) has windows at uneven distances, drawn at random in training; it shrinks
# the height to 0.7 and the width to 0.9 of the size, where a pool with stride 2 halves. A
# [U-net](https://arxiv.org/abs/1505.04597) goes down to a coarse view and comes back up to full size, and each column
# gets both.

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
    costs = summarise(model.features, height=32, width=100)
    D, H, T = costs.rows[-1].shape
    work, sees = costs.multiply_adds / 1e6, costs.rows[-1].sees[1]
    print(f"{name:8}{D:4}{H:4}{T:5}{costs.num_parameters:13,}{work:11.0f} M{sees:8}")
    assert model.eval()(torch.rand(1, 1, 32, 100))[0].shape == (T, 1, 37)

# %% [markdown]
# All four fit into the same recogniser: `max` takes whatever height they leave. The residual stack is the deepest, and
# sees twice as far along the line as the VGG-like one for a third more parameters. FMP keeps 64 steps: room for long
# words, a longer way for the recurrent network, and the most multiplications, since the picture shrinks slowly. The
# U-net has fewest of both here, since it has few channels where the picture is large. Its field of 32 columns counts
# the detour through the coarse levels. Which reads best is a question for a fair experiment: lesson 12.
#
# ## Appendix B: a transposed convolution with holes
#
# To get back to full width, a transposed convolution makes a small field of outputs of each input. With a kernel of
# 1 and a stride of 2, what happens to every other column? Feed in two different lines:

# %%
up = nn.ConvTranspose1d(1, 1, kernel_size=1, stride=2, output_padding=1)
a, b = up(torch.rand(2, 1, 6)).detach()
print("columns that depend on the input:", (a != b)[0].nonzero().flatten().tolist())
print("columns that never change:       ", (a == b)[0].nonzero().flatten().tolist())

# %% [markdown]
# Those columns hold the bias, whatever the picture. The kernel must be at least as large as the stride.
