"""Whatever can be wrong with the options of ``train`` is said in one line before anything is rendered."""

import os

import pytest
import torch

from crnn_lessons.models import PRESETS, build
from crnn_lessons.reader import train as training
from crnn_lessons.reader.commands import main
from crnn_lessons.reader.recognition import ctc_loss_of
from crnn_lessons.text.fonts import system_directories


@pytest.fixture
def refused(tmp_path, capsys, monkeypatch):
    """Runs ``train`` with some options; gives the one line that it says, and makes sure that no work began."""
    monkeypatch.setattr(training, "Pool", lambda *_: pytest.fail("it began to render"))

    def run(*options):
        common = ["train", "--no-system-fonts", "--fonts", str(system_directories()[-1]), "--size", "8",
                  "--run", str(tmp_path / "run"), "--output", str(tmp_path / "w.safetensors")]  # fmt: skip
        assert main([*common, *map(str, options)]) == 2
        out, err = capsys.readouterr()
        *before, line = err.splitlines()
        assert out == "" and not any(other.startswith("train: ") for other in before)
        return line

    return run


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--validate-every", 0), "--validate-every must be at least 1"),
        (("--workers", 0, "--views", -1), "--views and --workers must be at least 1"),
        (("--seed", 2**70), "--seed is from 0 to 2"),
        (("--seed", -1), "--seed is from 0 to 2"),
        (("--average", 1), "--average is a share"),
        (("--foreign-share", 1), "--foreign-share is a share"),
        (("--foreign", "none.txt"), "no word list 'none.txt'"),
        (("--average", "nan"), "--average is a share"),
        (("--learning-rate", "nan"), "--learning-rate must be above 0 and finite"),
        (("--learning-rate", -1), "--learning-rate must be above 0 and finite"),
        (("--device", "banana"), "--device 'banana' is not to be had here; choose one of auto, cpu"),
        (("--device", "meta"), "--device 'meta' is not to be had here"),
        (("--device", "cuda:77"), "--device 'cuda:77' is not to be had here"),
        (("--device", ""), "--device '' is not to be had here"),
        (("--model", "huge"), "there is no model 'huge'"),
    ],
)
def test_options(refused, options, said):
    assert said in refused(*options)


@pytest.mark.parametrize("name", [name for name, config in PRESETS.items() if config.in_channels != 1])
def test_models_for_colours_are_not_offered(refused, name):
    assert f"{name!r} reads colours" in refused("--model", name)


def test_places_to_write_to(refused, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert "is a folder; give the name of a file in it" in refused("--output", tmp_path)
    assert "--output: " in refused("--output", file / "w") and "is a file" in refused("--output", file / "deep/er/w")
    assert "--output '/dev/null' is a device, and no file" in refused("--output", "/dev/null")
    assert "is a file" in refused("--run", file) and "is a file" in refused("--run", file / "below")
    if os.path.isdir("/proc/1"):  # nobody may write here, not even root
        assert "nothing can be written to '/proc'" in refused("--output", "/proc/none/w.safetensors")
        assert "nothing can be written to '/proc'" in refused("--run", "/proc/none")


def test_fonts_and_materials(refused, tmp_path):
    (tmp_path / "list.txt").write_text("x")
    assert "there is no font in " in refused("--fonts", tmp_path / "list.txt")
    assert "there is no folder " in refused("--materials", tmp_path / "none")
    (tmp_path / "materials").mkdir()
    assert "has no picture" in refused("--materials", tmp_path / "materials")
    (tmp_path / "materials/notes.png").write_text("no picture")
    assert "notes.png is no picture that can be read" in refused("--materials", tmp_path / "materials")


def test_word_lists(refused, tmp_path):
    (tmp_path / "latin1.txt").write_bytes("caf\u00e9\n".encode("latin-1"))
    assert "line 1 of latin1.txt is not UTF-8" in refused("--words", tmp_path / "latin1.txt")
    assert "no word list" in refused("--words", tmp_path / "none.txt")
    assert refused("--words", tmp_path)


def test_a_full_disk_is_one_line(refused, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "a.npy")

    monkeypatch.setattr(training, "Pool", full)
    assert refused() == "train: cannot write 'a.npy' (No space left on device); what is done is kept"


def test_a_dead_worker_is_one_line(refused, monkeypatch):
    def dead(*_):
        raise ChildProcessError("a process at work died")

    monkeypatch.setattr(training, "Pool", dead)
    assert refused() == "train: a process at work died"


def test_a_training_that_diverged_is_told_so():
    from crnn_lessons.data.batches import WordBatch, join

    model = build("tiny", 37)
    batch = WordBatch(torch.zeros(1, 1, 32, 100), *join([[1, 2]]))
    assert ctc_loss_of(model, batch).isfinite()
    with torch.no_grad():
        model.output.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match=r"^the training diverged: .* lower learning rate$"):
        ctc_loss_of(model, batch)
