# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 14 Scale and ship: from one machine to many, and out to a page
#
# Your reader was trained by one process on one machine. A reader that has seen a hundred million words was trained by
# many at the same time. What do they say to each other, and does the same network come out? And when it is trained: how
# does it get out of the notebook, into a server, a phone or a web page, where there is no Python and no torch?
#
# Both questions have an exact answer that you can check. You will write the conversation of the workers yourself, and
# see that four of them train the *same* network as one, to the twelfth digit.
#
# ![Four workers in a ring, each with a vector of four chunks. In three steps each chunk collects its summands, and in three more the complete chunks go round.](../figs/ring.svg)
#
# **After this lesson you can**
# - share a batch out over workers, and say when the mean of their gradients is the gradient of the batch, and when not;
# - write the ring all-reduce that every large training uses, and count its bytes;
# - predict how long a step takes on 8, 64 or 1,024 workers, and say what breaks first;
# - say why CTC is computed in float32 even where everything else is not;
# - export a reader, prove that the file reads as the network does, and make it small.
#
# **You need** lessons 06 (the loss) and 11 (the training step).
#
# **Time** 85 minutes: 40 to read, 45 for the exercises. The cells run in a minute.

# %%
import copy
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons import exercises
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.show import figures

# one thread: nearly the same numbers on every machine, and so small a network gains little by more
torch.set_num_threads(1)

# %% [markdown]
# ## 1 One machine, one batch
#
# First the training that we want to share out. Thirty pictures of one to seven digits, and a small CRNN without batch
# norm (section 3 says why). Everything is in float64, so that a difference in the twelfth digit means something.

# %%
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.text.augment import fit
from crnn_lessons.text.render import render_word

digits = Alphabet("0123456789")
face = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"


def draw(count, seed):
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("0123456789"), size=rng.integers(1, 8))) for _ in range(count)]
    pictures = [fit(render_word(text, face, rng, wild=0.0), 16, 64) for text in texts]
    return to_input(torch.tensor(np.stack(pictures)) / 255).double(), texts  # N 1 H W


# %%
images, texts = draw(30, seed=14)
targets = [digits.encode(text) for text in texts]
print(tuple(images.shape), texts[:6])


# %%
class Reader(nn.Module):
    def __init__(self, norm=nn.Identity):
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), norm(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), norm(16), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.lstm = nn.LSTM(16 * 4, 24, bidirectional=True)
        self.output = nn.Linear(48, digits.num_classes)
        self.double()

    def forward(self, images):
        x = self.look(images).permute(3, 0, 1, 2).flatten(2)  # T N (D H), T = W = 16
        return self.output(self.lstm(x)[0]).log_softmax(dim=2)  # T N C


# %% [markdown]
# `nats` gives the loss of each sample. (Torch's CTC; yours of lesson 11 would do as well.) Two helpers put the gradient
# of all weights into one array and back, since what travels over a wire is a row of numbers:

# %%
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from crnn_lessons.data.batches import join


def nats(network, images, targets):
    log_probs = network(images)  # T N C
    T, N, _ = log_probs.shape
    labels, lengths = join(targets)
    return F.ctc_loss(log_probs, labels, torch.full((N,), T), lengths, reduction="none")


def get_gradient(network):
    return parameters_to_vector([p.grad for p in network.parameters()]).double().numpy()


def set_gradient(network, vector):
    vector_to_parameters(torch.tensor(vector), [p.grad for p in network.parameters()])


# %% [markdown]
# As in lesson 11, the loss of a batch is in nats per **character**: the sum over its samples, divided by the characters
# of its texts. Its gradient for the whole batch, computed by one process, is the judge of this lesson:


# %%
def gradient_of(network, images, targets):
    network.zero_grad()
    loss = nats(network, images, targets).sum() / sum(len(target) for target in targets)
    loss.backward()
    return get_gradient(network)


torch.manual_seed(0)
network = Reader()
whole = gradient_of(network, images, targets)
print(f"{len(whole):,} numbers, norm {np.linalg.norm(whole):.3f}")

# %% [markdown]
# ## 2 Share it out
#
# Now there are *P* workers, numbered by their **rank** from 0 to *P* − 1. Each has a copy of the network, and each takes
# a part of the batch. Thirty samples do not divide by four. What then?
#
# ### Exercise 14-1: share out a batch  (★☆☆, 4 minutes)
#
# Write `my_samples(count, world_size, rank)`: the list of the samples, 0 to `count` − 1, that this worker takes. Over
# all ranks, each sample is taken once, and no two parts differ by more than one sample. (`world_size` is what torch calls
# *P*.) Any such sharing is right.


# %% tags=["exercise"]
def my_samples(count, world_size, rank):
    return ...  # your code here


# %%
exercises.check("14-1", my_samples)

# %% [markdown]
# Each worker computes the gradient of *its* loss, on its part. Is their mean the gradient of the whole batch?

# %%
my_samples = exercises.yours("14-1")
P = 4
parts = [list(my_samples(len(images), P, rank)) for rank in range(P)]
samples = [len(part) for part in parts]
characters = [sum(len(targets[n]) for n in part) for part in parts]
gradients = [gradient_of(network, images[part], [targets[n] for n in part]) for part in parts]


def error(gradient):
    return np.linalg.norm(gradient - whole) / np.linalg.norm(whole)


print("samples", samples, " characters", characters)
print(f"the mean of the four gradients is off by {error(np.mean(gradients, axis=0)):.1%}")

# %% [markdown]
# No. It is not far off, which makes it worse: such a training learns, and is not the one that you meant. Write down
# what each worker did. With ℓₙ for the loss of sample *n*, and Sₙ for its characters, worker *p* with the part *Bₚ*
# computed
#
# $$g_p = \nabla \frac{\sum_{n \in B_p} \ell_n}{\sum_{n \in B_p} S_n},
# \qquad \text{and we want} \qquad g = \nabla \frac{\sum_n \ell_n}{\sum_n S_n}$$
#
# The gradient of a sum is the sum of gradients. So *g* can be made of the *gₚ*, exactly.
#
# ### Exercise 14-2: the gradient of the whole batch  (★★☆, 6 minutes)
#
# Write `whole_gradient(gradients, samples, characters)`. Each is a list with an entry for each worker: its gradient *gₚ*
# (an array), how many samples it had, and how many characters.


# %% tags=["exercise"]
def whole_gradient(gradients, samples, characters):
    return ...  # your code here


# %%
exercises.check("14-2", whole_gradient)

# %%
whole_gradient = exercises.yours("14-2")
assert error(whole_gradient(gradients, samples, characters)) < 1e-12
print("weighed by characters: equal to 12 digits")
print(f"weighed by samples: off by {error(whole_gradient(gradients, samples, samples)):.1%}")

# %% [markdown]
# This is the theorem on which data-parallel training stands: **the mean of the gradients is the gradient of the mean**,
# if each is weighed by what it was a mean *over*. If all parts are equally large, so are the weights, and the plain mean
# will do. In vision, where the loss is a mean over pictures, that is the rule, and libraries take it for granted:
# torch's `DistributedDataParallel` divides by *P*. With texts of unequal lengths it holds only if you say what to divide
# by.
#
# ## 3 What breaks the theorem
#
# The proof needs one thing: the loss is a sum of one term per sample, and each term knows *its own sample only*. Which
# layer of lesson 11 looks at the other samples of the batch?

# %%
torch.manual_seed(0)
normed = Reader(norm=nn.BatchNorm2d)
whole_normed = gradient_of(normed, images, targets)
found = [gradient_of(normed, images[part], [targets[n] for n in part]) for part in parts]
apart = np.linalg.norm(whole_gradient(found, samples, characters) - whole_normed)
print(f"with batch norm: off by {apart / np.linalg.norm(whole_normed):.1%}")

# %% [markdown]
# Batch norm subtracts the mean *of the batch* that it sees, and that is a part of 7 or 8 pictures now. This error is no
# slip that could be mended by weights. Four workers with batch norm train another function than one.
#
# The cure is to let the statistics travel, too. Counts, sums and sums of squares add up over the workers, and the mean
# and the variance of the whole batch follow. Do they, for the first norm?

# %%
with torch.no_grad():
    x = normed.look[0](images)  # N D H W
count = [x[part][:, 0].numel() for part in parts]
total = sum(x[part].sum((0, 2, 3)) for part in parts)
squares = sum(x[part].square().sum((0, 2, 3)) for part in parts)
mean = total / sum(count)
variance = squares / sum(count) - mean**2
assert torch.allclose(mean, x.mean((0, 2, 3)), atol=1e-12)
assert torch.allclose(variance, x.var((0, 2, 3), correction=0), atol=1e-12)
print("mean and variance of the whole batch, from three sums of each part")

# %% [markdown]
# `nn.SyncBatchNorm` does this for every norm, forwards and backwards, at the price of messages in the middle of the
# network. Many trainings do without, since 32 pictures a worker are statistics enough. Both are respectable. To believe
# that they are the same is not.
#
# Nor does **clipping** commute: the length of a mean is not the mean of the lengths. Clip after the gradients have been
# put together, never before:

# %%
limit = np.linalg.norm(whole) / 2
clipped_first = [g * min(1, limit / np.linalg.norm(g)) for g in gradients]
clipped_last = whole / 2
wrong = whole_gradient(clipped_first, samples, characters) - clipped_last
print(f"clipped before the mean: off by {np.linalg.norm(wrong) / limit:.1%}")

# %% [markdown]
# ## 4 Around a ring
#
# A gradient of the package's reader has two million numbers, and every worker needs the sum of all of them, at every
# step. This is an **all-reduce**. The obvious way: all send their vector to worker 0, which adds them up and sends the sum
# back. Through the wire of worker 0 go 2(*P* − 1) whole vectors, while the other wires are idle. With a thousand workers
# that is the end.
#
# The ring of the picture above has no such place. Worker *p* only ever sends to worker *p* + 1, and the last one to
# worker 0. Each cuts its vector into *P* chunks. Look at the upper left: which chunk does worker 1 send first, and where is
# it three steps later?
#
# `play` runs the same program on *P* threads at once, as a cluster runs it on *P* machines: only `rank` and what each one
# is given differ. It hands each program two functions. `send(array)` passes a copy to the next worker; `receive()` waits
# for the next array of the worker before. A program that passes a number once around:

# %%
from crnn_lessons.training.ring import Stuck, play


def whisper(rank, world_size, given, send, receive):
    if rank == 0:
        send(np.array([given]))
        return receive()
    heard = receive()
    send(heard + given)
    return heard


played = play(whisper, [1.0, 20.0, 300.0])
print(played.results, played.sent)

# %% [markdown]
# Worker 0 began with 1, worker 1 heard 1 and sent 21, worker 2 heard 21, and worker 0 got back 321. Each sent one message of
# eight bytes, one number in float64.
#
# ### Exercise 14-3: reduce-scatter  (★★★, 12 minutes)
#
# Write `reduce_scatter(rank, world_size, chunks, send, receive)`: `chunks` is this worker's list of *P* arrays. Return
# chunk number `rank`, summed over all workers. Send one chunk at a time, *P* − 1 messages in all. (Step *s* counts from 0
# in the code and from 1 in the picture. `% world_size` goes around the ring.)


# %% tags=["exercise"]
def reduce_scatter(rank, world_size, chunks, send, receive):
    return ...  # your code here


# %%
exercises.check("14-3", reduce_scatter)

# %% [markdown]
# Now each worker holds one chunk that is complete. The second half lets these go round.
#
# ### Exercise 14-4: all-gather  (★★☆, 7 minutes)
#
# Write `all_gather(rank, world_size, chunk, send, receive)`: `chunk` is the array that this worker holds, number `rank`.
# Return the list of all *P* chunks in the order of their numbers, after *P* − 1 messages of one chunk each.


# %% tags=["exercise"]
def all_gather(rank, world_size, chunk, send, receive):
    return ...  # your code here


# %%
exercises.check("14-4", all_gather)

# %% [markdown]
# Together they are an all-reduce. Let them add up the four gradients, each times its characters, and divide:

# %%
reduce_scatter = exercises.yours("14-3")
all_gather = exercises.yours("14-4")


def ring_all_reduce(rank, world_size, vector, send, receive):
    chunks = np.array_split(vector, world_size)
    own = reduce_scatter(rank, world_size, chunks, send, receive)
    return np.concatenate(all_gather(rank, world_size, own, send, receive))


sums = [S * gradient for S, gradient in zip(characters, gradients, strict=True)]
played = play(ring_all_reduce, sums)
assert all(error(result / sum(characters)) < 1e-12 for result in played.results)
print("every worker has the gradient of the whole batch, to 12 digits")

# %% [markdown]
# And what did it cost? Count the bytes that each worker sent, in vectors:

# %%
vector = sums[0]
for P in [2, 3, 4, 8, 16]:
    played = play(ring_all_reduce, [vector] * P)
    most = max(sum(sent) for sent in played.sent) / vector.nbytes
    print(f"P = {P:2}: {len(played.sent[0]):2} messages, {most:.3f} vectors; 2(P - 1)/P = {2 * (P - 1) / P:.3f}")
    assert abs(most - 2 * (P - 1) / P) < 0.01

# %% [markdown]
# Each worker sends 2(*P* − 1) messages of a *P*-th of the vector: 2(*P* − 1)/*P* vectors, less than **two, however many
# workers there are**. No algorithm can do with fewer bytes ([Patarasuk and Yuan, 2009](https://doi.org/10.1016/j.jpdc.2008.09.002),
# theorem 1). What grows with *P* is the number of messages; remember this for section 7.
#
# ## 5 A training step on several workers
#
# A worker knows its own part of the batch and nothing of the others. So it does not know the characters of the whole batch,
# either. But one number more in a vector of thousands costs nothing: let it travel with the gradient.
#
# ### Exercise 14-5: a step  (★★★, 10 minutes)
#
# Write `parallel_step(network, optimizer, images, targets, all_reduce)`. `images` and `targets` are this worker's part;
# `all_reduce(vector)` gives the sum of the vectors of all workers (and every worker must call it as often as the others).
# Take a step with the gradient of the whole batch's loss, in nats per character, and return this loss. Use `nats`,
# `get_gradient` and `set_gradient`.


# %% tags=["exercise"]
def parallel_step(network, optimizer, images, targets, all_reduce):
    return ...  # your code here


# %%
exercises.check("14-5", parallel_step)

# %% [markdown]
# Train for 30 steps, once alone and once with three workers, from the same weights. Alone means: the sum over all workers
# is what I have.

# %%
parallel_step = exercises.yours("14-5")


def train(network, images, targets, all_reduce, steps=30):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.9)
    return [parallel_step(network, optimizer, images, targets, all_reduce) for _ in range(steps)]


def alone(vector):
    return vector


one = copy.deepcopy(network)
losses = train(one, images, targets, alone)
print(f"loss {losses[0]:.3f} at first, {losses[-1]:.3f} after 30 steps")


# %%
def work(rank, world_size, given, send, receive):
    def all_reduce(vector):
        return ring_all_reduce(rank, world_size, vector, send, receive)

    own, part = given
    return train(own, images[part], [targets[n] for n in part], all_reduce)


P = 3
workers = [copy.deepcopy(network) for _ in range(P)]
given = [(workers[rank], list(my_samples(len(images), P, rank))) for rank in range(P)]
played = play(work, given)

# %%
weights = [parameters_to_vector(model.parameters()).detach() for model in [one, *workers]]
apart = max((own - weights[0]).abs().max().item() for own in weights[1:])
moved = (weights[0] - parameters_to_vector(network.parameters()).detach()).abs().max().item()
print(f"after 30 steps a weight has moved by up to {moved:.2f}")
assert apart < 1e-9 and np.allclose(played.results, losses, atol=1e-9)
print("one process and three workers are less than 1e-9 apart, in every weight and every loss")

# %% [markdown]
# They are not equal to the last bit: (a + b) + c and a + (b + c) are rounded differently. But the three *workers* are:
# each chunk was summed once, on one worker, and the others got a copy. This matters. Networks that differ in the last bit
# today differ in the third digit after a million steps, and nothing ever brings them together again, since only gradients
# travel.

# %%
assert torch.equal(weights[1], weights[2]) and torch.equal(weights[1], weights[3])
print("the three workers: equal bit by bit")

# %% [markdown]
# ## 6 The real thing: processes
#
# Threads of one process are for looking at. A real worker is a process, on this machine or another one, and torch has
# all that you have written: `torchrun` starts the processes and tells each its rank, and a *backend* moves the bytes:
# gloo between CPUs, nccl between GPUs, in rings and in trees. Here is a whole program. Find your exercises in it:

# %%
program = """
import sys
import torch, torch.distributed as dist
from torch.nn.functional import ctc_loss

dist.init_process_group("gloo")  # on GPUs: "nccl"
rank, P = dist.get_rank(), dist.get_world_size()
torch.manual_seed(0)  # everywhere the same: first weights, and batches to take a part of
network = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.Tanh(), torch.nn.Linear(32, 11)).double()
lengths = torch.tensor([1, 2, 3, 4, 5, 6, 7])
for step in range(10):
    frames, targets = torch.randn(20, 7, 16).double(), torch.randint(1, 11, (7, 7))  # T N D, N S
    mine = slice(rank, None, P)
    log_probs = network(frames[:, mine]).log_softmax(2)
    T = torch.full((log_probs.shape[1],), 20)
    ctc_loss(log_probs, targets[mine], T, lengths[mine], reduction="sum").backward()
    characters = lengths[mine].sum()
    dist.all_reduce(characters)  # in place: now the sum over all workers
    for p in network.parameters():
        dist.all_reduce(p.grad)
        p.data -= 0.1 * p.grad / characters
        p.grad = None
if rank == 0:
    torch.save(network.state_dict(), sys.argv[1])
dist.destroy_process_group()
"""

# %% [markdown]
# (Frames of noise, and seven targets of 1 to 7 labels; what counts is the arithmetic.) Run it on one process, and on two:


# %%
def torchrun(processes, script, *arguments):
    """At a shell: torchrun --nproc-per-node PROCESSES SCRIPT ARGUMENTS"""
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    run = [sys.executable, *start, script, *arguments]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


with tempfile.TemporaryDirectory() as folder:
    script, file = Path(folder) / "train.py", Path(folder) / "weights.pt"
    script.write_text(program)
    saved = []
    for processes in [1, 2]:
        torchrun(processes, script, file)
        saved.append(torch.load(file))
apart = max((saved[0][name] - saved[1][name]).abs().max().item() for name in saved[0])
assert apart < 1e-12
print("one process and two: less than 1e-12 apart, in every weight")

# %% [markdown]
# Two processes that share nothing but messages, and the same network. A large training differs in one point: it does not
# wait for the end of `backward()`. The gradient of the last layer is there first, and can travel while the others are
# being computed. `torch.nn.parallel.DistributedDataParallel` does that, in packets of 25 megabytes. (It divides by *P*:
# multiply your loss by *P* / all characters.)
#
# The package's own training runs this way:
#
#     torchrun --nproc-per-node 2 -m -- crnn_lessons train --model tiny --run runs/two ...
#
# (The `--` keeps torchrun from taking `--run` for itself.) With thousands of machines, some machine fails every few hours.
# Then the others wait for its next message for ever. So `torchrun` watches its processes, and ends all of them when one
# dies; the last checkpoint is whole, since it is written beside the old one and then renamed; and the same command with
# `--resume` goes on, and comes to the same weights, bit by bit, as a run that nobody killed. Try it: start it, kill one
# of the two processes with `kill -9`, and resume.

# %% [markdown]
# ## 7 How long does a step take?
#
# A thousand machines for an hour cost more than a car. It pays to know before whether they will spend the hour computing,
# or waiting for each other. Three numbers are enough for a first answer:
#
# - **compute**: seconds that one worker needs for its own part of the batch, forward and backward;
# - **latency**: seconds from sending a message until its first byte is there;
# - **bandwidth**: bytes a second that flow from then on.
#
# A message of *m* bytes takes latency + *m* / bandwidth. You know how many messages the ring sends, and how large they are.
#
# ### Exercise 14-6: seconds a step  (★★☆, 6 minutes)
#
# Write `step_seconds(compute, size, latency, bandwidth, world_size)`: compute, and then a ring all-reduce of a gradient
# of `size` bytes. All workers send at the same time.


# %% tags=["exercise"]
def step_seconds(compute, size, latency, bandwidth, world_size):
    return ...  # your code here


# %%
exercises.check("14-6", step_seconds)

# %% [markdown]
# A model with two constants needs measurements. `tests/benchmarks/scaling.py` took some on a small machine, with the
# package's preset `small`, and wrote them to a table (run it on yours; it takes a few minutes):

# %%
import csv

lines = Path("scaling.csv").read_text(encoding="utf-8").splitlines()
print(*(line for line in lines if line.startswith("#")), sep="\n")
rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))


def measured(what, processes, by):
    """Least seconds, by the number of samples or of bytes."""
    of_kind = [r for r in rows if (r["what"], r["processes"]) == (what, str(processes))]
    return {int(r[by]): float(r["least"]) for r in of_kind}


# %% [markdown]
# The formula is linear in latency and in 1 / bandwidth. So fit both by least squares, on the all-reduce between two
# processes, with each error as a share of what was measured:

# %%
step_seconds = exercises.yours("14-6")
times = measured("all-reduce", 2, "bytes")
sizes, seconds = np.array(list(times)), np.array(list(times.values()))
of_latency = np.array([step_seconds(0, size, 1, math.inf, 2) for size in sizes])
of_bytes = np.array([step_seconds(0, size, 0, 1, 2) for size in sizes])
columns = np.stack([of_latency, of_bytes], axis=1) / seconds[:, None]
(latency, inverse), *_ = np.linalg.lstsq(columns, np.ones(len(sizes)))
bandwidth = 1 / inverse
print(f"latency {1e6 * latency:.0f} microseconds, bandwidth {bandwidth / 1e9:.2f} GB/s")

# %%
fig, ax = figures.new_figure(6, 2.8)
ax.loglog(sizes, 1e3 * seconds, "o", label="measured, 2 processes")
ax.loglog(sizes, [1e3 * step_seconds(0, s, latency, bandwidth, 2) for s in sizes], label="fitted")
four = measured("all-reduce", 4, "bytes")
ax.loglog(list(four), 1e3 * np.array(list(four.values())), "s", mfc="none", label="measured, 4 processes")
ax.loglog(sizes, [1e3 * step_seconds(0, s, latency, bandwidth, 4) for s in sizes], "--", label="predicted")
ax.set(xlabel="bytes of the vector", ylabel="milliseconds")
ax.legend(fontsize=8)
figures.show(fig, "Time of an all-reduce by its bytes: flat up to some 100 kB, then rising with the bytes.")
