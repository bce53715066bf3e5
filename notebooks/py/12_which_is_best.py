# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 Which is best?
#
# In lesson 11 you built one network. Why that one? Somebody had chosen pools, rows put one after another, an LSTM behind
# them. A [lecture on OCR](https://github.com/tmbdev-tutorials/icdar2019-tutorial) (ICDAR 2019) calls it a *Chinese
# menu*: take one dish from each of five courses. It ends with rules of thumb, with eight networks whose errors on 5,001
# letters run from 7 to 4,463, and with the words that there is no single best.
#
# ![From a picture of a word to its text in five courses, each with two to four choices: 384 designs.](../figs/menu.svg)
#
# Is the network with 7 errors better than the one with 4,463? Each was trained at a learning rate of its own, for a time
# of its own, once. Nobody can tell. This lesson asks the question so that the answer means something: the same words,
# the same budget, the same search for a rate, several seeds, and an error bar. Then it puts every rule of thumb on
# trial.
#
# **After this lesson you can**
# - compare two designs by paired seeds, and give the difference an interval;
# - say how many seeds a difference needs, and how much of a winner is luck;
# - find what makes a published comparison unfair;
# - read off what one part does from a fraction of all combinations, and say for which text it does it.
#
# **You need** lessons 08 (normalisation), 10 and 11. Of statistics: mean and standard deviation.
#
# **Time** 85 minutes: 48 to read, 37 for the exercises. The cells run in about a minute and a half.

# %%
import math
from itertools import combinations, product

import menu
import numpy as np
import torch
from scipy import integrate, stats

from crnn_lessons import exercises
from crnn_lessons.metrics import character_error_rate
from crnn_lessons.models import Recogniser
from crnn_lessons.show import figures
from crnn_lessons.show.gallery import gallery
from crnn_lessons.show.table import html_table

# one thread: nearly the same numbers on every machine, and seconds that mean the same for every design
torch.set_num_threads(1)

# %% [markdown]
# ## 1 Five courses
#
# The file `menu.py` beside this lesson holds the menu as one configurable model:

# %%
for course, dishes in menu.FACTORS.items():
    print(f"{course:14}", *dishes, sep="  ")
designs = len(list(product(*menu.FACTORS.values())))
print(designs, "designs")
assert designs == 384

# %% [markdown]
# - **normalisation** brings the text of a picture to one height and place before a network sees it (lesson 08 has the
#   form by moments, section 3 below has all three);
# - **convolutions** look: plain ones with pools (as in VGG), residual blocks (ResNet), fractional pools (FMP, which
#   shrink by 0.6 or 0.7 and not by a half), or a U-net, which goes down to coarse maps and back up to fine ones;
# - **scaling** makes columns wider apart again, by copying the nearest one or by a transposed convolution that has to
#   learn it: more steps for CTC;
# - **reduction** turns the rows of a column into one vector: their sum, their largest, all of them one after another
#   (concat), or an LSTM that reads the column downwards (lesson 10);
# - **sequence**: an LSTM along the line in both directions; without it, a convolution that sees two columns to either
#   side.
#
# Each is a line in the grammar of lesson 10, and a design is a line of dishes:

# %%
for name in ("none+vgg+sum+none", "moments+resnet+concat+lstm"):
    config = menu.design(name).config
    model = Recogniser(config, menu.ALPHABET.num_classes)
    print(name, f"{model.num_parameters:,} parameters", sep=": ")
    print("   ", *config.features, sep=", ")
    print("   ", config.projection, config.sequence, sep=", ")

# %% [markdown]
# They are small, and so are the pictures: 384 designs on two cores, several times each, or nothing. What holds for small
# networks on small pictures need not hold for large ones. Keep that in mind for the end.
#
# ## 2 Two kinds of text
#
# Whose text? The rules of thumb speak of printed text that is normalised, and of text as it comes in a scene. So there
# are two tasks, three or four random letters each: **print**, of one size at one place, and **turned**: turned by up to
# 12 degrees, scaled and shifted.

# %%
pictures = menu.drawn("print", "test")[0][:6] + menu.drawn("turned", "test")[0][:12]
texts = menu.drawn("print", "test")[1][:6] + menu.drawn("turned", "test")[1][:12]
gallery([255 - picture for picture in pictures], texts, "Six printed words, twelve turned ones")

# %% [markdown]
# Each task has words to train with, words to choose a learning rate by, and words to test on. They share no picture.
#
# ## 3 Three ways to normalise
#
# Lesson 08 measured where the ink stands, and how far it spreads: mean and standard deviation of its rows. That is one
# of three forms in the lecture. Each says where the middle of the text is, *c*, and how far the window reaches above and
# below it, *r*. The window is then scaled to the height of the network's input.
#
# | form | middle | reach |
# |---|---|---|
# | moments | *c*, the mean of the rows of ink | *r* = *k* σ, σ their standard deviation |
# | mean | *c*, the mean of all rows, weighted by brightness | *r* = *k* · mean of \|*y* − *c*\|, weighted likewise |
# | centre line | *c*(*x*), one for each column | *r* = int(1 + *k* · mean of \|*y* − *c*(*x*)\|) |
#
# *Ink* is what is brighter than half of the brightest pixel. The mean needs no such threshold, and a few far pixels weigh
# less, since their distance is not squared. The centre line follows text that rises, falls or waves: blur the line
# strongly, take the brightest row of each column, smooth it along the width. (The lecture takes *k* = 5 for 80 rows in
# the first two forms, so that σ becomes 80/10 = 8 rows, and *k* = 4 for 48 rows in the third.)
#
# Before you run the cell: which of them take the slope out of a turned word?

# %%
from crnn_lessons.text.normalise import FORMS, normalise

slope = menu.drawn("turned", "test")[0][2]
fig, axes = figures.new_figure(7, 1.9, ncols=4)
axes[0].imshow(slope, cmap="gray_r")
axes[0].set(title="turned")
for ax, form in zip(axes[1:], FORMS, strict=True):
    ax.imshow(menu.normalised(slope, {"centre line": "centre"}.get(form, form)), cmap="gray_r")
    ax.set(title=form)
    window = FORMS[form][0](slope, reach=dict(menu.NORMALISATIONS.values())[form])
    for side in (-window.half, window.half):
        axes[0].plot(window.centre + side, linewidth=1, label=form if side > 0 else None)
for ax in axes:
    ax.set(xticks=[], yticks=[], ylim=(23.5, -0.5), xlim=(-0.5, 47.5))
figures.show(fig, "A turned word with the windows of three forms; and what each makes of it.")

# %% [markdown]
# Two numbers for a whole line keep its slope. The centre line follows the text, and its result is level. Its price: it
# bends letters a little, and its reach comes in whole pixels, which is coarse for text as small as ours.
#
# ### Where the originals fail
#
# Written down as they stand, these forms have three holes. A line without ink has no mean. A window that begins above
# the picture asks for rows with negative numbers, which NumPy counts from the other end. And a window of fixed reach
# crops what is far from the middle, such as a lone *p* among letters without a tail.

# %%
import warnings

empty = np.zeros((24, 48))
with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
    print("standard deviation of the rows of no ink:", np.nonzero(empty > 0)[0].std())
c, r = 5, 8
print(f"rows {c - r} to {c + r} of a picture of {slope.shape}:", slope[c - r : c + r].shape)
print("the package, of no ink:", {form: normalise(empty, form).max().item() for form in FORMS})
assert not any(normalise(empty, form).any() for form in FORMS)

# %%
from crnn_lessons.text.lines import print_line

tail = print_line("noopoon", menu.faces()[0], size=14, height=24, baseline=16)
cut = {}
for keep in (0, 0.99):
    after = normalise(tail, "moments", height=24, reach=1.8, keep=keep)
    cut[keep] = 255 * after / after.max()
    rows_of_ink = np.flatnonzero((after > 0.5 * after.max()).any(axis=1))
    print(
        f"keep {keep:4}: ink down to row {rows_of_ink.max()} of 24, paper below: {23 - rows_of_ink.max()} rows"
    )
gallery(
    [255 - picture.astype(np.uint8) for picture in cut.values()],
    ["fixed reach", "as the package does"],
    "noopoon, its tail cut and kept",
    2,
)

# %% [markdown]
# The package returns a blank line for a blank one, reads paper beyond the edges, and lets the window grow until it holds
# 99 % of the ink. So nothing below is decided by a NaN.
#
# ## 4 The same search for all
#
# Compare two designs, here and now, on turned words. Both are convolutions alone, without normalisation and without an
# LSTM, and take the largest number of each column. One has plain convolutions (VGG), the other residual blocks (ResNet).
#
# Before anything else, the learning rate. Borrowed from somebody's paper, it suits one of the two at best. So each
# design gets the *same small search*: three rates, a short training each, with a seed that is never used again.

# %% tags=["nbval-ignore-output"]
test = menu.words("turned", "none", "test")


def race(name, seed, rate, steps=200, every=20):
    """The learning curve of one training: pairs of processor seconds and character error in per cent."""
    curve = [(0.0, 100.0)]
    for now in menu.train(menu.design(name), "turned", rate, seed, batch=16):
        if now.count % every == 0:
            said = menu.read(now.model, test.pictures)
            curve.append((now.seconds, 100 * character_error_rate(said, test.texts)))
        if now.count == steps:
            return curve


rates = {}
for name in ("none+vgg+max+none", "none+resnet+max+none"):
    errors = {
        rate: race(name, 1000, rate, steps=120, every=120)[-1][1] for rate in (0.004, 0.008, 0.016)
    }
    rates[name] = min(errors, key=errors.get)
    print(f"{name:22}", *[f"{rate}: {error:.0f} %" for rate, error in errors.items()], sep="  ")

# %% [markdown]
# Compare along a row: a factor of two in the rate moves the error by as much as any dish on the menu will. Two designs
# that were compared at *one* rate were compared by whom it suited.
#
# ## 5 A race
#
# Now five trainings of each, at its own rate. Which design would you bet on?

# %% tags=["nbval-ignore-output"]
curves = {name: [race(name, seed, rates[name]) for seed in range(1, 6)] for name in rates}
for name, runs in curves.items():
    print(f"{name:22}", *[f"{curve[-1][1]:6.1f}" for curve in runs])

# %% [markdown]
# Character errors in per cent after 200 steps, a column for each **seed**. A seed decides the first weights and the
# order of the words; nothing else changes along a row. What one column says, another may deny.
#
# How sure is the difference? Both rows share their seeds: the same words came in the same order. So take the difference
# seed by seed. Its mean has a standard error of *s* / √*n*, where *s* is the standard deviation of the *n* differences
# (computed with *n* − 1), and the 95 % interval reaches *t* of these errors to either side. For many seeds *t* is 1.96.
# For few it is larger, because *s* itself is badly known: this is
# [Student's *t*](https://doi.org/10.1093/biomet/6.1.1), made in a brewery for small samples.

# %%


def t(n):
    """The quantile of Student's t for a 95 % interval from n seeds."""
    return float(stats.t.ppf(0.975, n - 1))


print({n: round(t(n), 2) for n in (2, 3, 5, 10, 30, 1000)})

# %% [markdown]
# ### Exercise 12-1: the paired interval  (★★☆, 7 minutes)
#
# Write `interval(a, b, t)`: `a` and `b` are the errors of two designs, one number a seed, in the same order of seeds;
# `t` is the quantile. Return the two ends of the interval of *a* minus *b*: the mean difference, and `t` standard
# errors less and more.


# %% tags=["exercise"]
def interval(a, b, t):
    return ...  # your code here


# %%
exercises.check("12-1", interval)

# %% tags=["nbval-ignore-output"]
interval = exercises.yours("12-1")
vgg, resnet = ([curve[-1][1] for curve in runs] for runs in curves.values())
low, high = interval(resnet, vgg, t(5))
print(f"ResNet minus VGG after 200 steps: {low:+.1f} to {high:+.1f} points")
assert np.allclose((low, high), stats.ttest_rel(resnet, vgg).confidence_interval(0.95))

# %% [markdown]
# An interval below 0 says that the first design makes fewer errors, and that other seeds would most likely say so, too.
# If 0 lies within, *these seeds cannot tell*. That is an honest answer, and not the same as "they are equal".
#
# ## 6 Equal steps, or equal seconds?
#
# Both made 200 steps. Did they get the same, then? A step of a residual network costs more. Processor seconds are what
# you pay for; steps are what papers report. Draw the curves against seconds:

# %% tags=["nbval-ignore-output"]
fig, ax = figures.new_figure(7, 2.8)
for (name, runs), style in zip(curves.items(), ("-", "--"), strict=True):
    for seed, curve in enumerate(runs):
        colour = figures.BLUE if style == "-" else figures.VERMILLION
        label = name if seed == 0 else None
        ax.plot(*zip(*curve, strict=True), style, color=colour, linewidth=1, label=label)
ax.set(xlabel="processor seconds of training", ylabel="character error, %", ylim=(0, 105))
ax.legend()
ends = [np.mean([curve[-1][0] for curve in runs]) for runs in curves.values()]
figures.show(
    fig,
    f"Learning curves of five seeds each. 200 steps take VGG {ends[0]:.1f} seconds (full lines) and ResNet "
    f"{ends[1]:.1f} (dashed).",
)

# %% [markdown]
# ### Exercise 12-2: the same seconds  (★★☆, 6 minutes)
#
# Write `at_equal_seconds(first, second)` for two curves, lists of pairs (seconds, error), which begin with the untrained
# network at second 0. The budget is the time at which the shorter run ends. Return the errors of both at their last
# checkpoint at or before it. (Between checkpoints nobody has measured anything, so do not interpolate.)


# %% tags=["exercise"]
def at_equal_seconds(first, second):
    return ...  # your code here


# %%
exercises.check("12-2", at_equal_seconds)

# %% tags=["nbval-ignore-output"]
at_equal_seconds = exercises.yours("12-2")
pairs = [at_equal_seconds(r, v) for v, r in zip(*curves.values(), strict=True)]
low2, high2 = interval(*zip(*pairs, strict=True), t(5))
print(f"ResNet minus VGG, equal steps:   {low:+6.1f} to {high:+6.1f}")
print(f"                  equal seconds: {low2:+6.1f} to {high2:+6.1f}")
assert low2 > low

# %% [markdown]
# The same trainings, and another answer. Neither budget is *the* fair one: steps are fair where data are scarce, seconds
# where money is. A comparison that names neither means nothing, and one that gives both lets you choose.
