"""A grown model reads as the one it came from, and learns in the layers that were added."""

import pytest
import torch

from crnn_lessons.models import build
from crnn_lessons.models.grow import grow
from tests.models.stacks import small_model

BASE = "conv 4, pool 2 2, conv 8, pool 2 2, conv 8 8 1"
GROWN = "conv 4, pool 2 2, conv 8, block 8, pool 2 2, block 8, conv 8 8 1, block 8"


def pair(**changes):
    earlier = small_model("tiny", features=tuple(BASE.split(", ")), seed=1)
    return earlier, small_model("tiny", features=tuple(GROWN.split(", ")), seed=2, **changes)


@pytest.fixture(autouse=True)
def as_written(monkeypatch):
    monkeypatch.setattr("tests.models.stacks.thin", lambda layer: layer)


@pytest.mark.parametrize("projection", ["concat", "attend"])
def test_a_grown_model_reads_as_the_one_it_came_from(projection):
    earlier, model = pair(projection=projection)
    images = torch.randn(3, 1, 32, 100, dtype=torch.double)
    before = earlier(images)[0]
    assert not torch.allclose(model(images)[0], before)
    assert torch.allclose(grow(earlier, model).eval()(images)[0], before, atol=1e-12)
    assert model.num_parameters > earlier.num_parameters


def test_added_blocks_learn():
    earlier, model = pair()
    grow(earlier, model)(torch.randn(3, 1, 32, 100, dtype=torch.double))[0].square().sum().backward()
    assert model.features.blocks[3].second_norm.weight.grad.abs().max() > 0


def test_a_model_grows_into_itself():
    earlier, other = small_model("tiny", seed=1), small_model("tiny", seed=2)
    grow(earlier, other)
    assert all(
        torch.equal(a, b) for a, b in zip(earlier.state_dict().values(), other.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize(
    ("features", "changes", "said"),
    [
        ("conv 4, pool 2 2, conv 8, pool 2 2, conv 8, conv 8 8 1", {}, "has no layer 'conv 8' there"),
        ("conv 4, pool 2 2, conv 8, block 16, pool 2 2, conv 8 8 1", {}, "has no layer 'block 16' there"),
        ("conv 4, pool 2 2, conv 8, pool 2 2, block 8", {}, "has a layer 'conv 8 8 1' that this one lacks"),
        (GROWN, {"hidden_size": 6}, "the sequence of the earlier model has another size"),
    ],
)
def test_what_cannot_be_grown_is_refused(features, changes, said):
    earlier = small_model("tiny", features=tuple(BASE.split(", ")))
    model = build("tiny", 7, **{"features": features, "hidden_size": 5} | changes)
    with pytest.raises(ValueError, match=said):
        grow(earlier, model)
