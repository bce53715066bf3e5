"""Text recognisers: convolutional features, a projection to a sequence, a sequence model, a linear layer.

The names below are loaded when they are first asked for, so that importing a sub-module stays light.
"""

from crnn_lessons.models.recogniser import PRESETS, Config, Recogniser, build, load

__all__ = ["PRESETS", "Config", "Recogniser", "build", "load"]
