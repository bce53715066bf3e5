"""The arguments of the recurrent layers, checked once, so that no error comes from deep inside a scan."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from crnn_lessons.cells.scan import State


def check_sizes(input_size: int, hidden_size: int, num_layers: int, dropout: float) -> None:
    """Say in one sentence why a layer cannot be built with these sizes, if so.

    Raises:
        ValueError: a size below 1, or no probability for ``dropout``.
    """
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, and is {size!r}")
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise ValueError(f"dropout must be a probability from 0 to 1, and is {dropout!r}")


def check_input(x: Tensor, input_size: int, layout: str, weight: Tensor) -> None:
    """Say in one sentence why a tensor cannot be the input of a layer, if so.

    Args:
        x: the input, or the data of a packed one.
        input_size: its expected last axis.
        layout: the axes that a caller knows, for the message, such as "T x N x D".
        weight: a weight of the layer, for its type and device.

    Raises:
        ValueError: another number of axes than the layout allows, another size, type or device, or no time steps.
    """
    if not isinstance(x, Tensor):
        raise ValueError(f"the input must be a tensor or a PackedSequence, and is {type(x).__name__}")
    allowed = (2,) if layout == "packed" else (2, 3)
    if x.ndim not in allowed:
        raise ValueError(f"the input must be {layout}, or T x D for one sample, and has the shape {tuple(x.shape)}")
    if x.shape[-1] != input_size:
        raise ValueError(
            f"the input has {x.shape[-1]} features a step (its last axis), and the layer was built for "
            f"input_size={input_size}; change one of them"
        )
    if x.shape[1 if layout == "N x T x D" and x.ndim == 3 else 0] == 0:
        raise ValueError(f"the input must have at least one time step, and has the shape {tuple(x.shape)}")
    if x.device != weight.device:
        raise ValueError(f"the input is on {x.device} and the layer on {weight.device}; move one with .to(device)")
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise ValueError(f"the input is {x.dtype} and the layer's weights are {weight.dtype}; convert one with .to()")


def read_lengths(lengths: Tensor | Sequence[int], N: int, T: int) -> Tensor:
    """The lengths of N samples as an int64 tensor on the CPU.

    Raises:
        ValueError: another count than N, no whole numbers, or a length outside 1 to T.
    """
    lengths = torch.as_tensor(lengths).cpu()
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise ValueError(f"lengths must be whole numbers, and are {lengths.dtype}")
    if lengths.shape != (N,):
        raise ValueError(f"lengths must hold one number for each of the {N} samples, and has {tuple(lengths.shape)}")
    wrong = [(n, length) for n, length in enumerate(lengths.tolist()) if not 1 <= length <= T]
    if wrong:
        n, length = wrong[0]
        raise ValueError(f"each length must be from 1 to the {T} steps of the input, and sample {n} has {length}")
    return lengths.long()


def read_state(hx: Tensor | State | None, names: tuple[str, ...], shape: tuple[int, ...], like: Tensor) -> State:
    """The initial state as a tuple, one tensor for each name; zeros where none is given.

    Args:
        hx: what the caller gave: a tensor, or a tuple of tensors for an LSTM.
        names: of its parts, ("h_0",) or ("h_0", "c_0").
        shape: of each part, as the caller must give it.
        like: a tensor of the type and on the device that zeros shall have.

    Raises:
        ValueError: another number of parts, or another shape.
    """
    if hx is None:
        return tuple(like.new_zeros(shape) for _ in names)
    parts = (hx,) if isinstance(hx, Tensor) else tuple(hx)
    if len(parts) != len(names) or isinstance(hx, Tensor) != (len(names) == 1):
        expected = names[0] + ", a tensor" if len(names) == 1 else f"the tuple ({', '.join(names)})"
        given = "one tensor" if isinstance(hx, Tensor) else f"a {type(hx).__name__} of {len(parts)}"
        raise ValueError(f"the initial state must be {expected}, and is {given}")
    for name, part in zip(names, parts, strict=True):
        if tuple(part.shape) != shape:
            raise ValueError(
                f"{name} must have the shape {shape} (layers times directions, then samples if there is a batch, then "
                f"hidden_size), and has {tuple(part.shape)}"
            )
    return parts
