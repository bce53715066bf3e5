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
# Your reader was trained by one process on one machine. Where readers see a hundred million words, many processes train
# at the same time. What do they say to each other, and does the same network come out? And when it is trained: how
# does it get out of the notebook, into a server, a phone or a web page, where there is no Python and no torch?
#
# Both questions have an exact answer that you can check. You will write the conversation of the workers yourself, and
# see that several of them train the *same* network as one, to nine digits and more.
#
# ![Four workers in a ring, each with a vector of four chunks. In three steps each chunk collects its summands, and in three more the complete chunks go round.](../figs/ring.svg)
#
# **After this lesson you can**
# - share a batch out over workers, and say when the mean of their gradients is the gradient of the batch, and when not;
# - write the ring all-reduce, on which large-scale training rests, and count its bytes;
# - say why CTC is computed in float32 even where everything else is not;
# - export a reader, and prove that the file reads as the network does.
#
# **You need** lessons 06 (the loss) and 11 (the training step). Section 8 uses `best_path` of lesson 05, or the
# course's own.
#
# **Time** 85 minutes: 34 to read, 51 for the exercises. The cells run in a minute. The appendices are not counted: how
# batch norm can see the whole batch (A); how long a step takes on 8, 64 or 1,024 workers, and what breaks first (B,
# with exercise 14-6); a reader in eight bits (C). They take some 25 minutes together.

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
class SmallReader(nn.Module):
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
# `nats` gives the loss of each sample. (Torch's CTC; yours of lesson 11 would do as well. `join` puts the targets of a
# batch one after another, and gives their lengths.) Two helpers put the gradient
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
network = SmallReader()
whole = gradient_of(network, images, targets)
print(f"{len(whole):,} numbers, norm {np.linalg.norm(whole):.3f}")

# %% [markdown]
# ## 2 Share it out
#
# Now there are *P* workers, numbered by their **rank** from 0 to *P* − 1. Each has a copy of the network, and each
# takes a part of the batch. Thirty samples do not divide by four. What then?
#
# ### Exercise 14-1: share out a batch  (★☆☆, 4 minutes)
#
# Write `my_samples(count, world_size, rank)`: the list of the samples, whole numbers from 0 to `count` − 1, that this
# worker takes. Over all ranks, each sample is taken once, and no two parts differ by more than one sample.
# (`world_size` is what torch calls *P*.) Any such sharing is right.


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
# No. It is not far off, which makes it worse: such a network learns, and is not the one that you meant. Write down
# what each worker did. With *ℓₙ* for the loss of sample *n*, and *Sₙ* for its characters, worker *p* with the part
# *Bₚ* computed
#
# $$g_p = \nabla \frac{\sum_{n \in B_p} \ell_n}{\sum_{n \in B_p} S_n},
# \qquad \text{and we want} \qquad g = \nabla \frac{\sum_n \ell_n}{\sum_n S_n}$$
#
# The gradient of a sum is the sum of gradients. So *g* can be made of the *gₚ*, exactly.
#
# ### Exercise 14-2: the gradient of the whole batch  (★★☆, 6 minutes)
#
# Write `whole_gradient(gradients, samples, characters)`. Each is a list with an entry for each worker: its gradient
# *gₚ* (an array), how many samples it had, and how many characters.


# %% tags=["exercise"]
def whole_gradient(gradients, samples, characters):
    return ...  # your code here


# %%
exercises.check("14-2", whole_gradient)

# %%
whole_gradient = exercises.yours("14-2")
assert error(whole_gradient(gradients, samples, characters)) < 1e-12
print("weighted by characters: equal to 12 digits")
print(f"weighted by samples: off by {error(whole_gradient(gradients, samples, samples)):.1%}")

# %% [markdown]
# This is the theorem on which data-parallel training stands: **the mean of the gradients is the gradient of the mean**,
# if each is weighted by what it was a mean *over*. (That weighting by samples is even worse here than the plain mean is
# chance; neither is right.) If all parts are equally large, so are the weights, and the plain mean will do. In vision,
# where the loss is a mean over pictures, that is the rule, and libraries take it for granted: torch's
# `DistributedDataParallel` divides by *P*. With texts of unequal lengths it holds only if you say what to divide by.
#
# ## 3 What breaks the theorem
#
# The proof needs one thing: the loss is a sum of one term per sample, and each term knows *its own sample only*. Which
# layer of lesson 11 looks at the other samples of the batch?

# %%
torch.manual_seed(0)
normed = SmallReader(norm=nn.BatchNorm2d)
whole_normed = gradient_of(normed, images, targets)
found = [gradient_of(normed, images[part], [targets[n] for n in part]) for part in parts]
apart = np.linalg.norm(whole_gradient(found, samples, characters) - whole_normed)
print(f"with batch norm: off by {apart / np.linalg.norm(whole_normed):.1%}")

# %% [markdown]
# Batch norm subtracts the mean *of the batch* that it sees, and that is a part of 7 or 8 pictures now. No choice of
# weights mends that: four workers with batch norm train another function than one.
#
# The cure is to let the statistics travel, too: counts, sums and sums of squares add up over the workers, and give the
# mean and the variance of the whole batch (appendix A computes them). `nn.SyncBatchNorm` does this for every norm,
# forwards and backwards, at the price of messages in the middle of the network. Others do without, on purpose: the
# authors whom appendix B follows keep to statistics of 32 pictures a worker. Both are respectable. To believe that they
# are the same is not.
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
# step. This is an **all-reduce**. The obvious way: all send their vector to worker 0, which adds them up and sends the
# sum back. Worker 0 receives *P* − 1 whole vectors and sends as many, while the other wires are mostly idle. With a
# thousand workers, all of them wait for that one wire.
#
# A ring has no such place. Worker *p* only ever sends to worker *p* + 1, and the last one to worker 0. Each cuts its
# vector into *P* chunks. Look at the upper left: which chunk does worker 1 send first, and where is it three steps
# later?
#
# ![The same picture: four workers in a ring, each with a vector of four chunks, in two times three steps.](../figs/ring.svg)
#
# `play` runs the same program on *P* threads at once, as a cluster runs it on *P* machines: only `rank` and what each
# one is given differ. It hands each program two functions. `send(array)` passes a copy to the next worker; `receive()`
# waits for the next array from the previous worker. A program that passes a number once around:

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
# Worker 0 began with 1, worker 1 heard 1 and sent 21, worker 2 heard 21, and worker 0 got back 321. Each sent one
# message of eight bytes, one number in float64.
#
# ### Exercise 14-3: reduce-scatter  (★★★, 20 minutes)
#
# Write `reduce_scatter(rank, world_size, chunks, send, receive)`: `chunks` is this worker's list of *P* arrays. Return
# chunk number `rank`, summed over all workers. Send one chunk at a time, *P* − 1 messages in all. (`% world_size` goes
# around the ring.) Chunks may be of unequal length, as `np.array_split` makes them: what is sent must be added to the
# chunk of the same number.
#
# Try it on two workers with one number a chunk; it should give 11 and 22:
#
#     tens, ones = [np.array([10.]), np.array([20.])], [np.array([1.]), np.array([2.])]
#     play(reduce_scatter, [tens, ones]).results


# %% tags=["exercise"]
def reduce_scatter(rank, world_size, chunks, send, receive):
    return ...  # your code here


# %%
exercises.check("14-3", reduce_scatter)

# %% [markdown]
# Now each worker holds one chunk that is complete. (In the picture worker 1 sends chunk 0 first; three steps later it is
# complete, at worker 0.) The second half lets these go round.
#
# ### Exercise 14-4: all-gather  (★★☆, 7 minutes)
#
# Write `all_gather(rank, world_size, chunk, send, receive)`: `chunk` is the array that this worker holds, number
# `rank`. Return the list of all *P* chunks in the order of their numbers, after *P* − 1 messages of one chunk each.


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


sums = [own * gradient for own, gradient in zip(characters, gradients, strict=True)]
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
    print(
        f"P = {P:2}: {len(played.sent[0]):2} messages, {most:.3f} vectors; 2(P - 1)/P = {2 * (P - 1) / P:.3f}"
    )
    assert abs(most - 2 * (P - 1) / P) < 0.01

# %% [markdown]
# Each worker sends 2(*P* − 1) messages of a *P*-th of the vector, and receives as many: 2(*P* − 1)/*P* vectors each
# way, less than **two, however many workers there are**. No algorithm gets by with fewer ([Patarasuk and Yuan,
# 2009](https://doi.org/10.1016/j.jpdc.2008.09.002)). What grows with *P* is the number of messages; appendix B counts
# what that costs.
#
# ## 5 A training step on several workers
#
# A worker knows its own part of the batch and nothing of the others. So it does not know the characters of the whole
# batch, either. But one number more in a vector of thousands costs nothing: let it travel with the gradient.
#
# ### Exercise 14-5: a step  (★★★, 14 minutes)
#
# Write `parallel_step(network, optimizer, images, targets, all_reduce)`. `images` and `targets` are this worker's part,
# which is never empty. `all_reduce(vector)` takes a NumPy array of one axis and gives the sum of the vectors of all
# workers (and every worker must call it as often as the others). Take a step with the gradient of the whole batch's
# loss, in nats per character, and return this loss, one number. Use `nats`, `get_gradient` and `set_gradient`.


# %% tags=["exercise"]
def parallel_step(network, optimizer, images, targets, all_reduce):
    return ...  # your code here


# %%
exercises.check("14-5", parallel_step)

# %% [markdown]
# Train for 30 steps, once alone and once with three workers, from the same weights. Alone, the sum over all workers
# is the one worker's own vector.

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
# Are they equal to the last bit, too?

# %%
same = [torch.equal(weights[1], other) for other in weights]
print(f"worker 0 and the one process: {same[0]}; worker 0 and the workers 1 and 2: {same[2:]}")
assert same == [False, True, True, True]

# %% [markdown]
# The one process and the three workers are not: (a + b) + c and a + (b + c) are rounded differently. But the *workers*
# are equal among themselves: each chunk was summed once, on one worker, and the others got a copy. This matters, since
# only gradients travel: had their weights come to differ, nothing would bring them together again.

# %% [markdown]
# ## 6 The real thing: processes
#
# Threads of one process are for study. A real worker is a process, on this machine or another one, and torch has
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
# (Frames of noise, and seven targets of 1 to 7 labels; what counts is the arithmetic.) Run it on one process, and on
# two:


# %%
def torchrun(processes, script, *arguments):
    """At a shell: torchrun --nproc-per-node PROCESSES SCRIPT ARGUMENTS"""
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    run = [sys.executable, *start, script, *arguments]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


# %%
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
# Two processes that share nothing but messages, and the same network.
#
# <details><summary>Which lines are your exercises?</summary>
# <code>slice(rank, None, P)</code> is 14-1. <code>dist.all_reduce</code> is 14-3 and 14-4 together; unlike the one of
# 14-5, it works in place. The sum of the characters, and the division by it, are 14-2 and the rest of 14-5.
# </details>
#
# Large-scale training differs in one point: it does not wait for the end of `backward()`. The gradient of the last
# layer is there first, and can travel while the others are being computed. `torch.nn.parallel.DistributedDataParallel`
# does that, in packets of 25 megabytes. (It divides by *P*, so give it the sum of your losses times *P* / all
# characters.)
#
# The package's own training runs this way, with batch norm over the whole batch as in section 3:
#
#     torchrun --nproc-per-node 2 -m -- crnn_lessons train --words words.txt --run runs/two
#
# (The `--` keeps torchrun from taking `--run` for itself.) The more machines there are, the likelier one of them fails,
# and the others then wait for ever. What must happen instead? All have to end at once and say why; the last checkpoint
# must be whole, so it is written beside the old one and then renamed; and the same command with `--resume` must go on
# as if nothing had happened. A test of the course does it (`tests/test_distributed.py`): it kills one of two processes
# with `kill -9`, sees the other one end within ten seconds, resumes, and compares with a run that nobody killed: the
# weights are equal, bit by bit. Try it yourself, from the folder of the course:
#
#     python -m pytest tests/test_distributed.py

# %% [markdown]
# How long does a step take on 8, 64 or 1,024 workers, and what breaks first? Appendix B asks for a formula (exercise
# 14-6), fits it to measurements, and finds out.
#
# ## 7 Half the bits
#
# Bytes that are not there need no sending, and multipliers of 16 bits are several times as fast as those of 32. A
# floating-point number has an exponent, which says how large it is, and digits. **bfloat16** has the exponent of
# float32 (both go up to some 10³⁸) and 8 of its 24 bits of digits, so that it knows a number to 0.4 per cent.
# Convolutions hardly notice, and most large-scale training uses it. May the loss use it, too?
#
# Here is lesson 06's recursion once more, on logarithms, with every number in a type of your choice. (−10,000 stands
# for the logarithm of 0, since it fits into every type.)

# %%
from crnn_lessons.ctc import extend

NEVER = -1e4


def nats_in(dtype, logits, target):
    """−ln p(Y | X) of one sample, every number in this type."""
    rows = torch.as_tensor(extend(target))  # L
    skip = torch.zeros(len(rows), dtype=torch.bool)
    skip[2:] = (rows[2:] != 0) & (rows[2:] != rows[:-2])
    log_probs, never = logits.to(dtype).log_softmax(1), torch.tensor(NEVER, dtype=dtype)
    alpha = log_probs[0, rows].where(torch.arange(len(rows)) < 2, never)
    for t in range(1, len(logits)):
        one, two = (F.pad(alpha[:-by], (by, 0), value=NEVER) for by in (1, 2))
        before = torch.stack([alpha, one, two.where(skip, never)])
        alpha = before.logsumexp(0) + log_probs[t, rows]
    return -alpha[-2:].logsumexp(0)


# %% [markdown]
# A hundred frames, 37 classes, a text of twenty letters, and a fresh network that has no opinion. What do the loss and
# its gradient become?

# %%
generator = torch.Generator().manual_seed(14)
target = torch.randint(1, 37, (20,), generator=generator).tolist()
logits = 0.3 * torch.randn(100, 37, generator=generator, dtype=torch.float64)  # T C


def loss_and_gradient(dtype, logits):
    leaf = logits.clone().requires_grad_()
    loss = nats_in(dtype, leaf, target)
    loss.backward()
    return loss.item(), leaf.grad


# %% tags=["nbval-ignore-output"]
exact, exact_gradient = loss_and_gradient(torch.float64, logits)
print(f"float64        loss {exact:.4f}")
for dtype in [torch.float32, torch.float16, torch.bfloat16]:
    loss, gradient = loss_and_gradient(dtype, logits)
    off = (gradient - exact_gradient).norm() / exact_gradient.norm()
    print(f"{str(dtype)[6:]:14} loss {loss:.4f}, gradient off by {off:.2g} of its length")
assert abs(loss - exact) > 10 and off > 100

# %% [markdown]
# The loss is 12 nats too high, and the gradient in bfloat16 points nowhere: its error is hundreds of times as long as
# the gradient itself. Why? Because α is a logarithm near −290, and these are all the numbers that bfloat16 knows around
# there:

# %%
near = torch.tensor([-290.0, -289.0, -288.0, -287.0]).bfloat16()
print(near.tolist(), " spacing", torch.finfo(torch.bfloat16).eps * 256)

# %% [markdown]
# Steps of 2. (float16 has 11 bits of digits and a smaller exponent; its numbers near 290 are 0.25 apart, and its
# gradient above was off by a tenth.) One frame adds −ln 37 ≈ −3.6, and paths that meet add ln 3 ≈ 1.1 at most; neither
# fits. The backward pass then takes differences of such numbers as exponents, and an error of 2 there is a factor e² ≈
# 7 in a *probability*. Sums of many logarithms need digits, not range.
#
# What if only the network is in bfloat16, and its logits are handed over to a CTC in float32?

# %%
loss, gradient = loss_and_gradient(torch.float32, logits.bfloat16())
off = (gradient - exact_gradient).norm() / exact_gradient.norm()
print(f"logits rounded, CTC in float32: loss {loss:.4f}, gradient off by {off:.2%}")
assert abs(loss - exact) < 0.01 and off < 0.005

# %% [markdown]
# Rounding the *logits* costs nearly nothing; they are numbers around 1. So the rule is: **multiply in 16 bits, add up
# logarithms in 32** ([Micikevicius and others, 2018](https://arxiv.org/abs/1710.03740), section 3.3, find the same for
# all large sums). Write `logits.float().log_softmax(2)` before the loss, inside `torch.autocast` too (which lets
# torch take 16 bits for the operations that it thinks safe). The package's own training does so (`train --precision
# bfloat16`), and torch's own CTC refuses bfloat16 on a CPU:

# %%
try:
    F.ctc_loss(logits.bfloat16().log_softmax(1)[:, None], torch.tensor([target]), [100], [20])
except NotImplementedError as refused:
    print(refused)

# %% [markdown]
# ## 8 Ship it
#
# The reader that comes with the package is trained. Whoever wants to *use* it needs neither your training loop nor
# torch with its hundreds of megabytes. [ONNX](https://onnx.ai/onnx/intro/) is a file format for networks: a list of
# operations with their weights, which dozens of programs can run, on servers, on phones and in browsers. At a shell,
# this writes one, and beside it a smaller one:
#
#     python -m crnn_lessons export --onnx reader.onnx --int8 reader-int8.onnx
#
# Here we call the functions behind it. (They need the packages onnx, onnxscript and onnxruntime, which `make lab` has
# installed.) The number and the size of the pictures stay free:

# %%
from crnn_lessons.models.to_onnx import Portable, session, to_int8, to_onnx
from crnn_lessons.reader import Reader

shipped = Reader()
file = to_onnx(shipped.model, shipped.alphabet)
run = session(file)  # onnxruntime: no torch in it
print(f"{len(file) / 1e6:.1f} MB; {run.get_inputs()[0].name}: {run.get_inputs()[0].shape}")

# %% [markdown]
# Do not believe a file because it was written without an error. Does it compute what the network computes? Try several
# pictures at once, and heights and widths of all kinds. The network computes with 64 bits here, so that what is left is
# the rounding of the file's 32. (Log-probabilities go down to −20 or so; the difference is taken as a share of
# 1 + |log *p*|.)

# %%
from copy import deepcopy

plain = Portable(shipped.model).eval()  # from pictures, 0 to 1, to log-probabilities
exact = deepcopy(plain).double()
generator = torch.Generator().manual_seed(14)
worst = 0.0
for N, H, W in [(1, 32, 144), (64, 32, 144), (3, 32, 61), (1, 32, 576), (2, 48, 96), (5, 64, 72)]:
    noise = torch.rand(N, 1, H, W, generator=generator)
    with torch.no_grad():
        by_torch = exact(noise.double()).numpy()  # T N C
    (by_onnx,) = run.run(["log_probs"], {"images": noise.numpy()})
    assert by_onnx.shape == by_torch.shape
    worst = max(worst, (np.abs(by_onnx - by_torch) / (1 + np.abs(by_torch))).max())
assert worst < 1e-5
print("six sizes: less than 1e-5 apart")

# %% [markdown]
# What does one need to read with the file? A picture, resized as the reader resizes it, and `best_path`, which you
# wrote in lesson 05. The alphabet is in the file's own notes:

# %%
import json

best_path = exercises.yours("05-7")
notes = run.get_modelmeta().custom_metadata_map
alphabet = Alphabet("".join(json.loads(notes["alphabet"])))


def read(run, picture):
    images = fit(picture, 32, 144)[None, None].astype(np.float32) / 255  # N 1 H W
    (log_probs,) = run.run(["log_probs"], {"images": images})
    return alphabet.decode(best_path(log_probs[:, 0]))  # T N C, N = 1


# %% tags=["nbval-ignore-output"]
rng = np.random.default_rng(14)
words = [word for word in Path("words.txt").read_text().split() if 4 <= len(word) <= 9][::12]
pictures = [render_word(word, face, rng, wild=0.0) for word in words]
found = [read(run, picture) for picture in pictures]
right = np.mean([said == word for said, word in zip(found, words, strict=True)])
print(f"{len(words)} words, {right:.0%} right:", *found[:6])
assert right > 0.85

# %% [markdown]
# Most of these megabytes are weights, four bytes each. Appendix C gives them one byte, and counts what that costs.
#
# ## 9 In a browser
#
# A browser can run the same file: onnxruntime exists as WebAssembly, a machine code for browsers. Then nobody installs
# anything, and no picture leaves the machine of its reader. The course's site has such a page. `make site` builds it as
# `build/site/reader/index.html`, and `python notebooks/site/reader/build.py` builds it alone, as
# `build/reader/index.html`: one file that you open with a double click, and that asks nothing of the network. (npm,
# JavaScript's pip, fetches the engine once, when the page is built.) Drop a picture there, paste one, or write a word
# with the mouse.
#
# What the *file* does not do is what your `read` above did around it, and `python -m crnn_lessons read` does more: it
# finds the words, and one that fills the picture it resizes at several cuts. A word that stays unsure it sees again,
# leaning a little, and where the picture leaves it open, it prefers an English word to a string that is none (lesson 13,
# section 8). The page does all of that; a check box turns the preference off, as `read --literal` and
# `Reader(words=False)` do. (In Python, `Reader` also turns a picture that stands on its head or lies on its side, if it
# reads badly, and reads letters one below the other. The page does not.)
#
# All of that had to be written again in the page's language, and it has to be the same arithmetic: a test reads fifty
# pictures both ways and compares text and confidence. The exported reader that "got worse" usually has a different
# resize.

# %% [markdown]
# ## 10 What goes wrong
#
# | symptom | it may be | check | cure |
# |---|---|---|---|
# | not quite the network that one process trains | the plain mean over unequal parts | the gradient of one process, on one batch | add up sums and characters, then divide |
# | stands still for ever, without an error | one worker calls the all-reduce less often than the others | count the calls of each rank | the same number of batches for all |
# | workers drift apart | other first weights; one of them left out a step | compare the sum of the weights over the ranks | send those of rank 0 to all; skip together |
# | *P* workers learn no more than one | all draw the same pictures | print the first texts of each rank | the rank goes into the seed of the data, not of the weights |
# | the score depends on the number of workers | samples repeated to make parts equal | count what was scored | one rank scores, or sums of right and all are added up |
# | `nan` or noise as soon as 16 bits are on | CTC in bfloat16 or float16 | the loss in float64, once | `logits.float()` before `log_softmax` |
# | reads well in the notebook, badly where it was shipped | another resize, colours in place of grey, 0 to 255 for 0 to 1 | compare the *inputs* on one picture | the preparation belongs in the file, or in a test |
#
# Two of these are worth seeing. In the second row, a worker has run out of pictures and leaves one step early:


# %%
def uneven(rank, world_size, given, send, receive):
    for _ in range(2 if rank == 2 else 3):
        vector = ring_all_reduce(rank, world_size, np.ones(6), send, receive)
    return vector


try:
    play(uneven, [None] * 3)
except Stuck as error_:
    print(error_)

# %% [markdown]
# `play` sees all workers at once, and can tell. A real worker sees only its own wire; it waits until a time limit ends
# it, ten minutes or half an hour later, and the message names a worker that did nothing wrong.
#
# In the fifth row, torch's `DistributedSampler` makes all parts equal, by taking some samples twice:

# %%
from torch.utils.data import DistributedSampler

taken = [list(DistributedSampler(range(10), 4, rank, shuffle=False)) for rank in range(4)]
print(taken)
assert sum(map(len, taken)) == 12

# %% [markdown]
# Twelve samples out of ten: in training it hardly matters, and nobody waits. In a test it counts two pictures twice.
# (With `shuffle=True`, call `set_epoch` before each epoch, or every epoch has the same order.)
#
# ## 11 Questions to test yourself
#
# <details><summary>All workers have equally many samples. Is the plain mean of their gradients right?</summary>
# If the loss is a mean over samples, yes. If it is in nats per character, only if they also have equally many
# characters. The weights are what each worker's loss was divided by.
# </details>
#
# <details><summary>Why a ring, and not everything through one worker?</summary>
# That one worker would receive P − 1 vectors and send as many, while the other wires are mostly idle. In the ring all
# wires are busy at every step, and each worker sends less than two vectors and receives less than two.
# </details>
#
# <details><summary>Your workers are far apart, 50 ms from each other, with fast wires. Which term counts, and what helps?</summary>
# Latency (appendix B): 2(P − 1) messages of 50 ms. Fewer messages help (halving and doubling), or fewer all-reduces:
# several batches on each worker before their gradients are summed. More bandwidth does not help.
# </details>
#
# <details><summary>Two workers are 1.9 times as fast as one. Are 200 workers 190 times as fast?</summary>
# That cannot be seen from two: with P = 2 the ring sends 2 messages, with P = 200 it sends 398. Fit latency and
# bandwidth, and put P in. And ask whether a batch of 200 parts still trains as well (appendix B).
# </details>
#
# <details><summary>bfloat16 has the range of float32, and no loss overflows. Why does CTC fail in it?</summary>
# Range is not the trouble, digits are. The logarithm of a path's probability is a sum over all frames, some hundreds in
# size, and there bfloat16 knows every second whole number. Differences between paths are smaller than that.
# </details>
#
# <details><summary>An exported file agrees with torch to 1e-5 on ten sizes of noise. What can still be wrong?</summary>
# Everything around it: resize, colours, scale, alphabet, decoder. And sizes that nobody tried.
# </details>
#
# ## 12 Read on
#
# - P. Patarasuk, X. Yuan, [*Bandwidth optimal all-reduce algorithms for clusters of
#   workstations*](https://doi.org/10.1016/j.jpdc.2008.09.002), 2009: the ring, and why no algorithm sends fewer bytes.
# - P. Goyal and others, [*Accurate, Large Minibatch SGD*](https://arxiv.org/abs/1706.02677), 2017: section 2, the linear
#   scaling rule and the warm-up; section 3, slips in distributed training, such as the mean of means.
# - P. Micikevicius and others, [*Mixed Precision Training*](https://arxiv.org/abs/1710.03740), 2018: what may be in 16
#   bits.
# - B. Jacob and others, [*Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
#   Inference*](https://arxiv.org/abs/1712.05877), 2018: equations 1 to 4.
# - The [ONNX](https://onnx.ai/onnx/intro/) format, and [onnxruntime](https://onnxruntime.ai/docs/).
# - Next: **15 The clinic**.

# %% [markdown]
# The letters of this lesson, for looking up. Besides, in this lesson only:
#
# | letter | meaning |
# |---|---|
# | *p*, *Bₚ* | a worker's rank, and the samples that it takes |
# | *ℓₙ*, *Sₙ* | loss and number of characters of sample *n* |
# | *g*, *gₚ* | gradient of the whole batch's loss, and of worker *p*'s |
# | *m* | bytes of a message |
# | *k* | how many times as large the batch becomes (appendix B) |
# | *q*, *s*, *z* | a weight as a whole number, its scale, and its zero (appendix C) |

# %%
from crnn_lessons.show.notation import notation

notation("P", "T", "N", "n", "C", "S", "D", "H", "W", "p(Y | X)", "α(t, s)", "ℓ")

# %% [markdown]
# Your exercises so far (`exercises.reset("14")` forgets them):

# %%
exercises.summary("14")

# %% [markdown]
# ## Appendix A: batch norm over the whole batch
#
# Section 3 left four workers with batch norms that see a part each. Let counts, sums and sums of squares travel
# instead; they add up over the workers. Do the mean and the variance of the whole batch follow, for the first norm?

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
# ## Appendix B: how long does a step take?
#
# Before you rent a thousand machines, you would like to know whether they are going to compute, or to wait for each
# other. Three numbers are enough for a first answer:
#
# - **compute**: seconds that one worker needs for its own part of the batch, forward and backward;
# - **latency**: seconds from sending a message until its first byte is there;
# - **bandwidth**: bytes a second that flow from then on.
#
# A message of *m* bytes takes latency + *m* / bandwidth. You know how many messages the ring sends, and how large they
# are.
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
# A model with two constants needs measurements. `tests/benchmarks/scaling.py` took some on a small machine, with
# `small`, one of the networks that `train` knows by name, and wrote them to a table (run it on yours; it takes a few
# minutes):

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
ax.loglog(
    list(four), 1e3 * np.array(list(four.values())), "s", mfc="none", label="measured, 4 processes"
)
ax.loglog(
    sizes,
    [1e3 * step_seconds(0, s, latency, bandwidth, 4) for s in sizes],
    "--",
    label="predicted, 4",
)
ax.set(xlabel="bytes of the vector", ylabel="milliseconds")
ax.legend(fontsize=8)
figures.show(
    fig, "Time of an all-reduce by its bytes: flat up to some 100 kB, then rising with the bytes."
)

# %% [markdown]
# How good is the fit, and how good the prediction?

# %%
ratios = {}
for P, times in [(2, measured("all-reduce", 2, "bytes")), (4, four)]:
    pairs = [(took, step_seconds(0, s, latency, bandwidth, P)) for s, took in times.items()]
    ratios[P] = np.array([took / predicted for took, predicted in pairs])
within = sum(abs(1 / ratios[2] - 1) < 0.25)
print(f"2 processes: {within} of {len(ratios[2])} sizes fitted to within a quarter")
print(f"4 processes: {ratios[4].min():.1f} to {ratios[4].max():.1f} times as long as predicted")
assert within == 11 and 1.75 < ratios[4].min() and ratios[4].max() < 3.75

# %% [markdown]
# Two constants describe most of fifteen sizes, over four powers of ten. (The largest vectors take longer, probably
# because they no longer fit into the processor's cache.) Four processes are another matter. They share two cores, so a
# message has to wait until its receiver gets a turn. **A model knows what was fitted into it, and nothing else.**
#
# Does it predict a whole step? Two processes, each on its part of *N* samples, on a core of its own:

# %%
size = 4 * 938_581  # bytes of a gradient of the preset `small`, in float32
alone_1, beside = measured("compute", 1, "samples"), measured("compute", 2, "samples")
step_2 = measured("step", 2, "samples")
print(" N  compute: alone  beside another  step: predicted  measured, seconds")
for N in step_2:
    predicted = step_seconds(beside[N], size, latency, bandwidth, 2)
    print(f"{N:2}{alone_1[N]:16.3f}{beside[N]:16.3f}{predicted:16.3f}{step_2[N]:16.3f}")
    assert abs(predicted / step_2[N] - 1) < 0.1
messages = step_seconds(0, size, latency, bandwidth, 2)
print(f"of which the messages: {messages:.4f}")
print(f"two workers are {2 * alone_1[32] / step_2[32]:.2f} times as fast as one")

# %% [markdown]
# Right to within a tenth. And see where the time has gone: not into the messages, but into the computing itself. Two
# processes side by side are slower than one alone, probably because they share the memory and its wires. So two workers
# are not twice as fast as one, and no network is to blame.
#
# ### Eight, sixty-four, a thousand
#
# Now ask for numbers of workers that this machine does not have, and for other wires. (The constants of the other two
# are round numbers for an office network and for a cluster, put in by hand.) Each worker takes 32 words, so the batch
# grows with *P*. What share of its time does a worker compute?

# %%
compute = alone_1[32]
wires = {
    "this machine": (latency, bandwidth),
    "office, 1 Gbit/s": (100e-6, 0.125e9),
    "cluster, 100 Gbit/s": (5e-6, 12.5e9),
}
world_sizes = [1, 2, 8, 64, 1024]
print(f"{'P':22}", *(f"{P:6}" for P in world_sizes))
for name, wire in wires.items():
    shares = [compute / step_seconds(compute, size, *wire, P) for P in world_sizes]
    print(f"{name:22}", *(f"{share:6.1%}" for share in shares))


# %% [markdown]
# On two of the three wires something breaks between 64 and 1,024 workers. Which of the three terms is it?


# %%
def terms(P, wire):
    """Compute, latency and bytes of a step, in seconds."""
    latency, bandwidth = wire
    waiting = step_seconds(0, size, latency, math.inf, P)
    return compute, waiting, step_seconds(0, size, 0, bandwidth, P)


stacks = {
    name: np.array([terms(P, wire) for P in world_sizes]) for name, wire in wires.items()
}  # P, 3
for name, stack in stacks.items():
    for P, (_, waiting, flowing) in zip(world_sizes, stack, strict=True):
        if P in (2, 1024):
            print(f"{name:20} P = {P:4}: latency {waiting:.3f} s, bytes {flowing:.3f} s")

# %%
fig, axes = figures.new_figure(7, 2.8, ncols=3, sharey=True)
for ax, (name, stack) in zip(axes, stacks.items(), strict=True):
    below = np.zeros(len(world_sizes))
    for column, (label, hatch) in enumerate(
        [("compute", ""), ("latency", "///"), ("bytes", "...")]
    ):
        ax.bar(
            list(map(str, world_sizes)), stack[:, column], bottom=below, hatch=hatch, label=label
        )
        below += stack[:, column]
    ax.set(title=name, xlabel="workers P")
    ax.tick_params(axis="x", labelsize=7)
axes[0].set_ylabel("seconds a step")
axes[0].legend(fontsize=8)
at_most = "; ".join(f"{name} {stack[-1].sum():.2f}" for name, stack in stacks.items())
figures.show(fig, f"Seconds a step: {compute:.2f} on one worker; on 1,024 of them {at_most}.")

# %% [markdown]
# **Latency.** The bytes are one vector at *P* = 2, and at most two ever: on the office wire 0.03 s, then 0.06 s. The
# messages do not end: 2,046 of them, one after the other. So large rings are not used alone. In *halving and doubling*,
# a worker exchanges half of its vector with one that is *P*/2 away, then a quarter with one that is *P*/4 away, and so
# on, and doubles its way back: the same bytes, and 2 log₂ *P* messages, 20 for 1,024 workers ([Thakur, Rabenseifner and
# Gropp, 2005](https://doi.org/10.1177/1094342005051521)). nccl chooses between rings and trees by such a cost model.
#
# ### Larger batches, and who draws the words
#
# So far the batch grew with *P*. What if it must not? Share out 1,024 words, whatever the number of workers, on the wires
# of this machine (and on paper, since few numbers divide 1,024):

# %%
seconds = {P: step_seconds(32 * compute / P, size, latency, bandwidth, P) for P in range(1, 1025)}
best = min(seconds, key=seconds.get)
for P in [1, 32, best, 1024]:
    print(
        f"P = {P:4}: {seconds[P]:6.3f} s a step, {seconds[1] / seconds[P]:5.1f} times as fast as one"
    )

# %% [markdown]
# There is a best number, and beyond it each further worker makes the step *slower*: hardly anything is left to share,
# and the messages grow in number.
#
# Two more things break as *P* grows, and no formula of wires shows them.
#
# **The batch.** 1,024 workers with 32 words make batches of 32,768. The weights move once where they moved a thousand
# times before. The usual answer is the *linear scaling rule* ([Goyal and others,
# 2017](https://arxiv.org/abs/1706.02677), section 2.1): *k* times the batch, *k* times the learning rate. When does one
# step with all samples do what eight small steps do? Go on from the network of section 5, with 128 new pictures. (The
# loss is per sample here, so that eight equal batches have equal weight.)

# %%
many, many_texts = draw(128, seed=15)
many_targets = [digits.encode(text) for text in many_texts]
start = weights[0]


# %%
def walk(rate, batches):
    """By how much the weights move over these batches, with plain gradient descent."""
    network = copy.deepcopy(one)
    for batch in batches:
        network.zero_grad()
        nats(network, many[batch], [many_targets[n] for n in batch]).mean().backward()
        moved = parameters_to_vector(network.parameters()).detach()
        moved -= rate * torch.tensor(get_gradient(network))
        vector_to_parameters(moved, network.parameters())
    return moved - start


# %%
everything, small_batches = [np.arange(128)], np.split(np.arange(128), 8)
for rate in [0.0001, 0.001, 0.01, 0.1]:
    eight = walk(rate, small_batches)
    off = [(walk(k * rate, everything) - eight).norm() / eight.norm() for k in (1, 8)]
    print(
        f"rate {rate:6}: one step with the same rate is off by {off[0]:.0%}, with 8 times by {off[1]:.0%}"
    )

# %% [markdown]
# With the same rate one large step goes an eighth of the way. With eight times the rate it goes where the small steps
# went, *as long as the weights hardly move on the way*. With large steps it fails. The authors found that early in
# training, too, when the weights move fast; hence the warm-up in the same paper, and its limit: for its networks,
# batches of 8,192. Beyond the largest batch that helps, more workers train no faster, whatever the wires can do.
#
# **The loader.** How many words a second does a worker need, and how many can one core render, in the size that `small`
# reads, in black print and with all that a street does to its signs (lesson 13)?

# %% tags=["nbval-ignore-output"]
import time


def words_a_second(wild):
    rng = np.random.default_rng(16)
    begin = time.process_time()
    for word in words[:50]:
        fit(render_word(word, face, rng, wild=wild), 32, 100)
    return 50 / (time.process_time() - begin)


render_word("warm", face, rng)  # the first call loads what is kept
needed = 32 / compute
for name, rendered in [("print", words_a_second(0.0)), ("street", words_a_second(1.0))]:
    print(
        f"{name:6}: a worker needs {needed:.0f} a second, one core renders {rendered:.0f}; "
        f"eight GPUs, each 100 times as fast, need {math.ceil(800 * needed / rendered)} cores"
    )

# %% [markdown]
# Here one core draws enough for several workers. A network on a GPU is ten to a hundred times as fast, and the renderer
# is not: at a hundred times, black print takes a core or two for each GPU, and the street some ten. So words are
# rendered ahead, by other cores, or read from files. A million small files are slow to open, which is why data sets
# come in *shards*: archives of some hundred megabytes, each with many pictures, that are read from front to back; each
# worker takes some of them. (`python -m crnn_lessons pack FOLDER --shards DIR` writes some.)

# %% [markdown]
# ## Appendix C: eight bits
#
# Most of the file is weights, four bytes each. In **int8** a layer's weights become whole numbers *q* of one byte (here
# without a sign, from 0 to 255), with one scale *s* and one zero *z* for all of them ([Jacob and others,
# 2018](https://arxiv.org/abs/1712.05877), equation 1): weight ≈ *s*(*q* − *z*). Do it with the largest matrix of the
# network, in three lines. How far off is a weight at most?

# %%
weight = max(shipped.model.parameters(), key=torch.numel).detach().numpy()
s = (weight.max() - weight.min()) / 255
z = np.round(-weight.min() / s)
q = np.clip(np.round(weight / s) + z, 0, 255)
print(
    f"{weight.size:,} weights, scale {s:.4f}; off by {np.abs(s * (q - z) - weight).max() / s:.2f} scales at most"
)
assert np.abs(s * (q - z) - weight).max() < 0.51 * s < 0.001

# %% [markdown]
# Half a step, less than a thousandth. What do the words say, if all layers are rounded like this?

# %% tags=["nbval-ignore-output"]
small_file = to_int8(file)
small_run = session(small_file)
found_small = [read(small_run, picture) for picture in pictures]
right_small = np.mean([said == word for said, word in zip(found_small, words, strict=True)])
same = np.mean([a == b for a, b in zip(found, found_small, strict=True)])
print(f"{len(small_file) / 1e6:.1f} MB, {right_small:.0%} right, {same:.0%} read as before")
assert len(small_file) < 0.3 * len(file) and right_small > 0.8

# %% [markdown]
# A quarter of the megabytes, and not one of these words is read differently. And how fast are they? The least of several
# rounds, one thread, a picture alone and 64 at once:


# %%
def torch_run(images):
    with torch.inference_mode():
        return plain(torch.from_numpy(images))


def onnx_run(of):
    def call(images):
        return of.run(["log_probs"], {"images": images})

    return call


# %% tags=["nbval-ignore-output"]
def milliseconds(reading, N, rounds):
    noise = np.random.default_rng(0).random((N, 1, 32, 144), dtype=np.float32)
    took = []
    for _ in range(rounds):
        begin = time.perf_counter()
        reading(noise)
        took.append(1000 * (time.perf_counter() - begin))
    return min(took)


ways = {"torch": torch_run, "onnxruntime": onnx_run(run), "onnxruntime, int8": onnx_run(small_run)}
for name, reading in ways.items():
    one_picture, many_pictures = milliseconds(reading, 1, 10), milliseconds(reading, 64, 3)
    print(f"{name:18} {one_picture:6.2f} ms alone, {many_pictures:6.1f} ms for 64")

# %% [markdown]
# A picture alone gains the most from the other engine. What eight bits change in the time is less sure: measured
# several times on one machine, they were a fifth faster than float32 in the same engine, and a tenth slower. They make
# the file small; do not count on more before you have measured it on your processor. Clear print is the easy case,
# though, and a number on easy pictures hides what rounding does to hard ones.
# `python tests/benchmarks/export.py` reads photographs in all three ways, where you have some:
#
# | | MB | IIIT5K | SVT | SVTP | CUTE | same word as torch |
# |---|---|---|---|---|---|---|
# | torch (weights of 16 bits in the file) | 4.16 | 95.0 | 88.3 | 78.3 | 84.7 | |
# | onnxruntime | 8.37 | 95.0 | 88.3 | 78.3 | 84.7 | 100 % |
# | onnxruntime, int8 | 2.18 | 95.3 | 88.3 | 78.3 | 85.4 | 98.0 to 99.7 % |
#
# (Per cent of words read right, as `read` does it, with English words preferred; on 144 to 300 photographs of each of
# the four public sets of lesson 13.) In float32, no word changes. In int8 one word in eighty is read differently: some of
# them right before, some right now. The totals hide that, and anyone who compares two versions of a system should count it.
