"""The command line: ``read``, and the way to the others. What needs torch is imported when it is called for."""

from __future__ import annotations

import argparse
import io
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from crnn_lessons.reader.options import parser

if TYPE_CHECKING:
    from crnn_lessons.reader.reading import Reading


def main(argv: Sequence[str] | None = None, **others: Callable[[argparse.Namespace], int]) -> int:
    """Run one subcommand.

    Args:
        others: the commands of what stands above the reader, by name.

    Returns:
        The exit status: 0 all well; 1 some file was not read; 2 it could not start; 130 interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    with (
        redirect_stderr(io.StringIO()) if os.environ.get("RANK", "0") != "0" else nullcontext()
    ):  # the first one says it
        arguments = parser().parse_args(argv)
    command = arguments.command
    try:
        if command == "read":
            return read(arguments)
        if command == "pack":
            return pack(arguments)
        if command in others:
            return others[command](arguments)
        if command == "examine":
            from crnn_lessons.clinic.command import run

            return run(arguments.factory, arguments.html)
        if command == "export":
            from crnn_lessons.reader.export import export

            return export(arguments)
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")  # what a lost process means is said in a sentence
        from crnn_lessons.reader.train import train

        arguments.shown = shlex.join(argv)
        return train(arguments)
    except KeyboardInterrupt:
        print(f"{command}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        return _no_more_output()
    except OSError as error:
        print(f"{command}: the output cannot be written ({error.strerror or error})", file=sys.stderr)
        return _no_more_output()


def _no_more_output() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is written when Python ends
    return 1


def read(arguments: argparse.Namespace) -> int:
    """Read files and print what they say; returns the exit status."""
    from crnn_lessons.reader.decoder import Decoder, allowed
    from crnn_lessons.reader.reading import Reader

    a = arguments
    try:
        reader = Reader(a.weights, words=not a.literal)
        reader.decoder = Decoder(reader.alphabet, a.beam, a.lexicon, a.language, a.alternatives)
        allowed(reader.alphabet, a.allow)
        names = list(_files(a.files))
    except (OSError, ValueError) as error:
        print(f"read: {error}", file=sys.stderr)
        return 2
    status = 0
    watched = len(names) > 1 and sys.stderr.isatty() and not sys.stdout.isatty()  # else the lines show how far it is
    for name in tqdm(names, unit="picture", disable=not watched):
        shown = printable(name)
        try:
            source = sys.stdin and sys.stdin.buffer if name == "-" else name
            if source is None:
                raise ValueError("standard input is closed; give a file, or pipe one in")
            reading = reader.read(source, turns=not a.upright, allow=a.allow)
        except (FileNotFoundError, ValueError) as error:
            status = 1
            print(f"{shown or repr(name)}: {error}", file=sys.stderr, flush=True)
            if a.json:
                print(json.dumps({"file": name, "error": str(error)}), flush=True)
            continue
        if a.json:
            print(json.dumps({"file": name, **_fields(reading, a.letters)}), flush=True)
            continue
        first = [shown] * (len(names) > 1)
        lines = [[*first, reading.text, *(text for text, _ in reading.alternatives)]]
        for c in reading.letters if a.letters else ():
            lines.append([*first, c.character, f"{c.left:.0f}", f"{c.right:.0f}", f"{c.confidence:.3f}"])
        print("\n".join(map("\t".join, lines)), flush=True)
    return status


def pack(arguments: argparse.Namespace) -> int:
    """Write the samples of a source to LMDB or shards; returns the exit status."""
    from crnn_lessons.data.lmdb import write_lmdb
    from crnn_lessons.data.shards import write_shards
    from crnn_lessons.data.sources import open_words

    a = arguments
    try:
        with tqdm(open_words(a.source), unit="picture") as samples:
            count = write_lmdb(samples, a.lmdb) if a.lmdb else write_shards(samples, a.shards, a.each)
    except (KeyError, ModuleNotFoundError, OSError, ValueError) as error:
        why = error.args[0] if isinstance(error, KeyError) else getattr(error, "strerror", None) or error
        print(f"pack: {why}", file=sys.stderr)
        return 2
    print(f"wrote {count} samples to {a.lmdb or a.shards}")
    return 0


def _files(names: Sequence[str]) -> Iterator[str]:
    """The files that were named, and the pictures in folders that were; an empty folder stays, to be complained of."""
    from PIL import Image

    from crnn_lessons.data.pictures import FORMATS

    for name in names:
        inside = []
        if os.path.isdir(name):
            known = {suffix for suffix, form in Image.registered_extensions().items() if form in FORMATS}
            inside = sorted(path for path in Path(name).iterdir() if path.suffix.lower() in known)
        yield from map(str, inside or [name])


def _fields(reading: Reading, letters: bool) -> dict:
    first, *others = [
        {"text": text, "confidence": round(p, 6)}
        for text, p in [(reading.text, reading.confidence), *reading.alternatives]
    ]
    more = {"alternatives": others} if others else {}
    if reading.turned:
        more["turned"] = reading.turned
    if letters:
        more["letters"] = [
            {"character": c.character, "left": round(c.left, 1), "right": round(c.right, 1),
             "confidence": round(c.confidence, 6)}
            for c in reading.letters
        ]  # fmt: skip
    return first | more


def printable(name: str) -> str:
    """A file's name with what a terminal would obey written out; bytes that are no text stay (see ``__main__``)."""
    return "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else ascii(c)[1:-1] for c in name)
