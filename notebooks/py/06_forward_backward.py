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

from crnn_lessons import exercises, figures
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import alignments, collapse, enumerate_probability, extend
from crnn_lessons.notation import notation

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
    "p(k, t)",
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
# What does it mean to be in row *s*? *B* of lesson 05 tells which letters a beginning has spelled. If it stands on a
# blank, it is in the row after the last of them, row 2 × (letters spelled). If it stands on a letter, it is in that
# letter's row, one less. If it has spelled something else than the first letters of the target, it is nowhere.


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
# alpha, by listing, for all cells:


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
# Each way in ends with the same sign, so its probability can be taken out of the sum. For *t* ≥ 1:
#
# $$\alpha(t, s) = \big(\alpha(t{-}1, s) + \alpha(t{-}1, s{-}1) + [\text{skip allowed}]\;\alpha(t{-}1, s{-}2)\big)
# \; p(\text{row } s,\ t)$$
#
# where *p*(row *s*, *t*) is short for `probs[t, rows[s]]`. At *t* = 0 a path is in row 0, on the blank, or in row 1, on
# the first letter: α(0, 0) and α(0, 1) are the probabilities of these two signs, and all else is 0. (The empty target
# has one row, row 0, and that is both the first and the last.)
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
# Here is the lattice *as your function reads it*: each look at `alpha[t - 1, ...]` is an arrow. Dotted arrows are
# missing, dashed ones should not be there. (As long as nothing is written, all are missing.) The target is `aab`, with
# a repeat, so that the closed skip shows.

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
            alpha[t, s] = sum(alpha[t - 1, q] for q in predecessors(rows, s)) * probs[t, rows[s]]
    return alpha


alpha = forward(probs, target)
print("largest difference to the listing:", f"{np.abs(alpha - alpha_listed).max():.1e}")

# %% [markdown]
# `predecessors` is the rule above. Here is its source:

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
# Is this what listing gives? And is the example of 0.24 still 0.24?

# %%
print(f"listing {enumerate_probability(probs, target):.10f}")
print(f"forward {alpha[-1, -2:].sum():.10f}")
two_steps = np.array([[0.1, 0.4], [0.1, 0.4]])  # blank, a
print(f"0.24?   {forward(two_steps, [1])[-1, -2:].sum():.2f}")

# %% [markdown]
# The listing took 15 alignments with three multiplications each. The recursion filled 4 × 5 = 20 cells, with one
# multiplication and at most two additions in each. No gain yet, on so small a case. But the work of the recursion grows
# with *T* × *L*, whatever the number of alignments.
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
# > **β(t, s)** is the sum of the probabilities of all endings, steps *t* + 1 to *T* − 1, of a path that is in row *s* at
# > step *t*.
#
# Step *t* itself is left out of beta, since alpha has it. (Graves' paper of 2006 has it in both, and divides once; the
# book of 2012 leaves it out as we do.) At the last step nothing is left to emit: β(T−1, s) = 1 in the last two rows and
# 0 elsewhere. Before that, a path goes on to row *s*, *s* + 1, or *s* + 2, and pays for the sign it arrives in:
#
# $$\beta(t, s) = \sum_{q} \beta(t{+}1, q)\; p(\text{row } q,\ t{+}1), \qquad q \in \{s,\ s{+}1,\ s{+}2 \text{ if
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
# For the lesson's own beta, turn the arrows of alpha around: where alpha at *s* reads row *q*, beta at *q* reads row
# *s*.


# %%
def backward(probs, target):
    rows = extend(target)
    beta = np.zeros((len(probs), len(rows)))
    beta[-1, -2:] = 1
    for t in range(len(probs) - 2, -1, -1):
        for s in range(len(rows)):
            for q in predecessors(rows, s):  # q -> s is an arrow
                beta[t, q] += beta[t + 1, s] * probs[t + 1, rows[s]]
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
# The same number at each step, and it is *p(Y | X)*. This identity needs nobody else's code: it is the first test to
# write for any CTC implementation, and it finds most mistakes in either pass.
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
fig, axes = figures.new_figure(7.2, 2.6, ncols=3, sharey=True)
for ax, table, name in zip(axes, [alpha, beta, gamma], ["alpha", "beta", "posterior"], strict=True):
    ax.imshow(table.T, cmap="Blues", vmin=0, vmax=max(1, table.max()))
    for t, s in product(range(T), range(L)):
        ax.text(
            t,
            s,
            f"{table[t, s]:.2f}",
            ha="center",
            va="center",
            color="w" if table[t, s] > 0.6 else "k",
            fontsize=8,
        )
    ax.set(
        title=name, xlabel="t", xticks=range(T), yticks=range(L), yticklabels=list(ab.show(rows))
    )
best_rows = gamma.argmax(axis=1)
figures.show(
    fig,
    "Tables of alpha, beta and posterior for 'ab' over four steps. Alpha fades to the right, beta to the left. "
    f"The posterior sums to one at each step and is largest in rows {best_rows.tolist()}.",
)

# %% [markdown]
# Alpha fades from left to right, since products get longer; beta fades the other way. The posterior keeps its size, and
# shows where the letters sit.
#
# ### Play: the lattice
#
# Step through the cells with the arrow keys. In *alpha* and *beta* the sum of a cell is written out with its numbers.
# In *posterior*, raise the probability of b at the first step (select it below the lattice): do other columns change,
# too? They do: a step tells all others how far the text has come, through α and β. Then make the text `aa` and look for
# the arrow that disappears.

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
# since a relative change of $p(k, t)$ changes *p(Y | X)* by just that share:
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


per_class = np.stack([gamma[:, rows == k].sum(axis=1) for k in range(3)], axis=1)  # T C
log_probs, eps = np.log(probs), 1e-5
differences = np.zeros((T, 3))
for t, k in product(range(T), range(3)):
    nudge = np.zeros((T, 3))
    nudge[t, k] = eps
    differences[t, k] = (loss(log_probs + nudge, target) - loss(log_probs - nudge, target)) / (
        2 * eps
    )
print(
    "gradient by differences equals minus the class posterior:",
    np.allclose(differences, -per_class, atol=1e-8),
)

# %% [markdown]
# A network ends in **logits**: numbers *z* of any size, which `log_softmax` turns into log-probabilities, $\ln p(k, t)
# = z_{k,t} - \ln\sum_j e^{z_{j,t}}$. Raising $z_{k,t}$ raises ln *p*(*k*, *t*) by 1 − *p*(*k*, *t*), and lowers each
# other ln *p*(*j*, *t*) by *p*(*k*, *t*). Write *q*(*k*, *t*) for the class posterior. Its sum over the classes is 1,
# so
#
# $$\frac{\partial\, (-\ln p(Y \mid X))}{\partial z_{k,t}} = -q(k, t) + p(k, t) \sum_j q(j, t) = p(k, t) - q(k, t)$$
#
# This is what the network says, minus what the alignments of the right text would have it say. It is 0 when the two
# agree. Let torch's autograd confirm it, through our own `forward`-like loss in the package:

# %%
from crnn_lessons.ctc import ctc_loss

logits = torch.tensor(
    log_probs, requires_grad=True
)  # T C; log_softmax leaves log-probabilities as they are
loss_value = ctc_loss(
    logits.log_softmax(dim=1), torch.tensor(target), len(probs), len(target), reduction="none"
)
loss_value.backward()
print("loss agrees:    ", math.isclose(loss_value.item(), -math.log(p)))
print("gradient agrees:", np.allclose(logits.grad.numpy(), probs - per_class))

# %% [markdown]
# ## 7 Why torch's gradient looks wrong, and training is right
#
# Take log-probabilities as a leaf, so that nothing comes after the loss but the loss. Which gradient does torch give,
# and which does the package?


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
# Torch's choice has a price: its gradient is right only if a `log_softmax` stands directly before the loss. Mix the
# log-probabilities of two models, or smooth them, and torch's gradient is off, without a word. `gradcheck` tells:

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

# %% [markdown]
# From 700 steps on the probability is too small for a float64 and comes out as 0. The loss, minus its logarithm, would
# be infinite. A scanned line of text can have more columns of pixels than that. The cure is to keep logarithms:
# products become sums, and a sum becomes
#
# $$\ln(e^a + e^b) = m + \ln\!\big(e^{a-m} + e^{b-m}\big), \qquad m = \max(a, b)$$
#
# where one of the two exponents is 0, so nothing can underflow that matters.
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
# alignments. It is an oracle that needs no lattice, at any size:

# %%
from crnn_lessons.ctc import count_alignments

print(f"closed form: ln p = {math.log(count_alignments(800, target)) - 800 * math.log(3):.6f}")

# %% [markdown]
# ## 9 The corners
#
# What happens at the edges of the definition? For each corner: what the definition says, what the package returns, and
# what torch returns.


# %%
def loss_and_gradient(function, probs, target):
    leaf = torch.tensor(probs).log().reshape(-1, 1, 3).requires_grad_()  # T N C
    labels = torch.tensor([target], dtype=torch.long).reshape(1, -1)  # N S
    value = function(leaf, labels, [len(leaf)], [len(target)], reduction="sum")
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
print(f"{'':27}{'the package':27}torch")
for name, case in corners.items():
    print(f"{name:27}{loss_and_gradient(ctc_loss, *case):27}{loss_and_gradient(F.ctc_loss, *case)}")

# %% [markdown]
# The losses agree. The gradients differ where torch's is `nan`: one sample that cannot be spelled, or one class with
# probability 0, puts `nan` into all weights at the next step. Ours is 0 where the loss is infinite, and finite where
# the impossible class is not needed. Both offer `zero_infinity=True`, which counts infeasible samples as 0; the better
# cure is to find them before training. The package says which they are:

# %%
from crnn_lessons.ctc import explain_infeasible

explain_infeasible([2, 5], torch.tensor([[1, 1], [1, 2]]), [2, 2])

# %% [markdown]
# ## 10 Against every implementation at hand
#
# The last check is the widest: random batches with repeats, empty targets, mixed lengths and infeasible samples, the
# package against torch on this machine. The command `python -m crnn_lessons.ctc.check` prints a table of more such
# batches; where an NVIDIA GPU is present it has torch's native CUDA kernel and cuDNN as well.

# %%
rng = np.random.default_rng(0)
worst_loss = worst_gradient = 0.0
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
    worst_loss = max(worst_loss, (results[0][0] - results[1][0]).abs().max().item())
    worst_gradient = max(worst_gradient, (results[0][1] - results[1][1]).abs().max().item())
print(
    "800 samples: losses within 1e-9:",
    worst_loss < 1e-9,
    " gradients within 1e-9:",
    worst_gradient < 1e-9,
)

# %% [markdown]
# ## 11 What goes wrong
#
# | symptom | cause | check |
# |---|---|---|
# | the sum of αβ differs from step to step | skip rule or start and end differ in the two passes | section 5's identity |
# | doubled letters are never learned | skip between equal labels left open | count `aa` over 2 steps: it must be 0 |
# | the gradient of the blank is too small | `grad[:, rows] -= gamma` keeps one row of each class | posterior sums to 1 at each step |
# | loss `inf` on long lines only | probabilities in place of logarithms | uniform input against the closed form |
# | loss `inf`, then `nan` | *T* < *S* + *r* | `explain_infeasible` |
# | gradients differ from torch's on a leaf | torch's convention | compare at the logits |
#
# ## 12 Questions to test yourself
#
# <details><summary>Why is the product of alpha and beta a sum over paths, not a product of sums of unrelated things?</summary>
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
# <details><summary>At the start of training all outputs are nearly uniform. What does the posterior of the blank look like?</summary>
# The blank stands in S + 1 of the 2S + 1 rows, and the letters share the rest among them. When T is well above 2S, its
# posterior is larger than any letter's at nearly every step, so the first thing a network learns is to say blank
# everywhere: the plateau that lessons 08 and 11 watch. (In a lattice as short as this lesson's it is not so: try it.)
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
