"""``python -m crnn_lessons export``: a reader as an ONNX file, checked before it is called done."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from crnn_lessons.files import write_atomically
from crnn_lessons.models import to_onnx as making
from crnn_lessons.reader.checks import check_place


def export(a: argparse.Namespace) -> int:
    """Write the files that were asked for, each with a line that says how exact it is; returns the exit status."""
    try:
        places = {name: Path(value) for name, value in (("--onnx", a.onnx), ("--int8", a.int8)) if value is not None}
        if not places:
            raise ValueError("say what to write: --onnx FILE, --int8 FILE, or both")
        if len({place.absolute() for place in places.values()}) < len(places):
            raise ValueError("--onnx and --int8 name the same file; give each its own")
        for option, place in places.items():
            check_place(option, place)
        if missing := making.missing_packages():
            raise ValueError(f"{' and '.join(missing)} not installed; do: python -m pip install {' '.join(missing)}")
        from crnn_lessons.reader.reading import Reader

        reader = Reader(a.weights)
        model = reader.model
        file = making.to_onnx(model, reader.alphabet)
        worst = max(found[1] for found in making.differences(file, model))
        if not worst <= making.TOLERANCE:
            how = (
                f"differs by {worst:.1e} of 1 + |log p|" if worst < float("inf") else "gives no T x N x C at some sizes"
            )
            raise ValueError(f"nothing was written, as the file that torch makes of this reader {how}")
        if a.onnx is not None:
            write_atomically(a.onnx, file)
            print(f"{a.onnx}: {len(file) / 1e6:.2f} MB; on 10 sizes the log-probabilities are those of the reader "
                  f"(largest difference {worst:.1e} of 1 + |log p|)", flush=True)  # fmt: skip
        if a.int8 is not None:
            small = making.to_int8(file)
            off = max(found[2] for found in making.differences(small, model))
            write_atomically(a.int8, small)
            print(
                f"{a.int8}: {len(small) / 1e6:.2f} MB; on noise of 10 sizes a probability differs by {off:.2f} at most"
            )
    except (OSError, ValueError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    return 0
