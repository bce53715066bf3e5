"""``python -m crnn_lessons``: read words in pictures, train a reader, export it, examine a training, list a class."""

import argparse
import codecs
import os
import sys


def _in_any_encoding(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write out what an output cannot encode; but bytes of a file's name that are no text stay as they are."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def _class(arguments: argparse.Namespace) -> int:
    from crnn_lessons.exercises.classroom import run

    return run(arguments.folder, arguments.csv, arguments.seconds)


if __name__ == "__main__":
    codecs.register_error("written-out", _in_any_encoding)
    if sys.stderr is None:  # closed, as by 2>&-
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        sys.exit(f"{sys.argv[1] if sys.argv[1:] else 'crnn_lessons'}: standard output is closed; leave it open")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="written-out")
    try:
        from crnn_lessons.reader.commands import main

        status = main(**{"class": _class})
    except KeyboardInterrupt:  # before there was a command to say so
        print("crnn_lessons: interrupted", file=sys.stderr)
        status = 130
    sys.exit(status)
