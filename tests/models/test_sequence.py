"""Projections and sequence models: what goes where, what sees what, and padding once more."""

import pytest
import torch
from torch import nn

from crnn_lessons.models import build
from crnn_lessons.models.projections import PROJECTIONS, Concat, Max, ScanHeight, Sum
from crnn_lessons.models.sequence import GRU, Chain, make_output, make_sequence


def test_each_projection_by_hand():
    features = torch.arange(2 * 3 * 2 * 4.0).reshape(2, 3, 2, 4)  # N D H W
    for n in range(2):
        for w in range(4):
            column = features[n, :, :, w]  # D H
            assert torch.equal(Sum(3, 2)(features)[w, n], column.sum(1))
            assert torch.equal(Max(3, 2)(features)[w, n], column.max(1).values)
            assert torch.equal(Concat(3, 2)(features)[w, n], column.flatten())
    torch.manual_seed(0)
    scan = ScanHeight(3, 2)
    out = scan(features)
    assert out.shape == (4, 2, 3)
    by_hand = scan.lstm(features[1, :, :, 2].T[:, None])[1][0][0, 0]  # one column, top to bottom
    torch.testing.assert_close(out[2, 1], by_hand)


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
def test_a_column_of_the_result_depends_on_that_column_alone(name):
    """The fault of a published reduction: its LSTM ran along the width."""
    torch.manual_seed(1)
    projection = PROJECTIONS[name](3, 4)
    features = torch.randn(2, 3, 4, 5, requires_grad=True)
    for n in range(2):
        for w in range(5):
            (gradient,) = torch.autograd.grad(projection(features)[w, n].sum(), features)
            touched = gradient.ne(0).any(1).any(1)  # N W
            assert touched.nonzero().tolist() == [[n, w]]
            assert name == "max" or gradient[n, :, :, w].ne(0).all()  # and on all of it


def test_a_scan_of_the_width_would_be_noticed():
    class ScanWidth(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 3, bidirectional=True)

        def forward(self, features):
            n, _, h, w = features.shape
            rows = features.permute(3, 0, 2, 1).reshape(w, n * h, 3)
            return self.lstm(rows)[0].reshape(w, n, h, 6).sum(2)

    torch.manual_seed(1)
    features = torch.randn(2, 3, 4, 5, requires_grad=True)
    (gradient,) = torch.autograd.grad(ScanWidth()(features)[2, 0].sum(), features)
    assert gradient.ne(0).any(1).any(1)[0].all()


def test_sequences_written_as_text():
    chain = make_sequence("bilstm 256, linear 256, bilstm 256", 512, 0, 0)
    assert isinstance(chain, Chain) and chain.out_features == 512
    assert sum(p.numel() for p in chain.parameters()) == 1_576_960 + 131_328 + 1_052_672
    assert isinstance(make_sequence("gru", 8, 5, 1), GRU) and make_sequence("gru 6", 8, 0, 0).out_features == 6
    assert make_sequence("conv 12 5", 8, 0, 0).conv[0].weight.shape == (12, 8, 1, 5)
    assert [m.weight.shape for m in make_output("mlp 128", 64, 37) if isinstance(m, nn.Linear)] == [
        (128, 64),
        (37, 128),
    ]


def test_the_gru_never_looks_ahead():
    torch.manual_seed(0)
    steps = torch.randn(7, 1, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(GRU(3, 4)(steps)[4].sum(), steps)
    assert gradient.ne(0).any(2).flatten().tolist() == [True] * 5 + [False] * 2


@pytest.mark.parametrize("text", ["conv 6 5", "conv 6 3, bilstm 4", "bilstm 4, linear 3, bilstm 4", "gru 5", "none"])
def test_steps_after_the_end_change_nothing(text):
    torch.manual_seed(0)
    model = make_sequence(text, 3, 4, 1).double()
    for mode in (True, False):
        model.train(mode)
        steps = torch.randn(9, 2, 3, dtype=torch.double)
        other = steps.clone()
        other[6:, 0] = 50.0
        lengths = torch.tensor([6, 9])
        a, b = model(steps, lengths), model(other, lengths)
        torch.testing.assert_close(a[:6, 0], b[:6, 0], atol=1e-10, rtol=0)
        torch.testing.assert_close(a[:, 1], b[:, 1], atol=1e-10, rtol=0)
    alone = model(steps[:6, :1])
    torch.testing.assert_close(a[:6, :1], alone, atol=1e-10, rtol=0)


def test_any_projection_and_any_sequence_go_together():
    for projection in PROJECTIONS:
        for sequence in ("none", "bilstm", "gru", "conv 8 3, gru 5"):
            for output in ("linear", "mlp 9"):
                model = build(
                    "tiny", 11, features="conv 4, pool 4 4", projection=projection, sequence=sequence, output=output,
                    hidden_size=6,
                )  # fmt: skip
                assert model(torch.rand(1, 1, 32, 40))[0].shape == (10, 1, 11)
