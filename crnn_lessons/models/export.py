"""What torch needs to export a recogniser for any number of images of any width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


def is_exporting() -> bool:
    """Whether a program is being made of the model, by ``torch.export``, ONNX or ``torch.jit.trace``."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()


@contextmanager
def free_sizes() -> Iterator[None]:
    """While ``torch.export`` follows a model: recurrent layers as loops, whatever the length, and 1 a size like others.

    Left alone, torch unrolls an LSTM to the steps of the example, and takes it for granted that no size is 1.
    """
    with ExitStack() as stack:
        if getattr(torch.compiler, "is_exporting", bool)() and not torch.compiler.is_dynamo_compiling():
            try:
                from torch.export import _patches as loops
            except ImportError:  # a torch before 2.10, which has no such loops
                yield
                return
            stack.enter_context(loops.register_lstm_while_loop_decomposition())
            stack.enter_context(loops.register_gru_while_loop_decomposition())
            stack.enter_context(torch.fx.experimental._config.patch(backed_size_oblivious=True))
        yield
