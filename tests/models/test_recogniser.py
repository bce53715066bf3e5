"""The recogniser: shapes, parameter counts, padding, and weights that come back as they went."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.models import Config, Recogniser, build, load
from crnn_lessons.models.features import FeatureStack, layers, parse
from crnn_lessons.models.projections import Concat, Max
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.models.sequence import BiLSTM

ALPHABET = Alphabet("0123456789abcdefghijklmnopqrstuvwxyz")


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = build("tiny", 37)
    for module in model.modules():  # statistics as after some training, so that nothing is symmetric
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.bias, 0.2, 0.3)
    return model.eval()


@pytest.mark.parametrize(("name", "parameters"), [("small", 938_581), ("tiny", 164_501)])
def test_parameters(name, parameters):
    assert build(name, 37).num_parameters == parameters <= 1_000_000


def test_parameters_of_small_counted_by_hand():
    channels = [(1, 16, 9), (16, 48, 9), (48, 96, 9), (96, 96, 9), (96, 128, 9), (128, 192, 9), (192, 192, 2)]
    convolutions = sum(i * o * k + 2 * o for i, o, k in channels)  # kernels, and scale and shift of the norm
    lstm = 2 * 4 * 144 * (192 + 144 + 2)
    assert convolutions + lstm + 288 * 37 + 37 == 938_581


@pytest.mark.parametrize("name", ["small", "tiny"])
def test_shapes(name):
    model = build(name, 37).eval()
    logits, lengths = model(torch.rand(3, 1, 32, 100))
    assert logits.shape == (25, 3, 37) and logits.dtype == torch.float32
    assert lengths.tolist() == [25, 25, 25]
    assert model.features.sizes(32, 100)[-1][1] == 25
    assert model.features(torch.rand(2, 1, 32, 100)).shape[2:] == model.features.sizes(32, 100)[-1]


def test_steps_follow_the_width():
    model = build("small", 37).eval()
    for width in (4, 7, 8, 41, 100, 163):
        logits, lengths = model(torch.rand(1, 1, 32, width))
        assert len(logits) == lengths.item() == model.output_lengths(width).item() == width // 4
    assert model.narrowest() == 4


def test_padding_and_batch_order_change_nothing(model):
    widths = torch.tensor([100, 37, 64, 8, 99])
    alone = [torch.randn(1, 1, 32, int(w)) for w in widths]
    with torch.inference_mode():
        expected = [model(x)[0] for x in alone]  # T 1 C each
        for order in ([0, 1, 2, 3, 4], [3, 0, 4, 2, 1]):
            batch = torch.zeros(5, 1, 32, 120)
            for row, i in enumerate(order):
                batch[row, :, :, : widths[i]] = alone[i]
            logits, lengths = model(batch, widths[order])
            for row, i in enumerate(order):
                assert lengths[row] == len(expected[i])
                torch.testing.assert_close(logits[: lengths[row], row], expected[i][:, 0], atol=2e-5, rtol=1e-4)


def test_what_stands_in_the_padding_changes_nothing_only_if_widths_are_given(model):
    images = torch.randn(1, 1, 32, 80)
    images[..., 60:] = 0
    other = images.clone()
    other[..., 72:] = 5
    with torch.inference_mode():
        a, b = (model(x, torch.tensor([60]))[0][:15] for x in (images, other))
        assert torch.equal(a, b)
        assert not torch.allclose(model(images)[0][:15], model(other)[0][:15], atol=1e-3)


def test_every_frame_depends_on_the_whole_image_through_the_lstm(model):
    images = torch.randn(1, 1, 32, 100, requires_grad=True)
    model(images)[0][0].sum().backward()
    reach = images.grad.abs().sum(dim=(0, 1, 2)) > 0
    assert reach[-8:].any()
    plain = build("tiny", 37, sequence="none").eval()
    images.grad = None
    plain(images)[0][0].sum().backward()
    assert not (images.grad.abs().sum(dim=(0, 1, 2)) > 0)[50:].any()  # convolutions alone do not see so far


def test_bad_images_are_refused_in_one_sentence(model):
    with pytest.raises(ValueError, match=r"1 channel\(s\) and height 32; got 3 channel\(s\) and height 48"):
        model(torch.rand(1, 3, 48, 100))
    with pytest.raises(ValueError, match=r"too narrow .* at least 4 pixels"):
        model(torch.rand(1, 1, 32, 3))
    for images in (
        np.zeros((1, 1, 32, 100), np.float32),
        [[1.0]],
        None,
        torch.zeros(1, 1, 32, 100, dtype=torch.cfloat),
    ):
        with pytest.raises(TypeError, match=r"^images are a tensor of real numbers, N x C x H x W, and are "):
            model(images)


@pytest.mark.parametrize(
    "widths",
    ["abc", 100, torch.tensor(100), [10**30, 1], {1: 2}, [[1, 2], [3]], [None, 1], [90.0, 80], [True, True], [100],
     torch.tensor([90, 80], device="meta"), torch.tensor([[90], [80]]), np.array([90.5, 80])],
)  # fmt: skip
def test_widths_that_are_not_one_whole_number_each_are_refused_in_one_sentence(model, widths):
    with pytest.raises(ValueError, match=r"^widths hold one whole number for each (image|of the 2 images), and are "):
        model(torch.rand(2, 1, 32, 100), widths)


@pytest.mark.parametrize("widths", [[], (), np.zeros(0), torch.zeros(0, dtype=torch.long), None])
def test_an_empty_batch_with_widths_of_any_kind(model, widths):
    logits, lengths = model(torch.zeros(0, 1, 32, 100), widths)
    assert logits.shape == (25, 0, 37) and lengths.shape == (0,)


def test_bad_configurations_are_refused():
    with pytest.raises(ValueError, match=r"no model 'huge'; choose one of small, street, tiny, paper, post, captcha"):
        build("huge", 37)
    with pytest.raises(ValueError, match=r"no projection 'mean'"):
        build("tiny", 37, projection="mean")
    with pytest.raises(ValueError, match=r"no sequence model 'tcn'; choose one of bilstm, gru, none"):
        build("tiny", 37, sequence="tcn")
    with pytest.raises(ValueError, match=r"no sequence model 'conv 8 4'"):  # an even kernel would shift the steps
        build("tiny", 37, sequence="bilstm 4, conv 8 4")
    with pytest.raises(ValueError, match=r"no output 'softmax'"):
        build("tiny", 37, output="softmax")
    with pytest.raises(ValueError, match=r"has no depth; it has features, projection"):
        build("tiny", 37, depth=3)
    with pytest.raises(ValueError, match=r"leaves 0 x 6 of an image of 32 x 100"):
        Recogniser(Config(("pool 16 16", "pool 4 1")), 5)
    for layer in (
        "dropout 3", "conv", "conv x", "pool 2", "", "conv 3 3", "conv 8 pad", "conv 8 stride 0 1", "conv 8 bias plain",
        "pool 2 2 bias", "block 8 pad 1 1", "fmp 2 2", "fmp 0.4 0.9", "fmp 0.7 0.9 pad 1 1", "unet 8", "up 4 2",
        "keep 2", "conv 8 bias bias", "conv 0", "conv 8 stride 1 x",
    ):  # fmt: skip
        with pytest.raises(ValueError, match="is no feature layer"):
            parse(layer)
    with pytest.raises(ValueError, match="pads more than half its window"):
        parse("pool 2 2 pad 2 0")


def test_a_stack_may_be_written_as_one_text():
    assert layers("2 * conv 8, pool 2 2") == ("conv 8", "conv 8", "pool 2 2")
    assert Config("2*conv 8,pool 2 2").features == Config(["conv 8", "conv 8", "pool 2 2"]).features
    assert build("tiny", 5, features="conv 8, pool 2 2").features.layers == ("conv 8", "pool 2 2")


def test_the_input_may_have_colours():
    grey, colour = torch.rand(2, 4, 5), torch.rand(2, 3, 4, 5)
    assert to_input(grey).shape == (2, 1, 4, 5) and to_input(colour).shape == (2, 3, 4, 5)
    for image in (*to_input(grey), *to_input(colour)):
        assert image.mean().abs() < 1e-6 and image.std(correction=0).sub(1).abs() < 1e-5


def test_a_stack_computes_convolution_norm_and_relu():
    stack = FeatureStack(["conv 2", "pool 2 2"]).eval()
    with torch.no_grad():
        stack.blocks[0][0].weight.zero_()
        stack.blocks[0][0].weight[0, 0, 1, 1] = 1  # the identity
        stack.blocks[0][0].weight[1, 0, 1, 0] = -1  # minus the neighbour to the left
    x = torch.tensor([[[[1.0, 2, 3, 4], [5, 6, -7, 8]]]])
    out = stack(x)
    scale = (1 + 1e-5) ** -0.5  # batch norm with mean 0 and variance 1
    torch.testing.assert_close(out[0, 0], torch.tensor([[6.0, 8.0]]) * scale)
    torch.testing.assert_close(out[0, 1], torch.tensor([[0.0, 7.0]]) * scale)


def test_projections_put_the_width_first():
    features = torch.arange(2 * 3 * 2 * 4.0).reshape(2, 3, 2, 4)  # N D H W
    concat = Concat(3, 2)(features)
    assert concat.shape == (4, 2, 6)
    assert concat[1, 0].tolist() == [features[0, d, h, 1].item() for d in range(3) for h in range(2)]
    assert torch.equal(Max(3, 2)(features)[3, 1], features[1, :, :, 3].amax(dim=1))


def test_the_backward_lstm_starts_at_the_true_end():
    torch.manual_seed(1)
    layer = BiLSTM(3, 4)
    steps = torch.randn(6, 2, 3)
    padded = steps.clone()
    padded[4:, 0] = 99
    out = layer(padded, torch.tensor([4, 6]))
    torch.testing.assert_close(out[:4, 0], layer(steps[:4, :1])[:, 0])
    torch.testing.assert_close(out[:, 1], layer(steps)[:, 1])
    assert not out[4:, 0].any()


def test_to_input_takes_away_light_and_contrast():
    image = torch.rand(1, 32, 100)
    dim = 0.3 + 0.2 * image
    torch.testing.assert_close(to_input(image), to_input(dim), atol=1e-4, rtol=1e-4)
    assert to_input(image).shape == (1, 1, 32, 100)
    assert to_input(image).mean().abs() < 1e-5 and to_input(image).std(correction=0) == pytest.approx(1, abs=1e-4)
    assert to_input(torch.full((1, 32, 100), 0.4)).abs().max() < 1e-4


def test_saved_weights_come_back(model, tmp_path):
    path = tmp_path / "new folder/model.safetensors"
    model.save(path, ALPHABET, seed=3, command="train --words 'a b'")
    again, alphabet, notes = load(path)
    assert alphabet == ALPHABET and notes == {"seed": 3, "command": "train --words 'a b'"}
    assert again.config == model.config and not again.training
    images = torch.randn(2, 1, 32, 100)
    with torch.inference_mode():
        assert torch.equal(again(images)[0], model(images)[0])


def test_half_precision_halves_the_file_and_is_read_as_float32(model, tmp_path):
    model.save(tmp_path / "full", ALPHABET)
    model.save(tmp_path / "half", ALPHABET, half=True)
    assert (tmp_path / "half").stat().st_size < 0.55 * (tmp_path / "full").stat().st_size
    again, _, _ = load(tmp_path / "half")
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    images = torch.randn(2, 1, 32, 100)
    with torch.inference_mode():
        torch.testing.assert_close(again(images)[0], model(images)[0], atol=0.02, rtol=0.02)


def test_the_header_is_readable_json(model, tmp_path):
    model.save(tmp_path / "m", Alphabet("한국어" + "0123456789abcdefghijklmnopqrstuvw"), steps=5)
    with safe_open(tmp_path / "m", framework="np") as file:
        header = file.metadata()
    assert json.loads(header["config"])["hidden_size"] == 64
    assert json.loads(header["alphabet"])[:3] == ["한", "국", "어"]


def test_files_that_are_no_weights_are_refused(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="no weights file"):
        load(tmp_path / "none")
    (tmp_path / "junk").write_bytes(b"junk" * 100)
    with pytest.raises(ValueError, match="junk is not a safetensors file"):
        load(tmp_path / "junk")
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3)}, tmp_path / "other")
    with pytest.raises(ValueError, match="other holds no recogniser"):
        load(tmp_path / "other")
    with pytest.raises(ValueError, match="the model has 37 classes and the alphabet 4"):
        model.save(tmp_path / "wrong", Alphabet("abc"))
