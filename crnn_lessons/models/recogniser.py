"""The recogniser: features, projection, sequence model and output, composed by a configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, fields

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.files import write_atomically
from crnn_lessons.models.export import free_sizes, is_exporting
from crnn_lessons.models.features import FeatureStack
from crnn_lessons.models.presets import PRESETS, Config
from crnn_lessons.models.projections import PROJECTIONS
from crnn_lessons.models.sequence import make_output, make_sequence
from crnn_lessons.models.widths import check_widths, full_precision

FORMAT = "crnn-lessons-recogniser-1"


def to_input(images: Tensor) -> Tensor:
    """What a recogniser wants: each image shifted to mean 0 and scaled to standard deviation 1.

    Signs differ in contrast far more than in shape; this takes most of it away. A flat image stays flat.

    Args:
        images: grey `N H W` or colour `N C H W`, float, black 0 and white 1.

    Returns:
        `N 1 H W`, or `N C H W` with the colours of an image shifted and scaled together.
    """
    axes = tuple(range(1, images.ndim))
    mean = images.mean(dim=axes, keepdim=True)
    deviation = images.std(dim=axes, keepdim=True, correction=0).clamp_min(0.02)
    scaled = (images - mean) / deviation
    return scaled if images.ndim == 4 else scaled.unsqueeze(1)


class Recogniser(nn.Module):
    """From images to a distribution over characters and the blank at every time step (Shi et al., 2015).

    Args:
        config: what it is made of.
        num_classes: number of classes C, the blank (class 0) among them.

    Raises:
        ValueError: an unknown part, or a stack that leaves no row or column of the image.
    """

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        if config.projection not in PROJECTIONS:
            raise ValueError(f"there is no projection {config.projection!r}; choose one of {', '.join(PROJECTIONS)}")
        self.config, self.num_classes = config, num_classes
        self.features = FeatureStack(config.features, config.in_channels)
        for shape in reversed(config.all_shapes):
            height, width = self.features.sizes(*shape)[-1]
            if height < 1 or width < 1:
                raise ValueError(
                    f"the feature stack leaves {height} x {width} of an image of {shape[0]} x {shape[1]}; "
                    "use fewer pools or a larger image"
                )
        if config.shapes and config.projection == "concat":
            raise ValueError("the projection 'concat' takes one height; images of several shapes need another")
        self.projection = PROJECTIONS[config.projection](self.features.out_channels, height)
        self.sequence = make_sequence(
            config.sequence, self.projection.out_features, config.hidden_size, config.num_layers
        )
        self.output = make_output(config.output, self.sequence.out_features, num_classes)

    def output_lengths(self, widths: Tensor | int) -> Tensor:
        """The number of time steps T that an image of each width gives."""
        widths = torch.as_tensor(widths)
        flat = widths.reshape(-1).tolist()
        steps = {w: self.features.size(1, w)[-1] for w in set(flat)}
        return torch.tensor([steps[w] for w in flat], dtype=torch.long).reshape(widths.shape)

    def forward(self, images: Tensor, widths: Tensor | Sequence[int] | None = None) -> tuple[Tensor, Tensor]:
        """Read a batch of images.

        Without widths, the model can be exported with a free number and width of images: by ``torch.export.export``,
        and to ONNX by ``torch.onnx.export``.

        Args:
            images: `N C H W`, float, light 1 and dark 0 (see :func:`crnn_lessons.models.recogniser.to_input`).
            widths: true width of each image in pixels when the batch is padded on the right; what stands in the
                padding changes nothing.

        Returns:
            Logits `T N C` (float32) and the true number of time steps of each image, `N`.

        Raises:
            TypeError: images are no tensor of real numbers.
            ValueError: images of another height or number of channels, or too narrow for one time step; widths that
                are not one whole number for each image, from 1 to the width of the batch.
        """
        with free_sizes():  # subtle: round the output layer too, or torch takes N and T for fixed there
            steps, lengths = self.steps(images, widths)
            return self.classes(steps), lengths

    def classes(self, steps: Tensor) -> Tensor:
        """Logits `T N C`, float32, of what the sequence model makes of each step."""
        with torch.autocast(steps.device.type, enabled=False):
            return full_precision(self.output(steps))

    def steps(self, images: Tensor, widths: Tensor | Sequence[int] | None = None) -> tuple[Tensor, Tensor]:
        """What the sequence model makes of each step, `T N D`, and the number of steps; takes what `forward` takes."""
        if not isinstance(images, Tensor) or images.is_complex():
            what = images.dtype if isinstance(images, Tensor) else type(images).__name__
            raise TypeError(f"images are a tensor of real numbers, N x C x H x W, and are {what}; see to_input")
        if images.ndim != 4:
            raise ValueError(f"images are N x C x H x W, and have the shape {tuple(images.shape)}")
        n, c, h, w = images.shape
        config = self.config
        heights = dict.fromkeys(height for height, _ in config.all_shapes)
        free = bool(config.shapes) and is_exporting()  # a program made of the model takes every height of its shapes
        fits = c == config.in_channels and (free or h in heights)
        if not torch.jit.is_tracing() and not fits:  # in a trace sizes are no numbers
            raise ValueError(
                f"this model reads images of {config.in_channels} channel(s) and height "
                f"{' or '.join(map(str, heights))}; got {c} channel(s) and height {h}: resize or convert them first"
            )
        widths = check_widths(widths, n, w)
        widths = None if widths is None or not n else widths  # no image has no padding, and torch packs no empty batch
        lengths = None if widths is None else self.output_lengths(widths)
        if not is_exporting() and n and int(self.output_lengths(w) if lengths is None else lengths.min()) < 1:
            raise ValueError(
                "an image is too narrow to give one time step; enlarge it or pad it to at least "
                f"{self.narrowest()} pixels"
            )
        own = next(self.parameters()).dtype
        x = self.features(images.to(own), widths)  # N D H W
        if lengths is None:  # from the shape, not from the width: an exported model counts for itself
            lengths = torch.full((n,), x.shape[-1], dtype=torch.long)
        # subtle: gates and sums over time lose too much in bfloat16; the LSTM runs in the type of its weights
        with torch.autocast(images.device.type, enabled=False):
            x = self.projection(x.to(own))  # T N D
            return self.sequence(x.contiguous(), None if widths is None else lengths), lengths  # T N D

    def narrowest(self) -> int:
        """The least width in pixels that gives one time step."""
        return next(w for w in range(1, 10_000) if self.output_lengths(w) >= 1)

    def save(self, path: str | os.PathLike, alphabet: Alphabet, half: bool = False, **notes: object) -> None:
        """Write weights, configuration, alphabet and notes as one safetensors file, atomically.

        Args:
            path: where to.
            alphabet: the characters of the classes 1 to C - 1.
            half: store float16 (half the size; reading turns them back into float32).
            notes: anything JSON can hold, for example the command and the seed.
        """
        if alphabet.num_classes != self.num_classes:
            raise ValueError(
                f"the model has {self.num_classes} classes and the alphabet {alphabet.num_classes}; they must agree"
            )
        tensors = {k: v.half() if half and v.is_floating_point() else v for k, v in self.state_dict().items()}
        header = {
            "format": FORMAT,
            "config": json.dumps(asdict(self.config)),
            "alphabet": json.dumps(list(alphabet.characters), ensure_ascii=False),
            "notes": json.dumps(notes, ensure_ascii=False),
        }
        tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        write_atomically(path, to_bytes(tensors, metadata=header))

    @property
    def num_parameters(self) -> int:
        """The number of trainable numbers."""
        return sum(p.numel() for p in self.parameters())


def build(name: str, num_classes: int, **changes: object) -> Recogniser:
    """Build a recogniser by the name of a preset; ``changes`` replace fields of its configuration.

    Raises:
        ValueError: an unknown name or field; the message lists the known ones.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no model {name!r}; choose one of {', '.join(PRESETS)}")
    known = [field.name for field in fields(Config)]
    if unknown := changes.keys() - set(known):
        raise ValueError(f"a configuration has no {', '.join(sorted(unknown))}; it has {', '.join(known)}")
    return Recogniser(Config(**{**asdict(PRESETS[name]), **changes}), num_classes)
