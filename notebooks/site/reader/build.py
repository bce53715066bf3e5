"""Build the page on which a word is read: one file, which needs no server and asks nothing of the network.

python notebooks/site/reader/build.py              write build/reader/index.html
python notebooks/site/reader/build.py --out DIR    write it elsewhere
python notebooks/site/reader/build.py --home URL   with a link back to the course

The engine is onnxruntime-web, whose package npm fetches once into build/npm; the recogniser is the one shipped, exported.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import html
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from crnn_lessons.models import to_onnx as making  # noqa: E402
from crnn_lessons.reader import Reader  # noqa: E402
from crnn_lessons.text.fonts import system_directories  # noqa: E402
from crnn_lessons.text.render import render_word  # noqa: E402
from crnn_lessons.widgets import page  # noqa: E402

PACKAGE = "onnxruntime-web@1.30.0"
DIGEST = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""SHA-512 of the package, as npm's list of versions gives it."""
RUNTIME, ENGINE = "package/dist/ort.wasm.bundle.min.mjs", "package/dist/ort-wasm-simd-threaded.wasm"
EXAMPLES = ("bookshop", "lattice", "open 24 hours")


def fetched() -> dict[str, bytes]:
    """The files of the package that the page needs.

    Raises:
        RuntimeError: in one sentence, why they cannot be had.
    """
    folder = ROOT / "build" / "npm"
    file = folder / f"{PACKAGE.replace('@', '-')}.tgz"
    if not file.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(f"npm is not installed, which fetches {PACKAGE}")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([npm, "pack", PACKAGE, "--silent"], cwd=folder, capture_output=True, text=True)
        if done.returncode or not file.exists():
            raise RuntimeError(f"npm could not fetch {PACKAGE}; is there a network?")
    data = file.read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != DIGEST:
        file.unlink()
        raise RuntimeError(f"what npm fetched is not the {PACKAGE} that this page was made for")
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


def script() -> str:
    """All modules as one: those of the course's widgets that the page needs, and its own.

    Raises:
        RuntimeError: two of them give the same name to different things.
    """
    texts: dict[str, str] = {}

    def add(name: str) -> None:
        if name in texts:
            return
        own = HERE / name
        text = (own if own.exists() else page.HERE / name).read_text(encoding="utf-8")
        texts[name] = ""  # its place: those that it needs come before
        for needed in re.findall(r'^import \{[^}]*\} from "\./(\w+\.js)";$', text, re.MULTILINE):
            add(needed)
        texts.pop(name)
        texts[name] = re.sub(r'^import \{[^}]*\} from "\./\w+\.js";\n', "", text, flags=re.MULTILINE)

    for name in ("lattice.js", "main.js"):
        add(name)
    joined = "\n".join(texts.values())
    names = re.findall(r"^(?:export )?(?:async )?(?:const|let|function) (\w+)", joined, re.MULTILINE)
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise RuntimeError(f"two modules of the page declare {', '.join(twice)}")
    return joined


def examples() -> str:
    """Buttons with rendered words."""
    font, buttons = system_directories()[-1] / "DejaVuSans.ttf", []
    for seed, words in enumerate(EXAMPLES):
        rng = np.random.default_rng(seed)
        pictures = [render_word(word, font, rng, height=48, wild=0) for word in words.split()]
        paper = [np.full((48, 16), np.median(pictures[0][0]), np.uint8)] * len(pictures)
        whole = np.concatenate([part for pair in zip(pictures, paper, strict=True) for part in pair][:-1], axis=1)
        file = io.BytesIO()
        Image.fromarray(whole).save(file, "PNG")
        packed = base64.b64encode(file.getvalue()).decode()
        image = f'<img src="data:image/png;base64,{packed}" alt="{html.escape(words)}">'
        buttons.append(f'<button type="button">{image}</button>')
    return "\n".join(buttons)


def build(home: str | None) -> str:
    """The page."""
    package, reader = fetched(), Reader()
    if missing := making.missing_packages():
        raise RuntimeError(f"{' and '.join(missing)} not installed, which export the recogniser")
    weights = in_halves(making.to_onnx(reader.model, reader.alphabet))
    runtime = re.sub(r"^//# sourceMappingURL.*$", "", package[RUNTIME].decode(), flags=re.MULTILINE)
    names = re.search(r"export\{([^}]*)\};\s*$", runtime)
    pairs = [part.split(" as ") for part in names[1].split(",")]
    runtime = runtime[: names.start()] + f"globalThis.ort={{{','.join(f'{new}:{old}' for old, new in pairs)}}};"

    def packed(data: bytes) -> str:
        return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()

    config = reader.model.config
    known = {"alphabet": list(reader.alphabet.characters), "shapes": config.all_shapes, "widest": making.WIDEST}
    style = f"{page.stylesheet('lattice.css')}\n{(HERE / 'reader.css').read_text(encoding='utf-8')}"
    parts = {
        "style": style,
        "home": f'<a href="{html.escape(home)}">CRNN Lessons</a>' if home else "",
        "examples": examples(),
        "known": json.dumps(known),
        "engine": packed(package[ENGINE]),
        "weights": packed(weights),
        "runtime": runtime,
        "script": script(),
        "facts": f"The recogniser has {reader.model.num_parameters:,} parameters, kept here with 16 bits each; the engine "
        f"is {PACKAGE.replace('@', ' ')} (MIT licence), on one thread.",
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], (HERE / "index.html").read_text(encoding="utf-8"))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "reader", help="the folder of the page")
    parser.add_argument("--home", metavar="URL", help="where the course's own page is, for a link")
    args = parser.parse_args(argv)
    try:
        text = build(args.home)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "index.html").write_text(text, encoding="utf-8")
    print(f"{args.out / 'index.html'}: {len(text.encode()) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
