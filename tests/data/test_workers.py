"""Processes that work never outlive the one that started them, and one that dies is told in a sentence."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crnn_lessons.data.workers import processes

ROOT = Path(__file__).resolve().parents[2]


def nothing(*_):
    pass


def busy(file):
    Path(file).write_text(str(os.getpid()))
    while True:
        time.sleep(0.01)


def kill_oneself(signum):
    os.kill(os.getpid(), signum)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return met


PARENT = """
import signal, sys
from crnn_lessons.data.workers import processes
from tests.data.test_workers import busy, nothing
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins with it ignored
    with processes(2, nothing) as executor:
        jobs = [executor.submit(busy, f"{sys.argv[1]}/{i}") for i in range(2)]
        jobs[0].result()
"""


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="this system has no /proc to look for processes in")
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_no_orphan_is_left_in_the_middle_of_work(tmp_path, signum):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    files = [tmp_path / "0", tmp_path / "1"]
    assert until(lambda: all(file.exists() and file.read_text() for file in files), 120)
    pids = [int(file.read_text()) for file in files]
    assert all(map(alive, pids))
    parent.send_signal(signum)
    try:
        parent.wait(timeout=60)
    finally:
        parent.kill()  # of one that does not listen nothing may stay either
    assert until(lambda: not any(map(alive, pids)), 20)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM], ids=lambda s: s.name)
def test_a_worker_that_dies_is_one_sentence(signum):
    with (
        pytest.raises(ChildProcessError, match=r"^a process at work died, .* with fewer workers$"),
        processes(2, nothing) as executor,
    ):
        executor.submit(kill_oneself, signum).result()


@pytest.mark.parametrize("before", ["", "import torch"])
def test_a_script_without_a_guard_is_told_so_in_one_sentence(tmp_path, before):
    body = PARENT.replace('if __name__ == "__main__":', "if True:").replace("import sys", f"import sys\n{before}")
    script = tmp_path / "script.py"
    script.write_text(body)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("Traceback") == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("ChildProcessError: each process that this script starts begins the script anew")
    assert said.endswith('put what it does under if __name__ == "__main__":')
    assert sorted(path.name for path in tmp_path.iterdir()) == ["script.py"]


def test_an_error_of_the_work_comes_through():
    with pytest.raises(ValueError, match="invalid literal"), processes(1, nothing) as executor:
        executor.submit(int, "x").result()


def test_each_process_is_set_up():
    with processes(1, os.chdir, "/") as executor:
        assert executor.submit(os.getcwd).result() == "/"
