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
# In principle the state of a recurrent network can hold something from the first step to the last: the unit of exercise
# 01-4 does, with weights set by hand. In practice a simple network forgets within a few steps, and training seldom
# teaches it better. Why? And what has to change?
#
# The answer is in the gradient. Training sends it back from the loss to the step that is to blame, and each step on the
# way multiplies it by a factor:
#
# ![The way of a gradient back over four steps: in a simple network 2 per cent of it is left, along the memory of an LSTM 92 per cent.](../figs/gradient_road.svg)
#
# **After this lesson you can**
# - carry a gradient back through time by hand, and cut its way short when the sequence is too long;
# - measure how far back a network feels, and say why the gradient vanishes or explodes;
# - clip a gradient without bending its direction;
# - say what each gate of an LSTM is for, write the steps of an LSTM and a GRU, and train a memory that lasts.
#
# **You need** lesson 01 (one recurrent step, unrolling), the chain rule, and products of matrices.
#
# **Time** 90 minutes: 46 to read, 44 for the exercises. The cells run in 40 seconds. (The appendices are not counted.)

# %%
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons import cells, exercises
from crnn_lessons.show import figures, lstm_diagram, lstm_picture
from crnn_lessons.show.notation import notation

_ = torch.set_num_threads(1)

# %% [markdown]
# ## 1 Can a simple network be taught to remember?
#
# At step 0 a message comes, +1 or −1, with a mark beside it. Then random numbers follow, and at the end we ask for the
# message. How does the task get harder as the sequence gets longer?


# %%
def messages(T, N, seed):
    generator = torch.Generator().manual_seed(seed)
    sign = torch.randint(0, 2, (N,), generator=generator).float()  # 1 for +1, 0 for −1
    x = torch.zeros(T, N, 2)  # T N D: a number and the mark
    x[:, :, 0] = torch.randn(T, N, generator=generator)
    x[0, :, 0], x[0, :, 1] = 2 * sign - 1, 1.0
    return x, sign


class Answer(nn.Module):
    def __init__(self, rnn):
        super().__init__()
        self.rnn, self.read = rnn, nn.Linear(rnn.hidden_size, 1)

    def forward(self, x):  # T N D
        return self.read(self.rnn(x)[0][-1])[:, 0]  # N: above 0 means +1


# %% [markdown]
# Train it as in lesson 01, 300 steps of Adam on fresh sequences. The loss is the cross-entropy for two classes. Then
# count how many of 1,000 new messages it gets right:


# %%
def train(network, T):
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for step in range(300):
        x, sign = messages(T, 32, seed=step)
        loss = F.binary_cross_entropy_with_logits(network(x), sign)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, sign = messages(T, 1000, seed=300)
    return ((network(x) > 0) == (sign > 0)).float().mean().item()


# %% tags=["nbval-ignore-output"]
shares = {}
for T in [5, 10, 40]:
    shares[T] = []
    for seed in range(3):
        torch.manual_seed(seed)
        shares[T].append(train(Answer(nn.RNN(2, 16)), T))
    print(f"T = {T:2}: right in", *(f"{share:.0%}" for share in shares[T]))
assert min(shares[5]) > 0.9 and max(shares[40]) < 0.75

# %% [markdown]
# Ten steps are learnt. Over forty, none of the three does better than a coin. Weights that would do it exist, and
# training does not find them. What should lead it there is the gradient. Follow it.
#
# ## 2 Backpropagation through time, by hand
#
# Take a network small enough to follow: $D_h$ = 2 units, inputs of *D* = 1 number, *T* = 4 steps. $a_t$ is the sum
# before the tanh:
#
# $$a_t = W_{ih} x_t + W_{hh} h_{t-1} + b, \qquad h_t = \tanh(a_t)$$
#
# The output is the state itself, and at *every* step it is compared with the state that is wanted there:
# $\ell = \frac12 \sum_t \lVert h_t - \mathrm{wanted}_t \rVert^2$. Forwards, this is your `unroll`. Keep all states,
# because the way back needs them, and beside each the state before it:

# %%
unroll = exercises.yours("01-3")
rng = np.random.default_rng(16)
T, D_h, D = 4, 2, 1
W_hh, W_ih, b = rng.normal(size=(D_h, D_h)), rng.normal(size=(D_h, D)), rng.normal(size=D_h)
x, wanted = rng.normal(size=(T, D)), rng.normal(size=(T, D_h))
h = unroll(x, np.zeros(D_h), W_ih, W_hh, b)  # T Dh
before = np.vstack([np.zeros(D_h), h[:-1]])  # T Dh: the state before each step
print(f"loss {0.5 * ((h - wanted) ** 2).sum():.6f}")

# %% [markdown]
# Now go from the last step to the first. Write `dh` for $\partial \ell / \partial h_t$ and `da` for
# $\partial \ell / \partial a_t$. At each step there are three questions.
#
# 1. **What reaches $h_t$?** Its own term of the loss, $h_t - \mathrm{wanted}_t$, and what comes back from step *t* + 1.
#    They are **added**, because $h_t$ acts on the loss in both ways.
# 2. **How does it pass the tanh?** The derivative of tanh at *a* is $1 - \tanh^2 a$, and $\tanh a_t$ is $h_t$ itself.
#    So `da = dh * (1 - h**2)`.
# 3. **Where does it go from $a_t$?** Look at unit *j*: $a[j] = \sum_k W_{hh}[j, k]\, h_{t-1}[k] + \dots$ If the weight
#    $W_{hh}[j, k]$ moves a little, $a[j]$ moves $h_{t-1}[k]$ times as much. So the gradient of this weight is
#    `da[j]` times $h_{t-1}[k]$, and for all *j* and *k* at once it is the outer product `np.outer(da, h_before)`. The
#    weights of the input get `np.outer(da, x)` by the same argument, and the bias gets `da`. If $h_{t-1}[k]$ moves,
#    every $a[j]$ moves $W_{hh}[j, k]$ times as much. Summed over *j*, the state before receives $W_{hh}^\top$ `da`.
#
# ### Exercise 02-1: one step back  (★★☆, 8 minutes)
#
# Write `backward_step(dh, h, h_before, x, W_hh)` for one step. `dh` is all that reaches $h_t$, from both sides. Return
# four arrays: the step's shares of `dW_hh`, `dW_ih` and `db`, and what goes on to the state before.


# %% tags=["exercise"]
def backward_step(dh, h, h_before, x, W_hh):
    return ...  # your code here: dW_hh, dW_ih, db, dh_before


# %%
exercises.check("02-1", backward_step)

# %% [markdown]
# Use it at every step, from the last to the first. The weights are the same at each, so their gradient is the sum of
# the shares (lesson 01, section 5).

# %%
backward_step = exercises.yours("02-1")
dW_hh, dW_ih, db = np.zeros((D_h, D_h)), np.zeros((D_h, D)), np.zeros(D_h)
from_future = np.zeros(D_h)
for t in reversed(range(T)):
    dh = (h[t] - wanted[t]) + from_future
    parts = backward_step(dh, h[t], before[t], x[t], W_hh)
    dW_hh, dW_ih, db = dW_hh + parts[0], dW_ih + parts[1], db + parts[2]
    from_future = parts[3]

# %% [markdown]
# Is it right? Torch's autograd computes the gradients of the same network by its own means:

# %% tags=["nbval-ignore-output"]
leaves = [torch.tensor(weight, requires_grad=True) for weight in (W_hh, W_ih, b)]
state, loss = torch.zeros(D_h, dtype=torch.float64), 0.0
for x_t, wanted_t in zip(torch.tensor(x), torch.tensor(wanted), strict=True):
    state = torch.tanh(leaves[1] @ x_t + leaves[0] @ state + leaves[2])
    loss = loss + 0.5 * ((state - wanted_t) ** 2).sum()
loss.backward()
for name, ours, leaf in zip(["W_hh", "W_ih", "b"], [dW_hh, dW_ih, db], leaves, strict=True):
    gap = np.abs(ours - leaf.grad.numpy()).max()
    print(f"{name:4}  largest difference {gap:.0e}")
    assert gap < 1e-12

# %% [markdown]
# This is all that **backpropagation through time** is: ordinary backpropagation on the unrolled network, with the
# shares of each shared weight added up.
#
# ## 3 Why it fades: a product of Jacobians
#
# Let the loss depend on the last state only. Then the one way back is the last line of the loop: at each step the
# gradient is multiplied by $1 - h_t^2$ and by $W_{hh}^\top$. Seen forwards, this is the **Jacobian** of one step, the
# matrix of derivatives of each unit with respect to each unit before:
#
# $$J_t = \frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - h_t^2)\; W_{hh}$$
#
# By the chain rule, the influence over the distance Δ is a product of Δ such matrices:
#
# $$\frac{\partial h_t}{\partial h_{t-\Delta}} = J_t\, J_{t-1} \cdots J_{t-\Delta+1}$$
#
# How large can it be? Write ‖*M*‖ for the largest **singular value** of a matrix: the most by which it lengthens any
# vector. Two facts: $\lVert AB \rVert \le \lVert A \rVert \lVert B \rVert$; and $1 - h^2$ is at most 1, so
# $\lVert J_t \rVert \le \lVert W_{hh} \rVert$. Together:
#
# $$\left\lVert \frac{\partial h_t}{\partial h_{t-\Delta}} \right\rVert \le \lVert W_{hh} \rVert^{\Delta}$$
#
# If ‖$W_{hh}$‖ is below 1, the influence shrinks at least as fast as the powers of this number. No input and no target
# can help. This is the **vanishing gradient**.
#
# How close does the real norm come to its bound? Take 16 units and a matrix that is scaled so that ‖$W_{hh}$‖ is what
# we say: a random one, and an **orthogonal** one, which lengthens all directions by the same factor.


# %%
def scaled(kind, norm, D_h=16, seed=0):
    matrix = np.random.default_rng(seed).normal(size=(D_h, D_h))
    if kind == "orthogonal":
        Q, R = np.linalg.qr(matrix)
        return norm * Q * np.sign(np.diag(R))  # QR leaves the signs open
    return norm * matrix / np.linalg.norm(matrix, 2)


# %%
def product_norms(W_hh, T=60):
    """The norm of the product of the last Δ Jacobians, for Δ = 0 to T - 1."""
    x, W_ih = np.random.default_rng(1).normal(size=(T, 1)), np.full((len(W_hh), 1), 0.3)
    states = unroll(x, np.zeros(len(W_hh)), W_ih, W_hh, np.zeros(len(W_hh)))
    product, norms = np.eye(len(W_hh)), [1.0]
    for h in states[:0:-1]:
        product = product @ (np.diag(1 - h**2) @ W_hh)
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)


# %%
measured, steps = {}, np.arange(60)
for kind in ["random", "orthogonal"]:
    for norm in [0.7, 1.0, 2.0]:
        measured[kind, norm] = product_norms(scaled(kind, norm))
        assert (measured[kind, norm] <= norm**steps * (1 + 1e-9)).all()

# %%
styles = {0.7: (figures.BLUE, "-"), 1.0: (figures.VERMILLION, "--"), 2.0: (figures.GREEN, "-.")}
fig, axes = figures.new_figure(7.5, 3.2, ncols=2, sharey=True)
said = []
for (kind, norm), norms in measured.items():
    ax, (colour, style) = axes[["random", "orthogonal"].index(kind)], styles[norm]
    ax.semilogy(norms, style, color=colour, label=f"‖Wₕₕ‖ = {norm}")
    ax.semilogy(norm**steps, color=colour, linestyle=":", linewidth=1)
    ax.set(title=kind, xlabel="distance Δ", ylim=(1e-16, 1e8))
    said.append(f"{kind} matrix of norm {norm}: {norms[30]:.0e}, bound {norm**30:.0e}")
axes[0].set(ylabel="norm of ∂hₜ / ∂hₜ₋Δ")
axes[0].legend(title="thin dots: the bound", fontsize=8)
figures.show(
    fig,
    "Norm of the product of Jacobians against distance, logarithmic, with its bound. At distance "
    f"30: {'; '.join(said)}.",
)

# %% [markdown]
# The measured norm never rises above its bound. Where the curves are straight, each step costs the same factor. For a
# random matrix (left) the norm lies far below the bound. Is that the work of the tanh, or of the matrix? Here is a
# small matrix by itself:

# %%
W = np.array([[0.0, 2.0], [0.1, 0.0]])
powers = [np.linalg.norm(np.linalg.matrix_power(W, n), 2) for n in range(1, 7)]
print("norm of W, W², W³, ...:", *(f"{power:.3g}" for power in powers))
print("size of its eigenvalues:", *np.abs(np.linalg.eigvals(W)).round(3))

# %% [markdown]
# *W* lengthens one direction by 2 and turns it into the direction that it shrinks to a tenth. The norm says what *one*
# step can do at most. In the long run the **eigenvalues** count. An eigenvector *v* keeps its direction,
# $W v = \lambda v$, and so gets the same factor λ at every step: $\lVert W^n \rVert$ goes like the *n*-th power of the
# largest |λ|. For our matrices, over 30 steps:

# %%
print("               largest |λ|   |λ|^30   30 steps, no tanh   with tanh")
for (kind, norm), norms in measured.items():
    W = scaled(kind, norm)
    largest = np.abs(np.linalg.eigvals(W)).max()
    alone = np.linalg.norm(np.linalg.matrix_power(W, 30), 2)
    row = f"{largest:10.2f} {largest**30:10.0e} {alone:16.0e} {norms[30]:13.0e}"
    print(f"{kind:10} {norm} {row}")

# %% [markdown]
# At norm 1 the random matrix has no eigenvalue above 0.64, and that alone makes the product fade. At norm 2 the matrix
# alone would explode, and the tanh makes it fade instead. An orthogonal matrix has |λ| = ‖*W*‖ for every eigenvalue. At
# norm 2 it explodes in spite of the tanh; at norm 1 it loses nothing by itself, and what is lost with it, the tanh
# takes. That is why $W_{hh}$ is often started orthogonal. But training moves the weights, and the window between fading
# and exploding is narrow.
#
# And the unit of exercise 01-4, which holds a 1 for good? Its state stays where the tanh is flat:

# %% tags=["nbval-ignore-output"]
w_ih, w_hh, bias = np.ravel(exercises.yours("01-4"))
held, derivative = math.tanh(w_ih + bias), 1.0  # after the 1 has come
for _ in range(30):
    held = math.tanh(w_hh * held + bias)
    derivative *= (1 - held**2) * w_hh
print(f"held: {held:.3f}   derivative over 30 steps: {derivative:.0e}")
assert held > 0.9 and derivative < 1e-10

# %% [markdown]
# It keeps its value and passes no gradient: a loss 30 steps later could not have taught it to. To hold a value is one
# thing, to learn to hold it is another.
#
# ### Exercise 02-2: how many steps?  (★☆☆, 5 minutes)
#
# Write `steps_until(norm, limit)`: the smallest distance Δ at which the bound norm**Δ is *below* the limit, for a norm
# below 1 and a limit below 1.


# %% tags=["exercise"]
def steps_until(norm, limit):
    return ...  # your code here


# %%
exercises.check("02-2", steps_until)

# %% [markdown]
# How far back can a network feel at most, if what is below one millionth counts as nothing?

# %%
steps_until = exercises.yours("02-2")
for norm in [0.5, 0.9, 0.99]:
    print(f"‖Wₕₕ‖ = {norm}: nothing is left from distance {steps_until(norm, 1e-6)} on")

# %% [markdown]
# ## 4 Cutting the way back
#
# To go back through 10,000 steps you must keep 10,000 states. Long sequences are therefore trained in pieces of *K*
# steps: the state is handed on from piece to piece, but the gradient stops at the border. This is **truncated
# backpropagation through time**. In your loop it is one line. What does it cost?


# %%
def gradient(h, x, wanted, W_hh, K):
    """The gradient of W_hh, its way back cut before every K-th step."""
    D_h = len(W_hh)
    before = np.vstack([np.zeros(D_h), h[:-1]])
    total, from_future = np.zeros((D_h, D_h)), np.zeros(D_h)
    for t in reversed(range(len(h))):
        dh = (h[t] - wanted[t]) + from_future
        share, _, _, from_future = backward_step(dh, h[t], before[t], x[t], W_hh)
        total += share
        if t % K == 0:
            from_future = np.zeros(D_h)  # a piece begins here: the way back ends
    return total


# %%
rng = np.random.default_rng(1)
x, wanted = rng.normal(size=(60, 1)), rng.normal(size=(60, 16))  # T D; T Dh
missing = {}
for kind, norm in [("random", 1.0), ("orthogonal", 1.2)]:
    W = scaled(kind, norm)
    h = unroll(x, np.zeros(16), np.full((16, 1), 0.3), W, np.zeros(16))
    whole = gradient(h, x, wanted, W, K=60)
    for K in [1, 5, 10, 20, 30]:
        error = gradient(h, x, wanted, W, K) - whole
        missing[kind, K] = np.linalg.norm(error) / np.linalg.norm(whole)
    errors = "  ".join(f"K = {K}: {missing[kind, K]:.0%}" for K in [1, 5, 10, 20, 30])
    print(f"{kind:10} of norm {norm}, error of the gradient  {errors}")
assert missing["random", 10] < 0.2 and missing["orthogonal", 10] > 0.6

# %% [markdown]
# Where the gradient fades anyway, pieces of 10 steps lose about a tenth. Where it does not, most of it comes from
# further back and is lost. What lies more than *K* steps back gets no gradient at all: the state may still carry it,
# but nothing teaches the network to put it there. So *K* must be a good deal longer than what is to be learnt: a border
# that happens to fall between a cause and its effect cuts them apart, and for a distance *d* below *K* that happens *d*
# times in *K*. (In torch the cut is `state = state.detach()`.) Lines of text are short enough to do without.
#
# ## 5 Too much: exploding gradients, and clipping
#
# When the factor of a step is above 1, the product grows without bound, and *one* training step throws the weights far
# away. Here is such a network: 8 units with relu, which has no tanh to hold the state back, and $W_{hh}$ = 1.2 times the
# identity. Its task is the sum of 20 random numbers, divided by √20, so that the constant answer 0 has a loss of
# about 1.


# %%
def make_network(seed):
    torch.manual_seed(seed)
    network = Answer(nn.RNN(1, 8, nonlinearity="relu")).double()
    with torch.no_grad():
        network.rnn.weight_hh_l0.copy_(1.2 * torch.eye(8))
    return network


def sum_loss(network, step):
    x = torch.randn(20, 32, 1, generator=torch.Generator().manual_seed(step)).double()  # T N D
    return ((network(x) - x.sum(dim=0)[:, 0] / math.sqrt(20)) ** 2).mean()


# %% [markdown]
# What do three steps of plain gradient descent do to it, with a learning rate of 0.02?


# %%
def descend(network, steps, treat=None):
    losses = []
    for step in range(steps):
        loss = sum_loss(network, step)
        losses.append(loss.item())
        gradients = [g.numpy() for g in torch.autograd.grad(loss, list(network.parameters()))]
        if treat is not None:
            gradients = treat(gradients)
        with torch.no_grad():
            for weight, gradient in zip(network.parameters(), gradients, strict=True):
                weight -= 0.02 * torch.as_tensor(gradient)
    return losses


# %% tags=["nbval-ignore-output"]
for seed in range(3):
    losses = descend(make_network(seed), steps=4)
    print(f"seed {seed}, loss at the first steps:", *(f"{loss:.0e}" for loss in losses))
    assert not losses[-1] < 1e6  # nan, too, is not below

# %% [markdown]
# One step takes the loss from below a hundred to astronomical numbers. Soon it is not a number, and `nan` never leaves
# a network again. The direction of that step was right: downhill. Its *length* was not. So keep the direction, take all
# gradients together as one long vector *G*, and if it is longer than a limit *m*, shrink it to that length:
#
# $$G \leftarrow G \cdot \min\left(1, \frac{m}{\lVert G \rVert}\right)$$
#
# This is **clipping by norm**.
#
# ### Exercise 02-3: clip by norm  (★☆☆, 5 minutes)
#
# Write `clip(gradients, limit)` for a list of NumPy arrays. Return a list of new arrays. (A gradient can be zero, too.)


# %% tags=["exercise"]
def clip(gradients, limit):
    return ...  # your code here


# %%
exercises.check("02-3", clip)

# %% [markdown]
# The same networks, the same data, the same learning rate, and your function in between. What is the loss after 500
# steps?

# %% tags=["nbval-ignore-output"]
clip = exercises.yours("02-3")


def to_length_1(gradients):
    return clip(gradients, 1.0)


for seed in range(3):
    losses = descend(make_network(seed), steps=500, treat=to_length_1)
    print(
        f"seed {seed}: {losses[0]:.0f} at first, {np.mean(losses[-50:]):.2f} over the last 50 steps"
    )
    assert np.mean(losses[-50:]) < 0.5

# %% [markdown]
# Far below 1: it adds up the numbers. Clip after `backward` and before the optimiser's step, and all parameters
# together; clipping each number or each tensor by itself bends the direction (appendix B). Torch has this as
# `nn.utils.clip_grad_norm_`. It cures explosions. Against vanishing it does nothing: make the whole gradient longer, and
# the distant past is as small beside the last steps as before. For that the cell itself must change.
#
# ## 6 A cell that remembers, one gate at a time
#
# What kept shrinking the gradient was the product. So do not multiply: **add**. Let a memory cell $c_t$ take in a
# number $g_t$ at each step:
#
# $$c_t = c_{t-1} + g_t \qquad\Rightarrow\qquad \frac{\partial c_t}{\partial c_{t-1}} = 1$$
#
# The derivative over any distance is 1. Nothing fades. From outside one sees $h_t = \tanh c_t$, which is bounded. Here
# is such a cell of one unit, with three factors that are 1 for now. Each gets turned on when something goes wrong
# without it.


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
# how large is the derivative of the output with respect to the memory, $1 - \tanh^2 c$?

# %%
c, h = run_cell(np.full(60, 0.5))
for t in [4, 19, 59]:
    print(f"step {t + 1:2}: c = {c[t]:4.1f}   h = {h[t]:.6f}   derivative {1 - h[t] ** 2:.0e}")

# %% [markdown]
# The memory grows without end, the output sticks at 1, and its derivative is gone. The cell must be able to choose what
# it adds, and to let go.
#
# **Without an input gate, noise overwrites the message.** Let a message, +1 or −1, come at step 0, and 50 steps of
# noise after it. Can its sign be read from the memory at the end? With an input gate $i_t$ in front of what is added,
# $c_t = c_{t-1} + i_t\, g_t$, the cell can shut the noise out:

# %%
noise = np.random.default_rng(0)
right_open = right_gated = 0
for _ in range(1000):
    message = noise.choice([-1.0, 1.0])
    g = np.concatenate([[message], noise.normal(0, 0.5, size=50)])
    right_open += run_cell(g)[0][-1] * message > 0
    right_gated += run_cell(g, i=np.eye(51)[0])[0][-1] * message > 0
print(f"always open: {right_open} of 1000;  gate open at step 0 only: {right_gated} of 1000")

# %% [markdown]
# **Without a forget gate, it counts for ever.** Let the memory count the letters of a word: $g_t$ is 1 for a letter and
# 0 for a space. At a space it should begin again. A factor $f_t$ before the old memory does that:
# $c_t = f_t\, c_{t-1} + i_t\, g_t$.

# %%
text = "cat on it"
letters = np.array([sign != " " for sign in text], dtype=float)
print("text              ", *text)
print("without forgetting", *run_cell(letters)[0].astype(int))
print("f = 0 at a space  ", *run_cell(letters, f=letters)[0].astype(int))

# %% [markdown]
# **Without an output gate, everything leaks.** A cell keeps a message from step 0 for the last step, where somebody
# asks for it. Until then the rest of the network should see 0: to all other units the message is a disturbance. At how
# many steps does it disturb them?

# %%
g, asked = np.eye(30)[0], np.eye(30)[29]  # the message at step 0; the question at step 29
for name, o in [("without output gate", 1.0), ("open when asked", asked)]:
    h = run_cell(g, i=g, o=o)[1]
    wrong = ~np.isclose(h, asked * np.tanh(1.0))
    print(f"{name:20} wrong at {wrong.sum()} of 30 steps")

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

played = Gates()
played

# %% [markdown]
# <details><summary>What you should see</summary>
# To write at a step: i = 1 there and i = 0 after it, f = 1 until it is shown, and o = 1 only where it is shown. To
# clear the memory, f = 0 at one step; with i = 1 at that step the new number takes the place of the old. In the task
# with the latest pulse, f is 0 and i is 1 where the second pulse comes: clear and write at one step.
# </details>
#
# Give `run_cell` the gates as you left them. It should show what the widget shows:

# %%
i, f, g, o = np.array(played.gates).T
c, h = run_cell(g, i, f, o)
print("memory", *c.round(2) + 0.0)  # + 0.0 makes 0 of -0
print("output", *h.round(2) + 0.0)
assert np.allclose(h, played.values["h"][:, 0])

# %% [markdown]
# Who sets the gates in a network? The network itself. Each gate is a small layer that sees the input and the state, and
# ends in the logistic function $\sigma(a) = 1 / (1 + e^{-a})$, which gives numbers between 0 and 1. Such gates are soft:
# they have derivatives and can be learnt. But a soft gate is never quite open. Over the distance Δ, $f^\Delta$ of the
# memory is left. How much is that after 30 steps, if the forget gate has only its bias to go by? And how much of an
# input's influence is left after 30 steps with torch's fresh weights, 16 units, five seeds?


# %%
def influence(last, x):
    """The length of the derivative of the last state with respect to x, distance 0 first; x is T 1 1."""
    rows = [torch.autograd.grad(unit, x, retain_graph=True)[0].flatten() for unit in last]
    return torch.stack(rows).norm(dim=0).flip(0).numpy()


def left_at_30(kind, seed):
    torch.manual_seed(seed)
    layer = getattr(nn, kind)(1, 16, dtype=torch.float64)
    x = torch.randn(31, 1, 1, dtype=torch.float64, requires_grad=True)  # T N D
    curve = influence(layer(x)[0][-1, 0], x)
    return curve[30] / curve[0]


# %%
for bias in [0, 1, 3, 5]:
    f = 1 / (1 + math.exp(-bias))
    print(f"bias {bias}: f = {f:.3f}, after 30 steps {f**30:.1e} of the memory is left")
for kind in ["RNN", "LSTM"]:
    left = [left_at_30(kind, seed) for seed in range(5)]
    print(f"fresh {kind:4}: of the influence {min(left):.0e} to {max(left):.0e} is left")
    assert max(left) < 1e-4

# %% [markdown]
# A fresh LSTM has half-open gates, and it, too, forgets far too fast. That is why the bias of the forget gate is often
# started at 1 or more. How large depends on how long the memory must last: 1 is enough for a few steps, 30 steps want 3
# to 5. The gate is then open until training finds a reason to close it.
#
# ### Exercise 02-4: hold a value for 100 steps  (★★☆, 8 minutes)
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
# ## 7 The LSTM
#
# Put the pieces together, with vectors of $D_h$ numbers, ⊙ for the product element by element, and a layer for each
# gate and for the candidate. This is the long short-term memory, **LSTM**:
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
# Torch keeps the four matrices $W_{i\cdot}$ on top of each other in one, `weight_ih`, with 4$D_h$ rows, and likewise
# `weight_hh` and the biases. The order is **i, f, g, o**. Here is the step as a picture. Follow the thick line at the
# top: between $c_{t-1}$ and $c_t$ there is one product and one sum, nothing else. That is the road on which the
# gradient comes back.

# %%
torch.manual_seed(0)
theirs = nn.LSTM(3, 5, dtype=torch.float64)
operations = lstm_diagram.lstm_operations(*theirs.parameters())
fig, ax = figures.new_figure(6, 4)
lstm_picture.draw(ax, operations)
equations = "; ".join(lstm_diagram.equations(operations))
figures.show(fig, f"One step of an LSTM as boxes and wires. {equations}.")

# %% [markdown]
# ### Exercise 02-5: the step of an LSTM  (★★☆, 10 minutes)
#
# Write `lstm_step(x, h, c, W_ih, W_hh, b)` in NumPy for one sample, with `W_ih` of shape 4$D_h$ × *D* in torch's order.
# Return the new `h` and the new `c`. `np.split(a, 4)` cuts a vector in four. In lesson 11 you check the LSTM of your
# reader against it.


# %% tags=["exercise"]
def lstm_step(x, h, c, W_ih, W_hh, b):
    return ...  # your code here


# %%
exercises.check("02-5", lstm_step)

# %% [markdown]
# Is it what `nn.LSTM` computes? Go through seven steps with torch's weights:

# %% tags=["nbval-ignore-output"]
lstm_step = exercises.yours("02-5")


def run_lstm(lstm, x):
    """The last state of a torch LSTM that reads one sequence, T x D, by your step."""
    W_ih, W_hh, b_ih, b_hh = (weight.detach().numpy() for weight in lstm.parameters())
    h = c = np.zeros(lstm.hidden_size)
    for x_t in x:
        h, c = lstm_step(x_t, h, c, W_ih, W_hh, b_ih + b_hh)
    return h


x = torch.randn(7, 3, dtype=torch.float64)  # T D
gap = np.abs(run_lstm(theirs, x.numpy()) - theirs(x)[0][-1].detach().numpy()).max()
print(f"largest difference from nn.LSTM: {gap:.0e}")
assert gap < 1e-12

# %% [markdown]
# The layers `RNN`, `LSTM` and `GRU` of `crnn_lessons.cells` scan whole batches with such a step (appendix C).
#
# ## 8 The GRU: two gates
#
# Can it be done with less? The gated recurrent unit, **GRU**, has no separate memory. It proposes a new state $n_t$ and
# moves from the old state towards it:
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
# The update gate $z_t$ does the work of the forget gate, and $1 - z_t$ that of the input gate. The reset gate $r_t$
# decides how much of the old state the proposal sees. Where $z_t$ is 1, the state is copied, and the gradient passes
# with the factor 1.
#
# ### Exercise 02-6: the step of a GRU  (★★☆, 8 minutes)
#
# Write `gru_step(x, h, W_ih, W_hh, b_ih, b_hh)` in NumPy for one sample, in torch's form and in its order r, z, n.
# Return the new `h`. (Why two biases? $b_{hn}$ is multiplied by $r_t$, and $b_{in}$ is not.)


# %% tags=["exercise"]
def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    return ...  # your code here


# %%
exercises.check("02-6", gru_step)

# %%
gru_step = exercises.yours("02-6")
gru = nn.GRU(3, 5, dtype=torch.float64)
W_ih, W_hh, b_ih, b_hh = (weight.detach().numpy() for weight in gru.parameters())
x, h = rng.normal(size=3), rng.normal(size=5)
theirs = gru(torch.tensor(x)[None], torch.tensor(h)[None])[0].detach().numpy()[0]
assert np.abs(gru_step(x, h, W_ih, W_hh, b_ih, b_hh) - theirs).max() < 1e-12

# %% [markdown]
# It is torch's step. Other libraries and papers use other forms, and weights do not fit from one to the other: appendix
# D.
#
# ## 9 Three networks, one measure
#
# How far back does each cell feel? Measure the length of $\partial h_{T-1} / \partial x_{T-1-\Delta}$, by how much the
# last state moves for a nudge of the input Δ steps before. The matrix of each gate is random and scaled to the same
# norm. The gates that keep (f of the LSTM, z of the GRU) get a bias that we choose; all other biases are 0.


# %%
def prepared(kind, norm, keep_bias=0.0, D_h=16):
    layer = getattr(nn, kind)(1, D_h, dtype=torch.float64)
    gates = len(layer.weight_hh_l0) // D_h
    blocks = [scaled("random", norm, D_h, seed=gate) for gate in range(gates)]
    with torch.no_grad():
        layer.weight_hh_l0.copy_(torch.tensor(np.concatenate(blocks)))
        layer.weight_ih_l0.copy_(
            torch.tensor(np.random.default_rng(7).normal(size=(gates * D_h, 1)) / 10)
        )
        layer.bias_ih_l0.zero_()
        layer.bias_hh_l0.zero_()
        layer.bias_hh_l0[D_h : 2 * D_h] = keep_bias  # LSTM and GRU both have this gate second
    return layer


# %%
x = torch.tensor(np.random.default_rng(1).normal(size=(60, 1, 1)), requires_grad=True)  # T N D
cases = {"RNN": ("RNN", 0), "LSTM, bias 1": ("LSTM", 1), "LSTM, bias 4": ("LSTM", 4),
         "GRU, bias 0": ("GRU", 0), "GRU, bias 2": ("GRU", 2)}  # fmt: skip
norms = (0.5, 1.0, 2.0, 5.0)
curves = {}
for norm in norms:
    for name, (kind, bias) in cases.items():
        curves[norm, name] = influence(prepared(kind, norm, bias)(x)[0][-1, 0], x)
    shares = (f"{name} {curves[norm, name][59] / curves[norm, name][0]:.0e}" for name in cases)
    print(f"norm {norm}, left at distance 59: ", ", ".join(shares))

# %%
lines = dict(zip(cases, ["-", "--", "s--", ":", "o:"], strict=True))
fig, axes = figures.new_figure(8, 5.4, nrows=2, ncols=2, sharex=True, sharey=True)
for ax, norm in zip(axes.flat, norms, strict=True):
    for name, style in lines.items():
        ax.semilogy(curves[norm, name], style, markersize=4, markevery=10, label=name)
    ax.set(title=f"‖Wₕₕ‖ = {norm}", ylim=(1e-16, 1e4))
    ax.set(xlabel="distance Δ" if norm > 1 else "", ylabel="influence" if norm in (0.5, 2) else "")
axes[0, 0].legend(fontsize=7, loc="lower left")
at_30 = "; ".join(f"norm {norm}, {name}: {curve[30]:.0e}" for (norm, name), curve in curves.items())
figures.show(
    fig,
    f"Influence of an input against its distance, on a logarithmic scale. At 30 steps: {at_30}.",
)

# %% [markdown]
# Larger weights push the simple network from vanishing to exploding, and the LSTM changes far less. But gates are no
# guarantee: with half-open ones (the GRU with bias 0) the influence fades too, at norm 1 even faster than in the simple
# network. It is the *open* forget or update gate that carries.
#
# And the LSTM with bias 4? Its influence is *larger* at the far end than at distance 0. How can that be, when each step
# multiplies the memory by *f*, which is below 1? Besides the direct road from memory to memory there are side roads:
# the memory acts on the state, and the state on all gates of the next step. Close them, with `detach` on the state that
# the gates see, and measure again:


# %%
def last_by_direct_road(lstm, x):
    h = c = torch.zeros(1, 16, dtype=torch.float64)  # N Dh
    for x_t in x:
        projected = F.linear(x_t, lstm.weight_ih_l0, lstm.bias_ih_l0)
        h, c = cells.lstm_step(projected, h.detach(), c, lstm.weight_hh_l0, lstm.bias_hh_l0)
    return h[0]


# %%
print(f"f^59 = {(1 / (1 + math.exp(-4))) ** 59:.2f}")
for norm in norms:
    curve = influence(last_by_direct_road(prepared("LSTM", norm, 4), x), x)
    direct = curve[59] / curve[0]
    whole = curves[norm, "LSTM, bias 4"][59] / curves[norm, "LSTM, bias 4"][0]
    print(
        f"norm {norm}: direct road {direct:.2f}, all roads {whole:.1f} of the influence at distance 0"
    )
    assert 0.2 < direct < 0.4 and whole > 1

# %% [markdown]
# On the direct road what is left is about $f^{59}$, whatever the weights. What lies above it came by the side roads,
# which are products of weights as in a simple network, and can explode as they do.
#
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

memory = Memory()
memory

# %% [markdown]
# <details><summary>What you should see</summary>
# Orthogonal: about norm 1.5; a little less and it fades, a little more and it explodes. Random weights of that norm
# lose all but a trillionth. At norm 1 the LSTM with bias 1 has lost a factor of 1000 at distance 23, and with bias 3 it
# keeps more than that over all 60 steps. With bias −2 the LSTM fades fastest: a closed forget gate is worse than none.
# </details>
#
# With the settings as you left them, from which distance on is less than a thousandth left? (Where the norm is below 1,
# your `steps_until` bounds it for the simple network.)

# %%
for cell, curve in memory.curves.items():
    lost = np.flatnonzero(curve < curve[0] / 1000)
    print(f"{cell:5} below a thousandth from distance {lost[0] if len(lost) else 'never'}")
if memory.norm < 1:
    print(f"bound for the RNN: distance {steps_until(memory.norm, 1e-3)}")

# %% [markdown]
# ### A memory that lasts
#
# Now train LSTMs on the task of section 1, over 40 steps: five fresh ones, and the same five with 4 added to the bias of
# the forget gate.


# %%
def make_lstm(seed, more):
    torch.manual_seed(seed)
    network = Answer(nn.LSTM(2, 16))
    with torch.no_grad():
        network.rnn.bias_ih_l0[16:32] += more  # f is the second of four
    return network


# %% tags=["nbval-ignore-output"]
for more in [0, 4]:
    networks = [make_lstm(seed, more) for seed in range(5)]
    shares = [train(network, T=40) for network in networks]
    print(f"forget bias + {more}: right in", *(f"{share:.0%}" for share in shares))
    assert max(shares) < 0.75 or more == 4
best = networks[int(np.argmax(shares))]
assert max(shares) > 0.9

# %% [markdown]
# The fresh ones do no better than the simple network. With open forget gates they learn it, in the same 300 steps. Let
# *your* step read 100 new sequences with the weights of the best:

# %% tags=["nbval-ignore-output"]
x, sign = messages(40, 100, seed=1000)
states = np.stack([run_lstm(best.rnn, x[:, n].double().numpy()) for n in range(100)])  # N Dh
answers = states @ best.read.weight.detach().numpy()[0] + best.read.bias.item()
right = ((answers > 0) == (sign.numpy() > 0)).mean()
print(f"right in {right:.0%}")
assert right > 0.85

# %% [markdown]
# ## 10 What came after
#
# An open gate makes the road back smooth, but it is still as long as the sequence. **Attention** makes it short: an
# output looks at *every* state directly, in a weighted sum, and the network computes the weights from the states.
#
# ![In a recurrent network seven arrows lead from the first state to the answer, one after the other; with attention one arrow leads from each state to the sum.](../figs/attention.svg)
#
# [Bahdanau, Cho and Bengio](https://arxiv.org/abs/1409.0473) gave it to a translator in 2014. Three years later the
# [transformer](https://arxiv.org/abs/1706.03762) left out the recurrence: in training no step waits for the step before,
# so large models can read far more text, and today's language models are built this way. The price is *T*² pairs of
# steps instead of *T* steps, and the order of the steps has to come in separately, since a sum has none. Lines of text
# are short and in order, and there a small LSTM with CTC does well; this course builds that. But see what a weighted sum
# does for the *simple* network of section 1:


# %%
class Attending(Answer):
    def __init__(self, rnn):
        super().__init__(rnn)
        self.score = nn.Linear(rnn.hidden_size, 1)

    def forward(self, x):
        states = self.rnn(x)[0]  # T N Dh
        weights = self.score(states).softmax(dim=0)  # T N 1: sum to 1 over the steps
        return self.read((weights * states).sum(dim=0))[:, 0]  # N


# %% tags=["nbval-ignore-output"]
attending = []
for seed in range(3):
    torch.manual_seed(seed)
    attending.append(train(Attending(nn.RNN(2, 16)), T=40))
print("T = 40: right in", *(f"{share:.0%}" for share in attending))
assert min(attending) > 0.9

# %% [markdown]
# ## 11 What goes wrong
#
# **The order of the gates.** Weights in another order have the same shapes, so nothing complains. What happens to the
# output when f and g change places?

# %%
theirs, ours = nn.LSTM(3, 5), nn.LSTM(3, 5)
swapped = {
    name: torch.cat([w.chunk(4)[k] for k in (0, 2, 1, 3)])
    for name, w in theirs.state_dict().items()
}
x = torch.randn(7, 2, 3)  # T N D
ours.load_state_dict(swapped)
print(f"i, g, f, o for i, f, g, o: off by {(ours(x)[0] - theirs(x)[0]).abs().max():.2f}")

# %% [markdown]
# **The last output of a bidirectional layer.** At the last step its backward half has read one input only. To sum up a
# sequence take the states that the layer returns: they are those of the last step forwards, and of step 0 backwards.

# %%
both = nn.LSTM(3, 5, bidirectional=True)
out, (last, _) = both(x)  # T N 2Dh; 2 N Dh
assert last[0].equal(out[-1, :, :5]) and last[1].equal(out[0, :, 5:])

# %% [markdown]
# **The derivative of the tanh, of the wrong thing.** `1 - np.tanh(h) ** 2` applies the tanh twice. It is right at
# *h* = 0 and too large elsewhere: 0.45 in place of 0.10 at *h* = 0.95.
#
# **A path forgotten.** A state acts on the loss through its own output and through the next state. Leave out the
# second, and you have *K* = 1 of section 4. In the two examples there half of the gradient or more is missing, and the
# loss may still fall for a while. Compare with autograd.
#
# **A forget bias added twice.** Torch has two biases, and their *sum* counts. Set both `bias_ih` and `bias_hh` to 1, and
# the gate starts at σ(2).
#
# ## 12 Questions to test yourself
#
# <details><summary>‖W_hh‖ = 1.5. Does the gradient explode?</summary>
# Not necessarily. The norm bounds one step. The largest eigenvalue may be below 1, and the tanh shrinks, too. Only a
# norm below 1 decides: then it must vanish.
# </details>
#
# <details><summary>Why does clipping not help against vanishing gradients?</summary>
# It only makes long gradients shorter. And to make the whole gradient longer would not help either: the share of the
# distant past would still be as small beside the share of the last steps.
# </details>
#
# <details><summary>A network is trained in pieces of 20 steps. Can it use what it saw 50 steps ago?</summary>
# It can if the state happens to hold it, since the state is handed on. But the gradient stops at the border of the
# piece, so nothing teaches the network to hold it for that purpose.
# </details>
#
# <details><summary>Is the derivative of an LSTM's memory with respect to the memory one step before exactly f?</summary>
# Along the direct road, yes; and since f is below 1, nothing explodes there. The side roads, through the state and the
# gates, have products of weights as in a simple network (section 9), and can explode: clip the gradient of an LSTM too.
# </details>
#
# <details><summary>How many weights does a GRU have, and how many an LSTM, compared with an RNN of the same size?</summary>
# Three and four times as many: one set of matrices and biases for each gate or proposal.
# </details>
#
# ## 13 Read on
#
# - Y. Bengio, P. Simard, P. Frasconi, [*Learning long-term dependencies with gradient descent is
#   difficult*](https://doi.org/10.1109/72.279181), IEEE Transactions on Neural Networks, 1994: the trouble of section 3.
# - R. Pascanu, T. Mikolov, Y. Bengio, [*On the difficulty of training recurrent neural
#   networks*](https://arxiv.org/abs/1211.5063), ICML 2013. Section 2 has the product of Jacobians and its eigenvalues,
#   section 3 clipping by norm.
# - R. Williams, J. Peng, [*An efficient gradient-based algorithm for on-line training of recurrent network
#   trajectories*](https://doi.org/10.1162/neco.1990.2.4.490), Neural Computation, 1990: truncated backpropagation.
# - S. Hochreiter, J. Schmidhuber, [*Long short-term memory*](https://doi.org/10.1162/neco.1997.9.8.1735), Neural
#   Computation, 1997; F. Gers, J. Schmidhuber, F. Cummins, [*Learning to
#   forget*](https://doi.org/10.1162/089976600300015015), 2000: the forget gate came three years later.
# - K. Cho and others, [*Learning phrase representations using RNN
#   encoder-decoder*](https://arxiv.org/abs/1406.1078), 2014, equations 5 to 8: the GRU.
# - R. Jozefowicz, W. Zaremba, I. Sutskever, [*An empirical exploration of recurrent network
#   architectures*](https://proceedings.mlr.press/v37/jozefowicz15.html), ICML 2015: the forget bias of 1, measured.
# - Next: **03 The kth digit**, where these cells are trained on sequences of any length.
#
# The letters of this lesson, for looking up:

# %%
notation(
    "T", "t", "D", "N", "xₜ", "hₜ", "Dₕ", "Wᵢₕ", "Wₕₕ", "b", "ℓ", "Δ", "Jₜ", "‖·‖",
    "σ(·)", "⊙", "cₜ", "iₜ, fₜ, oₜ", "gₜ", "rₜ, zₜ", "nₜ"
)  # fmt: skip

# %% [markdown]
# Your exercises so far (`exercises.reset("02")` forgets them):

# %%
exercises.summary("02")

# %% [markdown]
# ## Appendix A: the LSTM without a tanh at the output
#
# Some lectures write the LSTM without the last tanh: $h_t = o_t \odot c_t$. (There the memory is called $s_t$, a letter
# that other lectures use for the hidden state, and the output $y_t$.) In the list behind the picture that is one
# operation less, and everything follows from it:

# %%
theirs = nn.LSTM(3, 5, dtype=torch.float64)
variant = lstm_diagram.lstm_operations(*theirs.parameters(), output_tanh=False)
fig, ax = figures.new_figure(5, 3.3)
lstm_picture.draw(ax, variant)
equations = "; ".join(lstm_diagram.equations(variant))
figures.show(fig, f"The LSTM without a tanh at the output. {equations}.")

# %%
ours = cells.LSTM(3, 5, output_tanh=False, dtype=torch.float64)
ours.load_state_dict(theirs.state_dict())
x, h, c = (torch.randn(1, size, dtype=torch.float64) for size in (3, 5, 5))
values = lstm_diagram.run(variant, x=x, h_before=h, c_before=c)
with_tanh, without = theirs(x, (h, c))[0], ours(x, (h, c))[0]
print(f"the two forms differ by {(with_tanh - without).abs().max():.2f}")
assert torch.allclose(values["h"], without) and torch.allclose(
    values["h"], values["o"] * values["c"]
)

# %% [markdown]
# The two forms are close while the memory is small, since tanh *c* ≈ *c* there. They part when it is large: with the
# tanh the output stays between −1 and 1, without it the output grows with the memory.
#
# ## Appendix B: what clipping does to the direction
#
# There are other ways to bound a gradient: cut each of its numbers at a limit (clipping by value), or clip each tensor
# by itself. What do the three do to the direction? A cosine of 1 means the same direction:


# %%
def cosine(one, two):
    one, two = (np.concatenate([g.ravel() for g in gradients]) for gradients in (one, two))
    return one @ two / np.linalg.norm(one) / np.linalg.norm(two)


network = make_network(0)
loss = sum_loss(network, 0)
gradients = [g.numpy() for g in torch.autograd.grad(loss, list(network.parameters()))]
print(f"by norm:              cosine {cosine(gradients, clip(gradients, 1.0)):.3f}")
print(f"by value:             cosine {cosine(gradients, [g.clip(-1, 1) for g in gradients]):.3f}")
print(
    f"each tensor by itself: cosine {cosine(gradients, [clip([g], 1.0)[0] for g in gradients]):.3f}"
)

# %% [markdown]
# By norm, the direction is untouched. By value, large numbers are cut and small ones stay, so the step goes elsewhere;
# and where each tensor is clipped by itself, large tensors shrink and small ones do not.
#
# ## Appendix C: the course's own layers
#
# `RNN`, `LSTM` and `GRU` of `crnn_lessons.cells` are called like torch's layers: several layers, both directions,
# batches. Their weights carry torch's names, so `load_state_dict` takes them over. Compare outputs and gradients of two
# layers in both directions:

# %% tags=["nbval-ignore-output"]
options = {"num_layers": 2, "bidirectional": True, "dtype": torch.float64}
theirs, ours = nn.LSTM(3, 5, **options), cells.LSTM(3, 5, **options)
ours.load_state_dict(theirs.state_dict())
x = torch.randn(7, 4, 3, dtype=torch.float64)  # T N D
for layer in (theirs, ours):
    (layer(x)[0] ** 2).sum().backward()
pairs = [(theirs(x)[0], ours(x)[0])]
pairs += [(a.grad, b.grad) for a, b in zip(theirs.parameters(), ours.parameters(), strict=True)]
gaps = [(a - b).abs().max().item() for a, b in pairs]
print(f"outputs: {gaps[0]:.0e}, gradients of {len(gaps) - 1} weights: {max(gaps[1:]):.0e}")
assert max(gaps) < 1e-12

# %% [markdown]
# ## Appendix D: other forms of the GRU
#
# Two traps. In some papers $z_t = 1$ takes the *new* state. And in the first paper the reset gate acts on the state
# *before* the product, $W_{hn} (r_t \odot h_{t-1})$; torch's form lets one matrix product serve all three parts. How far
# off are the numbers? (Minus the weights of *z* gives 1 − *z*, because σ(−*a*) = 1 − σ(*a*).)

# %%
W_ih, W_hh, b_ih, b_hh = (weight.detach().numpy() for weight in gru.parameters())
x, h = rng.normal(size=3), rng.normal(size=5)
torchs = gru_step(x, h, W_ih, W_hh, b_ih, b_hh)
turned = [np.concatenate([w[:5], -w[5:10], w[10:]]) for w in (W_ih, W_hh, b_ih, b_hh)]
print(f"z turned round: h is off by {np.abs(gru_step(x, h, *turned) - torchs).max():.2f}")
r = 1 / (1 + np.exp(-(W_ih @ x + b_ih + W_hh @ h + b_hh)[:5]))
before, after = W_hh[10:] @ (r * h) + b_hh[10:], r * (W_hh[10:] @ h + b_hh[10:])
print(f"r before the product: what enters the tanh is off by {np.abs(before - after).max():.2f}")
