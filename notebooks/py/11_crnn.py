# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 CRNN: a network that reads, and you write it
#
# All the parts are on the table: convolutions that look at a picture, a recurrent network that looks along a line, CTC
# that needs no timetable, and a decoder. [Shi, Bai and Yao](https://arxiv.org/abs/1507.05717) put them together in 2015
# and called it CRNN. In this lesson you put them together yourself, in about forty lines. Your network then learns to
# read from your own loss, in less than a minute.
#
# ![From a picture of a word to its text: convolutions, one step for each column, a bidirectional LSTM, the most probable class at each step, and the map B. Beside each stage stands the lesson it comes from.](../figs/crnn.svg)
#
# **After this lesson you can**
# - write a CRNN and its training loop, and train it to read;
# - follow a picture through it, with the shape of every stage;
# - say which frame wrote which letter, and what a confident reading is worth;
# - find your own forty lines again in a package, and in the published networks.
#
# **You need** lessons 02 (LSTM), 05 to 07 (CTC), 08 (the plateau of blanks) and 10 (convolutions). What you wrote there
# is used here; where an answer of yours is missing, the course's own steps in.
#
# **Time** 90 minutes: 35 to read, 55 for the exercises. The cells run in two minutes.

# %%
import math
import time
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
import torch
from einops import rearrange
from rapidfuzz.distance import Levenshtein
from torch import nn

from crnn_lessons import exercises
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.show import figures
from crnn_lessons.show.notation import notation

# one thread: nearly the same numbers on every machine, and so small a network gains little by more
torch.set_num_threads(1)

# %% [markdown]
# ## 1 Something to read
#
# We need pictures with their texts. Render random strings of 3 to 8 letters and digits in the twelve faces that come
# with matplotlib. Random, so that no dictionary can help: the network has to look.

# %%
from crnn_lessons.text.augment import fit
from crnn_lessons.text.render import render_word

alphabet = Alphabet("abcdefghijklmnopqrstuvwxyz0123456789")
fonts = sorted((Path(matplotlib.get_data_path()) / "fonts/ttf").glob("DejaVuS*.ttf"))
fonts = [font for font in fonts if "Display" not in font.name]


def render(text, rng):
    return fit(render_word(text, fonts[rng.integers(len(fonts))], rng, wild=0.0), 32, 100)


def samples(count, seed, known=()):
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        text = "".join(rng.choice(list(alphabet.characters), size=rng.integers(3, 9)))
        picture = render(text, rng)
        if text not in known:
            found.append((picture, text))
    pictures, texts = zip(*found, strict=True)
    return np.stack(pictures), list(texts)  # N H W, uint8


# %%
images, texts = samples(16_000, seed=1)
fresh_images, fresh_texts = samples(500, seed=2, known=set(texts))
print(f"{len(fonts)} faces, pictures {images.shape}, fresh ones {fresh_images.shape}")
assert not set(texts) & set(fresh_texts)

# %%
from crnn_lessons.show.drawings import draw_pictures

fig, axes = figures.new_figure(7, 1.6, nrows=2, ncols=4)
draw_pictures(axes.flat, images[:8], texts[:8])
figures.show(fig, f"Eight rendered strings with their texts: {', '.join(texts[:8])}.")

# %% [markdown]
# `fit` stretches every picture to 32 × 100, so the letters of short strings come out wider. The network will have to
# live with that, as the paper's does. The 500 fresh strings never occur in training: they are for the test.
#
# ## 2 The convolutions
#
# Four times the same: a convolution that keeps the size, a norm, a ReLU, a pool (lesson 10). The pools decide how much
# of the width is left:
#
# | | channels | pool | picture 32 × 100 becomes |
# |---|---|---|---|
# | 1 | 16 | 2 × 2 | 16 × 50 |
# | 2 | 32 | 2 × 2 | 8 × 25 |
# | 3 | 64 | 2 × 1 | 4 × 25 |
# | 4 | 64 | 2 × 1 | 2 × 25 |
#
# A pool of 2 × 1 halves the height and leaves the width alone. Letters are narrower than they are high, and each needs
# columns of its own.
#
# ### Exercise 11-7: the convolutions  (★★☆, 8 minutes)
#
# Write `make_convolutions()`, which returns an `nn.Sequential` of the four rows. Each row is `nn.Conv2d` with a kernel
# of 3 that keeps the size and has no bias (the norm would take it off again), `nn.BatchNorm2d`, `nn.ReLU` and
# `nn.MaxPool2d`. The picture is grey: it has one channel.


# %% tags=["exercise"]
def make_convolutions():
    return ...  # your code here


# %%
exercises.check("11-7", make_convolutions)

# %% [markdown]
# What does it make of two pictures of noise? And does lesson 10's count of windows agree?

# %%
make_convolutions = exercises.yours("11-7")
windows = exercises.yours("10-1")
noise = torch.randn(2, 1, 32, 100, generator=torch.Generator().manual_seed(11))  # N 1 H W
with torch.no_grad():
    features = make_convolutions()(noise)  # N D H W
T = windows(windows(100, 2, 2, 0), 2, 2, 0)
print(f"features: N D H W = {tuple(features.shape)}; by the count of windows T = {T}")
assert features.shape[3] == T

# %% [markdown]
# One column of features for each 4 pixels. Each column becomes a time step, so *T* = 25. How much of the picture does a
# column see? Lesson 10's rule, for all eight layers with a window:

# %%
receptive_field = exercises.yours("10-5")
along_the_width = 2 * [(3, 1), (2, 2)] + 2 * [(3, 1), (1, 1)]  # kernel, stride
print(f"a frame sees {receptive_field(along_the_width)} columns of 100")

# %% [markdown]
# About a letter and a half. What lies further away has to come through the LSTM.
#
# ### Exercise 11-1: how narrow may a picture be?  (★☆☆, 3 minutes)
#
# The width is divided by 4 and rounded down. How many pixels wide must a picture be at least, so that CTC can spell
# `bookkeeper`? (Lesson 05: *T* ≥ *S* + *r*.)

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("11-1", answer)

# %% [markdown]
# ## 3 From columns to steps to probabilities
#
# The features come as *N* × *D* × *H* × *W*. An LSTM wants *T* × *N* × (all numbers of a step). Which move is that?
# (Lesson 10, section 5, has the pictures.)
#
# ### Exercise 11-2: features to time steps  (★★☆, 5 minutes)
#
# Write `to_steps(features)`, from *N D H W* to *T N* (*D H*), where *T* = *W* and the channels of a column come before
# its rows. `rearrange(x, "n d h w -> ...")` lets you name the axes.


# %% tags=["exercise"]
def to_steps(features):
    return ...  # your code here


# %%
exercises.check("11-2", to_steps)

# %%
to_steps = exercises.yours("11-2")
steps = to_steps(features)
print(f"steps: T N (D H) = {tuple(steps.shape)}")

# %% [markdown]
# Each of the 25 steps is a vector of 64 · 2 = 128 numbers. What is missing is an LSTM that reads the steps in both
# directions, and a layer that turns what it says into a probability for each class. Put it all together.
#
# ### Exercise 11-8: the network  (★★★, 10 minutes)
#
# Write the class `CRNN`. Its layers are called `convolutions` (yours), `lstm` (bidirectional, 64 units a direction) and
# `output` (linear, to `num_classes`). `forward` takes pictures *N* × 1 × *H* × *W* and returns **log**-probabilities
# *T* × *N* × *C*: over the classes they are normalised.


# %% tags=["exercise"]
class CRNN(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        ...  # your layers here

    def forward(self, images):
        return ...  # your code here


# %%
exercises.check("11-8", CRNN)

# %% [markdown]
# Follow the two pictures of noise from stage to stage:

# %%
CRNN = exercises.yours("11-8")
torch.manual_seed(0)
network = CRNN(alphabet.num_classes).eval()
with torch.no_grad():
    steps = to_steps(network.convolutions(noise))
    context, _ = network.lstm(steps)
    log_probs = network(noise)
for name, x in [("steps", steps), ("context", context), ("log_probs", log_probs)]:
    print(f"{name:10}{tuple(x.shape)}")
print(f"{sum(p.numel() for p in network.parameters()):,} parameters")
assert torch.allclose(log_probs.exp().sum(dim=2), torch.ones(25, 2))

# %% [markdown]
# - **steps** *T N* (*D H*): what the convolutions found in each column;
# - **context** *T N* 128: the same steps after the LSTM. Each now knows its neighbours on both sides;
# - **log_probs** *T N C*: 37 classes, the blank and 36 characters, at each step. CTC takes over here.
#
# `nn.LSTM` is torch's. Is it the LSTM that you wrote in lesson 02? Take its weights, walk along the first picture with
# your own step, and compare with the half of `context` that reads forwards:

# %%
lstm_step = exercises.yours("02-5")
W_ih, W_hh, b_ih, b_hh = [w.detach().numpy() for w in network.lstm.parameters()][:4]
h, c, states = np.zeros(64), np.zeros(64), []
for x in steps[:, 0].numpy():
    h, c = lstm_step(x, h, c, W_ih, W_hh, b_ih + b_hh)
    states.append(h)
assert np.allclose(states, context[:, 0, :64].numpy(), atol=1e-5)
print("25 steps of yours and of torch's agree to 1e-5")

# %% [markdown]
# ## 4 Your CTC, for torch
#
# In lesson 07 you wrote `ctc_losses_and_posteriors`. It gives the loss of each sample and the class posteriors *q*, and
# −*q* is the gradient with respect to the log-probabilities. But it is NumPy, and torch cannot look inside. So tell
# torch what goes forward and what comes back. That is a `torch.autograd.Function`, a class with two static methods:
#
# - `forward(ctx, ...)` computes the result. What `backward` will need is put into the bag `ctx`:
#   `ctx.save_for_backward(tensor)`;
# - `backward(ctx, gradient)` gets the derivative of the final loss with respect to each result, and returns the
#   derivative with respect to each argument of `forward`: the chain rule, one link.
#
# A function that squares shows the form:


# %%
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 2 * x * gradient  # one argument, one derivative


x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
Square.apply(x).sum().backward()
print(x.grad)

# %% [markdown]
# ### Exercise 11-9: your CTC, for torch  (★★★, 10 minutes)
#
# Write the class `CTC`, called as `CTC.apply(log_probs, targets, input_lengths)`: a tensor *T* × *N* × *C*, a list of
# *N* lists of labels, a list of *N* lengths. It returns a tensor of *N* losses. Inside `forward`, `log_probs.numpy()`
# is an array. In `backward`, `gradient` has *N* numbers, one for each loss. Targets and lengths have no derivative:
# return `None` for each.

# %%
ctc_losses_and_posteriors = exercises.yours("07-6")


# %% tags=["exercise"]
class CTC(torch.autograd.Function):
    @staticmethod
    def forward(ctx, log_probs, targets, input_lengths):
        return ...  # your code here

    @staticmethod
    def backward(ctx, gradient):
        return ...  # your code here


# %%
exercises.check("11-9", CTC)

# %% [markdown]
# Is it right, and is it fast enough to train with? The package's `ctc_loss` is the judge, on a batch as the training
# will have them, loss and gradient:

# %%
from crnn_lessons.ctc import ctc_loss

CTC = exercises.yours("11-9")
targets = [alphabet.encode(text) for text in texts]
batch = torch.randn(25, 32, 37, generator=torch.Generator().manual_seed(0)).log_softmax(dim=2)
S_n = [len(target) for target in targets[:32]]
flat = torch.tensor([k for target in targets[:32] for k in target])


def by_yours(leaf):
    return CTC.apply(leaf, targets[:32], [25] * 32).sum()


def by_package(leaf):
    return ctc_loss(leaf, flat, [25] * 32, S_n, reduction="sum")


# %%
results = []
for function in (by_yours, by_package):
    leaf = batch.clone().requires_grad_()
    function(leaf).backward()
    results.append((function(leaf).item(), leaf.grad))
(loss_a, gradient_a), (loss_b, gradient_b) = results
assert abs(loss_a / loss_b - 1) < 1e-6
assert torch.allclose(gradient_a, gradient_b, atol=1e-6)
print(f"loss {loss_a:.3f} by both; the gradients agree to 1e-6")


# %% tags=["nbval-ignore-output"]
def milliseconds(function, rounds=20):
    begin = time.process_time()
    for _ in range(rounds):
        function(batch.clone().requires_grad_()).backward()
    return 1000 * (time.process_time() - begin) / rounds


print(f"yours {milliseconds(by_yours):.2f} ms, the package {milliseconds(by_package):.2f} ms")

# %% [markdown]
# The package is several times as fast. Does that matter? It depends on the rest of a training step. Write it, and then
# we look.
#
# ## 5 The training step
#
# The loss of a batch is measured in nats per **character**: the sum of the losses, divided by the number of characters
# in all targets. So it means the same for short and for long strings.
#
# ### Exercise 11-10: the training step  (★★☆, 8 minutes)
#
# Write `training_step(network, optimizer, images, targets)`: run the network, take the loss in nats per character with
# your `CTC` (all pictures are equally wide, so each sample has *T* steps), change the weights by one step of the
# optimiser, and return the loss as a number.


# %% tags=["exercise"]
def training_step(network, optimizer, images, targets):
    return ...  # your code here


# %%
exercises.check("11-10", training_step)

# %% [markdown]
# Two small helpers. Light or dark, faint or strong: the network should not have to care, so each picture is shifted to
# mean 0 and scaled to standard deviation 1. And to read is to run the network and decode with lesson 05's `best_path`:

# %%
training_step = exercises.yours("11-10")
best_path = exercises.yours("05-7")


def to_input(images):  # N H W, uint8 -> N 1 H W
    x = torch.tensor(images).float().unsqueeze(1)
    return (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True)


def look(network, images):
    network.eval()  # batch norm: the averages of the training, not those of this batch
    with torch.no_grad():
        log_probs = network(to_input(images)).numpy()  # T N C
    network.train()
    return log_probs


def read(network, images):
    log_probs = look(network, images)
    return [alphabet.decode(best_path(log_probs[:, n])) for n in range(len(images))]


# %% [markdown]
# Before a training of minutes or hours, make a test of seconds: can the network learn eight pictures by heart? If not,
# something is broken, and no amount of data will help.

# %%
torch.manual_seed(0)
network = CRNN(alphabet.num_classes)
optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
eight = to_input(images[:8]), targets[:8]
first = [training_step(network, optimizer, *eight) for _ in range(300)]
print("reads:", *read(network, images[:8]))
assert read(network, images[:8]) == texts[:8]

# %% [markdown]
# By heart. (This finds a network that cannot learn. It does not find wrong texts: eight pictures whose texts have been
# mixed up are learned by heart as well. For that, look at some pictures with their texts, as in section 1.)
#
# ## 6 Train
#
# A fresh network, batches of 32, plain Adam, 800 steps. Every 50 steps it reads 100 fresh strings. When does it begin
# to read?

# %%
torch.manual_seed(0)
network = CRNN(alphabet.num_classes)
optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
rng = np.random.default_rng(0)
losses, said = [], {}

begin = time.process_time()
for step in range(1, 801):
    chosen = rng.integers(len(images), size=32)
    batch_targets = [targets[i] for i in chosen]
    losses.append(training_step(network, optimizer, to_input(images[chosen]), batch_targets))
    if step % 50 == 0:
        said[step] = read(network, fresh_images[:100])
seconds = time.process_time() - begin

# %% tags=["nbval-ignore-output"]
right = {step: np.mean(np.array(s) == fresh_texts[:100]) for step, s in said.items()}
print(f"{'truth':>8}", *[f"{text:9}" for text in fresh_texts[:4]], "right")
for step in said:
    print(f"step {step:3}", *[f"{s or '(blank)':9}" for s in said[step][:4]], f"{right[step]:4.0%}")
print(f"{seconds:.0f} seconds on one core")

# %% [markdown]
# Nothing for some two hundred steps, and then, rather suddenly, words. You know this silence from lesson 08: the plateau
# of blanks. There it stood at the loss of the best answer that does not look at the picture. Does it here? Say the same
# at every step: `p_blank` for the blank, the rest shared evenly by the 36 characters. Your CTC tells what that costs:


# %%
def blind_loss(p_blank, some=targets[:500]):
    frame = np.log([p_blank] + [(1 - p_blank) / 36] * 36)  # C
    log_probs = np.tile(frame, (25, len(some), 1))  # T N C
    losses, _ = ctc_losses_and_posteriors(log_probs, some, [25] * len(some))
    return losses.sum() / sum(len(target) for target in some)


level, p_blank = min((blind_loss(p / 100), p / 100) for p in range(50, 100, 2))
print(f"best p_blank {p_blank}: {level:.2f} nats a character; ln 36 = {math.log(36):.2f}")

# %% tags=["nbval-ignore-output"]
fig, (left, right_axes) = figures.new_figure(7.5, 2.6, ncols=2)
left.plot(losses, linewidth=0.8)
left.axhline(level, color=figures.GREY, linestyle="--")
left.text(795, level + 0.1, "best answer without looking", ha="right", fontsize=8)
left.set(xlabel="step", ylabel="loss, nats per character", ylim=(0, 5), title="Training")
right_axes.plot(list(right), [100 * share for share in right.values()], "o-")
right_axes.set(xlabel="step", ylabel="strings read right, %", ylim=(0, 103), title="Fresh strings")
shares = ", ".join(f"{share:.0%} at {step}" for step, share in right.items())
figures.show(
    fig,
    f"Left the training loss, near {level:.2f} at first, {np.mean(losses[-50:]):.2f} at the end; right the share of "
    f"100 fresh strings read right: {shares}.",
)
assert abs(np.median(losses[60:120]) / level - 1) < 0.1

# %% [markdown]
# It does, and then it leaves. How well does your network read all 500 strings that it has never seen?

# %% tags=["nbval-ignore-output"]
readings = read(network, fresh_images)
right_now = np.array(readings) == fresh_texts
print(f"{right_now.mean():.1%} of {len(fresh_texts)} fresh strings")
assert right_now.mean() > 0.9

# %% [markdown]
# SEEDS
#
# And the time? Where does a step spend it?

# %% tags=["nbval-ignore-output"]
per_step = 1000 * seconds / len(losses)
for name, function in [("yours", by_yours), ("the package's", by_package)]:
    share = milliseconds(function) / per_step
    print(f"{name:14} CTC takes {share:.1%} of a step of {per_step:.0f} ms")

# %% [markdown]
# Your CTC is a few hundredths of the work. The convolutions are the rest. So the whole training ran on *your* loss, and a
# faster one would have saved next to nothing. (It saves more where *T* is large and the network small, as in lesson 08.)
#
# ### What does it get wrong?
#
# Count the kinds of error, and look at the wrong readings of which the network is surest. How sure? *p(Y | X)* of the
# text that it reads, by your CTC:

# %% tags=["nbval-ignore-output"]
kinds = Counter()
for text, reading in zip(fresh_texts, readings, strict=True):
    kinds.update(op.tag for op in Levenshtein.editops(text, reading))
print(dict(kinds))
log_probs = look(network, fresh_images)
labels = [alphabet.encode(reading) for reading in readings]
confidence = np.exp(-ctc_losses_and_posteriors(log_probs, labels, [25] * 500)[0])
wrong = sorted(np.flatnonzero(~right_now), key=lambda n: -confidence[n])
for n in wrong[:4]:
    print(f"{fresh_texts[n]:9} read as {readings[n]:9} with p = {confidence[n]:.2f}")

# %% tags=["nbval-ignore-output"]
fig, axes = figures.new_figure(7, 0.9, ncols=4)
titles = [f"{readings[n]}, p = {confidence[n]:.2f}" for n in wrong[:4]]
draw_pictures(axes.flat, fresh_images[wrong[:4]], titles)
figures.show(fig, f"The wrong readings with the highest confidence: {'; '.join(titles)}.")

# %% [markdown]
# CONFIDENT
#
# Worse: show it something that it cannot know. Its alphabet has no capitals. How sure is it of what it makes of them?

# %% tags=["nbval-ignore-output"]
rng = np.random.default_rng(4)
capitals = np.stack([render(text.upper(), rng) for text in fresh_texts])
letters = [n for n, text in enumerate(fresh_texts) if text.isalpha()]
readings_of_capitals = read(network, capitals[letters])
labels = [alphabet.encode(reading) for reading in readings_of_capitals]
sure = np.exp(
    -ctc_losses_and_posteriors(look(network, capitals[letters]), labels, [25] * len(labels))[0]
)
surest = int(sure.argmax())
print(f"{fresh_texts[letters[surest]].upper()} read as {readings_of_capitals[surest]}", end=" ")
print(f"with p = {sure[surest]:.3f}; p above 0.9 for {np.mean(sure > 0.9):.0%} of {len(sure)}")
