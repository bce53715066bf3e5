"""Folders with labels are read strictly; pools are repeatable and survive an interruption."""

from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from crnn_lessons.data import pools
from crnn_lessons.data.folders import read_folder
from crnn_lessons.data.pools import Pool, PoolSpec, rendered_word
from crnn_lessons.text.effects import only

FONTS = tuple(str(p) for p in sorted((Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf").glob("DejaVuS*.ttf")))
FONTS = tuple(f for f in FONTS if "Display" not in f)
SPEC = PoolSpec(size=25, seed=3, fonts=FONTS, words=("street", "house", "river"))


def test_a_folder_is_read_in_order(tmp_path):
    for name in ("b.png", "a.png"):
        Image.new("L", (8, 8)).save(tmp_path / name)
    (tmp_path / "labels.tsv").write_text("b.png\tÉté\n\na.png\tx y\n", encoding="utf-8")
    assert read_folder(tmp_path) == [(tmp_path / "b.png", "Été"), (tmp_path / "a.png", "x y")]


def test_a_faulty_table_is_explained_by_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no labels\.tsv"):
        read_folder(tmp_path)
    table = tmp_path / "labels.tsv"
    table.write_text("a.png text\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 1 of labels\.tsv has no tab"):
        read_folder(tmp_path)
    table.write_text("\na.png\ttext\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"line 2 .* 'a\.png'"):
        read_folder(tmp_path)


def test_a_picture_depends_on_seed_and_index_only():
    one, label = rendered_word(SPEC, 7)
    again, same = rendered_word(SPEC, 7)
    assert np.array_equal(one, again) and label == same and one.dtype == np.uint8 and one.ndim == 2
    assert not np.array_equal(one, rendered_word(SPEC, 8)[0])
    other, _ = rendered_word(PoolSpec(25, 4, FONTS, SPEC.words), 7)
    assert not np.array_equal(one, other)


def test_foreign_words_have_an_empty_label_and_the_share_that_was_asked_for(tmp_path):
    mixed = replace(SPEC, foreign=("площадь", "жизнь"), foreign_share=0.5)
    made = [rendered_word(mixed, i) for i in range(200)]
    empty = [picture for picture, label in made if not label]
    assert 80 < len(empty) < 120 and all(np.ptp(picture) > 5 for picture in empty)  # there is something to see
    cannot = replace(mixed, foreign=("あいう",), foreign_share=0.9)  # no font at hand has these: other words come
    assert all(rendered_word(cannot, i)[1] for i in range(5))
    pool = Pool(replace(mixed, size=12), tmp_path, workers=1)
    assert pool.labels == [label for _, label in made[:12]] and "" in pool.labels
    assert mixed.fingerprint() != SPEC.fingerprint()


def test_a_pool_is_what_its_pictures_are_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "SHARD", 10)
    pool = Pool(SPEC, tmp_path, workers=1)
    assert len(pool) == len(pool.pictures) == 25 and all(picture.dtype == np.uint8 for picture in pool.pictures)
    assert len({picture.shape for picture in pool.pictures}) > 20  # each has a size of its own
    for i in (0, 9, 10, 24):
        picture, label = rendered_word(SPEC, i)
        assert np.array_equal(pool.pictures[i], picture) and pool.labels[i] == label


def test_an_interrupted_pool_renders_only_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "SHARD", 10)
    whole = Pool(SPEC, tmp_path / "whole", workers=1)
    real, done = pools._render_shard, []

    def interrupted(start, stop):
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(start)
        return real(start, stop)

    monkeypatch.setattr(pools, "_render_shard", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Pool(SPEC, tmp_path / "cut", workers=1)
    assert done == [0]
    again = []
    monkeypatch.setattr(pools, "_render_shard", lambda a, b: again.append(a) or real(a, b))
    pool = Pool(SPEC, tmp_path / "cut", workers=1)
    assert again == [10, 20]
    assert all(map(np.array_equal, pool.pictures, whole.pictures)) and pool.labels == whole.labels


def test_two_workers_render_the_same_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "SHARD", 10)
    one, two = Pool(SPEC, tmp_path / "1", workers=1), Pool(SPEC, tmp_path / "2", workers=2)
    assert all(map(np.array_equal, one.pictures, two.pictures)) and one.labels == two.labels


def test_other_words_or_seeds_make_another_pool():
    prints = {
        spec.fingerprint()
        for spec in (SPEC, PoolSpec(25, 4, FONTS, SPEC.words), PoolSpec(25, 3, FONTS[:2], SPEC.words),
                     PoolSpec(25, 3, FONTS, ("street",)), replace(SPEC, effects=only(turned=0.5)),
                     replace(SPEC, materials=("wall.png",)))
    }  # fmt: skip
    assert len(prints) == 6
    assert PoolSpec(99, 3, FONTS, SPEC.words).fingerprint() == SPEC.fingerprint()  # a larger pool continues it
