"""One training loop: a step, a run, a checkpoint that resumes exactly."""

from __future__ import annotations

import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from tqdm.auto import tqdm

from crnn_lessons.files import write_atomically

FORMAT = "crnn-lessons-checkpoint-1"


@dataclass(frozen=True)
class Settings:
    """How to train; a checkpoint can only be resumed with equal ones.

    Attributes:
        steps: optimiser steps in all; the learning rate falls to zero at the last.
        learning_rate: the highest, reached at the end of the warm-up.
        warm_up: share of the steps in which the learning rate rises.
        weight_decay: of AdamW, on matrices and kernels only.
        clip: greatest norm of the gradient; 0 for no clipping.
        average: decay of the running average of the weights; 0 for none.
        precision: "float32", "bfloat16", or "auto" (bfloat16 where the processor has it).
        seed: of the model's initial weights and of dropout.
    """

    steps: int
    learning_rate: float = 2e-3
    warm_up: float = 0.075
    weight_decay: float = 0.02
    clip: float = 5.0
    average: float = 0.0
    precision: str = "float32"
    seed: int = 0


def one_cycle(step: int, settings: Settings) -> float:
    """The learning rate of a step: a cosine up over the warm-up, a cosine down to zero (Smith, 2018)."""
    rise = max(1, round(settings.warm_up * settings.steps))
    if step < rise:
        low = settings.learning_rate / 25
        return low + (settings.learning_rate - low) * (1 - math.cos(math.pi * (step + 1) / rise)) / 2
    done = (step - rise) / max(1, settings.steps - rise)
    return settings.learning_rate * (1 + math.cos(math.pi * done)) / 2


def resolve_precision(precision: str, device: torch.device) -> torch.dtype:
    """The type for the convolutions: what was asked for, or the faster one that this device has."""
    if precision == "auto":
        if device.type == "cpu":
            fast = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        else:
            fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        precision = "bfloat16" if fast else "float32"
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"there is no precision {precision!r}; choose float32, bfloat16 or auto")
    return getattr(torch, precision)


class Trainer:
    """Trains a model with AdamW, a one-cycle learning rate, clipping and weight averaging.

    Args:
        model: any module; it is changed in place.
        batches: gives the batch of a step. It must depend on nothing but the number of the step (and
            seeds), so that a resumed run sees what an uninterrupted one sees.
        loss_of: gives the loss of a model on a batch.
        settings: how to train.
        checkpoint: file to save to and resume from; none for a run that need not survive.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Callable[[int], Any],
        loss_of: Callable[[nn.Module, Any], Tensor],
        settings: Settings,
        checkpoint: str | os.PathLike | None = None,
    ):
        self.model, self.batches, self.loss_of, self.settings = model, batches, loss_of, settings
        self.checkpoint = Path(checkpoint) if checkpoint is not None else None
        self.device = next(model.parameters()).device
        self.dtype = resolve_precision(settings.precision, self.device)
        matrices = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
        )
        self._parameters = matrices + others
        self.average = {k: v.detach().clone() for k, v in model.state_dict().items()} if settings.average else {}
        self.step_number = 0
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        torch.manual_seed(settings.seed + 1)  # dropout, if any; the initial weights are the caller's

    def step(self) -> float:
        """One optimiser step; returns its loss."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = one_cycle(self.step_number, self.settings)
        batch = self.batches(self.step_number)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            loss = self.loss_of(self.model, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self._parameters, self.settings.clip)
        self.optimizer.step()
        self._update_average()
        self.step_number += 1
        return loss.item()

    @torch.no_grad()
    def _update_average(self) -> None:
        if not self.average:
            return
        # early on, the average must forget the random weights it began with
        decay = min(self.settings.average, (1 + self.step_number) / (10 + self.step_number))
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    @contextmanager
    def averaged(self):
        """Within it, the model has its averaged weights (its own, when there is no average)."""
        own = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.average or own)
        try:
            yield self.model
        finally:
            self.model.load_state_dict(own)

    def run(
        self,
        until: int | None = None,
        validate: Callable[[nn.Module], dict[str, float]] | None = None,
        validate_every: int = 1000,
        save_every: int = 500,
        progress: bool = True,
    ) -> bool:
        """Train to the last step, or to ``until``; Ctrl-C stops after the step in hand and saves.

        Args:
            validate: called with the averaged model every ``validate_every`` steps and at the end; what it
                returns is kept in ``history``.

        Returns:
            True when the last step was done, False when it was interrupted.
        """
        end = self.settings.steps if until is None else min(until, self.settings.steps)
        smooth, begun = None, time.monotonic() - self.seconds
        bar = tqdm(total=end, initial=self.step_number, desc="training", unit="step", disable=not progress)
        with bar, _stop_on_interrupt() as stop:
            while self.step_number < end and not stop.is_set():
                loss = self.step()
                smooth = loss if smooth is None else 0.98 * smooth + 0.02 * loss
                self.seconds = time.monotonic() - begun
                bar.update()
                bar.set_postfix(loss=f"{smooth:.3f}", refresh=False)
                last = self.step_number == end
                if validate is not None and (self.step_number % validate_every == 0 or last):
                    with self.averaged() as model:
                        scores = validate(model)
                    self.history.append({"step": self.step_number, "loss": smooth, **scores})
                    shown = "  ".join(f"{k} {v:.4g}" for k, v in self.history[-1].items())
                    tqdm.write(f"{shown}  seconds {self.seconds:.0f}")
                if self.checkpoint and (self.step_number % save_every == 0 or last):
                    self.save()
        if self.step_number < end and self.checkpoint:
            self.save()
        return self.step_number >= end

    def save(self) -> None:
        """Write everything needed to go on, to the checkpoint file, atomically, without pickle."""
        if self.checkpoint is None:
            raise ValueError("this trainer has no checkpoint file; give one when you make it")
        tensors = {f"model/{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average/{k}": v for k, v in self.average.items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{i}/{k}": v for k, v in state.items()}
        tensors["random/torch"] = torch.get_rng_state()
        tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        header = {
            "format": FORMAT,
            "step": str(self.step_number),
            "seconds": repr(self.seconds),
            "settings": json.dumps(asdict(self.settings)),
            "history": json.dumps(self.history),
        }
        write_atomically(self.checkpoint, to_bytes(tensors, metadata=header))

    def resume(self) -> None:
        """Go on from the checkpoint file, as if the run had never stopped.

        Raises:
            FileNotFoundError: no checkpoint.
            ValueError: it is none of ours, or was made with other settings or another model.
        """
        if self.checkpoint is None or not self.checkpoint.is_file():
            raise FileNotFoundError(f"there is no checkpoint {str(self.checkpoint)!r} to resume; train without it")
        try:
            with safe_open(self.checkpoint, framework="pt") as file:
                header = file.metadata() or {}
                tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise ValueError(f"{self.checkpoint.name} is damaged or no checkpoint ({error})") from None
        if header.get("format") != FORMAT:
            raise ValueError(f"{self.checkpoint.name} is not a checkpoint of this package; give one that is")
        then, now = json.loads(header["settings"]), asdict(self.settings)
        different = [f"{k} was {then.get(k)} and is {v}" for k, v in now.items() if then.get(k) != v]
        if different:
            raise ValueError(f"the checkpoint was made with other settings: {'; '.join(different)}. Use the same")
        own = self.model.state_dict()
        saved = {k.removeprefix("model/"): v for k, v in tensors.items() if k.startswith("model/")}
        if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in saved.items()}:
            raise ValueError("the checkpoint belongs to a model of another shape; build the one it was made with")
        self.model.load_state_dict(saved)
        for name in self.average:
            self.average[name].copy_(tensors[f"average/{name}"])
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer/"):
                _, i, name = key.split("/")
                state.setdefault(int(i), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        torch.set_rng_state(tensors["random/torch"])
        self.step_number = int(header["step"])
        self.seconds = float(header["seconds"])
        self.history = json.loads(header["history"])


@contextmanager
def _stop_on_interrupt():
    """Turn the first Ctrl-C into a request to stop, so that no step is cut in half; the second is obeyed."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # signals reach the main thread only
        return

    def ask(signum, frame):
        stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
