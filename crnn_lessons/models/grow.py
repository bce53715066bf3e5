"""A larger recogniser that begins as a smaller one: what was learnt is kept while layers are added."""

from __future__ import annotations

from torch import nn

from crnn_lessons.models.parts import Block
from crnn_lessons.models.recogniser import Recogniser


def grow(earlier: Recogniser, model: Recogniser) -> Recogniser:
    """Give a model the weights of an earlier one that lacks some of its residual blocks.

    The blocks that were added add nothing at first: the norm at their end is multiplied by 0, so each passes on what it
    gets, and the model reads as the earlier one did (Chen et al. 2016, Net2Net; the zero is that of Goyal et al. 2017,
    section 5.1). A projection that leaves a single row as it is may take the place of another.

    Returns:
        The model, changed in place.

    Raises:
        ValueError: the earlier model is not the model without some blocks.
    """
    blocks = iter(zip(earlier.features.layers, earlier.features.blocks, strict=True))
    layer, block = next(blocks)
    channels = model.config.in_channels
    for text, own in zip(model.features.layers, model.features.blocks, strict=True):
        if text == layer:
            own.load_state_dict(block.state_dict())
            layer, block = next(blocks, ("", None))
        elif isinstance(own, Block) and not hasattr(own, "shortcut") and own.out_channels == channels:
            nn.init.zeros_(own.second_norm.weight)
            nn.init.zeros_(own.second_norm.bias)
        else:
            raise ValueError(f"the earlier model has no layer {text!r} there, and it is no block that could be added")
        channels = own.out_channels
    if layer:
        raise ValueError(f"the earlier model has a layer {layer!r} that this one lacks")
    for part in ("sequence", "output"):
        own, theirs = getattr(model, part), getattr(earlier, part)
        if {k: v.shape for k, v in own.state_dict().items()} != {k: v.shape for k, v in theirs.state_dict().items()}:
            raise ValueError(f"the {part} of the earlier model has another size; only blocks can be added")
        own.load_state_dict(theirs.state_dict())
    if type(model.projection) is type(earlier.projection):
        model.projection.load_state_dict(earlier.projection.state_dict())
    return model
