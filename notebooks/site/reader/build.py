"""Build the page on which a word is read: one file, which needs no server and asks nothing of the network.

python notebooks/site/reader/build.py              write build/reader/index.html
python notebooks/site/reader/build.py --out DIR    write it elsewhere
python notebooks/site/reader/build.py --home URL   with a link back to the course

The engine is onnxruntime-web, whose package npm fetches once into build/npm; the recogniser is the shipped one.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import html
import io
import json
import math
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from crnn_lessons.models import to_onnx as making  # noqa: E402
from crnn_lessons.reader import Reader, reading, vocabulary  # noqa: E402
from crnn_lessons.text.fonts import system_directories  # noqa: E402
from crnn_lessons.text.render import render_word  # noqa: E402
from crnn_lessons.widgets import page  # noqa: E402

PACKAGE = "onnxruntime-web@1.30.0"
DIGEST = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""SHA-512 of the package, as npm's list of versions gives it."""
RUNTIME, ENGINE = "package/dist/ort.wasm.bundle.min.mjs", "package/dist/ort-wasm-simd-threaded.wasm"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)
EXAMPLES = ("bookshop", "lattice", "station", "open 24 hours")


class Absent(RuntimeError):
    """What the page is made of cannot be had on this machine."""


def fetched() -> dict[str, bytes]:
    """The files of the package that the page needs.

    Raises:
        Absent: in one sentence, why they cannot be had.
    """
    folder = ROOT / "build" / "npm"
    file = folder / f"{PACKAGE.replace('@', '-')}.tgz"
    if not file.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise Absent(f"npm is not installed, which fetches {PACKAGE}")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            command = [npm, "pack", PACKAGE, "--silent", "--fetch-retries=1", "--fetch-timeout=60000"]
            done = subprocess.run(command, cwd=fresh, capture_output=True, text=True)
            got = Path(fresh) / file.name
            if done.returncode or not got.exists():
                raise Absent(f"npm could not fetch {PACKAGE}; is there a network?")
            got.replace(file)
    data = file.read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != DIGEST:
        file.unlink()
        raise Absent(f"what npm fetched is not the {PACKAGE} that this page was made for")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {name: archive.extractfile(name).read() for name in (RUNTIME, ENGINE)}


def in_halves(file: bytes) -> bytes:
    """An ONNX file whose large weights stand in it as float16, and are float32 again once it is loaded."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(file)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > 1000:
            name = tensor.name
            half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
            tensor.CopyFrom(half)
            casts.append(helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model.SerializeToString()


def joined(*names: str) -> str:
    """Modules and those that they need as one: those of the course's widgets, and the page's own.

    Raises:
        ValueError: two of them give the same name to different things.
    """
    texts: dict[str, str] = {}

    def add(name: str) -> None:
        if name in texts:
            return
        own = HERE / name
        text = (own if own.exists() else page.HERE / name).read_text(encoding="utf-8")
        texts[name] = ""  # its place, lest two that need each other call for ever
        for needed in IMPORT.findall(text):
            add(needed)
        del texts[name]  # after those that it needs
        texts[name] = IMPORT.sub("", text)

    for name in names:
        add(name)
    script = "\n".join(texts.values())
    declared = re.findall(r"^(?:export )?(?:async )?(?:const|let|function) (\w+)", script, re.MULTILINE)
    if twice := [name for name, times in Counter(declared).items() if times > 1]:
        raise ValueError(f"two modules of the page declare {', '.join(twice)}")
    return script


def examples() -> str:
    """Buttons with pictures to try: a printed word, rendered ones as they look on photographs, and a line."""
    font, rng = system_directories()[-1] / "DejaVuSans.ttf", np.random.default_rng(8)
    face = ImageFont.truetype(str(font), 40)
    line = Image.new("L", (round(face.getlength(EXAMPLES[-1])) + 28, 64), 250)
    ImageDraw.Draw(line).text((14, 8), EXAMPLES[-1], 30, face)
    wild = [Image.fromarray(render_word(word, font, rng, height=48, wild=1)) for word in ("lattice", "station")]
    plain = Image.fromarray(render_word("bookshop", font, rng, height=48, wild=0))
    buttons = []
    for words, picture in zip(EXAMPLES, [plain, *wild, line], strict=True):
        file = io.BytesIO()
        picture.save(file, "PNG")
        packed = base64.b64encode(file.getvalue()).decode()
        image = f'<img src="data:image/png;base64,{packed}" alt="{html.escape(words)}">'
        buttons.append(f'<button type="button">{image}</button>')
    return "\n".join(buttons)


def words(characters: int) -> tuple[bytes, dict]:
    """The shipped vocabulary for an alphabet of so many characters, as vocabulary.js takes it: bytes, and numbers."""
    shipped = vocabulary.shipped(characters)
    log_probs, lists = np.unique(shipped.log_probs, return_inverse=True)
    steps = np.diff(shipped.keys, prepend=np.uint32(0)).astype("<u4").view(np.uint8).reshape(-1, 4)
    numbers = {
        "logProbs": log_probs.tolist(), "logCharacters": math.log(characters), "unknown": vocabulary.UNKNOWN,
        "weight": vocabulary.WEIGHT, "beam": vocabulary.BEAM, "sure": vocabulary.SURE, "leans": reading.LEANS,
    }  # fmt: skip
    return np.concatenate([lists.astype(np.uint8), *steps.T]).tobytes(), numbers  # bytes of like size side by side pack


def build(home: str | None) -> str:
    """The page."""
    package, reader = fetched(), Reader()
    if missing := making.missing_packages():
        raise Absent(f"{' and '.join(missing)} not installed, which export the recogniser")
    file = making.to_onnx(reader.model, reader.alphabet, legible=reader.legible)
    if not max(found[1] for found in making.differences(file, reader.model)) <= making.TOLERANCE:
        raise Absent("this torch exports a recogniser that differs from the reader; install a newer one")
    weights = in_halves(file)
    runtime = re.sub(r"^//# sourceMappingURL.*$", "", package[RUNTIME].decode(), flags=re.MULTILINE)
    names = re.search(r"export\{([^}]*)\};\s*$", runtime)
    pairs = [part.split(" as ") for part in names[1].split(",")]
    runtime = runtime[: names.start()] + f"globalThis.ort={{{','.join(f'{new}:{old}' for old, new in pairs)}}};"

    def packed(data: bytes) -> str:
        return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()

    config = reader.model.config
    keys, numbers = words(len(reader.alphabet.characters))
    known = {
        "alphabet": list(reader.alphabet.characters), "shapes": config.all_shapes, "widest": making.WIDEST,
        "words": numbers,
    }  # fmt: skip
    style = f"{page.stylesheet('lattice.css')}\n{(HERE / 'reader.css').read_text(encoding='utf-8')}"
    parts = {
        "style": style,
        "home": f'<a href="{html.escape(home)}">CRNN Lessons</a>' if home else "",
        "examples": examples(),
        "known": json.dumps(known),
        "engine": packed(package[ENGINE]),
        "weights": packed(weights),
        "keys": packed(keys),
        "runtime": runtime,
        "script": joined("lattice.js", "main.js"),
        "facts": f"The recogniser has {reader.model.num_parameters:,} parameters, kept here with 16 bits each; the "
        f"engine is {PACKAGE.replace('@', ' ')} (MIT licence), on one thread.",
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], (HERE / "index.html").read_text(encoding="utf-8"))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "reader", help="the folder of the page")
    parser.add_argument("--home", metavar="URL", help="where the course's own page is, for a link")
    args = parser.parse_args(argv)
    try:
        text = build(args.home)
    except Absent as error:
        print(error, file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "index.html").write_text(text, encoding="utf-8")
    print(f"{args.out / 'index.html'}: {len(text.encode()) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
