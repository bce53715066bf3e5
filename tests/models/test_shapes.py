"""Models of several shapes: which picture goes where, and columns of any height in one projection."""

import json
from dataclasses import asdict

import pytest
import torch
from einops import repeat

from crnn_lessons.models import Config, Recogniser, build
from crnn_lessons.models.projections import Attend

STACK = "conv 8, pool 4 4, conv 16, pool 4 1"
CONFIG = Config(STACK, "attend", hidden_size=8, height=32, width=128, shapes=((64, 64), (48, 96)))


@pytest.mark.parametrize(
    ("picture", "shape", "size"),
    [
        ((100, 60), (64, 64), (64, 64)),  # higher than wide
        ((100, 141), (64, 64), (64, 64)),  # the borders are the geometric means of the proportions 1, 2 and 4
        ((100, 142), (48, 96), (48, 96)),
        ((100, 282), (48, 96), (48, 96)),
        ((100, 283), (32, 128), (32, 128)),
        ((100, 500), (32, 128), (32, 160)),  # longer than the longest shape: its own proportions
        ((10, 900), (32, 128), (32, 512)),  # but no more than four times as long
    ],
)
def test_pictures_go_to_the_shape_of_their_proportions(picture, shape, size):
    assert CONFIG.shape_for(*picture) == shape and CONFIG.size_for(*picture) == size


def test_a_model_of_one_shape_stretches_short_words_and_keeps_long_ones():
    config = build("small", 37).config
    assert config.all_shapes == ((32, 100),)
    assert [config.size_for(40, w) for w in (20, 125, 250, 9000)] == [(32, 100), (32, 100), (32, 200), (32, 400)]


def test_shapes_survive_the_header():
    assert Config(**json.loads(json.dumps(asdict(CONFIG)))) == CONFIG


def test_a_model_reads_images_of_each_of_its_heights_and_of_no_other():
    model = Recogniser(CONFIG, 11).eval()
    for (height, width), steps in zip(((32, 128), (64, 64), (48, 96)), (32, 16, 24), strict=True):
        logits, lengths = model(torch.randn(2, 1, height, width))
        assert logits.shape == (steps, 2, 11) and lengths.tolist() == [steps, steps]
    with pytest.raises(ValueError, match="height 32 or 64 or 48; got 1 channel"):
        model(torch.randn(2, 1, 40, 128))


def test_shapes_need_a_projection_of_any_height_and_rows_in_every_one():
    with pytest.raises(ValueError, match="'concat' takes one height"):
        Recogniser(Config(STACK, shapes=((64, 64),)), 11)
    with pytest.raises(ValueError, match="leaves 0 x 16 of an image of 8 x 64"):
        Recogniser(Config(STACK, "attend", shapes=((8, 64),)), 11)


def test_attend_is_a_mean_of_rows_weighted_by_a_softmax():
    torch.manual_seed(0)
    attend = Attend(16, 3)
    features = torch.randn(2, 16, 3, 5)
    rows = attend(features)  # W N D
    scores = torch.einsum("kd,ndhw->nkhw", attend.query.weight[:, :, 0, 0], features) + attend.query.bias[:, None, None]
    for n, w, d in ((0, 0, 0), (1, 4, 15), (1, 2, 7)):
        weights = scores[n, d // 2, :, w].detach().exp()  # two channels a head
        assert rows[w, n, d].item() == pytest.approx(
            float((weights * features[n, d, :, w]).sum() / weights.sum()), abs=1e-5
        )
    one = torch.randn(2, 16, 1, 5)
    assert torch.allclose(attend(one), one[:, :, 0].permute(2, 0, 1))
    equal = repeat(one, "n d 1 w -> n d 4 w")
    assert torch.allclose(attend(equal), attend(one), atol=1e-6)
    assert [Attend(channels, 3).query.out_channels for channels in (192, 12, 6, 3)] == [8, 4, 2, 1]
