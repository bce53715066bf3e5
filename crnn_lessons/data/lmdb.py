"""Word images in an LMDB file, with the keys that text recognition shares: image-%09d, label-%09d, num-samples.

Indices in the file begin at 1; samples here, as everywhere in Python, at 0. Needs ``lmdb``, of the extra ``lessons``.
"""

from __future__ import annotations

import operator
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crnn_lessons.data.folders import Samples, image_files
from crnn_lessons.files import whole_folder

COUNT = b"num-samples"
_OPEN: dict[str, tuple[tuple[int, ...], Any]] = {}
"""By path: the process that opened the file and what that was then (inode, size, time); its environment."""


class LMDBWords(Sequence):
    """The samples of an LMDB file, each ``(image, text)`` with the image's bytes as they stand in the file.

    It is a sequence like the list of :func:`~crnn_lessons.data.folders.read_folder`. The file is opened when a sample
    is first asked for, anew in every process: it may be handed to workers, forked or spawned.

    Args:
        path: the file, or the folder with ``data.mdb``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no LMDB file, is damaged or cut short, or has no (true) number of samples.
        ModuleNotFoundError: the package lmdb is not installed.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path).resolve()
        self._file = self.path / "data.mdb" if self.path.is_dir() else self.path
        if not self._file.is_file():
            raise FileNotFoundError(f"there is no LMDB file {str(path)!r}; give it, or the folder with its data.mdb")
        count, keys = self._get(COUNT), _opened(self._file).stat()["entries"]
        _close(self._file)  # so that a process forked from this one inherits nothing
        if count is None:
            raise ValueError(f"{self.path.name} has no key {COUNT.decode()!r}, so it is no data set of word images")
        if not count.isdigit() or len(count) > 18:
            raise ValueError(f"the key {COUNT.decode()!r} of {self.path.name} is no number: {count[:20]!r}")
        if int(count) > keys:
            raise ValueError(f"{self.path.name} claims {int(count):,} samples and has {keys:,} keys; write it anew")
        self._count = count

    def __len__(self) -> int:
        return int(self._count)

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """Sample ``index``, from 0 (or from the end, where negative); its number in the file is one more.

        Raises:
            IndexError: there is no such sample.
            KeyError: the file lacks the sample's image or label.
            ValueError: the label is not UTF-8; or the file was damaged, cut short or written anew.
        """
        if not -len(self) <= (index := operator.index(index)) < len(self):
            raise IndexError(f"sample {index} does not exist: {self.path.name} has {len(self)}, numbered from 0")
        if self._get(COUNT) != self._count:
            raise ValueError(f"{self.path.name} was written anew since it was opened; open it again")
        number = index % len(self) + 1
        image, label = (self._get(key % number) for key in (b"image-%09d", b"label-%09d"))
        if image is None or label is None:
            missing = f"{'image' if image is None else 'label'}-{number:09d}"
            zero = self._get(b"image-%09d" % 0) is not None
            why = f"{self.path.name} lacks the key {missing!r} although {COUNT.decode()!r} is {len(self)}"
            raise KeyError(why + "; its keys begin at 0, where 1 is due: write it anew" * zero)
        try:
            return image, unicodedata.normalize("NFC", label.decode("utf-8"))
        except UnicodeDecodeError:
            raise ValueError(f"label-{number:09d} of {self.path.name} is not UTF-8: {label[:40]!r}") from None

    def _get(self, key: bytes) -> bytes | None:
        environment = _opened(self._file)
        try:
            with environment.begin(buffers=False) as transaction:
                return transaction.get(key)
        except _lmdb().Error as error:
            raise ValueError(f"{self.path.name} is damaged ({error}); fetch or write it again") from None

    def __repr__(self) -> str:
        return f"LMDBWords({self.path.name!r}, {len(self)} samples)"


def write_lmdb(samples: Samples, target: str | os.PathLike, check: bool = True) -> int:
    """Write word images and their texts as an LMDB file.

    Args:
        samples: a folder with ``labels.tsv``, or pairs of a path or an image file's bytes, and its text.
        target: the folder to make; it appears when it is whole, or not at all.
        check: whether to refuse images that cannot be read.

    Returns:
        The number of samples.

    Raises:
        FileExistsError: the target exists.
        FileNotFoundError, ValueError: the folder, or a sample, cannot be read; the message names it.
    """
    with whole_folder(target) as folder:
        # The map is address space, not memory; small at first, because some systems make the file as large as it.
        environment, count = _lmdb().open(str(folder), map_size=1 << 24), 0
        try:
            for count, (image, text) in enumerate(image_files(samples, check), start=1):
                _put(environment, {b"image-%09d" % count: image, b"label-%09d" % count: text.encode("utf-8")})
            _put(environment, {COUNT: str(count).encode()})
            environment.sync(True)
        finally:
            environment.close()
        (folder / "lock.mdb").unlink(missing_ok=True)
    return count


def _put(environment: Any, entries: dict[bytes, bytes]) -> None:
    while True:
        try:
            with environment.begin(write=True) as transaction:
                for key, value in entries.items():
                    transaction.put(key, value)
            return
        except _lmdb().MapFullError:
            environment.set_mapsize(2 * environment.info()["map_size"])


def _opened(file: Path) -> Any:
    """The environment of a file in this process; several readers of one file share it, as LMDB demands.

    It is opened anew where a fork inherited it, or where the file was written anew or cut: LMDB would go on with the
    old one, or map pages that are no longer there, and the process would die.
    """
    if not file.is_file():
        raise FileNotFoundError(f"the LMDB file {file.name!r} of {file.parent.name!r} is no longer there")
    there = file.stat()
    state = os.getpid(), there.st_ino, there.st_size, there.st_mtime_ns
    if str(file) in _OPEN and _OPEN[str(file)][0] != state:
        _close(file)
    if str(file) not in _OPEN:
        lmdb, name = _lmdb(), file.parent.name if file.name == "data.mdb" else file.name
        try:
            environment = lmdb.open(str(file), subdir=False, readonly=True, lock=False, readahead=False, create=False)
        except lmdb.Error as error:
            raise ValueError(f"{name} is no LMDB file that can be read ({error})") from None
        due = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
        if there.st_size < due:
            environment.close()
            raise ValueError(f"{name} is cut short: it has {there.st_size:,} bytes of {due:,}; fetch or write it again")
        _OPEN[str(file)] = state, environment
    return _OPEN[str(file)][1]


def _close(file: Path) -> None:
    if (opened := _OPEN.pop(str(file), None)) is not None:
        opened[1].close()


def _lmdb() -> Any:
    try:
        import lmdb
    except ModuleNotFoundError as error:
        why = "reading LMDB files needs the package lmdb; install it, or crnn-lessons with its extra 'lessons'"
        raise ModuleNotFoundError(why) from error
    return lmdb
