"""The page on which a word is read: the arithmetic of `read`, its texts, its ways in, and no request."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from crnn_lessons.data.folders import read_folder
from crnn_lessons.data.pictures import load_grey
from crnn_lessons.models import to_onnx
from crnn_lessons.reader import Reader, locate, reading, vocabulary
from crnn_lessons.text.augment import fit, lean
from crnn_lessons.text.fonts import system_directories
from crnn_lessons.text.render import render_word
from notebooks.site.reader import build

FONTS = [system_directories()[-1] / f"DejaVu{name}.ttf" for name in ("Sans", "Serif", "SansMono-Bold", "Serif-Italic")]
WORDS = [
    *("reader", "lattice", "station", "bookshop", "aligned", "1984", "window", "garden", "coffee", "market", "24h"),
    *("forward", "backward", "blank", "alpha", "beta", "quick", "brown", "jumps", "over", "lazy", "river", "mountain"),
    *("library", "recognise", "text", "7up", "platform", "exit", "hotel", "street", "museum"),
]
ANSWER = "html[data-reads='{}']"


def rendered(seed):
    """A picture of one word, from clean print to what a photograph does to it."""
    rng = np.random.default_rng(seed)
    height = int(rng.integers(18, 90))
    return render_word(WORDS[seed % len(WORDS)], FONTS[seed % 4], rng, height=height, wild=(seed % 5) / 4)


def line(text, size, margin, ink=20, paper=240, font=FONTS[0]):
    """A line of print, whose ground is of one colour."""
    face = ImageFont.truetype(str(font), size)
    left, top, right, bottom = face.getbbox(text)
    picture = Image.new("L", (right - left + 2 * margin, bottom - top + 2 * margin), paper)
    ImageDraw.Draw(picture).text((margin - left, margin - top), text, ink, face)
    return np.asarray(picture)


LINES = [
    line("open 24 hours", 30, 20), line("exit", 40, 60), line("mind the gap", 22, 6, ink=250, paper=30),
    line("platform 9", 48, 30, font=FONTS[1]), line("coffee", 15, 30), line("to the lighthouse", 18, 25),
    np.concatenate([line("over the hills", 28, 16), line("over the hills", 28, 16)]),
    line("i", 60, 30), line("museum of modern art", 34, 80),
]  # fmt: skip
PICTURES = [*(rendered(seed) for seed in range(50 - len(LINES))), *LINES]


# The arithmetic, in node


def in_node(modules, expression, value):
    """What an expression over the page's modules makes of a value, ``given``."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, which runs the page's modules")
    text = f"{build.joined(*modules)}\nlet text = ''; for await (const part of process.stdin) text += part;\n"
    text += f"const given = JSON.parse(text); console.log(JSON.stringify({expression}));\n"
    command = [node, "--input-type=module", "--eval", text]
    done = subprocess.run(command, input=json.dumps(value), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def as_json(grey):
    return {"data": grey.ravel().tolist(), "width": grey.shape[1], "height": grey.shape[0]}


def test_sizes_change_as_in_the_package_to_one_level():
    rng, cases = np.random.default_rng(0), []
    for size in [(32, 144), (48, 96), (64, 72), (32, 300), (16, 72), (64, 288)]:
        for grey in (rendered(int(rng.integers(100))), rng.integers(0, 256, rng.integers(6, 200, 2)).astype(np.uint8)):
            cases.append((grey, size))
    cases += [
        (rng.integers(0, 256, shape).astype(np.uint8), (32, 144)) for shape in [(64, 288), (96, 432), (20, 60), (9, 9)]
    ]
    cases += [(rng.integers(0, 256, (200, 30)).astype(np.uint8), (32, 144))]  # one axis grows, the other shrinks
    got = in_node(
        ["pixels.js"],
        "given.map(([p, h, w]) => [...fitTo(p, h, w).data])",
        [[as_json(grey), *size] for grey, size in cases],
    )
    for (grey, size), found in zip(cases, got, strict=True):
        off = np.abs(fit(grey, *size).astype(int) - np.array(found).reshape(size))
        assert off.max() <= 1, (grey.shape, size)


def test_grey_is_that_of_pillow_also_where_a_picture_is_see_through():
    rng = np.random.default_rng(1)
    for alpha in (255, None, 0):
        colours = rng.integers(0, 256, (20, 30, 4)).astype(np.uint8)
        if alpha is not None:
            colours[..., 3] = alpha
            colours[4:8, 5:20, 3] = 255
        given = {"data": colours.ravel().tolist(), "width": 30, "height": 20}
        found = np.array(in_node(["pixels.js"], "[...toGrey(given).data]", given)).reshape(20, 30)
        assert np.array_equal(found, load_grey(colours))


def test_words_stand_where_the_package_finds_them():
    found = in_node(
        ["locate.js"],
        "given.map((p) => { p.data = Uint8Array.from(p.data); const ink = contentOf(p); "
        "return [ink, isPlain(p), maybeSeveral(p, ink), findWords(p)]; })",
        [as_json(grey) for grey in PICTURES],
    )
    assert sum(len(rows) > 0 for *_, rows in found) > 25
    for grey, (ink, plain, several, rows) in zip(PICTURES, found, strict=True):
        assert tuple(ink) == locate.content(grey)
        assert (plain, several) == (locate.plain(grey), locate.several(grey, tuple(ink)))
        assert [[tuple(box) for box in row] for row in rows] == locate.find_words(grey)


def test_a_picture_leans_as_in_the_package_to_two_levels():
    rng = np.random.default_rng(2)
    greys = [
        rendered(7),
        rng.integers(0, 256, (37, 150)).astype(np.uint8),
        rng.integers(0, 256, (9, 6)).astype(np.uint8),
    ]
    cases = [(grey, how) for grey in greys for how in reading.LEANS]
    given = [[as_json(grey), how] for grey, how in cases]
    for (grey, how), found in zip(
        cases, in_node(["pixels.js"], "given.map(([p, how]) => [...lean(p, ...how).data])", given), strict=True
    ):
        off = np.abs(lean(grey, *how).astype(int) - np.array(found).reshape(grey.shape))
        assert off.max() <= 2 and np.mean(off > 0) < 0.05, (grey.shape, how)


def test_a_text_is_worth_what_it_is_in_the_package():
    texts = ["", "a", "the", "street", "Street", "xqzvk", "1984", "recognise", "constantinople", "café"]
    shipped, (keys, numbers) = vocabulary.shipped(36), build.words(36)
    sure = [("", 0.1), ("street", 0.4), ("street", 0.6), ("xqzvk", 0.94), ("xqzvk", 0.96)]
    code = "({ worth, settles }) => "
    code += "[given.texts.map(worth), given.texts.map(crc32), given.sure.map((one) => settles(...one))]"
    given = {"texts": texts, "sure": sure, "keys": list(keys), "numbers": numbers}
    worths, crcs, settled = in_node(
        ["vocabulary.js"], f"({code})(openVocabulary(Uint8Array.from(given.keys), given.numbers))", given
    )
    assert worths == pytest.approx([shipped.worth(text) for text in texts])
    assert min(worths) < -1.6 and max(worths) > 20  # of strings that are no words, and of long words
    assert crcs == [vocabulary.key(text) for text in texts]
    assert settled == [shipped.settles(*one) for one in sure] == [True, False, True, False, True]


def test_texts_are_weighed_as_in_the_package():
    """Frames on which the views differ, one of them long enough that a product of its probabilities is no number."""
    rng, shipped, (keys, numbers) = np.random.default_rng(4), vocabulary.shipped(36), build.words(36)
    characters = "0123456789abcdefghijklmnopqrstuvwxyz"
    cases = []
    for views, frames, sharp in [(7, 36, 3), (2, 12, 1), (1, 1, 2), (1, 400, 2)]:
        logits = sharp * rng.standard_normal((views, frames, 37))
        for t, c in enumerate("street"[: frames // 4]):  # faintly, among noise
            logits[:, 2 * t + 1, characters.index(c) + 1] += 2 * sharp
        cases.append(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))
    given = {"cases": [case.tolist() for case in cases], "keys": list(keys), "numbers": numbers, "alphabet": characters}
    code = "given.cases.map((views) => weigh(views, given.alphabet, words).map(({ text, logs }) => [text, logs]))"
    opened = "openVocabulary(Uint8Array.from(given.keys), given.numbers)"
    got = in_node(["weigh.js", "vocabulary.js"], f"((words) => {code})({opened})", given)
    for case, found in zip(cases, got, strict=True):
        due = shipped.weigh(list(case), lambda labels: "".join(characters[k - 1] for k in labels))
        assert [text for text, _ in found] == ["".join(characters[k - 1] for k in labels) for labels, _ in due]
        assert np.array([logs for _, logs in found]) == pytest.approx(np.array([seen for _, seen in due]), rel=1e-9)
    assert len(got[0]) > vocabulary.BEAM and len(got[2]) == 37


@pytest.mark.parametrize(
    ("views", "varied", "text", "confidence", "looks"),
    [
        ([("", -0.01), ("cat", -2.0)], True, "cat", np.exp(-2), 2),  # before nothing, however unsure
        ([("cat", -2.0), ("car", -1.0)], True, "car", np.exp(-1), 2),
        ([("cat", -1.0), ("", -0.001)], True, "cat", np.exp(-1), 2),
        ([("", -0.01), ("", -0.1)], True, "", 0.0, 2),
        ([("cat", -0.11), ("car", -0.01)], True, "car", np.exp(-0.01), 2),
        ([("cat", -0.1), ("car", -0.01)], True, "cat", np.exp(-0.1), 1),  # clear
        ([("cat", -2.0), ("car", -1.0)], False, "cat", np.exp(-2), 1),
    ],
)
def test_a_crop_in_which_something_is_read_goes_first_as_in_the_package(views, varied, text, confidence, looks):
    given = [{"text": text, "logConfidence": value} for text, value in views]
    grey = "{ width: 40, height: 20, data: new Uint8Array(800) }"
    part = f"{{ cut: [0, 0, 40, 20], box: [0, 0, 40, 20], varied: {str(varied).lower()} }}"
    call = f"await readParts(async (pictures) => given.splice(0, pictures.length), {grey}, [{part}])"
    told = "({ text, confidence, views }) => ({ text, confidence, looks: views.length })"
    (word,) = in_node(["search.js"], f"({call}).map({told})", given)
    assert word == {"text": text, "confidence": pytest.approx(confidence), "looks": looks}


def test_two_modules_cannot_give_one_name_to_two_things(tmp_path, monkeypatch):
    (tmp_path / "twice.js").write_text("const clamp = 1;\nexport const twice = clamp;\n", encoding="utf-8")
    (tmp_path / "both.js").write_text(
        'import { clamp } from "./dom.js";\nimport { twice } from "./twice.js";\nconst sum = twice + clamp;\n'
    )
    monkeypatch.setattr(build, "HERE", tmp_path)
    with pytest.raises(ValueError, match="two modules of the page declare clamp"):
        build.joined("both.js")


def test_without_its_engine_the_page_is_not_built_and_one_sentence_says_why(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    assert build.main(["--out", str(tmp_path / "page")]) == 2
    assert capsys.readouterr().err == f"npm is not installed, which fetches {build.PACKAGE}\n"
    (tmp_path / "build" / "npm").mkdir(parents=True)
    file = tmp_path / "build" / "npm" / f"{build.PACKAGE.replace('@', '-')}.tgz"
    file.write_bytes(b"another package")
    assert build.main(["--out", str(tmp_path / "page")]) == 2
    assert capsys.readouterr().err.startswith(
        f"what npm fetched is not the {build.PACKAGE} that this page was made for"
    )
    assert not (tmp_path / "page").exists() and not file.exists()


# The page, in Chromium


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The page in a folder of its own."""
    if missing := to_onnx.missing_packages():
        pytest.skip(f"not installed: {', '.join(missing)}")
    try:
        build.fetched()
    except build.Absent as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("page")
    assert build.main(["--out", str(out), "--home", "../index.html"]) == 0
    return out / "index.html"


@pytest.fixture(scope="module")
def reader():
    torch.set_num_threads(1)
    return Reader()


class Shown:
    """The page as it is shown, and what it asked for."""

    def __init__(self, page, built):
        self.page, self.asked, self.count = page, [], 0
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(built.as_uri())
        self.wait()

    def wait(self):
        self.count += 1
        self.page.wait_for_selector(ANSWER.format(self.count), state="attached", timeout=60_000)
        return self.page.inner_text("#text")

    def read(self, file):
        self.page.set_input_files("#file", file)
        text = self.wait()
        assert self.page.inner_text("#note") == ""
        return "" if text == "(nothing)" else text

    @property
    def confidence(self):
        return float(self.page.inner_text("#sure").removeprefix("confidence ").replace("−", "-"))


@pytest.fixture
def shown(page, built):
    return Shown(page, built)


def photographs():
    """Fifty photographs, where the folder of the variable CRNN_LESSONS_DATA has any."""
    root, found = os.environ.get("CRNN_LESSONS_DATA"), []
    for name in ("words_iiit5k_train", "words_svt_train", "words_cute_half"):
        if root and (Path(root) / name).is_dir():
            found += [path for path, _ in read_folder(Path(root) / name)][::7][:17]
    return found[:50]


@pytest.mark.browser
def test_fifty_pictures_give_the_text_and_the_confidence_that_read_gives(shown, reader, tmp_path):
    times, texts = [], set()
    for number, grey in enumerate(PICTURES):
        file = tmp_path / f"{number}.png"
        Image.fromarray(grey).save(file)
        due = reader.read(file)
        assert (number, shown.read(file)) == (number, due.text)
        assert shown.confidence == pytest.approx(due.confidence, abs=0.01)
        times.append(int(shown.page.inner_text("#time").removesuffix(" ms")))
        texts.add(due.text)
    assert len(PICTURES) == 50 and len(texts) > 30 and sum(" " in text for text in texts) >= 4
    assert min(times) < 100  # the least, as other programs may take the processor meanwhile


@pytest.mark.browser
def test_letters_that_it_does_not_know_are_doubted(shown, reader, tmp_path):
    sans, told = system_directories()[-1] / "DejaVuSans.ttf", []
    for number, word in enumerate(("ПЕРЕРЫВ", "station")):
        file = tmp_path / f"{number}.png"
        Image.fromarray(render_word(word, sans, np.random.default_rng(3), height=48, wild=0)).save(file)
        shown.read(file)
        assert shown.confidence == pytest.approx(reader.read(file).confidence, abs=0.01)
        told.append((shown.confidence > 0.5, shown.page.inner_text("#doubt")))
    assert told == [(False, "– maybe no letters that it knows"), (True, "")]


@pytest.mark.browser
@pytest.mark.skipif(not photographs(), reason="CRNN_LESSONS_DATA names no folder with photographs of words")
def test_photographs_give_the_text_that_read_gives_upright(shown, reader):
    assert [shown.read(path) for path in photographs()] == [reader.read(p, turns=False).text for p in photographs()]


@pytest.mark.browser
def test_nothing_is_asked_for_but_the_page_and_nothing_can_be(shown, built, tmp_path):
    Image.fromarray(rendered(3)).save(tmp_path / "a.png")
    shown.read(tmp_path / "a.png")
    assert [url for url in shown.asked if not url.startswith("data:")] == [built.as_uri()]
    policy = shown.page.get_attribute("meta[http-equiv]", "content")
    assert policy.startswith("default-src 'none';") and "connect-src" not in policy and "http" not in policy


@pytest.mark.browser
def test_every_example_is_read(shown):
    buttons = shown.page.locator("#examples button")
    for number, words in enumerate(build.EXAMPLES):
        buttons.nth(number).click()
        assert shown.wait() == words
    assert buttons.count() == len(build.EXAMPLES)


@pytest.mark.browser
def test_what_follows_a_reading(shown, tmp_path):
    Image.fromarray(line("lattice", 40, 20)).save(tmp_path / "a.png")
    assert shown.read(tmp_path / "a.png") == "lattice"
    page = shown.page
    assert page.get_attribute("#heat svg", "aria-label").endswith("best path: lattice")
    frames = int(page.get_attribute("#heat input", "max")) + 1
    page.focus("#heat input")
    page.keyboard.press("Home")
    assert page.inner_text("#heat p").startswith(f"frame 0 of 0 to {frames - 1}: blank ")
    assert page.input_value("#lattice .crnn-lattice input[type=text]") == "lattice"
    assert f"T = {frames}, L = 15" in page.inner_text("#lattice .crnn-totals")
    shown_p = float(page.inner_text("#lattice .crnn-p"))
    assert shown_p == pytest.approx(shown.confidence, rel=1e-3)


@pytest.mark.browser
def test_english_words_are_preferred_as_long_as_the_box_is_checked(shown, reader, tmp_path):
    literal, page = Reader(words=False), shown.page
    unsure = next(grey for grey in PICTURES if reader.read(grey).text != literal.read(grey).text)
    Image.fromarray(unsure).save(tmp_path / "a.png")
    assert shown.read(tmp_path / "a.png") == reader.read(unsure).text
    page.focus("#english")
    page.keyboard.press("Space")
    assert shown.wait() == literal.read(unsure).text
    page.click("text=prefer English words")
    assert shown.wait() == reader.read(unsure).text


@pytest.mark.browser
def test_of_several_words_each_has_its_numbers(shown, tmp_path):
    Image.fromarray(line("open 24 hours", 40, 30)).save(tmp_path / "a.png")
    assert shown.read(tmp_path / "a.png") == "open 24 hours"
    page = shown.page
    assert page.locator("#picture rect").count() == page.locator("#words input").count() == 3
    page.locator("#words input").nth(2).check()
    assert page.get_attribute("#heat svg", "aria-label").endswith("best path: hours")
    assert page.input_value("#lattice .crnn-lattice input[type=text]") == "hours"


DROP = """([kind, bytes, type]) => {
  const file = new File([new Uint8Array(bytes)], "w.png", { type }), transfer = new DataTransfer();
  transfer.items.add(file);
  const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
    : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_pictures_are_dropped_and_pasted(shown, tmp_path, kind):
    Image.fromarray(line("station", 40, 20)).save(tmp_path / "a.png")
    shown.page.evaluate(DROP, [kind, list((tmp_path / "a.png").read_bytes()), "image/png"])
    assert shown.wait() == "station"
    shown.page.evaluate(DROP, [kind, list(b"no picture"), "image/png"])
    shown.page.wait_for_selector("#note:has-text('is no picture that this browser can open')")
    assert shown.page.inner_text("#text") == "station"


@pytest.mark.browser
def test_what_holds_no_word_is_said(shown, tmp_path):
    for size, value, says in [((3, 9), 0, "too small"), ((20, 60), 200, "one flat colour")]:
        Image.fromarray(np.full(size, value, np.uint8)).save(tmp_path / "a.png")
        shown.page.set_input_files("#file", tmp_path / "a.png")
        shown.wait()
        assert says in shown.page.inner_text("#note")


@pytest.mark.browser
def test_a_word_is_drawn_typed_and_written_with_keys(shown):
    page = shown.page
    page.focus("#typed")
    page.keyboard.type("hi")
    shown.count += 1  # a reading for each letter
    assert shown.wait() == "hi"
    page.click("#clear")
    page.focus("#pad")
    page.keyboard.press("Space")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowUp" if _ % 2 else "Shift+ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    shown.wait()
    assert "The pen is up" in page.inner_text("#pen")
    page.click("#clear")
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"] / 600, box["y"] + y * box["height"] / 180)  # noqa: E731
    for stroke in [
        [(80, 30), (80, 150)],
        [(160, 30), (160, 150)],
        [(80, 90), (160, 90)],
        [(230, 30), (230, 150)],
    ]:  # H I
        page.mouse.move(*at(*stroke[0]))
        page.mouse.down()
        page.mouse.move(*at(*stroke[1]), steps=4)
        page.mouse.up()
        shown.wait()
    assert page.inner_text("#text") in ("hi", "h1", "hl")


CAMERA = """() => {
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  Object.assign(canvas, { width: 640, height: 480 });
  navigator.mediaDevices.getUserMedia = async () => {
    setInterval(() => {
      context.fillStyle = "#ddd"; context.fillRect(0, 0, 640, 480);
      context.fillStyle = "#222"; context.font = "90px 'DejaVu Sans', sans-serif"; context.fillText("camera", 150, 270);
    }, 30);
    return canvas.captureStream(30);
  };
}"""


@pytest.mark.browser
def test_the_camera_reads_what_is_in_the_frame(shown):
    page = shown.page
    page.evaluate(CAMERA)
    page.click("#camera")
    page.wait_for_selector("#shoot:focus")
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    assert shown.wait() == "camera"
    page.click("#camera")
    assert page.locator("#view").is_hidden() and page.locator("#shoot").is_hidden()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_accessible(chromium, built, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)  # axe is a script from outside
    page = context.new_page()
    Shown(page, built)
    for width in (390, 760, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = [(v["id"], v["nodes"][0]["html"][:200]) for v in axe.Axe().run(page).response["violations"]]
    context.close()
    assert found == []
