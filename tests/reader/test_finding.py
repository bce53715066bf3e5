"""A word is found wherever it stands in a picture: borders, grounds, turns, columns, several words; and its letters."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps

from crnn_lessons.reader import Reader
from crnn_lessons.reader.locate import content, find_words
from crnn_lessons.reader.spaces import Box
from crnn_lessons.text.fonts import system_directories

SANS = system_directories()[-1] / "DejaVuSans.ttf"
WORDS = ["hello", "garden", "museum", "bakery", "exit", "coffee", "library", "market", "window", "station"]


@pytest.fixture(scope="module")
def reader():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Reader()
    torch.set_num_threads(before)


def drawn(text, size=(0, 0), at=None, font=40, ground="white", ink="black", border=(0, 0, 0, 0)) -> Image.Image:
    """A text in a border of left, top, right, bottom pixels; or in a picture of a size, at a place."""
    face = ImageFont.truetype(str(SANS), font)
    left, top, right, bottom = face.getbbox(text)
    if at is None:
        size = right - left + border[0] + border[2], bottom - top + border[1] + border[3]
        at = border[0] - left, border[1] - top
    picture = Image.new("RGB", size, ground)
    ImageDraw.Draw(picture).text(at, text, font=face, fill=ink)
    return picture


COLOURS = [("white", "black"), ("black", "white"), ("navy", "yellow"), ("#ffe0b0", "#803000"), ("#888888", "white")]


def test_a_border_of_any_width_and_colour(reader):
    wrong = []
    for i, border in enumerate([8, 20, 40, 80, 120]):
        for j in range(4):
            text, (ground, ink) = WORDS[(4 * i + j) % 10], COLOURS[(i + j) % 5]
            picture = drawn(text, ground=ground, ink=ink, border=(border,) * 4)
            wrong += [(text, border, ground, read)] if (read := reader.read(picture).text) != text else []
    assert not wrong


@pytest.mark.parametrize(
    ("size", "at"), [((1080, 400), (450, 170)), ((400, 900), (20, 30)), ((1600, 1200), (1100, 1000))]
)
def test_a_word_somewhere_in_a_screenshot(reader, size, at):
    reading = reader.read(drawn("hello", size, at, 60))
    assert reading.text == "hello" and reading.confidence > 0.9
    left, top, right, bottom = reading.box
    assert at[0] <= left < right <= at[0] + 200 and at[1] <= top < bottom <= at[1] + 80


def test_borders_of_one_side_only_and_a_frame(reader):
    for border in [(300, 10, 10, 10), (10, 200, 10, 10), (10, 10, 400, 10), (10, 10, 10, 250)]:
        assert reader.read(drawn("museum", border=border)).text == "museum"
    framed = ImageOps.expand(drawn("museum", border=(30,) * 4), 3, "black")
    assert reader.read(ImageOps.expand(framed, 40, "white")).text == "museum"


@pytest.mark.parametrize("ink", [(0, 0, 0, 255), (255, 255, 255, 255), (200, 30, 30, 255)])
def test_a_transparent_border(reader, ink):
    picture = Image.new("RGBA", (500, 300), (0, 0, 0, 0))
    ImageDraw.Draw(picture).text((150, 120), "bakery", font=ImageFont.truetype(str(SANS), 48), fill=ink)
    assert reader.read(picture).text == "bakery"


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_turned_picture(reader, angle):
    """``angle`` is how far the reader has to turn it clockwise."""
    for border in (10, 60):
        picture = drawn("library", border=(border,) * 4).rotate(angle, expand=True)  # counter-clockwise
        reading = reader.read(picture)
        assert (reading.text, reading.turned) == ("library", angle)
        assert (left := reader.read(picture, turns=False)).turned == 0 and left.text != "library"


@pytest.mark.parametrize("text", ["HOTEL", "PIZZA", "MARKET"])
def test_a_word_from_top_to_bottom(reader, text):
    face = ImageFont.truetype(str(SANS), 40)
    picture = Image.new("L", (90, 50 * len(text) + 20), 255)
    for i, letter in enumerate(text):
        ImageDraw.Draw(picture).text((45, 10 + 50 * i), letter, font=face, fill=0, anchor="ma")
    assert reader.read(picture).text == text.lower()


def test_several_words_come_in_reading_order(reader):
    picture = drawn("garden museum", (900, 500), (60, 80), 48)
    ImageDraw.Draw(picture).text((60, 250), "coffee 2024", font=ImageFont.truetype(str(SANS), 48), fill="black")
    words = reader.read_all(picture)
    assert [word.text for word in words] == ["garden", "museum", "coffee", "2024"]
    assert words[0].box[2] <= words[1].box[0] and words[0].box[3] < words[2].box[1]
    whole = reader.read(picture)
    assert whole.text == "garden museum coffee 2024"
    assert whole.confidence == pytest.approx(np.prod([word.confidence for word in words]))
    assert "".join(letter.character for letter in whole.letters) == "gardenmuseumcoffee2024"


def test_a_small_picture_of_two_words_is_two(reader):
    for border in (4, 30):
        assert reader.read(drawn("window market", border=(border,) * 4)).text == "window market"


def test_letters_stand_where_they_were_drawn(reader):
    face = ImageFont.truetype(str(SANS), 60)
    for text, x in [("hello", 300), ("station", 20), ("museum", 700)]:
        reading = reader.read(drawn(text, (1100, 300), (x, 100), 60))
        assert [letter.character for letter in reading.letters] == list(text)
        for i, letter in enumerate(reading.letters):
            left, right = (x + face.getlength(text[:n]) for n in (i, i + 1))
            assert letter.left < (left + right) / 2 < letter.right
            assert abs(letter.left - left) < 24 and abs(letter.right - right) < 24
            assert 0.5 < letter.confidence <= 1


def test_only_allowed_characters_are_read(reader):
    picture = drawn("10S", border=(20,) * 4)
    assert set(reader.read(picture, allow="0123456789").text) <= set("0123456789")
    assert reader.read(picture, allow="0123456789").text[:2] == "10"
    assert reader.read(drawn("hello", border=(20,) * 4), allow="HELO").text == "hello"
    for allow, message in [("абв", "cannot write 'абв'"), ("", "nothing to write")]:
        with pytest.raises(ValueError, match=message):
            reader.read(picture, allow=allow)


def test_every_form_of_one_picture_is_read_the_same(reader, tmp_path):
    """EXIF as a phone writes it, in every form that a picture is given in."""
    for orientation, angle in [(3, 180), (6, 90), (8, 270)]:
        file, exif = tmp_path / f"{orientation}.jpg", Image.Exif()
        exif[0x0112] = orientation
        drawn("coffee", border=(20,) * 4).rotate(angle, expand=True).save(file, exif=exif)
        for source in (file, str(file), file.read_bytes(), io.BytesIO(file.read_bytes()), Image.open(file)):
            reading = reader.read(source, turns=False)
            assert (reading.text, reading.turned) == ("coffee", 0)


def test_content_is_the_box_of_the_ink():
    grey = np.full((50, 80), 200, np.uint8)
    grey[10:20, 30:60] = 20
    assert content(grey) == (30, 10, 60, 20)
    assert content(255 - grey) == (30, 10, 60, 20)


def test_words_are_boxed_line_by_line():
    picture = np.asarray(drawn("one two", (400, 200), (40, 20), 40).convert("L")).copy()
    picture[120:160] = np.asarray(drawn("three", (400, 40), (60, 0), 32).convert("L"))
    rows: list[list[Box]] = find_words(picture)
    assert [len(row) for row in rows] == [2, 1]
    ink = picture < 128
    for left, top, right, bottom in (box for row in rows for box in row):
        assert ink[top:bottom, left:right].any()
    assert sum(ink[t:b, x:r].sum() for row in rows for x, t, r, b in row) >= 0.99 * ink.sum()
    assert find_words(np.tile(np.arange(100, dtype=np.uint8), (60, 1))) == []
