"""Words from a folder, an LMDB file or shards: the same words, each once an epoch, or a sentence on what is wrong."""

import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

pytest.importorskip("lmdb", reason="the package lmdb is not installed")
pytest.importorskip("webdataset", reason="the package webdataset is not installed")

from crnn_lessons.data.folders import read_folder
from crnn_lessons.data.shards import ShardWords, write_shards
from crnn_lessons.data.sources import Words, open_words
from crnn_lessons.reader.commands import main
from crnn_lessons.training import distributed
from tests.data.test_lmdb import png

ROOT = Path(__file__).resolve().parents[2]
COUNT = 23  # no number of readers divides it


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The same words in three forms, the last two written by the command; 23 words in 6 shards of 4."""
    top = tmp_path_factory.mktemp("words")
    folder = top / "folder"
    folder.mkdir()
    for i in range(COUNT):
        (folder / f"{i}.png").write_bytes(png(i % 5))
    (folder / "labels.tsv").write_text("".join(f"{i}.png\tté{i}\n" for i in range(COUNT)), encoding="utf-8")
    assert main(["pack", str(folder), "--lmdb", str(top / "lmdb")]) == 0
    assert main(["pack", str(folder), "--shards", str(top / "shards"), "--each", "4"]) == 0
    return top


@pytest.fixture
def shards(places, tmp_path):
    """Shards to spoil."""
    write_shards(places / "folder", tmp_path / "shards", each=4)
    return tmp_path / "shards"


def first(samples):
    return samples[0]


def read(path, monkeypatch, world=1, workers=0, **options):
    """The texts that each process of a group is given, one process after the other."""
    texts = []
    for rank in range(world):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        monkeypatch.setattr(distributed, "world", lambda: world)
        words = Words(path, **options)
        loader = DataLoader(words, batch_size=1, num_workers=workers, collate_fn=first)
        texts.append([text for _, text in loader])
    return texts


ALL = [f"té{i}" for i in range(COUNT)]
SIZES = {1: [23], 2: [12, 11]}
FORMS = ["folder", "lmdb", "shards"]


def test_all_forms_hold_the_same_bytes_and_texts(places):
    due = [(path.read_bytes(), text) for path, text in read_folder(places / "folder")]
    assert [text for _, text in due] == ALL
    assert list(open_words(places / "lmdb")) == list(open_words(places / "lmdb" / "data.mdb")) == due
    assert list(open_words(places / "shards")) == due
    images = [[image for image, _ in Words(places / form)] for form in FORMS]
    assert all(np.array_equal(a, b) and np.array_equal(a, c) for a, b, c in zip(*images, strict=True))
    assert {image.shape[0] for image in images[0]} == {32} and len(images[0]) == COUNT


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("world", [1, 2])
def test_each_word_comes_once_an_epoch(places, monkeypatch, form, world, workers):
    parts = read(places / form, monkeypatch, world, workers)
    assert [len(part) for part in parts] == SIZES[world]
    if world * max(1, workers) == 1:
        assert parts == [ALL]
    assert Counter(text for part in parts for text in part) == Counter(ALL)


@pytest.mark.parametrize("form", FORMS)
def test_the_order_is_new_in_each_epoch_and_depends_on_the_seed_alone(places, form):
    def order(epoch, seed):
        words = Words(places / form, seed=seed)
        words.set_epoch(epoch)
        return [text for _, text in words]

    assert order(0, 1) == order(0, 1)
    assert len({tuple(order(epoch, seed)) for epoch in (0, 1) for seed in (1, 2)} | {tuple(ALL)}) == 5
    assert sorted(order(1, 1)) == sorted(ALL)


def test_two_real_processes_with_two_workers_each(places):
    """Spawned workers, which inherit nothing, know their process's place, too."""
    program = """
import sys
from torch.utils.data import DataLoader
from crnn_lessons.data.sources import Words
from crnn_lessons.training import distributed
from tests.data.test_sources import first
if __name__ == "__main__":
    with distributed.group():
        words = Words(sys.argv[1] + "/shards", seed=3)
        loader = DataLoader(words, 1, num_workers=2, collate_fn=first, multiprocessing_context="spawn")
        print(*(text for _, text in loader))
"""
    from tests.test_distributed import ENVIRONMENT, free_port

    (places / "program.py").write_text(program)
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    command = [sys.executable, str(places / "program.py"), str(places)]
    processes = [
        subprocess.Popen(
            command, cwd=ROOT, env={**ENVIRONMENT, **group, "RANK": rank}, stdout=subprocess.PIPE, text=True
        )
        for rank in "01"
    ]
    parts = [process.communicate(timeout=300)[0].split() for process in processes]
    assert sorted(map(len, parts)) == [11, 12] and Counter(parts[0] + parts[1]) == Counter(ALL)


def test_the_same_samples_give_the_same_shards(places, shards):
    for shard in ("00000.tar", "00005.tar", "shards.json"):
        assert (shards / shard).read_bytes() == (places / "shards" / shard).read_bytes()
    assert json.loads((shards / "shards.json").read_text()) == {f"{i:05d}.tar": 4 - (i == 5) for i in range(6)}
    with tarfile.open(shards / "00001.tar") as tar:
        assert tar.getnames()[:3] == ["000000004.png", "000000004.txt", "000000005.png"]


def test_shards_written_elsewhere_are_read(places, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for i in (3, 1):
            (tmp_path / "text").write_text(f"té{i}", encoding="utf-8")
            tar.add(places / "folder" / f"{i}.png", f"deep/{i}.PNG")
            tar.add(tmp_path / "text", f"deep/{i}.txt")
    assert list(open_words(tmp_path)) == [(png(3), "té3"), (png(1), "té1")]


def spoil_middle(folder):
    """A header in the middle of a shard: a tar reader takes that for its end, and says nothing."""
    path = folder / "00002.tar"
    data = bytearray(path.read_bytes())
    data[data.index(b"000000009.png") + 150] ^= 1  # in the header's checksum
    path.write_bytes(data)


def cut(size):
    def spoil(folder):
        os.truncate(folder / "00002.tar", size)

    return spoil


def image_without_text(folder):
    with tarfile.open(folder / "00006.tar", "w") as tar:
        tar.add(folder / "shards.json", "000000099.png")


def text_of_another_code(folder):
    (folder.parent / "t").write_bytes("té".encode("latin-1"))
    with tarfile.open(folder / "00006.tar", "w") as tar:
        tar.add(folder / "shards.json", "000000099.png")
        tar.add(folder.parent / "t", "000000099.txt")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_middle, r"00002\.tar gave 1 samples of 4, so it is damaged"),
        (cut(1024), r"00002\.tar is cut short, or no tar file"),
        (cut(0), r"00002\.tar is cut short"),
        (lambda folder: (folder / "00003.tar").unlink(), r"lacks 00003\.tar, which shards\.json names"),
        (lambda folder: (folder / "shards.json").write_text("{"), r"shards\.json of shards is damaged"),
        (lambda folder: (folder / "shards.json").write_text("[1]"), r"shards\.json of shards is damaged"),
        (lambda folder: [path.unlink() for path in folder.glob("*.tar")], "no shards"),
        (image_without_text, r"sample 000000099 of 00006\.tar is to have one image and a \.txt, and has \['png'\]"),
        (text_of_another_code, r"the text of sample 000000099 of 00006\.tar is not UTF-8: b't\\xe9'"),
    ],
)  # fmt: skip
def test_spoilt_shards_are_refused_with_a_sentence(shards, spoil, said):
    spoil(shards)
    with pytest.raises((FileNotFoundError, ValueError), match=said):
        list(ShardWords(shards))


def test_an_image_that_cannot_be_read_is_named(places, tmp_path):
    write_shards([(png(0), "a"), (b"no image", "b")], tmp_path / "s", check=False)
    with pytest.raises(ValueError, match=r"image 1 of 00000\.tar \('b'\): this is not an image"):
        list(Words(tmp_path / "s"))


def test_the_command_refuses_in_one_sentence(places, tmp_path, capsys):
    folder, new = str(places / "folder"), str(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.png").write_bytes(b"no image")
    (tmp_path / "bad" / "labels.tsv").write_text("x.png\tx\n")
    for arguments, said in [
        ((str(tmp_path / "none"), "--lmdb", new), "there is no "),
        ((str(tmp_path / "empty"), "--lmdb", new), "holds no word images: neither labels.tsv"),
        ((folder, "--lmdb", folder), "exists already; remove it, or choose another name"),
        ((folder, "--shards", folder), "exists already; remove it, or choose another name"),
        ((folder, "--shards", new, "--each", "0"), "a shard holds at least 1 sample, and not 0"),
        ((str(tmp_path / "bad"), "--shards", new), "sample 1 (x.png) cannot be read: this is not an image"),
        ((str(tmp_path / "bad"), "--lmdb", new), "sample 1 (x.png) cannot be read: this is not an image"),
        ((str(tmp_path / "bad" / "x.png"), "--shards", new), "x.png is no LMDB file"),
    ]:
        assert main(["pack", *arguments]) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pack: ")]
        assert len(lines) == 1 and said in lines[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "empty"]  # nothing half done
