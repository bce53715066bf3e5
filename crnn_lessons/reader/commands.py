"""The command line: its options, and ``read``. What needs torch is imported when it is called for."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

READ = """Print the text of word images: letters and digits, in lower case.

One image: its text. Several: a line FILE<TAB>TEXT each. With --json: one object a line with "file", "text" and
"confidence", or "file" and "error". The confidence is p(text | image), the probability of the text under CTC,
summed over all its alignments. A file that cannot be read gives one line on standard error; the others are
still read, and the exit status is 1. With --alternatives the next best texts follow behind tabs, or as "alternatives".

  python -m crnn_lessons read --lexicon words.txt sign.png
  python -m crnn_lessons read --beam 20 --language words.txt --alternatives 3 sign.png"""

TRAIN = """Train a reader on words rendered with the fonts at hand, and write its weights.

Rendered words and the checkpoint are kept in --run. Ctrl-C stops after the step in hand; the same command with
--resume goes on and ends with the same weights as a run that was never stopped. For example:

  python -m crnn_lessons train --words words.txt --fonts my-fonts
  python -m crnn_lessons train --words words.txt --fonts my-fonts --resume
  python -m crnn_lessons read --weights runs/reader.safetensors picture.png"""


EXAMINE = """Look for every known disease of a CTC training; print what is sick, healthy, or could not be seen.

module:factory names a function without arguments in a module of yours that returns the model and a batch
(images, targets, input_lengths or None, target_lengths), and if you like a dictionary with loss, decode, alphabet,
blank and optimizer. The exit status is 0: healthy, 1: sick, or 2: nothing could be examined."""


def parser() -> argparse.ArgumentParser:
    """The parser of ``python -m crnn_lessons``."""
    what = "Read words in pictures, train a reader, or examine a training of your own."
    top = argparse.ArgumentParser(prog="python -m crnn_lessons", description=what)
    commands = top.add_subparsers(dest="command", required=True)
    raw = argparse.RawDescriptionHelpFormatter
    reading = commands.add_parser("read", help="print the text in word images", description=READ, formatter_class=raw)
    reading.add_argument("files", nargs="+", metavar="FILE", help="image of one word; - for standard input")
    reading.add_argument("--json", action="store_true", help="one JSON object a line")
    reading.add_argument("--weights", metavar="FILE", help="weights that train wrote (default: the shipped ones)")
    reading.add_argument("--beam", type=int, default=0, metavar="W", help="search with a beam of this width")
    reading.add_argument("--lexicon", metavar="FILE", help="a word a line: take a word near what is read, if there is "
                         "one; with --beam or --language: read nothing but these words")  # fmt: skip
    reading.add_argument("--language", metavar="FILE",
                         help="a word a line, whose spelling is learnt, or what NGram.save wrote")  # fmt: skip
    reading.add_argument("--alternatives", type=int, default=0, metavar="K", help="so many more texts, less probable")
    train = commands.add_parser("train", help="train a reader", description=TRAIN, formatter_class=raw)
    _training_options(train)
    examine = commands.add_parser("examine", help="examine a CTC training", description=EXAMINE, formatter_class=raw)
    examine.add_argument("factory", metavar="MODULE:FACTORY", help="what makes the model and the batch")
    examine.add_argument("--html", metavar="FILE", help="write the report as a page, too")
    return top


def _training_options(train: argparse.ArgumentParser) -> None:
    def option(group, name: str, default: object, text: str, **more: object) -> None:
        shown = "" if default == [] else " (default: %(default)s)"
        group.add_argument(name, default=default, help=text + shown, **more)

    data = train.add_argument_group("what to render")
    option(data, "--words", [], "word lists, one word a line; a word of several lists, or of one given twice, is drawn "
           "as many times as often; without any, only random strings are rendered",
           nargs="+", metavar="FILE")  # fmt: skip
    option(data, "--fonts", [], "folders with .ttf, .otf or .ttc files, searched whole", nargs="+", metavar="DIR")
    data.add_argument("--no-system-fonts", action="store_true", help="use only the fonts of --fonts")
    option(data, "--materials", [], "folders with pictures of materials, for grounds and letters; without any, those "
           "that scikit-image brings along", nargs="+", metavar="DIR")  # fmt: skip
    option(data, "--size", 50_000, "rendered words to have at hand at a time", type=int, metavar="N")
    option(data, "--views", 6, "how often a word is seen, changed a little, before a fresh one takes its place",
           type=int, metavar="N")  # fmt: skip
    data.add_argument("--skip", action="store_true", help="show fewer of the words that the reader reads already, and "
                      "none that nobody could read")  # fmt: skip
    how = train.add_argument_group("how to train")
    option(how, "--model", "small", "name of a preset: street, small, tiny")
    how.add_argument("--start-from", type=Path, metavar="FILE",
                     help="begin with the weights in FILE, of the same model, instead of random ones")  # fmt: skip
    option(how, "--steps", 14_000, "optimiser steps", type=int, metavar="N")
    option(how, "--batch", 128, "words in a step", type=int, metavar="N")
    option(how, "--learning-rate", 2e-3, "its peak", type=float, metavar="X")
    option(how, "--average", 0.999, "decay of the running average of the weights, which is what is written",
           type=float, metavar="X")  # fmt: skip
    option(how, "--seed", 0, "of everything random", type=int, metavar="N")
    option(how, "--precision", "auto", "of the convolutions; auto: bfloat16 where the processor has it",
           choices=["auto", "float32", "bfloat16"])  # fmt: skip
    option(how, "--device", "auto", "cpu, cuda, or auto: cuda if there is one")
    option(how, "--workers", os.cpu_count() or 1, "processes that render; with 1, training waits for fresh words",
           type=int, metavar="N")  # fmt: skip
    where = train.add_argument_group("where to")
    option(where, "--output", Path("runs/reader.safetensors"), "the weights, written at the end", type=Path,
           metavar="FILE")  # fmt: skip
    option(where, "--run", Path("runs/reader"), "folder for rendered words and the checkpoint", type=Path,
           metavar="DIR")  # fmt: skip
    where.add_argument("--resume", action="store_true",
                       help="go on from the checkpoint in --run; give the same options as before")  # fmt: skip
    option(where, "--validate-every", 1000, "how often to score words in fonts held out", type=int, metavar="STEPS")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns:
        The exit status: 0 all well; 1 some file was not read; 2 it could not start; 130 interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    arguments = parser().parse_args(argv)
    try:
        if arguments.command == "read":
            how = arguments.beam, arguments.lexicon, arguments.language, arguments.alternatives
            return read(arguments.files, arguments.json, arguments.weights, how)
        if arguments.command == "examine":
            from crnn_lessons.clinic.command import run

            return run(arguments.factory, arguments.html)
        from crnn_lessons.reader.train import train

        arguments.shown = shlex.join(argv)
        return train(arguments)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def read(
    names: Sequence[str],
    as_json: bool = False,
    weights: str | None = None,
    how: Sequence = (),
    out: TextIO | None = None,
) -> int:
    """Read files and print what they say; returns the exit status. ``how`` are the options of a ``Decoder``."""
    from crnn_lessons.reader.decoder import Decoder
    from crnn_lessons.reader.reading import Reader

    out = out or sys.stdout
    try:
        reader = Reader(weights)
        reader.decoder = Decoder(reader.alphabet, *how)
    except (FileNotFoundError, ValueError) as error:
        print(f"read: {error}", file=sys.stderr)
        return 2
    status = 0
    for name in names:
        try:
            reading = reader.read(sys.stdin.buffer.read() if name == "-" else name)
        except (FileNotFoundError, ValueError) as error:
            status = 1
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            if as_json:
                print(json.dumps({"file": name, "error": str(error)}), file=out, flush=True)
            continue
        if as_json:
            texts = [(reading.text, reading.confidence), *reading.alternatives]
            first, *others = [{"text": text, "confidence": round(p, 6)} for text, p in texts]
            line = json.dumps({"file": name, **first} | ({"alternatives": others} if others else {}))
        else:
            line = "\t".join([*[name] * (len(names) > 1), reading.text, *(text for text, _ in reading.alternatives)])
        print(line, file=out, flush=True)
    return status
