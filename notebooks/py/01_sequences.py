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
# You read this line from left to right, and the order of its words carries its meaning. A network that reads must do
# what you do: take in one piece after the other, and carry something along. What it carries is called its state, and a
# network can be fed and read out in five ways. In this lesson you see each of them work:
#
# ![Five ways to connect inputs, states and outputs: one to one, one to many, many to one, many to many with unequal lengths, and many to many with equal lengths.](../figs/patterns.svg)
#
# It is the first lesson of a course that builds a reading machine from nothing: the recurrent step, a memory that
# lasts, CTC (connectionist temporal classification), which lets a network learn to read without being told where each
# letter stands, and in the end a convolutional recurrent network that reads photographs of words.
#
# **After this lesson you can**
# - say what makes data sequential, and what three kinds of network make of it;
# - write a recurrent step, unroll it over a sequence, and get the numbers of torch's `nn.RNN`;
# - say what the steps share, and show it;
# - build the five patterns, and say why a network that writes must hear what it has written;
# - measure what recurrence gives, and what it costs.
#
# **You need** Python with NumPy, a matrix times a vector, the derivative of a function, and to know that torch has
# tensors and computes gradients (`backward`).
#
# **Time** 80 minutes: 48 to read, 32 for the exercises. The cells run in 20 seconds.
#
# **How a lesson works.** An *exercise* is a cell with a stub, `...`, for you to replace. The cell below it **checks**
# your answer, says what is wrong if something is, and offers hints and a solution. The lesson then goes on with your
# answer, or with the course's own if you skip the exercise. Under the heading **Play** stands a *widget*, a small
# machine that you work with mouse or keys. You cannot break it.

# %%
import math
from collections import Counter, defaultdict
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons import exercises
from crnn_lessons.show import figures
from crnn_lessons.show.notation import notation

_ = torch.set_num_threads(1), torch.manual_seed(1)

# %% [markdown]
# ## 1 What makes data sequential?
#
# Here are two sentences. Do they have the same words? Do they say the same thing?

# %%
one, other = "the dog bites the man", "the man bites the dog"
for sentence in [one, other]:
    print(sentence, Counter(sentence.split()))

# %% [markdown]
# If all you do is count words, you cannot tell who was bitten. The order tells you. The same is true of a line of text
# in a picture. Print a word on *W* = 96 columns of pixels, and cut it into *T* = 24 **frames** of four columns each.
# What is left of it when the frames are shuffled?

# %%
from crnn_lessons.text.lines import print_line

font = figures.mpl.font_manager.findfont("DejaVu Sans")
ink = print_line("hello", font, size=38, height=34, baseline=31)  # H W, ink bright on 0
T = 24
frames = np.split(ink, T, axis=1)  # T frames of H x 4 pixels
order = np.random.default_rng(2).permutation(T)
shuffled = np.concatenate([frames[t] for t in order], axis=1)  # H W

# %%
fig, axes = figures.new_figure(7, 1.7, ncols=2)
for ax, picture, title in zip(axes, [ink, shuffled], ["in order", "shuffled"], strict=True):
    ax.imshow(picture, cmap="gray_r", interpolation="nearest")
    ax.set(title=title, xticks=np.arange(0, 96, 4) - 0.5, yticks=[])
    ax.tick_params(labelbottom=False)
figures.show(
    fig,
    f"The word hello cut into {T} frames, in order and shuffled: frame {order[0]} now stands first.",
)

# %% [markdown]
# The frames are the same, and nobody can read the word. Data is **sequential** when its order carries meaning. We
# write $x_t$ for the piece at **time step** *t* = 0, 1, …, *T* − 1. Each piece is a vector of *D* numbers: a word, a
# sample of sound, or, in this course, a frame of a picture.

# %% [markdown]
# ## 2 One task, three kinds of network
#
# Take a small task that needs the whole past. Bits come one by one, and after each we want to know whether the number
# of ones *so far* is odd. This is the running **parity**:

# %%
bits = np.array([1, 0, 1, 1, 0, 0, 1, 0])
print("bits ", *bits)
print("odd? ", *(bits.cumsum() % 2))

# %% [markdown]
# Flip the very first bit, and every answer changes. Three kinds of network could try.
#
# ### Feed-forward: all inputs at once
#
# A **feed-forward** network takes the *T* inputs as one vector of fixed size. Can it compute the parity of 8 bits? Let
# *n* be the number of ones. The zigzag *n* − 2(*n* − 1)₊ + 2(*n* − 2)₊ − … is 0, 1, 0, 1, … at *n* = 0, 1, 2, 3, …
# Each bend of it is made by one hidden unit with the function $(z)_+$ = max(*z*, 0), called **relu**:

# %%
T = 8
weight_1, bias_1 = np.ones((T, T)), -np.arange(T)  # unit j gives relu(n - j)
weight_2 = np.array([1, -2, 2, -2, 2, -2, 2, -2])


def feed_forward(x):
    return weight_2 @ np.maximum(weight_1 @ x + bias_1, 0)


right = sum(feed_forward(np.array(x)) == sum(x) % 2 for x in product((0, 1), repeat=T))
print(f"{right} of {2**T} right, with {weight_1.size + bias_1.size + weight_2.size} numbers")

# %% [markdown]
# All of them are right. What does it do with a ninth bit?

# %%
try:
    feed_forward(np.ones(9))
except ValueError as error:
    print(f"{type(error).__name__}: a matrix of {weight_1.shape} and a vector of 9 do not fit")

# %% [markdown]
# It cannot even take it: the size of its input is fixed. Nine bits need another network, with 9² + 2 · 9 = 99 numbers.
#
# ### Convolution: a window that slides
#
# The second idea is a function of the last few inputs, the same at every step. With a **window** of *k* inputs,
#
# $$y_t = f(x_{t-k+1}, \dots, x_{t-1}, x_t).$$
#
# This is a one-dimensional **convolution**; in speech it was called a time-delay neural network (TDNN). It takes
# sequences of any length. (In later lessons *k* numbers classes; here it is the size of the window.)
#
# How well can it do? You need not train one to find out. For each content of the window, the best that *any* function
# *f* can do is to give the answer that is right more often. Count, over all sequences of 8 bits. For comparison, take a
# second task that needs only a short past: did the last bit differ from the one before?


# %%
def best_window(k, answer, T=8):
    votes = defaultdict(Counter)  # for each window, how often each answer is right
    for x in product((0, 1), repeat=T):
        votes[x[T - k :]][answer(x)] += 1
    return sum(max(answers.values()) for answers in votes.values()) / 2**T


def last_two_differ(x):
    return x[-1] != x[-2]


def parity(x):
    return sum(x) % 2


# %%
print("window  last two differ  parity")
for k in range(1, 9):
    print(f"{k:6}{best_window(k, last_two_differ):17.0%}{best_window(k, parity):8.0%}")

# %% [markdown]
# A window of 2 solves the short task. On the parity, no window that is smaller than the whole sequence does better than
# guessing, *whatever* function it computes: the bit that decides may lie outside. More layers only widen the window.
# Two layers of size *k* see 2*k* − 1 inputs, and there it ends.
#
# ### Exercise 01-1: fool a window  (★☆☆, 3 minutes)
#
# Give two sequences of bits, equally long, that a window of three cannot tell apart, although the right answers on
# parity differ at their ends. Write a pair of lists, each of at most 20 bits.

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
# For the parity a state of one bit is enough. Flip it when a 1 comes:


# %%
def flip(x, h):
    return x ^ h  # exclusive or: 1 if exactly one of the two is 1


h = 0
for x in bits:
    h = flip(x, h)
    print(h, end=" ")

# %% [markdown]
# That is the row of answers above, from a function of two bits. Does it mind the length?

# %%
many = np.random.default_rng(3).integers(0, 2, size=100_000)
h = 0
for x in many:
    h = flip(x, h)
print(f"{many.sum():,} ones among {len(many):,} bits, state {h}")
assert h == many.sum() % 2

# %% [markdown]
# So the three differ in what an output may depend on: a fixed number of inputs, a window, or everything so far, in
# summary. The recurrent one has a limit of its own: all that it knows of the past must fit into the state.
#
# `flip` is a function, but not yet a network. What does *f* look like when it has weights?

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
# The 1 is gone after the first step. The state still tells of it at the second and third, more faintly each time. That
# is a memory, if a short one.
#
# Now take vectors: *D* numbers in, and a state of $D_h$ **hidden units**. The weights become matrices, and the step is
#
# $$h_t = \tanh(W_{ih}\, x_t + W_{hh}\, h_{t-1} + b)$$
#
# | | shape | from → to |
# |---|---|---|
# | $W_{ih}$ | $D_h \times D$ | input → hidden state |
# | $W_{hh}$ | $D_h \times D_h$ | hidden state → hidden state, one step later |
# | *b* | $D_h$ | |
#
# Lectures often write $s_t = \tanh(U x_t + W s_{t-1})$: their *s* is our *h*, their *U* is $W_{ih}$, their *W* is
# $W_{hh}$, and they leave out the bias. Where an output is wanted, it is read from the state alone:
# $y_t = W_{out}\, h_t + b_{out}$.
#
# ### Exercise 01-2: write the step  (★☆☆, 5 minutes)
#
# Write `rnn_step(x, h, weight_ih, weight_hh, bias)` for NumPy arrays. It returns the new state, $D_h$ numbers. `A @ v`
# is matrix times vector, and `np.tanh` takes arrays.


# %% tags=["exercise"]
def rnn_step(x, h, weight_ih, weight_hh, bias):
    return ...  # your code here


# %%
exercises.check("01-2", rnn_step)

# %% [markdown]
# What you write in this course is used again. `yours` fetches your answer if it passed its check, today or in an earlier
# session, and the course's own if there is none yet. Does your step, with vectors of one number, give the five states
# above?

# %%
rnn_step = exercises.yours("01-2")
h = np.zeros(1)
for x in [1, 0, 0, -1, 0]:
    h = rnn_step(np.array([x]), h, np.array([[1.0]]), np.array([[0.5]]), np.zeros(1))
    print(f"{h[0]:.2f}", end=" ")

# %% [markdown]
# ## 4 Unrolled
#
# A step that feeds itself can be drawn as a loop. Or the loop is **unrolled**: one copy for each step, joined by the
# state. Here are both drawings, with the five states that you have seen twice now:
#
# ![A recurrent unit as a loop, and unrolled over five steps: the inputs 1, 0, 0, −1, 0 give the states 0.76, 0.36, 0.18, −0.72, −0.35.](../figs/unrolled.svg)
#
# Unrolled, it is a feed-forward network as deep as the sequence is long. What is unusual about it stands on the arrows:
# all solid ones carry the same weight, and so do all dashed ones.
#
# ### Exercise 01-3: unroll it  (★★☆, 8 minutes)
#
# Write `unroll(x, h, weight_ih, weight_hh, bias)`. *x* is *T* × *D*, *h* is the state to begin with, and the result is
# a *T* × $D_h$ array whose row *t* is the state after `x[t]` has been read. It must work for *T* = 0, too. You may
# call your `rnn_step`.


# %% tags=["exercise"]
def unroll(x, h, weight_ih, weight_hh, bias):
    return ...  # your code here


# %%
exercises.check("01-3", unroll)

# %% [markdown]
# Torch has this network ready: `nn.RNN`. It is a **module**, an object that holds weights and is called like a
# function. Which weights does it hold for *D* = 3 and $D_h$ = 4?

# %%
D, hidden_size = 3, 4
rnn = nn.RNN(D, hidden_size, dtype=torch.float64)  # random weights
for name, weight in rnn.named_parameters():
    print(f"{name:14}{tuple(weight.shape)}")

# %% [markdown]
# The names are those of our equation (`l0` is the first layer). There are two biases where one would do. Torch adds
# both, so $b = b_{ih} + b_{hh}$. Give the weights to your `unroll`, and six random inputs to both. (Torch's layer wants
# *T* × *N* × *D*, with *N* sequences side by side; a single sequence may also come as *T* × *D*.)

# %% tags=["nbval-ignore-output"]
unroll = exercises.yours("01-3")
W_ih, W_hh, b_ih, b_hh = (weight.detach().numpy() for weight in rnn.parameters())
x = torch.randn(6, D, dtype=torch.float64)  # T D
ours = unroll(x.numpy(), np.zeros(hidden_size), W_ih, W_hh, b_ih + b_hh)  # T Dh
theirs, last = rnn(x)  # T Dh: the states of all steps; 1 Dh: the last of them
difference = np.abs(ours - theirs.detach().numpy()).max()
print(f"largest difference: {difference:.0e}")
assert difference < 1e-12 and torch.equal(last[0], theirs[-1])

# %% [markdown]
# Nothing is hidden in `nn.RNN`: it is the loop that you wrote.

# %% [markdown]
# ## 5 The same weights at every step
#
# Let 8 numbers come in and 16 go out at each step. How many weights does each of the three kinds of network have? (On
# the device `meta` torch makes shapes without numbers, so that large networks cost nothing.)


# %%
def size(module):
    return sum(weight.numel() for weight in module.parameters())


print("    T  feed-forward  convolution  recurrent")
for T in [10, 100, 1000]:
    dense = nn.Linear(8 * T, 16 * T, device="meta")  # all inputs to all outputs
    window, recurrent = nn.Conv1d(8, 16, kernel_size=3), nn.RNN(8, 16)
    print(f"{T:5}{size(dense):14,}{size(window):13,}{size(recurrent):11,}")

# %% [markdown]
# The feed-forward network grows with the *square* of the length. The other two share their weights over time and do not
# grow at all: the copies in the drawing are one and the same matrix.
#
# This has a consequence for learning. Training moves a weight against its **gradient**, the derivative of the loss ℓ
# with respect to that weight. What is this derivative when the weight is used *T* times? To see it, pretend that each
# step has a matrix of its own:

# %%
weight_ih, weight_hh, bias_ih, bias_hh = (weight.detach() for weight in rnn.parameters())


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
print("size of each copy's gradient:", *(f"{copy.grad.norm():.3f}" for copy in copies))
assert (sum(copy.grad for copy in copies) - shared.grad).abs().max() < 1e-12

# %% [markdown]
# The last line of the cell holds the result: the gradient of a shared weight is the *sum* over its uses. Look at the
# sizes. The first is zero, because the state before step 0 is zero and the matrix has nothing to work on. The later
# ones are larger: the last steps have the most to say about the last state. Lesson 02 is about that.
#
# ### Parity, with weights
#
# Can your step compute the parity? Let *p* be the parity so far and *x* the new bit. Two units are enough. Unit 0 asks
# whether *x* + *p* is above ½, unit 1 whether it is above 1½. A steep tanh answers −1 for no and 1 for yes:
#
# $$h[0] = \tanh(40\,(x + p - \tfrac12)), \qquad h[1] = \tanh(40\,(x + p - \tfrac32)).$$
#
# The new parity is 1 if unit 0 says yes and unit 1 says no: it is (h[0] − h[1])/2. The old one, *p*, was the same of the
# step before. So 40*p* = 20h[0] − 20h[1], and these numbers go into $W_{hh}$. How far from right are the answers of your
# `unroll` with such weights, at worst, over 20,000 bits?

# %%
parity_weights = {
    "weight_ih": [[40.0], [40.0]],
    "weight_hh": [[20.0, -20.0], [20.0, -20.0]],
    "bias": [-20.0, -60.0],
    "weight_out": [[0.5, -0.5]],
}
parity_ih, parity_hh, parity_b, parity_out = map(np.array, parity_weights.values())
states = unroll(many[:20_000, None], np.zeros(2), parity_ih, parity_hh, parity_b)  # T Dh
errors = states @ parity_out[0] - many[:20_000].cumsum() % 2
print(f"furthest from the right answer: {np.abs(errors).max():.0e}")
assert np.abs(errors).max() < 1e-9

# %% [markdown]
# Ten numbers, right at any length, where the feed-forward network used 80 for eight bits. We have *set* them by hand.
# That weights exist does not mean that training finds them: lesson 04 trains a network on a task of this kind, binary
# addition.
#
# ### Play: one set of weights, many steps
#
# This is the parity network with the weights set by hand. Move through the steps with the arrow keys or the buttons;
# the lines below say how the marked number came about. Try to
# - change an input bit: which steps change?
# - make the weight from x[0] to h[0] smaller, from 40 downwards. How far can it go before an answer rounds to the wrong
#   bit? At 21, what becomes of a sloppy answer one step later?

# %%
from crnn_lessons.widgets import Unroll

played = Unroll(**parity_weights, inputs=[[bit] for bit in bits.tolist()])
played

# %% [markdown]
# <details><summary>What you should see</summary>
# Another input bit changes the readout at its own step and at every step after it, and at none before. The weight may
# come down to a little above 20: with 21, the first answer is 0.88, and one step later the steep tanh has pulled it back
# to 1. At 20 the unit can no longer tell 0 from 1. Because each step restores what it hands on, errors do not add up.
# </details>
#
# Take the weights and inputs as you left them. Does your `unroll` give the states that the widget shows?

# %%
weights = [np.array(weight) for weight in (played.weight_ih, played.weight_hh, played.bias)]
inputs = np.array(played.inputs)
states = unroll(inputs, np.zeros(2), *weights)
print("x        ", *inputs[:, 0].astype(int))
print("readout  ", *(states @ played.weight_out[0]).round(2) + 0.0)  # + 0.0 makes 0 of -0
assert np.allclose(states, played.states)

# %% [markdown]
# ### Exercise 01-4: a unit that does not forget  (★★☆, 8 minutes)
#
# Take one tanh unit, which starts at *h* = 0 and reads bits. Choose $(w_{ih}, w_{hh}, b)$ so that its state stays below
# 0.1 until the first 1 comes, and above 0.9 from that step on, for good. The widget below has the weights of section 3,
# which forget. Play until it holds, then write down the three numbers. There are many right answers; the check runs
# yours for 1,000 steps.

# %%
unit = Unroll([[1.0]], [[0.5]], [0.0], [[x] for x in [0, 0, 1, 0, 0, 0, 0, 1, 0, 0]])
unit

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("01-4", answer)

# %% [markdown]
# Let your unit read a single 1 and then a thousand zeros, beside the numbers that stand in the widget:

# %%
one_and_zeros = np.eye(1, 1001).T  # T D
in_widget = unit.weight_ih[0][0], unit.weight_hh[0][0], unit.bias[0]
for name, numbers in [("in the widget", in_widget), ("yours", exercises.yours("01-4"))]:
    w_ih, w_hh, b = np.ravel(numbers)
    h = unroll(one_and_zeros, np.zeros(1), np.array([[w_ih]]), np.array([[w_hh]]), np.array([b]))
    print(f"{name:14} after the 1: {h[0, 0]:.3f}, 1,000 steps later: {h[-1, 0]:.3f}")
assert h[-1, 0] > 0.9

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
# A recurrent step may read an input or not, and may give an output or not. That makes the five patterns at the top of
# this lesson. The last of them, an output at every step, you have built: it is the parity network. Here come the
# others, with the ten digits and their names.
#
# ### One to one
#
# No sequence, one vector in, one vector out. Let seven segments, on (1) or off (0), show a digit, in the order top,
# upper left, upper right, middle, lower left, lower right, bottom. Give each digit a row of weights, 1 where its
# segment is on and −1 where it is off, and minus the number of its segments as a bias. Then the right digit scores 0,
# and each wrong segment costs 1:

# %%
shapes = "1110111 0010010 1011101 1011011 0111010 1101011 1101111 1010010 1111111 1111011"
segments = np.array([[int(bit) for bit in shape] for shape in shapes.split()])  # 10 x 7
scores = segments @ (2 * segments - 1).T - segments.sum(axis=1)  # 10 pictures x 10 digits
print(*scores.argmax(axis=1))

# %% [markdown]
# ### One to many
#
# The next networks are *trained*. Letters become numbers first: a class for each letter, and class 0, written `·`, for
# *nothing here*. All names are filled up with it to one length, so that they fit one array (lesson 03 does this better).

# %%
english = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
german = ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
letters = "·" + "".join(sorted(set("".join(english + german))))
C = len(letters)  # number of classes


def to_classes(words):  # words of equal length -> T N
    return torch.tensor([[letters.index(letter) for letter in word] for word in words]).T


def to_words(classes):  # T N -> words
    return ["".join(letters[k] for k in column).strip("·") for column in classes.T.tolist()]


# %% [markdown]
# The network is a module of our own: a recurrent layer, and a linear one that reads the state. `__init__` makes the
# parts, `forward` says what a call does. Inputs are *T* × *N* × *D*: time steps, **samples** (we train on *N* = 10
# words side by side), features.


# %%
class Network(nn.Module):
    def __init__(self, D, hidden_size, C):
        super().__init__()
        self.rnn = nn.RNN(D, hidden_size)
        self.read = nn.Linear(hidden_size, C)

    def forward(self, x):  # T N D
        states, _ = self.rnn(x)  # T N Dh
        return self.read(states)  # T N C, a score for each class


# %% [markdown]
# To train it, repeat 300 times: compute how wrong it is, compute the gradient, move the weights a little against it.
# The loss is the **cross-entropy** between scores and right letters, a number that is small when the right class has by
# far the highest score (lesson 04 says more). The move is [Adam](https://arxiv.org/abs/1412.6980)'s, which adapts the
# length of the step to each weight.


# %%
def train(network, x, wanted):
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(300):
        scores = network(x)  # ... C
        loss = F.cross_entropy(scores.flatten(0, -2), wanted.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


# %% [markdown]
# The digit comes in at step 0, as a **one-hot** vector (1 in its own place, 0 elsewhere). After that the input is zero,
# and only the state drives the network. It has seven steps: `sieben` is the longest name, and one `·` ends it.

# %%
digits = torch.zeros(7, 10, 10)  # T N D
digits[0] = torch.eye(10)
spelled = to_classes([word.ljust(7, "·") for word in english])  # T N

speller = Network(10, 32, C)
train(speller, digits, spelled)
written = to_words(speller(digits).argmax(dim=2))
print(*written)
assert written == english

# %% [markdown]
# One input, and up to five letters come out, in order: the state holds which word it is and how far it has got.
#
# ### Many to one
#
# The other way round: letters in, and after the last one the digit. Here the shorter words *begin* with `·`, so that
# all end at the same step, and only the scores of that step count.


# %%
class Listener(Network):
    def forward(self, x):
        return super().forward(x)[-1]  # N C: the last step alone


heard = F.one_hot(to_classes([word.rjust(5, "·") for word in english]), C).float()  # T N C
listener = Listener(C, 32, 10)
train(listener, heard, torch.arange(10))
understood = listener(heard).argmax(dim=1)
print(*understood.tolist())
assert understood.equal(torch.arange(10))

# %% [markdown]
# ### Many to many, of unequal lengths
#
# `one` has three letters and `eins` four; `three` and `drei` differ the other way. There is no German letter for each
# English one, and the first German letter may depend on the last English one. So take two networks: an **encoder**
# reads everything, and a **decoder**, which writes, begins where the encoder's state ends.


# %%
class Translator(nn.Module):
    def __init__(self, C, hidden_size):
        super().__init__()
        self.encoder = nn.RNN(C, hidden_size)
        self.decoder = nn.RNN(1, hidden_size)
        self.read = nn.Linear(hidden_size, C)

    def forward(self, x):
        _, state = self.encoder(x)  # 1 N Dh: all that is kept of the input
        silence = torch.zeros(7, x.shape[1], 1)  # seven steps in which nothing is heard
        return self.read(self.decoder(silence, state)[0])  # 7 N C


# %%
translated = to_classes([word.ljust(7, "·") for word in german])  # T N
translator = Translator(C, 32)
train(translator, heard, translated)
written = to_words(translator(heard).argmax(dim=2))
print(*written)
assert written == german

# %% [markdown]
# To know ten words by heart is not to know German. The point is the shape: five steps in, seven out, and one
# state of 32 numbers between them. Was it luck? Train all three networks from three other seeds, and count the outputs
# that are right:

# %% tags=["nbval-ignore-output"]
tasks = [(digits, spelled), (heard, torch.arange(10)), (heard, translated)]
for seed in [2, 3, 4]:
    torch.manual_seed(seed)
    networks = Network(10, 32, C), Listener(C, 32, 10), Translator(C, 32)
    for network, (x, wanted) in zip(networks, tasks, strict=True):
        train(network, x, wanted)
        right = (network(x).argmax(dim=-1) == wanted).float().mean()
        print(f"seed {seed}  {type(network).__name__:10} {right:.0%} of the outputs right")
        assert right > 0.95

# %% [markdown]
# ### An output fed back
#
# Speller and translator write with nothing to read. Does that matter? Not as long as only one answer is right. Now let
# each digit have *two* names: show the speller the English and the German one equally often. Then draw 1,000 words from
# it, at each step a letter with the probability that the network gives it. What do you expect to read?

# %%
twice = digits.repeat(1, 2, 1)  # T N D, N = 20
names = to_classes([word.ljust(7, "·") for word in english + german])  # T N
thousand = digits.repeat(1, 100, 1)  # T N D, N = 1000


def share_of_names(words):
    right = [word in (english[n % 10], german[n % 10]) for n, word in enumerate(words)]
    return sum(right) / len(right)


# %% tags=["nbval-ignore-output"]
silent = Network(10, 32, C)
train(silent, twice, names)
with torch.no_grad():
    drawn = torch.distributions.Categorical(logits=silent(thousand)).sample()  # T N
words = to_words(drawn)
print(*words[:10])
print(f"{share_of_names(words):.0%} are names of their digit")
assert share_of_names(words) < 0.25

# %% [markdown]
# A mixture of both languages. The network knows that the first letter of 1 is o or e, the second n or i, and so on. But
# it never hears which letter was drawn, so each step tosses its own coin. Where two names differ at *d* steps, all the
# coins agree with probability $2 \cdot (\frac12)^d$; the mean over the ten digits is about what you measured:

# %%
apart = (names[:, :10] != names[:, 10:]).sum(dim=0)  # N: at how many steps the two names differ
print("steps that differ:", *apart.tolist(), f"  mean of 2 (1/2)^d: {(2 * 0.5**apart).mean():.1%}")

# %% [markdown]
# The cure is to **feed the output back**: the letter written at one step is an input of the next. In training that is
# the right letter, whatever the network would have written (*teacher forcing*):


# %%
def with_letters_before(x, classes):  # T N D and T N -> T N (D + C)
    before = torch.cat([torch.zeros_like(classes[:1]), classes[:-1]])
    return torch.cat([x, F.one_hot(before, C)], dim=2)


# %%
fed = Network(10 + C, 32, C)
train(fed, with_letters_before(twice, names), names)

# %% [markdown]
# In writing it is the letter that was drawn. Write one letter at a time:

# %% tags=["nbval-ignore-output"]
drawn = torch.zeros(7, 1000, dtype=torch.long)  # T N
with torch.no_grad():
    for t in range(7):
        scores = fed(with_letters_before(thousand, drawn))[t]  # N C: only letters before t count
        drawn[t] = torch.distributions.Categorical(logits=scores).sample()
words = to_words(drawn)
print(*words[:10])
print(f"{share_of_names(words):.0%} are names of their digit")
assert share_of_names(words) > 0.9

# %% [markdown]
# Once the first letter that differs is out, the rest follows. Translators and writers of captions work like this. Keep
# the first half of the experiment in mind, too: outputs that do not hear each other cannot choose between two texts.
# CTC, from lesson 05 on, has this weakness, and lesson 09 adds a language model for it.
#
# And a line of text? A picture of 100 frames shows `hello`: many to many, unequal, but *in the same order*, and each
# letter belongs to a place. The course does not use an encoder and a decoder for it. It gives an output at every frame
# (the last pattern) and lets CTC work out which frame says what.

# %% [markdown]
# ## 7 What recurrence gives, and what it costs
#
# It **gives** inputs of any length, a size that does not grow with them, and in principle the whole past. It **costs**
# time; it costs the distant past, which fades; and it costs the future, which is out of sight. Measure the three costs.
#
# ### Time
#
# A convolution with a window of 2 over *D* = 16 numbers, with a tanh behind it, does the same work a step as a recurrent
# layer with 16 inputs and 16 units. But a recurrent step cannot begin before the state of the step before is there, so
# its work comes in *T* small portions. What does that cost for one sequence of 1,000 steps, and what for many of them
# side by side?

# %%
import time


def milliseconds(network, x):
    times = []
    for _ in range(6):  # the least counts: whatever else the machine does only adds time
        start = time.perf_counter()
        with torch.no_grad():
            network(x)
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


# %% tags=["nbval-ignore-output"]
recurrent, window = nn.RNN(16, 16), nn.Sequential(nn.Conv1d(16, 16, kernel_size=2), nn.Tanh())
ratios = []
for N in [1, 64, 256]:
    a = milliseconds(recurrent, torch.randn(1000, N, 16))  # T N D
    b = milliseconds(window, torch.randn(N, 16, 1001))  # N D T, one input more for the first window
    ratios.append(a / b)
    print(f"N = {N:3}: recurrent {a:6.2f} ms, convolution {b:6.2f} ms, ratio {a / b:.1f}")
assert ratios[0] > 5 * ratios[-1]

# %% [markdown]
# For one sequence the recurrent layer is many times slower, although the work is the same and torch runs on one thread
# here. What takes the time is to *start* a thousand tiny portions of work one by one. With 256 sequences each portion
# holds 256 times as much and takes only a few times as long: most of the lead of the convolution is gone. So give a
# recurrent network large batches.
#
# ### How far does the past reach?
#
# Add 0.1 to every number of the input that stands *d* steps before the end. How far does the last state move? Ask your
# `unroll`, with the random weights of five fresh layers:


# %%
def moved(layer, seed, T=31):
    """By how much the last state moves when the input d steps earlier moves by 0.1, for d = 0, 1, ..."""
    W_ih, W_hh, b_ih, b_hh = (weight.detach().numpy() for weight in layer.parameters())
    x, start = np.random.default_rng(seed).normal(size=(T, 4)), np.zeros(len(W_hh))
    last = unroll(x, start, W_ih, W_hh, b_ih + b_hh)[-1]
    distances = []
    for d in range(T):
        nudged = x.copy()
        nudged[T - 1 - d] += 0.1
        distances.append(np.linalg.norm(unroll(nudged, start, W_ih, W_hh, b_ih + b_hh)[-1] - last))
    return np.array(distances)


# %%
curves = []
for seed in range(5):
    torch.manual_seed(seed)
    curves.append(moved(nn.RNN(4, 16, dtype=torch.float64), seed))
left = [curve[30] / curve[0] for curve in curves]
print(f"left at distance 30: from {min(left):.0e} to {max(left):.0e} of the effect at distance 0")

# %%
fig, ax = figures.new_figure(6, 3)
for curve in curves:
    ax.semilogy(curve, color=figures.BLUE, linewidth=1)
ax.axvspan(-0.4, 2.4, color=figures.ORANGE, alpha=0.3)
ax.text(4.5, 4e-2, "what a window of 3 sees")
ax.set(xlabel="distance d in steps", ylabel="last state moves by", title="The past fades")
figures.show(
    fig,
    "On a logarithmic scale the effect of an input on the last state falls about in a straight line with its distance, "
    f"in each of five random layers: at 30 steps between {min(left):.0e} and {max(left):.0e} of it is left.",
)

# %% [markdown]
# A nearly straight line on a logarithmic scale: each step back multiplies the effect by about the same factor below
# one. The whole past is there in principle. Of an input 30 steps ago, little is left to see or to learn from. Lesson 02
# explains this and builds cells that hold on.
#
# ### No access to the future
#
# The third cost: a layer that reads from left to right answers before it has read on. What does that mean for each kind
# of network? Say it yourself first.
#
# ### Exercise 01-6: which outputs may change?  (★★☆, 5 minutes)
#
# There are ten inputs $x_0$ to $x_9$ and ten outputs. You change $x_5$. Which outputs change? Say it for a convolution
# with the window $x_{t-2}, x_{t-1}, x_t$; for a recurrent layer; and for a **bidirectional** one, in which a second
# recurrent layer reads from the end to the beginning, and the output at *t* is both states at *t*. The check changes
# $x_5$ in real networks.

# %% tags=["exercise"]
answer = ...  # {"convolution": [...], "recurrent": [...], "bidirectional": [...]}

# %%
exercises.check("01-6", answer)

# %% [markdown]
# A bidirectional layer is your `unroll` twice, the second time over the reversed sequence with weights of its own, its
# states turned round again. Is that what torch does?

# %% tags=["nbval-ignore-output"]
both = nn.RNN(1, 2, bidirectional=True, dtype=torch.float64)
values = [weight.detach().numpy() for weight in both.parameters()]  # forwards, then backwards
there, back = ((W_ih, W_hh, b_ih + b_hh) for W_ih, W_hh, b_ih, b_hh in (values[:4], values[4:]))


def recurrent(x):
    return unroll(x, np.zeros(2), *there)


def bidirectional(x):
    return np.hstack([recurrent(x), unroll(x[::-1], np.zeros(2), *back)[::-1]])  # T 2Dh


x = np.random.default_rng(4).normal(size=(10, 1))  # T D
difference = np.abs(bidirectional(x) - both(torch.tensor(x))[0].detach().numpy()).max()
print(f"largest difference: {difference:.0e}")
assert difference < 1e-12

# %% [markdown]
# It is. Now do the exercise's test for every input: change one after the other, and mark the outputs that differ at
# all. A convolution and a feed-forward layer stand beside the two:

# %%
rng = np.random.default_rng(5)
filter_3, everything = rng.normal(size=(2, 3)), rng.normal(size=(10, 10))


def convolution(x):
    padded = np.pad(x[:, 0], (2, 0))  # zeros in front, so that T outputs come
    return np.tanh(np.stack([padded[:-2], padded[1:-1], padded[2:]], axis=1) @ filter_3.T)


def feed_forward(x):
    return np.tanh(everything @ x)


def who_hears_whom(network, x):
    rows = []
    for change in np.eye(10):  # 1 at one input, 0 at the others
        rows.append((network(x) != network(x + change[:, None])).any(axis=1))
    return np.stack(rows, axis=1)  # T T: row t, column u: does output t hear input u?


# %%
networks = feed_forward, convolution, recurrent, bidirectional
maps = {network.__name__: who_hears_whom(network, x) for network in networks}
for name, heard_by in maps.items():
    print(
        f"{name:14} output 0 hears {heard_by[0].sum():2} inputs, output 9 hears {heard_by[9].sum()}"
    )

# %%
fig, axes = figures.new_figure(7, 2.3, ncols=4, sharey=True)
for ax, (name, heard_by) in zip(axes, maps.items(), strict=True):
    ax.imshow(heard_by, cmap="Blues", vmin=0, vmax=1.4)
    ax.set(title=name, xlabel="input u", xticks=[0, 5, 9], yticks=[0, 5, 9])
axes[0].set_ylabel("output t")
figures.show(
    fig,
    "Which output hears which input, four squares of 10 by 10. "
    + " ".join(f"{name}: {heard_by.sum()} of 100 pairs." for name, heard_by in maps.items())
    + " The convolution is a narrow band, the recurrent layer a lower triangle, the other two are full.",
)

# %% [markdown]
# The recurrent layer is a triangle: it hears all of the past and nothing of the future. For live speech that is as it
# should be. For a line of text it is a loss: the frame after a stroke tells whether it belongs to an `n` or an `m`. The
# bidirectional layer fills the square, as the feed-forward one does, but its size does not depend on *T*.
#
# The price is twice the weights, and that the first output must wait for the last input. The readers of this course
# have the whole picture before them and use both directions.
#
# ## 8 What goes wrong
#
# **Time and samples swapped.** A batch for `nn.RNN` is *T* × *N* × *D*. Data often comes as *N* × *T* × *D*. Give it
# that, and no error appears, since the shapes fit; but the layer now runs from sample to sample. To find this out in
# any model, change sample 0 and look at sample 1:

# %%
batch = torch.randn(5, 7, 3)  # N T D
changed = batch.clone()
changed[0] += 1
effects = []
for option in [False, True]:
    torch.manual_seed(6)
    rnn = nn.RNN(3, 4, batch_first=option)
    effects.append((rnn(batch)[0][1] - rnn(changed)[0][1]).abs().max().item())
    print(f"batch_first={option}: sample 1 moves by {effects[-1]:.2f}")
assert effects[0] > 0.1 and effects[1] == 0

# %% [markdown]
# A sample must not hear another sample. The cure is `batch_first=True`, or turning the axes.
#
# **A state that is not reset.** A new sequence begins at *h* = 0. Hand it the last state of another one, and its results
# depend on what happened to come before. Inside *one* sequence that is exactly right: read it in two pieces, hand the
# state on, and the result is the same.

# %%
start, x = np.zeros(2), np.random.default_rng(7).normal(size=(8, 1))  # T D
whole = recurrent(x)
handed_on = unroll(x[5:], whole[4], *there)
reset = unroll(x[5:], start, *there)
print(f"last three states, state handed on: off by {np.abs(handed_on - whole[5:]).max():.2f}")
print(f"                   state reset:     off by {np.abs(reset - whole[5:]).max():.2f}")
assert np.allclose(handed_on, whole[5:]) and not np.allclose(reset, whole[5:], atol=0.01)

# %% [markdown]
# **A matrix used from its wrong side.** $W_{hh}$ is square, so `h @ W_hh` runs as well as `W_hh @ h`, and gives other
# numbers. A symmetric matrix would hide it: compare with `nn.RNN` on random weights, as in section 4.
#
# **One bias forgotten.** Torch has two. Copy only one of them, and you get numbers that have the right shape and are
# wrong.
#
# ## 9 Questions to test yourself
#
# <details><summary>Is a recurrent layer with W_hh = 0 still recurrent?</summary>
# No. The state then depends on the present input alone: it is a convolution with a window of 1.
# </details>
#
# <details><summary>Could a recurrent network repeat any sequence of bits, of any length, after it has heard it?</summary>
# No. All that it keeps is a state of fixed size. A state that can be told apart in m ways can stand for at most m
# pasts, and there are 2 to the power T sequences of T bits. The parity needs to tell only two pasts apart; that is why
# so small a network does it.
# </details>
#
# <details><summary>How far back does a stack of ten convolutions with windows of 3 see?</summary>
# Each layer adds two inputs: 1 + 10 · 2 = 21. That is far, and it is fixed. A recurrent layer has no such border, but
# it fades.
# </details>
#
# <details><summary>Why is the gradient of a shared weight a sum, and not a mean?</summary>
# The loss depends on the weight through each of its uses. By the chain rule, the derivatives along all the ways are
# added.
# </details>
#
# <details><summary>Why can a bidirectional network not write live captions?</summary>
# Its first output depends on the last input, so it must wait for the end. (In practice one waits for a short piece.)
# </details>
#
# ## 10 Read on
#
# - J. Elman, [*Finding structure in time*](https://doi.org/10.1207/s15516709cog1402_1), Cognitive Science 14, 1990: the
#   network of this lesson. One of its first tasks is an exclusive or in time.
# - I. Goodfellow, Y. Bengio, A. Courville, [*Deep Learning*](https://www.deeplearningbook.org/contents/rnn.html), 2016,
#   chapter 10: equations 10.8 and 10.9 are the step, with the letters *U* and *W*.
# - A. Karpathy, [*The unreasonable effectiveness of recurrent neural
#   networks*](https://karpathy.github.io/2015/05/21/rnn-effectiveness/), 2015: the five patterns, and what a network
#   writes when its letters are fed back.
# - R. Williams, D. Zipser, [*A learning algorithm for continually running fully recurrent neural
#   networks*](https://doi.org/10.1162/neco.1989.1.2.270), Neural Computation 1, 1989: teacher forcing.
# - A. Waibel and others, [*Phoneme recognition using time-delay neural
#   networks*](https://doi.org/10.1109/29.21701), 1989: windows that slide over speech.
# - M. Schuster, K. Paliwal, [*Bidirectional recurrent neural networks*](https://doi.org/10.1109/78.650093), 1997.
# - I. Sutskever, O. Vinyals, Q. Le, [*Sequence to sequence learning with neural
#   networks*](https://arxiv.org/abs/1409.3215), 2014: encoder and decoder, with the output fed back.
# - Next: **02 Short-term memory**, why the past fades, and cells that keep it.
#
# The letters of this lesson, for looking up:

# %%
notation("T", "t", "N", "D", "H", "W", "xₜ", "hₜ", "yₜ", "Dₕ", "Wᵢₕ", "Wₕₕ", "b", "ℓ")

# %% [markdown]
# Your exercises so far (`exercises.reset("01")` forgets them):

# %%
exercises.summary("01")
