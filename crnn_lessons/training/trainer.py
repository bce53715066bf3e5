"""One training loop: a step, a run that can be interrupted, and the way back to where it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from crnn_lessons.training import distributed
from crnn_lessons.training.checkpoint import Checkpoint
from crnn_lessons.training.interrupt import stop_on_interrupt
from crnn_lessons.training.settings import Settings, one_cycle, resolve_precision


class Trainer:
    """Trains a model with AdamW, a one-cycle learning rate, clipping and weight averaging.

    In a :func:`~crnn_lessons.training.distributed.group` of processes, each takes its part of every batch; all keep the
    weights of one process with the whole batch, if no layer is random as dropout is. The first validates and writes.

    Args:
        model: any module; it is changed in place.
        batches: gives the batch of a step. It must depend on nothing but the number of the step (and
            seeds), so that a resumed run sees what an uninterrupted one sees. In a group, it gives this
            process's part, whose ``len`` is the number of its samples.
        loss_of: gives the loss of a model on a batch; in a group, a mean over its samples.
        settings: how to train.
        checkpoint: file to save to and resume from; none for a run that need not survive.
        data: what the batches are made of, in a few words or a hash; a run resumes on the same data only.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Callable[[int], Any],
        loss_of: Callable[[nn.Module, Any], Tensor],
        settings: Settings,
        checkpoint: str | os.PathLike | None = None,
        data: str = "",
    ):
        self.data = data
        self.model, self.batches, self.loss_of, self.settings = model, batches, loss_of, settings
        self.checkpoint = Path(checkpoint) if checkpoint is not None else None
        self.device = next(model.parameters()).device
        self.dtype = resolve_precision(settings.precision, self.device)
        matrices = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
        self._parameters = matrices + others
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)
        distributed.same_(model.state_dict().values())
        self.average = {k: v.detach().clone() for k, v in model.state_dict().items()} if settings.average else {}
        self.step_number, self.seconds = 0, 0.0
        self.smooth: float | None = None
        self.history: list[dict[str, float]] = []
        torch.manual_seed(settings.seed + 1)  # dropout, if any; the initial weights are the caller's

    def step(self) -> float:
        """One optimiser step; returns its loss."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = one_cycle(self.step_number, self.settings)
        batch = self.batches(self.step_number)
        distributed.seed_noise(self.settings.seed, self.step_number)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            loss = distributed.sum_of_part(self.loss_of(self.model, batch), batch)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        loss = distributed.mean_of_batch_(self._parameters, loss, batch)
        self.scaler.unscale_(self.optimizer)
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self._parameters, self.settings.clip)
        self.scaler.step(self.optimizer)  # float16: no step where a gradient is not finite
        self.scaler.update()
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
            validate: called with the averaged model every ``validate_every`` steps, 1 or more, and at the end; what
                it returns is kept in ``history``.
            save_every: steps from one checkpoint to the next, 1 or more.

        Returns:
            True when the last step was done, False when it was interrupted.
        """
        distributed.refuse_unguarded()
        if min(validate_every, save_every) < 1:
            raise ValueError(f"validate_every and save_every are 1 or more, and are {validate_every} and {save_every}")
        end = self.settings.steps if until is None else min(until, self.settings.steps)
        begun = time.monotonic() - self.seconds
        first, done = distributed.rank() == 0, self.step_number
        bar = tqdm(total=end, initial=done, desc="training", unit="step", disable=not (progress and first))
        with bar, stop_on_interrupt() as stop:
            while self.step_number < end and not distributed.any_of(stop.is_set()):
                loss = self.step()
                self.smooth = loss if self.smooth is None else 0.98 * self.smooth + 0.02 * loss
                self.seconds = time.monotonic() - begun
                bar.update()
                bar.set_postfix(loss=f"{self.smooth:.3f}", refresh=False)
                last = self.step_number == end
                if first and validate is not None and (self.step_number % validate_every == 0 or last):
                    with self.averaged() as model:
                        scores = validate(model)
                    self.history.append({"step": self.step_number, "loss": self.smooth, **scores})
                    shown = "  ".join(f"{k} {v:.4g}" for k, v in self.history[-1].items())
                    tqdm.write(f"{shown}  seconds {self.seconds:.0f}")
                if self.checkpoint and (self.step_number % save_every == 0 or last):
                    self.save()
        if self.step_number < end and self.checkpoint:
            self.save()
        return self.step_number >= end

    def save(self) -> None:
        """Write everything needed to go on, to the checkpoint file, whole or not at all."""
        if self.checkpoint is None:
            raise ValueError("this trainer has no checkpoint file; give one when you make it")
        if distributed.rank():
            return
        run = self.step_number, self.seconds, asdict(self.settings), self.data, self.smooth, self.history
        Checkpoint(*run, self._tensors()).write(self.checkpoint)

    def resume(self) -> None:
        """Go on from the checkpoint file.

        Raises:
            FileNotFoundError: no checkpoint.
            ValueError: it is none of ours, or damaged, or made with other settings, other data or another model.
        """
        if self.checkpoint is None:
            raise FileNotFoundError("this trainer has no checkpoint file to resume; give one when you make it")
        found = Checkpoint.read(self.checkpoint)
        steps = len(found.part("optimizer")) if self.scaler.is_enabled() else found.step  # float16 may skip the first
        found.check(asdict(self.settings), self.data, self._shapes(steps))
        self.model.load_state_dict(found.part("model"))
        self.average = {name: tensor.to(self.device) for name, tensor in found.part("average").items()}
        found.restore(self.optimizer)
        if scale := found.part("scaler"):
            self.scaler.load_state_dict({name: value.item() for name, value in scale.items()})
        torch.set_rng_state(found.part("random")["torch"])
        self.step_number, self.seconds = found.step, found.seconds
        self.smooth, self.history = found.smooth, found.history

    def _tensors(self) -> dict[str, Tensor]:
        """All that changes in a step, by name."""
        tensors = {f"model/{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average/{k}": v for k, v in self.average.items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{i}/{k}": v for k, v in state.items()}
        tensors |= {f"scaler/{k}": torch.tensor(v) for k, v in self.scaler.state_dict().items()}
        return tensors | {"random/torch": torch.get_rng_state()}

    def _shapes(self, step: int) -> dict[str, torch.Size]:
        """The shape of each of them after a step; before the first, AdamW has no state."""
        shapes = {name: tensor.shape for name, tensor in self._tensors().items() if "optimizer/" not in name}
        for i, p in enumerate(self._parameters if step else []):
            moments = {"step": torch.Size(), "exp_avg": p.shape, "exp_avg_sq": p.shape}
            shapes |= {f"optimizer/{i}/{name}": shape for name, shape in moments.items()}
        return shapes
