"""How a feature stack is written down: one short text for each layer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

FORMS = """conv D             3 x 3 kernel, padded so that the size stays; norm and ReLU
conv D h w         kernel h x w, not padded; options: stride a b, pad a b, bias (beside the norm),
                   plain (bias in place of the norm), linear (bias alone: no norm, no ReLU)
pool h w           largest value of each h x w window; options: stride a b (else h w), pad a b
block D            residual block: two 3 x 3 convolutions; option: stride a b
block D h w        residual block whose first convolution and shortcut have an h x w kernel, not padded
fmp a b            fractional max pool: height times a, width times b (between 0.5 and 1)
unet D1 D2 ...     U-net: D1 channels at full size, D2 at half the size, ... and back
up D a b           transposed convolution: height times a, width times b; norm and ReLU
keep               back to the width of the image, each column from its nearest
lstm2 D            bidirectional LSTM along each row, then along each column; D units in each direction"""

_OPTIONS = {"conv": {"stride", "pad", "bias", "plain", "linear"}, "pool": {"stride", "pad"}, "block": {"stride"}}
_OPTION = re.compile(r"(stride|pad) (\d{1,3}) (\d{1,3})|bias|plain|linear")
_COUNTS = {
    "conv": (1, 3), "pool": (2,), "block": (1, 3), "fmp": (2,), "unet": range(2, 7), "up": (3,), "keep": (0,),
    "lstm2": (1,),
}  # fmt: skip

Pair = tuple[int, int]


@dataclass(frozen=True)
class Layer:
    """One layer as it was written; pairs are (height, width).

    Attributes:
        text: the layer as written.
        kind: its first word.
        channels: numbers of output channels: one, or one a level in a U-net; empty where they stay.
        kernel, stride, padding: in rows and columns; the kernel is None where it was left out.
        ratio: of a fractional max pool.
        options: the words ``bias``, ``plain``, ``linear``.
    """

    text: str
    kind: str
    channels: tuple[int, ...] = ()
    kernel: Pair | None = None
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    ratio: tuple[float, float] = (1.0, 1.0)
    options: frozenset[str] = frozenset()


def layers(text: str) -> tuple[str, ...]:
    """Split ``"2 * conv 16, pool 2 2"`` into its layers: ``("conv 16", "conv 16", "pool 2 2")``."""
    found: list[str] = []
    for item in text.split(","):
        repeat = re.match(r"\s*(\d+)\s*\*\s*", item)
        found += [item[repeat.end() if repeat else 0 :].strip()] * (int(repeat[1]) if repeat else 1)
    return tuple(found)


def parse(text: str) -> Layer:
    """Read one layer.

    Raises:
        ValueError: no layer of a known form; the message lists the forms.
    """
    words = text.split() or [""]
    kind, rest = words[0], words[1:]
    cut = next((i for i, word in enumerate(rest) if word.isalpha()), len(rest))
    numbers, options = rest[:cut], rest[cut:]
    number = r"0\.\d+" if kind == "fmp" else r"[1-9]\d{0,4}"
    if kind not in _COUNTS or len(numbers) not in _COUNTS[kind] or not all(re.fullmatch(number, n) for n in numbers):
        raise _refused(text)
    if kind == "fmp":
        ratio = (float(numbers[0]), float(numbers[1]))
        if min(ratio) < 0.5 or options:
            raise _refused(text)
        return Layer(text, kind, kernel=(3, 3), ratio=ratio)
    given = _options(text, kind, options)
    values = [int(n) for n in numbers]
    channels = {"pool": (), "unet": tuple(values)}.get(kind, tuple(values[:1]))
    kernel = None if kind == "unet" else (tuple(values[-2:]) if len(values) >= 2 else None)
    stride = given.get("stride", kernel if kind in ("pool", "up") else (1, 1))
    padding = given.get("pad", (1, 1) if kind in ("conv", "block") and kernel is None else (0, 0))
    if kind == "conv":
        kernel = kernel or (3, 3)
    if kind == "pool" and any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"{text!r} pads more than half its window: windows with nothing in them have no largest value")
    words = frozenset(given) - {"stride", "pad"}
    return Layer(text, kind, channels, kernel, stride, padding, options=words)


def _options(text: str, kind: str, words: Sequence[str]) -> dict[str, Pair]:
    matches = list(_OPTION.finditer(" ".join(words)))
    names = [match[1] or match[0] for match in matches]
    found = {name: (int(m[2] or 0), int(m[3] or 0)) for name, m in zip(names, matches, strict=True)}
    known = " ".join(match[0] for match in matches) == " ".join(words) and len(found) == len(names)
    if not known or found.keys() - _OPTIONS.get(kind, set()) or len(found.keys() & {"bias", "plain", "linear"}) > 1:
        raise _refused(text)
    if 0 in found.get("stride", (1, 1)):
        raise _refused(text)
    return found


def _refused(text: str) -> ValueError:
    return ValueError(f"{text!r} is no feature layer; write one of these (D channels, numbers above 0):\n{FORMS}")
