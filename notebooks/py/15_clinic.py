# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 15 The clinic: what ails this training?
#
# A sick program stops with an error. Sick training goes on. The loss moves a little, the fan turns, and after a night
# nothing is read. Was it the wrong blank, the wrong axis, the wrong learning rate? Or was it healthy and needed an hour
# more? From the outside they all look alike: blanks.
#
# Hundreds of threads ask this question, and about forty causes answer it. Each of them shows itself to *one* short
# check, if you know which. This lesson collects the checks, in the order of what you see:
#
# ![Pictures, network, log_softmax and loss in a row, texts and decoder below; beside each stands what may ail it.](../figs/clinic.svg)
#
# **After this lesson you can**
# - tell the plateau, which is healthy, from what is not;
# - go from a symptom to the one check that decides, for the diseases that people bring most often;
# - poison a picture to see whether samples mix, and count the texts that no path can spell;
# - have a whole training run examined in one call, and say what such an examination cannot see.
#
# **You need** lessons 05 (alignments), 06 (the loss) and 11 (the network and its training); 10 for the axes.
#
# **Time** 81 minutes: 35 to read, 46 for the exercises. The cells run in 40 seconds. (Section 13 is for looking up.)

# %%
import copy
import math
from itertools import groupby, pairwise
from pathlib import Path

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons import exercises
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.show import figures
from crnn_lessons.show.notation import notation

# one thread: nearly the same numbers on every machine, and so small a network gains little by more
torch.set_num_threads(1)

# %% [markdown]
# ## 1 A patient in good health
#
# A doctor has to know what health looks like. So begin with training that works: two to five digits in a picture of
# 16 × 64 pixels.

# %%
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.text.augment import fit
from crnn_lessons.text.render import render_word

digits = Alphabet("0123456789")
fonts = Path(matplotlib.get_data_path()) / "fonts/ttf"
faces = [fonts / f"DejaVu{name}.ttf" for name in ["Sans", "Sans-Bold", "SansMono", "Serif"]]


# %%
def draw(count, seed):
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("0123456789"), size=rng.integers(2, 6))) for _ in range(count)]
    pictures = [fit(render_word(text, rng.choice(faces), rng, wild=0.0), 16, 64) for text in texts]
    return to_input(torch.tensor(np.stack(pictures)) / 255), texts  # N 1 H W


def encode(texts):
    return torch.tensor(digits.encode("".join(texts))), torch.tensor([len(text) for text in texts])


# %%
images, texts = draw(1500, seed=1)
new_images, new_texts = draw(64, seed=2)
new_targets, new_lengths = encode(new_texts)
print(tuple(images.shape), texts[:5])

# %% [markdown]
# The network is lesson 11's, made small. `steps` moves the axes; it stands apart because people get it wrong, and we
# shall, too. The loss is torch's, on purpose: nearly everybody who falls ill does so with it.


# %%
class SmallReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.lstm = nn.LSTM(32 * 4, 32, bidirectional=True)
        self.output = nn.Linear(64, digits.num_classes)

    def steps(self, x):
        return x.permute(3, 0, 1, 2).flatten(2)  # N D H W -> T N (D H), T = W = 16

    def forward(self, images):
        return self.output(self.lstm(self.steps(self.look(images)))[0])  # T N C, logits


# %%
def ctc(logits, targets, input_lengths, target_lengths):
    log_probs = logits.log_softmax(-1)
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, zero_infinity=True)


# %%
def train(model, steps, rate=5e-3, seed=0, loss_of=ctc):
    rng, losses = np.random.default_rng(seed), []
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    model.train()
    for _ in range(steps):
        rows = rng.integers(len(texts), size=32)
        targets, lengths = encode([texts[i] for i in rows])
        loss = loss_of(model(images[rows]), targets, torch.full((32,), 16), lengths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% [markdown]
# To read, take your decoder of lesson 05. Train in two parts, and keep a copy of the network as it is after the first:

# %%
best_path = exercises.yours("05-7")


def decode(scores):
    return digits.decode(best_path(np.asarray(scores)))  # one sample, T C


def read(model, images):
    with torch.no_grad():
        return [decode(scores) for scores in model(images).unbind(1)]  # T N C


def right(model, images=new_images, texts=new_texts):
    return sum(said == text for said, text in zip(read(model, images), texts, strict=True))


# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
model = SmallReader()
losses = train(model, 40, seed=0)
young = copy.deepcopy(model).eval()
losses += train(model, 260, seed=1)
model.eval()
for name, reader, loss in [(" 40", young, losses[39]), ("300", model, losses[-1])]:
    print(f"after {name} steps: loss {loss:.2f}, {right(reader)} of 64 right:", end=" ")
    print(read(reader, new_images[:4]))
assert right(young) == 0 and right(model) >= 55

# %% [markdown]
# ## 2 The healthy one that looks sick
#
# After 40 steps the network says nothing at all, whatever it is shown. This is when people write to the forum. What
# would a network score that *does not look*, and says the same at every frame of every picture? Give the blank the
# probability *p* and share the rest among the ten digits, as in lesson 11. Which *p* is best, and what does it cost?


# %%
def blind_loss(p):
    frame = torch.tensor([p] + [(1 - p) / 10] * 10).log()  # C
    return ctc(frame.expand(16, 64, 11), new_targets, torch.full((64,), 16), new_lengths).item()


level = min(blind_loss(p / 100) for p in range(50, 100, 2))
print(f"the best blind output costs {level:.2f} nats a character; ln 10 = {math.log(10):.2f}")

# %% tags=["nbval-ignore-output"]
fig, ax = figures.new_figure(6.5, 2.6)
ax.plot(losses, linewidth=0.9)
ax.axhline(level, color=figures.GREY, linestyle="--")
ax.axvline(40, color=figures.VERMILLION, linestyle=":")
ax.text(298, level + 0.1, "best blind output", ha="right", fontsize=8)
ax.text(43, 4.4, "young: all blank", fontsize=8)
ax.set(xlabel="step", ylabel="loss, nats per character", ylim=(0, 5))
figures.show(
    fig,
    f"The loss over 300 steps: down to the best blind output's {level:.2f} nats, along it for a while, "
    f"and then to {losses[-1]:.2f}. At step 40 the network still says blank everywhere.",
)

# %% [markdown]
# The loss falls to the dashed line and walks along it. This is the **plateau of blanks**: first the network learns how
# often the blank is right, which needs no eyes. Then it has to find out, from the pictures, *which* digit; and as long
# as it has not, blanks are the best bet. It ends by itself.
#
# So three questions tell the plateau from a disease. Is the loss *at* the level, and not above? Do other pictures
# change the output, if only by a little? Does the gradient reach the first layer?

# %% tags=["nbval-ignore-output"]
logits = young(new_images)
loss = ctc(logits, new_targets, torch.full((64,), 16), new_lengths)
loss.backward()
change = (logits[:, 0] - logits[:, 1]).abs().max().item()
slope = young.look[0].weight.grad.abs().max().item()
print(
    f"loss {loss.item():.2f}, level {level:.2f}; pictures change it by {change:.3f}; first layer {slope:.4f}"
)
assert loss < 1.1 * level and change > 1e-3 and slope > 1e-4

# %% [markdown]
# Three times yes: do nothing, and wait. (How long depends on the network and the rate. Lesson 11 has a longer plateau.)

# %% [markdown]
# ## 3 From the symptom to the check
#
# Nobody runs forty checks in alphabetical order. Here are six checks that decide, and six patients in the
# waiting room.
#
# | | check |
# |---|---|
# | a | count the samples with *T* < *S* + *r* |
# | b | sum exp(output) over the classes |
# | c | put NaN into one picture of a batch, and look where it comes out |
# | d | read the same pictures in training mode and after `model.eval()` |
# | e | decode a path that you made yourself |
# | f | compute the loss of the best blind output, and compare |
#
# | | what the patient says |
# |---|---|
# | 1 | the loss is `inf` at the first step, and `nan` from then on |
# | 2 | 37 classes, step 300: nothing but blanks, and the loss stands at 3.7 |
# | 3 | the loss is −40, and falls and falls |
# | 4 | 98 % right during training; alone, a picture gives nonsense |
# | 5 | everything is right but *book*, *hello* and *1100* |
# | 6 | learns one picture by heart in no time, and a batch of eight never |
#
# ### Exercise 15-1: which check would you run first?  (★☆☆, 5 minutes)
#
# Answer with six letters, one for each patient in order.

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("15-1", answer)

# %% [markdown]
# The next six sections are the rounds: a symptom each, and under it the diseases that show it.

# %% [markdown]
# ## 4 The loss is inf, or nan
#
# **Too few frames.** Pools along the width make a short row of frames, and the text does not fit into it. Then it has no
# alignment at all (lesson 05), its probability is 0, its loss infinite, and one such sample makes the mean of the batch
# infinite and every weight NaN. How many are there? Count them *before* you train.
#
# ### Exercise 15-2: who does not fit?  (★☆☆, 6 minutes)
#
# Write `too_short(input_lengths, targets)`: the list of the numbers *n* of all samples whose target cannot be spelled in
# their frames, *T* < *S* + *r*. Both arguments are lists; a target is a sequence of class indices.


# %% tags=["exercise"]
def too_short(input_lengths, targets):
    return ...  # your code here


# %%
exercises.check("15-2", too_short)

# %% [markdown]
# One more pool would leave 4 frames. Who among our 64 would not fit, and what does torch say of each?

# %%
too_short = exercises.yours("15-2")
found = too_short([4] * 64, [digits.encode(text) for text in new_texts])
four = torch.zeros(4, 64, 11).log_softmax(-1)
each = F.ctc_loss(four, new_targets, torch.full((64,), 4), new_lengths, reduction="none")
print(f"{len(found)} of 64, such as {[new_texts[n] for n in found[:4]]}")
assert list(found) == each.isinf().nonzero().flatten().tolist()

# %% [markdown]
# *Cure:* pools that leave the width alone, `nn.MaxPool2d((2, 1))`; wider pictures; or leave these samples out.
# `zero_infinity=True` makes the loss finite by counting them as 0, so that it looks even better, and does not tell how
# many they are.
#
# **The logarithm of a softmax.** In two steps, a probability can underflow to 0, and its logarithm is −inf. It happens
# late, when the network is sure:

# %%
sure = torch.tensor([[0.0, 60.0, 120.0]], requires_grad=True)
for name, log_probs in [
    ("two steps", sure.softmax(-1).log()),
    ("one step", sure.log_softmax(-1)),
]:
    (gradient,) = torch.autograd.grad(log_probs.sum(), sure, retain_graph=True)
    print(f"{name:10}{log_probs.tolist()[0]}, gradient {gradient.tolist()[0]}")

# %% [markdown]
# *Cure:* `log_softmax`, never `softmax` and `log`.
#
# **A flat picture.** Bring it to deviation 1 by dividing by its deviation, and it is NaN: 0 / 0. One empty crop among a
# million, and the training dies on the third day.

# %%
flat = torch.full((1, 16, 64), 0.5)
careless = (flat - flat.mean()) / flat.std()
print(f"careless {careless[0, 0, 0].item()}, ours {to_input(flat[None])[0, 0, 0, 0].item()}")
assert careless.isnan().all()

# %% [markdown]
# *Check:* `torch.isfinite(images).all()`, on every batch; it costs nothing. If the pictures are finite and the texts
# fit, look at the size of the gradient (lesson 02), and take a tenth of the learning rate.

# %% [markdown]
# ## 5 The loss is below zero
#
# A loss below zero is a probability above 1. So what went into the loss cannot have been logarithms of probabilities.
# Whatever it was, the **sum of exp over the classes** gives it away: it must be 1. The three usual things, with the loss
# as it stands, and after adding 1 to all scores:

# %% tags=["nbval-ignore-output"]
with torch.no_grad():
    logits = model(new_images)
rest = new_targets, torch.full((64,), 16), new_lengths
for name, scores in [
    ("log_softmax", logits.log_softmax(-1)),
    ("logits", logits),
    ("softmax", logits.softmax(-1)),
]:
    total = scores.exp().sum(-1)
    one, raised = F.ctc_loss(scores, *rest).item(), F.ctc_loss(scores + 1, *rest).item()
    print(
        f"{name:12} sum of exp {total.min():6.2f} to {total.max():9.2f}, loss {one:7.2f}, raised {raised:7.2f}"
    )

# %% [markdown]
# To *logits*, a constant means nothing; to a loss that takes them for logarithms it is a gift of one nat a frame, as
# lessons 08 and 11 said. (Torch divides by the letters of each text, so 16 frames make about 5.) Where does that lead?
# Train two fresh networks on raw logits, one with the exact gradient of lesson 06, one with torch's, which is
# exp(score) − *q* and not −*q*. The third hands its logits through log_softmax first. (One run each.)

# %% tags=["nbval-ignore-output"]
from crnn_lessons.ctc import ctc_loss

for name, loss_of in [("exact", ctc_loss), ("torch's", F.ctc_loss), ("healthy", ctc)]:
    torch.manual_seed(0)
    raw = SmallReader()
    after = train(raw, 150, loss_of=loss_of)[-1]
    total = raw.eval()(new_images).exp().sum(-1).median().item()
    print(f"{name:8} loss {after:8.2f} after 150 steps, sum of exp {total:8.2g}")

# %% [markdown]
# With the exact gradient the scores rise for ever: that *is* the way to a smaller loss. Torch's gradient pulls the sum
# back to 1, and the network learns to normalise itself beside its real work. The loss looks like any other, and is behind
# the healthy one. The mistake is hidden, not gone.
#
# *Softmax* alone is worse. Its values lie between 0 and 1, so as "logarithms" they are never negative, and no class can
# be ruled out.
#
# *Cure:* `logits.log_softmax(-1)`, once. (Twice is no disease: it changes nothing. Try it.) The −1 matters, too: with
# `log_softmax(1)` it is the *samples* that sum to 1, and the sum over the classes gives this away as well.

# %% [markdown]
# ## 6 The loss stands still
#
# Above the level, or far longer than the plateau takes. This is the largest ward.
#
# **Softmax twice.** The network ends in a softmax, and the loss begins with a log_softmax. Nothing complains, and
# nothing gets below some value. Which?
#
# ### Exercise 15-3: a ceiling  (★★☆, 5 minutes)
#
# Write `most_sure(C)`: the largest probability that one of *C* classes can have after *two* softmaxes, whatever the
# logits were.


# %% tags=["exercise"]
def most_sure(C):
    return ...  # your code here


# %%
exercises.check("15-3", most_sure)

# %% [markdown]
# What does that mean for the loss? Leave the network out, and train the scores of 4711 over 16 frames themselves: no
# network can do better than that.

# %% tags=["nbval-ignore-output"]
most_sure = exercises.yours("15-3")
target = torch.tensor(digits.encode("4711"))
for softmaxes in (1, 2):
    scores = torch.randn(16, 1, 11, generator=torch.Generator().manual_seed(0)).requires_grad_()
    optimizer = torch.optim.Adam([scores], lr=0.3)
    for _ in range(300):
        loss = ctc(scores if softmaxes == 1 else scores.softmax(-1), target, [16], [4])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"{softmaxes} softmax: loss {loss.item():.2f}")
print(f"two: no class above {most_sure(11):.3f}; the plateau is at {level:.2f}")
assert loss > level

# %% [markdown]
# The best that is left costs more than to say blank and never look. *Check:* scale the last layer up, a thousandfold, on
# a copy. A healthy network gets as sure as you like; this one does not. The same check finds a ReLU, a tanh or a whole
# LSTM *after* the last layer: they bound the logits in the same way.
#
# **Samples mix.** `view` where `permute` is needed (lesson 10), an LSTM that takes the samples for time (lesson 01):
# what is read from one picture depends on the others in its batch. One picture alone is fine, which is why tests with
# one picture pass. Five lines find it, without any threshold. NaN is poison: whatever is computed from it is NaN.
#
# ### Exercise 15-4: poison  (★★☆, 10 minutes)
#
# Write `reached(network, images, n)`: put NaN into all of picture *n* (in a copy), run the network, and return the list
# of all samples with a NaN anywhere in their scores. `images` is *N D H W* (here *D* = 1); `network(images)` gives
# *T N C*.


# %% tags=["exercise"]
def reached(network, images, n):
    return ...  # your code here


# %%
exercises.check("15-4", reached)

# %% [markdown]
# Three networks: ours, one with a `reshape`, one whose LSTM has been told that samples come first. Shapes fit in all
# three, and none complains.


# %%
class Reshaped(SmallReader):
    def steps(self, x):
        return x.reshape(x.shape[3], x.shape[0], -1)  # the right shape


reached = exercises.yours("15-4")
torch.manual_seed(1)
wrong_axis = SmallReader().eval()
wrong_axis.lstm.batch_first = True  # and it is given T N D
for name, network in [("ours", model), ("reshape", Reshaped().eval()), ("batch_first", wrong_axis)]:
    print(f"{name:12} picture 2 of 5 reaches", reached(network, new_images[:5], 2))
assert list(reached(model, new_images[:5], 2)) == [2]

# %% [markdown]
# (`eval()` matters: in training mode a batch norm mixes the samples by right.) *Cure:* move axes by name,
# `rearrange(x, "n d h w -> w n (d h)")`; nothing is left to remember.
#
# **Columns mix.** The same slip within a picture: `reshape` with *N* in front keeps the samples apart and throws the
# columns together. Poison tells nothing here, since a BiLSTM carries it everywhere. But it does not carry everything
# equally: by the gradient, the later the frame, the further right lies what moves it.


# %%
def looks_at(network, t):
    one = new_images[:1].clone().requires_grad_()
    network(one)[t].square().sum().backward()
    weight = one.grad.abs().sum((0, 1, 2))  # W
    return (weight * torch.arange(64)).sum().item() / weight.sum().item()


class ColumnsMixed(SmallReader):
    def steps(self, x):
        return x.reshape(x.shape[0], x.shape[3], -1).transpose(0, 1)


torch.manual_seed(1)
for name, network in [("ours", SmallReader().eval()), ("columns mixed", ColumnsMixed().eval())]:
    places = [looks_at(network, t) for t in (2, 6, 10, 14)]
    print(f"{name:14} frames 2, 6, 10, 14 look at columns", [round(place) for place in places])

# %% [markdown]
# **A gradient that is cut off.** One `.detach()`, `.data`, `.numpy()` or `torch.no_grad()` too many, and the layers
# before it keep the weights that they began with. If the cut is near the end, the rest learns the plateau, and no more;
# if it is near the beginning, random features may do on easy pictures, and the training is worse than it need be.
# *Check:* after one `backward()`, which parameters have no gradient?


# %%
class Detached(SmallReader):
    def steps(self, x):
        return super().steps(x.detach())


cut = Detached()
ctc(cut(new_images), *rest).backward()
print(
    "no gradient:",
    sorted({name.split(".")[0] for name, p in cut.named_parameters() if p.grad is None}),
)

# %% [markdown]
# **The learning rate.** Start from the young network and take 100 steps at each of three rates. (One run each; the
# differences are larger than any luck.)

# %% tags=["nbval-ignore-output"]
for rate in [1e-7, 5e-3, 1.0]:
    tried = copy.deepcopy(young)
    after = train(tried, 100, rate=rate, seed=2)[-1]
    with torch.no_grad():
        scores = tried.eval()(new_images)
    change = (scores[:, 0] - scores[:, 1]).abs().max().item()
    print(
        f"rate {rate:7}: loss {after:6.2f}, and another picture changes the output by {change:.3g}"
    )

# %% [markdown]
# Too low: the plateau for ever. Too high: worse than the plateau, and a network that has gone blind, since its gates
# no longer move with the picture. *Check:* by how much of its size does one step move a weight? A few hundredths at the
# first steps of Adam, and a few thousandths later, are what the healthy rate above does; a tenth or more, or a millionth,
# is not. *Cure:* a factor of 10 each way, on the first hundred steps, costs minutes.
#
# **Texts stand beside the wrong pictures.** Sorted in one list and not in the other; a line lost; an index off by one.
# Every text is fine, and so is every picture, and no check of either finds anything. But a network that reads can tell,
# even one from somewhere else: compute the loss of *every* picture with *every* text.

# %% tags=["nbval-ignore-output"]
N = 12
shifted = new_texts[1:N] + new_texts[:1]  # text n + 1 beside picture n
with torch.no_grad():
    log_probs = model(new_images[:N]).log_softmax(-1)  # T N C
pairs = np.empty((N, N))
for j, text in enumerate(shifted):
    target = torch.tensor(digits.encode(text)).repeat(N)
    lengths = torch.full((N,), 16), torch.full((N,), len(text))
    pairs[:, j] = F.ctc_loss(log_probs, target, *lengths, reduction="none") / len(text)
fits = pairs.argmin(axis=1)
print("the text that fits picture 0, 1, 2, ... stands at", fits.tolist())
assert (fits == (np.arange(N) - 1) % N).mean() > 0.8

# %% tags=["nbval-ignore-output"]
fig, ax = figures.new_figure(3.6, 3.0)
shown = ax.imshow(pairs, cmap="cividis", vmin=0)
ax.set(xlabel="text", ylabel="picture", xticks=range(0, N, 2), yticks=range(0, N, 2))
fig.colorbar(shown, label="nats a character")
figures.show(
    fig,
    "The loss of twelve pictures with twelve texts. The small losses do not lie on the diagonal, "
    f"but one place beside it: the texts that fit pictures 0 to 11 stand at {fits.tolist()}.",
)

# %% [markdown]
# The dark squares should be the diagonal. *Cure:* one list of pairs, `zip(pictures, texts, strict=True)`, and shuffle
# that. And look at three pictures with their texts, before every training run. It is the oldest check there is.

# %% [markdown]
# ## 7 It reads in training, and talks nonsense in use
#
# **The batch norm.** In training mode it takes mean and variance from the batch: what is read depends on what stands
# beside it. After `eval()` it takes the running statistics, and they must be those of the data. Read each of the 64
# pictures in a batch with seven dark ones, as from a camera that was started too early:

# %% tags=["nbval-ignore-output"]
dark = torch.full((7, 1, 16, 64), new_images.min().item())


def right_beside_dark(network):
    batches = [torch.cat([image[None], dark]) for image in new_images]
    return sum(read(network, b)[0] == text for b, text in zip(batches, new_texts, strict=True))


# %% tags=["nbval-ignore-output"]
forgotten = copy.deepcopy(model).train()  # eval() forgotten
lost = copy.deepcopy(model)
for norm in (lost.look[1], lost.look[5]):
    norm.reset_running_stats()  # as when buffers are not loaded with the weights
for name, network in [("eval()", model), ("no eval()", forgotten), ("statistics lost", lost)]:
    print(f"{name:16} {right_beside_dark(network)} of 64 right")

# %% [markdown]
# *Check:* read the same batch in both modes; the loss must be about the same. *Cure:* `model.eval()` before reading;
# save and load the whole `state_dict`, buffers too.
#
# **Pictures in another form than in training**: black for white, 0 to 255 for −1 to 1, another resize. Everything runs.

# %% tags=["nbval-ignore-output"]
for name, changed in [
    ("as in training", new_images),
    ("black for white", -new_images),
    ("0 to 255", (new_images - new_images.min()) / 4 * 255),
]:
    with torch.no_grad():
        loss = ctc(model(changed), *rest).item()
    print(f"{name:16} loss {loss:6.2f}, {right(model, changed)} of 64 right")

# %% [markdown]
# *Check:* the mean, the deviation and the range of what goes into the first layer, in training and in use, printed side
# by side. And where a trained network reads nothing: feed it the negative. *Cure:* one function that prepares pictures,
# called in both places.

# %% [markdown]
# ## 8 It reads, and letters are lost
#
# **The decoder.** The scores may be perfect. So take the network away, and make scores whose path you know. Four
# decoders as they stand in published programs, on three paths:


# %%
def loses_first(path):
    return [b for a, b in pairwise(path) if b not in (a, 0)]


def drops_then_merges(path):
    return [k for k, _ in groupby(k for k in path if k)]


def merges_nothing(path):
    return [k for k in path if k]


def waits_for_the_next(path):
    return [a for a, b in pairwise(path) if a not in (b, 0)]


# %%
def yours(path):
    return best_path(np.eye(3)[path])


print(f"{'':20} 1-22-  -1-1-  -1-2")
known = [1, 0, 2, 2, 0], [0, 1, 0, 1, 0], [0, 1, 0, 2]
for decoder in [loses_first, drops_then_merges, merges_nothing, waits_for_the_next, yours]:
    said = ["".join(map(str, decoder(path))) for path in known]
    print(f"{decoder.__name__:20} {said[0]:6} {said[1]:6} {said[2]}")

# %% [markdown]
# Each of the four is right on two of the three; that is why they live so long. *Check:* a path that begins with a letter
# and holds it, one with a doubled letter, one that ends with a letter.
#
# **Lengths that cut the picture off.** `input_lengths` must count the frames that come *out*, of the pictures that go
# *in*. From before the pools they are too large, and torch says so. From before a resize they may be too small, and
# nobody says anything: CTC does not look at what comes after.

# %% tags=["nbval-ignore-output"]
widths = torch.tensor(
    [len(text) * 10 for text in new_texts]
)  # of the files, before all became 64 wide
for name, lengths in [("frames", torch.full((64,), 16)), ("width of the file / 4", widths // 4)]:
    loss = ctc(logits, new_targets, lengths, new_lengths).item()
    print(f"{name:22} input_lengths {lengths[:6].tolist()}..., loss {loss:.2f}")
outside = (widths // 4 < 16).sum().item()
print(f"{outside} of 64 pictures go on beyond their length")

# %% [markdown]
# *Check:* is there ink beyond the last frame? *Cure:* ask the model how many frames it gives (`output_lengths` in this
# course), do not compute it somewhere else.
#
# **Classes off by one.** `characters[k]` where `characters[k - 1]` is meant, or the blank last in one place and first in
# the other: every digit comes out as its neighbour. *Check:* print `alphabet.show(path)` of one picture. The blank is
# the class between the letters; is it the one that you think?

# %% [markdown]
# ## 9 The larger the batch, the less it learns
#
# **The loss is divided twice.** `reduction="mean"` divides by the number of samples. A line that was right with another
# loss, `loss / batch_size`, divides once more. *Check:* the same samples, taken twice, must have the same mean.

# %%
log_probs = torch.randn(16, 8, 11, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
labels = torch.tensor([[4, 7, 1, 1]]).repeat(8, 1)
for N in (8, 16):
    batch = torch.cat([log_probs] * (N // 8), dim=1), torch.cat([labels] * (N // 8))
    mean = F.ctc_loss(*batch, torch.full((N,), 16), torch.full((N,), 4)).item()
    print(f"batch of {N:2}: mean {mean:.3f}, divided again {mean / N:.4f}")

# %% [markdown]
# Adam hides it: it scales its steps itself. Gradient clipping, weight decay and plain gradient descent do not. A sum
# over the batch is a choice, and no disease: then the batch of 16 costs twice as much.

# %% [markdown]
# ## 10 All the rounds in one call
#
# `examine` makes these checks, and about thirty more, on any torch module that gives *T N C* or *N T C*, with any CTC
# loss and any decoder. It works on copies: the model, its optimiser, the random numbers and your batch stay as they
# are, to the last bit.

# %% tags=["nbval-ignore-output"]
from crnn_lessons.clinic import examine

batch = (new_images, new_targets, None, new_lengths)  # None: every frame counts
told = dict(loss=ctc, decode=decode, alphabet=digits)
report = examine(model, batch, **told)
assert report.healthy
report

# %% [markdown]
# *Not examined* is not *healthy*: no `input_lengths` were given, no optimiser. (It divides all nats by all characters,
# where torch takes the mean of each sample's mean: hence a blind level that differs a little from ours.) And what does it
# say of the young network, which looks so sick?

# %% tags=["nbval-ignore-output"]
report = examine(young, batch, **told)
assert report.healthy and report.remarks[0].startswith("the plateau")
print(report.remarks[0])

# %% [markdown]
# Now the sick ones of this lesson. A finding has a name, evidence in numbers, and the line to change:

# %% tags=["nbval-ignore-output"]
sick = examine(Reshaped(), batch, **told)
assert [finding.disease for finding in sick.findings] == ["samples mix"]
sick

# %% [markdown]
# Do your own checks and the doctor's agree? Yours found who has too few frames, which samples mix, and where two
# softmaxes end.


# %%
class FourFrames(SmallReader):
    def steps(self, x):
        return super().steps(F.max_pool2d(x, (1, 4)))


class Twice(SmallReader):
    def forward(self, images):
        return super().forward(images).softmax(-1)


# %%
torch.manual_seed(1)
short = examine(FourFrames(), batch, **told).findings[0]
twice = examine(Twice(), batch, **told).findings[0]
print(f"{short.disease}: {short.evidence}\n{twice.disease}: {twice.evidence}")
assert f"{len(found)} of 64" in short.evidence and f"p = {most_sure(11):.2f}" in twice.evidence

# %% [markdown]
# From a script, `python -m crnn_lessons examine module:factory` does the same: `factory` returns the model, the batch
# and the rest. Its exit status is 0 for healthy, 1 for sick, 2 for what could not be examined. Put it in front of your
# next training run, and the night is not lost.

# %% [markdown]
# ## 11 Six hidden patients
#
# Six training runs, set up by somebody else. They have the same weights and differ in a line. Each has `network`,
# `images`, `targets` (*N S*), `input_lengths`, `target_lengths`, `loss` and `decode` (one sample, *T C*, to a string).
# The networks give log-probabilities.

# %%
from crnn_lessons.exercises.catalogue import load

patients = load("15").patients()
for name, patient in patients.items():
    scores = patient.network(patient.images)
    loss = patient.loss(scores, patient.targets, patient.input_lengths, patient.target_lengths)
    print(
        f"{name}: T N C = {tuple(scores.shape)}, loss {loss.item():.1f}, reads {patient.decode(scores[:, 0])!r}"
    )

# %% [markdown]
# ### Exercise 15-5: what ails them?  (★★★, 20 minutes)
#
# Use your own functions (`too_short`, `reached`, `most_sure`), a path of your own, a batch taken twice. To see a
# ceiling, scale up the last layer of a copy, `network.output.weight.data *= 1000`. Answer with a dictionary from the
# letters A to F to one of these names:
#
# | name | |
# |---|---|
# | `"healthy"` | on the plateau: wait |
# | `"too few frames"` | some samples have *T* < *S* + *r* |
# | `"samples mix"` | one picture reaches the output of others |
# | `"softmax twice"` | no class gets more than `most_sure(11)` |
# | `"loss divided twice"` | the same samples twice over cost half |
# | `"decoder merges doubled letters"` | 11 is read as 1 |

# %% tags=["exercise"]
answer = ...  # {"A": "...", "B": "...", "C": "...", "D": "...", "E": "...", "F": "..."}

# %%
exercises.check("15-5", answer)

# %% [markdown]
# Does the doctor come to the same conclusions?

# %%
said = exercises.yours("15-5")
agree = 0
for name, p in patients.items():
    given = (p.images, p.targets, p.input_lengths, p.target_lengths)
    report = examine(p.network, given, loss=p.loss, decode=p.decode, alphabet=digits)
    names = [finding.disease for finding in report.findings] or ["healthy"]
    agree += names == [said[name]]
print(f"the same diagnosis for {agree} of {len(patients)} patients")

# %% [markdown]
# ## 12 Training programs that others published
#
# Your own slips are easy to find; you know where you looked. So the checks were tried on training programs that nobody
# here wrote: rebuilt in shape from public repositories, once sick, as the report says, and once mended. The course's
# tests examine all of them; each sick one is named, each mended one is healthy.
#
# | repository | what was reported | found as |
# |---|---|---|
# | [meijieru/crnn.pytorch](https://github.com/meijieru/crnn.pytorch/issues/232) | `CTCLoss()` / batch_size | loss divided twice |
# | [the same](https://github.com/meijieru/crnn.pytorch/issues/29) | loss infinite after a batch; 1.0 was Adadelta's rate | learning rate too high |
# | [the same](https://github.com/meijieru/crnn.pytorch/issues/230) | 96 % in training, 10 % after eval | batch norm statistics do not fit |
# | [Holmeyoung/crnn-pytorch](https://github.com/Holmeyoung/crnn-pytorch/issues/34) | one added to encode, none taken away | decoder off by one |
# | [ypwhs/captcha_break](https://github.com/ypwhs/captcha_break/issues/29) | nan, with pictures half as wide | too few frames |
# | [the same](https://github.com/ypwhs/captcha_break), for several GPUs | nothing; we found it while rebuilding it | batch_first |
# | [captcha-recognition-pytorch](https://github.com/abhishekkrthakur/captcha-recognition-pytorch/issues/4) | 5bbzt is read as 5bzt | decoder merges doubled letters |
# | [gwx314/STARS](https://github.com/gwx314/STARS/issues/9) | a negative loss | log_softmax missing |
# | [sherjilozair/ctc](https://github.com/sherjilozair/ctc/issues/1) | reshape for dimshuffle | samples mix |
# | [liuhu-bigeye/enctc.crnn](https://github.com/liuhu-bigeye/enctc.crnn/issues/9) | the argument for the blank is ignored | wrong blank |
# | [keras](https://github.com/keras-team/keras/pull/8047), image_ocr | rows became time | time along the height |
# | [ABINet](https://github.com/FangShancheng/ABINet/issues/65) | inf, then nan | too few frames: lengths of the texts were given for frames |
# | [GitYCC/crnn-pytorch](https://github.com/GitYCC/crnn-pytorch/issues/7) | nan; a damaged picture | NaN in the pictures |
#
# Read one of these threads to the end. What is asked first, what is tried, and how long does it take until somebody
# counts *T*?

# %% [markdown]
# ## 13 Index of symptoms
#
# Everything that goes wrong in this course, by what you see. *Where* names a section of this lesson, or the number of
# another one with the words of the case in its section *What goes wrong*.
#
# | you see | it may be | check | where |
# |---|---|---|---|
# | `inf` at once, then `nan` | *T* < *S* + *r* | count them | 15.4, [05 too short for the text](05_alignments.ipynb), [06 The picture is too short](06_forward_backward.ipynb), [11 picture too narrow for its text](11_crnn.ipynb) |
# | `inf` on long lines only | probabilities in place of logarithms | the closed form *T* ln *C* − ln count | [06 infinite on long lines only](06_forward_backward.ipynb) |
# | `inf` where the network is very sure | a rescaled alpha lost the paths that count | alpha's and beta's *p(Y \| X)* | [07 inf on very confident networks](07_ctc_at_speed.ipynb) |
# | `nan` after hours | log of a softmax; a flat picture; the rate | finite pictures? size of the gradient? | 15.4, [08 line without ink](08_raw_pixels.ipynb) |
# | `nan` where padding is masked | 0 · inf | index in place of multiplying | [03 A mask by multiplication](03_kth_digit.ipynb) |
# | `IndexError` at the last step, or none and wrong numbers | a length of 0; lengths for lengths − 1 | one sample of each length | [03 A length of 0](03_kth_digit.ipynb), [03 lengths in place of lengths - 1](03_kth_digit.ipynb) |
# | loss below 0 | logits or softmax in the loss | Σ exp = 1 | 15.5, [08 loss far below zero](08_raw_pixels.ipynb), [08 Logits for log-probabilities](08_raw_pixels.ipynb), [11 below 0](11_crnn.ipynb) |
# | loss too small, no error | an update in place reads changed rows | the slow form on 5 × 5 cells | [07 loss too small, no crash](07_ctc_at_speed.ipynb) |
# | loss stops at 1.46 (ten classes, one step) | softmax twice | most_sure(C) | 15.6, [03 Softmax twice](03_kth_digit.ipynb) |
# | blanks, loss at the blind level | the plateau: healthy | blind_loss | 15.2, [08 all blank, for a while](08_raw_pixels.ipynb), [11 only blanks for some hundred steps](11_crnn.ipynb) |
# | blanks for ever | rate, mixed samples, cut gradient, shifted texts | learn eight pictures by heart | 15.6, [08 all blank for ever](08_raw_pixels.ipynb), [11 only blanks for ever](11_crnn.ipynb) |
# | the plateau for ever, yet eight pictures are learnt | texts shifted against pictures | look at three pictures with their texts | 15.6, [11 the loss stays at the plateau](11_crnn.ipynb) |
# | one picture is learnt, a batch is not | `view` for `permute`; batch_first | poison a picture | 15.6, [01 Time and samples swapped](01_sequences.ipynb), [10 in place of moving axes](10_image_to_sequence.ipynb), [11 never learns, no error](11_crnn.ipynb) |
# | learns badly, whatever you do | columns mix; rows as time | at which columns does a frame look? | 15.6, [08 rows as time steps](08_raw_pixels.ipynb), [10 learns badly or never](10_image_to_sequence.ipynb) |
# | one letter is never read | it is encoded as the blank | is class 0 in any target? | [05 The blank stands in the target](05_alignments.ipynb) |
# | doubled letters are never learnt | skip between equal labels left open | count `aa` over 2 steps: 0 | [06 The skip between equal letters is open](06_forward_backward.ipynb) |
# | short words are learnt, long ones not | pools along the width | *T* ≥ *S* + *r* | [10 short words are learnt](10_image_to_sequence.ipynb) |
# | every other column is the same for all pictures | a transposed convolution whose kernel is below its stride | two pictures: which columns differ? | [10 a transposed convolution with holes](10_image_to_sequence.ipynb) |
# | CTC refuses a length, or reads one frame too many | pools round; lengths computed elsewhere | `output_lengths` | [10 Pools round down](10_image_to_sequence.ipynb), [10 counts a step beyond the end](10_image_to_sequence.ipynb) |
# | 98 % in training, nonsense in use | batch norm; another form of the pictures | both modes; ranges side by side | 15.7, [08 bad on your own lines](08_raw_pixels.ipynb), [10 bad on single pictures](10_image_to_sequence.ipynb), [10 Padding in the statistics](10_image_to_sequence.ipynb), [11 reads nonsense on single pictures](11_crnn.ipynb) |
# | perfect on its own pictures, no others | scored on training pictures; shifted texts | score new ones | 15.6, [08 learns the training lines](08_raw_pixels.ipynb), [11 scored on training pictures](11_crnn.ipynb) |
# | perfect on rendered words, lost on photographs | the renderer does not know the street | score photographs | [13 A judge from one's own workshop](13_photographs.ipynb) |
# | rendered words that are turned are never learnt | cropped by the box from before the turn | share of the ink inside | [13 The box of the word as it lies on the sign](13_photographs.ipynb) |
# | far letters are as large as near ones | no division by the depth | the box of a sign turned away | [13 A perspective without its division](13_photographs.ipynb) |
# | far better with a lexicon than anyone else | the lexicon holds the test words | score the others apart | [13 A lexicon that has the answers](13_photographs.ipynb) |
# | `hello` reads `helo` | blanks dropped before runs are merged | a path with a doubled letter | 15.8, [05 dropped before runs are merged](05_alignments.ipynb) |
# | the first or the last letter is missing | a loop that compares neighbours | a path that begins, and ends, with a letter | 15.8, [05 the first sign has no predecessor](05_alignments.ipynb), [11 lack their first letter](11_crnn.ipynb) |
# | every letter is its neighbour | class off by one; blank last or first | `alphabet.show(path)` | 15.8 |
# | ends of lines are lost, or grow letters | input lengths | the same picture alone | 15.8, [08 ends of short lines grow letters](08_raw_pixels.ipynb) |
# | reads differently beside others | a state, a norm or a length of the batch | the same picture alone | 15.7, [01 A state that is not reset](01_sequences.ipynb), [07 depend on what else is in the batch](07_ctc_at_speed.ipynb), [08 reads differently beside others](08_raw_pixels.ipynb) |
# | larger batches learn less | loss divided twice | the same samples twice | 15.9, [11 divided by the batch twice](11_crnn.ipynb) |
# | the answer for a short sample is wrong | the last step of padding; a backward half that has seen one input | each sample alone | [02 The last output of a bidirectional layer](02_memory.ipynb), [03 of a padded batch](03_kth_digit.ipynb) |
# | accuracy is high, and nothing works | padding is counted; random tests are easy | what does a constant answer score? | [04 Padding is counted](04_binary_addition.ipynb), [04 Random tests pass](04_binary_addition.ipynb) |
# | half of the answer is wrong | the order of the steps | accuracy by step | [04 The bits are in the wrong order](04_binary_addition.ipynb) |
# | answers too large, or doubled | no place for the last carry; zeros in front | two short numbers by hand | [04 The last carry has no place](04_binary_addition.ipynb), [04 Zeros on the wrong side](04_binary_addition.ipynb) |
# | own cell differs from torch's | order of the gates; the biases; *W* from its wrong side | random weights, both | [01 One bias forgotten](01_sequences.ipynb), [01 A matrix used from its wrong side](01_sequences.ipynb), [02 The order of the gates](02_memory.ipynb), [02 A forget bias added twice](02_memory.ipynb) |
# | own gradient differs from torch's | its convention; a path forgotten; tanh twice; `+=` with an index that repeats | differences; sums of posteriors are 1 | [02 A path forgotten](02_memory.ipynb), [02 The derivative of the tanh](02_memory.ipynb), [06 Rows of one class overwrite each other](06_forward_backward.ipynb), [06 gradients differ from torch's](06_forward_backward.ipynb) |
# | Σ αβ is wrong | one pass, or both | at each step the same? | [06 differs from step to step](06_forward_backward.ipynb), [06 the same at each step, and wrong](06_forward_backward.ipynb) |
# | gradients are noisy on long lines | float32 logarithms | float64, once | [07 gradient noise on long lines](07_ctc_at_speed.ipynb) |
# | the first call takes seconds | compilation | time the second | [07 the first call takes seconds](07_ctc_at_speed.ipynb) |
# | the beam finds nonsense | probabilities for logarithms | Σ exp = 1 | [09 Probabilities where logarithms are due](09_decoding.ipynb) |
# | the beam finds what the best path finds, at more cost | a maximum where paths should be added | list all paths of a small matrix | [09 A maximum where a sum belongs](09_decoding.ipynb) |
# | a probability that is none | it is the score with the language in it | sum over all texts | [09 The probability taken for the score](09_decoding.ipynb) |
# | a real word is read as another | the list lacks a form | is it in the list? | [09 A lexicon that lacks a form](09_decoding.ipynb) |
# | worse in use than on the test | weights were tuned on the test set | a third set | [09 Weights tuned on the test set](09_decoding.ipynb) |
# | noise, or `nan`, with 16 bits | CTC in bfloat16 or float16 | the loss in float64, once | [14 as soon as 16 bits are on](14_scale_and_ship.ipynb) |
# | several workers train another network than one | the plain mean over unequal parts; batch norm of a part | the gradient of one process | [14 not quite the network that one process trains](14_scale_and_ship.ipynb) |
# | several workers stand still | one calls less often | count the calls | [14 stands still for ever](14_scale_and_ship.ipynb) |
# | the weights of the workers differ | other first weights; a step left out | their sums, over the ranks | [14 workers drift apart](14_scale_and_ship.ipynb) |
# | many workers learn no more than one | all draw the same pictures | the first texts of each | [14 learn no more than one](14_scale_and_ship.ipynb) |
# | another score with more workers | samples counted twice | how many were scored? | [14 depends on the number of workers](14_scale_and_ship.ipynb) |
# | of two designs, now this one is better, now the other | one seed | do other seeds say the same? | [12 One seed](12_which_is_best.ipynb) |
# | wide intervals, though all designs had the same words | pairs taken apart | the same, seed by seed | [12 Torn pairs](12_which_is_best.ipynb) |
# | one of many comparisons is significant | chance | how many were made? | [12 Many looks](12_which_is_best.ipynb) |
# | a mean that no single run comes near | some are still on the plateau | the single ones | [12 A mean over what does not mix](12_which_is_best.ipynb) |
# | the best rate is the lowest or the highest tried | the grid ends too early | one rate further | [12 The best value is the last one tried](12_which_is_best.ipynb) |
# | the best of short runs is not the best of long ones | what learns fast wins | a longer budget, for a few | [12 A budget of seconds](12_which_is_best.ipynb) |
# | worse where it was shipped | another resize, range or colour | compare the inputs | [14 badly where it was shipped](14_scale_and_ship.ipynb) |

# %% [markdown]
# ## 14 What goes wrong with diagnoses
#
# **Healthy means: nothing known was found.** A report names what it could not see, and why. Give a *fresh* network the
# negatives of its pictures, and nobody can tell; it might be about to learn negatives. The report says so:

# %%
torch.manual_seed(0)
fresh = examine(SmallReader(), (-new_images, *batch[1:]), **told)
print("findings:", len(fresh.findings), "  black for white:", fresh.unseen["black for white"])

# %% [markdown]
# **A consequence is taken for the cause.** A learning rate of 1 blinds the network: its pictures have no effect, its
# loss is high, it says the same to all. Three symptoms, one disease. Cure the first in the chain, and look again.
#
# **The cure that hides the symptom.** `zero_infinity=True` without counting; clipping a gradient that explodes because
# the inputs run to 255; a smaller batch because large ones "do not learn". The symptom is gone, and the disease stays.
#
# **Two changes at once.** If it reads afterwards, which of them was it?

# %% [markdown]
# ## 15 Questions to test yourself
#
# <details><summary>Why does poison (NaN) find what a comparison of numbers may miss?</summary>
# A comparison needs a threshold: a young network may hardly care for its picture, and rounding changes numbers too. NaN
# needs none. Whatever is computed from it is NaN, however small its weight. Its limits: whole numbers have no NaN, and
# a network that replaces NaN, or compares and chooses, may swallow it.
# </details>
#
# <details><summary>A batch of one picture is learnt by heart. Which diseases does that rule out, and which not?</summary>
# It rules out what no network could learn around: too few frames, a softmax twice (the loss stays high). It does not rule
# out samples that mix (there is one), a gradient that stops before the last layer (random features are enough for one
# picture), shifted texts (the one text is as good as any), batch norm in use, a wrong decoder (if its word has no double
# letter).
# </details>
#
# <details><summary>log_softmax stands twice, in the model and in the loss. What happens?</summary>
# Nothing. The exponentials of log-probabilities sum to 1, so the second subtracts ln 1 = 0. Softmax and then log_softmax
# is another matter: there, probabilities are taken for logits.
# </details>
#
# <details><summary>Why must the loss of the young network be <em>at</em> the blind level, and not above it?</summary>
# The blind output is one that the network can reach with the biases of its last layer alone. If it stays above for long,
# something keeps it from even that: a rate far too low, an output that cannot get sure, weights that were blown up.
# </details>
#
# <details><summary>A network reads 98 % right in training mode, and 10 % after eval(). Is the training lost?</summary>
# No: the weights are fine. Put the batch norms in training mode, show it some hundred batches without taking any step,
# and the running statistics fit again. Then find out why they did not.
# </details>
#
# ## 16 Read on
#
# - A. Karpathy, [*A Recipe for Training Neural Networks*](https://karpathy.github.io/2019/04/25/recipe/), 2019: the same
#   distrust, for all networks; "overfit one batch" and the check by the gradient are there.
# - S. Ioffe, C. Szegedy, [*Batch Normalization*](https://arxiv.org/abs/1502.03167), 2015, algorithm 2: what a norm uses
#   when it is not in training.
# - R. Pascanu, T. Mikolov, Y. Bengio, [*On the difficulty of training recurrent neural
#   networks*](https://arxiv.org/abs/1211.5063), 2013, section 3.2: clipping.
# - `crnn_lessons/clinic/`: every check is a function of ten lines, with the report that it comes from. Read the one that
#   you do not believe.
#
# The letters of this lesson, for looking up:

# %%
notation("T", "t", "N", "C", "k", "S", "r", "Y", "p(t, k)", "p(Y | X)", "D", "H", "W")

# %% [markdown]
# Your exercises so far (`exercises.reset("15")` forgets them):

# %%
exercises.summary("15")
