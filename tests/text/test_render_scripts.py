"""Words in other scripts: Vietnamese with its stacked marks, Korean, and what a font lacks named instead of drawn."""

import os
import unicodedata
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageDraw, ImageFont, features

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data.pools import Pool, PoolSpec, rendered_word
from crnn_lessons.text.fonts import find_fonts, font_files, missing_glyphs
from crnn_lessons.text.letters import _place, clusters, sign_letters, with_neighbours
from crnn_lessons.text.render import draw_mask, render_word
from crnn_lessons.text.words import LETTERS, load_words

SANS = Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"
VIETNAMESE = ["Tiếng", "Việt", "ĐƯỜNG", "Nguyễn", "phở", "ẤỄỘ", "của", "nước"]
KOREAN = ["한국", "서울", "것", "대교", "토목"]
DATA = os.environ.get("CRNN_LESSONS_DATA", "")
RAQM = pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no Raqm, which places marks by the font")


def blocks_font(path: Path, characters: str, without_glyph: str = "") -> Path:
    """A font whose characters are stripes, their number the character's place; some are mapped to no glyph."""
    names = [".notdef", *(f"u{ord(c):04x}" for c in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    mapped = {ord(c): name for c, name in zip(characters, names[1:], strict=True)}
    builder.setupCharacterMap(mapped | {ord(c): ".notdef" for c in without_glyph})
    glyphs = {}
    for place, name in enumerate(names):
        pen = TTGlyphPen(None)
        for i in range(place + 1):
            x = 60 + i * 800 // (place + 1)
            pen.moveTo((x, 0))
            for point in ((x, 700), (x + 60, 700), (x + 60, 0)):
                pen.lineTo(point)
            pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(names, (900, 60)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Blocks", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def on_a_large_canvas(text, path, size, shaped):
    layout = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    image = Image.new("L", (3000, 3000))
    ImageDraw.Draw(image).text((1000, 1500), text, font=ImageFont.truetype(str(path), size, layout_engine=layout),
                               fill=255, anchor="ls")  # fmt: skip
    return np.asarray(image.crop(image.getbbox()))


def fonts_for(words, *folders):
    """Fonts at hand that can write all the words, or a skip that says which characters no font has."""
    given = [Path(DATA) / "fonts"] if DATA and (Path(DATA) / "fonts").is_dir() else []
    letters = "".join(dict.fromkeys(unicodedata.normalize("NFC", "".join(words))))
    try:
        return find_fonts(letters, given, threshold=0)
    except FileNotFoundError as error:
        pytest.skip(str(error))


# letters and their marks


def test_marks_stay_with_their_letters():
    assert clusters("Việt") == list("Việt")
    assert clusters(unicodedata.normalize("NFD", "Việt")) == list("Việt")
    assert clusters("m\u0303a\u0308\u0323b") == ["m\u0303", "ạ\u0308", "b"]  # NFC takes the mark below first
    assert clusters("\u0301a") == ["\u0301", "a"] and clusters("") == []


@pytest.mark.parametrize("word", VIETNAMESE)
def test_composed_and_decomposed_are_one_picture(word):
    pictures = [
        render_word(unicodedata.normalize(form, word), SANS, np.random.default_rng(3)) for form in ("NFC", "NFD")
    ]
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("word", [*VIETNAMESE, "Ǻ\u0323", "g\u0327\u0330"])
def test_no_mark_is_cut_off(word):
    shaped = len(clusters(word)) < len(unicodedata.normalize("NFC", word)) and features.check("raqm")
    assert np.array_equal(
        draw_mask(word, SANS), on_a_large_canvas(unicodedata.normalize("NFC", word), SANS, 40, shaped)
    )


@RAQM
def test_a_tower_of_marks_is_whole():
    tower = "a" + 9 * "\u0302"
    mask = draw_mask(tower, SANS)
    assert mask.shape[0] > 2 * 40  # more above the line than ordinary letters have room for
    assert np.array_equal(mask, on_a_large_canvas(unicodedata.normalize("NFC", tower), SANS, 40, True))


@pytest.mark.parametrize("how", [(None, 0.0, None), (None, 9.0, None), ([7.0, -5.0, 0.0], 0.0, None), (None, 0.0, 60)])
@pytest.mark.parametrize("word", ["Ễgf", "ỘẰj", "m\u0303ag\u0325", "fff"])
def test_ink_keeps_clear_of_the_edges_however_letters_are_placed(word, how):
    for path in (SANS, SANS.with_name("STIXGeneralItalic.ttf")):
        if missing_glyphs(path, unicodedata.normalize("NFC", word)):
            continue
        ink = _place(unicodedata.normalize("NFC", word), str(path), 40, *how)
        assert ink.any() and not (ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())


@RAQM
def test_a_mark_without_a_composed_form_stands_over_its_letter_even_in_spaced_words():
    plain, marked = (_place(w, str(SANS), 40, None, 20.0, None) for w in ("mu", "m\u0303u"))
    assert np.count_nonzero(plain.any(axis=0)) == np.count_nonzero(marked.any(axis=0))  # no column of its own
    heights = [np.flatnonzero(ink.any(axis=1)) for ink in (plain, marked)]
    assert np.ptp(heights[1]) > np.ptp(heights[0]) + 4


def test_sign_letters_vary_words_with_marks_and_lose_none():
    rng = np.random.default_rng(0)
    heights = [sign_letters("m\u0303i", str(SANS), rng).shape[0] for _ in range(60)]
    plain = draw_mask("mi", SANS).shape[0]
    assert min(heights) >= plain - 2 and len(set(heights)) > 1


def test_what_is_written_shows_in_a_printed_word():
    """Every mark leaves ink in its own rows: 'ế' and 'ê' and 'e' differ, in that order of height."""
    heights = [draw_mask(c, SANS).shape[0] for c in "eêếễ"]
    assert heights == sorted(heights) and heights[0] < heights[1] < heights[2]
    picture = render_word("ế", SANS, np.random.default_rng(0), height=48, wild=0)
    rows = cv2.threshold(255 - picture, 80, 255, cv2.THRESH_BINARY)[1]
    assert cv2.connectedComponents(rows)[0] - 1 >= 2  # letter and marks, apart


# missing glyphs


def test_a_glyph_that_is_missing_is_named_not_drawn(tmp_path):
    path = blocks_font(tmp_path / "blocks.ttf", "한국서", without_glyph="울")
    assert missing_glyphs(path, "서울") == "울"  # mapped to the box that stands for missing glyphs
    for word, missing in (("서울", "울"), ("한국 대로", "대로"), ("phở", "phở")):
        for draw in (lambda w: draw_mask(w, path), lambda w: render_word(w, path, np.random.default_rng(0))):
            with pytest.raises(ValueError, match=rf"blocks\.ttf has no glyph for '{missing}'; choose a font that has"):
                draw(word)
    with pytest.raises(ValueError, match=r"has no glyph for '\u0303'"):
        draw_mask("한\u0303", path)
    with pytest.raises(FileNotFoundError, match=r"the closest, blocks\.ttf, lacks '울'"):
        find_fonts("서울", [tmp_path], system=False)
    assert draw_mask("한국", path).any()


def test_one_box_for_a_whole_script_is_no_glyph():
    """A font of last resort maps every code point to a box with the script's name; matplotlib ships one."""
    last = SANS.with_name("LastResortHE-Regular.ttf")
    if not last.is_file():
        pytest.skip("this matplotlib ships no font of last resort")
    assert missing_glyphs(last, "한국aế") == "한국aế"
    with pytest.raises(FileNotFoundError, match="no font with glyphs for '한국'"):
        find_fonts("한국", [SANS.parent], system=False)


def test_neighbours_are_of_the_words_script(tmp_path):
    """A font without Latin letters gets no boxes beside its words, and letters of its own."""
    path = blocks_font(tmp_path / "blocks.ttf", "한국서")
    ink = draw_mask("한국", path)
    for letters, changes in ((LETTERS, False), ("한국", True)):
        around = [with_neighbours(ink, str(path), np.random.default_rng(seed), letters) for seed in range(40)]
        frame = around[0].shape[0] - ink.shape[0] - 10, around[0].shape[1] - ink.shape[1] - 10
        extra = [int((whole > 0).sum()) - int((ink > 0).sum()) for whole in around]  # beyond the word itself
        assert min(frame) > 0 and (max(extra) > 100) == changes and min(extra) >= 0
    drawn = [render_word("한국", path, np.random.default_rng(seed)) for seed in range(40)]
    assert all(picture.std() > 0.5 for picture in drawn)


# pools in any script


def test_a_pool_of_korean_words_from_a_small_font(tmp_path):
    path = blocks_font(tmp_path / "blocks.ttf", "한국서울0123456789.")
    spec = PoolSpec(60, 1, (str(path),), ("한국", "서울"), characters="한국서울0123456789")
    labels = [rendered_word(spec, i)[1] for i in range(60)]
    assert {"한국", "서울"} < set(labels) and any(label.isdigit() for label in labels)
    assert set("".join(labels)) <= set(spec.characters)
    pool = Pool(spec, tmp_path, workers=1)
    assert pool.labels == labels and len(Alphabet(spec.characters).encode(labels[0])) == len(labels[0])


def test_letters_outside_the_alphabet_are_not_drawn(monkeypatch):
    """A number such as 12km has letters that a label of digits would not name."""
    drawn = []
    monkeypatch.setattr(
        "crnn_lessons.data.spec.render_word", lambda text, *_, **__: drawn.append(text) or np.ones((9, 9))
    )
    spec = PoolSpec(300, 1, (str(SANS),), ("привет", "мир"), characters="приветмPM0123456789")
    labels = [rendered_word(spec, i)[1] for i in range(300)]
    seen = ["".join(c for c in text if c.isalnum()) for text in drawn]
    assert [spec.label(text) for text in seen] == labels
    assert all(len(s) == len(label) for s, label in zip(seen, labels, strict=True))
    assert any(text != s for text, s in zip(drawn, seen, strict=True))  # punctuation is


def test_labels_keep_case_where_the_characters_do():
    assert PoolSpec(1, 0, (), (), characters="aAbđ").label("ABĐ-ab") == "Abđab"
    assert PoolSpec(1, 0, (), ()).label("Été 5") == "t5"


def test_a_font_that_lacks_the_script_stops_a_pool_and_is_named():
    spec = PoolSpec(5, 0, (str(SANS),), ("한국",), characters="한국")
    with pytest.raises(ValueError, match=r"DejaVuSans\.ttf has no glyph for '[한국]+'"):
        for i in range(5):
            rendered_word(spec, i)


def test_word_lists_are_composed(tmp_path):
    (tmp_path / "vi.txt").write_text(unicodedata.normalize("NFD", "\n".join(VIETNAMESE)), encoding="utf-8")
    characters = "".join(dict.fromkeys("".join(VIETNAMESE).lower()))
    assert load_words([tmp_path / "vi.txt"], characters) == [w.lower() for w in VIETNAMESE]


# fonts and lists at hand


@pytest.mark.parametrize("words", [VIETNAMESE, KOREAN], ids=["vietnamese", "korean"])
def test_words_are_written_by_every_font_at_hand_that_can(words):
    for path in fonts_for(words)[:6]:
        for i, word in enumerate(words):
            picture = render_word(word, path, np.random.default_rng(i), height=32)
            assert picture.shape[0] == 32 and picture.std() > 1
            layout_edges = _place(word, str(path), 40, None, 0.0, None)
            assert not (layout_edges[0].any() or layout_edges[-1].any())


@pytest.mark.parametrize("language", ["vi", "ko"])
def test_the_lists_at_hand_make_a_pool(language):
    path = Path(DATA) / f"wordlists/easyocr_{language}.txt"
    if not DATA or not path.is_file():
        pytest.skip(f"CRNN_LESSONS_DATA names no folder with wordlists/{path.name}")
    text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8")).lower()
    characters = "".join(sorted({c for c in text if c.isalpha()}))
    words = load_words([path], characters)
    fonts = fonts_for([characters])
    spec = PoolSpec(40, 0, tuple(map(str, fonts[:4])), tuple(words), characters=characters)
    labels = {rendered_word(spec, i)[1] for i in range(40)}
    assert len(labels) > 30 and len(labels & set(words)) > 20


def test_fonts_are_found_by_what_they_can_write():
    assert SANS.name in {p.name for p in find_fonts("".join(VIETNAMESE), [SANS.parent], system=False, threshold=0)}
    assert len(font_files([SANS.parent], system=False)) > 10
