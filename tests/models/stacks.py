"""Models to test with: the shapes of the presets, a few channels wide, with statistics as after some training."""

import re

import torch
from torch import nn

from crnn_lessons.models import PRESETS, Recogniser, build

MENU = ["conv_only", "conv_resnet", "lstm_resnet", "lstm_keep", "lstm_unet", "lstm_fmp", "lstm_normalized"]
ALL = sorted(PRESETS)


def thin(layer: str) -> str:
    """The same layer with a few channels."""
    if layer.startswith("unet"):
        return "unet " + " ".join(str(2 + i) for i in range(len(layer.split()) - 1))
    return re.sub(r"^(conv|block|up) \d+", r"\1 4", layer)


def small_model(name: str, seed: int = 0, **changes) -> Recogniser:
    """A preset with few channels, in double precision and evaluation mode."""
    torch.manual_seed(seed)
    changes = {"hidden_size": 5} | changes
    sequence = re.sub(r"(bilstm|gru|linear|conv) \d+", r"\1 6", changes.get("sequence", PRESETS[name].sequence))
    features = tuple(map(thin, changes.get("features", PRESETS[name].features)))
    model = build(name, 7, **(changes | {"features": features, "sequence": sequence})).double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.bias, 0.2, 0.3)
    return model.eval()
