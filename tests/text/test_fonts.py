"""Fonts are found, their glyphs are known, and those that cannot be read fall out."""

import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from crnn_lessons.text import fonts

DEJAVU = Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"


def box_font(path: Path, characters: str) -> Path:
    """A font in which every character is the same black box: complete, and unreadable."""
    names = [".notdef", *(f"u{ord(c)}" for c in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(c): f"u{ord(c)}" for c in characters})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((0, 700))
    pen.lineTo((600, 700))
    pen.lineTo((600, 0))
    pen.closePath()
    glyph = pen.glyph()
    builder.setupGlyf(dict.fromkeys(names, glyph))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (650, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def test_matplotlibs_fonts_are_found_without_importing_it():
    code = (
        "import sys; from crnn_lessons.text.fonts import font_files;"
        "print(sum(p.name == 'DejaVuSans.ttf' for p in font_files()), 'matplotlib' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["1", "False"]


def test_a_given_folder_is_searched_whole_and_alone_if_asked(tmp_path):
    box_font(tmp_path / "b.ttf", "ab")
    (tmp_path / "deep").mkdir()
    box_font(tmp_path / "deep/a.TTF", "ab")
    (tmp_path / "readme.txt").write_text("no font")
    found = fonts.font_files([tmp_path], system=False)
    assert [p.name for p in found] == ["a.TTF", "b.ttf"]


def test_what_is_given_must_hold_a_font(tmp_path):
    (tmp_path / "readme.txt").write_text("no font")
    for empty in (tmp_path, tmp_path / "readme.txt"):
        with pytest.raises(FileNotFoundError, match=r"^there is no font in '.*'; give one with \.ttf, \.otf or \.ttc"):
            fonts.font_files([DEJAVU.parent, empty])
    assert [p.name for p in fonts.font_files([DEJAVU], system=False)] == ["DejaVuSans.ttf"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no font folder '.*nowhere'"):
        fonts.font_files([tmp_path / "nowhere"])


def test_missing_glyphs_are_named_in_order(tmp_path):
    path = box_font(tmp_path / "box.ttf", "abc")
    assert fonts.missing_glyphs(path, "abc") == ""
    assert fonts.missing_glyphs(path, "caxbyx") == "xy"
    with pytest.raises(ValueError, match=r"box\.ttf has no glyph for '한국'"):
        fonts.require_glyphs(path, "a한국")


def test_fonts_that_cannot_be_read_fall_out(tmp_path):
    boxes = box_font(tmp_path / "boxes.ttf", fonts.ALPHANUMERIC)
    folder = DEJAVU.parent
    complete = [p for p in sorted(folder.glob("*.ttf")) if not fonts.missing_glyphs(p, fonts.ALPHANUMERIC)]
    kept = fonts.legible_fonts([*complete, boxes])
    assert boxes not in kept
    assert len(kept) >= 12 and DEJAVU in kept
    assert {"DejaVuSans.ttf", "DejaVuSerif-Italic.ttf", "DejaVuSansMono-Bold.ttf"} <= {p.name for p in kept}


def test_find_fonts_takes_only_complete_ones_and_says_what_is_missing(tmp_path):
    box_font(tmp_path / "abc.ttf", "abc")
    box_font(tmp_path / "ab.ttf", "ab")
    (tmp_path / "broken.ttf").write_bytes(b"no font at all")
    found = fonts.find_fonts("abc", [tmp_path], system=False, threshold=0)
    assert [p.name for p in found] == ["abc.ttf"]
    with pytest.raises(FileNotFoundError, match=r"the closest, abc\.ttf, lacks 'd'"):
        fonts.find_fonts("abcd", [tmp_path], system=False)


def test_a_large_family_does_not_drown_a_small_one():
    sans = sorted(DEJAVU.parent.glob("DejaVuSans*.ttf"))  # several families
    weights = fonts.family_weights(sans)
    assert weights.sum() == pytest.approx(1)
    families = [fonts._describe(p)[1] for p in sans]
    alone = [w for w, f in zip(weights, families, strict=True) if families.count(f) == 1]
    four = [w for w, f in zip(weights, families, strict=True) if families.count(f) == 4]
    assert alone and four
    assert alone[0] == pytest.approx(2 * four[0])  # one over the square root of the size


def test_families_are_held_out_whole():
    every = sorted(DEJAVU.parent.glob("DejaVu*.ttf"))
    kept, held = fonts.by_family(every, every=2)
    assert sorted(kept + held) == every and held
    assert not {fonts._describe(p)[1] for p in kept} & {fonts._describe(p)[1] for p in held}


def test_a_glyph_that_draws_nothing_is_missing(tmp_path):
    """A word with a hole would be drawn under the whole label."""
    path = box_font(tmp_path / "holes.ttf", "abc \u200d\u00e9")
    font = TTFont(path)
    for character in "b \u200d\u00e9":
        font["glyf"][f"u{ord(character)}"] = TTGlyphPen(None).glyph()
    font.save(path)
    assert fonts.missing_glyphs(path, "abc \u200d") == "b"  # a space and a joiner are to be empty
    assert fonts.missing_glyphs(path, "e\u0301cb") == "\u00e9b"
    with pytest.raises(ValueError, match=r"the font holes.ttf has no glyph for 'b'"):
        fonts.require_glyphs(path, fonts.missing_glyphs(path, "cab"))
    assert fonts.missing_glyphs(DEJAVU, "Hello, world! \u00e9\u00df") == ""
