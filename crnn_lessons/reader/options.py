"""The options of the command line, and what ``--help`` says."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

READ = """Print the text of pictures of words: letters and digits, in lower case.

One picture: its text; several words in it come in reading order, with spaces. Several pictures: a line FILE<TAB>TEXT
each. With --json: one object a line with "file", "text" and "confidence", or "file" and "error". The confidence is
p(text | image), the probability of the text under CTC, summed over all its alignments. A file that cannot be read
gives one line on standard error; the others are still read, and the exit status is 1. With --alternatives the next
best texts follow behind tabs, or as "alternatives". With --letters a line CHARACTER<TAB>LEFT<TAB>RIGHT<TAB>CONFIDENCE
for each letter follows, its columns in pixels (of the picture as it was turned to be read), or "letters".

  python -m crnn_lessons read sign.png
  python -m crnn_lessons read --json photographs/ more/*.jpg
  python -m crnn_lessons read --letters --allow 0123456789 meter.png
  python -m crnn_lessons read --literal serial-number.png
  python -m crnn_lessons read --lexicon words.txt sign.png
  python -m crnn_lessons read --beam 20 --language words.txt --alternatives 3 sign.png"""

TRAIN = """Train a reader on words rendered with the fonts at hand, and write its weights.

Rendered words and the checkpoint are kept in --run. Ctrl-C stops after the step in hand; the same command with
--resume goes on and ends with the same weights as a run that was never stopped. For example:

  python -m crnn_lessons train --words words.txt --fonts my-fonts
  python -m crnn_lessons train --words words.txt --fonts my-fonts --resume
  python -m crnn_lessons read --weights runs/reader.safetensors picture.png

Several processes share the work, and arrive at the same weights, when torchrun starts them; on several machines, --run
is a folder that all of them see. The -- keeps torchrun from taking --run for an option of its own:

  torchrun --nproc-per-node 2 -m -- crnn_lessons train --words words.txt --fonts my-fonts"""

EXPORT = """Write a reader as an ONNX file, which other programs, machines and browsers run without torch.

It takes grey pictures, float32 "images" N x 1 x H x W with black 0 and white 1, and gives "log_probs" T x N x C; the
number and width of the pictures are free, and the height is one of "shapes" in the file's metadata, where the alphabet
is, too. Before it is written, onnxruntime runs it on ten sizes: the log-probabilities must be those of the reader to
1e-5 of 1 + |log p|. With --int8 the weights are kept in 8 bits: a quarter of the size, and not quite the same numbers.

  python -m crnn_lessons export --onnx reader.onnx --int8 reader-int8.onnx"""

PACK = """Write word images and their texts to one LMDB file, or to shards (tar files for WebDataset).

SOURCE is a folder with a table labels.tsv, a line FILE<TAB>TEXT for each image; or it is LMDB or shards itself.

  python -m crnn_lessons pack my-words --lmdb my-words.lmdb
  python -m crnn_lessons pack my-words --shards my-shards --each 500"""

EXAMINE = """Look for every known disease of a CTC training; print what is sick, healthy, or could not be seen.

module:factory names a function without arguments in a module of yours that returns the model and a batch
(images, targets, input_lengths or None, target_lengths), and if you like a dictionary with loss, decode, alphabet,
blank and optimizer. The exit status is 0: healthy, 1: sick, or 2: nothing could be examined."""

CLASS = """Show who of a class solved what, which known mistakes recur, and what could not be read.

FOLDER holds one folder or file for each learner, named after the learner. What counts is found in it: notebooks with
exercises, which are checked anew; pages that exercises.summary().save("NAME.html") wrote; and progress folders, of
which the logs lesson_NN.jsonl are read. Pages and logs are taken at their word. For example:

  python -m crnn_lessons class handed-in --csv class.csv

Checking a notebook runs the learner's code, with your rights, in a process of its own that is stopped when it takes too
long or more than 2 GiB of memory (on Linux; elsewhere in this process, stopped only where the system allows). Only what
an exercise is made of is run, no other cell. The exit status is 1 if something could not be read or tried."""


def parser() -> argparse.ArgumentParser:
    """The parser of ``python -m crnn_lessons``."""
    what = "Read words in pictures, train a reader, pack its pictures, export one, examine a training, look at a class."
    top = argparse.ArgumentParser(prog="python -m crnn_lessons", description=what)
    commands = top.add_subparsers(dest="command", required=True)
    raw = argparse.RawDescriptionHelpFormatter
    reading = commands.add_parser("read", help="print the text in word images", description=READ, formatter_class=raw)
    reading.add_argument(
        "files", nargs="+", metavar="FILE", help="picture, or folder of pictures; - for standard input"
    )
    reading.add_argument("--json", action="store_true", help="one JSON object a line")
    reading.add_argument("--weights", metavar="FILE", help="weights that train wrote (default: the shipped ones)")
    reading.add_argument("--beam", type=int, default=0, metavar="W", help="search with a beam of this width")
    reading.add_argument("--lexicon", metavar="FILE", help="a word a line: take a word near what is read, if there is "
                         "one; with --beam or --language: read nothing but these words")  # fmt: skip
    reading.add_argument("--language", metavar="FILE",
                         help="a word a line, whose spelling is learnt, or what NGram.save wrote")  # fmt: skip
    reading.add_argument("--alternatives", type=int, default=0, metavar="K", help="so many more texts, less probable")
    reading.add_argument("--letters", action="store_true", help="where each letter stands, and its confidence")
    reading.add_argument("--allow", metavar="CHARS", help="read no other characters than these")
    reading.add_argument("--literal", action="store_true", help="take the letters as they look; else an English word "
                         "is preferred where a picture leaves it open, if no list or language is given")  # fmt: skip
    reading.add_argument("--upright", action="store_true", help="do not try pictures upside down or on their sides")
    train = commands.add_parser("train", help="train a reader", description=TRAIN, formatter_class=raw)
    _training_options(train)
    pack = commands.add_parser("pack", help="put word images in one file", description=PACK, formatter_class=raw)
    pack.add_argument("source", metavar="SOURCE", help="folder with labels.tsv, LMDB file, or folder of shards")
    target = pack.add_mutually_exclusive_group(required=True)
    target.add_argument("--lmdb", metavar="DIR", help="write LMDB: the folder to make")
    target.add_argument("--shards", metavar="DIR", help="write shards: the folder to make")
    pack.add_argument("--each", type=int, default=1000, metavar="N", help="samples in a shard (default: %(default)s)")
    export = commands.add_parser("export", help="write a reader as an ONNX file", description=EXPORT,
                                 formatter_class=raw)  # fmt: skip
    export.add_argument("--onnx", metavar="FILE", help="where to write it with weights of 32 bits")
    export.add_argument("--int8", metavar="FILE", help="where to write it with weights of 8 bits")
    export.add_argument("--weights", metavar="FILE", help="weights that train wrote (default: the shipped ones)")
    examine = commands.add_parser("examine", help="examine a CTC training", description=EXAMINE, formatter_class=raw)
    examine.add_argument("factory", metavar="MODULE:FACTORY", help="what makes the model and the batch")
    examine.add_argument("--html", metavar="FILE", help="write the report as a page, too")
    group = commands.add_parser("class", help="see what a class has solved", description=CLASS, formatter_class=raw)
    group.add_argument("folder", metavar="FOLDER", help="what the learners handed in")
    group.add_argument("--csv", metavar="FILE", help="write the table for a spreadsheet, too")
    group.add_argument("--seconds", type=float, default=120, metavar="N",
                       help="how long one learner's notebooks may run (default: %(default)s)")  # fmt: skip
    return top


def _training_options(train: argparse.ArgumentParser) -> None:
    def option(group, name: str, default: object, text: str, **more: object) -> None:
        shown = "" if default == [] else " (default: %(default)s)"
        group.add_argument(name, default=default, help=text + shown, **more)

    data = train.add_argument_group("what to render")
    option(data, "--words", [], "word lists, one word a line; a word of several lists, or of one given twice, is drawn "
           "as many times as often; without any, only random strings are rendered",
           nargs="+", metavar="FILE")  # fmt: skip
    option(data, "--foreign", [], "lists of words in other scripts, of which the reader learns to read nothing",
           nargs="+", metavar="FILE")  # fmt: skip
    option(data, "--foreign-share", 0.04, "how many of the words are of those, 0 to 1", type=float, metavar="X")
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
    option(how, "--start-from", [], "begin with these weights, of the same model, instead of random ones; with the "
           "mean of several files", type=Path, nargs="+", metavar="FILE")  # fmt: skip
    option(how, "--steps", 14_000, "optimiser steps", type=int, metavar="N")
    option(how, "--batch", 128, "words in a step", type=int, metavar="N")
    option(how, "--learning-rate", 2e-3, "its peak", type=float, metavar="X")
    option(how, "--average", 0.999, "decay of the running average of the weights, which is what is written",
           type=float, metavar="X")  # fmt: skip
    option(how, "--seed", 0, "of everything random", type=int, metavar="N")
    option(how, "--precision", "auto", "of the convolutions; auto: the fastest that the device has",
           choices=["auto", "float32", "bfloat16", "float16"])  # fmt: skip
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
    option(where, "--save-every", 500, "how often to write the checkpoint", type=int, metavar="STEPS")
