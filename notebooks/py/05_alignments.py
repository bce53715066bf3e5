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
# A network looks at a line of text through a row of narrow frames. At each frame it says how probable each character
# is. Say a picture has twenty frames and its word five letters, and nobody has marked where each letter begins. How do
# we tell the network what the right answer was?
#
# Connectionist temporal classification (CTC) adds up every way to spread the letters over the frames. This lesson
# builds that sum from nothing, by listing. Listing is slow, but it is exact: everything that comes later is checked
# against it. It also leads to the picture that makes the sum fast:
#
# ![All the ways to spread the word ab over four frames, drawn as paths through one small lattice.](../figs/lattice.svg)
#
# **After this lesson you can**
# - say why merging repeats is not enough, and what the blank is for;
# - collapse a path, list all alignments of a text, and count them without listing;
# - define *p(Y | X)* and the CTC loss, and compute both by hand on a small case;
# - read a text off a network's output, and say when that reading is not the most probable text.
#
# **You need** Python with NumPy, logarithms, sums and products written with Σ and Π, and three facts about probability:
# independent events multiply, events that exclude each other add, and all cases together make 1. Lessons 01 to 04 are
# not needed.
#
# **Time** 76 minutes: 40 to read, 36 for the exercises. The cells run in 15 seconds.

# %%
import math
from collections import Counter
from itertools import groupby, pairwise, product

import numpy as np
import torch
import torch.nn.functional as F

from crnn_lessons import exercises
from crnn_lessons.show import drawings, figures
from crnn_lessons.show.notation import notation

# %% [markdown]
# ## 1 A text without a timetable
#
# Draw a word and cut the drawing into *T* = 20 frames of equal width. Which letter has its ink in the middle of each
# frame?

# %%
word, T = "hello", 20
outline, spans = drawings.glyph_spans(word)
letter_of = drawings.frame_labels(spans, T)
path = "".join("-" if i is None else word[i] for i in letter_of)
path

# %%
fig, ax = figures.new_figure(6.5, 3)
drawings.draw_framed_word(ax, outline, path)
figures.show(
    fig,
    f"The word hello over {T} frames; under each frame the letter whose ink is at its middle: {path}.",
)

# %% [markdown]
# Below each frame stands the letter at its middle, and a dash where there is none. This row of *T* signs is called a
# **path**. Notice two things. A wide letter fills several frames, so signs repeat. And some frames, between letters,
# show no letter at all.
#
# The training data has the picture and the word `hello`. It does not have the path: somebody would have to draw the
# border of every letter in every picture. So we need a rule that turns a path into a text. Then we can ask the network
# for *any* path that gives the right text.

# %% [markdown]
# ## 2 Merging alone loses letters
#
# A first idea: a run of equal signs is one letter, and there is no dash. What does that rule make of these paths?


# %%
def merge(path):
    return "".join(sign for sign, run in groupby(path))


for tried in ["hheeelloo", "hello", "aab", "abba"]:
    print(f"{tried:>10} -> {merge(tried)}")

# %% [markdown]
# The first two paths both end up as `helo`: one l is gone. Would a longer path do better? There are finitely many
# paths of each length, so let the machine try all of them. How many paths over the letters h, e, l, o give `hello`?

# %%
for T in range(1, 9):
    hits = sum(merge(p) == "hello" for p in product("helo", repeat=T))
    print(f"T = {T}: {4**T:6} paths, {hits} of them merge to 'hello'")
    assert hits == 0

# %% [markdown]
# None, and a longer path would not help: after merging, no two neighbours are equal, so no text with a double letter can
# come out. Book,
# letter, 100 and hello are out of reach.

# %% [markdown]
# ## 3 The blank
#
# The repair is one more sign that means *no letter here*: the **blank**, written `-`. Now the rule has two halves, in
# this order:
#
# 1. merge each run of equal signs into one;
# 2. drop the blanks.
#
# This rule is the map *B*. A blank between two l's keeps them apart while runs are merged, and then it goes. What
# happens in the other order?

# %%
path = "hh-e-ll-lo"
print("merge, then drop:", merge(path).replace("-", ""))
print("drop, then merge:", merge(path.replace("-", "")))

# %% [markdown]
# In the wrong order the blank is gone before it can do its work. Many hand-written CTC decoders make this mistake, and
# nobody notices until a double letter comes along.
#
# ### Exercise 05-1: write *B*  (★☆☆, 5 minutes)
#
# Write `collapse_text(path)`, which takes a path as a string and returns the text, with a loop or with `groupby`. An
# empty path must work too.


# %% tags=["exercise"]
def collapse_text(path):
    return ...  # your code here


# %%
exercises.check("05-1", collapse_text)

# %% [markdown]
# What you write in this course is used again. `yours` fetches your answer if it passed its check, in this lesson or in
# an earlier session, and the course's own if there is none yet. From here on this lesson collapses paths with it.

# %%
collapse_text = exercises.yours("05-1")
print(collapse_text("hh-e-ll-lo"), collapse_text("hhhh-eeeee-l-l--oooo"))

# %% [markdown]
# ### Play: which paths give the same text?
#
# Edit the path below, one box a time step: click a box, or walk with the arrow keys, and type. Try to
# - make `helo` into `hello` with one key;
# - delete a blank that changes nothing, then one that changes the text;
# - find a path of four steps that gives `aaa`. (Is there one? Exercise 05-2 settles it.)

# %%
from crnn_lessons.widgets import Collapse

played = Collapse("hh-e-lllo")
played

# %% [markdown]
# The widget has a *B* of its own, written in JavaScript. Does it agree with yours on the path that you left in it?

# %%
print(f"{played.path} -> {collapse_text(played.path)} by your rule, {played.text} by the widget's")
assert collapse_text(played.path) == played.text

# %% [markdown]
# Below the text the widget says how many paths of the same length give it, too. Where does this number come
# from? The next two sections find out.

# %% [markdown]
# ## 4 All the paths of a text
#
# Take an alphabet of two letters and the blank. Over *T* = 4 steps there are $3^4 = 81$ paths, and *B* gives each of
# them exactly one text. Sort the paths by text: how many texts are there, and how many paths does each one have?

# %%
signs, T = "-ab", 4
paths_of = Counter(collapse_text("".join(p)) for p in product(signs, repeat=T))
for text, count in sorted(paths_of.items(), key=lambda item: -item[1]):
    print(f"{text!r:7}{count:3}")
print(len(paths_of), "texts, together", sum(paths_of.values()), "paths")

# %% [markdown]
# Each of the 81 paths belongs to one of 15 texts. The paths that give one text are its **alignments**.
# `ab` has 15 of them. Which ones?

# %%
all_paths = ["".join(p) for p in product(signs, repeat=4)]
listed = [path for path in all_paths if collapse_text(path) == "ab"]
print(len(listed), "alignments:", *listed)

# %%
fig, axes = figures.new_figure(7, 2.6, ncols=3)
for ax, part in zip(axes, [listed[:5], listed[5:10], listed[10:]], strict=True):
    drawings.draw_path_grid(ax, part, {"a": figures.SKY, "b": figures.ORANGE})
figures.show(
    fig, f"The {len(listed)} alignments of 'ab' over four steps, one a row: {', '.join(listed)}."
)

# %% [markdown]
# Read down the columns. At step 0 an alignment is in the blank or in a, never in b. At the last step it is in b or in
# the blank after it. An alignment moves through `- a - b -` from left to right and never back. Keep this picture in
# mind: section 8 comes back to it.
#
# Sorting all paths takes $3^T$ calls, and most of the paths are not wanted. The package has a function that makes the
# alignments of one text directly. It works on class numbers, as networks do: 0 is the blank, 1 is a, 2 is b, and an
# `Alphabet` translates. The letters of a text as class numbers are its **labels**. Does it find the same paths as your
# rule, for every text that four steps can write?

# %%
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import alignments

ab = Alphabet("ab")
for text in paths_of:
    made = {ab.show(path) for path in alignments(4, ab.encode(text))}
    assert made == {path for path in all_paths if collapse_text(path) == text}
twice = sorted(ab.show(path) for path in alignments(4, ab.encode("aa")))
print(f"the same alignments for all {len(paths_of)} texts; of 'aa': {' '.join(twice)}")

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
# And the puzzle of the widget? Count for `aaa`, and for two words with more to see:

# %%
for text in ["aaa", "hello", "committee"]:
    r = sum(a == b for a, b in pairwise(text))
    print(f"{text}: S = {len(text)}, r = {r}, at least {len(text) + r} steps")

# %% [markdown]
# `aaa` needs five steps: no path of four can give it.
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
# Set aside the steps that *must* be there: *S* for the labels and *r* for the forced blanks. The other *T* − *S* − *r*
# steps are free and may go into any of the 2*S* + 1 runs. Write the free steps as stars, and put 2*S* bars between them
# to mark the borders of the runs. Here 4 − 2 − 0 = 2 steps are free; for `-aab` one star lands in the first run and one
# in the second: `*|*|||`. There are *T* − *S* − *r* + 2*S* = *T* + *S* − *r* places for stars and bars together, and
# each choice of the 2*S* places for bars is one alignment. With $\binom{n}{k}$ for the number of ways to choose *k* of
# *n* places:
#
# $$\text{number of alignments} = \binom{T + S - r}{2S}$$
#
# For `ab` over 4 steps this is $\binom{6}{4} = 15$, as listed. When *T* is below *S* + *r*, the upper number is smaller
# than the lower one, and there is no choice at all: 0.
#
# ### Exercise 05-3: count  (★★☆, 5 minutes)
#
# Write `count_paths(T, target)` for a target given as a string. `math.comb(n, k)` is the number of ways to choose *k*
# of *n* things. (The check includes a case that listing would never finish.)


# %% tags=["exercise"]
def count_paths(T, target):
    return ...  # your code here


# %%
exercises.check("05-3", count_paths)

# %% [markdown]
# Does the formula hold for every text, and not only for `ab`? Hold it against brute force: all paths of the signs `-`, a
# and b over 0 to 7 steps, sorted by your *B*.

# %%
count_paths = exercises.yours("05-3")
checked = 0
for T in range(8):
    by_text = Counter(collapse_text("".join(p)) for p in product(signs, repeat=T))
    for text, count in by_text.items():
        assert count_paths(T, text) == count
    checked += len(by_text)
print(checked, "pairs of T and text: the formula is right on each")

# %% [markdown]
# The formula works where listing cannot. Take a text of 8 different signs over 26 steps, the number of steps of the
# network in the [CRNN paper](https://arxiv.org/abs/1507.05717):

# %%
print(f"{count_paths(26, 'reading!'):,}")

# %% [markdown]
# ## 6 The probability of a text
#
# At each step *t* the network gives each class *k* a probability p(t, k), in code `probs[t, k]`; each row sums to 1.
# CTC makes one assumption: given the picture *X*, the steps are independent. So the probability of a path is a product:
#
# $$p(\pi \mid X) = \prod_{t=0}^{T-1} p(t, \pi_t)$$
#
# Two paths cannot both have happened: they exclude each other. So the probability of a text *Y* is a sum over its
# alignments:
#
# $$p(Y \mid X) = \sum_{\pi \,\in\, B^{-1}(Y)} p(\pi \mid X)$$
#
# where $B^{-1}(Y)$ is the set of all paths that collapse to *Y*.
#
# The smallest example that shows the sum has two steps, and at both p(a) = 0.4 and p(-) = 0.1. (The remaining 0.5 is
# on b.) Which paths spell `a`, and what do they add up to?

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
# `alignments(len(probs), target)` lists the paths for you.


# %% tags=["exercise"]
def text_probability(probs, target):
    return ...  # your code here


# %%
exercises.check("05-4", text_probability)

# %% [markdown]
# A first test of your function needs nobody else's code: *some* text must come out, so the probabilities of all texts
# together are 1. Take random probabilities over four steps:

# %%
text_probability = exercises.yours("05-4")
rng = np.random.default_rng(5)
random_probs = rng.dirichlet(np.ones(3), size=4)  # T C: random rows that sum to 1
everything = sum(text_probability(random_probs, ab.encode(text)) for text in paths_of)
print(f"{len(paths_of)} texts, together {everything:.12f}")
assert abs(everything - 1) < 1e-12

# %% [markdown]
# A second test uses somebody else's code. Torch has a CTC loss in C++. It wants logarithms, an axis for the *N* samples
# of a batch (*T* × *N* × *C*), and lengths. Do the two agree on the example of 0.24?


# %%
def torch_loss(probs, target):
    log_probs = torch.tensor(probs).log().unsqueeze(1)  # T N C, with N = 1
    labels = torch.tensor([list(target)], dtype=torch.long)  # N S
    return F.ctc_loss(log_probs, labels, [len(probs)], [len(target)], reduction="none").item()


print(f"{torch_loss(probs, (1,)):.12f} by torch")
print(f"{-math.log(text_probability(probs, (1,))):.12f} by listing")

# %% [markdown]
# They do. One example proves little, so try 300 random ones, with repeats and with empty targets among them. How far
# apart do the two get?

# %% tags=["nbval-ignore-output"]
largest = 0.0
for _ in range(300):
    T, S = rng.integers(4, 8), rng.integers(0, 4)
    some_probs, target = rng.dirichlet(np.ones(4), size=T), rng.integers(1, 4, size=S)
    by_listing, theirs = text_probability(some_probs, target), torch_loss(some_probs, target)
    assert (by_listing == 0) == math.isinf(theirs)  # no alignment: the loss is infinite
    if by_listing > 0:
        largest = max(largest, abs(-math.log(by_listing) - theirs))
print(f"largest difference of the two losses: {largest:.1e}")
assert largest < 1e-12

# %% [markdown]
# The sum over alignments *is* the CTC loss. The rest of the course makes it fast, trains with it and decodes with it;
# what it means stays as it is here.

# %% [markdown]
# ## 7 The best path is not the best text
#
# To read a text off the network, take the most probable class at each step and collapse: **best path decoding**. It
# finds the most probable path. Is that also the most probable text?
#
# Look at the smallest case: two steps, the blank and one letter. Let the blank have the probability p at step 0 and q
# at step 1. Where both are above ½, the best path is `--`, and it reads the empty text with probability pq. The
# letter a collects the other three paths: 1 − pq. So the reading is wrong wherever p and q are both above ½ and pq is
# below ½. How large is that region? Compute both sides on a grid.

# %%
grid = np.linspace(0.01, 0.99, 99)
p, q = np.meshgrid(grid, grid)
best_path_is_empty = (p > 0.5) & (q > 0.5)
a_is_more_probable = 1 - p * q > p * q
missed = best_path_is_empty & a_is_more_probable
print(
    f"of the pairs where the best path is '--', {missed.sum() / best_path_is_empty.sum():.0%} are misread"
)

# %%
fig, ax = figures.new_figure(3.6, 3.4)
ax.contourf(p, q, missed, levels=[0.5, 1.5], colors=[figures.ORANGE])
ax.plot(grid, 0.5 / grid, color=figures.BLUE, label="pq = ½")
ax.set(xlabel="p: the blank at step 0", ylabel="q: the blank at step 1", ylim=(0, 1), xlim=(0, 1))
ax.legend(loc="lower left")
figures.show(
    fig,
    "The unit square of the two blank probabilities p and q. Shaded is the region where both exceed one half and their "
    "product does not: there best path decoding misses the letter a.",
)

# %% [markdown]
# In the shaded region the best single path is all blanks, yet a is the better text: it collects three paths, and the
# empty text has only one. On a trained network such cases are rare, since it is sure of itself at most steps. Lesson 09
# measures how rare, and decodes better.
#
# ### Exercise 05-5: build your own  (★★☆, 5 minutes)
#
# Give a *T* × 2 list of rows [p(-), p(a)], each summing to 1, where best path decoding misses the most probable text.
# *T* may be 1 to 10. There are many right answers; the check computes yours.

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("05-5", answer)

# %%
example = np.array(exercises.yours("05-5"))
for text in ["", "a", "aa"]:
    print(f"p({text!r}) = {text_probability(example, ab.encode(text)):.3f}")
print("best path:", ab.show(example.argmax(axis=1)))

# %% [markdown]
# ## 8 What listing costs
#
# How does the work grow with the number of steps? For a fixed text, the number of alignments is
# $\binom{T + S - r}{2S}$, a polynomial in *T* of degree 2*S*: about $T^{2S}$. For `hello` that is $T^{10}$. The
# product along each path takes *T* multiplications, if it begins with 1. Compare with the cells of the lattice at the
# top of this lesson, at one multiplication each:

# %%
lengths = np.array([6, 8, 10, 15, 20, 26, 50, 100, 200])
S = len("hello")
paths = np.array([float(count_paths(int(T), "hello")) for T in lengths])
cells = lengths * (2 * S + 1)
print("   T              alignments  multiplications: listing  lattice")
for T, n, cell in zip(lengths, paths, cells, strict=True):
    print(f"{T:4}{n:24,.0f}{n * T:26.2g}{cell:9}")
slope = np.log(paths[-1] / paths[-2]) / np.log(lengths[-1] / lengths[-2])
print(f"from T = 100 to 200 the alignments grow like T to the power {slope:.1f}")
assert 10 < slope < 10.5

# %%
fig, ax = figures.new_figure(6, 3)
ax.loglog(lengths, paths * lengths, "o-", label="list all alignments")
ax.loglog(lengths, cells, "s--", label="fill the lattice, T (2S + 1) cells")
ax.set(xlabel="time steps T", ylabel="multiplications", title="Two ways to p('hello' | X)")
ax.legend()
figures.show(
    fig,
    f"On logarithmic scales the work of listing grows from {paths[0] * 6:.0f} multiplications at T = 6 to "
    f"{paths[-1] * 200:.0e} at T = 200; the lattice needs {cells[0]} and {cells[-1]}.",
)

# %% [markdown]
# At 100 steps, which a line of text needs, a word of five letters has more than $10^{13}$ alignments. How fast does
# this machine list?

# %% tags=["nbval-ignore-output"]
import time

hello = Alphabet("helo").encode("hello")
start = time.perf_counter()
number = sum(1 for _ in alignments(14, hello))
rate = number / (time.perf_counter() - start)
years = paths[lengths == 100][0] / rate / 86400 / 365
print(f"{rate:,.0f} alignments a second; all those of T = 100 would take {years:.1f} years")

# %% [markdown]
# So nobody lists. But look again at the fifteen alignments of section 4: they share most of their steps. Write the rows
# `- a - b -` from top to bottom and draw each alignment as a line through them. `to_rows` finds the row at each step:
# blanks are in the even rows, labels in the odd ones, and a sign that is neither the blank nor the previous sign begins
# a new label.


# %%
def to_rows(path):
    rows, n, before = [], 0, "-"
    for sign in path:
        if sign not in ("-", before):
            n += 1  # the next label
        rows.append(2 * n if sign == "-" else 2 * n - 1)
        before = sign
    return rows


print([(path, to_rows(path)) for path in ["aab-", "-a-b", "a--b"]])

# %%
fig, ax = figures.new_figure(4.6, 3)
rows_of_paths = [to_rows(path) for path in listed]
arrows = drawings.draw_lattice(ax, "-a-b-", 4, rows_of_paths, highlight=to_rows("aab-"))
ax.set(title=f"{len(listed)} alignments, {arrows} arrows")
figures.show(
    fig,
    f"The {len(listed)} alignments of 'ab' drawn over each other as paths through five rows and four steps: they "
    f"use {arrows} different arrows. The path aab- is drawn thick.",
)

# %% [markdown]
# All 15 alignments run through one small graph: the **lattice**. It has *T* columns and *L* = 2*S* + 1 rows. Paths that
# meet in a cell go on in the same ways, so what comes before can be added up once and carried on. For `hello` over 100
# steps that makes 1,100 cells instead of $10^{13}$ paths. Lesson 06 turns this into an algorithm.
#
# ### Play: the lattice
#
# Walk through the cells with the arrow keys or the mouse: the widget says how many alignments pass through each.
# Edit the text, or change a probability: the line through the cells is the most probable of the alignments that pass
# through the cell you are on. Everything is computed as you go. (α, β and posterior belong to lesson 06.)

# %%
from crnn_lessons.widgets import Lattice

lattice = Lattice(rng.dirichlet(np.ones(3), size=5), "ab", characters="ab", mode="best")
lattice

# %% [markdown]
# The widget fills its cells; you listed. Take the probabilities and the text as you left them and compare:

# %%
by_listing = text_probability(np.array(lattice.probs), ab.encode(lattice.target))
by_cells = math.exp(lattice.numbers.log_likelihood)
print(f"p({lattice.target!r} | X) = {by_listing:.6f} by listing, {by_cells:.6f} by the lattice")
assert abs(by_listing - by_cells) < 1e-12

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
# ## 9 Your first decoder
#
# Best path decoding misses some texts, and it is still what readers try first: it costs one comparison per class and
# step. You have half of it already.
#
# ### Exercise 05-7: best path decoding  (★☆☆, 5 minutes)
#
# Write `best_path(scores)`: take the class with the largest score at each step (of equal ones, the lowest index), then
# apply *B* to the class indices. `scores` is a *T* × *C* array of probabilities or logarithms, class 0 is the blank, and
# the answer is a tuple of class indices. This is the decoder that your reader will use in lesson 11.


# %% tags=["exercise"]
def best_path(scores):
    return ...  # your code here


# %%
exercises.check("05-7", best_path)

# %% [markdown]
# Give it something to read. The next cell acts as a network that looks at section 1's drawing: it puts most of the
# probability of each frame on the sign under it and spreads the rest at random. At how much noise does it begin to
# misread?

# %%
best_path = exercises.yours("05-7")
helo = Alphabet("helo")
clean = drawings.frame_labels(spans, 20)
classes = [0 if i is None else helo.encode(word[i])[0] for i in clean]
wrong = {}
for noise in [0.2, 0.5, 0.6, 0.7, 0.8]:
    scores = (1 - noise) * np.eye(5)[classes] + noise * rng.dirichlet(np.ones(5), size=20)  # T C
    wrong[noise] = (scores.argmax(axis=1) != classes).sum()
    print(f"{noise:.0%} noise, {wrong[noise]:2} frames wrong: {helo.decode(best_path(scores))}")
assert wrong[0.2] == wrong[0.5] == wrong[0.6] == 0 and wrong[0.7] == 3

# %% [markdown]
# Up to 50% no frame can go wrong: the sign under it keeps 1 − noise at least, and no other sign gets more than the
# noise. Above that it is a matter of luck. At 60% every frame is still right; at 70% three are wrong, and the text is
# lost. One wrong frame can be enough: it may add a letter, lose one, or put another in its place.

# %% [markdown]
# ## 10 What goes wrong
#
# **The picture is too short for the text.** When *T* < *S* + *r*, no alignment exists, the probability is 0, and the
# loss is infinite. In training this shows up as `inf`, and then as `nan` in all weights. What does torch say about `aa`
# in two steps?

# %%
uniform = np.full((2, 3), 1 / 3)
print(
    f"alignments of 'aa' in 2 steps: {count_paths(2, 'aa')}; torch's loss: {torch_loss(uniform, (1, 1))}"
)

# %% [markdown]
# The check to make before training: *T* ≥ *S* + *r* for each sample. The networks of later lessons make a picture
# narrower before they read it; *T* counts the frames that are left then.
#
# **The blank stands in the target.** Forget that class 0 is taken, and you encode a as 0. Torch computes a number all
# the same. The package refuses:

# %%
from crnn_lessons.ctc import enumerate_probability

print(f"torch: {torch_loss(uniform, (0, 1)):.4f}")
try:
    enumerate_probability(uniform, (0, 1))
except ValueError as error:
    print("here: ", error)

# %% [markdown]
# **Three more**, which you have met: blanks dropped before runs are merged (`helo`); the best path taken for the most
# probable text; and the first letter lost, in loops that compare each sign with the previous one: the first sign has no
# predecessor.

# %% [markdown]
# ## 11 Questions to test yourself
#
# <details><summary>Can two different texts share an alignment?</summary>
# No. B gives each path exactly one text, so the alignments of different texts are disjoint. That is why the
# probabilities of all texts add up to 1.
# </details>
#
# <details><summary>What is the loss if all probabilities are 1/C at every step?</summary>
# Every path has the probability C to the power −T. So the loss is T ln C minus the logarithm of the number of
# alignments. This tests any CTC implementation, at any size.
# </details>
#
# <details><summary>What does CTC gain by assuming that the steps are independent given X, and what does it lose?</summary>
# It gains the lattice: the probability of a path is a product over steps, so two paths that meet in a cell continue
# with the same factors, and their sums can be taken together. It loses dependence between outputs: what is written at
# one step cannot change the odds at another. The network may still look at the whole picture at every step, and so may
# learn which letters follow each other; but it cannot choose between two texts as wholes. Lesson 09 adds a language
# model for that.
# </details>
#
# <details><summary>Is the blank the same as the space between words?</summary>
# No. A space is a character that appears in the text: it is a class of its own. The blank appears only in paths.
# </details>
#
# <details><summary>Could the blank be left out for a language without double letters?</summary>
# Then merging alone would do for the texts. But the network would have to put a letter on every frame, including those
# between letters and at the margins, and would have to decide where one ends and the next begins.
# </details>
#
# ## 12 Read on
#
# - A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, *Connectionist Temporal Classification*, ICML 2006. Section 3.1
#   is this lesson: equation 2 is the probability of a path, equation 3 the sum. Section 3.2 is best path decoding.
# - A. Hannun, [*Sequence Modeling with CTC*](https://distill.pub/2017/ctc/), Distill 2017: the same ground, drawn.
# - Next: **06 Forward-backward**, where 10¹³ paths become 1,100 cells.
#
# The letters of this lesson, for looking up:

# %%
notation(
    "X", "T", "t", "N", "C", "k", "−", "Y", "S", "r", "π", "B", "p(t, k)", "p(Y | X)", "L", "s"
)

# %% [markdown]
# Your exercises so far (`exercises.reset("05")` forgets them):

# %%
exercises.summary("05")
