"""The layers of a stack: padding changes nothing, receptive fields are what gradients say, fractions fit torch's."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from crnn_lessons.models import summarise
from crnn_lessons.models.features import FeatureStack
from crnn_lessons.models.grammar import layers, parse
from crnn_lessons.models.lstm2 import LSTM2
from crnn_lessons.models.resizing import FractionalPool
from crnn_lessons.models.widths import Norm
from tests.models.stacks import ALL, small_model

# Stacks that hold every kind of layer, in forms that the presets lack.
STACKS = {
    "strided": "conv 4 stride 2 2, conv 4 5 5 pad 2 2 linear, pool 3 3 stride 2 2 pad 1 1",
    "residual": "block 4, block 6 stride 2 2, block 6 3 5 stride 2 1",
    "up": "conv 4, pool 4 4, up 4 2 2, conv 4",
    "fractional": "conv 4, fmp 0.7 0.8, conv 4, fmp 0.6 0.9",
    "unet": "conv 4, unet 3 4 5, pool 2 2",
    "keep": "conv 4, pool 2 3, keep, conv 4",
    "both axes": "conv 4, pool 2 3, lstm2 3, conv 4",
}


def padded(images: list[torch.Tensor], width: int, junk: float = 0.0) -> torch.Tensor:
    return torch.cat([F.pad(x, (0, width - x.shape[-1]), value=junk) for x in images])


@pytest.mark.parametrize("name", ALL)
def test_padding_and_batch_order_change_no_output_of_any_preset(name):
    model = small_model(name)
    config, generator = model.config, torch.Generator().manual_seed(1)
    widths = [config.width, config.width // 2 + 3, config.width - 7, config.width // 2 - 6]
    widths = [max(w, model.narrowest()) for w in widths]
    alone = [
        torch.randn(1, config.in_channels, config.height, w, generator=generator, dtype=torch.double) for w in widths
    ]
    with torch.inference_mode():
        expected = [model(x)[0][:, 0] for x in alone]  # T C each
        for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
            batch = padded([alone[i] for i in order], config.width + 11, junk=9.0)
            logits, lengths = model(batch, torch.tensor([widths[i] for i in order]))
            for row, i in enumerate(order):
                assert lengths[row] == len(expected[i])
                torch.testing.assert_close(logits[: lengths[row], row], expected[i], atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", STACKS)
def test_padding_changes_no_feature_and_sizes_are_right(name):
    torch.manual_seed(2)
    stack = FeatureStack(layers(STACKS[name])).double().eval()
    for width in (29, 36, 41):
        for height in (23, 24):
            image = torch.randn(1, 1, height, width, dtype=torch.double)
            with torch.inference_mode():
                alone = stack(image)
                together = stack(padded([image, torch.randn(1, 1, height, 50).double()], 50, 7.0), [width, 50])
            assert alone.shape[2:] == stack.sizes(height, width)[-1]
            torch.testing.assert_close(together[:1, ..., : alone.shape[-1]], alone, atol=1e-10, rtol=0)
            assert not together[0, ..., alone.shape[-1] :].any()


@pytest.mark.parametrize("name", ["paper", "captcha", "lstm_resnet", "lstm_unet", "lstm_keep"])
def test_in_training_padding_does_not_enter_the_statistics(name):
    one, other = small_model(name).train(), small_model(name).train()
    c, h, w = one.config.in_channels, one.config.height, one.config.width
    images = [torch.randn(1, c, h, w, dtype=torch.double), torch.randn(1, c, h, w - 30, dtype=torch.double)]
    widths = torch.tensor([w, w - 30])
    a, lengths = one(padded(images, w), widths)
    b, _ = other(padded(images, w + 60, junk=4.0), widths)
    for n, T in enumerate(lengths.tolist()):
        torch.testing.assert_close(a[:T, n], b[:T, n], atol=1e-9, rtol=0)
    for x, y in zip(one.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(x, y)
    plain = small_model(name).train()  # without widths, the zeros are taken for part of the image
    assert not torch.allclose(plain(padded(images, w + 60))[0][:5, 1], b[:5, 1], atol=1e-3)


def test_the_norm_is_torchs_where_nothing_is_padded():
    torch.manual_seed(0)
    ours, torchs = Norm(3), nn.BatchNorm2d(3)
    nn.init.normal_(ours.weight)
    torchs.load_state_dict(ours.state_dict())
    x = torch.randn(4, 3, 5, 6)
    for _ in range(2):
        torch.testing.assert_close(ours(x, [6] * 4), torchs(x), atol=1e-5, rtol=1e-5)
    for a, b in zip(ours.buffers(), torchs.buffers(), strict=True):
        torch.testing.assert_close(a, b)
    # and on two samples of different widths it is torch's on all their true columns put side by side
    torchs.train()
    got = ours(F.pad(x[:2], (0, 2)), [6, 4])
    whole = torch.cat([x[0], x[1, ..., :4]], dim=-1)[None]
    want = torchs(whole)
    torch.testing.assert_close(got[0, ..., :6], want[0, ..., :6], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(got[1, ..., :4], want[0, ..., 6:], atol=1e-5, rtol=1e-5)


def gradient_span(stack: FeatureStack, axis: int, index: int, height: int, width: int) -> tuple[int, int]:
    """First and last row or column that an output depends on, from gradients of many random images."""
    images = torch.rand(48, stack.in_channels, height, width, dtype=torch.double, requires_grad=True)
    stack(images).select(2 + axis, index).sum().backward()
    touched = (images.grad != 0).any(0).any(0).any(1 - axis).nonzero().flatten()
    return int(touched[0]), int(touched[-1])


def make_positive(stack: FeatureStack) -> FeatureStack:
    """No ReLU that closes and no sum that cancels: what can be reached is reached."""
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.abs_()
        for module in stack.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.zero_()
    return stack.eval()


@pytest.mark.parametrize("name", STACKS)
def test_receptive_fields_are_those_of_the_gradient(name):
    torch.manual_seed(3)
    stack = make_positive(FeatureStack(layers(STACKS[name])).double())
    for height, width in ((24, 40), (23, 37)):
        rows, columns = stack.sizes(height, width)[-1]
        for axis, count in ((0, rows), (1, columns)):
            for index in {0, 1, count // 2, count - 2, count - 1}:
                image = (height, width)[axis]
                assert stack.reach(axis, index, image) == gradient_span(stack, axis, index, height, width)


@pytest.mark.parametrize("name", ["paper", "captcha", "tiny", "lstm_resnet", "lstm_unet", "lstm_fmp", "lstm_keep"])
def test_receptive_fields_of_frames_are_those_of_the_gradient(name):
    model = small_model(name)
    stack, config = make_positive(model.features), model.config
    T = stack.size(1, config.width)[-1]
    for t in {0, T // 2, T - 1}:
        first, last = gradient_span(stack, 1, t, config.height, config.width)
        left, right = stack.reach(1, t, config.width)
        assert left <= first and last <= right  # never outside
        wide = right - left + 1
        assert last - first + 1 >= (wide if name != "lstm_resnet" else 0.7 * wide)  # 10 blocks: the rim is faint


def test_the_field_of_the_paper_is_54_pixels():
    stack = small_model("paper").features
    assert stack.reach(1, 13, 100) == (25, 78) and summarise(stack, 100, 32).rows[-1].sees == (32, 54)
    # the recursion: r grows by (kernel - 1) times the distance of neighbours, the distance by the stride
    r, distance = 1, 1
    for layer in map(parse, stack.layers):
        r, distance = r + (layer.kernel[1] - 1) * distance, distance * layer.stride[1]
    assert (r, distance) == (54, 4)


def test_a_column_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="column 26 does not exist: 26 are left of an image of 100"):
        small_model("paper").features.reach(1, 26, 100)


def test_fractional_pooling_is_torchs_with_a_draw_of_one_half():
    part = FractionalPool(parse("fmp 0.7 0.9"), 2).double().eval()
    for height, width in ((32, 100), (20, 33), (11, 57)):
        x = torch.randn(3, 2, height, width, dtype=torch.double)
        want = F.fractional_max_pool2d(
            x, 3, output_ratio=(0.7, 0.9), _random_samples=torch.full((3, 2, 2), 0.5, dtype=torch.double)
        )
        assert torch.equal(part(x), want) and torch.equal(part(x), part(x))
        assert want.shape[2:] == (part.size(0, height, 0), part.size(1, width, 0))
    half = FractionalPool(parse("fmp 0.5 0.5"), 1).eval()  # few outputs: windows two apart, so the draw moves the first
    x = torch.randn(2, 1, 9, 11)
    samples = torch.full((2, 1, 2), 0.5)
    assert torch.equal(half(x), F.fractional_max_pool2d(x, 3, output_ratio=(0.5, 0.5), _random_samples=samples))
    x = torch.randn(1, 1, 24, 40, dtype=torch.double)
    part.train()
    assert part(x).shape == (1, 1, 16, 36) and not torch.equal(part(x), part(x))  # in training at random


def test_an_lstm_over_both_axes_is_a_loop_over_rows_and_columns():
    def gates_by_hand(steps, weight, recurrent, bias):
        """One direction, cell by cell: T D to T H."""
        h = c = steps.new_zeros(3)
        states = []
        for x in steps:
            i, f, g, o = (weight @ x + recurrent @ h + bias).split(3)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        return torch.stack(states)

    def both_ways(lstm, steps):
        w = dict(lstm.named_parameters())
        there = gates_by_hand(steps, w["weight_ih_l0"], w["weight_hh_l0"], w["bias_ih_l0"] + w["bias_hh_l0"])
        names = ("weight_ih_l0_reverse", "weight_hh_l0_reverse")
        bias = w["bias_ih_l0_reverse"] + w["bias_hh_l0_reverse"]
        back = gates_by_hand(steps.flip(0), *(w[name] for name in names), bias).flip(0)
        return torch.cat([there, back], dim=1)

    torch.manual_seed(4)
    layer = LSTM2(parse("lstm2 3"), 2).double()
    x = torch.randn(2, 2, 4, 5, dtype=torch.double)  # N D H W
    got = layer(x, [5, 3])
    assert got.shape == (2, layer.out_channels, 4, 5) == (2, 6, 4, 5)
    for n, width in enumerate((5, 3)):
        rows = torch.stack([both_ways(layer.rows.lstm, x[n, :, row, :width].T) for row in range(4)])  # H W 2D
        want = torch.stack([both_ways(layer.columns.lstm, rows[:, column]) for column in range(width)])  # W H 2D
        torch.testing.assert_close(got[n, :, :, :width], want.permute(2, 1, 0))
    assert not got[1, :, :, 3:].any()


def test_multiply_adds_are_those_of_the_operations():
    """Counted by hooks on torch's own modules while a model runs."""
    for name in ALL:
        model = small_model(name)
        counted = 0

        def count(module, arguments, out):
            nonlocal counted
            if isinstance(module, nn.Conv2d):
                counted += module.weight.numel() * out.shape[-1] * out.shape[-2]
            elif isinstance(module, nn.ConvTranspose2d):
                counted += module.weight.numel() * arguments[0].shape[-1] * arguments[0].shape[-2]
            elif isinstance(module, nn.Linear):
                counted += module.weight.numel() * out.numel() // out.shape[-1]
            elif isinstance(module, nn.RNNBase):
                weights = sum(p.numel() for k, p in module.named_parameters() if k.startswith("weight"))
                counted += weights * arguments[0].shape[0] * arguments[0].shape[1]

        for module in model.modules():
            module.register_forward_hook(count)
        c = model.config
        model(torch.randn(1, c.in_channels, c.height, c.width, dtype=torch.double))
        assert summarise(model).multiply_adds == counted, name


def test_what_is_left_of_a_size():
    stack = small_model("paper").features
    assert [stack.size(1, w)[-1] for w in (0, 1, 3, 4, 8, 100)] == [0, 0, 0, 2, 3, 26]
    with pytest.raises(ValueError, match="nothing is left of an image of 32 x 3"):
        summarise(stack, 3, 32)
    with pytest.raises(ValueError, match="no image size of its own"):
        summarise(stack)
    with pytest.raises(ValueError, match="height 32, and got 48"):
        summarise(small_model("paper"), height=48)
    assert small_model("lstm_unet").narrowest() == 8
    assert small_model("lstm_fmp").narrowest() > 10
