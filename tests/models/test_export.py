"""Widths are checked, other precisions work, and a recogniser is exported with a free number and width of images."""

import pytest
import torch

from crnn_lessons.models import build

SIZES = [(1, 100), (2, 32), (3, 100), (5, 64), (1, 400), (7, 33), (4, 101), (2, 250), (16, 100), (1, 57)]


def images(n, width, seed=0):
    return torch.randn(n, 1, 32, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("widths", "said"),
    [
        ([100], r"one whole number for each of the 3 images"),
        ([100] * 4, r"one whole number for each of the 3 images"),
        ([140, 100, 50], "image 0 has 140"),
        ([100, 0, 50], "image 1 has 0"),
        ([100, 50, -1], "image 2 has -1"),
        ([100.0, 50.0, 25.0], "float"),
        (torch.tensor([[100, 100, 100]]), r"\(1, 3\)"),
        (torch.tensor([True, True, True]), "bool"),
        ([], r"\(0,\)"),
    ],
)
@pytest.mark.parametrize("name", ["tiny", "small"])
def test_widths_are_checked(name, widths, said):
    with pytest.raises(ValueError, match=said):
        build(name, 11).eval()(images(3, 100), widths)


def test_lengths_never_pass_the_output():
    model = build("conv_only", 11).eval()
    batch = torch.randn(2, 1, 48, 300)
    logits, lengths = model(batch, [100, 300])
    assert lengths.tolist() == [12, len(logits)] and len(logits) == 37
    with pytest.raises(ValueError, match="image 1 has 300"):
        model(batch[..., :200], [100, 300])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ["tiny", "small", "street"])
def test_other_precisions(name, dtype):
    torch.manual_seed(0)
    model = build(name, 37).eval()
    batch = torch.randn(2, 1, *(model.config.height, model.config.width))
    with torch.inference_mode():
        expected, lengths = model(batch)
        logits, same = model.to(dtype)(batch.to(dtype))
    assert torch.equal(lengths, same)
    assert (logits.float() - expected).abs().max() < {torch.float16: 0.02, torch.bfloat16: 0.1, torch.float64: 1e-4}[
        dtype
    ]
    logits.log_softmax(-1)


def test_an_empty_batch():
    for widths in (None, []):
        logits, lengths = build("tiny", 37).eval()(images(0, 100), widths)
        assert logits.shape == (25, 0, 37) and lengths.shape == (0,)


@pytest.fixture(scope="module")
def exported():
    torch.manual_seed(0)
    model = build("small", 37).eval()
    free = {"images": {0: torch.export.Dim("n"), 3: torch.export.Dim("w", min=16)}}
    return model, torch.export.export(model, (images(2, 100),), dynamic_shapes=free)


@pytest.mark.parametrize(("n", "width"), SIZES)
def test_an_exported_program_agrees_at_any_size(exported, n, width):
    model, program = exported
    batch = images(n, width, n)
    with torch.inference_mode():
        expected, lengths = model(batch)
        logits, steps = program.module()(batch)
    assert torch.equal(steps, lengths) and logits.shape == expected.shape
    assert (logits - expected).abs().max() < 1e-5


def test_onnx_agrees_at_any_size(exported, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="the package onnxscript is not installed")
    model, program = exported
    file = tmp_path / "reader.onnx"
    torch.onnx.export(program, f=str(file), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for n, width in SIZES:
        batch = images(n, width, n)
        with torch.inference_mode():
            expected, lengths = model(batch)
        logits, steps = session.run(None, {name: batch.numpy()})
        assert steps.tolist() == lengths.tolist() and logits.shape == tuple(expected.shape)
        assert abs(logits - expected.numpy()).max() < 1e-5


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_trace_counts_the_steps_of_each_batch():
    model = build("tiny", 37).eval()
    traced = torch.jit.trace(model, (torch.randn(3, 1, 32, 100),))
    for shape in ((2, 1, 32, 60), (1, 1, 32, 100), (3, 1, 32, 180)):
        images = torch.randn(*shape)
        (found, steps), (logits, lengths) = traced(images), model(images)
        torch.testing.assert_close(found, logits)
        assert steps.tolist() == lengths.tolist()
