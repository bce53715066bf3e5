"""What the reader cannot write comes out unsure; what it can write stays as sure as before, letter for letter."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from crnn_lessons.models import to_onnx
from crnn_lessons.reader import Reader
from crnn_lessons.reader.legible import Legible, shipped
from crnn_lessons.text.fonts import system_directories
from crnn_lessons.text.render import render_word
from notebooks import legible as program

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "crnn_lessons/weights"
SANS = system_directories()[-1] / "DejaVuSans.ttf"
CYRILLIC = "ключ дверь окно лестница этаж перерыв внимание осторожно лифт кафедра юридический фабрика"
GREEK = "κλειδί θύρα παράθυρο όροφος διάλειμμα προσοχή ψαράς λεωφόρος ξενοδοχείο ζυγός ηλεκτρικός θάλασσα"
LATIN = "key door window stairs floor break attention careful lift faculty legal factory 1984 k17 qzxv"


@pytest.fixture(scope="module")
def reader():
    torch.set_num_threads(1)
    return Reader()


def drawn(text, number, wild=0):
    return render_word(text, SANS, np.random.default_rng(number), height=40, wild=wild)


@pytest.mark.parametrize("words", [CYRILLIC, GREEK], ids=["Cyrillic", "Greek"])
def test_other_scripts_come_out_unsure(reader, words):
    """Measured of 12 words and as many capitals: 1 and 0 above 0.5, and by CTC alone 9 and 6."""
    readings = [reader.read(drawn(text, i)) for i, word in enumerate(words.split()) for text in (word, word.upper())]
    before = sum(reading.confidence > 0.5 * reading.legible for reading in readings)
    sure = sum(reading.confidence > 0.5 for reading in readings)
    print(f"above 0.5: {sure} of {len(readings)}, by CTC alone {before}")
    assert before >= 5 and sure <= 2


def test_what_can_be_written_stays_sure(reader):
    readings = [reader.read(drawn(word, i)) for i, word in enumerate(LATIN.split())]
    assert [reading.text for reading in readings] == LATIN.split()
    assert min(reading.confidence for reading in readings) > 0.5 and min(r.legible for r in readings) > 0.8


def test_the_text_is_what_it_is_without(reader):
    without = Reader()
    without.legible = None
    for i, word in enumerate(f"{CYRILLIC} {GREEK} {LATIN}".split()):
        picture = drawn(word, i, wild=1)
        one, other = reader.read(picture), without.read(picture)
        assert (one.text, one.letters, other.legible) == (other.text, other.letters, 1)
        assert one.confidence == pytest.approx(other.confidence * one.legible, abs=1e-9)


def test_alternatives_and_several_words_are_doubted_alike(reader):
    from crnn_lessons.reader.decoder import Decoder

    picture, several = drawn("ключ", 0), np.full((60, 400), 255, np.uint8)
    for left, word in ((10, "дверь"), (210, "окно")):
        one = drawn(word, 1)[:40, :170]
        several[10 : 10 + one.shape[0], left : left + one.shape[1]] = one
    words = reader.read_all(several)
    assert reader.read(several).legible == pytest.approx(math.prod(word.legible for word in words))
    doubtful, other = Reader(), Reader()
    doubtful.decoder = other.decoder = Decoder(other.alphabet, alternatives=3)
    other.legible = None
    one, plain = doubtful.read(picture), other.read(picture)
    assert len(one.alternatives) == 3 and one.legible < 0.5
    assert one.alternatives == tuple((text, pytest.approx(p * one.legible)) for text, p in plain.alternatives)


def test_weights_of_ones_own_are_not_judged_by_features_of_others(tmp_path):
    own = Reader(WEIGHTS / "reader.safetensors")
    assert own.legible is None and own.read(drawn("ключ", 0)).legible == 1


def test_the_layers_see_mean_and_largest():
    torch.manual_seed(0)
    legible, steps = Legible(5).requires_grad_(False), torch.randn(7, 3, 5)
    first, _, last = legible.layers
    for n in range(3):
        pooled = torch.cat([steps[:, n].sum(0) / 7, torch.stack([steps[:, n, d].max() for d in range(5)])])
        logit = last.weight[0] @ torch.relu(first.weight @ pooled + first.bias) + last.bias[0]
        assert float(legible(steps)[n]) == pytest.approx(1 / (1 + math.exp(-float(logit))), abs=1e-6)


def test_what_is_shipped_belongs_to_the_weights_that_are_shipped():
    with safe_open(WEIGHTS / "legible.safetensors", "pt") as file:
        notes = json.loads(file.metadata()["notes"])
    assert notes["of"] == hashlib.sha256((WEIGHTS / "reader.safetensors").read_bytes()).hexdigest()
    assert (WEIGHTS / "legible.safetensors").stat().st_size < 100_000 and notes["size"] >= 80_000
    assert shipped().features == Reader().model.sequence.out_features


def test_a_reader_takes_nothing_more_from_torchs_generator_the_first_time():
    drawn = []
    for _ in range(2):
        torch.manual_seed(0)
        shipped.cache_clear()
        shipped()
        drawn.append(float(torch.rand(())))
        shipped()
    torch.manual_seed(0)
    assert drawn == [float(torch.rand(()))] * 2


def test_the_exported_layers_say_the_same(reader):
    if missing := to_onnx.missing_packages():
        pytest.skip(f"not installed: {', '.join(missing)}")
    run = to_onnx.session(to_onnx.to_onnx(reader.model, reader.alphabet, legible=reader.legible))
    for count, height, width in ((1, 32, 144), (3, 48, 96), (2, 64, 73)):
        images = np.random.default_rng(0).integers(0, 256, (count, height, width), dtype=np.uint8)
        log_probs, can = run.run(["log_probs", "legible"], {"images": images[:, None].astype(np.float32) / 255})
        due, probable = reader._run(images)
        np.testing.assert_allclose(can, probable.numpy(), atol=1e-5)
        np.testing.assert_allclose(np.exp(log_probs), np.exp(due.transpose(0, 1).numpy()), atol=1e-5)


def test_layers_learn_and_take_the_prior_of_use():
    """Two clouds that overlap: the probabilities are those of Bayes' rule with the prior of use, not of training."""
    rng = np.random.default_rng(0)
    own = rng.random(20_000) > program.SHARE
    pooled = 50 + 3 * rng.standard_normal((20_000, 4))
    pooled[:, 0] += 6 * own  # two deviations apart: the log-odds grow by 2/3 a unit, 0 halfway with equal priors
    legible = program.taught(torch.tensor(pooled, dtype=torch.float32), torch.tensor(own, dtype=torch.float32), 0)
    x = torch.tensor([[50.0, 50, 50, 50], [53, 50, 50, 50], [56, 50, 50, 50]])
    with torch.no_grad():
        found = legible.layers(x).squeeze(1)
    prior = math.log((1 - program.PRIOR) / program.PRIOR)
    assert found.tolist() == pytest.approx([prior - 2, prior, prior + 2], abs=0.35)


def test_the_program_from_words_to_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(program, "find_fonts", lambda *_: sorted(system_directories()[-1].glob("DejaVuSans-*.ttf")))
    (tmp_path / "own.txt").write_text(LATIN.replace(" ", "\n"), encoding="utf-8")
    (tmp_path / "foreign.txt").write_text(CYRILLIC.replace(" ", "\n"), encoding="utf-8")
    out, lists = tmp_path / "l.safetensors", ["--words", tmp_path / "own.txt", "--foreign", tmp_path / "foreign.txt"]
    made = program.main([*map(str, lists), "--size", "300", "--output", str(out)])
    said = capsys.readouterr().out
    with safe_open(out, "pt") as file:
        assert json.loads(file.metadata()["notes"])["size"] == 300
        for name, value in made.state_dict().items():
            torch.testing.assert_close(file.get_tensor(name), value.half())
    assert said.startswith("held out: legible are ")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--size", "20"], "--size is 20; give at least 128, the words of one step"),
        (["--foreign", "absent.txt"], "there is no word list 'absent.txt'; give a text file, one word a line"),
        (["--output", "FOLDER"], "is a folder; give the name of a file in it"),
    ],
)
def test_the_program_says_what_is_wrong_before_the_work(tmp_path, monkeypatch, capsys, more, says):
    monkeypatch.setattr(program, "find_fonts", lambda *_: pytest.fail("the work began"))
    (tmp_path / "own.txt").write_text("word", encoding="utf-8")
    (tmp_path / "foreign.txt").write_text("дверь", encoding="utf-8")
    given = ["--words", str(tmp_path / "own.txt"), "--foreign", str(tmp_path / "foreign.txt")]
    with pytest.raises(SystemExit) as stop:
        program.main([*given, *(part.replace("FOLDER", str(tmp_path)) for part in more)])
    assert stop.value.code == 2 and says in capsys.readouterr().err
