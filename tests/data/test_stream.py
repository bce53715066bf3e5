"""A stream of words repeats itself exactly, moves along at its pace, and leaves no shard behind."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data import pools
from crnn_lessons.data.pools import rendered_word
from crnn_lessons.data.stream import Stream
from crnn_lessons.models import Config
from tests.data.test_pools import SPEC

CONFIG = Config("conv 8", "max", height=32, width=100)
ALPHABET = Alphabet("0123456789abcdefghijklmnopqrstuvwxyz")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(pools, "SHARD", 6)


def stream(folder, **changes):
    return Stream(replace(SPEC, size=18), folder, CONFIG, ALPHABET, **{"batch_size": 4, "views": 2.0, **changes})


def test_the_window_moves_on_when_its_pictures_were_drawn_often_enough(tmp_path):
    words = stream(tmp_path)
    assert [words.first_shard(step) for step in range(10)] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]  # 4 of 12 views a step
    for step in (0, 1, 5, 9):
        words(step)
        names = sorted(path.name for path in words.shards.folder.glob("*.npy"))
        first = words.first_shard(step)
        assert names == [f"{number:05d}-6.npy" for number in range(first, first + 3)]


def test_a_batch_is_made_of_pictures_of_its_window(tmp_path, monkeypatch):
    monkeypatch.setattr("crnn_lessons.data.stream.jitter_batch", lambda rng, images: images)
    words = stream(tmp_path, batch_size=30)
    batch = words(1)  # 30 views of 12 a shard: shards 2, 3 and 4
    shown = {rendered_word(SPEC, i)[1] for i in range(12, 30)}
    ends = np.cumsum(batch.target_lengths.numpy())
    texts = [ALPHABET.decode(part) for part in np.split(batch.targets.numpy(), ends[:-1])]
    assert batch.images.shape == (30, 1, 32, 100) and set(texts) <= shown and len(set(texts)) > 3


def test_a_step_gives_the_same_batch_whatever_came_before(tmp_path):
    one, other = stream(tmp_path / "one"), stream(tmp_path / "other")
    for step in range(8):
        last = one(step)
    again = other(7)
    assert torch.equal(last.images, again.images) and torch.equal(last.targets, again.targets)
    assert not torch.equal(last.images, stream(tmp_path / "one", seed=1)(7).images)


def test_rendering_ahead_gives_the_same_words(tmp_path):
    plain = stream(tmp_path / "plain")
    with stream(tmp_path / "ahead").rendering_ahead() as ahead:
        for step in range(7):
            assert torch.equal(plain(step).images, ahead(step).images)


def test_a_batch_has_one_shape_and_pictures_go_to_the_shape_that_is_like_them(tmp_path):
    config = Config("conv 8", "max", height=32, width=128, shapes=((64, 64), (48, 96)))
    words = Stream(replace(SPEC, size=60), tmp_path, config, ALPHABET, 4, views=1e9)
    words(0)
    for shape, places in words._places.items():
        for shard, i in places:
            height, width = words._held[shard][i][0].shape
            assert shape == (
                (64, 64) if width < 2**0.5 * height else (48, 96) if width < 8**0.5 * height else (32, 128)
            )
    seen = [tuple(words(step).images.shape[2:]) for step in range(200)]
    for shape, places in words._places.items():  # as often as such pictures are drawn
        assert seen.count(shape) / 200 == pytest.approx(len(places) / 60, abs=0.12)


def test_only_chosen_words_are_drawn_and_the_choice_is_kept_for_a_resumed_run(tmp_path):
    asked = []

    def long_ones(words):
        asked.append(len(words))
        return np.array([len(label) > 4 for _, label in words])

    first = stream(tmp_path, choose=long_ones, batch_size=12)
    batch = first(0)
    assert asked == [6, 6, 6] and batch.target_lengths.min() > 4
    again = stream(tmp_path, choose=lambda words: pytest.fail("asked again"), batch_size=12)(0)
    assert torch.equal(batch.images, again.images)
    first(2)  # 24 of 12 views a shard: the first two are gone, with what was said of them
    assert len(asked) == 5 and sorted(p.name for p in first.shards.folder.glob("*.json"))[0].startswith("00002")
