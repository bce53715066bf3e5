"""Workers that send around a ring."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from crnn_lessons.training.ring import Stuck, play


def around(rank, world_size, given, send, receive):
    """Each worker's own, and those of all before it, nearest first."""
    found = [given]
    for _ in range(world_size - 1):
        send(found[-1])
        found.append(receive())
    return np.concatenate(found)


@pytest.mark.parametrize("P", [1, 2, 3, 8])
def test_messages_go_to_the_right_and_arrive_in_order(P):
    played = play(around, [np.array([rank, 10 * rank]) for rank in range(P)])
    for rank, found in enumerate(played.results):
        assert found[::2].tolist() == [(rank - k) % P for k in range(P)]
    assert played.sent == [[16] * (P - 1)] * P


def test_a_message_is_a_copy():
    def changes(rank, world_size, given, send, receive):
        vector = np.array([float(rank)])
        send(vector)
        vector += 100
        return receive()[0]

    assert play(changes, [None] * 3).results == [2.0, 0.0, 1.0]


def test_a_tensor_arrives_as_an_array_of_its_type():
    def sends(rank, world_size, given, send, receive):
        send(torch.arange(3.0))
        return receive()

    for found in play(sends, [None] * 2).results:
        assert isinstance(found, np.ndarray) and found.dtype == np.float32 and found.tolist() == [0, 1, 2]


def test_workers_that_wait_for_each_other_are_named():
    def waits(rank, world_size, given, send, receive):
        return given if rank == 1 else receive()

    with pytest.raises(Stuck, match=r"the workers \[0, 2\] wait for messages that nobody sends"):
        play(waits, [None] * 3)


def test_a_late_message_is_no_standstill():
    def late(rank, world_size, given, send, receive):
        if rank:
            found = receive()
            if rank + 1 < world_size:
                send(found + 1)
            return int(found)
        sum(range(200_000))  # the others have long been waiting
        send(1)
        return 0

    assert play(late, [None] * 4).results == [0, 1, 2, 3]


def test_the_first_error_ends_all_workers_and_is_raised():
    def fails(rank, world_size, given, send, receive):
        if rank == 1:
            raise KeyError("worker 1")
        return receive()

    with pytest.raises(KeyError, match="worker 1"):
        play(fails, [None] * 4)


@pytest.mark.parametrize("message", ["text", [np.ones(2), None]])
def test_what_is_no_array_of_numbers_is_refused(message):
    def sends(rank, world_size, given, send, receive):
        send(message)

    with pytest.raises(TypeError, match=r"send takes an array of numbers, and worker \d gave a (str|list)"):
        play(sends, [None] * 2)


def test_nothing_is_no_message():
    def sends(rank, world_size, given, send, receive):
        send(None)

    with pytest.raises(ValueError, match=r"worker \d sends None: nothing is in this place yet"):
        play(sends, [None] * 2)
