# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 CRNN: a network that reads
#
# All parts are on the table: convolutions that look at a picture, a recurrent network that looks along a line, and CTC
# that needs no timetable. Shi, Bai and Yao put them together in 2015 and called it CRNN. This lesson builds theirs and
# two relatives to the last parameter, trains a small one before your eyes until it reads, tries four changes of the
# loss, teaches it captchas, reads a photograph, and asks which frame wrote which letter.
#
# **After this lesson you can**
# - follow a picture through a CRNN, with the shape of every stage, and build the published networks by name;
# - train one with CTC, tell the plateau of blanks from a fault, and choose a schedule;
# - say what focal CTC, A-CTC, C-CTC and EnCTC change, compute each by hand, and judge whether it helps;
# - read off at which frame each letter was written, and what that frame's convolutions could see.
#
# **You need** lessons 05, 06 and 10, and some torch: modules, and a training loop. **Time** 75 minutes to read and do,
# two minutes to run.

# %%
import math
import random
import textwrap
import time
from itertools import groupby, product
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import torch

from crnn_lessons import exercises
from crnn_lessons.show import figures
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.show.notation import notation

# one thread: nearly the same numbers on every machine, and so small a network gains little by more
torch.set_num_threads(1)
notation(*"XYNCTtkSrDHWπℓ", "p(Y | X)", "p(t, k)", "xₜ")

# %% [markdown]
# ## 1 From a picture to a row of frames
#
# The network reads pictures of 32 × 100 pixels, in grey. What is it made of, and which shape has the picture after
# each layer?

# %%
from crnn_lessons.models import build

alphabet = Alphabet("abcdefghijklmnopqrstuvwxyz0123456789")
model = build("tiny", num_classes=alphabet.num_classes)
for layer, (height, width) in zip(
    model.features.layers, model.features.sizes(32, 100), strict=True
):
    print(f"{layer:9} -> {height:2} x {width}")
print(f"{model.num_parameters:,} parameters in all")

# %% [markdown]
# These are lesson 10's layers. Look at the widths: 100, 50, 25. After two pools of width 2 there is one column of
# features for each 4 pixels, and then the width stays. Letters are narrower than they are high, and each needs columns
# of its own.
#
# Each column becomes a time step. *T* = 25 frames: that is how the axis of width turns into the axis of time.
#
# ### Exercise 11-1: how narrow may a picture be?  (★☆☆, 3 minutes)
#
# With one frame for each 4 pixels (the width is divided by 4 and rounded down), how many pixels wide must a picture be
# at least, so that CTC can spell `bookkeeper`? (Lesson 05: *T* ≥ *S* + *r*.)

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("11-1", answer)

# %% [markdown]
# The features come as *N* × *D* × *H* × *W*: samples, channels, rows, columns. The recurrent network wants *T* × *N* ×
# (all numbers of a step). Which move is that?
#
# ### Exercise 11-2: features to time steps  (★★☆, 5 minutes)
#
# Write `to_steps(features)`, from *N D H W* to *T N* (*D H*), where *T* = *W* and the channels of a column come before
# its rows. `einops.rearrange` lets you name the axes: `rearrange(x, "n d h w -> ...")`.

# %%
from einops import rearrange


# %% tags=["exercise"]
def to_steps(features):
    return ...  # your code here


# %%
exercises.check("11-2", to_steps)

# %% [markdown]
# Now the whole way, stage by stage, for a batch of *N* = 2 pictures of noise:

# %%
noise = torch.randn(2, 1, 32, 100)  # N 1 H W
with torch.no_grad():
    features = model.features(noise)
    steps = model.projection(features)
    context = model.sequence(steps)
    logits = model.output(context)
for name, x in [("features", features), ("steps", steps), ("context", context), ("logits", logits)]:
    print(f"{name:9}{tuple(x.shape)}")
print("steps by the rule:", torch.equal(steps, rearrange(features, "n d h w -> w n (d h)")))

# %% [markdown]
# - **features** *N D H W*: what the convolutions found, 2 rows high, 25 columns wide;
# - **steps** *T N D*: each column with its rows, as one vector;
# - **context** *T N D*: the same steps after a bidirectional LSTM. Each now knows its neighbours on both sides;
# - **logits** *T N C*: a number for each of 37 classes, blank and 36 characters, at each step. CTC takes over here.
#
# ## 2 Three networks with a name
#
# The small network is this course's own. The package builds three published ones as well: the **paper**'s, with the
# norms where the authors' program has them; a later **post**'s, which rebuilt it in colour; and that of a note on
# **captcha**s. How large are they, and how many steps does each make of one picture of its own size?

# %%
for name in ["paper", "post", "captcha", "tiny"]:
    net = build(name, num_classes=37).eval()
    config = net.config
    with torch.inference_mode():
        logits, lengths = net(torch.randn(1, config.in_channels, config.height, config.width))
    size = f"{config.in_channels} x {config.height} x {config.width}"
    print(f"{name:8} {net.num_parameters:9,} parameters  image {size:12} T = {int(lengths)}")

# %% [markdown]
# 8,331,301, 8,724,133 and 602,725: each is the published network to the last parameter (the package's tests ask for
# these numbers too). *T* is 26, 26 and 180. Why does the captcha network make so many steps? And what else differs?
#
# Read the layers below as in lesson 10. New are `block 64 3 5`, a residual block whose first convolution and shortcut
# have a 3 × 5 kernel and no padding; `linear` behind a convolution, no norm and no ReLU; and `mlp 128`, an output of
# two layers with 128 units and a ReLU between them. The GRU is lesson 02's.

# %%
for name in ["paper", "post", "captcha"]:
    config = build(name, num_classes=37).config
    print(f"{name}: {config.sequence}, {config.output}")
    print(textwrap.indent(textwrap.fill(", ".join(config.features), 80), "    "))

# %% [markdown]
# | | paper | post | captcha |
# |---|---|---|---|
# | picture | grey | colour | colour |
# | width, from picture to steps | 100 → 50 → 25 → 26 → 27 → 26 | the same | 200 → 196 → 192 → 188 → 184 → 180 |
# | convolutions | 3 × 3, with pools between | the same, no bias beside a norm | residual blocks |
# | sequence | BiLSTM, map 512 → 256, BiLSTM | one BiLSTM of two layers | one GRU, in reading direction |
# | output | linear | linear | two layers |
#
# In the paper's network two pools halve the width, each padded pool adds a column, and the last 2 × 2 convolution takes
# one. The captcha network has no pool; each of its five kernels of width 5 takes 4 columns: 200 − 5 · 4 = 180. Its GRU
# never sees what comes after a frame; only its convolutions look a little to the right. The post's LSTM has no map
# between its layers: its second layer sees both directions of the first at full size, 512 numbers a step and not 256.
# That makes 392,960 parameters more than the paper's; colour adds 1,152, and the biases that it drops take 1,280 away.
#
# ### Exercise 11-3: the parameters of a BiLSTM  (★★☆, 6 minutes)
#
# Write `bilstm_parameters(D, hidden_size)` for one bidirectional layer of torch, whose steps have *D* numbers. (Lesson
# 02: an LSTM has four gates; torch keeps two biases for each.)


# %% tags=["exercise"]
def bilstm_parameters(D, hidden_size):
    return ...  # your code here


# %%
exercises.check("11-3", bilstm_parameters)

# %% [markdown]
# Does the account of all parts of the paper's network add up? Its two recurrent layers are `sequence.parts[0]` and
# `[2]`:

# %%
paper = build("paper", num_classes=37)
parts = [paper.features, *paper.sequence.parts, paper.output]
names = ["features", "BiLSTM", "map", "BiLSTM", "output"]
sizes = [sum(p.numel() for p in part.parameters()) for part in parts]
for name, size in zip(names, sizes, strict=True):
    print(f"{name:9}{size:10,}")
print(f"{'together':9}{sum(sizes):10,}", sum(sizes) == paper.num_parameters)

# %% [markdown]
# Two thirds of the numbers are in the convolutions. And how much of the picture does a frame see? Lesson 10 computes
# it, layer by layer; here for a frame in the middle of each:

# %%
for name in ["paper", "captcha", "tiny"]:
    net = build(name, num_classes=37)
    width = net.config.width
    t = int(net.output_lengths(width)) // 2
    first, last = net.features.reach(axis=1, index=t, image=width)
    print(f"{name:8} frame {t:2} sees columns {first} to {last} of {width}: {last - first + 1}")

# %% [markdown]
# The small network sees 26 columns, about a letter and a half. This is its **receptive field**. What lies further away
# reaches a frame through the LSTM only.
#
# ## 3 Something to read
#
# Random strings, drawn with the fonts that matplotlib brings. Random, so that no dictionary can help: the network has
# to read. What do they look like?

# %%
from crnn_lessons.text.augment import fit
from crnn_lessons.text.render import render_word

faces = sorted((Path(matplotlib.get_data_path()) / "fonts/ttf").glob("DejaVuS*.ttf"))
faces = [f for f in faces if "Display" not in f.name]
names = [f.stem.removeprefix("DejaVu") for f in faces]
print(len(names), "faces:", textwrap.fill(", ".join(names), 80), sep="\n")


# %%
def sample(rng):
    text = "".join(rng.choice(list(alphabet.characters), size=rng.integers(3, 9)))
    return fit(render_word(text, faces[rng.integers(len(faces))], rng, wild=0.0), 32, 100), text


def samples(count, seed, known=()):
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        image, text = sample(rng)
        if text not in known:
            found.append((image, text))
    images, texts = zip(*found, strict=True)
    return np.stack(images), list(texts)  # N H W, uint8


images, texts = samples(16_000, seed=1)
fresh_images, fresh_texts = samples(500, seed=2, known=set(texts))
print(images.shape, texts[:8])
print("fresh strings that are training texts too:", len({*texts} & {*fresh_texts}))

# %%
fig, axes = figures.new_figure(7, 1.6, nrows=2, ncols=4)
for ax, image, text in zip(axes.flat, images, texts, strict=False):
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.set_title(text, fontsize=8)
    ax.axis("off")
figures.show(fig, f"Eight rendered strings with their texts: {', '.join(texts[:8])}.")

# %% [markdown]
# `fit` stretches every picture to 32 × 100, short strings and long ones. The letters of short strings come out wider.
# The network will have to live with that, as in the paper. Of 3 characters there are only 36³ = 46,656 strings, so a
# few of them come up twice by chance: `known` leaves such strings out of the 500 fresh ones.

# %% [markdown]
# ## 4 Overfit one batch first
#
# Before a training of minutes or hours, a test of seconds: can the network learn eight pictures by heart? If it cannot,
# something is broken, and no amount of data will help.

# %%
from crnn_lessons.data.batches import PoolBatches
from crnn_lessons.reader.recognition import ctc_loss_of, predict
from crnn_lessons.training import Settings, Trainer

torch.manual_seed(0)
model = build("tiny", num_classes=alphabet.num_classes)
batches = PoolBatches(images[:8], texts[:8], alphabet, batch_size=8, seed=0, jitter=False)
trainer = Trainer(model, batches, ctc_loss_of, Settings(steps=400, learning_rate=5e-3))
first = [trainer.step() for _ in range(400)]
read = predict(model, images[:8], alphabet)
print("loss fell below a tenth:", first[-1] < first[0] / 10)
print("all eight by heart:", read == texts[:8])

# %% [markdown]
# By heart. Everything is connected: pictures, texts, lengths, loss.
#
# ## 5 Train
#
# Now a fresh network and 16,000 pictures, in batches of 32, 700 steps: each picture is seen once or twice. A
# **schedule** gives each step its learning rate. Which rates do 700 steps have, and which would 250 steps have?

# %%
from crnn_lessons.training import one_cycle

for steps, shown in {250: (1, 20, 53, 230, 250), 700: (1, 20, 53, 230, 700)}.items():
    settings = Settings(steps=steps, learning_rate=4e-3)
    print(f"{steps} steps:", ", ".join(f"{one_cycle(s - 1, settings):.4f} at {s}" for s in shown))

# %% [markdown]
# A short rise, over the first 7.5 % of the steps; from then on it only falls, to zero at the last. The loss is in nats
# per character. Every 50 steps the network reads 100 fresh strings. When does it begin to read?

# %%
from crnn_lessons.metrics import word_accuracy


def train(model, batches, loss_of, steps, learning_rate, watch=None):
    trainer = Trainer(model, batches, loss_of, Settings(steps=steps, learning_rate=learning_rate))
    losses, marks = [], {}
    for step in range(1, steps + 1):
        losses.append(trainer.step())
        if watch and step % 50 == 0:
            marks[step] = watch(model)
    return losses, marks


# %%
diary = {}


def watch(model):
    said = predict(model, fresh_images[:100], alphabet)
    diary[len(diary)] = said[:4]
    return word_accuracy(said, fresh_texts[:100])


torch.manual_seed(0)
model = build("tiny", num_classes=alphabet.num_classes)
batches = PoolBatches(images, texts, alphabet, batch_size=32, seed=0, jitter=False)
begin = time.process_time()
losses, marks = train(model, batches, ctc_loss_of, 700, 4e-3, watch)
seconds = time.process_time() - begin

# %% tags=["nbval-ignore-output"]
print(f"{'truth':>8}", *[f"{t:9}" for t in fresh_texts[:4]], " right")
for step, said in zip(marks, diary.values(), strict=True):
    print(f"step {step:3}", *[f"{t or '(blank)':9}" for t in said], f"{marks[step]:5.0%}")

# %% [markdown]
# Nothing for many steps, and then, rather suddenly, words. What loss has a network that does not look at the picture?
# As in lesson 08, give it the same output at every frame: `p_blank` for the blank, the rest divided evenly among the 36
# characters. Which `p_blank` is best, and what does it cost?

# %%
from crnn_lessons.ctc import ctc_loss_from_logits, forward_backward

labels = torch.tensor(alphabet.encode("".join(texts[:2000])))
lengths = torch.tensor([len(text) for text in texts[:2000]])


def blind_loss(p_blank):
    frame = torch.tensor([p_blank, *[(1 - p_blank) / 36] * 36]).log()  # C
    logits = frame.expand(25, 2000, 37)  # T N C
    return float(ctc_loss_from_logits(logits, labels, torch.full((2000,), 25), lengths))


level, p_blank = min((blind_loss(p / 100), p / 100) for p in range(50, 100, 2))
print(f"best p_blank {p_blank}: {level:.2f} nats a character; ln 36 = {math.log(36):.2f}")

# %% tags=["nbval-ignore-output"]
fig, (left, right) = figures.new_figure(7.5, 2.6, ncols=2)
left.plot(losses, linewidth=0.8)
left.axhline(level, color=figures.GREY, linestyle="--")
left.text(695, level + 0.1, "best constant output, blind to the picture", ha="right", fontsize=8)
left.set(xlabel="step", ylabel="loss, nats per character", ylim=(0, 5))
left.set_title(f"Training (at step 1: {losses[0]:.1f})")
right.plot(list(marks), [100 * a for a in marks.values()], "o-")
right.axhline(95, color=figures.GREY, linestyle="--")
right.text(45, 88, "95 %", fontsize=8)
right.set(xlabel="step", ylabel="strings read right, %", ylim=(0, 103), title="Fresh strings")
reads = ", ".join(f"{a:.0%} at {step}" for step, a in marks.items())
figures.show(
    fig,
    f"Left the training loss, {losses[0]:.1f} at first, then near the best constant output's {level:.2f}, and "
    f"{np.mean(losses[-50:]):.2f} nats at the end; right the share of 100 fresh strings read right: {reads}.",
)

# %% [markdown]
# The loss falls to the line and stands near it: ln 36 = 3.58 nats for which character it is, and the rest because it
# says the same at every frame: how many characters come out is then left to chance. And it says blank everywhere. Why
# the blank? The share of each class in an average alignment tells. Take a fresh network, which gives all classes the
# same probability, and a text of *S* = 5:

# %%
alike = np.full((25, 37), -np.log(37))  # T C
posterior = forward_backward(alike, alphabet.encode("words")).posterior  # T L, lesson 06
blank = posterior[:, ::2].sum()
print(f"{blank:.1f} of 25 frames are blank: a share of {blank / 25:.2f}")
print(f"each of 36 characters: {(1 - blank / 25) / 36:.3f} on average; fresh network: {1 / 37:.3f}")

# %% [markdown]
# The blank is the one class that every text can use: about 11 of 25 frames. Over many texts the rest is divided among
# 36 characters, less for each than the fresh network gives. So raising the blank is the quickest gain. This is the
# **plateau of blanks** (lesson 08). It looks like a broken model, and it ends by itself; then the network learns to
# read within a few hundred steps.
#
# How well does it read all 500 strings that it has never seen?

# %%
accuracy = word_accuracy(predict(model, fresh_images, alphabet), fresh_texts)
print(f"{model.num_parameters:,} parameters; at least 95 of 100 fresh strings:", accuracy >= 0.95)

# %% tags=["nbval-ignore-output"]
print(f"{100 * accuracy:.1f} % of {len(fresh_texts)} fresh strings")
print(f"trained in {seconds:.0f} processor seconds")

# %% [markdown]
# Two things to choose, found by trying. The length of the schedule must leave room after the plateau: of 250 steps, the
# rate has fallen to nearly nothing at step 230, about where the letters come here, and little is left to learn them
# with. And small batches pay: the plateau takes steps, not pictures, and larger batches need nearly as many steps of
# it. (Try both: change two numbers above. It costs a minute or two.)
#
# ## 6 Four changes of the loss
#
# CTC has been changed in many ways. Four of them are in `crnn_lessons.losses`. The names A-CTC and C-CTC, and the
# numbers 2, 0.1 and 0.05 in the formulas of focal CTC, A-CTC and C-CTC, are those of the program PaddleOCR, which calls
# the three "enhanced CTC loss"; *Read on* names where ACE and centres come from. Every such number is a knob, the 0.1
# of EnCTC too.
#
# Write ℓ = −ln *p(Y | X)* for the CTC loss of a sample. To see what each does, take *T* = 4 frames of *C* = 3 classes,
# and the target *Y* = (1, 2). All 81 paths can be listed:

# %%
from crnn_lessons.ctc import collapse

rng = np.random.default_rng(11)
probs = rng.dirichlet(np.ones(3), size=4)  # T C
spelling = [path for path in product(range(3), repeat=4) if collapse(path) == (1, 2)]
weights = np.array([math.prod(probs[t, k] for t, k in enumerate(path)) for path in spelling])
loss = -math.log(weights.sum())
print(f"{len(spelling)} alignments, loss = {loss:.4f}")

# %% [markdown]
# The package's losses want tensors, *T N C* with *N* = 1. A small function saves writing that four times:

# %%
from crnn_lessons.ctc import ctc_loss
from crnn_lessons.losses import CCTCLoss, a_ctc_loss, en_ctc_loss, focal_ctc_loss

log_probs = torch.tensor(probs).log().unsqueeze(1)  # T N C
arguments = (log_probs, torch.tensor([1, 2]), [4], [2])


def compare(name, loss_of_package, by_hand):
    assert abs(float(loss_of_package) - by_hand) < 1e-12
    print(f"{name}: {by_hand:.4f} by hand, and the package agrees to 1e-12")


compare("CTC", ctc_loss(*arguments, reduction="none"), loss)

# %% [markdown]
# **Focal CTC** asks which samples count. Those that are read well already (*p(Y | X)* near 1) get little weight, so
# that the hard ones get more of each step:
#
# $$\ell_{\text{focal}} = \left(1 - p(Y \mid X)\right)^2 \, \ell, \qquad p(Y \mid X) = e^{-\ell}$$
#
# (In general, with a factor `alpha` in front and the power `gamma`; here they are 1 and 2.)
#
# ### Exercise 11-4: focal CTC  (★☆☆, 4 minutes)
#
# Write `focal(loss)`: the focal loss of one sample from its CTC loss, a number. `math.exp` is at hand.


# %% tags=["exercise"]
def focal(loss):
    return ...  # your code here


# %%
exercises.check("11-4", focal)

# %%
by_hand = (1 - weights.sum()) ** 2 * loss
compare("focal CTC", focal_ctc_loss(*arguments, reduction="none"), by_hand)

# %% [markdown]
# **A-CTC** adds a second question that needs no alignment: is each class predicted as often as it is due? Class *k* is
# due as often as it stands in *Y*, the blank for all frames that are left. With the mean over the frames as prediction,
# the cross-entropy of the two (ACE, aggregation cross-entropy) is added:
#
# $$\ell_{\text{A}} = \ell + 0.1 \cdot \Bigl(-\sum_k \frac{\text{due}(k)}{T} \ln \bar p(k)\Bigr),
# \qquad \bar p(k) = \frac{1}{T} \sum_t p(k, t)$$

# %%
due = np.array([2, 1, 1])  # of 4 frames: two blanks, one 1, one 2
ace = -(due / 4 * np.log(probs.mean(axis=0))).sum()
compare("A-CTC", a_ctc_loss(*arguments, reduction="none"), loss + 0.1 * ace)

# %% [markdown]
# **EnCTC** rewards the network for keeping many alignments alive. Given the text, path π has the share
# *p(π | X) / p(Y | X)*; the entropy of these shares, times 0.1, is taken off the loss:
#
# $$\ell_{\text{En}} = \ell - 0.1 \cdot \Bigl(-\sum_{\pi} q(\pi) \ln q(\pi)\Bigr),
# \qquad q(\pi) = \frac{p(\pi \mid X)}{p(Y \mid X)}$$
#
# The sum goes over the alignments of *Y*. The package carries the entropy through the forward recursion; here, list
# them:

# %%
shares = weights / weights.sum()
entropy = -(shares * np.log(shares)).sum()
compare("EnCTC", en_ctc_loss(*arguments, reduction="none"), loss - 0.1 * entropy)

# %% [markdown]
# **C-CTC** looks at the vectors *xₜ* that go into the output layer. Frames that say the same class should look alike:
# half the squared distance to the centre of their class is added, as a mean over the frames.
#
# $$\ell_{\text{C}} = \ell + 0.05 \cdot \frac{1}{T} \sum_t \tfrac{1}{2} \lVert x_t - \text{centre}(k_t) \rVert^2,
# \qquad k_t = \arg\max_k p(k, t)$$
#
# Each class has a centre, the blank too. The centres start at 0 and are no weights: after each training step a centre
# moves part of the way, less than half of it, to the mean of the vectors that said its class. Here they stand somewhere
# at random, so that it matters which one is taken:

# %%
x = rng.normal(size=(4, 5))  # T D
centred = CCTCLoss(num_classes=3, num_features=5, weight=0.05, reduction="none")
centred.centre.centres.copy_(torch.tensor(rng.normal(size=(3, 5))))  # C D, float32
own_centre = centred.centre.centres.double().numpy()[probs.argmax(axis=1)]  # T D, a copy
by_hand = loss + 0.05 * ((x - own_centre) ** 2).sum(axis=1).mean() / 2
compare("C-CTC", centred(torch.tensor(x).unsqueeze(1), *arguments), by_hand)

# %% [markdown]
# Do they help? Equal budgets: the same small network, digits of 16 × 48 pixels, first weights, batches, and 200 steps
# for each. Plain CTC runs a second time, with other first weights, to see how much chance does.

# %%
digits = Alphabet("0123456789")


def digit_samples(count, seed):
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("0123456789"), size=rng.integers(2, 5))) for _ in range(count)]
    pictures = [render_word(text, faces[rng.integers(12)], rng, wild=0.0) for text in texts]
    return np.stack([fit(picture, 16, 48) for picture in pictures]), texts


digit_images, digit_texts = digit_samples(3_000, seed=1)
test_images, test_texts = digit_samples(500, seed=2)


# %%
def run(loss_of, seed=0):
    torch.manual_seed(seed)
    layers = "conv 16, pool 2 2, conv 32, pool 2 2, conv 64"
    net = build("tiny", digits.num_classes, features=layers, height=16, width=48, hidden_size=48)
    pool = PoolBatches(digit_images, digit_texts, digits, batch_size=32, seed=0, jitter=False)

    def from_parts(net, batch):
        x = net.sequence(net.projection(net.features(batch.images)))  # T N D
        log_probs = net.output(x).log_softmax(-1)
        lengths = torch.full((len(batch.target_lengths),), len(x))
        return loss_of(x, (log_probs, batch.targets, lengths, batch.target_lengths))

    score = lambda net: word_accuracy(predict(net, test_images, digits), test_texts)  # noqa: E731
    return train(net, pool, from_parts, 200, 5e-3, score)[1]


# %%
centred = CCTCLoss(num_classes=11, num_features=96, weight=0.05)
table = {
    "CTC": run(lambda x, a: ctc_loss(*a)),
    "focal CTC": run(lambda x, a: focal_ctc_loss(*a)),
    "A-CTC": run(lambda x, a: a_ctc_loss(*a)),
    "EnCTC": run(lambda x, a: en_ctc_loss(*a)),
    "C-CTC": run(lambda x, a: centred(x, *a)),
    "CTC, other start": run(lambda x, a: ctc_loss(*a), seed=1),
}
print("all read at least 95 % in the end:", all(marks[200] >= 0.95 for marks in table.values()))

# %% tags=["nbval-ignore-output"]
print(f"{'strings right after step':24}", *[f"{step:6}" for step in table["CTC"]])
for name, scores in table.items():
    print(f"{name:24}", *[f"{accuracy:6.1%}" for accuracy in scores.values()])

# %% [markdown]
# All arrive. On the way they differ; but compare the two rows of plain CTC, which differ in nothing but chance. One run
# of each loss tells little. `python tests/benchmarks/losses.py` runs a larger comparison, with several seeds and the
# error of each difference; believe a gain when it is well above that error.
#
# ## 7 Captchas
#
# A captcha is a picture made to be hard for programs: turned and bent letters, dots, a line through all. The package
# `captcha` makes them. It draws its random numbers from the operating system, so that no two runs are alike; for a
# lesson, we give it a generator with a seed instead.

# %%
from captcha import image as captcha_image

chance = random.Random(11)
captcha_image.secrets = SimpleNamespace(
    randbelow=chance.randrange, randbits=chance.getrandbits, choice=chance.choice
)
maker = captcha_image.ImageCaptcha(width=160, height=60)


def captchas(count):
    texts = ["".join(chance.choices(alphabet.characters, k=4)) for _ in range(count)]
    pictures = [np.asarray(maker.generate_image(text).convert("L")) for text in texts]
    return np.stack([fit(picture, 32, 100) for picture in pictures]), texts


hard_images, hard_texts = captchas(2_000)
hard_fresh_images, hard_fresh_texts = captchas(300)

# %%
fig, axes = figures.new_figure(7, 1.6, nrows=2, ncols=4)
for ax, picture, text in zip(axes.flat, hard_images, hard_texts, strict=False):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
    ax.set_title(text, fontsize=8)
    ax.axis("off")
figures.show(fig, f"Eight captchas with their texts: {', '.join(hard_texts[:8])}.")

# %% [markdown]
# Can the network of section 5 read them, which has seen nothing but clean print? And after 200 more steps on captchas?
# Does it still read print then?

# %%
before = word_accuracy(predict(model, hard_fresh_images, alphabet), hard_fresh_texts)
batches = PoolBatches(hard_images, hard_texts, alphabet, batch_size=32, seed=0, jitter=False)
hard_losses, _ = train(model, batches, ctc_loss_of, 200, 2e-3)
after = word_accuracy(predict(model, hard_fresh_images, alphabet), hard_fresh_texts)
print_now = word_accuracy(predict(model, fresh_images, alphabet), fresh_texts)
print("captchas before: under 5 %:", before < 0.05, "  after: more than 40 %:", after > 0.4)
print("loss of steps 21 to 40 far below the plateau, under 2:", np.mean(hard_losses[20:40]) < 2)
print("clean strings now: under half:", print_now < 0.5)

# %% tags=["nbval-ignore-output"]
means = ", ".join(f"{np.mean(hard_losses[i : i + 20]):.2f}" for i in range(0, 200, 40))
print(f"loss, means of steps 1-20, 41-60, 81-100 and so on: {means}")
print(f"fresh captchas read right: {before:.1%} before, {after:.1%} after")
print(f"{after:.1%} a string is {after ** (1 / 4):.1%} a character, if errors are independent")
print(f"clean strings read right: {accuracy:.1%} before, {print_now:.1%} after")
for text, said in zip(
    hard_fresh_texts[:6], predict(model, hard_fresh_images[:6], alphabet), strict=True
):
    print(text, "read as", said)

# %% [markdown]
# Before, nearly nothing: what differs too much from training is not read. After, it reads many, and there was no second
# plateau. (Try a fresh network with the same steps: it reads nothing yet, it is still on the plateau.) A captcha is
# right only if all four characters are, so fewer strings are right than characters.
#
# And it has forgotten most of its print. **What is no longer trained on is forgotten**: the weights that read print
# were free to change. To keep both, mix old pictures in: train on captchas and on the first 2,000 pictures of section 3
# together (`PoolBatches(np.concatenate([hard_images, images[:2000]]), ...)`). Try it, and score both again.
#
# A real set of 1,040 captchas goes about with notebooks that train on it and never count how many strings are read
# right. Where you have such a folder, `python tests/benchmarks/captcha.py --data FOLDER` trains the small network on
# 80 % of it and counts the right strings among the other 20 %.
#
# ### Exercise 11-5: mend the decoder  (★☆☆, 5 minutes)
#
# The note that the captcha network comes from reads its frames with a loop like this one. On some pictures it loses a
# letter:


# %%
def decode_as_published(path):
    labels = []
    for t in range(1, len(path)):
        if path[t] != path[t - 1] and path[t] != 0:
            labels.append(path[t])
    return labels


print(decode_as_published([0, 3, 3, 0, 5]), decode_as_published([3, 3, 0, 5, 5]))

# %% [markdown]
# Write `decode(path)`, from a path of class indices to the list of its labels: runs merged and blanks dropped as in
# lesson 05, and nothing lost. An empty path gives an empty list.


# %% tags=["exercise"]
def decode(path):
    return ...  # your code here


# %%
exercises.check("11-5", decode)

# %% [markdown]
# ## 8 Read a real picture
#
# Our network has read twelve faces, and forgotten most of that for one kind of captcha. The reader that comes with the
# package is its bigger brother: the same design, trained on words that were rendered in many fonts, with uneven light,
# blur, noise and perspective (`crnn_lessons/weights/README.md` has the whole account). What does its file say of it?

# %%
from crnn_lessons.reader import Reader

reader = Reader()
notes = reader.notes
print(
    f"{reader.model.num_parameters:,} parameters, trained on {notes['rendered_in_all']:,} rendered words, "
    f"the last {notes['images_rendered']:,} of them in {notes['fonts']:,} fonts"
)

# %% [markdown]
# It has 36 characters only: it writes capitals as small letters, and leaves punctuation out. It has never seen a
# photograph. Here is one: a page of print, photographed askew under a lamp (it comes with scikit-image).

# %%
from skimage import data

page = data.page()  # H W, uint8
boxes = {  # word: left, top, right, bottom
    "segmentation": (147, 8, 296, 36),
    "determine": (86, 47, 160, 63),
    "markers": (166, 46, 226, 63),
    "background": (4, 65, 84, 82),
    "pixels": (217, 67, 262, 86),
    "unambiguously": (4, 83, 104, 101),
}

# %%
fig, ax = figures.new_figure(6, 3.1)
ax.imshow(page, cmap="gray")
for left, top, right, bottom in boxes.values():
    size = (right - left, bottom - top)
    ax.add_patch(figures.mpl.patches.Rectangle((left, top), *size, fill=False, edgecolor="#D55E00"))
ax.axis("off")
figures.show(fig, f"A photographed page of print; boxes mark the words {', '.join(boxes)}.")

# %%
crops = {word: page[top:bottom, left:right] for word, (left, top, right, bottom) in boxes.items()}
readings = {word: reader.read(crop) for word, crop in crops.items()}
for word, reading in readings.items():
    print(f"{word:14} read as {reading.text}")

# %% tags=["nbval-ignore-output"]
for reading in readings.values():
    print(f"{reading.text:14} p(text | picture) = {reading.confidence:.3f}")

# %% [markdown]
# The full stop behind `background` lies in its box and is left out. The number behind each text is *p(Y | X)* of lesson
# 05: the sum over all alignments of the text that was read. It says how sure the network is among all texts that it
# could have written.
#
# To read a picture of your own, crop it to one word and call `reader.read("picture.jpg")`, or in a terminal
# `python -m crnn_lessons read picture.jpg`.
#
# ## 9 Which frame wrote which letter?
#
# The reader does not squeeze wide pictures (up to 400 columns), so *T* differs from picture to picture. `reader.look`
# returns the picture as the network gets it, and the log-probabilities of all classes at all frames. Which frame said
# what?

# %% tags=["nbval-ignore-output"]
picture, log_probs = reader.look(crops["markers"])
path = log_probs.argmax(axis=1)
print(reader.alphabet.show(path))

# %% [markdown]
# Most frames say blank, and each letter takes one or two frames: the network has learned to be brief. Where in the
# picture are these frames?
#
# ### Exercise 11-6: the frames of each letter  (★★☆, 8 minutes)
#
# Write `letter_frames(path)`: for `path`, a list of class indices, a list with one entry for each letter of the text:
# (class, first frame, last frame). Blanks are left out; equal letters with a blank between them are two.


# %% tags=["exercise"]
def letter_frames(path):
    return ...  # your code here


# %%
exercises.check("11-6", letter_frames)


# %% tags=["nbval-ignore-output"]
def spans_of(path):
    t, found = 0, []
    for k, run in groupby(path.tolist()):
        n = len(list(run))
        if k != 0:
            found.append((reader.alphabet.decode([k]), t, t + n - 1))
        t += n
    return found


spans_of(path)

# %% tags=["nbval-ignore-output"]
shown = sorted(set(path.tolist()) | {0})
names = ["blank", *reader.alphabet.decode(shown[1:])]
fig, (top, bottom) = figures.new_figure(7, 3.6, nrows=2, height_ratios=(1, 1.2), sharex=True)
top.imshow(picture, cmap="gray", extent=(0, len(path), 8, 0), aspect="auto")
for letter, first, last in spans_of(path):
    top.axvspan(first, last + 1, color=figures.ORANGE, alpha=0.35)
    top.text((first + last + 1) / 2, -0.5, letter, ha="center")
bottom.imshow(
    np.exp(log_probs[:, shown]).T, cmap="Blues", extent=(0, len(path), len(shown), 0), aspect="auto"
)
bottom.set_yticks(np.arange(len(shown)) + 0.5, names)
bottom.set(xlabel="frame t", ylabel="class")
_ = top.set(yticks=[])
where = ", ".join(f"{letter} at {first}" for letter, first, _ in spans_of(path))
figures.show(
    fig, f"Above the picture with the frames of each letter: {where}. Below their probabilities."
)

# %% [markdown]
# Above, the picture with the frames that spoke; below, the probability of the classes at each frame, dark is sure. An
# orange band is the 4 columns that a frame stands for. Its convolutions see up to 42 columns, and the BiLSTM may have
# brought in any other: the picture shows when a letter was written, not which pixels decided it. Still, the letters
# come in the right order, near where they stand. CTC never asked for that: any alignment would have done.

# %% [markdown]
# ### Play: the autopsy
#
# The same picture, laid open. Click a letter, or walk through the letters with the arrow keys. The bars are lesson 06's
# posterior: the probability that a frame is spent on this letter, given the text. The dashed box is what the frame's
# convolutions see.
#
# - Which letter takes two frames of the path, and what is the runner-up at the first of them? Which other letters have
#   a second bar?
# - Move to frame 9, between a and r. What does it say, and what lies in its box?
# - Frame 11 says r. Which letters lie in its box?
#
# <details><summary>What you should see</summary>
# The a, at frames 7 and 8; at 7 the blank is second, with p = 0.11. The e has a second bar, of 0.32 at frame 18, and
# the m a small one, of 0.03 at frame 2: alignments that spend two frames there have that share. Frame 9 says blank,
# though its box, columns 17 to 58, holds all of a and r. The box of frame 11, columns 25 to 66, holds all of a and r
# and nearly all of k. A box holds more letters than its frame writes: it does not tell what the frame will say.
# </details>

# %% tags=["nbval-ignore-output"]
from crnn_lessons.widgets import Autopsy

Autopsy(reader, crops["markers"])

# %% [markdown]
# And a captcha, by the network that was trained above. Are the posteriors as sharp as those of print? And *p*, which
# stands beside the text?
#
# <details><summary>What you should see</summary>
# Most bars are about as sharp, and p is far lower than 0.999. The bars are given the text: they share out the frames
# among its letters, as if it were certain. p is not given the text, it asks how probable the text is. Sharp bars do not
# mean that the reading is right. (Trained again elsewhere, the network may differ a little from the one shown here.)
# </details>

# %% tags=["nbval-ignore-output"]
Autopsy(model, hard_fresh_images[0], alphabet)

# %% [markdown]
# ## 10 What goes wrong
#
# | symptom | cause | check |
# |---|---|---|
# | only blanks for some hundred steps | the plateau | wait; the loss stays a little above ln(characters), then falls |
# | only blanks for ever | learning rate, or texts shifted against pictures | overfit one batch |
# | loss `inf` | picture too narrow for its text | *T* ≥ *S* + *r* after the pools |
# | learns, then reads nonsense on single pictures | batch norm in training mode | `model.eval()` |
# | trains badly, loss may fall below 0 | logits in the loss without `log_softmax` | Σ exp over the classes is 1 |
# | learns far too slowly | the loss is divided by the batch twice | a batch twice over must have the same loss |
# | reads its pictures perfectly, and no others | scored on training pictures | score what was never trained on |
# | texts lack their first letter | the decoder begins to compare at frame 1 | decode a path that starts with a letter |
# | never learns, no error | `reshape` in place of moving axes | swap two samples of a batch: outputs must swap too |
#
# The four before the last were all found in published programs. Two of the table in numbers. What does a loss without
# `log_softmax` say of random logits, and what if all logits are raised by 1?

# %%
generator = torch.Generator().manual_seed(0)
logits = 3 * torch.randn(25, 8, 37, generator=generator)  # T N C
labels = torch.randint(1, 37, (8, 5), generator=generator)  # N S
some = (labels, torch.full((8,), 25), torch.full((8,), 5))
raw, raised = ctc_loss(logits, *some), ctc_loss(logits + 1, *some)
true = ctc_loss(logits.log_softmax(-1), *some)
print(f"raw {raw:.2f}, raised {raised:.2f}, normalised {true:.2f}")

# %% [markdown]
# A negative −ln *p* would be a probability above 1. There is no error and no warning; and whoever raises all logits
# alike gets a smaller loss and reads nothing better: smaller by 5, since each of the 25 frames adds 1 to the log of
# every path, and the loss is divided by the 5 letters. That is where such a training spends its effort.
#
# `reduction="mean"` divides by the batch already. Who divides again gets a loss that changes with the batch's size:

# %%
log_probs = logits.log_softmax(-1)
for copies in (1, 4):
    many = log_probs.repeat(1, copies, 1)
    mean = ctc_loss(many, *[x.repeat(copies, *[1] * (x.ndim - 1)) for x in some])
    print(
        f"batch of {8 * copies:2}: mean {float(mean / true):.2f} of the first,",
        f"divided again {float(mean / (8 * copies) / (true / 8)):.2f}",
    )

# %% [markdown]
# The same samples, and a quarter of the loss: gradients shrink likewise. AdamW hides it, which scales each step itself;
# clipping and plain gradient descent do not. The last check of the table, on our network:

# %%
model.eval()
with torch.no_grad():
    pair = torch.randn(2, 1, 32, 100)  # N 1 H W
    straight, _ = model(pair)
    swapped, _ = model(pair.flip(0))
print("samples keep apart:", torch.allclose(straight.flip(1), swapped, atol=1e-5))

# %% [markdown]
# ## 11 Questions to test yourself
#
# <details><summary>Why pool the width less than the height?</summary>
# Each letter needs frames of its own, and one more for the blank between equal letters. The height is a single step in
# the end: it can be folded away.
# </details>
#
# <details><summary>The receptive field is 26 pixels. How can the network read a letter of 30 pixels?</summary>
# From its parts, and with the LSTM, which brings in what other frames saw.
# </details>
#
# <details><summary>Why is the plateau a little above ln 36?</summary>
# Whoever does not look has to guess each character, one of 36: that is ln 36 a character. And on the plateau nearly
# the same is said at every frame, so how many characters come out is left to chance: that costs the rest. Where they
# stand costs nothing: any alignment counts.
# </details>
#
# <details><summary>A program reports 95 %, measured on the pictures it was trained on. What does it say?</summary>
# That it can learn them by heart, as our network did with eight in section 4. Of new pictures it says nothing.
# </details>
#
# <details><summary>Why does focal CTC do little in the first hundred steps?</summary>
# On the plateau p(Y | X) is near 0 for every sample, so every factor is near 1.
# </details>
#
# <details><summary>What may a negative loss mean?</summary>
# In EnCTC, a large entropy: that is allowed. In plain CTC, that what went in are no log-probabilities.
# </details>
#
# <details><summary>The reader was trained on rendered words alone. What did it need to read a photograph?</summary>
# Variety: many fonts, uneven light, blur, noise, perspective. What varies in training cannot be relied on in reading.
# </details>
#
# ## 12 Read on
#
# - B. Shi, X. Bai, C. Yao, *An End-to-End Trainable Neural Network for Image-based Sequence Recognition*, 2015, arXiv
#   1507.05717. Section 2.1 is the feature sequence, with figure 2 on receptive fields; table 1 the full network.
# - X. Feng, H. Yao, S. Zhang, *Focal CTC Loss for Chinese Optical Character Recognition on Unbalanced Datasets*, 2019.
# - PaddleOCR, *Enhanced CTC Loss*, in its documentation: focal CTC, A-CTC and C-CTC. (For C-CTC it tells of a weight of
#   0.25; the program's own is 0.05.)
# - Z. Xie and others, *Aggregation Cross-Entropy for Sequence Recognition*, CVPR 2019: ACE.
# - H. Liu, S. Jin, C. Zhang, *Connectionist Temporal Classification with Maximum Entropy Regularization*, NeurIPS 2018.
# - Y. Wen and others, *A Discriminative Feature Learning Approach for Deep Face Recognition*, ECCV 2016: centres.
# - Next: **12 Which is best?** compares designs.
#
# Your exercises so far:

# %%
exercises.summary("11")
