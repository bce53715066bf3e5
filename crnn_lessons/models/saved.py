"""Reading weights: whatever is damaged is said in one sentence, and before memory is taken for it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.models.presets import Config
from crnn_lessons.models.recogniser import FORMAT, Recogniser

LARGEST = 10**4
"""No size in a configuration is above it; to count the layers of a larger one would take a while."""
NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)?(?:[eE]\+?\d+)?|Infinity")  # those in the texts of layers, too


def load(path: str | os.PathLike) -> tuple[Recogniser, Alphabet, dict]:
    """Read what :meth:`Recogniser.save` wrote.

    Returns:
        The model in evaluation mode, float32; its alphabet; the notes.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not safetensors, not a recogniser's, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no weights file {str(path)!r}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            names = set(file.keys())
            if header.get("format") != FORMAT:
                raise ValueError(f"{path.name} holds no recogniser of this package; give one that `train` wrote")
            model, alphabet, notes = _described(path.name, header)
            due = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
            there = {name: file.get_slice(name).get_shape() for name in names}
            if due != there:
                name = min(k for k in due.keys() | names if due.get(k) != there.get(k))
                _refuse(path.name, f"{name!r} is {there.get(name, 'missing')}, and should be {due.get(name, 'absent')}")
            model = Recogniser(model.config, alphabet.num_classes)  # on the processor: its size is that of the file
            own = model.state_dict()
            tensors = {name: file.get_tensor(name).to(own[name].dtype) for name in names}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path.name} is not a safetensors file ({error}); give one that `train` wrote") from None
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            _refuse(path.name, f"{name!r} holds numbers that are not finite, as after a training that diverged")
    model.load_state_dict(tensors)
    return model.eval(), alphabet, notes


def _described(file: str, header: dict[str, str]) -> tuple[Recogniser, Alphabet, dict]:
    """The model that a header describes, without memory for its weights; its alphabet and notes."""
    try:
        settings, characters, notes = (json.loads(header[key]) for key in ("config", "alphabet", "notes"))
        if not isinstance(notes, dict) or not isinstance(characters, list):
            raise TypeError("the notes are no object, or the alphabet is no list")
        if any(float(size) > LARGEST for size in NUMBER.findall(header["config"])):
            raise ValueError(f"a size is above {LARGEST}")
        alphabet = Alphabet(characters)
        with torch.device("meta"):
            return Recogniser(Config(**settings), alphabet.num_classes), alphabet, notes
    except Exception as error:  # of a damaged header anything may be wrong, down to the layers' arguments
        what = " ".join(str(error).split())
        why = f"has no {what}" if isinstance(error, KeyError) else f"cannot be understood ({what})"
        _refuse(file, f"its header {why}")


def _refuse(file: str, why: str) -> None:
    raise ValueError(f"{file} is damaged: {why}; fetch it again, or give one that `train` wrote")
