# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 Sequences and recurrence: networks with a memory
#
# You read this line from left to right, and what a word means hangs on the words before it. A network that reads must
# do the same: take in one piece after the other, and carry something along. This course builds such a network from
# nothing: first the recurrent step, then memory that lasts, then CTC (connectionist temporal classification), which
# lets a network learn to read without being told where each letter stands, and at the end a CRNN (convolutional
# recurrent network) that reads photographs of words.
#
# An *exercise* is a cell with a stub, `...`, for you to replace; the cell below it **checks** your answer, says what is
# wrong if something is, and offers hints and a solution. A lesson goes on whether or not you have done its exercises.
# A *widget*, under the heading **Play**, is a small machine that you work with mouse or keys; it computes at once, and
# you can do no harm with it.
#
# **After this lesson you can**
# - say what makes data sequential, and what three kinds of network make of it;
# - write a recurrent step, unroll it over a sequence, and get the numbers of `nn.RNN`;
# - say what is shared between the steps, and show it;
# - name the five ways to connect inputs and outputs, each with a network that works;
# - measure what recurrence is good at, and what it costs.
#
# **You need** Python with NumPy, a matrix times a vector, the derivative of a function, and to know that torch has
# tensors and computes gradients (`backward`). **Time** 60 minutes to read and do, 15 seconds to run.

# %%
import math
from collections import Counter, defaultdict
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons import exercises
from crnn_lessons.show import drawings, figures
from crnn_lessons.show.notation import notation

_ = torch.set_num_threads(1), torch.manual_seed(1)

# %% [markdown]
# The letters of this lesson. Each is explained where it first appears; come back here when one slips away.

# %%
notation("T", "t", "N", "C", "D", "H", "W", "xₜ", "hₜ", "yₜ", "Dₕ", "Wᵢₕ", "Wₕₕ", "b", "ℓ")

# %% [markdown]
# ## 1 What makes data sequential?
#
# Take two sentences. They have the same words, each the same number of times. Do they say the same?

# %%
one, other = "the dog bites the man", "the man bites the dog"
print("same words, equally often:", Counter(one.split()) == Counter(other.split()))
print("same sentence:            ", one == other)

# %% [markdown]
# Whoever counts words cannot tell who was bitten. Now shuffle a longer sentence:

# %%
rng = np.random.default_rng(2)
sentence = "we read a line of text from left to right and remember what came before"
print(*rng.permutation(sentence.split()))

# %% [markdown]
# Every word is still there, and the meaning is gone: it was in the *order*. The same holds for a line of text in a
# picture. Let us draw a word on *H* = 32 rows of *W* = 96 pixels. A point is in the ink if an odd number of outlines
# goes round it; the hole of an `o` has two.

# %%
outline, _ = drawings.glyph_spans("hello")
H, W = 32, 96
x, y = (np.arange(W) + 0.5) / W, (29.5 - np.arange(H)) / W  # middles of the pixels
points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
ink = np.zeros((H, W), dtype=bool)  # True where there is ink
for polygon in outline.to_polygons():
    ink ^= figures.mpl.path.Path(polygon).contains_points(points).reshape(H, W)

# %% [markdown]
# Cut it into *T* = 24 **frames** of four columns each, and shuffle the frames as we shuffled the words:

# %%
T = 24
frames = np.split(ink, T, axis=1)  # T frames of H x 4 pixels
order = rng.permutation(T)
shuffled = np.concatenate([frames[t] for t in order], axis=1)  # H W
print("as much ink as before:", ink.sum() == shuffled.sum())

# %%
fig, axes = figures.new_figure(7, 1.6, ncols=2)
for ax, picture, title in zip(axes, [ink, shuffled], ["in order", "shuffled"], strict=True):
    ax.imshow(picture, cmap="gray_r", interpolation="nearest")
    ax.set(title=title, xticks=np.arange(0, W, 4) - 0.5, yticks=[])
    ax.tick_params(labelbottom=False)
fig.get_layout_engine().set(wspace=0.1)
figures.show(
    fig,
    f"The word hello cut into {T} frames, in order and shuffled: frame {order[0]} now stands first.",
)

# %% [markdown]
# The same frames, the same ink, and nobody can read it. Data is **sequential** when its order carries meaning. We write
# $x_t$ for the piece at **time step** *t* = 0, 1, …, *T* − 1. Each piece is a vector of *D* numbers: a word, a sample
# of sound, or, in this course, a frame of a picture.

# %% [markdown]
# ## 2 One task, three kinds of network
#
# A small task that needs the whole past: bits come one by one, and after each we want to know whether the number
# of ones *so far* is odd. This is the running **parity**.

# %%
bits = [1, 0, 1, 1, 0, 0, 1, 0]
print("bits  ", *bits)
print("odd?  ", *(np.cumsum(bits) % 2))

# %% [markdown]
# Flip the very first bit, and every answer changes. Three kinds of network could try.
#
# ### Feed-forward: all inputs at once
#
# A **feed-forward** network takes the *T* inputs as one vector of fixed size. Can it compute the parity of 8 bits? Let
# *n* be the number of ones. The zigzag *n* − 2(*n* − 1)₊ + 2(*n* − 2)₊ − … is 0, 1, 0, 1, … at *n* = 0, 1, 2, 3, …,
# where $(z)_+$ = max(*z*, 0), called **relu**, makes each bend. One hidden unit a bend:


# %%
def parity_network(T):
    weight_1, bias_1 = np.ones((T, T)), -np.arange(T)  # unit j: relu(n - j)
    weight_2 = np.array([1.0] + [2.0 * (-1) ** j for j in range(1, T)])
    return lambda x: weight_2 @ np.maximum(weight_1 @ x + bias_1, 0)


network = parity_network(8)
right = sum(network(np.array(x)) == sum(x) % 2 for x in product((0, 1), repeat=8))
print(f"{right} of {2**8} right, with {8 * 8 + 8 + 8} weights")

# %% [markdown]
# All right. But what does it do with a ninth bit?

# %%
try:
    network(np.ones(9))
except ValueError as error:
    print("refused with a", type(error).__name__)

# %% [markdown]
# It cannot even take it: the size of its input is fixed. For 9 bits we need another network, with 9² + 2 · 9 = 99
# weights, and the network for 8 cannot be used as it is.
#
# ### Convolution: a window that slides
#
# The second idea: a function of the last few inputs, the same at every step. With a **window** of *k* inputs
#
# $$y_t = f(x_{t-k+1}, \dots, x_{t-1}, x_t)$$
#
# This is a one-dimensional **convolution**; in speech it was called a time-delay neural network
# (TDNN). It takes sequences of
# any length. (In later lessons *k* also numbers classes; here it is the size of the window.)
#
# How well can it do? We need not train one to know. For each content of the window, the best *any* function *f* can do
# is to give the more frequent right answer. Count, over all sequences of 8 bits:


# %%
def best_window(k, answer, T=8):
    votes = defaultdict(Counter)  # for each window, how often each answer is right
    for bits in product((0, 1), repeat=T):
        votes[bits[T - k :]][answer(bits)] += 1
    return sum(max(answers.values()) for answers in votes.values()) / 2**T


# %% [markdown]
# As a second task, one with a short past: did the last bit differ from the one before?

# %%
print("window  last two differ  parity")
for k in range(1, 9):
    short, long = (
        best_window(k, lambda bits: bits[-1] != bits[-2]),
        best_window(k, lambda bits: sum(bits) % 2),
    )
    print(f"{k:6}{short:17.0%}{long:8.0%}")

# %% [markdown]
# A window of 2 solves the short task, for ever. But on the parity, no window smaller than the whole sequence is
# better than guessing, *whatever* function it computes: the bit that decides may lie just outside. Deeper stacks of
# convolutions only widen the window: two layers of size *k* see 2*k* − 1 inputs, and then it ends.
#
# ### Exercise 01-1: fool a window  (★☆☆, 3 minutes)
#
# Give two sequences of bits, equally long, that a window of three cannot tell apart, and yet the right answers on
# parity at their ends differ. Write a pair of lists, each of at most 20 bits.

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("01-1", answer)

# %% [markdown]
# ### Recurrence: a state that is carried along
#
# The third idea: keep something from step to step, the **state** *h*, and update it with each input:
#
# $$h_t = f(x_t,\, h_{t-1})$$
#
# For the parity a state of one bit is enough: flip it when a 1 comes.


# %%
def flip(x, h):
    return x ^ h  # exclusive or: 1 if just one of the two is 1


h = 0
for x in bits:
    h = flip(x, h)
    print(h, end=" ")

# %% [markdown]
# The same row as above, from a function of two bits. And it does not mind the length:

# %%
many = np.random.default_rng(3).integers(0, 2, size=100_000)
h = 0
for x in many:
    h = flip(x, h)
print("after 100,000 bits:", "right" if h == many.sum() % 2 else "wrong")

# %% [markdown]
# So the three differ in what an output may depend on: a fixed number of inputs, a window, or everything so far, in
# summary. The recurrent one has its own limit. All that it knows of the past must fit into the state.
#
# That *some* function does it is not yet a network. What does *f* look like with weights?

# %% [markdown]
# ## 3 The step
#
# Begin with one number as the input, one number as the state, and three fixed numbers: the weight $w_{ih}$ from input
# to hidden state, the weight $w_{hh}$ from the state to itself, and a bias *b*. The function tanh keeps the state
# between −1 and 1. Feed it a 1, and wait:

# %%
w_ih, w_hh, b = 1.0, 0.5, 0.0
h = 0.0  # before the first step nothing is known
for x in [1, 0, 0, -1, 0]:
    h = math.tanh(w_ih * x + w_hh * h + b)
    print(f"x = {x:2}   h = {h:5.2f}")

# %% [markdown]
# The 1 is gone after the first step, and the state still tells of it at the second and third, more faintly each time.
# That is a memory, if a short one.
#
# Now vectors: *D* numbers in, a state of $D_h$ **hidden units**. The weights become matrices, and the step is
#
# $$h_t = \tanh(W_{ih}\, x_t + W_{hh}\, h_{t-1} + b)$$
#
# | | shape | from → to |
# |---|---|---|
# | $W_{ih}$ | $D_h \times D$ | input → hidden state |
# | $W_{hh}$ | $D_h \times D_h$ | hidden state → hidden state, one step later |
# | *b* | $D_h$ | |
#
# Lectures often write the same as $s_t = \tanh(U x_t + W s_{t-1})$: *s* is our *h*, *U* is $W_{ih}$, *W* is $W_{hh}$,
# and the bias is left out. An output, where one is wanted, is read from the state alone: $y_t = W_{out}\, h_t +
# b_{out}$.
#
# ### Exercise 01-2: write the step  (★☆☆, 5 minutes)
#
# Write `rnn_step(x, h, weight_ih, weight_hh, bias)` for NumPy arrays; it returns the new state, $D_h$ numbers. `A @ v`
# is matrix times vector, `np.tanh` takes arrays.


# %% tags=["exercise"]
def rnn_step(x, h, weight_ih, weight_hh, bias):
    return ...  # your code here


# %%
exercises.check("01-2", rnn_step)

# %% [markdown]
# ## 4 Unrolled
#
# A step that feeds itself can be drawn as a loop. Or the loop is **unrolled**: one copy for each step, joined by the
# state. Here are both drawings, with the five states that we have just computed:

# %%
import base64
from pathlib import Path

from IPython.display import HTML

drawing = Path("../figs/unrolled.svg").read_text(encoding="utf-8")
alt = drawing.split("<title>")[1].split("</title>")[0]  # the drawing in words
data = base64.b64encode(drawing.encode()).decode()
HTML(f'<img alt="{alt}" style="max-width: 100%" src="data:image/svg+xml;base64,{data}">')

# %% [markdown]
# Unrolled, it is a feed-forward network as deep as the sequence is long. What is unusual about it stands on the arrows:
# all solid ones carry the same weight, and so do all dashed ones.
#
# ### Exercise 01-3: unroll it  (★★☆, 8 minutes)
#
# Write `unroll(x, h, weight_ih, weight_hh, bias)`: *x* is *T* × *D*, *h* is the state to begin with, and the result is
# a *T* × $D_h$ array whose row *t* is the state after `x[t]` has been read. It must also work for *T* = 0. You may
# call your `rnn_step`, once it is written.


# %% tags=["exercise"]
def unroll(x, h, weight_ih, weight_hh, bias):
    return ...  # your code here


# %%
exercises.check("01-3", unroll)

# %% [markdown]
# Torch has this network ready: `nn.RNN`. It is a **module**, an object that holds weights and is called like a
# function. `named_parameters` lists its weights. Which does it have for *D* = 3 and $D_h$ = 4?

# %%
D, hidden_size = 3, 4
rnn = nn.RNN(D, hidden_size, dtype=torch.float64)  # random weights
for name, weight in rnn.named_parameters():
    print(f"{name:14}{tuple(weight.shape)}")

# %% [markdown]
# The names are those of our equation (`l0` is the first layer). There are two biases where one would do: torch adds
# both, and so $b = b_{ih} + b_{hh}$. Copy the weights, and go through six random inputs step by step.
# (Torch's layer wants *T* × *N* × *D*, with *N* sequences side by side; a single sequence may also come as *T* × *D*.)

# %%
x = torch.randn(6, D, dtype=torch.float64)  # T D
weight_ih, weight_hh, bias_ih, bias_hh = (w.detach().numpy() for w in rnn.parameters())
bias = bias_ih + bias_hh
h, states = np.zeros(hidden_size), []
for x_t in x.numpy():
    h = np.tanh(weight_ih @ x_t + weight_hh @ h + bias)
    states.append(h)

# %%
output, last = rnn(x)  # T Dh: the states of all steps; 1 Dh: the last one
difference = np.abs(np.stack(states) - output.detach().numpy()).max()
print("largest difference from nn.RNN below 1e-12:", difference < 1e-12)
print("its second result is the last state:", torch.equal(last[0], output[-1]))

# %% [markdown]
# Nothing is hidden in `nn.RNN`: it is our loop. And is it *your* loop? (This cell says so once exercise 01-3 is done.)

# %%
try:
    yours = unroll(x.numpy(), np.zeros(hidden_size), weight_ih, weight_hh, bias)
    same = np.shape(yours) == output.shape and np.allclose(yours, output.detach())
    print("not written yet" if yours is ... or yours is None else f"equal to nn.RNN: {same}")
except Exception as error:  # half written; the lesson goes on
    print(f"not ready yet: {type(error).__name__}")

# %% [markdown]
# The course has a recurrent layer of its own too, which later lessons take apart. Its step is this; `projected` is
# $W_{ih} x_t + b_{ih}$, computed for all steps at once, as it does not need the state. (In the package's
# comments `H` is the hidden size, our $D_h$, and not a height.)

# %%
import inspect

from crnn_lessons.cells import RNN
from crnn_lessons.cells import rnn_step as package_step

head, _, body = inspect.getsource(package_step).split('"""')
print(head.rstrip() + body)

# %%
ours = RNN(D, hidden_size, dtype=torch.float64)
ours.load_state_dict(rnn.state_dict())  # the same names and shapes, so weights can be copied
print("largest difference below 1e-12:", (ours(x)[0] - output).abs().max().item() < 1e-12)

# %% [markdown]
# ## 5 The same weights at every step
#
# How many weights does the network have for a sequence of 6 steps, and how many for 6,000?

# %%
count = sum(weight.numel() for weight in rnn.parameters())
for T in [6, 60, 6000]:
    states, _ = rnn(torch.zeros(T, D, dtype=torch.float64))
    print(f"T = {T:4}: {count} weights, {len(states)} states")

# %% [markdown]
# The number does not depend on *T*. The copies in the drawing are one and the same matrix.
#
# This has a consequence for learning. Training changes a weight against its **gradient**, the derivative of the loss ℓ
# by that weight. Which derivative, if the weight is used *T* times? To see it, pretend that each step has a
# matrix of its own:

# %%
weight_ih, weight_hh, bias_ih, bias_hh = (w.detach() for w in rnn.parameters())


def loss_of(matrices):
    h = torch.zeros(hidden_size, dtype=torch.float64)
    for x_t, matrix in zip(x, matrices, strict=True):  # one matrix for each step
        h = torch.tanh(weight_ih @ x_t + matrix @ h + bias_ih + bias_hh)
    return h.sum()  # any number that depends on the last state


# %%
copies = [weight_hh.clone().requires_grad_() for _ in x]
loss_of(copies).backward()
shared = weight_hh.clone().requires_grad_()
loss_of([shared] * len(x)).backward()
print("sum over the copies = gradient of the shared matrix:", end=" ")
print(torch.allclose(sum(copy.grad for copy in copies), shared.grad, rtol=0, atol=1e-12))
print("size of each copy's part:", *(f"{copy.grad.norm():.3f}" for copy in copies))

# %% [markdown]
# The gradient of a shared weight is the *sum* over its uses. Look at the parts: the first is zero, for there the state
# was zero and the matrix had nothing to work on. The later ones are larger: the last steps have the most to say about
# the last state. Lesson 02 is about that.
#
# ### Parity, with weights
#
# Can a network of this kind compute the parity? With relu in place of tanh, two units do it exactly. If *p* is the
# parity so far, let the units be *a* = (*x* + *p*)₊ and *c* = (*x* + *p* − 1)₊. Then *a* − 2*c* is the new
# parity: 0, 1, 0 for *x* + *p* = 0, 1, 2. And since *p* = *a* − 2*c* was the readout of the step before, it
# goes into $W_{hh}$:

# %%
parity_weights = {
    "weight_ih": [[1.0], [1.0]],
    "weight_hh": [[1.0, -2.0], [1.0, -2.0]],
    "bias": [0.0, -1.0],
    "weight_out": [[1.0, -2.0]],
}
W_ih, W_hh, b, W_out = map(np.array, parity_weights.values())
h, right = np.zeros(2), 0
for t, x in enumerate(many):
    h = np.maximum(W_ih @ [x] + W_hh @ h + b, 0)
    if t < 2000:
        right += (W_out @ h)[0] == many[: t + 1].sum() % 2
print(f"{right} of the first 2000 answers right; after {len(many):,} bits:", end=" ")
print("right" if (W_out @ h)[0] == many.sum() % 2 else "wrong")

# %% [markdown]
# Ten numbers, exact at any length, where the feed-forward network needed 80 for eight bits. We have *set* these weights
# by hand. That weights exist does not mean that training finds them: lesson 04 trains a network on a task of this kind,
# binary addition.
#
# ### Play: one set of weights, many steps
#
# This is that network. Move through the steps with the arrow keys or the buttons; the last line says how the marked
# number came about. Change an input bit: which steps change? Change a weight: which steps change? Try to
# - make it count the ones (let unit 0 be *x* + *h*, and read it);
# - break it with the smallest change, and find the step where it goes wrong first.

# %%
from crnn_lessons.widgets import Unroll

Unroll(**parity_weights, inputs=[[bit] for bit in bits], nonlinearity="relu")

# %% [markdown]
# <details><summary>What you should see</summary>
# Another input bit changes the readout at its own step and at every step after it, and at none before. A weight changes
# every step at which it meets something other than 0, and what follows from them. To count, let unit 0 have the weights
# 1 from the input, 1 from itself and 0 from unit 1; read out 1 times unit 0 and 0 times unit 1: 1 1 2 3 3 3 4 4. And
# 0.1 more in the weight from unit 0 to itself is enough to break the parity: at step 1 it gives 1.1, and at step 7
# 0.27.
# </details>
#
# ### Exercise 01-4: a unit that does not forget  (★★☆, 8 minutes)
#
# One tanh unit, which starts at *h* = 0 and reads bits. Choose $(w_{ih}, w_{hh}, b)$ so that its state stays below 0.1
# until the first 1 comes, and above 0.9 from that step on, for ever. The widget below has the weights of section 3,
# which forget. Play until it holds, then write down the three numbers. There are many right answers; the check runs
# yours for 1,000 steps.

# %%
Unroll([[1.0]], [[0.5]], [0.0], [[x] for x in [0, 0, 1, 0, 0, 0, 0, 1, 0, 0]])

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("01-4", answer)

# %% [markdown]
# ### Exercise 01-5: how many weights?  (★☆☆, 3 minutes)
#
# A network reads sequences of 50 one-hot digits with `nn.RNN(10, 20)`, and at each step `nn.Linear(20, 10)` (a matrix
# and a bias) turns the state into 10 outputs. How many numbers can training change in it? Work it out from the shapes.

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("01-5", answer)

# %% [markdown]
# ## 6 Five ways to connect inputs and outputs
#
# A recurrent step may read an input or not, and may give an output or not. Five patterns come of it. Each gets a tiny
# network here that works. The examples share one vocabulary: the ten digits and their names.
#
# | pattern | example | network |
# |---|---|---|
# | one to one | a picture of a digit → the digit | no time at all |
# | one to many | the digit 7 → `seven`, letter by letter | one input, then it runs on its own |
# | many to one | `seven`, letter by letter → the digit 7 | the last output counts |
# | many to many, lengths unequal | `seven` → `sieben` (German) | read all, then write |
# | many to many, lengths equal | bits → running parity | an output at every step |
#
# ### One to one
#
# No sequence: one vector in, one vector out. Let seven segments, on (1) or off (0), show a digit, in the order top,
# upper left, upper right, middle, lower left, lower right, bottom. A row of weights for each digit, 1 where the segment
# is to be on and −1 where it is to be off, and a bias, minus the number of segments that are to be on, give the right
# digit the highest score (0; each wrong segment costs 1):

# %%
shapes = "1110111 0010010 1011101 1011011 0111010 1101011 1101111 1010010 1111111 1111011"
segments = np.array([[int(bit) for bit in shape] for shape in shapes.split()])  # 10 x 7
weights, biases = 2 * segments - 1, -segments.sum(axis=1)  # set by hand
scores = segments @ weights.T + biases  # 10 pictures x 10 digits
print("digits recognised:", *scores.argmax(axis=1))

# %% [markdown]
# ### One to many
#
# The next three networks are *trained*: their weights begin at random and are changed a little, 300 times, so that a
# loss falls. How that is done is the matter of later lessons; here is the shortest form. `Trainer` is the course's
# training loop, and `loss_of` says how wrong a network is.

# %%
from crnn_lessons.training import Settings, Trainer


def train(model, loss_of):
    settings = Settings(steps=300, learning_rate=0.02, weight_decay=0.0, clip=1.0, warm_up=0.3)
    Trainer(model, lambda step: None, lambda model, _: loss_of(model), settings).run(progress=False)


# %% [markdown]
# Letters become numbers. A class for each letter, and class 0, written `·`, for *nothing here*. All names are filled up
# with it to one length, so that they fit one array (lesson 03 does this better).

# %%
english = "zero one two three four five six seven eight nine"
german = "null eins zwei drei vier fünf sechs sieben acht neun"
letters = "·" + "".join(sorted({*english, *german} - {" "}))
english, german = english.split(), german.split()
C = len(letters)  # number of classes


def to_classes(words):  # words of equal length -> T N
    return torch.tensor([[letters.index(letter) for letter in word] for word in words]).T


def to_words(classes):  # T N -> words
    return ["".join(letters[k] for k in column).strip("·") for column in classes.T.tolist()]


# %% [markdown]
# Now a module of our own: a recurrent layer, and a linear one that reads the state. `__init__` makes the parts,
# `forward` says what a call does. Inputs are *T* × *N* × *D*: time steps, **samples** (we train on *N* = 10 words side
# by side), features.


# %%
class Network(nn.Module):
    def __init__(self, D, hidden_size, C, **options):
        super().__init__()
        self.rnn = RNN(D, hidden_size, **options)
        self.read = nn.Linear(hidden_size, C)

    def forward(self, x):  # T N D
        states, _ = self.rnn(x)  # T N Dh; the last state is not needed
        return self.read(states)  # T N C, a score for each class


# %% [markdown]
# The digit comes in at step 0, as a **one-hot** vector (1 in its own place, 0 elsewhere). After that the input is zero,
# and only the state drives the network. The loss is the **cross-entropy** between scores and right letters: a number
# that is small when the right class has by far the highest score (lesson 04 says more). It is taken at each of 7 steps:
# the longest name, `sieben`, and one `·` to end it. `flatten(0, 1)` puts steps and samples into one row, *T* · *N*
# predictions, for that is how `F.cross_entropy` wants them.

# %%
digits = torch.zeros(7, 10, 10)  # T N D
digits[0] = torch.eye(10)
spelled = to_classes([word.ljust(7, "·") for word in english])  # T N

speller = Network(10, 32, C)
train(speller, lambda net: F.cross_entropy(net(digits).flatten(0, 1), spelled.flatten()))
written = to_words(speller(digits).argmax(dim=2))
print(*written, "->", sum(a == b for a, b in zip(written, english, strict=True)), "of 10 right")

# %% [markdown]
# One input, and up to five letters come out, in order: the state holds both which word it is and how far it has got.
# Captions for pictures are made like this.
#
# ### Many to one
#
# The other way: letters in, and after the last one the digit. Here the shorter words *begin* with `·`, so that all
# end at the same step; `[-1]` takes the output of that step alone.

# %%
heard = to_classes([word.rjust(5, "·") for word in english])  # T N
heard = F.one_hot(heard, C).float()  # T N C
listener = Network(C, 32, 10)
train(listener, lambda net: F.cross_entropy(net(heard)[-1], torch.arange(10)))
print("digits understood:", *listener(heard)[-1].argmax(dim=1).tolist())

# %% [markdown]
# ### Many to many, of unequal lengths
#
# `three` has five letters and `drei` four; `seven` and `sieben` differ the other way. There is no letter of the one for
# each letter of the other, and the first German letter may depend on the last English one. So two networks: an
# **encoder** reads everything, and its last state is where a **decoder** begins, which writes.


# %%
class Translator(nn.Module):
    def __init__(self, C, hidden_size):
        super().__init__()
        self.encoder = RNN(C, hidden_size)
        self.decoder = RNN(1, hidden_size)
        self.read = nn.Linear(hidden_size, C)

    def forward(self, x, steps):
        _, state = self.encoder(x)  # 1 N Dh: all that is kept of the input
        silence = torch.zeros(steps, x.shape[1], 1)
        return self.read(self.decoder(silence, state)[0])  # steps N C


# %%
wanted = to_classes([word.ljust(7, "·") for word in german])  # T N
translator = Translator(C, 32)
train(translator, lambda net: F.cross_entropy(net(heard, 7).flatten(0, 1), wanted.flatten()))
written = to_words(translator(heard, 7).argmax(dim=2))
print(*written, "->", sum(a == b for a, b in zip(written, german, strict=True)), "of 10 right")

# %% [markdown]
# Ten words learnt by heart are not a knowledge of German. The point is the shape: five steps in, seven out, and one
# state of 32 numbers between them.
#
# ### Many to many, of equal lengths
#
# An output at each step, about the inputs so far. That is the parity network of section 5. Set its weights in the
# same `Network`, and test it on 1,000 sequences of 200 bits:

# %%
tagger = Network(1, 2, 1, nonlinearity="relu")
values = [*parity_weights.values()]
values = [*values[:3], [0.0, 0.0], values[3], [0.0]]  # torch has a second bias, and one to read out
for parameter, value in zip(tagger.parameters(), values, strict=True):
    parameter.data = torch.tensor(value)

test_bits = torch.randint(0, 2, (200, 1000))  # T N
answers = tagger(test_bits[..., None].float())[..., 0]
right = (answers == test_bits.cumsum(0) % 2).all(dim=0).sum().item()
print(f"{right} of 1000 sequences right at every step")

# %% [markdown]
# And a line of text? A picture of 100 frames shows `hello`: many to many, unequal, but *in the same order*, and each
# letter belongs to some place. The course does not use an encoder and a decoder for it. It gives an output at every
# frame (this last pattern) and lets CTC of lesson 05 work out which frame says what.
#
# ## 7 What recurrence gives, and what it costs
#
# **Gives:** inputs of any length; a size that does not grow with them; in principle, the whole past. **Costs:** it is
# slow, the distant past fades, and the future is out of sight. Let us measure each.
#
# ### Size against length
#
# Frames of *D* = 8 numbers in, 16 numbers out at each step. How many weights has each kind of network? (On the device
# `meta` torch makes shapes without numbers, so that large networks cost nothing.)


# %%
def size(module):
    return sum(weight.numel() for weight in module.parameters())


print("    T  feed-forward  convolution  recurrent")
for T in [10, 100, 1000]:
    dense = nn.Linear(8 * T, 16 * T, device="meta")  # all frames in, all outputs out
    window, recurrent = nn.Conv1d(8, 16, kernel_size=3), nn.RNN(8, 16)
    print(f"{T:5}{size(dense):14,}{size(window):13,}{size(recurrent):11,}")

# %% [markdown]
# The feed-forward network grows with the *square* of the length: ten times the frames, a hundred times the weights.
# The other two share their weights over time, and do not grow at all.
#
# ### Time against length
#
# A convolution with a window of 2 over *D* = 16 numbers does as many multiplications a step as a recurrent layer with
# 16 inputs and 16 units. So are they equally fast? What counts on a machine that does many things at once is what must
# *wait* for what. Torch remembers how each result was made. Follow this record from the output back to the input,
# and count the tanh on the longest chain:


# %%
def longest_chain(result):
    longest = {None: 0}

    def visit(node):
        if node not in longest:
            before = max((visit(source) for source, _ in node.next_functions), default=0)
            longest[node] = before + (node.name() == "TanhBackward0")
        return longest[node]

    return visit(result.grad_fn)


# %%
recurrent, window = RNN(16, 16), nn.Conv1d(16, 16, kernel_size=2)
print("    T   multiplications of each   tanh in a row: recurrent  convolution")
for T in [5, 10, 20, 40]:
    x = torch.randn(T, 16)
    seen = torch.tanh(window(F.pad(x.T, (1, 0))))  # a zero in front, so that T outputs come
    chains = longest_chain(recurrent(x)[0]), longest_chain(seen)
    print(f"{T:5}{T * 2 * 16 * 16:20,}{chains[0]:29}{chains[1]:13}")

# %% [markdown]
# The same work, but the recurrent layer must do it in *T* portions, one after the other: a step cannot begin before the
# state of the step before is there. The convolution may do all its steps at once. On this machine, with torch's own
# layers:

# %% tags=["nbval-ignore-output"]
import time


def milliseconds(network, x, repeats=5):
    with torch.no_grad():
        network(x)  # the first call prepares things
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            network(x)
            times.append(1000 * (time.perf_counter() - start))
    return min(times)  # whatever else the machine does makes times longer, never shorter


recurrent = nn.RNN(16, 16)
for T in [100, 1000, 10_000]:
    a = milliseconds(recurrent, torch.randn(T, 16))
    b = milliseconds(window, torch.randn(16, T + 1))  # T outputs
    print(f"T = {T:6}: recurrent {a:8.2f} ms, convolution {b:6.2f} ms")

# %% [markdown]
# These times differ from machine to machine and from run to run. The recurrent layer's grow in step with *T*, and it is
# much the slower of the two.
#
# ### How far does the past reach?
#
# How much does the last state change if the input *d* steps earlier changes a little? That is the derivative
# $\partial h_{T-1} / \partial x_{T-1-d}$, a matrix; take its size (the root of the sum of squares). Five layers with
# torch's random weights:

# %%
T = 61
sizes = []
for seed in range(5):
    torch.manual_seed(seed)
    rnn = nn.RNN(4, 16, dtype=torch.float64)
    x = torch.randn(T, 4, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x, rnn=rnn: rnn(x)[0][-1], x)  # Dh T D
    sizes.append(jacobian.norm(dim=(0, 2)).flip(0))  # by distance
sizes = torch.stack(sizes)
share = (sizes[:, 30] / sizes[:, 0]).max().item()
print(f"largest share left at distance 30: 1e{math.log10(share):.0f} of that at distance 0")

# %%
fig, ax = figures.new_figure(6, 3)
for curve in sizes:
    ax.semilogy(curve, color=figures.BLUE, linewidth=1)
ax.axvspan(-0.4, 2.4, color=figures.ORANGE, alpha=0.3)
ax.text(3, sizes.max() / 3, "what a window of 3 sees")
ax.set(xlabel="distance d in steps", ylabel="size of the derivative", title="The past fades")
figures.show(
    fig,
    "On a logarithmic scale the influence of an input on the last state falls about in a straight line with its "
    f"distance, for each of five random layers: to about 1e{sizes[:, 30].max().log10():.0f} at 30 steps.",
)

# %% [markdown]
# A nearly straight line on a logarithmic scale: each step back multiplies the influence by about the same factor below
# one. The whole past is there in principle; of an input 30 steps ago, little is left to see or to learn from. Lesson 02
# explains this and builds cells that hold on.
#
# ### No access to the future
#
# The third cost: a layer that reads from left to right answers before it has read on. What does that mean for each kind
# of network? Say it yourself first.
#
# ### Exercise 01-6: which outputs may change?  (★★☆, 5 minutes)
#
# Ten inputs $x_0$ to $x_9$, ten outputs. You change $x_5$. Which outputs change? Say it for a convolution with the
# window $x_{t-2}, x_{t-1}, x_t$; for a recurrent layer; and for a **bidirectional** one, in which a second recurrent
# layer reads from the end to the beginning, and the output at *t* is both states at *t*. The check changes $x_5$ in
# real networks.

# %% tags=["exercise"]
answer = ...  # {"convolution": [...], "recurrent": [...], "bidirectional": [...]}

# %%
exercises.check("01-6", answer)

# %% [markdown]
# The same test for every input: change one after the other, and mark the outputs that differ at all.


# %%
def who_hears_whom(network, T=10):
    x = torch.randn(T, 1, dtype=torch.float64)
    rows = []
    for u in range(T):
        changed = x.clone()
        changed[u] += 1
        rows.append((network(x) != network(changed)).any(dim=1))
    return torch.stack(rows, dim=1)  # T T: row t, column u: does output t hear input u?


# %%
f64 = {"dtype": torch.float64}
all_at_once, window = nn.Linear(10, 10, **f64), nn.Conv1d(1, 2, 3, **f64)
forward, both = RNN(1, 2, **f64), RNN(1, 2, bidirectional=True, **f64)
networks = {
    "feed-forward": lambda x: all_at_once(x.T).T,
    "convolution": lambda x: window(F.pad(x.T, (2, 0))).T,
    "recurrent": lambda x: forward(x)[0],
    "bidirectional": lambda x: both(x)[0],
}
maps = {name: who_hears_whom(network) for name, network in networks.items()}
for name, heard_by in maps.items():
    print(f"{name:14} hears the future: {bool(heard_by.triu(1).any())!s:6}", end="")
    print(f"the first output hears {heard_by[0].sum()}, the last {heard_by[-1].sum()} of 10 inputs")

# %%
fig, axes = figures.new_figure(7, 2.3, ncols=4, sharey=True)
for ax, (name, heard_by) in zip(axes, maps.items(), strict=True):
    ax.imshow(heard_by, cmap="Blues", vmin=0, vmax=1.4)
    ax.set(title=name, xlabel="input u", xticks=[0, 5, 9], yticks=[0, 5, 9])
axes[0].set_ylabel("output t")
figures.show(
    fig,
    "Which output hears which input, four squares of 10 by 10. "
    + " ".join(f"{name}: {int(heard_by.sum())} of 100 pairs." for name, heard_by in maps.items())
    + " The convolution is a narrow band, the recurrent layer a lower triangle, the other two are full.",
)

# %% [markdown]
# The recurrent layer is a triangle: it hears all of the past and nothing of the future. For live speech that is as it
# should be. For a line of text it is a loss: the frame after a stroke tells whether it was an `n` or an `m`.
#
# A bidirectional layer fills the square, as the feed-forward network does, yet with a size that does not depend on *T*.
# It is two layers, and no more than that:

# %%
x = torch.randn(10, 1, **f64)
backward = RNN(1, 2, **f64)
own = {f"{name}_reverse": weight for name, weight in backward.state_dict().items()}
both.load_state_dict({**forward.state_dict(), **own})
two = torch.cat([forward(x)[0], backward(x.flip(0))[0].flip(0)], dim=1)  # T 2Dh
print("bidirectional = forwards, and backwards turned round:", torch.equal(both(x)[0], two))

# %% [markdown]
# The price: twice the weights, and the first output must wait for the last input. The readers of this course have the
# whole picture before them and use both directions.
#
# ## 8 What goes wrong
#
# **Time and samples swapped.** A batch for `nn.RNN` is *T* × *N* × *D*. Data often comes as *N* × *T* × *D*. Give it
# that, and no error appears, for the shapes fit; but the layer now runs from sample to sample. Change sample 0, and
# look at sample 1:

# %%
rnn = nn.RNN(3, 4)
batch = torch.randn(5, 7, 3)  # N T D
changed = batch.clone()
changed[0] += 1
print("output of sample 1 changes:", not torch.equal(rnn(batch)[0][1], rnn(changed)[0][1]))

# %% [markdown]
# A sample must not hear another sample: this test finds the fault in any model. The cure is `batch_first=True`:

# %%
rnn = nn.RNN(3, 4, batch_first=True)
print("output of sample 1 changes:", not torch.equal(rnn(batch)[0][1], rnn(changed)[0][1]))

# %% [markdown]
# **A state that is not reset.** Every new sequence begins at *h* = 0. If the last state of one sequence is handed to
# the next, results depend on what came before:

# %%
first, second = torch.randn(1, 6, 3), torch.randn(1, 6, 3)  # N T D
_, left_over = rnn(first)
print("same result:", torch.equal(rnn(second, left_over)[0], rnn(second)[0]))

# %% [markdown]
# **A matrix used from its wrong side.** $W_{hh}$ is square, so `h @ W_hh` runs as well as `W_hh @ h`, and is wrong.
# Compare with `nn.RNN` on random weights, as in section 4; symmetrical or all-equal weights would not show it.
#
# **One bias forgotten.** Torch has two. Whoever copies only one of them gets numbers of the right shape and size, and
# wrong.
#
# ## 9 Questions to test yourself
#
# <details><summary>Is a recurrent layer with W_hh = 0 still recurrent?</summary>
# No. The state then depends on the present input alone: it is a convolution with a window of 1.
# </details>
#
# <details><summary>Could a recurrent network repeat any sequence of bits, of any length, after having heard it?</summary>
# No. All that it keeps is a state of fixed size. A state that can be told apart in m ways can stand for at most m
# pasts, and there are 2 to the power T sequences of T bits. The parity needs to tell two pasts apart; that is why so
# small a network does it.
# </details>
#
# <details><summary>Why do the outputs depend on the state alone, and not on the input too?</summary>
# The state has just read the input: h_t contains what the network found worth keeping of x_t. An output that looks at
# both is possible, and gives nothing that a larger state could not hold.
# </details>
#
# <details><summary>A stack of ten convolutions with windows of 3: how far back does it see?</summary>
# Each layer adds two inputs: 1 + 10 · 2 = 21. That is far, and it is fixed. A recurrent layer has no such border, but
# it fades.
# </details>
#
# <details><summary>Why is the gradient of a shared weight a sum, and not a mean?</summary>
# The loss depends on the weight through each of its uses. By the chain rule, the derivatives along all ways are added.
# </details>
#
# <details><summary>Why can a bidirectional network not be used for live captions?</summary>
# Its first output depends on the last input, so it must wait for the end. (In practice one waits for a short piece.)
# </details>
#
# ## 10 Read on
#
# - J. Elman, *Finding structure in time*, Cognitive Science 14, 1990: the network of this lesson, and one of its first
#   tasks is an exclusive or in time.
# - I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, 2016, chapter 10: equations 10.8 and 10.9 are the step,
#   with the letters *U* and *W*.
# - A. Waibel et al., *Phoneme recognition using time-delay neural networks*, 1989: windows that slide over speech.
# - M. Schuster, K. Paliwal, *Bidirectional recurrent neural networks*, 1997.
# - I. Sutskever, O. Vinyals, Q. Le, *Sequence to sequence learning with neural networks*, 2014: encoder and decoder.
# - Next: **02 Short-term memory**, why the past fades, and cells that keep it.
#
# Your exercises so far (`exercises.reset("01")` forgets them):

# %%
exercises.summary("01")
