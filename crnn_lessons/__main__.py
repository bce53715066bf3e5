"""``python -m crnn_lessons``: read words in pictures, train a reader, or examine a training."""

import sys

from crnn_lessons.reader.commands import main

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="surrogateescape")  # the name of a file may be no valid text
    sys.exit(main())
