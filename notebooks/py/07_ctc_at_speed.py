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
# Lesson 06 has the CTC loss and its gradient, cell by cell, in Python. Right, and slow. This lesson makes the forward
# pass fast in three moves: whole columns at once, whole batches at once, and no logarithms in the cells. Each move is
# measured, each can go wrong in its own way, and the last one must notice by itself when it does. The backward pass
# takes the same moves from the other end. The package has both, and section 6 measures them.
#
# **After this lesson you can**
# - vectorise a recursion without reading what you have just overwritten;
# - handle samples of different lengths in one batch;
# - rescale in place of logarithms, say when that fails, and explain a check that notices;
# - say how far from the limit of the machine a program is.
#
# **You need** lesson 06. **Time** 60 minutes to read and do, 40 seconds to run. The times printed here are those of the
# machine that built this page. Run the lesson, and they are yours.

# %%
import math
import time
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from crnn_lessons import exercises
from crnn_lessons.show import figures
from crnn_lessons.ctc import ctc_loss, ctc_loss_from_logits, extend, forward_backward, predecessors
from crnn_lessons.show.notation import notation

torch.set_num_threads(1)
notation("T", "t", "N", "n", "C", "k", "S", "L", "s", "p(t, k)", "α(t, s)", "β(t, s)")

# %% [markdown]
# One thread for everybody, so that comparisons are fair. The problem: *T* = 100 steps, *N* = 32 samples, *C* = 80
# classes, *S* = 30 labels. That is a batch of text lines.


# %%
def milliseconds(function, seconds=0.5):
    function()  # the first call may compile, allocate, warm up
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def problem(T, N, C, S, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(T, N, C)).astype(np.float32)
    return torch.tensor(logits).log_softmax(2), torch.tensor(rng.integers(1, C, size=(N, S)))


T, N, C, S = 100, 32, 80, 30
log_probs, targets = problem(T, N, C, S)  # T N C, N S
lengths, target_lengths = [T] * N, [S] * N

# %% [markdown]
# ## 1 Where we stand
#
# The recursion of lesson 06 on one sample of the 32, and torch's C++ on all of them. Both only forward. How far apart
# are they?


# %%
def forward(probs, target):
    rows = extend(target)
    alpha = np.zeros((len(probs), len(rows)))
    alpha[0, :2] = probs[0, rows[:2]]
    for t in range(1, len(probs)):
        for s in range(len(rows)):
            alpha[t, s] = sum(alpha[t - 1, q] for q in predecessors(rows, s)) * probs[t, rows[s]]
    return alpha


probs, target = log_probs[:, 0].double().exp().numpy(), targets[0].tolist()

# %% tags=["nbval-ignore-output"]
ms = {"cell by cell (32 times one sample)": 32 * milliseconds(lambda: forward(probs, target))}
ms["torch, C++"] = milliseconds(
    lambda: F.ctc_loss(log_probs, targets, lengths, target_lengths, reduction="sum")
)
for name, value in ms.items():
    print(f"{name:36}{value:10.2f} ms")

# %% [markdown]
# The slow form takes many tens of times as long, or hundreds. Nearly all of the time goes into Python handling one
# number after another: there are *T* · *L* · *N* = 100 · 61 · 32 = 195,200 cells.
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


rows = extend(target)
skip = np.array([len(predecessors(rows, s)) == 3 for s in range(len(rows))], dtype=float)
right, wrong = forward(probs, target), np.zeros((T, len(rows)))
wrong[0, :2] = probs[0, rows[:2]]
for t in range(1, T):
    wrong[t] = column_wrong(wrong[t - 1].copy(), skip, probs[t, rows])
print("wrong / right at the last step:", f"{wrong[-1, -2:].sum() / right[-1, -2:].sum():.3g}")

# %% [markdown]
# The first line by itself is right: NumPy reads all of `before[:-1]` before it writes. But it changes `before`, and the
# second line reads the changed numbers: a path that has just stepped is counted again, as if it had stood there one
# step earlier, and skips on in the same time step. The result is too large, and nothing crashes. Only a comparison with
# the slow form shows it.
#
# ### Exercise 07-1: a whole column at once  (★★☆, 8 minutes)
#
# Write `alpha_step(before, skip, emit)`: the new column of alpha from the column `before`. `skip[s]` is 1 if row *s*
# may be entered from row *s* − 2, else 0; `emit[s]` is the probability of the sign of row *s*. All three have *L*
# entries, and none of them may be changed. Return a new array.


# %% tags=["exercise"]
def alpha_step(before, skip, emit):
    return ...  # your code here


# %%
exercises.check("07-1", alpha_step)


# %%
def forward_columns(probs, rows, skip):
    alpha = np.zeros((len(probs), len(rows)))
    alpha[0, :2] = probs[0, rows[:2]]
    emit = probs[:, rows]  # T L
    for t in range(1, len(probs)):
        alpha[t] = alpha[t - 1]
        alpha[t, 1:] += alpha[t - 1, :-1]
        alpha[t, 2:] += skip[2:] * alpha[t - 1, :-2]
        alpha[t] *= emit[t]
    return alpha


print("same as cell by cell:", np.allclose(forward_columns(probs, rows, skip), right, rtol=1e-12))

# %% [markdown]
# ## 3 A batch at once
#
# The same for all samples side by side: arrays get an axis *N*. Two things need care. Targets differ in length, so a
# short one is padded: more rows stand above its last one, with any sign and any skip. And inputs differ in length, so a
# sample may be over while others go on. Neither disturbs alpha: a path moves to later steps and higher rows only, so
# what stands in the padding never comes back. It matters when the result is *read*. (Beta runs the other way: it must
# *start* at each sample's own end.)
#
# ### Exercise 07-2: where each sample ends  (★★☆, 8 minutes)
#
# Write `probabilities_at_end(alpha, input_lengths, target_lengths)` for `alpha` of *T* × *N* × *L* and two lists of *N*
# whole numbers: the *N* probabilities *p(Y | X)*, each at its own last step and in its own last two rows. (All targets
# have a label at least. To the check any table will do for `alpha`: its numbers are drawn at random.)


# %% tags=["exercise"]
def probabilities_at_end(alpha, input_lengths, target_lengths):
    return ...  # your code here


# %%
exercises.check("07-2", probabilities_at_end)


# %%
def forward_batch(probs, rows, skip):
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
batch_skip = np.zeros(batch_rows.shape)  # N L
batch_skip[:, 2:] = (batch_rows[:, 2:] != 0) & (batch_rows[:, 2:] != batch_rows[:, :-2])
alpha = forward_batch(batch_probs, batch_rows, batch_skip)
losses = -np.log(alpha[-1, :, -2:].sum(axis=1))
theirs = F.ctc_loss(log_probs.double(), targets, lengths, target_lengths, reduction="none")
print("same losses as torch:", np.allclose(losses, theirs.numpy(), rtol=1e-10))

# %% [markdown]
# And with lengths of every kind? The same `alpha` serves: each sample is read at its own end.

# %%
rng = np.random.default_rng(2)
T_n, S_n, n = rng.integers(60, T + 1, N), rng.integers(1, S + 1, N), np.arange(N)
ends = alpha[T_n - 1, n, 2 * S_n] + alpha[T_n - 1, n, 2 * S_n - 1]
theirs = F.ctc_loss(log_probs.double(), targets, T_n.tolist(), S_n.tolist(), reduction="none")
print("mixed lengths, same losses:", np.allclose(-np.log(ends), theirs.numpy(), rtol=1e-10))

# %% tags=["nbval-ignore-output"]
ms["column by column (32 times)"] = 32 * milliseconds(lambda: forward_columns(probs, rows, skip))
ms["batch, NumPy (exp included)"] = milliseconds(
    lambda: forward_batch(log_probs.double().exp().numpy(), batch_rows, batch_skip)
)
for name, value in ms.items():
    print(f"{name:36}{value:10.2f} ms")

# %% [markdown]
# Two vectorised axes, and NumPy is in reach of C++, although torch's loop is compiled. (The first and the third start
# from probabilities that are ready, and NumPy has twice as many bits a number as torch here.) What differs is the work
# in a cell. Torch works with logarithms: to add three of them it takes three exponentials and one logarithm.
# `forward_batch` adds three numbers.
#
# But `forward_batch` cheats: it has no logarithms, so it underflows, as section 8 of lesson 06 showed. Try a line four
# times as long:

# %%
long_log_probs, long_targets = problem(400, 1, C, S, seed=1)
long_rows = extend(long_targets[0].tolist())
long_skip = np.array(
    [len(predecessors(long_rows, s)) == 3 for s in range(len(long_rows))], dtype=float
)
long_probs = long_log_probs[:, 0].double().exp().numpy()  # T C
print("p(Y | X) =", forward_columns(long_probs, long_rows, long_skip)[-1, -2:].sum())

# %% [markdown]
# ## 4 Rescale
#
# Alpha fades because every step multiplies by a number below 1. Only the size of the whole column runs away; the
# proportions within it are fine. So divide each column by its sum, and note down what was divided out. At the end
#
# $$\ln p(Y \mid X) = \sum_{t} \ln(\text{scale}_t) + \ln(\text{last two cells})$$
#
# Here scale$_t$ is the sum of column *t* as it stands then, after all the divisions before it. The sum runs over
# *t* = 0 to *T* − 2: the last column is read as it stands. That is one logarithm for each step, in place of three
# exponentials and a logarithm for each cell. Rabiner's tutorial on hidden Markov models did it so in 1989, and Graves'
# paper does too.
#
# ### Exercise 07-3: rescale, and keep the account  (★★★, 12 minutes)
#
# Write `log_likelihood_rescaled(emit, skip)` for one sample: `emit` is *T* × *L*, the probability of each row's sign at
# each step. Start with `alpha[:2] = emit[0, :2]`. You may use your `alpha_step`, and no column is all zeros.


# %% tags=["exercise"]
def log_likelihood_rescaled(emit, skip):
    return ...  # your code here


# %%
exercises.check("07-3", log_likelihood_rescaled)


# %%
def rescaled(emit, skip, floor=0.0, cut=0.0):
    alpha, log_scales = np.full(emit.shape[1], floor), 0.0
    alpha[:2] += emit[0, :2]
    for e in emit[1:]:
        scale = alpha.sum()
        if scale == 0:
            return -math.inf
        log_scales += math.log(scale)
        before = alpha / scale
        alpha = before.copy()
        alpha[1:] += before[:-1]
        alpha[2:] += skip[2:] * before[:-2]
        alpha = alpha * e + floor
        alpha[alpha < cut] = 0.0
    end = alpha[-2:].sum()
    return log_scales + math.log(end) if end > 0 else -math.inf


in_logs = forward_backward(long_log_probs[:, 0].numpy(), long_targets[0].tolist()).log_likelihood
print(f"rescaled   {rescaled(long_probs[:, long_rows], long_skip):.9f}")
print(f"logarithms {in_logs:.9f}")

# %% [markdown]
# (What `floor` and `cut` are for comes in a moment; at 0 they do nothing.) And what does it cost?

# %% tags=["nbval-ignore-output"]
ms["column by column, rescaled (32 times)"] = 32 * milliseconds(
    lambda: rescaled(probs[:, rows], skip)
)
fig, ax = figures.new_figure(6.4, 2.2)
ax.plot(list(ms.values()), range(len(ms)), "o", color=figures.BLUE)
for i, value in enumerate(ms.values()):
    ax.annotate(f"{value:.1f}", (value, i), xytext=(8, 0), textcoords="offset points", va="center")
ax.set(xscale="log", xlabel="ms for 32 forward passes at T = 100, one thread")
ax.set(xlim=(1, 1000), yticks=range(len(ms)), yticklabels=list(ms))
ax.invert_yaxis()
described = ", ".join(f"{name} {value:.1f} ms" for name, value in ms.items())
figures.show(fig, f"Times of the forward pass on a logarithmic scale: {described}.")

# %% [markdown]
# It is not there for speed: a sum, a division and a logarithm are more calls from Python. Its gain is that long lines
# come out right, and still without a logarithm in the cells.
#
# ## 5 When rescaling fails
#
# Rescaling keeps the *column* in range. It does not keep each *cell*. Below 1 a float64 reaches down to about
# $10^{-308}$; a cell that is much further below the sum of its column becomes 0. That is no harm, as long as the paths
# through it do not matter. Can they matter?
#
# Think of a network that is stuck on the blank: it says so with near certainty everywhere. The target has 20 letters.
# Paths that spell it leave the blank 20 times, at a price of, say, $10^{-18}$ each.


# %%
def stuck(price, T=60, S=20):
    probs = np.full((T, S + 1), price)  # T C: the same at each step
    probs[:, 0] = 1 - S * price
    return probs


sick_target = list(range(1, 21))
sick_rows = extend(sick_target)
sick_skip = np.array([len(predecessors(sick_rows, s)) == 3 for s in range(41)], dtype=float)
sick = stuck(1e-18)
print("rescaled:   ln p =", rescaled(sick[:, sick_rows], sick_skip))
print("logarithms: ln p =", round(forward_backward(np.log(sick), sick_target).log_likelihood, 6))

# %% [markdown]
# The truth is about −793, the loss a large but finite number, and its gradient would lead the network out. The rescaled
# recursion says minus infinity. The row of blanks before the first letter holds nearly all of the column; the paths
# that count in the end lie too far below it.
#
# Here the failure is plain. Worse is a case where *some* paths are lost: a finite number, and a wrong one. How could a
# program notice? By computing two numbers that lie on either side of the truth.
# - **Too small**: set each cell below a **cut** of $10^{-260}$ to 0. Whatever falls below it is lost, so the recursion
#   never says too much. (Without the cut, numbers near $10^{-308}$ have few digits left, and may be rounded up.)
# - **Too large**: add a **floor** of $10^{-240}$ to each cell of each column. That is far more than underflow can take
#   away, so the recursion never says too little.
#
# Where the two agree, nothing was lost and the floor added nothing that counts. Where they differ, one of them at least
# may be wrong, and the program need not know which. Let the network get stuck more and more:

# %%
print("   price        too small      logarithms       too large   agree")
for price in [1e-6, 1e-10, 1e-12, 2e-13, 2e-14, 1e-16, 1e-18]:
    sick = stuck(price)
    low = rescaled(sick[:, sick_rows], sick_skip, cut=1e-260)
    high = rescaled(sick[:, sick_rows], sick_skip, floor=1e-240)
    truth = forward_backward(np.log(sick), sick_target).log_likelihood
    agree = high - low < 1e-10  # a difference of logarithms: p itself agrees in ten digits
    print(f"{price:8.0e}{low:17.6f}{truth:16.6f}{high:16.6f}   {agree}")

# %% [markdown]
# Wherever they agree, both are right. At 2e-13 the check is too careful: one of the two is still right. At 2e-14 it is
# needed: the number on the left is finite and wrong. (The last numbers on the right are the floor and nothing else.)
#
# The package does the same with the two passes that it needs anyway: alpha gets the floor, beta is cut, and *p(Y | X)*
# at the end of the one must equal *p(Y | X)* at the start of the other to ten digits. (Beta is multiplied by the same
# scales as alpha.) The gap between the two guards the gradient, too. What floors add to α(t, s), times β(t, s) and over
# *p(Y | X)*, is the error of that cell's posterior, and part of the gap; so is what the cut takes from β(t, s), times
# α(t, s).
#
# What happens to samples that fail? Let us see the package on ever more extreme inputs. `solve_by` is the function
# inside `ctc_loss` that also tells which way each sample went. (Its last argument is the weights of the losses.)

# %%
from crnn_lessons.ctc.arguments import read_targets
from crnn_lessons.ctc.fast.numba import solve_by

rng = np.random.default_rng(3)
noise = torch.tensor(rng.normal(size=(200, 64, 21)))  # T N C
labels = torch.tensor(rng.integers(1, 21, size=(64, 40)))
batch = read_targets(labels, [200] * 64, [40] * 64, N=64)
far_blank = noise.clone()
far_blank[:, :, 0] += 40  # the blank is e to the 40 times as probable as the rest
families = {f"logits x {factor}": factor * noise for factor in (1, 10, 18, 30, 100)}
families["blank far ahead"] = far_blank

# %%
print(f"{'':18}{'linear':>8}{'tilted':>8}{'logs':>8}   largest error of loss and gradient")
for name, logits in families.items():
    lp = logits.log_softmax(2)
    fast, gradient, methods = solve_by(lp, batch, np.ones(64))
    counts = np.bincount(methods, minlength=4)[1:]  # 1 linear, 2 tilted, 3 logarithms
    loss_error = gradient_error = 0.0
    for n in range(64):
        exact = forward_backward(lp[:, n].numpy(), labels[n].tolist())
        loss_error = max(loss_error, abs(fast[n].item() / -exact.log_likelihood - 1))
        expected = np.zeros((200, 21))
        np.add.at(expected, (slice(None), exact.rows), -exact.posterior)
        gradient_error = max(gradient_error, np.abs(gradient[:, n].numpy() - expected).max())
    print(f"{name:18}{counts[0]:8}{counts[1]:8}{counts[2]:8}", end="   ")
    print("below 1e-12:", loss_error < 1e-12, " below 1e-9:", gradient_error < 1e-9)

# %% [markdown]
# Tame samples take the fast way. Those that fail the check are done again, each by itself.
#
# The second method, *tilting*, is made for a blank far ahead. Number the labels of the target *i* = 0, 1, …, *S* − 1.
# Whenever a path *enters* label *i*, multiply it by a factor $w_i$; it is large if the label, even at its best step, is
# far less probable than the blank. Every path of the target enters each of its labels exactly once, so all of them are
# multiplied by the same number:
#
# $$\tilde p(Y \mid X) = p(Y \mid X) \prod_i w_i$$
#
# The posteriors stay as they are, and the product is divided out at the end. What fails even then is done in
# logarithms. What does it cost to fall back?


# %% tags=["nbval-ignore-output"]
def backward_pass(function, lp):
    function(lp.clone().requires_grad_(), labels, [200] * 64, [40] * 64).backward()


print(f"{'':18}{'package, ms':>12}{'torch, ms':>12}")
for name in ["logits x 1", "blank far ahead", "logits x 18", "logits x 100"]:
    lp = families[name].log_softmax(2)
    pair = [milliseconds(partial(backward_pass, f, lp), 0.3) for f in (ctc_loss, F.ctc_loss)]
    print(f"{name:18}{pair[0]:12.1f}{pair[1]:12.1f}")

# %% [markdown]
# Tilting is still far sooner than torch; logarithms cost about what torch's do. And each sample pays for itself alone:
# one wild sample among 63 tame ones costs a 64th of the last line.
#
# ## 6 The package against torch
#
# `ctc_loss` compiles these loops with numba, which turns Python functions into machine code. Blanks and labels stand in
# two arrays, not mixed in one, so that neighbouring cells follow the same rule and the processor can add several of
# them with one instruction. The program asks for eight numbers at a time (some processors do them in two or four
# goes). On a long line these are eight labels of one sample; on short ones the same label of eight samples, since 12
# labels fill two groups of eight badly.
#
# A processor works on several instructions at once, as long as none needs the result of another. The sum of a column
# is such a result: everything after it waits. So the package takes the sum of the column two steps earlier, and not the
# sum itself but the power of two below it: to divide a float64 by that rounds nothing.
#
# And it leaves out what cannot matter. Label *i* cannot be reached before step *i*, and the *S* − *i* − 1 labels after it
# need as many steps. That is two corners of the lattice: late labels at the beginning, and early labels at the end. How
# much do they make?

# %%
sizes = [(26, 64, 37, 12), (100, 32, 80, 30), (500, 16, 80, 80), (500, 16, 1000, 80)]
for T, _N, _C, S in sizes[:3]:
    t, i = np.arange(T)[:, None], np.arange(S)
    possible = (i <= t) & (S - i - 1 <= T - t - 1)
    print(f"T = {T:3}, S = {S:2}: no path through {1 - possible.mean():.0%} of the labels' cells")

# %% [markdown]
# On the short lines nearly half. (Where labels repeat, the corners are a little larger still. The package does not look
# for that.) Now loss *and* gradient, against torch, interleaved, one thread:


# %%
def loss_and_gradient(function, log_probs, targets, T_of, S_of):
    leaf = log_probs.detach().requires_grad_()
    function(leaf, targets, T_of, S_of, reduction="sum").backward()
    return leaf.grad


def lengths_of(T, N, S):
    return torch.full((N,), T), torch.full((N,), S)


# %% tags=["nbval-ignore-output"]
print("   T   N     C   S     torch, ms   package, ms   ratio")
ratios = []
for T, N, C, S in sizes:
    log_probs, targets = problem(T, N, C, S)
    calls = [
        partial(loss_and_gradient, f, log_probs, targets, *lengths_of(T, N, S))
        for f in (F.ctc_loss, ctc_loss)
    ]
    rounds = [[milliseconds(call, 0.3) for call in calls] for _ in range(3)]
    theirs, ours = np.median(rounds, axis=0)
    ratios.append(theirs / ours)
    print(f"{T:4}{N:4}{C:6}{S:4}{theirs:14.2f}{ours:14.2f}{ratios[-1]:8.1f}")

# %% [markdown]
# The ratio is largest where the lattice is large beside the classes: there torch spends its exponentials and
# logarithms. With 1000 classes both have 8 million numbers of the gradient to write besides; and on the smallest batch
# a good part of the package's time is Python's, which checks the arguments.
#
# And is it as exact? Take the answer in float64 as the truth and compare the gradients of both in float32:

# %%
errors = []
for T, N, C, S in sizes:
    log_probs, targets = problem(T, N, C, S)
    through = []
    for function, dtype in [
        (ctc_loss, torch.float64),
        (ctc_loss, torch.float32),
        (F.ctc_loss, torch.float32),
    ]:
        z = log_probs.to(dtype).detach().requires_grad_()
        function(z.log_softmax(2), targets, [T] * N, [S] * N, reduction="sum").backward()
        through.append(z.grad.double())
    ours, theirs = [(g - through[0]).abs().max().item() for g in through[1:]]
    errors.append((ours, theirs))
    print(
        f"{(T, N, C, S)!s:20} ours below 1e-6: {ours < 1e-6}   torch's above 1e-5: {theirs > 1e-5}"
    )

# %% tags=["nbval-ignore-output"]
for size, (ours, theirs) in zip(sizes, errors, strict=True):
    print(f"{size!s:20} largest error: ours {ours:.0e}, torch's {theirs:.0e}")

# %% [markdown]
# Torch keeps alpha in float32 logarithms. A loss of 2000 has an accuracy of about $10^{-4}$ there, and the gradient is
# an exponential of differences of such numbers. The package keeps its lattice in float64, whatever the input is.
#
# One step more can be saved. Most networks end in `log_softmax`, then the loss. From logits the gradient is *p* −
# posterior, and the log-probabilities need not exist:

# %%
z = torch.randn(50, 4, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))  # T N C
labels = torch.tensor(rng.integers(1, 30, size=(4, 10)))
grads = []
for function, prepare in [
    (ctc_loss, lambda z: z.log_softmax(2)),
    (ctc_loss_from_logits, lambda z: z),
]:
    leaf = z.clone().requires_grad_()
    function(prepare(leaf), labels, [50] * 4, [10] * 4).backward()
    grads.append(leaf.grad)
print("same gradient from logits:", torch.allclose(*grads, atol=1e-14))

# %% [markdown]
# ## 7 How far from the limit?
#
# A program can be compared with other programs, or with the machine. From logits every number of the input counts,
# since a softmax sums over all classes, and every number of the gradient must be written: softmax − posterior. Whatever
# the algorithm, the one must be read once and the other written once.
#
# ### Exercise 07-4: the least that must be moved  (★☆☆, 3 minutes)
#
# How many bytes is that for *T* = 500, *N* = 16, *C* = 1000, in float32? (A byte has 8 bits, a float32 has 32.)

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("07-4", answer)

# %% [markdown]
# How fast does this machine move memory? Copying an array reads it once and writes it once: the same traffic, and
# nothing else to do. Beside it, torch's exponential of each number, and the loss from log-probabilities, which skips
# the softmax and reads only the classes that the target needs.

# %% tags=["nbval-ignore-output"]
T, N, C, S = 500, 16, 1000, 80
log_probs, targets = problem(T, N, C, S)
out, ends = torch.empty_like(log_probs), lengths_of(T, N, S)
tasks = {
    "copy": lambda: out.copy_(log_probs),
    "exponentials": lambda: torch.exp(log_probs, out=out),
    "ctc_loss": lambda: loss_and_gradient(ctc_loss, log_probs, targets, *ends),
    "ctc_loss_from_logits": lambda: loss_and_gradient(
        ctc_loss_from_logits, log_probs, targets, *ends
    ),
}
taken = {name: milliseconds(task) for name, task in tasks.items()}
for name, value in taken.items():
    print(f"{name:22}{value:8.2f} ms, {value / taken['copy']:4.1f} times the copy")

# %% [markdown]
# So no program will be faster from logits than the first line, and ours takes several times as long. The rest goes into
# 8 million exponentials in float64, the lattice, and a gradient that is a new array at each call, while the copy goes
# into one that is there.
#
# On a GPU the balance is another one. Memory is fast there, and the steps of the recursion are what cannot be shared
# out: *T* steps, each waiting for the one before. So the package's GPU kernel (in Triton, a language for such programs
# within Python) runs alpha and beta at the same time, from both ends, and keeps the columns on the chip.
# `python -m crnn_lessons.ctc.check` compares it with torch's own CUDA kernel and with NVIDIA's, in their library cuDNN,
# where there is a GPU.
#
# ## 8 What goes wrong
#
# | symptom | cause | check |
# |---|---|---|
# | loss too small, no crash | in-place update reads changed rows | compare with the slow form on 5 × 5 cells |
# | losses depend on what else is in the batch | result read at the last step of the batch | the same sample alone and in a batch |
# | `inf` on very confident networks | rescaled alpha lost the paths that count | alpha's and beta's *p(Y \| X)* must agree |
# | gradient noise on long lines | float32 logarithms | compare with float64 once |
# | the first call takes seconds | compilation; later ones come from a cache on disk | time the second call |
#
# The second check, on the package: does a neighbour of another length change a sample's gradient?

# %%
log_probs, targets = problem(40, 2, 10, 6)
leaf = log_probs.requires_grad_()
ctc_loss(leaf, targets, [40, 25], [6, 3], reduction="sum").backward()
alone = log_probs[:25, 1:].detach().requires_grad_()
ctc_loss(alone, targets[1:, :3], [25], [3], reduction="sum").backward()
print("alone and in a batch, the same:", torch.equal(leaf.grad[:25, 1:], alone.grad))
print("nothing past its length:", not leaf.grad[25:, 1].any())

# %% [markdown]
# ## 9 Questions to test yourself
#
# <details><summary>Why can the steps over t not be vectorised as the rows were?</summary>
# A column needs the column before it. The rows of one column need nothing of each other.
# </details>
#
# <details><summary>Rescaling divides each column by its sum. Would any other number do?</summary>
# Any number that keeps the column in range and is written down: the maximum, or a power of two, as in section 6. The
# sum has a meaning as well: the product of the sums up to t is the probability that a path is still spelling a beginning
# of the target.
# </details>
#
# <details><summary>Why is the posterior right even though the rescaled alpha is not a probability any more?</summary>
# The scales of a column are the same for all its cells, in alpha as in beta, so they cancel when α β is divided by its
# sum over the rows.
# </details>
#
# <details><summary>Why fall back per sample and not for the whole batch?</summary>
# A batch often has one sick sample, such as a wrong label. The others should not pay for it.
# </details>
#
# <details><summary>With 1000 classes the advantage over torch is smaller than with 80. Why?</summary>
# Reading the input and writing the gradient grow with C; the lattice, where the package saves most, does not.
# </details>
#
# ## 10 Read on
#
# - L. Rabiner, *A Tutorial on Hidden Markov Models*, Proc. IEEE 1989, section V.A: scaling. Graves et al. 2006, section
#   4.1, scale alpha and beta in the same way.
# - S. Williams, A. Waterman, D. Patterson, *Roofline*, Communications of the ACM 2009: limits of machines.
# - The package: `crnn_lessons/ctc/fast/passes.py` is section 5 in compiled form, both passes and their proof; `solve.py`
#   beside it decides what to do with a sample that fails, and `log.py` does it in logarithms.
# - Next: **08 Reading raw pixels**, where CTC is put to work.
#
# Your exercises so far:

# %%
exercises.summary("07")
