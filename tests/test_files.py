"""Lists and tables are read as their writers meant them, whatever the editor put between the lines."""

import codecs
import os

import numpy as np
import pytest
from PIL import Image

from crnn_lessons.data.folders import read_folder
from crnn_lessons.data.pools import PoolSpec
from crnn_lessons.files import read_lines, write_atomically
from crnn_lessons.metrics import character_error_rate, fold, one_minus_ned, word_accuracy
from crnn_lessons.text.words import load_words

E = "e\u0301"  # é in two code points


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\r\ntwo\r\n", ["one", "two", ""]),
        (b"one\rtwo", ["one", "two"]),
        (codecs.BOM_UTF8 + b"one\ntwo", ["one", "two"]),
        ("one\ntwo".encode("utf-16"), ["one", "two"]),
        (codecs.BOM_UTF16_BE + "one\r\ntwo".encode("utf-16-be"), ["one", "two"]),
        ("a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\nh".encode(), ["a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg", "h"]),
        (f"caf{E}\n".encode(), ["caf\u00e9", ""]),
    ],
)
def test_lines(tmp_path, data, lines):
    (tmp_path / "list").write_bytes(data)
    assert read_lines(tmp_path / "list") == lines


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path):
    (tmp_path / "list.txt").write_bytes("ok\ncaf\u00e9\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"^line 2 of list.txt is not UTF-8; save the file as UTF-8$"):
        read_lines(tmp_path / "list.txt")
    with pytest.raises(ValueError, match=r"line 2 of list.txt is not UTF-8"):
        load_words([tmp_path / "list.txt"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_word_list_keeps_its_first_word(tmp_path, encoding, end):
    (tmp_path / "list").write_bytes(end.join(["First", f"caf{E}", "last"]).encode(encoding))
    assert load_words([tmp_path / "list"], f"abcdefghijklmnopqrstuvwxyz{E}") == ["first", "caf\u00e9", "last"]


@pytest.fixture
def folder(tmp_path):
    pixels = np.arange(2000, dtype=np.uint8).reshape(40, 50)
    for name in ("1.png", "caf\u00e9.png"):
        Image.fromarray(pixels).save(tmp_path / name)
    Image.fromarray(pixels).save(tmp_path.parent / "secret.png")
    return tmp_path


@pytest.mark.parametrize(
    "label", ["a\u2028b", "a\u0085b", "a\x0bb", "a\x0cb", "a\x1db", "a\tb", "\u00e9", " a "], ids=ascii
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_label_is_what_stands_behind_the_tab(folder, label, encoding):
    (folder / "labels.tsv").write_bytes(f"1.png\t{label}\r\n".encode(encoding))
    assert read_folder(folder) == [(folder / "1.png", label)]


def test_two_forms_of_a_name_and_of_a_label_are_one(folder):
    (folder / "labels.tsv").write_text(f"caf{E}.png\tcaf{E}\n", encoding="utf-8")
    assert read_folder(folder) == [(folder / "caf\u00e9.png", "caf\u00e9")]


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "x/../../secret.png", "/etc/passwd", "C:\\x.png", "..\\secret.png", "\\\\host\\x.png", ".."],
)
def test_a_table_names_files_of_its_folder_only(folder, name):
    (folder / "labels.tsv").write_text(f"1.png\tok\n{name}\tx\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^line 2 of labels.tsv names .* without '\.\.'$"):
        read_folder(folder)


def test_scores_and_labels_do_not_depend_on_the_form_of_a_letter():
    composed, apart = ["caf\u00e9", "\u00fcber"], [f"caf{E}", "u\u0308ber"]
    for a, b in [(composed, apart), (apart, composed)]:
        assert word_accuracy(a, b) == 1 and character_error_rate(a, b) == 0 and one_minus_ned(a, b) == 1
    assert character_error_rate(["caf"], [f"caf{E}"]) == 1 / 4
    assert fold(f"Caf{E}") == fold("Caf\u00e9")
    for characters in (f"abcf{E}", "abcf\u00e9"):
        spec = PoolSpec(1, 0, (), (), characters=characters)
        assert spec.label(f"Caf{E}") == spec.label("caf\u00e9") == "caf\u00e9"
    assert PoolSpec(1, 0, (), (), characters=f"a{E}") == PoolSpec(1, 0, (), (), characters="a\u00e9")


def test_no_file_takes_the_place_of_a_device_or_a_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ValueError, match="is a folder or a device, and no file; choose another name"):
            write_atomically(place, b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"] and not (tmp_path / "pipe").is_file()
    write_atomically(tmp_path / "new/file", b"data")
    write_atomically(tmp_path / "new/file", b"other")
    assert (tmp_path / "new/file").read_bytes() == b"other"
