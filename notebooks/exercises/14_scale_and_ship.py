"""Exercises of lesson 14, Scale and ship."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from itertools import chain
from numbers import Integral, Real

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from crnn_lessons.arrays import to_numpy
from crnn_lessons.data.batches import join
from crnn_lessons.exercises import Exercise
from crnn_lessons.exercises.slips import mistakes
from crnn_lessons.training.ring import play

# 14-1 ---------------------------------------------------------------------------------------------------------------


def _parts_of(share_out, count, world_size):
    parts = [share_out(count, world_size, rank) for rank in range(world_size)]
    if parts[0] is ... or parts[0] is None:
        return parts[0]
    held = next((what for part in parts if (what := _what_it_holds(part)) != WHOLE), WHOLE)
    if held != WHOLE:
        return {"what a part is": held}
    alike = list(share_out(97, 2, 0)) == list(share_out(97, 2, 0))  # so many are never shuffled alike twice
    if not alike:
        return {"what a part is": WHOLE, "the same at every call": False}
    numbers = [[int(n) for n in part] for part in parts]
    return {
        "what a part is": WHOLE,
        "the same at every call": True,
        "all samples, in order": sorted(chain(*numbers)),
        "sizes of the parts": sorted(map(len, numbers)),
    }


WHOLE = "a sequence of whole numbers"


def _what_it_holds(part):
    if isinstance(part, torch.Tensor) or not isinstance(part, Iterable):
        return f"of the type {type(part).__name__}"
    other = next((n for n in part if not isinstance(n, Integral)), None)
    return WHOLE if other is None else f"a sequence of {'float' if isinstance(other, Real) else type(other).__name__}s"


def my_samples(count, world_size, rank):
    return list(range(rank, count, world_size))


def _shuffled(count, world_size, rank):
    return np.random.default_rng().permutation(count)[rank::world_size].tolist()


def _like_a_sampler(count, world_size, rank):
    largest = -(-count // world_size)
    return [n % count for n in range(rank, largest * world_size, world_size)]


def _rest_to_the_last(count, world_size, rank):
    size = count // world_size
    return range(rank * size, count if rank == world_size - 1 else (rank + 1) * size)


def _rounded_up(count, world_size, rank):
    largest = -(-count // world_size)
    return range(min(rank * largest, count), min((rank + 1) * largest, count))


MY_SAMPLES = Exercise(
    key="14-1",
    title="share out a batch",
    solution=my_samples,
    probe=_parts_of,
    mistakes=mistakes(
        my_samples,
        """
        leaves out the samples that do not divide :: count, world_size -> count - count % world_size, world_size
            Ten samples for four workers: two workers take three, and none is lost.
        gives some samples twice, so that all parts are equal ::
            = _like_a_sampler
            Torch's `DistributedSampler` does this. A sample that two workers see counts twice in the gradient.
        gives all the rest to the last worker ::
            = _rest_to_the_last
            All others would wait for it: no two parts may differ by more than one sample.
        rounds the size of a part up, so that the last worker gets what is left ::
            = _rounded_up
            Five samples for four workers make 2, 2, 1, 0 in this way. No two parts may differ by more than one sample.
        gives the whole batch to each worker :: rank, count, world_size -> count
            Each sample belongs to one worker. Which of them are those of `rank`?
        counts from 1 :: range(rank -> range(rank + 1
            Samples and ranks begin at 0. Which worker has sample 0?
        gives a worker all samples from its rank on :: rank, count, world_size -> rank, count
            Every worker takes one sample in `world_size`: the third argument of `range` is the step.
        tells how many samples, not which ::
            list(range(rank, count, world_size)) -> [len(range(rank, count, world_size))]
        :: list(range(rank, count, world_size)) -> len(range(rank, count, world_size))
            The numbers of the samples are asked for: the worker will look up its pictures with them.
        numbers the samples from 1 :: range(rank, count, -> range(rank + 1, count + 1,
            The first sample is number 0: they are the indices of a list.
        takes the ranks to begin at 1 :: range(rank, -> range(rank - 1,
            The first worker has the rank 0, and its first sample is number 0.
        shuffles anew on each worker :: = _shuffled
            Each worker would shuffle in another way: some samples would be seen twice and others by nobody.
        gives a slice :: list(range(rank, count, world_size)) -> slice(rank, count, world_size)
            A list has to be looked up as well, number by number. `range` takes the same three arguments.
        gives the parts of all workers ::
            list(range(rank, count, world_size)) -> [list(range(r, count, world_size)) for r in range(world_size)]
            Every worker runs this for itself, and asks for one part: that of `rank`.
        gives the numbers as floats ::
            list(range(rank, count, world_size)) -> [float(n) for n in range(rank, count, world_size)]
            A list cannot be indexed by a float: keep to whole numbers.
        gives a tensor :: list(range(rank, count, world_size)) -> torch.arange(rank, count, world_size)
            Give a list of numbers, or a range: `.tolist()` makes one of a tensor.
        """,
    ),
    cases=[(4, 1), (8, 2), (10, 4), (5, 4), (7, 3), (30, 3), (64, 8), (3, 3)],
    show_case=lambda count, world_size: f"my_samples({count}, {world_size}, rank), over all ranks",
    hints=(
        ("where do I begin?", "Deal them out like cards: sample 0 to worker 0, sample 1 to worker 1, and round again."),
        ("in one line?", "`range(start, stop, step)`: from `rank` on, every `world_size`-th."),
    ),
)

# 14-2 ---------------------------------------------------------------------------------------------------------------


def whole_gradient(gradients, samples, characters):
    total = sum(characters)
    return sum(S / total * gradient for S, gradient in zip(characters, gradients, strict=True))


def _one_number(gradients, samples, characters):
    return np.sum(np.transpose(gradients) * characters) / sum(characters)


def _gradients(world_size: int) -> list[np.ndarray]:
    return list(np.random.default_rng(world_size).normal(size=(world_size, 3)).round(2))


WHOLE_GRADIENT = Exercise(
    key="14-2",
    title="the gradient of the whole batch, from those of its parts",
    solution=whole_gradient,
    array=True,
    mistakes=mistakes(
        whole_gradient,
        """
        takes the plain mean :: S / total -> 1 / len(gradients)
            A worker with three characters would count as much as one with thirty. Weight each gradient by what
            its loss was divided by.
        weights by the samples :: sum(characters) -> sum(samples) & zip(characters, -> zip(samples,
            The loss is in nats per character: each worker divided by its characters, and that is what must be undone.
        adds up the gradients :: S / total * gradient -> gradient
            Adding is half of it: each was divided by its own number of characters before.
        forgets to divide :: S / total -> S
            Times its characters, each gradient is a sum again. Divide the sum of these by the characters of all.
        divides by the number of workers :: sum(characters) -> len(characters)
            Divide by the characters of the whole batch: the weights of all workers then sum to 1.
        divides by the samples :: sum(characters) -> sum(samples)
            The loss of the whole batch is in nats per character as well: divide by the characters of all workers.
        gives the small parts the large weights ::
            S / total * gradient -> gradient / S / sum(1 / S for S in characters)
            A gradient that stands for more characters counts more, not less.
        divides by characters twice :: S / total * gradient -> gradient / total
            Each gradient is divided by the characters of its part already. Undo that first: times its characters.
        weights by characters times samples ::
            = lambda gradients, samples, characters: np.average(gradients, 0, np.multiply(samples, characters))
            The characters are enough: a sum over all of them was divided by their number, and by nothing else.
        takes the mean once more :: S / total * gradient -> S / total * gradient / len(gradients)
            The weights sum to 1, so their sum is a mean already. Add up, and leave it at that.
        adds up all numbers to one :: = _one_number
            A gradient has one number for each weight. Add up over the workers only: `axis=0`.
        """,
    ),
    cases=[
        (_gradients(1), [4], [11]),
        (_gradients(2), [4, 4], [10, 10]),
        (_gradients(2), [4, 4], [8, 16]),
        (_gradients(2), [5, 3], [12, 12]),
        (_gradients(3), [3, 2, 2], [9, 7, 4]),
    ],
    show_case=lambda gradients, samples, characters: (
        f"whole_gradient({[g.tolist() for g in gradients]}, {samples}, {characters})"
    ),
    hints=(
        ("what did each worker divide by?", "By the characters of its own part: its loss is in nats per character."),
        ("undo it", "Characters times gradient is the gradient of a sum, and sums can be added."),
        (
            "and in the end?",
            "Divide by the characters of the whole batch. The weights are characters / all characters.",
        ),
    ),
)

# 14-3 ---------------------------------------------------------------------------------------------------------------


def _of_ring(program, given):
    """What each worker returns, and the numbers (of eight bytes each) that it sent, message by message."""
    played = play(program, copy.deepcopy(given))
    if any(result is ... for result in played.results) or all(result is None for result in played.results):
        return played.results[0]
    numbers = [[size // 8 for size in sizes] for sizes in played.sent]
    results = {f"what worker {rank} returns": result for rank, result in enumerate(played.results)}
    return (
        results
        | {"numbers in each message of each worker": numbers}
        | {"the types of what each worker returns": [_types(result) for result in played.results]}
    )


def _types(result):
    """A sequence of arrays by the types of all of them: the lesson computes on with arrays."""
    several = isinstance(result, list | tuple)
    return [type(part).__name__ for part in result] if several else type(result).__name__


def reduce_scatter(rank, world_size, chunks, send, receive):
    chunks = list(chunks)
    for step in range(world_size - 1):
        send(chunks[(rank - 1 - step) % world_size])
        k = (rank - 2 - step) % world_size
        chunks[k] = chunks[k] + receive()
    return chunks[rank]


def _all_chunks(rank, world_size, chunks, send, receive):
    whole = np.concatenate(chunks)
    total = whole
    for _ in range(world_size - 1):
        send(whole)
        whole = receive()
        total = total + whole
    places = np.cumsum([0, *(len(chunk) for chunk in chunks)])
    return total[places[rank] : places[rank + 1]]


def _carries(off):
    """One partial sum in the hand, to which each adds a chunk whose number is off by so much."""

    def reduce_scatter(rank, world_size, chunks, send, receive):
        partial = chunks[rank - 1]
        for step in range(world_size - 1):
            send(partial)
            partial = receive() + chunks[(rank - 2 - step + off) % world_size]
        return partial

    return reduce_scatter


def _own_chunk(what):
    """The own chunk goes around: as it is, or with all that was added to it, or on from worker to worker."""

    def reduce_scatter(rank, world_size, chunks, send, receive):
        total = own = passing = chunks[rank]
        for _ in range(world_size - 1):
            send({"own": own, "total": total, "passing": passing}[what])
            passing = receive()
            total = total + passing
        return total

    return reduce_scatter


def _mailed(rank, world_size, chunks, send, receive):
    own = chunks[rank]
    for chunk in chunks:
        send(chunk)
        own = own + receive()
    return own


def _each_holds(world_size: int, length: int) -> list[list[np.ndarray]]:
    """What each worker has before: its own vector, cut into P chunks. Worker 0 has 1s, worker 1 has 10s, and so on."""
    return [np.array_split(np.arange(1.0, length + 1) * 10.0**rank, world_size) for rank in range(world_size)]


REDUCE_SCATTER = Exercise(
    key="14-3",
    title="reduce-scatter: to each worker the sum of one chunk",
    solution=reduce_scatter,
    probe=_of_ring,
    mistakes=mistakes(
        reduce_scatter,
        """
        ends with the chunk of its right neighbour ::
            range(world_size - 1) -> range(-1, world_size - 2) & chunks[rank] -> chunks[rank + 1 - world_size]
            The sums are right, and each has arrived one worker too early. Which chunk must worker `rank` send first, so
            that its own comes back to it last, complete?
        returns a chunk that is not complete :: range(world_size - 1) -> range(-1, world_size - 2)
        :: chunks[rank] -> chunks[rank - 1]
            Follow one chunk around the ring: where is it after P - 1 hops, with all summands in it? There it must be
            the chunk number `rank`.
        replaces where it should add :: chunks[k] + receive() -> receive()
            What arrives holds the summands of the workers before. Add your own to it before you send it on.
        waits before it sends :: send(chunks[(rank - 1 - step) % world_size]) -> pass
            If all wait for a message first, nobody sends one. Every worker sends, and then receives.
        stops one step too early :: range(world_size - 1) -> range(world_size - 2)
            A chunk has to visit P workers, and the first needs no message: P - 1 steps.
        takes one step too many :: range(world_size - 1) -> range(world_size)
            After P - 1 steps all is summed. One more adds a summand a second time.
        sends the same chunk at every step :: (rank - 1 - step) -> (rank - 1)
            At each step a worker sends on what it completed a little at the step before.
        sends whole vectors around :: = _all_chunks
            The sum is right, but each worker sends P - 1 whole vectors, where P - 1 chunks will do: one message holds
            one chunk.
        walks the wrong way around the ring ::
            (rank - 1 - step) -> (rank + 1 + step) & (rank - 2 - step) -> (rank + 2 + step)
            Messages go to the right, so each chunk arrives from the left: at the next step the number is one *less*.
        begins with the chunk of its right neighbour ::
            (rank - 1 - step) -> (rank + 1 - step) & (rank - 2 - step) -> (rank - step)
            What a worker sends first comes home last. Chunk `rank` must end at worker `rank`: who is the first to send
            it, and so which chunk does a worker begin with?
        adds to the chunk that it has just sent :: (rank - 2 - step) -> (rank - 1 - step)
            What arrives is another chunk than what was sent: the left neighbour's number is one less at each step.
        sends chunks to which nothing was added ::
            (rank - 1 - step) -> (rank + 1 + step) & (rank - 2 - step) -> (rank + step)
        :: chunks = list(chunks) -> own, chunks = chunks, list(chunks) & send(chunks[ -> send(own[
            After the first step, send on the sum that you made at the step before: in it are the summands of all the
            workers that the chunk has visited.
        takes `send` to reach the worker that a chunk belongs to ::
            (rank - 1 - step) -> (rank + 1 + step) & k = (rank - 2 - step) % world_size -> k = rank
        :: k = (rank - 2 - step) % world_size -> k = rank
        :: = _mailed
            All that you send goes to the right neighbour, and all that arrives comes from the left one. To reach a
            worker further on, a chunk has to be passed on by those between, and each adds its own.
        adds a chunk of another number :: = _carries(1)
        :: = _carries(-1)
            What arrives and what you add to it must have the same number. At the first step arrives the left
            neighbour's first chunk: number rank - 2.
        sends around its own chunk :: = _own_chunk("own")
        :: = _own_chunk("total")
        :: = _own_chunk("passing")
            Worker `rank` collects the chunks number `rank` of all. Its own one is the last summand, and need not
            travel: what has to set out is a chunk that belongs to somebody else.
        takes the mean :: return chunks[rank] -> return chunks[rank] / world_size
            The sum is asked for. What to divide by is known only later (in 14-2 it was not the number of workers).
        returns all chunks :: return chunks[rank] -> return chunks
            One chunk is complete on each worker, and that one is asked for: number `rank`.
        returns a list of numbers :: return chunks[rank] -> return chunks[rank].tolist()
            An array is asked for: the next half of the all-reduce sends it on, and `send` takes arrays.
        """,
        _all_chunks=_all_chunks,
    ),
    cases=[(_each_holds(P, length),) for P, length in [(2, 4), (3, 3), (4, 4), (3, 8), (1, 2)]],
    show_case=lambda given: (
        f"reduce_scatter on {len(given)} worker{'s' * (len(given) > 1)}, of which worker 0 holds "
        f"{[chunk.tolist() for chunk in given[0]]}"
        f"{' and each other one ten times what the one before holds' * (len(given) > 1)}"
    ),
    hints=(
        ("how many steps?", "P - 1. In each: `send` one chunk, then add what `receive()` gives to another one."),
        (
            "which chunk first?",
            "The one that ends here must come home last. So it sets out at the right neighbour: worker `rank` begins "
            "with chunk `rank - 1`.",
        ),
        ("and which arrives?", "What the left neighbour sends at this step, and its `rank` is one less than mine."),
        ("below zero?", "`(rank - 1 - step) % world_size` counts around the ring."),
    ),
)

# 14-4 ---------------------------------------------------------------------------------------------------------------


def all_gather(rank, world_size, chunk, send, receive):
    chunks = [None] * world_size
    chunks[rank] = chunk
    for step in range(world_size - 1):
        send(chunks[(rank - step) % world_size])
        chunks[(rank - 1 - step) % world_size] = receive()
    return chunks


def _in_order_of_arrival(rank, world_size, chunk, send, receive):
    chunks = [chunk]
    for _ in range(world_size - 1):
        send(chunks[-1])
        chunks.append(receive())
    return chunks


def _all_it_has(rank, world_size, chunk, send, receive):
    have = chunk
    for _ in range(world_size - 1):
        send(have)
        have = np.concatenate([chunk, receive()])
    parts = np.split(have, world_size)
    return [parts[(rank - k) % world_size] for k in range(world_size)]


def _places(place, room=lambda rank, world_size, chunk: [chunk * (k == rank) for k in range(world_size)]):
    """Passes on what arrived last, and puts it where ``place`` says."""

    def all_gather(rank, world_size, chunk, send, receive):
        chunks, last = room(rank, world_size, chunk), chunk
        for step in range(world_size - 1):
            send(last)
            last = receive()
            chunks[place(rank, step) % world_size][:] = last
        return chunks

    return all_gather


def _table(rank, world_size, chunk):
    table = np.zeros((world_size, len(chunk)))
    table[rank] = chunk
    return table


def _left(rank, step):
    return rank - 1 - step


def _on_the_wrong_side(rank, world_size, chunk, send, receive):
    chunks, last = [None] * world_size, chunk
    chunks[rank] = chunk
    for step in range(world_size - 1):
        send(last)
        chunks[(rank + 1 + step) % world_size] = last = receive()
    return chunks


def _without_its_own(rank, world_size, chunk, send, receive):
    chunks, last = [None] * world_size, chunk
    for step in range(world_size - 1):
        send(last)
        chunks[(rank - 1 - step) % world_size] = last = receive()
    return chunks


def _piles_up(rank, world_size, chunk, send, receive):
    chunks, last = [None] * world_size, chunk
    chunks[rank] = chunk
    for step in range(world_size - 1):
        send(last)
        last = last + receive()
        chunks[(rank - 1 - step) % world_size] = last
    return chunks


ALL_GATHER = Exercise(
    key="14-4",
    title="all-gather: all chunks to all workers",
    solution=all_gather,
    probe=_of_ring,
    mistakes=mistakes(
        all_gather,
        """
        lists the chunks in the order of their arrival :: = _in_order_of_arrival
            The first to arrive is the left neighbour's, number rank - 1. Put each chunk in the place of its number.
        sends its own chunk at every step :: (rank - step) -> rank
            Then all that ever arrives is the left neighbour's own chunk. Send on what has arrived at the step before.
        puts what arrives one place too far :: (rank - 1 - step) -> (rank - step)
            What arrives first is chunk rank - 1: the left neighbour's own.
        sends a chunk that has not come yet :: (rank - step) -> (rank + step)
        :: (rank - 1 - step) -> (rank + 1 + step)
            After the own chunk, send what arrived at the step before, from the place where you put it: these are two
            numbers, and one of them is not right.
        puts what arrives on the wrong side :: = _on_the_wrong_side
            The first chunk comes from the left, from worker rank - 1, and the next one from further left.
        stops one step too early :: range(world_size - 1) -> range(world_size - 2)
            P - 1 chunks are missing at the beginning, and one comes with each step.
        takes one step too many :: range(world_size - 1) -> range(world_size)
            After P - 1 steps every worker has everything. The last message tells it what it knows.
        waits before it sends :: send(chunks[(rank - step) % world_size]) -> pass
            If all wait for a message first, nobody sends one. Every worker sends, and then receives.
        joins the chunks :: return chunks -> return np.concatenate(chunks)
            A list of P chunks is asked for; they will be joined later.
        sends all that it has :: = _all_it_has
            Only the chunk that came last is news to the right neighbour: one message holds one chunk.
        sorts the chunks by their values :: return chunks -> return sorted(chunks, key=lambda chunk: chunk[0])
            The order is that of the numbers of the workers, whatever the chunks hold.
        lists the chunks backwards :: return chunks -> return chunks[::-1]
            Chunk 0 comes first, and that of the last worker last.
        forgets its own chunk :: chunks[rank] = chunk -> pass
        :: = _without_its_own
            One chunk of the P needs no message: put `chunk` in the place `rank` before the first step.
        adds up what arrives :: = _piles_up
            Nothing is to be added any more: each chunk is complete, and goes on as it came.
        makes one array of the chunks :: return chunks -> return np.stack(chunks)
        :: = _places(_left, _table)
            A list of P chunks is asked for: they need not be of one length, and then no table holds them.
        makes room for chunks as long as its own :: = _places(_left)
            Chunks need not be of one length. Begin with `[None] * world_size`, and put in what arrives as it is.
        returns lists of numbers :: return chunks -> return [chunk.tolist() for chunk in chunks]
            A list of P arrays is asked for: leave them as they arrive.
        """,
        _in_order_of_arrival=_in_order_of_arrival,
        _all_it_has=_all_it_has,
    ),
    cases=[
        ([np.array([10.0, 20.0]), np.array([2.0, 1.0])],),
        ([np.array([2.0]), np.array([3.0]), np.array([1.0])],),
        ([np.array([5.0, 6.0]), np.array([3.0, 4.0]), np.array([1.0, 2.0]), np.array([7.0, 8.0])],),
        ([np.array([1.0, 2.0, 3.0])],),
        ([np.array([4.0, 3.0, 5.0]), np.array([2.0, 6.0, 1.0]), np.array([8.0, 7.0])],),
    ],
    show_case=lambda given: (
        f"all_gather on {len(given)} worker{'s' * (len(given) > 1)} that hold{'s' * (len(given) == 1)} "
        f"{', '.join(str(chunk.tolist()) for chunk in given)}"
    ),
    hints=(
        ("what to begin with?", "A list of P places, `[None] * world_size`, with the own chunk in place `rank`."),
        ("what do I send?", "First the own chunk, and then always what arrived last: number `rank - step`."),
        ("where does it belong?", "What arrives at a step is what the left neighbour sends: number `rank - 1 - step`."),
    ),
)

# 14-5 ---------------------------------------------------------------------------------------------------------------


def nats(network, images, targets):
    """As in the lesson: the loss of each sample, N."""
    log_probs = network(images)  # T N C
    T, N, _ = log_probs.shape
    labels, lengths = join(targets)
    return F.ctc_loss(log_probs, labels, torch.full((N,), T), lengths, reduction="none")


class _Columns(nn.Module):
    """The smallest network that there is: each column of a picture by itself, from N 1 H W to T N C."""

    def __init__(self):
        super().__init__()
        self.output = nn.Linear(2, 3, dtype=torch.float64)
        with torch.no_grad():
            for weights in self.parameters():
                weights.copy_(torch.linspace(-1, 1, weights.numel()).reshape(weights.shape))

    def forward(self, images):
        return self.output(images[:, 0].permute(2, 0, 1)).log_softmax(dim=2)


class _Descent:
    """Gradient descent with momentum, in steps of less than one half: not linear, so that a mean of steps is no step.

    (The first step of an optimiser of torch imports for seconds, and a check is timed.)
    """

    def __init__(self, weights):
        self.weights = list(weights)
        self.velocity = [torch.zeros_like(weights) for weights in self.weights]

    def zero_grad(self):
        for weights in self.weights:
            weights.grad = None

    def step(self):
        with torch.no_grad():
            for weights, velocity in zip(self.weights, self.velocity, strict=True):
                velocity *= 0.5
                velocity += 0 if weights.grad is None else weights.grad
                weights -= 0.5 * velocity / (1 + velocity.abs())


def _checked(vector):
    """What ``all_reduce`` is given, if it can be cut into chunks and sent."""
    wanted = "all_reduce takes a 1-D NumPy array of numbers"
    if not isinstance(vector, np.ndarray):
        kind = type(vector).__name__
        mend = "call .numpy() on it" if kind == "Tensor" else "np.array([...]) makes one"
        raise TypeError(f"{wanted}, and got one of type {kind}: {mend}")
    if vector.ndim != 1 or vector.dtype.kind not in "iuf":
        raise TypeError(f"{wanted}, and got the shape {vector.shape} and the type {vector.dtype}")
    if vector.dtype.kind == "f" and vector.itemsize < 8:
        raise TypeError(f"the lesson counts on twelve digits, and all_reduce got {vector.dtype}: leave it in float64")
    return vector


def _two_steps(step, parts):
    """Two steps, each worker on its own part and then on the next one's: all weights, and the first step's loss."""

    def program(rank, world_size, own_parts, send, receive):
        reduced = 0

        def all_reduce(vector):
            nonlocal reduced
            chunks = np.array_split(_checked(vector), world_size)
            reduced += len(vector)
            own = reduce_scatter(rank, world_size, chunks, send, receive)
            return np.concatenate(all_gather(rank, world_size, own, send, receive))

        network = _Columns()
        optimizer = _Descent(network.parameters())
        losses = [step(network, optimizer, images, targets, all_reduce) for images, targets in own_parts]
        if losses[0] is ... or losses[0] is None:
            return losses[0]
        first = np.asarray(to_numpy(losses[0]))
        weights = parameters_to_vector(network.parameters()).detach().numpy()
        return first.item() if first.ndim == 0 else first, weights, reduced >= 2 * weights.size

    given = [(part, parts[(rank + 1) % len(parts)]) for rank, part in enumerate(parts)]
    results = play(program, copy.deepcopy(given)).results
    if results[0] is ... or results[0] is None:
        return results[0]
    losses, weights, went = zip(*results, strict=True)
    return (
        {"what each worker returns": list(losses)}
        | {f"the weights of worker {rank} after two steps": own for rank, own in enumerate(weights)}
        | {"whether a vector as long as the gradient went through all_reduce": all(went)}
    )


def get_gradient(network):
    """As in the lesson: the gradient of all weights in one array."""
    return parameters_to_vector([p.grad for p in network.parameters()]).double().numpy()


def set_gradient(network, vector):
    """As in the lesson: the other way."""
    vector_to_parameters(torch.tensor(vector), [p.grad for p in network.parameters()])


def parallel_step(network, optimizer, images, targets, all_reduce):
    loss = nats(network, images, targets).sum()
    optimizer.zero_grad()
    loss.backward()
    characters = sum(len(target) for target in targets)
    mine = np.append(get_gradient(network), [loss.item(), characters])
    total = all_reduce(mine)
    set_gradient(network, total[:-2] / total[-1])
    optimizer.step()
    return total[-2] / total[-1]


def _means(network, loss, characters):
    """What a worker sends who divides by its own characters."""
    return np.append(get_gradient(network) / characters, [loss.item() / characters, 1])


def _averages_weights(by_characters, scaled=False):
    """Each takes a step of its own, and then the mean of the weights."""

    def parallel_step(network, optimizer, images, targets, all_reduce):
        loss = nats(network, images, targets).sum()
        optimizer.zero_grad()
        characters = sum(len(target) for target in targets)
        share = characters if by_characters else 1
        parts, everywhere = all_reduce(np.array([1, characters]))
        (loss / (everywhere / parts if scaled else characters)).backward()
        optimizer.step()
        weights = parameters_to_vector(network.parameters()).detach().numpy()
        total = all_reduce(np.append(share * weights, [loss.item(), characters, share]))
        vector_to_parameters(torch.tensor(total[:-3] / total[-1]), network.parameters())
        return total[-3] / total[-2]

    return parallel_step


def _part(seed: int, *targets: list[int]):
    images = np.random.default_rng(seed).normal(size=(len(targets), 1, 2, 6))
    return torch.tensor(images), list(targets)


PARALLEL_STEP = Exercise(
    key="14-5",
    title="a training step on several workers",
    solution=parallel_step,
    probe=_two_steps,
    mistakes=mistakes(
        parallel_step,
        """
        keeps its gradient to itself ::
            total = all_reduce(mine) -> total = mine
            Every worker then trains a network of its own, on its part alone. The gradients have to go through
            `all_reduce`.
        ignores what all_reduce returns :: total = all_reduce(mine) -> all_reduce(mine); total = mine
        :: total[:-2] / total[-1] -> mine[:-2] / mine[-1]
        :: total[:-2] -> mine[:-2]
            `all_reduce` returns the sum and leaves your array as it was.
        divides by its own characters :: total[:-2] / total[-1] -> total[:-2] / characters
            The sum over all workers has to be divided by the characters of all workers: add the number up, too.
        takes the plain mean of the workers' means ::
            all_reduce(mine) -> all_reduce(_means(network, loss, characters))
            A worker with few characters counts as much as one with many. Add up the gradients of *sums*, and divide in
            the end.
        adds up the workers' means ::
            all_reduce(mine) -> all_reduce(_means(network, loss, characters)) & total[:-2] / total[-1] -> total[:-2]
            This gradient grows with the number of workers. Send the gradient of the sum, and divide by all characters.
        does not divide the gradient :: total[:-2] / total[-1] -> total[:-2]
            The loss is in nats per character: divide by the characters of all workers, or the step is far too long.
        divides by the samples :: characters = sum(len(target) for target in targets) -> characters = len(targets)
        :: total[:-2] / total[-1] -> total[:-2] / all_reduce(np.array([len(targets)]))
            The loss is in nats per character: count the characters of all targets.
        never clears the gradients :: optimizer.zero_grad() -> pass
            `backward` adds to the gradients that are there: those of the step before must go first.
        returns the loss of its own part :: return total[-2] / total[-1] -> return loss.item() / characters
        :: return total[-2] -> return loss.item()
            The loss of the whole batch is asked for. It can travel with the gradient: one more number in the vector.
        leaves the weights as they are :: optimizer.step() -> pass
            After the gradient of all workers is in place, `optimizer.step()` moves the weights.
        steps with the gradient of its own part ::
            loss.backward() -> loss.backward(); optimizer.step() & optimizer.step() -> pass
        :: set_gradient(network, total[:-2] / total[-1]) -> pass
            Before `optimizer.step()`, what came back from all workers has to be put in place, by `set_gradient`.
        divides by characters twice ::
            get_gradient(network), [loss.item(), -> get_gradient(network) / characters, [loss.item() / characters,
        :: get_gradient(network), -> get_gradient(network) / characters,
            Divide once, in the end, by the characters of all workers. Before, send the gradient of the *sum*.
        returns the loss as a sum :: return total[-2] / total[-1] -> return total[-2]
            The gradient was divided by all characters, and so must the loss be: it is in nats per character.
        returns the loss after the step ::
            return total[-2] -> return all_reduce(np.array([nats(network, images, targets).sum().item()]))[0]
            The loss that the gradient belongs to is asked for, that of the weights before the step.
        returns an array of one number :: return total[-2] -> return total[-2:-1]
            The loss is a number, and the lesson prints it as one: index the array, or call `.item()`.
        averages the weights after a step of its own :: = _averages_weights(True)
        :: = _averages_weights(False)
        :: = _averages_weights(False, scaled=True)
            The mean of several steps is not the step of the mean: the optimisers of the workers remember other
            gradients. Put the *gradients* together, and then all take the same step.
        """,
    ),
    cases=[
        ([_part(1, [1, 2], [2]), _part(2, [1], [2, 1])],),
        ([_part(3, [1, 2, 1], [2, 2]), _part(4, [1])],),
        ([_part(5, [1, 2]), _part(6, [2], [1], [1, 1, 2]), _part(7, [2, 1, 2, 1])],),
        ([_part(8, [1, 2], [2])],),
    ],
    show_case=lambda parts: (
        f"parallel_step, twice, on {len(parts)} worker{'s' * (len(parts) > 1)} with the targets "
        f"{', '.join(str(targets) for _, targets in parts)}"
        f"{' (at the second step each has the part of the next worker)' * (len(parts) > 1)}"
    ),
    hints=(
        ("which loss?", "The *sum* of the own part, `nats(network, images, targets).sum()`: sums add up over workers."),
        ("what has to travel?", "The gradient of this sum, the sum itself, and the number of characters: one vector."),
        ("one vector?", "`np.append(get_gradient(network), [loss.item(), characters])`, and `all_reduce` adds it up."),
        ("a worker without samples?", "There is none here: each part has one sample at least."),
        ("and then?", "`set_gradient(network, total[:-2] / total[-1])`, and one step of the optimiser."),
    ),
)  # fmt: skip

# 14-6 ---------------------------------------------------------------------------------------------------------------


def step_seconds(compute, size, latency, bandwidth, world_size):
    P = world_size
    messages = 2 * (P - 1)
    return compute + messages * (latency + size / P / bandwidth)


STEP_SECONDS = Exercise(
    key="14-6",
    title="how long a step takes",
    solution=step_seconds,
    mistakes=mistakes(
        step_seconds,
        """
        counts one half of the all-reduce :: 2 * (P - 1) -> P - 1
            Reduce-scatter takes P - 1 messages, and all-gather another P - 1.
        counts a message too many :: 2 * (P - 1) -> 2 * P
            Each half needs P - 1 messages, and one worker alone sends none.
        sends the whole vector in each message :: size / P / bandwidth -> size / bandwidth
            A message holds one chunk, a P-th of the vector.
        forgets the latency :: (latency + size / P / bandwidth) -> (size / P / bandwidth)
            Each message pays its latency before its first byte arrives.
        pays the latency once ::
            messages * (latency + size / P / bandwidth) -> latency + messages * size / P / bandwidth
            Each message pays it, since the next one needs what it brings.
        multiplies by the bandwidth :: / bandwidth -> * bandwidth
            Bytes divided by bytes a second are seconds.
        divides the computing by the workers :: return compute -> return compute / P
            `compute` is what one worker needs for its own part: it is divided already.
        counts the messages of all workers :: 2 * (P - 1) -> 2 * P * (P - 1)
            All workers send at the same time: the messages of one of them take as long as those of all.
        takes one from twice P, not two :: 2 * (P - 1) -> 2 * P - 1
            Twice (P - 1) is 2P - 2: mind the parentheses.
        takes the longer of computing and sending ::
            compute + messages * (latency -> max(compute, messages * (latency & / bandwidth) -> / bandwidth))
            The gradient is there when the computing is done, and only then can it be sent: one after the other.
        forgets the computing :: return compute + messages -> return messages
            A step is the computing of the own part and then the messages: both take their time.
        counts bits :: size / P -> 8 * size / P
            `size` is in bytes and `bandwidth` in bytes a second: no factor of eight is missing.
        sends two vectors, however many workers there are ::
            messages * (latency + size / P / bandwidth) -> messages * latency + 2 * size / bandwidth
            Two is the limit for many workers. With P of them it is 2(P - 1)/P vectors, and one worker sends nothing.
        pays the latency twice ::
            messages * (latency + size / P / bandwidth) -> 2 * latency + messages * size / P / bandwidth
            Once for each half is not enough: each message pays it, since the next one needs what it brings.
        """,
    ),
    cases=[
        (1.0, 1e6, 1e-3, 1e6, 1),
        (0.0, 1e6, 1e-3, 1e6, 2),
        (0.0, 1e6, 1e-3, 1e6, 4),
        (0.25, 8e6, 5e-5, 1e9, 64),
        (0.1, 33e6, 2e-4, 1.25e8, 1024),
    ],
    hints=(
        ("how many messages does a worker send?", "P - 1 in the reduce-scatter and P - 1 in the all-gather."),
        ("how long does one take?", "Its latency, and its bytes, `size / world_size`, divided by the bandwidth."),
        ("and the computing?", "Comes once, before: nobody waits for anybody."),
    ),
)

EXERCISES = (MY_SAMPLES, WHOLE_GRADIENT, REDUCE_SCATTER, ALL_GATHER, PARALLEL_STEP, STEP_SECONDS)
