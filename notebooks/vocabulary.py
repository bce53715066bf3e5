"""Make the words that the reader knows, crnn_lessons/weights/words.safetensors, from a folder of SCOWL's lists.

    python notebooks/vocabulary.py /usr/share/dict/scowl

They are Debian's package scowl. What is written are keys of the words, not the words.
"""

import sys
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crnn_lessons.reader.vocabulary import save_lists

TO = Path(__file__).resolve().parents[1] / "crnn_lessons/weights/words.safetensors"
SIZES = (10, 20, 35, 40, 50, 55, 60, 70)  # from the commonest words to large dictionaries
KINDS = ("english-words", "american-words", "british-words", "english-upper", "american-upper", "english-contractions",
         "english-abbreviations", "english-proper-names", "american-proper-names", "british-proper-names")  # fmt: skip
SOURCE = """SCOWL, Copyright 2000-2011 by Kevin Atkinson. Permission to use, copy, modify, distribute and sell these
word lists, the associated scripts, the output created from the scripts, and its documentation for any purpose is
hereby granted without fee, provided that the above copyright notice appears in all copies and that both that copyright
notice and this permission notice appear in supporting documentation. Kevin Atkinson makes no representations about the
suitability of this array for any purpose. It is provided "as is" without express or implied warranty."""


def plain(word: str) -> str:
    """A word as the reader writes it: small letters without accents, and digits."""
    parts = unicodedata.normalize("NFKD", word.strip().lower())
    return "".join(c for c in parts if c.isascii() and c.isalnum())


def main(folder: Path) -> None:
    lists = []
    for size in SIZES:
        files = [folder / f"{kind}.{size}" for kind in KINDS]
        text = "\n".join(file.read_text("latin-1") for file in files if file.is_file())
        lists.append(sorted({plain(line) for line in text.split("\n")} - {""}))
    notes = {"source": SOURCE, "sizes": SIZES, "words": [len(words) for words in lists]}
    save_lists(TO, lists, notes)
    print(notes["words"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
