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
# Lesson 05 defined *p(Y | X)* as a sum over all alignments, and found more than $10^{13}$ of them for a word of five
# letters over 100 frames. It also drew them on top of each other, and they fell into a small lattice of 1,100 cells.
# In this lesson you compute the sum on those cells: once from the front, once from the back. Where the two passes meet,
# they tell what each frame was used for, and that is the gradient a network learns from.
#
# ![The lattice of the word ab with a number in each cell. Solid arrows show all beginnings that lead into one cell, dashed arrows all endings that lead on from it.](../figs/forward_backward.svg)
#
# **After this lesson you can**
# - derive and write alpha and beta, and check them against a listing;
# - turn them into posteriors, and the posteriors into the gradient of the CTC loss;
# - say why long lines need logarithms, and add in log space;
# - train with all of it: numbers that know nothing read `hello` after three steps, by your own functions alone.
#
# **You need** lesson 05, derivatives, and logarithms.
#
# **Time** 78 minutes: 36 to read, 42 for the exercises. The cells run in 15 seconds. (The appendices are not counted.)

# %%
import math
from itertools import product

import numpy as np

from crnn_lessons import exercises
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import alignments, extend
from crnn_lessons.show import drawings, figures
from crnn_lessons.show.notation import notation

# %% [markdown]
# The example is the one of lesson 05, the text `ab` over *T* = 4 steps. Its labels are 1 and 2; class 0 is the blank.
# The lattice has *L* = 2*S* + 1 = 5 rows: the labels with a blank before, between and after them. `extend` writes them
# down.

# %%
ab = Alphabet("ab")
target = ab.encode("ab")
rows = extend(target)
probs = np.array([[0.5, 0.4, 0.1], [0.3, 0.6, 0.1], [0.5, 0.2, 0.3], [0.2, 0.1, 0.7]])  # T C
T, L = len(probs), len(rows)
print(f"target {target}, rows of the lattice {rows}, or {ab.show(rows)}")

# %% [markdown]
# ## 1 Add up beginnings
#
# An alignment is a long product. Cut it after step *t*: the front part is a **beginning**. Many alignments share a
# beginning, so let us add up beginnings first. Define
#
# > **α(t, s)** is the sum of the probabilities of all beginnings, steps 0 to *t*, that are in row *s* at step *t*.
#
# When is a beginning in row *s*? Your map *B* tells which letters it has spelled so far. After *n* letters it is in row
# 2*n* if it stands on a blank, and in row 2*n* − 1 if it stands on the *n*-th letter. If it has spelled anything but
# the first letters of the text, it is in no row.

# %%
collapse_text = exercises.yours("05-1")


def row_of(path, text):
    spelled = collapse_text(path)
    if not text.startswith(spelled):
        return None
    return 2 * len(spelled) if path[-1] == "-" else 2 * len(spelled) - 1


def all_paths(length):
    return ["".join(signs) for signs in product("-ab", repeat=length)]


# %%
for s in range(L):
    found = [path for path in all_paths(3) if row_of(path, "ab") == s]
    print(f"row {s} ({ab.show(rows[s : s + 1])}) at t = 2:", *found)

# %% [markdown]
# Read row 2: three beginnings of three steps have spelled `a` and stand on the blank after it. Row 0 has one, all
# blanks. Now alpha for all cells, by listing. (Printed tables have one line a step; in the pictures *t* goes to the
# right.)


# %%
def path_probability(path):
    return math.prod(probs[t, "-ab".index(sign)] for t, sign in enumerate(path))


alpha_listed = np.zeros((T, L))
for t in range(T):
    for path in all_paths(t + 1):
        s = row_of(path, "ab")
        if s is not None:
            alpha_listed[t, s] += path_probability(path)
print(alpha_listed.round(4))

# %% [markdown]
# These are the numbers in the picture above.
#
# ## 2 Where does a path come from?
#
# To save the listing, alpha at step *t* must come from alpha at step *t* − 1. So ask: a beginning is in row *s* now; in
# which row was it one step earlier? Let the machine look at all beginnings, for `ab` and for `aa`.


# %%
def came_from(text, longest=5):
    found = {}
    for length in range(2, longest + 1):
        for path in all_paths(length):
            s = row_of(path, text)
            if s is not None:
                found.setdefault(s, set()).add(row_of(path[:-1], text))
    return found


for text in ["ab", "aa"]:
    for s, before in sorted(came_from(text).items()):
        print(f"{text}: into row {s} from rows {sorted(before)}")

# %% [markdown]
# Compare row 3, the second letter. In `ab` it is entered from rows 1, 2 and 3. In `aa` it is entered from rows 2 and 3
# only. That gives the rule. A path gets into row *s*
# - from row *s*: it **stays**;
# - from row *s* − 1: it **steps**;
# - from row *s* − 2: it **skips** a blank, if row *s* holds a letter *and this letter differs from the one in row
#   s − 2*.
#
# Between equal letters the skip is closed: without the blank, *B* would merge the two. This one condition is all that
# is left of the repeats *r* of lesson 05.
#
# Each way in ends with the same sign, the blank or letter of row *s*, so its probability can be taken out of the sum.
# For *t* ≥ 1:
#
# $$\alpha(t, s) = \big(\alpha(t{-}1, s) + \alpha(t{-}1, s{-}1) + [\text{skip allowed}]\;\alpha(t{-}1, s{-}2)\big)
# \; p(t,\ \text{row } s)$$
#
# where *p*(*t*, row *s*) is short for `probs[t, rows[s]]`. At *t* = 0 a path is in row 0, on the blank, or in row 1, on
# the first letter: α(0, 0) and α(0, 1) are the probabilities of these two signs, and all else is 0. (The empty text has
# row 0 only.)
#
# A function that computes one cell can be watched: each look at `alpha[t - 1, ...]` is an arrow from the cell that it
# reads to the cell that it fills. The next function breaks the rule. The text is `aab`. Which arrows should not be
# there, and why?

# %%
from crnn_lessons.exercises.trace import trace_backward, trace_forward


def too_bold(alpha, t, s, rows, probs):
    return alpha[t - 1, max(s - 2, 0) : s + 1].sum() * probs[t, rows[s]]


flat = np.full((5, 3), 1 / 3)  # T C
trace_forward(too_bold, flat, (1, 1, 2), characters="-ab")

# %% [markdown]
# The dashed arrows from blank to blank jump over a letter, and the text would lose it. Those from the first a to the
# second jump over the blank that keeps the two apart.
#
# ### Exercise 06-1: one cell of alpha  (★★☆, 10 minutes)
#
# Write `alpha_cell(alpha, t, s, rows, probs)`: the value of α(t, s) for *t* ≥ 1. `alpha[t - 1, ...]` is known;
# `rows[s]` is the class of row *s*, 0 for the blank. If the check complains, watch your function as above:
# `trace_forward(alpha_cell, flat, (1, 1, 2), characters="-ab")`. A look at row −1, which in Python is the last row, is
# drawn above row 0.


# %% tags=["exercise"]
def alpha_cell(alpha, t, s, rows, probs):
    return ...  # your code here


# %%
exercises.check("06-1", alpha_cell)

# %% [markdown]
# All of alpha is your cell in a loop. (A path may begin in the first two rows; `start` is there to break that, later.)

# %%
alpha_cell = exercises.yours("06-1")


def forward(probs, target, cell=alpha_cell, start=2):
    rows = extend(target)
    alpha = np.zeros((len(probs), len(rows)))
    alpha[0, :start] = probs[0, rows[:start]]
    for t in range(1, len(probs)):
        for s in range(len(rows)):
            alpha[t, s] = cell(alpha, t, s, rows, probs)
    return alpha


alpha = forward(probs, target)
print(alpha.round(4))
assert np.allclose(alpha, alpha_listed, rtol=1e-12)

# %% [markdown]
# ## 3 The probability of the text
#
# A whole alignment ends in the last letter or in the blank after it: in one of the last two rows, at the last step.
#
# $$p(Y \mid X) = \alpha(T{-}1, L{-}1) + \alpha(T{-}1, L{-}2)$$
#
# (The empty text has one row, and only the first term is there.) Is this what the definition gives, which you wrote in
# lesson 05 as a listing? And is lesson 05's small example, `a` over two steps, still 0.24?

# %%
text_probability = exercises.yours("05-4")
print(f"by listing {text_probability(probs, target):.4f}, by cells {alpha[-1, -2:].sum():.4f}")
two_steps = np.array([[0.1, 0.4], [0.1, 0.4]])  # blank, a
print(f"{forward(two_steps, (1,))[-1, -2:].sum():.2f}")

# %% [markdown]
# Now 300 random cases, repeats and empty texts among them. How far apart do listing and cells get?

# %% tags=["nbval-ignore-output"]
rng = np.random.default_rng(6)
largest = 0.0
for _ in range(300):
    some_probs = rng.dirichlet(np.ones(4), size=rng.integers(1, 7))  # T C
    some_target = rng.integers(1, 4, size=rng.integers(0, 4))
    by_cells = forward(some_probs, some_target)[-1, -2:].sum()
    largest = max(largest, abs(by_cells - text_probability(some_probs, some_target)))
print(f"largest difference: {largest:.0e}")
assert largest < 1e-14

# %% [markdown]
# The listing of `ab` took 15 alignments of four factors each; the lattice has 20 cells. That is no great gain. But the
# work of the recursion grows with *T* × *L*, however many alignments there are.
#
# ### Exercise 06-2: count with the recursion  (★★☆, 5 minutes)
#
# Nothing in `forward` asks that the rows of `probs` sum to 1. What must `probs` be so that `forward` *counts*
# alignments? How many does `hello` have over 26 steps? Give an integer, computed with `forward`. (Take the classes h = 1,
# e = 2, l = 3, o = 4.)

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("06-2", answer)

# %% [markdown]
# Your formula of lesson 05 must give the same number:

# %%
count_paths = exercises.yours("05-3")
print(
    f"{count_paths(26, 'hello'):,} by the formula, {exercises.yours('06-2', quiet=True):,} by cells"
)
assert count_paths(26, "hello") == exercises.yours("06-2", quiet=True)

# %% [markdown]
# ## 4 From the back
#
# The same can be done from the other end. Define
#
# > **β(t, s)** is the sum of the probabilities of all endings, steps *t* + 1 to *T* − 1, of a path that is in row *s*
# > at step *t*.
#
# Step *t* itself is left out of beta, since alpha has it. (Graves' paper of 2006 has it in both, and divides once; his
# [book](https://www.cs.toronto.edu/~graves/preprint.pdf) of 2012 leaves it out, as we do.) At the last step nothing is
# left to emit: β(T−1, s) is 1 in the last two rows and 0 elsewhere. Before that, a path goes on to row *s*, *s* + 1 or
# *s* + 2, and pays for the sign it arrives in:
#
# $$\beta(t, s) = \sum_{s'} \beta(t{+}1, s')\; p(t{+}1,\ \text{row } s'), \qquad s' \in \{s,\ s{+}1,\ s{+}2 \text{ if
# allowed}\}$$
#
# The rule for the skip is the same, asked of the row arrived in: row *s* + 2 holds a letter, and another one than row
# *s*. Rows beyond the last do not exist.
#
# ### Exercise 06-3: one cell of beta  (★★☆, 8 minutes)
#
# Write `beta_cell(beta, t, s, rows, probs)`: the value of β(t, s) for *t* ≤ *T* − 2, from `beta[t + 1, ...]`.


# %% tags=["exercise"]
def beta_cell(beta, t, s, rows, probs):
    return ...  # your code here


# %%
exercises.check("06-3", beta_cell)

# %% [markdown]
# Watched on `aab`, it reads the same arrows as alpha, each from its other end:

# %%
beta_cell = exercises.yours("06-3")
trace_backward(beta_cell, flat, (1, 1, 2), characters="-ab")


# %%
def backward(probs, target, cell=beta_cell):
    rows = extend(target)
    beta = np.zeros((len(probs), len(rows)))
    beta[-1, -2:] = 1
    for t in range(len(probs) - 2, -1, -1):
        for s in range(len(rows)):
            beta[t, s] = cell(beta, t, s, rows, probs)
    return beta


beta = backward(probs, target)
print(beta.round(4))

# %% [markdown]
# ## 5 Both together
#
# α(t, s) is the sum over all beginnings up to cell (*t*, *s*), β(t, s) the sum over all endings from there. Each
# beginning goes with each ending. So their product is the probability of *all alignments through this cell*. At every
# step an alignment is in exactly one row. What should the sum of αβ over the rows be, at each *t*?

# %%
print("sum over s of alpha beta, t = 0 to 3:", (alpha * beta).sum(axis=1).round(10))

# %% [markdown]
# The same number at each step, and it is *p(Y | X)*. This identity needs nobody else's code, so it is a good first test
# of a CTC implementation. Does it find every mistake? Let alpha begin in row 0 only:

# %%
late = forward(probs, target, start=1)
print("sum over s of alpha beta:", (late * beta).sum(axis=1).round(10))
print(f"by listing: {text_probability(probs, target):.4f}")

# %% [markdown]
# The same number at each step, and the wrong one. The identity finds a rule that differs between the two passes. It
# does not find a wrong start, or an error that both passes share; for these there is the listing, on a short case.
#
# Divide αβ by *p(Y | X)*, and each step is a probability distribution over the rows, the **posterior**:
#
# $$\gamma(t, s) = \frac{\alpha(t, s)\, \beta(t, s)}{p(Y \mid X)}$$
#
# It answers: *if* the text is `ab`, how probable is it that the path is in row *s* at step *t*? By listing, that is the
# share of *p(Y | X)* that belongs to those of the 15 alignments that are in row *s* at step *t*. Is it?

# %%
p_text = alpha[-1, -2:].sum()
posterior = alpha * beta / p_text
shares = np.zeros((T, L))
for path in map(ab.show, alignments(T, target)):
    for t in range(T):
        shares[t, row_of(path[: t + 1], "ab")] += path_probability(path) / p_text
print("t = 1, by alpha and beta:", posterior[1].round(4))
print("t = 1, by listing:       ", shares[1].round(4))
assert np.allclose(posterior, shares, rtol=1e-12, atol=1e-15)

# %%
fig, axes = figures.new_figure(7.6, 2.9, ncols=3)
tables = {"alpha": alpha, "beta": beta, "posterior": posterior}
for ax, (name, table) in zip(axes, tables.items(), strict=True):
    drawings.draw_cells(ax, table, ab.show(rows), name, digits=3)
    sums = [f"{t}\nΣ {total:.3f}" for t, total in enumerate(table.sum(axis=1))]
    ax.set_xticks(range(T), sums, fontsize=7)
    ax.set_xlabel("t, and the sum of its column")
described = [f"{name}: {table.sum(axis=1).round(3).tolist()}" for name, table in tables.items()]
figures.show(fig, f"Alpha, beta and posterior of 'ab'. Their column sums: {'; '.join(described)}.")

# %% [markdown]
# The column sums of alpha fall from left to right, since the products get longer; those of beta fall towards the left,
# except at the last step, where only two rows hold a one. The posterior keeps its sum of 1 and shows where the letters
# sit. (A bare 0 is a cell that no path reaches, or from which none can end.)
#
# ### Play: the lattice
#
# Step through the cells with the arrow keys. In *alpha* and *beta* the sum of a cell is written out with its numbers.
# In *posterior*, raise the probability of a at the first step to 0.9 (select it below the lattice). Do other columns
# change, too? They do: through α and β a step tells the others how far the text has come. Raising b there changes
# nothing, since no alignment of `ab` begins with b. Then make the text `aa` and look for the arrow that disappears.

# %%
from crnn_lessons.widgets import Lattice

lattice = Lattice(
    np.random.default_rng(6).dirichlet(np.ones(3), 6), "ab", characters="ab", t=2, s=3
)
lattice

# %% [markdown]
# Take the probabilities and the text as you left them, and run your own forward pass on them. What does the widget say?

# %%
left = forward(np.array(lattice.probs), ab.encode(lattice.target))[-1, -2:].sum()
by_widget = math.exp(lattice.numbers.log_likelihood)
print(f"p({lattice.target!r} | X) = {left:.6f} by your cells, {by_widget:.6f} by the widget")
assert math.isclose(left, by_widget, rel_tol=1e-9)

# %% [markdown]
# ## 6 What the loss wants of each probability
#
# A network learns by changing its weights, and the weights reach the loss through the outputs *p*(*t*, *k*). So the
# first question is: how does the loss −ln *p(Y | X)* move when one output moves? For now let each output move by
# itself, also where the probabilities of a step then no longer sum to 1.
#
# Multiply one output *p*(*t*, *k*) by 1 + ε, with a small ε. Each alignment that emits *k* at *t* has this factor once,
# so it grows by the share ε; all other alignments stay as they are. Let *A* be the sum of those that grow. Then
# *p(Y | X)* grows by ε*A*, which is the share ε*A* / *p(Y | X)* of itself. To multiply by 1 + ε is to add ε to the
# logarithm. So in logarithms
#
# $$\frac{\partial \ln p(Y \mid X)}{\partial \ln p(t, k)} = \frac{A}{p(Y \mid X)}
# = \sum_{s:\ \text{row } s \,=\, k} \gamma(t, s)$$
#
# since *A* collects the alignments through all the rows that hold *k*. Call this sum the **class posterior** *q*(*t*,
# *k*): if the text is *Y*, how probable is it that step *t* emits class *k*? The derivative of the loss is −*q*. Nothing
# more is needed: the two passes were the gradient.
#
# ### Exercise 06-4: from rows to classes  (★★☆, 6 minutes)
#
# Write `class_posterior(posterior, rows, C)`: the *T* × *C* table *q*, without a minus. Mind that the blank stands in
# several rows.


# %% tags=["exercise"]
def class_posterior(posterior, rows, C):
    return ...  # your code here


# %%
exercises.check("06-4", class_posterior)

# %% [markdown]
# Test the formula with nothing but the loss: change one log-probability by ±ε, and see how the loss moves.

# %%
class_posterior = exercises.yours("06-4")


def loss(log_probs, target):
    return -math.log(forward(np.exp(log_probs), target)[-1, -2:].sum())


def by_differences(function, x, eps=1e-5):
    slope = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[at] = eps
        slope[at] = (function(x + nudge) - function(x - nudge)) / (2 * eps)
    return slope


# %%
log_probs = np.log(probs)
q = class_posterior(posterior, rows, C=3)
slopes = by_differences(lambda x: loss(x, target), log_probs)
print("t, then q beside minus the slopes of the loss")
for t in range(T):
    print(t, q[t].round(4), (-slopes[t]).round(4) + 0.0)
assert np.allclose(slopes, -q, atol=1e-8)

# %% [markdown]
# ## 7 Long lines need logarithms
#
# Alpha fades from step to step. How far can it fade before floating point gives up? Let every class have the
# probability 1/*C*, and make the line longer.

# %%
for C, T_long in [(3, 100), (3, 600), (3, 700), (80, 174), (80, 175)]:
    end = forward(np.full((T_long, C), 1 / C), target)[-1, -2:].sum()
    print(f"{C} classes, T = {T_long}: p = {end:.3g}")

# %% [markdown]
# With 3 classes *p(Y | X)* comes out as 0 from 700 steps on: it is too small for a float64. With 80 classes (letters,
# digits and punctuation) 175 steps are enough for that, and a scanned line of text can be longer than that. The loss is
# then −ln 0: an error in Python, `inf` in NumPy and torch. The cure is to keep logarithms. Products become sums, and a
# sum becomes
#
# $$\ln(e^a + e^b) = m + \ln\!\big(e^{a-m} + e^{b-m}\big), \qquad m = \max(a, b)$$
#
# where one of the two exponents is 0 and the other is not above it: nothing overflows, and only what is too small to
# matter can underflow.
#
# ### Exercise 06-5: add in log space  (★★☆, 5 minutes)
#
# Write `log_add(a, b)`. Probabilities of 0 have the logarithm `-np.inf`, which must work for one of the two and for
# both.


# %% tags=["exercise"]
def log_add(a, b):
    return ...  # your code here


# %%
exercises.check("06-5", log_add)

# %% [markdown]
# Here is alpha once more, with every plus a `log_add` and every times a plus. `predecessors` is the rule of section 2,
# from the package.

# %%
from crnn_lessons.ctc import predecessors

log_add = exercises.yours("06-5")


def log_forward(log_probs, target):
    rows = extend(target)
    alpha = np.full((len(log_probs), len(rows)), -np.inf)
    alpha[0, :2] = log_probs[0, rows[:2]]
    for t in range(1, len(log_probs)):
        for s in range(len(rows)):
            for before in predecessors(rows, s):
                alpha[t, s] = log_add(alpha[t, s], alpha[t - 1, before])
            alpha[t, s] += log_probs[t, rows[s]]
    return alpha


# %% [markdown]
# Is 800 steps too long for it? Lesson 05 has an oracle for uniform probabilities, an independent source of the right
# answer at any size: all alignments have the same probability, so *p(Y | X)* is their number times $C^{-T}$.

# %%
end = log_forward(np.full((800, 3), -math.log(3)), target)[-1]
print(f"by cells   ln p = {log_add(end[-1], end[-2]):.6f}")
print(f"by formula ln p = {math.log(count_paths(800, 'ab')) - 800 * math.log(3):.6f}")

# %% [markdown]
# The package has both passes in this form, a column at a time, in `forward_backward`. On the small example its numbers
# are yours:

# %%
from crnn_lessons.ctc import forward_backward

package = forward_backward(np.log(probs), target)
print(f"ln p = {package.log_likelihood:.10f} by the package, {math.log(p_text):.10f} by yours")
assert np.allclose(np.exp(package.alpha), alpha) and np.allclose(np.exp(package.beta), beta)
assert np.allclose(package.posterior, posterior)

# %% [markdown]
# ## 8 From probabilities to logits
#
# A network does not end in probabilities. It ends in **logits**, numbers *z*(*t*, *k*) of any size, and the **softmax**
# turns the logits of a step into probabilities:
#
# $$p(t, k) = \frac{e^{z(t, k)}}{\sum_j e^{z(t, j)}}, \qquad \ln p(t, k) = z(t, k) - \ln \sum_j e^{z(t, j)}$$
#
# Raise one logit *z*(*t*, *k*) by a small ε. The sum under the line grows by the share ε *p*(*t*, *k*). So ln *p*(*t*,
# *k*) rises by ε (1 − *p*(*t*, *k*)), and the ln *p*(*t*, *j*) of every other class falls by ε *p*(*t*, *k*). The loss
# moves by −*q* times each of these. All *q* of a step sum to 1, so
#
# $$\frac{\partial\, (-\ln p(Y \mid X))}{\partial z(t, k)} = -q(t, k) + p(t, k) \sum_j q(t, j) = p(t, k) - q(t, k)$$
#
# This is what the network says, minus what the alignments of the right text would have it say. It is 0 when the two
# agree.
#
# ### Exercise 06-6: loss and gradient  (★★☆, 8 minutes)
#
# Put it all together. Write `loss_and_gradient(logits, target)`, which returns the loss, a number, and its gradient
# with respect to the logits, *T* × *C*. You have `softmax` from the next cell, `forward`, `backward`, `extend` and
# your `class_posterior`.


# %%
def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))  # the largest is 1: nothing overflows
    return powers / powers.sum(axis=1, keepdims=True)


# %% tags=["exercise"]
def loss_and_gradient(logits, target):
    return ...  # your code here


# %%
exercises.check("06-6", loss_and_gradient)

# %% [markdown]
# Two tests. The first needs the loss alone: does it move as your gradient says? The second is torch, whose CTC loss and
# `log_softmax` compute the same gradient in their own way.

# %% tags=["nbval-ignore-output"]
import torch
import torch.nn.functional as F

loss_and_gradient = exercises.yours("06-6", quiet=True)
z = rng.normal(size=(6, 3))  # T C
value, gradient = loss_and_gradient(z, target)
slopes = by_differences(lambda x: loss_and_gradient(x, target)[0], z)
logits = torch.tensor(z, requires_grad=True)
log_p = logits.log_softmax(dim=1)[:, None]  # T N C, with N = 1
F.ctc_loss(log_p, torch.tensor([target]), [6], [2], reduction="sum").backward()
print(f"largest difference to the slopes of the loss: {np.abs(gradient - slopes).max():.0e}")
print(f"largest difference to torch: {np.abs(gradient - logits.grad.numpy()).max():.0e}")
assert np.allclose(gradient, slopes, atol=1e-8) and np.allclose(gradient, logits.grad, atol=1e-12)

# %% [markdown]
# ## 9 Train with it
#
# You have all it takes to train. Take the simplest network there is: no picture, no weights, only a table of 12 × 5
# logits for the frames and classes of `hello`, near 0 and so knowing nothing. Its *parameters* are its outputs. Nobody
# tells it where a letter belongs. At each step the gradient is subtracted, and your decoder of lesson 05 reads the
# table. How many steps will it take?

# %%
loss_and_gradient = exercises.yours("06-6")
best_path = exercises.yours("05-7")
helo = Alphabet("helo")
hello = helo.encode("hello")

# %%
z = 0.1 * np.random.default_rng(0).normal(size=(12, 5))  # T C
losses, read, kept = [], [], {}
for step in range(201):
    value, gradient = loss_and_gradient(z, hello)
    losses.append(value)
    read.append(helo.decode(best_path(z)))
    if step in (0, 1, 2, 3, 5, 10, 50, 200):
        print(f"step {step:3}: loss {value:6.3f}, {helo.show(z.argmax(axis=1))} reads {read[-1]!r}")
        kept[step] = softmax(z), softmax(z) - gradient, gradient
    z -= gradient
assert set(read[3:]) == {"hello"} and losses[10] < 2 and losses[200] < 0.05

# %% [markdown]
# After one step the letters are in order. At step 2 the blank between the two l's is lost, at step 3 it is back, and
# from there on the text stays right. The loss falls fast and then ever more slowly:

# %%
fig, ax = figures.new_figure(6, 2.6)
ax.semilogy(losses)
ax.plot(3, losses[3], "o", color=figures.VERMILLION)
ax.annotate("reads 'hello' from here on", (3, losses[3]), xytext=(8, 4), textcoords="offset points")
ax.set(xlabel="step", ylabel="loss", title="Gradient descent on 60 logits by your own functions")
figures.show(
    fig,
    f"The loss on a logarithmic scale falls from {losses[0]:.2f} to {losses[3]:.2f} at step 3, "
    f"marked: from there on hello is read, and to {losses[200]:.3f} at step 200.",
)

# %% [markdown]
# Why does it work? Look at the forces. Above is what the table says, *p*; in the middle what the alignments of `hello`
# ask for, *q*; below the gradient *p* − *q*, which is subtracted.

# %%
fig, axes = figures.new_figure(9.4, 5.2, nrows=3, ncols=2)
for column, step in enumerate([0, 10]):
    titles = [f"p at step {step}", f"q at step {step}", f"p − q at step {step}"]
    for ax, table, title in zip(axes[:, column], kept[step], titles, strict=True):
        drawings.draw_cells(ax, table, helo.show(range(5)), title, signed="−" in title)
strongest = {step: np.abs(kept[step][2]).max() for step in (0, 10)}
assert round(strongest[0], 2) == 0.42 and round(strongest[10], 2) == 0.15
figures.show(
    fig,
    "Tables of p, q and p − q over 12 time steps and the classes -, h, e, l, o, before training and after ten steps. "
    f"At step 0 p is flat and q already has h first and o last; the largest |p − q| is {strongest[0]:.2f}. "
    f"At step 10 p is close to q; the largest |p − q| is {strongest[10]:.2f}.",
)

# %% [markdown]
# At step 0, *p* is flat. But *q* is not: no alignment of `hello` can begin with o or end with h, so *q* leans to h on
# the left and to o on the right. Where *q* is above *p* the gradient is negative, and subtracting it raises the logit.
# Then *p* leans a little, the alignments that fit it count for more, and *q* becomes sharper. By step 10 the largest
# force has fallen from 0.42 to 0.15. Nobody said where the letters are, and CTC does not ask: do other starts end in the
# same places?

# %%
for seed in range(4):
    z = np.random.default_rng(seed).normal(size=(12, 5))  # ten times as large as above
    last_wrong = 0
    for step in range(201):
        if helo.decode(best_path(z)) != "hello":
            last_wrong = step
        z -= loss_and_gradient(z, hello)[1]
    print(f"start {seed}: 'hello' from step {last_wrong + 1} on: {helo.show(z.argmax(axis=1))}")
    assert last_wrong < 10

# %% [markdown]
# The same text in other places each time. A real network cannot settle where it likes, since its outputs come from a
# picture; but the force on them is this *p* − *q* and nothing else. From lesson 08 on, it runs through convolutions and
# recurrent layers into their weights.
#
# ## 10 What goes wrong
#
# **The skip between equal letters is open.** Doubled letters are then never learnt as such. Count `aa` over two steps:
# it must be 0. The function that was too bold in section 2 finds a path:

# %%
ones = np.ones((2, 3))  # every path has the probability 1
print(
    f"too bold: {forward(ones, (1, 1), cell=too_bold)[-1, -2:].sum():.0f} ways for 'aa' in two steps"
)
print(f"yours:    {forward(ones, (1, 1))[-1, -2:].sum():.0f}")

# %% [markdown]
# **Rows of one class overwrite each other.** NumPy's `q[:, rows] += posterior` writes each class once, however many
# rows it has, and the blank stands in *S* + 1 of them. The sum over the classes of a step should be 1:

# %%
lost = np.zeros((T, 3))
lost[:, rows] += posterior
print("sums of q:", lost.sum(axis=1).round(4), "in place of", q.sum(axis=1).round(4))

# %% [markdown]
# **The picture is too short.** *T* < *S* + *r*, as in lesson 05, section 10. Here is the function that finds such
# samples before you train:

# %%
from crnn_lessons.ctc import explain_infeasible

explain_infeasible([2, 5], torch.tensor([[1, 1], [1, 2]]), [2, 2])

# %% [markdown]
# And to find your own mistakes:
#
# | symptom | cause | check |
# |---|---|---|
# | the sum of αβ differs from step to step | the rules of the two passes differ | section 5's identity |
# | it is the same at each step, and wrong | a wrong start or end, or an error in both | the listing |
# | the loss is infinite on long lines only | probabilities, not logarithms | section 7's formula |
# | gradients differ from torch's on log-probabilities | torch's convention | appendix A |
#
# ## 11 Questions to test yourself
#
# <details>
# <summary>Why does alpha times beta give the sum over whole paths?</summary>
# Because the lattice has no memory beyond the cell: which endings are possible depends on the row only, not on how it
# was reached. So each beginning goes with each ending, and multiplying the two sums multiplies out to all pairs.
# </details>
#
# <details><summary>Why may a path skip the blank between a and b, and not skip a letter?</summary>
# A skipped blank leaves the text as it is. A skipped letter would be missing from the text.
# </details>
#
# <details><summary>What is the gradient when the network is certain of the right path?</summary>
# All alignments but one have the probability 0, so q is 1 on that path, as is p: p − q = 0.
# </details>
#
# <details>
# <summary>At the start of training all outputs are nearly uniform. What does q of the blank look like?</summary>
# The blank stands in S + 1 of the 2S + 1 rows. If T is several times 2S, its q is larger than any letter's at most
# steps. So the first thing such a network is taught is to say blank: the plateau, a stretch where the loss hardly
# falls, that lessons 08 and 11 watch. Try it: `hello` at T = 40 in section 9.
# </details>
#
# <details><summary>Why does beta leave out step t?</summary>
# It is a choice. With step t in both, each product would contain its probability twice, and the posterior would need a
# division by it, which fails when it is 0.
# </details>
#
# ## 12 Read on
#
# - A. Graves, S. Fernández, F. Gomez, J. Schmidhuber,
#   [*Connectionist Temporal Classification*](https://www.cs.toronto.edu/~graves/icml_2006.pdf), ICML 2006. Section 4.1:
#   equations 5 to 8 are alpha, 9 to 11 beta. Section 4.2 is the gradient; equation 16 is our *p* − *q*, written with
#   rescaled variables and with step *t* in both alpha and beta.
# - L. Rabiner, *A Tutorial on Hidden Markov Models*, Proc. IEEE 1989, section III: the same two passes, 17 years
#   earlier.
# - Next: **07 CTC at speed**, where the loops go, and torch's C++ is caught up with, then overtaken.
#
# The letters of this lesson, for looking up:

# %%
notation(
    "T", "t", "C", "k", "Y", "S", "π", "B", "p(t, k)", "p(Y | X)", "L", "s", "α(t, s)", "β(t, s)", "γ(t, s)",
    "q(t, k)", "z(t, k)"
)  # fmt: skip

# %% [markdown]
# Your exercises so far:

# %%
exercises.summary("06")

# %% [markdown]
# ## Appendix A: torch's gradient on log-probabilities
#
# Compare your −*q* with torch, and you may think that one of the two is broken. Take log-probabilities as a **leaf**, a
# tensor that was not computed from others, where autograd stops:

# %%
from crnn_lessons.ctc import ctc_loss


def leaf_gradient(function):
    leaf = torch.tensor(log_probs)[:, None].requires_grad_()  # T N C, with N = 1
    function(leaf, torch.tensor([target]), [T], [2], reduction="sum").backward()
    return leaf.grad[:, 0].numpy()


print("at t = 0:  -q", 0 - q[0].round(4), "  p - q", (probs - q)[0].round(4))
print("torch:    ", leaf_gradient(F.ctc_loss)[0].round(4))
print("package:  ", leaf_gradient(ctc_loss)[0].round(4))
assert np.allclose(leaf_gradient(F.ctc_loss), probs - q)
assert np.allclose(leaf_gradient(ctc_loss), -q)

# %% [markdown]
# Torch returns the gradient of the *logits*, although it was asked for that of the log-probabilities
# ([issue 52241](https://github.com/pytorch/pytorch/issues/52241)). Behind a `log_softmax` both train the same. Its
# backward pass takes a gradient *g* and returns $g - p \sum_j g_j$ at each step:
# - from *g* = −*q*, whose sum is −1, it makes *p* − *q*;
# - from *g* = *p* − *q*, whose sum is 0, it makes *p* − *q*.
#
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
print(
    f"torch against the package: mixed probabilities {mixed:.6f}, averaged logarithms {averaged:.6f}"
)
assert mixed < 1e-12 and averaged > 0.01

# %% [markdown]
# In the second case torch's gradient is off, without a word. `gradcheck`, torch's own comparison with finite
# differences, finds it on a leaf:

# %%
leaf = torch.tensor(log_probs)[:, None].requires_grad_()
for name, function in [("package", ctc_loss), ("torch", F.ctc_loss)]:

    def of_leaf(log_p, function=function):
        return function(log_p, torch.tensor([target]), [T], [2], reduction="sum")

    passed = torch.autograd.gradcheck(of_leaf, leaf, raise_exception=False)
    print(f"{name}: {'passes' if passed else 'fails'}")

# %% [markdown]
# ## Appendix B: the corners
#
# What happens at the edges? For each corner: the loss by your listing; then what the package returns, and what torch
# returns, on log-probabilities as a leaf.


# %%
def corner(function, probs, target, **options):
    leaf = torch.tensor(probs).log().reshape(-1, 1, 3).requires_grad_()  # T N C
    labels = torch.tensor([target], dtype=torch.long).reshape(1, -1)  # N S
    value = function(leaf, labels, [len(leaf)], [len(target)], reduction="sum", **options)
    value.backward()
    kind = "finite" if leaf.grad.isfinite().all() else "nan"
    kind = kind if leaf.grad.any() else "zero"
    return f"{value.item():.4f}, gradient {kind}"


third = [1 / 3] * 3
corners = {
    "empty text: blanks only": ([third] * 2, []),
    "T = S + r: one alignment": ([third] * 3, [1, 1]),
    "T < S + r: none": ([third] * 2, [1, 1]),
    "b impossible, not needed": ([[0.5, 0.5, 0.0]] * 2, [1]),
    "b impossible, but needed": ([[0.5, 0.5, 0.0]] * 2, [2]),
}

# %%
print(f"{'':27}{'listing':10}{'package':26}torch")
for name, (table, text) in corners.items():
    found = text_probability(np.array(table), text)
    by_listing = -math.log(found) if found else math.inf
    both = [corner(f, table, text) for f in (ctc_loss, F.ctc_loss)]
    print(f"{name:27}{by_listing:<10.4f}{both[0]:26}{both[1]}")

# %% [markdown]
# The losses agree. The gradients do not: where both are finite, their values differ as appendix A says; in the last
# three rows torch's has a `nan`. Ours is 0 where the loss is infinite, and finite where the impossible class is not
# needed. Both offer `zero_infinity=True`, which counts a sample with an infinite loss as 0. Which rows does it cure?

# %%
for name, case in list(corners.items())[2:]:
    print(f"{name:27}{corner(F.ctc_loss, *case, zero_infinity=True)}")

# %% [markdown]
# Two of the three. Against a class of probability 0 that is not needed it does nothing, since that loss is finite.
# There the cure is to take log-probabilities from `log_softmax` of finite logits: they are finite, too.
#
# ## Appendix C: against torch, on random batches
#
# The last check is the widest: random batches with repeats, empty texts, mixed lengths and infeasible samples, the
# package against torch on this machine. The command `python -m crnn_lessons.ctc.check` prints a table of more such
# batches; where an NVIDIA GPU is present it has torch's native CUDA kernel and cuDNN as well.


# %%
def loss_and_slopes(function, z, *rest):
    leaf = z.clone().requires_grad_()
    value = function(leaf.log_softmax(2), *rest, reduction="none", zero_infinity=True)
    value.sum().backward()
    return value.detach(), leaf.grad


# %% tags=["nbval-ignore-output"]
rng = np.random.default_rng(0)
worst_loss = worst_gradient = 0.0
for _ in range(200):
    T_max = int(rng.integers(1, 30))
    z = torch.tensor(rng.normal(size=(T_max, 4, 5)) * 3)  # T N C
    labels = torch.tensor(rng.integers(1, 5, size=(4, 8)))  # N S
    lengths = rng.integers(0, T_max + 1, 4).tolist(), rng.integers(0, 9, 4).tolist()
    theirs, ours = (loss_and_slopes(f, z, labels, *lengths) for f in (F.ctc_loss, ctc_loss))
    worst_loss = max(worst_loss, (theirs[0] - ours[0]).abs().max().item())
    worst_gradient = max(worst_gradient, (theirs[1] - ours[1]).abs().max().item())
    assert torch.isfinite(ours[1]).all() and torch.isfinite(theirs[1]).all()
print(
    f"800 samples; largest difference of a loss {worst_loss:.0e}, of a gradient {worst_gradient:.0e}"
)
assert worst_loss < 1e-9 and worst_gradient < 1e-9
