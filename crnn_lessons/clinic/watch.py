"""Looking over a network's shoulder while it runs: which layers ran, in which order, on what, in which mode."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class Watch(TorchFunctionMode):
    """Within it, a run of a model is noted down; the model itself stays as it is.

    Attributes:
        layers: the names of the modules with parameters of their own, in the order in which they ran.
        first_input: what the first of them was given.
        recurrent: name, module and shape of the input, of each module that has a ``batch_first``.
        norms, dropouts: how many batch norms and dropouts ran in training mode, functional ones too.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.first_input = model, None
        self.layers: list[str] = []
        self.recurrent: list[tuple[str, nn.Module, tuple[int, ...]]] = []
        self.norms = self.dropouts = 0

    def __enter__(self) -> Watch:
        named = self.model.named_modules()
        self._hooks = [module.register_forward_pre_hook(self._note(name), with_kwargs=True) for name, module in named]
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        for hook in self._hooks:
            hook.remove()

    def _note(self, name: str):
        def note(module: nn.Module, args: tuple, kwargs: dict) -> None:
            given = next((x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)), None)
            if any(True for _ in module.parameters(recurse=False)):
                self.layers.append(name)
                self.first_input = given if self.first_input is None else self.first_input
            if hasattr(module, "batch_first") and given is not None and given.ndim == 3:
                self.recurrent.append((name, module, tuple(given.shape)))

        return note

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is F.batch_norm:
            self.norms += bool(kwargs.get("training", args[5] if len(args) > 5 else False))
        if func in (F.dropout, F.dropout2d):
            self.dropouts += bool(kwargs.get("training", args[2] if len(args) > 2 else True))
        return func(*args, **kwargs)
