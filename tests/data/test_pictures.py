"""Any picture file becomes the same grey array; what is no picture is refused in one sentence."""

import io
import os
import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image

from crnn_lessons.data import pictures
from crnn_lessons.data.pictures import load_grey

RNG = np.random.default_rng(0)
GREY = np.tile(np.arange(0, 240, 6, dtype=np.uint8), (20, 1))  # 20 x 40, dark to light
GREY[:5, :8] = 250  # a bright corner at the top left, so that turns show


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "CMYK"])
def test_colour_modes(mode):
    image = Image.fromarray(GREY).convert(mode)
    data = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    assert np.abs(load_grey(data).astype(int) - GREY).max() <= 2


def test_palette_with_transparency():
    image = Image.fromarray(np.where(GREY > 120, 1, 0).astype(np.uint8), "P")
    image.putpalette([10, 10, 10, 200, 200, 200])
    plain = load_grey(encoded(image))
    assert set(np.unique(plain)) == {10, 200}
    through = load_grey(encoded(image, transparency=1))
    assert set(np.unique(through)) == {10, 255}  # dark ink, so the ground is white


@pytest.mark.parametrize(("ink", "ground"), [(255, 0), (0, 255), (230, 0), (30, 255)])
def test_transparent_ground_contrasts_with_the_ink(ink, ground):
    rgba = np.zeros((20, 40, 4), np.uint8)
    rgba[5:15, 10:20] = (ink, ink, ink, 255)
    grey = load_grey(encoded(Image.fromarray(rgba)))
    assert grey[10, 15] == ink and grey[0, 0] == ground


def test_one_bit():
    image = Image.fromarray(GREY).point(lambda v: 255 if v > 100 else 0).convert("1")
    assert np.array_equal(load_grey(encoded(image)), np.asarray(image.convert("L")))


def test_sixteen_bits_and_floats_are_stretched():
    deep = GREY.astype(np.uint16) * 16 + 500
    expected = np.round((GREY.astype(float) - GREY.min()) / (GREY.max() - GREY.min()) * 255)
    assert np.abs(load_grey(encoded(Image.fromarray(deep))) - expected).max() <= 1
    tiff = encoded(Image.fromarray(GREY.astype(np.float32) / 1000), "TIFF")
    assert np.abs(load_grey(tiff) - expected).max() <= 1


def test_exif_rotation_is_applied():
    image = Image.fromarray(GREY)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    turned = load_grey(encoded(image, "PNG", exif=exif))
    assert np.array_equal(turned, np.rot90(GREY, -1))


def test_paths_pillow_images_and_arrays(tmp_path):
    path = tmp_path / "a name with spaces ü.png"
    Image.fromarray(GREY).save(path)
    for source in (path, str(path), Image.fromarray(GREY), GREY, GREY[..., None], np.dstack([GREY] * 3), GREY / 255):
        assert np.abs(load_grey(source).astype(int) - GREY).max() <= 1


def test_an_animation_gives_its_first_picture():
    first, second = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    assert np.array_equal(load_grey(data), GREY)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width, height):
    """A PNG of a few bytes that claims to be huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


PNG = encoded(Image.fromarray(RNG.integers(0, 255, (60, 90), dtype=np.uint8)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"just some text\n" * 10, "not an image of a known format"),
        (PNG[: len(PNG) // 2], "damaged or cut short"),
        (PNG[:100] + bytes(50) + PNG[150:], "damaged or cut short"),
        (bomb(8000, 8000), "more than 40,000,000 pixels"),
        (bomb(60_000, 60_000), "more than 40,000,000 pixels"),
        (encoded(Image.new("L", (3, 40))), "3 x 40 pixels, too narrow"),
        (encoded(Image.new("L", (40, 5))), "40 x 5 pixels, too low"),
        (encoded(Image.new("RGB", (40, 30), "navy")), "one flat colour"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(data, message):
    with pytest.raises(ValueError, match=message) as caught:
        load_grey(data)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was unpacked"))
    with pytest.raises(ValueError, match="pixels"):
        load_grey(bomb(7000, 7000))


def test_missing_files_and_directories(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_grey(tmp_path / "none.png")
    with pytest.raises(ValueError, match="is a directory"):
        load_grey(tmp_path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((20, 40), np.int32), "uint8 or floats"),
        (np.zeros((2, 20, 40, 3), np.uint8), "got the shape"),
        (np.zeros((0, 40), np.uint8), "is empty"),
    ],
)
def test_bad_arrays(array, message):
    with pytest.raises(ValueError, match=message):
        load_grey(array)


# ---- what people bring -----------------------------------------------------------------------------------------

MARKED = np.full((20, 30), 200, np.uint8)
MARKED[3:6, 4:20] = 30
BACK = {2: (0, 1), 3: (2, 0), 4: (2, 1), 5: (3, 1), 6: (1, 0), 7: (1, 1), 8: (3, 0)}
"""For each orientation: quarter turns counter-clockwise, and then a mirror, that store the picture."""


@pytest.mark.parametrize("orientation", BACK)
def test_each_exif_orientation_in_each_form(tmp_path, orientation):
    turns, mirror = BACK[orientation]
    stored = np.rot90(MARKED, turns)
    stored = stored[:, ::-1] if mirror else stored
    exif = Image.Exif()
    exif[0x0112] = orientation
    for form in ("PNG", "TIFF", "WEBP"):
        file = tmp_path / f"x.{form}"
        more = {"lossless": True} if form == "WEBP" else {}
        Image.fromarray(np.ascontiguousarray(stored)).save(file, form, exif=exif, **more)
        data = file.read_bytes()
        with open(file, "rb") as opened:
            for source in (file, str(file), data, bytearray(data), memoryview(data), io.BytesIO(data), opened,
                           Image.open(file)):  # fmt: skip
                assert np.array_equal(load_grey(source), MARKED), (form, type(source))


def test_damaged_exif_does_not_stop_a_good_picture():
    data = encoded(Image.fromarray(MARKED), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert np.array_equal(load_grey(data), MARKED) and np.array_equal(load_grey(Image.open(io.BytesIO(data))), MARKED)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP"])
def test_a_file_cut_short_is_one_sentence_in_each_form(form):
    data = encoded(Image.fromarray(RNG.integers(0, 255, (60, 90), dtype=np.uint8)), form)
    cut = data[: len(data) // 2]
    for source in (lambda: cut, lambda: io.BytesIO(cut), lambda: Image.open(io.BytesIO(cut))):
        try:
            opened = source()
        except Exception:  # Pillow itself refuses to open it
            continue
        with pytest.raises(ValueError, match=r"damaged or cut short|not an image") as caught:
            load_grey(opened)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (io.StringIO("text"), "opened as text; open it with mode 'rb'"),
        (io.BytesIO(b""), "the file is empty"),
        (None, "got NoneType"),
        (7, "got int"),
        ([[1, 2]], "got list"),
        ("", "the name of the file is empty"),
        ("x\0y", "null character"),
    ],
)
def test_what_is_no_picture(source, said):
    with pytest.raises(ValueError, match=said):
        load_grey(source)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 50\n%%EndComments\nshowpage\n"


@pytest.mark.parametrize(
    "data", [EPS, b"\xc5\xd0\xd3\xc6" + bytes(30) + EPS, b"%PDF-1.4\n", b"\xd7\xcd\xc6\x9a" + bytes(60)]
)
def test_programs_that_draw_are_not_run(data, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a program was run"))
    with pytest.raises(ValueError, match="not an image of a known format"):
        load_grey(data)
    try:
        opened = Image.open(io.BytesIO(data))
    except Exception:  # Pillow itself refuses to open it
        return
    with pytest.raises(ValueError, match="not an image of a known format"):
        load_grey(opened)


@pytest.mark.parametrize("most", [255.0, 2.0, 100.0])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_beyond_1_are_refused_not_clipped(most, dtype):
    array = np.linspace(0, most, 2000, dtype=dtype).reshape(40, 50)
    with pytest.raises(ValueError, match=r"floats of an image are 0 to 1, and these are 0 to .*; divide by 255"):
        load_grey(array)
    with pytest.raises(ValueError, match="floats of an image are 0 to 1"):
        load_grey(array / most - 0.5)
    for odd in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="some of these are NaN or infinite; replace them"):
            load_grey(np.where(array == most, odd, array / most).astype(dtype))
    with pytest.raises(ValueError, match="these are -1 to 1; bring them to that range"):
        load_grey(2 * (array / most) - 1)
    assert load_grey(array / most).max() == 255


@pytest.mark.parametrize("shape", [(100_000, 100_000), (2_000_000, 40, 3), (10_000, 4001, 1)])
@pytest.mark.parametrize("kind", [np.uint8, np.float64, bool])
def test_an_array_with_too_many_pixels_is_refused_before_it_is_copied(shape, kind):
    with pytest.raises(ValueError, match="more than 40,000,000 pixels"):
        load_grey(np.broadcast_to(kind(0), shape))


def test_an_open_file_is_read_from_its_beginning_or_says_why_not(tmp_path):
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, "PNG")  # which leaves it at its end
    assert (load_grey(file) == GREY).all() and (load_grey(file) == GREY).all()
    file.close()
    with open(tmp_path / "a.png", "wb") as writing:
        for unreadable in (file, writing):
            with pytest.raises(ValueError, match=r"^the file cannot be read \(.*\); open it with mode rb$"):
                load_grey(unreadable)
    reading, writing = os.pipe()
    with open(reading, "rb") as piped:  # which cannot seek
        with open(writing, "wb") as tap:
            Image.fromarray(GREY).save(tap, "BMP")
        assert (load_grey(piped) == GREY).all()

    class Failing(io.RawIOBase):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(ValueError, match=r"^the file cannot be read \(Input/output error\)$"):
        load_grey(Failing())


def test_an_endless_file_is_refused(monkeypatch):
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            assert 0 < size < 2000
            return bytes(size)

    monkeypatch.setattr(pictures, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        load_grey(Endless())
