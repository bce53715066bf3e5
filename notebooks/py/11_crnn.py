# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 CRNN: a first reading
#
# All parts are on the table: convolutions that look at a picture, a recurrent network that looks along a line, and CTC
# that needs no timetable. Shi, Bai and Yao put them together in 2015 and called it CRNN. This lesson builds a small one,
# trains it before your eyes, reads a real picture, and asks the network what it looked at.
#
# This is a first, short form. It grows with lessons 08 and 10: the paper's full model, other losses, photographs.
#
# **After this lesson you can**
# - follow a picture through a CRNN, with the shape of every stage;
# - train one with CTC, and tell the plateau of blanks from a fault;
# - read off which part of the picture made which letter.
#
# **You need** lesson 05, and some torch: modules, and a training loop. **Time** 35 minutes to read and do, two minutes
# to run.

# %%
from itertools import groupby
from pathlib import Path

import matplotlib
import numpy as np
import torch

from crnn_lessons import exercises, figures
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.notation import notation

# one thread: the same numbers on every machine, and so small a network gains little by more
torch.set_num_threads(1)
notation("X", "N", "C", "T", "t", "k", "S", "r", "D", "H", "W")

# %% [markdown]
# ## 1 From a picture to a row of frames
#
# The network reads pictures of 32 × 100 pixels, in grey. What is it made of, and which shape has the picture after each
# layer?

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
# A `conv` keeps the size and looks for patterns. A `pool` keeps the strongest answer of each small block. Look at the
# widths: 100, 50, 25. After two pools of width 2 there is one column of features for each 4 pixels, and then the width
# stays. Letters are narrower than they are high, and each needs columns of its own.
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
# ## 2 How much does a frame see?
#
# A frame stands for 4 columns, but its convolutions look further. How far? Put *not a number* into one column of a
# picture: it spoils every feature that looks at it, and no other. So we can ask each frame which columns it depends on.

# %%
model.eval()
sees = []
with torch.no_grad():
    for column in range(100):
        picture = torch.zeros(1, 1, 32, 100)
        picture[..., column] = torch.nan
        sees.append(model.features(picture)[0].isnan().any(0).any(0))
sees = torch.stack(sees)  # W T: does frame t depend on column w?
window = [tuple(sees[:, t].nonzero().flatten()[[0, -1]].tolist()) for t in range(25)]
print("frame 12 sees columns", window[12], "that is", int(sees[:, 12].sum()), "pixels")

# %% [markdown]
# Frame 12 stands for columns 48 to 51, and sees 26: about a letter and a half. This is its **receptive field**. What
# lies further away reaches a frame through the LSTM only.
#
# ## 3 Something to read
#
# Random strings, drawn with the fonts that matplotlib brings. Random, so that no dictionary can help: the network has to
# read. What do they look like?

# %%
from crnn_lessons.text.augment import fit
from crnn_lessons.text.render import render_word

faces = sorted((Path(matplotlib.get_data_path()) / "fonts/ttf").glob("DejaVuSans*.ttf"))
faces = [f for f in faces if "Display" not in f.name]
print(len(faces), "faces:", ", ".join(f.stem.removeprefix("DejaVuSans") or "plain" for f in faces))


# %%
def sample(rng):
    text = "".join(rng.choice(list(alphabet.characters), size=rng.integers(3, 7)))
    return fit(render_word(text, faces[rng.integers(len(faces))], rng, wild=0.0), 32, 100), text


def samples(count, seed):
    rng = np.random.default_rng(seed)
    images, texts = zip(*(sample(rng) for _ in range(count)), strict=True)
    return np.stack(images), list(texts)  # N H W, uint8


images, texts = samples(8_000, seed=1)
fresh_images, fresh_texts = samples(500, seed=2)
print(images.shape, texts[:8])

# %%
fig, axes = figures.new_figure(7, 1.6, nrows=2, ncols=4)
for ax, image, text in zip(axes.flat, images, texts, strict=False):
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.set_title(text, fontsize=8)
    ax.axis("off")
figures.show(fig, f"Eight rendered strings with their texts: {', '.join(texts[:8])}.")

# %% [markdown]
# `fit` stretches every picture to 32 × 100, short strings and long ones. The letters of short strings come out wider.
# The network will have to live with that, as in the paper.
#
# ## 4 Overfit one batch first
#
# Before hours of training, a test of minutes: can the network learn eight pictures by heart? If it cannot, something is
# broken, and no amount of data will help.

# %%
from crnn_lessons.recognition import PoolBatches, ctc_loss_of, predict
from crnn_lessons.training import Settings, Trainer

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
# Now a fresh network and 8,000 pictures, each seen several times with small changes of light and place. The loss is in
# nats per character, and it is the package's own: lesson 06, compiled. Watch the first hundred steps: what does the network read while the loss stands still?

# %%
torch.manual_seed(0)
model = build("tiny", num_classes=alphabet.num_classes)
batches = PoolBatches(images, texts, alphabet, batch_size=64, seed=0)
trainer = Trainer(model, batches, ctc_loss_of, Settings(steps=500, learning_rate=4e-3))
losses, diary = [], {}
for step in range(500):
    losses.append(trainer.step())
    if step + 1 in (50, 100, 200, 300, 500):
        diary[step + 1] = predict(model, fresh_images[:4], alphabet)

# %% tags=["nbval-ignore-output"]
print(f"{'truth':>10}", *[f"{t:8}" for t in fresh_texts[:4]])
for step, said in diary.items():
    print(f"step {step:5}", *[f"{t or '(blank)':8}" for t in said], f" loss {losses[step - 1]:.2f}")

# %% tags=["nbval-ignore-output"]
fig, ax = figures.new_figure(6, 2.6)
ax.plot(losses, linewidth=0.8)
ax.set(xlabel="step", ylabel="loss, nats per character", ylim=(0, 5), title="Training")
ax.axhline(np.log(36), color=figures.GREY, linestyle="--")
ax.text(495, np.log(36) + 0.1, "ln 36: any character is as likely", ha="right", fontsize=8)
figures.show(
    fig,
    f"The training loss falls from {losses[0]:.1f} to {np.mean(losses[-50:]):.2f} nats in 500 steps.",
)

# %% [markdown]
# First the network learns to say blank everywhere: most frames of most alignments are blank, so that is the quickest
# gain. The loss then stands a little above ln 36 ≈ 3.6 nats a character, the price of not knowing which character it
# is. This is the **plateau of blanks**. It looks like a broken model, and it ends by itself, within a few hundred steps.
#
# How well does it read strings that it has never seen?

# %%
from crnn_lessons.metrics import word_accuracy

accuracy = word_accuracy(predict(model, fresh_images, alphabet), fresh_texts)
print("more than 80 of 100 fresh strings are read without a fault:", accuracy > 0.8)

# %% tags=["nbval-ignore-output"]
print(f"{100 * accuracy:.1f} % of {len(fresh_texts)} fresh strings")

# %% [markdown]
# ## 6 Read a real picture
#
# Our network knows eight faces, dark on light. The reader that comes with the package is its bigger brother: the
# same design with 938,581 parameters, trained on 450,000 rendered words in 2,635 fonts. It has never seen a photograph.
# Here is one: a page of
# print, photographed askew under a lamp (it comes with scikit-image).

# %%
from skimage import data

page = data.page()  # H W, uint8
boxes = {  # word: left, top, right, bottom
    "segmentation": (147, 8, 296, 36),
    "determine": (86, 47, 160, 63),
    "markers": (166, 46, 226, 63),
    "background": (4, 65, 84, 82),
    "pixels": (222, 66, 264, 83),
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
from crnn_lessons.reader import Reader

reader = Reader()
crops = {word: page[top:bottom, left:right] for word, (left, top, right, bottom) in boxes.items()}
readings = {word: reader.read(crop) for word, crop in crops.items()}
for word, reading in readings.items():
    print(f"{word:14} read as {reading.text}")

# %% tags=["nbval-ignore-output"]
for reading in readings.values():
    print(f"{reading.text:14} p(text | picture) = {reading.confidence:.3f}")

# %% [markdown]
# The number behind each text is *p(Y | X)* of lesson 05: the sum over all alignments of the text that was read. It says
# how sure the network is among all texts that it could have written.
#
# To read a picture of your own, crop it to one word and call `reader.read("picture.jpg")`, or in a terminal
# `python -m crnn_lessons read picture.jpg`.
#
# ## 7 What did each frame see?
#
# Pictures that are wider than 32 × 100 in proportion keep their proportion in the reader, so *T* differs from picture to
# picture. `reader.look` returns the picture as the network gets it, and the log-probabilities of all classes at all frames. Which
# frame said what?

# %%
picture, log_probs = reader.look(crops["markers"])
path = log_probs.argmax(axis=1)
print(reader.alphabet.show(path))

# %% [markdown]
# Most frames say blank, and each letter takes one or two frames: the network has learned to be brief. Where in the
# picture are these frames?
#
# ### Exercise 11-3: where each letter was seen  (★★☆, 8 minutes)
#
# Write `letter_frames(path)`: for a path of class indices a list with one entry for each letter of the text: (class,
# first frame, last frame). Blanks are left out; equal letters with a blank between them are two.


# %% tags=["exercise"]
def letter_frames(path):
    return ...  # your code here


# %%
exercises.check("11-3", letter_frames)


# %%
def spans_of(path):
    t, found = 0, []
    for k, run in groupby(path.tolist()):
        n = len(list(run))
        if k != 0:
            found.append((reader.alphabet.decode([k]), t, t + n - 1))
        t += n
    return found


spans_of(path)

# %%
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
# Above, the picture with the frames that spoke; below, the probability of the classes at each frame, dark is sure. The
# letters come in the right order, near where they stand, and a frame speaks when enough of its letter is in sight. CTC
# never asked for a place: any alignment would have done. That they fall on the letters is the network's own choice,
# since there it has most to go by.
#
# ## 8 What goes wrong
#
# | symptom | cause | check |
# |---|---|---|
# | only blanks for some hundred steps | the plateau | wait; the loss ends near ln(classes) and then falls |
# | only blanks for ever | learning rate, or texts shifted against pictures | overfit one batch |
# | loss `inf` | picture too narrow for its text | *T* ≥ *S* + *r* after the pools |
# | learns, then reads nonsense on single pictures | batch norm in training mode | `model.eval()` |
# | never learns, no error | `reshape` in place of moving axes | swap two samples of a batch: outputs must swap too |
#
# The last check, on our network:

# %%
model.eval()
with torch.no_grad():
    pair = torch.randn(2, 1, 32, 100)  # N 1 H W
    straight, _ = model(pair)
    swapped, _ = model(pair.flip(0))
print("samples keep apart:", torch.allclose(straight.flip(1), swapped, atol=1e-5))

# %% [markdown]
# ## 9 Questions to test yourself
#
# <details><summary>Why pool the width less than the height?</summary>
# Each letter needs frames of its own, and one more for the blank between equal letters. The height is a single step in
# the end: it can be folded away.
# </details>
#
# <details><summary>The receptive field is 26 pixels. How can the network read a letter that is 30 pixels wide?</summary>
# From its parts, and with the LSTM, which brings in what other frames saw.
# </details>
#
# <details><summary>Why is the loss near ln 36 on the plateau, and not ln 37?</summary>
# A network that says blank everywhere, but for the frames where it must spend a letter, has to guess which one: one of
# 36 characters. That frame's place costs a little too, so the plateau is near that value and not at it.
# </details>
#
# <details><summary>The reader was trained on rendered words alone. What did it need to read a photograph?</summary>
# Variety: many fonts, uneven light, blur, noise, perspective. What varies in training cannot be relied on in reading.
# </details>
#
# ## 10 Read on
#
# - B. Shi, X. Bai, C. Yao, *An End-to-End Trainable Neural Network for Image-based Sequence Recognition*, 2015,
#   arXiv 1507.05717. Section 2.1 is the feature sequence, with figure 2 on receptive fields; table 1 the full network.
# - Lessons 08 and 10 build up to the full model; 12 compares designs.
#
# Your exercises so far:

# %%
exercises.summary("11")
