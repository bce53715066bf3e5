# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 Forward-backward: the sum over all alignments, cell by cell
#
# Lesson 05 defined *p(Y | X)* as a sum over all alignments, and found that a word of five letters over 100 frames has
# more than $10^{13}$ of them. It also drew them over each other, and they fell into a small net. This lesson computes
# the sum on that net: once from the front, once from the back. Together the two passes tell what each frame was used
# for, and that is the gradient a network learns from.
#
# **After this lesson you can**
# - derive and write alpha and beta, and check them against a listing;
# - compute posteriors, and the gradient of the CTC loss from them;
# - say why the sums are kept as logarithms, and add in log space;
# - explain why torch's gradient on log-probabilities looks wrong, and why training is right all the same.
#
# **You need** lesson 05, derivatives, and logarithms. **Time** 75 minutes to read and do, 20 seconds to run.

# %%
import math
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F

from crnn_lessons import exercises
from crnn_lessons.show import figures
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import alignments, collapse, enumerate_probability, extend
from crnn_lessons.show.notation import notation

# %%
notation(
    "T",
    "t",
    "C",
    "k",
    "Y",
    "S",
    "π",
    "B",
    "p(t, k)",
    "p(Y | X)",
    "L",
    "s",
    "α(t, s)",
    "β(t, s)",
    "γ(t, s)",
)

# %% [markdown]
# The example is the one of lesson 05: the text `ab` over *T* = 4 steps, with *C* = 3 classes: blank, a, b. The lattice
# has *L* = 2*S* + 1 = 5 rows, the text with a blank before, between and after its letters.

# %%
ab = Alphabet("ab")
target = ab.encode("ab")
rows = extend(target)
probs = np.random.default_rng(6).dirichlet(np.ones(3), size=4).round(2)  # T C
T, L = len(probs), len(rows)
print("rows:", ab.show(rows))
print(probs)

# %% [markdown]
# ## 1 Add up beginnings
#
# An alignment is a long product. Cut it after step *t*: the front part is a **beginning**. Many alignments share a
# beginning, so let us add up beginnings first. Define
#
# > **α(t, s)** is the sum of the probabilities of all beginnings, steps 0 to *t*, that are in row *s* at step *t*.
#
# What does it mean to be in row *s*? *B* of lesson 05 tells which letters a beginning has spelled. After *n* letters:
# on a blank, row 2*n*; on the *n*-th letter, row 2*n* − 1. If it has spelled something else than the first letters of
# the target, it is nowhere.


# %%
def row_of(path, target):
    spelled = collapse(path)
    if spelled != tuple(target[: len(spelled)]):
        return None
    return 2 * len(spelled) - (path[-1] != 0)


for s in range(L):
    found = [ab.show(p) for p in product(range(3), repeat=3) if row_of(p, target) == s]
    print(f"row {s} ({ab.show(rows[s : s + 1])}) at t = 2:", *found)

# %% [markdown]
# Read row 2: three beginnings of three steps have spelled `a` and stand on the blank. Row 0 has one, all blanks. Now
# alpha, by listing, for all cells. Printed tables have one line for each step, *t* downwards; in the pictures *t* goes
# to the right:


# %%
def path_probability(path):
    return math.prod(probs[t, k] for t, k in enumerate(path))


alpha_listed = np.zeros((T, L))
for t in range(T):
    for path in product(range(3), repeat=t + 1):
        s = row_of(path, target)
        if s is not None:
            alpha_listed[t, s] += path_probability(path)
print(alpha_listed.round(4))

# %% [markdown]
# ## 2 Where does a path come from?
#
# To save the listing, alpha at step *t* must come from alpha at step *t* − 1. So ask: a beginning is in row *s* now; in
# which row was it one step earlier? Let the machine look at all beginnings, for `ab` and for `aa`.


# %%
def came_from(target, longest=5):
    found = {s: set() for s in range(2 * len(target) + 1)}
    for length in range(2, longest + 1):
        for path in product(range(3), repeat=length):
            if (s := row_of(path, target)) is not None:
                found[s].add(row_of(path[:-1], target))
    return {s: sorted(rows) for s, rows in found.items()}


for text in ["ab", "aa"]:
    print(text, came_from(ab.encode(text)))

# %% [markdown]
# Compare row 3, the second letter. In `ab` it is entered from rows 1, 2 and 3. In `aa` it is entered from rows 2 and 3
# only. That gives the rule. Into row *s* a path comes
# - from row *s*: it **stays**;
# - from row *s* − 1: it **steps**;
# - from row *s* − 2: it **skips** a blank, if row *s* holds a letter *and this letter differs from the one before*.
#
# Between equal letters the skip is closed: without the blank, *B* would merge the two. This one condition is all that
# the repeats *r* of lesson 05 come down to.
#
# Each way in ends with the same **sign**, the blank or letter of row *s*, so its probability can be taken out of the
# sum. For *t* ≥ 1:
#
# $$\alpha(t, s) = \big(\alpha(t{-}1, s) + \alpha(t{-}1, s{-}1) + [\text{skip allowed}]\;\alpha(t{-}1, s{-}2)\big)
# \; p(\text{row } s,\ t)$$
#
# where *p*(row *s*, *t*) is short for `probs[t, rows[s]]`. At *t* = 0 a path is in row 0, on the blank, or in row 1, on
# the first letter: α(0, 0) and α(0, 1) are the probabilities of these two signs, and all else is 0. (The empty target
# has row 0 only.)
#
# ### Exercise 06-1: one cell of alpha  (★★☆, 10 minutes)
#
# Write `alpha_cell(alpha, t, s, rows, probs)`: the value of α(t, s) for *t* ≥ 1. `alpha[t - 1, ...]` is known;
# `rows[s]` is the class of row *s*, 0 for the blank.


# %% tags=["exercise"]
def alpha_cell(alpha, t, s, rows, probs):
    return ...  # your code here


# %%
exercises.check("06-1", alpha_cell)

# %% [markdown]
# Here is the lattice *as your function reads it*: each look at `alpha[t - 1, ...]` is an arrow, from the cell read to
# the cell filled. Dotted arrows are missing, dashed ones should not be there. (As long as nothing is written, all are
# missing.) A look at row −1 is drawn above row 0; in Python it reads the last row. The target is `aab`, with a repeat,
# so that the closed skip shows.

# %%
from crnn_lessons.exercises.trace import trace_forward

flat = np.full((5, 3), 1 / 3)
trace_forward(alpha_cell, flat, (1, 1, 2), characters="-ab")

# %% [markdown]
# From here on the lesson goes its own way, so that it runs whether or not the exercise is done. All of alpha is a loop
# over cells:

# %%
from crnn_lessons.ctc import predecessors


def forward(probs, target):
    rows = extend(target)
    alpha = np.zeros((len(probs), len(rows)))
    alpha[0, :2] = probs[0, rows[:2]]
    for t in range(1, len(probs)):
        for s in range(len(rows)):
            before = predecessors(rows, s)
            alpha[t, s] = alpha[t - 1, before].sum() * probs[t, rows[s]]
    return alpha


alpha = forward(probs, target)
print("largest difference to the listing:", f"{np.abs(alpha - alpha_listed).max():.1e}")

# %% [markdown]
# `predecessors` is the rule above. (Its test for the blank could go: two rows below a blank is a blank, too, and the
# two are equal.) Here is its source:

# %%
import inspect

print(inspect.getsource(predecessors))

# %% [markdown]
# ## 3 The probability of the text
#
# A whole alignment ends in the last letter or in the blank after it: in one of the last two rows, at the last step.
#
# $$p(Y \mid X) = \alpha(T{-}1, L{-}1) + \alpha(T{-}1, L{-}2)$$
#
# For the empty target, with its one row, only the first term is there.
#
# Is this what listing gives? And is lesson 05's example, `a` over two steps, still 0.24? Of its three classes b is left
# out here, since no alignment of `a` reads it.

# %%
print(f"listing {enumerate_probability(probs, target):.10f}")
print(f"forward {alpha[-1, -2:].sum():.10f}")
two_steps = np.array([[0.1, 0.4], [0.1, 0.4]])  # blank, a
print(f"0.24?   {forward(two_steps, [1])[-1, -2:].sum():.2f}")

# %% [markdown]
# The listing took 15 alignments with three multiplications each. The recursion filled 4 × 5 = 20 cells: 5 at the start,
# and 15 with one multiplication and at most two additions each. No great gain yet, on so small a case. But the work of
# the recursion grows with *T* × *L*, whatever the number of alignments.
#
# ### Exercise 06-2: count with the recursion  (★★☆, 5 minutes)
#
# Nothing in `forward` asks that the rows of `probs` sum to 1. What must `probs` be so that `forward` *counts*
# alignments? How many has `hello` over 26 steps? Give an integer, computed with `forward`. (The classes may be h = 1,
# e = 2, l = 3, o = 4.)

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("06-2", answer)

# %% [markdown]
# ## 4 From the back
#
# The same can be done from the other end. Define
#
# > **β(t, s)** is the sum of the probabilities of all endings, steps *t* + 1 to *T* − 1, of a path that is in row *s*
# > at step *t*.
#
# Step *t* itself is left out of beta, since alpha has it. (Graves' paper of 2006 has it in both, and divides once; the
# book of 2012 leaves it out as we do.) At the last step nothing is left to emit: β(T−1, s) = 1 in the last two rows and
# 0 elsewhere. Before that, a path goes on to row *s*, *s* + 1, or *s* + 2, and pays for the sign it arrives in:
#
# $$\beta(t, s) = \sum_{s'} \beta(t{+}1, s')\; p(\text{row } s',\ t{+}1), \qquad s' \in \{s,\ s{+}1,\ s{+}2 \text{ if
# allowed}\}$$
#
# The skip to row *s* + 2 is allowed by the same rule, asked of the row arrived in: it holds a letter, and another one
# than row *s*. Rows beyond the last do not exist.
#
# ### Exercise 06-3: one cell of beta  (★★☆, 10 minutes)
#
# Write `beta_cell(beta, t, s, rows, probs)`: the value of β(t, s) for *t* ≤ *T* − 2, from `beta[t + 1, ...]`.


# %% tags=["exercise"]
def beta_cell(beta, t, s, rows, probs):
    return ...  # your code here


# %%
exercises.check("06-3", beta_cell)

# %%
from crnn_lessons.exercises.trace import trace_backward

trace_backward(beta_cell, flat, (1, 1, 2), characters="-ab")


# %% [markdown]
# For the lesson's own beta, turn the arrows of alpha around: where alpha at *s* reads row *s′*, beta at *s′* reads row
# *s*.


# %%
def backward(probs, target):
    rows = extend(target)
    beta = np.zeros((len(probs), len(rows)))
    beta[-1, -2:] = 1
    for t in range(len(probs) - 2, -1, -1):
        for s in range(len(rows)):
            for before in predecessors(rows, s):  # before -> s is an arrow
                beta[t, before] += beta[t + 1, s] * probs[t + 1, rows[s]]
    return beta


beta = backward(probs, target)
print(beta.round(4))

# %% [markdown]
# ## 5 Both together
#
# α(t, s) is the sum over all beginnings up to cell (*t*, *s*), β(t, s) the sum over all endings from there. Each
# beginning goes with each ending. So their product is the probability of *all alignments through this cell*. At every
# step an alignment is in exactly one row. What should the sum of α β over the rows be, at each *t*?

# %%
for t in range(T):
    print(f"t = {t}: sum over s of alpha beta = {(alpha[t] * beta[t]).sum():.10f}")

# %% [markdown]
# The same number at each step, and it is *p(Y | X)*. This identity needs nobody else's code, so it is a good first test
# of a CTC implementation. It finds a rule that differs between the two passes. It does not find a wrong start, a wrong
# end, or an error made in both. Let alpha begin in row 0 only:

# %%
no_row_1 = probs.copy()
no_row_1[0, rows[1]] = 0
print("sums: ", (forward(no_row_1, target) * beta).sum(axis=1).round(6))
print(f"p(Y | X) by listing: {enumerate_probability(probs, target):.6f}")

# %% [markdown]
# The same number at each step, and the wrong one. A wrong end of beta shows against the end of alpha (section 3). A
# wrong start, or an error in both passes, shows against the listing of lesson 05, on a case that is short enough.
#
# Divide by it, and each step is a probability distribution over rows, the **posterior**:
#
# $$\gamma(t, s) = \frac{\alpha(t, s)\, \beta(t, s)}{p(Y \mid X)}$$
#
# It answers: *if* the text is `ab`, how probable is it that the path is in row *s* at step *t*? Check it against the
# listing: weigh each of the 15 alignments by its share of the probability.

# %%
p = alpha[-1, -2:].sum()
gamma = alpha * beta / p
by_listing = np.zeros((T, L))
for path in alignments(T, target):
    for t in range(T):
        s = row_of(path[: t + 1], target)
        by_listing[t, s] += path_probability(path) / p
print(f"difference {np.abs(gamma - by_listing).max():.1e}, sums over rows {gamma.sum(axis=1)}")

# %%
fig, axes = figures.new_figure(7.2, 2.9, ncols=3)
for ax, table, name in zip(axes, [alpha, beta, gamma], ["alpha", "beta", "posterior"], strict=True):
    ax.imshow(table.T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for t, s in product(range(T), range(L)):
        value, ink = table[t, s], "w" if table[t, s] > 0.6 else "k"
        text = f"{value:.4f}" if value else "0"
        ax.text(t, s, text, ha="center", va="center", color=ink, fontsize=7)
    sums = [f"{t}\n\u03a3 {total:.3f}" for t, total in enumerate(table.sum(axis=1))]
    ax.set(title=name, xlabel="t, and the column's sum")
    ax.set_xticks(range(T), sums, fontsize=7)
    ax.set_yticks(range(L), list(ab.show(rows)))
best_rows = gamma.argmax(axis=1)
figures.show(
    fig,
    "Tables of alpha, beta and posterior for 'ab' over four steps. "
    f"The column sums of alpha are {alpha.sum(axis=1).round(3).tolist()}, those of beta "
    f"{beta.sum(axis=1).round(3).tolist()}. "
    f"The posterior sums to one at each step and is largest in rows {best_rows.tolist()}.",
)

# %% [markdown]
# The column sums of alpha fall from left to right, since products get longer; those of beta fall the other way. The
# posterior keeps its sum of 1, and shows where the letters sit. (A bare 0 is a cell that no path reaches, or from which
# none can end.)
#
# ### Play: the lattice
#
# Step through the cells with the arrow keys. In *alpha* and *beta* the sum of a cell is written out with its numbers.
# In *posterior*, raise the probability of a at the first step to 0.9 (select it below the lattice): do other columns
# change, too? They do: a step tells the others how far the text has come, through α and β. Raising b there changes
# none, since no alignment of `ab` begins with b. Then make the text `aa` and look for the arrow that disappears.

# %%
from crnn_lessons.widgets import Lattice

Lattice(np.random.default_rng(6).dirichlet(np.ones(3), size=6), "ab", characters="ab", t=2, s=3)

# %% [markdown]
# ## 6 The gradient
#
# A network is trained by changing its outputs a little in the direction that lowers the loss $-\ln p(Y \mid X)$. Which
# direction is that? For now let each $p(k, t)$ move freely, also where a row then no longer sums to 1.
#
# Look at one factor, $p(k, t)$, the probability of class *k* at step *t*. It occurs, once, in each alignment that emits
# *k* at *t*, and nowhere else. So *p(Y | X)* is a straight line in it, with some slope *A*:
#
# $$p(Y \mid X) = A \cdot p(k, t) + (\text{alignments that emit something else at } t)$$
#
# The product $A \cdot p(k, t)$ is the sum over all alignments that emit *k* at *t*. Divided by *p(Y | X)* it is the
# share of them: the **class posterior**, the sum of γ over all rows that hold *k*. And that is the derivative we want,
# since if $p(k, t)$ rises by 1 %, *p(Y | X)* rises by that share of 1 %:
#
# $$\frac{\partial \ln p(Y \mid X)}{\partial \ln p(k, t)} = \frac{p(k, t)}{p(Y \mid X)} \cdot
# \frac{\partial\, p(Y \mid X)}{\partial\, p(k, t)} = \frac{A \cdot p(k, t)}{p(Y \mid X)}
# = \sum_{s:\ \text{row } s = k} \gamma(t, s)$$
#
# The derivative of the *loss* is minus that. Nothing more is needed: the two passes were the gradient.
#
# ### Exercise 06-4: from rows to classes  (★★☆, 8 minutes)
#
# Write `class_posterior(gamma, rows, C)`: the *T* × *C* table of the sum on the right, without a minus. Mind that the
# blank stands in several rows.


# %% tags=["exercise"]
def class_posterior(gamma, rows, C):
    return ...  # your code here


# %%
exercises.check("06-4", class_posterior)

# %% [markdown]
# Now test the formula with nothing but the loss: change one log-probability by ±ε, and see how the loss moves.


# %%
def loss(log_probs, target):
    return -math.log(forward(np.exp(log_probs), target)[-1, -2:].sum())


def by_differences(function, x, eps=1e-5):
    slope = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[at] = eps
        slope[at] = (function(x + nudge) - function(x - nudge)) / (2 * eps)
    return slope


per_class = np.stack([gamma[:, rows == k].sum(axis=1) for k in range(3)], axis=1)  # T C
log_probs = np.log(probs)
differences = by_differences(lambda x: loss(x, target), log_probs)
print("equals minus the class posterior:", np.allclose(differences, -per_class, atol=1e-8))

# %% [markdown]
# A network ends in **logits**: numbers *z* of any size, which `log_softmax` turns into log-probabilities, $\ln p(k, t)
# = z_{k,t} - \ln\sum_j e^{z_{j,t}}$. Raising $z_{k,t}$ a little raises ln *p*(*k*, *t*) by 1 − *p*(*k*, *t*) per unit,
# and lowers each other ln *p*(*j*, *t*) by *p*(*k*, *t*) per unit. Write *q*(*k*, *t*) for the class posterior. Its sum
# over the classes is 1, so
#
# $$\frac{\partial\, (-\ln p(Y \mid X))}{\partial z_{k,t}} = -q(k, t) + p(k, t) \sum_j q(j, t) = p(k, t) - q(k, t)$$
#
# This is what the network says, minus what the alignments of the right text would have it say. It is 0 when the two
# agree. Differences confirm it, with logits whose softmax is our `probs`:


# %%
def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


differences = by_differences(lambda z: loss(log_softmax(z), target), log_probs + 2)
print("equals p - q:", np.allclose(differences, probs - per_class, atol=1e-8))

# %% [markdown]
# The package's `ctc_loss` has this gradient, too. That is a test of the package, not of the formula: its backward pass
# is written by hand, from the formula. (`reduction` says how the losses of a batch become one number; `"none"` leaves
# them as they are.)

# %%
from crnn_lessons.ctc import ctc_loss

logits = torch.tensor(log_probs + 2, requires_grad=True)  # T C
lengths = len(probs), len(target)
loss_value = ctc_loss(logits.log_softmax(1), torch.tensor(target), *lengths, reduction="none")
loss_value.backward()
print("loss agrees:    ", math.isclose(loss_value.item(), -math.log(p)))
print("gradient agrees:", np.allclose(logits.grad.numpy(), probs - per_class))

# %% [markdown]
# ## 7 Why torch's gradient looks wrong, and training is right
#
# Take log-probabilities as a **leaf**: a tensor that nothing was computed for, where autograd stops. Which gradient
# does torch give, and which does the package?


# %%
def leaf_gradient(function):
    leaf = torch.tensor(log_probs).unsqueeze(1).requires_grad_()  # T N C, with N = 1
    function(leaf, torch.tensor([target]), [T], [2], reduction="sum").backward()
    return leaf.grad[:, 0].numpy()


theirs, ours = leaf_gradient(F.ctc_loss), leaf_gradient(ctc_loss)
print("ours    = - class posterior:       ", np.allclose(ours, -per_class))
print("torch's = probs - class posterior: ", np.allclose(theirs, probs - per_class))

# %% [markdown]
# Torch returns the gradient of the *logits*, although it was asked for that of the log-probabilities. Whoever compares
# with finite differences concludes that one of the two is broken. But behind a `log_softmax` both train the same. Its
# backward pass takes a gradient *g* and returns $g - p \sum_j g_j$, at each step:
# - from *g* = −*q*, whose sum is −1, it makes *p* − *q*;
# - from *g* = *p* − *q*, whose sum is 0, it makes *p* − *q*.
#
# Let us see both on random logits:


# %%
def logit_gradient(function):
    z = torch.tensor(np.random.default_rng(1).normal(size=(6, 1, 3)), requires_grad=True)  # T N C
    function(z.log_softmax(dim=2), torch.tensor([[1, 2]]), [6], [2], reduction="sum").backward()
    return z.grad


print(
    "same gradient at the logits:",
    torch.allclose(logit_gradient(F.ctc_loss), logit_gradient(ctc_loss)),
)

# %% [markdown]
# Torch's choice has a price. What it adds, *p*, is the gradient of the sum of each step's probabilities. This sum must
# be 1 *for all values of the parameters*: then it has no slope, and nothing is added. Mix the probabilities of two
# models, and it is 1. Average their log-probabilities, and it is not:


# %%
def largest_difference(combine):
    z = torch.tensor(np.random.default_rng(2).normal(size=(2, 6, 1, 3)), requires_grad=True)
    log_p = combine(z.log_softmax(dim=3))  # T N C, of two models
    arguments = log_p, torch.tensor([[1, 2]]), [6], [2]
    losses = [function(*arguments, reduction="sum") for function in (F.ctc_loss, ctc_loss)]
    a, b = (torch.autograd.grad(value, z, retain_graph=True)[0] for value in losses)
    return (a - b).abs().max().item()


mixed = largest_difference(lambda x: x.exp().mean(0).log())
averaged = largest_difference(lambda x: x.mean(0))
print(f"difference, mixed probabilities:        {mixed:.6f}")
print(f"difference, averaged log-probabilities: {averaged:.6f}")

# %% [markdown]
# In the second case torch's gradient is off, without a word. `gradcheck`, torch's own comparison with finite
# differences, shows it on a leaf, where each number may move freely:

# %%
leaf = torch.tensor(log_probs).unsqueeze(1).requires_grad_()
for name, function in [("ours", ctc_loss), ("torch's", F.ctc_loss)]:
    check = torch.autograd.gradcheck(
        lambda lp, f=function: f(lp, torch.tensor([target]), [T], [2], reduction="sum"),
        leaf,
        raise_exception=False,
    )
    print(f"{name} passes gradcheck on a leaf: {check}")

# %% [markdown]
# ## 8 Logarithms
#
# Alpha fades. How far can it fade before floating point gives up? Let every class have the probability 1/3 and make the
# line longer.

# %%
for T_long in [100, 300, 600, 700, 800]:
    alpha_long = forward(np.full((T_long, 3), 1 / 3), target)
    print(f"T = {T_long}: p = {alpha_long[-1, -2:].sum():.3g}")
for T_long in [174, 175]:
    alpha_long = forward(np.full((T_long, 80), 1 / 80), target)
    print(f"T = {T_long}, 80 classes: p = {alpha_long[-1, -2:].sum():.3g}")

# %% [markdown]
# With 3 classes the probability comes out as 0 from 700 steps on: it is too small for a float64. With 80 classes, as
# for letters, digits and punctuation, 175 steps are enough. A scanned line of text can have more columns of pixels
# than that. Our `loss` above then stops with a *math domain error*, since `math.log(0)` is not defined; numpy and
# torch give `inf`. The cure is to keep logarithms: products become sums, and a sum becomes
#
# $$\ln(e^a + e^b) = m + \ln\!\big(e^{a-m} + e^{b-m}\big), \qquad m = \max(a, b)$$
#
# where one of the two exponents is 0 and the other is not above it: nothing overflows, and only what is too small to
# matter can underflow.
#
# ### Exercise 06-5: add in log space  (★★☆, 5 minutes)
#
# Write `log_add(a, b)`. Probabilities of 0 have the logarithm `-np.inf`, and must be allowed, for one of the two and
# for both.


# %% tags=["exercise"]
def log_add(a, b):
    return ...  # your code here


# %%
exercises.check("06-5", log_add)

# %% [markdown]
# The package has the whole of this lesson in log space, in one function. `emit` is ln *p*(row *s*, *t*), `skip` says
# which rows may be skipped into, `_shift` moves a column by one or two rows (with −∞ for what comes in), and
# `_logaddexp3` is your `log_add` for three:

# %%
from crnn_lessons.ctc import forward_backward

head, _, body = inspect.getsource(forward_backward).split('"""')
print(head.rstrip() + body)

# %%
lattice = forward_backward(np.log(probs), target)
print("alpha:    ", np.allclose(np.exp(lattice.alpha), alpha))
print("beta:     ", np.allclose(np.exp(lattice.beta), beta))
print("posterior:", np.allclose(lattice.posterior, gamma))

# %% [markdown]
# The same tables (alpha and beta now as logarithms), and no line is too long any more:

# %%
longer = forward_backward(np.full((800, 3), -math.log(3)), target)
print(f"T = 800: ln p = {longer.log_likelihood:.6f}")

# %% [markdown]
# For uniform probabilities lesson 05 had a closed form: the loss is *T* ln *C* minus the logarithm of the number of
# alignments. It is an oracle, an independent source of the right answer, that needs no lattice, at any size:

# %%
from crnn_lessons.ctc import count_alignments

print(f"closed form: ln p = {math.log(count_alignments(800, target)) - 800 * math.log(3):.6f}")

# %% [markdown]
# ## 9 The corners
#
# What happens at the edges? For each corner: the loss by definition, from the listing of lesson 05; then what the
# package returns, and what torch returns, on log-probabilities as a leaf.


# %%
def loss_and_gradient(function, probs, target, **options):
    leaf = torch.tensor(probs).log().reshape(-1, 1, 3).requires_grad_()  # T N C
    labels = torch.tensor([target], dtype=torch.long).reshape(1, -1)  # N S
    value = function(leaf, labels, [len(leaf)], [len(target)], reduction="sum", **options)
    value.backward()
    kind = "zero" if not leaf.grad.any() else "finite" if leaf.grad.isfinite().all() else "nan"
    return f"{value.item():.4f}, gradient {kind}"


third = [1 / 3] * 3
corners = {
    "empty target: blanks only": ([third] * 2, []),
    "T = S + r: one alignment": ([third] * 3, [1, 1]),
    "T < S + r: none": ([third] * 2, [1, 1]),
    "b impossible, not needed": ([[0.5, 0.5, 0.0]] * 2, [1]),
    "b impossible, but needed": ([[0.5, 0.5, 0.0]] * 2, [2]),
}

# %%
print(f"{'':27}{'definition':12}{'the package':26}torch")
for name, (table, text) in corners.items():
    found = enumerate_probability(np.array(table), text)
    by_definition = -math.log(found) if found else math.inf
    both = [loss_and_gradient(f, table, text) for f in (ctc_loss, F.ctc_loss)]
    print(f"{name:27}{by_definition:<12.4f}{both[0]:26}{both[1]}")

# %% [markdown]
# The losses agree. The gradients do not: where both are finite, their values differ as section 7 says; in the last
# three rows torch's has a `nan`. Ours is 0 where the loss is infinite, and finite where the impossible class is not
# needed. Both offer `zero_infinity=True`, which counts a sample with an infinite loss as 0. Which rows does it cure?

# %%
for name, case in list(corners.items())[2:]:
    print(f"{name:27}{loss_and_gradient(F.ctc_loss, *case, zero_infinity=True)}")

# %% [markdown]
# Two of the three. Against a class of probability 0 that is not needed it does nothing, since that loss is finite.
# There the cure is to take log-probabilities from `log_softmax` of finite logits: they are finite, too. And
# samples that are too short are better found before training. The package says which they are:

# %%
from crnn_lessons.ctc import explain_infeasible

explain_infeasible([2, 5], torch.tensor([[1, 1], [1, 2]]), [2, 2])

# %% [markdown]
# ## 10 Against torch, on random batches
#
# The last check is the widest: random batches with repeats, empty targets, mixed lengths and infeasible samples, the
# package against torch on this machine. The command `python -m crnn_lessons.ctc.check` prints a table of more such
# batches; where an NVIDIA GPU is present it has torch's native CUDA kernel and cuDNN as well.

# %%
from crnn_lessons.ctc import min_frames

rng = np.random.default_rng(0)
feasible, worst_loss, worst_gradient = 0, 0.0, 0.0
for _ in range(200):
    N, T_batch, S_max = 4, int(rng.integers(1, 30)), 8
    z = torch.tensor(rng.normal(size=(T_batch, N, 5)) * 3)  # T N C
    labels = torch.tensor(rng.integers(1, 5, size=(N, S_max)))  # N S
    T_n, S_n = rng.integers(0, T_batch + 1, N).tolist(), rng.integers(0, S_max + 1, N).tolist()
    results = []
    for function in (ctc_loss, F.ctc_loss):
        leaf = z.clone().requires_grad_()
        value = function(
            leaf.log_softmax(2), labels, T_n, S_n, reduction="none", zero_infinity=True
        )
        value.sum().backward()
        results.append((value.detach(), leaf.grad))
    feasible += sum(T_n[n] >= min_frames(labels[n, : S_n[n]].tolist()) for n in range(N))
    (loss_1, gradient_1), (loss_2, gradient_2) = results
    # unlike max(), np.maximum keeps a nan
    worst_loss = np.maximum(worst_loss, (loss_1 - loss_2).abs().max().item())
    worst_gradient = np.maximum(worst_gradient, (gradient_1 - gradient_2).abs().max().item())
print(f"800 samples, {feasible} of them feasible; the others count as 0 in both")
print("losses within 1e-9:", worst_loss < 1e-9, " gradients within 1e-9:", worst_gradient < 1e-9)

# %% [markdown]
# ## 11 What goes wrong
#
# | symptom | cause | check |
# |---|---|---|
# | the sum of αβ differs from step to step | the rules of the two passes differ | section 5's identity |
# | it is the same at each step, and wrong | a wrong start or end, or an error in both | alpha's end; the listing |
# | doubled letters are never learned | skip between equal labels left open | count `aa` over 2 steps: it must be 0 |
# | posterior of the blank, or of a letter that occurs twice, too small | `[:, rows] += gamma` | its sum at a step: 1 |
# | loss `inf` or a math domain error, on long lines only | probabilities, not logarithms | section 8's closed form |
# | loss `inf`, then `nan` | *T* < *S* + *r* | `explain_infeasible` |
# | gradients differ from torch's on a leaf | torch's convention | compare at the logits |
#
# ## 12 Questions to test yourself
#
# <details>
# <summary>Why is the product of alpha and beta a sum over paths, not a product of sums of unrelated things?</summary>
# Because the lattice has no memory beyond the cell: which endings are possible depends on the row only, not on how it
# was reached. So each beginning goes with each ending, and multiplying the two sums multiplies out to all pairs.
# </details>
#
# <details><summary>Why may a path skip the blank between a and b, and not skip a letter?</summary>
# A skipped blank leaves the text as it is. A skipped letter would be missing from the text.
# </details>
#
# <details><summary>What is the gradient when the network is certain of the right path?</summary>
# All alignments but one have the probability 0, so the posterior is 1 on that path, as are the probabilities:
# p − q = 0.
# </details>
#
# <details>
# <summary>At the start of training all outputs are nearly uniform. What does the posterior of the blank look
# like?</summary>
# The blank stands in S + 1 of the 2S + 1 rows. If no two neighbours in the text are equal, and T is several times 2S,
# its posterior is larger than any letter's at most steps. So the first thing such a network is taught is to say blank:
# the plateau, a stretch where the loss hardly falls, that lessons 08 and 11 watch. When T is near 2S it is not so, and
# with a text such as `aaaa` blank and a stay near a half in the middle. Try it: `forward_backward` on uniform input.
# </details>
#
# <details><summary>Why does beta leave out step t?</summary>
# It is a choice. With step t in both, each product would contain its probability twice, and the posterior would need a
# division by it, which fails when it is 0.
# </details>
#
# ## 13 Read on
#
# - A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, *Connectionist Temporal Classification*, ICML 2006. Section 4.1:
#   equations 5 to 8 are alpha, 9 to 11 beta. Section 4.2 is the gradient; equation 16 is our *p* − *q*, written with
#   rescaled variables and with step *t* in both alpha and beta.
# - L. Rabiner, *A Tutorial on Hidden Markov Models*, Proc. IEEE 1989, section III: the same two passes, 17 years
#   earlier.
# - Next: **07 CTC at speed**, where the loops go, and torch's C++ is overtaken.
#
# Your exercises so far:

# %%
exercises.summary("06")
