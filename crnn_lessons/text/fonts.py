"""Fonts: where they are, which characters they have, and whether they can be read."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

SUFFIXES = {".ttf", ".otf", ".ttc"}
MOST_SHARED = 32  # code points that may look alike; A serves Latin, Greek and Cyrillic, but nothing real serves more
ALPHANUMERIC = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def system_directories() -> list[Path]:
    """The folders in which this operating system, and matplotlib if it is installed, keep fonts."""
    home = Path.home()
    if sys.platform == "win32":
        places = [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"]
    elif sys.platform == "darwin":
        places = [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    else:
        places = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/usr/share/texmf/fonts")]
        places += [home / ".fonts", home / ".local/share/fonts"]
    spec = importlib.util.find_spec("matplotlib")  # finds it without importing it
    if spec is not None and spec.origin:
        places.append(Path(spec.origin).parent / "mpl-data/fonts/ttf")
    return [place for place in places if place.is_dir()]


def font_files(directories: Iterable[str | os.PathLike] = (), system: bool = True) -> list[Path]:
    """All font files in the given folders (searched whole) and, if asked, in the system's.

    Returns:
        Sorted paths, one for each file name: the same file in two folders is one font.

    Raises:
        FileNotFoundError: a given folder does not exist, or holds no font.
    """
    found, given = {}, [Path(d) for d in directories]
    for place in given + (system_directories() if system else []):
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        fonts = {path.name: path for path in reversed(files) if path.suffix.lower() in SUFFIXES and path.is_file()}
        if place in given and not fonts:
            why = f"there is no font {'in' if place.exists() else 'folder'} {str(place)!r}"
            raise FileNotFoundError(f"{why}; give one with .ttf, .otf or .ttc files")
        found = fonts | found
    return sorted(found.values(), key=lambda p: p.name)


@functools.lru_cache(maxsize=4096)
def _describe(path: Path) -> tuple[frozenset[int], str]:
    """The code points of a font, and the name of its family."""
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # old fonts have harmless faults
    with TTFont(path, fontNumber=0, lazy=True) as font:
        family = font["name"].getBestFamilyName() or path.stem
        glyphs = font.getBestCmap() or {}
        shared = Counter(glyphs.values())
        # Boxes that stand for a missing glyph: .notdef, and in fonts of last resort one box for a whole script.
        boxes = {".notdef"} | {name for name, count in shared.items() if count > MOST_SHARED}
        return frozenset(code for code, name in glyphs.items() if name not in boxes), family


_face = functools.lru_cache(maxsize=8)(functools.partial(ImageFont.truetype, size=32, layout_engine=0))  # 0: basic


@functools.lru_cache(maxsize=1 << 18)
def _draws(path: Path, character: str) -> bool:
    blank = character.isspace() or unicodedata.category(character) == "Cf"  # a space, a joiner: no ink is right
    return blank or _face(str(path)).getmask(character).getbbox() is not None


def missing_glyphs(path: Path, characters: Iterable[str]) -> str:
    """The characters, in order, for which the font has no glyph, or one that draws nothing."""
    covered, wanted = _describe(Path(path))[0], dict.fromkeys(unicodedata.normalize("NFC", "".join(characters)))
    return "".join(c for c in wanted if ord(c) not in covered or not _draws(path, c))


def require_glyphs(path: Path, characters: Iterable[str]) -> None:
    """Stop with a clear message when the font cannot write the characters.

    Raises:
        ValueError: names the font and the missing characters.
    """
    missing = missing_glyphs(path, characters)
    if missing:
        shown = missing if len(missing) <= 20 else f"{missing[:20]}... ({len(missing)} in all)"
        why = f"the font {Path(path).name} has no glyph for {shown!r}"
        raise ValueError(f"{why}; choose a font that has them, or leave those characters out")


def glyph_picture(font: ImageFont.FreeTypeFont, character: str, size: int = 16) -> np.ndarray | None:
    """One glyph cropped to its ink and fitted into ``size x size``, as floats 0..1; None without ink."""
    left, top, right, bottom = font.getbbox(character)
    if right - left < 1 or bottom - top < 1:
        return None
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), character, font=font, fill=255)
    box = image.getbbox()
    if box is None:
        return None
    # subtle: a narrow glyph is not stretched wider than thrice, or an 'i' would be a black square
    image = image.crop(box)
    width = min(size, max(1, 3 * size * image.width // image.height))
    canvas = np.zeros((size, size), np.float32)
    start = (size - width) // 2
    canvas[:, start : start + width] = np.asarray(image.resize((width, size), Image.Resampling.BOX)) / 255
    return canvas


def legible_fonts(paths: Sequence[Path], characters: str = ALPHANUMERIC, threshold: float = 0.4) -> list[Path]:
    """Keep the fonts whose letters look more like themselves than like other letters.

    Every glyph is compared with the mean picture of each character over all fonts; a font stays when at
    least ``threshold`` of its glyphs are nearest to their own character (upper and lower case count as
    one). Dingbats, boxes and letters hidden in drawings fall out; script and black letter mostly stay.
    """
    pictures, kept, characters = [], [], unicodedata.normalize("NFC", characters)
    for path in paths:
        try:
            font = ImageFont.truetype(str(path), 32)
            glyphs = [glyph_picture(font, c) for c in characters]
        except (OSError, ValueError):
            continue
        if any(g is None for g in glyphs):
            continue
        kept.append(path)
        pictures.append(np.stack(glyphs).reshape(len(characters), -1))
    if not kept:
        return []
    glyphs = np.stack(pictures)  # fonts, characters, pixels
    glyphs -= glyphs.mean(-1, keepdims=True)
    glyphs /= np.linalg.norm(glyphs, axis=-1, keepdims=True) + 1e-6
    means = np.median(glyphs, axis=0)
    means /= np.linalg.norm(means, axis=-1, keepdims=True) + 1e-6
    nearest = np.argmax(glyphs @ means.T, axis=-1)  # fonts, characters
    folded = np.array([ord(c.lower()) for c in characters])
    share = (folded[nearest] == folded[None]).mean(axis=1)
    return [path for path, s in zip(kept, share, strict=True) if s >= threshold]


def find_fonts(
    characters: str = ALPHANUMERIC, directories: Iterable[str | os.PathLike] = (), system: bool = True,
    threshold: float = 0.4,
) -> list[Path]:  # fmt: skip
    """Every readable font at hand that has a glyph for each of the characters.

    Args:
        characters: what the fonts must be able to write.
        directories: folders to search before the system's.
        system: whether to search the system's folders too.
        threshold: how readable a font must be, 0 to 1 (see :func:`legible_fonts`); 0 takes all.

    Raises:
        FileNotFoundError: no font has all the characters; the message names what the best one lacks.
    """
    complete, best = [], None
    for path in font_files(directories, system):
        try:
            missing = missing_glyphs(path, characters)
        except Exception:  # a broken font file is no font; fontTools raises many kinds of error for one
            continue
        if not missing:
            complete.append(path)
        elif best is None or len(missing) < len(best[1]):
            best = (path, missing)
    if not complete:
        hint = f"; the closest, {best[0].name}, lacks {best[1][:20]!r}" if best else ""
        why = f"no font with glyphs for {characters[:40]!r} was found{hint}"
        raise FileNotFoundError(f"{why}. Install one, or give its folder")
    return legible_fonts(complete, characters, threshold) if threshold > 0 else complete


def family_weights(paths: Sequence[Path]) -> np.ndarray:
    """How often to draw each font, so that a family of forty faces does not drown one of two.

    Returns:
        Probabilities, proportional to one over the square root of the size of the family.
    """
    families = [_describe(Path(p))[1] for p in paths]
    count = Counter(families)
    weights = np.array([count[f] ** -0.5 for f in families])
    return weights / weights.sum()


def by_family(paths: Sequence[Path], every: int = 20) -> tuple[list[Path], list[Path]]:
    """Split fonts so that every twentieth family (in the order of their names) is held out whole."""
    apart = set(sorted({_describe(Path(p))[1] for p in paths})[every - 1 :: every])
    kept = [p for p in paths if _describe(Path(p))[1] not in apart]
    return kept, [p for p in paths if _describe(Path(p))[1] in apart]
