"""Of pictures in which there is nothing that the reader can write, how many does it read surely all the same?

    python tests/benchmarks/nothing_to_read.py [--weights FILE...]

Words of Russian and Greek, in print and as on the street, in matplotlib's fonts; shapes, smooth noise, and pieces of
scikit-image's photographs of materials. "Sure" are the readings with a text and a confidence above 0.5, "by CTC" those
that would be by CTC's probability alone, "empty" those without a text. English words drawn alike show what the reader
loses by being careful: how many of those are right, and sure. So do the photographs, where there are some (see
readers.py): of those read right and surely by CTC alone, how many are no longer sure.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import cv2
import numpy as np
import torch
from readers import SETS, root_of_data

from crnn_lessons.data.folders import read_folder
from crnn_lessons.metrics import fold
from crnn_lessons.reader import Reader, Reading
from crnn_lessons.text.fonts import font_files
from crnn_lessons.text.letters import draw_mask
from crnn_lessons.text.render import render_word
from crnn_lessons.text.texture import blotches, installed_materials, photograph

RUSSIAN = (
    "привет улица аптека хлеб молоко рыба школа почта вокзал театр музей книга дорога выход вход закрыто открыто "
    "цена скидка магазин кафе пиво чай сахар город река мост площадь больница банк рынок цветы обувь одежда "
    "мебель игрушки билет поезд стоп россия"
)
GREEK = (
    "οδός πλατεία φαρμακείο ψωμί γάλα ψάρι σχολείο ταχυδρομείο σταθμός θέατρο μουσείο βιβλίο δρόμος έξοδος "
    "είσοδος κλειστό ανοιχτό τιμή έκπτωση κατάστημα καφές μπύρα τσάι ζάχαρη πόλη ποτάμι γέφυρα νοσοκομείο τράπεζα "
    "αγορά λουλούδια παπούτσια ρούχα έπιπλα παιχνίδια εισιτήριο τρένο στοπ ελλάδα καλημέρα"
)
ENGLISH = (
    "hello street pharmacy bread milk fish school post station theatre museum book road exit entrance closed open "
    "price sale shop cafe beer tea sugar city river bridge square hospital bank market flowers shoes clothes "
    "furniture toys ticket train stop england"
)
FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono")


def faces() -> list[str]:
    return [str(path) for path in font_files() if path.stem in FACES]


def in_print(text: str, rng: np.random.Generator) -> np.ndarray:
    cased = (text, text.upper(), text.title())[rng.integers(3)]
    return 255 - draw_mask(cased, faces()[rng.integers(len(FACES))], pad=8)


def on_the_street(text: str, rng: np.random.Generator) -> np.ndarray:
    cased = (text, text.upper(), text.title())[rng.integers(3)]
    return render_word(cased, faces()[rng.integers(len(FACES))], rng)


def shapes(_: str, rng: np.random.Generator) -> np.ndarray:
    """A few bars, circles and lines."""
    picture = np.full((48, int(rng.integers(60, 200))), int(rng.integers(150, 255)), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        grey, (x, y), size = (
            int(rng.integers(0, 110)),
            rng.integers((0, 0), picture.shape[::-1]),
            int(rng.integers(3, 22)),
        )
        corner = (int(x + rng.integers(-40, 40)), int(y + rng.integers(-20, 20)))
        draw = rng.integers(3)
        if draw == 0:
            cv2.circle(picture, (int(x), int(y)), size, grey, int(rng.choice([-1, 2, 4])), cv2.LINE_AA)
        else:
            shape = cv2.rectangle if draw == 1 else cv2.line
            shape(picture, (int(x), int(y)), corner, grey, 2 + size // 8, cv2.LINE_AA)
    return picture


def smooth_noise(_: str, rng: np.random.Generator) -> np.ndarray:
    return np.clip(128 + 90 * blotches(rng, 48, int(rng.integers(60, 200))), 0, 255).astype(np.uint8)


def material(_: str, rng: np.random.Generator) -> np.ndarray:
    return np.clip(128 + 60 * photograph(rng, 48, int(rng.integers(60, 200)), installed_materials()), 0, 255).astype(
        np.uint8
    )


def by_ctc(reading: Reading) -> bool:
    """Whether a reading would be sure by CTC's probability alone."""
    return bool(reading.text) and reading.confidence > 0.5 * reading.legible


def counts(reader: Reader, draw: Callable, words: list[str]) -> tuple[int, int, int, int]:
    """How many of the readings are sure and not empty, sure by CTC alone, empty, right."""
    read = [reader.read(draw(word, np.random.default_rng([7, i]))) for i, word in enumerate(words)]
    sure = sum(bool(r.text) and r.confidence > 0.5 for r in read)
    right = sum(r.text == fold(word) for r, word in zip(read, words, strict=True))
    return sure, sum(map(by_ctc, read)), sum(not r.text for r in read), right


def photographs(reader: Reader) -> None:
    for name in SETS[:4]:
        if not (root_of_data() / name).is_dir():
            print(f"skipped: there is no folder {name} among the data")
            continue
        read = [(reader.read(path), fold(text)) for path, text in read_folder(root_of_data() / name) if fold(text)]
        right, wrong = ([r for r, due in read if (r.text == due) == kind and by_ctc(r)] for kind in (True, False))
        lost, mended = (sum(r.confidence <= 0.5 for r in some) for some in (right, wrong))
        print(f"{name:18} right and sure by CTC {len(right)}, no longer sure {lost} ({lost / len(right):.1%}); "
              f"wrong and sure {len(wrong)}, no longer sure {mended}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--weights", nargs="+", default=[None], help="files that train wrote (default: the shipped ones)"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    kinds = []
    for name, words in (("Russian", RUSSIAN), ("Greek", GREEK), ("English", ENGLISH)):
        kinds += [(f"{name}, print", in_print, words.split()), (f"{name}, street", on_the_street, words.split())]
    kinds += [(draw.__name__.replace("_", " "), draw, ENGLISH.split()) for draw in (shapes, smooth_noise, material)]
    for weights in given.weights:
        reader = Reader(weights)
        print(f"{weights or 'shipped'}\n{'pictures':18} {'of':>4} {'sure':>5} {'by CTC':>7} {'empty':>6} {'right':>6}")
        for name, draw, words in kinds:
            sure, ctc, empty, right = counts(reader, draw, words)
            print(f"{name:18} {len(words):4} {sure:5} {ctc:7} {empty:6} {right if 'English' in name else '':>6}")
        photographs(reader)


if __name__ == "__main__":
    main()
