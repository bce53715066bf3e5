"""Damaged weights are told apart from good ones in one sentence, and cost no memory."""

import json
import tracemalloc

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.models import build, load

FORMAT = "crnn-lessons-recogniser-1"


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "w.safetensors"
    build("tiny", 4).save(path, Alphabet("abc"), note=1)
    return path


def changed(path, tensors=None, **header):
    """Write weights anew with some of the header, or of the tensors, replaced; None leaves one out."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() | header
        own = {name: file.get_tensor(name) for name in file.keys()} | (tensors or {})  # noqa: SIM118
    save_file(
        {k: v for k, v in own.items() if v is not None}, path, {k: v for k, v in metadata.items() if v is not None}
    )


def config(path, **changes):
    with safe_open(path, "pt") as file:
        return json.dumps(json.loads(file.metadata()["config"]) | changes)


HEADERS = [
    *({key: value} for key in ("config", "alphabet", "notes") for value in (None, "", "{", "7", "null", '"x"', "[[]]")),
    {"config": "[]"}, {"config": "{}"}, {"config": '{"features": []}'}, {"config": '{"colour": 1}'},
    {"alphabet": "[]"}, {"alphabet": '["a", "a", "b"]'}, {"alphabet": '["ab", "c", "d"]'}, {"alphabet": "[1, 2, 3]"},
    {"alphabet": '["a", "b"]'}, {"format": None}, {"format": "other"},
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_headers(path, header):
    changed(path, **header)
    with pytest.raises(ValueError, match=r"^w.safetensors (is damaged: |holds no recogniser)") as caught:
        load(path)
    assert "\n" not in str(caught.value)


CONFIGS = [
    {"features": 5}, {"features": None}, {"features": ["conv"]}, {"features": ["conv x"]}, {"features": ["soup 3"]},
    {"features": [["conv 3"]]}, {"projection": "none"}, {"projection": []}, {"sequence": "lstn"}, {"sequence": 3},
    {"hidden_size": 0}, {"hidden_size": -3}, {"hidden_size": "64"}, {"hidden_size": 64.5}, {"hidden_size": None},
    {"hidden_size": 65}, {"num_layers": 0}, {"num_layers": 2}, {"in_channels": 0}, {"in_channels": 3},
    {"height": 0}, {"height": -32}, {"height": 64}, {"height": None}, {"width": 1}, {"output": "mlp"}, {"output": 1},
    {"shapes": 1}, {"shapes": [[1]]}, {"shapes": [["a", "b"]]},
]  # fmt: skip


@pytest.mark.parametrize("changes", CONFIGS, ids=str)
def test_configurations(path, changes):
    changed(path, config=config(path, **changes))
    with pytest.raises(ValueError, match=r"^w.safetensors is damaged: ") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 9_000, "num_layers": 50}, {"hidden_size": 10**9}, {"features": "conv 9999, conv 9999 31"},
        {"sequence": "bilstm 9999, bilstm 9999"}, {"features": "conv 99999999999999999999"}, {"height": 10**12},
        {"features": "900000000 * conv 8"},
    ],
)  # fmt: skip
def test_a_claim_of_gigabytes_takes_none(path, changes):
    changed(path, config=config(path, **changes))
    before = torch.get_rng_state()
    tracemalloc.start()
    with pytest.raises(ValueError, match="is damaged"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    assert torch.equal(before, torch.get_rng_state())  # no weights were drawn


def test_tensors(path):
    with safe_open(path, "pt") as file:
        name = "output.weight"
        weight = file.get_tensor(name)
    good = path.read_bytes()
    for tensors, said in [
        ({name: None}, "'output.weight' is missing"),
        ({name: weight[:2].clone()}, r"'output.weight' is \[2, 128\], and should be \[4, 128\]"),
        ({"more": weight.clone()}, "'more' is .* and should be absent"),
        ({name: weight.new_full(weight.shape, float("nan"))}, "'output.weight' holds numbers that are not finite"),
        ({name: weight.new_full(weight.shape, float("inf"))}, "'output.weight' holds numbers that are not finite"),
    ]:
        path.write_bytes(good)
        changed(path, tensors)
        with pytest.raises(ValueError, match=said):
            load(path)


def test_cut_short_or_overwritten(path):
    good = path.read_bytes()
    for data in (b"", good[:4], good[:100], good[: len(good) // 2], good[:-1], bytes(8) + good[8:], b"\xff" * 100):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"is not a safetensors file|is damaged|holds no recogniser"):
            load(path)
    path.write_bytes(good)
    assert load(path)[2] == {"note": 1}
