"""A recogniser as an ONNX file, for other programs, machines and browsers; and the same with weights of 8 bits.

The file takes grey pictures as they are, float32 `N 1 H W` with black 0 and white 1 (colour: `N 3 H W`), and gives
log-probabilities `T N C`: the scaling before the network and the softmax behind it are part of it. The number and the
width of the pictures are free, and so is the height among the shapes of the model. What a program must know besides is
in the file's metadata: ``alphabet`` (the characters of the classes 1 to C - 1), ``blank``, ``shapes``, ``widest``.
"""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crnn_lessons.alphabet import BLANK, Alphabet
from crnn_lessons.models.export import free_sizes
from crnn_lessons.models.presets import WIDEST
from crnn_lessons.models.recogniser import Recogniser, to_input

TOLERANCE = 1e-5  # of 1 + |log p|: float32 has seven digits
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
SMALLEST = 16  # pixels of a width
ALL = 2**31  # bytes of a constant that may be worked out before


class Portable(nn.Module):
    """A recogniser between pictures, `N C H W` from 0 to 1, and log-probabilities, `T N C`.

    With a second module, which takes what the recogniser's output layer sees, `T N D`, what that gives comes as well.
    """

    def __init__(self, model: Recogniser, beside: nn.Module | None = None):
        super().__init__()
        self.model, self.beside = model, beside

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        shown = images if images.shape[1] > 1 else images[:, 0]
        with free_sizes():
            steps, _ = self.model.steps(to_input(shown))
            log_probs = self.model.classes(steps).log_softmax(-1)
            return log_probs if self.beside is None else (log_probs, self.beside(steps))


def missing_packages() -> list[str]:
    """Which of the packages that an export needs are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]


def to_onnx(model: Recogniser, alphabet: Alphabet, legible: nn.Module | None = None) -> bytes:
    """The recogniser as an ONNX file; see the top of this module for what goes in and comes out.

    Args:
        model, alphabet: the recogniser and the characters of its classes.
        legible: a module that takes what the output layer sees, `T N D`; the output ``legible`` is what it gives.

    Raises:
        ValueError: in one sentence, why torch cannot make a program of it.
    """
    import onnx
    from onnxscript import optimizer

    config = model.config
    height, width = max(config.all_shapes)  # subtle: no size within the network may be 1, or torch takes it for fixed
    # subtle: torch's program takes less than this, as its account of convolutions parts sizes of 1 from others; the
    # file does not know of that, and `differences` sees whether it is right
    free = dict.fromkeys((0, 2, 3) if config.shapes else (0, 3), torch.export.Dim.AUTO)
    try:
        with _quiet(), torch.no_grad():
            example = torch.zeros(2, config.in_channels, height, width)
            model = Portable(deepcopy(model), deepcopy(legible)).eval()
            program = torch.export.export(model, (example,), dynamic_shapes={"images": free})
            names = ["log_probs"] if legible is None else ["log_probs", "legible"]
            made = torch.onnx.export(program, dynamo=True, verbose=False, input_names=["images"], output_names=names)
            optimizer.optimize(made.model, input_size_limit=ALL, output_size_limit=ALL)  # the order of an LSTM's gates
    except Exception as error:  # torch raises whatever the part of it that gave up raises
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(f"torch {torch.__version__} cannot make a program of this model ({first})") from error
    proto = made.model_proto
    names = zip(proto.graph.input[0].type.tensor_type.shape.dim, "NCHW", strict=True)
    for dim, name in [*names, *zip(proto.graph.output[0].type.tensor_type.shape.dim, "TNC", strict=True)]:
        if not dim.HasField("dim_value"):
            dim.dim_param = name
    del proto.graph.value_info[:]
    known = {
        "alphabet": json.dumps(list(alphabet.characters), ensure_ascii=False),
        "blank": str(BLANK),
        "shapes": json.dumps(config.all_shapes),
        "widest": str(WIDEST),
    }
    onnx.helper.set_model_props(proto, known)
    return proto.SerializeToString()


def to_int8(file: bytes) -> bytes:
    """An ONNX file with the weights of its layers in 8 bits; what comes into a layer is rounded as it comes.

    Each layer's weights become whole numbers of one scale and one zero (Jacob et al. 2018, equation 1).
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        # subtle: processors multiply unsigned by unsigned numbers several times faster than signed ones here
        quantize_dynamic(onnx.load_from_string(file), path, weight_type=QuantType.QUInt8)
        return path.read_bytes()


def session(file: bytes, threads: int = 1) -> Any:
    """What runs an ONNX file on the processor: onnxruntime's ``InferenceSession``."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what fails is said by whoever asked
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def sizes_of(model: Recogniser) -> list[tuple[int, int, int]]:
    """Ten sizes N, H, W to check a file with: every shape, alone and several, narrow, wide, of odd widths."""
    shapes = model.config.all_shapes
    counts, times = (1, 2, 3, 5, 1, 7, 4, 2, 16, 1), (1, 1, 1, 0.7, 4, 0.3, 1.1, 2.5, 1, 0.6)
    found = []
    for i, (count, factor) in enumerate(zip(counts, times, strict=True)):
        height, width = shapes[i % len(shapes)]
        found.append((count, height, max(SMALLEST, model.narrowest(), round(width * factor))))
    return found


def differences(file: bytes, model: Recogniser) -> Iterator[tuple[tuple[int, int, int], float, float]]:
    """How far what onnxruntime makes of a file is from the model itself in float64, on noise of ten sizes.

    Yields:
        A size N, H, W; the largest difference of log-probabilities there, as a share of 1 + |log p|; and the largest
        difference of probabilities. Both are infinite where the file gives another shape.
    """
    run, exact = session(file), Portable(deepcopy(model)).double().eval()
    for size in sizes_of(model):
        count, height, width = size
        shape = count, model.config.in_channels, height, width
        images = np.random.default_rng(size).random(shape, dtype=np.float32)
        with torch.no_grad():
            due = exact(torch.from_numpy(images).double()).float().numpy()  # T N C
        try:
            (got,) = run.run(["log_probs"], {"images": images})
        except Exception:  # onnxruntime has a class for each way in which a size does not fit, and no common one
            got = np.empty(0)
        if got.shape != due.shape or not np.isfinite(got).all():
            yield size, float("inf"), float("inf")
        else:
            yield size, float((abs(got - due) / (1 + abs(due))).max()), float(abs(np.exp(got) - np.exp(due)).max())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the makers of torch's and onnxruntime's exporters tell each other."""
    loggers = [logging.getLogger(name) for name in ("", "torch.onnx", "torch.export")]
    before = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
