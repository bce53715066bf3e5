"""A training run on disk: everything that it takes to go on as if it had never stopped, without pickle."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from crnn_lessons.files import write_atomically

FORMAT = "crnn-lessons-checkpoint-2"
KINDS = {"step": (int,), "seconds": (int, float), "settings": (dict,), "data": (str,),
         "smooth": (float, type(None)), "history": (list,)}  # fmt: skip


@dataclass
class Checkpoint:
    """The state of a run after a step.

    Attributes:
        step: optimiser steps done.
        seconds: spent on them.
        settings: how the run trains; it can only go on with equal ones.
        data: what its batches are made of, in a few words or a hash; it can only go on with the same.
        smooth: the smoothed loss, None before the first step.
        history: what validation said, and when.
        tensors: the model's, the average's and the optimiser's, and the state of torch's generator, by name.
    """

    step: int
    seconds: float
    settings: dict[str, Any]
    data: str
    smooth: float | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with ``name/``, without that."""
        return {k.removeprefix(f"{name}/"): v for k, v in self.tensors.items() if k.startswith(f"{name}/")}

    def restore(self, optimizer: torch.optim.Optimizer) -> None:
        """Give an optimiser back what it remembered of each parameter."""
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in self.part("optimizer").items():
            i, _, name = key.partition("/")
            state.setdefault(int(i), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

    def write(self, path: str | os.PathLike) -> None:
        """Write a file that appears whole or not at all."""
        tensors = {k: v.detach().cpu().contiguous().clone() for k, v in self.tensors.items()}
        rest = {name: value for name, value in vars(self).items() if name != "tensors"}
        run = json.dumps(rest)
        header = {"format": FORMAT, "run": run, "checksum": str(_checksum(run, tensors))}
        write_atomically(path, to_bytes(tensors, metadata=header))

    @classmethod
    def read(cls, path: str | os.PathLike) -> Checkpoint:
        """Read what ``write`` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: it is none of ours, or damaged.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no checkpoint {str(path)!r} to resume; train without it")
        try:
            with safe_open(path, framework="pt") as file:
                header = file.metadata() or {}
                tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{path.name} is damaged or no checkpoint ({error})") from None
        if header.get("format") != FORMAT:
            raise ValueError(f"{path.name} is not a checkpoint of this package's edition; give one that is")
        try:
            found = cls(**json.loads(header["run"]), tensors=tensors)
            whole = int(header["checksum"]) == _checksum(header["run"], tensors)
            whole &= all(type(getattr(found, name)) in kinds for name, kinds in KINDS.items())
        except (KeyError, TypeError, ValueError):
            whole = False
        if not whole:
            raise ValueError(f"{path.name} is damaged: what stands in it does not fit its checksum; start anew")
        return found

    def check(self, settings: Mapping[str, Any], data: str, shapes: Mapping[str, torch.Size]) -> None:
        """Say in one sentence why a run cannot go on from here, if so.

        Args:
            settings, data: of the run that wants to.
            shapes: of the tensors that it has, by name.

        Raises:
            ValueError: other settings, other data, a model of another shape.
        """
        was = self.settings
        different = [f"{k} was {was.get(k)} and is {v}" for k, v in settings.items() if was.get(k) != v]
        if different:
            raise ValueError(f"the checkpoint was made with other settings: {'; '.join(different)}. Use the same")
        if not 0 <= self.step <= settings["steps"]:
            raise ValueError(
                f"the checkpoint claims step {self.step} of {settings['steps']}; it is damaged, start anew"
            )
        if self.data != data:
            raise ValueError(f"the checkpoint was made with other data: {self.data!r}, and now {data!r}. Use the same")
        if {name: tensor.shape for name, tensor in self.tensors.items()} != dict(shapes):
            raise ValueError("the checkpoint belongs to a model of another shape; build the one it was made with")


def _checksum(run: str, tensors: Mapping[str, Tensor]) -> int:
    total = zlib.crc32(run.encode())
    for name in sorted(tensors):
        total = zlib.crc32(name.encode() + tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes(), total)
    return total
