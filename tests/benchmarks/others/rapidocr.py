"""PP-OCR's recogniser, which the package rapidocr-onnxruntime brings along; trained on photographs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2

from others.stopwatch import Run, Stopwatch


class RapidOCR:
    """Its recogniser alone, on one thread: no search for text, and no turning.

    Raises:
        FileNotFoundError: the package is not installed.
    """

    parameters = None

    def __init__(self):
        if importlib.util.find_spec("rapidocr_onnxruntime") is None:
            raise FileNotFoundError("there is no package rapidocr-onnxruntime; PyPI has it")
        from importlib.metadata import version

        import rapidocr_onnxruntime

        folder = Path(rapidocr_onnxruntime.__file__).parent
        self._engine = rapidocr_onnxruntime.RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
        weights = next(folder.glob("models/*rec*.onnx"))
        self.name = f"{weights.stem} (rapidocr {version('rapidocr-onnxruntime')})"

    def read(self, paths: list[Path]) -> Run:
        self._one(paths[0])  # the first call pays for what is loaded once
        with Stopwatch() as watch:
            texts = [self._one(path) for path in paths]
        return Run(texts, watch.clock, watch.processor)

    def _one(self, path: Path) -> str:
        found, _ = self._engine(cv2.imread(str(path)), use_det=False, use_cls=False, use_rec=True)
        return found[0][0] if found else ""
