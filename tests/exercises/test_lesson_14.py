"""Wrong answers to lesson 14 as learners write them; right ones of other styles; its table of times."""

from __future__ import annotations

import csv
import math
import random
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from crnn_lessons.exercises.catalogue import find, load
from crnn_lessons.exercises.engine import judge
from crnn_lessons.models import build
from tests.exercises.answers import assert_complete, assert_named, assert_right

# Written apart from the catalogue in notebooks/exercises/14_scale_and_ship.py, which the engine compares with.

ROOT = Path(__file__).resolve().parents[2]

# 14-1


def blocks(count, world_size, rank):
    k, rest = divmod(count, world_size)
    begin = rank * k + min(rank, rest)
    return range(begin, begin + k + (rank < rest))


def drops_the_rest(count, world_size, rank):
    k = count // world_size
    return list(range(k * rank, k * rank + k))


def like_distributed_sampler(count, world_size, rank):
    numbers = list(range(count))
    while len(numbers) % world_size:
        numbers.append(numbers[len(numbers) - count])
    return numbers[rank::world_size]


def rest_to_the_last(count, world_size, rank):
    numbers, k = list(range(count)), count // world_size
    return numbers[rank * k :] if rank == world_size - 1 else numbers[rank * k : rank * k + k]


def rounded_up(count, world_size, rank):
    k = math.ceil(count / world_size)
    return list(range(count))[rank * k : (rank + 1) * k]


def every_other(count, world_size, rank):
    return [n for n in range(count) if n >= rank]


def shuffled(count, world_size, rank):
    numbers = list(range(count))
    random.shuffle(numbers)
    return numbers[rank::world_size]


# 14-2


def plain_mean(gradients, samples, characters):
    return np.mean(gradients, axis=0)


def by_samples(gradients, samples, characters):
    return np.average(gradients, axis=0, weights=samples)


def added(gradients, samples, characters):
    return np.sum(gradients, axis=0)


def undivided(gradients, samples, characters):
    return np.array(characters) @ np.stack(gradients)


def by_workers(gradients, samples, characters):
    return undivided(gradients, samples, characters) / len(gradients)


def divided_by_samples(gradients, samples, characters):
    return undivided(gradients, samples, characters) / np.sum(samples)


def upside_down(gradients, samples, characters):
    return np.average(gradients, axis=0, weights=1 / np.array(characters, dtype=float))


def divided_twice(gradients, samples, characters):
    return undivided([g / S for g, S in zip(gradients, characters, strict=True)], samples, characters) / sum(characters)


def by_both(gradients, samples, characters):
    weights = np.array([n * S for n, S in zip(samples, characters, strict=True)])
    return weights @ np.stack(gradients) / weights.sum()


def mean_at_the_end(gradients, samples, characters):
    return np.mean([S / sum(characters) * g for g, S in zip(gradients, characters, strict=True)], axis=0)


def one_number(gradients, samples, characters):
    return np.sum([S * g for g, S in zip(gradients, characters, strict=True)]) / sum(characters)


# 14-3


def chunk_of_the_neighbour(rank, world_size, chunks, send, receive):
    k = rank
    for _ in range(world_size - 1):
        send(chunks[k])
        k = (k - 1) % world_size
        chunks[k] = receive() + chunks[k]
    return chunks[k]


def incomplete(rank, world_size, chunks, send, receive):
    for step in range(1, world_size):
        send(chunks[rank - step + 1])
        chunks[rank - step] += receive()
    return chunks[rank]


def overwrites(rank, world_size, chunks, send, receive):
    for step in range(1, world_size):
        send(chunks[rank - step])
        chunks[rank - step - 1] = receive()
    return chunks[rank]


def waits(rank, world_size, chunks, send, receive):
    for step in range(1, world_size):
        arrived = receive()
        send(chunks[rank - step])
        chunks[(rank - step - 1) % world_size] += arrived
    return chunks[rank]


def too_few(rank, world_size, chunks, send, receive):
    for step in range(1, world_size - 1):
        send(chunks[rank - step])
        chunks[rank - step - 1] += receive()
    return chunks[rank]


def too_many(rank, world_size, chunks, send, receive):
    for step in range(1, world_size + 1):
        send(chunks[rank - step])
        chunks[(rank - step - 1) % world_size] += receive()
    return chunks[rank]


def always_the_same(rank, world_size, chunks, send, receive):
    for step in range(1, world_size):
        send(chunks[rank - 1])
        chunks[(rank - step - 1) % world_size] += receive()
    return chunks[rank]


def whole_vectors(rank, world_size, chunks, send, receive):
    vector = np.concatenate(chunks)
    passing, total = vector, vector.copy()
    for _ in range(world_size - 1):
        send(passing)
        passing = receive()
        total += passing
    ends = list(accumulate(map(len, chunks)))
    return np.split(total, ends[:-1])[rank]


def wrong_way(rank, world_size, chunks, send, receive):
    partial = chunks[(rank + 1) % world_size]
    for step in range(2, world_size + 1):
        send(partial)
        partial = receive() + chunks[(rank + step) % world_size]
    return partial


def from_the_right(rank, world_size, chunks, send, receive):
    for step in range(1, world_size):
        send(chunks[(rank + 2 - step) % world_size])
        chunks[(rank + 1 - step) % world_size] += receive()
    return chunks[rank]


def to_what_was_sent(rank, world_size, chunks, send, receive):
    for step in range(1, world_size):
        k = (rank - step) % world_size
        send(chunks[k])
        chunks[k] = chunks[k] + receive()
    return chunks[rank]


def unsummed_forwards(rank, world_size, chunks, send, receive):
    for step in range(1, world_size):
        send(chunks[(rank + step) % world_size])
        chunks[(rank + step - 1) % world_size] += receive()
    return chunks[rank]


def unsummed(rank, world_size, chunks, send, receive):
    sums = [chunk.copy() for chunk in chunks]
    for step in range(1, world_size):
        send(chunks[rank - step])
        sums[rank - step - 1] += receive()
    return sums[rank]


def mailed(rank, world_size, chunks, send, receive):
    own = chunks[rank]
    for step in range(1, world_size):
        send(chunks[(rank + step) % world_size])
        own = own + receive()
    return own


def mailed_backwards(rank, world_size, chunks, send, receive):
    for step in range(1, world_size):
        send(chunks[rank - step])
        chunks[rank] = chunks[rank] + receive()
    return chunks[rank]


def mailed_all(rank, world_size, chunks, send, receive):
    total = chunks[rank].copy()
    for k in range(world_size):
        send(chunks[k])
        total += receive()
    return total


def other_addend(rank, world_size, chunks, send, receive):
    partial = chunks[rank - 1]
    for step in range(1, world_size):
        send(partial)
        partial = receive() + chunks[(rank - step) % world_size]
    return partial


def another_addend(rank, world_size, chunks, send, receive):
    partial = chunks[rank - 1]
    for step in range(1, world_size):
        send(partial)
        partial = receive() + chunks[(rank - step - 2) % world_size]
    return partial


def its_own(rank, world_size, chunks, send, receive):
    total = chunks[rank].copy()
    for _ in range(1, world_size):
        send(chunks[rank])
        total += receive()
    return total


def its_own_running(rank, world_size, chunks, send, receive):
    for _ in range(1, world_size):
        send(chunks[rank])
        chunks[rank] = chunks[rank] + receive()
    return chunks[rank]


def its_own_passed_on(rank, world_size, chunks, send, receive):
    total = message = chunks[rank]
    for _ in range(1, world_size):
        send(message)
        message = receive()
        total = total + message
    return total


def of_the_solution(change):
    """A whole right answer, and something done to what it returns."""
    return lambda rank, world_size, *rest: change(carries(rank, world_size, *rest), world_size)


def all_of_them(rank, world_size, chunks, send, receive):
    for step in range(1, world_size):
        send(chunks[rank - step])
        chunks[rank - step - 1] = chunks[rank - step - 1] + receive()
    return chunks


# 14-4


def as_they_come(rank, world_size, chunk, send, receive):
    found = [chunk]
    while len(found) < world_size:
        send(found[-1])
        found += [receive()]
    return found


def only_its_own(rank, world_size, chunk, send, receive):
    found = {rank: chunk}
    for step in range(1, world_size):
        send(chunk)
        found[(rank - step) % world_size] = receive()
    return [found[k] for k in range(world_size)]


def one_place_off(rank, world_size, chunk, send, receive):
    found = [None] * world_size
    found[rank] = chunk
    for step in range(world_size - 1):
        send(found[rank - step])
        found[rank - step] = receive()
    return found


def other_side(rank, world_size, chunk, send, receive):
    found = [None if k != rank else chunk for k in range(world_size)]
    for step in range(world_size - 1):
        send(found[rank - step])
        found[(rank + step + 1) % world_size] = receive()
    return found


def gathers_too_few(rank, world_size, chunk, send, receive):
    found = [None] * world_size
    found[rank] = last = chunk
    for step in range(2, world_size):
        send(last)
        found[rank + 1 - step] = last = receive()
    return found


def gathers_too_many(rank, world_size, chunk, send, receive):
    found, last = [None] * world_size, chunk
    for step in range(1, world_size + 1):
        send(last)
        found[(rank - step) % world_size] = last = receive()
    return found


def gather_waits(rank, world_size, chunk, send, receive):
    found = [None] * world_size
    found[rank] = last = chunk
    for step in range(1, world_size):
        arrived = receive()
        send(last)
        found[rank - step] = last = arrived
    return found


def joined(rank, world_size, chunk, send, receive):
    return np.concatenate(gathers(rank, world_size, chunk, send, receive))


def all_of_it(rank, world_size, chunk, send, receive):
    have = np.asarray(chunk)
    for _ in range(world_size - 1):
        send(have)
        have = np.concatenate([chunk, receive()])
    parts = np.split(have, world_size)  # own, left, left of that ...
    return [parts[(rank - k) % world_size] for k in range(world_size)]


def gathers(rank, world_size, chunk, send, receive):
    found, last = {rank: chunk}, chunk
    for step in range(1, world_size):
        send(last)
        last = found[(rank - step) % world_size] = receive()
    return tuple(found[k] for k in sorted(found))


def sends_the_other_side(rank, world_size, chunk, send, receive):
    out = [None] * world_size
    out[rank] = chunk
    for s in range(world_size - 1):
        send(out[(rank + s) % world_size])
        out[(rank - s - 1) % world_size] = receive()
    return out


def truly_the_wrong_side(rank, world_size, chunk, send, receive):
    out = [None] * world_size
    out[rank] = chunk
    for s in range(world_size - 1):
        send(chunk)
        chunk = receive()
        out[(rank + s + 1) % world_size] = chunk
    return out


def nothing_of_its_own(rank, world_size, chunk, send, receive):
    out = [None] * world_size
    for s in range(world_size - 1):
        send(out[(rank - s) % world_size])
        out[(rank - s - 1) % world_size] = receive()
    return out


def nothing_of_its_own_kept(rank, world_size, chunk, send, receive):
    out = [None] * world_size
    for s in range(1, world_size):
        send(chunk)
        out[rank - s] = chunk = receive()
    return out


def gathers_sums(rank, world_size, chunk, send, receive):
    out = {rank: chunk}
    for s in range(1, world_size):
        send(chunk)
        chunk = chunk + receive()
        out[(rank - s) % world_size] = chunk
    return [out[k] for k in range(world_size)]


def fills_a_table(rank, world_size, chunk, send, receive):
    table = np.empty((world_size, chunk.size))
    table[rank] = chunk
    for s in range(1, world_size):
        send(table[rank - s + 1])
        table[rank - s] = receive()
    return table


def fills_zeros(rank, world_size, chunk, send, receive):
    out = [np.zeros_like(chunk) for _ in range(world_size)]
    out[rank][:] = chunk
    for s in range(1, world_size):
        send(out[rank - s + 1])
        out[rank - s][:] = receive()
    return out


def of_the_chunks(change):
    return lambda *arguments: change(list(gathers(*arguments)))


# 14-5

nats, get_gradient, set_gradient = (getattr(load("14"), name) for name in ("nats", "get_gradient", "set_gradient"))


def length(targets):
    return sum(map(len, targets))


def backward(network, optimizer, images, targets, clear=True):
    """The loss of the own part, summed, and its gradient."""
    if clear:
        optimizer.zero_grad()
    loss = nats(network, images, targets).sum()
    loss.backward()
    return loss.item(), get_gradient(network)


def take(network, optimizer, gradient):
    set_gradient(network, gradient)
    optimizer.step()


def selfish(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    take(network, optimizer, gradient / length(targets))
    return loss / length(targets)


def by_own_characters(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    take(network, optimizer, all_reduce(gradient) / length(targets))
    return all_reduce(np.array([loss]))[0] / all_reduce(np.array([length(targets)]))[0]


def mean_of_means(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    workers = all_reduce(np.ones(1))[0]
    take(network, optimizer, all_reduce(gradient / length(targets)) / workers)
    return all_reduce(np.array([loss / length(targets)]))[0] / workers


def sum_of_means(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    take(network, optimizer, all_reduce(gradient / length(targets)))
    return all_reduce(np.array([loss / length(targets)]))[0] / all_reduce(np.ones(1))[0]


def sum_as_it_is(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    take(network, optimizer, all_reduce(gradient))
    loss, characters = all_reduce(np.array([loss, length(targets)]))
    return loss / characters


def per_sample(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    loss, samples = all_reduce(np.array([loss, len(images)]))
    take(network, optimizer, all_reduce(gradient) / samples)
    return loss / samples


def piles_up(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets, clear=False)
    loss, characters = all_reduce(np.array([loss, length(targets)]))
    take(network, optimizer, all_reduce(gradient) / characters)
    return loss / characters


def own_loss(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    take(network, optimizer, all_reduce(gradient) / all_reduce(np.array([length(targets)])))
    return loss / length(targets)


def no_step(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    loss, characters = all_reduce(np.array([loss, length(targets)]))
    set_gradient(network, all_reduce(gradient) / characters)
    return loss / characters


def too_early(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    optimizer.step()
    loss, characters = all_reduce(np.array([loss, length(targets)]))
    set_gradient(network, all_reduce(gradient) / characters)
    return loss / characters


def ignores(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    all_reduce(gradient)
    loss, characters = all_reduce(np.array([loss, length(targets)]))
    take(network, optimizer, gradient / characters)
    return loss / characters


def ignores_and_divides_alone(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    all_reduce(gradient)
    loss, characters = all_reduce(np.array([loss, length(targets)]))
    take(network, optimizer, gradient / length(targets))
    return loss / characters


def ignores_all(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    vector = np.array([*gradient, loss, length(targets)])
    all_reduce(vector)
    take(network, optimizer, vector[:-2] / vector[-1])
    return vector[-2] / vector[-1]


def by_samples_only_the_gradient(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    loss, characters, samples = all_reduce(np.array([loss, length(targets), len(images)]))
    take(network, optimizer, all_reduce(gradient) / samples)
    return loss / characters


def own_loss_by_all(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    characters = all_reduce(np.array([length(targets)]))[0]
    take(network, optimizer, all_reduce(gradient) / characters)
    return loss / characters


def twice_divided(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    own = length(targets)
    characters = all_reduce(np.array([own]))[0]
    take(network, optimizer, all_reduce(gradient / own) / characters)
    return all_reduce(np.array([loss / own]))[0] / characters


def twice_divided_the_gradient(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    loss, characters = all_reduce(np.array([loss, length(targets)]))
    take(network, optimizer, all_reduce(gradient / length(targets)) / characters)
    return loss / characters


def loss_as_a_sum(network, optimizer, images, targets, all_reduce):
    return (
        one_call_for_each(network, optimizer, images, targets, all_reduce) * all_reduce(np.ones(1) * length(targets))[0]
    )


def loss_afterwards(network, optimizer, images, targets, all_reduce):
    one_call_for_each(network, optimizer, images, targets, all_reduce)
    with torch.no_grad():
        loss = nats(network, images, targets).sum().item()
    loss, characters = all_reduce(np.array([loss, length(targets)]))
    return loss / characters


def loss_in_an_array(*arguments):
    return np.array([one_call_for_each(*arguments)])


def mean_of_weights(weighted):
    def step(network, optimizer, images, targets, all_reduce):
        loss, gradient = backward(network, optimizer, images, targets)
        take(network, optimizer, gradient / length(targets))
        weight = length(targets) if weighted else 1.0
        mine = parameters_to_vector(network.parameters()).detach().numpy() * weight
        mean = all_reduce(mine) / all_reduce(np.array([weight]))
        vector_to_parameters(torch.from_numpy(mean), network.parameters())
        loss, characters = all_reduce(np.array([loss, length(targets)]))
        return loss / characters

    return step


def mean_of_scaled_steps(network, optimizer, images, targets, all_reduce):
    """With plain descent, momentum or not, this is the step of one process; with Adam it is not."""
    loss, gradient = backward(network, optimizer, images, targets)
    loss, characters, workers = all_reduce(np.array([loss, length(targets), 1.0]))
    take(network, optimizer, gradient * workers / characters)
    mean = all_reduce(parameters_to_vector(network.parameters()).detach().numpy()) / workers
    vector_to_parameters(torch.from_numpy(mean), network.parameters())
    return loss / characters


def sends_a_tensor(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    total = all_reduce(torch.tensor([*gradient, loss, length(targets)], dtype=torch.float64))
    take(network, optimizer, total[:-2] / total[-1])
    return total[-2] / total[-1]


def sends_a_number(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    take(network, optimizer, all_reduce(gradient) / all_reduce(length(targets)))
    return all_reduce(loss) / all_reduce(length(targets))


def sends_half_the_digits(network, optimizer, images, targets, all_reduce):
    return one_call_for_each(network, optimizer, images, targets, lambda v: all_reduce(v.astype(np.float32)))


def rounds(network, optimizer, images, targets, all_reduce):
    return one_call_for_each(
        network, optimizer, images, targets, lambda v: all_reduce(v.astype(np.float32).astype(np.float64))
    )


def one_call_for_each(network, optimizer, images, targets, all_reduce):
    loss, gradient = backward(network, optimizer, images, targets)
    characters = all_reduce(np.array([length(targets)]))[0]
    take(network, optimizer, all_reduce(gradient) / characters)
    return float(all_reduce(np.array([loss]))[0] / characters)


def scaled_loss(network, optimizer, images, targets, all_reduce):
    """As with DistributedDataParallel: the number of characters is known before the backward pass."""
    characters = all_reduce(np.array([float(length(targets))]))[0]
    loss = nats(network, images, targets).sum() / characters
    optimizer.zero_grad()
    loss.backward()
    take(network, optimizer, all_reduce(get_gradient(network)))
    return all_reduce(loss.detach().reshape(1).numpy())[0]


def longer_than_the_gradient(network, optimizer, images, targets, all_reduce):
    """`vector_to_parameters` takes what it needs, in the lesson as here."""
    loss, gradient = backward(network, optimizer, images, targets)
    v = all_reduce(np.array([*gradient, loss, length(targets)]))
    take(network, optimizer, v / v[-1])
    return v[-2] / v[-1]


def weight_by_weight(network, optimizer, images, targets, all_reduce):
    loss = nats(network, images, targets).sum()
    optimizer.zero_grad()
    loss.backward()
    characters = torch.tensor(all_reduce(np.array([length(targets)])))
    for p in network.parameters():
        p.grad = torch.tensor(all_reduce(p.grad.flatten().numpy())).view_as(p) / characters
    optimizer.step()
    return (torch.tensor(all_reduce(loss.detach().reshape(1).numpy())) / characters)[0]


# 14-6


def ring_time(messages, share):
    def time(compute, size, latency, bandwidth, world_size):
        P = world_size
        return compute + messages(P) * (latency + share(size, P) / bandwidth)

    return time


def chunk(size, P):
    return size / P


def no_latency(compute, size, latency, bandwidth, world_size):
    return compute + 2 * (world_size - 1) / world_size * size / bandwidth


def one_latency(compute, size, latency, bandwidth, world_size):
    return no_latency(compute, size, latency, bandwidth, world_size) + latency


def times_bandwidth(compute, size, latency, bandwidth, world_size):
    return compute + 2 * (world_size - 1) * (latency + size / world_size * bandwidth)


def never_less(compute, size, latency, bandwidth, world_size):
    return max(compute, ring_time(lambda P: 2 * P - 2, chunk)(0, size, latency, bandwidth, world_size))


def messages_only(compute, *others):
    return ring_time(lambda P: 2 * P - 2, chunk)(0, *others)


def two_vectors(compute, size, latency, bandwidth, world_size):
    return compute + 2 * (world_size - 1) * latency + 2 * size / bandwidth


def two_latencies(*arguments):
    return one_latency(*arguments) + arguments[2]


def shared_compute(compute, size, latency, bandwidth, world_size):
    return compute / world_size + ring_time(lambda P: 2 * P - 2, chunk)(0, size, latency, bandwidth, world_size)


WRONG = [
    ("14-1", drops_the_rest, "leaves out the samples that do not divide"),
    ("14-1", like_distributed_sampler, "gives some samples twice, so that all parts are equal"),
    ("14-1", rest_to_the_last, "gives all the rest to the last worker"),
    ("14-1", rounded_up, "rounds the size of a part up, so that the last worker gets what is left"),
    ("14-1", lambda count, world_size, rank: range(count), "gives the whole batch to each worker"),
    ("14-1", lambda count, world_size, rank: range(1 + rank, count, world_size), "counts from 1"),
    ("14-1", every_other, "gives a worker all samples from its rank on"),
    ("14-1", lambda c, w, r: [(c - r + w - 1) // w], "tells how many samples, not which"),
    ("14-1", lambda c, w, r: sum(n % w == r for n in range(c)), "tells how many samples, not which"),
    ("14-1", lambda c, w, r: [n + 1 for n in range(c) if n % w == r], "numbers the samples from 1"),
    ("14-1", lambda c, w, r: list(range(r - 1, c, w)), "takes the ranks to begin at 1"),
    ("14-1", shuffled, "shuffles anew on each worker"),
    ("14-1", lambda c, w, r: slice(r, None, w), "gives a slice"),
    ("14-1", lambda c, w, r: [list(range(c))[k::w] for k in range(w)], "gives the parts of all workers"),
    ("14-1", lambda c, w, r: np.arange(r, c, w, dtype=float), "gives the numbers as floats"),
    ("14-1", lambda c, w, r: [n * 1.0 for n in range(c) if n % w == r], "gives the numbers as floats"),
    ("14-1", lambda c, w, r: torch.arange(c).tensor_split(w)[r], "gives a tensor"),
    ("14-2", divided_twice, "divides by characters twice"),
    ("14-2", by_both, "weights by characters times samples"),
    ("14-2", mean_at_the_end, "takes the mean once more"),
    ("14-2", one_number, "adds up all numbers to one"),
    ("14-2", plain_mean, "takes the plain mean"),
    ("14-2", by_samples, "weights by the samples"),
    ("14-2", added, "adds up the gradients"),
    ("14-2", undivided, "forgets to divide"),
    ("14-2", by_workers, "divides by the number of workers"),
    ("14-2", divided_by_samples, "divides by the samples"),
    ("14-2", upside_down, "gives the small parts the large weights"),
    ("14-3", chunk_of_the_neighbour, "ends with the chunk of its right neighbour"),
    ("14-3", incomplete, "returns a chunk that is not complete"),
    ("14-3", overwrites, "replaces where it should add"),
    ("14-3", waits, "waits before it sends"),
    ("14-3", too_few, "stops one step too early"),
    ("14-3", too_many, "takes one step too many"),
    ("14-3", always_the_same, "sends the same chunk at every step"),
    ("14-3", whole_vectors, "sends whole vectors around"),
    ("14-3", wrong_way, "walks the wrong way around the ring"),
    ("14-3", from_the_right, "begins with the chunk of its right neighbour"),
    ("14-3", to_what_was_sent, "adds to the chunk that it has just sent"),
    ("14-3", unsummed, "sends chunks to which nothing was added"),
    ("14-3", unsummed_forwards, "sends chunks to which nothing was added"),
    ("14-3", mailed, "takes `send` to reach the worker that a chunk belongs to"),
    ("14-3", mailed_backwards, "takes `send` to reach the worker that a chunk belongs to"),
    ("14-3", mailed_all, "takes `send` to reach the worker that a chunk belongs to"),
    ("14-3", other_addend, "adds a chunk of another number"),
    ("14-3", another_addend, "adds a chunk of another number"),
    ("14-3", its_own, "sends around its own chunk"),
    ("14-3", its_own_running, "sends around its own chunk"),
    ("14-3", its_own_passed_on, "sends around its own chunk"),
    ("14-3", of_the_solution(lambda own, P: own / P), "takes the mean"),
    ("14-3", of_the_solution(lambda own, P: list(map(float, own))), "returns a list of numbers"),
    ("14-3", all_of_them, "returns all chunks"),
    ("14-4", sends_the_other_side, "sends a chunk that has not come yet"),
    ("14-4", other_side, "sends a chunk that has not come yet"),
    ("14-4", truly_the_wrong_side, "puts what arrives on the wrong side"),
    ("14-4", of_the_chunks(lambda out: sorted(out, key=list)), "sorts the chunks by their values"),
    ("14-4", of_the_chunks(lambda out: list(reversed(out))), "lists the chunks backwards"),
    ("14-4", nothing_of_its_own, "forgets its own chunk"),
    ("14-4", nothing_of_its_own_kept, "forgets its own chunk"),
    ("14-4", gathers_sums, "adds up what arrives"),
    ("14-4", of_the_chunks(np.array), "makes one array of the chunks"),
    ("14-4", fills_a_table, "makes one array of the chunks"),
    ("14-4", fills_zeros, "makes room for chunks as long as its own"),
    ("14-4", of_the_chunks(lambda out: [list(c) for c in out]), "returns lists of numbers"),
    ("14-4", as_they_come, "lists the chunks in the order of their arrival"),
    ("14-4", only_its_own, "sends its own chunk at every step"),
    ("14-4", one_place_off, "puts what arrives one place too far"),
    ("14-4", gathers_too_few, "stops one step too early"),
    ("14-4", gathers_too_many, "takes one step too many"),
    ("14-4", gather_waits, "waits before it sends"),
    ("14-4", joined, "joins the chunks"),
    ("14-4", all_of_it, "sends all that it has"),
    ("14-5", ignores, "ignores what all_reduce returns"),
    ("14-5", ignores_and_divides_alone, "ignores what all_reduce returns"),
    ("14-5", ignores_all, "ignores what all_reduce returns"),
    ("14-5", by_samples_only_the_gradient, "divides by the samples"),
    ("14-5", own_loss_by_all, "returns the loss of its own part"),
    ("14-5", twice_divided, "divides by characters twice"),
    ("14-5", twice_divided_the_gradient, "divides by characters twice"),
    ("14-5", loss_as_a_sum, "returns the loss as a sum"),
    ("14-5", loss_afterwards, "returns the loss after the step"),
    ("14-5", loss_in_an_array, "returns an array of one number"),
    ("14-5", mean_of_weights(True), "averages the weights after a step of its own"),
    ("14-5", mean_of_weights(False), "averages the weights after a step of its own"),
    ("14-5", mean_of_scaled_steps, "averages the weights after a step of its own"),
    ("14-5", selfish, "keeps its gradient to itself"),
    ("14-5", by_own_characters, "divides by its own characters"),
    ("14-5", mean_of_means, "takes the plain mean of the workers' means"),
    ("14-5", sum_of_means, "adds up the workers' means"),
    ("14-5", sum_as_it_is, "does not divide the gradient"),
    ("14-5", per_sample, "divides by the samples"),
    ("14-5", piles_up, "never clears the gradients"),
    ("14-5", own_loss, "returns the loss of its own part"),
    ("14-5", no_step, "leaves the weights as they are"),
    ("14-5", too_early, "steps with the gradient of its own part"),
    ("14-6", ring_time(lambda P: P - 1, chunk), "counts one half of the all-reduce"),
    ("14-6", ring_time(lambda P: P + P, chunk), "counts a message too many"),
    ("14-6", ring_time(lambda P: 2 * P - 2, lambda size, P: size), "sends the whole vector in each message"),
    ("14-6", no_latency, "forgets the latency"),
    ("14-6", one_latency, "pays the latency once"),
    ("14-6", times_bandwidth, "multiplies by the bandwidth"),
    ("14-6", ring_time(lambda P: 2 * P - 1, chunk), "takes one from twice P, not two"),
    ("14-6", never_less, "takes the longer of computing and sending"),
    ("14-6", messages_only, "forgets the computing"),
    ("14-6", ring_time(lambda P: 2 * P - 2, lambda size, P: size * 8 / P), "counts bits"),
    ("14-6", two_vectors, "sends two vectors, however many workers there are"),
    ("14-6", two_latencies, "pays the latency twice"),
    ("14-6", shared_compute, "divides the computing by the workers"),
    ("14-6", ring_time(lambda P: 2 * P * (P - 1), chunk), "counts the messages of all workers"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


def slices(rank, world_size, chunks, send, receive):
    """With numbers of chunks that run below zero, and sums in place."""
    for k in range(rank - 1, rank - world_size, -1):
        send(chunks[k])
        chunks[k - 1] += receive()
    return chunks[rank]


def carries(rank, world_size, chunks, send, receive):
    """One partial sum in the hand."""
    partial = chunks[rank - 1]
    for step in range(2, world_size + 1):
        send(partial)
        partial = receive() + chunks[(rank - step) % world_size]
    return partial if world_size > 1 else chunks[0]


RIGHT = [
    ("14-1", blocks),
    ("14-1", lambda count, world_size, rank: np.arange(rank, count, world_size)),
    ("14-1", lambda count, world_size, rank: [n for n in range(count) if n % world_size == rank]),
    ("14-1", lambda count, world_size, rank: np.array_split(np.arange(count), world_size)[rank]),
    ("14-1", lambda count, world_size, rank: torch.arange(count).tensor_split(world_size)[rank].tolist()),
    ("14-2", lambda gradients, samples, characters: np.average(gradients, axis=0, weights=characters)),
    ("14-2", lambda gradients, samples, characters: np.array(characters) @ gradients / sum(characters)),
    ("14-3", slices),
    ("14-3", carries),
    ("14-4", gathers),
    ("14-5", one_call_for_each),
    ("14-5", scaled_loss),
    ("14-5", weight_by_weight),
    ("14-5", longer_than_the_gradient),
    ("14-6", lambda c, M, lag, b, P: c + 2 * (P - 1) * lag + 2 * (P - 1) / P * M / b),
    ("14-6", lambda c, M, lag, b, P: c + sum(lag + M / P / b for _ in range(2, 2 * P))),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


@pytest.mark.parametrize(
    ("key", "answer", "sentence"),
    [
        ("14-3", lambda rank, world_size, chunks, send, receive: None, "does the function end with a return?"),
        ("14-3", lambda rank, world_size, chunks, send, receive: send("chunk"), "send takes an array of numbers"),
        ("14-3", lambda rank, world_size, chunks, send, receive: 1 / 0, "ZeroDivisionError"),
        ("14-5", sends_a_tensor, "1-D NumPy array of numbers, and got one of type Tensor: call .numpy() on it"),
        ("14-5", sends_a_number, "1-D NumPy array of numbers, and got one of type int: np.array([...]) makes one"),
        ("14-5", sends_half_the_digits, "all_reduce got float32: leave it in float64"),
        ("14-5", rounds, "what each worker returns"),
        ("14-5", lambda network, optimizer, images, targets, all_reduce: None, "does the function end with a return?"),
    ],
)
def test_other_answers_are_told_what_is_amiss(key, answer, sentence):
    status, message, _ = judge(find(key), answer)
    assert status == "wrong" and sentence in message


@pytest.mark.parametrize("key", ["14-1", "14-3", "14-4", "14-5"])
def test_a_stub_is_not_started(key):
    def stub(*arguments):
        return ...

    assert judge(find(key), stub)[0] == "not started"


# What the lesson says, in numbers


def test_the_ring_of_the_solutions_is_bandwidth_optimal():
    """2 (P - 1) / P vectors from each worker (Patarasuk and Yuan 2009), for any number of workers."""
    ring, gather = find("14-3").solution, find("14-4").solution
    from crnn_lessons.training.ring import play

    def all_reduce(rank, world_size, vector, send, receive):
        own = ring(rank, world_size, np.array_split(vector, world_size), send, receive)
        return np.concatenate(gather(rank, world_size, own, send, receive))

    rng = np.random.default_rng(0)
    for P in (1, 2, 3, 5, 8):
        vectors = rng.normal(size=(P, 120))
        played = play(all_reduce, list(vectors))
        assert all(np.allclose(result, vectors.sum(axis=0), rtol=1e-12) for result in played.results)
        assert all(np.array_equal(result, played.results[0]) for result in played.results), "equal bit by bit"
        assert [len(sent) for sent in played.sent] == [2 * (P - 1)] * P
        assert all(sum(sent) == 8 * 120 * 2 * (P - 1) // P for sent in played.sent)


def test_a_parallel_step_is_the_step_of_one_process():
    module = load("14")
    parts = [module._part(3, [1, 2, 1], [2, 2]), module._part(4, [1])]
    several = module._two_steps(find("14-5").solution, parts)
    whole = module._two_steps(find("14-5").solution, [(torch.cat([p[0] for p in parts]), parts[0][1] + parts[1][1])])
    weights = [value for name, value in several.items() if "weights" in name]
    assert np.array_equal(weights[0], weights[1])
    assert np.allclose(weights[0], whole["the weights of worker 0 after two steps"], rtol=0, atol=1e-12)
    assert np.allclose(several["what each worker returns"], whole["what each worker returns"][0], atol=1e-12)
    before = parameters_to_vector(module._Columns().parameters()).detach().numpy()
    assert np.abs(weights[0] - before).max() > 0.1


def table() -> tuple[str, list[dict[str, str]]]:
    lines = (ROOT / "notebooks/scaling.csv").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line.startswith("#")), list(
        csv.DictReader(line for line in lines if not line.startswith("#"))
    )


def test_the_table_of_times_says_where_it_comes_from_and_is_of_the_network_that_the_lesson_names():
    head, rows = table()
    parameters = sum(p.numel() for p in build("small", 37).parameters())
    assert "tests/benchmarks/scaling.py" in head and "torch 2." in head and f"{parameters} parameters" in head
    assert f"{parameters:_}" in (ROOT / "notebooks/py/14_scale_and_ship.py").read_text(encoding="utf-8")
    assert {row["bytes"] for row in rows if row["what"] == "step"} == {str(4 * parameters)}
    assert all(0 < float(row["least"]) <= float(row["median"]) for row in rows)
    assert {(row["what"], row["processes"]) for row in rows} == {
        ("compute", "1"), ("compute", "2"), ("step", "2"), ("all-reduce", "2"), ("all-reduce", "4"),
    }  # fmt: skip


def test_the_table_of_times_bears_out_what_section_7_says_of_it():
    cost, rows = find("14-6").solution, table()[1]

    def measured(what, processes, by):
        chosen = [row for row in rows if (row["what"], row["processes"]) == (what, str(processes))]
        return {int(row[by]): float(row["least"]) for row in chosen}

    two, four = measured("all-reduce", 2, "bytes"), measured("all-reduce", 4, "bytes")
    A = np.array([[cost(0, m, 1, math.inf, 2) / t, cost(0, m, 0, 1, 2) / t] for m, t in two.items()])
    (latency, inverse), *_ = np.linalg.lstsq(A, np.ones(len(two)))
    apart = [t / cost(0, m, latency, 1 / inverse, 2) - 1 for m, t in two.items()]
    assert len(two) == 15 and sum(abs(share) < 0.25 for share in apart) >= 12, "mostly to within a quarter"
    assert min(apart[-2:]) > 0.3, "the largest vectors take longer"
    too_good = [t / cost(0, m, latency, 1 / inverse, 4) for m, t in four.items()]
    assert 1.7 < min(too_good) and max(too_good) < 4, "two to four times too good"
    size = int(next(row["bytes"] for row in rows if row["what"] == "step"))
    messages = cost(0, size, latency, 1 / inverse, 2)
    assert 0.001 < messages < 0.0025, "two milliseconds"
    alone, beside = measured("compute", 1, "samples"), measured("compute", 2, "samples")
    for n, step in measured("step", 2, "samples").items():
        assert abs((beside[n] + messages) / step - 1) < 0.1, "right to within a tenth"
        assert beside[n] > 1.2 * alone[n], "slower side by side"
