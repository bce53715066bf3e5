"""The command ``export``: what the file gives is what the reader gives, at any size; else one sentence and no file."""

import json
import subprocess
import sys
from copy import deepcopy

import numpy as np
import pytest
import torch

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.models import build, to_onnx
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader import Reader
from crnn_lessons.reader.commands import main
from crnn_lessons.text.fonts import system_directories
from crnn_lessons.text.render import render_word

SANS = system_directories()[-1] / "DejaVuSans.ttf"
WORDS = ("reader", "lattice", "station", "14", "bookshop", "alignment")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    if missing := to_onnx.missing_packages():
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("export")
    command = ["-m", "crnn_lessons", "export", "--onnx", folder / "made" / "r.onnx", "--int8", folder / "r8.onnx"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout.splitlines()


@pytest.fixture(scope="module")
def reader():
    torch.set_num_threads(1)
    return Reader()


def test_it_says_how_large_and_how_exact(written):
    folder, (first, second) = written
    plain, small = folder / "made" / "r.onnx", folder / "r8.onnx"
    assert first.startswith(
        f"{plain}: {plain.stat().st_size / 1e6:.2f} MB; on 10 sizes the log-probabilities are those"
    )
    assert float(first.split("largest difference ")[1].split()[0]) <= 1e-5
    assert second.startswith(f"{small}: {small.stat().st_size / 1e6:.2f} MB; on noise of 10 sizes")
    assert small.stat().st_size < plain.stat().st_size / 3.5
    assert sorted(path.name for path in folder.rglob("*.onnx")) == ["r.onnx", "r8.onnx"]


@pytest.mark.parametrize("size", [(1, 32, 144), (9, 32, 31), (2, 48, 96), (3, 64, 73), (1, 32, 576)])
def test_pictures_of_any_number_and_size(written, reader, size):
    count, height, width = size
    images = np.random.default_rng(size).random((count, height, width), dtype=np.float32)
    (got,) = to_onnx.session((written[0] / "made" / "r.onnx").read_bytes()).run(
        ["log_probs"], {"images": images[:, None]}
    )
    with torch.inference_mode():  # in float64: two computations in float32 may be off by 1e-5 from each other
        logits, _ = deepcopy(reader.model).double()(to_input(torch.from_numpy(images).double()))
    np.testing.assert_allclose(got, logits.double().log_softmax(-1).numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["made/r.onnx", "r8.onnx"])
def test_the_file_says_what_a_program_must_know_and_reads_words(written, reader, name):
    run = to_onnx.session((written[0] / name).read_bytes())
    known = run.get_modelmeta().custom_metadata_map
    assert Alphabet(json.loads(known["alphabet"])).characters == reader.alphabet.characters
    assert json.loads(known["shapes"]) == [list(shape) for shape in reader.model.config.all_shapes]
    assert (known["blank"], known["widest"]) == ("0", "4")
    for number, word in enumerate(WORDS):
        picture = reader.prepare(render_word(word, SANS, np.random.default_rng(number), height=40, wild=0))
        (log_probs,) = run.run(["log_probs"], {"images": picture[None, None].astype(np.float32) / 255})
        best = log_probs[:, 0].argmax(-1)
        kept = [k for k, before in zip(best, [0, *best[:-1]], strict=True) if k != before and k]
        assert reader.alphabet.decode(kept) == word


@pytest.mark.parametrize(("classes", "says"), [(37, "differs by "), (11, "gives no T x N x C at some sizes")])
def test_a_file_that_differs_is_not_written(written, tmp_path, monkeypatch, capsys, classes, says):
    torch.manual_seed(0)
    weights, place = tmp_path / "w.safetensors", tmp_path / "r.onnx"
    build("street", classes).save(weights, Alphabet("0123456789abcdefghijklmnopqrstuvwxyz"[: classes - 1]))
    monkeypatch.setattr(to_onnx, "to_onnx", lambda *_: (written[0] / "made" / "r.onnx").read_bytes())
    assert main(["export", "--onnx", str(place), "--weights", str(weights)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("export: nothing was written, as the file that torch makes of this reader " + says)
    assert not place.exists() and error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say what to write: --onnx FILE, --int8 FILE, or both"),
        (["--onnx", "FOLDER"], "--onnx 'FOLDER' is a folder; give the name of a file in it"),
        (["--int8", "FOLDER/a/b/w.onnx/c"], "--int8: 'FOLDER/a' is a file, and a folder must be there"),
        (["--onnx", "FOLDER/x", "--int8", "FOLDER/x"], "--onnx and --int8 name the same file"),
        (["--onnx", "FOLDER/x", "--weights", "FOLDER/no"], "there is no weights file 'FOLDER/no'"),
        (["--onnx", "FOLDER/x", "--weights", "FOLDER/a"], "a is not a safetensors file"),
    ],
)
def test_what_is_wrong_is_said_before_the_work(tmp_path, capsys, arguments, says):
    (tmp_path / "a").write_text("no weights", encoding="utf-8")
    assert main(["export", *(a.replace("FOLDER", str(tmp_path)) for a in arguments)]) == 2
    out, error = capsys.readouterr()
    assert error.startswith("export: " + says.replace("FOLDER", str(tmp_path))) and error.count("\n") == 1
    assert out == "" and not (tmp_path / "x").exists()


def test_packages_that_are_missing_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(to_onnx, "find_spec", lambda name: None if name != "onnx" else name)
    assert main(["export", "--onnx", str(tmp_path / "x")]) == 2
    said = "export: onnxscript and onnxruntime not installed; do: python -m pip install onnxscript onnxruntime\n"
    assert capsys.readouterr().err == said
