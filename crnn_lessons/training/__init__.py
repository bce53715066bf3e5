"""One training loop: a step, a run that can be interrupted, a checkpoint that resumes exactly."""

from crnn_lessons.training.settings import Settings, one_cycle, resolve_precision
from crnn_lessons.training.trainer import Trainer

__all__ = ["Settings", "Trainer", "one_cycle", "resolve_precision"]
