"""From image files of any width to logits and text: padding, batch size and batch order change nothing."""

import itertools

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import ctc_loss
from crnn_lessons.data.batches import Collate, WordImages
from crnn_lessons.data.folders import read_folder
from crnn_lessons.models import build
from crnn_lessons.reader.recognition import greedy
from crnn_lessons.text.fonts import find_fonts
from crnn_lessons.text.render import render_word

WORDS = ["I", "Widths", "may", "differ", "considerably", "in", "one", "batch"]
ALPHABET = Alphabet("abcdefghijklmnopqrstuvwxyzIW")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    font = find_fonts()[0]
    lines = []
    for i, word in enumerate(WORDS):
        picture = render_word(word, font, np.random.default_rng(i), height=20 + 3 * i)
        Image.fromarray(picture).save(folder / f"{i}.png")
        lines.append(f"{i}.png\t{word}\n")
    (folder / "labels.tsv").write_text("".join(lines))
    return read_folder(folder)


def recogniser(**changes):
    torch.manual_seed(0)
    model = build("tiny", ALPHABET.num_classes, **changes)
    for module in model.modules():  # norms as after some training: zero in, something else out
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.bias, 0.2, 0.3)
    return model.eval()


def test_images_keep_their_proportions_within_bounds(samples):
    for (path, text), (picture, label) in zip(samples, WordImages(samples, 32, 24, 150), strict=True):
        width, height = Image.open(path).size
        assert picture.shape == (32, min(max(round(width * 32 / height), 24), 150)) and label == text
    with pytest.raises(ValueError, match="0 < narrowest <= widest, and are 9 and 8"):
        WordImages(samples, narrowest=9, widest=8)


def test_a_batch_holds_each_image_and_then_zeros(samples):
    data = WordImages(samples)
    batch = Collate(ALPHABET)([data[i] for i in range(8)])
    assert batch.images.shape == (8, 1, 32, batch.widths.max()) and len(set(batch.widths.tolist())) > 4
    for image, width, (picture, _) in zip(batch.images, batch.widths, data, strict=True):
        assert not image[..., width:].any()
        assert image[..., :width].mean().abs() < 1e-5
        assert np.corrcoef(image[0, :, :width].ravel(), picture.ravel())[0, 1] == pytest.approx(1, abs=1e-5)
    assert ALPHABET.decode(batch.targets) == "".join(WORDS)
    assert batch.target_lengths.tolist() == [len(w) for w in WORDS]


@pytest.mark.parametrize("changes", [{}, {"sequence": "gru"}, {"projection": "max"}, {"sequence": "none"}])
@torch.inference_mode()
def test_padding_and_batch_order_change_no_output(samples, changes):
    model, data, collate = recogniser(**changes), WordImages(samples), Collate(ALPHABET)
    alone = []
    for sample in data:
        batch = collate([sample])
        logits, steps = model(batch.images, batch.widths)
        assert torch.equal(logits, model(batch.images)[0])  # nothing to pad: widths change nothing
        alone.append((logits[:, 0], greedy(logits, steps, ALPHABET)[0]))
    orders = [list(range(8)), [4, 0, 7, 2, 6, 1, 5, 3], [3, 4], [0, 5, 4]]
    for order in orders:
        batch = collate([data[i] for i in order])
        for extra in (0, 37):  # more padding than any image needs
            images = nn.functional.pad(batch.images, (0, extra), value=0.0 if not extra else 3.0)
            logits, steps = model(images, batch.widths)
            assert steps.tolist() == model.output_lengths(batch.widths).tolist()
            for place, i in enumerate(order):
                expected, text = alone[i]
                assert steps[place] == len(expected)
                torch.testing.assert_close(logits[: steps[place], place], expected, atol=2e-5, rtol=1e-4)
                assert greedy(logits, steps, ALPHABET)[place] == text


def test_without_the_widths_padding_does_change_outputs(samples):
    """The test above can fail: leave the widths out, and it would."""
    model, data, collate = recogniser(), WordImages(samples), Collate(ALPHABET)
    batch = collate([data[0], data[4]])
    alone = collate([data[0]])
    with torch.inference_mode():
        steps = model(alone.images)[1][0]
        different = model(batch.images)[0][:steps, 0] - model(alone.images)[0][:, 0]
    assert different.abs().max() > 1e-3


def test_loss_and_gradient_of_a_sample_do_not_depend_on_its_neighbours(samples):
    model, data, collate = recogniser(), WordImages(samples, narrowest=40), Collate(ALPHABET)

    def loss_of(order):
        batch = collate([data[i] for i in order])
        logits, steps = model(batch.images, batch.widths)
        losses = ctc_loss(logits.log_softmax(-1), batch.targets, steps, batch.target_lengths, reduction="none")
        model.zero_grad()
        losses[0].backward()
        return losses[0].item(), torch.cat([p.grad.ravel() for p in model.parameters()])

    loss, gradient = loss_of([1])
    assert np.isfinite(loss)
    for order in ([1, 4], [1, 0, 7]):
        other, changed = loss_of(order)
        assert other == pytest.approx(loss, rel=1e-4)
        torch.testing.assert_close(changed, gradient, atol=1e-4 * gradient.abs().max().item(), rtol=1e-3)


def test_a_loader_shuffles_without_changing_what_is_read(samples):
    model, data = recogniser(), WordImages(samples)
    texts = []
    for seed in (0, 1):
        loader = DataLoader(data, 3, shuffle=True, collate_fn=Collate(ALPHABET),
                            generator=torch.Generator().manual_seed(seed))  # fmt: skip
        read = {}
        for batch in loader:
            with torch.inference_mode():
                out = greedy(*model(batch.images, batch.widths), ALPHABET)
            ends = itertools.accumulate(batch.target_lengths.tolist(), initial=0)
            labels = [ALPHABET.decode(batch.targets[a:b]) for a, b in itertools.pairwise(ends)]
            read |= dict(zip(labels, out, strict=True))
        texts.append(read)
    assert texts[0] == texts[1] and set(texts[0]) == set(WORDS)
