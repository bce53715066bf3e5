"""Trainings that others published, rebuilt in shape: sick as their reports say, healthy as mended.

Nothing is copied: each network has the layers, the axes, the loss and the decoder that its repository describes, with
fewer channels and smaller pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crnn_lessons.clinic import examine
from tests.clinic.zoo import CHARACTERS, Net, encode, samples, train

COLOUR = "0123456789abcdefghij"


def conv(a: int, b: int, norm: bool = False, kernel: int = 3) -> list[nn.Module]:
    return [nn.Conv2d(a, b, kernel, padding=kernel // 2), *[nn.BatchNorm2d(b)] * norm, nn.ReLU()]


def pictures(N: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Pictures between 0 and 1 with strokes in them."""
    generator = torch.Generator().manual_seed(seed)
    strokes = torch.rand(N, channels, height // 4, width // 4, generator=generator)
    return F.interpolate((strokes > 0.7).float(), scale_factor=4.0) * 0.8 + 0.1


def texts(N: int, C: int, S: int, seed: int = 0) -> Tensor:
    return torch.randint(1, C, (N, S), generator=torch.Generator().manual_seed(seed))


# 1. ypwhs/captcha_break: five blocks of two convolutions with norms, pools that leave 1/16 of the width, an LSTM of two
# layers, N T C for several GPUs. In ctc_pytorch_multigpu.py the LSTM gets N T D and has no batch_first.


class CaptchaBreak(nn.Module):
    def __init__(self, batch_first: bool, width: int = 192):
        super().__init__()
        layers, channels = [], 3
        for i, width_of in enumerate((8, 12, 16, 24, 24)):
            layers += [*conv(channels, width_of, True), *conv(width_of, width_of, True)]
            layers.append(nn.MaxPool2d((2, 2) if i < 4 else (2, 1)))
            channels = width_of
        self.cnn = nn.Sequential(*layers, nn.Dropout(0.25))
        self.lstm = nn.LSTM(24 * 2, 24, num_layers=2, bidirectional=True, batch_first=batch_first)
        self.fc = nn.Linear(48, 37)

    def forward(self, images):
        x = self.cnn(images).flatten(1, 2)  # N (D H) W
        return self.fc(self.lstm(x.permute(0, 2, 1))[0])  # N T C


def captcha_break_loss(scores, targets, input_lengths, target_lengths):
    return F.ctc_loss(scores.log_softmax(-1).permute(1, 0, 2), targets, input_lengths, target_lengths)


def captcha_break(batch_first: bool):
    batch = pictures(6, 3, 64, 192), texts(6, 37, 4), torch.full((6,), 12), torch.full((6,), 4)
    return CaptchaBreak(batch_first), batch, {"loss": captcha_break_loss}


# Its issue 29: pictures of 96 pixels leave 6 frames, and a text like '7777' needs 7.


def captcha_break_narrow(text: list[int]):
    targets = torch.tensor([[3, 9, 12, 5], text, [8, 8, 2, 1]])
    batch = pictures(3, 3, 64, 96), targets, torch.full((3,), 6), torch.full((3,), 4)
    return CaptchaBreak(True), batch, {"loss": captcha_break_loss}


# 2. Holmeyoung/crnn-pytorch and meijieru/crnn.pytorch, issue 232: seven convolutions, norms behind some, weights with
# the deviation 0.02, two BiLSTMs, T N C log-probabilities, targets on one axis; nn.CTCLoss() / batch_size.


class ShiLike(nn.Module):
    def __init__(self, classes: int = 11, scale: int = 8):
        super().__init__()
        a, b, c = scale, 2 * scale, 4 * scale
        tall = [nn.ZeroPad2d((1, 1, 0, 0)), nn.MaxPool2d(2, (2, 1))]
        self.cnn = nn.Sequential(
            *conv(1, a), nn.MaxPool2d(2), *conv(a, b), nn.MaxPool2d(2), *conv(b, c, True), *conv(c, c), *tall,
            *conv(c, c, True), *conv(c, c), *tall, nn.Conv2d(c, c, 2), nn.BatchNorm2d(c), nn.ReLU(),
        )  # fmt: skip
        self.rnns = nn.ModuleList([nn.LSTM(c, c, bidirectional=True), nn.LSTM(c, c, bidirectional=True)])
        self.maps = nn.ModuleList([nn.Linear(2 * c, c), nn.Linear(2 * c, classes)])
        for m in self.cnn.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.normal_(m.weight, 0.0, 0.02)

    def forward(self, images):
        x = self.cnn(images).squeeze(2).permute(2, 0, 1)  # T N D
        for rnn, linear in zip(self.rnns, self.maps, strict=True):
            x = linear(rnn(x)[0])
        return x.log_softmax(2)


def flat(targets: Tensor) -> Tensor:
    return targets.flatten()


def holmeyoung(divide: bool):
    criterion, N = nn.CTCLoss(), 8
    loss = (lambda *a: criterion(*a) / N) if divide else criterion
    batch = 2 * pictures(N, 1, 32, 100) - 1, flat(texts(N, 11, 5)), torch.full((N,), 26), torch.full((N,), 5)
    return ShiLike(), batch, {"loss": loss}


# 3. meijieru/crnn.pytorch, issue 29: the rate of Adadelta, 1.0, with another optimiser; 0.0005 mended it.


def meijieru(rate: float):
    model, batch, told = holmeyoung(False)
    return model, batch, told | {"optimizer": torch.optim.RMSprop(model.parameters(), lr=rate)}


# 4. abhishekkrthakur/captcha-recognition-pytorch, issue 4: wide kernels, a map, two GRU layers, T N C logits; its
# decoder drops blanks and merges repeats afterwards.


class Thakur(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3, 16, (3, 6), padding=1), nn.Conv2d(16, 8, (3, 6), padding=1)])
        self.linear, self.drop = nn.Linear(96, 32), nn.Dropout(0.2)
        self.gru = nn.GRU(32, 16, bidirectional=True, num_layers=2, dropout=0.25, batch_first=True)
        self.output = nn.Linear(32, 20)

    def forward(self, images):
        for layer in self.convs:
            images = F.max_pool2d(layer(images).relu(), 2)
        x = images.permute(0, 3, 1, 2).flatten(2)  # N W (D H)
        return self.output(self.gru(self.drop(self.linear(x).relu()))[0]).permute(1, 0, 2)


def thakur(right: bool):
    letters = COLOUR[:19]

    def decode(scores):
        found = []
        for path in scores.permute(1, 0, 2).softmax(2).argmax(2).tolist():
            if right:
                path = [k for k, _ in groupby(path)]
            text = "".join(letters[k - 1] for k in path if k)
            found.append(text if right else "".join(c for c, _ in groupby(text)))
        return found

    batch = pictures(5, 3, 48, 100) - 0.5, texts(5, 20, 5), None, torch.full((5,), 5)
    loss = lambda x, *a: nn.CTCLoss(blank=0)(F.log_softmax(x, 2), *a)  # noqa: E731
    return Thakur(), batch, {"loss": loss, "decode": decode, "alphabet": letters}


# 5. gwx314/STARS, issue 9: frames of speech, N T C logits, handed to F.ctc_loss without log_softmax.


class Frames(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv1d(20, 32, 5, padding=2), nn.GELU(), nn.Conv1d(32, 32, 5, padding=2))
        layer = nn.TransformerEncoderLayer(32, 2, 64, batch_first=True)
        self.body, self.output = nn.TransformerEncoder(layer, 1), nn.Linear(32, 15)

    def forward(self, frames):
        return self.output(self.body(self.convs(frames.transpose(1, 2)).transpose(1, 2)))


def stars(right: bool):
    def loss(logits, targets, input_lengths, target_lengths):
        x = logits.log_softmax(-1) if right else logits
        return F.ctc_loss(x.transpose(0, 1), targets, input_lengths, target_lengths, zero_infinity=True)

    frames = torch.randn(5, 40, 20, generator=torch.Generator().manual_seed(0))
    return Frames(), (frames, texts(5, 15, 7), torch.full((5,), 40), torch.full((5,), 7)), {"loss": loss}


# 6. sherjilozair/ctc, issue 1: recurrent layers, and a reshape where the axes should move (pull request 3 mends it).


class Sherjil(nn.Module):
    def __init__(self, right: bool):
        super().__init__()
        self.rnn, self.output, self.right = nn.GRU(16, 24, batch_first=True), nn.RNN(24, 24, batch_first=True), right
        self.linear = nn.Linear(24, 11)

    def forward(self, frames):
        x = self.linear(self.output(self.rnn(frames)[0])[0])  # N T C
        return x.permute(1, 0, 2) if self.right else x.reshape(x.shape[1], x.shape[0], -1)


def sherjil(right: bool):
    frames = torch.randn(4, 30, 16, generator=torch.Generator().manual_seed(0))
    loss = lambda x, *a: F.ctc_loss(x.log_softmax(2), *a)  # noqa: E731
    return Sherjil(right), (frames, texts(4, 11, 5), None, torch.full((4,), 5)), {"loss": loss}


# 7. liuhu-bigeye/enctc.crnn, issue 9: a loss with an argument for the blank that takes class 0 whatever it says.


def enctc(right: bool):
    def loss(scores, targets, input_lengths, target_lengths, blank=10):
        return F.ctc_loss(scores, targets, input_lengths, target_lengths, blank=blank if right else 0)

    batch = 2 * pictures(6, 1, 32, 100) - 1, flat(texts(6, 11, 5) - 1), None, torch.full((6,), 5)
    return ShiLike(), batch, {"loss": loss, "blank": 10}


# 8. keras-team/keras, pull request 8047: the example image_ocr, whose rows became time steps; two GRUs, a softmax, a
# loss of probabilities, the blank last, the first two frames left out.


class ImageOCR(nn.Module):
    def __init__(self, right: bool):
        super().__init__()
        self.right = right
        self.convs = nn.Sequential(*conv(1, 8), nn.MaxPool2d(2), *conv(8, 8), nn.MaxPool2d(2))
        self.dense = nn.Linear(8 * (16 if right else 32), 16)
        self.grus = nn.ModuleList([nn.GRU(16, 16, bidirectional=True), nn.GRU(32, 16, bidirectional=True)])
        self.output = nn.Linear(32, 28)

    def forward(self, images):
        x = self.convs(images)  # N D 16 32
        x = self.dense(x.permute(3, 0, 1, 2).flatten(2) if self.right else x.permute(2, 0, 1, 3).flatten(2)).relu()
        for gru in self.grus:
            x = gru(x)[0]
        return self.output(x).softmax(-1)[2:]


def image_ocr(right: bool):
    def loss(probs, targets, input_lengths, target_lengths):
        return F.ctc_loss((probs + 1e-7).log(), targets, input_lengths, target_lengths, blank=27)

    batch = pictures(5, 1, 64, 128), texts(5, 28, 4) - 1, None, torch.full((5,), 4)
    return ImageOCR(right), batch, {"loss": loss, "blank": 27}


# 9. FangShancheng/ABINet, issue 65: input lengths that are the lengths of the texts as read, not the frames.


def abinet(right: bool):
    model, (images, targets, _, S), told = holmeyoung(False)
    return model, (images, targets, torch.full((8,), 26 if right else 4), S), told


# 10. GitYCC/crnn-pytorch, issue 7: a sum over the batch, RMSprop, a map before the LSTM; NaN from a damaged picture.


def gitycc(right: bool):
    images = 2 * pictures(6, 1, 32, 100) - 1
    if not right:
        images[4] /= 0 * images[4]
    model = ShiLike()
    told = {"loss": nn.CTCLoss(reduction="sum"), "optimizer": torch.optim.RMSprop(model.parameters(), lr=5e-4)}
    return model, (images, flat(texts(6, 11, 5)), torch.full((6,), 26), torch.full((6,), 5)), told


# 11. Holmeyoung/crnn-pytorch, issue 34: one is added to encode, and must be taken away to decode.


def off_by_one(right: bool):
    model, batch, told = holmeyoung(False)
    letters = CHARACTERS if right else CHARACTERS[1:] + "#"
    decode = lambda x: "".join(letters[k - 1] for k, _ in groupby(x.argmax(-1).tolist()) if k)  # noqa: E731
    return model, batch, told | {"decode": decode, "alphabet": CHARACTERS}


# 12. meijieru/crnn.pytorch, issue 230: well in training mode, badly after eval(); here since its statistics come from
# other pictures than are read.


def meijieru_eval(right: bool):
    torch.manual_seed(0)
    model = Net()
    train(model, 200)
    if not right:
        with torch.no_grad():
            for _ in range(50):
                model(3 * torch.randn(8, 1, 16, 64) - 4)
    images, words = samples(12, 5)
    targets, S = encode(words)
    return model.eval(), (images, targets, None, S), {"loss": lambda x, *a: F.ctc_loss(x.log_softmax(2), *a)}


PUBLISHED: dict[str, tuple[str, Callable, Callable]] = {
    "ypwhs/captcha_break, multigpu": ("batch_first", lambda: captcha_break(False), lambda: captcha_break(True)),
    "ypwhs/captcha_break 29": (
        "too few frames", lambda: captcha_break_narrow([7, 7, 7, 7]), lambda: captcha_break_narrow([7, 8, 7, 7])
    ),
    "meijieru/crnn.pytorch 232": ("loss divided twice", lambda: holmeyoung(True), lambda: holmeyoung(False)),
    "meijieru/crnn.pytorch 29": ("learning rate too high", lambda: meijieru(1.0), lambda: meijieru(0.0005)),
    "abhishekkrthakur/captcha 4": ("decoder merges doubled letters", lambda: thakur(False), lambda: thakur(True)),
    "gwx314/STARS 9": ("log_softmax missing", lambda: stars(False), lambda: stars(True)),
    "sherjilozair/ctc 1": ("samples mix", lambda: sherjil(False), lambda: sherjil(True)),
    "liuhu-bigeye/enctc.crnn 9": ("wrong blank", lambda: enctc(False), lambda: enctc(True)),
    "keras 8047": ("time along the height", lambda: image_ocr(False), lambda: image_ocr(True)),
    "FangShancheng/ABINet 65": ("too few frames", lambda: abinet(False), lambda: abinet(True)),
    "GitYCC/crnn-pytorch 7": ("NaN in the pictures", lambda: gitycc(False), lambda: gitycc(True)),
    "Holmeyoung/crnn-pytorch 34": ("decoder off by one", lambda: off_by_one(False), lambda: off_by_one(True)),
    "meijieru/crnn.pytorch 230": (
        "batch norm statistics do not fit", lambda: meijieru_eval(False), lambda: meijieru_eval(True)
    ),
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", PUBLISHED)
def test_sick_as_reported(name: str) -> None:
    disease, sick, _ = PUBLISHED[name]
    torch.manual_seed(0)
    model, batch, told = sick()
    report = examine(model, batch, **told)
    assert disease in [finding.disease for finding in report.findings], report


@pytest.mark.parametrize("name", PUBLISHED)
def test_healthy_as_mended(name: str) -> None:
    torch.manual_seed(0)
    model, batch, told = PUBLISHED[name][2]()
    report = examine(model, batch, **told)
    assert report.healthy, report


def test_at_least_six_of_them() -> None:
    assert len({name.split(" ")[0] for name in PUBLISHED}) >= 6
