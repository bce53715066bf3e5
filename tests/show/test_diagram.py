"""The list of operations of an LSTM: it runs like the cell, and its picture shows it and nothing else."""

from __future__ import annotations

import subprocess
import sys

import matplotlib
import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from crnn_lessons.cells import lstm_step
from crnn_lessons.show import figures
from crnn_lessons.show.lstm_diagram import PLUS, TIMES, Op, equations, lstm_operations, run, wires
from crnn_lessons.show.lstm_picture import OUTPUTS, PLACES, draw


def weights(seed: int = 0, bias: bool = True) -> list[torch.Tensor | None]:
    torch.manual_seed(seed)
    cell = nn.LSTMCell(3, 4, bias=bias)
    return [cell.weight_ih.detach(), cell.weight_hh.detach()] + (
        [cell.bias_ih.detach(), cell.bias_hh.detach()] if bias else [None, None]
    )


@pytest.mark.parametrize("output_tanh", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_it_runs_exactly_like_the_cell(bias, output_tanh):
    weight_ih, weight_hh, bias_ih, bias_hh = weights(bias=bias)
    operations = lstm_operations(weight_ih, weight_hh, bias_ih, bias_hh, output_tanh)
    h, c = torch.randn(2, 5, 4)
    for x in torch.randn(6, 5, 3):
        values = run(operations, x=x, h_before=h, c_before=c)
        h, c = lstm_step(linear(x, weight_ih, bias_ih), h, c, weight_hh, bias_hh, output_tanh)
        assert torch.equal(values["h"], h) and torch.equal(values["c"], c)


def test_it_runs_like_torchs_cell():
    parts = weights()
    cell = nn.LSTMCell(3, 4)
    cell.load_state_dict(dict(zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), parts, strict=True)))
    x, h, c = torch.randn(5, 3), torch.randn(5, 4), torch.randn(5, 4)
    values = run(lstm_operations(*parts), x=x, h_before=h, c_before=c)
    torch.testing.assert_close((values["h"], values["c"]), cell(x, (h, c)))


def drawn(operations) -> tuple[list, set, list]:
    """The wires that draw() reports, those that lie in the picture, and the signs in the boxes."""
    _, axes = figures.new_figure()
    reported = draw(axes, operations)
    in_picture = {tuple(line.get_gid().split("->")) for line in axes.lines}
    return reported, in_picture, [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("output_tanh", [True, False])
def test_the_picture_has_every_wire_of_the_list_and_no_other(output_tanh):
    operations = lstm_operations(*weights(), output_tanh)
    reported, in_picture, texts = drawn(operations)
    needed = {(name, op.results[0]) for op in operations for name in op.inputs}
    assert set(reported) == set(wires(operations)) == needed and len(reported) == len(needed)
    assert in_picture == needed | {(name, "out") for name in OUTPUTS}
    for op in operations:
        assert texts.count(op.function.sign) == sum(other.function.sign == op.function.sign for other in operations)


def test_every_wire_begins_and_ends_where_its_values_are():
    _, axes = figures.new_figure()
    draw(axes, lstm_operations(*weights()))
    for line in axes.lines:
        name, target = line.get_gid().split("->")
        points = list(zip(*line.get_data(), strict=True))
        assert tuple(points[0]) == PLACES[name]
        if target == "out":
            assert tuple(points[-1]) == OUTPUTS[name]
        elif target != "a_i":  # the wide box is met somewhere along its width
            assert tuple(points[-1]) == PLACES[target]
        else:
            assert points[-1][1] == PLACES["a_i"][1]


def test_every_wire_has_a_head_at_the_edge_of_the_box_that_it_leads_to():
    _, axes = figures.new_figure()
    draw(axes, lstm_operations(*weights()))
    heads = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(heads) == len(axes.lines)
    boxes = [patch.get_bbox() for patch in axes.patches if hasattr(patch, "get_boxstyle")]
    for head, line in zip(heads, axes.lines, strict=True):
        assert head.arrow_patch.get_edgecolor() == matplotlib.colors.to_rgba(line.get_color())
        x, y = head.xy
        edges = [
            (abs(x - b.x0) < 1e-9 and b.y0 < y < b.y1) or (min(abs(y - b.y0), abs(y - b.y1)) < 1e-9 and b.x0 < x < b.x1)
            for b in boxes
        ]
        assert any(edges) != line.get_gid().endswith("->out")


def test_a_changed_list_changes_picture_equations_and_result():
    full = lstm_operations(*weights())
    without_forgetting = (*full[:5], *full[6:7], Op(("c",), PLUS, ("c_before", "written")), *full[8:])
    given = dict(x=torch.randn(1, 3), h_before=torch.randn(1, 4), c_before=torch.randn(1, 4))
    values = run(without_forgetting, **given)
    torch.testing.assert_close(values["c"], given["c_before"] + values["i"] * values["g"])
    assert ("kept", "c") not in drawn(without_forgetting)[1]
    assert ("c_before", "c") in drawn(without_forgetting)[1]
    assert "c = c_before + written" in equations(without_forgetting)


def test_equations():
    lines = equations(lstm_operations(*weights(), output_tanh=False))
    assert lines[0] == "a_i, a_f, a_g, a_o = the four parts of Wᵢₕ x + Wₕₕ h_before + b"
    assert lines[-3:] == ["written = i ⊙ g", "c = kept + written", "h = o ⊙ c"]
    assert not any("tanh(c)" in line for line in lines)


def test_missing_values_and_places_are_explained():
    operations = lstm_operations(*weights())
    with pytest.raises(ValueError, match="a_i needs h_before, which is neither given nor computed before it"):
        run(operations, x=torch.zeros(1, 3))
    with pytest.raises(ValueError, match="kept needs f"):
        run(operations[5:], i=torch.zeros(1))
    _, axes = figures.new_figure()
    with pytest.raises(ValueError, match="'peephole' has no place in the drawing"):
        draw(axes, [Op(("peephole",), TIMES, ("c", "i"))])


def test_importing_needs_no_matplotlib():
    code = "import sys, crnn_lessons.show.lstm_diagram; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
