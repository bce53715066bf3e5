"""Our cells and layers against torch's: outputs, states, every gradient; and what they say to bad input."""

from __future__ import annotations

import doctest
import math

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from crnn_lessons.cells import GRU, LSTM, RNN, gru_step, lstm_step, rnn_step, steps

KINDS = {
    "rnn": (RNN, nn.RNN, {}),
    "relu": (RNN, nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (LSTM, nn.LSTM, {}),
    "gru": (GRU, nn.GRU, {}),
}
D, H, T, N = 3, 5, 5, 4
LENGTHS = torch.tensor([3, 5, 1, 4])
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """On tiny tensors a second thread gains nothing, and on a busy machine waiting for it costs a hundredfold."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pair(kind: str, seed: int = 0, dtype: torch.dtype = torch.float64, **options) -> tuple[nn.Module, nn.Module]:
    """Our layer and torch's, each built from the same seed."""
    our_class, torch_class, extra = KINDS[kind]
    torch.manual_seed(seed)
    ours = our_class(D, H, dtype=dtype, **extra, **options)
    torch.manual_seed(seed)
    return ours, torch_class(D, H, dtype=dtype, **extra, **options)


def parts(state) -> tuple[torch.Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


def make_inputs(layer: nn.Module, dtype: torch.dtype, batched: bool = True) -> tuple[torch.Tensor, ...]:
    """A random input and a random initial state."""
    generator = torch.Generator().manual_seed(1)
    middle = (N,) if batched else ()
    x = torch.randn(T, *middle, D, generator=generator, dtype=dtype)
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    count = 2 if isinstance(layer, (LSTM, nn.LSTM)) else 1
    hx = tuple(0.5 * torch.randn(rows, *middle, H, generator=generator, dtype=dtype) for _ in range(count))
    if layer.batch_first and batched:
        x = x.transpose(0, 1)
    return x, *hx


def assert_equal(got, expected, tolerance: float) -> None:
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape
        assert (a - b).abs().max().item() <= tolerance


def compare(ours: nn.Module, theirs: nn.Module, call_ours, call_theirs, batched: bool = True) -> None:
    """Run both, and compare outputs, states and all gradients of a random weighting of both."""
    dtype = ours.weight_ih_l0.dtype
    results = []
    for layer, call in ((ours, call_ours), (theirs, call_theirs)):
        given = [part.clone().requires_grad_() for part in make_inputs(layer, dtype, batched)]
        hx = tuple(given[1:]) if len(given) > 2 else given[1]
        output, state = call(layer, given[0], hx)
        if isinstance(output, PackedSequence):
            assert output.batch_sizes.tolist() == [4, 3, 3, 2, 1]
            output = output.data
        generator = torch.Generator().manual_seed(2)
        found = (output, *parts(state))
        loss = sum((part * torch.randn(part.shape, generator=generator, dtype=dtype)).sum() for part in found)
        wanted = [*given, *layer.parameters()]
        results.append((found, torch.autograd.grad(loss, wanted)))
    tolerance = TOLERANCE[dtype]
    assert_equal(results[0][0], results[1][0], tolerance)
    # a gradient sums many terms, so float32 is compared relative to its size
    for a, b in zip(results[0][1], results[1][1], strict=True):
        assert (a - b).abs().max().item() <= tolerance * max(1.0, b.abs().max().item())


def packed(layer, x, hx):
    sequence = pack_padded_sequence(x, LENGTHS, batch_first=layer.batch_first, enforce_sorted=False)
    return layer(sequence, hx)


def packed_then_padded(layer, x, hx):
    output, state = packed(layer, x, hx)
    return pad_packed_sequence(output, batch_first=layer.batch_first, total_length=T)[0], state


def packed_sorted(layer, x, hx):
    order = LENGTHS.argsort(descending=True)
    x = x[order] if layer.batch_first else x[:, order]
    return layer(pack_padded_sequence(x, LENGTHS[order], batch_first=layer.batch_first), hx)


def plain(layer, x, hx):
    return layer(x, hx)


def with_lengths(layer, x, hx):
    return layer(x, hx, lengths=LENGTHS)


FORMS = {
    "padded": (plain, plain),
    "lengths": (with_lengths, packed_then_padded),
    "packed": (packed, packed),
    "packed sorted": (packed_sorted, packed_sorted),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("batch_first", "bias"), [(False, True), (True, False)])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_layers_equal_torch(kind, num_layers, bidirectional, batch_first, bias, form):
    options = dict(num_layers=num_layers, bidirectional=bidirectional, batch_first=batch_first, bias=bias)
    compare(*pair(kind, **options), *FORMS[form])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("batch_first", "bias"), [(False, False), (True, True)])
@pytest.mark.parametrize("kind", KINDS)
def test_layers_equal_torch_in_float32(kind, batch_first, bias, form):
    options = dict(num_layers=3, bidirectional=True, batch_first=batch_first, bias=bias)
    compare(*pair(kind, dtype=torch.float32, **options), *FORMS[form])


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_one_sample_without_a_batch_axis(kind, bidirectional, batch_first):
    ours, theirs = pair(kind, num_layers=2, bidirectional=bidirectional, batch_first=batch_first)
    compare(ours, theirs, plain, plain, batched=False)


@pytest.mark.parametrize("kind", KINDS)
def test_state_is_zero_when_left_out(kind):
    ours, theirs = pair(kind, num_layers=2, bidirectional=True)
    x = make_inputs(ours, torch.float64)[0]
    for value in (x, x[:, 0], pack_padded_sequence(x, LENGTHS, enforce_sorted=False)):
        (output, state), (expected, expected_state) = ours(value), theirs(value)
        if isinstance(output, PackedSequence):
            output, expected = output.data, expected.data
        assert_equal((output, *parts(state)), (expected, *parts(expected_state)), 1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_is_never_read(kind):
    """Each sample of a padded batch gives what it gives alone, even when the padding is NaN."""
    layer = pair(kind, num_layers=2, bidirectional=True)[0]
    x = make_inputs(layer, torch.float64)[0]
    for n, length in enumerate(LENGTHS.tolist()):
        x[length:, n] = math.nan
    x.requires_grad_()
    output, state = layer(x, lengths=LENGTHS)
    assert output.shape == (T, N, 2 * H)
    for n, length in enumerate(LENGTHS.tolist()):
        alone, alone_state = layer(x[:length, n])
        assert_equal([output[:length, n]], [alone], 1e-12)
        assert_equal([part[:, n] for part in parts(state)], parts(alone_state), 1e-12)
        assert (output[length:, n] == 0).all()
    output.sum().backward()
    assert x.grad.isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in layer.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_may_be_a_list_and_full_lengths_change_nothing(kind):
    layer = pair(kind, bidirectional=True)[0]
    x = make_inputs(layer, torch.float64)[0]
    assert_equal([layer(x, lengths=[T] * N)[0], layer(x, lengths=LENGTHS.tolist())[0]],
                 [layer(x)[0], layer(x, lengths=LENGTHS)[0]], 1e-15)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_weights_same_names(kind):
    ours, theirs = pair(kind, num_layers=3, bidirectional=True)
    mine, other = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(other)
    assert all(torch.equal(mine[name], other[name]) for name in other)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_weights_move_both_ways(kind, bias):
    ours, theirs = pair(kind, num_layers=2, bidirectional=True, bias=bias)
    x = make_inputs(ours, torch.float64)[0]
    for source, seed in ((ours, 7), (theirs, 8)):
        torch.manual_seed(seed)
        source.reset_parameters()
        assert not torch.allclose(ours(x)[0], theirs(x)[0])
        (theirs if source is ours else ours).load_state_dict(source.state_dict())
        assert_equal([ours(x)[0]], [theirs(x)[0]], 1e-12)


def test_weights_are_uniform_within_one_over_the_root_of_hidden_size():
    torch.manual_seed(0)
    weights = torch.cat([p.detach().flatten() for p in LSTM(20, 64).parameters()])
    assert weights.abs().max() <= 1 / 8
    assert weights.abs().max() > 0.999 / 8
    assert weights.std().item() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout(kind):
    """Between layers only, with torch's rate and scale, and none of it in evaluation."""
    ours, theirs = pair(kind, num_layers=2, dropout=0.4)
    x = make_inputs(ours, torch.float64)[0]
    assert not torch.equal(ours(x)[0], ours(x)[0])
    assert_equal([ours.eval()(x)[0]], [theirs.eval()(x)[0]], 1e-12)
    ours.train().dropout = 1.0  # nothing gets through to the second layer
    only_second = KINDS[kind][0](H, H, dtype=torch.float64, **KINDS[kind][2])
    only_second.load_state_dict({name[:-1] + "0": w for name, w in ours.state_dict().items() if name.endswith("l1")})
    assert_equal([ours(x)[0]], [only_second(torch.zeros(T, N, H, dtype=torch.float64))[0]], 1e-12)


def test_dropout_rate_and_scale():
    """With a second layer that adds up its input, the mean of many draws is the output without dropout."""
    layer = RNN(1, 1, num_layers=2, nonlinearity="relu", dropout=0.4, bias=False)
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            weight.fill_(0.0 if name == "weight_hh_l0" else 1.0)
    x = torch.ones(10, 2000, 1)
    torch.manual_seed(0)
    kept = layer(x)[1][1]  # N 1: the sum of ten values that are 0 or 1 / 0.6
    assert kept.mean().item() == pytest.approx(10, rel=0.02)
    assert kept.std().item() == pytest.approx(math.sqrt(10 * 0.4 / 0.6), rel=0.05)
    assert torch.equal(layer.eval()(x)[1][1], torch.full((2000, 1), 10.0))


def test_dropout_with_one_layer_warns():
    with pytest.warns(UserWarning, match="between layers"):
        GRU(3, 5, dropout=0.1)


def test_steps_equal_torch_cells():
    """One step at a time, against torch's own single-step cells, also without a batch axis."""
    generator = torch.Generator().manual_seed(0)
    x, h, c = (torch.randn(*size, generator=generator) for size in ((N, D), (N, H), (N, H)))
    for nonlinearity in ("tanh", "relu"):
        cell = nn.RNNCell(D, H, nonlinearity=nonlinearity)
        projected = nn.functional.linear(x, cell.weight_ih, cell.bias_ih)
        assert_equal([rnn_step(projected, h, cell.weight_hh, cell.bias_hh, nonlinearity)], [cell(x, h)], 1e-6)
    cell = nn.LSTMCell(D, H)
    projected = nn.functional.linear(x, cell.weight_ih, cell.bias_ih)
    assert_equal(lstm_step(projected, h, c, cell.weight_hh, cell.bias_hh), cell(x, (h, c)), 1e-6)
    assert_equal(lstm_step(projected[0], h[0], c[0], cell.weight_hh, cell.bias_hh), cell(x[0], (h[0], c[0])), 1e-6)
    cell = nn.GRUCell(D, H)
    projected = nn.functional.linear(x, cell.weight_ih, cell.bias_ih)
    assert_equal([gru_step(projected, h, cell.weight_hh, cell.bias_hh)], [cell(x, h)], 1e-6)


def test_lstm_step_by_hand():
    """One unit with numbers that a reader can follow; each gate's pre-activation is given, W_hh is zero."""
    logit = lambda p: math.log(p / (1 - p))  # noqa: E731
    projected = torch.tensor([[logit(0.5), logit(0.9), math.atanh(0.6), logit(0.25)]], dtype=torch.float64)
    h, c = (torch.tensor([[value]], dtype=torch.float64) for value in (0.7, 2.0))
    weight_hh = torch.zeros(4, 1, dtype=torch.float64)
    new_h, new_c = lstm_step(projected, h, c, weight_hh)
    assert new_c.item() == pytest.approx(0.9 * 2.0 + 0.5 * 0.6)  # 2.1
    assert new_h.item() == pytest.approx(0.25 * math.tanh(2.1))
    variant_h, variant_c = lstm_step(projected, h, c, weight_hh, output_tanh=False)
    assert variant_c.item() == pytest.approx(2.1)
    assert variant_h.item() == pytest.approx(0.25 * 2.1)


def test_gru_step_by_hand():
    """Update gate open: the old state stays. Shut: the proposal, which sees of the old what the reset gate lets."""
    weight_hh, bias_hh = torch.tensor([[0.0], [0.0], [3.0]]), torch.tensor([0.0, 0.0, 0.5])
    h, big = torch.tensor([[0.2]]), 50.0
    assert gru_step(torch.tensor([[0.0, big, 0.1]]), h, weight_hh, bias_hh).item() == pytest.approx(0.2)
    new = gru_step(torch.tensor([[0.0, -big, 0.1]]), h, weight_hh, bias_hh).item()
    assert new == pytest.approx(math.tanh(0.1 + 0.5 * (3 * 0.2 + 0.5)))
    assert gru_step(torch.tensor([[-big, -big, 0.1]]), h, weight_hh, bias_hh).item() == pytest.approx(math.tanh(0.1))


def test_lstm_variant_in_a_layer():
    """The layer's output is then o * c, unbounded; scanned here by hand."""
    torch.manual_seed(0)
    layer = LSTM(D, H, dtype=torch.float64, output_tanh=False)
    x = make_inputs(layer, torch.float64)[0]
    h = c = torch.zeros(N, H, dtype=torch.float64)
    expected = []
    for x_t in x:
        gates = x_t @ layer.weight_ih_l0.T + layer.bias_ih_l0 + h @ layer.weight_hh_l0.T + layer.bias_hh_l0
        i, f, g, o = gates[:, :H], gates[:, H : 2 * H], gates[:, 2 * H : 3 * H], gates[:, 3 * H :]
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c
        expected.append(h)
    output, (h_n, c_n) = layer(x)
    assert_equal([output, h_n[0], c_n[0]], [torch.stack(expected), h, c], 1e-12)


def test_gradients_of_gradients():
    """Second derivatives work too (a fused layer has none), which lessons on Jacobians may use."""
    layer = pair("gru", bidirectional=True)[0]
    x, h = make_inputs(layer, torch.float64)
    args = (x[:3, :2].clone().requires_grad_(), h[:, :2].clone().requires_grad_())
    assert torch.autograd.gradgradcheck(lambda x, h: layer(x, h, lengths=[2, 3])[0], args)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_gives_the_same(kind):
    ours, _ = pair(kind, num_layers=2, bidirectional=True)
    x = make_inputs(ours, torch.float64)[0]
    expected = ours(x, lengths=LENGTHS)
    got = ours.cuda()(x.cuda(), lengths=LENGTHS.cuda())
    assert_equal([p.cpu() for p in (got[0], *parts(got[1]))], [expected[0], *parts(expected[1])], 1e-12)


X = torch.zeros(T, N, D)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LSTM(0, 5), "input_size must be a whole number of at least 1, and is 0"),
        (lambda: LSTM(3, 5.0), "hidden_size must be a whole number of at least 1, and is 5.0"),
        (lambda: LSTM(3, 5, num_layers=0), "num_layers must be"),
        (lambda: LSTM(3, 5, dropout=1.5), "dropout must be a probability from 0 to 1, and is 1.5"),
        (lambda: RNN(3, 5, nonlinearity="selu"), "no nonlinearity 'selu'; choose one of tanh, relu"),
        (lambda: LSTM(3, 5)([1, 2]), "must be a tensor or a PackedSequence, and is list"),
        (lambda: LSTM(3, 5)(X[0, 0]), r"T x N x D, or T x D for one sample, and has the shape \(3,\)"),
        (lambda: LSTM(3, 5, batch_first=True)(X[None]), r"N x T x D, or T x D"),
        (lambda: LSTM(4, 5)(X), "3 features a step .* input_size=4"),
        (lambda: LSTM(4, 5)(pack_padded_sequence(X, LENGTHS, enforce_sorted=False)), "3 features a step"),
        (lambda: LSTM(3, 5)(X[:0]), "at least one time step"),
        (lambda: LSTM(3, 5, batch_first=True)(X[:, :0]), "at least one time step"),
        (lambda: LSTM(3, 5)(X.double()), "input is torch.float64 and the layer's weights are torch.float32"),
        (lambda: LSTM(3, 5)(X.long()), "input is torch.int64"),
        (lambda: LSTM(3, 5)(X, lengths=[5, 5, 0, 5]), "from 1 to the 5 steps of the input, and sample 2 has 0"),
        (lambda: LSTM(3, 5)(X, lengths=[5, 8, 1, 5]), "sample 1 has 8"),
        (lambda: LSTM(3, 5)(X, lengths=[5, 5, 5]), r"each of the 4 samples, and has \(3,\)"),
        (lambda: LSTM(3, 5)(X, lengths=[5.0] * 4), "whole numbers, and are torch.float32"),
        (lambda: LSTM(3, 5)(X[:, 0], lengths=[5]), "one sample has no padding"),
        (lambda: LSTM(3, 5)(pack_padded_sequence(X, [5] * 4), lengths=[5] * 4), "packed input knows its lengths"),
        (lambda: LSTM(3, 5)(X, torch.zeros(1, N, H)), r"the tuple \(h_0, c_0\), and is one tensor"),
        (lambda: LSTM(3, 5)(X, (torch.zeros(1, N, H),)), r"the tuple \(h_0, c_0\), and is a tuple of 1"),
        (lambda: GRU(3, 5)(X, (torch.zeros(1, N, H),) * 2), "h_0, a tensor, and is a tuple of 2"),
        (lambda: GRU(3, 5)(X, torch.zeros(2, N, H)), r"h_0 must have the shape \(1, 4, 5\) .* and has \(2, 4, 5\)"),
        (lambda: LSTM(3, 5)(X, (torch.zeros(1, N, H), torch.zeros(1, 3, H))), "c_0 must have the shape"),
        (lambda: GRU(3, 5)(X[:, 0], torch.zeros(1, 1, H)), r"h_0 must have the shape \(1, 5\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_example_in_the_docstring():
    assert doctest.testmod(steps) == (0, 6)


@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
def test_what_code_written_for_torchs_layers_calls(kind):
    ours = kind(3, 5, num_layers=2, bidirectional=True)
    before = [p.clone() for p in ours.parameters()]
    assert ours.flatten_parameters() is None
    assert all(torch.equal(a, b) for a, b in zip(before, ours.parameters(), strict=True))
    theirs = getattr(nn, kind.__name__)(3, 5, num_layers=2, bidirectional=True)
    for name in ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"):
        assert getattr(ours, name) == getattr(theirs, name)
