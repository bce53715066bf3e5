# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 Reading raw pixels: a line of text as a sequence of columns
#
# You have written a network with a memory, and a loss that needs no timetable. Together they read. This lesson joins
# them in the most direct way there is: each column of pixels is a time step. No convolution, no features made by hand.
#
# ![The line 4077 as 25 columns of pixels. Two LSTMs, one from the left and one from the right, meet at each column, and together they name a class for it.](../figs/columns.svg)
#
# For a while the training will look as if nothing was learnt. You will see why, compute the loss at which it stands,
# and watch it end.
#
# **After this lesson you can**
# - turn lines of different widths into a batch, with true input lengths;
# - train a reader of two LSTMs with the CTC that you wrote, and tell the plateau of blanks from a fault;
# - compute the loss of a network that does not look at its picture;
# - say how such a reader resembles a hidden Markov model;
# - bring text to one height and one size, and say when that matters.
#
# **You need** lessons 02 (LSTM), 03 (padding) and 05 to 07 (CTC).
#
# **Time** 89 minutes: 45 to read, 44 for the exercises. The cells run in two minutes.

# %%
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from scipy import ndimage
from torch import nn

from crnn_lessons import exercises
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.show import figures
from crnn_lessons.show.notation import notation

torch.set_num_threads(1)  # so small a network gains little by more

# %% [markdown]
# ## 1 A column is a time step
#
# We print lines of random digits in six faces that come with matplotlib. The digits stand on a fixed row, and a line is
# as wide as its text needs.

# %%
from crnn_lessons.text.lines import digit_strings, print_line, printed_lines

names = ["Sans", "Sans-Bold", "Sans-Oblique", "SansMono", "Serif", "Serif-Bold"]
folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
faces = [folder / f"DejaVu{name}.ttf" for name in names]
digits = Alphabet("0123456789")
line = print_line("4077", faces[0])  # H W
print("H W =", line.shape, line.dtype, "from", line.min(), "(paper) to", line.max(), "(ink)")

# %% [markdown]
# A batch of *N* such pictures of one width is an array *N H W*. A recurrent network wants *T N H*: at each time step,
# for each sample, the *H* numbers of one column.
#
# ### Exercise 08-1: columns as time steps  (★☆☆, 4 minutes)
#
# Write `to_frames(images)`: from a batch *N H W* (a NumPy array) to frames *T N H*, where frame *t* of sample *n* is
# column *t* of picture *n*.


# %% tags=["exercise"]
def to_frames(images):
    return ...  # your code here


# %%
exercises.check("08-1", to_frames)

# %% [markdown]
# What does the network get to see at step 5?

# %%
to_frames = exercises.yours("08-1")
frames = np.array(to_frames(line[None]))  # T 1 H
inked = np.flatnonzero(frames[5, 0] > 128).tolist()
print("T N H =", frames.shape, "strong ink at step 5 in rows", inked)

# %%
fig, (left, right) = figures.new_figure(7, 2.2, ncols=2, width_ratios=(3, 1))
left.imshow(line, cmap="gray_r")
mark = dict(arrowstyle="->", color=figures.VERMILLION, linewidth=2)
left.annotate("", (5, 5), (5, -1), arrowprops=mark)
left.set(xlabel="time step t: the column", ylabel="row")
right.barh(range(20), frames[5, 0] / 255, color=figures.VERMILLION)
right.set(ylim=(19.5, -0.5), xlim=(0, 1), xlabel="frame 5: ink", yticks=[])
figures.show(
    fig,
    f"The line 4077, 20 pixels high and {len(frames)} wide. Beside it frame 5, the column under the arrow, as bars: "
    f"strong ink in rows {inked}.",
)

# %% [markdown]
# Twenty numbers, a thin slice of a 4. Many digits share such slices, so the network must remember what it saw before,
# and wait for what comes after.
#
# ## 2 Lines of different widths
#
# A batch is one array, and lines differ in width. If we stretched them all to one width, the digits of short lines
# would grow wide and those of long lines narrow. So we fill up with empty columns, and remember how wide each line was:
# its **input length**.
#
# ### Exercise 08-2: a batch of lines  (★★☆, 7 minutes)
#
# Write `pad_columns(images)` for a list of pictures *H W* of one height. Return two things: the frames *T N H*, where
# *T* is the greatest width and what is missing is 0, and the input lengths, one for each picture.


# %% tags=["exercise"]
def pad_columns(images):
    return ...  # your code here


# %%
exercises.check("08-2", pad_columns)

# %% [markdown]
# The package has a `columns` that does the same, scales the pixels to 0 to 1, and puts the targets one after another.
# Do the two agree? (Each line is printed in a face drawn at random.)

# %%
from crnn_lessons.data.batches import columns

pad_columns = exercises.yours("08-2")
rng = np.random.default_rng(8)
lines = printed_lines(["7", "4077", "31"], faces, rng)
frames, lengths = pad_columns([image for image, _ in lines])
batch = columns(lines, digits)
print("T N H", np.shape(frames), "input lengths", list(map(int, lengths)))
print("targets", batch.targets.tolist(), "of lengths", batch.target_lengths.tolist())
assert np.allclose(batch.frames, np.array(frames) / 255)
assert batch.input_lengths.tolist() == list(lengths)

# %% [markdown]
# The narrowest line must still leave room for its text: *T* ≥ *S* + *r* (lesson 05). Some readers of raw pixels take
# two columns for one step, to halve the work of the recurrent network.
#
# ### Exercise 08-3: two columns a step  (★☆☆, 3 minutes)
#
# Such a reader drops an odd last column. How many pixels wide must a line be at least, so that CTC can spell `1000200`?

# %% tags=["exercise"]
answer = ...

# %%
exercises.check("08-3", answer)

# %% [markdown]
# Our reader takes one column a step. Is every line wide enough for it?

# %%
train = printed_lines(digit_strings(rng, 3000), faces, rng)
spare = []
for image, text in train:
    r = sum(a == b for a, b in pairwise(text))
    spare.append(image.shape[1] - len(text) - r)
print(
    f"{exercises.yours('08-3')} columns at two a step; here the tightest line has {min(spare)} steps to spare"
)
assert min(spare) >= 0

# %% [markdown]
# ## 3 The reader
#
# Two LSTMs read the columns, one from the left and one from the right. A linear map turns both states into *C* = 11
# numbers a step, for the blank and ten digits.
#
# The second LSTM reads the line turned around. With `frames.flip(0)` a short line would begin with its padding, and
# would be read differently beside a long neighbour. It has to turn around within its own length.
#
# ### Exercise 08-4: turn around  (★★☆, 6 minutes)
#
# Write `reverse(frames, lengths)` for a tensor *T N D* and *N* lengths: the first `lengths[n]` frames of sample *n* come
# in reverse order, and what stands after them stays as it is. Change no argument. Use torch alone (no NumPy), so that
# gradients can run through it.


# %% tags=["exercise"]
def reverse(frames, lengths):
    return ...  # your code here


# %%
exercises.check("08-4", reverse)

# %% [markdown]
# With it the reader is short. Mean and standard deviation of the training pixels go in at the start, and the columns
# are **standardised** with them: section 6 says what that is good for.

# %%
from crnn_lessons.reader.raw_pixels import mean_and_std

reverse = exercises.yours("08-4")


class LineReader(nn.Module):
    def __init__(self, height, num_classes, hidden_size, mean, std):
        super().__init__()
        self.forwards = nn.LSTM(height, hidden_size)
        self.backwards = nn.LSTM(height, hidden_size)
        self.output = nn.Linear(2 * hidden_size, num_classes)
        self.mean, self.std = mean, std

    def forward(self, frames, input_lengths):
        x = (frames - self.mean) / self.std  # T N H
        left, _ = self.forwards(x)  # T N Dₕ
        right, _ = self.backwards(reverse(x, input_lengths))
        both = torch.cat([left, reverse(right, input_lengths)], dim=-1)  # T N 2Dₕ
        return self.output(both).log_softmax(-1)  # T N C


# %%
def new_reader(lines, seed=0):
    torch.manual_seed(seed)
    mean, std = mean_and_std(image for image, _ in lines)
    return LineReader(20, digits.num_classes, 48, mean, std)


reader = new_reader(train)
print(sum(p.numel() for p in reader.parameters()), "parameters")

# %% [markdown]
# Torch has its own way to the same end, a bidirectional LSTM over a *packed* sequence (lesson 03). Give it the same
# weights. Do the two agree wherever there is a line?

# %%
both = nn.LSTM(20, 48, bidirectional=True)
weights = dict(reader.forwards.named_parameters())
for name, weight in reader.backwards.named_parameters():
    weights[f"{name}_reverse"] = weight
both.load_state_dict(weights)
pack, unpack = nn.utils.rnn.pack_padded_sequence, nn.utils.rnn.pad_packed_sequence
with torch.no_grad():
    x = (batch.frames - reader.mean) / reader.std
    context, _ = unpack(both(pack(x, batch.input_lengths, enforce_sorted=False))[0])
    theirs = reader.output(context).log_softmax(-1)
    ours = reader(batch.frames, batch.input_lengths)
for n, T in enumerate(batch.input_lengths):
    assert torch.allclose(ours[:T, n], theirs[:T, n], atol=1e-5)
print(f"the same on all {int(batch.input_lengths.sum())} frames of the three lines")

# %% [markdown]
# ## 4 Overfit one batch first
#
# Before training in earnest: can the network learn eight lines by heart? Everything in this loop is yours. The losses
# and the class posteriors *q* come from your function of lesson 07. The derivative of a loss with respect to log p(t, k)
# is −q(t, k); `log_softmax` turns it into the *p* − *q* of lesson 06 on the way back. Each loss is divided by its *S*, so
# the mean is in **nats a digit** (*nats*, since the logarithm is the natural one).

# %%
ctc = exercises.yours("07-5")
best_path = exercises.yours("05-7")
eight = printed_lines(digit_strings(rng, 8, 2, 5), faces, rng)
batch = columns(eight, digits)
targets = [list(digits.encode(text)) for _, text in eight]
lengths = batch.input_lengths.tolist()
shares = (
    8 * np.array([len(target) for target in targets])[:, None]
)  # N 1: the mean over N, and a digit

# %%
optimiser = torch.optim.Adam(reader.parameters(), lr=0.02)
diary = []
for _step in range(200):
    log_probs = reader(batch.frames, batch.input_lengths)  # T N C
    losses, q = ctc(log_probs.detach().double().numpy(), targets, lengths)
    optimiser.zero_grad()
    log_probs.backward(torch.tensor(-q / shares, dtype=torch.float32))
    nn.utils.clip_grad_norm_(reader.parameters(), 5.0)  # lesson 02
    optimiser.step()
    diary.append((losses / shares[:, 0]).sum())

# %% tags=["nbval-ignore-output"]
known = [digits.decode(best_path(log_probs[:T, n].detach().numpy())) for n, T in enumerate(lengths)]
print(f"loss {diary[0]:.1f}, {diary[50]:.2f} after 50 steps, below 0.1 at the end: {known}")
assert known == [text for _, text in eight] and diary[-1] < 0.1

# %% [markdown]
# By heart. So the gradient reaches everything, and the texts fit into the lengths. If this fails, no amount of data
# will help. What it does not show is that each text belongs to its picture: eight wrong texts are learnt by heart as
# well. For that, look at a few pictures beside their texts.
#
# From here on the CTC loss of the package takes the place of yours: one function of torch, and the same number.

# %% tags=["nbval-ignore-output"]
from crnn_lessons.ctc import ctc_loss

log_probs = reader(batch.frames, batch.input_lengths).detach().double()
mine, _ = ctc(log_probs.numpy(), targets, lengths)
theirs = ctc_loss(
    log_probs, batch.targets, batch.input_lengths, batch.target_lengths, reduction="none"
)
print(
    f"the largest of the eight losses: {mine.max():.3f} by yours, {theirs.max().item():.3f} by the package"
)
assert np.allclose(mine, theirs, rtol=1e-9)

# %% [markdown]
# ## 5 Train on fresh strings
#
# Now the 3,000 random strings of one to six digits from above to train on, and 1,000 others for the test, none of which
# is among the 3,000. `train_reader` is the loop above with batches of 16, AdamW, and a learning rate that rises and
# falls once. (It also counts a line that is too narrow for its text as 0; section 2 found none.) After each step it
# calls `watch`. We use that to keep a diary: how many frames of 40 unseen lines have the blank on top, and what the
# reader says of two lines that we are going to film.

# %%
known = {text for _, text in train}
fresh_texts = [text for text in digit_strings(rng, 4000) if text not in known][:1000]
fresh_images = [image for image, _ in printed_lines(fresh_texts, faces, rng)]
print("test strings by length:", dict(sorted(Counter(map(len, fresh_texts)).items())))

# %% [markdown]
# (There are too few strings of one or two digits for more: the training set has nearly all of them.)

# %%
from crnn_lessons.reader.raw_pixels import log_probs_of, read_lines, train_reader

film_lines = [(print_line(text, faces[0]), text) for text in ("40771", "2958")]
keep = {0, 2, 4, 6, 8, 10, 15, 20, 30, 40, *range(50, 201, 5), 220, 250, 300, 400, 500}
blanks, film = {}, []


def watch(step, loss=None):
    if step in keep:
        tops = [x.argmax(axis=1) for x in log_probs_of(reader, fresh_images[:40])]
        blanks[step] = np.mean(np.concatenate(tops) == 0)
        film.append((step, log_probs_of(reader, [image for image, _ in film_lines])))


reader = new_reader(train)
watch(0)
losses = train_reader(reader, train, digits, steps=500, learning_rate=0.02, watch=watch)

# %% [markdown]
# Was that one lucky run? Train twice more, from other weights and with other batches.

# %%
readers, runs = [reader], [losses]
for seed in (1, 2):
    readers.append(new_reader(train, seed))
    runs.append(train_reader(readers[-1], train, digits, 500, learning_rate=0.02, seed=seed))

# %% tags=["nbval-ignore-output"]
from crnn_lessons.metrics import word_accuracy

accuracies = [word_accuracy(read_lines(one, fresh_images, digits), fresh_texts) for one in readers]
for accuracy, run in zip(accuracies, runs, strict=True):
    end = np.mean(run[-50:])
    print(f"{1000 * accuracy:.0f} of 1000 fresh strings right, {end:.3f} nats a digit at the end")
assert min(accuracies) >= 0.98

# %% [markdown]
# 500 batches of 16 lines: a few seconds of one core. Raw pixels, no features, no timetable.
#
# ## 6 The plateau of blanks
#
# How did it get there? Look at the diary of the first run: above the losses, those of the other two in grey, below the
# share of frames whose most probable class is the blank.

# %% tags=["nbval-ignore-output"]
fig, (top, bottom) = figures.new_figure(7, 3.8, nrows=2, sharex=True)
for run, colour in zip(runs[::-1], (figures.GREY, figures.GREY, figures.BLUE), strict=True):
    top.semilogy(run, linewidth=0.8, color=colour)
top.set(ylabel="loss, nats a digit", ylim=(0.005, 40))
bottom.plot(blanks.keys(), blanks.values(), "o-", markersize=3)
bottom.set(xlabel="step", ylabel="frames on blank", ylim=(0, 1.05))
silent = [step for step, share in blanks.items() if share > 0.99]
figures.show(
    fig,
    f"The loss falls from {losses[0]:.0f} within 20 steps to {np.mean(losses[30:60]):.1f}, stands there, and falls "
    f"again to {np.mean(losses[-50:]):.2f}; the two other runs do the same. More than 99 % of the frames say blank "
    f"from step {silent[0]} to {silent[-1]}.",
)

# %% [markdown]
# Three acts. At first the loss falls quickly. Then it stands, and nearly every frame says blank: the network writes
# nothing, for any picture. Then, rather suddenly, it reads. The second act is the **plateau of blanks**. Many people
# have stopped a training run there and searched for a fault. There is none. Why blanks, and why does it stand?
#
# ### Why blanks come first
#
# Lesson 06 gave the gradient at a logit: softmax minus class posterior, *p* − *q*. A fresh network knows nothing, and
# its softmax is 1/11 for every class. What is the class posterior? With equal probabilities all alignments count the
# same, so it is the share of alignments that are in the class at that step. Take one target over *T* = 40 steps:

# %%
from crnn_lessons.ctc import forward_backward

uniform = np.full((40, 11), -np.log(11))  # T C
gamma = forward_backward(uniform, digits.encode("4071")).posterior  # T L
of_blank = gamma[:, ::2].sum(axis=1)  # T
of_digit = gamma[:, 1::2].sum(axis=1) / 10  # T: averaged over the ten digits, as over many lines
print(f"blank: softmax {1 / 11:.3f}, posterior {of_blank.mean():.3f}, averaged over the steps")
print(f"digit: softmax {1 / 11:.3f}, posterior {of_digit.mean():.3f}, {of_digit.max():.3f} at most")
assert of_blank.mean() > 1 / 11 > of_digit.max()

# %% [markdown]
# An alignment is made of *S* = 4 runs of digits and *S* + 1 = 5 runs of blanks. Each digit takes one step; the other 36
# are shared out evenly over the 9 runs, 4 to each. So 5 · 4 = 20 of the 40 steps are blank: 0.5 against 1/11. The
# gradient pushes the blank up at every step of every line. The other half is shared by the digits, and over many lines
# every digit gets a tenth of it: 0.05, less than the 1/11 that it has. **Every digit is pushed down, everywhere.** To
# raise a digit at the right place, the network would have to know the place.
#
# It goes on by itself. When the blank is more probable, alignments with more blanks weigh more, so the posterior of
# the blank rises again. Where does this end? Imagine a **blind network**, one that does not look at the picture: it
# has a probability for each class, the same at every step of every line.
#
# ### Exercise 08-5: the loss of a network that does not look  (★★★, 12 minutes)
#
# A blind network gives the blank the probability `b` at each of *T* steps, 0 < `b` < 1, and each of the `K` characters
# (1 − `b`) / `K`. The target is a single character. Write `blind_loss(T, b, K)`, its CTC loss, as a sum over the
# alignments: which runs of the character are there, and how many of each?


# %% tags=["exercise"]
def blind_loss(T, b, K):
    return ...  # your code here


# %%
exercises.check("08-5", blind_loss)

# %% [markdown]
# Which `b` is the best for one digit in a line of 40 columns?

# %%
blind_loss = exercises.yours("08-5")
for b in (0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99):
    print(f"b = {b:.2f}: {blind_loss(40, b, 10):5.2f} nats")

# %% [markdown]
# A blind network does best to say blank nearly always. Our lines have one to six digits, and widths of all kinds. So
# let training find the best constant probabilities for them: 11 numbers, and the same loss.

# %%
from crnn_lessons.ctc import ctc_loss_from_logits

sample = columns(train[:400], digits)
T, N, _ = sample.frames.shape
blind = torch.zeros(11, requires_grad=True)
optimiser = torch.optim.Adam([blind], lr=0.2)
for _step in range(120):
    loss = ctc_loss_from_logits(
        blind.expand(T, N, 11), sample.targets, sample.input_lengths, sample.target_lengths
    )
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
level, p_blank = loss.item(), blind.softmax(0)[0].item()
print(f"p(blank) = {p_blank:.2f} at every step, loss {level:.1f} nats a digit")

# %% [markdown]
# Does the plateau stand where the blind network predicts?

# %% tags=["nbval-ignore-output"]
for run in runs:
    plateau = np.median(run[20:60])
    print(
        f"plateau at {plateau:.2f}, {plateau / level - 1:+.0%} from the blind network's {level:.2f}"
    )
    assert abs(plateau / level - 1) < 0.1
assert blanks[40] > 0.95

# %% [markdown]
# So the plateau has a meaning: *the network behaves as if it did not look*. And why does it cost that much? Part of it
# is ln 10 ≈ 2.3, the price of not knowing which digit. The rest is not the price of not knowing *where*: CTC does not
# ask. Take a network that does not know the digits either, and says "some digit" at four frames of its choice, with
# blanks between:

# %%
probs = np.zeros((40, 11))  # T C
probs[:, 0] = 1  # blank, but for four frames
for t in (3, 11, 20, 30):  # where each digit is as likely as the next
    probs[t] = [0, *[0.1] * 10]
with np.errstate(divide="ignore"):
    one_text = forward_backward(np.log(probs), digits.encode("4071")).log_likelihood
print(f"{-one_text / 4:.3f} nats a digit, and ln 10 = {math.log(10):.3f}")

# %% [markdown]
# Exactly ln 10 a digit. The rest is the price of saying the same at *every* step: how many digits come out is then left
# to chance.
#
# ### Why it lasts, and how it ends
#
# Is the answer on the plateau really the same at every step? Take the two lines of the film, at step 40, and print the
# probability of the blank along each:

# %% tags=["nbval-ignore-output"]
at_40 = dict(film)[40]
for x, (_, text) in zip(at_40, film_lines, strict=True):
    p = np.exp(x[:, 0])
    print(text, *[f"t = {t}: {p[t]:.2f}" for t in (0, 1, 20, len(p) - 1)], sep="   ")

# %% [markdown]
# It knows where a line begins: every line has a digit near its start, so there is less blank there. But it says the
# same of both pictures. Why does it stay so? The gradient has two parts. Average *p* − *q* over many texts: that part
# tells which answer is the best *for all texts alike*. What is left is different for each text: the part that could
# teach the network to look. How large are the two, at the start and on the plateau?

# %%
blind_probs = np.tile(blind.detach().softmax(0).double().numpy(), (40, 1))  # T C
some_texts = digit_strings(rng, 200, 4, 4)


def both_parts(probs):
    gradients = []
    for text in some_texts:
        _, q = ctc(np.log(probs)[:, None], [list(digits.encode(text))], [40])  # T 1 C
        gradients.append(probs - q[:, 0])
    common = np.mean(gradients, axis=0)
    own = [np.linalg.norm(gradient - common) for gradient in gradients]
    return np.linalg.norm(common), np.sqrt(np.mean(np.square(own)))


for name, probs in [("at the start", np.full((40, 11), 1 / 11)), ("on the plateau", blind_probs)]:
    common, own = both_parts(probs)
    print(f"{name:15} common to all texts {common:.1f}, of each text's own {own:.1f}")

# %% [markdown]
# On the plateau there is nothing left to gain without looking. And the part that could teach the network to look has
# shrunk to a fraction, and cancels over a batch as long as the network cannot tell the lines apart. So it takes many
# steps.
#
# How does it end? Read what the network writes of the two lines, step by step:

# %% tags=["nbval-ignore-output"]
for step, seen in film:
    if step in (30, 70, 75, 80, 90, 100, 105, 110, 115, 120, 135, 140, 500):
        said = [digits.decode(best_path(x)) or "(nothing)" for x in seen]
        print(f"step {step:3} {said[0]:10} {said[1]}")

# %% [markdown]
# One digit comes first, and not always the right one. As soon as a digit has a place, the alignments through that place
# weigh more, so its posterior rises there: the same feedback as before, now in favour of digits. Within some dozens of
# steps the whole line is there.
#
# ### What makes it shorter
#
# `forward` begins by standardising the pixels: it subtracts their mean and divides by their standard deviation. Which
# of the two helps? The three runs above had both. Train with one, and with neither, three times each, and note the
# first step at which the mean loss of ten steps is below half of the plateau. (`ColumnReader` is your `LineReader` in
# the package, made to be saved.)

# %%
from crnn_lessons.reader.raw_pixels import ColumnReader


def run_with(mean, std, seed):
    torch.manual_seed(seed)
    one = ColumnReader(20, digits.num_classes, 48, mean, std)
    return train_reader(one, train, digits, 500, learning_rate=0.02, seed=seed)


def steps_to_half(run):
    below = np.convolve(run, np.full(10, 0.1), mode="valid") < level / 2
    return int(below.argmax()) + 10 if below.any() else math.inf


# %%
mean, std = mean_and_std(image for image, _ in train)
print(f"mean {mean:.2f}, standard deviation {std:.2f}")
half = {"both": [steps_to_half(run) for run in runs]}
for name, way in {"mean alone": (mean, 1), "scale alone": (0, std), "neither": (0, 1)}.items():
    half[name] = [steps_to_half(run_with(*way, seed)) for seed in range(3)]

# %% tags=["nbval-ignore-output"]
for name, steps in half.items():
    print(f"{name:12} half of the plateau at steps {steps}, on average {np.mean(steps):.0f}")
on_average = {name: np.mean(steps) for name, steps in half.items()}
assert on_average["both"] < 0.8 * min(on_average["mean alone"], on_average["scale alone"])
assert on_average["neither"] > max(on_average["mean alone"], on_average["scale alone"])

# %% [markdown]
# Each of the two helps on average, though single runs differ by up to half. Together they take the network off the
# plateau in about half the steps that it needs with neither.
#
# ## 7 Alignments form
#
# ### Play: training as a film
#
# Two lines that were in no batch. Scrub through training with the slider or its arrow keys, or press play. Try to
# find
# - the step at which nearly all is blank, and the step at which the first digit shows;
# - which digit comes first, and whether the boxes (the most probable alignment of the *right* text) stand on its ink
#   by then;
# - what happens between the two sevens of 40771.

# %% tags=["nbval-ignore-output"]
from crnn_lessons.widgets import Film

shown = Film(film, *zip(*film_lines, strict=True), digits, frame=9)
shown

# %% [markdown]
# The widget has a decoder of its own. Does yours read the same at the step where you left it?

# %% tags=["nbval-ignore-output"]
for scene, (_, text) in enumerate(film_lines):
    said = digits.decode(best_path(-shown.data(scene).astype(float)))
    print(f"step {shown.steps[shown.frame]}: {text} is read as {said or '(nothing)'}")
    assert said == shown.text(scene)

# %% [markdown]
# <details><summary>What you should see</summary>
# In the run on this page all is blank from step 8 to step 65. Until step 40 the boxes crowd at the two ends of the line;
# by step 65, before anything is written, most of them stand near the ink of their digits: looking begins before
# writing. The first digit to show is the first of the line, at column 0, where there is only paper: every line has a
# first digit, so its place is known without looking. In 2958 it is tried as 7 and as 1 before it is a 2. Between the two
# sevens there is at least one blank from the moment when both are read: without it <i>B</i> would merge them.
# </details>
#
# In the end each digit has a few frames of its own, and all between them is blank. Where on its digit do they lie: at
# the left edge, in the middle, at the right edge? For 100 unseen lines, take the most probable alignment of the right
# text (`forced_alignment`; lesson 09 says how), and see how far the middle of each digit's frames is from each.

# %%
from crnn_lessons.ctc import forced_alignment


def edges(text):
    # the column where the ink of each digit begins, about, and where that of the last one ends
    return [2] + [print_line(text[: i + 1], faces[0]).shape[1] - 2 for i in range(len(text))]


def middles(log_probs, text):  # the middle of the frames of each digit
    rows, _ = forced_alignment(log_probs, digits.encode(text))
    return [np.flatnonzero(rows == 2 * i + 1).mean() for i in range(len(text))]


# %% tags=["nbval-ignore-output"]
texts = fresh_texts[:100]
seen = log_probs_of(reader, [print_line(text, faces[0]) for text in texts])
at = np.concatenate([middles(x, text) for x, text in zip(seen, texts, strict=True)])
begin = np.concatenate([edges(text)[:-1] for text in texts])
end = np.concatenate([edges(text)[1:] for text in texts])
places = {"left edge": begin, "middle": (begin + end) / 2, "right edge": end}
near = {name: np.mean(abs(at - place) <= 2) for name, place in places.items()}
for name, share in near.items():
    print(f"{share:4.0%} of {len(at)} digits within 2 columns of their {name}")
assert near["left edge"] > 0.9 and near["middle"] < 0.1

# %% [markdown]
# Each digit is written where its ink begins, before most of it has come by. The network has read the line from both
# sides, so it need not wait, and CTC asks for the order alone, never for the place. (All digits are equally wide, so
# counting would put the boxes in these places too. That the network follows the ink is not shown by this.)

# %% [markdown]
# ## 8 How it resembles a hidden Markov model
#
# Before networks, lines were read with **hidden Markov models** (HMMs): for each letter a few states in a row, joined
# to a chain from left to right. At each step one stays in a state or moves on, and each state has a probability of
# emitting the column that is seen. The parts correspond:
#
# | HMM of a text | CTC |
# |---|---|
# | states, left to right | the *L* = 2*S* + 1 rows of the lattice |
# | transitions: stay or go on | the same, and a blank may be skipped; none has a price |
# | emission *p(xₜ \| state)* | *p(t, k)*, from a network that has seen the *whole* line |
# | forward algorithm | α of lesson 06 |
# | Viterbi path | forced alignment |
#
# So write the chain of a text as a matrix of allowed moves, and run the forward algorithm of an HMM as a row of
# matrix products. Do we get the CTC loss?

# %%
from crnn_lessons.ctc import extend

image, text = film_lines[0]
log_probs = log_probs_of(reader, [image])[0].astype(np.float64)  # T C
rows = extend(digits.encode(text))  # L
moves = np.eye(len(rows)) + np.eye(len(rows), k=1)  # stay, go on
for s in range(3, len(rows), 2):
    moves[s - 2, s] = rows[s] != rows[s - 2]  # skip the blank between different labels
state = np.exp(log_probs[0, rows]) * (np.arange(len(rows)) < 2)
for t in range(1, len(log_probs)):
    state = (state @ moves) * np.exp(log_probs[t, rows])

# %% tags=["nbval-ignore-output"]
by_ctc, _ = ctc(log_probs[:, None], [list(digits.encode(text))], [len(log_probs)])
print(f"{-np.log(state[-2:].sum()):.9f} by the chain, {by_ctc[0]:.9f} by your CTC")
assert np.isclose(-np.log(state[-2:].sum()), by_ctc[0], rtol=1e-9)

# %% [markdown]
# The same, because CTC *is* such a chain. Three things differ. An HMM's emission says how probable the *column* is,
# given the state; *p(t, k)* says how probable the *class* is, given the picture, and sums to 1 over the classes. An
# HMM's emission looks at one column, so it wants features that say much by themselves; ours is a network with context.
# And the HMM's transitions are probabilities, learnt, while here all moves are free: how long a letter lasts is left to
# the network.

# %% [markdown]
# ## 9 Where the text stands
#
# All digits so far stood on one row, and all had one size. What happens to text that is shifted, or of another size?
# Let the pictures be 32 pixels high, with room to move. A shift is up to 6 rows up or down; a scale is between 0.74 and
# 1.35.

# %%
rng = np.random.default_rng(10)
upright = [faces[i] for i in (0, 1, 4)]


def moved(texts, shift=0, scale=0.0):
    lines = []
    for text in texts:
        size = 15 * np.exp(rng.uniform(-scale, scale))
        row = 21 + int(rng.integers(-shift, shift + 1))
        lines.append((print_line(text, upright[rng.integers(3)], size, 32, row), text))
    return lines


# %%
strings = digit_strings(rng, 3000, 3, 6)
others = [text for text in digit_strings(rng, 3000, 3, 6) if text not in set(strings)]
plain, varied = moved(strings), moved(strings, shift=6, scale=0.3)
kinds = {"plain": (0, 0), "shifted": (6, 0), "scaled": (0, 0.3), "both": (6, 0.3)}
tests = {
    name: moved(others[300 * i :][:300], *kind) for i, (name, kind) in enumerate(kinds.items())
}

# %%
fig, axes = figures.new_figure(7, 1.6, ncols=4)
examples = {"plain": (15, 21), "shifted": (15, 27), "scaled": (11, 21), "both": (20, 17)}
for ax, (name, (size, row)) in zip(axes, examples.items(), strict=True):
    ax.imshow(print_line("4077", upright[0], size, height=32, baseline=row), cmap="gray_r")
    ax.set_title(name, fontsize=9)
    ax.set(xticks=[], yticks=[], xlim=(-0.5, 59.5))  # one scale for all
    ax.spines[:].set_visible(True)
figures.show(fig, f"The line 4077 printed in each way: {', '.join(examples)}.")

# %% [markdown]
# Train on plain lines, and test on all four kinds, 300 strings each, none of them trained on. Three runs:


# %%
def trained(lines, seed, steps=700):
    torch.manual_seed(seed)
    one = ColumnReader(len(lines[0][0]), digits.num_classes)
    one.standardise(image for image, _ in lines)
    train_reader(one, lines, digits, steps, seed=seed)
    return one


def percent(one, lines):
    images, texts = zip(*lines, strict=True)
    return 100 * word_accuracy(read_lines(one, images, digits), texts)


def tried(lines, tests, runs=3, steps=700):
    found = [trained(lines, seed, steps) for seed in range(runs)]
    return {kind: [percent(one, test) for one in found] for kind, test in tests.items()}


# %%
raw = tried(plain, tests)

# %% tags=["nbval-ignore-output"]
for kind, scores in raw.items():
    print(f"{kind:8} {' / '.join(f'{score:.0f}' for score in scores)} % of the strings read")
assert min(raw["plain"]) >= 99 and max(raw["both"]) < 20

# %% [markdown]
# It fails on text that looks the same to us. An LSTM over columns shares its weights along the width, so it does not
# mind *where along the line* a digit stands. Up and down it shares nothing: each row has weights of its own.
# (Convolutions share in both directions: lesson 10.)
#
# There are two cures: show it text at all heights and sizes, or bring all text to one height and size before it is
# read. The second is **normalisation**, and the readers of the time before convolutions depended on it.
#
# First, how high does the text stand, and how large is it? Call a pixel *ink* if it is brighter than half of the
# brightest pixel of its line. The mean of the row numbers of all ink is the middle of the text, and their standard
# deviation is a measure of its size, its **spread**.
#
# ### Exercise 08-6: mean and spread  (★★☆, 6 minutes)
#
# Write `ink_rows(line)`: the mean and the standard deviation of the row numbers of the pixels of ink, for a line *H
# W* in which paper is 0 and ink is bright. (The brightest pixel may be 255, or 1, or anything.)


# %% tags=["exercise"]
def ink_rows(line):
    return ...  # your code here


# %%
exercises.check("08-6", ink_rows)

# %% [markdown]
# Now cut out a window around the mean and scale it to a fixed height. Let it *reach* a chosen number of spreads above
# the mean, and as many below. Row *i* of the result is read at row `scale * i + offset` of the line, between two rows
# if need be. Along the width one steps by `scale` too, so that digits keep their proportions.
#
# ### Exercise 08-7: scale and offset  (★★☆, 6 minutes)
#
# Write `window(mean, spread, height, reach)`, which returns `(scale, offset)`, such that the rows from mean − reach ·
# spread to mean + reach · spread become `height` rows, and row `height / 2` reads the mean.


# %% tags=["exercise"]
def window(mean, spread, height, reach):
    return ...  # your code here


# %%
exercises.check("08-7", window)

# %% [markdown]
# The two together, and SciPy to read between rows, make the whole of it. A spread of the line becomes spread / scale =
# height / (2 · reach) rows of the result: 20 / 5 = 4 here. Does it, for three sizes of text?

# %%
ink_rows, window = exercises.yours("08-6"), exercises.yours("08-7")


def normalised(line, height=20, reach=2.5):
    scale, offset = window(*ink_rows(line), height, reach)
    rows = scale * np.arange(height) + offset
    steps = scale * np.arange(round(line.shape[1] / scale))
    places = np.meshgrid(rows, steps, indexing="ij")
    return ndimage.map_coordinates(line / 255, places, order=1).astype(np.float32)


for size in (11, 15, 20):
    line = print_line("4077", upright[0], size, height=32, baseline=21)
    before, after = ink_rows(line)[1], ink_rows(normalised(line))[1]
    print(f"size {size}: spread {before:.1f} -> {after:.1f}")
    assert abs(after - 4) < 0.3

# %%
fig, axes = figures.new_figure(7, 2.6, nrows=2, ncols=4)
for (above, below), (name, (size, row)) in zip(axes.T, examples.items(), strict=True):
    line = print_line("4077", upright[0], size, height=32, baseline=row)
    above.imshow(line, cmap="gray_r")
    mean, spread = ink_rows(line)
    for edge, style in ((0, "-"), (-2.5 * spread, "--"), (2.5 * spread, "--")):
        above.axhline(mean + edge, linestyle=style, color=figures.VERMILLION, linewidth=1)
    below.imshow(normalised(line), cmap="gray_r")
    above.set(title=name, xlim=(-0.5, 59.5), ylim=(31.5, -0.5))
    for ax in (above, below):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
figures.show(
    fig,
    "Above, 4077 in the four ways, with its mean (solid) and the window of 2.5 spreads (dashed). Below, each window "
    "scaled to 20 rows: the four look alike.",
)

# %% [markdown]
# Does it help? Train on *plain* lines only, normalised, and test on all kinds, normalised in the same way. The other
# cure stands beside it: raw pixels, and training lines that are shifted and scaled themselves. Three runs each, with
# equal steps, and one run of the second cure with twice as many.


# %%
def all_normalised(lines):
    return [(normalised(image), text) for image, text in lines]


by_moments = tried(all_normalised(plain), {k: all_normalised(v) for k, v in tests.items()})
by_variety = tried(varied, tests)
longer = tried(varied, tests, runs=1, steps=1400)

# %% tags=["nbval-ignore-output"]
rows = {"raw": raw, "normalised": by_moments, "raw, varied": by_variety, "the same, 1400": longer}
print(f"{'strings read, %':16}", *[f"{kind:>15}" for kind in tests])
for name, scores in rows.items():
    cells = [" / ".join(f"{score:.0f}" for score in runs_of) for runs_of in scores.values()]
    print(f"{name:16}", *[f"{cell:>15}" for cell in cells])
assert min(by_moments["both"]) > 90 and max(by_variety["both"]) < min(by_moments["both"]) - 10
assert longer["both"][0] > by_variety["both"][0] + 10

# %% [markdown]
# The same kind of reader (its columns are 20 pixels high here, those of the raw readers 32) and the same steps. Trained
# on text of one size at one height, it reads text of all the sizes and heights that we tried. The reader that learns
# from varied text is far behind by then, since every digit must be learnt at every height; with twice the steps, this
# one run comes near.
#
# So normalisation matters **when the text varies more in training than the network can learn in its time, or varies in
# ways that it did not in training**. Variety in training is the other cure, and needs no rule; it costs steps. Where
# text stands fixed already, as on a form, neither is needed. This rule by two moments is the plainest of its kind;
# lesson 12 compares it with others, for lines that slope.

# %% [markdown]
# ## 10 Real ink
#
# Digits that people wrote:
# [scikit-learn](https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html) brings 1,797 of
# them, 8 × 8 pixels each. We put them side by side into strings. 497 of the *pictures* are set aside first, so that no
# digit of a test line was ever in a training line. (The same people wrote both, though: of a new hand the test says
# nothing.)

# %%
import cv2
from sklearn.datasets import load_digits

from crnn_lessons.text.lines import join_glyphs

rng = np.random.default_rng(11)
written = load_digits()
glyphs = [cv2.resize(np.uint8(15.9 * x), (16, 16)) for x in written.images]
order = np.random.default_rng(0).permutation(len(glyphs))


def written_lines(pool, count):
    lines = []
    for _ in range(count):
        chosen = rng.choice(pool, size=rng.integers(1, 6))
        text = "".join(str(written.target[i]) for i in chosen)
        lines.append((join_glyphs([glyphs[i] for i in chosen], rng), text))
    return lines


hand_train, hand_test = written_lines(order[:1300], 5000), written_lines(order[1300:], 500)

# %%
fig, axes = figures.new_figure(7, 1.4, nrows=2, ncols=4)
for ax, (image, text) in zip(axes.flat, hand_test, strict=False):
    ax.imshow(image, cmap="gray_r")
    ax.set_title(text, fontsize=8)
    ax.axis("off")
eight = ", ".join(text for _, text in hand_test[:8])
figures.show(fig, f"Eight strings of written digits: {eight}.")

# %% [markdown]
# Three runs. How many strings are right, and what kinds of error are the others made of: a digit that is lost, one
# too many, or one taken for another? `editops` lists the fewest changes that turn the text into the reading.

# %%
images, texts = zip(*hand_test, strict=True)
readings = [read_lines(trained(hand_train, seed, 1000), images, digits) for seed in range(3)]
number = sum(map(len, texts))


def errors_of(said):
    kinds = Counter()
    for text, reading in zip(texts, said, strict=True):
        kinds.update(op.tag for op in Levenshtein.editops(text, reading))
    return kinds


# %% tags=["nbval-ignore-output"]
print(f"strings right   of {number} digits: lost  too many  mistaken   right to the power of 3")
for said in readings:
    kinds, right = errors_of(said), word_accuracy(said, texts)
    cubed = (1 - kinds.total() / number) ** 3
    print(
        f"{right:13.1%} {kinds['delete']:20} {kinds['insert']:9} {kinds['replace']:9} {cubed:23.1%}"
    )
    assert right > 0.75 and kinds.total() < 0.1 * number

# %% [markdown]
# Writing varies in ways that no shift and no scale undoes, and 1,300 pictures of digits are few. A string is right
# only if all its digits are. If errors fell at random, strings of three digits (the mean here) would be right with the
# share of right digits to the power of 3: the last column, and about what is measured. Which kind of error leads
# changes from run to run. One run alone would have told a story about lost digits or mistaken ones, and the next would
# have told another.

# %% [markdown]
# ## 11 What goes wrong
#
# | symptom | cause | check |
# |---|---|---|
# | all blank, for a while | the plateau | its loss is that of the blind network; wait |
# | all blank for ever | learning rate too high or too low | overfit one batch |
# | learns the training lines, and no others | texts with the wrong pictures | look at three pictures with their texts |
# | loss far below zero, or falls without end | logits where log-probabilities belong | `log_probs.exp().sum(-1)` must be 1 |
# | reads badly whatever the training | rows as time steps | `frames[t, n]` must equal `image[:, t]` |
# | ends of short lines grow letters | `input_lengths` are all the width of the array | read each line alone: the same text? |
# | a line reads differently beside others | `flip` for `reverse`; `view` for moving axes | the same check |
# | good in training, bad on your own lines | another height or size | normalise both in the same way |
# | `nan` from a normalised line | a line without ink has no mean | leave it as it is |
#
# **Logits for log-probabilities** is worth a look, since nothing raises an error. A constant added to all logits
# changes nothing, since the softmax is the same. To a loss that takes them for log-probabilities it is a gift:

# %%
logits = torch.randn(30, 1, 11, generator=torch.Generator().manual_seed(0))  # T N C
target = torch.tensor([[5, 1, 8, 8]])
for name, x in [("logits", logits), ("logits + 5", logits + 5)]:
    taken = ctc_loss(x, target, [30], [4], reduction="none").item()
    right = ctc_loss(x.log_softmax(-1), target, [30], [4], reduction="none").item()
    print(f"{name:10} loss {taken:7.1f}, with log_softmax {right:.1f}")

# %% [markdown]
# A loss below 0 would be a probability above 1. And every step counts: −5 · 30 = −150. A network trained in this way
# makes all its outputs large and learns nothing else. (So it is with the exact gradient. Torch's own loss, by its
# convention of lesson 06, pulls the logits back, and hides the mistake.)
#
# **A line that reads differently beside others.** Read 30 lines of all widths alone and in one batch:

# %% tags=["nbval-ignore-output"]
in_batch = log_probs_of(reader, fresh_images[:30])
alone = [log_probs_of(reader, [image])[0] for image in fresh_images[:30]]
apart = max(np.abs(a - b).max() for a, b in zip(in_batch, alone, strict=True))
print(f"log-probabilities differ by {apart:.0e} at most")
assert apart < 1e-4

# %% [markdown]
# **A line without ink.** Your rule divides by a spread that is not there. The package's leaves such a line empty:

# %%
from crnn_lessons.text.normalise import normalise

empty = np.zeros((32, 60))
with np.errstate(all="ignore"):
    print("scale of a window of no ink:", window(np.nan, np.nan, 20, 2.5)[0])
print("the package:", normalise(empty, "moments", height=20).shape, "all paper")
assert not normalise(empty, "moments", height=20).any()

# %% [markdown]
# ## 12 Questions to test yourself
#
# <details><summary>Why does the reader not care where along the line a digit stands, but care on which row?</summary>
#
# The LSTM uses the same weights at each time step, and time runs along the width. Each row has a weight of its own.
# </details>
#
# <details><summary>A colleague's loss stands at 4.0 nats a character after 100 steps, and all output is blank. What do you ask first?</summary>
#
# How many characters there are, and how long the lines. For 36 characters ln 36 = 3.58, and on short lines a blind
# network stands some tenths of a nat above that (the longer the lines, the less): it is the plateau. Then: does it
# learn one batch by heart?
# </details>
#
# <details><summary>You normalise lines by mean and spread, and then read single words. <code>one</code> comes out larger than <code>play</code>. Why?</summary>
#
# `one` has neither ascender nor descender, so its ink has a smaller spread. Over a long line this evens out; over a
# word it does not.
# </details>
#
# <details><summary>What in CTC is the transition probability of an HMM?</summary>
#
# There is none: all allowed moves are free. What is learnt about durations sits in the network's outputs.
# </details>
#
# ## 13 Read on
#
# - A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, [*Connectionist temporal
#   classification*](https://www.cs.toronto.edu/~graves/icml_2006.pdf), ICML 2006: sections 3 and 4; figure 4 shows the
#   error signal over the course of training, the film of this lesson in three pictures.
# - L. R. Rabiner, [*A tutorial on hidden Markov models*](https://doi.org/10.1109/5.18626), Proceedings of the IEEE 1989:
#   section III, the three problems and their solutions; section IV, left-to-right models.
# - T. M. Breuel, A. Ul-Hasan, M. A. Al-Azawi, F. Shafait, [*High-performance OCR for printed English and Fraktur using
#   LSTM networks*](https://doi.org/10.1109/ICDAR.2013.140), ICDAR 2013: a reader of normalised raw columns, one BiLSTM
#   and CTC. The rule of section 9 comes from Breuel's lectures on the subject (tutorial at ICDAR 2019).
# - A. Zeyer, R. Schlüter, H. Ney, [*Why does CTC result in peaky behavior?*](https://arxiv.org/abs/2105.14849), 2021: the
#   feedback of section 6, with proofs, and models for which it never ends.
#
# Next: **09 Decoding** does better than the best path, and **10 From image to sequence** replaces raw columns by
# features that share weights up and down too.
#
# The letters of this lesson, for looking up:

# %%
notation(
    "X", "T", "t", "N", "C", "k", "−", "S", "r", "H", "W", "D", "Dₕ", "L", "s",
    "p(t, k)", "q(t, k)", "γ(t, s)", "p(Y | X)", "xₜ"
)  # fmt: skip

# %% [markdown]
# Your exercises so far:

# %%
exercises.summary("08")

# %% [markdown]
# ## Appendix A: words
#
# From 10 digits to 26 letters, in three faces. Some letters have ascenders, some go below the line. Random letters, so
# that no dictionary can help, and again no test word is among the training words. The same reader, with a larger state,
# trained for longer; what follows is said of this one run.

# %%
letters = Alphabet("abcdefghijklmnopqrstuvwxyz")
rng = np.random.default_rng(26)


def random_words(count):
    lengths = rng.integers(1, 8, size=count)
    return ["".join(rng.choice(letters.characters, size=n)) for n in lengths]


words_train = printed_lines(random_words(4000), upright, rng)
known_words = {text for _, text in words_train}
new_words = [word for word in random_words(1000) if word not in known_words][:500]
words_fresh = printed_lines(new_words, upright, rng)

# %%
torch.manual_seed(0)
word_reader = ColumnReader(20, letters.num_classes, hidden_size=64)
word_reader.standardise(image for image, _ in words_train)
_ = train_reader(word_reader, words_train, letters, steps=1000)

# %% [markdown]
# Does a reader of random letters read English? Python carries a poem. Its words of four letters or more, each once:

# %%
import codecs
import contextlib
import io
import re

with contextlib.redirect_stdout(io.StringIO()):
    import this
poem = codecs.decode(this.s, "rot13").lower()
english = sorted({word for word in re.findall(r"[a-z]+", poem) if len(word) >= 4})
print(len(english), "words:", *english[::8])

# %% tags=["nbval-ignore-output"]
images, texts = zip(*words_fresh, strict=True)
random_right = word_accuracy(read_lines(word_reader, images, letters), texts)
said = read_lines(word_reader, [print_line(word, upright[0]) for word in english], letters)
english_right = word_accuracy(said, english)
print(f"{random_right:.1%} of random words, {english_right:.1%} of the poem's")
print("wrong:", [f"{w} -> {s}" for w, s in zip(english, said, strict=True) if w != s])
assert random_right >= 0.95 and english_right >= 0.9
