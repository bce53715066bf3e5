# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 Short-term memory: why a network forgets, and the cell that does not
#
# A recurrent network reads a sequence step by step and carries one state along. In principle the state can hold
# something from the first step to the last: the unit of exercise 01-4 does, with weights set by hand. But with random
# weights a simple network forgets within a few steps, and training seldom finds weights that do not. Why? And what has
# to change?
#
# The answer is in the gradient. This lesson sends it backwards through time by hand, measures how it fades, finds the
# cause, and then builds a memory cell piece by piece until it is an LSTM.
#
# **After this lesson you can**
# - carry a gradient back through time by hand, and check it;
# - measure how far back a network feels, and say why the gradient vanishes or explodes;
# - clip a gradient without bending its direction;
# - say what each gate of an LSTM is for, and write the steps of an LSTM and a GRU.
#
# **You need** lesson 01 (one recurrent step, unrolling), the chain rule, and products of matrices. **Time** 75 minutes
# to read and do, 25 seconds to run.

# %%
import inspect
import math

import numpy as np
import torch
from torch import nn

from crnn_lessons import exercises
from crnn_lessons.show import figures
from crnn_lessons.show.notation import notation

_ = torch.set_num_threads(1)

# %% [markdown]
# The letters of this lesson. Each is explained where it first appears; come back here when one slips away.

# %%
notation(
    "T", "t", "D", "N", "xₜ", "hₜ", "Dₕ", "Wᵢₕ", "Wₕₕ", "b", "ℓ", "Δ", "Jₜ", "‖·‖",
    "σ(·)", "⊙", "cₜ", "iₜ, fₜ, oₜ", "gₜ", "rₜ, zₜ", "nₜ"
)  # fmt: skip

# %% [markdown]
# ## 1 Who remembers the first input?
#
# Take a fresh `nn.RNN` with 16 units and let it read 40 random numbers. Then read them again with one input changed by
# 0.1, and see how far the *last* state moves. How much does it matter whether the change is 1 step back or 30?

# %%
torch.manual_seed(0)
fresh = nn.RNN(1, 16, dtype=torch.float64)
numbers = torch.randn(40, 1, 1, dtype=torch.float64)  # T N D
with torch.no_grad():
    last = fresh(numbers)[0][-1]
    for distance in [0, 1, 2, 5, 10, 20, 30, 39]:
        changed = numbers.clone()
        changed[-1 - distance] += 0.1
        print(f"{distance:3} steps back: moved by {(fresh(changed)[0][-1] - last).norm():.0e}")

# %% [markdown]
# Each step back takes away a good part of the influence, and thirty steps back nothing useful is left. The last line is
# the first input. Whatever it was, the last state looks the same. A loss on the last state then cannot say how the
# network should have treated that input.
#
# What says so is the gradient. So let us follow it.

# %% [markdown]
# ## 2 Backpropagation through time, by hand
#
# A network small enough to follow: $D_h$ = 2 units, inputs of *D* = 1 number, *T* = 4 steps. The equations of lesson
# 01, in NumPy, with torch's names in short (`W_hh` for `weight_hh`); $a_t$ is the sum before the tanh:
#
# $$a_t = W_{ih} x_t + W_{hh} h_{t-1} + b, \qquad h_t = \tanh(a_t)$$
#
# There is no readout; the output is the state itself, and in this section $y_t$ is its *target*, which the loss
# compares it with at *every* step: $\ell = \frac12 \sum_t \lVert h_t - y_t \rVert^2$.

# %%
rng = np.random.default_rng(16)
T, D_h, D = 4, 2, 1
W_hh, W_ih, b = rng.normal(size=(D_h, D_h)), rng.normal(size=(D_h, D)), rng.normal(size=D_h)
x, y = rng.normal(size=(T, D)), rng.normal(size=(T, D_h))

# %% [markdown]
# Forwards: keep every state, because the way back needs them. `h[0]` is the state before the first step, so that
# `h[t + 1]` comes after step *t*.

# %%
h = np.zeros((T + 1, D_h))
for t in range(T):
    h[t + 1] = np.tanh(W_ih @ x[t] + W_hh @ h[t] + b)
loss = 0.5 * ((h[1:] - y) ** 2).sum()
print(f"loss {loss:.6f}")

# %% [markdown]
# Backwards. Write `dh` for $\partial \ell / \partial h_t$ and `da` for $\partial \ell / \partial a_t$. At each step,
# from the last to the first, three questions:
#
# 1. What reaches $h_t$? Two things: its own term of the loss, $h_t - y_t$, and what comes back from step *t* + 1. They
#    are **added**, because $h_t$ acts on the loss in two ways.
# 2. How does it pass the tanh? The derivative of tanh at *a* is $1 - \tanh^2 a$, and $\tanh a_t$ is $h_t$ itself. So
#    `da = dh * (1 - h**2)`.
# 3. Where does it go from $a_t$? Into the weights, as the outer products of `da` with what each was multiplied by; and
#    into $h_{t-1}$, as $W_{hh}^\top$ `da`.
#
# The weights are the same at every step, so their gradient is the **sum** over the steps. Here is each step's share:

# %%
dW_hh, dW_ih, db = np.zeros((T, D_h, D_h)), np.zeros((T, D_h, D)), np.zeros((T, D_h))
dh_all, dx = np.zeros((T, D_h)), np.zeros((T, D))
from_future = np.zeros(D_h)
for t in reversed(range(T)):
    dh = (h[t + 1] - y[t]) + from_future
    da = dh * (1 - h[t + 1] ** 2)
    dW_hh[t], dW_ih[t], db[t] = np.outer(da, h[t]), np.outer(da, x[t]), da
    dh_all[t], dx[t] = dh, W_ih.T @ da
    from_future = W_hh.T @ da

# %% [markdown]
# Is it right? Torch's autograd computes the same network and the same gradients by its own means. `retain_grad` asks it
# to keep also those of the states.

# %%
leaves = {name: torch.tensor(v, requires_grad=True) for name, v in
          dict(W_hh=W_hh, W_ih=W_ih, b=b, x=x).items()}  # fmt: skip
state, states = torch.zeros(D_h, dtype=torch.float64), []
for x_t in leaves["x"]:
    state = torch.tanh(leaves["W_ih"] @ x_t + leaves["W_hh"] @ state + leaves["b"])
    state.retain_grad()
    states.append(state)
(0.5 * ((torch.stack(states) - torch.tensor(y)) ** 2).sum()).backward(retain_graph=True)


# %% [markdown]
# One line for each variable: are the two equal to the last bit, and if not, how far apart are they? (The last bits may
# differ on your machine. The asserted limit, $10^{-12}$, may not.)


# %% tags=["nbval-ignore-output"]
def compare(name, ours, torchs):
    gap = np.abs(ours - torchs.numpy()).max()
    print(
        f"{name:5} exact: {np.array_equal(ours, torchs.numpy())!s:5}  largest difference {gap:.1e}"
    )
    assert gap < 1e-12


for t in reversed(range(T)):
    compare(f"h_{t}", dh_all[t], states[t].grad)
for name, ours in [("W_hh", dW_hh.sum(0)), ("W_ih", dW_ih.sum(0)), ("b", db.sum(0)), ("x", dx)]:
    compare(name, ours, leaves[name].grad)

# %% [markdown]
# Every variable agrees. This is all that backpropagation through time is: ordinary backpropagation on the unrolled
# network, with the shares of each shared weight added up. How large are the shares of the four steps?

# %%
for t in range(T):
    print(f"step {t}: share of dW_hh", (dW_hh[t].round(3) + 0.0).tolist())  # + 0.0: no "-0.0"
print("sum:            dW_hh", dW_hh.sum(0).round(3).tolist())

# %% [markdown]
# The share of step 0 is zero for a plain reason: the state before it is zero, and it is a factor of the outer product.
#
# What if we forget to add one of the two paths? Each half alone looks plausible, and gives a gradient that points
# somewhere else:


# %%
def direction_error(keep_loss, keep_future):
    total, future = np.zeros((D_h, D_h)), np.zeros(D_h)
    for t in reversed(range(T)):
        own = h[t + 1] - y[t] if keep_loss or t == T - 1 else 0
        da = (own + keep_future * future) * (1 - h[t + 1] ** 2)
        total, future = total + np.outer(da, h[t]), W_hh.T @ da
    right = dW_hh.sum(0)
    return (total * right).sum() / np.linalg.norm(total) / np.linalg.norm(right)


print(f"both paths:                 cosine with the right gradient {direction_error(1, 1):.3f}")
print(f"without the future:         cosine {direction_error(1, 0):.3f}")
print(f"without the own loss terms: cosine {direction_error(0, 1):.3f}")

# %% [markdown]
# A cosine of 1 means the same direction. Wrong gradients of this kind still make the loss fall for a while, which is
# why they live long in hand-written code. A comparison such as the one above finds them at once.
#
# ### Exercise 02-1: one step back  (★★☆, 10 minutes)
#
# Write `backward_step(dh, h, h_before, x, W_hh)` for one step. `dh` is all that reaches $h_t$, from both paths. Return
# four arrays: the step's shares of `dW_hh`, `dW_ih` and `db`, and what goes on to the state before.


# %% tags=["exercise"]
def backward_step(dh, h, h_before, x, W_hh):
    return ...  # your code here: dW_hh, dW_ih, db, dh_before


# %%
exercises.check("02-1", backward_step)

# %% [markdown]
# ## 3 Why it fades: a product of Jacobians
#
# Let the loss stand on the last state only. The one way back is then the last line of the loop: at each step the
# gradient is multiplied by $1 - h_t^2$ and by $W_{hh}^\top$. Seen forwards, this is the **Jacobian** of one step, the
# matrix of derivatives of each unit by each unit before:
#
# $$J_t = \frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - h_t^2)\; W_{hh}$$
#
# By the chain rule, the influence over the distance Δ is a product of Δ such matrices:
#
# $$\frac{\partial h_t}{\partial h_{t-\Delta}} = J_t\, J_{t-1} \cdots J_{t-\Delta+1}$$
#
# Does this hold for the small network? Autograd gives $\partial h_3 / \partial h_0$ row by row:

# %%
jacobians = [np.diag(1 - h[t + 1] ** 2) @ W_hh for t in range(T)]
product = jacobians[3] @ jacobians[2] @ jacobians[1]
rows = [torch.autograd.grad(unit, states[0], retain_graph=True)[0] for unit in states[3]]
print("equal to autograd to 1e-12:", np.abs(product - torch.stack(rows).numpy()).max() < 1e-12)

# %% [markdown]
# How large can the product be? Write ‖*M*‖ for the largest **singular value** of a matrix: the most by which it
# lengthens any vector. Two facts: $\lVert AB \rVert \le \lVert A \rVert \lVert B \rVert$; and $1 - h^2$ is at most 1,
# so $\lVert J_t \rVert \le \lVert W_{hh} \rVert$. Together:
#
# $$\left\lVert \frac{\partial h_t}{\partial h_{t-\Delta}} \right\rVert \le \lVert W_{hh} \rVert^{\Delta}$$
#
# If ‖$W_{hh}$‖ is below 1, the influence shrinks at least as fast as a geometric series. No input and no target can
# help. This is the **vanishing gradient**.
#
# How close does the real norm come to its bound? Multiply the Jacobians of a network with 16 units along 60 steps, for
# a random matrix that is scaled so that ‖$W_{hh}$‖ is what we say.


# %%
def scaled(kind, norm, D_h=16, seed=0):
    matrix = np.random.default_rng(seed).normal(size=(D_h, D_h))
    if kind == "orthogonal":
        return norm * np.linalg.qr(matrix)[0]
    return norm * matrix / np.linalg.norm(matrix, 2)


def product_norms(W_hh, T=60, seed=1):
    x, W_ih = np.random.default_rng(seed).normal(size=(T, 1)), np.full((len(W_hh), 1), 0.3)
    h, states = np.zeros(len(W_hh)), []
    for t in range(T):
        h = np.tanh(W_ih @ x[t] + W_hh @ h)
        states.append(h)
    product, norms = np.eye(len(W_hh)), [1.0]
    for h in reversed(states[1:]):  # J_0 is left out: no input has reached the state before step 0
        product = product @ (np.diag(1 - h**2) @ W_hh)
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)


# %%
fig, axes = figures.new_figure(7.5, 3.2, ncols=2, sharey=True)
steps = np.arange(60)
styles = {0.7: (figures.BLUE, "-"), 1.0: (figures.VERMILLION, "--"), 2.0: (figures.GREEN, "-.")}
for ax, kind in zip(axes, ["random", "orthogonal"], strict=True):
    for norm, (colour, style) in styles.items():
        ax.semilogy(steps, norm**steps, color=colour, linestyle=":", linewidth=1)
        label = f"‖Wₕₕ‖ = {norm}"
        ax.semilogy(product_norms(scaled(kind, norm)), style, color=colour, label=label)
    ax.set(title=kind, xlabel="distance Δ", ylim=(1e-16, 1e8))
axes[0].set(ylabel="norm of ∂hₜ / ∂hₜ₋Δ")
axes[0].legend(title="thin dots: the bound", fontsize=8)
ends = {(k, n): product_norms(scaled(k, n))[30] for k in ("random", "orthogonal") for n in styles}
figures.show(
    fig,
    "Norm of the product of Jacobians against distance, logarithmic, with its bound. At distance 30: "
    + "; ".join(f"{k} matrix of norm {n}: {v:.0e}, bound {n**30:.0e}" for (k, n), v in ends.items()) + ".",
)  # fmt: skip

# %% [markdown]
# The measured norm never rises above its bound, and it is nearly a straight line on the logarithmic axis: each step
# costs about the same factor. On the left it lies far below the bound. Is this the work of the tanh, or of the matrix?

# %%
for norm in (1.0, 2.0):
    matrix = scaled("random", norm)
    alone = np.linalg.norm(np.linalg.matrix_power(matrix, 30), 2)
    longer = (np.linalg.svd(matrix, compute_uv=False) > 1).sum()
    print(
        f"norm {norm}: {longer} of 16 singular values above 1; 30 steps without tanh: {alone:.1e}"
    )
assert ends["random", 2.0] < 0.1 < 1e3 < alone  # with tanh it vanishes, without it explodes

# %% [markdown]
# A random matrix lengthens only one direction by the full ‖$W_{hh}$‖, all others by less, and from step to step the
# direction turns: at norm 1 the product fades even without the tanh. At norm 2 the matrix alone would explode; there it
# is the tanh that makes it vanish.
#
# And the unit of exercise 01-4, which holds a 1 for ever? Its state stays where the tanh is flat. What does its
# derivative over 30 steps say?

# %%
held, derivative = math.tanh(3), 1.0  # the weights (3, 3, 0), after the 1 has come
for _ in range(30):
    held = math.tanh(3 * held)
    derivative *= (1 - held**2) * 3
print(f"held: {held:.3f}   derivative over 30 steps: {derivative:.0e}")

# %% [markdown]
# It keeps its value, and passes no gradient: a loss 30 steps later could not have taught it so. To hold a value and to
# learn to hold it are two things.
#
# An **orthogonal** matrix treats all directions alike: every singular value is the same. Then the bound is tight but
# for the tanh. Take the tanh away, and nothing is lost at all:

# %%
Q = scaled("orthogonal", 1.0)
power = np.linalg.matrix_power(Q, 60)
print("norm of 60 orthogonal steps without tanh:", np.linalg.norm(power, 2).round(12))
print("with tanh below 1, still above 1e-4:     ", 1e-4 < product_norms(Q)[59] < 1)
for norm in (0.7, 1.0, 2.0):
    for kind in ("random", "orthogonal"):
        assert (product_norms(scaled(kind, norm)) <= norm ** np.arange(60) * (1 + 1e-9)).all()

# %% [markdown]
# So a good start helps: initialise $W_{hh}$ orthogonal. But training moves the weights, the tanh eats a little at
# each step, and the window between fading and exploding is narrow. The third line in the right panel is on the other
# side of it.
#
# ### Exercise 02-2: how many steps?  (★☆☆, 5 minutes)
#
# Write `steps_until(norm, limit)`: the smallest distance Δ at which the bound norm**Δ is *below* the limit, for a norm
# below 1 and a limit below 1. How far back does a network with ‖$W_{hh}$‖ = 0.9 feel at most, if what is below
# $10^{-6}$ counts as nothing?


# %% tags=["exercise"]
def steps_until(norm, limit):
    return ...  # your code here


# %%
exercises.check("02-2", steps_until)

# %% [markdown]
# <details><summary>And at 0.9?</summary>
# The bound falls below one millionth at distance 132: so much at most, and with the tanh less.
# </details>
#
# ## 4 Too much: exploding gradients, and clipping
#
# When the factor of a step is above 1, the same product grows without bound. Then *one* training step throws the
# weights far away. Here is one such network: 8 units with ReLU, which has no tanh to hold the state back, an
# orthogonal start with norm 2, and the task to give the mean of 20 numbers.


# %%
def make_network():
    torch.manual_seed(1)
    rnn, out = nn.RNN(1, 8, nonlinearity="relu").double(), nn.Linear(8, 1).double()
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(torch.tensor(scaled("orthogonal", 2.0, D_h=8, seed=2)))
    return rnn, out, [*rnn.parameters(), *out.parameters()]


def loss_of(rnn, out, step):
    numbers = torch.rand(20, 32, 1, generator=torch.Generator().manual_seed(step)).double()  # T N D
    return ((out(rnn(numbers)[0][-1]) - numbers.mean(0)) ** 2).mean()


# %% [markdown]
# What do a few steps of plain gradient descent do to it, with a learning rate of 0.05?


# %%
def descend(clip=None, steps=200):
    rnn, out, weights = make_network()
    losses = []
    for step in range(steps):
        loss = loss_of(rnn, out, step)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, weights)
        if clip is not None:
            gradients = clip(gradients)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight -= 0.05 * gradient
    return losses


print("loss at the first steps:", *(f"{loss:.0e}" for loss in descend(steps=4)))

# %% [markdown]
# One step takes the loss from about a hundred to more than $10^{17}$; soon it is not a number, and `nan` never leaves
# a network again. The direction of that step was right: downhill. Its *length* was not. So keep the direction and
# bound the length. Take all gradients together as one long vector $G$, and if it is longer than a limit *m*, shrink
# it to that length:
#
# $$G \leftarrow G \cdot \min\left(1, \frac{m}{\lVert G \rVert}\right)$$
#
# This is **clipping by norm**.


# %%
def total_norm(gradients):
    return math.sqrt(sum((g**2).sum().item() for g in gradients))


def clip_by_norm(gradients, limit=1.0):
    factor = min(1.0, limit / max(total_norm(gradients), 1e-12))  # a zero gradient has norm 0
    return [factor * g for g in gradients]


clipped = descend(clip_by_norm)
print("loss at the first steps:", *(f"{loss:.0e}" for loss in clipped[:4]))
print("mean loss of the last 20 below 0.01:", np.mean(clipped[-20:]) < 0.01)

# %% [markdown]
# The same network, data and learning rate, and it learns. There is another way to bound a gradient: cut each of its
# numbers at a limit (clipping by value). What do the two do to the direction? Measure the cosine between the gradient
# before and after:


# %%
def cosine(one, two):
    return sum((a * b).sum().item() for a, b in zip(one, two, strict=True)) / (
        total_norm(one) * total_norm(two)
    )


rnn, out, weights = make_network()
gradients = torch.autograd.grad(loss_of(rnn, out, 0), weights)
by_value = [g.clamp(-1, 1) for g in gradients]
print(f"by norm : cosine {cosine(gradients, clip_by_norm(gradients)):.3f}")
print(f"by value: cosine {cosine(gradients, by_value):.3f}")

# %% [markdown]
# By norm, the direction is untouched. By value, large numbers are cut and small ones stay, so the step goes elsewhere.
# Clipping each tensor by itself bends the direction too, since a large tensor shrinks and a small one does not. Torch
# has the right form, over all parameters at once; does ours agree?

# %%
for weight, gradient in zip(weights, gradients, strict=True):
    weight.grad = gradient.clone()
norm = nn.utils.clip_grad_norm_(weights, max_norm=1.0)
gap = max((w.grad - g).abs().max() for w, g in zip(weights, clip_by_norm(gradients), strict=True))
print(
    "same norm:",
    math.isclose(norm, total_norm(gradients)),
    " same gradient to 1e-6:",
    bool(gap < 1e-6),
)

# %% [markdown]
# ### Exercise 02-3: clip by norm  (★☆☆, 5 minutes)
#
# Write `clip(gradients, limit)` for a list of NumPy arrays. Return a list of new arrays.


# %% tags=["exercise"]
def clip(gradients, limit):
    return ...  # your code here


# %%
exercises.check("02-3", clip)

# %% [markdown]
# Clipping cures explosions. It does nothing against vanishing: making the whole gradient longer leaves
# the distant past as small beside the last steps as before. For that the cell itself must change.
#
# ## 5 A cell that remembers, one gate at a time
#
# What kept shrinking the gradient was the product. So do not multiply: **add**. Let a memory cell $c_t$ take in a
# number $g_t$ at each step:
#
# $$c_t = c_{t-1} + g_t \qquad\Rightarrow\qquad \frac{\partial c_t}{\partial c_{t-1}} = 1$$
#
# The derivative over any distance is 1. Nothing fades. From outside one sees $h_t = \tanh c_t$, to keep the output
# bounded. Here is such a cell of one unit, with three factors that are 1 for now; this section turns them on, one by
# one, each because something goes wrong without it.


# %%
def run_cell(g, i=1.0, f=1.0, o=1.0):
    """Memory c and output h at each step; a gate is a number for all steps, or one for each."""
    i, f, o = (np.broadcast_to(gate, len(g)) for gate in (i, f, o))
    c, memory, shown = 0.0, [], []
    for t in range(len(g)):
        c = f[t] * c + i[t] * g[t]
        memory.append(c)
        shown.append(o[t] * np.tanh(c))
    return np.array(memory), np.array(shown)


# %% [markdown]
# **Addition alone saturates.** Feed it 0.5 at every step. What does one see from outside after 5, 20 and 60 steps, and
# how large is the derivative of the output by the memory, $1 - \tanh^2 c$?

# %%
c, h = run_cell(np.full(60, 0.5))
for t in [4, 19, 59]:
    print(f"step {t + 1:2}: c = {c[t]:4.1f}   h = {h[t]:.6f}   derivative {1 - h[t] ** 2:.0e}")

# %% [markdown]
# The memory grows without end, the output sticks at 1, and its derivative is gone: 20 steps and 60 steps look the same
# from outside. The gradient that the memory would have kept dies at its door. The cell must be able to choose what it
# adds, and to let go.
#
# **Without an input gate, noise overwrites the message.** Now a message, +1 or −1, comes at step 0, and 50 steps of
# noise follow. Can the sign of the message be read from the memory at the end? With an input gate $i_t$ in front of
# what is added, $c_t = c_{t-1} + i_t\, g_t$, the cell can shut out the noise:

# %%
noise = np.random.default_rng(0)
right_open = right_gated = 0
for _ in range(1000):
    message = noise.choice([-1.0, 1.0])
    g = np.concatenate([[message], noise.normal(0, 0.5, size=50)])
    open_at_0 = np.eye(51)[0]
    right_open += run_cell(g)[0][-1] * message > 0
    right_gated += run_cell(g, i=open_at_0)[0][-1] * message > 0
print(f"always open: {right_open} of 1000;  gate open at step 0 only: {right_gated} of 1000")

# %% [markdown]
# Without the gate the answer is little better than a guess would be. With it, the message is there, exactly.
#
# **Without a forget gate, it counts for ever.** Let the memory count the letters of the word it is in: $g_t$ is 1 for
# a letter and 0 for a space. At a space it should begin again. A factor $f_t$ before the old memory does that:
# $c_t = f_t\, c_{t-1} + i_t\, g_t$.

# %%
text = "the cat sat on it"
letters = np.array([sign != " " for sign in text], dtype=float)
print("text              ", *text)
print("without forgetting", *run_cell(letters)[0].astype(int) % 10)
print("f = 0 at a space  ", *run_cell(letters, f=letters)[0].astype(int))

# %% [markdown]
# (The second row shows the last digit of the count.) Without forgetting, what was is never over, and a cell can be used
# once in its life.
#
# **Without an output gate, everything leaks.** A cell keeps a message from step 0 for the last step, where somebody
# asks for it. Until then the rest of the network should see 0: to all other units the message is only a disturbance.
# At how many steps does it disturb them?

# %%
g, asked = np.eye(30)[0], np.eye(30)[29]  # the message at step 0; the question at step 29
wanted = asked * np.tanh(1.0)
for name, o in [("without output gate", 1.0), ("open when asked", asked)]:
    h = run_cell(g, i=g, o=o)[1]
    print(f"{name:20} wrong at {np.count_nonzero(~np.isclose(h, wanted))} of 30 steps")

# %% [markdown]
# With all three gates the cell can write, keep, clear and show, each when it is time:
#
# $$c_t = f_t\, c_{t-1} + i_t\, g_t \qquad\qquad h_t = o_t \tanh c_t$$
#
# ### Play: be the gates
#
# Drive one unit by hand. In each column set the gates with the keys 0 and 1 or with the sliders, and watch the memory.
# Try to
# - write the number of one step into the memory and show it three steps later, and at no step between;
# - find which single gate has to change so that the memory is cleared;
# - solve the tasks that the widget sets.

# %%
from crnn_lessons.widgets import Gates

Gates()

# %% [markdown]
# <details><summary>What you should see</summary>
# To write at a step: i = 1 there and i = 0 after it, f = 1 until it is shown, and o = 1 only where it is shown. To
# clear the memory, f = 0 at one step; with i = 1 at that step the new number takes the place of the old. In the task
# with the latest pulse, f is 0 and i is 1 where the second pulse comes: clear and write at one step.
# </details>
#
# Who sets the gates in a network? The network itself. Each gate is a small layer that sees the input and the state,
# with the logistic function $\sigma(a) = 1 / (1 + e^{-a})$ at its end, which gives numbers between 0 and 1. So the
# gates are soft, and they have derivatives: they can be learned.
#
# A soft gate is never quite open. Over the distance Δ the memory is multiplied by *f* at every step, so that
# $f^\Delta$ of it is left. How much is that after 30 steps, if the forget gate has only its bias to go by?

# %%
for bias in [0, 1, 3, 5]:
    f = 1 / (1 + math.exp(-bias))
    print(f"bias {bias}: f = {f:.3f}, after 30 steps {f**30:.1e} of the memory is left")

# %% [markdown]
# A fresh LSTM with biases around 0 has half-open gates and forgets as fast as a simple network. That is why the bias of
# the forget gate is often started at 1 or more. How long the memory must last says how large: 1 is enough for a few
# steps, 30 steps want 3 to 5. The gate is then open until training finds a reason to close it. (In
# torch there are two biases, `bias_ih` and `bias_hh`, and their *sum* counts.)
#
# ### Exercise 02-4: hold a value for 100 steps  (★★☆, 10 minutes)
#
# A cell of one unit has the input gate $i_t = \sigma(20\, x_t + b_i)$ and the forget gate $f_t = \sigma(b_f)$. At step
# 0 the input $x_0$ is 1 and the candidate $g_0$ is 1. At the 100 steps after it $x_t$ is 0, and the candidates are
# noise, anything between −1 and 1. Choose the biases, `answer = (b_i, b_f)`, so that the memory is 1 at the end, give
# or take 0.02, whatever the noise.

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("02-4", answer)

# %% [markdown]
# ## 6 The LSTM
#
# Put the pieces together, with vectors of $D_h$ numbers, ⊙ for the product element by element, and a layer for each
# gate and for the candidate:
#
# $$
# \begin{aligned}
# i_t &= \sigma(W_{ii} x_t + W_{hi} h_{t-1} + b_i) \\
# f_t &= \sigma(W_{if} x_t + W_{hf} h_{t-1} + b_f) \\
# g_t &= \tanh(W_{ig} x_t + W_{hg} h_{t-1} + b_g) \\
# o_t &= \sigma(W_{io} x_t + W_{ho} h_{t-1} + b_o) \\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
# h_t &= o_t \odot \tanh(c_t)
# \end{aligned}
# $$
#
# Torch keeps the four matrices $W_{i\cdot}$ on top of each other in one, `weight_ih`, with 4 $D_h$ rows, and likewise
# `weight_hh` and the biases. The order is **i, f, g, o**. Some other libraries have other orders, and weights copied
# from one to the other without a change of order load without an error and give wrong numbers.
#
# ### Exercise 02-5: the step of an LSTM  (★★☆, 10 minutes)
#
# Write `lstm_step(x, h, c, W_ih, W_hh, b)` in NumPy for one sample, with `W_ih` of shape 4$D_h$ × *D* in torch's order.
# Return the new `h` and the new `c`. `np.split(a, 4)` cuts a vector in four.


# %% tags=["exercise"]
def lstm_step(x, h, c, W_ih, W_hh, b):
    return ...  # your code here


# %%
exercises.check("02-5", lstm_step)

# %% [markdown]
# The package's step is the same for a batch. The part that depends on the input alone is computed for all time steps at
# once beforehand, and comes in as `projected`. (In the comments `H` is the hidden size, our $D_h$.)

# %%
from crnn_lessons.cells import lstm_step as package_step

head, _, body = inspect.getsource(package_step).split('"""')
print(head.rstrip() + body)

# %% [markdown]
# Is this what `nn.LSTM` computes? A loop over the steps, with torch's weights:

# %%
torch.manual_seed(0)
theirs = nn.LSTM(3, 5)
x = torch.randn(7, 2, 3)  # T N D
h = c = torch.zeros(2, 5)
for projected in x @ theirs.weight_ih_l0.T + theirs.bias_ih_l0:  # N 4D_h
    h, c = package_step(projected, h, c, theirs.weight_hh_l0, theirs.bias_hh_l0)
print("last h within 1e-6:", torch.allclose(h, theirs(x)[0][-1], rtol=0, atol=1e-6))

# %% [markdown]
# The layers `LSTM` and `GRU` of `crnn_lessons.cells` scan whole batches with such a step: several layers, both
# directions, with or without biases. Their weights carry torch's names, so `load_state_dict` takes them over. Compare
# outputs and final states over all combinations:

# %%
from itertools import product as combinations

from crnn_lessons import cells


def largest_gap(kind, **options):
    theirs, ours = getattr(nn, kind)(3, 5, **options), getattr(cells, kind)(3, 5, **options)
    ours.load_state_dict(theirs.state_dict())
    (out, state), (our_out, our_state) = theirs(x), ours(x)
    pairs = [(out, our_out), *zip(as_tuple(state), as_tuple(our_state), strict=True)]
    return max((a - b).abs().max().item() for a, b in pairs)


def as_tuple(state):
    return state if isinstance(state, tuple) else (state,)


# %%
for kind in ["RNN", "LSTM", "GRU"]:
    gaps = [
        largest_gap(kind, num_layers=n, bidirectional=two, bias=bias)
        for n, two, bias in combinations([1, 2, 3], [False, True], [False, True])
    ]
    print(f"{kind:5} within 1e-6 in {sum(gap < 1e-6 for gap in gaps)} of {len(gaps)} cases")

# %% [markdown]
# And the gradients? They go through the same steps backwards; one case of two layers in both directions:

# %%
theirs = nn.LSTM(3, 5, num_layers=2, bidirectional=True)
ours = cells.LSTM(3, 5, num_layers=2, bidirectional=True)
ours.load_state_dict(theirs.state_dict())
for layer in (theirs, ours):
    (layer(x)[0] ** 2).mean().backward()
gaps = [
    (a.grad - b.grad).abs().max()
    for a, b in zip(theirs.parameters(), ours.parameters(), strict=True)
]
print(f"gradients of all {len(gaps)} weights within 1e-6:", bool(max(gaps) < 1e-6))

# %% [markdown]
# ## 7 One list: equations, code and picture
#
# Pictures of the LSTM are easy to get wrong: a wire at the wrong gate, a tanh too few. Here the picture is not drawn by
# hand. The step is written as a list of operations, each with the names of its results, a function, and the names of
# its inputs. It takes the weights of the first layer, forwards, of the last check's `theirs`. This is the whole list,
# as equations:

# %%
from crnn_lessons.show import lstm_diagram as diagram

operations = diagram.lstm_operations(
    theirs.weight_ih_l0, theirs.weight_hh_l0, theirs.bias_ih_l0, theirs.bias_hh_l0
)
print(*diagram.equations(operations), sep="\n")

# %% [markdown]
# To run the list is to execute each operation in turn. In the function that does it, `given` are the values that come
# from outside, and each `op.function` is a box: its sign for the picture, and `call`, what it computes. Does it give
# what the step of section 6 gives, to the last bit?

# %%
print(inspect.getsource(diagram.run).split('"""')[2])

# %%
h, c = torch.randn(2, 5), torch.randn(2, 5)
values = diagram.run(operations, x=x[0], h_before=h, c_before=c)
projected = nn.functional.linear(x[0], theirs.weight_ih_l0, theirs.bias_ih_l0)
h_new, c_new = package_step(projected, h, c, theirs.weight_hh_l0, theirs.bias_hh_l0)
print("h equal:", torch.equal(values["h"], h_new), " c equal:", torch.equal(values["c"], c_new))

# %% [markdown]
# Now draw the same list: a box for each operation, a wire for each input. Follow the thick line at the top. It is the
# memory, and between $c_{t-1}$ and $c_t$ there is one product and one sum, nothing else. That is the road on which
# the gradient comes back.

# %%
fig, ax = figures.new_figure(6, 4)
drawn = diagram.draw(ax, operations)
assert set(drawn) == set(diagram.wires(operations))
figures.show(
    fig, "One step of an LSTM as boxes and wires. " + "; ".join(diagram.equations(operations)) + "."
)

# %% [markdown]
# Some lectures write the LSTM without the tanh at the output: $h_t = o_t \odot c_t$ (there the memory is called $s_t$,
# a letter that other lectures use for the hidden state, and the output $y_t$). In the list that is one operation less,
# and everything follows:

# %%
variant = diagram.lstm_operations(
    theirs.weight_ih_l0,
    theirs.weight_hh_l0,
    theirs.bias_ih_l0,
    theirs.bias_hh_l0,
    output_tanh=False,
)
fig, ax = figures.new_figure(5, 3.3)
diagram.draw(ax, variant)
figures.show(
    fig, "The LSTM without a tanh at the output. " + "; ".join(diagram.equations(variant)) + "."
)

# %%
values = diagram.run(variant, x=x[0], h_before=h, c_before=c)
lecture = package_step(projected, h, c, theirs.weight_hh_l0, theirs.bias_hh_l0, output_tanh=False)
print("h equal:", torch.equal(values["h"], lecture[0]), " and h = o * c:",
      torch.equal(values["h"], values["o"] * values["c"]))  # fmt: skip

# %% [markdown]
# The two forms are close while the memory is small, since tanh *c* ≈ *c* there. They part when it is large: with the
# tanh the output stays between −1 and 1, without it the output grows with the memory. `cells.LSTM(...,
# output_tanh=False)` is this form as a layer.
#
# ## 8 The GRU: two gates
#
# Can it be done with less? The gated recurrent unit has no separate memory. It proposes a new state $n_t$ and moves
# from the old state towards it:
#
# $$
# \begin{aligned}
# r_t &= \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}) \\
# z_t &= \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) \\
# n_t &= \tanh(W_{in} x_t + b_{in} + r_t \odot (W_{hn} h_{t-1} + b_{hn})) \\
# h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}
# \end{aligned}
# $$
#
# The update gate $z_t$ does the work of the forget gate, and $1 - z_t$ that of the input gate: what is cleared makes
# room for what is written, no more and no less. The reset gate $r_t$ decides how much of the old state the proposal
# sees. Where $z_t$ is 1, the state is copied, and the gradient passes with factor 1.
#
# Two traps:
# - **Which way round is z?** Here $z_t = 1$ *keeps* the old state. Some papers write it the other way. Networks trained
#   either way are equally good; weights copied from one to the other are not.
# - **Where does r act?** Here, as in torch, on the product: $r_t \odot (W_{hn} h_{t-1} + b_{hn})$. In the first paper
#   on the state before it: $W_{hn} (r_t \odot h_{t-1})$. The two differ. By how much, and which is torch's?

# %%
gru = nn.GRU(3, 5)
h_0 = torch.randn(1, 2, 5)
(x_r, x_z, x_n) = (x[0] @ gru.weight_ih_l0.T + gru.bias_ih_l0).chunk(3, dim=-1)
W_hr, W_hz, W_hn = gru.weight_hh_l0.chunk(3)
b_hr, b_hz, b_hn = gru.bias_hh_l0.chunk(3)
r = torch.sigmoid(x_r + h_0[0] @ W_hr.T + b_hr)
z = torch.sigmoid(x_z + h_0[0] @ W_hz.T + b_hz)
after = torch.tanh(x_n + r * (h_0[0] @ W_hn.T + b_hn))
before = torch.tanh(x_n + (r * h_0[0]) @ W_hn.T + b_hn)
for name, n in [("r after the product", after), ("r before the product", before)]:
    gap = ((1 - z) * n + z * h_0[0] - gru(x[:1], h_0)[0][0]).abs().max().item()
    print(f"{name:20} largest gap to nn.GRU {gap:.3f}, equal to 1e-6: {gap < 1e-6}")

# %% [markdown]
# The form of torch lets one matrix product give all three parts at once, which is faster. It also explains why a GRU
# needs two biases for *n*: one is multiplied by *r*, the other is not.
#
# ### Exercise 02-6: the step of a GRU  (★★☆, 10 minutes)
#
# Write `gru_step(x, h, W_ih, W_hh, b_ih, b_hh)` in NumPy for one sample, in torch's form and in its order r, z, n.
# Return the new `h`.


# %% tags=["exercise"]
def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    return ...  # your code here


# %%
exercises.check("02-6", gru_step)

# %% [markdown]
# ## 9 Three networks, one measure
#
# Back to the question of the beginning: how far back does each cell feel? The measure is the length of $\partial
# h_{T-1} / \partial x_{T-1-\Delta}$: by how much the last state moves for a nudge of the input Δ steps before. It means
# the same for all three. Autograd gives it, one unit of the last state at a time:


# %%
def influence(layer, x):
    """Length of the derivative of the last state by the input, for each distance; x is T 1 1."""
    x = x.clone().requires_grad_()
    last = layer(x)[0][-1, 0]  # D_h
    rows = [torch.autograd.grad(unit, x, retain_graph=True)[0].flatten() for unit in last]
    return torch.stack(rows).norm(dim=0).flip(0).numpy()  # T, distance 0 first


# %% [markdown]
# Each matrix of each gate is random and scaled to the same norm. The gates that keep (f of the LSTM, z of the GRU)
# start with a bias that we choose.


# %%
def prepared(kind, norm, keep_bias=0.0, D_h=16):
    layer = getattr(cells, kind)(1, D_h, dtype=torch.float64)
    with torch.no_grad():
        for bias in (layer.bias_ih_l0, layer.bias_hh_l0):
            bias.zero_()
        layer.weight_ih_l0.copy_(
            torch.tensor(scaled("random", 1.0, len(layer.weight_ih_l0), 7)[:, :1])
        )
        for gate, block in enumerate(layer.weight_hh_l0.chunk(layer.gates)):
            block.copy_(torch.tensor(scaled("random", norm, D_h, seed=gate)))
        if kind != "RNN":
            layer.bias_hh_l0[D_h : 2 * D_h] = keep_bias  # both LSTM and GRU have it second
    return layer


# %%
x = torch.tensor(np.random.default_rng(1).normal(size=(60, 1, 1)))
cases = {"RNN": ("RNN", 0), "LSTM, bias 1": ("LSTM", 1), "LSTM, bias 4": ("LSTM", 4),
         "GRU, bias 0": ("GRU", 0), "GRU, bias 2": ("GRU", 2)}  # fmt: skip
curves = {
    (norm, name): influence(prepared(kind, norm, bias), x)
    for norm in (0.5, 1.0, 2.0, 5.0)
    for name, (kind, bias) in cases.items()
}

# %%
fig, axes = figures.new_figure(8, 5.4, nrows=2, ncols=2, sharex=True, sharey=True)
lines = {
    "RNN": "-",
    "LSTM, bias 1": "--",
    "LSTM, bias 4": "-.",
    "GRU, bias 0": ":",
    "GRU, bias 2": (0, (5, 1, 1, 1)),
}
for ax, norm in zip(axes.flat, (0.5, 1.0, 2.0, 5.0), strict=True):
    for name, style in lines.items():
        ax.semilogy(curves[norm, name], linestyle=style, linewidth=1.8, label=name)
    ax.set(title=f"‖Wₕₕ‖ = {norm}", ylim=(1e-16, 1e4))
    ax.set(
        xlabel="distance Δ" if norm > 1 else "", ylabel="influence" if norm in (0.5, 2.0) else ""
    )
axes[0, 0].legend(fontsize=7, loc="lower left")
at_30 = "; ".join(f"norm {norm}, {name}: {curve[30]:.0e}" for (norm, name), curve in curves.items())
figures.show(
    fig,
    f"Influence of an input against its distance, on a logarithmic scale. At 30 steps: {at_30}.",
)

# %% [markdown]
# Read the panels in order. At norm 0.5 the simple network is gone after twenty steps; the LSTM with bias 1 fades
# slowly, and with bias 4 it has not fallen even at the far end (there it is larger than at distance 0, for besides f
# the other gates and the tanh differ from step to step). Larger weights push the simple network from vanishing to
# exploding: at norm 5 its curve ends far higher than it began. The LSTM changes far less. Note also what is *not* so:
# gates are no guarantee. With half-open ones (the GRU with bias 0) the influence fades too, at norm 1 even faster than
# in the simple network. At norms 0.5 and 1 it is the open forget or update gate that carries. What share of the
# influence at distance 0 is left at distance 59?

# %%
share = {key: curve[59] / curve[0] for key, curve in curves.items()}
for norm in (0.5, 1.0, 2.0, 5.0):
    print(f"norm {norm}:", ",  ".join(f"{name} {share[norm, name]:.0e}" for name in cases))
assert share[0.5, "RNN"] < 1e-20 and share[5.0, "RNN"] > 1000 and curves[0.5, "RNN"][20] < 1e-9
assert all(share[norm, "LSTM, bias 4"] > 0.01 for norm in (0.5, 1.0, 2.0, 5.0))
assert min(share[norm, "LSTM, bias 4"] for norm in (0.5, 1.0)) > 1
assert share[1.0, "GRU, bias 0"] < share[1.0, "RNN"] < 1e-9

# %% [markdown]
# ### Play: how far back?
#
# The same measure, live, on networks of 8 units. Move the sliders, and the point along the curves. Try to
# - find, for orthogonal weights, a norm at which the simple network keeps about as much at the far end as it has at
#   distance 0; then switch to random weights of the same norm;
# - read off, for random weights of norm 1, how far back the LSTM with bias 1 has lost a factor of 1000; then raise the
#   bias to 3;
# - lower the bias to −2: which cell fades fastest now?

# %%
from crnn_lessons.widgets import Memory

Memory()

# %% [markdown]
# <details><summary>What you should see</summary>
# Orthogonal: about norm 1.5; a little less and it fades, a little more and it explodes. Random weights of that norm
# lose all but a trillionth. At norm 1 the LSTM with bias 1 has lost a factor of 1000 at distance 23, and with bias 3 it
# keeps more than that over all 60 steps. With bias −2 the LSTM fades fastest: a closed forget gate is worse than none.
# </details>
#
# ## 10 Both directions
#
# A network that reads from left to right knows nothing of what is still to come. On a whole picture of a line all
# of the future is there, so let a second network read it from right to left, with weights of its own, and put the two
# states of each step side by side: a **bidirectional** network, $2 D_h$ numbers a step. Which outputs depend on which
# inputs?


# %%
def depends(layer, T=6):
    x = torch.randn(T, 1, 1, dtype=torch.float64, requires_grad=True)
    out = layer(x)[0]
    rows = [torch.autograd.grad(out[t].sum(), x, retain_graph=True)[0] for t in range(T)]
    return torch.stack(rows).flatten(1).abs() > 0  # outputs x inputs


for two in (False, True):
    layer = cells.LSTM(1, 4, bidirectional=two, dtype=torch.float64)
    print("bidirectional" if two else "one direction")
    for row in depends(layer):
        print("   ", *("x" if entry else "." for entry in row.tolist()))

# %% [markdown]
# Row *t* is the output of step *t*. In one direction it sees the inputs up to its own; in both directions it sees all
# of them. It is two networks and nothing more: the second half of the output is what the second network gives on the
# reversed sequence, turned round again.

# %%
layer = cells.LSTM(1, 4, bidirectional=True)
backwards = cells.LSTM(1, 4)
backwards.load_state_dict(
    {
        name.removesuffix("_reverse"): w
        for name, w in layer.state_dict().items()
        if "reverse" in name
    }
)
x = torch.randn(6, 1, 1)  # T N D
by_hand = backwards(x.flip(0))[0].flip(0)
print("second half equal:", torch.allclose(layer(x)[0][..., 4:], by_hand, rtol=0, atol=1e-7))

# %% [markdown]
# Two consequences. The output at the last step holds, of the backward network, a state that has read one input only; to
# sum up a sequence take its state at step 0, which is what the layer returns as final state. And the distance is not
# abolished: each direction forgets on its way as before.
#
# ## 11 What goes wrong
#
# **The order of the gates.** Weights in another order have the same shapes, so nothing complains. What happens to the
# output when f and g change places?

# %%
theirs, ours = nn.LSTM(3, 5), cells.LSTM(3, 5)
state = theirs.state_dict()
wrong = {name: torch.cat([w.chunk(4)[k] for k in (0, 2, 1, 3)]) for name, w in state.items()}
x = torch.randn(7, 2, 3)
for name, weights in [("i, f, g, o", state), ("i, g, f, o", wrong)]:
    ours.load_state_dict(weights)
    print(f"{name}: equal {torch.allclose(ours(x)[0], theirs(x)[0], atol=1e-6)}")

# %% [markdown]
# **The derivative of the tanh, of the wrong thing.** It is $1 - \tanh^2 a$ of the value *before* the tanh, or
# $1 - h^2$ of the value after it. `1 - np.tanh(h) ** 2` applies the tanh twice. The result is right at
# *h* = 0 and too large elsewhere: by little for small *h*, but 0.45 in place of 0.10 at *h* = 0.95. As *h* nears ±1 it
# tends to 0.42, where the true factor tends to 0.
#
# **A path forgotten.** A state acts on the loss through its own output and through the next state. The gradient is the
# sum (section 2).
#
# **Clipping in the wrong place.** Clip after `backward` and before the optimiser's step, over all parameters at once.
# Before `backward` there is nothing to clip; after the step it is too late.
#
# **A forget bias added twice.** Torch has two biases. Whoever sets both `bias_ih` and `bias_hh` to 1 starts at σ(2).

# %% [markdown]
# ## 12 Questions to test yourself
#
# <details><summary>Why is the gradient of W_hh a sum over the steps?</summary>
# The same matrix is used at each step. Imagine a copy for each step: each copy has its own gradient. Since the copies
# must all move together, the change of the loss is the sum of what the copies contribute.
# </details>
#
# <details><summary>‖W_hh‖ = 1.5. Does the gradient explode?</summary>
# Not necessarily. The norm gives an upper bound; the tanh and the directions that shrink may make the product vanish
# all the same, as in section 3. Only below 1 does the bound decide: there it must vanish.
# </details>
#
# <details><summary>Why does clipping not help against vanishing gradients?</summary>
# It only makes long gradients shorter. And to make the whole gradient longer would not help either: the share of the
# distant past would still be as small beside the share of the last steps.
# </details>
#
# <details><summary>In an LSTM, is the derivative of c at one step by c at the step before exactly f?</summary>
# Along the direct road, yes. There are side roads: the memory before acts on the state before, and that on all gates.
# The side roads have products of weights as in a simple network. The direct road does not.
# </details>
#
# <details><summary>Could the forget gate be larger than 1?</summary>
# No, a logistic function stays below 1. So on its direct road the gradient cannot explode. Through the side roads the
# gradient of an LSTM still can: clip there too.
# </details>
#
# <details><summary>How many weights have an RNN, a GRU and an LSTM of the same size?</summary>
# In the ratio 1 : 3 : 4, one set of matrices and biases for each gate or proposal.
# </details>
#
# ## 13 Read on
#
# - Y. Bengio, P. Simard, P. Frasconi, *Learning long-term dependencies with gradient descent is difficult*, IEEE
#   Transactions on Neural Networks, 1994: the trouble of section 3.
# - R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural networks*, ICML 2013. Section 2
#   has the product of Jacobians, section 3 clipping by norm.
# - S. Hochreiter, J. Schmidhuber, *Long short-term memory*, Neural Computation, 1997; F. Gers, J. Schmidhuber, F.
#   Cummins, *Learning to forget*, Neural Computation, 2000: the forget gate came three years later.
# - K. Cho and others, *Learning phrase representations using RNN encoder-decoder*, 2014, equations 5 to 8: the GRU.
# - R. Jozefowicz, W. Zaremba, I. Sutskever, *An empirical exploration of recurrent network architectures*, ICML 2015:
#   the forget bias of 1, measured.
# - Next: **03 The kth digit**, where these cells are trained to remember.
#
# Your exercises so far (`exercises.reset("02")` forgets them):

# %%
exercises.summary("02")
