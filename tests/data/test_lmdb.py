"""LMDB files as the field writes them: written, read back in any process, and refused with a reason."""

import io
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data.batches import Collate, WordImages
from crnn_lessons.data.folders import read_folder

lmdb = pytest.importorskip("lmdb", reason="the package lmdb is not installed")

from crnn_lessons.data.lmdb import _OPEN, LMDBWords, write_lmdb  # noqa: E402

TEXTS = ["Café", "한국", "x y", "Tiếng", "5"]


def png(i: int) -> bytes:
    pixels = np.random.default_rng(i).integers(0, 255, (16, 20 + 7 * i), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "words"
    place.mkdir()
    for i in range(5):
        (place / f"{i}.png").write_bytes(png(i))
    lines = (f"{i}.png\t{text}\n" for i, text in enumerate(TEXTS))
    (place / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    return place


@pytest.fixture
def words(folder, tmp_path):
    assert write_lmdb(folder, tmp_path / "words.lmdb") == 5
    return LMDBWords(tmp_path / "words.lmdb")


def raw(path, entries, subdir=True):
    environment = lmdb.open(str(path), map_size=1 << 24, subdir=subdir)
    with environment.begin(write=True) as transaction:
        for key, value in entries.items():
            transaction.put(key, value)
    environment.close()
    return path


def test_a_folder_comes_back_byte_by_byte(folder, words):
    assert len(words) == 5 and repr(words) == "LMDBWords('words.lmdb', 5 samples)"
    assert list(words) == [(path.read_bytes(), text) for path, text in read_folder(folder)]
    assert words[-1] == words[4] == (png(4), "5")


def test_the_keys_are_the_fields(words):
    environment = lmdb.open(str(words.path), readonly=True, lock=False)
    with environment.begin() as transaction:
        keys = [key for key, _ in transaction.cursor()]
        assert transaction.get(b"num-samples") == b"5" and transaction.get(b"label-000000002") == "한국".encode()
    environment.close()
    names = [b"%s-%09d" % (kind, i) for kind in (b"image", b"label") for i in range(1, 6)]
    assert keys == sorted([*names, b"num-samples"])
    assert sorted(p.name for p in words.path.iterdir()) == ["data.mdb"]


def test_a_file_written_elsewhere_is_read_with_a_folder_or_without(tmp_path):
    entries = {b"num-samples": b"1", b"image-000000001": png(0), b"label-000000001": "e\u0301te\u0301".encode()}
    for subdir in (True, False):
        words = LMDBWords(raw(tmp_path / f"d{subdir}", entries, subdir))
        assert list(words) == [(png(0), "été")]  # composed


def test_more_than_fits_at_first_is_written(tmp_path):
    block = os.urandom(5 << 20)  # five of them pass the first 16 MiB
    write_lmdb([(block, str(i)) for i in range(5)], tmp_path / "big", check=False)
    words = LMDBWords(tmp_path / "big")
    assert [t for _, t in words] == list("01234") and words[4][0] == block


def labels_of(words, queue):
    samples = [words[i] for i in range(5)]
    queue.put((os.getpid(), _OPEN[str(words.path / "data.mdb")][0][0], samples))


@pytest.mark.parametrize("method", sorted({"fork", "spawn"} & set(multiprocessing.get_all_start_methods())))
@pytest.mark.parametrize("opened_before", [False, True])
def test_other_processes_read_it_too(words, method, opened_before):
    if opened_before:
        words[0]
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    workers = [context.Process(target=labels_of, args=(words, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    got = [queue.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert [samples for *_, samples in got] == [list(words)] * 2
    assert all(opened_by == pid for pid, opened_by, _ in got)  # what a fork inherits is not used
    assert len({pid for pid, *_ in got} | {os.getpid()}) == 3


def test_two_readers_of_one_file_in_one_process(words):
    again = LMDBWords(words.path)
    assert words[0] == again[0] == pickle.loads(pickle.dumps(words))[0]
    third = LMDBWords(words.path)  # its making closes what the others have open
    assert [w[1] for w in (words, again, third)] == [words[1]] * 3


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_the_same_batches_from_folder_and_file(folder, words, workers):
    from torch.utils.data import DataLoader

    alphabet = Alphabet(sorted(set("".join(TEXTS))))
    batches = [
        list(DataLoader(WordImages(source), batch_size=2, collate_fn=Collate(alphabet), num_workers=workers))
        for source in (read_folder(folder), words)
    ]
    assert [len(b) for b in batches] == [3, 3]
    for one, other in zip(*batches, strict=True):
        for name in ("images", "widths", "targets", "target_lengths"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


# refusals


def test_there_is_no_sample_beyond_the_last(words):
    for index in (5, -6):
        with pytest.raises(IndexError, match=r"sample -?\d does not exist: words\.lmdb has 5, numbered from 0"):
            words[index]


def test_a_missing_key_is_named(tmp_path):
    words = LMDBWords(raw(tmp_path / "a", {b"num-samples": b"2", b"image-000000001": png(0)}))
    with pytest.raises(KeyError, match="a lacks the key 'label-000000001' although 'num-samples' is 2"):
        words[0]
    with pytest.raises(KeyError, match="lacks the key 'image-000000002'"):
        words[1]


def test_a_file_that_counts_from_zero_is_found_out(tmp_path):
    entries = {b"num-samples": b"2"} | {b"image-%09d" % i: png(i) for i in range(2)}
    words = LMDBWords(raw(tmp_path / "zero", entries | {b"label-%09d" % i: b"x" for i in range(2)}))
    assert words[0] == (png(1), "x")  # all that can be known here
    with pytest.raises(KeyError, match="its keys begin at 0, where 1 is due: write it anew"):
        words[1]


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no LMDB file '.*nothing'"):
        LMDBWords(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="no LMDB file"):
        LMDBWords(tmp_path)  # a folder without data.mdb
    (tmp_path / "junk").write_bytes(b"junk" * 5000)
    with pytest.raises(ValueError, match="junk is no LMDB file that can be read"):
        LMDBWords(tmp_path / "junk")
    with pytest.raises(ValueError, match="other has no key 'num-samples', so it is no data set"):
        LMDBWords(raw(tmp_path / "other", {b"a": b"b"}))
    with pytest.raises(ValueError, match="the key 'num-samples' of odd is no number: b'many'"):
        LMDBWords(raw(tmp_path / "odd", {b"num-samples": b"many"}))


def test_a_file_cut_short_is_refused_before_it_is_mapped(tmp_path):
    write_lmdb([(os.urandom(9000), "x")] * 50, tmp_path / "cut", check=False)
    data = tmp_path / "cut/data.mdb"
    os.truncate(data, data.stat().st_size // 2)
    with pytest.raises(ValueError, match=r"cut is cut short: it has [0-9,]+ bytes of [0-9,]+"):
        LMDBWords(tmp_path / "cut")


def test_a_broken_image_or_label_is_named(tmp_path):
    entries = {b"num-samples": b"2", b"image-000000001": b"no image", b"label-000000001": b"one"}
    words = LMDBWords(raw(tmp_path / "b", entries | {b"image-000000002": png(0), b"label-000000002": b"\xff\xfe"}))
    with pytest.raises(ValueError, match=r"image 0 \('one'\): this is not an image of a known format"):
        WordImages(words)[0]
    with pytest.raises(ValueError, match="label-000000002 of b is not UTF-8"):
        words[1]


def test_nothing_is_left_when_writing_fails(folder, tmp_path):
    (folder / "3.png").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"sample 4 \(3\.png\) cannot be read: this is not an image"):
        write_lmdb(folder, tmp_path / "out/words")
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(ValueError, match="no samples to write"):
        write_lmdb([], tmp_path / "out/words")
    with pytest.raises(TypeError, match="sample 1: an image is a path or bytes, and is a int"):
        write_lmdb([(3, "x")], tmp_path / "out/words")
    with pytest.raises(FileExistsError, match="exists already"):
        write_lmdb(folder, folder)
    assert list((tmp_path / "out").iterdir()) == []


def test_without_the_package_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lmdb", None)
    raw_file = tmp_path / "file"
    raw_file.write_bytes(b"x")
    with pytest.raises(ModuleNotFoundError, match="needs the package lmdb; install it"):
        LMDBWords(raw_file)


# ---- files that change under a reader --------------------------------------------------------------------------


def rewritten(folder, target, names):
    shutil.rmtree(target, ignore_errors=True)
    write_lmdb([(folder / name, text) for name, text in names], target)


def test_a_file_deleted_and_written_anew_is_seen(folder, tmp_path):
    """As running a cell twice does: with more samples, and with fewer."""
    target = tmp_path / "again"
    for count in (2, 3, 1, 5):
        rewritten(folder, target, [(f"{i}.png", TEXTS[i]) for i in range(count)])
        words = LMDBWords(target)
        assert len(words) == count and [text for _, text in words] == TEXTS[:count]


def test_an_open_reader_says_that_its_file_was_written_anew_or_is_gone(folder, tmp_path):
    target = tmp_path / "again"
    rewritten(folder, target, [("0.png", "a"), ("1.png", "b")])
    words = LMDBWords(target)
    assert words[0][1] == "a"
    rewritten(folder, target, [("0.png", "a"), ("1.png", "b"), ("2.png", "c")])
    with pytest.raises(ValueError, match="again was written anew since it was opened; open it again"):
        words[0]
    shutil.rmtree(target)
    with pytest.raises(FileNotFoundError, match="is no longer there"):
        words[1]


@pytest.mark.parametrize("count", [b"9" * 30, b"9" * 18, b"-1", b"1e3", b" 5", b"", "\u0665".encode()])
def test_a_count_that_cannot_be_is_refused(tmp_path, count):
    entries = {b"num-samples": count, b"image-000000001": png(0), b"label-000000001": b"a"}
    with pytest.raises(ValueError, match=r"is no number|claims"):
        LMDBWords(raw(tmp_path / "d", entries))


@pytest.mark.parametrize("page", range(2, 6))
def test_an_overwritten_page_is_one_sentence(words, page):
    data = words.path / "data.mdb"
    whole = bytearray(data.read_bytes())
    whole[4096 * page : 4096 * (page + 1)] = os.urandom(4096) if page % 2 else bytes(4096)
    data.write_bytes(whole)
    try:
        again = LMDBWords(words.path)
        for sample in again:
            assert sample in list(zip(map(png, range(5)), TEXTS, strict=True))
    except (ValueError, KeyError) as error:
        assert "\n" not in str(error) and "words.lmdb" in str(error)


def test_a_file_cut_while_it_is_open_does_not_end_the_process(words):
    """Reading beyond the end of a map is a bus error, so another process tries it."""
    code = (
        "import os, sys; from crnn_lessons.data.lmdb import LMDBWords\n"
        "words = LMDBWords(sys.argv[1]); words[0]\n"
        "os.truncate(sys.argv[1] + '/data.mdb', int(sys.argv[2]))\n"
        "try:\n    print([len(i) for i, _ in words])\nexcept ValueError as error:\n    print(error)"
    )
    whole = (words.path / "data.mdb").read_bytes()
    for size in (8192, 4096, 100, 0):
        (words.path / "data.mdb").write_bytes(whole)
        done = subprocess.run(
            [sys.executable, "-c", code, str(words.path), str(size)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "words.lmdb" in done.stdout and done.stdout.count("\n") == 1


def test_one_file_by_its_folder_and_by_its_name(folder, words):
    assert list(LMDBWords(words.path / "data.mdb")) == list(words)


@pytest.mark.parametrize("pair", [3, b"ab", ("a", "b", "c"), (b"", 3), (b"", b"text"), (b"", None), (b"", "\ud800")])
def test_what_is_no_pair_of_an_image_and_its_text_is_named(tmp_path, pair):
    with pytest.raises((ValueError, TypeError), match=r"^sample 2(: an image is| is no pair of an image)"):
        write_lmdb([(png(0), "word"), pair], tmp_path / "words", check=False)
    with pytest.raises(ValueError, match=r"^sample 1 \(none.png\) cannot be read: No such file or directory$"):
        write_lmdb([(tmp_path / "none.png", "word")], tmp_path / "words", check=False)
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_is_none_is_told_so(tmp_path):
    write_lmdb([(png(0), "word")], tmp_path / "words", check=False)
    words = LMDBWords(tmp_path / "words")
    assert words[np.int64(0)] == words[-1] == (png(0), "word")
    for index in ("0", 0.0, slice(1)):
        with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
            words[index]
