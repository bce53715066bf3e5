"""What is broken around the kernels costs time, not the result: numba, its switch, the machine code on disk."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

numba = pytest.importorskip("numba", reason="needs numba")
from numba import types  # noqa: E402
from numba.core import caching  # noqa: E402

from crnn_lessons.ctc.fast.numba import compiled  # noqa: E402

REPOSITORY = Path(__file__).parents[2]
SCRIPT = """
import torch, warnings
from crnn_lessons.ctc import Lexicon, beam_search, ctc_loss, lexicon_search, use_kernel
x = torch.randn(9, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64).log_softmax(2)
arguments = torch.tensor([[1, 2], [3, 3], [4, 1]]), [9, 8, 7], [2, 2, 2]
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    found = [ctc_loss(x, *arguments).item() for _ in range(2)]
    texts = [beam_search(x[:, n])[0].labels for n in range(3)]
    lexicon_search(x[:, 0], Lexicon([(1, 2), (3,)]))
assert found[0] == found[1] and abs(found[0] - torch.nn.functional.ctc_loss(x, *arguments).item()) < 1e-12
try:
    with use_kernel("numba"):
        print("numba works")
except ImportError as error:
    print("refused:", error)
print(len([w for w in told if "so CTC runs in torch" in str(w.message)]), texts)
"""


def run(**environment: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, env=os.environ | environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def healthy() -> list[str]:
    return run(PYTHONPATH=str(REPOSITORY))


def test_a_numba_that_does_not_import_leaves_the_work_to_torch_and_says_so_once(tmp_path, healthy):
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text("raise OSError('libsvml.so is damaged')\n")
    refused, told = run(PYTHONPATH=os.pathsep.join([str(tmp_path), str(REPOSITORY)]))
    assert refused.startswith("refused: the kernel 'numba' needs the package numba, and: libsvml.so is damaged")
    assert healthy[0] == "numba works" and told == "1 " + healthy[1].partition(" ")[2]


def test_where_numba_must_not_compile_torch_does_the_work(healthy):
    refused, told = run(PYTHONPATH=str(REPOSITORY), NUMBA_DISABLE_JIT="1")
    assert "NUMBA_DISABLE_JIT forbids" in refused
    assert told == "1 " + healthy[1].partition(" ")[2]


def thrice(x: int) -> int:
    return 3 * x


@pytest.fixture
def on_disk(tmp_path, monkeypatch) -> Path:
    """A folder with the machine code of ``thrice``."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert compiled(thrice, types.int64(types.int64), False)(14) == 42
    assert len(list(tmp_path.rglob("*.nb?"))) == 2
    return tmp_path


@pytest.mark.parametrize("kind", ["*.nbi", "*.nbc", "*.nb?"])
@pytest.mark.parametrize("content", [b"", b"\x80", b"no pickle", b"\x80\x04K\x05."])
def test_damaged_machine_code_is_not_used(on_disk, kind, content, recwarn):
    for file in on_disk.rglob(kind):
        file.write_bytes(content)
    assert compiled(thrice, types.int64(types.int64), False)(14) == 42
    for warning in recwarn:
        assert str(on_disk) in str(warning.message) and "to mend it, delete that" in str(warning.message)


def test_cut_short_it_is_not_used_either(on_disk):
    for file in on_disk.rglob("*.nb?"):
        file.write_bytes(file.read_bytes()[:-20])
    with pytest.warns(UserWarning, match="to mend it, delete that"):
        assert compiled(thrice, types.int64(types.int64), False)(14) == 42


def test_a_full_disk_keeps_nothing_and_breaks_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        code = compiled(thrice, types.int64(types.int64), False)
    assert code(14) == 42


def test_an_error_of_our_own_is_not_hidden():
    with pytest.raises(Exception, match="no_such_thing"), pytest.warns(UserWarning):
        compiled(lambda x: no_such_thing(x), types.int64(types.int64), False)  # noqa: F821
