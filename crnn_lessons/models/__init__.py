"""Text recognisers: convolutional features, a projection to a sequence, a sequence model, an output layer."""

from crnn_lessons.models.presets import PRESETS, Config
from crnn_lessons.models.recogniser import Recogniser, build
from crnn_lessons.models.saved import load
from crnn_lessons.models.summary import Summary, summarise

__all__ = ["PRESETS", "Config", "Recogniser", "Summary", "build", "load", "summarise"]
