# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 CTC at speed: the same number, many times sooner
#
# In lesson 06 you computed the CTC loss and its gradient cell by cell, in Python. That is right, and far too slow to
# train a reader. In this lesson you make it fast, in four moves: whole columns at once, whole batches at once, numbers
# that lie in memory as they are used, and no logarithms in the cells. They end in one short NumPy function, which keeps
# up with torch's C++ and trains your reader in lesson 11. The third move, as a picture:
#
# ![A column of alpha for three samples of five rows, as it lies in memory. With the samples one after the other a step moves three short pieces, with the rows one after the other one long piece.](../figs/memory.svg)
#
# **After this lesson you can**
# - vectorise a recursion without reading what you have just overwritten;
# - put samples of different lengths into one batch, and choose its layout;
# - rescale in place of logarithms, say when that fails, and explain a check that notices;
# - write the CTC loss of a batch with its posteriors in some forty lines of NumPy, and say how far from the machine's
#   limit it is.
#
# **You need** lesson 06.
#
# **Time** 90 minutes: 36 to read, 54 for the exercises. The cells run in 40 seconds. The times printed here are those
# of the machine that built this page. Run the lesson, and they are yours.

# %%
import math
import time
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from crnn_lessons import exercises
from crnn_lessons.ctc import ctc_loss, ctc_loss_from_logits, extend, forward_backward, predecessors
from crnn_lessons.show import figures
from crnn_lessons.show.notation import notation

torch.set_num_threads(1)

# %% [markdown]
# One thread for everybody, and `process_time`, which counts only while this program computes: so comparisons are fair.


# %%
def milliseconds(function, seconds=0.5):
    function()  # the first call may compile, allocate, warm up
    calls, end, start = 0, time.perf_counter() + seconds, time.process_time()
    while time.perf_counter() < end or not calls:
        function()
        calls += 1
    return 1000 * (time.process_time() - start) / calls


# %% [markdown]
# The problem is a batch of text lines: *T* = 100 steps, *N* = 32 samples, *C* = 80 classes, *S* = 30 labels, and so *L* =
# 61 rows of the lattice.


# %%
def problem(T, N, C, S, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(T, N, C)).astype(np.float32)
    return torch.tensor(logits).log_softmax(2), torch.tensor(rng.integers(1, C, size=(N, S)))


T, N, C, S = 100, 32, 80, 30
L = 2 * S + 1
log_probs, targets = problem(T, N, C, S)  # T N C, N S
lengths, target_lengths = [T] * N, [S] * N

# %% [markdown]
# ## 1 Where we stand
#
# Your recursion of lesson 06 on one sample of the 32, and torch's C++ on all of them. Both run forward only. How far
# apart are they?

# %%
alpha_cell = exercises.yours("06-1")


def forward(probs, rows):
    alpha = np.zeros((len(probs), len(rows)))
    alpha[0, :2] = probs[0, rows[:2]]
    for t in range(1, len(probs)):
        for s in range(len(rows)):
            alpha[t, s] = alpha_cell(alpha, t, s, rows, probs)
    return alpha


probs, rows = log_probs[:, 0].double().exp().numpy(), extend(targets[0].tolist())  # T C, L

# %% tags=["nbval-ignore-output"]
ms = {"cell by cell, 32 times": 32 * milliseconds(lambda: forward(probs, rows))}
ms["torch, C++"] = milliseconds(
    lambda: F.ctc_loss(log_probs, targets, lengths, target_lengths, reduction="sum")
)
for name, value in ms.items():
    print(f"{name:24}{value:8.1f} ms")
ratio = ms["cell by cell, 32 times"] / ms["torch, C++"]
print(f"cell by cell takes {ratio:.0f} times as long")

# %% [markdown]
# Nearly all of your time goes into Python handling one number after another: there are *T* · *L* · *N* = 100 · 61 · 32
# = 195,200 cells.
#
# ## 2 A column at once
#
# All cells of a column depend on the column before, and on nothing else of their own column. So NumPy can add whole
# columns: the column before, the same shifted by one row, the same shifted by two where the skip is allowed. Here is a
# first attempt. It is wrong. Do you see why?


# %%
def column_wrong(before, skip, emit):
    before[1:] += before[:-1]
    before[2:] += skip[2:] * before[:-2]
    return before * emit


# %%
skip = np.array([len(predecessors(rows, s)) == 3 for s in range(L)], dtype=float)
right, wrong = forward(probs, rows), np.zeros((T, L))
wrong[0, :2] = probs[0, rows[:2]]
for t in range(1, T):
    wrong[t] = column_wrong(wrong[t - 1].copy(), skip, probs[t, rows])
print(f"wrong / right at the last step: {wrong[-1, -2:].sum() / right[-1, -2:].sum():.3g}")

# %% [markdown]
# The first line by itself is right: NumPy reads all of `before[:-1]` before it writes. But it changes `before`, and the
# second line reads the changed numbers: a path that has just stepped is counted again, as if it had stood there one
# step earlier, and skips on in the same time step. The result is too large, and nothing crashes. Only a comparison with
# the slow form shows it.
#
# ### Exercise 07-1: a whole column at once  (★★☆, 6 minutes)
#
# Write `alpha_step(before, skip, emit)`: the new column of alpha from the column `before`. `skip[s]` is 1 if row *s*
# may be entered from row *s* − 2, else 0; `emit[s]` is the probability of the sign of row *s*. The rows lie along the
# first axis. There may be a second one, for samples side by side: slices such as `before[:-1]` take it along, and you
# need not think of it. Return a new array, and change none of the three.


# %% tags=["exercise"]
def alpha_step(before, skip, emit):
    return ...  # your code here


# %%
exercises.check("07-1", alpha_step)

# %%
alpha_step = exercises.yours("07-1")


def forward_columns(probs, rows, skip):
    alpha = np.zeros((len(probs), len(rows)))
    alpha[0, :2] = probs[0, rows[:2]]
    emit = probs[:, rows]  # T L
    for t in range(1, len(probs)):
        alpha[t] = alpha_step(alpha[t - 1], skip, emit[t])
    return alpha


assert np.allclose(forward_columns(probs, rows, skip), right, rtol=1e-12)

# %% tags=["nbval-ignore-output"]
ms["columns, 32 times"] = 32 * milliseconds(lambda: forward_columns(probs, rows, skip))
for name, value in ms.items():
    print(f"{name:24}{value:8.1f} ms")

# %% [markdown]
# ## 3 A batch at once
#
# The same for all samples side by side: arrays get an axis *N*. Two things need care. Targets differ in length, so a
# short one is padded: more rows stand behind its last one, with any sign and any skip. And inputs differ in length, so
# a sample may be over while others go on. Neither disturbs alpha: a path moves to later steps and higher rows only, so
# what stands in the padding never comes back. The padding matters when the result is *read*.
#
# ### Exercise 07-2: where each sample ends  (★★☆, 6 minutes)
#
# Write `probabilities_at_end(alpha, input_lengths, target_lengths)` for `alpha` of *T* × *N* × *L* and two lists of *N*
# whole numbers: the *N* probabilities *p(Y | X)*, each at its own last step and in its own last two rows. (All targets
# have a label at least. The numbers in the `alpha` of the check are made up: any table will do.)


# %% tags=["exercise"]
def probabilities_at_end(alpha, input_lengths, target_lengths):
    return ...  # your code here


# %%
exercises.check("07-2", probabilities_at_end)

# %% [markdown]
# Try it on a batch. The step below is the one of exercise 07-1 with the rows along the *last* axis, since that is how
# *T* × *N* × *L* arrays come.

# %%
probabilities_at_end = exercises.yours("07-2")


def forward_batch(probs, rows, skip):  # T N C, N L, N L
    emit = np.take_along_axis(probs, rows[None], axis=2)  # T N L
    alpha = np.zeros_like(emit)
    alpha[0, :, :2] = emit[0, :, :2]
    for t in range(1, len(probs)):
        alpha[t] = alpha[t - 1]
        alpha[t, :, 1:] += alpha[t - 1, :, :-1]
        alpha[t, :, 2:] += skip[:, 2:] * alpha[t - 1, :, :-2]
        alpha[t] *= emit[t]
    return alpha


# %%
batch_probs = log_probs.double().exp().numpy()  # T N C
batch_rows = np.stack([extend(y) for y in targets.tolist()])  # N L
batch_skip = np.zeros((N, L))
batch_skip[:, 2:] = (batch_rows[:, 2:] != 0) & (batch_rows[:, 2:] != batch_rows[:, :-2])
alpha = forward_batch(batch_probs, batch_rows, batch_skip)

# %% [markdown]
# Lengths of every kind need nothing more. The same `alpha` serves: each sample is read at its own end. Against torch,
# in float64:

# %%
rng = np.random.default_rng(2)
T_n, S_n = rng.integers(60, T + 1, N).tolist(), rng.integers(1, S + 1, N).tolist()
losses = -np.log(list(probabilities_at_end(alpha, T_n, S_n)))
theirs = F.ctc_loss(log_probs.double(), targets, T_n, S_n, reduction="none").numpy()
print("T", T_n[:4], "S", S_n[:4])
print("yours", losses[:4].round(6))
print("torch", theirs[:4].round(6))
assert np.allclose(losses, theirs, rtol=1e-10)

# %% [markdown]
# ## 4 The order in memory
#
# Memory has one axis. `alpha[t]` of *N* × *L* numbers lies there one sample after the other, and the shift by a row
# moves 32 short pieces of 60 numbers. Turned to *L* × *N* it lies one row after the other, and the shift moves one long
# piece of 60 · 32 (the picture at the top). The sums are the same. Is the time? Your `alpha_step` takes the second
# layout as it is; for the first, its slices move to the second axis.


# %%
def step_samples_first(before, skip, emit):  # N L each
    total = before.copy()
    total[:, 1:] += before[:, :-1]
    total[:, 2:] += skip[:, 2:] * before[:, :-2]
    return total * emit


samples_first = [rng.random((N, L)), batch_skip, rng.random((N, L))]  # N L
rows_first = [np.ascontiguousarray(x.T) for x in samples_first]  # L N
assert np.allclose(step_samples_first(*samples_first).T, alpha_step(*rows_first))

# %% tags=["nbval-ignore-output"]
for name, step, arrays in [
    ("N x L", step_samples_first, samples_first),
    ("L x N", alpha_step, rows_first),
]:
    print(
        f"a hundred steps of a batch, {name}: {100 * milliseconds(partial(step, *arrays)):.2f} ms"
    )

# %% [markdown]
# The same additions in another order, and the time is less than half, on the machine that built this page. NumPy runs a
# loop in C over each piece; with long pieces it starts fewer loops and reads memory in one go. So from here on the
# samples stand last.
#
# But all of this cheats: without logarithms it underflows, as section 7 of lesson 06 showed. Try a line four times as
# long:

# %%
long_log_probs, long_targets = problem(400, 1, C, S, seed=1)
long_rows = extend(long_targets[0].tolist())
long_skip = np.array([len(predecessors(long_rows, s)) == 3 for s in range(L)], dtype=float)
long_emit = long_log_probs[:, 0, long_rows].double().exp().numpy()  # T L
long_probs = long_log_probs[:, 0].double().exp().numpy()  # T C
print("p(Y | X) =", forward_columns(long_probs, long_rows, long_skip)[-1, -2:].sum())

# %% [markdown]
# ## 5 Rescale
#
# Alpha fades because every step multiplies by numbers below 1. Only the size of the whole column dwindles; the
# proportions within it are fine. So divide each column by its sum, and keep an *account* of what was divided out: the
# running sum of its logarithms. At the end
#
# $$\ln p(Y \mid X) = \sum_{t} \ln(\text{scale}_t) + \ln(\text{last two cells})$$
#
# Here scale$_t$ is the sum of column *t* as it stands then, after all the divisions before it. The sum runs over *t* =
# 0 to *T* − 2: the last column is read as it stands. That is one logarithm a step for each sample. In log space each
# cell takes two additions of logarithms, with an exponential and a logarithm each. Rabiner's tutorial on hidden Markov
# models rescaled in 1989, and Graves' paper does too.
#
# ### Exercise 07-3: rescale, and keep the account  (★★★, 10 minutes)
#
# Write `log_likelihood_rescaled(emit, skip)` for one sample: `emit` is *T* × *L*, the probability of each row's sign at
# each step. Start with `alpha[:2] = emit[0, :2]`. You may use your `alpha_step`, no column is all zeros, and no
# logarithm of a cell is taken before the end.


# %% tags=["exercise"]
def log_likelihood_rescaled(emit, skip):
    return ...  # your code here


# %%
exercises.check("07-3", log_likelihood_rescaled)

# %%
log_likelihood_rescaled = exercises.yours("07-3")
package = forward_backward(long_log_probs[:, 0].numpy(), long_targets[0].tolist())
print(f"rescaled   {log_likelihood_rescaled(long_emit, long_skip):.9f}")
print(f"logarithms {package.log_likelihood:.9f}, by the package")

# %% [markdown]
# ## 6 All of it together
#
# Now put the moves into one function. It starts from targets of any lengths, so first a batch needs its rows: padded,
# with their skips, and with a 1 in the last two rows of each sample.


# %%
def batch_rows_of(targets):
    N, L = len(targets), 2 * max(map(len, targets)) + 1
    rows, skip, last = np.zeros((L, N), int), np.zeros((L, N)), np.zeros((L, N))
    for n, target in enumerate(targets):
        S = len(target)
        rows[1 : 2 * S : 2, n] = target
        last[max(2 * S - 1, 0) : 2 * S + 1, n] = 1
    skip[2:] = (rows[2:] != 0) & (rows[2:] != rows[:-2])
    return rows, skip, last


# %% [markdown]
# Inputs of different lengths are more trouble: each sample ends at a step of its own, and beta would have to start
# there. There is a way to let all end at once. After its own last step a sample **waits**: the blank gets the
# probability 1, everything else 0. A path that has just ended moves on into its last blank and stays there, in one way,
# at no cost. Every other path would have to pass a letter, which has the probability 0. So *p(Y | X)* stays what it was.
# (The rows that pad a short target are blanks, too, and a path may wander off into them. Nobody reads them.)


# %%
def emissions(log_probs, rows, input_lengths):
    emit = np.exp(log_probs[:, np.arange(rows.shape[1]), rows].astype(float))  # T L N
    for n, T in enumerate(input_lengths):
        emit[T:, :, n] = rows[:, n] == 0  # it is over, and waits
    return emit


# %% [markdown]
# One more thought saves half of the work to come. Alpha pays for its own step, beta does not. Let **reached**(*t*, *s*)
# be the sum over all ways into cell (*t*, *s*) that have *not* paid for step *t*:
#
# $$\text{reached}(t, s) = \sum_{s'} \text{reached}(t{-}1, s')\; p(t{-}1,\ \text{row } s'), \qquad
# \alpha(t, s) = \text{reached}(t, s)\; p(t,\ \text{row } s)$$
#
# That is the recursion of beta, with time and rows run the other way. Whoever can compute *reached* from the front can
# compute beta, in a mirror.
#
# ### Exercise 07-4: sweep  (★★☆, 8 minutes)
#
# Write `sweep(start, emit, skip)`, with `start` and `skip` of *L* × *N* and `emit` of *T* × *L* × *N*. It returns
# `reached`, *T* × *L* × *N*, and the *N* accounts. `reached[0]` is `start`, whatever rows that begins in. From one step
# to the next: pay (multiply `reached[t - 1]` by `emit[t - 1]`), divide each sample by its sum over the rows and add the
# logarithm of that sum to its account, then step. A step that pays nothing is
# `alpha_step(..., skip, np.ones_like(skip))`.


# %% tags=["exercise"]
def sweep(start, emit, skip):
    return ...  # your code here


# %%
exercises.check("07-4", sweep)

# %% [markdown]
# At the last step, *p(Y | X)* is what is reached in the last two rows and pays once more. Here is the whole forward pass
# of a batch with mixed lengths, columns, batch, layout and rescaling together:

# %%
sweep = exercises.yours("07-4")


def losses_of(log_probs, targets, input_lengths):
    rows, skip, last = batch_rows_of(targets)
    emit = emissions(log_probs, rows, input_lengths)
    start = np.zeros(rows.shape)
    start[:2] = 1
    reached, log_scales = sweep(start, emit, skip)
    return -log_scales - np.log((reached[-1] * emit[-1] * last).sum(axis=0))


# %%
mixed = [y[:S] for y, S in zip(targets.tolist(), S_n, strict=True)]
losses = losses_of(log_probs.numpy(), mixed, T_n)
print("yours", losses[:4].round(4))
assert np.allclose(losses, theirs, rtol=1e-5)  # float32 comes in, and float64 before

# %% [markdown]
# How does it compare? Beside it in the figure stands the same batch in logarithms, also in NumPy, also with the samples
# last:


# %%
def forward_in_logs(log_probs, rows, skip):
    emit = log_probs[:, np.arange(rows.shape[1]), rows].astype(float)  # T L N
    closed = np.where(skip > 0, 0.0, -np.inf)  # added to what may not skip
    alpha = np.full_like(emit, -np.inf)
    alpha[0, :2] = emit[0, :2]
    for t in range(1, len(emit)):
        alpha[t] = alpha[t - 1]
        alpha[t, 1:] = np.logaddexp(alpha[t, 1:], alpha[t - 1, :-1])
        alpha[t, 2:] = np.logaddexp(alpha[t, 2:], alpha[t - 1, :-2] + closed[2:])
        alpha[t] += emit[t]
    return -np.logaddexp(alpha[-1, -1], alpha[-1, -2])


# %%
lp, y = log_probs.numpy(), targets.tolist()
rows, skip, _ = batch_rows_of(y)
assert np.allclose(forward_in_logs(lp, rows, skip), losses_of(lp, y, lengths))

# %% tags=["nbval-ignore-output"]
ms["batch, not rescaled"] = milliseconds(lambda: forward_batch(batch_probs, batch_rows, batch_skip))
ms["batch in logarithms"] = milliseconds(lambda: forward_in_logs(lp, rows, skip))
ms["batch, rescaled: yours"] = milliseconds(lambda: losses_of(lp, y, lengths))

# %% tags=["nbval-ignore-output"]
fig, ax = figures.new_figure(6.8, 2.4)
ax.plot(list(ms.values()), range(len(ms)), "o", color=figures.BLUE)
for i, value in enumerate(ms.values()):
    ax.annotate(f"{value:.1f}", (value, i), xytext=(8, 0), textcoords="offset points", va="center")
ax.set(xscale="log", xlabel="ms for the losses of 32 samples, T = 100, one thread")
ax.set(xlim=(0.5, 5000), ylim=(len(ms) - 0.5, -0.5), yticks=range(len(ms)), yticklabels=list(ms))
described = ", ".join(f"{name} {value:.1f} ms" for name, value in ms.items())
figures.show(fig, f"Times of the forward pass on a logarithmic scale: {described}.")

# %% [markdown]
# From the first line to the last you have come a long way in NumPy alone, and on the machine that built this page past
# torch's compiled loop. Look at the two lines above the last. The first has no logarithms, and is wrong on long lines.
# The second is right and has them in every cell: `np.logaddexp` adds two numbers with an exponential and a logarithm, so
# three numbers take two of each. Torch takes three exponentials and one logarithm for them. Yours takes one logarithm a
# column of a sample, and long lines come out right. In numbers:

# %% tags=["nbval-ignore-output"]
for name in ["cell by cell, 32 times", "torch, C++", "batch in logarithms"]:
    print(f"{name:24}takes {ms[name] / ms['batch, rescaled: yours']:6.1f} times as long as yours")
assert ms["batch in logarithms"] > 1.5 * ms["batch, rescaled: yours"]

# %% [markdown]
# ## 7 And backward, in a mirror
#
# Training needs the class posteriors *q*, and they need both directions. Turn the lattice by half a turn: the last step
# becomes the first, the last row becomes row 0. `emit` turns with it. A skip into row *s* from *s* − 2 becomes one into
# row *s* − 2 from *s*, so before it is turned, `skip` moves by two rows towards row 0: `np.roll(skip, -2, axis=0)`. The
# sweep starts at the last step, where all samples end since the short ones wait (section 6), in the rows of `last`.
# What it returns, turned back, is beta, up to a factor for each column:
#
# $$\gamma(t, s) \;\propto\; \text{reached}(t, s) \cdot p(t,\ \text{row } s) \cdot \beta(t, s)$$
#
# The factor goes when each column of the product is divided by its own sum: the posterior sums to 1 at each step.
#
# ### Exercise 07-5: losses and posteriors of a batch  (★★★, 21 minutes)
#
# Write `ctc_losses_and_posteriors(log_probs, targets, input_lengths)`. It takes a *T* × *N* × *C* array, a list of *N*
# lists of labels, and *N* lengths. It returns the *N* losses, and *q* as a *T* × *N* × *C* array, 0 where a sample is
# over. For a target that cannot be spelled the loss is `inf` and all its *q* are 0. Begin as `losses_of` does.


# %% tags=["exercise"]
def ctc_losses_and_posteriors(log_probs, targets, input_lengths):
    return ...  # your code here


# %%
exercises.check("07-5", ctc_losses_and_posteriors)

# %% [markdown]
# The gradient with respect to the log-probabilities is −*q*, as lesson 06 found. Against the package, on mixed lengths:

# %%
ctc_losses_and_posteriors = exercises.yours("07-5")
lp64 = log_probs.double()
losses, q = ctc_losses_and_posteriors(lp64.numpy(), mixed, T_n)
leaf = lp64.clone().requires_grad_()
ctc_loss(leaf, targets, T_n, S_n, reduction="sum").backward()
print(
    f"sample 0, t = 0: largest q {q[0, 0].max():.6f}, minus the gradient {-leaf.grad[0, 0].min():.6f}"
)
assert np.allclose(losses, theirs, rtol=1e-10)
assert np.allclose(q, -leaf.grad.numpy(), atol=1e-9)

# %% [markdown]
# This is the function that trains your reader. In lesson 11 you will wrap it for torch: the losses go forward, −*q* goes
# back. What do the loss and the gradient cost, beside torch's, on a batch of lines and on a batch of short words?


# %%
def loss_and_gradient(function, log_probs, targets, T_of, S_of):
    leaf = log_probs.detach().requires_grad_()
    function(leaf, targets, T_of, S_of, reduction="sum").backward()
    return leaf.grad


# %% tags=["nbval-ignore-output"]
print("   T   N   C   S     torch, ms   yours, ms")
for size in [(100, 32, 80, 30), (26, 64, 37, 12)]:
    some, labels = problem(*size)
    arguments = some, labels, [size[0]] * size[1], [size[3]] * size[1]
    theirs_ms = milliseconds(partial(loss_and_gradient, F.ctc_loss, *arguments))
    listed = some.numpy(), labels.tolist(), arguments[2]
    yours_ms = milliseconds(partial(ctc_losses_and_posteriors, *listed))
    print("{:4}{:4}{:4}{:4}".format(*size), f"{theirs_ms:13.2f}{yours_ms:12.2f}")

# %% [markdown]
# On the machine that built this page the two are about level on lines, and yours is ahead on words, although it goes
# through Python at every step.
#
# ## 8 When rescaling fails
#
# Rescaling keeps the *column* in range. It does not keep each *cell*. A float64 reaches down to about $10^{-308}$ with
# all its digits, and with fewer and fewer of them to $5 \cdot 10^{-324}$; a cell that is further below the sum of its
# column becomes 0. That does no harm as long as the paths through it do not matter. Can they matter?
#
# Think of a network that is stuck on the blank: it says so with near certainty everywhere. The target has 20 letters.
# A path that spells it must emit each of them once at least, at a price of, say, $10^{-18}$ a letter.


# %%
def stuck(price, T=60, S=20):
    probs = np.full((T, S + 1), price)  # T C: the same at each step
    probs[:, 0] = 1 - S * price
    return probs


# %%
labels = list(range(1, 21))
with np.errstate(divide="ignore"):
    losses, q = ctc_losses_and_posteriors(np.log(stuck(1e-18))[:, None], [labels], [60])
exact = -forward_backward(np.log(stuck(1e-18)), labels).log_likelihood
print(f"loss by your function {losses[0]:.6f}, in logarithms {exact:.6f}; sum of q {q.sum():.1f}")
assert np.isinf(losses[0]) and abs(exact - 793) < 1

# %% [markdown]
# The truth is a large but finite loss, whose gradient would lead the network out. The rescaled recursion says
# infinity, and there is no gradient at all. Where did the paths go? Here is the last column of alpha in powers of ten,
# divided by its sum, from the pass in logarithms:

# %%
column = forward_backward(np.log(stuck(1e-18)), labels).alpha[-1]
column = (column - np.logaddexp.reduce(column)) / math.log(10)
assert (column[-2:] < -324).all()
fig, ax = figures.new_figure(6.8, 2.6)
ax.plot(column, "o", color=figures.BLUE)
ax.plot([39, 40], column[-2:], "o", color=figures.VERMILLION)
ax.axhline(-323.3, linestyle="--", color=figures.VERMILLION)
ax.annotate("float64 ends here, at 5e-324", (0, -323.3), xytext=(0, 5), textcoords="offset points")
ax.set(xlabel="row s", ylabel="power of ten", title="The text is read from the last two rows")
figures.show(
    fig,
    "The cells of the last column fall by about 18 powers of ten a letter, from 0 at row 0 to "
    f"{column[-1]:.0f} at row 40. The last rows lie below 5e-324.",
)

# %% [markdown]
# The row of blanks before the first letter holds nearly all of the column, and the two cells that are read at the end
# lie too far below it.
#
# Here the failure is plain. Worse is a case where *some* paths are lost: a finite number, and a wrong one. How could a
# program notice? By computing two numbers that enclose the truth.
# - **Too small**: set each cell below a *cut* of $10^{-260}$ to 0. The recursion then never says too much. (Without the
#   cut, numbers near $10^{-308}$ have few digits left, and may be rounded up.)
# - **Too large**: add a *floor* of $10^{-240}$ to each cell of each column. That is far more than underflow can take
#   away, so the recursion never says too little.
#
# Where the two agree, nothing was lost, and the floor added nothing that counts. Where they differ, one of them at least
# is wrong, and the program need not know which.


# %%
def bound(emit, skip, floor=0.0, cut=0.0):
    alpha = np.full(emit.shape[1], floor)
    alpha[:2] += emit[0, :2]
    log_scales = 0.0
    for row in emit[1:]:
        log_scales += math.log(alpha.sum())
        alpha = alpha_step(alpha / alpha.sum(), skip, row) + floor
        alpha[alpha < cut] = 0.0
    end = alpha[-2:].sum()
    return log_scales + math.log(end) if end > 0 else -math.inf


# %% [markdown]
# Let the network get stuck more and more:

# %%
rows_of_20, skip_of_20, _ = batch_rows_of([labels])
print("   price      too small     logarithms      too large")
for price in [1e-6, 1e-10, 1e-12, 2e-13, 2e-14, 1e-16, 1e-18]:
    emit = stuck(price)[:, rows_of_20[:, 0]]  # T L
    low = bound(emit, skip_of_20[:, 0], cut=1e-260)
    high = bound(emit, skip_of_20[:, 0], floor=1e-240)
    truth = forward_backward(np.log(stuck(price)), labels).log_likelihood
    verdict = "agree" if high - low < 1e-10 else "differ"
    print(f"{price:8.0e}{low:15.6f}{truth:15.6f}{high:15.6f}  {verdict}")
    assert low - 1e-9 <= truth <= high + 1e-9

# %% [markdown]
# The truth is always between the two, and where they agree, both are right. At 2e-13 the check is too careful: one of
# the two is still right. At 2e-14 it is needed: the number on the left is finite and wrong. (In the last three rows the
# number on the right is the floor and nothing else.)
#
# The package does this with the two passes that it needs anyway: alpha gets the floor, beta is cut, and *p(Y | X)* at the
# end of the one must equal *p(Y | X)* at the start of the other to ten digits. A sample that fails is done again by
# itself, first with a trick that appendix A explains, then in logarithms. Does it come out right on extreme inputs? The
# logarithms of lesson 06 are the judge.

# %%
rng = np.random.default_rng(3)
noise = torch.tensor(rng.normal(size=(200, 64, 21)))  # T N C
labels = torch.tensor(rng.integers(1, 21, size=(64, 40)))
families = {f"logits x {factor}": factor * noise for factor in (1, 18, 100)}
families["blank far ahead"] = noise.clone()
families["blank far ahead"][:, :, 0] += 40  # e to the 40 times as probable as the rest


def class_posteriors(lattice, C):
    q = np.zeros((len(lattice.posterior), C))
    np.add.at(q, (slice(None), lattice.rows), lattice.posterior)
    return q


# %% tags=["nbval-ignore-output"]
for name, logits in families.items():
    leaf = logits.log_softmax(2).requires_grad_()
    found = ctc_loss(leaf, labels, [200] * 64, [40] * 64, reduction="none")
    found.sum().backward()
    loss_error = gradient_error = 0.0
    for n in range(0, 64, 4):
        lattice = forward_backward(leaf[:, n].detach().numpy(), labels[n].tolist())
        loss_error = max(loss_error, abs(found[n].item() / -lattice.log_likelihood - 1))
        apart = leaf.grad[:, n].numpy() + class_posteriors(lattice, 21)
        gradient_error = max(gradient_error, np.abs(apart).max())
    print(
        f"{name:16} error of the loss {loss_error:.0e} of it, of the gradient {gradient_error:.0e}"
    )
    assert loss_error < 1e-12 and gradient_error < 1e-9

# %% [markdown]
# And what does a fall-back cost? Take eight wild samples in a tame batch, and then a batch of nothing else:

# %%
some_wild = families["logits x 1"].clone()
some_wild[:, :8] = families["logits x 100"][:, :8]
batches = families | {"8 of 64 wild": some_wild}

# %% tags=["nbval-ignore-output"]
print(f"{'':18}{'package, ms':>12}{'torch, ms':>12}")
taken = {}
for name in ["logits x 1", "blank far ahead", "8 of 64 wild", "logits x 100"]:
    arguments = batches[name].log_softmax(2), labels, [200] * 64, [40] * 64
    taken[name], torch_ms = [
        milliseconds(partial(loss_and_gradient, f, *arguments)) for f in (ctc_loss, F.ctc_loss)
    ]
    print(f"{name:18}{taken[name]:12.1f}{torch_ms:12.1f}")
more, share = (taken["8 of 64 wild"] - taken["logits x 1"]) / 8, taken["logits x 100"] / 64
print(f"each wild sample adds {more:.2f} ms; a 64th of the wild batch is {share:.2f} ms")

# %% [markdown]
# A tame batch stays many times as fast as torch's, and so does one with the blank far ahead; one in logarithms costs
# about what torch's does. Among tame samples a wild one costs about what it costs among other wild ones: each sample is
# done again by itself, and the others do not pay for it.
#
# ## 9 The package against torch
#
# `ctc_loss` is your function with these checks, compiled: [numba](https://numba.pydata.org) turns Python functions into
# machine code. Loss *and* gradient against torch, in turns, one thread:

# %% tags=["nbval-ignore-output"]
sizes = [(26, 64, 37, 12), (100, 32, 80, 30), (500, 16, 80, 80), (500, 16, 1000, 80)]
print("   T   N     C   S     torch, ms   package, ms   ratio")
for size in sizes:
    some, y = problem(*size)
    arguments = some, y, torch.full((size[1],), size[0]), torch.full((size[1],), size[3])
    calls = [partial(loss_and_gradient, f, *arguments) for f in (F.ctc_loss, ctc_loss)]
    rounds = [[milliseconds(call, 0.3) for call in calls] for _ in range(3)]
    theirs_ms, ours_ms = np.median(rounds, axis=0)
    print(
        "{:4}{:4}{:6}{:4}".format(*size),
        f"{theirs_ms:13.2f}{ours_ms:14.2f}{theirs_ms / ours_ms:8.1f}",
    )

# %% [markdown]
# Compare the last two lines: the same lattice, with 80 classes and with 1000. The lattice is where torch spends its
# exponentials and logarithms. With 1000 classes both have 8 million numbers of the gradient to write besides, and the
# ratio is smaller. It is smaller for the short words of the first line, too, whose lattice is the smallest of all.
#
# And is it as exact? Take the answer in float64 as the truth and compare the gradients of both in float32:


# %%
def gradient_in(dtype, function, logits, y):
    z = logits.detach().to(dtype).requires_grad_()
    T_of, S_of = [len(z)] * len(y), [y.shape[1]] * len(y)
    function(z.log_softmax(2), y, T_of, S_of, reduction="sum").backward()
    return z.grad.double()


# %% tags=["nbval-ignore-output"]
for size in sizes:
    some, y = problem(*size)
    truth = gradient_in(torch.float64, ctc_loss, some, y)
    ours = (gradient_in(torch.float32, ctc_loss, some, y) - truth).abs().max()
    theirs = (gradient_in(torch.float32, F.ctc_loss, some, y) - truth).abs().max()
    print(f"{size!s:20} largest error: ours {ours:.0e}, torch's {theirs:.0e}")
    assert ours < 1e-6 and theirs > 1e-5

# %% [markdown]
# Torch keeps alpha in float32 logarithms. A loss of 2000 has an accuracy of about $10^{-4}$ there, and the gradient is
# an exponential of differences of such numbers. The package keeps its lattice in float64, whatever the input is, and so
# does your function.
#
# ## 10 How far from the limit?
#
# A program can be compared with other programs, or with the machine. Say the input is logits: every number of it counts,
# since a softmax sums over all classes, and every number of the gradient *p* − *q* must be written. Whatever the
# algorithm, the one must be read once and the other written once.
#
# ### Exercise 07-6: the least that must be moved  (★☆☆, 3 minutes)
#
# How many bytes is that for *T* = 500, *N* = 16, *C* = 1000, in float32? (A byte has 8 bits, a float32 has 32.)

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("07-6", answer)

# %% [markdown]
# How fast does this machine move memory? Copying an array reads it once and writes it once: the same traffic, and
# nothing else to do. Beside it, torch's exponential of each number; the loss from log-probabilities, which reads only
# the classes that the target needs; and `ctc_loss_from_logits`, which does the softmax, too.

# %% tags=["nbval-ignore-output"]
some, y = problem(500, 16, 1000, 80)
arguments = some, y, torch.full((16,), 500), torch.full((16,), 80)
out = torch.empty_like(some)
tasks = {
    "copy": lambda: out.copy_(some),
    "exponentials": lambda: torch.exp(some, out=out),
    "ctc_loss": lambda: loss_and_gradient(ctc_loss, *arguments),
    "ctc_loss_from_logits": lambda: loss_and_gradient(ctc_loss_from_logits, *arguments),
}
taken = {name: milliseconds(task) for name, task in tasks.items()}
least = exercises.yours("07-6", quiet=True)
print(f"the copy moves {least / taken['copy'] / 1e6:.1f} gigabytes a second")
for name, value in taken.items():
    print(f"{name:22}{value:8.2f} ms, {value / taken['copy']:4.1f} times the copy")

# %% [markdown]
# So no program will be faster from logits than the first line, and ours takes several times as long. The rest goes into
# 8 million exponentials, the lattice, and a gradient that is a new array at each call, while the copy goes into an
# existing one.
#
# On a GPU the balance is different: memory is fast there, but the *T* steps of the recursion wait for each other, and
# no number of processors can share them. The package's kernel for GPUs, in [Triton](https://triton-lang.org), therefore
# runs alpha and beta at the same time. `python -m crnn_lessons.ctc.check` compares it with torch's own and with
# NVIDIA's, in cuDNN, where there is a GPU.
#
# ## 11 What goes wrong
#
# | symptom | cause | check |
# |---|---|---|
# | loss too small, no crash | an update in place reads changed rows | the slow form, on 5 × 5 cells |
# | losses depend on what else is in the batch | read at the last step of the batch | the same sample alone and in a batch |
# | `inf` on very confident networks | rescaled alpha lost the paths that count | two numbers that enclose the truth |
# | gradient noise on long lines | float32 logarithms | compare with float64 once |
# | the first call takes seconds | compilation; later ones come from a cache on disk | time the second call |
#
# The second check, on your function: does a neighbour of another length change a sample?

# %%
some, y = problem(40, 2, 10, 6)
y = y.tolist()
losses, q = ctc_losses_and_posteriors(some.numpy(), [y[0], y[1][:3]], [40, 25])
alone, q_alone = ctc_losses_and_posteriors(some.numpy()[:25, 1:], [y[1][:3]], [25])
print(
    f"loss in the batch {losses[1]:.6f}, alone {alone[0]:.6f}; q after its end: {q[25:, 1].sum():.1f}"
)
assert np.isclose(losses[1], alone[0]) and np.allclose(q[:25, 1], q_alone[:, 0])
assert not q[25:, 1].any()

# %% [markdown]
# And a text that is too long for its picture must not disturb the others. `aa` needs three steps; give it two:

# %%
with np.errstate(divide="ignore"):
    losses, q = ctc_losses_and_posteriors(
        np.full((3, 2, 3), math.log(1 / 3)), [[1, 1], [1, 2]], [2, 3]
    )
print("losses", losses.round(4), " sum of q of each:", q.sum(axis=(0, 2)).round(4))
assert np.isinf(losses[0]) and np.isfinite(losses[1])

# %% [markdown]
# ## 12 Questions to test yourself
#
# <details><summary>Why can the steps over t not be vectorised as the rows were?</summary>
# A column needs the column before it. The rows of one column need nothing of each other.
# </details>
#
# <details><summary>Rescaling divides each column by its sum. Would any other number do?</summary>
# Any number that keeps the column in range and is written down: the maximum, or a power of two, which rounds nothing.
# The sum has a meaning as well: the product of the sums up to t is the probability that a path is still spelling a
# beginning of the target.
# </details>
#
# <details><summary>Why is the posterior right even though reached and beta are rescaled by different numbers?</summary>
# All cells of a column are divided by the same number, so it cancels when the product is divided by its sum over the
# rows.
# </details>
#
# <details><summary>Why fall back per sample and not for the whole batch?</summary>
# A batch often has one wild sample, such as a wrong label. The others should not pay for it.
# </details>
#
# <details><summary>With 1000 classes the advantage over torch is smaller than with 80. Why?</summary>
# Reading the input and writing the gradient grow with C; the lattice, where the package saves most, does not.
# </details>
#
# ## 13 Read on
#
# - L. Rabiner, *A Tutorial on Hidden Markov Models*, Proc. IEEE 1989, section V.A: scaling.
#   [Graves et al. 2006](https://www.cs.toronto.edu/~graves/icml_2006.pdf), section 4.1, scale alpha and beta in the same
#   way.
# - N. Rougier, [*From Python to NumPy*](https://www.labri.fr/perso/nrougier/from-python-to-numpy/): how to vectorise.
# - S. Williams, A. Waterman, D. Patterson, *Roofline*, Communications of the ACM 2009: limits of machines.
# - The package: `crnn_lessons/ctc/fast` is sections 6 to 8 in compiled form. Begin with `choose.py`, which picks the
#   kernel for the machine.
# - Next: **08 Reading raw pixels**, where CTC is put to work.
#
# The letters of this lesson, for looking up:

# %%
notation(
    "T", "t", "N", "n", "C", "k", "S", "L", "s", "p(t, k)", "p(Y | X)", "α(t, s)", "β(t, s)", "γ(t, s)", "q(t, k)"
)  # fmt: skip

# %% [markdown]
# Your exercises so far:

# %%
exercises.summary("07")

# %% [markdown]
# ## Appendix A: tilting
#
# A blank that is far ahead, as in section 8, is common early in training, and logarithms for every sample would be
# slow. There is a better way. Multiply a path by a factor *w* whenever it *enters* a label. Every path of the target
# enters each of its *S* labels exactly once, so all of them are multiplied by the same number:
#
# $$\tilde p(Y \mid X) = w^S \, p(Y \mid X)$$
#
# The posteriors stay as they are, and ln *p(Y | X)* is the result minus *S* ln *w*. But within a column the labels are
# lifted to where the blank is. Here it is for the stuck network:


# %%
def tilted(emit, skip, w):
    label = np.arange(emit.shape[1]) % 2  # 1 in the rows of labels
    alpha = np.zeros(emit.shape[1])
    alpha[:2] = emit[0, 0], w * emit[0, 1]
    log_scales = 0.0
    for row in emit[1:]:
        log_scales += math.log(alpha.sum())
        before = alpha / alpha.sum()
        entered = alpha_step(before, skip, np.ones_like(skip)) - before
        alpha = (before + np.where(label, w, 1.0) * entered) * row
    return log_scales + math.log(alpha[-2:].sum()) - emit.shape[1] // 2 * math.log(w)


emit = stuck(1e-18)[:, rows_of_20[:, 0]]
print(f"tilted     ln p = {tilted(emit, skip_of_20[:, 0], w=1e18):.6f}")
print(f"logarithms ln p = {-exact:.6f}")
assert abs(tilted(emit, skip_of_20[:, 0], w=1e18) + exact) < 1e-6

# %% [markdown]
# The package gives each label a factor of its own: large if the label, even at its best step, is far less probable than
# the blank.
#
# ## Appendix B: what the compiled kernel does besides
#
# - Blanks and labels stand in two arrays, so that neighbouring cells follow the same rule and the processor adds eight
#   of them with one instruction (some processors do them in two or four goes). On a long line these are eight labels of
#   one sample; on short ones the same label of eight samples, your *L* × *N*.
# - A processor works on several instructions at once, as long as none needs the result of another. The sum of a column
#   is such a result: everything after it waits. So the kernel divides by the sum of the column two steps earlier, and
#   not by the sum itself but by the power of two below it, which rounds nothing.
# - It leaves out what cannot matter. Label *i* cannot be reached before step *i*, and the *S* − *i* − 1 labels after it
#   need as many steps. That is two corners of the lattice. How much do they make?

# %%
for T_short, S_short in [(26, 12), (100, 30), (500, 80)]:
    t, i = np.arange(T_short)[:, None], np.arange(S_short)
    possible = (i <= t) & (S_short - i - 1 <= T_short - t - 1)
    print(
        f"T = {T_short:3}, S = {S_short}: no path through {1 - possible.mean():.0%} of the labels' cells"
    )
