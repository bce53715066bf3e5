"""Every published count and shape, exactly."""

import pytest
import torch

from crnn_lessons.models import PRESETS, build, summarise
from tests.models.stacks import ALL, MENU, small_model


@pytest.mark.parametrize(
    ("name", "parameters", "channels", "height", "steps"),
    [
        ("paper", 8_331_301, 1, 32, {100: 26, 128: 33}),
        ("post", 8_724_133, 3, 32, {100: 26, 128: 33}),
        ("captcha", 602_725, 3, 50, {200: 180}),
        ("small", 938_581, 1, 32, {100: 25}),
        ("street", 2_066_141, 1, 32, {144: 36}),
        ("tiny", 164_501, 1, 32, {100: 25}),
    ],
)
def test_published_counts_and_lengths(name, parameters, channels, height, steps):
    model = build(name, num_classes=37).eval()
    assert model.num_parameters == parameters
    for width, T in steps.items():
        with torch.inference_mode():
            logits, lengths = model(torch.rand(1, channels, height, width))
        assert logits.shape == (T, 1, 37) and lengths.tolist() == [T] and model.output_lengths(width) == T


def test_other_variants_that_are_published():
    paper = PRESETS["paper"]
    in_colour = build("post", 37, sequence=paper.sequence)
    assert in_colour.num_parameters == 8_331_173  # three channels and two separate LSTMs
    in_text = [f.removesuffix(" bias") + " plain" if f.endswith("bias") else f for f in paper.features]
    in_text[8] = in_text[7] = "conv 512 bias"  # norms after the convolutions 5 and 6, as the paper's text has them
    without = [f.removesuffix(" bias") for f in paper.features]  # lesson 10: a bias before a norm has no effect
    assert build("paper", 37, features=without).num_parameters == 8_331_301 - 1_280
    assert build("paper", 37, features=in_text).num_parameters == 8_331_301 - 512


# The published table of the backbone: layer, parameters of the convolution, of the norm, and D x H x W at 3 x 32 x 100.
BACKBONE = [
    ("conv 64 plain", (1_792,), (64, 32, 100)),
    ("pool 2 2", (), (64, 16, 50)),
    ("conv 128 plain", (73_856,), (128, 16, 50)),
    ("pool 2 2", (), (128, 8, 25)),
    ("conv 256", (294_912, 512), (256, 8, 25)),
    ("conv 256 plain", (590_080,), (256, 8, 25)),
    ("pool 2 2 stride 2 1 pad 0 1", (), (256, 4, 26)),
    ("conv 512", (1_179_648, 1_024), (512, 4, 26)),
    ("conv 512 plain", (2_359_808,), (512, 4, 26)),
    ("pool 2 2 stride 2 1 pad 0 1", (), (512, 2, 27)),
    ("conv 512 2 2", (1_048_576, 1_024), (512, 1, 26)),
]


def test_the_backbone_of_the_post_row_by_row():
    stack = build("post", 37).features
    summary = summarise(stack, height=32, width=100)
    assert [(row.name, row.parameters, row.shape) for row in summary.rows] == BACKBONE
    assert summary.num_parameters == 5_551_232 == sum(p.numel() for p in stack.parameters())
    assert stack(torch.rand(1, 3, 32, 100)).shape == (1, 512, 1, 26)
    assert stack.size(1, 128)[-1] == 33
    rest = summarise(build("post", 37)).rows[len(BACKBONE) :]
    assert [sum(row.parameters) for row in rest] == [0, 3_153_920, 18_981]


def test_the_captcha_reader_by_hand():
    first = (3 * 15 + 1) * 64 + (64 * 9 + 1) * 64 + (3 * 15 + 1) * 64 + 2 * 128
    other = (64 * 15 + 1) * 64 + (64 * 9 + 1) * 64 + (64 * 15 + 1) * 64 + 2 * 128
    gru, mlp = 3 * 64 * (64 + 64 + 2), 65 * 128 + 129 * 37
    assert first + 3 * other + (64 * 10 + 1) * 64 + gru + mlp == 602_725
    stack = build("captcha", 37).features
    assert stack.sizes(50, 200) == [(24, 196), (11, 192), (5, 188), (2, 184), (1, 180)]


@pytest.mark.parametrize("name", MENU)
def test_the_menu_gives_what_its_sizes_say(name):
    model = small_model(name)
    height, width = PRESETS[name].height, PRESETS[name].width
    with torch.inference_mode():
        features = model.features(torch.rand(2, 1, height, width, dtype=torch.double))
        logits, lengths = model(torch.rand(2, 1, height, width, dtype=torch.double))
    assert features.shape[2:] == model.features.sizes(height, width)[-1]
    assert len(logits) == lengths[0] == model.output_lengths(width)


def test_the_menu_by_hand():
    """Counts of two dishes from their layers; the sizes that the lectures state."""
    channels = [(1, 50), (50, 100), (100, 150)]
    convs = sum(9 * i * o + 2 * o for i, o in channels)
    lstm = 2 * 4 * 100 * (1500 + 100 + 2)
    assert build("lstm_normalized", 37).num_parameters == convs + lstm + 201 * 37
    assert build("lstm_normalized", 37).projection.out_features == 1500
    assert build("lstm_keep", 37).output_lengths(163) == 163
    assert build("lstm_unet", 37).output_lengths(163) == 163


@pytest.mark.parametrize("name", ALL)
def test_the_summary_agrees_with_the_model(name):
    model = build(name, 37)
    summary = summarise(model)
    assert summary.num_parameters == model.num_parameters
    assert summary.rows[-1].shape == (int(model.output_lengths(model.config.width)), 37)
