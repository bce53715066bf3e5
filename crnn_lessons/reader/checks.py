"""What can be wrong with the options of ``train``, found before the first second of work."""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from pathlib import Path

import torch

from crnn_lessons.training import distributed


def check(a: argparse.Namespace) -> torch.device:
    """Check numbers, device, and the places to write to; returns the device.

    Raises:
        ValueError: in one sentence, which option is wrong and what it takes.
    """
    counts = ["size", "steps", "batch", "views", "workers", "validate_every", "save_every"]
    small = [f"--{name.replace('_', '-')}" for name in counts if getattr(a, name) < 1]
    if small:
        raise ValueError(f"{' and '.join(small)} must be at least 1")
    if not 0 <= a.average < 1:
        raise ValueError(f"--average is a share, from 0 to below 1, and is {a.average}")
    if not 0 <= a.foreign_share < 1:
        raise ValueError(f"--foreign-share is a share, from 0 to below 1, and is {a.foreign_share}")
    if not (math.isfinite(a.learning_rate) and a.learning_rate > 0):
        raise ValueError(f"--learning-rate must be above 0 and finite, and is {a.learning_rate}")
    if not 0 <= a.seed < 2**63:
        raise ValueError(f"--seed is from 0 to 2**63 - 1, and is {a.seed}")
    if a.batch < distributed.world():
        raise ValueError(
            f"--batch {a.batch} is too small: each of the {distributed.world()} processes needs a word of it"
        )
    device = _device(a.device)
    check_place("--output", a.output)
    _check_folder("--run", a.run)
    return device


def check_place(option: str, file: Path) -> None:
    """Refuse a file that cannot be written: it is a folder, or its folder takes none.

    Raises:
        ValueError: in one sentence, why not.
    """
    if file.is_dir():
        raise ValueError(f"{option} {str(file)!r} is a folder; give the name of a file in it")
    if file.exists() and not file.is_file():
        raise ValueError(f"{option} {str(file)!r} is a device, and no file; give another name")
    _check_folder(option, file.parent)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and distributed.active():
        place, there = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
        if place >= there:
            raise ValueError(f"--device cuda: this machine has {there} GPUs; start as many processes on it, or use cpu")
        torch.cuda.set_device(place)
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).add_(1).item()
    except (RuntimeError, AssertionError, NotImplementedError):
        here = ["auto", "cpu", *["cuda"] * torch.cuda.is_available()]
        raise ValueError(f"--device {name!r} is not to be had here; choose one of {', '.join(here)}") from None
    return device


def _check_folder(option: str, folder: Path) -> None:
    """Refuse a folder that cannot be written to; one that is not there yet is judged by what it would be made in."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        if not there.is_dir():
            raise ValueError(f"{option}: {str(there)!r} is a file, and a folder must be there; choose another name")
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ValueError(f"{option}: nothing can be written to {str(there)!r} ({error.strerror})") from None
