"""The command ``read`` on a bad day: interrupted, closed or full outputs, odd names, endless files, folders."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crnn_lessons.reader.commands import main, printable
from crnn_lessons.text.fonts import system_directories
from crnn_lessons.text.render import render_word

ROOT = Path(__file__).resolve().parents[2]
SANS = system_directories()[-1] / "DejaVuSans.ttf"


@pytest.fixture
def word(tmp_path):
    path = tmp_path / "word.png"
    Image.fromarray(render_word("Station", SANS, np.random.default_rng(0), height=40, wild=0)).save(path)
    return path


def shell(command, **environment):
    command = command.replace("READ", f"{sys.executable} -m crnn_lessons read")
    return subprocess.run(
        command, shell=True, capture_output=True, cwd=ROOT, env=os.environ | environment, executable="/bin/sh"
    )


def test_a_folder_is_read_picture_by_picture(word, tmp_path, capsys):
    for name in ("b.png", "a.PNG", "notes.txt"):
        (tmp_path / name).write_bytes(word.read_bytes() if "." in name[-4:] and "txt" not in name else b"no picture")
    assert main(["read", str(tmp_path)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [f"{tmp_path / name}\tstation" for name in ("a.PNG", "b.png", "word.png")]
    (tmp_path / "empty").mkdir()
    assert main(["read", str(tmp_path / "empty"), str(word)]) == 1
    assert "is a directory" in capsys.readouterr().err


def test_letters_and_allow_and_upright(word, tmp_path, capsys):
    assert main(["read", "--letters", str(word)]) == 0
    text, *letters = capsys.readouterr().out.splitlines()
    rows = [line.split("\t") for line in letters]
    assert text == "station" == "".join(row[0] for row in rows)
    assert all(int(a[2]) == int(b[1]) for a, b in pairwise(rows))
    assert main(["read", "--letters", "--json", str(word)]) == 0
    row = json.loads(capsys.readouterr().out)
    assert [letter["character"] for letter in row["letters"]] == list("station")
    assert row["letters"][0].keys() == {"character", "left", "right", "confidence"}
    assert main(["read", "--allow", "0123456789", str(word)]) == 0
    assert set(capsys.readouterr().out.strip()) <= set("0123456789")
    assert main(["read", "--allow", "я", str(word)]) == 2
    assert capsys.readouterr().err.startswith("read: the reader cannot write 'я'")
    turned = tmp_path / "turned.png"
    Image.open(word).rotate(180).save(turned)
    assert main(["read", "--json", str(turned)]) == 0
    assert json.loads(capsys.readouterr().out)["turned"] == 180
    assert main(["read", "--upright", str(turned)]) == 0
    assert capsys.readouterr().out != "station\n"


def test_an_empty_name(capsys):
    assert main(["read", ""]) == 1
    assert capsys.readouterr().err == "'': the name of the file is empty; give one\n"


def test_names_are_written_out():
    assert printable("a\x1b[2Jb\nc\td") == r"a\x1b[2Jb\nc\td"
    assert printable("\u202egnp.exe\x85\u2028") == r"\u202egnp.exe\x85\u2028"
    assert printable("Caf\u00e9 한국 \udcff.png") == "Caf\u00e9 한국 \udcff.png"


def test_control_characters_of_a_name_reach_no_terminal(word, tmp_path, capsys):
    odd = tmp_path / "x\x1b[31m\n.png"
    odd.write_bytes(word.read_bytes())
    assert main(["read", str(odd), str(tmp_path / "no\x07ne")]) == 1
    out, err = capsys.readouterr()
    assert out == rf"{tmp_path}/x\x1b[31m\n.png" + "\tstation\n"
    assert err == rf"{tmp_path}/no\x07ne: there is no such file" + "\n"


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="this system has no endless file to read")
def test_an_endless_file_is_refused_and_the_rest_is_read(word, monkeypatch, capsys):
    from crnn_lessons.data import pictures

    monkeypatch.setattr(pictures, "MOST_BYTES", 1_000_000)
    assert main(["read", "/dev/zero", str(word)]) == 1
    out, err = capsys.readouterr()
    assert out == f"{word}\tstation\n"
    assert err == "/dev/zero: this has more than 1,000,000 bytes, too many for an image; give an image file\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device to write to")
def test_outputs_that_are_full_closed_or_poor(word):
    full = shell(f"READ {word} >/dev/full")
    assert (full.returncode, full.stderr) == (1, b"read: the output cannot be written (No space left on device)\n")
    closed = shell(f"READ {word} >&-")
    assert (closed.returncode, closed.stderr) == (1, b"read: standard output is closed; leave it open\n")
    silent = shell(f"READ {word} nowhere.png 2>&-")
    assert (silent.returncode, silent.stdout) == (1, f"{word}\tstation\n".encode())
    no_input = shell(f"READ - {word} <&-")
    assert no_input.stdout == f"{word}\tstation\n".encode()
    assert no_input.stderr == b"-: standard input is closed; give a file, or pipe one in\n"


def test_an_output_that_is_ascii(word):
    accented = word.with_name("caf\u00e9.png")
    accented.write_bytes(word.read_bytes())
    done = shell(f"READ {accented} {word}", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[0] == str(word).encode().replace(b"word", rb"caf\xe9") + b"\tstation"


def test_ctrl_c_gives_one_line(word):
    command = [sys.executable, "-m", "crnn_lessons", "read", *[str(word)] * 10_000]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert process.stdout.readline()  # it is at work
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, b"read: interrupted\n")


BREAK_IN = """
import sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == {name!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
"""


@pytest.mark.parametrize(
    ("name", "said"), [("tqdm", b"crnn_lessons: interrupted\n"), ("torch", b"read: interrupted\n")]
)
def test_ctrl_c_while_it_still_loads_gives_one_line(word, tmp_path, name, said):
    (tmp_path / "sitecustomize.py").write_text(BREAK_IN.format(name=name))
    done = shell(f"READ {word}", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", said)
