"""Writing files so that an interruption never leaves half of one, and reading lists as those who wrote them meant."""

from __future__ import annotations

import codecs
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def read_lines(path: str | os.PathLike) -> list[str]:
    """The lines of a text file in UTF-8, or in UTF-16 if it says so by its first bytes; NFC, without their ends.

    A line ends with LF, CR LF or CR. (``str.splitlines`` would also part it at a vertical tab, NEL or U+2028, which are
    characters like others in a label.)

    Raises:
        ValueError: it is neither; the message names the file and the line.
    """
    data = Path(path).read_bytes()
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} of {Path(path).name} is not UTF-8; save the file as UTF-8") from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [unicodedata.normalize("NFC", line) for line in lines]


def write_atomically(path: str | os.PathLike, data: bytes) -> None:
    """Write bytes to a file that appears whole or not at all; its folder is made if it is missing.

    Raises:
        ValueError: a folder, or a device as /dev/null, stands there; a file would take its place.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{str(path)!r} is a folder or a device, and no file; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp lets only its owner read
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(target: str | os.PathLike) -> Iterator[Path]:
    """A folder to write to, which appears under its name when all went well, or not at all.

    Raises:
        FileExistsError: the target exists.
    """
    target = Path(target)
    if target.exists():
        raise FileExistsError(f"{str(target)!r} exists already; remove it, or choose another name")
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        yield scratch
        scratch.chmod(0o755)  # mkdtemp lets only its owner in
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
