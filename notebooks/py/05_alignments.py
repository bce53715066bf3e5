# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 Alignments: how a text gets a probability
#
# A network looks at a line of text through a row of narrow frames. At each frame it says how probable each
# character is. The picture has twenty frames, the word has five letters, and nobody has marked where each letter
# begins. How can the network be told what was right?
#
# Connectionist temporal classification (CTC) answers by adding up every way to spread the letters over the frames.
# This lesson builds that sum from nothing, by listing. It is slow, and it is exact: all that comes later is checked
# against it.
#
# **After this lesson you can**
# - say why merging repeats is not enough, and what the blank is for;
# - collapse a path, list all alignments of a text, and count them without listing;
# - define *p(Y | X)* and the CTC loss, and compute both by hand on a small case;
# - say why listing cannot be how it is done in practice.
#
# **You need** Python with NumPy, logarithms, sums and products written with Σ and Π, and three facts on probability:
# independent events multiply, events that exclude each other add, and all cases together make 1. **Time** 45 minutes to
# read and do, 15 seconds to run.

# %%
import math
from collections import Counter
from itertools import groupby, product

import numpy as np
import torch
import torch.nn.functional as F

from crnn_lessons import exercises
from crnn_lessons.show import figures
from crnn_lessons.show.notation import notation

# %% [markdown]
# The letters of this lesson. Each is explained where it first appears; come back here when one slips away.

# %%
notation(
    "X", "T", "t", "N", "C", "k", "−", "Y", "S", "r", "π", "B", "p(k, t)", "p(Y | X)", "L", "s"
)

# %% [markdown]
# ## 1 A text without a timetable
#
# Let us draw a word and cut the drawing into *T* = 20 frames of equal width. Which letter has its ink in the middle of
# each frame?

# %%
word, T = "hello", 20
outline, spans = figures.glyph_spans(word)
letter_of = figures.frame_labels(spans, T)
path = "".join("-" if i is None else word[i] for i in letter_of)
path

# %%
fig, ax = figures.new_figure(6.5, 3)
ax.add_patch(figures.mpl.patches.PathPatch(outline, color="black"))
for t, sign in enumerate(path):
    ax.axvline(t / T, color=figures.GREY, linewidth=0.6)
    ax.text((t + 0.5) / T, -0.06, sign, ha="center", color=figures.BLUE, family="monospace")
_ = ax.set(xlim=(0, 1), ylim=(-0.1, 0.36), aspect="equal"), ax.axis("off")
figures.show(
    fig,
    f"The word hello over {T} frames; under each frame the letter whose ink is at its middle: {path}.",
)

# %% [markdown]
# Below each frame stands the letter at its middle, and a dash where there is none. This row of *T* signs is called a
# **path**. Two things stand out. A wide letter fills several frames, so signs repeat. And between letters some frames
# show no letter at all.
#
# Training data has the picture and the word `hello`. It does not have the path: to mark it, somebody would have to
# draw the border of every letter of every picture. So we need a rule that turns a path into a text. Then we can ask
# for *any* path that gives the right one.

# %% [markdown]
# ## 2 Merging alone loses letters
#
# The first idea: a run of equal signs is one letter. What does that rule make of paths without a dash?


# %%
def merge(path):
    return "".join(sign for sign, run in groupby(path))


for tried in ["hheeelloo", "hello", "aab", "abba"]:
    print(f"{tried:>10} -> {merge(tried)}")

# %% [markdown]
# The first two paths both end up as `helo`: one l is gone. Could a longer path do better? There are finitely many
# paths of each length, so let the machine try all of them. How many of the paths over the letters h, e, l, o give
# `hello`?

# %%
for T in range(1, 9):
    hits = sum(merge(p) == "hello" for p in product("helo", repeat=T))
    print(f"T = {T}: {4**T:6} paths, {hits} of them merge to 'hello'")

# %% [markdown]
# None, at any length. After merging, no two neighbours are equal, so no text with a double letter can come out. Book,
# letter, 100 and hello are out of reach for good.

# %% [markdown]
# ## 3 The blank
#
# The repair is a class of its own that stands for *no letter here*: the **blank**, written `-`. Then the rule has two
# halves, in this order:
#
# 1. merge each run of equal signs into one;
# 2. drop the blanks.
#
# This rule is the map *B*. A blank between two l's keeps them apart while runs are merged, and then it goes. What
# would happen in the other order?

# %%
path = "hh-e-ll-lo"
print("merge, then drop:", merge(path).replace("-", ""))
print("drop, then merge:", merge(path.replace("-", "")))

# %% [markdown]
# In the wrong order the blank is gone before it can do its work. This is a common slip in hand-written CTC
# decoders, and it stays unseen until a double letter comes by.
#
# ### Exercise 05-1: write *B*  (★☆☆, 5 minutes)
#
# Write `collapse_text(path)`, which takes a path as a string and returns the text. Do it with a loop or with
# `groupby`, as you like. It must also stand an empty path.


# %% tags=["exercise"]
def collapse_text(path):
    return ...  # your code here


# %%
exercises.check("05-1", collapse_text)

# %% [markdown]
# ### Play: which paths give the same text?
#
# Edit the path below, one box a time step: click a box, or walk with the arrow keys, and type. Try to
# - make `helo` into `hello` with one key;
# - delete a blank that changes nothing, then one that changes the text;
# - find a path of four steps that gives `aaa`. (Is there one? Exercise 05-2 settles it.)

# %%
from crnn_lessons.widgets import Collapse

Collapse("hh-e-lllo")

# %% [markdown]
# The last line of the widget says how many paths of the same length give the same text. Where does this number come
# from? The next two sections find out.

# %% [markdown]
# ## 4 All the paths of a text
#
# Networks count classes, not letters. So let class 0 be the blank, 1 the letter a, 2 the letter b: *C* = 3 classes. An
# `Alphabet` translates. The package's `collapse` is *B* on class indices, the same rule that you wrote for strings.

# %%
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import collapse

ab = Alphabet("ab")
path = (1, 1, 0, 2)
print("path", ab.show(path), "-> classes", collapse(path), "-> text", ab.decode(collapse(path)))

# %% [markdown]
# With *T* = 4 steps there are $C^T = 3^4 = 81$ paths. Each collapses to exactly one text. Sort them by text: how many
# texts are there, and how many paths has each?

# %%
T, C = 4, 3
paths_of = Counter(ab.decode(collapse(p)) for p in product(range(C), repeat=T))
for text, count in sorted(paths_of.items(), key=lambda item: -item[1]):
    print(f"{text!r:7}{count:3}")
print(len(paths_of), "texts, together", sum(paths_of.values()), "paths")

# %% [markdown]
# The 81 paths share out over 15 texts, and no path is left over. The paths that give one text are its
# **alignments**. `ab` has 15 of them. Here they are, listed by the machine:

# %%
from crnn_lessons.ctc import alignments

target = tuple(ab.encode("ab"))
listed = [ab.show(p) for p in alignments(4, target)]
print(len(listed), "alignments:", *listed)

# %%
fig, axes = figures.new_figure(7, 2.6, ncols=3)
for ax, part in zip(axes, [listed[:5], listed[5:10], listed[10:]], strict=True):
    figures.draw_path_grid(ax, part, {"a": figures.SKY, "b": figures.ORANGE})
figures.show(
    fig, f"The {len(listed)} alignments of 'ab' over four steps, one a row: {', '.join(listed)}."
)

# %% [markdown]
# Read down the columns. At step 0 an alignment can be in the blank or in a, and never in b. At the last step it
# can be in b or in the blank after it. An alignment moves through `- a - b -` from left to right and never back. Keep
# this picture: section 8 comes back to it.
#
# Is the list right? *Every* path that collapses to `ab`, and no other, must be in it. We have just counted all 81, so
# compare with brute force, for every text that four steps can write:

# %%
for text in paths_of:
    brute = {p for p in product(range(C), repeat=T) if ab.decode(collapse(p)) == text}
    assert set(alignments(T, ab.encode(text))) == brute
print("the list equals brute force for all", len(paths_of), "texts")

# %% [markdown]
# ### Exercise 05-2: how short can a path be?  (★☆☆, 3 minutes)
#
# A word of *S* letters needs at least *S* steps, one for each letter. Where two neighbours are equal, what must stand
# between them? Let *r* be the number of such places. How many steps does `bookkeeper` need at least?

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("05-2", answer)

# %% [markdown]
# So `aaa`, with *S* = 3 and *r* = 2, needs five steps: no path of four can give it.
#
# ## 5 Counting without listing
#
# Take the alignment `-aab` apart into runs. Between and around the *S* labels there are *S* + 1 runs of blanks, and
# each label is a run too:
#
# | blanks | a | blanks | b | blanks |
# |---|---|---|---|---|
# | 1 | 2 | 0 | 1 | 0 |
#
# Every alignment of `ab` is such a table: 2*S* + 1 = 5 numbers that sum to *T*. The runs of labels must be 1 or more.
# The runs of blanks may be 0, except between equal labels, where they too must be 1 or more.
#
# Set aside the steps that *must* be there: *S* for the labels and *r* for the forced blanks. The other
# *T* − *S* − *r* steps are free, and may go into any of the 2*S* + 1 runs. Now write the free steps as stars, and put
# 2*S* bars between them to mark the borders of the runs. For `-aab` one star lands in the first run and one in the
# second: `*|*|||`. There are *T* − *S* − *r* + 2*S* = *T* + *S* − *r* places for stars and bars together, and each
# choice of the 2*S* places for bars is one alignment. With $\binom{n}{k}$ for the number of ways to choose *k* of *n*
# places:
#
# $$\text{number of alignments} = \binom{T + S - r}{2S}$$
#
# For `ab` over 4 steps this is $\binom{6}{4} = 15$, as listed. When *T* is below *S* + *r* the upper number is
# smaller than the lower one, and there is no choice at all: 0.
#
# ### Exercise 05-3: count  (★★☆, 5 minutes)
#
# Write `count_paths(T, target)` for a target given as a string. `math.comb(n, k)` is the number of ways to choose *k*
# of *n* things.


# %% tags=["exercise"]
def count_paths(T, target):
    return ...  # your code here


# %%
exercises.check("05-3", count_paths)

# %% [markdown]
# Does the formula hold on every text, and not on `ab` alone? `count_alignments` of the package is the formula. Try it
# against brute force on all texts and all lengths up to 7:

# %%
from crnn_lessons.ctc import count_alignments

checked = 0
for T in range(8):
    brute = Counter(collapse(p) for p in product(range(C), repeat=T))
    for target, count in brute.items():
        assert count_alignments(T, target) == count
    checked += len(brute)
print(checked, "pairs of T and text: the formula is right on each")

# %% [markdown]
# And it does not grow tired. A word of 8 different letters over 26 steps, as many as the network of the CRNN paper has:

# %%
print(f"{count_alignments(26, range(1, 9)):,}")

# %% [markdown]
# ## 6 The probability of a text
#
# At each step *t* the network gives each class *k* a probability, `probs[t, k]`; each row sums to 1. CTC makes one
# assumption: given the picture *X*, the steps are independent. So the probability of a path is a product:
#
# $$p(\pi \mid X) = \prod_{t=0}^{T-1} p(\pi_t,\, t)$$
#
# Two paths cannot both have happened: they exclude each other. So the probability of a text *Y* is a sum over its
# alignments:
#
# $$p(Y \mid X) = \sum_{\pi \,\in\, B^{-1}(Y)} p(\pi \mid X)$$
#
# where $B^{-1}(Y)$ is the set of all paths that collapse to *Y*.
#
# The smallest example that shows the sum: two steps, and at both p(a) = 0.4 and p(-) = 0.1. (The remaining 0.5 is on
# b.) Which paths spell `a`, and what do they add up to?

# %%
probs = np.array([[0.1, 0.4, 0.5], [0.1, 0.4, 0.5]])  # T C: two steps; blank, a, b
total = 0.0
for path in alignments(2, ab.encode("a")):
    p = math.prod(probs[t, k] for t, k in enumerate(path))
    total += p
    print(ab.show(path), f"{p:.2f}")
print(f"p('a' | X) = {total:.2f},  loss = -ln {total:.2f} = {-math.log(total):.4f}")

# %% [markdown]
# 0.16 + 0.04 + 0.04 = 0.24. The **CTC loss** is the negative logarithm of that, −ln 0.24 = 1.4271. It is 0 when all
# probability is on paths of the right text, and it grows without bound as they lose it.
#
# ### Exercise 05-4: *p(Y | X)* by enumeration  (★★☆, 8 minutes)
#
# Write `text_probability(probs, target)` for any *T* × *C* array and any target, a tuple of class indices.
# `alignments(T, target)` lists the paths for you.


# %% tags=["exercise"]
def text_probability(probs, target):
    return ...  # your code here


# %%
exercises.check("05-4", text_probability)

# %% [markdown]
# The package's own version is called `enumerate_probability`. A first test that needs nobody else's code: *some* text
# must come out, so the probabilities of all texts together are 1. Let us take random probabilities over four steps.

# %%
from crnn_lessons.ctc import enumerate_probability

rng = np.random.default_rng(5)
random_probs = rng.dirichlet(np.ones(3), size=4)  # T C: random rows that sum to 1
texts = {collapse(p) for p in product(range(3), repeat=4)}
print(
    f"{len(texts)} texts, together {sum(enumerate_probability(random_probs, y) for y in texts):.12f}"
)

# %% [markdown]
# A second test, with somebody else's code. Torch has a CTC loss in C++. It wants logarithms, an axis for
# the *N* samples of a batch (*T* × *N* × *C*), and lengths. Do the two agree on the example of 0.24?


# %%
def torch_loss(probs, target):
    log_probs = torch.tensor(probs).log().unsqueeze(1)  # T N C, with N = 1
    labels = torch.tensor([list(target)], dtype=torch.long)  # N S
    return F.ctc_loss(log_probs, labels, [len(probs)], [len(target)], reduction="none").item()


print(f"{torch_loss(probs, (1,)):.12f} by torch")
print(f"{-math.log(enumerate_probability(probs, (1,))):.12f} by listing")

# %% [markdown]
# They do. One example proves little, so try 300 random ones, with repeats and with empty targets among them:

# %%
largest = 0.0
for _ in range(300):
    T, S = rng.integers(4, 8), rng.integers(0, 4)
    some_probs, target = rng.dirichlet(np.ones(4), size=T), rng.integers(1, 4, size=S)
    ours = enumerate_probability(some_probs, target)
    if ours > 0:
        largest = max(largest, abs(-math.log(ours) - torch_loss(some_probs, target)))
print("largest difference below 1e-12:", largest < 1e-12)

# %% [markdown]
# The sum over alignments *is* the CTC loss. The rest of the course makes it fast, trains with it and decodes with it;
# its meaning does not change any more.

# %% [markdown]
# ## 7 The best path is not the best text
#
# To read a text off the network one can take the most probable class at each step and collapse: **best path
# decoding**. It finds the most probable path. Is that the most probable text? Search at random for a case of two steps
# where it is not:

# %%
from crnn_lessons.ctc import best_path

for _ in range(1000):
    small = rng.dirichlet(np.ones(2), size=2).round(1)  # T C: two steps; blank, a
    chance = {y: enumerate_probability(small, y) for y in [(), (1,)]}
    tie = (small[:, 0] == small[:, 1]).any()
    if not tie and chance[best_path(small)] < max(chance.values()) - 0.05:
        break
print(small.tolist())
print(
    f"best path {ab.show(small.argmax(axis=1))}, p('') = {chance[()]:.2f}, p('a') = {chance[(1,)]:.2f}"
)

# %% [markdown]
# The best single path is all blanks, yet the letter a is the better text: it collects three paths, the empty text has
# one. On a trained network such cases are rare, since it is sure of itself at most steps. Lesson 09 meets them again
# and decodes better.
#
# ### Exercise 05-5: build your own  (★★☆, 5 minutes)
#
# Give a *T* × 2 list of rows [p(-), p(a)], each summing to 1, where best path decoding misses the most probable text.
# *T* may be 1 to 10. There are many right answers; the check computes yours.

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("05-5", answer)

# %% [markdown]
# ## 8 What listing costs
#
# How does the work grow with the number of steps? Count the alignments of `hello` and the multiplications that listing
# them takes, about *T* for each path. The last column is for later: the cells of a net that this section ends with.

# %%
hello = Alphabet("helo").encode("hello")
lengths = np.array([6, 8, 10, 15, 20, 26, 50, 100])
counts = np.array([float(count_alignments(int(T), hello)) for T in lengths])
print("   T          alignments  multiplications  cells")
for T, count in zip(lengths, counts, strict=True):
    print(f"{T:4}{count:20,.0f}{count * T:17.2g}{T * (2 * len(hello) + 1):7}")

# %%
fig, ax = figures.new_figure(6, 3)
ax.semilogy(lengths, counts * lengths, "o-", label="multiplications to list all alignments")
ax.semilogy(lengths, lengths * 11, "s--", label="cells of the net below, T (2S + 1)")
ax.set(xlabel="time steps T", ylabel="count", title="Two ways to the same number, for 'hello'")
ax.legend()
figures.show(
    fig,
    f"On a logarithmic scale the work of listing grows from {counts[0] * 6:.0f} multiplications at T = 6 to "
    f"{counts[-1] * 100:.1g} at T = 100, while the cells of the lattice grow from 66 to 1100.",
)

# %% [markdown]
# Early on, one more step multiplies the work: from 6 steps to 8 it grows more than eightyfold. At 100 steps, which a
# line of text needs, there are more than $10^{13}$ alignments of a word of five letters. How fast does this machine
# list?

# %% tags=["nbval-ignore-output"]
import time

start = time.perf_counter()
listed = sum(1 for _ in alignments(14, hello))
rate = listed / (time.perf_counter() - start)
print(
    f"{rate:,.0f} alignments a second; all of T = 100 would take {counts[-1] / rate / 86400 / 365:.1f} years"
)

# %% [markdown]
# So nobody lists. But look at the list of section 4 again: its paths share most of their steps. Write the rows
# `- a - b -` from top to bottom and draw each alignment as a line through them. `to_rows` finds the row at each step: a
# letter that differs from the sign before begins a new label.


# %%
def to_rows(path):
    rows, labels, before = [], 0, "-"
    for sign in path:
        labels += sign not in ("-", before)
        rows.append(2 * labels - (sign != "-"))
        before = sign
    return rows


print([(path, to_rows(path)) for path in ["aab-", "-a-b", "a--b"]])

# %%
ab_paths = [ab.show(p) for p in alignments(4, ab.encode("ab"))]
fig, ax = figures.new_figure(4.6, 3)
arrows = figures.draw_lattice(
    ax, "-a-b-", 4, [to_rows(p) for p in ab_paths], highlight=to_rows("aab-")
)
ax.set(title=f"{len(ab_paths)} alignments, {arrows} arrows")
figures.show(
    fig,
    f"The {len(ab_paths)} alignments of 'ab' drawn over each other as paths through five rows and four steps: they "
    f"use {arrows} different arrows. The path aab- is drawn thick.",
)

# %% [markdown]
# All 15 alignments run through a small net: this is the **lattice**. It has *T* columns and *L* = 2*S* + 1 rows. Paths
# that meet in a cell go on in the same ways, so that what comes before can be added up once and carried on. For `hello`
# over 100 steps that is 1100 cells in place of $10^{13}$ paths. Lesson 06 makes this exact.
#
# ### Play: the lattice
#
# Walk through the cells with the arrow keys or the mouse: the last line says how many alignments pass through each.
# Choose *best path*, edit the text, change a probability. Everything is computed as you go. (α, β and posterior are
# lesson 06's.)

# %%
from crnn_lessons.widgets import Lattice

Lattice(rng.dirichlet(np.ones(3), size=5), "ab", characters="ab")

# %% [markdown]
# ### Exercise 05-6: alignments through one cell  (★★☆, 5 minutes)
#
# `ab` over *T* = 5 steps has $\binom{7}{4} = 35$ alignments. How many of them are in row 2, the blank between a and b,
# at step *t* = 2? Work it out by hand first: in how many ways can a path get there, and in how many can it go on? Then
# let the widget confirm it.

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("05-6", answer)

# %% [markdown]
# ## 9 What goes wrong
#
# **The picture is too short for the text.** When *T* < *S* + *r* no alignment exists, the probability is 0 and the loss
# is infinite. In training this shows as `inf`, then as `nan` in all weights. What does torch say of `aa` in two steps?

# %%
uniform = np.full((2, 3), 1 / 3)
print(
    "alignments of 'aa' in 2 steps:",
    count_alignments(2, (1, 1)),
    " torch's loss:",
    torch_loss(uniform, (1, 1)),
)

# %% [markdown]
# The check to make before training: *T* ≥ *S* + *r* for each sample. The networks of later lessons make a picture
# narrower before they read it; *T* counts the frames that are left then.
#
# **The blank stands in the target.** Whoever forgets that class 0 is taken encodes a as 0. Torch computes a number all
# the same. The package refuses:

# %%
print(f"torch: {torch_loss(uniform, (0, 1)):.4f}")
try:
    enumerate_probability(uniform, (0, 1))
except ValueError as error:
    print("here: ", error)

# %% [markdown]
# **Three more.** Two were met above: blanks dropped before runs are merged (`helo`), and the best path taken for the
# most probable text. The third hides in loops that compare each sign with the one before: the first sign has none
# before it, and its letter gets lost.

# %% [markdown]
# ## 10 Questions to test yourself
#
# <details><summary>Can two different texts share an alignment?</summary>
# No. B gives each path exactly one text, so the alignments of different texts are disjoint. That is why the
# probabilities of all texts add up to 1.
# </details>
#
# <details><summary>What is the loss if all probabilities are 1/C at every step?</summary>
# Every path has the probability C to the power −T. So the loss is T ln C minus the logarithm of the number of
# alignments. This is a test of any CTC implementation, at any size.
# </details>
#
# <details><summary>Why does CTC need the steps to be independent given X, and is that not wrong for language?</summary>
# Because the probability of a path is written as a product over steps. It means that the output at one step does not
# look at the output of another. The network may still look at the whole picture at each step, and so may learn which
# letters follow each other. But it cannot decide between two texts jointly: lesson 09 adds a language model for that.
# </details>
#
# <details><summary>Is the blank the same as the space between words?</summary>
# No. A space is a character that appears in the text: it is a class of its own. The blank appears only in paths.
# </details>
#
# <details><summary>Could the blank be left out for a language without double letters?</summary>
# Then merging alone would do for the texts. But the network would have to put a letter on every frame, also on those
# between letters and at the margins, and would have to decide where one ends and the next begins.
# </details>
#
# ## 11 Read on
#
# - A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, *Connectionist Temporal Classification*, ICML 2006. Section 3.1
#   is this lesson: equation 2 is the probability of a path, equation 3 the sum. Section 3.2 is best path decoding.
# - A. Hannun, *Sequence Modeling with CTC*, Distill 2017: the same ground, drawn.
# - Next: **06 Forward-backward**, where 10¹³ paths become 1100 cells.
#
# Your exercises so far (`exercises.reset("05")` forgets them):

# %%
exercises.summary("05")
